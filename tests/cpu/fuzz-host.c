/* The host CPU as oracle: random instructions run natively and in the interpreter must agree */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/disas.h"
#include "accel/soft/soft-cpu.h"
#include "tests/cpu/fuzz.h"

/*
 * Each case has a seed of its own, made of --seed and its number, so that
 * "--seed S --start N --count 1" repeats one; --only OP[,OP] chooses forms by
 * their names in the table (a prefix with * at the end), --mode 16, 32 or 64.
 */
static struct {
    int seed, start, count, seconds, mode, show;
    char *only;
    gboolean list, verbose, sequences;
} opt = { .seed = 1, .count = 100000000, .show = 3 };

static const GOptionEntry entries[] = {
    { "seed", 0, 0, G_OPTION_ARG_INT, &opt.seed, "seed", "N" },
    { "start", 0, 0, G_OPTION_ARG_INT, &opt.start, "number of the first case", "N" },
    { "count", 0, 0, G_OPTION_ARG_INT, &opt.count, "how many cases", "N" },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &opt.seconds, "stop after that long", "N" },
    { "mode", 0, 0, G_OPTION_ARG_INT, &opt.mode, "16, 32 or 64 only", "BITS" },
    { "only", 0, 0, G_OPTION_ARG_STRING, &opt.only, "forms by name", "OP,OP*" },
    { "show", 0, 0, G_OPTION_ARG_INT, &opt.show, "failures shown of each form", "N" },
    { "sequences", 0, 0, G_OPTION_ARG_NONE, &opt.sequences, "several instructions in a row", NULL },
    { "verbose", 0, 0, G_OPTION_ARG_NONE, &opt.verbose, "show every case and its registers",
      NULL },
    { "list", 0, 0, G_OPTION_ARG_NONE, &opt.list, "list the forms", NULL },
    { NULL },
};

static unsigned failures[NR_OPS], runs[NR_OPS], total_failures;
static FuzzMemory start_memory, native_memory, soft_memory;

static void show_bytes(const char *what, const uint8_t *a, const uint8_t *b, unsigned nr)
{
    printf("    %-8s native ", what);
    for (unsigned n = 0; n < nr; n++) {
        printf("%02x", a[nr - 1 - n]);
    }
    printf(" soft ");
    for (unsigned n = 0; n < nr; n++) {
        printf("%02x", b[nr - 1 - n]);
    }
    printf("\n");
}

static const FuzzSequence *sequence;    /* under way */

static unsigned mode_bits(unsigned mode)
{
    return mode == MODE_CODE64 ? 64 : mode == MODE_CODE32 ? 32 : 16;
}

/* Where the segments' table has them, -1: flat. */
static int segs_number(const FuzzCase *c)
{
    return c->segs ? (int)(c->segs - fuzz_segs) : -1;
}

static void show_sequence(unsigned number)
{
    const FuzzSequence *s = sequence;

    printf("sequence %u (%u bit) segments %d flags %x, stopped at %s\n", number,
           mode_bits(s->c.mode), segs_number(&s->c), s->c.in.eflags,
           insn_info[s->c.insn.op].name);
    for (unsigned n = 0; n <= s->nr; n++) {
        uint64_t rip = s->c.in.rip + s->at[n];
        char text[128];

        insn_disas(text, sizeof(text), &s->insn[n], rip, s->c.mode);
        printf("    %" PRIx64 ": %-50s", rip, text);
        for (unsigned k = s->at[n]; k < s->at[n + 1]; k++) {
            printf(" %02x", s->bytes[k]);
        }
        printf("\n");
    }
}

static void show_case(const FuzzCase *c, unsigned number)
{
    char text[128];

    if (c->sequence) {
        show_sequence(number);
        return;
    }
    insn_disas(text, sizeof(text), &c->insn, c->in.rip, c->mode);
    printf("%s: case %u (%u bit): %s  [", insn_info[c->insn.op].name, number,
           mode_bits(c->mode), text);
    for (unsigned n = 0; n < c->len; n++) {
        printf("%02x%s", c->bytes[n], n + 1 < c->len ? " " : "");
    }
    printf("] rip %" PRIx64 " segments %d flags %x\n", c->in.rip, segs_number(c), c->in.eflags);
}

/* Count and, if not too many were, show. */
typedef struct Compare {
    const FuzzCase *c;
    unsigned number;
    bool failed, shown;
} Compare;

static bool differs(Compare *cmp)
{
    if (!cmp->failed) {
        cmp->failed = true;
        total_failures++;
        cmp->shown = failures[cmp->c->insn.op]++ < (unsigned)opt.show;
        if (cmp->shown) {
            show_case(cmp->c, cmp->number);
        }
    }
    return cmp->shown;
}

static void compare_value(Compare *cmp, const char *what, uint64_t in, uint64_t a, uint64_t b)
{
    if (a != b && differs(cmp)) {
        printf("    %-8s native %016" PRIx64 " soft %016" PRIx64 " (was %016" PRIx64 ")\n", what,
               a, b, in);
    }
}

static void compare_bytes(Compare *cmp, const char *what, const uint8_t *in, const uint8_t *a,
                          const uint8_t *b, unsigned nr)
{
    if (memcmp(a, b, nr) && differs(cmp)) {
        show_bytes(what, a, b, nr);
        show_bytes("  was", in, in, nr);
    }
}

/* Flags to compare: not those the manual leaves open, which depends on counts too. */
static uint32_t defined_flags(const FuzzCase *c)
{
    const InsnInfo *info = &insn_info[c->insn.op];
    uint32_t defined = FL_ARITH & ~(uint32_t)info->flags_undefined;
    unsigned bits = 8 * c->insn.opsz, count;

    if (info->opcode == 0xa4 || info->opcode == 0xa5 || info->opcode == 0xac ||
        info->opcode == 0xad || (info->map == MAP_1B && (info->opcode & 0xfc) == 0xd0) ||
        (info->opcode & 0xfe) == 0xc0) {
        count = info->opnd[1] == O_CL || info->opnd[2] == O_CL ? c->in.gpr[R_CX] & 0xff
                                                              : c->insn.imm;
        count &= bits == 64 ? 63 : 31;
        if ((c->insn.op != OP_SAR_Eb_CL && c->insn.op != OP_SAR_Eb_Ib) && count >= bits) {
            defined &= ~FL_CF;
        }
    }
    return (defined & FL_ARITH) | FL_DF;
}

static void compare_fx(Compare *cmp, const FuzzState *in, const FuzzState *a, const FuzzState *b)
{
    static const struct { const char *name; unsigned at, size; } fields[] = {
        { "fcw", 0, 2 }, { "fsw", 2, 2 }, { "ftw", 4, 1 }, { "mxcsr", 24, 4 },
    };
    char name[16];

    for (unsigned n = 0; n < ARRAY_SIZE(fields); n++) {
        compare_bytes(cmp, fields[n].name, in->fx + fields[n].at, a->fx + fields[n].at,
                      b->fx + fields[n].at, fields[n].size);
    }
    for (unsigned n = 0; n < 8; n++) {
        snprintf(name, sizeof(name), "st%u", n);
        compare_bytes(cmp, name, in->fx + 32 + 16 * n, a->fx + 32 + 16 * n,
                      b->fx + 32 + 16 * n, 10);
    }
    for (unsigned n = 0; n < 16; n++) {
        snprintf(name, sizeof(name), "xmm%u", n);
        compare_bytes(cmp, name, in->fx + 160 + 16 * n, a->fx + 160 + 16 * n,
                      b->fx + 160 + 16 * n, 16);
        snprintf(name, sizeof(name), "ymmh%u", n);
        compare_bytes(cmp, name, in->ymm_high[n], a->ymm_high[n], b->ymm_high[n], 16);
    }
}

static void compare_memory(Compare *cmp)
{
    for (unsigned n = 0; n < NR_AREAS; n++) {
        unsigned at = fuzz_area_offset(n), size = fuzz_areas[n].pages * PAGE;

        for (unsigned off = 0; off < size; off++) {
            if (native_memory[at + off] != soft_memory[at + off]) {
                unsigned nr = MIN(16, size - off);

                if (differs(cmp)) {
                    printf("    memory at %" PRIx64 "\n", fuzz_areas[n].addr + off);
                    show_bytes("memory", native_memory + at + off, soft_memory + at + off, nr);
                }
                off += nr;
            }
        }
    }
}

static void compare(const FuzzCase *c, unsigned number, const FuzzState *a, const FuzzState *b,
                    uint32_t flags)
{
    static const char *const names[] = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
        "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    };
    Compare cmp = { .c = c, .number = number };
    uint64_t mask = c->mode == MODE_CODE64 ? ~0ull : 0xffffffff;

    compare_value(&cmp, "vector", 0, a->vector, b->vector);
    if (a->vector == b->vector) {
        compare_value(&cmp, "error", a->cr2, a->error, b->error);
        compare_value(&cmp, "cr2", 0, a->cr2, b->cr2);
    }
    compare_value(&cmp, "rip", c->in.rip, a->rip, b->rip);
    for (unsigned n = 0; n < (c->mode == MODE_CODE64 ? 16 : 8); n++) {
        compare_value(&cmp, names[n], c->in.gpr[n], a->gpr[n] & mask, b->gpr[n] & mask);
    }
    compare_value(&cmp, "flags", c->in.eflags, a->eflags & flags, b->eflags & flags);
    compare_fx(&cmp, &c->in, a, b);
    if (memcmp(native_memory, soft_memory, sizeof(FuzzMemory))) {
        compare_memory(&cmp);
    }
}

static bool uses_mmx(const InsnInfo *info)
{
    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = opnd_info[info->opnd[n]].kind;

        if (kind == K_MREG || kind == K_MRM || kind == K_MRMREG) {
            return true;
        }
    }
    return false;
}

/* Differences that are not the interpreter's: the trap flag we set, and freedoms CPUs take. */
static void forgive(const FuzzCase *c, FuzzState *native, FuzzState *soft)
{
    const InsnInfo *info = &insn_info[c->insn.op];
    uint64_t sp = c->segs && !c->segs->stack.big ? native->gpr[R_SP] & 0xffff : native->gpr[R_SP];
    uint64_t off = sp + fuzz_seg_base(c, S_SS) - fuzz_areas[AREA_STACK].addr;

    if (c->insn.op == OP_PUSHF && native->vector == -1 && off <= 2 * PAGE - 2) {
        native_memory[fuzz_area_offset(AREA_STACK) + off + 1] &= ~1;    /* TF */
    }
    /* some CPUs go to MMX mode (TOP = 0) before the instruction faults */
    if (native->vector >= 0 && uses_mmx(info)) {
        memcpy(native->fx, soft->fx, 24);
        memcpy(native->fx + 32, soft->fx + 32, 128);
    }
    /* a masked store that has nothing to write may fault or not, and any byte may be named */
    if (native->vector >= 0 && strstr(info->mnem, "MASKMOV")) {
        *soft = *native;
        memcpy(native_memory, soft_memory, sizeof(FuzzMemory));
    }
    /* a large operand goes in pieces: one may fault before another is behind the limit */
    if (native->vector >= 0 && (soft->vector == EXC_GP || soft->vector == EXC_SS) && c->segs &&
        (info->opnd[0] == O_Mbig || info->opnd[0] == O_Mt)) {
        *soft = *native;
        memcpy(native_memory, soft_memory, sizeof(FuzzMemory));
    }
    if (native->vector == EXC_PF && soft->vector == EXC_PF) {
        /* of a large operand any byte may be named */
        if (llabs((int64_t)(native->cr2 - soft->cr2)) < (info->opnd[0] == O_Mbig ? 512 : 0)) {
            soft->cr2 = native->cr2;
        }
        /* what is mapped elsewhere: the host's own things high up, the guest's TSS */
        if (native->cr2 >> 40 || native->cr2 >> 12 == FUZZ_TSS >> 12) {
            soft->error = (soft->error & ~1) | (native->error & 1);
        }
        /* ten bytes may be stored in two parts, the first of which stays */
        if (c->insn.op == OP_FSTP_Mt || c->insn.op == OP_FBSTP_Mt || info->opnd[0] == O_Mbig) {
            memcpy(native_memory, soft_memory, sizeof(FuzzMemory));
        }
        if (info->opnd[0] == O_Mbig) {
            soft->error = native->error;
        }
    }
    /* with a fault, or a count of 0, registers may be zero-extended or not yet */
    if (info->cls == CLASS_STRING && c->insn.adsz == 4 &&
        (native->vector >= 0 || (uint32_t)c->in.gpr[R_CX] == 0)) {
        for (unsigned n = 0; n < 16; n++) {
            soft->gpr[n] = (uint32_t)soft->gpr[n];
            native->gpr[n] = (uint32_t)native->gpr[n];
        }
    }
    /* what is computed may raise, or set flags, before the store is tried */
    if (native->vector >= 0 && c->insn.op == OP_VCVTPS2PH_Wh_Vx_Ib) {
        *soft = *native;
    }
    /* an unmasked x87 exception leaves out the store, and with it the store's fault */
    if (native->vector != soft->vector && info->cls == CLASS_X87 && native->fx[2] & 0x80 &&
        info->access == ACC_W && (c->insn.flags & INSN_MEM)) {
        *soft = *native;
    }
    /* registers loaded before the fault: the instruction can be run again all the same */
    if (native->vector >= 0 && c->insn.op == OP_POPA) {
        memcpy(soft->gpr, native->gpr, sizeof(soft->gpr));
    }
}

static bool name_matches(const char *name, const char *pattern)
{
    return g_pattern_match_simple(pattern, name);
}

static GArray *choose_ops(unsigned mode)
{
    GArray *ops = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    g_auto(GStrv) patterns = opt.only ? g_strsplit(opt.only, ",", -1) : NULL;

    for (uint16_t op = 1; op < NR_OPS; op++) {
        bool wanted = !patterns && fuzz_op_eligible(op, mode);

        for (unsigned n = 0; patterns && patterns[n]; n++) {
            wanted |= name_matches(insn_info[op].name, patterns[n]) && fuzz_op_eligible(op, mode);
        }
        if (wanted) {
            g_array_append_val(ops, op);
        }
    }
    return ops;
}

/* The forms that exist in each mode. */
enum { OPS_64, OPS_32, OPS_16, NR_OPS_MODES };
static const unsigned mode_of[NR_OPS_MODES] = { MODE_CODE64, MODE_CODE32, MODE_CODE16 };

static unsigned choose_mode(GRand *rand, GArray *const ops[NR_OPS_MODES])
{
    unsigned n = g_rand_int_range(rand, 0, 6), mode = n < 4 ? OPS_64 : n == 4 ? OPS_32 : OPS_16;

    mode = opt.mode == 64 ? OPS_64 : opt.mode == 32 ? OPS_32 : opt.mode == 16 ? OPS_16 : mode;
    while (ops[mode]->len == 0) {
        mode = (mode + 1) % NR_OPS_MODES;
    }
    return mode;
}

static void run_case(unsigned number, GArray *const ops[NR_OPS_MODES])
{
    GRand *rand = g_rand_new_with_seed(opt.seed * 0x9e3779b9u + number);
    FuzzState native = { 0 }, soft = { 0 };
    FuzzCase c;
    unsigned mode, op;

    mode = choose_mode(rand, ops);
    fuzz_fill(&start_memory, rand);
    do {
        op = g_array_index(ops[mode], uint16_t, g_rand_int_range(rand, 0, ops[mode]->len));
    } while (!fuzz_make(&c, op, mode_of[mode], rand, &start_memory));
    g_rand_free(rand);

    memcpy(native_memory, start_memory, sizeof(FuzzMemory));
    memcpy(soft_memory, start_memory, sizeof(FuzzMemory));
    fuzz_native_run(&c, &native_memory, &native);
    fuzz_soft_run(&c, &soft_memory, &soft);
    forgive(&c, &native, &soft);
    if (opt.verbose) {
        show_case(&c, number);
        for (unsigned n = 0; n < 16; n++) {
            printf("    r%-2u %016" PRIx64 " native %016" PRIx64 " soft %016" PRIx64 "\n", n,
                   c.in.gpr[n], native.gpr[n], soft.gpr[n]);
        }
        for (unsigned n = 0; n < 16; n++) {
            show_bytes("xmm", c.in.fx + 160 + 16 * n, native.fx + 160 + 16 * n, 16);
            show_bytes("  high", c.in.ymm_high[n], native.ymm_high[n], 16);
        }
        printf("    gs base %" PRIx64 " native vector %d error %x cr2 %" PRIx64 " soft vector %d"
               " error %x cr2 %" PRIx64 "\n", c.in.gs_base, native.vector, native.error,
               native.cr2, soft.vector, soft.error, soft.cr2);
    }
    runs[op]++;
    compare(&c, number, &native, &soft,
            native.vector == -1 ? defined_flags(&c) : FL_ARITH | FL_DF);
}

static void run_sequence(unsigned number, GArray *const ops[NR_OPS_MODES])
{
    GRand *rand = g_rand_new_with_seed(opt.seed * 0x9e3779b9u + number);
    FuzzState native = { 0 }, soft = { 0 };
    FuzzSequence s;
    unsigned mode = choose_mode(rand, ops), n = 0;

    fuzz_fill(&start_memory, rand);
    fuzz_make_sequence(&s, mode_of[mode], rand, &start_memory, ops[mode]);
    g_rand_free(rand);
    sequence = &s;
    if (opt.verbose) {
        show_sequence(number);
    }
    memcpy(native_memory, start_memory, sizeof(FuzzMemory));
    memcpy(soft_memory, start_memory, sizeof(FuzzMemory));
    fuzz_native_run(&s.c, &native_memory, &native);
    fuzz_soft_run(&s.c, &soft_memory, &soft);
    while (n < s.nr && s.c.in.rip + s.at[n] != native.rip) {
        n++;
    }
    s.c.insn = s.insn[n];
    forgive(&s.c, &native, &soft);
    runs[s.c.insn.op]++;
    compare(&s.c, number, &native, &soft, (FL_ARITH & ~s.undefined[n]) | FL_DF);
}

static int summary(unsigned nr, GArray *const ops[NR_OPS_MODES])
{
    unsigned never = 0;

    for (unsigned op = 1; op < NR_OPS; op++) {
        if (failures[op]) {
            printf("%-32s %u of %u differ\n", insn_info[op].name, failures[op], runs[op]);
        }
    }
    for (unsigned m = 0; m < NR_OPS_MODES; m++) {
        for (unsigned n = 0; n < ops[m]->len; n++) {
            never += runs[g_array_index(ops[m], uint16_t, n)] == 0;
        }
    }
    printf("%u cases, %u forms, %u never run, %u differences (seed %d)\n", nr,
           MAX(ops[0]->len, ops[1]->len), never, total_failures, opt.seed);
    return total_failures ? 1 : 0;
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- host CPU against interpreter");
    g_autoptr(GError) error = NULL;
    GArray *ops[NR_OPS_MODES];
    gint64 end;
    unsigned nr = 0;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned m = 0; m < NR_OPS_MODES; m++) {
        ops[m] = choose_ops(mode_of[m]);
    }
    for (unsigned n = 0; opt.list && n < ops[0]->len; n++) {
        printf("%s\n", insn_info[g_array_index(ops[0], uint16_t, n)].name);
    }
    if (opt.list || ops[OPS_64]->len + ops[OPS_32]->len == 0) {
        return opt.list ? 0 : 2;
    }
    if (!fuzz_native_init()) {
        printf("this host cannot be the oracle\n");
        return 77;
    }
    if (!fuzz_native_has_ldt()) {
        printf("this kernel has no LDT with 16-bit segments: no 16-bit code\n");
        if (opt.mode == 16) {
            return 77;
        }
        g_array_set_size(ops[OPS_16], 0);
    }
    fuzz_soft_init(!opt.sequences);
    end = g_get_monotonic_time() + opt.seconds * G_USEC_PER_SEC;
    for (; nr < (unsigned)opt.count && (!opt.seconds || g_get_monotonic_time() < end); nr++) {
        (opt.sequences ? run_sequence : run_case)(opt.start + nr, ops);
    }
    return summary(nr, ops);
}

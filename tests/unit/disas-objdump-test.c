/* The decoder and disassembler against binutils: real code and random instructions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <glib/gstdio.h>

#include "accel/soft/decode.h"
#include "accel/soft/disas.h"
#include "accel/soft/soft-cpu.h"

static unsigned long lines_seen, differences, max_shown = 10;

/* What objdump may show and we do not have: extensions that are never in our CPUID. */
static bool is_foreign(const char *text)
{
    static const char *const words[] = {
        "zmm", "{", "%k", "xmm16", "(bad)", "%bnd",
    };
    static const char *const names[] = {
        "gf2p8", "vgf2p8", "xbegin", "xend", "xabort", "xtest", "rdssp", "incssp", "saveprevssp",
        "rstorssp", "wrss", "wruss", "setssbsy", "clrssbsy", "movdir", "enqcmd", "umwait",
        "tpause", "umonitor", "ptwrite", "clzero", "monitorx", "mwaitx", "rdpru", "extrq",
        "insertq", "movntss", "movntsd", "getsec", "vmread", "vmwrite", "vmptr", "vmclear",
        "vmxon", "vmxoff", "vmlaunch", "vmresume", "vmfunc", "encl", "pconfig", "hreset", "invept",
        "invvpid", "tdp", "tile", "ldtilecfg", "sttilecfg", "vmrun", "vmload", "vmsave", "stgi",
        "clgi", "skinit", "invlpga", "pvalidate", "psmash", "rmp", "tlbsync", "invlpgb", "mcommit",
        "wrmsrns", "seam", "tdcall", "vcvtne", "vbcst", "aadd", "aand", "aor", "axor",
        "xsusldtrk", "xresldtrk", "k", "uiret", "clui", "stui", "testui", "senduipi", "aesenc128kl",
        "aesdec", "aesenc", "encodekey", "loadiwkey", "vpdp", "vaesenc", "vaesdec", "vpclmul",
        "xcrypt", "xstore", "montmul", "xsha", "femms", "pf", "pi2f", "pavgusb", "pmulhrw ",
        "pswapd", "cvttss2sis", "vphadd", "vphsub", "vpcom", "vprot", "vpsha", "vpshl", "vpmacs",
        "vpmadcs", "vpperm", "vpcmov", "vfrcz", "vfmadd", "vfmsub", "vfnm", "blcf", "blci", "blcs",
        "blsf", "blsic", "t1mskc", "tzmsk", "blcm", "blci", "blcic", "llwpcb", "slwpcb", "lwp",
        "vpermil2", "bndm", "bndc", "bndldx", "bndst", "cldemote", "wbnoinvd", "nopw", "nopl", "nop",
        "frstpm", "fnsetpm", "fneni", "fndisi", "ud0", "ud1", "rsm", "loadall",
        "jmpe", "cpu_", "rdm", "smint", "bb0_reset", "bb1_reset", "dmint", "rdshr", "wrshr",
        "svdc", "rsdc", "svldt", "rsldt", "svts", "rsts", "mov %tr", "mov %cr", "vmgexit",
    };

    if (g_str_has_prefix(text, "cmp") && strstr(text, "xadd ")) {
        return true;
    }
    for (unsigned n = 0; n < ARRAY_SIZE(words); n++) {
        if (strstr(text, words[n])) {
            return true;
        }
    }
    for (unsigned n = 0; n < ARRAY_SIZE(names); n++) {
        if (g_str_has_prefix(text, names[n])) {
            return true;
        }
    }
    return false;
}

/*
 * What objdump shows but no CPU runs: wrong LOCK, registers that are none,
 * prefixes alone, and prefixes where the manual says NP.
 */
static bool is_illegal(const char *text)
{
    static const char *const any_prefix[] = {
        "vzero", "vldmxcsr", "vstmxcsr", "xsaves", "xrstors", "xsavec", "stmxcsr", "ldmxcsr",
        "pmovmskb", "xsave", "xrstor", "fxsave", "fxrstor", "clflush", "lfence", "mfence", "sfence",
        "xgetbv", "xsetbv", "cmpxchg8b", "cmpxchg16b", "rdrand", "rdseed", "movq2dq", "vmcall",
        "monitor", "mwait", "clac", "stac", "vmmcall", "rdpkru", "wrpkru", "serialize",
        "maskmov", "pinsrw", "pextrw", "movnti", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase",
        ".byte", "swapgs",
    };

    for (unsigned n = 0; n < ARRAY_SIZE(any_prefix); n++) {
        if (g_str_has_prefix(text, any_prefix[n])) {
            return true;
        }
    }
    return g_str_has_prefix(text, "lock ") || g_str_has_prefix(text, "rex") ||
           strstr(text, "%?") || g_str_has_suffix(text, ",%cs") || strstr(text, "%db") ||
           strstr(text, "%cr") || strstr(text, "%tr");
}

/* objdump takes the 64 KiB of a 16-bit jump from its address; the CPU has no more than 16 bits. */
static bool same_but_wrapped(const char *a, const char *b, const Insn *i)
{
    const char *x = strstr(a, " 0x"), *y = strstr(b, " 0x");

    return i->opsz == 2 && x && y && x - a == y - b && !strncmp(a, b, x - a) &&
           opnd_info[insn_info[i->op].opnd[0]].kind == K_REL &&
           !((strtoul(x, NULL, 16) ^ strtoul(y, NULL, 16)) & 0xffff);
}

/* Texts of objdump's that are plainly odd. */
static bool is_odd(const char *theirs, const char *ours, const uint8_t *bytes, unsigned nr)
{
    /* undocumented, but run by every CPU */
    static const char *const more[] = { "salc", "wbinvd", "fstp", "fcom", "fxch" };

    for (unsigned n = 0; n < ARRAY_SIZE(more); n++) {
        if (!strcmp(theirs, "(bad)") && g_str_has_prefix(ours, more[n])) {
            return true;
        }
    }
    if (g_str_has_prefix(ours, "nop")) {                /* hints of CPUs that have them */
        return strstr(theirs, "bnd") || g_str_has_prefix(theirs, "cldemote") ||
               g_str_has_prefix(theirs, "rdssp");
    }
    return !strcmp(theirs, "wbnoinvd") || strstr(theirs, "87 only") ||
           (g_str_has_prefix(ours, "movslq") && memchr(bytes, 0x66, 3)) ||     /* W beats 66 */
           g_str_has_prefix(ours, "mwait") || g_str_has_prefix(ours, "monitor") ||
           strstr(theirs, "()") ||                      /* SIB without any register */
           memchr(bytes, 0x9b, MIN(nr, 4)) ||           /* FWAIT taken for a prefix */
           (strstr(theirs, "pclmul") && (bytes[nr - 1] & 0xee)) ||
           (g_str_has_prefix(theirs, "vmovs") && strstr(theirs, "ymm")) || /* VEX.L ignored */
           strstr(theirs, "gdtl") || strstr(theirs, "idtl") || strstr(theirs, "gdtw") ||
           strstr(theirs, "idtw") || strstr(theirs, "envs") || strstr(theirs, "frstors") ||
           strstr(theirs, "fnsaves") || strstr(theirs, "envl") || strstr(theirs, "frstorl") ||
           strstr(theirs, "fnsavel");
}

static void cut(char *s, const char *from)
{
    char *p = strstr(s, from);

    if (p) {
        *p = 0;
    }
}

static void remove_all(char *s, const char *what)
{
    char *p;

    while ((p = strstr(s, what))) {
        memmove(p, p + strlen(what), strlen(p + strlen(what)) + 1);
    }
}

static bool is_string_op(const char *s)
{
    static const char *const ops[] = {
        "movsb ", "movsw ", "movsl ", "movsq ", "cmpsb ", "cmpsw ", "cmpsl ", "cmpsq ", "insb ",
        "insw ", "insl ", "outsb ", "outsw ", "outsl ", "stos ", "lods ", "scas ",
    };

    for (unsigned n = 0; n < ARRAY_SIZE(ops); n++) {
        if (strstr(s, ops[n])) {
            return true;
        }
    }
    return false;
}

/*
 * Prefixes that change nothing are shown by objdump as words; we leave them out.
 * Kept are LOCK, and REP before a string instruction. Returns a new string.
 */
static char *without_idle_prefixes(const char *s)
{
    static const char *const idle[] = {
        "data16", "data32", "addr16", "addr32", "cs", "ds", "es", "ss", "fs", "gs", "notrack",
        "bnd", "xacquire", "xrelease",
    };
    g_auto(GStrv) words = g_strsplit(s, " ", -1);
    const char *lock = "", *rep = "";
    unsigned n = 0;

    for (; words[n] && words[n + 1]; n++) {
        if (!strcmp(words[n], "lock")) {
            lock = "lock ";
        } else if (g_str_has_prefix(words[n], "rep")) {
            rep = is_string_op(s) ? words[n] : "";
        } else if (!g_str_has_prefix(words[n], "rex")) {
            unsigned k = 0;

            while (k < ARRAY_SIZE(idle) && strcmp(words[n], idle[k])) {
                k++;
            }
            if (k == ARRAY_SIZE(idle)) {
                break;
            }
        }
    }
    g_autofree char *rest = g_strjoinv(" ", words + n);

    return g_strconcat(lock, rep, *rep ? " " : "", rest, NULL);
}

/* Bring objdump's text and ours to one form. */
static void normalise(char *text)
{
    g_autofree char *plain = NULL;
    char *s, *out = text, *op;
    bool space = true;

    cut(text, "#");
    cut(text, "<");
    for (s = text; *s; s++) {
        if (*s == ' ' || *s == '\t' || *s == '\n') {
            if (!space) {
                *out++ = ' ';
            }
            space = true;
        } else {
            *out++ = *s;
            space = false;
        }
    }
    while (out > text && out[-1] == ' ') {
        out--;
    }
    *out = 0;
    remove_all(text, ",%riz,1");
    remove_all(text, ",%riz,2");
    remove_all(text, ",%riz,4");
    remove_all(text, ",%riz,8");
    remove_all(text, ",%eiz,1");
    remove_all(text, ",%eiz,2");
    remove_all(text, ",%eiz,4");
    remove_all(text, ",%eiz,8");
    remove_all(text, ",pn");
    remove_all(text, ",pt");
    plain = without_idle_prefixes(text);
    memcpy(text, plain, strlen(plain) + 1);
    op = strchr(text, ' ');
    if (op && (text[0] == 'j' || g_str_has_prefix(text, "call") ||
               g_str_has_prefix(text, "loop")) && g_ascii_isxdigit(op[1]) && op[2] != 'x') {
        g_autofree char *tail = g_strdup(op + 1);

        sprintf(op, " 0x%s", tail);
    }
}

static void complain(const char *what, uint64_t addr, const uint8_t *bytes, unsigned nr,
                     const char *theirs, const char *ours)
{
    if (differences++ < max_shown) {
        g_autoptr(GString) hex = g_string_new(NULL);

        for (unsigned n = 0; n < nr; n++) {
            g_string_append_printf(hex, "%02x ", bytes[n]);
        }
        g_test_message("%s at %" PRIx64 ": %s| %s | %s", what, addr, hex->str, theirs, ours);
    }
}

static unsigned nr_prefixes(const uint8_t *bytes, unsigned nr, bool code64)
{
    static const char legacy[] = "\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3";
    unsigned n = 0;

    while (n < nr && (memchr(legacy, bytes[n], sizeof(legacy) - 1) ||
                      (code64 && (bytes[n] & 0xf0) == 0x40))) {
        n++;
    }
    return n;
}

/* VEX after a prefix is #UD, which objdump does not mind. */
static bool is_prefixed_vex(const uint8_t *bytes, unsigned nr)
{
    unsigned n = nr_prefixes(bytes, nr, true);

    return n > 0 && n < nr && (bytes[n] & 0xfe) == 0xc4;
}

/* 62 is EVEX in 64-bit code, and elsewhere where it cannot be BOUND. */
static bool is_evex(const uint8_t *bytes, unsigned nr, unsigned mode)
{
    bool code64 = (mode & MODE_CODE_MASK) == MODE_CODE64;
    unsigned n = nr_prefixes(bytes, nr, code64);

    return n + 1 < nr && bytes[n] == 0x62 && (code64 || bytes[n + 1] >= 0xc0);
}

static void compare_one(uint64_t addr, const uint8_t *bytes, unsigned nr, char *theirs,
                        unsigned mode)
{
    char ours[256] = "";
    Insn i;
    int len = insn_decode(&i, bytes, nr, mode);

    lines_seen++;
    normalise(theirs);
    if (len > 0) {
        insn_disas(ours, sizeof(ours), &i, addr, mode);
        normalise(ours);
    }
    if (len == (int)nr && !strcmp(ours, theirs)) {
        return;
    }
    if (len <= 0 ? is_foreign(theirs) || is_illegal(theirs) || is_evex(bytes, nr, mode) ||
                   is_prefixed_vex(bytes, nr)
                 : same_but_wrapped(ours, theirs, &i) || is_odd(theirs, ours, bytes, nr)) {
        return;
    }
    complain(len == (int)nr ? "text" : "length", addr, bytes, nr, theirs, ours);
}

/* "  addr:\tbytes \ttext" */
static void compare_output(const char *command, unsigned mode, unsigned stride)
{
    FILE *f = popen(command, "r");
    char line[512];

    g_assert_nonnull(f);
    while (fgets(line, sizeof(line), f)) {
        char *colon = strchr(line, ':'), *text;
        uint8_t bytes[32];
        unsigned nr = 0;
        char *p, *end;

        if (line[0] != ' ' || !colon || colon[1] != '\t') {
            continue;
        }
        text = strchr(colon + 2, '\t');
        if (!text) {
            continue;
        }
        for (p = colon + 2; g_ascii_isxdigit(*p) && nr < sizeof(bytes); p = end + (*end == ' ')) {
            bytes[nr++] = strtoul(p, &end, 16);
        }
        if (nr <= 15 && strtoull(line, NULL, 16) % stride == 0) {
            compare_one(strtoull(line, NULL, 16), bytes, nr, text + 1, mode);
        }
    }
    pclose(f);
}

static void start(void)
{
    lines_seen = 0;
    differences = 0;
}

static void finish(unsigned long at_least)
{
    g_test_message("%lu instructions, %lu differences", lines_seen, differences);
    g_assert_cmpuint(lines_seen, >=, at_least);
    g_assert_cmpuint(differences, ==, 0);
}

static bool have_objdump(void)
{
    g_autofree char *path = g_find_program_in_path("objdump");

    if (!path) {
        g_test_skip("no objdump");
    }
    return path;
}

static void test_file(const void *data)
{
    g_autofree char *command = g_strdup_printf("objdump -d -w -M intel64 %s", (const char *)data);

    if (!have_objdump()) {
        return;
    }
    if (access(data, R_OK)) {
        g_test_skip("file not there");
        return;
    }
    start();
    compare_output(command, MODE_CODE64 | MODE_PE, 1);
    finish(1000);
}

enum { SLOT = 32, NR_RANDOM = 30000 };

static uint8_t pick(GRand *rand, const char *from, unsigned nr)
{
    return from[g_rand_int_range(rand, 0, nr)];
}

/* One random instruction: some prefixes, a map, an opcode, and random bytes after it. */
static void make_random(GRand *rand, uint8_t *p, bool code64)
{
    unsigned kind = g_rand_int_range(rand, 0, 6);

    if (g_rand_int_range(rand, 0, 6) == 0) {
        *p++ = pick(rand, "\x64\x65\x67\x67\xf0\xf0", 6);
    }
    if (kind < 4) {
        if (g_rand_int_range(rand, 0, 2)) {
            *p++ = pick(rand, "\x66\xf3\xf2", 3);
        }
        if (code64 && g_rand_int_range(rand, 0, 2)) {
            *p++ = 0x40 | g_rand_int_range(rand, 0, 16);
        }
        if (kind) {
            *p++ = 0x0f;
        }
        if (kind > 1) {
            *p++ = kind == 2 ? 0x38 : 0x3a;
        }
    } else {
        bool three = g_rand_int_range(rand, 0, 4);

        *p++ = three ? 0xc4 : 0xc5;
        if (three) {
            *p++ = (g_rand_int_range(rand, 0, 8) << 5) | g_rand_int_range(rand, 1, 4);
        }
        *p = g_rand_int(rand);
        if (g_rand_int_range(rand, 0, 2)) {
            *p |= 0x78;
        }
        p++;
        if (!code64) {
            p[three ? -2 : -1] |= 0xc0;
        }
    }
    for (unsigned n = 0; n < 11; n++) {
        *p++ = g_rand_int(rand);
    }
}

static void test_random(const void *data)
{
    unsigned mode = GPOINTER_TO_UINT(data);
    static const char *const machine[] = { "i8086", "i386", "i386:x86-64" };
    g_autoptr(GRand) rand = g_rand_new_with_seed(g_test_slow() ? g_test_rand_int() : 1);
    g_autofree uint8_t *code = g_malloc(NR_RANDOM * SLOT);
    g_autofree char *command = NULL, *name = NULL;
    int fd = g_file_open_tmp("mica-disas-XXXXXX", &name, NULL);

    g_assert_cmpint(fd, >=, 0);
    memset(code, 0x90, NR_RANDOM * SLOT);
    for (unsigned n = 0; n < NR_RANDOM; n++) {
        uint8_t *slot = code + n * SLOT;
        Insn i;
        int len;

        make_random(rand, slot, mode == MODE_CODE64);
        len = insn_decode(&i, slot, SLOT, mode | MODE_PE);
        if (len > 0) {
            memset(slot + len, 0x90, SLOT - len);
        }
    }
    g_assert_cmpint(write(fd, code, NR_RANDOM * SLOT), ==, NR_RANDOM * SLOT);
    close(fd);
    command = g_strdup_printf("objdump -D -w -M intel64 -b binary -m %s %s", machine[mode], name);
    start();
    if (have_objdump()) {
        compare_output(command, mode | MODE_PE, SLOT);
        finish(NR_RANDOM / 2);
    }
    g_unlink(name);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/disas/libc", "/lib/x86_64-linux-gnu/libc.so.6", test_file);
    if (g_test_slow()) {
        g_test_add_data_func("/disas/libcrypto", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
                             test_file);
    }
    g_test_add_data_func("/disas/random64", GUINT_TO_POINTER(MODE_CODE64), test_random);
    g_test_add_data_func("/disas/random32", GUINT_TO_POINTER(MODE_CODE32), test_random);
    g_test_add_data_func("/disas/random16", GUINT_TO_POINTER(MODE_CODE16), test_random);
    return g_test_run();
}

/* Every x87 form of the table against the host executing the same bytes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "tests/unit/fpu-double.h"

#define ROUNDS 150

static GRand *rnd;

enum { MEM_OPERAND = 4096 + 512 };

static void random_state(void)
{
    uint16_t fcw = FCW_INIT, fsw = 0;
    uint8_t tags = g_rand_int(rnd);

    memset(fpu_host->fx, 0, FXSAVE_SIZE);
    memset(fpu_host->vec, 0, sizeof(fpu_host->vec));
    fpu_random_x87(rnd);
    switch (g_rand_int_range(rnd, 0, 6)) {
    case 0:
        fcw = (g_rand_int(rnd) & 0x1f3f) | 0x40;
        break;
    case 1:
    case 2:
        fcw = (g_rand_int(rnd) & 0xf00) | 0x7f;
        break;
    default:
        break;
    }
    if (g_rand_int_range(rnd, 0, 3)) {
        tags = 0xff & ~(1 << g_rand_int_range(rnd, 0, 8));
    }
    fsw = g_rand_int(rnd) & 0x477f;
    if (g_rand_boolean(rnd)) {
        fsw &= ~FSW_EXC;
    } else if (g_rand_int_range(rnd, 0, 8)) {
        fsw &= ~(FSW_EXC & ~fcw);       /* mostly nothing pending */
    }
    if (fsw & ~fcw & FSW_EXC) {
        fsw |= FSW_ES | FSW_B;
    }
    fsw |= g_rand_int_range(rnd, 0, 8) << FSW_TOP_SHIFT;
    memcpy(fpu_host->fx, &fcw, 2);
    memcpy(fpu_host->fx + 2, &fsw, 2);
    fpu_host->fx[4] = tags;
    memcpy(fpu_host->fx + 24, &(uint32_t){ MXCSR_INIT }, 4);
    memcpy(fpu_host->fx + 28, &(uint32_t){ 0xffff }, 4);
    for (unsigned n = 0; n < 16; n++) {
        fpu_host->gpr[n] = g_rand_int(rnd);
    }
    fpu_host->gpr[R_SI] = (uintptr_t)fpu_host->mem + MEM_OPERAND;
    fpu_host->flags = 2 | (g_rand_int(rnd) & FL_ARITH);
}

static void random_operand(const Insn *insn)
{
    uint8_t *mem = fpu_host->mem + MEM_OPERAND;

    for (unsigned n = 0; n < 128; n++) {
        mem[n] = g_rand_int(rnd);
    }
    switch (g_rand_int_range(rnd, 0, 4)) {
    case 0:
        fpu_random_floats(rnd, mem, 16, 4);
        break;
    case 1:
        fpu_random_floats(rnd, mem, 16, 8);
        break;
    case 2:     /* a register's image, or BCD digits */
        if (insn_info[insn->op].opcode == 0xdf) {
            for (unsigned n = 0; n < 9; n++) {
                mem[n] = g_rand_int_range(rnd, 0, 10) | g_rand_int_range(rnd, 0, 10) << 4;
            }
        } else {
            memcpy(mem, fpu_host->fx + 32 + 16 * g_rand_int_range(rnd, 0, 8), 10);
        }
        break;
    default:
        break;
    }
}

static unsigned make_insn(uint8_t *byte, const InsnInfo *info)
{
    unsigned ext = (info->mrm & 7) << 3;

    byte[0] = info->opcode;
    if (info->map == MAP_0F) {      /* EMMS */
        byte[0] = 0x0f;
        byte[1] = info->opcode;
        return 2;
    }
    if (info->mrm == MRM_N) {
        return 1;
    }
    if (info->mrm & MRM_BYTE) {
        byte[1] = info->mrm & 0xff;
    } else if (info->mrm & MRM_MEM) {
        byte[1] = ext | R_SI;
    } else {
        byte[1] = 0xc0 | ext | g_rand_int_range(rnd, 0, 8);
    }
    return 2;
}

/* Exceptions met by a waiting instruction: the host's SIGFPE is our #MF. */
static bool same_fault(FpuOutcome host, FpuOutcome guest)
{
    return host.vector == guest.vector || (host.vector == EXC_XM && guest.vector == EXC_MF);
}

static bool report(const Insn *insn, const uint8_t *byte, const uint8_t *before)
{
    uint16_t fcw, fsw;

    memcpy(&fcw, before, 2);
    memcpy(&fsw, before + 2, 2);
    g_printerr("# %s (%02x %02x) began with fcw %04x fsw %04x tags %02x\n",
               insn_info[insn->op].name, byte[0], byte[1], fcw, fsw, before[4]);
    return false;
}

static bool run_one(unsigned op, unsigned *ran, bool again)
{
    uint8_t byte[2], before[FXSAVE_SIZE];
    const InsnInfo *info = &insn_info[op];
    unsigned len = make_insn(byte, info);
    Insn insn = { .op = op };
    FpuOutcome host, guest;
    bool same;

    if (!again) {
        random_state();
        fpu_no_tlb = g_rand_boolean(rnd);
        random_operand(&insn);
        fpu_copy_from_host();
    }
    memcpy(before, fpu_host->fx, FXSAVE_SIZE);
    guest = fpu_run_guest(byte, len, &insn);
    g_assert_cmpint(insn.op, ==, op);
    host = fpu_run_host(byte, len);
    if (host.vector >= 0 || guest.vector >= 0) {
        if (!same_fault(host, guest)) {
            g_printerr("# host vector %d, guest %d\n", host.vector, guest.vector);
            return report(&insn, byte, before);
        }
        return true;
    }
    ++*ran;
    same = fpu_compare(&insn, byte, FL_ARITH & ~info->flags_undefined);
    return same || report(&insn, byte, before);
}

/* One instruction, then others behind it on what it left: the fast handlers and their assumptions. */
static bool run_chain(unsigned op, unsigned *ran)
{
    if (!run_one(op, ran, false)) {
        return false;
    }
    for (unsigned n = 0; n < 6; n++) {
        if (!run_one(op, ran, true)) {
            return false;
        }
    }
    return true;
}

static bool plain_form(unsigned op)
{
    const InsnInfo *info = &insn_info[op];

    return info->cls == CLASS_X87 && opnd_info[info->opnd[0]].size != SZ_BIG;
}

static void test_forms(void)
{
    unsigned forms = 0, bad = 0;

    for (unsigned op = 1; op < NR_OPS; op++) {
        unsigned ran = 0, failed = 0;

        if (!plain_form(op)) {
            continue;
        }
        for (unsigned n = 0; n < ROUNDS && failed < 2; n++) {
            failed += !run_chain(op, &ran);
        }
        if (!failed) {
            g_assert_cmpuint(ran, >, ROUNDS / 2);
        }
        bad += failed != 0;
        forms++;
    }
    g_test_message("%u forms", forms);
    g_assert_cmpuint(forms, >, 120);
    g_assert_cmpuint(bad, ==, 0);
}

/* Sequences of different instructions: what one leaves derived, the next relies on. */
static void test_sequences(void)
{
    unsigned ops[NR_OPS], nr = 0, ran = 0;

    for (unsigned op = 1; op < NR_OPS; op++) {
        if (plain_form(op) && op != OP_FNINIT) {
            ops[nr++] = op;
        }
    }
    for (unsigned n = 0; n < 2000; n++) {
        g_assert_true(run_one(ops[g_rand_int_range(rnd, 0, nr)], &ran, false));
        for (unsigned m = 0; m < 20; m++) {
            g_assert_true(run_one(ops[g_rand_int_range(rnd, 0, nr)], &ran, true));
        }
    }
}

/* FLDENV, FNSTENV, FRSTOR, FNSAVE in the 64-bit code's 32-bit layout and, by 66, the 16-bit one. */
static void test_environment(void)
{
    static const uint8_t modrm[][2] = { { 0xd9, 0x26 }, { 0xd9, 0x36 }, { 0xdd, 0x26 },
                                        { 0xdd, 0x36 } };

    for (unsigned n = 0; n < 800; n++) {
        bool small = n & 4;
        uint8_t byte[3] = { 0x66, modrm[n & 3][0], modrm[n & 3][1] };
        uint8_t *mem = fpu_host->mem + MEM_OPERAND;
        unsigned word = small ? 2 : 4, len = small ? 3 : 2;
        Insn insn = { .op = OP_INVALID };
        FpuOutcome host, guest;

        random_state();
        random_operand(&insn);
        fpu_copy_from_host();
        guest = fpu_run_guest(byte + !small, len, &insn);
        host = fpu_run_host(byte + !small, len);
        g_assert_true(same_fault(host, guest));
        if (host.vector >= 0) {
            continue;
        }
        if (n & 1) {
            /* Where the instruction before was: the host's business. */
            memcpy(mem + 3 * word, fpu_guest_mem + MEM_OPERAND + 3 * word, 4 * word);
        }
        g_assert_true(fpu_compare(&insn, byte + !small, FL_ARITH));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rnd = g_rand_new_with_seed(g_getenv("FPU_SEED") ? atoi(g_getenv("FPU_SEED")) : 1);
    fpu_double_init();
    g_test_add_func("/x87/forms", test_forms);
    g_test_add_func("/x87/sequences", test_sequences);
    g_test_add_func("/x87/environment", test_environment);
    return g_test_run();
}

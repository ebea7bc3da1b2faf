/* FXSAVE and XSAVE instructions against the host; refusals by CR0, CR4 and XCR0 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "tests/unit/fpu-double.h"

static GRand *rnd;

enum { AREA = 4096 };

static bool host_has_xsavec(void)
{
    unsigned a = 0xd, b, c = 1, d;

    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (a & 3) == 3;
}

static void random_image(uint8_t *fx)
{
    uint16_t fcw = (g_rand_int(rnd) & 0x1f3f) | 0x40;
    uint16_t fsw = (g_rand_int(rnd) & 0x7f7f) | 0x3800;
    uint32_t mxcsr = g_rand_boolean(rnd) ? MXCSR_INIT : g_rand_int(rnd) & 0xffff;

    fpu_random_x87(rnd);
    if (fsw & ~fcw & FSW_EXC) {
        fsw |= FSW_ES | FSW_B;
    }
    memcpy(fx, fpu_host->fx, FXSAVE_SIZE);
    memcpy(fx, &fcw, 2);
    memcpy(fx + 2, &fsw, 2);
    fx[4] = g_rand_int(rnd);
    memcpy(fx + 24, &mxcsr, 4);
    memcpy(fx + 28, &(uint32_t){ 0xffff }, 4);
}

/* No component in its initial configuration: when the host says so is its own business. */
static void random_state(void)
{
    uint8_t fx[FXSAVE_SIZE];

    random_image(fx);
    memcpy(fpu_host->fx, fx, FXSAVE_SIZE);
    for (unsigned n = 0; n < 16; n++) {
        for (unsigned b = 0; b < 32; b++) {
            fpu_host->vec[n].b[b] = g_rand_int(rnd);
        }
        fpu_host->gpr[n] = g_rand_int(rnd);
    }
    fpu_host->gpr[R_SI] = (uintptr_t)fpu_host->mem + AREA;
    fpu_host->gpr[R_AX] = g_rand_int_range(rnd, 0, 8);
    fpu_host->gpr[R_DX] = 0;
    fpu_host->flags = 2;
}

static void random_area(bool load)
{
    uint8_t *area = fpu_host->mem + AREA, keep[FXSAVE_SIZE];
    uint64_t header[8] = { 0 };

    for (unsigned n = 0; n < 1024; n++) {
        area[n] = g_rand_int(rnd);
    }
    memcpy(keep, fpu_host->fx, FXSAVE_SIZE);
    random_image(area);
    memcpy(fpu_host->fx, keep, FXSAVE_SIZE);
    for (unsigned n = 160; n < 512; n++) {
        area[n] = g_rand_int(rnd);
    }
    if (load) {
        memset(area + 6, 0, 18);    /* FIP, FDP: the host keeps them by its own rules */
    }
    header[0] = g_rand_int_range(rnd, 0, 8);
    if (load && g_rand_boolean(rnd)) {
        header[1] = 1ULL << 63 | g_rand_int_range(rnd, 0, 8);
        if (g_rand_int_range(rnd, 0, 4)) {
            header[0] &= header[1];
        }
    }
    switch (g_rand_int_range(rnd, 0, 24)) {
    case 0:
        header[1] |= 1ULL << 40;
        break;
    case 1:
        header[2] = 1;
        break;
    case 2:
        header[5] = 1;
        break;
    case 3:
        area[27] = 1;               /* MXCSR, a reserved bit */
        break;
    case 4:
        header[0] |= 1ULL << 63;
        break;
    default:
        break;
    }
    memcpy(area + 512, header, 64);
}

static void run(const uint8_t *byte, unsigned len, bool load)
{
    FpuOutcome host, guest;
    Insn insn;

    random_state();
    random_area(load);
    if (g_rand_int_range(rnd, 0, 20) == 0) {
        fpu_host->gpr[R_SI] += 8 << g_rand_int_range(rnd, 0, 3);
    }
    fpu_copy_from_host();
    guest = fpu_run_guest(byte, len, &insn);
    host = fpu_run_host(byte, len);
    if (host.vector != guest.vector) {
        const uint64_t *header = (const uint64_t *)(fpu_guest_mem + AREA + 512);

        g_printerr("# host %d guest %d asked %" PRIx64 " header %" PRIx64 " %" PRIx64 " %" PRIx64
                   " %" PRIx64 " mxcsr %x\n", host.vector, guest.vector, fpu_host->gpr[R_AX],
                   header[0], header[1], header[2], header[5],
                   *(uint32_t *)(fpu_guest_mem + AREA + 24));
    }
    g_assert_cmpint(host.vector, ==, guest.vector);
    if (host.vector >= 0) {
        return;
    }
    g_assert_true(fpu_compare(&insn, byte, FL_ARITH));
}

#define RUN(load, ...)                                                      \
    do {                                                                    \
        const uint8_t bytes_[] = { __VA_ARGS__ };                           \
        for (unsigned n_ = 0; n_ < 400; n_++) {                             \
            run(bytes_, sizeof(bytes_), load);                              \
        }                                                                   \
    } while (0)

static void test_fxsave(void)
{
    RUN(false, 0x0f, 0xae, 0x06);
    RUN(false, 0x48, 0x0f, 0xae, 0x06);
}

static void test_fxrstor(void)
{
    RUN(true, 0x0f, 0xae, 0x0e);
    RUN(true, 0x48, 0x0f, 0xae, 0x0e);
}

static void test_xsave(void)
{
    RUN(false, 0x0f, 0xae, 0x26);
    RUN(false, 0x48, 0x0f, 0xae, 0x26);
}

static void test_xsaveopt(void)
{
    if (!host_has_xsavec()) {
        g_test_skip("no XSAVEOPT here");
        return;
    }
    RUN(false, 0x48, 0x0f, 0xae, 0x36);
}

static void test_xsavec(void)
{
    if (!host_has_xsavec()) {
        g_test_skip("no XSAVEC here");
        return;
    }
    RUN(false, 0x48, 0x0f, 0xc7, 0x26);
}

static void test_xrstor(void)
{
    RUN(true, 0x0f, 0xae, 0x2e);
    RUN(true, 0x48, 0x0f, 0xae, 0x2e);
}

/* What is in its initial configuration is not saved by XSAVEC, and comes back so. */
static void test_init(void)
{
    static const uint8_t xsavec[] = { 0x48, 0x0f, 0xc7, 0x26 };
    static const uint8_t xrstor[] = { 0x48, 0x0f, 0xae, 0x2e };
    uint8_t *area = fpu_guest_mem + AREA;
    Insn insn;

    random_state();
    random_area(false);
    fpu_host->gpr[R_AX] = 7;
    fpu_copy_from_host();
    for (unsigned n = 0; n < 16; n++) {
        memset(&fpu_cpu->vec[n].b[16], 0, 16);
    }
    memset(fpu_cpu->fx.st, 0, sizeof(fpu_cpu->fx.st));
    fpu_init_x87(fpu_cpu);
    memset(area, 0xaa, 1024);
    g_assert_cmpint(fpu_run_guest(xsavec, 4, &insn).vector, ==, -1);
    g_assert_cmpuint(*(uint64_t *)(area + 512), ==, XSTATE_SSE);
    g_assert_cmpuint(*(uint64_t *)(area + 520), ==, 1ULL << 63 | 7);
    g_assert_cmpuint(area[0], ==, 0xaa);
    g_assert_cmpuint(area[576], ==, 0xaa);
    memset(area + 528, 0, 48);

    random_state();
    fpu_host->gpr[R_AX] = 7;
    memcpy(fpu_host->mem, fpu_guest_mem, MEM_SIZE);
    fpu_copy_from_host();
    g_assert_cmpint(fpu_run_guest(xrstor, 4, &insn).vector, ==, -1);
    g_assert_cmpuint(fpu_xinuse(fpu_cpu), ==, XSTATE_SSE);
    g_assert_cmpuint(fpu_cpu->fx.fcw, ==, FCW_INIT);
}

static int vector_with(uint32_t mode, uint64_t cr0, uint64_t cr4, uint64_t xcr0,
                       const uint8_t *byte, unsigned len)
{
    uint32_t usual = fpu_mode;
    FpuOutcome outcome;
    Insn insn;

    random_state();
    fpu_copy_from_host();
    fpu_cpu->fx.fsw = 0;
    fpu_control_changed(fpu_cpu);
    fpu_cpu->cr0 = cr0;
    fpu_cpu->cr4 = cr4;
    fpu_cpu->xcr0 = xcr0;
    fpu_mode &= ~(MODE_SSE | MODE_AVX | MODE_X87);
    fpu_mode |= mode;
    outcome = fpu_run_guest(byte, len, &insn);
    fpu_mode = usual;
    return outcome.vector;
}

/* SDM vol. 3, tables 2-... of "Exceptions": what the control registers forbid. */
static void test_refusals(void)
{
    static const uint8_t addps[] = { 0x0f, 0x58, 0xc1 }, vaddps[] = { 0xc5, 0xf8, 0x58, 0xc1 };
    static const uint8_t paddb[] = { 0x0f, 0xfc, 0xc1 }, fld1[] = { 0xd9, 0xe8 };
    static const uint8_t fwait[] = { 0x9b }, fxsave[] = { 0x0f, 0xae, 0x06 };
    static const uint8_t xsave[] = { 0x0f, 0xae, 0x26 }, emms[] = { 0x0f, 0x77 };
    const uint64_t cr0 = CR0_PE | CR0_PG | CR0_NE | CR0_MP;
    const uint64_t cr4 = CR4_OSFXSR | CR4_OSXSAVE;
    const uint32_t sse = MODE_X87 | MODE_SSE;

#define REFUSED(mode, cr0, cr4, xcr0, byte) vector_with(mode, cr0, cr4, xcr0, byte, sizeof(byte))
    g_assert_cmpint(REFUSED(0, cr0 | CR0_TS, cr4, 7, addps), ==, EXC_NM);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_EM, cr4, 7, addps), ==, EXC_UD);
    g_assert_cmpint(REFUSED(MODE_X87, cr0, CR4_OSXSAVE, 7, addps), ==, EXC_UD);
    g_assert_cmpint(REFUSED(sse, cr0, cr4, 7, addps), ==, -1);
    g_assert_cmpint(REFUSED(sse, cr0, cr4, 3, vaddps), ==, EXC_UD);
    g_assert_cmpint(REFUSED(sse, cr0, CR4_OSFXSR, 7, vaddps), ==, EXC_UD);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_TS, cr4, 7, vaddps), ==, EXC_NM);
    g_assert_cmpint(REFUSED(sse | MODE_AVX, cr0, cr4, 7, vaddps), ==, -1);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_TS, cr4, 7, paddb), ==, EXC_NM);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_EM, cr4, 7, paddb), ==, EXC_UD);
    g_assert_cmpint(REFUSED(MODE_X87, cr0, 0, 7, paddb), ==, -1);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_EM, cr4, 7, emms), ==, EXC_UD);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_EM, cr4, 7, fld1), ==, EXC_NM);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_TS, cr4, 7, fld1), ==, EXC_NM);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_TS, cr4, 7, fwait), ==, EXC_NM);
    g_assert_cmpint(REFUSED(0, (cr0 | CR0_TS) & ~CR0_MP, cr4, 7, fwait), ==, -1);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_TS, cr4, 7, fxsave), ==, EXC_NM);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_EM, cr4, 7, fxsave), ==, EXC_UD);
    g_assert_cmpint(REFUSED(sse, cr0, CR4_OSFXSR, 7, xsave), ==, EXC_UD);
    g_assert_cmpint(REFUSED(0, cr0 | CR0_TS, cr4, 7, xsave), ==, EXC_NM);
#undef REFUSED
}

static unsigned ferr_calls;
static bool ferr_ignored;

static bool ferr(SoftCpu *cpu)
{
    ferr_calls++;
    return ferr_ignored;
}

/* An unmasked exception waits for the next instruction, and which way it goes is CR0.NE's. */
static void test_pending(void)
{
    static const uint8_t fdivp[] = { 0xde, 0xf9 }, fld1[] = { 0xd9, 0xe8 };
    static const uint8_t fnstsw[] = { 0xdf, 0xe0 }, fnclex[] = { 0xdb, 0xe2 };
    Insn insn;

    random_state();
    fpu_copy_from_host();
    fpu_init_x87(fpu_cpu);
    fpu_cpu->fx.fcw = 0x37b;        /* division by zero unmasked */
    fpu_control_changed(fpu_cpu);
    fpu_run_guest((const uint8_t[]){ 0xd9, 0xe8 }, 2, &insn);
    fpu_run_guest((const uint8_t[]){ 0xd9, 0xee }, 2, &insn);
    g_assert_cmpint(fpu_run_guest(fdivp, 2, &insn).vector, ==, -1);
    g_assert_cmpuint(fpu_cpu->fx.fsw & 0x80ff, ==, 0x8084);
    g_assert_cmpuint(fpu_cpu->fx.fip, ==, 0x1000);
    g_assert_cmpuint(fpu_cpu->fx.fop, ==, 0x6f9);
    g_assert_cmpint(fpu_run_guest(fnstsw, 2, &insn).vector, ==, -1);
    g_assert_cmpint(fpu_run_guest(fld1, 2, &insn).vector, ==, EXC_MF);
    fpu_cpu->cr0 &= ~(uint64_t)CR0_NE;
    soft_cpu_ferr = ferr;
    fpu_cpu->rip = 0;
    g_assert_cmpint(fpu_run_guest(fld1, 2, &insn).vector, ==, -1);
    g_assert_cmpuint(ferr_calls, ==, 1);
    g_assert_cmpuint(fpu_cpu->rip, ==, 0x1000);     /* it waits: not executed */
    g_assert_cmpuint(fpu_cpu->fx.fsw >> 11 & 7, ==, 6);
    ferr_ignored = true;
    g_assert_cmpint(fpu_run_guest(fld1, 2, &insn).vector, ==, -1);
    g_assert_cmpuint(fpu_cpu->fx.fsw >> 11 & 7, ==, 5);
    soft_cpu_ferr = NULL;
    fpu_cpu->cr0 |= CR0_NE;
    g_assert_cmpint(fpu_run_guest(fnclex, 2, &insn).vector, ==, -1);
    g_assert_cmpint(fpu_run_guest(fld1, 2, &insn).vector, ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rnd = g_rand_new_with_seed(g_getenv("FPU_SEED") ? atoi(g_getenv("FPU_SEED")) : 1);
    fpu_double_init();
    g_test_add_func("/fpu-state/fxsave", test_fxsave);
    g_test_add_func("/fpu-state/fxrstor", test_fxrstor);
    g_test_add_func("/fpu-state/xsave", test_xsave);
    g_test_add_func("/fpu-state/xsaveopt", test_xsaveopt);
    g_test_add_func("/fpu-state/xsavec", test_xsavec);
    g_test_add_func("/fpu-state/xrstor", test_xrstor);
    g_test_add_func("/fpu-state/init", test_init);
    g_test_add_func("/fpu-state/refusals", test_refusals);
    g_test_add_func("/fpu-state/pending", test_pending);
    return g_test_run();
}

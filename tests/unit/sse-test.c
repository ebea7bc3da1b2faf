/* Every MMX, SSE, AVX form of the table against the host executing the same bytes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "tests/unit/fpu-double.h"

#define ROUNDS 100

static GRand *rnd;

static bool host_has(const InsnInfo *info, const Insn *insn)
{
    InsnFeature f = insn ? insn_feature(insn) : (InsnFeature)info->feature;

    switch (f) {
    case FEAT_SSE3: return __builtin_cpu_supports("sse3");
    case FEAT_SSSE3: return __builtin_cpu_supports("ssse3");
    case FEAT_SSE41: return __builtin_cpu_supports("sse4.1");
    case FEAT_SSE42: return __builtin_cpu_supports("sse4.2");
    case FEAT_PCLMUL: return __builtin_cpu_supports("pclmul");
    case FEAT_AES: return __builtin_cpu_supports("aes");
    case FEAT_AVX: return __builtin_cpu_supports("avx");
    case FEAT_AVX2: return __builtin_cpu_supports("avx2");
    case FEAT_FMA: return __builtin_cpu_supports("fma");
    case FEAT_F16C: return __builtin_cpu_supports("avx2");   /* no name of its own in GCC 12 */
    case FEAT_SHA: {
        unsigned b = 0, a = 7, c = 0, d;

        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        return b >> 29 & 1;
    }
    default: return true;
    }
}

typedef struct Gen {
    uint8_t byte[15];
    unsigned len;
    bool mem;
    uint8_t reg, rm, vvvv, base, index;
    uint64_t address;
} Gen;

static void gen_put(Gen *gen, uint8_t byte)
{
    gen->byte[gen->len++] = byte;
}

static unsigned any_reg(void)
{
    unsigned r;

    do {
        r = g_rand_int_range(rnd, 0, 16);
    } while (r == R_SP);
    return r;
}

static bool info_has_kind(const InsnInfo *info, unsigned kind)
{
    for (unsigned n = 0; n < 4; n++) {
        if (opnd_info[info->opnd[n]].kind == kind) {
            return true;
        }
    }
    return false;
}

static void gen_prefixes(Gen *gen, const InsnInfo *info)
{
    static const uint8_t pp_byte[] = { 0, 0x66, 0xf3, 0xf2 };
    bool vex = info->map >= MAP_V1, w, l;
    unsigned pp = info->prefixes ? __builtin_ctz(info->prefixes) : 0;
    unsigned r = gen->reg >> 3, x = gen->index >> 3, b = (gen->mem ? gen->base : gen->rm) >> 3;

    w = info->attr & A_W1 ? true : info->attr & A_W0 ? false : g_rand_boolean(rnd);
    l = info->attr & A_L1 ? true : info->attr & A_L0 ? false : g_rand_boolean(rnd);
    if (info->attr & A_VSIB) {
        x = gen->index >> 3;
    } else {
        x = 0;
    }
    if (!vex) {
        if (pp) {
            gen_put(gen, pp_byte[pp]);
        }
        if (w || r || x || b) {
            gen_put(gen, 0x40 | w << 3 | r << 2 | x << 1 | b);
        }
        gen_put(gen, 0x0f);
        if (info->map == MAP_0F38 || info->map == MAP_0F3A) {
            gen_put(gen, info->map == MAP_0F38 ? 0x38 : 0x3a);
        }
    } else {
        unsigned vvvv = info_has_kind(info, K_XVVVV) || info_has_kind(info, K_VVVVREG) ?
                        gen->vvvv : 0;

        gen_put(gen, 0xc4);
        gen_put(gen, (!r << 7 | !x << 6 | !b << 5) | (info->map - MAP_V1 + 1));
        gen_put(gen, w << 7 | (vvvv ^ 15) << 3 | l << 2 | pp);
    }
    gen_put(gen, info->opcode);
}

/* Operands at random; address: where the memory operand shall be. */
static void gen_insn(Gen *gen, const InsnInfo *info)
{
    bool has_modrm = info->mrm != MRM_N;

    memset(gen, 0, sizeof(*gen));
    gen->mem = !(info->mrm & MRM_REG) || ((info->mrm & MRM_MEM) && g_rand_boolean(rnd));
    gen->reg = info->mrm & MRM_EXT ? info->mrm & 7 : any_reg();
    gen->rm = any_reg();
    gen->vvvv = g_rand_int_range(rnd, 0, 16);
    gen->base = any_reg();
    gen->index = any_reg();
    if (info_has_kind(info, K_MREG)) {
        gen->reg &= 7;
    }
    if (info_has_kind(info, K_MRM) || info_has_kind(info, K_MRMREG)) {
        gen->rm &= 7;
    }
    if (g_rand_int_range(rnd, 0, 4) == 0 && !gen->mem && !(info->mrm & MRM_EXT) &&
        gen->reg != R_SP) {
        gen->rm = gen->reg;
    }
    gen->address = (uintptr_t)fpu_host->mem + g_rand_int_range(rnd, 1, MEM_PAGES - 1) * 4096 +
                   g_rand_int_range(rnd, 0, 32) * 32;
    if (g_rand_int_range(rnd, 0, 6) == 0) {
        gen->address = (uintptr_t)fpu_host->mem + g_rand_int_range(rnd, 4000, 8200);
    }
    gen_prefixes(gen, info);
    if (has_modrm && (info->mrm & MRM_BYTE)) {
        gen_put(gen, info->mrm & 0xff);
    } else if (has_modrm && !gen->mem) {
        gen_put(gen, 0xc0 | (gen->reg & 7) << 3 | (gen->rm & 7));
    } else if (has_modrm) {
        int32_t disp = g_rand_int_range(rnd, -3000, 3000);
        bool vsib = info->attr & A_VSIB;

        /* mod 2 with SIB or base alone */
        gen_put(gen, 0x80 | (gen->reg & 7) << 3 | (vsib || (gen->base & 7) == 4 ? 4 : gen->base & 7));
        if (vsib) {
            gen_put(gen, 2 << 6 | (gen->index & 7) << 3 | (gen->base & 7));
        } else if ((gen->base & 7) == 4) {
            gen_put(gen, 4 << 3 | 4);
        }
        memcpy(gen->byte + gen->len, &disp, 4);
        gen->len += 4;
        fpu_host->gpr[gen->base] = gen->address - (int64_t)disp;
    }
    if (info_has_kind(info, K_IMM) || info_has_kind(info, K_XIS4)) {
        gen_put(gen, g_rand_int(rnd));
    }
}

static void random_state(const InsnInfo *info)
{
    unsigned float_size = g_rand_boolean(rnd) ? 4 : 8;
    uint32_t mxcsr = MXCSR_INIT;

    memset(fpu_host->fx, 0, FXSAVE_SIZE);
    for (unsigned n = 0; n < 16; n++) {
        fpu_random_floats(rnd, &fpu_host->vec[n], 32, float_size);
        fpu_host->gpr[n] = (uint64_t)g_rand_int(rnd) << 32 | g_rand_int(rnd);
        if (g_rand_boolean(rnd)) {
            fpu_host->gpr[n] = g_rand_int_range(rnd, -20, 20);
        }
        if (!(info->attr & A_FP) && g_rand_boolean(rnd)) {
            for (unsigned b = 0; b < 32; b++) {
                fpu_host->vec[n].b[b] = g_rand_int(rnd);
            }
        }
        if (info->attr & A_VSIB) {
            for (unsigned b = 0; b < 32; b += 4) {
                fpu_host->vec[n].d[b / 4] = g_rand_int_range(rnd, 0, 150) |
                                            (b % 8 == 0 && g_rand_boolean(rnd) ? 1u << 31 : 0);
            }
        }
    }
    switch (g_rand_int_range(rnd, 0, 4)) {
    case 0:
        mxcsr |= g_rand_int(rnd) & 0xe07f;
        break;
    case 1:
        mxcsr = g_rand_int(rnd) & 0xffff;
        break;
    default:
        break;
    }
    memcpy(fpu_host->fx + 24, &mxcsr, 4);
    memcpy(fpu_host->fx + 28, &(uint32_t){ 0xffff }, 4);
    memcpy(fpu_host->fx, &(uint16_t){ 0x37f }, 2);
    /* x87: something in the registers, a top that is not 0 */
    fpu_random_x87(rnd);
    memcpy(fpu_host->fx + 2, &(uint16_t){ g_rand_int_range(rnd, 0, 8) << 11 }, 2);
    fpu_host->fx[4] = g_rand_int(rnd);
    fpu_host->flags = 2 | (g_rand_int(rnd) & FL_ARITH);
}

/* Vector indexes that stay within memory, and masks. */
static void fix_gather(const Gen *gen, const InsnInfo *info)
{
    for (unsigned n = 0; n < 8; n++) {
        fpu_host->vec[gen->index].d[n] = n % 2 && strstr(info->name, "ERQ") ? 0 :
                                         g_rand_int_range(rnd, 0, 150);
        fpu_host->vec[gen->vvvv].d[n] = g_rand_int(rnd);
    }
}

static bool check_fault(const Insn *insn, const Gen *gen, FpuOutcome host, FpuOutcome guest)
{
    if (host.vector == guest.vector &&
        (host.vector != EXC_XM || host.mxcsr == guest.mxcsr)) {
        return true;
    }
    g_printerr("# %s: host vector %d mxcsr %04x, guest %d mxcsr %04x (was %04x):",
               insn_info[insn->op].name, host.vector, host.mxcsr, guest.vector, guest.mxcsr,
               *(uint32_t *)(fpu_host->fx + 24));
    for (unsigned n = 0; n < gen->len; n++) {
        g_printerr(" %02x", gen->byte[n]);
    }
    g_printerr("\n");
    return false;
}

/* False: they differ. *ran counts what really executed. */
static bool run_one(unsigned op, unsigned *ran)
{
    const InsnInfo *info = &insn_info[op];
    Insn insn;
    Gen gen;
    FpuOutcome guest, host;
    uint32_t flags = FL_ARITH & ~info->flags_undefined;

    random_state(info);
    gen_insn(&gen, info);
    fpu_random_floats(rnd, (uint8_t *)(gen.address & ~7ULL) - 32, 128,
                      g_rand_boolean(rnd) ? 4 : 8);
    if (info->attr & A_VSIB) {
        if (gen.reg == gen.vvvv || gen.index == gen.vvvv || gen.reg == gen.index) {
            return true;
        }
        fix_gather(&gen, info);
    }
    if (strstr(info->name, "MASKMOVQ") || strstr(info->name, "MASKMOVDQU")) {
        fpu_host->gpr[R_DI] = gen.address;
    }
    if (strstr(info->name, "LDMXCSR") && g_rand_boolean(rnd)) {
        memset((uint8_t *)gen.address + 2, 0, 2);
    }
    fpu_no_tlb = g_rand_boolean(rnd);
    fpu_copy_from_host();
    guest = fpu_run_guest(gen.byte, gen.len, &insn);
    if (guest.vector == -2 || insn.op != op) {
        /* An encoding the table gives to another form, or that is none (VEX.W, VEX.L). */
        return true;
    }
    if (!host_has(info, &insn)) {
        return true;
    }
    host = fpu_run_host(gen.byte, gen.len);
    if (host.vector >= 0 || guest.vector >= 0) {
        return check_fault(&insn, &gen, host, guest);
    }
    ++*ran;
    return fpu_compare(&insn, gen.byte, flags);
}

static void test_forms(void)
{
    unsigned forms = 0, bad = 0;

    for (unsigned op = 1; op < NR_OPS; op++) {
        unsigned ran = 0, failed = 0;

        if (insn_info[op].cls != CLASS_SSE || !host_has(&insn_info[op], NULL)) {
            continue;
        }
        for (unsigned n = 0; n < ROUNDS && failed < 2; n++) {
            failed += !run_one(op, &ran);
        }
        if (ran < ROUNDS / 10 && !failed) {
            g_printerr("# %s: ran only %u times\n", insn_info[op].name, ran);
            failed = 1;
        }
        bad += failed != 0;
        forms++;
    }
    g_test_message("%u forms", forms);
    g_assert_cmpuint(forms, >, 500);
    g_assert_cmpuint(bad, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    rnd = g_rand_new_with_seed(g_getenv("FPU_SEED") ? atoi(g_getenv("FPU_SEED")) : 1);
    fpu_double_init();
    fpu_random_floats(rnd, fpu_host->mem, MEM_SIZE, 4);
    g_test_add_func("/sse/forms", test_forms);
    return g_test_run();
}

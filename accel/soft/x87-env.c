/* x87 control instructions: control and status word, environment, FSAVE image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu-int.h"

const Op *fpu_refuse_x87(SoftCpu *cpu, const Op *op)
{
    cpu_raise(cpu, op, EXC_NM);
}

const Op *fpu_refuse_mmx(SoftCpu *cpu, const Op *op)
{
    cpu_raise(cpu, op, cpu->cr0 & CR0_EM ? EXC_UD : EXC_NM);
}

const Op *fpu_refuse_sse(SoftCpu *cpu, const Op *op)
{
    bool ud = (cpu->cr0 & CR0_EM) || !(cpu->cr4 & CR4_OSFXSR);

    cpu_raise(cpu, op, ud ? EXC_UD : EXC_NM);
}

const Op *fpu_refuse_avx(SoftCpu *cpu, const Op *op)
{
    const uint32_t need = XSTATE_SSE | XSTATE_AVX;
    bool ud = !(cpu->cr4 & CR4_OSXSAVE) || (cpu->xcr0 & need) != need;

    cpu_raise(cpu, op, ud || !(cpu->cr0 & CR0_TS) ? EXC_UD : EXC_NM);
}

const Op *x87_fwait(SoftCpu *cpu, const Op *op)
{
    if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
        cpu_raise(cpu, op, EXC_NM);
    }
    X87_WAIT(cpu, op);
    return NEXT(cpu, op);
}

const Op *x87_nop(SoftCpu *cpu, const Op *op)
{
    return NEXT(cpu, op);
}

const Op *x87_fldcw(SoftCpu *cpu, const Op *op)
{
    uint32_t fast = cpu->fx.x87_fast;

    X87_WAIT(cpu, op);
    cpu->fx.fcw = mem_ld16(cpu, op, ea_linear(cpu, op, 2, false));
    fpu_control_changed(cpu);
    /* The sticky flags are as they were: compilers change the rounding mode all the time. */
    cpu->fx.x87_fast = fast && (cpu->fx.fcw & FCW_MASKS) == FCW_MASKS;
    return NEXT(cpu, op);
}

const Op *x87_fnstcw(SoftCpu *cpu, const Op *op)
{
    mem_st16(cpu, op, ea_linear(cpu, op, 2, true), cpu->fx.fcw);
    return NEXT(cpu, op);
}

const Op *x87_fnstsw_mem(SoftCpu *cpu, const Op *op)
{
    mem_st16(cpu, op, ea_linear(cpu, op, 2, true), cpu->fx.fsw);
    return NEXT(cpu, op);
}

const Op *x87_fnstsw_ax(SoftCpu *cpu, const Op *op)
{
    reg_set(cpu, R_AX, 2, cpu->fx.fsw);
    return NEXT(cpu, op);
}

const Op *x87_fnclex(SoftCpu *cpu, const Op *op)
{
    cpu->fx.fsw &= ~(FSW_EXC | FSW_SF | FSW_ES | FSW_B);
    fpu_control_changed(cpu);
    return NEXT(cpu, op);
}

const Op *x87_fninit(SoftCpu *cpu, const Op *op)
{
    fpu_init_x87(cpu);
    return NEXT(cpu, op);
}

/*
 * The environment, Intel SDM vol. 1, figures 8-9 to 8-12: seven words of 2 or
 * 4 bytes. Words 3 to 6 are FIP, FCS with the opcode, FDP, FDS; real and
 * virtual-8086 mode spread a linear address over two of them.
 */
static bool env_is_real(const SoftCpu *cpu)
{
    return !(cpu->mode & MODE_PE) || (cpu->mode & MODE_VM86);
}

static unsigned env_build(const SoftCpu *cpu, unsigned word, uint8_t *buf)
{
    uint32_t w[7] = { cpu->fx.fcw, cpu->fx.fsw, fpu_full_tags(cpu) };

    if (env_is_real(cpu)) {
        uint32_t high = word == 2 ? 0xf : 0xffff;

        w[3] = cpu->fx.fip & 0xffff;
        w[4] = (cpu->fx.fip >> 16 & high) << 12 | (cpu->fx.fop & 0x7ff);
        w[5] = cpu->fx.fdp & 0xffff;
        w[6] = (cpu->fx.fdp >> 16 & high) << 12;
    } else {
        w[3] = cpu->fx.fip;
        w[4] = word == 4 ? (uint32_t)cpu->fx.fop << 16 : 0;
        w[5] = cpu->fx.fdp;
    }
    for (unsigned n = 0; n < 7; n++) {
        if (word == 4 && (n < 3 || (n == 6 && !env_is_real(cpu)))) {
            w[n] |= 0xffff0000;     /* reserved; reads as ones */
        }
        memcpy(buf + n * word, &w[n], word);
    }
    return 7 * word;
}

static unsigned env_apply(SoftCpu *cpu, unsigned word, const uint8_t *buf)
{
    uint32_t w[7] = { 0 };

    for (unsigned n = 0; n < 7; n++) {
        memcpy(&w[n], buf + n * word, word);
    }
    cpu->fx.fcw = w[0];
    cpu->fx.fsw = w[1];
    cpu->fx.ftw_abridged = 0;
    for (unsigned n = 0; n < 8; n++) {
        if ((w[2] >> (2 * n) & 3) != 3) {
            cpu->fx.ftw_abridged |= 1 << n;
        }
    }
    if (env_is_real(cpu)) {
        cpu->fx.fip = (w[3] & 0xffff) | (uint64_t)(w[4] >> 12 & 0xffff) << 16;
        cpu->fx.fdp = (w[5] & 0xffff) | (uint64_t)(w[6] >> 12 & 0xffff) << 16;
        cpu->fx.fop = w[4] & 0x7ff;
    } else {
        cpu->fx.fip = w[3];
        cpu->fx.fdp = w[5];
        cpu->fx.fop = word == 4 ? w[4] >> 16 & 0x7ff : 0;
    }
    fpu_control_changed(cpu);
    return 7 * word;
}

static unsigned env_word(const Op *op)
{
    return op->i.opsz == 2 ? 2 : 4;
}

static NOINLINE void env_load(SoftCpu *cpu, const Op *op, bool registers)
{
    uint8_t buf[28 + 80];
    unsigned word = env_word(op), size = 7 * word + (registers ? 80 : 0), top;

    mem_load_bytes(cpu, op, ea_linear(cpu, op, size, false), buf, size);
    env_apply(cpu, word, buf);
    top = (cpu->fx.fsw & FSW_TOP) >> FSW_TOP_SHIFT;
    for (unsigned n = 0; registers && n < 8; n++) {
        memcpy(cpu->fx.st[(top + n) & 7], buf + 7 * word + 10 * n, 10);
    }
}

static NOINLINE void env_store(SoftCpu *cpu, const Op *op, bool registers)
{
    uint8_t buf[28 + 80];
    unsigned word = env_word(op), size = 7 * word + (registers ? 80 : 0);
    unsigned top = (cpu->fx.fsw & FSW_TOP) >> FSW_TOP_SHIFT;

    env_build(cpu, word, buf);
    for (unsigned n = 0; registers && n < 8; n++) {
        memcpy(buf + 7 * word + 10 * n, cpu->fx.st[(top + n) & 7], 10);
    }
    mem_store_bytes(cpu, op, ea_linear(cpu, op, size, true), buf, size);
}

const Op *x87_fldenv(SoftCpu *cpu, const Op *op)
{
    X87_WAIT(cpu, op);
    env_load(cpu, op, false);
    return NEXT(cpu, op);
}

const Op *x87_frstor(SoftCpu *cpu, const Op *op)
{
    X87_WAIT(cpu, op);
    env_load(cpu, op, true);
    return NEXT(cpu, op);
}

const Op *x87_fnstenv(SoftCpu *cpu, const Op *op)
{
    env_store(cpu, op, false);
    cpu->fx.fcw |= FCW_MASKS;
    fpu_control_changed(cpu);
    return NEXT(cpu, op);
}

const Op *x87_fnsave(SoftCpu *cpu, const Op *op)
{
    env_store(cpu, op, true);
    fpu_init_x87(cpu);
    return NEXT(cpu, op);
}

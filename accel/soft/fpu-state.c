/* FP and SIMD state of a vCPU: reset, derived fields, FXSAVE and XSAVE images */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu.h"

/* Offsets in the FXSAVE area, Intel SDM vol. 1, table 10-2. */
enum { FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_FOP = 6, FX_FIP = 8, FX_FDP = 16, FX_MXCSR = 24,
       FX_MXCSR_MASK = 28 };

static unsigned fpu_top(const SoftCpu *cpu)
{
    return (cpu->fx.fsw & FSW_TOP) >> FSW_TOP_SHIFT;
}

void fpu_set_mxcsr(SoftCpu *cpu, uint32_t mxcsr)
{
    cpu->fx.mxcsr = mxcsr & MXCSR_VALID;
    cpu->fx.mxcsr_mask = MXCSR_VALID;
    cpu->fx.mxcsr_run = cpu->fx.mxcsr | MXCSR_MASKS;
    if ((mxcsr & MXCSR_MASKS) != MXCSR_MASKS) {
        /* What an instruction raises must be seen even when the flag was set before. */
        cpu->fx.mxcsr_run &= ~MXCSR_EXC;
        /*
         * Unmasked underflow is raised for every tiny result, a masked one only for
         * inexact ones (SDM vol. 1, 4.9.1.5) - but flush-to-zero sees them all. The
         * guest's own FTZ has no effect while underflow is unmasked.
         */
        if (!(mxcsr & MXCSR_UM)) {
            cpu->fx.mxcsr_run |= MXCSR_FTZ;
        }
    }
    /*
     * Sticky flags do not matter to our own code, and LDMXCSR is dear when it
     * changes anything: mostly the guest's value can stay.
     */
    cpu->fx.mxcsr_host = MXCSR_INIT;
    if ((cpu->fx.mxcsr_run & ~MXCSR_EXC) == MXCSR_INIT) {
        cpu->fx.mxcsr_host = cpu->fx.mxcsr_run;
    }
}

void fpu_control_changed(SoftCpu *cpu)
{
    cpu->fx.fcw = (cpu->fx.fcw & ~0xe0c0) | 0x40;  /* bit 6 reads as 1, the reserved ones as 0 */
    cpu->fx.fsw &= ~(FSW_ES | FSW_B);
    if (cpu->fx.fsw & ~cpu->fx.fcw & FSW_EXC) {
        cpu->fx.fsw |= FSW_ES | FSW_B;
    }
    cpu->fx.x87_fast = 0;
}

void fpu_init_x87(SoftCpu *cpu)
{
    cpu->fx.fcw = FCW_INIT;
    cpu->fx.fsw = 0;
    cpu->fx.ftw_abridged = 0;
    cpu->fx.fop = 0;
    cpu->fx.fip = 0;
    cpu->fx.fdp = 0;
    fpu_control_changed(cpu);
}

void fpu_reset(SoftCpu *cpu, bool cold)
{
    if (!cold) {
        fpu_set_mxcsr(cpu, cpu->fx.mxcsr);
        fpu_control_changed(cpu);
        return;
    }
    memset(&cpu->fx, 0, sizeof(cpu->fx));
    memset(cpu->vec, 0, sizeof(cpu->vec));
    /* After RESET, unlike after FINIT: all masks clear and the registers tagged zero. */
    cpu->fx.fcw = 0x40;
    cpu->fx.ftw_abridged = 0xff;
    fpu_set_mxcsr(cpu, MXCSR_INIT);
    fpu_control_changed(cpu);
}

uint16_t fpu_full_tags(const SoftCpu *cpu)
{
    uint16_t tags = 0;

    for (unsigned r = 0; r < 8; r++) {
        const uint8_t *cell = cpu->fx.st[r];
        uint64_t mantissa;
        uint16_t exponent;
        unsigned tag;

        memcpy(&mantissa, cell, 8);
        memcpy(&exponent, cell + 8, 2);
        exponent &= 0x7fff;
        if (!(cpu->fx.ftw_abridged & (1 << r))) {
            tag = 3;
        } else if (exponent == 0 && mantissa == 0) {
            tag = 1;
        } else if (exponent == 0 || exponent == 0x7fff || !(mantissa >> 63)) {
            tag = 2;
        } else {
            tag = 0;
        }
        tags |= tag << (2 * r);
    }
    return tags;
}

void fpu_get_x87(const SoftCpu *cpu, uint8_t *buf, bool wide)
{
    unsigned top = fpu_top(cpu);

    memset(buf, 0, 24);
    memcpy(buf + FX_FCW, &cpu->fx.fcw, 2);
    memcpy(buf + FX_FSW, &cpu->fx.fsw, 2);
    buf[FX_FTW] = cpu->fx.ftw_abridged;
    memcpy(buf + FX_FOP, &cpu->fx.fop, 2);
    memcpy(buf + FX_FIP, &cpu->fx.fip, wide ? 8 : 4);
    memcpy(buf + FX_FDP, &cpu->fx.fdp, wide ? 8 : 4);
    memset(buf + FX_ST, 0, 128);
    for (unsigned n = 0; n < 8; n++) {
        memcpy(buf + FX_ST + 16 * n, cpu->fx.st[(top + n) & 7], 10);
    }
}

void fpu_set_x87(SoftCpu *cpu, const uint8_t *buf, bool wide)
{
    unsigned top;

    memcpy(&cpu->fx.fcw, buf + FX_FCW, 2);
    memcpy(&cpu->fx.fsw, buf + FX_FSW, 2);
    cpu->fx.ftw_abridged = buf[FX_FTW];
    memcpy(&cpu->fx.fop, buf + FX_FOP, 2);
    cpu->fx.fop &= 0x7ff;
    cpu->fx.fip = 0;
    cpu->fx.fdp = 0;
    memcpy(&cpu->fx.fip, buf + FX_FIP, wide ? 8 : 4);
    memcpy(&cpu->fx.fdp, buf + FX_FDP, wide ? 8 : 4);
    top = fpu_top(cpu);
    for (unsigned n = 0; n < 8; n++) {
        uint8_t *cell = cpu->fx.st[(top + n) & 7];

        memcpy(cell, buf + FX_ST + 16 * n, 10);
        memset(cell + 10, 0, 6);
    }
    fpu_control_changed(cpu);
}

void fpu_get_fxsave(const SoftCpu *cpu, uint8_t buf[FXSAVE_SIZE])
{
    memset(buf, 0, FXSAVE_SIZE);
    fpu_get_x87(cpu, buf, true);
    memcpy(buf + FX_MXCSR, &cpu->fx.mxcsr, 4);
    memcpy(buf + FX_MXCSR_MASK, &cpu->fx.mxcsr_mask, 4);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(buf + FX_XMM + 16 * n, &cpu->vec[n], 16);
    }
}

void fpu_set_fxsave(SoftCpu *cpu, const uint8_t buf[FXSAVE_SIZE])
{
    uint32_t mxcsr;

    fpu_set_x87(cpu, buf, true);
    memcpy(&mxcsr, buf + FX_MXCSR, 4);
    fpu_set_mxcsr(cpu, mxcsr);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(&cpu->vec[n], buf + FX_XMM + 16 * n, 16);
    }
}

uint32_t fpu_xinuse(const SoftCpu *cpu)
{
    uint64_t low = 0, high = 0, st = 0;
    uint32_t in_use = 0;

    for (unsigned n = 0; n < 16; n++) {
        low |= cpu->vec[n].q[0] | cpu->vec[n].q[1];
        high |= cpu->vec[n].q[2] | cpu->vec[n].q[3];
    }
    for (unsigned n = 0; n < 8; n++) {
        uint64_t cell[2];

        memcpy(cell, cpu->fx.st[n], 16);
        st |= cell[0] | cell[1];
    }
    if (cpu->fx.fcw != FCW_INIT || cpu->fx.fsw || cpu->fx.ftw_abridged || cpu->fx.fop ||
        cpu->fx.fip || cpu->fx.fdp || st) {
        in_use |= XSTATE_X87;
    }
    return in_use | (low ? XSTATE_SSE : 0) | (high ? XSTATE_AVX : 0);
}

void fpu_get_xsave(const SoftCpu *cpu, uint8_t buf[XSAVE_SIZE])
{
    uint64_t present = XSTATE_ALL;

    memset(buf, 0, XSAVE_SIZE);
    fpu_get_fxsave(cpu, buf);
    memcpy(buf + XSAVE_HEADER, &present, 8);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(buf + XSAVE_AVX_OFFSET + 16 * n, &cpu->vec[n].b[16], 16);
    }
}

bool fpu_set_xsave(SoftCpu *cpu, const uint8_t buf[XSAVE_SIZE])
{
    static const uint8_t zero[128];
    uint64_t present, compact;
    uint32_t mxcsr;

    memcpy(&present, buf + XSAVE_HEADER, 8);
    memcpy(&compact, buf + XSAVE_HEADER + 8, 8);
    memcpy(&mxcsr, buf + FX_MXCSR, 4);
    if (compact || (present & ~(uint64_t)XSTATE_ALL) || (mxcsr & ~MXCSR_VALID)) {
        return false;
    }
    if (present & XSTATE_X87) {
        fpu_set_x87(cpu, buf, true);
    } else {
        memset(cpu->fx.st, 0, sizeof(cpu->fx.st));
        fpu_init_x87(cpu);
    }
    fpu_set_mxcsr(cpu, mxcsr);
    for (unsigned n = 0; n < 16; n++) {
        memcpy(&cpu->vec[n].b[0], present & XSTATE_SSE ? buf + FX_XMM + 16 * n : zero, 16);
        memcpy(&cpu->vec[n].b[16],
               present & XSTATE_AVX ? buf + XSAVE_AVX_OFFSET + 16 * n : zero, 16);
    }
    return true;
}

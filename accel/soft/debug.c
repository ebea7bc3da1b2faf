/* Debugging the guest by itself: DR0-7, watched pages, single step */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/sys.h"

/* DR7: two enable bits each, then type and length fields of four bits each from bit 16. */
enum { DR_EXEC = 0, DR_WRITE = 1, DR_IO = 2, DR_ACCESS = 3 };

#define DR6_BS BIT(14)

static bool enabled(const SoftCpu *cpu, unsigned n)
{
    return cpu->dr[7] >> (n * 2) & 3;
}

static unsigned type_of(const SoftCpu *cpu, unsigned n)
{
    return cpu->dr[7] >> (16 + n * 4) & 3;
}

static unsigned length_of(const SoftCpu *cpu, unsigned n)
{
    static const uint8_t lengths[] = { 1, 2, 8, 4 };

    return lengths[cpu->dr[7] >> (18 + n * 4) & 3];
}

void debug_write_dr(SoftCpu *cpu, unsigned n, uint64_t value)
{
    if (n == 6) {
        value = (value & 0xe00f) | 0xffff0ff0;
    } else if (n == 7) {
        value = (value & 0xffff23ff) | 0x400;
    }
    cpu->dr[n] = value;
    cpu->priv->breakpoints = false;
    for (unsigned i = 0; i < 4; i++) {
        cpu->priv->breakpoints |= enabled(cpu, i);
    }
    if (n != 6) {
        tlb_flush_all(cpu);     /* watched pages leave the arrays, others come back */
    }
}

bool debug_has_code_breakpoints(SoftCpu *cpu)
{
    /* Data breakpoints too: their trap comes behind the one instruction of such blocks. */
    return cpu->priv->breakpoints;
}

bool debug_watches_page(SoftCpu *cpu, uint64_t la)
{
    if (unlikely(gdb_watches_page(la))) {
        return true;
    }
    if (likely(!cpu->priv->breakpoints)) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (enabled(cpu, i) && (type_of(cpu, i) & 1) && (cpu->dr[i] ^ la) >> 12 == 0) {
            return true;
        }
    }
    return false;
}

/* DR6 shows every match; the trap comes behind the instruction and asks for an enabled one. */
static void note_hit(SoftCpu *cpu, unsigned n)
{
    cpu->priv->dr6_pending |= BIT(n);
    if (enabled(cpu, n)) {
        cpu->priv->data_trap = true;
        cpu->exit_request |= EXIT_EVENT;
    }
}

void debug_check_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write)
{
    if (gdb_watches_page(la)) {
        gdb_check_access(cpu, op, la, size, write);
    }
    if (likely(!cpu->priv->breakpoints)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned length = length_of(cpu, i), type = type_of(cpu, i);
        uint64_t at = cpu->dr[i] & ~(uint64_t)(length - 1);

        if ((type == DR_ACCESS || (type == DR_WRITE && write))
            && la < at + length && at < la + size) {
            note_hit(cpu, i);
        }
    }
}

void debug_check_io(SoftCpu *cpu, uint16_t port, unsigned size)
{
    if (likely(!cpu->priv->breakpoints) || !(cpu->cr4 & CR4_DE)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned length = length_of(cpu, i);
        uint64_t at = cpu->dr[i] & ~(uint64_t)(length - 1);

        if (type_of(cpu, i) == DR_IO && port < at + length && at < port + size) {
            note_hit(cpu, i);
        }
    }
}

void debug_probe_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    gdb_probe_access(cpu, op, la, size);
}

void debug_check_fetch(SoftCpu *cpu, uint64_t la)
{
    uint32_t hits = 0;
    bool trap = false;

    if ((cpu->eflags & FL_RF) || cpu->irq_shadow == SHADOW_SS) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (type_of(cpu, i) == DR_EXEC && cpu->dr[i] == la) {
            hits |= BIT(i);
            trap |= enabled(cpu, i);
        }
    }
    if (trap) {
        cpu->dr[6] = (cpu->dr[6] & ~0xfULL) | hits;
        cpu->priv->db_is_fault = true;
        cpu_raise(cpu, NULL, EXC_DB);
    }
}

void debug_report_pending(SoftCpu *cpu)
{
    cpu->dr[6] = (cpu->dr[6] & ~0xfULL) | cpu->priv->dr6_pending;
    cpu->priv->dr6_pending = 0;
    cpu->priv->data_trap = false;
}

void debug_faulted(SoftCpu *cpu)
{
    cpu->priv->dr6_pending = 0;
    cpu->priv->data_trap = false;
    cpu->priv->step_suppress = false;
}

/* Traps due behind the instruction that just ended: data breakpoints and the step. */
static void raise_traps(SoftCpu *cpu, uint32_t bits)
{
    debug_report_pending(cpu);
    cpu->dr[6] |= bits;
    cpu_raise(cpu, NULL, EXC_DB);
}

void debug_data_trap(SoftCpu *cpu)
{
    if (cpu->priv->data_trap) {
        raise_traps(cpu, 0);
    }
}

void debug_step_flags(SoftCpu *cpu)
{
    if (!(cpu->eflags & FL_TF)) {
        cpu->priv->step_suppress = cpu->mode & MODE_TF;
    } else if (!(cpu->mode & MODE_TF)) {
        cpu->priv->dr6_pending |= DR6_BS;
        cpu->priv->data_trap = true;
        cpu->exit_request |= EXIT_EVENT;
    }
}

void debug_step_done(SoftCpu *cpu)
{
    if (cpu->priv->step_suppress) {
        cpu->priv->step_suppress = false;
        return;
    }
    raise_traps(cpu, DR6_BS);
}

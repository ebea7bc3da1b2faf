/* gdb's view of a CPU's registers: numbers, values, the target description */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_GDB_REGS_H
#define SYSTEM_GDB_REGS_H

#include <glib.h>
#include <stdbool.h>

#include "accel/cpu-state.h"

typedef struct Vcpu Vcpu;

/* Which registers there are follows from the CPU's model. */
typedef struct GdbRegs {
    bool long_mode, avx;
    GArray *list;               /* private to gdb-regs.c */
} GdbRegs;

void gdb_regs_init(GdbRegs *regs, bool long_mode, bool avx);
void gdb_regs_destroy(GdbRegs *regs);
unsigned gdb_regs_count(const GdbRegs *regs);
/* Bytes of register n. */
unsigned gdb_reg_size(const GdbRegs *regs, unsigned n);
#define GDB_REG_MAX_BYTES 16
/* In the guest's byte order, gdb_reg_size() of them. */
void gdb_reg_get(const GdbRegs *regs, const CpuState *s, unsigned n, void *buf);
/* cpu has the descriptor tables of segment registers. False: this value cannot be. */
bool gdb_reg_set(const GdbRegs *regs, Vcpu *cpu, CpuState *s, unsigned n, const void *buf);
/* What qXfer:features:read:target.xml gives. */
char *gdb_regs_xml(const GdbRegs *regs);

#endif

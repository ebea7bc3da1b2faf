/* Bytes to Insn: the x86 instruction decoder */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_DECODE_H
#define ACCEL_SOFT_DECODE_H

#include "accel/soft/insn-info.h"

/*
 * Decode one instruction from bytes, of which avail may be read. mode is a mode
 * word (soft-cpu.h): MODE_CODE*, and outside 64-bit code also MODE_PE and
 * MODE_VM86, which decide whether VEX and the protected-mode instructions exist.
 *
 * Returns the length (1..15); 0 when more bytes than avail are needed to know;
 * -EXC_UD (-6) for what is no instruction in this mode, illegal LOCK included;
 * -EXC_GP (-13) when longer than 15 bytes. No side effects but *out.
 *
 * CPUID features, CR bits and privilege are not looked at: see insn_feature(),
 * the mode word and A_CPL0.
 */
int insn_decode(Insn *out, const uint8_t *bytes, unsigned avail, unsigned mode);

#endif

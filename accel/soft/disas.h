/* Insn to text: the x86 disassembler (AT&T syntax, as objdump writes it) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_DISAS_H
#define ACCEL_SOFT_DISAS_H

#include <glib.h>

#include "accel/soft/insn-info.h"

/*
 * Write the instruction at pc as text; returns the text's length, cut to fit.
 * mode: MODE_CODE* of a mode word, the one it was decoded with.
 */
int insn_disas(char *buf, size_t size, const Insn *i, uint64_t pc, unsigned mode);
/* A line of a listing: the address, the bytes, and what they are. */
void insn_print_line(GString *out, uint64_t pc, const uint8_t *bytes, unsigned len,
                     const char *text);

#endif

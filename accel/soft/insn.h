/* The decoded x86 instruction: what decode.c makes and everything else reads */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_INSN_H
#define ACCEL_SOFT_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* General registers in encoding order; byte forms without REX use 4..7 for AH CH DH BH. */
enum {
    R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI,
    R_8, R_9, R_10, R_11, R_12, R_13, R_14, R_15,
    R_NONE = 16,    /* SoftCpu.gpr[16] is always zero */
    R_RIP = 17,     /* SoftCpu.gpr[17]: only as base in a block's copy, disp then counts from the block */
};

/* Segment registers in encoding order. */
enum { S_ES, S_CS, S_SS, S_DS, S_FS, S_GS, NR_SEGS };

/* Insn.prefix */
enum {
    PFX_LOCK = 1, PFX_REP = 2 /* F3 */, PFX_REPNE = 4 /* F2 */, PFX_OPSIZE = 8,
    PFX_ADDR = 16, PFX_SEG = 32, PFX_VEX = 64,
};

/* Insn.flags: set by block analysis, except INSN_RIP_REL and INSN_MODRM from the decoder. */
enum {
    INSN_MODRM = 1,     /* has a ModRM byte */
    INSN_MEM = 2,       /* its ModRM (or moffs) names memory: base, index, scale, disp, seg valid */
    INSN_RIP_REL = 4,   /* disp is relative to the next instruction's RIP */
    INSN_FLAGS_DEAD = 8,/* arithmetic flags it writes are overwritten before any use */
    INSN_FUSED = 16,    /* executed together with the following jcc */
};

/*
 * Decoded once, never changed. 32 bytes.
 *
 * imm: immediate sign-extended to 64 bits (Is, Iz, Iv) or zero-extended (Ib, Iw),
 * use its low opsz bytes; for relative branches the sign-extended displacement;
 * moffs: the full address; far pointers: offset | selector << 32; ENTER: size |
 * level << 16.
 */
typedef struct Insn {
    uint16_t op;        /* InsnOp, a row of insn-table.h */
    uint8_t len:4;      /* 1..15 */
    uint8_t opsz:4;     /* integer operand size in bytes: 1 2 4 8 */
    uint8_t prefix;     /* PFX_* */
    uint8_t modrm;      /* raw byte when INSN_MODRM */
    uint8_t rex;        /* W R X B in bits 3..0 (from REX or VEX), 0x40 set when a REX byte was present */
    uint8_t reg;        /* ModRM.reg with REX.R, or opcode's low bits with REX.B: 0..15 */
    uint8_t rm;         /* ModRM.rm with REX.B as register when not INSN_MEM: 0..15 */
    uint8_t base, index;/* R_* or R_NONE */
    uint8_t scale:2;    /* log2: 0..3 */
    uint8_t map:3;      /* MAP_* (insn-info.h) */
    uint8_t pp:2;       /* PP_*: the mandatory prefix, or what F3/F2/66 there was */
    uint8_t seg:4;      /* effective segment of the memory operand, defaults applied */
    uint8_t adsz:4;     /* address size in bytes: 2 4 8 */
    uint8_t opcode;     /* last opcode byte, as read */
    uint8_t vl;         /* vector length in bytes: 0 (not vector), 16, 32 */
    uint8_t vvvv;       /* VEX.vvvv, uninverted: 0..15 */
    uint8_t flags;      /* INSN_* */
    int32_t disp;
    uint32_t next;      /* in a block: offset of the next instruction from the block's start */
    uint64_t imm;
} Insn;

_Static_assert(sizeof(Insn) == 32, "Insn is small");

#endif

/* What the instruction table says of each instruction form: InsnOp, InsnInfo, operand letters */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_INSN_INFO_H
#define ACCEL_SOFT_INSN_INFO_H

#include "accel/soft/insn.h"

/* OP_<MNEMONIC>_<OPERANDS>, 0 is OP_INVALID (never decoded). */
typedef enum InsnOp {
    OP_INVALID,
#define ROW(op, ...) op,
#include "accel/soft/insn-table.h"
    NR_OPS,
} InsnOp;

/* Which file's pick function owns the form: pick_int, pick_string, ... */
typedef enum InsnClass { CLASS_INT, CLASS_STRING, CLASS_SYS, CLASS_X87, CLASS_SSE } InsnClass;

/* How the translator treats it, see cpu.md. */
typedef enum InsnEmit { EMIT_COPY, EMIT_INT, EMIT_BRANCH, EMIT_HELPER, EMIT_END } InsnEmit;

/* CPUID features that can hide a form. FEAT_BASE is always there. */
typedef enum InsnFeature {
    FEAT_BASE, FEAT_FPU, FEAT_TSC, FEAT_MSR, FEAT_CX8, FEAT_SEP, FEAT_CMOV, FEAT_CLFLUSH,
    FEAT_MMX, FEAT_FXSR, FEAT_SSE, FEAT_SSE2, FEAT_SSE3, FEAT_SSSE3, FEAT_SSE41, FEAT_SSE42,
    FEAT_MONITOR, FEAT_PCLMUL, FEAT_FMA, FEAT_CX16, FEAT_MOVBE, FEAT_POPCNT, FEAT_AES,
    FEAT_XSAVE, FEAT_AVX, FEAT_F16C, FEAT_RDRAND, FEAT_FSGSBASE, FEAT_BMI1, FEAT_AVX2,
    FEAT_BMI2, FEAT_INVPCID, FEAT_RDSEED, FEAT_ADX, FEAT_SMAP, FEAT_CLFLUSHOPT, FEAT_CLWB,
    FEAT_SHA, FEAT_PKU, FEAT_RDPID, FEAT_XSAVEOPT, FEAT_XSAVEC, FEAT_XSAVES, FEAT_SYSCALL,
    FEAT_RDTSCP, FEAT_LAHF64, FEAT_LZCNT, FEAT_PREFETCHW, FEAT_LM, FEAT_HYPERCALL,
    FEAT_SERIALIZE, NR_FEATS,
} InsnFeature;

/* Opcode maps. The VEX maps 1..3 are apart from the legacy ones. */
enum { MAP_1B, MAP_0F, MAP_0F38, MAP_0F3A, MAP_V1, MAP_V2, MAP_V3, NR_MAPS };

/* Insn.pp, and bits of InsnInfo.prefixes: F2/F3 beat 66, the last of F2/F3 counts. */
enum { PP_NONE, PP_66, PP_F3, PP_F2 };

/* InsnInfo.width: how Insn.opsz comes about. */
typedef enum InsnWidth {
    WIDTH__,    /* nothing to say: as v */
    WIDTH_b, WIDTH_w, WIDTH_d, WIDTH_q, /* always 1, 2, 4, 8 */
    WIDTH_v,    /* 2 4 8 by mode, 66 and REX.W */
    WIDTH_z,    /* 2 4 by mode and 66: REX.W does not matter */
    WIDTH_y,    /* 4, or 8 with W in 64-bit code; 66 does not matter */
    WIDTH_n,    /* native: 8 in 64-bit code, else 4 */
    WIDTH_d64,  /* v, but 8 by default in 64-bit code (stack) */
    WIDTH_f64,  /* v, but always 8 in 64-bit code (near branches, 66 ignored as Intel does) */
} InsnWidth;

/* InsnInfo.access: what happens to the operands. Operands 2.. are only read unless said. */
typedef enum InsnAccess {
    ACC_R,      /* all are only read */
    ACC_W,      /* the first is only written */
    ACC_RW,     /* the first is read and written */
    ACC_WW,     /* the first two are only written (MULX) */
    ACC_XX,     /* the first two are read and written (XCHG, XADD, gathers with their mask third) */
} InsnAccess;

/* InsnInfo.attr */
enum {
    A_LOCK = 1 << 0,    /* LOCK allowed with a memory destination */
    A_NO64 = 1 << 1,    /* #UD in 64-bit code */
    A_O64 = 1 << 2,     /* only in 64-bit code */
    A_PE = 1 << 3,      /* #UD in real and virtual-8086 mode */
    A_REP = 1 << 4,     /* REP is honoured */
    A_ALIGN = 1 << 5,   /* VEX form whose memory operand must be aligned to its size */
    A_UNAL = 1 << 6,    /* legacy SSE form whose 16-byte memory operand may be unaligned */
    A_W0 = 1 << 7, A_W1 = 1 << 8,   /* VEX.W as given */
    A_L0 = 1 << 9, A_L1 = 1 << 10,  /* VEX.L as given */
    A_L1AVX2 = 1 << 11, /* the 256-bit form is AVX2 */
    A_VSIB = 1 << 12,   /* SIB with a vector index, as wide as VL ... */
    A_VSIBH = 1 << 13,  /* ... or (with A_VSIB) half of it */
    A_NOREXB = 1 << 14, /* form is only this when REX.B is clear (NOP) */
    A_MODRR = 1 << 15,  /* ModRM.mod is taken as 3 whatever it says (MOV CR/DR) */
    A_FAULTS = 1 << 16, /* may fault besides by its memory operand (DIV, privileged ...) */
    A_FP = 1 << 17,     /* may raise #XM: floating-point arithmetic governed by MXCSR */
    A_CPL0 = 1 << 18,   /* #GP unless CPL 0 */
};

/* ModRM constraints: InsnInfo.mrm */
#define MRM_N    0x0000     /* no ModRM byte */
#define MRM_Z    0x8000     /* none; the low three opcode bits are a register: eight opcodes */
#define MRM_MEM  0x0100     /* memory forms match */
#define MRM_REG  0x0200     /* register forms match */
#define MRM_EXT  0x1000     /* ModRM.reg must be (mrm & 7) */
#define MRM_BYTE 0x2000     /* the whole byte must be (mrm & 0xff) */
#define MRM_R    (MRM_MEM | MRM_REG)
#define MRM_R0   (MRM_R | MRM_EXT)
#define MRM_R1   (MRM_R0 | 1)
#define MRM_R2   (MRM_R0 | 2)
#define MRM_R3   (MRM_R0 | 3)
#define MRM_R4   (MRM_R0 | 4)
#define MRM_R5   (MRM_R0 | 5)
#define MRM_R6   (MRM_R0 | 6)
#define MRM_R7   (MRM_R0 | 7)
#define MRM_M    MRM_MEM
#define MRM_M0   (MRM_M | MRM_EXT)
#define MRM_M1   (MRM_M0 | 1)
#define MRM_M2   (MRM_M0 | 2)
#define MRM_M3   (MRM_M0 | 3)
#define MRM_M4   (MRM_M0 | 4)
#define MRM_M5   (MRM_M0 | 5)
#define MRM_M6   (MRM_M0 | 6)
#define MRM_M7   (MRM_M0 | 7)
#define MRM_X    MRM_REG
#define MRM_X0   (MRM_X | MRM_EXT)
#define MRM_X1   (MRM_X0 | 1)
#define MRM_X2   (MRM_X0 | 2)
#define MRM_X3   (MRM_X0 | 3)
#define MRM_X4   (MRM_X0 | 4)
#define MRM_X5   (MRM_X0 | 5)
#define MRM_X6   (MRM_X0 | 6)
#define MRM_X7   (MRM_X0 | 7)
#define MRM_B(x) (MRM_X | MRM_BYTE | (x))

/* Where an operand is found. */
typedef enum OpndKind {
    K_NONE,
    K_GREG,     /* general register Insn.reg (ModRM.reg) */
    K_ZREG,     /* general register Insn.reg (opcode's low bits) */
    K_RM,       /* general register Insn.rm or memory */
    K_RMREG,    /* general register Insn.rm */
    K_MEM,      /* memory */
    K_MOFFS,    /* memory at Insn.imm */
    K_VVVVREG,  /* general register Insn.vvvv */
    K_FIXED,    /* register or constant of the form: AL rAX CL DX 1 */
    K_IMM,      /* immediate, zero-extended */
    K_SIMM,     /* immediate, sign-extended to 64 bits: use the low opsz bytes */
    K_REL,      /* branch displacement */
    K_FAR,      /* far pointer in the instruction */
    K_SREG,     /* segment register Insn.reg */
    K_FIXSREG,  /* segment register of the form */
    K_CREG, K_DREG,     /* control, debug register Insn.reg */
    K_STRSRC, K_STRDST, /* string operands: seg:[rSI], ES:[rDI] */
    K_XREG,     /* vector register Insn.reg */
    K_XVVVV,    /* vector register Insn.vvvv */
    K_XRM,      /* vector register Insn.rm or memory */
    K_XRMREG,   /* vector register Insn.rm */
    K_XIS4,     /* vector register Insn.imm >> 4 */
    K_VSIB,     /* memory elements by a vector index */
    K_MREG,     /* MMX register Insn.reg */
    K_MRM,      /* MMX register Insn.rm or memory */
    K_MRMREG,   /* MMX register Insn.rm */
    K_ST0, K_STI,       /* x87 stack: top, Insn.rm */
} OpndKind;

/* How big it is. Plain numbers are bytes. */
enum {
    SZ_NONE = 0,
    SZ_V = 64,      /* Insn.opsz */
    SZ_X,           /* Insn.vl */
    SZ_H, SZ_F, SZ_E,   /* a half, a fourth, an eighth of vl; as register an xmm */
    SZ_P,           /* far pointer: 2 + opsz */
    SZ_A,           /* BOUND pair: 2 * opsz */
    SZ_S,           /* descriptor-table pseudo-operand: 2 + 4 or 8 */
    SZ_Z,           /* opsz, at most 4 */
    SZ_BIG,         /* state area, see the instruction */
};

/*
 * The operand letters: the manual's addressing letter and type. OPND(letters, kind, size)
 * Types: b w d q dq qq plain sizes, v z y by operand size, x by vector length,
 * h f e fractions of it, ss sd scalar floats, t 80-bit, s table, p far pointer, a pair.
 */
#define OPND_LIST(OPND)                                                                      \
    OPND(_, K_NONE, 0)                                                                       \
    OPND(Gb, K_GREG, 1) OPND(Gw, K_GREG, 2) OPND(Gd, K_GREG, 4) OPND(Gv, K_GREG, SZ_V)        \
    OPND(Gy, K_GREG, SZ_V) OPND(Gz, K_GREG, SZ_Z)                                            \
    OPND(Zb, K_ZREG, 1) OPND(Zv, K_ZREG, SZ_V)                                               \
    OPND(Eb, K_RM, 1) OPND(Ew, K_RM, 2) OPND(Ed, K_RM, 4) OPND(Eq, K_RM, 8)                  \
    OPND(Ev, K_RM, SZ_V) OPND(Ey, K_RM, SZ_V) OPND(Ez, K_RM, SZ_Z)                  \
    OPND(Rv, K_RMREG, SZ_V) OPND(Ry, K_RMREG, SZ_V) OPND(Rn, K_RMREG, SZ_V)                  \
    OPND(M, K_MEM, 0) OPND(Mb, K_MEM, 1) OPND(Mw, K_MEM, 2) OPND(Md, K_MEM, 4)               \
    OPND(Mq, K_MEM, 8) OPND(Mt, K_MEM, 10) OPND(Mdq, K_MEM, 16) OPND(Mqq, K_MEM, 32)         \
    OPND(Mv, K_MEM, SZ_V) OPND(My, K_MEM, SZ_V) OPND(Mx, K_MEM, SZ_X) OPND(Mp, K_MEM, SZ_P)  \
    OPND(Ma, K_MEM, SZ_A) OPND(Ms, K_MEM, SZ_S) OPND(Mbig, K_MEM, SZ_BIG)                    \
    OPND(Mss, K_MEM, 4) OPND(Msd, K_MEM, 8)                                                  \
    OPND(Ob, K_MOFFS, 1) OPND(Ov, K_MOFFS, SZ_V)                                             \
    OPND(By, K_VVVVREG, SZ_V)                                                                \
    OPND(AL, K_FIXED, 1) OPND(AX, K_FIXED, 2) OPND(rAX, K_FIXED, SZ_V) OPND(CL, K_FIXED, 1)  \
    OPND(DX, K_FIXED, 2) OPND(1, K_FIXED, 1)                                                 \
    OPND(Ib, K_IMM, 1) OPND(Iw, K_IMM, 2) OPND(Is, K_SIMM, 1) OPND(Iz, K_SIMM, SZ_Z)         \
    OPND(Iv, K_SIMM, SZ_V) OPND(Jb, K_REL, 1) OPND(Jz, K_REL, SZ_Z) OPND(Ap, K_FAR, SZ_P)    \
    OPND(Sw, K_SREG, 2) OPND(ES, K_FIXSREG, 2) OPND(CS, K_FIXSREG, 2) OPND(SS, K_FIXSREG, 2) \
    OPND(DS, K_FIXSREG, 2) OPND(FS, K_FIXSREG, 2) OPND(GS, K_FIXSREG, 2)                     \
    OPND(Cn, K_CREG, SZ_V) OPND(Dn, K_DREG, SZ_V)                                            \
    OPND(Xb, K_STRSRC, 1) OPND(Xv, K_STRSRC, SZ_V) OPND(Yb, K_STRDST, 1)                     \
    OPND(Yv, K_STRDST, SZ_V)                                                                 \
    OPND(Vx, K_XREG, SZ_X) OPND(Vh, K_XREG, SZ_H) OPND(Vdq, K_XREG, 16)                      \
    OPND(Vqq, K_XREG, 32) OPND(Vq, K_XREG, 8) OPND(Vd, K_XREG, 4) OPND(Vss, K_XREG, 4)       \
    OPND(Vsd, K_XREG, 8)                                                                     \
    OPND(Hx, K_XVVVV, SZ_X) OPND(Hh, K_XVVVV, SZ_H) OPND(Hdq, K_XVVVV, 16)                   \
    OPND(Hqq, K_XVVVV, 32) OPND(Hq, K_XVVVV, 8) OPND(Hss, K_XVVVV, 4) OPND(Hsd, K_XVVVV, 8)  \
    OPND(Wx, K_XRM, SZ_X) OPND(Wh, K_XRM, SZ_H) OPND(Wf, K_XRM, SZ_F) OPND(We, K_XRM, SZ_E)  \
    OPND(Wdq, K_XRM, 16) OPND(Wqq, K_XRM, 32) OPND(Wq, K_XRM, 8) OPND(Wd, K_XRM, 4)          \
    OPND(Ww, K_XRM, 2) OPND(Wb, K_XRM, 1) OPND(Wss, K_XRM, 4) OPND(Wsd, K_XRM, 8)            \
    OPND(Ux, K_XRMREG, SZ_X) OPND(Udq, K_XRMREG, 16) OPND(Uq, K_XRMREG, 8)                   \
    OPND(Uss, K_XRMREG, 4) OPND(Usd, K_XRMREG, 8)                                            \
    OPND(Lx, K_XIS4, SZ_X)                                                                   \
    OPND(VMd, K_VSIB, 4) OPND(VMq, K_VSIB, 8)                                                \
    OPND(Pq, K_MREG, 8) OPND(Pd, K_MREG, 4) OPND(Qq, K_MRM, 8) OPND(Qd, K_MRM, 4)            \
    OPND(Nq, K_MRMREG, 8)                                                                    \
    OPND(ST0, K_ST0, 10) OPND(STi, K_STI, 10)

typedef enum InsnOpnd {
#define OPND_ENUM(name, kind, size) O_##name,
    OPND_LIST(OPND_ENUM)
#undef OPND_ENUM
    NR_OPNDS,
} InsnOpnd;

typedef struct OpndInfo {
    const char *name;
    uint8_t kind;       /* OpndKind */
    uint8_t size;       /* bytes or SZ_* */
} OpndInfo;

extern const OpndInfo opnd_info[NR_OPNDS];

/*
 * Arithmetic flags, EFLAGS layout. read: those the result or the flags left
 * depend on (a shift by a count that may be 0 "reads" what it may leave).
 * written: defined afterwards. undefined: changed, but the manual does not say
 * how. What is in none of written and undefined keeps its value.
 */
typedef struct InsnInfo {
    const char *name;       /* the form: "ADD_Eb_Gb" */
    const char *mnem;       /* upper case */
    uint8_t opnd[4];        /* InsnOpnd, Intel order: destination first; O__ (0) ends */
    uint8_t map, opcode;    /* as in the table; Insn has the actual ones */
    uint8_t prefixes;       /* bit per PP_*: those under which this form is meant */
    uint8_t width;          /* InsnWidth */
    uint8_t access;         /* InsnAccess */
    uint8_t cls;            /* InsnClass */
    uint8_t feature;        /* InsnFeature; see insn_feature() */
    uint8_t emit;           /* InsnEmit */
    uint16_t mrm;           /* MRM_* */
    uint16_t flags_read, flags_written, flags_undefined;
    uint32_t attr;          /* A_* */
} InsnInfo;

extern const InsnInfo insn_info[NR_OPS];

/* The feature this instruction needs: for some forms that depends on VL or REX.W. */
static inline InsnFeature insn_feature(const Insn *i)
{
    const InsnInfo *info = &insn_info[i->op];

    if (i->op == OP_CMPXCHG8B_M && i->opsz == 8) {
        return FEAT_CX16;
    }
    return (info->attr & A_L1AVX2) && i->vl == 32 ? FEAT_AVX2 : (InsnFeature)info->feature;
}

/* Bit per InsnFeature that CPUID does not show: its instructions are #UD. Set once, by cpuid.c. */
extern uint64_t insn_features_hidden;
_Static_assert(NR_FEATS <= 64, "one word");

/*
 * Is the instruction hidden, so #UD? TZCNT and LZCNT are not: their encodings
 * were BSF and BSR before, and become that again.
 */
bool insn_hide(Insn *i);

/* Size in bytes of operand n as this instruction uses it; 0 when it has none or it has no size. */
unsigned insn_opnd_size(const Insn *i, unsigned n);
/* Must its memory operand (of a vector instruction) be aligned to its size, else #GP? */
bool insn_needs_alignment(const Insn *i);

#endif

/* The MMX, SSE, AVX part of the instruction table; included by insn-table.h only */
/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Families first: S one legacy row, V one VEX row, then the usual groups.
 * Legacy: S2(mnemonic, operands, map, opcode, prefix, ModRM, access, feature, attributes)
 */
#define S1(m, a, map, opc, pfx, mrm, acc, feat, at) \
    I1(m, a, map, opc, pfx, mrm, _, acc, NONE, SSE, feat, COPY, at)
#define S2(m, a, b, map, opc, pfx, mrm, acc, feat, at) \
    I2(m, a, b, map, opc, pfx, mrm, _, acc, NONE, SSE, feat, COPY, at)
#define S3(m, a, b, c, map, opc, pfx, mrm, acc, feat, at) \
    I3(m, a, b, c, map, opc, pfx, mrm, _, acc, NONE, SSE, feat, COPY, at)
#define S4(m, a, b, c, d, map, opc, pfx, mrm, acc, feat, at) \
    I4(m, a, b, c, d, map, opc, pfx, mrm, _, acc, NONE, SSE, feat, COPY, at)

/* MMX, SSE and AVX forms of a packed integer operation */
#define PACKED_M(m, opc, mmx)                                                                  \
    S2(m, Pq, Qq, 0F, opc, NP, R, RW, mmx, 0)                                                \
    PACKED_X(m, 0F, V1, opc, SSE2)
/* SSE and AVX forms only */
#define PACKED_X(m, map, vmap, opc, feat)                                                    \
    S2(m, Vx, Wx, map, opc, P66, R, RW, feat, 0)                                             \
    S3(V##m, Vx, Hx, Wx, vmap, opc, P66, R, W, AVX, A_L1AVX2)
/* the same in map 0F38 */
#define PACKED38(m, opc)                                                                     \
    S2(m, Pq, Qq, 0F38, opc, NP, R, RW, SSSE3, 0)                                            \
    PACKED_X(m, 0F38, V2, opc, SSSE3)
/* One source, one destination: dst = f(src) */
#define UNARY38(m, opc)                                                                      \
    S2(m, Pq, Qq, 0F38, opc, NP, R, W, SSSE3, 0)                                             \
    S2(m, Vx, Wx, 0F38, opc, P66, R, W, SSSE3, 0)                                            \
    S2(V##m, Vx, Wx, V2, opc, P66, R, W, AVX, A_L1AVX2)
/* Floating point: ps, pd (fp: 0 or A_FP) */
#define FLOAT_P(m, opc, fp)                                                                  \
    S2(m##PS, Vx, Wx, 0F, opc, NP, R, RW, SSE, fp)                                           \
    S2(m##PD, Vx, Wx, 0F, opc, P66, R, RW, SSE2, fp)                                         \
    S3(V##m##PS, Vx, Hx, Wx, V1, opc, NP, R, W, AVX, fp)                                     \
    S3(V##m##PD, Vx, Hx, Wx, V1, opc, P66, R, W, AVX, fp)
/* ... and ss, sd */
#define FLOAT_S(m, opc)                                                            \
    S2(m##SS, Vss, Wss, 0F, opc, PF3, R, RW, SSE, A_FP)                                      \
    S2(m##SD, Vsd, Wsd, 0F, opc, PF2, R, RW, SSE2, A_FP)                                     \
    S3(V##m##SS, Vss, Hss, Wss, V1, opc, PF3, R, W, AVX, A_FP)                               \
    S3(V##m##SD, Vsd, Hsd, Wsd, V1, opc, PF2, R, W, AVX, A_FP)
#define FLOAT_4(m, opc) FLOAT_P(m, opc, A_FP) FLOAT_S(m, opc)
/* Moves with a load row (opc) and a store row (sto) */
#define MOVE(m, opc, sto, pfx, feat, legacy_at, vex_at)                                      \
    S2(m, Vx, Wx, 0F, opc, pfx, R, W, feat, legacy_at)                                       \
    S2(m, Wx, Vx, 0F, sto, pfx, R, W, feat, legacy_at)                                       \
    S2(V##m, Vx, Wx, V1, opc, pfx, R, W, AVX, vex_at)                                        \
    S2(V##m, Wx, Vx, V1, sto, pfx, R, W, AVX, vex_at)

/* 0F 10..17: moves */
MOVE(MOVUPS, 0x10, 0x11, NP, SSE, A_UNAL, 0)
MOVE(MOVUPD, 0x10, 0x11, P66, SSE2, A_UNAL, 0)
/* a load from memory clears the rest of the register, a register source leaves it */
S2(MOVSS, Vss, Mss, 0F, 0x10, PF3, M, W, SSE, 0)
S2(MOVSS, Vss, Uss, 0F, 0x10, PF3, X, RW, SSE, 0)
S2(MOVSS, Mss, Vss, 0F, 0x11, PF3, M, W, SSE, 0)
S2(MOVSS, Uss, Vss, 0F, 0x11, PF3, X, RW, SSE, 0)
S2(MOVSD, Vsd, Msd, 0F, 0x10, PF2, M, W, SSE2, 0)
S2(MOVSD, Vsd, Usd, 0F, 0x10, PF2, X, RW, SSE2, 0)
S2(MOVSD, Msd, Vsd, 0F, 0x11, PF2, M, W, SSE2, 0)
S2(MOVSD, Usd, Vsd, 0F, 0x11, PF2, X, RW, SSE2, 0)
S2(VMOVSS, Vss, Mss, V1, 0x10, PF3, M, W, AVX, 0)
S3(VMOVSS, Vss, Hss, Uss, V1, 0x10, PF3, X, W, AVX, 0)
S2(VMOVSS, Mss, Vss, V1, 0x11, PF3, M, W, AVX, 0)
S3(VMOVSS, Uss, Hss, Vss, V1, 0x11, PF3, X, W, AVX, 0)
S2(VMOVSD, Vsd, Msd, V1, 0x10, PF2, M, W, AVX, 0)
S3(VMOVSD, Vsd, Hsd, Usd, V1, 0x10, PF2, X, W, AVX, 0)
S2(VMOVSD, Msd, Vsd, V1, 0x11, PF2, M, W, AVX, 0)
S3(VMOVSD, Usd, Hsd, Vsd, V1, 0x11, PF2, X, W, AVX, 0)
S2(MOVLPS, Vq, Mq, 0F, 0x12, NP, M, RW, SSE, 0)
S2(MOVHLPS, Vdq, Udq, 0F, 0x12, NP, X, RW, SSE, 0)
S2(MOVLPS, Mq, Vq, 0F, 0x13, NP, M, W, SSE, 0)
S2(MOVLPD, Vq, Mq, 0F, 0x12, P66, M, RW, SSE2, 0)
S2(MOVLPD, Mq, Vq, 0F, 0x13, P66, M, W, SSE2, 0)
S2(MOVHPS, Vdq, Mq, 0F, 0x16, NP, M, RW, SSE, 0)
S2(MOVLHPS, Vdq, Uq, 0F, 0x16, NP, X, RW, SSE, 0)
S2(MOVHPS, Mq, Vdq, 0F, 0x17, NP, M, W, SSE, 0)
S2(MOVHPD, Vdq, Mq, 0F, 0x16, P66, M, RW, SSE2, 0)
S2(MOVHPD, Mq, Vdq, 0F, 0x17, P66, M, W, SSE2, 0)
S3(VMOVLPS, Vdq, Hdq, Mq, V1, 0x12, NP, M, W, AVX, A_L0)
S3(VMOVHLPS, Vdq, Hdq, Udq, V1, 0x12, NP, X, W, AVX, A_L0)
S2(VMOVLPS, Mq, Vq, V1, 0x13, NP, M, W, AVX, A_L0)
S3(VMOVLPD, Vdq, Hdq, Mq, V1, 0x12, P66, M, W, AVX, A_L0)
S2(VMOVLPD, Mq, Vq, V1, 0x13, P66, M, W, AVX, A_L0)
S3(VMOVHPS, Vdq, Hdq, Mq, V1, 0x16, NP, M, W, AVX, A_L0)
S3(VMOVLHPS, Vdq, Hdq, Udq, V1, 0x16, NP, X, W, AVX, A_L0)
S2(VMOVHPS, Mq, Vdq, V1, 0x17, NP, M, W, AVX, A_L0)
S3(VMOVHPD, Vdq, Hdq, Mq, V1, 0x16, P66, M, W, AVX, A_L0)
S2(VMOVHPD, Mq, Vdq, V1, 0x17, P66, M, W, AVX, A_L0)
S2(MOVDDUP, Vdq, Wq, 0F, 0x12, PF2, R, W, SSE3, 0)
S2(VMOVDDUP, Vdq, Wq, V1, 0x12, PF2, R, W, AVX, A_L0)
S2(VMOVDDUP, Vqq, Wqq, V1, 0x12, PF2, R, W, AVX, A_L1)
S2(MOVSLDUP, Vx, Wx, 0F, 0x12, PF3, R, W, SSE3, 0)
S2(VMOVSLDUP, Vx, Wx, V1, 0x12, PF3, R, W, AVX, 0)
S2(MOVSHDUP, Vx, Wx, 0F, 0x16, PF3, R, W, SSE3, 0)
S2(VMOVSHDUP, Vx, Wx, V1, 0x16, PF3, R, W, AVX, 0)
FLOAT_P(UNPCKL, 0x14, 0)
FLOAT_P(UNPCKH, 0x15, 0)

/* 0F 28..2F: moves, conversions with integers, compares */
MOVE(MOVAPS, 0x28, 0x29, NP, SSE, 0, A_ALIGN)
MOVE(MOVAPD, 0x28, 0x29, P66, SSE2, 0, A_ALIGN)
S2(CVTPI2PS, Vq, Qq, 0F, 0x2a, NP, R, RW, SSE, A_FP)
S2(CVTPI2PD, Vdq, Qq, 0F, 0x2a, P66, R, W, SSE2, A_FP)
S2(MOVNTPS, Mx, Vx, 0F, 0x2b, NP, M, W, SSE, 0)
S2(MOVNTPD, Mx, Vx, 0F, 0x2b, P66, M, W, SSE2, 0)
S2(VMOVNTPS, Mx, Vx, V1, 0x2b, NP, M, W, AVX, A_ALIGN)
S2(VMOVNTPD, Mx, Vx, V1, 0x2b, P66, M, W, AVX, A_ALIGN)
S2(CVTTPS2PI, Pq, Wq, 0F, 0x2c, NP, R, W, SSE, A_FP)
S2(CVTTPD2PI, Pq, Wdq, 0F, 0x2c, P66, R, W, SSE2, A_FP)
S2(CVTPS2PI, Pq, Wq, 0F, 0x2d, NP, R, W, SSE, A_FP)
S2(CVTPD2PI, Pq, Wdq, 0F, 0x2d, P66, R, W, SSE2, A_FP)
#define CVT_INT(pfx, s, sd, ws, fs)                                                          \
    I2(CVTSI2##s, V##sd, Ey, 0F, 0x2a, pfx, R, y, RW, NONE, SSE, fs, COPY, A_FP)             \
    I2(CVTT##s##2SI, Gy, W##sd, 0F, 0x2c, pfx, R, y, W, NONE, SSE, fs, COPY, A_FP)           \
    I2(CVT##s##2SI, Gy, W##sd, 0F, 0x2d, pfx, R, y, W, NONE, SSE, fs, COPY, A_FP)            \
    I3(VCVTSI2##s, V##sd, H##sd, Ey, V1, 0x2a, pfx, R, y, W, NONE, SSE, AVX, COPY, A_FP)     \
    I2(VCVTT##s##2SI, Gy, W##sd, V1, 0x2c, pfx, R, y, W, NONE, SSE, AVX, COPY, A_FP)         \
    I2(VCVT##s##2SI, Gy, W##sd, V1, 0x2d, pfx, R, y, W, NONE, SSE, AVX, COPY, A_FP)
CVT_INT(PF3, SS, ss, Wss, SSE)
CVT_INT(PF2, SD, sd, Wsd, SSE2)
#undef CVT_INT
#define COMPARE(m, opc)                                                                      \
    I2(m##SS, Vss, Wss, 0F, opc, NP, R, _, R, ARITH, SSE, SSE, COPY, A_FP)                   \
    I2(m##SD, Vsd, Wsd, 0F, opc, P66, R, _, R, ARITH, SSE, SSE2, COPY, A_FP)                 \
    I2(V##m##SS, Vss, Wss, V1, opc, NP, R, _, R, ARITH, SSE, AVX, COPY, A_FP)                \
    I2(V##m##SD, Vsd, Wsd, V1, opc, P66, R, _, R, ARITH, SSE, AVX, COPY, A_FP)
COMPARE(UCOMI, 0x2e)
COMPARE(COMI, 0x2f)
#undef COMPARE

/* 0F 50..5F: floating-point arithmetic */
#define MOVMSK(m, pfx, feat)                                                                 \
    I2(m, Gd, Ux, 0F, 0x50, pfx, X, d, W, NONE, SSE, feat, COPY, 0)                          \
    I2(V##m, Gd, Ux, V1, 0x50, pfx, X, d, W, NONE, SSE, AVX, COPY, 0)
MOVMSK(MOVMSKPS, NP, SSE)
MOVMSK(MOVMSKPD, P66, SSE2)
#undef MOVMSK
S2(SQRTPS, Vx, Wx, 0F, 0x51, NP, R, W, SSE, A_FP)
S2(SQRTPD, Vx, Wx, 0F, 0x51, P66, R, W, SSE2, A_FP)
S2(VSQRTPS, Vx, Wx, V1, 0x51, NP, R, W, AVX, A_FP)
S2(VSQRTPD, Vx, Wx, V1, 0x51, P66, R, W, AVX, A_FP)
FLOAT_S(SQRT, 0x51)
S2(RSQRTPS, Vx, Wx, 0F, 0x52, NP, R, W, SSE, 0)
S2(RSQRTSS, Vss, Wss, 0F, 0x52, PF3, R, RW, SSE, 0)
S2(VRSQRTPS, Vx, Wx, V1, 0x52, NP, R, W, AVX, 0)
S3(VRSQRTSS, Vss, Hss, Wss, V1, 0x52, PF3, R, W, AVX, 0)
S2(RCPPS, Vx, Wx, 0F, 0x53, NP, R, W, SSE, 0)
S2(RCPSS, Vss, Wss, 0F, 0x53, PF3, R, RW, SSE, 0)
S2(VRCPPS, Vx, Wx, V1, 0x53, NP, R, W, AVX, 0)
S3(VRCPSS, Vss, Hss, Wss, V1, 0x53, PF3, R, W, AVX, 0)
FLOAT_P(AND, 0x54, 0)
FLOAT_P(ANDN, 0x55, 0)
FLOAT_P(OR, 0x56, 0)
FLOAT_P(XOR, 0x57, 0)
FLOAT_4(ADD, 0x58)
FLOAT_4(MUL, 0x59)
S2(CVTPS2PD, Vx, Wh, 0F, 0x5a, NP, R, W, SSE2, A_FP)
S2(CVTPD2PS, Vh, Wx, 0F, 0x5a, P66, R, W, SSE2, A_FP)
S2(CVTSS2SD, Vsd, Wss, 0F, 0x5a, PF3, R, RW, SSE2, A_FP)
S2(CVTSD2SS, Vss, Wsd, 0F, 0x5a, PF2, R, RW, SSE2, A_FP)
S2(VCVTPS2PD, Vx, Wh, V1, 0x5a, NP, R, W, AVX, A_FP)
S2(VCVTPD2PS, Vh, Wx, V1, 0x5a, P66, R, W, AVX, A_FP)
S3(VCVTSS2SD, Vsd, Hsd, Wss, V1, 0x5a, PF3, R, W, AVX, A_FP)
S3(VCVTSD2SS, Vss, Hss, Wsd, V1, 0x5a, PF2, R, W, AVX, A_FP)
S2(CVTDQ2PS, Vx, Wx, 0F, 0x5b, NP, R, W, SSE2, A_FP)
S2(CVTPS2DQ, Vx, Wx, 0F, 0x5b, P66, R, W, SSE2, A_FP)
S2(CVTTPS2DQ, Vx, Wx, 0F, 0x5b, PF3, R, W, SSE2, A_FP)
S2(VCVTDQ2PS, Vx, Wx, V1, 0x5b, NP, R, W, AVX, A_FP)
S2(VCVTPS2DQ, Vx, Wx, V1, 0x5b, P66, R, W, AVX, A_FP)
S2(VCVTTPS2DQ, Vx, Wx, V1, 0x5b, PF3, R, W, AVX, A_FP)
FLOAT_4(SUB, 0x5c)
FLOAT_4(MIN, 0x5d)
FLOAT_4(DIV, 0x5e)
FLOAT_4(MAX, 0x5f)

/* 0F 60..7F: packed integer */
#define UNPACK_LOW(m, opc)  /* the MMX form reads four bytes of memory */                    \
    S2(m, Pq, Qd, 0F, opc, NP, R, RW, MMX, 0)                                                \
    PACKED_X(m, 0F, V1, opc, SSE2)
UNPACK_LOW(PUNPCKLBW, 0x60)
UNPACK_LOW(PUNPCKLWD, 0x61)
UNPACK_LOW(PUNPCKLDQ, 0x62)
#undef UNPACK_LOW
PACKED_M(PACKSSWB, 0x63, MMX)
PACKED_M(PCMPGTB, 0x64, MMX)
PACKED_M(PCMPGTW, 0x65, MMX)
PACKED_M(PCMPGTD, 0x66, MMX)
PACKED_M(PACKUSWB, 0x67, MMX)
PACKED_M(PUNPCKHBW, 0x68, MMX)
PACKED_M(PUNPCKHWD, 0x69, MMX)
PACKED_M(PUNPCKHDQ, 0x6a, MMX)
PACKED_M(PACKSSDW, 0x6b, MMX)
PACKED_X(PUNPCKLQDQ, 0F, V1, 0x6c, SSE2)
PACKED_X(PUNPCKHQDQ, 0F, V1, 0x6d, SSE2)
/* MOVD, with W and 64-bit code MOVQ */
I2(MOVD, Pq, Ey, 0F, 0x6e, NP, R, y, W, NONE, SSE, MMX, COPY, 0)
I2(MOVD, Vdq, Ey, 0F, 0x6e, P66, R, y, W, NONE, SSE, SSE2, COPY, 0)
I2(VMOVD, Vdq, Ey, V1, 0x6e, P66, R, y, W, NONE, SSE, AVX, COPY, A_L0)
I2(MOVD, Ey, Pq, 0F, 0x7e, NP, R, y, W, NONE, SSE, MMX, COPY, 0)
I2(MOVD, Ey, Vdq, 0F, 0x7e, P66, R, y, W, NONE, SSE, SSE2, COPY, 0)
I2(VMOVD, Ey, Vdq, V1, 0x7e, P66, R, y, W, NONE, SSE, AVX, COPY, A_L0)
S2(MOVQ, Pq, Qq, 0F, 0x6f, NP, R, W, MMX, 0)
S2(MOVQ, Qq, Pq, 0F, 0x7f, NP, R, W, MMX, 0)
MOVE(MOVDQA, 0x6f, 0x7f, P66, SSE2, 0, A_ALIGN)
MOVE(MOVDQU, 0x6f, 0x7f, PF3, SSE2, A_UNAL, 0)
S2(MOVQ, Vq, Wq, 0F, 0x7e, PF3, R, W, SSE2, 0)
S2(VMOVQ, Vq, Wq, V1, 0x7e, PF3, R, W, AVX, A_L0)
S2(MOVQ, Wq, Vq, 0F, 0xd6, P66, R, W, SSE2, 0)
S2(VMOVQ, Wq, Vq, V1, 0xd6, P66, R, W, AVX, A_L0)
S3(PSHUFW, Pq, Qq, Ib, 0F, 0x70, NP, R, W, SSE, 0)
#define SHUFFLE(m, pfx)                                                                      \
    S3(m, Vx, Wx, Ib, 0F, 0x70, pfx, R, W, SSE2, 0)                                          \
    S3(V##m, Vx, Wx, Ib, V1, 0x70, pfx, R, W, AVX, A_L1AVX2)
SHUFFLE(PSHUFD, P66)
SHUFFLE(PSHUFHW, PF3)
SHUFFLE(PSHUFLW, PF2)
#undef SHUFFLE
#define SHIFT_IMM_X(m, opc, ext)                                                             \
    S2(m, Ux, Ib, 0F, opc, P66, X##ext, RW, SSE2, 0)                                         \
    S3(V##m, Hx, Ux, Ib, V1, opc, P66, X##ext, W, AVX, A_L1AVX2)
#define SHIFT_IMM(m, opc, ext)                                                               \
    S2(m, Nq, Ib, 0F, opc, NP, X##ext, RW, MMX, 0)                                           \
    SHIFT_IMM_X(m, opc, ext)
SHIFT_IMM(PSRLW, 0x71, 2)
SHIFT_IMM(PSRAW, 0x71, 4)
SHIFT_IMM(PSLLW, 0x71, 6)
SHIFT_IMM(PSRLD, 0x72, 2)
SHIFT_IMM(PSRAD, 0x72, 4)
SHIFT_IMM(PSLLD, 0x72, 6)
SHIFT_IMM(PSRLQ, 0x73, 2)
SHIFT_IMM_X(PSRLDQ, 0x73, 3)
SHIFT_IMM(PSLLQ, 0x73, 6)
SHIFT_IMM_X(PSLLDQ, 0x73, 7)
#undef SHIFT_IMM
#undef SHIFT_IMM_X
PACKED_M(PCMPEQB, 0x74, MMX)
PACKED_M(PCMPEQW, 0x75, MMX)
PACKED_M(PCMPEQD, 0x76, MMX)
I0(EMMS, 0F, 0x77, NP, N, _, R, NONE, X87, MMX, COPY, 0)
I0(VZEROUPPER, V1, 0x77, NP, N, _, R, NONE, SSE, AVX, COPY, A_L0)
I0(VZEROALL, V1, 0x77, NP, N, _, R, NONE, SSE, AVX, COPY, A_L1)
#define HORIZONTAL(m, opc)                                                                   \
    S2(m##PD, Vx, Wx, 0F, opc, P66, R, RW, SSE3, A_FP)                                       \
    S2(m##PS, Vx, Wx, 0F, opc, PF2, R, RW, SSE3, A_FP)                                       \
    S3(V##m##PD, Vx, Hx, Wx, V1, opc, P66, R, W, AVX, A_FP)                                  \
    S3(V##m##PS, Vx, Hx, Wx, V1, opc, PF2, R, W, AVX, A_FP)
HORIZONTAL(HADD, 0x7c)
HORIZONTAL(HSUB, 0x7d)
HORIZONTAL(ADDSUB, 0xd0)
#undef HORIZONTAL

/* 0F AE: VEX forms of the MXCSR moves */
S1(VLDMXCSR, Md, V1, 0xae, NP, M2, R, AVX, A_L0 | A_FAULTS)
S1(VSTMXCSR, Md, V1, 0xae, NP, M3, W, AVX, A_L0)

/* 0F C2..C6 */
#define CMP_FLOAT(m, t, v, h, w, pfx, feat)                                                  \
    S3(m##t, v, w, Ib, 0F, 0xc2, pfx, R, RW, feat, A_FP)                                     \
    S4(V##m##t, v, h, w, Ib, V1, 0xc2, pfx, R, W, AVX, A_FP)
CMP_FLOAT(CMP, PS, Vx, Hx, Wx, NP, SSE)
CMP_FLOAT(CMP, PD, Vx, Hx, Wx, P66, SSE2)
CMP_FLOAT(CMP, SS, Vss, Hss, Wss, PF3, SSE)
CMP_FLOAT(CMP, SD, Vsd, Hsd, Wsd, PF2, SSE2)
#undef CMP_FLOAT
I3(PINSRW, Pq, Mw, Ib, 0F, 0xc4, NP, M, d, RW, NONE, SSE, SSE, COPY, 0)
I3(PINSRW, Pq, Rv, Ib, 0F, 0xc4, NP, X, d, RW, NONE, SSE, SSE, COPY, 0)
I3(PINSRW, Vdq, Mw, Ib, 0F, 0xc4, P66, M, d, RW, NONE, SSE, SSE2, COPY, 0)
I3(PINSRW, Vdq, Rv, Ib, 0F, 0xc4, P66, X, d, RW, NONE, SSE, SSE2, COPY, 0)
I4(VPINSRW, Vdq, Hdq, Mw, Ib, V1, 0xc4, P66, M, d, W, NONE, SSE, AVX, COPY, A_L0)
I4(VPINSRW, Vdq, Hdq, Rv, Ib, V1, 0xc4, P66, X, d, W, NONE, SSE, AVX, COPY, A_L0)
I3(PEXTRW, Gd, Nq, Ib, 0F, 0xc5, NP, X, d, W, NONE, SSE, SSE, COPY, 0)
I3(PEXTRW, Gd, Udq, Ib, 0F, 0xc5, P66, X, d, W, NONE, SSE, SSE2, COPY, 0)
I3(VPEXTRW, Gd, Udq, Ib, V1, 0xc5, P66, X, d, W, NONE, SSE, AVX, COPY, A_L0)
S3(SHUFPS, Vx, Wx, Ib, 0F, 0xc6, NP, R, RW, SSE, 0)
S3(SHUFPD, Vx, Wx, Ib, 0F, 0xc6, P66, R, RW, SSE2, 0)
S4(VSHUFPS, Vx, Hx, Wx, Ib, V1, 0xc6, NP, R, W, AVX, 0)
S4(VSHUFPD, Vx, Hx, Wx, Ib, V1, 0xc6, P66, R, W, AVX, 0)

/* 0F D1..FE: packed integer; the VEX shifts count by 128 bits at most */
#define SHIFT_REG(m, opc)                                                                    \
    S2(m, Pq, Qq, 0F, opc, NP, R, RW, MMX, 0)                                                \
    S2(m, Vx, Wx, 0F, opc, P66, R, RW, SSE2, 0)                                              \
    S3(V##m, Vx, Hx, Wdq, V1, opc, P66, R, W, AVX, A_L1AVX2)
SHIFT_REG(PSRLW, 0xd1)
SHIFT_REG(PSRLD, 0xd2)
SHIFT_REG(PSRLQ, 0xd3)
SHIFT_REG(PSRAW, 0xe1)
SHIFT_REG(PSRAD, 0xe2)
SHIFT_REG(PSLLW, 0xf1)
SHIFT_REG(PSLLD, 0xf2)
SHIFT_REG(PSLLQ, 0xf3)
#undef SHIFT_REG
PACKED_M(PADDQ, 0xd4, SSE2)
PACKED_M(PMULLW, 0xd5, MMX)
S2(MOVQ2DQ, Vdq, Nq, 0F, 0xd6, PF3, X, W, SSE2, 0)
S2(MOVDQ2Q, Pq, Uq, 0F, 0xd6, PF2, X, W, SSE2, 0)
I2(PMOVMSKB, Gd, Nq, 0F, 0xd7, NP, X, d, W, NONE, SSE, SSE, COPY, 0)
I2(PMOVMSKB, Gd, Ux, 0F, 0xd7, P66, X, d, W, NONE, SSE, SSE2, COPY, 0)
I2(VPMOVMSKB, Gd, Ux, V1, 0xd7, P66, X, d, W, NONE, SSE, AVX, COPY, A_L1AVX2)
PACKED_M(PSUBUSB, 0xd8, MMX)
PACKED_M(PSUBUSW, 0xd9, MMX)
PACKED_M(PMINUB, 0xda, SSE)
PACKED_M(PAND, 0xdb, MMX)
PACKED_M(PADDUSB, 0xdc, MMX)
PACKED_M(PADDUSW, 0xdd, MMX)
PACKED_M(PMAXUB, 0xde, SSE)
PACKED_M(PANDN, 0xdf, MMX)
PACKED_M(PAVGB, 0xe0, SSE)
PACKED_M(PAVGW, 0xe3, SSE)
PACKED_M(PMULHUW, 0xe4, SSE)
PACKED_M(PMULHW, 0xe5, MMX)
S2(CVTTPD2DQ, Vh, Wx, 0F, 0xe6, P66, R, W, SSE2, A_FP)
S2(CVTDQ2PD, Vx, Wh, 0F, 0xe6, PF3, R, W, SSE2, 0)
S2(CVTPD2DQ, Vh, Wx, 0F, 0xe6, PF2, R, W, SSE2, A_FP)
S2(VCVTTPD2DQ, Vh, Wx, V1, 0xe6, P66, R, W, AVX, A_FP)
S2(VCVTDQ2PD, Vx, Wh, V1, 0xe6, PF3, R, W, AVX, 0)
S2(VCVTPD2DQ, Vh, Wx, V1, 0xe6, PF2, R, W, AVX, A_FP)
S2(MOVNTQ, Mq, Pq, 0F, 0xe7, NP, M, W, SSE, 0)
S2(MOVNTDQ, Mx, Vx, 0F, 0xe7, P66, M, W, SSE2, 0)
S2(VMOVNTDQ, Mx, Vx, V1, 0xe7, P66, M, W, AVX, A_ALIGN)
PACKED_M(PSUBSB, 0xe8, MMX)
PACKED_M(PSUBSW, 0xe9, MMX)
PACKED_M(PMINSW, 0xea, SSE)
PACKED_M(POR, 0xeb, MMX)
PACKED_M(PADDSB, 0xec, MMX)
PACKED_M(PADDSW, 0xed, MMX)
PACKED_M(PMAXSW, 0xee, SSE)
PACKED_M(PXOR, 0xef, MMX)
S2(LDDQU, Vx, Mx, 0F, 0xf0, PF2, M, W, SSE3, A_UNAL)
S2(VLDDQU, Vx, Mx, V1, 0xf0, PF2, M, W, AVX, 0)
PACKED_M(PMULUDQ, 0xf4, SSE2)
PACKED_M(PMADDWD, 0xf5, MMX)
PACKED_M(PSADBW, 0xf6, SSE)
/* These store to seg:[rDI]; the unselected bytes are not written */
S2(MASKMOVQ, Pq, Nq, 0F, 0xf7, NP, X, R, SSE, A_FAULTS)
S2(MASKMOVDQU, Vdq, Udq, 0F, 0xf7, P66, X, R, SSE2, A_FAULTS)
S2(VMASKMOVDQU, Vdq, Udq, V1, 0xf7, P66, X, R, AVX, A_L0 | A_FAULTS)
PACKED_M(PSUBB, 0xf8, MMX)
PACKED_M(PSUBW, 0xf9, MMX)
PACKED_M(PSUBD, 0xfa, MMX)
PACKED_M(PSUBQ, 0xfb, SSE2)
PACKED_M(PADDB, 0xfc, MMX)
PACKED_M(PADDW, 0xfd, MMX)
PACKED_M(PADDD, 0xfe, MMX)

/* 0F 38: SSSE3 */
PACKED38(PSHUFB, 0x00)
PACKED38(PHADDW, 0x01)
PACKED38(PHADDD, 0x02)
PACKED38(PHADDSW, 0x03)
PACKED38(PMADDUBSW, 0x04)
PACKED38(PHSUBW, 0x05)
PACKED38(PHSUBD, 0x06)
PACKED38(PHSUBSW, 0x07)
PACKED38(PSIGNB, 0x08)
PACKED38(PSIGNW, 0x09)
PACKED38(PSIGND, 0x0a)
PACKED38(PMULHRSW, 0x0b)
UNARY38(PABSB, 0x1c)
UNARY38(PABSW, 0x1d)
UNARY38(PABSD, 0x1e)

/* 0F 38: SSE4.1, SSE4.2 */
S2(PBLENDVB, Vdq, Wdq, 0F38, 0x10, P66, R, RW, SSE41, 0)
S2(BLENDVPS, Vdq, Wdq, 0F38, 0x14, P66, R, RW, SSE41, 0)
S2(BLENDVPD, Vdq, Wdq, 0F38, 0x15, P66, R, RW, SSE41, 0)
I2(PTEST, Vx, Wx, 0F38, 0x17, P66, R, _, R, ARITH, SSE, SSE41, COPY, 0)
I2(VPTEST, Vx, Wx, V2, 0x17, P66, R, _, R, ARITH, SSE, AVX, COPY, 0)
#define EXTEND(m, opc, src)                                                                  \
    S2(PMOVSX##m, Vx, src, 0F38, 0x20 + opc, P66, R, W, SSE41, 0)                            \
    S2(VPMOVSX##m, Vx, src, V2, 0x20 + opc, P66, R, W, AVX, A_L1AVX2)                        \
    S2(PMOVZX##m, Vx, src, 0F38, 0x30 + opc, P66, R, W, SSE41, 0)                            \
    S2(VPMOVZX##m, Vx, src, V2, 0x30 + opc, P66, R, W, AVX, A_L1AVX2)
EXTEND(BW, 0, Wh)
EXTEND(BD, 1, Wf)
EXTEND(BQ, 2, We)
EXTEND(WD, 3, Wh)
EXTEND(WQ, 4, Wf)
EXTEND(DQ, 5, Wh)
#undef EXTEND
PACKED_X(PMULDQ, 0F38, V2, 0x28, SSE41)
PACKED_X(PCMPEQQ, 0F38, V2, 0x29, SSE41)
S2(MOVNTDQA, Vx, Mx, 0F38, 0x2a, P66, M, W, SSE41, 0)
S2(VMOVNTDQA, Vx, Mx, V2, 0x2a, P66, M, W, AVX, A_L1AVX2 | A_ALIGN)
PACKED_X(PACKUSDW, 0F38, V2, 0x2b, SSE41)
PACKED_X(PCMPGTQ, 0F38, V2, 0x37, SSE42)
PACKED_X(PMINSB, 0F38, V2, 0x38, SSE41)
PACKED_X(PMINSD, 0F38, V2, 0x39, SSE41)
PACKED_X(PMINUW, 0F38, V2, 0x3a, SSE41)
PACKED_X(PMINUD, 0F38, V2, 0x3b, SSE41)
PACKED_X(PMAXSB, 0F38, V2, 0x3c, SSE41)
PACKED_X(PMAXSD, 0F38, V2, 0x3d, SSE41)
PACKED_X(PMAXUW, 0F38, V2, 0x3e, SSE41)
PACKED_X(PMAXUD, 0F38, V2, 0x3f, SSE41)
PACKED_X(PMULLD, 0F38, V2, 0x40, SSE41)
S2(PHMINPOSUW, Vdq, Wdq, 0F38, 0x41, P66, R, W, SSE41, 0)
S2(VPHMINPOSUW, Vdq, Wdq, V2, 0x41, P66, R, W, AVX, A_L0)

/* 0F 38: SHA, AES */
S2(SHA1NEXTE, Vdq, Wdq, 0F38, 0xc8, NP, R, RW, SHA, 0)
S2(SHA1MSG1, Vdq, Wdq, 0F38, 0xc9, NP, R, RW, SHA, 0)
S2(SHA1MSG2, Vdq, Wdq, 0F38, 0xca, NP, R, RW, SHA, 0)
S2(SHA256RNDS2, Vdq, Wdq, 0F38, 0xcb, NP, R, RW, SHA, 0)
S2(SHA256MSG1, Vdq, Wdq, 0F38, 0xcc, NP, R, RW, SHA, 0)
S2(SHA256MSG2, Vdq, Wdq, 0F38, 0xcd, NP, R, RW, SHA, 0)
S3(SHA1RNDS4, Vdq, Wdq, Ib, 0F3A, 0xcc, NP, R, RW, SHA, 0)
S2(AESIMC, Vdq, Wdq, 0F38, 0xdb, P66, R, W, AES, 0)
S2(VAESIMC, Vdq, Wdq, V2, 0xdb, P66, R, W, AES, A_L0)
#define AES_ROUND(m, opc)                                                                    \
    S2(m, Vdq, Wdq, 0F38, opc, P66, R, RW, AES, 0)                                           \
    S3(V##m, Vdq, Hdq, Wdq, V2, opc, P66, R, W, AES, A_L0)
AES_ROUND(AESENC, 0xdc)
AES_ROUND(AESENCLAST, 0xdd)
AES_ROUND(AESDEC, 0xde)
AES_ROUND(AESDECLAST, 0xdf)
#undef AES_ROUND
S3(AESKEYGENASSIST, Vdq, Wdq, Ib, 0F3A, 0xdf, P66, R, W, AES, 0)
S3(VAESKEYGENASSIST, Vdq, Wdq, Ib, V3, 0xdf, P66, R, W, AES, A_L0)

/* 0F 3A */
#define ROUND(t, v, h, w, opc, acc)                                                          \
    S3(ROUND##t, v, w, Ib, 0F3A, opc, P66, R, acc, SSE41, A_FP)
ROUND(PS, Vx, Hx, Wx, 0x08, W)
ROUND(PD, Vx, Hx, Wx, 0x09, W)
ROUND(SS, Vss, Hss, Wss, 0x0a, RW)
ROUND(SD, Vsd, Hsd, Wsd, 0x0b, RW)
#undef ROUND
S3(VROUNDPS, Vx, Wx, Ib, V3, 0x08, P66, R, W, AVX, A_FP)
S3(VROUNDPD, Vx, Wx, Ib, V3, 0x09, P66, R, W, AVX, A_FP)
S4(VROUNDSS, Vss, Hss, Wss, Ib, V3, 0x0a, P66, R, W, AVX, A_FP)
S4(VROUNDSD, Vsd, Hsd, Wsd, Ib, V3, 0x0b, P66, R, W, AVX, A_FP)
#define PACKED3A(m, opc, feat, at)                                                           \
    S3(m, Vx, Wx, Ib, 0F3A, opc, P66, R, RW, feat, (at) & A_FP)                              \
    S4(V##m, Vx, Hx, Wx, Ib, V3, opc, P66, R, W, AVX, at)
PACKED3A(BLENDPS, 0x0c, SSE41, 0)
PACKED3A(BLENDPD, 0x0d, SSE41, 0)
PACKED3A(PBLENDW, 0x0e, SSE41, A_L1AVX2)
S3(PALIGNR, Pq, Qq, Ib, 0F3A, 0x0f, NP, R, RW, SSSE3, 0)
PACKED3A(PALIGNR, 0x0f, SSSE3, A_L1AVX2)
PACKED3A(DPPS, 0x40, SSE41, A_FP)
S3(DPPD, Vdq, Wdq, Ib, 0F3A, 0x41, P66, R, RW, SSE41, A_FP)
S4(VDPPD, Vdq, Hdq, Wdq, Ib, V3, 0x41, P66, R, W, AVX, A_FP | A_L0)
PACKED3A(MPSADBW, 0x42, SSE41, A_L1AVX2)
#undef PACKED3A
S3(PCLMULQDQ, Vdq, Wdq, Ib, 0F3A, 0x44, P66, R, RW, PCLMUL, 0)
S4(VPCLMULQDQ, Vdq, Hdq, Wdq, Ib, V3, 0x44, P66, R, W, PCLMUL, A_L0)
#define EXTRACT(m, e, r, opc, w)                                                             \
    I3(m, e, Vdq, Ib, 0F3A, opc, P66, M, w, W, NONE, SSE, SSE41, COPY, 0)                    \
    I3(m, r, Vdq, Ib, 0F3A, opc, P66, X, w, W, NONE, SSE, SSE41, COPY, 0)                    \
    I3(V##m, e, Vdq, Ib, V3, opc, P66, M, w, W, NONE, SSE, AVX, COPY, A_L0)                  \
    I3(V##m, r, Vdq, Ib, V3, opc, P66, X, w, W, NONE, SSE, AVX, COPY, A_L0)
EXTRACT(PEXTRB, Mb, Rv, 0x14, d)
EXTRACT(PEXTRW, Mw, Rv, 0x15, d)
EXTRACT(EXTRACTPS, Md, Rv, 0x17, d)
#undef EXTRACT
I3(PEXTRD, Ey, Vdq, Ib, 0F3A, 0x16, P66, R, y, W, NONE, SSE, SSE41, COPY, 0)
I3(VPEXTRD, Ey, Vdq, Ib, V3, 0x16, P66, R, y, W, NONE, SSE, AVX, COPY, A_L0)
I3(PINSRB, Vdq, Mb, Ib, 0F3A, 0x20, P66, M, d, RW, NONE, SSE, SSE41, COPY, 0)
I3(PINSRB, Vdq, Rv, Ib, 0F3A, 0x20, P66, X, d, RW, NONE, SSE, SSE41, COPY, 0)
I4(VPINSRB, Vdq, Hdq, Mb, Ib, V3, 0x20, P66, M, d, W, NONE, SSE, AVX, COPY, A_L0)
I4(VPINSRB, Vdq, Hdq, Rv, Ib, V3, 0x20, P66, X, d, W, NONE, SSE, AVX, COPY, A_L0)
S3(INSERTPS, Vdq, Wd, Ib, 0F3A, 0x21, P66, R, RW, SSE41, 0)
S4(VINSERTPS, Vdq, Hdq, Wd, Ib, V3, 0x21, P66, R, W, AVX, A_L0)
I3(PINSRD, Vdq, Ey, Ib, 0F3A, 0x22, P66, R, y, RW, NONE, SSE, SSE41, COPY, 0)
I4(VPINSRD, Vdq, Hdq, Ey, Ib, V3, 0x22, P66, R, y, W, NONE, SSE, AVX, COPY, A_L0)
/* Their memory operand needs no alignment; lengths in rAX, rDX (REX.W: 64 bits) */
#define PCMPSTR(m, opc)                                                                      \
    I3(m, Vdq, Wdq, Ib, 0F3A, opc, P66, R, y, R, ARITH, SSE, SSE42, COPY, A_UNAL)            \
    I3(V##m, Vdq, Wdq, Ib, V3, opc, P66, R, y, R, ARITH, SSE, AVX, COPY, A_L0)
PCMPSTR(PCMPESTRM, 0x60)
PCMPSTR(PCMPESTRI, 0x61)
PCMPSTR(PCMPISTRM, 0x62)
PCMPSTR(PCMPISTRI, 0x63)
#undef PCMPSTR

/* VEX 0F38: AVX, AVX2 only */
#define AVX_3(m, opc, feat, at) S3(m, Vx, Hx, Wx, V2, opc, P66, R, W, feat, at)
AVX_3(VPERMILPS, 0x0c, AVX, A_W0)
AVX_3(VPERMILPD, 0x0d, AVX, A_W0)
I2(VTESTPS, Vx, Wx, V2, 0x0e, P66, R, _, R, ARITH, SSE, AVX, COPY, A_W0)
I2(VTESTPD, Vx, Wx, V2, 0x0f, P66, R, _, R, ARITH, SSE, AVX, COPY, A_W0)
S2(VCVTPH2PS, Vx, Wh, V2, 0x13, P66, R, W, F16C, A_W0 | A_FP)
AVX_3(VPERMPS, 0x16, AVX2, A_W0 | A_L1)
AVX_3(VPERMD, 0x36, AVX2, A_W0 | A_L1)
/* the register source of a broadcast came with AVX2 */
S2(VBROADCASTSS, Vx, Mss, V2, 0x18, P66, M, W, AVX, A_W0)
S2(VBROADCASTSS, Vx, Uss, V2, 0x18, P66, X, W, AVX2, A_W0)
S2(VBROADCASTSD, Vqq, Msd, V2, 0x19, P66, M, W, AVX, A_W0 | A_L1)
S2(VBROADCASTSD, Vqq, Usd, V2, 0x19, P66, X, W, AVX2, A_W0 | A_L1)
S2(VBROADCASTF128, Vqq, Mdq, V2, 0x1a, P66, M, W, AVX, A_W0 | A_L1)
S2(VPBROADCASTD, Vx, Wd, V2, 0x58, P66, R, W, AVX2, A_W0)
S2(VPBROADCASTQ, Vx, Wq, V2, 0x59, P66, R, W, AVX2, A_W0)
S2(VBROADCASTI128, Vqq, Mdq, V2, 0x5a, P66, M, W, AVX2, A_W0 | A_L1)
S2(VPBROADCASTB, Vx, Wb, V2, 0x78, P66, R, W, AVX2, A_W0)
S2(VPBROADCASTW, Vx, Ww, V2, 0x79, P66, R, W, AVX2, A_W0)
/* masked: elements whose mask bit is clear are not accessed */
S3(VMASKMOVPS, Vx, Hx, Mx, V2, 0x2c, P66, M, W, AVX, A_W0)
S3(VMASKMOVPD, Vx, Hx, Mx, V2, 0x2d, P66, M, W, AVX, A_W0)
S3(VMASKMOVPS, Mx, Hx, Vx, V2, 0x2e, P66, M, W, AVX, A_W0)
S3(VMASKMOVPD, Mx, Hx, Vx, V2, 0x2f, P66, M, W, AVX, A_W0)
S3(VPMASKMOVD, Vx, Hx, Mx, V2, 0x8c, P66, M, W, AVX2, A_W0)
S3(VPMASKMOVQ, Vx, Hx, Mx, V2, 0x8c, P66, M, W, AVX2, A_W1)
S3(VPMASKMOVD, Mx, Hx, Vx, V2, 0x8e, P66, M, W, AVX2, A_W0)
S3(VPMASKMOVQ, Mx, Hx, Vx, V2, 0x8e, P66, M, W, AVX2, A_W1)
AVX_3(VPSRLVD, 0x45, AVX2, A_W0)
AVX_3(VPSRLVQ, 0x45, AVX2, A_W1)
AVX_3(VPSRAVD, 0x46, AVX2, A_W0)
AVX_3(VPSLLVD, 0x47, AVX2, A_W0)
AVX_3(VPSLLVQ, 0x47, AVX2, A_W1)
/* gathers: destination, memory, mask (cleared as it goes) */
S3(VPGATHERDD, Vx, VMd, Hx, V2, 0x90, P66, M, RW, AVX2, A_W0 | A_VSIB)
S3(VPGATHERDQ, Vx, VMq, Hx, V2, 0x90, P66, M, RW, AVX2, A_W1 | A_VSIB | A_VSIBH)
S3(VPGATHERQD, Vh, VMd, Hh, V2, 0x91, P66, M, RW, AVX2, A_W0 | A_VSIB)
S3(VPGATHERQQ, Vx, VMq, Hx, V2, 0x91, P66, M, RW, AVX2, A_W1 | A_VSIB)
S3(VGATHERDPS, Vx, VMd, Hx, V2, 0x92, P66, M, RW, AVX2, A_W0 | A_VSIB)
S3(VGATHERDPD, Vx, VMq, Hx, V2, 0x92, P66, M, RW, AVX2, A_W1 | A_VSIB | A_VSIBH)
S3(VGATHERQPS, Vh, VMd, Hh, V2, 0x93, P66, M, RW, AVX2, A_W0 | A_VSIB)
S3(VGATHERQPD, Vx, VMq, Hx, V2, 0x93, P66, M, RW, AVX2, A_W1 | A_VSIB)

/* FMA: three operand orders */
#define FMA_P(m, opc)                                                                        \
    S3(m##PS, Vx, Hx, Wx, V2, opc, P66, R, RW, FMA, A_W0 | A_FP)                             \
    S3(m##PD, Vx, Hx, Wx, V2, opc, P66, R, RW, FMA, A_W1 | A_FP)
#define FMA_S(m, opc)                                                                        \
    S3(m##SS, Vss, Hss, Wss, V2, opc, P66, R, RW, FMA, A_W0 | A_FP)                          \
    S3(m##SD, Vsd, Hsd, Wsd, V2, opc, P66, R, RW, FMA, A_W1 | A_FP)
#define FMA_ORDER(o, n)                                                                      \
    FMA_P(VFMADDSUB##o, n + 6) FMA_P(VFMSUBADD##o, n + 7)                                    \
    FMA_P(VFMADD##o, n + 8) FMA_S(VFMADD##o, n + 9)                                          \
    FMA_P(VFMSUB##o, n + 10) FMA_S(VFMSUB##o, n + 11)                                        \
    FMA_P(VFNMADD##o, n + 12) FMA_S(VFNMADD##o, n + 13)                                      \
    FMA_P(VFNMSUB##o, n + 14) FMA_S(VFNMSUB##o, n + 15)
FMA_ORDER(132, 0x90)
FMA_ORDER(213, 0xa0)
FMA_ORDER(231, 0xb0)
#undef FMA_ORDER
#undef FMA_P
#undef FMA_S

/* VEX 0F3A: AVX, AVX2 only */
S3(VPERMQ, Vqq, Wqq, Ib, V3, 0x00, P66, R, W, AVX2, A_W1 | A_L1)
S3(VPERMPD, Vqq, Wqq, Ib, V3, 0x01, P66, R, W, AVX2, A_W1 | A_L1)
S4(VPBLENDD, Vx, Hx, Wx, Ib, V3, 0x02, P66, R, W, AVX2, A_W0)
S3(VPERMILPS, Vx, Wx, Ib, V3, 0x04, P66, R, W, AVX, A_W0)
S3(VPERMILPD, Vx, Wx, Ib, V3, 0x05, P66, R, W, AVX, A_W0)
S4(VPERM2F128, Vqq, Hqq, Wqq, Ib, V3, 0x06, P66, R, W, AVX, A_W0 | A_L1)
S4(VINSERTF128, Vqq, Hqq, Wdq, Ib, V3, 0x18, P66, R, W, AVX, A_W0 | A_L1)
S3(VEXTRACTF128, Wdq, Vqq, Ib, V3, 0x19, P66, R, W, AVX, A_W0 | A_L1)
S3(VCVTPS2PH, Wh, Vx, Ib, V3, 0x1d, P66, R, W, F16C, A_W0 | A_FP)
S4(VINSERTI128, Vqq, Hqq, Wdq, Ib, V3, 0x38, P66, R, W, AVX2, A_W0 | A_L1)
S3(VEXTRACTI128, Wdq, Vqq, Ib, V3, 0x39, P66, R, W, AVX2, A_W0 | A_L1)
S4(VPERM2I128, Vqq, Hqq, Wqq, Ib, V3, 0x46, P66, R, W, AVX2, A_W0 | A_L1)
S4(VBLENDVPS, Vx, Hx, Wx, Lx, V3, 0x4a, P66, R, W, AVX, A_W0)
S4(VBLENDVPD, Vx, Hx, Wx, Lx, V3, 0x4b, P66, R, W, AVX, A_W0)
S4(VPBLENDVB, Vx, Hx, Wx, Lx, V3, 0x4c, P66, R, W, AVX, A_W0 | A_L1AVX2)

#undef AVX_3
#undef S1
#undef S2
#undef S3
#undef S4
#undef PACKED_M
#undef PACKED_X
#undef PACKED38
#undef UNARY38
#undef FLOAT_P
#undef FLOAT_S
#undef FLOAT_4
#undef MOVE

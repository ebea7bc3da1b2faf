/* The most frequent SSE and AVX instructions, compiled here instead of run in a stub */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <emmintrin.h>

#include "accel/soft/fpu-int.h"

/*
 * Each handler takes the case without trouble: memory in the TLB, aligned where
 * it must be, no new MXCSR flag. With any trouble nothing has been changed yet
 * and the instruction goes through its stub.
 */
#define HANDLER(name) static const Op *name(SoftCpu *cpu, const Op *op)

static ALWAYS_INLINE __m128i lo(const VecReg *v)
{
    return _mm_load_si128((const __m128i *)&v->b[0]);
}

static ALWAYS_INLINE __m128i hi(const VecReg *v)
{
    return _mm_load_si128((const __m128i *)&v->b[16]);
}

static ALWAYS_INLINE void set_lo(VecReg *v, __m128i x)
{
    _mm_store_si128((__m128i *)&v->b[0], x);
}

static ALWAYS_INLINE void set_hi(VecReg *v, __m128i x)
{
    _mm_store_si128((__m128i *)&v->b[16], x);
}

static ALWAYS_INLINE __m128i unaligned(const void *p)
{
    return _mm_loadu_si128(p);
}

/* Host address of the memory operand, or NULL. align: its address must be a multiple of size. */
static ALWAYS_INLINE void *operand(SoftCpu *cpu, const Op *op, unsigned size, bool align,
                                   bool write)
{
    uint64_t la = fpu_address(cpu, op, size, write);

    if (align && unlikely(la & (size - 1))) {
        return NULL;
    }
    return mem_hit(write ? cpu->tlb->tag_w : cpu->tlb->tag_r, cpu->tlb, la, size);
}

#define REG (&cpu->vec[op->i.reg])
#define RM (&cpu->vec[op->i.rm])
#define VVVV (&cpu->vec[op->i.vvvv])

/* Moves ------------------------------------------------------------------ */

#define MOVE_16(name, align)                                                    \
    HANDLER(name##_load)                                                        \
    {                                                                           \
        const void *p = operand(cpu, op, 16, align, false);                     \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, unaligned(p));                                              \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(name##_store)                                                       \
    {                                                                           \
        void *p = operand(cpu, op, 16, align, true);                            \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        _mm_storeu_si128(p, lo(REG));                                           \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_load)                                                     \
    {                                                                           \
        const void *p = operand(cpu, op, 16, align, false);                     \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, unaligned(p));                                              \
        set_hi(REG, _mm_setzero_si128());                                       \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_load_32)                                                  \
    {                                                                           \
        const uint8_t *p = operand(cpu, op, 32, align, false);                  \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, unaligned(p));                                              \
        set_hi(REG, unaligned(p + 16));                                         \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_store_32)                                                 \
    {                                                                           \
        uint8_t *p = operand(cpu, op, 32, align, true);                         \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        _mm_storeu_si128((__m128i *)p, lo(REG));                                \
        _mm_storeu_si128((__m128i *)(p + 16), hi(REG));                         \
        return NEXT(cpu, op);                                                   \
    }
MOVE_16(movu, false)
MOVE_16(mova, true)

HANDLER(mov_rr)
{
    set_lo(REG, lo(RM));
    return NEXT(cpu, op);
}

HANDLER(vmov_rr)
{
    set_lo(REG, lo(RM));
    set_hi(REG, _mm_setzero_si128());
    return NEXT(cpu, op);
}

HANDLER(vmov_rr_32)
{
    set_lo(REG, lo(RM));
    set_hi(REG, hi(RM));
    return NEXT(cpu, op);
}

/* Scalars: a load clears the rest of the register (of the XMM register in legacy forms). */
#define MOVE_SCALAR(name, bits, load128, element)                               \
    HANDLER(name##_load)                                                        \
    {                                                                           \
        const void *p = operand(cpu, op, bits / 8, false, false);               \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, load128(p));                                                \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_load)                                                     \
    {                                                                           \
        const void *p = operand(cpu, op, bits / 8, false, false);               \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, load128(p));                                                \
        set_hi(REG, _mm_setzero_si128());                                       \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(name##_store)                                                       \
    {                                                                           \
        mem_st##bits(cpu, op, fpu_address(cpu, op, bits / 8, true), REG->element[0]); \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(name##_rr)                                                          \
    {                                                                           \
        REG->element[0] = RM->element[0];                                       \
        return NEXT(cpu, op);                                                   \
    }
static ALWAYS_INLINE __m128i load_64(const void *p)
{
    return _mm_loadl_epi64(p);
}

static ALWAYS_INLINE __m128i load_32(const void *p)
{
    int v;

    memcpy(&v, p, 4);
    return _mm_cvtsi32_si128(v);
}
MOVE_SCALAR(mov64, 64, load_64, q)
MOVE_SCALAR(mov32, 32, load_32, d)

HANDLER(movq_rr)
{
    set_lo(REG, _mm_move_epi64(lo(RM)));
    return NEXT(cpu, op);
}

/* MOVD and MOVQ with a general register or memory; the operand size is 4 or 8. */
HANDLER(movd_from_gpr)
{
    uint64_t v = reg_get(cpu, op->i.rm, op->i.opsz);

    set_lo(REG, _mm_cvtsi64_si128(v));
    return NEXT(cpu, op);
}

HANDLER(movd_to_gpr)
{
    reg_set(cpu, op->i.rm, op->i.opsz, REG->q[0]);
    return NEXT(cpu, op);
}

HANDLER(movlps_load)
{
    REG->q[0] = mem_ld64(cpu, op, fpu_address(cpu, op, 8, false));
    return NEXT(cpu, op);
}

HANDLER(movhps_load)
{
    REG->q[1] = mem_ld64(cpu, op, fpu_address(cpu, op, 8, false));
    return NEXT(cpu, op);
}

HANDLER(movhps_store)
{
    mem_st64(cpu, op, fpu_address(cpu, op, 8, true), REG->q[1]);
    return NEXT(cpu, op);
}

/* Packed integers and logic ------------------------------------------------ */

#define INTEGER(name, f)                                                         \
    HANDLER(name##_rr)                                                          \
    {                                                                           \
        set_lo(REG, f(lo(REG), lo(RM)));                                        \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(name##_rm)                                                          \
    {                                                                           \
        const void *p = operand(cpu, op, 16, true, false);                      \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, f(lo(REG), unaligned(p)));                                  \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_rr)                                                       \
    {                                                                           \
        set_lo(REG, f(lo(VVVV), lo(RM)));                                       \
        set_hi(REG, _mm_setzero_si128());                                       \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_rm)                                                       \
    {                                                                           \
        const void *p = operand(cpu, op, 16, false, false);                     \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, f(lo(VVVV), unaligned(p)));                                 \
        set_hi(REG, _mm_setzero_si128());                                       \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_rr_32)                                                    \
    {                                                                           \
        __m128i low = f(lo(VVVV), lo(RM)), high = f(hi(VVVV), hi(RM));          \
                                                                                \
        set_lo(REG, low);                                                       \
        set_hi(REG, high);                                                      \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_rm_32)                                                    \
    {                                                                           \
        const uint8_t *p = operand(cpu, op, 32, false, false);                  \
        __m128i low, high;                                                      \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        low = f(lo(VVVV), unaligned(p));                                        \
        high = f(hi(VVVV), unaligned(p + 16));                                  \
        set_lo(REG, low);                                                       \
        set_hi(REG, high);                                                      \
        return NEXT(cpu, op);                                                   \
    }
INTEGER(pand, _mm_and_si128)
INTEGER(pandn, _mm_andnot_si128)
INTEGER(por, _mm_or_si128)
INTEGER(pxor, _mm_xor_si128)
INTEGER(paddb, _mm_add_epi8)
INTEGER(paddw, _mm_add_epi16)
INTEGER(paddd, _mm_add_epi32)
INTEGER(paddq, _mm_add_epi64)
INTEGER(psubb, _mm_sub_epi8)
INTEGER(psubw, _mm_sub_epi16)
INTEGER(psubd, _mm_sub_epi32)
INTEGER(psubq, _mm_sub_epi64)
INTEGER(pcmpeqb, _mm_cmpeq_epi8)
INTEGER(pcmpeqw, _mm_cmpeq_epi16)
INTEGER(pcmpeqd, _mm_cmpeq_epi32)
INTEGER(pcmpgtb, _mm_cmpgt_epi8)
INTEGER(pcmpgtd, _mm_cmpgt_epi32)
INTEGER(pminub, _mm_min_epu8)
INTEGER(pmaxub, _mm_max_epu8)
INTEGER(pmullw, _mm_mullo_epi16)
INTEGER(pmuludq, _mm_mul_epu32)
INTEGER(pmaddwd, _mm_madd_epi16)
INTEGER(punpcklbw, _mm_unpacklo_epi8)
INTEGER(punpcklwd, _mm_unpacklo_epi16)
INTEGER(punpckldq, _mm_unpacklo_epi32)
INTEGER(punpcklqdq, _mm_unpacklo_epi64)
INTEGER(punpckhbw, _mm_unpackhi_epi8)
INTEGER(punpckhwd, _mm_unpackhi_epi16)
INTEGER(punpckhdq, _mm_unpackhi_epi32)
INTEGER(punpckhqdq, _mm_unpackhi_epi64)

/* Legacy shifts by an immediate; the count shift takes any count alike. */
#define SHIFT(name, f)                                                          \
    HANDLER(name)                                                               \
    {                                                                           \
        set_lo(RM, f(lo(RM), _mm_cvtsi32_si128((uint8_t)op->i.imm)));           \
        return NEXT(cpu, op);                                                   \
    }
SHIFT(psllw, _mm_sll_epi16)
SHIFT(pslld, _mm_sll_epi32)
SHIFT(psllq, _mm_sll_epi64)
SHIFT(psrlw, _mm_srl_epi16)
SHIFT(psrld, _mm_srl_epi32)
SHIFT(psrlq, _mm_srl_epi64)
SHIFT(psraw, _mm_sra_epi16)
SHIFT(psrad, _mm_sra_epi32)

HANDLER(pmovmskb)
{
    cpu->gpr[op->i.reg] = (uint32_t)_mm_movemask_epi8(lo(RM));
    return NEXT(cpu, op);
}

HANDLER(vpmovmskb_32)
{
    cpu->gpr[op->i.reg] = (uint32_t)_mm_movemask_epi8(lo(RM)) |
                          (uint32_t)_mm_movemask_epi8(hi(RM)) << 16;
    return NEXT(cpu, op);
}

/* Floating point ----------------------------------------------------------- */

/* One instruction under the guest's MXCSR. False: it left new flags. */
#define FP_RUN(ins, dest, source)                                               \
    ({                                                                          \
        __asm__ volatile("ldmxcsr %[run]; " ins "; stmxcsr %[out]; ldmxcsr %[host]" \
                         : "+x"(dest), [out] "=m"(cpu->fx.mxcsr_out)                         \
                         : "x"(source), [run] "m"(cpu->fx.mxcsr_run),           \
                           [host] "m"(cpu->fx.mxcsr_host));                     \
        likely(cpu->fx.mxcsr_out == cpu->fx.mxcsr_run);                                      \
    })

/* ins works on xmm registers: %0 = %0 op %2; load is how its memory operand gets into one. */
#define FP_BINARY(name, ins, size, load)                                        \
    HANDLER(name##_rr)                                                          \
    {                                                                           \
        __m128i v = lo(REG), s = lo(RM);                                        \
                                                                                \
        if (!FP_RUN(ins " %2, %0", v, s)) {                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, v);                                                         \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(name##_rm)                                                          \
    {                                                                           \
        const void *p = operand(cpu, op, size, size == 16, false);              \
        __m128i v = lo(REG), s;                                                 \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        s = load(p);                                                            \
        if (!FP_RUN(ins " %2, %0", v, s)) {                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, v);                                                         \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_rr)                                                       \
    {                                                                           \
        __m128i v = lo(VVVV), s = lo(RM);                                       \
                                                                                \
        if (!FP_RUN(ins " %2, %0", v, s)) {                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, v);                                                         \
        set_hi(REG, _mm_setzero_si128());                                       \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(v##name##_rm)                                                       \
    {                                                                           \
        const void *p = operand(cpu, op, size, false, false);                   \
        __m128i v = lo(VVVV), s;                                                \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        s = load(p);                                                            \
        if (!FP_RUN(ins " %2, %0", v, s)) {                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, v);                                                         \
        set_hi(REG, _mm_setzero_si128());                                       \
        return NEXT(cpu, op);                                                   \
    }
#define FP_BINARY_4(name)                                                       \
    FP_BINARY(name##ss, #name "ss", 4, load_32)                                 \
    FP_BINARY(name##sd, #name "sd", 8, load_64)                                 \
    FP_BINARY(name##ps, #name "ps", 16, unaligned)                              \
    FP_BINARY(name##pd, #name "pd", 16, unaligned)
FP_BINARY_4(add)
FP_BINARY_4(sub)
FP_BINARY_4(mul)
FP_BINARY_4(div)
FP_BINARY_4(min)
FP_BINARY_4(max)
FP_BINARY(sqrtss, "sqrtss", 4, load_32)
FP_BINARY(sqrtsd, "sqrtsd", 8, load_64)
FP_BINARY(cvtss2sd, "cvtss2sd", 4, load_32)
FP_BINARY(cvtsd2ss, "cvtsd2ss", 8, load_64)

#define FP_COMPARE(name, ins, size, load)                                       \
    static ALWAYS_INLINE const Op *name(SoftCpu *cpu, const Op *op, __m128i s)  \
    {                                                                           \
        __m128i v = lo(REG);                                                    \
        bool c, p, z;                                                           \
                                                                                \
        __asm__ volatile("ldmxcsr %[run]; " ins " %[s], %[v]; stmxcsr %[out]; ldmxcsr %[host]" \
                         : [out] "=m"(cpu->fx.mxcsr_out), "=@ccc"(c), "=@ccp"(p), "=@ccz"(z)  \
                         : [v] "x"(v), [s] "x"(s), [run] "m"(cpu->fx.mxcsr_run), \
                           [host] "m"(cpu->fx.mxcsr_host));                     \
        if (unlikely(cpu->fx.mxcsr_out != cpu->fx.mxcsr_run)) {                               \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        cc_set(cpu, CC_FLAGS, 0, (c ? FL_CF : 0) | (p ? FL_PF : 0) | (z ? FL_ZF : 0)); \
        return NEXT(cpu, op);                                                   \
    }                                                                           \
    HANDLER(name##_rr)                                                          \
    {                                                                           \
        return name(cpu, op, lo(RM));                                           \
    }                                                                           \
    HANDLER(name##_rm)                                                          \
    {                                                                           \
        const void *p = operand(cpu, op, size, false, false);                   \
                                                                                \
        if (unlikely(!p)) {                                                     \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        return name(cpu, op, load(p));                                          \
    }
FP_COMPARE(ucomiss, "ucomiss", 4, load_32)
FP_COMPARE(ucomisd, "ucomisd", 8, load_64)
FP_COMPARE(comiss, "comiss", 4, load_32)
FP_COMPARE(comisd, "comisd", 8, load_64)

/* Conversions with general registers, register forms. */
#define FP_FROM_INT(name, ins)                                                  \
    HANDLER(name)                                                               \
    {                                                                           \
        __m128i v = lo(REG);                                                    \
        uint64_t s = cpu->gpr[op->i.rm];                                        \
                                                                                \
        if (op->i.opsz == 8) {                                                  \
            __asm__ volatile("ldmxcsr %[run]; " ins "q %[s], %[v]; stmxcsr %[out]; ldmxcsr %[host]" \
                             : [v] "+x"(v), [out] "=m"(cpu->fx.mxcsr_out)                     \
                             : [s] "r"(s), [run] "m"(cpu->fx.mxcsr_run),        \
                               [host] "m"(cpu->fx.mxcsr_host));                 \
        } else {                                                                \
            __asm__ volatile("ldmxcsr %[run]; " ins "l %[s], %[v]; stmxcsr %[out]; ldmxcsr %[host]" \
                             : [v] "+x"(v), [out] "=m"(cpu->fx.mxcsr_out)                     \
                             : [s] "r"((uint32_t)s), [run] "m"(cpu->fx.mxcsr_run), \
                               [host] "m"(cpu->fx.mxcsr_host));                 \
        }                                                                       \
        if (unlikely(cpu->fx.mxcsr_out != cpu->fx.mxcsr_run)) {                               \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        set_lo(REG, v);                                                         \
        return NEXT(cpu, op);                                                   \
    }
FP_FROM_INT(cvtsi2ss, "cvtsi2ss")
FP_FROM_INT(cvtsi2sd, "cvtsi2sd")

#define FP_TO_INT(name, ins)                                                    \
    HANDLER(name)                                                               \
    {                                                                           \
        __m128i s = lo(RM);                                                     \
        uint64_t v;                                                             \
                                                                                \
        if (op->i.opsz == 8) {                                                  \
            __asm__ volatile("ldmxcsr %[run]; " ins " %[s], %q[v]; stmxcsr %[out]; ldmxcsr %[host]" \
                             : [v] "=&r"(v), [out] "=m"(cpu->fx.mxcsr_out)                     \
                             : [s] "x"(s), [run] "m"(cpu->fx.mxcsr_run),        \
                               [host] "m"(cpu->fx.mxcsr_host));                 \
        } else {                                                                \
            __asm__ volatile("ldmxcsr %[run]; " ins " %[s], %k[v]; stmxcsr %[out]; ldmxcsr %[host]" \
                             : [v] "=&r"(v), [out] "=m"(cpu->fx.mxcsr_out)                     \
                             : [s] "x"(s), [run] "m"(cpu->fx.mxcsr_run),        \
                               [host] "m"(cpu->fx.mxcsr_host));                 \
        }                                                                       \
        if (unlikely(cpu->fx.mxcsr_out != cpu->fx.mxcsr_run)) {                               \
            return sse_stubbed(cpu, op);                                        \
        }                                                                       \
        cpu->gpr[op->i.reg] = v;                                                \
        return NEXT(cpu, op);                                                   \
    }
FP_TO_INT(cvttss2si, "cvttss2si")
FP_TO_INT(cvttsd2si, "cvttsd2si")

/* Which handler -------------------------------------------------------------- */

typedef struct PlainRow {
    OpFn *reg, *mem;        /* 128 bits or less */
    OpFn *reg_32, *mem_32;  /* 256 bits */
} PlainRow;

#define ROW_PACKED(OP, name)                                                    \
    [OP_##OP##_Vx_Wx] = { name##_rr, name##_rm, NULL, NULL },                   \
    [OP_V##OP##_Vx_Hx_Wx] = { v##name##_rr, v##name##_rm, v##name##_rr_32, v##name##_rm_32 },
#define ROW_FP_SCALAR(OP, T, t, name)                                           \
    [OP_##OP##T##_V##t##_W##t] = { name##t##_rr, name##t##_rm, NULL, NULL },    \
    [OP_V##OP##T##_V##t##_H##t##_W##t] = { v##name##t##_rr, v##name##t##_rm, v##name##t##_rr, \
                                           v##name##t##_rm },
#define ROW_FP_PACKED(OP, T, t, name)                                           \
    [OP_##OP##T##_Vx_Wx] = { name##t##_rr, name##t##_rm, NULL, NULL },          \
    [OP_V##OP##T##_Vx_Hx_Wx] = { v##name##t##_rr, v##name##t##_rm, NULL, NULL },
#define ROW_FP_4(OP, name)                                                      \
    ROW_FP_SCALAR(OP, SS, ss, name) ROW_FP_SCALAR(OP, SD, sd, name)             \
    ROW_FP_PACKED(OP, PS, ps, name) ROW_FP_PACKED(OP, PD, pd, name)
#define ROW_MOVE(OP, name)                                                      \
    [OP_##OP##_Vx_Wx] = { mov_rr, name##_load, NULL, NULL },                    \
    [OP_##OP##_Wx_Vx] = { NULL, name##_store, NULL, NULL },                     \
    [OP_V##OP##_Vx_Wx] = { vmov_rr, v##name##_load, vmov_rr_32, v##name##_load_32 }, \
    [OP_V##OP##_Wx_Vx] = { NULL, name##_store, NULL, v##name##_store_32 },
#define ROW_COMPARE(OP, t, name)                                                \
    [OP_##OP##_V##t##_W##t] = { name##_rr, name##_rm, name##_rr, name##_rm },   \
    [OP_V##OP##_V##t##_W##t] = { name##_rr, name##_rm, name##_rr, name##_rm },

static const PlainRow plain[NR_OPS] = {
    ROW_MOVE(MOVUPS, movu)
    ROW_MOVE(MOVUPD, movu)
    ROW_MOVE(MOVDQU, movu)
    ROW_MOVE(MOVAPS, mova)
    ROW_MOVE(MOVAPD, mova)
    ROW_MOVE(MOVDQA, mova)
    [OP_MOVSS_Vss_Mss] = { .mem = mov32_load },
    [OP_MOVSS_Vss_Uss] = { .reg = mov32_rr },
    [OP_MOVSS_Mss_Vss] = { .mem = mov32_store },
    [OP_MOVSD_Vsd_Msd] = { .mem = mov64_load },
    [OP_MOVSD_Vsd_Usd] = { .reg = mov64_rr },
    [OP_MOVSD_Msd_Vsd] = { .mem = mov64_store },
    [OP_VMOVSS_Vss_Mss] = { .mem = vmov32_load, .mem_32 = vmov32_load },
    [OP_VMOVSS_Mss_Vss] = { .mem = mov32_store, .mem_32 = mov32_store },
    [OP_VMOVSD_Vsd_Msd] = { .mem = vmov64_load, .mem_32 = vmov64_load },
    [OP_VMOVSD_Msd_Vsd] = { .mem = mov64_store, .mem_32 = mov64_store },
    [OP_MOVQ_Vq_Wq] = { movq_rr, mov64_load, NULL, NULL },
    [OP_MOVQ_Wq_Vq] = { .mem = mov64_store },
    [OP_VMOVQ_Vq_Wq] = { .mem = vmov64_load },
    [OP_VMOVQ_Wq_Vq] = { .mem = mov64_store },
    [OP_MOVD_Vdq_Ey] = { .reg = movd_from_gpr },
    [OP_MOVD_Ey_Vdq] = { .reg = movd_to_gpr },
    [OP_VMOVD_Ey_Vdq] = { .reg = movd_to_gpr },
    [OP_MOVLPS_Vq_Mq] = { .mem = movlps_load },
    [OP_MOVLPD_Vq_Mq] = { .mem = movlps_load },
    [OP_MOVLPS_Mq_Vq] = { .mem = mov64_store },
    [OP_MOVLPD_Mq_Vq] = { .mem = mov64_store },
    [OP_MOVHPS_Vdq_Mq] = { .mem = movhps_load },
    [OP_MOVHPD_Vdq_Mq] = { .mem = movhps_load },
    [OP_MOVHPS_Mq_Vdq] = { .mem = movhps_store },
    [OP_MOVHPD_Mq_Vdq] = { .mem = movhps_store },
    ROW_PACKED(PAND, pand) ROW_PACKED(ANDPS, pand) ROW_PACKED(ANDPD, pand)
    ROW_PACKED(PANDN, pandn) ROW_PACKED(ANDNPS, pandn) ROW_PACKED(ANDNPD, pandn)
    ROW_PACKED(POR, por) ROW_PACKED(ORPS, por) ROW_PACKED(ORPD, por)
    ROW_PACKED(PXOR, pxor) ROW_PACKED(XORPS, pxor) ROW_PACKED(XORPD, pxor)
    ROW_PACKED(PADDB, paddb) ROW_PACKED(PADDW, paddw) ROW_PACKED(PADDD, paddd)
    ROW_PACKED(PADDQ, paddq) ROW_PACKED(PSUBB, psubb) ROW_PACKED(PSUBW, psubw)
    ROW_PACKED(PSUBD, psubd) ROW_PACKED(PSUBQ, psubq) ROW_PACKED(PCMPEQB, pcmpeqb)
    ROW_PACKED(PCMPEQW, pcmpeqw) ROW_PACKED(PCMPEQD, pcmpeqd) ROW_PACKED(PCMPGTB, pcmpgtb)
    ROW_PACKED(PCMPGTD, pcmpgtd) ROW_PACKED(PMINUB, pminub) ROW_PACKED(PMAXUB, pmaxub)
    ROW_PACKED(PMULLW, pmullw) ROW_PACKED(PMULUDQ, pmuludq) ROW_PACKED(PMADDWD, pmaddwd)
    ROW_PACKED(PUNPCKLBW, punpcklbw) ROW_PACKED(PUNPCKLWD, punpcklwd)
    ROW_PACKED(PUNPCKLDQ, punpckldq) ROW_PACKED(UNPCKLPS, punpckldq)
    ROW_PACKED(PUNPCKLQDQ, punpcklqdq) ROW_PACKED(UNPCKLPD, punpcklqdq)
    ROW_PACKED(PUNPCKHBW, punpckhbw) ROW_PACKED(PUNPCKHWD, punpckhwd)
    ROW_PACKED(PUNPCKHDQ, punpckhdq) ROW_PACKED(UNPCKHPS, punpckhdq)
    ROW_PACKED(PUNPCKHQDQ, punpckhqdq) ROW_PACKED(UNPCKHPD, punpckhqdq)
    [OP_PSLLW_Ux_Ib] = { .reg = psllw },
    [OP_PSLLD_Ux_Ib] = { .reg = pslld },
    [OP_PSLLQ_Ux_Ib] = { .reg = psllq },
    [OP_PSRLW_Ux_Ib] = { .reg = psrlw },
    [OP_PSRLD_Ux_Ib] = { .reg = psrld },
    [OP_PSRLQ_Ux_Ib] = { .reg = psrlq },
    [OP_PSRAW_Ux_Ib] = { .reg = psraw },
    [OP_PSRAD_Ux_Ib] = { .reg = psrad },
    [OP_PMOVMSKB_Gd_Ux] = { .reg = pmovmskb },
    [OP_VPMOVMSKB_Gd_Ux] = { .reg = pmovmskb, .reg_32 = vpmovmskb_32 },
    ROW_FP_4(ADD, add)
    ROW_FP_4(SUB, sub)
    ROW_FP_4(MUL, mul)
    ROW_FP_4(DIV, div)
    ROW_FP_4(MIN, min)
    ROW_FP_4(MAX, max)
    ROW_FP_SCALAR(SQRT, SS, ss, sqrt)
    ROW_FP_SCALAR(SQRT, SD, sd, sqrt)
    [OP_CVTSS2SD_Vsd_Wss] = { cvtss2sd_rr, cvtss2sd_rm, NULL, NULL },
    [OP_CVTSD2SS_Vss_Wsd] = { cvtsd2ss_rr, cvtsd2ss_rm, NULL, NULL },
    [OP_VCVTSS2SD_Vsd_Hsd_Wss] = { vcvtss2sd_rr, vcvtss2sd_rm, vcvtss2sd_rr, vcvtss2sd_rm },
    [OP_VCVTSD2SS_Vss_Hss_Wsd] = { vcvtsd2ss_rr, vcvtsd2ss_rm, vcvtsd2ss_rr, vcvtsd2ss_rm },
    ROW_COMPARE(UCOMISS, ss, ucomiss)
    ROW_COMPARE(UCOMISD, sd, ucomisd)
    ROW_COMPARE(COMISS, ss, comiss)
    ROW_COMPARE(COMISD, sd, comisd)
    [OP_CVTSI2SS_Vss_Ey] = { .reg = cvtsi2ss },
    [OP_CVTSI2SD_Vsd_Ey] = { .reg = cvtsi2sd },
    [OP_CVTTSS2SI_Gy_Wss] = { .reg = cvttss2si },
    [OP_CVTTSD2SI_Gy_Wsd] = { .reg = cvttsd2si },
    [OP_VCVTTSS2SI_Gy_Wss] = { .reg = cvttss2si, .reg_32 = cvttss2si },
    [OP_VCVTTSD2SI_Gy_Wsd] = { .reg = cvttsd2si, .reg_32 = cvttsd2si },
};

OpFn *pick_sse_plain(const Insn *i)
{
    const PlainRow *row = &plain[i->op];

    if (i->flags & INSN_MEM) {
        return i->vl == 32 ? row->mem_32 : row->mem;
    }
    return i->vl == 32 ? row->reg_32 : row->reg;
}

/* The x87 handlers: the common instructions by the host's x87 with operands from memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu-int.h"

/*
 * The handlers here take the plain case: all exceptions masked (so none is
 * pending), operands present, room on the stack. Everything else goes to
 * x87_host(). They read the status word behind the operation and add its sticky
 * flags to the guest's. That is right as long as the host's own sticky flags are
 * a subset of the guest's: fx.x87_fast says so. It is cleared whenever the guest's
 * are loaded or cleared, and set again by x87_host(), which makes both equal.
 * (long double arithmetic of our own in a vCPU thread would spoil that: there is none.)
 */
_Static_assert(sizeof(long double) == 16, "an x87 register fills a cell");

static ALWAYS_INLINE unsigned phys_reg(const SoftCpu *cpu, unsigned n)
{
    return ((cpu->fx.fsw >> FSW_TOP_SHIFT) + n) & 7;
}

/* Nothing special about the mode, and physical register r is in use. */
static ALWAYS_INLINE bool plain_use(const SoftCpu *cpu, unsigned r)
{
    return likely(cpu->fx.x87_fast & (uint32_t)cpu->fx.ftw_abridged >> r & 1);
}

/* Nothing special, and r may be pushed into. */
static ALWAYS_INLINE bool plain_free(const SoftCpu *cpu, unsigned r)
{
    return likely(cpu->fx.x87_fast & ~(uint32_t)cpu->fx.ftw_abridged >> r & 1);
}

/* A cell's 10 bytes; the rest of it is zero and stays so. */
static ALWAYS_INLINE void st_set(SoftCpu *cpu, unsigned r, long double v)
{
    __asm__("fstpt %0" : "=m"(*(uint8_t (*)[10])cpu->fx.st[r]) : "t"(v) : "st");
}

static ALWAYS_INLINE void st_copy(SoftCpu *cpu, unsigned to, unsigned from)
{
    memcpy(cpu->fx.st[to], cpu->fx.st[from], 16);
}

static ALWAYS_INLINE void st_pop(SoftCpu *cpu)
{
    unsigned r = phys_reg(cpu, 0);

    cpu->fx.ftw_abridged &= ~(1u << r);
    cpu->fx.fsw = (cpu->fx.fsw & ~FSW_TOP) | ((r + 1) & 7) << FSW_TOP_SHIFT;
}

/* r is phys_reg(cpu, -1). */
static ALWAYS_INLINE void st_push(SoftCpu *cpu, unsigned r)
{
    cpu->fx.ftw_abridged |= 1u << r;
    cpu->fx.fsw = (cpu->fx.fsw & ~(FSW_TOP | FSW_C1)) | r << FSW_TOP_SHIFT;
}

/* Take over sticky flags and the condition bits of mask from the host's status word. */
static ALWAYS_INLINE void fsw_merge(SoftCpu *cpu, uint16_t host, uint16_t mask)
{
    cpu->fx.fsw = (cpu->fx.fsw & ~mask) | (host & (mask | FSW_EXC));
}

/* The guest's precision and rounding around one operation. */
static ALWAYS_INLINE void fcw_enter(const SoftCpu *cpu)
{
    if (unlikely(cpu->fx.fcw != FCW_INIT)) {
        __asm__ volatile("fldcw %0" : : "m"(cpu->fx.fcw));
    }
}

static ALWAYS_INLINE void fcw_leave(const SoftCpu *cpu)
{
    static const uint16_t host = FCW_INIT;

    if (unlikely(cpu->fx.fcw != FCW_INIT)) {
        __asm__ volatile("fldcw %0" : : "m"(host));
    }
}

#define HANDLER(name) static const Op *name(SoftCpu *cpu, const Op *op)

/* ST(0) = ST(0) op memory; ins with its operand-size letter. */
#define ARITH_MEM(name, bits, ins)                                                              \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned r = phys_reg(cpu, 0);                                                          \
        uint##bits##_t m;                                                                       \
        uint16_t sw;                                                                            \
                                                                                                \
        if (!plain_use(cpu, r)) {                                                               \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        m = mem_ld##bits(cpu, op, fpu_address(cpu, op, bits / 8, false));                         \
        fcw_enter(cpu);                                                                         \
        __asm__ volatile("fldt %1; " ins " %2; fnstsw %0; fstpt %1"                             \
                         : "=&a"(sw), "+m"(*(uint8_t (*)[10])cpu->fx.st[r]) : "m"(m) : "st");    \
        fcw_leave(cpu);                                                                         \
        fsw_merge(cpu, sw, FSW_C1);                                                             \
        return NEXT(cpu, op);                                                                   \
    }
#define ARITH_MEM4(op, ins)                                                                     \
    ARITH_MEM(f##op##_m32, 32, "f" ins "s") ARITH_MEM(f##op##_m64, 64, "f" ins "l")             \
    ARITH_MEM(fi##op##_m16, 16, "fi" ins "s") ARITH_MEM(fi##op##_m32, 32, "fi" ins "l")
ARITH_MEM4(add, "add")
ARITH_MEM4(mul, "mul")
ARITH_MEM4(sub, "sub")
ARITH_MEM4(subr, "subr")
ARITH_MEM4(div, "div")
ARITH_MEM4(divr, "divr")

/*
 * ST(d) = ST(d) op ST(s), one of both is ST(0). The host has d in its ST(0)
 * and s in ST(1), so one form of ins does for all.
 */
static ALWAYS_INLINE bool arith_reg_plain(const SoftCpu *cpu, unsigned d, unsigned s)
{
    return plain_use(cpu, d) && plain_use(cpu, s);
}

#define ARITH_REG(name, dest, source, ins, pop)                                                 \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned zero = phys_reg(cpu, 0), other = phys_reg(cpu, op->i.modrm & 7);               \
        unsigned d = dest, s = source;                                                          \
        uint16_t sw;                                                                            \
                                                                                                \
        if (!arith_reg_plain(cpu, d, s)) {                                                      \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        fcw_enter(cpu);                                                                         \
        __asm__ volatile("fldt %2; fldt %1; " ins " %%st(1), %%st; fnstsw %0; fstpt %1; "       \
                         "fstp %%st(0)"                                                         \
                         : "=&a"(sw), "+m"(*(uint8_t (*)[10])cpu->fx.st[d])                      \
                         : "m"(*(const uint8_t (*)[10])cpu->fx.st[s]) : "st", "st(1)");         \
        fcw_leave(cpu);                                                                         \
        fsw_merge(cpu, sw, FSW_C1);                                                             \
        if (pop) {                                                                              \
            st_pop(cpu);                                                                        \
        }                                                                                       \
        return NEXT(cpu, op);                                                                   \
    }
#define ARITH_REG3(op, ins)                                                                     \
    ARITH_REG(f##op##_0i, zero, other, ins, false)                                              \
    ARITH_REG(f##op##_i0, other, zero, ins, false)                                              \
    ARITH_REG(f##op##p_i0, other, zero, ins, true)
ARITH_REG3(add, "fadd")
ARITH_REG3(mul, "fmul")
ARITH_REG3(sub, "fsub")
ARITH_REG3(subr, "fsubr")
ARITH_REG3(div, "fdiv")
ARITH_REG3(divr, "fdivr")

/* Loads */
#define FLD_MEM(name, bits, ins, exact)                                                         \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned r = phys_reg(cpu, -1);                                                         \
        uint##bits##_t m;                                                                       \
        uint16_t sw;                                                                            \
                                                                                                \
        if (!plain_free(cpu, r)) {                                                              \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        m = mem_ld##bits(cpu, op, fpu_address(cpu, op, bits / 8, false));                         \
        if (exact) {                                                                            \
            __asm__ volatile(ins " %1; fstpt %0"                                                \
                             : "=m"(*(uint8_t (*)[10])cpu->fx.st[r]) : "m"(m) : "st");          \
        } else {                                                                                \
            __asm__ volatile(ins " %2; fnstsw %0; fstpt %1"                                     \
                             : "=&a"(sw), "=m"(*(uint8_t (*)[10])cpu->fx.st[r]) : "m"(m) : "st"); \
            fsw_merge(cpu, sw, 0);                                                              \
        }                                                                                       \
        st_push(cpu, r);                                                                        \
        return NEXT(cpu, op);                                                                   \
    }
/* Normal numbers and zeros raise nothing: NaNs and denormals do. */
#define NORMAL(m, mantissa, mask) \
    (((m) >> (mantissa) & (mask)) - 1 < (mask) - 1 || (m) << 1 == 0)
FLD_MEM(fld_m32, 32, "flds", NORMAL(m, 23, 0xffu))
FLD_MEM(fld_m64, 64, "fldl", NORMAL(m, 52, (uint64_t)0x7ff))
FLD_MEM(fild_m16, 16, "filds", true)
FLD_MEM(fild_m32, 32, "fildl", true)
FLD_MEM(fild_m64, 64, "fildll", true)

HANDLER(fld_m80)
{
    unsigned r = phys_reg(cpu, -1);
    uint64_t la, mantissa;

    if (!plain_free(cpu, r)) {
        return x87_host(cpu, op);
    }
    la = fpu_address(cpu, op, 10, false);
    if (unlikely((la & 4095) > 4096 - 10)) {
        return x87_host(cpu, op);
    }
    mantissa = mem_ld64(cpu, op, la);
    memcpy(cpu->fx.st[r] + 8, &(uint16_t){ mem_ld16(cpu, op, la + 8) }, 2);
    memcpy(cpu->fx.st[r], &mantissa, 8);
    st_push(cpu, r);
    return NEXT(cpu, op);
}

HANDLER(fld_sti)
{
    unsigned r = phys_reg(cpu, -1), from = phys_reg(cpu, op->i.modrm & 7);

    if (!plain_free(cpu, r) || !plain_use(cpu, from)) {
        return x87_host(cpu, op);
    }
    st_copy(cpu, r, from);
    st_push(cpu, r);
    return NEXT(cpu, op);
}

#define FLD_CONST(name, ins)                                        \
    HANDLER(name)                                                   \
    {                                                               \
        unsigned r = phys_reg(cpu, -1);                             \
        long double v;                                              \
                                                                    \
        if (!plain_free(cpu, r)) {                                  \
            return x87_host(cpu, op);                               \
        }                                                           \
        fcw_enter(cpu);                                             \
        __asm__ volatile(ins : "=t"(v));                            \
        st_set(cpu, r, v);                                          \
        fcw_leave(cpu);                                             \
        st_push(cpu, r);                                            \
        return NEXT(cpu, op);                                       \
    }
FLD_CONST(fld1, "fld1")
FLD_CONST(fldz, "fldz")
FLD_CONST(fldpi, "fldpi")
FLD_CONST(fldl2e, "fldl2e")
FLD_CONST(fldl2t, "fldl2t")
FLD_CONST(fldlg2, "fldlg2")
FLD_CONST(fldln2, "fldln2")

/* Stores: the value first, the state only when memory has taken it. */
#define FST_MEM(name, bits, ins, pop)                                                           \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned r = phys_reg(cpu, 0);                                                          \
        uint##bits##_t m;                                                                       \
        uint16_t sw;                                                                            \
                                                                                                \
        if (!plain_use(cpu, r)) {                                                               \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        fcw_enter(cpu);                                                                         \
        __asm__ volatile("fldt %2; " ins " %1; fnstsw %0"                                       \
                         : "=&a"(sw), "=m"(m)                                                    \
                         : "m"(*(const uint8_t (*)[10])cpu->fx.st[r]) : "st");                  \
        fcw_leave(cpu);                                                                         \
        mem_st##bits(cpu, op, fpu_address(cpu, op, bits / 8, true), m);                           \
        fsw_merge(cpu, sw, FSW_C1);                                                             \
        if (pop) {                                                                              \
            st_pop(cpu);                                                                        \
        }                                                                                       \
        return NEXT(cpu, op);                                                                   \
    }
FST_MEM(fst_m32, 32, "fstps", false)
FST_MEM(fst_m64, 64, "fstpl", false)
FST_MEM(fstp_m32, 32, "fstps", true)
FST_MEM(fstp_m64, 64, "fstpl", true)
FST_MEM(fist_m16, 16, "fistps", false)
FST_MEM(fist_m32, 32, "fistpl", false)
FST_MEM(fistp_m16, 16, "fistps", true)
FST_MEM(fistp_m32, 32, "fistpl", true)
FST_MEM(fistp_m64, 64, "fistpll", true)
FST_MEM(fisttp_m16, 16, "fisttps", true)
FST_MEM(fisttp_m32, 32, "fisttpl", true)
FST_MEM(fisttp_m64, 64, "fisttpll", true)

HANDLER(fst_sti)
{
    unsigned r = phys_reg(cpu, 0), to = phys_reg(cpu, op->i.modrm & 7);

    if (!plain_use(cpu, r)) {
        return x87_host(cpu, op);
    }
    st_copy(cpu, to, r);
    cpu->fx.ftw_abridged |= 1u << to;
    cpu->fx.fsw &= ~FSW_C1;
    return NEXT(cpu, op);
}

HANDLER(fstp_sti)
{
    unsigned r = phys_reg(cpu, 0), to = phys_reg(cpu, op->i.modrm & 7);

    if (!plain_use(cpu, r)) {
        return x87_host(cpu, op);
    }
    st_copy(cpu, to, r);
    cpu->fx.ftw_abridged |= 1u << to;
    cpu->fx.fsw &= ~FSW_C1;
    st_pop(cpu);
    return NEXT(cpu, op);
}

HANDLER(fxch)
{
    unsigned r = phys_reg(cpu, 0), other = phys_reg(cpu, op->i.modrm & 7);
    uint8_t cell[16];

    if (!plain_use(cpu, r) || !plain_use(cpu, other)) {
        return x87_host(cpu, op);
    }
    memcpy(cell, cpu->fx.st[r], 16);
    memcpy(cpu->fx.st[r], cpu->fx.st[other], 16);
    memcpy(cpu->fx.st[other], cell, 16);
    cpu->fx.fsw &= ~FSW_C1;
    return NEXT(cpu, op);
}

HANDLER(fchs)
{
    unsigned r = phys_reg(cpu, 0);

    if (!plain_use(cpu, r)) {
        return x87_host(cpu, op);
    }
    cpu->fx.st[r][9] ^= 0x80;
    cpu->fx.fsw &= ~FSW_C1;
    return NEXT(cpu, op);
}

HANDLER(fabs_)
{
    unsigned r = phys_reg(cpu, 0);

    if (!plain_use(cpu, r)) {
        return x87_host(cpu, op);
    }
    cpu->fx.st[r][9] &= 0x7f;
    cpu->fx.fsw &= ~FSW_C1;
    return NEXT(cpu, op);
}

#define UNARY(name, ins, conditions)                                                            \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned r = phys_reg(cpu, 0);                                                          \
        uint16_t sw;                                                                            \
                                                                                                \
        if (!plain_use(cpu, r)) {                                                               \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        fcw_enter(cpu);                                                                         \
        __asm__ volatile("fldt %1; " ins "; fnstsw %0; fstpt %1"                                \
                         : "=&a"(sw), "+m"(*(uint8_t (*)[10])cpu->fx.st[r]) : : "st");           \
        fcw_leave(cpu);                                                                         \
        fsw_merge(cpu, sw, conditions);                                                         \
        return NEXT(cpu, op);                                                                   \
    }
UNARY(fsqrt_, "fsqrt", FSW_C1)
UNARY(frndint, "frndint", FSW_C1)
UNARY(fsin, "fsin", FSW_C1 | FSW_C2)
UNARY(fcos, "fcos", FSW_C1 | FSW_C2)

/* Comparisons */
#define FSW_COND (FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3)

#define COMPARE_MEM(name, bits, ins, pop)                                                       \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned r = phys_reg(cpu, 0);                                                          \
        uint##bits##_t m;                                                                       \
        uint16_t sw;                                                                            \
                                                                                                \
        if (!plain_use(cpu, r)) {                                                               \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        m = mem_ld##bits(cpu, op, fpu_address(cpu, op, bits / 8, false));                         \
        __asm__ volatile("fldt %1; " ins " %2; fnstsw %0"                                       \
                         : "=&a"(sw) : "m"(*(const uint8_t (*)[10])cpu->fx.st[r]), "m"(m)        \
                         : "st");                                                               \
        fsw_merge(cpu, sw, FSW_COND);                                                           \
        if (pop) {                                                                              \
            st_pop(cpu);                                                                        \
        }                                                                                       \
        return NEXT(cpu, op);                                                                   \
    }
COMPARE_MEM(fcom_m32, 32, "fcomps", false)
COMPARE_MEM(fcom_m64, 64, "fcompl", false)
COMPARE_MEM(fcomp_m32, 32, "fcomps", true)
COMPARE_MEM(fcomp_m64, 64, "fcompl", true)

#define COMPARE_REG(name, ins, pops)                                                            \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned r = phys_reg(cpu, 0);                                                          \
        unsigned other = phys_reg(cpu, (pops) == 2 ? 1 : op->i.modrm & 7);                      \
        uint16_t sw;                                                                            \
                                                                                                \
        if (!plain_use(cpu, r) || !plain_use(cpu, other)) {                                     \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        __asm__ volatile("fldt %2; fldt %1; " ins "; fnstsw %0"                                 \
                         : "=&a"(sw) : "m"(*(const uint8_t (*)[10])cpu->fx.st[r]),               \
                           "m"(*(const uint8_t (*)[10])cpu->fx.st[other]) : "st", "st(1)");     \
        fsw_merge(cpu, sw, FSW_COND);                                                           \
        if ((pops) >= 1) {                                                                      \
            st_pop(cpu);                                                                        \
        }                                                                                       \
        if ((pops) == 2) {                                                                      \
            st_pop(cpu);                                                                        \
        }                                                                                       \
        return NEXT(cpu, op);                                                                   \
    }
COMPARE_REG(fcom_sti, "fcompp", 0)
COMPARE_REG(fcomp_sti, "fcompp", 1)
COMPARE_REG(fcompp, "fcompp", 2)
COMPARE_REG(fucom_sti, "fucompp", 0)
COMPARE_REG(fucomp_sti, "fucompp", 1)
COMPARE_REG(fucompp, "fucompp", 2)

#define COMPARE_FLAGS(name, ins, pop)                                                           \
    HANDLER(name)                                                                               \
    {                                                                                           \
        unsigned r = phys_reg(cpu, 0), other = phys_reg(cpu, op->i.modrm & 7);                  \
        uint16_t sw;                                                                            \
        bool c, p, z;                                                                           \
                                                                                                \
        if (!plain_use(cpu, r) || !plain_use(cpu, other)) {                                     \
            return x87_host(cpu, op);                                                           \
        }                                                                                       \
        __asm__ volatile("fldt %5; fldt %4; " ins " %%st(1), %%st; fnstsw %0; fstp %%st(0)"     \
                         : "=&a"(sw), "=@ccc"(c), "=@ccp"(p), "=@ccz"(z)                         \
                         : "m"(*(const uint8_t (*)[10])cpu->fx.st[r]),                          \
                           "m"(*(const uint8_t (*)[10])cpu->fx.st[other]) : "st", "st(1)");     \
        fsw_merge(cpu, sw, 0);  /* C1 stays, but for a stack fault */                           \
        cc_set(cpu, CC_FLAGS, 0, (c ? FL_CF : 0) | (p ? FL_PF : 0) | (z ? FL_ZF : 0));          \
        if (pop) {                                                                              \
            st_pop(cpu);                                                                        \
        }                                                                                       \
        return NEXT(cpu, op);                                                                   \
    }
COMPARE_FLAGS(fcomi, "fcomip", false)
COMPARE_FLAGS(fcomip, "fcomip", true)
COMPARE_FLAGS(fucomi, "fucomip", false)
COMPARE_FLAGS(fucomip, "fucomip", true)

#define PICK_ARITH(OP, op)                                                  \
    case OP_F##OP##_Md: return f##op##_m32;                                 \
    case OP_F##OP##_Mq: return f##op##_m64;                                 \
    case OP_FI##OP##_Mw: return fi##op##_m16;                               \
    case OP_FI##OP##_Md: return fi##op##_m32;                               \
    case OP_F##OP##_ST0_STi: return f##op##_0i;                             \
    case OP_F##OP##_STi_ST0: return f##op##_i0;                             \
    case OP_F##OP##P_STi_ST0: return f##op##p_i0;

static OpFn *pick_plain(const Insn *i)
{
    switch (i->op) {
    PICK_ARITH(ADD, add)
    PICK_ARITH(MUL, mul)
    PICK_ARITH(SUB, sub)
    PICK_ARITH(SUBR, subr)
    PICK_ARITH(DIV, div)
    PICK_ARITH(DIVR, divr)
    case OP_FLD_Md: return fld_m32;
    case OP_FLD_Mq: return fld_m64;
    case OP_FLD_Mt: return fld_m80;
    case OP_FLD_STi: return fld_sti;
    case OP_FILD_Mw: return fild_m16;
    case OP_FILD_Md: return fild_m32;
    case OP_FILD_Mq: return fild_m64;
    case OP_FLD1: return fld1;
    case OP_FLDZ: return fldz;
    case OP_FLDPI: return fldpi;
    case OP_FLDL2E: return fldl2e;
    case OP_FLDL2T: return fldl2t;
    case OP_FLDLG2: return fldlg2;
    case OP_FLDLN2: return fldln2;
    case OP_FST_Md: return fst_m32;
    case OP_FST_Mq: return fst_m64;
    case OP_FSTP_Md: return fstp_m32;
    case OP_FSTP_Mq: return fstp_m64;
    case OP_FIST_Mw: return fist_m16;
    case OP_FIST_Md: return fist_m32;
    case OP_FISTP_Mw: return fistp_m16;
    case OP_FISTP_Md: return fistp_m32;
    case OP_FISTP_Mq: return fistp_m64;
    case OP_FISTTP_Mw: return fisttp_m16;
    case OP_FISTTP_Md: return fisttp_m32;
    case OP_FISTTP_Mq: return fisttp_m64;
    case OP_FST_STi: return fst_sti;
    case OP_FSTP_STi: return fstp_sti;
    case OP_FXCH_STi: return fxch;
    case OP_FCHS: return fchs;
    case OP_FABS: return fabs_;
    case OP_FSQRT: return fsqrt_;
    case OP_FRNDINT: return frndint;
    case OP_FSIN: return fsin;
    case OP_FCOS: return fcos;
    case OP_FCOM_Md: return fcom_m32;
    case OP_FCOM_Mq: return fcom_m64;
    case OP_FCOMP_Md: return fcomp_m32;
    case OP_FCOMP_Mq: return fcomp_m64;
    case OP_FCOM_STi: return fcom_sti;
    case OP_FCOMP_STi: return fcomp_sti;
    case OP_FCOMPP: return fcompp;
    case OP_FUCOM_STi: return fucom_sti;
    case OP_FUCOMP_STi: return fucomp_sti;
    case OP_FUCOMPP: return fucompp;
    case OP_FCOMI_ST0_STi: return fcomi;
    case OP_FCOMIP_ST0_STi: return fcomip;
    case OP_FUCOMI_ST0_STi: return fucomi;
    case OP_FUCOMIP_ST0_STi: return fucomip;
    default: return x87_host;
    }
}

static OpFn *pick_control(const Insn *i)
{
    switch (i->op) {
    case OP_FLDCW_Mw: return x87_fldcw;
    case OP_FNSTCW_Mw: return x87_fnstcw;
    case OP_FNSTSW_Mw: return x87_fnstsw_mem;
    case OP_FNSTSW_AX: return x87_fnstsw_ax;
    case OP_FNCLEX: return x87_fnclex;
    case OP_FNINIT: return x87_fninit;
    case OP_FLDENV_Mbig: return x87_fldenv;
    case OP_FNSTENV_Mbig: return x87_fnstenv;
    case OP_FRSTOR_Mbig: return x87_frstor;
    case OP_FNSAVE_Mbig: return x87_fnsave;
    case OP_FNENI:
    case OP_FNDISI:
    case OP_FNSETPM: return x87_nop;
    default: return NULL;
    }
}

OpFn *pick_x87(const Insn *i, uint32_t mode)
{
    OpFn *fn;

    if (i->op == OP_FWAIT) {
        return x87_fwait;
    }
    fn = pick_xsave(i, mode);
    if (fn) {
        return fn;
    }
    if (i->op == OP_EMMS) {
        return mode & MODE_X87 ? mmx_emms : fpu_refuse_mmx;
    }
    if (!(mode & MODE_X87)) {
        return fpu_refuse_x87;
    }
    fn = pick_control(i);
    if (fn) {
        return fn;
    }
    return x87_host_prepare(i, mode) ? pick_plain(i) : NULL;
}

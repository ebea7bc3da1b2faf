/* Integer handlers: MOV and its relatives, LEA, XCHG, SETcc, CMOVcc, BSWAP, conversions */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

/* MOV ------------------------------------------------------------------ */

#define MOV_MEM_FNS(size, suffix, ea)                                                       \
    static const Op *mov##size##_rm##suffix(SoftCpu *cpu, const Op *op)                     \
    {                                                                                       \
        g_set(cpu, op, size, mem_ld(cpu, op, ea_get(cpu, op, ea, size, false), size));      \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *mov##size##_mr##suffix(SoftCpu *cpu, const Op *op)                     \
    {                                                                                       \
        mem_st(cpu, op, ea_get(cpu, op, ea, size, true), g_get(cpu, op, size), size);       \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *mov##size##_mi##suffix(SoftCpu *cpu, const Op *op)                     \
    {                                                                                       \
        mem_st(cpu, op, ea_get(cpu, op, ea, size, true), op->i.imm, size);                  \
        return NEXT(cpu, op);                                                               \
    }
#define MOV_FNS(size)                                                                       \
    static const Op *mov##size##_rr(SoftCpu *cpu, const Op *op)                             \
    {                                                                                       \
        r_set(cpu, op, size, g_get(cpu, op, size));                                         \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *mov##size##_ri(SoftCpu *cpu, const Op *op)                             \
    {                                                                                       \
        r_set(cpu, op, size, op->i.imm);                                                    \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    MOV_MEM_FNS(size, b, EA_B) MOV_MEM_FNS(size, x, EA_X)                                   \
    MOV_MEM_FNS(size, f, EA_F) MOV_MEM_FNS(size, g, EA_G)
MOV_FNS(1)
MOV_FNS(2)
MOV_FNS(4)
MOV_FNS(8)

enum { MOV_RR, MOV_RI, MOV_RM, MOV_MR = MOV_RM + NR_EA, MOV_MI = MOV_MR + NR_EA,
       NR_MOV = MOV_MI + NR_EA };
#define MOV_ROW(x, size)                                                                    \
    { x##size##_rr, x##size##_ri, x##size##_rmb, x##size##_rmx, x##size##_rmf,              \
      x##size##_rmg, x##size##_mrb, x##size##_mrx, x##size##_mrf, x##size##_mrg,            \
      x##size##_mib, x##size##_mix, x##size##_mif, x##size##_mig }
static OpFn *const mov_table[4][NR_MOV] = SIZES4(MOV_ROW, mov);

/* moffs: the whole offset is in imm. */
static uint64_t moffs_linear(SoftCpu *cpu, const Op *op, bool write)
{
    return seg_address(cpu, op, op->i.seg, trunc_to(op->i.imm, op->i.adsz), op->i.opsz, write);
}

static const Op *mov_acc_moffs(SoftCpu *cpu, const Op *op)
{
    uint64_t la = moffs_linear(cpu, op, false);
    unsigned size = op->i.opsz;
    uint64_t v;

    switch (size) {
    case 1:
        v = mem_ld8(cpu, op, la);
        break;
    case 2:
        v = mem_ld16(cpu, op, la);
        break;
    case 4:
        v = mem_ld32(cpu, op, la);
        break;
    default:
        v = mem_ld64(cpu, op, la);
        break;
    }
    reg_set(cpu, R_AX, size, v);
    return NEXT(cpu, op);
}

static const Op *mov_moffs_acc(SoftCpu *cpu, const Op *op)
{
    uint64_t la = moffs_linear(cpu, op, true), v = cpu->gpr[R_AX];

    switch (op->i.opsz) {
    case 1:
        mem_st8(cpu, op, la, v);
        break;
    case 2:
        mem_st16(cpu, op, la, v);
        break;
    case 4:
        mem_st32(cpu, op, la, v);
        break;
    default:
        mem_st64(cpu, op, la, v);
        break;
    }
    return NEXT(cpu, op);
}

/* MOVZX MOVSX: source size, destination size, sign ---------------------- */

#define EXTEND_MEM(name, from, to, conv, suffix, ea)                                        \
    static const Op *name##_m##suffix(SoftCpu *cpu, const Op *op)                           \
    {                                                                                       \
        uint64_t v = mem_ld(cpu, op, ea_get(cpu, op, ea, from, false), from);               \
                                                                                            \
        reg_set(cpu, op->i.reg, to, conv(v, from));                                         \
        return NEXT(cpu, op);                                                               \
    }
#define EXTEND(name, from, to, conv)                                                        \
    static const Op *name##_r(SoftCpu *cpu, const Op *op)                                   \
    {                                                                                       \
        reg_set(cpu, op->i.reg, to, conv(r_get(cpu, op, from), from));                      \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    EXTEND_MEM(name, from, to, conv, b, EA_B)                                               \
    EXTEND_MEM(name, from, to, conv, x, EA_X)                                               \
    EXTEND_MEM(name, from, to, conv, f, EA_F)                                               \
    EXTEND_MEM(name, from, to, conv, g, EA_G)
EXTEND(zx1to2, 1, 2, trunc_to)
EXTEND(zx1to4, 1, 4, trunc_to)
EXTEND(zx2to4, 2, 4, trunc_to)
EXTEND(zx2to2, 2, 2, trunc_to)
EXTEND(sx1to2, 1, 2, sext_from)
EXTEND(sx1to4, 1, 4, sext_from)
EXTEND(sx1to8, 1, 8, sext_from)
EXTEND(sx2to4, 2, 4, sext_from)
EXTEND(sx2to8, 2, 8, sext_from)
EXTEND(sx4to8, 4, 8, sext_from)
EXTEND(sx4to4, 4, 4, sext_from)
EXTEND(sx4to2, 4, 2, sext_from)

#define EXTEND_ROW(name) { name##_r, name##_mb, name##_mx, name##_mf, name##_mg }
enum { EXT_R, EXT_M, NR_EXT = EXT_M + NR_EA };
/* [source 1 2 4][destination 2 4 8]; a 64-bit MOVZX is the 32-bit one. */
static OpFn *const zx_table[2][3][NR_EXT] = {
    { EXTEND_ROW(zx1to2), EXTEND_ROW(zx1to4), EXTEND_ROW(zx1to4) },
    { EXTEND_ROW(zx2to2), EXTEND_ROW(zx2to4), EXTEND_ROW(zx2to4) },
};
static OpFn *const sx_table[3][3][NR_EXT] = {
    { EXTEND_ROW(sx1to2), EXTEND_ROW(sx1to4), EXTEND_ROW(sx1to8) },
    { EXTEND_ROW(zx2to2), EXTEND_ROW(sx2to4), EXTEND_ROW(sx2to8) },
    { EXTEND_ROW(sx4to2), EXTEND_ROW(sx4to4), EXTEND_ROW(sx4to8) },
};

/* LEA ------------------------------------------------------------------ */

static const Op *lea8_b(SoftCpu *cpu, const Op *op)
{
    cpu->gpr[op->i.reg] = ea_get(cpu, op, EA_B, 1, false);
    return NEXT(cpu, op);
}

static const Op *lea8_x(SoftCpu *cpu, const Op *op)
{
    cpu->gpr[op->i.reg] = ea_get(cpu, op, EA_X, 1, false);
    return NEXT(cpu, op);
}

static const Op *lea4_x(SoftCpu *cpu, const Op *op)
{
    cpu->gpr[op->i.reg] = (uint32_t)ea_get(cpu, op, EA_X, 1, false);
    return NEXT(cpu, op);
}

static const Op *lea_any(SoftCpu *cpu, const Op *op)
{
    reg_set(cpu, op->i.reg, op->i.opsz, ea_offset(cpu, op));
    return NEXT(cpu, op);
}

static OpFn *pick_lea(const Insn *i)
{
    if (i->adsz == 8 && i->opsz == 8) {
        return i->index == R_NONE ? lea8_b : lea8_x;
    }
    if (i->adsz >= 4 && i->opsz == 4) {
        return lea4_x;
    }
    return lea_any;
}

/* XCHG of registers (with memory: interp-lock.c) ------------------------ */

#define XCHG_FN(x, size)                                                                    \
    static const Op *xchg##size##_rr(SoftCpu *cpu, const Op *op)                            \
    {                                                                                       \
        uint64_t a = r_get(cpu, op, size), b = g_get(cpu, op, size);                        \
                                                                                            \
        r_set(cpu, op, size, b);                                                            \
        g_set(cpu, op, size, a);                                                            \
        return NEXT(cpu, op);                                                               \
    }
XCHG_FN(, 1)
XCHG_FN(, 2)
XCHG_FN(, 4)
XCHG_FN(, 8)
static OpFn *const xchg_table[4] = { xchg1_rr, xchg2_rr, xchg4_rr, xchg8_rr };

/* SETcc CMOVcc --------------------------------------------------------- */

#define COND_FNS(cc, cond)                                                                  \
    static const Op *set##cc##_r(SoftCpu *cpu, const Op *op)                                \
    {                                                                                       \
        RM8(cpu, op) = cc_cond(cpu, cond);                                                  \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *set##cc##_m(SoftCpu *cpu, const Op *op)                                \
    {                                                                                       \
        mem_st8(cpu, op, ea_linear(cpu, op, 1, true), cc_cond(cpu, cond));                  \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *cmov##cc##_2(SoftCpu *cpu, const Op *op)                               \
    {                                                                                       \
        uint64_t v = e_get(cpu, op, 2);                                                     \
                                                                                            \
        if (cc_cond(cpu, cond)) {                                                           \
            reg_set(cpu, op->i.reg, 2, v);                                                  \
        }                                                                                   \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *cmov##cc##_4(SoftCpu *cpu, const Op *op)                               \
    {                                                                                       \
        uint64_t v = e_get(cpu, op, 4);                                                     \
                                                                                            \
        cpu->gpr[op->i.reg] = cc_cond(cpu, cond) ? v : (uint32_t)cpu->gpr[op->i.reg];       \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *cmov##cc##_8(SoftCpu *cpu, const Op *op)                               \
    {                                                                                       \
        uint64_t v = e_get(cpu, op, 8);                                                     \
                                                                                            \
        cpu->gpr[op->i.reg] = cc_cond(cpu, cond) ? v : cpu->gpr[op->i.reg];                 \
        return NEXT(cpu, op);                                                               \
    }
COND_FNS(o, COND_O)
COND_FNS(no, COND_NO)
COND_FNS(b, COND_B)
COND_FNS(ae, COND_NB)
COND_FNS(e, COND_Z)
COND_FNS(ne, COND_NZ)
COND_FNS(be, COND_BE)
COND_FNS(a, COND_NBE)
COND_FNS(s, COND_S)
COND_FNS(ns, COND_NS)
COND_FNS(p, COND_P)
COND_FNS(np, COND_NP)
COND_FNS(l, COND_L)
COND_FNS(ge, COND_NL)
COND_FNS(le, COND_LE)
COND_FNS(g, COND_NLE)

#define COND_ROW(cc) { set##cc##_r, set##cc##_m, cmov##cc##_2, cmov##cc##_4, cmov##cc##_8 }
static OpFn *const cond_table[16][5] = {
    COND_ROW(o), COND_ROW(no), COND_ROW(b), COND_ROW(ae), COND_ROW(e), COND_ROW(ne),
    COND_ROW(be), COND_ROW(a), COND_ROW(s), COND_ROW(ns), COND_ROW(p), COND_ROW(np),
    COND_ROW(l), COND_ROW(ge), COND_ROW(le), COND_ROW(g),
};

/* BSWAP MOVBE CBW CWD LAHF SAHF XLAT and the flag bits ------------------ */

static uint64_t swap_bytes(uint64_t v, unsigned size)
{
    return size == 8 ? __builtin_bswap64(v) : size == 4 ? __builtin_bswap32(v) :
           __builtin_bswap16(v);
}

static const Op *bswap(SoftCpu *cpu, const Op *op)
{
    unsigned r = op->i.rm, size = op->i.opsz;

    /* The 16-bit form is undefined; processors clear the register's low word. */
    reg_set(cpu, r, size, size == 2 ? 0 : swap_bytes(cpu->gpr[r], size));
    return NEXT(cpu, op);
}

#define MOVBE_FNS(size)                                                                     \
    static const Op *movbe_load##size(SoftCpu *cpu, const Op *op)                           \
    {                                                                                       \
        uint64_t v = mem_ld(cpu, op, ea_linear(cpu, op, size, false), size);                \
                                                                                            \
        reg_set(cpu, op->i.reg, size, swap_bytes(v, size));                                 \
        return NEXT(cpu, op);                                                               \
    }                                                                                       \
    static const Op *movbe_store##size(SoftCpu *cpu, const Op *op)                          \
    {                                                                                       \
        uint64_t v = swap_bytes(reg_get(cpu, op->i.reg, size), size);                       \
                                                                                            \
        mem_st(cpu, op, ea_linear(cpu, op, size, true), v, size);                           \
        return NEXT(cpu, op);                                                               \
    }
MOVBE_FNS(2)
MOVBE_FNS(4)
MOVBE_FNS(8)
static OpFn *const movbe_table[3][2] = {
    { movbe_load2, movbe_store2 }, { movbe_load4, movbe_store4 }, { movbe_load8, movbe_store8 },
};

static const Op *cbw(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz;

    reg_set(cpu, R_AX, size, sext_from(cpu->gpr[R_AX], size / 2));
    return NEXT(cpu, op);
}

static const Op *cwd(SoftCpu *cpu, const Op *op)
{
    unsigned size = op->i.opsz;

    reg_set(cpu, R_DX, size, sext_from(cpu->gpr[R_AX], size) >> 63);
    return NEXT(cpu, op);
}

static const Op *lahf(SoftCpu *cpu, const Op *op)
{
    uint32_t f = cpu_get_flags(cpu);

    ((uint8_t *)cpu->gpr)[1] = (f & 0xd5) | 2;
    return NEXT(cpu, op);
}

static const Op *sahf(SoftCpu *cpu, const Op *op)
{
    cpu_set_flags(cpu, (cpu_get_flags(cpu) & FL_OF) | (((uint8_t *)cpu->gpr)[1] & 0xd5));
    return NEXT(cpu, op);
}

static const Op *xlat(SoftCpu *cpu, const Op *op)
{
    uint64_t off = trunc_to(cpu->gpr[R_BX] + (uint8_t)cpu->gpr[R_AX], op->i.adsz);

    *(uint8_t *)cpu->gpr = mem_ld8(cpu, op, seg_address(cpu, op, op->i.seg, off, 1, false));
    return NEXT(cpu, op);
}

static const Op *set_carry(SoftCpu *cpu, const Op *op)
{
    uint32_t f = cpu_get_flags(cpu);

    f = op->i.op == OP_CLC ? f & ~FL_CF : op->i.op == OP_STC ? f | FL_CF : f ^ FL_CF;
    cpu_set_flags(cpu, f);
    return NEXT(cpu, op);
}

static const Op *set_direction(SoftCpu *cpu, const Op *op)
{
    cpu->eflags = op->i.op == OP_STD ? cpu->eflags | FL_DF : cpu->eflags & ~FL_DF;
    return NEXT(cpu, op);
}

static const Op *salc(SoftCpu *cpu, const Op *op)
{
    *(uint8_t *)cpu->gpr = cc_carry(cpu) ? 0xff : 0;
    return NEXT(cpu, op);
}

static const Op *nop(SoftCpu *cpu, const Op *op)
{
    return NEXT(cpu, op);
}

static const Op *fence(SoftCpu *cpu, const Op *op)
{
    atomic_thread_fence(memory_order_seq_cst);
    return NEXT(cpu, op);
}

/* CLFLUSH and CLWB check like a byte load. */
static const Op *cache_line(SoftCpu *cpu, const Op *op)
{
    mem_probe(cpu, op, ea_linear(cpu, op, 1, false), 1, false);
    return NEXT(cpu, op);
}

static const Op *undefined(SoftCpu *cpu, const Op *op)
{
    cpu_raise(cpu, op, EXC_UD);
}

/* Pick ----------------------------------------------------------------- */

static OpFn *pick_mov_form(const Insn *i, uint32_t mode)
{
    OpFn *const *row = mov_table[size_index(i->opsz)];
    bool mem = i->flags & INSN_MEM;

    switch (i->op) {
    case OP_MOV_Eb_Gb:
    case OP_MOV_Ev_Gv:
        return row[mem ? MOV_MR + ea_kind(i, mode) : MOV_RR];
    case OP_MOV_Gb_Eb:
    case OP_MOV_Gv_Ev:
        return row[mem ? MOV_RM + ea_kind(i, mode) : MOV_RR];
    case OP_MOVNTI_My_Gy:
        return row[MOV_MR + ea_kind(i, mode)];
    case OP_MOV_Eb_Ib:
    case OP_MOV_Ev_Iz:
        return row[mem ? MOV_MI + ea_kind(i, mode) : MOV_RI];
    case OP_MOV_Zb_Ib:
    case OP_MOV_Zv_Iv:
        return row[MOV_RI];
    case OP_MOV_AL_Ob:
    case OP_MOV_rAX_Ov:
        return mov_acc_moffs;
    case OP_MOV_Ob_AL:
    case OP_MOV_Ov_rAX:
        return mov_moffs_acc;
    default:
        return NULL;
    }
}

static OpFn *pick_extend(const Insn *i, uint32_t mode)
{
    unsigned to = i->opsz == 8 ? 2 : i->opsz == 4 ? 1 : 0;
    unsigned shape = i->flags & INSN_MEM ? EXT_M + ea_kind(i, mode) : EXT_R;

    switch (i->op) {
    case OP_MOVZX_Gv_Eb:
        return zx_table[0][to][shape];
    case OP_MOVZX_Gv_Ew:
        return zx_table[1][to][shape];
    case OP_MOVSX_Gv_Eb:
        return sx_table[0][to][shape];
    case OP_MOVSX_Gv_Ew:
        return sx_table[1][to][shape];
    case OP_MOVSXD_Gv_Ed:
        return sx_table[to ? 2 : 1][to][shape];     /* 16 bits read for a 16-bit register */
    default:
        return NULL;
    }
}

static OpFn *pick_cond(const Insn *i)
{
    unsigned cond, form;

    if (i->op < OP_JO_Jb || i->op > OP_CMOVG_Gv_Ev) {
        return NULL;
    }
    cond = (i->op - OP_JO_Jb) / 4;
    form = (i->op - OP_JO_Jb) % 4;
    if (form == 2) {
        return cond_table[cond][i->flags & INSN_MEM ? 1 : 0];
    }
    return form == 3 ? cond_table[cond][2 + (i->opsz >> 2)] : NULL;
}

static OpFn *pick_small(const Insn *i)
{
    switch (i->op) {
    case OP_LEA_Gv_M:
        return pick_lea(i);
    case OP_XCHG_Eb_Gb:
    case OP_XCHG_Ev_Gv:
    case OP_XCHG_Zv_rAX:
        return i->flags & INSN_MEM ? NULL : xchg_table[size_index(i->opsz)];
    case OP_BSWAP_Zv:
        return bswap;
    case OP_MOVBE_Gv_Mv:
        return movbe_table[i->opsz >> 2][0];
    case OP_MOVBE_Mv_Gv:
        return movbe_table[i->opsz >> 2][1];
    case OP_CBW:
        return cbw;
    case OP_CWD:
        return cwd;
    case OP_LAHF:
        return lahf;
    case OP_SAHF:
        return sahf;
    case OP_XLAT:
        return xlat;
    case OP_CLC:
    case OP_STC:
    case OP_CMC:
        return set_carry;
    case OP_CLD:
    case OP_STD:
        return set_direction;
    case OP_SALC:
        return salc;
    case OP_NOP:
    case OP_NOP_Ev:
    case OP_PREFETCH_Mb:
    case OP_PREFETCHW_Ev:
    case OP_ENDBR64:
    case OP_ENDBR32:
        return nop;
    case OP_LFENCE:
    case OP_MFENCE:
    case OP_SFENCE:
        return fence;
    case OP_CLFLUSH_Mb:
    case OP_CLFLUSHOPT_Mb:
    case OP_CLWB_Mb:
        return cache_line;
    case OP_UD2:
    case OP_UD1_Gv_Ev:
    case OP_UD0_Gv_Ev:
        return undefined;
    default:
        return NULL;
    }
}

OpFn *pick_mov(const Insn *i, uint32_t mode)
{
    OpFn *fn = pick_mov_form(i, mode);

    fn = fn ? fn : pick_extend(i, mode);
    fn = fn ? fn : pick_cond(i);
    return fn ? fn : pick_small(i);
}

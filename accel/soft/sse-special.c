/* SSE and AVX instructions that touch memory by element, or MXCSR, or all registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu-int.h"

static const Op *sse_ud(SoftCpu *cpu, const Op *op)
{
    cpu_raise(cpu, op, EXC_UD);
}

static const Op *ldmxcsr(SoftCpu *cpu, const Op *op)
{
    uint32_t v = mem_ld32(cpu, op, ea_linear(cpu, op, 4, false));

    if (v & ~MXCSR_VALID) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    fpu_set_mxcsr(cpu, v);
    return NEXT(cpu, op);
}

static const Op *stmxcsr(SoftCpu *cpu, const Op *op)
{
    mem_st32(cpu, op, ea_linear(cpu, op, 4, true), cpu->fx.mxcsr);
    return NEXT(cpu, op);
}

static ALWAYS_INLINE unsigned vec_count(const SoftCpu *cpu)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? 16 : 8;
}

static const Op *vzeroupper(SoftCpu *cpu, const Op *op)
{
    for (unsigned n = 0; n < vec_count(cpu); n++) {
        memset(&cpu->vec[n].b[16], 0, 16);
    }
    return NEXT(cpu, op);
}

static const Op *vzeroall(SoftCpu *cpu, const Op *op)
{
    memset(cpu->vec, 0, vec_count(cpu) * sizeof(cpu->vec[0]));
    return NEXT(cpu, op);
}

/* Element n's sign bit of a mask register. */
static ALWAYS_INLINE bool mask_bit(const VecReg *mask, unsigned n, unsigned size)
{
    return size == 4 ? mask->d[n] >> 31 : size == 8 ? mask->q[n] >> 63 : mask->b[n] >> 7;
}

/* Address of element n. Nothing is asked of elements that are not selected, not even a segment. */
static ALWAYS_INLINE uint64_t element_address(SoftCpu *cpu, const Op *op, unsigned n, unsigned size,
                                              bool write)
{
    uint64_t off = ea_offset(cpu, op) + n * size;

    return seg_address(cpu, op, op->i.seg, op->i.adsz == 8 ? off : (uint32_t)off, size, write);
}

/* VMASKMOVPx and VPMASKMOVx, load: elements not selected are zero and not accessed. */
static ALWAYS_INLINE void maskmov_load(SoftCpu *cpu, const Op *op, unsigned size)
{
    const VecReg *mask = &cpu->vec[op->i.vvvv];
    VecReg v;

    memset(&v, 0, sizeof(v));
    for (unsigned n = 0; n < op->i.vl / size; n++) {
        if (!mask_bit(mask, n, size)) {
            continue;
        }
        if (size == 4) {
            v.d[n] = mem_ld32(cpu, op, element_address(cpu, op, n, 4, false));
        } else {
            v.q[n] = mem_ld64(cpu, op, element_address(cpu, op, n, 8, false));
        }
    }
    cpu->vec[op->i.reg] = v;
}

/* The store: all selected elements can be written, or none is. */
static ALWAYS_INLINE void maskmov_store(SoftCpu *cpu, const Op *op, unsigned size)
{
    const VecReg *mask = &cpu->vec[op->i.vvvv], *v = &cpu->vec[op->i.reg];

    for (unsigned n = 0; n < op->i.vl / size; n++) {
        if (mask_bit(mask, n, size)) {
            uint64_t la = element_address(cpu, op, n, size, true);

            if (!mem_hit(cpu->tlb->tag_w, cpu->tlb, la, size)) {
                mem_probe(cpu, op, la, size, true);
            }
        }
    }
    for (unsigned n = 0; n < op->i.vl / size; n++) {
        if (!mask_bit(mask, n, size)) {
            continue;
        }
        if (size == 4) {
            mem_st32(cpu, op, element_address(cpu, op, n, 4, true), v->d[n]);
        } else {
            mem_st64(cpu, op, element_address(cpu, op, n, 8, true), v->q[n]);
        }
    }
}

#define MASKMOV(name, run, size)                                    \
    static const Op *name(SoftCpu *cpu, const Op *op)               \
    {                                                               \
        run(cpu, op, size);                                         \
        return NEXT(cpu, op);                                       \
    }
static NOINLINE void maskmov_load_4(SoftCpu *cpu, const Op *op)
{
    maskmov_load(cpu, op, 4);
}

static NOINLINE void maskmov_load_8(SoftCpu *cpu, const Op *op)
{
    maskmov_load(cpu, op, 8);
}

static const Op *vmaskmov_load_d(SoftCpu *cpu, const Op *op)
{
    maskmov_load_4(cpu, op);
    return NEXT(cpu, op);
}

static const Op *vmaskmov_load_q(SoftCpu *cpu, const Op *op)
{
    maskmov_load_8(cpu, op);
    return NEXT(cpu, op);
}
MASKMOV(vmaskmov_store_d, maskmov_store, 4)
MASKMOV(vmaskmov_store_q, maskmov_store, 8)
#undef MASKMOV

/* MASKMOVQ, MASKMOVDQU: bytes to seg:[rDI]. */
static ALWAYS_INLINE void maskmov_bytes(SoftCpu *cpu, const Op *op, const uint8_t *v,
                                        const uint8_t *mask, unsigned size)
{
    unsigned first = size, last = 0;
    uint64_t off = reg_get(cpu, R_DI, op->i.adsz), la;

    for (unsigned n = 0; n < size; n++) {
        if (mask[n] >> 7) {
            first = MIN(first, n);
            last = n;
        }
    }
    la = seg_address(cpu, op, op->i.seg, off, size, true);
    if (first == size) {
        return;
    }
    mem_probe(cpu, op, la + first, last - first + 1, true);
    for (unsigned n = first; n <= last; n++) {
        if (mask[n] >> 7) {
            mem_st8(cpu, op, la + n, v[n]);
        }
    }
}

static const Op *maskmovdqu(SoftCpu *cpu, const Op *op)
{
    maskmov_bytes(cpu, op, cpu->vec[op->i.reg].b, cpu->vec[op->i.rm].b, 16);
    return NEXT(cpu, op);
}

static const Op *maskmovq(SoftCpu *cpu, const Op *op)
{
    X87_WAIT(cpu, op);
    maskmov_bytes(cpu, op, cpu->fx.st[op->i.reg & 7], cpu->fx.st[op->i.rm & 7], 8);
    cpu->fx.fsw &= ~FSW_TOP;
    cpu->fx.ftw_abridged = 0xff;
    return NEXT(cpu, op);
}

/*
 * Gathers. Each element is complete before the next one is touched, its mask
 * cleared: a fault leaves a state from which the instruction goes on.
 */
static ALWAYS_INLINE void gather(SoftCpu *cpu, const Op *op, unsigned size, unsigned index_size)
{
    VecReg *reg = &cpu->vec[op->i.reg], *mask = &cpu->vec[op->i.vvvv];
    const VecReg *index = &cpu->vec[op->i.index];
    unsigned vl = op->i.vl, count = vl / MAX(size, index_size);
    uint64_t base = cpu->gpr[op->i.base] + (uint64_t)(int64_t)op->i.disp;

    /* As the hardware does, and shows after a fault: all elements of VL become whole, above is 0. */
    for (unsigned n = 0; n < vl / size; n++) {
        if (size == 4) {
            mask->d[n] = (int32_t)mask->d[n] >> 31;
        } else {
            mask->q[n] = (int64_t)mask->q[n] >> 63;
        }
    }
    memset(mask->b + vl, 0, 32 - vl);
    for (unsigned n = 0; n < count; n++) {
        uint64_t off = index_size == 4 ? (uint64_t)(int64_t)(int32_t)index->d[n] : index->q[n];

        if (!mask_bit(mask, n, size)) {
            continue;
        }
        off = base + (off << op->i.scale);
        off = op->i.adsz == 8 ? off : (uint32_t)off;
        off = seg_address(cpu, op, op->i.seg, off, size, false);
        if (size == 4) {
            reg->d[n] = mem_ld32(cpu, op, off);
            mask->d[n] = 0;
        } else {
            reg->q[n] = mem_ld64(cpu, op, off);
            mask->q[n] = 0;
        }
        memset(reg->b + vl, 0, 32 - vl);
    }
    memset(mask, 0, sizeof(*mask));
    memset(reg->b + count * size, 0, 32 - count * size);
}

#define GATHER(name, size, index_size)                              \
    static const Op *name(SoftCpu *cpu, const Op *op)               \
    {                                                               \
        gather(cpu, op, size, index_size);                          \
        return NEXT(cpu, op);                                       \
    }
GATHER(gather_dd, 4, 4)
GATHER(gather_dq, 8, 4)
GATHER(gather_qd, 4, 8)
GATHER(gather_qq, 8, 8)

OpFn *pick_sse_special(const Insn *i)
{
    if ((insn_info[i->op].attr & A_VSIB) &&
        (i->reg == i->vvvv || i->reg == i->index || i->vvvv == i->index)) {
        return sse_ud;
    }
    switch (i->op) {
    case OP_LDMXCSR_Md:
    case OP_VLDMXCSR_Md: return ldmxcsr;
    case OP_STMXCSR_Md:
    case OP_VSTMXCSR_Md: return stmxcsr;
    case OP_VZEROUPPER: return vzeroupper;
    case OP_VZEROALL: return vzeroall;
    case OP_MASKMOVQ_Pq_Nq: return maskmovq;
    case OP_MASKMOVDQU_Vdq_Udq:
    case OP_VMASKMOVDQU_Vdq_Udq: return maskmovdqu;
    case OP_VMASKMOVPS_Vx_Hx_Mx:
    case OP_VPMASKMOVD_Vx_Hx_Mx: return vmaskmov_load_d;
    case OP_VMASKMOVPD_Vx_Hx_Mx:
    case OP_VPMASKMOVQ_Vx_Hx_Mx: return vmaskmov_load_q;
    case OP_VMASKMOVPS_Mx_Hx_Vx:
    case OP_VPMASKMOVD_Mx_Hx_Vx: return vmaskmov_store_d;
    case OP_VMASKMOVPD_Mx_Hx_Vx:
    case OP_VPMASKMOVQ_Mx_Hx_Vx: return vmaskmov_store_q;
    case OP_VPGATHERDD_Vx_VMd_Hx:
    case OP_VGATHERDPS_Vx_VMd_Hx: return gather_dd;
    case OP_VPGATHERDQ_Vx_VMq_Hx:
    case OP_VGATHERDPD_Vx_VMq_Hx: return gather_dq;
    case OP_VPGATHERQD_Vh_VMd_Hh:
    case OP_VGATHERQPS_Vh_VMd_Hh: return gather_qd;
    case OP_VPGATHERQQ_Vx_VMq_Hx:
    case OP_VGATHERQPD_Vx_VMq_Hx: return gather_qq;
    default: return NULL;
    }
}

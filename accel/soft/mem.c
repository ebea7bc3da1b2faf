/* Slow loads and stores: TLB misses, page crossings, MMIO, code pages, watchpoints, atomics */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"
#include "accel/soft/smc.h"

const PhysOps *phys_ops;

/* Physical side ---------------------------------------------------------- */

uint64_t phys_load(SoftCpu *cpu, uint64_t phys, unsigned size)
{
    const void *host = phys_ops->ram(cpu, phys, false);

    return host ? host_ld(host, size) : phys_ops->ld(cpu, phys, size);
}

static void code_page_store(SoftCpu *cpu, uint64_t phys, unsigned size)
{
    if (smc_page_is_code(cpu, phys)) {
        smc_store(cpu, phys, size);
    }
}

void phys_store(SoftCpu *cpu, uint64_t phys, uint64_t value, unsigned size)
{
    void *host = phys_ops->ram(cpu, phys, true);

    if (host) {
        host_st(host, value, size);
        code_page_store(cpu, phys, size);
    } else {
        phys_ops->st(cpu, phys, value, size);
    }
}

bool phys_cmpxchg(SoftCpu *cpu, uint64_t phys, uint64_t old, uint64_t value, unsigned size)
{
    void *host = phys_ops->ram(cpu, phys, true);
    uint32_t old32 = old;
    bool ok;

    if (!host) {
        /* Tables in MMIO or ROM: nothing to race with. */
        if (phys_ops->ld(cpu, phys, size) != old) {
            return false;
        }
        phys_ops->st(cpu, phys, value, size);
        return true;
    }
    ok = size == 4 ? __atomic_compare_exchange_n((uint32_t *)host, &old32, (uint32_t)value, false,
                                                 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
                   : __atomic_compare_exchange_n((uint64_t *)host, &old, value, false,
                                                 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (ok) {
        code_page_store(cpu, phys, size);
    }
    return ok;
}

/* Linear side ------------------------------------------------------------ */

/*
 * Was the stack meant by an access of op to la? By the ModRM's segment; without
 * a memory operand, or with one beside the stack's, by where the stack pointer is.
 */
static bool is_stack_access(const SoftCpu *cpu, const Op *op, uint64_t la)
{
    bool near_sp = la - cpu->gpr[R_SP] + 4096 < 8192;

    if (!op) {
        return near_sp;
    }
    switch (op->i.op) {
    case OP_ENTER_Iw_Ib: case OP_LEAVE:
        return true;
    case OP_PUSH_Ev: case OP_POP_Ev: case OP_CALL_Ev: case OP_CALLF_Mp:
        return near_sp || op->i.seg == S_SS;
    default:
        return op->i.flags & INSN_MEM ? op->i.seg == S_SS : near_sp;
    }
}

NORETURN void mem_raise_noncanonical(SoftCpu *cpu, const Op *op, uint64_t la)
{
    cpu_raise_err(cpu, op, is_stack_access(cpu, op, la) ? EXC_SS : EXC_GP, 0);
}

static bool wide_addresses(const SoftCpu *cpu, bool sys)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 || (sys && (cpu->mode & MODE_LMA));
}

static uint64_t wrap(const SoftCpu *cpu, uint64_t la, bool sys)
{
    return wide_addresses(cpu, sys) ? la : (uint32_t)la;
}

static void check_canonical(SoftCpu *cpu, const Op *op, uint64_t la, bool sys)
{
    if (wide_addresses(cpu, sys) && (uint64_t)((int64_t)(la << 16) >> 16) != la) {
        mem_raise_noncanonical(cpu, op, la);
    }
}

/* Gathers and masked moves never raise #AC (SDM vol. 2), nor do CPUs for half-precision numbers. */
static bool checks_alignment(const Op *op)
{
    if (!op) {
        return true;
    }
    switch (op->i.op) {
    case OP_VMASKMOVPS_Vx_Hx_Mx: case OP_VMASKMOVPS_Mx_Hx_Vx:
    case OP_VMASKMOVPD_Vx_Hx_Mx: case OP_VMASKMOVPD_Mx_Hx_Vx:
    case OP_VPMASKMOVD_Vx_Hx_Mx: case OP_VPMASKMOVD_Mx_Hx_Vx:
    case OP_VPMASKMOVQ_Vx_Hx_Mx: case OP_VPMASKMOVQ_Mx_Hx_Vx:
    case OP_VCVTPH2PS_Vx_Wh: case OP_VCVTPS2PH_Wh_Vx_Ib:
    case OP_MASKMOVQ_Pq_Nq: case OP_MASKMOVDQU_Vdq_Udq: case OP_VMASKMOVDQU_Vdq_Udq:
        return false;
    default:
        return !(insn_info[op->i.op].attr & A_VSIB);
    }
}

/*
 * SDM vol. 3, table 6-7: integers by their size, 80-bit numbers by 8, x87
 * environments by their words. Vectors are #GP's business or may be anywhere.
 */
static unsigned alignment_of(const Op *op, unsigned size)
{
    if (size == 10) {
        return 8;
    }
    if (op && insn_info[op->i.op].cls == CLASS_X87 && size > 10 && size < 512) {
        return op->i.opsz == 2 ? 2 : 4;
    }
    return size <= 8 ? size & -size : 1;
}

/* #AC where CR0.AM, EFLAGS.AC and CPL 3 ask for it. It comes before #PF. */
static void check_alignment(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    if (unlikely(cpu->tlb->aligned) && (la & (alignment_of(op, size) - 1)) &&
        checks_alignment(op)) {
        check_canonical(cpu, op, la, false);
        cpu_raise_err(cpu, op, EXC_AC, 0);
    }
}

static SoftTlb *tlb_of(SoftCpu *cpu, bool sys)
{
    return sys && cpu->ctx_kernel ? cpu->ctx_kernel : cpu->tlb;
}

/* Where the bytes are. */
typedef struct Place {
    uint8_t *host;      /* plain RAM for this access; else NULL and by phys */
    uint64_t phys;
    bool code;          /* host is RAM with code in it: tell smc.c after a store */
} Place;

/* Translate for an access within one page; raises. */
static void place(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write, bool sys,
                  Place *at)
{
    SoftTlb *tlb;
    bool hit;

    check_canonical(cpu, op, la, sys);
    hit = tlb_fill(cpu, op, la, write ? ACC_WRITE : ACC_READ, sys);
    tlb = tlb_of(cpu, sys);
    at->code = false;
    at->phys = tlb->info[(la >> 12) & (TLB_SIZE - 1)].phys | (la & 4095);
    at->host = hit ? mem_hit(write ? tlb->tag_w : tlb->tag_r, tlb, la, size) : NULL;
    if (at->host) {
        return;
    }
    if (!sys && debug_watches_page(cpu, la)) {
        debug_check_access(cpu, op, la, size, write);
    }
    at->host = phys_ops->ram(cpu, at->phys, write);
    at->code = write && at->host;
}

/* Within one page; size 1..8. */
static uint64_t load_part(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool sys)
{
    uint64_t v = 0;
    unsigned n;
    Place at;

    place(cpu, op, la, size, false, sys, &at);
    if (at.host) {
        memcpy(&v, at.host, size);
        return v;
    }
    if ((size & (size - 1)) == 0) {
        return phys_ops->ld(cpu, at.phys, size);
    }
    for (n = 0; n < size; n++) {
        v |= (phys_ops->ld(cpu, at.phys + n, 1) & 0xff) << (8 * n);
    }
    return v;
}

static void store_part(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t v, unsigned size,
                       bool sys)
{
    unsigned n;
    Place at;

    place(cpu, op, la, size, true, sys, &at);
    if (at.host) {
        memcpy(at.host, &v, size);
        if (at.code) {
            code_page_store(cpu, at.phys, size);
        }
    } else if ((size & (size - 1)) == 0) {
        phys_ops->st(cpu, at.phys, v, size);
    } else {
        for (n = 0; n < size; n++) {
            phys_ops->st(cpu, at.phys + n, (v >> (8 * n)) & 0xff, 1);
        }
    }
}

static void probe(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write, bool sys)
{
    unsigned first = MIN(size, 4096 - (unsigned)(la & 4095));
    uint64_t second = wrap(cpu, la + first, sys);

    /* Addresses first: a bad one in the second page goes before a page fault in the first. */
    check_canonical(cpu, op, la, sys);
    if (first < size) {
        check_canonical(cpu, op, second, sys);
    }
    tlb_fill(cpu, op, la, write ? ACC_WRITE : ACC_READ, sys);
    if (first < size) {
        tlb_fill(cpu, op, second, write ? ACC_WRITE : ACC_READ, sys);
    }
}

static uint64_t load_any(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool sys)
{
    unsigned first = 4096 - (la & 4095);
    uint64_t low;

    if (first >= size) {
        return load_part(cpu, op, la, size, sys);
    }
    /* The lower page faults first; MMIO is read only when both are there. */
    probe(cpu, op, la, size, false, sys);
    low = load_part(cpu, op, la, first, sys);
    return low | load_part(cpu, op, wrap(cpu, la + first, sys), size - first, sys) << (8 * first);
}

static void store_any(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t v, unsigned size, bool sys)
{
    unsigned first = 4096 - (la & 4095);

    if (first >= size) {
        store_part(cpu, op, la, v, size, sys);
        return;
    }
    probe(cpu, op, la, size, true, sys);
    store_part(cpu, op, la, v, first, sys);
    store_part(cpu, op, wrap(cpu, la + first, sys), v >> (8 * first), size - first, sys);
}

uint64_t mem_load_slow(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    check_alignment(cpu, op, la, size);
    return load_any(cpu, op, la, size, false);
}

void mem_store_slow(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t value, unsigned size)
{
    check_alignment(cpu, op, la, size);
    store_any(cpu, op, la, value, size, false);
}

uint64_t mem_load_sys(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    return load_any(cpu, op, wrap(cpu, la, true), size, true);
}

void mem_store_sys(SoftCpu *cpu, const Op *op, uint64_t la, uint64_t value, unsigned size)
{
    store_any(cpu, op, wrap(cpu, la, true), value, size, true);
}

uint64_t mem_ld_rmw(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    check_alignment(cpu, op, la, size);
    probe(cpu, op, la, size, true, false);
    return load_any(cpu, op, la, size, false);
}

void mem_probe(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write)
{
    check_alignment(cpu, op, la, size);
    probe(cpu, op, la, size, write, false);
    /* What follows may be exclusive, where nothing may raise any more. */
    if (debug_watches_page(cpu, la) || debug_watches_page(cpu, la + size - 1)) {
        debug_probe_access(cpu, op, la, size);
    }
}

void mem_load_bytes(SoftCpu *cpu, const Op *op, uint64_t la, void *buf, unsigned size)
{
    uint8_t *to = buf;

    check_alignment(cpu, op, la, size);
    probe(cpu, op, la, size, false, false);
    while (size) {
        unsigned n = MIN(size, 4096 - (unsigned)(la & 4095)), k;
        Place at;

        place(cpu, op, la, n, false, false, &at);
        if (at.host) {
            memcpy(to, at.host, n);
        } else {
            for (k = 0; k < n; k++) {
                to[k] = phys_ops->ld(cpu, at.phys + k, 1);
            }
        }
        to += n;
        size -= n;
        la = wrap(cpu, la + n, false);
    }
}

void mem_store_bytes(SoftCpu *cpu, const Op *op, uint64_t la, const void *buf, unsigned size)
{
    const uint8_t *from = buf;

    check_alignment(cpu, op, la, size);
    probe(cpu, op, la, size, true, false);
    while (size) {
        unsigned n = MIN(size, 4096 - (unsigned)(la & 4095)), k;
        Place at;

        place(cpu, op, la, n, true, false, &at);
        if (at.host) {
            memcpy(at.host, from, n);
            if (at.code) {
                code_page_store(cpu, at.phys, n);
            }
        } else {
            for (k = 0; k < n; k++) {
                phys_ops->st(cpu, at.phys + k, from[k], 1);
            }
        }
        from += n;
        size -= n;
        la = wrap(cpu, la + n, false);
    }
}

void *mem_atomic(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size)
{
    void *p = rmw_hit(cpu, la, size);

    check_alignment(cpu, op, la, size);
    if (p || (la & 4095) + size > 4096) {
        return p;
    }
    check_canonical(cpu, op, la, false);
    return tlb_fill(cpu, op, la, ACC_WRITE, false) ? rmw_hit(cpu, la, size) : NULL;
}

uint64_t ea_linear_slow(SoftCpu *cpu, const Op *op, uint64_t offset, unsigned size, bool write)
{
    if ((cpu->mode & MODE_CODE_MASK) == MODE_CODE64) {
        return op->i.seg >= S_FS ? cpu->seg[op->i.seg].base + offset : offset;
    }
    return seg_linear(cpu, op, op->i.seg, offset, size, write);
}

/* String instructions, with REP a page at a time */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

/* One string instruction under way. Registers are committed chunk by chunk. */
typedef struct Str {
    const Op *op;
    unsigned size;          /* of an element */
    unsigned adsz;
    bool rep, down;
    uint64_t count;         /* elements left; 1 without REP */
    uint64_t limit;         /* offsets wrap behind this */
} Str;

static void str_init(SoftCpu *cpu, const Op *op, Str *s)
{
    s->op = op;
    s->size = op->i.opsz;
    s->adsz = op->i.adsz;
    s->rep = op->i.prefix & (PFX_REP | PFX_REPNE);
    s->down = cpu->eflags & FL_DF;
    s->limit = s->adsz == 8 ? UINT64_MAX : s->adsz == 4 ? UINT32_MAX : UINT16_MAX;
    s->count = s->rep ? cpu->gpr[R_CX] & s->limit : 1;
    if (s->rep && s->adsz == 4) {
        reg_set(cpu, R_CX, 4, s->count);    /* zero-extends even when it is 0 */
    }
}

static inline void str_advance(SoftCpu *cpu, const Str *s, unsigned r, uint64_t n)
{
    uint64_t delta = n * s->size;

    reg_set(cpu, r, s->adsz, s->down ? cpu->gpr[r] - delta : cpu->gpr[r] + delta);
}

static inline void str_done(SoftCpu *cpu, Str *s, uint64_t n)
{
    s->count -= n;
    if (s->rep) {
        reg_set(cpu, R_CX, s->adsz, s->count);
    }
}

static inline uint64_t src_linear(SoftCpu *cpu, const Str *s)
{
    unsigned seg = s->op->i.seg;
    uint64_t off = cpu->gpr[R_SI] & s->limit;

    if ((cpu->mode & MODE_CODE_MASK) == MODE_CODE64) {
        return seg >= S_FS ? off + cpu->seg[seg].base : off;
    }
    return seg_address(cpu, s->op, seg, off, s->size, false);
}

static inline uint64_t dst_linear(SoftCpu *cpu, const Str *s, bool write)
{
    return seg_address(cpu, s->op, S_ES, cpu->gpr[R_DI] & s->limit, s->size, write);
}

/* How many elements from [seg:r] on lie in one page, one segment limit, without a wrap. 0: none. */
static uint64_t run_length(SoftCpu *cpu, const Str *s, unsigned seg, unsigned r, uint64_t la)
{
    uint64_t off = cpu->gpr[r] & s->limit, in_page = la & 4095, n;

    if (in_page + s->size > 4096 || (cpu->mode & MODE_TF)) {
        return 0;
    }
    if (s->down) {
        n = MIN(in_page, off) / s->size + 1;
    } else {
        uint64_t room = s->limit - off;

        n = (4096 - in_page) / s->size;
        n = MIN(n, (room == UINT64_MAX ? room : room + 1) / s->size);
    }
    if ((cpu->mode & MODE_CODE_MASK) != MODE_CODE64 && !(cpu->mode & MODE_FLAT)) {
        const Segment *sg = &cpu->seg[seg];
        /* Expand-down segments and ends beyond the limit go element by element. */
        bool down_seg = (cpu->mode & MODE_PE) && !(cpu->mode & MODE_VM86) &&
                        (sg->attr & 0xc) == 0x4;

        if (down_seg || sg->limit < s->size || off > sg->limit - (s->size - 1)) {
            return n ? 1 : 0;
        }
        if (!s->down) {
            n = MIN(n, (sg->limit - off + 1) / s->size);
        }
    }
    return MIN(n, s->count);
}

/* Host address of the element at la if its page may be accessed plainly. */
static uint8_t *host_of(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write)
{
    uint8_t *p = mem_hit(write ? cpu->tlb->tag_w : cpu->tlb->tag_r, cpu->tlb, la, size);

    if (!p) {
        /* Raises what is to be raised; the slow access checks canonical form and alignment. */
        if ((int64_t)(la << 16) >> 16 != (int64_t)la || cpu->tlb->aligned ||
            !tlb_fill(cpu, op, la, write ? ACC_WRITE : ACC_READ, false)) {
            return NULL;
        }
        p = mem_hit(write ? cpu->tlb->tag_w : cpu->tlb->tag_r, cpu->tlb, la, size);
    }
    return p;
}

/* MOVS STOS LODS --------------------------------------------------------- */

static void copy_up(uint8_t *to, const uint8_t *from, uint64_t bytes, unsigned size)
{
    uint64_t distance = to - from;

    if (to <= from || distance >= bytes) {
        memmove(to, from, bytes);
    } else if (distance >= size) {
        /* What was copied is copied again: a pattern of `distance` bytes. */
        while (bytes) {
            uint64_t n = MIN(distance, bytes);

            memcpy(to, from, n);
            to += n;
            from += n;
            bytes -= n;
        }
    } else {
        for (; bytes; bytes -= size, to += size, from += size) {
            host_st(to, host_ld(from, size), size);
        }
    }
}

static void copy_down(uint8_t *to, const uint8_t *from, uint64_t n, unsigned size)
{
    for (; n; n--, to -= size, from -= size) {
        uint64_t v = 0;

        memcpy(&v, from, size);
        memcpy(to, &v, size);
    }
}

static uint64_t ld_element(SoftCpu *cpu, const Str *s, uint64_t la)
{
    switch (s->size) {
    case 1:
        return mem_ld8(cpu, s->op, la);
    case 2:
        return mem_ld16(cpu, s->op, la);
    case 4:
        return mem_ld32(cpu, s->op, la);
    default:
        return mem_ld64(cpu, s->op, la);
    }
}

static void st_element(SoftCpu *cpu, const Str *s, uint64_t la, uint64_t v)
{
    switch (s->size) {
    case 1:
        mem_st8(cpu, s->op, la, v);
        break;
    case 2:
        mem_st16(cpu, s->op, la, v);
        break;
    case 4:
        mem_st32(cpu, s->op, la, v);
        break;
    default:
        mem_st64(cpu, s->op, la, v);
        break;
    }
}

static void movs_chunk(SoftCpu *cpu, Str *s)
{
    uint64_t src = src_linear(cpu, s), dst, n = 0, v = 0;
    uint8_t *from = host_of(cpu, s->op, src, s->size, false), *to;

    /* the source's faults go before the destination's */
    if (!from) {
        v = ld_element(cpu, s, src);
    }
    dst = dst_linear(cpu, s, true);
    if (s->rep && from) {
        n = run_length(cpu, s, s->op->i.seg, R_SI, src);
        n = MIN(n, run_length(cpu, s, S_ES, R_DI, dst));
    }
    if (n > 1 && (to = host_of(cpu, s->op, dst, s->size, true)) != NULL) {
        if (s->down) {
            copy_down(to, from, n, s->size);
        } else {
            copy_up(to, from, n * s->size, s->size);
        }
    } else {
        n = 1;
        st_element(cpu, s, dst, from ? host_ld(from, s->size) : v);
    }
    str_advance(cpu, s, R_SI, n);
    str_advance(cpu, s, R_DI, n);
    str_done(cpu, s, n);
}

static void fill(uint8_t *to, uint64_t v, uint64_t n, unsigned size)
{
    uint64_t k;

    switch (size) {
    case 1:
        memset(to, (uint8_t)v, n);
        break;
    case 2:
        for (k = 0; k < n; k++) {
            host_st(to + 2 * k, v, 2);
        }
        break;
    case 4:
        for (k = 0; k < n; k++) {
            host_st(to + 4 * k, v, 4);
        }
        break;
    default:
        for (k = 0; k < n; k++) {
            host_st(to + 8 * k, v, 8);
        }
        break;
    }
}

static void stos_chunk(SoftCpu *cpu, Str *s)
{
    uint64_t dst = dst_linear(cpu, s, true), v = cpu->gpr[R_AX], n = 0;
    uint8_t *to;

    if (s->rep) {
        n = run_length(cpu, s, S_ES, R_DI, dst);
    }
    if (n > 1 && (to = host_of(cpu, s->op, dst, s->size, true)) != NULL) {
        fill(s->down ? to - (n - 1) * s->size : to, v, n, s->size);
    } else {
        n = 1;
        st_element(cpu, s, dst, v);
    }
    str_advance(cpu, s, R_DI, n);
    str_done(cpu, s, n);
}

static void lods_chunk(SoftCpu *cpu, Str *s)
{
    uint64_t v = ld_element(cpu, s, src_linear(cpu, s));

    reg_set(cpu, R_AX, s->size, v);
    str_advance(cpu, s, R_SI, 1);
    str_done(cpu, s, 1);
}

/* SCAS CMPS: true when the repetition ends by the comparison --------------- */

static bool compare_stops(const Str *s, uint64_t a, uint64_t b)
{
    return s->rep && (s->op->i.prefix & PFX_REPNE ? a == b : a != b);
}

static void compare_flags(SoftCpu *cpu, const Str *s, uint64_t a, uint64_t b)
{
    static const uint32_t cc[] = { CC_OP(CCF_SUB, 1), CC_OP(CCF_SUB, 2), CC_OP(CCF_SUB, 4),
                                   CC_OP(CCF_SUB, 8) };

    cc_set(cpu, cc[size_index(s->size)], trunc_to(a - b, s->size), b);
}

/*
 * Flags are set by the last comparison only: a page fault before leaves those
 * from before the instruction (SDM vol. 2, REP).
 */
static bool scas_chunk(SoftCpu *cpu, Str *s)
{
    uint64_t dst = dst_linear(cpu, s, false), a = trunc_to(cpu->gpr[R_AX], s->size), b = 0;
    uint64_t n = s->rep ? run_length(cpu, s, S_ES, R_DI, dst) : 0, k;
    const uint8_t *p = n > 1 ? host_of(cpu, s->op, dst, s->size, false) : NULL;
    bool stop = false;

    if (p) {
        for (k = 0; k < n && !stop; k++, p += s->down ? -(int)s->size : (int)s->size) {
            b = 0;
            memcpy(&b, p, s->size);
            stop = compare_stops(s, a, b);
        }
        n = k;
    } else {
        n = 1;
        b = ld_element(cpu, s, dst);
        stop = compare_stops(s, a, b);
    }
    str_advance(cpu, s, R_DI, n);
    str_done(cpu, s, n);
    if (stop || s->count == 0) {
        compare_flags(cpu, s, a, b);
    }
    return stop;
}

static bool cmps_chunk(SoftCpu *cpu, Str *s)
{
    uint64_t dst = dst_linear(cpu, s, false), src, a = 0, b = 0, n = 0, k;
    const uint8_t *q = host_of(cpu, s->op, dst, s->size, false), *p = NULL;
    bool stop = false;

    /* [rDI] first, as the hardware does: it shows in which fault comes */
    b = q ? host_ld(q, s->size) : ld_element(cpu, s, dst);
    src = src_linear(cpu, s);
    if (s->rep && q) {
        n = run_length(cpu, s, s->op->i.seg, R_SI, src);
        n = MIN(n, run_length(cpu, s, S_ES, R_DI, dst));
    }
    if (n > 1) {
        p = host_of(cpu, s->op, src, s->size, false);
    }
    if (p) {
        int step = s->down ? -(int)s->size : (int)s->size;

        for (k = 0; k < n && !stop; k++, p += step, q += step) {
            a = b = 0;
            memcpy(&a, p, s->size);
            memcpy(&b, q, s->size);
            stop = compare_stops(s, a, b);
        }
        n = k;
    } else {
        n = 1;
        a = ld_element(cpu, s, src);
        stop = compare_stops(s, a, b);
    }
    str_advance(cpu, s, R_SI, n);
    str_advance(cpu, s, R_DI, n);
    str_done(cpu, s, n);
    if (stop || s->count == 0) {
        compare_flags(cpu, s, a, b);
    }
    return stop;
}

/* INS OUTS ----------------------------------------------------------------- */

static void ins_chunk(SoftCpu *cpu, Str *s)
{
    uint16_t port = cpu->gpr[R_DX];
    uint64_t dst;

    dst = dst_linear(cpu, s, true);
    mem_probe(cpu, s->op, dst, s->size, true);      /* the port is read only when the store works */
    st_element(cpu, s, dst, io_in(cpu, port, s->size));
    str_advance(cpu, s, R_DI, 1);
    str_done(cpu, s, 1);
}

static void outs_chunk(SoftCpu *cpu, Str *s)
{
    uint16_t port = cpu->gpr[R_DX];
    uint64_t v;

    v = ld_element(cpu, s, src_linear(cpu, s));
    str_advance(cpu, s, R_SI, 1);
    str_done(cpu, s, 1);
    io_out(cpu, port, v, s->size);
}

/* The handlers --------------------------------------------------------------- */

/* True: the instruction is through. False: interrupted, RIP stays at it. */
#define STRING_RUN(name, stops, check)                                                      \
    static NOINLINE bool name##_run(SoftCpu *cpu, const Op *op)                             \
    {                                                                                       \
        Str s;                                                                              \
                                                                                            \
        check(cpu, op);                                                                     \
        str_init(cpu, op, &s);                                                              \
        while (s.count) {                                                                   \
            if (stops(cpu, &s) || s.count == 0) {                                           \
                return true;                                                                \
            }                                                                               \
            if (atomic_load_explicit(&cpu->exit_request, memory_order_relaxed)) {           \
                return false;                                                               \
            }                                                                               \
        }                                                                                   \
        return true;                                                                        \
    }                                                                                       \
    static const Op *name(SoftCpu *cpu, const Op *op)                                       \
    {                                                                                       \
        if (unlikely(!name##_run(cpu, op))) {                                               \
            cpu->rip = cpu_insn_rip(cpu, op);                                               \
            cpu->eflags |= FL_RF;       /* a breakpoint here had its turn */                 \
            return LEAVE(cpu);                                                              \
        }                                                                                   \
        return NEXT(cpu, op);                                                               \
    }
#define NEVER(chunk) (chunk, false)
#define MOVS_STEP(cpu, s) NEVER(movs_chunk(cpu, s))
#define STOS_STEP(cpu, s) NEVER(stos_chunk(cpu, s))
#define LODS_STEP(cpu, s) NEVER(lods_chunk(cpu, s))
#define INS_STEP(cpu, s) NEVER(ins_chunk(cpu, s))
#define OUTS_STEP(cpu, s) NEVER(outs_chunk(cpu, s))
#define NO_CHECK(cpu, op) do { } while (0)
/* A count of 0 does not help who may not use the port. */
#define PORT_CHECK(cpu, op) io_check(cpu, op, (cpu)->gpr[R_DX], (op)->i.opsz)
STRING_RUN(movs, MOVS_STEP, NO_CHECK)
STRING_RUN(stos, STOS_STEP, NO_CHECK)
STRING_RUN(lods, LODS_STEP, NO_CHECK)
STRING_RUN(scas, scas_chunk, NO_CHECK)
STRING_RUN(cmps, cmps_chunk, NO_CHECK)
STRING_RUN(ins, INS_STEP, PORT_CHECK)
STRING_RUN(outs, OUTS_STEP, PORT_CHECK)

OpFn *pick_string(const Insn *i, uint32_t mode)
{
    switch (i->op) {
    case OP_MOVS_Yb_Xb:
    case OP_MOVS_Yv_Xv:
        return movs;
    case OP_STOS_Yb_AL:
    case OP_STOS_Yv_rAX:
        return stos;
    case OP_LODS_AL_Xb:
    case OP_LODS_rAX_Xv:
        return lods;
    case OP_SCAS_AL_Yb:
    case OP_SCAS_rAX_Yv:
        return scas;
    case OP_CMPS_Xb_Yb:
    case OP_CMPS_Xv_Yv:
        return cmps;
    case OP_INS_Yb_DX:
    case OP_INS_Yv_DX:
        return ins;
    case OP_OUTS_DX_Xb:
    case OP_OUTS_DX_Xv:
        return outs;
    default:
        return NULL;
    }
}

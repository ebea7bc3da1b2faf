/* Segments: descriptors, loads, limits, stacks, the mode word */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/mem.h"
#include "accel/soft/seg.h"

uint32_t desc_limit(const Desc *d)
{
    uint32_t limit = (d->raw & 0xffff) | (d->raw >> 32 & 0xf0000);

    return d->raw >> 55 & 1 ? limit << 12 | 0xfff : limit;
}

Segment desc_segment(const Desc *d, uint16_t sel)
{
    return (Segment){
        .base = (d->raw >> 16 & 0xffffff) | (d->raw >> 32 & 0xff000000),
        .limit = desc_limit(d), .sel = sel, .attr = d->raw >> 40 & 0xf0ff,
    };
}

bool desc_read(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *d)
{
    uint64_t base = sel & 4 ? cpu->ldt.base : cpu->gdt.base;
    uint32_t limit = sel & 4 ? cpu->ldt.limit : cpu->gdt.limit;

    if ((sel & 4) && !(cpu->ldt.attr & SEG_P)) {
        return false;
    }
    if ((sel | 7) > limit) {
        return false;
    }
    d->la = base + (sel & 0xfff8);
    if (!in_long_mode(cpu)) {
        d->la = (uint32_t)d->la;
    }
    d->raw = mem_load_sys(cpu, op, d->la, 8);
    d->high = 0;
    return true;
}

bool desc_read_high(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *d)
{
    uint32_t limit = sel & 4 ? cpu->ldt.limit : cpu->gdt.limit;

    if ((sel | 7) + 8u > limit) {
        return false;
    }
    d->high = mem_load_sys(cpu, op, d->la + 8, 8);
    return true;
}

void desc_mark_accessed(SoftCpu *cpu, const Op *op, const Desc *d)
{
    if (!(d->raw >> 40 & 1)) {
        mem_store_sys(cpu, op, d->la + 5, (d->raw >> 40 & 0xff) | 1, 1);
    }
}

void desc_set_busy(SoftCpu *cpu, const Op *op, const Desc *d, bool busy)
{
    uint8_t byte = mem_load_sys(cpu, op, d->la + 5, 1);

    mem_store_sys(cpu, op, d->la + 5, busy ? byte | 2 : byte & ~2, 1);
}

bool seg_in_limit(const Segment *s, uint64_t off, unsigned size)
{
    uint64_t last = off + size - 1;

    if ((s->attr & (SEG_S | 0xc)) == (SEG_S | 4)) {     /* data, expand-down */
        return off > s->limit && last <= (s->attr & SEG_D ? 0xffffffff : 0xffff);
    }
    /* The last byte of 4 GiB is not the limit's: what goes on behind it wraps, as on CPUs. */
    return last <= s->limit || s->limit == 0xffffffff;
}

uint64_t seg_linear(SoftCpu *cpu, const Op *op, unsigned seg, uint64_t off, unsigned size,
                    bool write)
{
    const Segment *s = &cpu->seg[seg];

    if (in_code64(cpu)) {
        return seg >= S_FS ? s->base + off : off;
    }
    if (!(s->attr & SEG_P)) {
        goto bad;
    }
    if ((cpu->mode & (MODE_PE | MODE_VM86)) == MODE_PE) {
        unsigned type = SEG_TYPE(s->attr);

        if (write ? (type & 8) || !(type & 2) : (type & 8) && !(type & 2)) {
            goto bad;
        }
    }
    if (!seg_in_limit(s, off, size)) {
        goto bad;
    }
    return (uint32_t)(s->base + off);
bad:
    cpu_raise_err(cpu, op, seg == S_SS ? EXC_SS : EXC_GP, 0);
}

void seg_load_real(SoftCpu *cpu, unsigned seg, uint16_t sel)
{
    Segment *s = &cpu->seg[seg];

    s->sel = sel;
    s->base = (uint32_t)sel << 4;
    if (cpu->eflags & FL_VM) {
        s->limit = 0xffff;
        s->attr = 0x00f3;       /* present, DPL 3, read/write data, accessed */
    }
    /* Real mode keeps limit and attributes: what "unreal mode" lives on. */
    cpu_update_mode(cpu);
}

void seg_set_null(SoftCpu *cpu, unsigned seg, uint16_t sel)
{
    /* The base goes to 0, as on Intel's CPUs; P clear makes the register unusable. */
    cpu->seg[seg] = (Segment){ .sel = sel };
}

Segment seg_check_ss(SoftCpu *cpu, const Op *op, uint16_t sel, unsigned cpl, int vector,
                     bool null_ok)
{
    Desc d;

    if (SEL_NULL(sel)) {
        /* 64-bit code at CPL 0..2 may run on a null SS (SDM vol. 2, MOV) */
        if (null_ok && cpl < 3 && (sel & 3) == cpl) {
            return (Segment){ .sel = sel, .attr = cpl << 5 };
        }
        cpu_raise_err(cpu, op, vector, cpu->priv->ext);
    }
    if (!desc_read(cpu, op, sel, &d) || (sel & 3) != cpl || !DESC_S(&d) || DESC_CODE(&d)
        || !DESC_RW(&d) || DESC_DPL(&d) != cpl) {
        cpu_raise_err(cpu, op, vector, sel_error(cpu, sel));
    }
    if (!DESC_P(&d)) {
        cpu_raise_err(cpu, op, EXC_SS, sel_error(cpu, sel));
    }
    desc_mark_accessed(cpu, op, &d);
    d.raw |= BIT64(40);
    return desc_segment(&d, sel);
}

void seg_load(SoftCpu *cpu, const Op *op, unsigned seg, uint16_t sel)
{
    Desc d;

    if (!in_protected_mode(cpu)) {
        seg_load_real(cpu, seg, sel);
        return;
    }
    if (seg == S_SS) {
        cpu->seg[S_SS] = seg_check_ss(cpu, op, sel, cpu->cpl, EXC_GP, in_code64(cpu));
        cpu_update_mode(cpu);
        return;
    }
    if (SEL_NULL(sel)) {
        seg_set_null(cpu, seg, sel);
        cpu_update_mode(cpu);
        return;
    }
    if (!desc_read(cpu, op, sel, &d) || !DESC_S(&d) || (DESC_CODE(&d) && !DESC_RW(&d))) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (!(DESC_CODE(&d) && DESC_CONFORMING(&d))
        && (DESC_DPL(&d) < cpu->cpl || DESC_DPL(&d) < (sel & 3))) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (!DESC_P(&d)) {
        cpu_raise_err(cpu, op, EXC_NP, sel_error(cpu, sel));
    }
    desc_mark_accessed(cpu, op, &d);
    d.raw |= BIT64(40);
    cpu->seg[seg] = desc_segment(&d, sel);
    cpu_update_mode(cpu);
}

void seg_set_cs(SoftCpu *cpu, const Desc *d, uint16_t sel, unsigned cpl)
{
    cpu->seg[S_CS] = desc_segment(d, (sel & 0xfffc) | cpl);
    cpu->seg[S_CS].attr |= 1;
    if (cpu->cpl != cpl) {
        cpu->cpl = cpl;
        tlb_select(cpu);
    }
}

Stack stack_of(SoftCpu *cpu, const Segment *ss, uint64_t sp, unsigned cpl)
{
    Stack st = { .ss = *ss, .sp = sp, .sys = cpl < 3 };

    st.width = ss->attr & SEG_D ? 4 : 2;
    if (st.width == 2) {
        st.sp &= 0xffff;
    }
    return st;
}

Stack stack_current(SoftCpu *cpu)
{
    Stack st = stack_of(cpu, &cpu->seg[S_SS], cpu->gpr[R_SP], cpu->cpl);

    if (in_code64(cpu)) {
        st.width = 8;
        st.sp = cpu->gpr[R_SP];
    } else if (st.width == 4) {
        st.sp = (uint32_t)st.sp;
    }
    return st;
}

static uint64_t stack_linear(SoftCpu *cpu, const Op *op, const Stack *st, unsigned size)
{
    if (st->width == 8) {
        if (!tlb_is_canonical(cpu, st->sp)) {
            cpu_raise_err(cpu, op, EXC_SS, cpu->priv->ext);
        }
        return st->sp;
    }
    if (!(st->ss.attr & SEG_P) || !seg_in_limit(&st->ss, st->sp, size)) {
        cpu_raise_err(cpu, op, EXC_SS, sel_error(cpu, st->fault_sel));
    }
    return (uint32_t)(st->ss.base + st->sp);
}

static uint64_t stack_mask(unsigned width)
{
    return width == 8 ? ~0ULL : width == 4 ? 0xffffffff : 0xffff;
}

void stack_push(SoftCpu *cpu, const Op *op, Stack *st, uint64_t value, unsigned size)
{
    uint64_t la;

    st->sp = (st->sp - size) & stack_mask(st->width);
    la = stack_linear(cpu, op, st, size);
    if (st->sys && cpu->cpl == 3) {
        mem_store_sys(cpu, op, la, value, size);
    } else if (size == 8) {
        mem_st64(cpu, op, la, value);
    } else if (size == 4) {
        mem_st32(cpu, op, la, value);
    } else {
        mem_st16(cpu, op, la, value);
    }
}

uint64_t stack_pop(SoftCpu *cpu, const Op *op, Stack *st, unsigned size)
{
    uint64_t la = stack_linear(cpu, op, st, size);

    st->sp = (st->sp + size) & stack_mask(st->width);
    return size == 8 ? mem_ld64(cpu, op, la) : size == 4 ? mem_ld32(cpu, op, la)
                                                          : mem_ld16(cpu, op, la);
}

void stack_set_sp(SoftCpu *cpu, uint64_t sp, unsigned width)
{
    if (width == 2) {
        cpu->gpr[R_SP] = (cpu->gpr[R_SP] & ~0xffffULL) | (sp & 0xffff);
    } else {
        cpu->gpr[R_SP] = width == 4 ? (uint32_t)sp : sp;
    }
}

void tss_stack(SoftCpu *cpu, const Op *op, unsigned cpl, uint16_t *ss, uint64_t *sp)
{
    uint32_t off;

    if (in_long_mode(cpu)) {
        off = 4 + cpl * 8;
        if (off + 7 > cpu->tr.limit) {
            cpu_raise_err(cpu, op, EXC_TS, sel_error(cpu, cpu->tr.sel));
        }
        *sp = mem_load_sys(cpu, op, cpu->tr.base + off, 8);
        *ss = 0;
        return;
    }
    if (SEG_TYPE(cpu->tr.attr) & 8) {
        off = 4 + cpl * 8;
        if (off + 5 > cpu->tr.limit) {
            cpu_raise_err(cpu, op, EXC_TS, sel_error(cpu, cpu->tr.sel));
        }
        *sp = mem_load_sys(cpu, op, (uint32_t)(cpu->tr.base + off), 4);
        *ss = mem_load_sys(cpu, op, (uint32_t)(cpu->tr.base + off + 4), 2);
    } else {
        off = 2 + cpl * 4;
        if (off + 3 > cpu->tr.limit) {
            cpu_raise_err(cpu, op, EXC_TS, sel_error(cpu, cpu->tr.sel));
        }
        *sp = mem_load_sys(cpu, op, (uint32_t)(cpu->tr.base + off), 2);
        *ss = mem_load_sys(cpu, op, (uint32_t)(cpu->tr.base + off + 2), 2);
    }
}

static bool is_flat(const Segment *s)
{
    /* Present, expand-up, writable data (or real mode's), base 0, 4 GiB */
    return s->base == 0 && s->limit == 0xffffffff && (s->attr & SEG_P)
           && (s->attr & 0x0e) == 0x02;
}

void cpu_update_mode(SoftCpu *cpu)
{
    uint32_t mode = cpu->mode & (MODE_ICOUNT | MODE_UP | MODE_STEP);
    bool sse = !(cpu->cr0 & (CR0_EM | CR0_TS)) && (cpu->cr4 & CR4_OSFXSR);

    if (in_long_mode(cpu) && (cpu->seg[S_CS].attr & SEG_L)) {
        mode |= MODE_CODE64 | MODE_STACK64 | MODE_FLAT | MODE_CS_FLAT;
    } else {
        mode |= cpu->seg[S_CS].attr & SEG_D ? MODE_CODE32 : MODE_CODE16;
        mode |= cpu->seg[S_SS].attr & SEG_D ? MODE_STACK32 : MODE_STACK16;
        if (is_flat(&cpu->seg[S_DS]) && is_flat(&cpu->seg[S_ES]) && is_flat(&cpu->seg[S_SS])) {
            mode |= MODE_FLAT;
        }
        if (cpu->seg[S_CS].base == 0) {
            mode |= MODE_CS_FLAT;
        }
        if (cpu->seg[S_CS].limit != (mode & MODE_CODE32 ? 0xffffffff : 0xffff)) {
            mode |= MODE_LIMIT;
        }
    }
    mode |= (cpu->cpl == 3 ? MODE_CPL3 : 0) | (cpu->cpl ? MODE_CPL_NOT0 : 0);
    mode |= (cpu->cr0 & CR0_PE ? MODE_PE : 0) | (cpu->cr0 & CR0_PG ? MODE_PG : 0);
    mode |= (cpu->eflags & FL_VM ? MODE_VM86 : 0) | (cpu->eflags & FL_TF ? MODE_TF : 0);
    mode |= (in_long_mode(cpu) ? MODE_LMA : 0) | (cpu->smm ? MODE_SMM : 0);
    mode |= !(cpu->cr0 & (CR0_EM | CR0_TS)) ? MODE_X87 : 0;
    mode |= sse ? MODE_SSE : 0;
    /* VEX asks for CR4.OSXSAVE and XCR0, not for OSFXSR or EM (SDM vol. 2, 2.4) */
    if (!(cpu->cr0 & CR0_TS) && (cpu->cr4 & CR4_OSXSAVE) && (cpu->xcr0 & 6) == 6) {
        mode |= MODE_AVX;
    }
    cpu->mode = mode;
    if (cpu->cpl == 3) {
        tlb_set_aligned(cpu, (cpu->eflags & FL_AC) && (cpu->cr0 & CR0_AM));
    }
}

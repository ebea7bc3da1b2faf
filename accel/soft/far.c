/* Far transfers: JMP, CALL, RET and IRET between segments, privileges and modes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/mem.h"
#include "accel/soft/seg.h"

static uint64_t mask_opsz(uint64_t v, unsigned opsz)
{
    return opsz == 2 ? (uint16_t)v : opsz == 4 ? (uint32_t)v : v;
}

/* Is rip inside the new code segment? #GP(0) if not (in the caller's context). */
static void check_target(SoftCpu *cpu, const Op *op, const Desc *code, uint64_t rip)
{
    if (in_long_mode(cpu) && DESC_L(code)) {
        if (!tlb_is_canonical(cpu, rip)) {
            cpu_raise_err(cpu, op, EXC_GP, 0);
        }
    } else if ((uint32_t)rip > desc_limit(code)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
}

static void far_real(SoftCpu *cpu, const Op *op, uint16_t sel, uint64_t off)
{
    if (off > cpu->seg[S_CS].limit) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    seg_load_real(cpu, S_CS, sel);
    cpu->rip = off;
}

/* A code segment as the target of JMP, CALL (SDM vol. 2): rights without a gate. */
static void check_code_direct(SoftCpu *cpu, const Op *op, const Desc *d, uint16_t sel)
{
    if (DESC_CONFORMING(d) ? DESC_DPL(d) > cpu->cpl
                           : (sel & 3) > cpu->cpl || DESC_DPL(d) != cpu->cpl) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (in_long_mode(cpu) && DESC_L(d) && DESC_D(d)) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (!DESC_P(d)) {
        cpu_raise_err(cpu, op, EXC_NP, sel_error(cpu, sel));
    }
}

/* What a far JMP or CALL names, when it is no code segment. */
static void check_system_target(SoftCpu *cpu, const Op *op, const Desc *d, uint16_t sel)
{
    unsigned type = DESC_TYPE(d);
    bool ok = in_long_mode(cpu) ? type == SYS_CALL32
            : type == SYS_CALL16 || type == SYS_CALL32 || type == SYS_TASK_GATE
              || type == SYS_TSS16 || type == SYS_TSS32;

    if (!ok || DESC_DPL(d) < cpu->cpl || DESC_DPL(d) < (sel & 3)) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (!DESC_P(d)) {
        cpu_raise_err(cpu, op, EXC_NP, sel_error(cpu, sel));
    }
}

/* Read and check the code segment a call gate leads to. */
static void check_gate_code(SoftCpu *cpu, const Op *op, uint16_t sel, bool jump, Desc *code)
{
    bool wrong;

    if (SEL_NULL(sel)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (!desc_read(cpu, op, sel, code) || !DESC_S(code) || !DESC_CODE(code)
        || DESC_DPL(code) > cpu->cpl) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    wrong = jump && !DESC_CONFORMING(code) && DESC_DPL(code) != cpu->cpl;
    if (wrong || (in_long_mode(cpu) && (!DESC_L(code) || DESC_D(code)))) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (!DESC_P(code)) {
        cpu_raise_err(cpu, op, EXC_NP, sel_error(cpu, sel));
    }
}

static uint64_t gate_offset(const Desc *gate, bool long_mode)
{
    uint64_t off = gate->raw & 0xffff;

    if (DESC_TYPE(gate) & 8) {
        off |= gate->raw >> 32 & 0xffff0000;
    }
    return long_mode ? off | gate->high << 32 : off;
}

/* The upper half of a 64-bit call gate must be there and have type 0. */
static void read_gate_high(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *gate)
{
    if (in_long_mode(cpu)
        && (!desc_read_high(cpu, op, sel, gate) || (gate->high >> 40 & 0x1f))) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
}

void seg_far_jump(SoftCpu *cpu, const Op *op, uint16_t sel, uint64_t off, unsigned opsz,
                  uint64_t next_rip)
{
    Desc d, code;
    uint64_t rip;

    off = mask_opsz(off, opsz);
    if (!in_protected_mode(cpu)) {
        far_real(cpu, op, sel, off);
        return;
    }
    if (SEL_NULL(sel)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (!desc_read(cpu, op, sel, &d)) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (DESC_S(&d)) {
        if (!DESC_CODE(&d)) {
            cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
        }
        check_code_direct(cpu, op, &d, sel);
        check_target(cpu, op, &d, off);
        desc_mark_accessed(cpu, op, &d);
        seg_set_cs(cpu, &d, sel, cpu->cpl);
        cpu->rip = off;
        cpu_update_mode(cpu);
        return;
    }
    check_system_target(cpu, op, &d, sel);
    if (DESC_TYPE(&d) == SYS_TASK_GATE) {
        task_switch(cpu, op, d.raw >> 16, TASK_JUMP, next_rip, false, 0);
    } else if (DESC_TYPE(&d) == SYS_TSS16 || (DESC_TYPE(&d) == SYS_TSS32 && !in_long_mode(cpu))) {
        task_switch(cpu, op, sel, TASK_JUMP, next_rip, false, 0);
    } else {
        read_gate_high(cpu, op, sel, &d);
        check_gate_code(cpu, op, d.raw >> 16, true, &code);
        rip = gate_offset(&d, in_long_mode(cpu));
        check_target(cpu, op, &code, rip);
        desc_mark_accessed(cpu, op, &code);
        seg_set_cs(cpu, &code, d.raw >> 16, cpu->cpl);
        cpu->rip = rip;
        cpu_update_mode(cpu);
    }
}

/* A call gate to an inner level, legacy: new stack, old SS:SP, copied parameters. */
static void call_inner(SoftCpu *cpu, const Op *op, const Desc *gate, const Desc *code,
                       Stack *st, unsigned cpl, unsigned size)
{
    unsigned nr = in_long_mode(cpu) ? 0 : gate->raw >> 32 & 0x1f;
    Stack old = stack_current(cpu);
    uint64_t params[31];

    for (unsigned i = 0; i < nr; i++) {
        params[i] = stack_pop(cpu, op, &old, size);
    }
    if (in_long_mode(cpu)) {
        uint16_t unused;

        *st = (Stack){ .width = 8, .sys = cpl < 3 };
        tss_stack(cpu, op, cpl, &unused, &st->sp);
        st->ss = (Segment){ .sel = cpl, .attr = cpl << 5 };
    } else {
        uint16_t ss_sel;
        uint64_t sp;
        Segment ss;

        tss_stack(cpu, op, cpl, &ss_sel, &sp);
        ss = seg_check_ss(cpu, op, ss_sel, cpl, EXC_TS, false);
        *st = stack_of(cpu, &ss, sp, cpl);
        st->fault_sel = ss_sel;
    }
    stack_push(cpu, op, st, cpu->seg[S_SS].sel, size);
    stack_push(cpu, op, st, cpu->gpr[R_SP], size);
    while (nr) {
        stack_push(cpu, op, st, params[--nr], size);
    }
}

static void call_gate(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *gate, uint64_t next_rip)
{
    unsigned size = in_long_mode(cpu) ? 8 : DESC_TYPE(gate) & 8 ? 4 : 2;
    uint16_t code_sel = gate->raw >> 16;
    unsigned cpl = cpu->cpl;
    uint64_t rip;
    Desc code;
    Stack st;

    read_gate_high(cpu, op, sel, gate);
    check_gate_code(cpu, op, code_sel, false, &code);
    rip = gate_offset(gate, in_long_mode(cpu));
    if (!DESC_CONFORMING(&code) && DESC_DPL(&code) < cpu->cpl) {
        cpl = DESC_DPL(&code);
        call_inner(cpu, op, gate, &code, &st, cpl, size);
    } else {
        st = stack_current(cpu);
        if (in_long_mode(cpu)) {    /* from compatibility mode too */
            st.width = 8;
        }
    }
    stack_push(cpu, op, &st, cpu->seg[S_CS].sel, size);
    stack_push(cpu, op, &st, next_rip, size);
    check_target(cpu, op, &code, rip);
    desc_mark_accessed(cpu, op, &code);

    if (cpl != cpu->cpl) {
        cpu->seg[S_SS] = st.ss;
    }
    stack_set_sp(cpu, st.sp, st.width);
    seg_set_cs(cpu, &code, code_sel, cpl);
    cpu->rip = rip;
    cpu_update_mode(cpu);
}

void seg_far_call(SoftCpu *cpu, const Op *op, uint16_t sel, uint64_t off, unsigned opsz,
                  uint64_t next_rip)
{
    Stack st = stack_current(cpu);
    Desc d;

    off = mask_opsz(off, opsz);
    if (!in_protected_mode(cpu)) {
        if (off > cpu->seg[S_CS].limit) {
            cpu_raise_err(cpu, op, EXC_GP, 0);
        }
        stack_push(cpu, op, &st, cpu->seg[S_CS].sel, opsz);
        stack_push(cpu, op, &st, next_rip, opsz);
        stack_set_sp(cpu, st.sp, st.width);
        far_real(cpu, op, sel, off);
        return;
    }
    if (SEL_NULL(sel)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (!desc_read(cpu, op, sel, &d)) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (DESC_S(&d)) {
        if (!DESC_CODE(&d)) {
            cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
        }
        check_code_direct(cpu, op, &d, sel);
        stack_push(cpu, op, &st, cpu->seg[S_CS].sel, opsz);
        stack_push(cpu, op, &st, next_rip, opsz);
        check_target(cpu, op, &d, off);
        desc_mark_accessed(cpu, op, &d);
        stack_set_sp(cpu, st.sp, st.width);
        seg_set_cs(cpu, &d, sel, cpu->cpl);
        cpu->rip = off;
        cpu_update_mode(cpu);
        return;
    }
    check_system_target(cpu, op, &d, sel);
    if (DESC_TYPE(&d) == SYS_TASK_GATE) {
        task_switch(cpu, op, d.raw >> 16, TASK_CALL, next_rip, false, 0);
    } else if (DESC_TYPE(&d) == SYS_TSS16 || (DESC_TYPE(&d) == SYS_TSS32 && !in_long_mode(cpu))) {
        task_switch(cpu, op, sel, TASK_CALL, next_rip, false, 0);
    } else {
        call_gate(cpu, op, sel, &d, next_rip);
    }
}

/* A code segment as return target. */
static void check_return_code(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *code)
{
    if (SEL_NULL(sel)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    if (!desc_read(cpu, op, sel, code) || !DESC_S(code) || !DESC_CODE(code)
        || (sel & 3) < cpu->cpl
        || (DESC_CONFORMING(code) ? DESC_DPL(code) > (sel & 3) : DESC_DPL(code) != (sel & 3))
        || (in_long_mode(cpu) && DESC_L(code) && DESC_D(code))) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (!DESC_P(code)) {
        cpu_raise_err(cpu, op, EXC_NP, sel_error(cpu, sel));
    }
}

/*
 * After a return outwards: data segments the outer level may not use become
 * null, and null selectors lose their RPL (SDM vol. 2, IRET).
 */
static void drop_inner_segments(SoftCpu *cpu)
{
    static const uint8_t segs[] = { S_ES, S_DS, S_FS, S_GS };

    for (unsigned i = 0; i < ARRAY_SIZE(segs); i++) {
        Segment *s = &cpu->seg[segs[i]];
        bool conforming = (s->attr & (SEG_S | 0xc)) == (SEG_S | 0xc);

        if ((s->attr & SEG_P) && !conforming && SEG_DPL(s->attr) < cpu->cpl) {
            uint64_t base = s->base;

            seg_set_null(cpu, segs[i], 0);
            if (in_long_mode(cpu) && segs[i] >= S_FS) {
                s->base = base;
            }
        } else if (s->sel < 4) {
            s->sel = 0;
        }
    }
}

/* SS for a return to cpl; to_code64: a null SS is fine below CPL 3. */
static Segment check_return_ss(SoftCpu *cpu, const Op *op, uint16_t sel, unsigned cpl,
                               bool to_code64)
{
    return seg_check_ss(cpu, op, sel, cpl, EXC_GP, to_code64);
}

/* What RET and IRET share once CS:RIP (and SS:RSP) are popped and checked. */
static void return_commit(SoftCpu *cpu, const Desc *code, uint16_t sel, uint64_t rip,
                          const Segment *ss, uint64_t sp, unsigned sp_width)
{
    unsigned old_cpl = cpu->cpl;

    seg_set_cs(cpu, code, sel, sel & 3);
    if (ss) {
        cpu->seg[S_SS] = *ss;
    }
    stack_set_sp(cpu, sp, sp_width);
    cpu->rip = rip;
    if (cpu->cpl > old_cpl) {
        drop_inner_segments(cpu);
    }
    cpu_update_mode(cpu);
}

static unsigned new_sp_width(SoftCpu *cpu, const Desc *code, const Segment *ss)
{
    if (in_long_mode(cpu) && DESC_L(code)) {
        return 8;
    }
    return ss->attr & SEG_D ? 4 : 2;
}

void seg_far_ret(SoftCpu *cpu, const Op *op, unsigned opsz, unsigned release)
{
    Stack st = stack_current(cpu);
    uint64_t rip = stack_pop(cpu, op, &st, opsz), sp;
    uint16_t sel = stack_pop(cpu, op, &st, opsz), ss_sel;
    bool code64;
    Desc code;
    Segment ss;

    if (!in_protected_mode(cpu)) {
        if (rip > cpu->seg[S_CS].limit) {
            cpu_raise_err(cpu, op, EXC_GP, 0);
        }
        stack_set_sp(cpu, st.sp + release, st.width);
        far_real(cpu, op, sel, rip);
        return;
    }
    check_return_code(cpu, op, sel, &code);
    code64 = in_long_mode(cpu) && DESC_L(&code);
    if ((sel & 3) == cpu->cpl) {
        check_target(cpu, op, &code, rip);
        desc_mark_accessed(cpu, op, &code);
        return_commit(cpu, &code, sel, rip, NULL, st.sp + release, st.width);
        return;
    }
    st.sp += release;
    if (st.width < 8) {
        st.sp &= st.width == 4 ? 0xffffffff : 0xffff;
    }
    sp = stack_pop(cpu, op, &st, opsz);
    ss_sel = stack_pop(cpu, op, &st, opsz);
    ss = check_return_ss(cpu, op, ss_sel, sel & 3, code64);
    check_target(cpu, op, &code, rip);
    desc_mark_accessed(cpu, op, &code);
    return_commit(cpu, &code, sel, rip, &ss, sp + release, new_sp_width(cpu, &code, &ss));
}

/* Which flags IRET and POPF may change at this privilege (SDM vol. 2). */
static uint32_t iret_mask(SoftCpu *cpu, unsigned cpl, unsigned opsz)
{
    uint32_t mask = FL_TF | FL_DF | FL_NT | FL_RF | FL_AC | FL_ID;

    if (cpl == 0) {
        mask |= FL_IOPL | FL_VIF | FL_VIP;
    }
    if (cpl <= iopl(cpu)) {
        mask |= FL_IF;
    }
    return opsz == 2 ? mask & 0xffff : mask;
}

static void set_flags_masked(SoftCpu *cpu, uint32_t flags, uint32_t mask)
{
    bool had_ac = cpu->eflags & FL_AC;

    cpu_set_flags(cpu, flags & FL_ARITH);
    cpu->eflags = (cpu->eflags & ~mask) | (flags & mask);
    if (had_ac && !(cpu->eflags & FL_AC) && (cpu->cr4 & CR4_SMAP)) {
        tlb_drop_user_in_kernel(cpu);
    }
}

/* The frame of a v86 task: ESP SS ES DS FS GS above EFLAGS. */
static void iret_to_v86(SoftCpu *cpu, const Op *op, Stack *st, uint32_t rip, uint16_t cs,
                        uint32_t flags)
{
    static const uint8_t order[] = { S_SS, S_ES, S_DS, S_FS, S_GS };
    uint32_t sp = stack_pop(cpu, op, st, 4);
    uint16_t sels[ARRAY_SIZE(order)];

    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        sels[i] = stack_pop(cpu, op, st, 4);
    }
    set_flags_masked(cpu, flags, FL_TF | FL_DF | FL_NT | FL_RF | FL_AC | FL_ID | FL_IOPL
                                 | FL_VIF | FL_VIP | FL_IF | FL_VM);
    cpu->cpl = 3;
    tlb_select(cpu);
    cpu->gpr[R_SP] = sp;
    seg_load_real(cpu, S_CS, cs);
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        seg_load_real(cpu, order[i], sels[i]);
    }
    cpu->rip = rip & 0xffff;
    cpu_update_mode(cpu);
}

static void iret_real(SoftCpu *cpu, const Op *op, unsigned opsz)
{
    Stack st = stack_current(cpu);
    uint64_t rip = stack_pop(cpu, op, &st, opsz);
    uint16_t cs = stack_pop(cpu, op, &st, opsz);
    uint32_t flags = stack_pop(cpu, op, &st, opsz), mask;

    if (rip > cpu->seg[S_CS].limit) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    mask = iret_mask(cpu, 0, opsz) & ~(FL_VIF | FL_VIP);
    if (cpu->eflags & FL_VM) {
        mask &= ~FL_IOPL;
    }
    set_flags_masked(cpu, flags, mask);
    stack_set_sp(cpu, st.sp, st.width);
    seg_load_real(cpu, S_CS, cs);
    cpu->rip = rip;
    cpu_update_mode(cpu);
}

/* IRET in v86 mode with IOPL < 3 and VME: 16-bit, IF goes to VIF. */
static void iret_vme(SoftCpu *cpu, const Op *op)
{
    Stack st = stack_current(cpu);
    uint16_t rip = stack_pop(cpu, op, &st, 2);
    uint16_t cs = stack_pop(cpu, op, &st, 2);
    uint32_t flags = stack_pop(cpu, op, &st, 2);

    if (((flags & FL_IF) && (cpu->eflags & FL_VIP)) || (flags & FL_TF)) {
        cpu_raise_err(cpu, op, EXC_GP, 0);
    }
    set_flags_masked(cpu, flags, FL_DF | FL_NT);
    cpu->eflags = (cpu->eflags & ~FL_VIF) | (flags & FL_IF ? FL_VIF : 0);
    stack_set_sp(cpu, st.sp, st.width);
    seg_load_real(cpu, S_CS, cs);
    cpu->rip = rip;
    cpu_update_mode(cpu);
}

static void iret_protected(SoftCpu *cpu, const Op *op, unsigned opsz)
{
    Stack st = stack_current(cpu);
    unsigned old_cpl = cpu->cpl;
    bool from64 = in_code64(cpu);
    uint64_t rip = stack_pop(cpu, op, &st, opsz), sp;
    uint16_t sel = stack_pop(cpu, op, &st, opsz);
    uint32_t flags = stack_pop(cpu, op, &st, opsz), mask;
    Segment ss, *new_ss = NULL;
    unsigned width = st.width;
    Desc code;

    if ((flags & FL_VM) && opsz == 4 && cpu->cpl == 0 && !in_long_mode(cpu)) {
        iret_to_v86(cpu, op, &st, rip, sel, flags);
        return;
    }
    check_return_code(cpu, op, sel, &code);
    sp = st.sp;
    if (from64 || (sel & 3) != cpu->cpl) {
        uint16_t ss_sel;

        sp = stack_pop(cpu, op, &st, opsz);
        ss_sel = stack_pop(cpu, op, &st, opsz);
        ss = check_return_ss(cpu, op, ss_sel, sel & 3, in_long_mode(cpu) && DESC_L(&code));
        new_ss = &ss;
        width = new_sp_width(cpu, &code, &ss);
    }
    check_target(cpu, op, &code, rip);
    desc_mark_accessed(cpu, op, &code);
    mask = iret_mask(cpu, old_cpl, opsz);
    set_flags_masked(cpu, flags, mask);
    return_commit(cpu, &code, sel, rip, new_ss, sp, width);
}

void seg_iret(SoftCpu *cpu, const Op *op, unsigned opsz, uint64_t next_rip)
{
    if (!(cpu->cr0 & CR0_PE)) {
        iret_real(cpu, op, opsz);
    } else if (cpu->eflags & FL_VM) {
        if (iopl(cpu) == 3) {
            iret_real(cpu, op, opsz);
        } else if ((cpu->cr4 & CR4_VME) && opsz == 2) {
            iret_vme(cpu, op);
        } else {
            cpu_raise_err(cpu, op, EXC_GP, 0);
        }
    } else if (cpu->eflags & FL_NT) {
        uint16_t link;

        if (in_long_mode(cpu)) {
            cpu_raise_err(cpu, op, EXC_GP, 0);
        }
        link = mem_load_sys(cpu, op, (uint32_t)cpu->tr.base, 2);
        task_switch(cpu, op, link, TASK_IRET, next_rip, false, 0);
    } else {
        iret_protected(cpu, op, opsz);
    }
    cpu->nmi_blocked = 0;
}

/* Exceptions and interrupts: raising, the IDT in every mode, double and triple faults */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/mem.h"
#include "accel/soft/seg.h"
#include "accel/soft/soft.h"

typedef struct Event {
    int vector;
    bool has_error, soft;
    uint32_t error;
    uint64_t rip;           /* what is pushed */
    uint32_t flags;         /* likewise */
} Event;

NORETURN void cpu_raise_err(SoftCpu *cpu, const Op *op, int vector, uint32_t error)
{
    cpu->priv->raise_vector = vector;
    cpu->priv->raise_error = error;
    cpu->op = op;
    siglongjmp(cpu->unwind, 1);
}

NORETURN void cpu_raise(SoftCpu *cpu, const Op *op, int vector)
{
    cpu_raise_err(cpu, op, vector, 0);
}

/* Vectors that push an error code in protected mode: #DF #TS #NP #SS #GP #PF #AC */
static bool pushes_error(int vector)
{
    return vector == EXC_DF || (vector >= EXC_TS && vector <= EXC_PF) || vector == EXC_AC;
}

static void deliver_real(SoftCpu *cpu, const Op *op, const Event *ev)
{
    Stack st = stack_current(cpu);
    uint32_t target;

    if (ev->vector * 4 + 3 > cpu->idt.limit) {
        cpu_raise(cpu, op, EXC_GP);
    }
    target = mem_load_sys(cpu, op, (uint32_t)(cpu->idt.base + ev->vector * 4), 4);
    stack_push(cpu, op, &st, ev->flags & 0xffff, 2);
    stack_push(cpu, op, &st, cpu->seg[S_CS].sel, 2);
    stack_push(cpu, op, &st, ev->rip, 2);

    stack_set_sp(cpu, st.sp, st.width);
    cpu->eflags &= ~(FL_IF | FL_TF | FL_AC | FL_RF);
    cpu->seg[S_CS].sel = target >> 16;
    cpu->seg[S_CS].base = (uint64_t)(target >> 16) << 4;
    cpu->rip = target & 0xffff;
}

/* INT n in v86 mode by the VME redirection map: a real-mode style frame on the v86 stack. */
static void deliver_v86_redirect(SoftCpu *cpu, const Op *op, const Event *ev)
{
    Stack st = stack_current(cpu);
    uint32_t target = mem_load_sys(cpu, op, ev->vector * 4, 4);
    uint32_t flags = ev->flags;

    if (iopl(cpu) < 3) {        /* IF shows VIF, IOPL reads 3 */
        flags = (flags & ~FL_IF) | (flags & FL_VIF ? FL_IF : 0) | FL_IOPL;
    }
    stack_push(cpu, op, &st, flags & 0xffff, 2);
    stack_push(cpu, op, &st, cpu->seg[S_CS].sel, 2);
    stack_push(cpu, op, &st, ev->rip, 2);

    stack_set_sp(cpu, st.sp, st.width);
    cpu->eflags &= ~(FL_TF | FL_NT | (iopl(cpu) < 3 ? FL_VIF : FL_IF));
    cpu->rip = target & 0xffff;
    seg_load_real(cpu, S_CS, target >> 16);
}

/* Does the software interrupt map of the TSS send this vector to the v86 program itself? */
static bool v86_redirected(SoftCpu *cpu, const Op *op, int vector)
{
    uint32_t map, byte;

    if (!(cpu->cr4 & CR4_VME) || !(SEG_TYPE(cpu->tr.attr) & 8) || cpu->tr.limit < 103) {
        return false;
    }
    map = mem_load_sys(cpu, op, (uint32_t)(cpu->tr.base + 102), 2);
    if (map < 32 || map - 32 + vector / 8 > cpu->tr.limit) {
        return false;
    }
    byte = mem_load_sys(cpu, op, (uint32_t)(cpu->tr.base + map - 32 + vector / 8), 1);
    return !(byte >> (vector & 7) & 1);
}

static uint32_t gate_error(SoftCpu *cpu, int vector)
{
    return vector * 8 + 2 + cpu->priv->ext;
}

/* The checks common to both gate sizes; returns the handler's code descriptor. */
static void check_gate_target(SoftCpu *cpu, const Op *op, uint16_t sel, Desc *code)
{
    if (SEL_NULL(sel)) {
        cpu_raise_err(cpu, op, EXC_GP, cpu->priv->ext);
    }
    if (!desc_read(cpu, op, sel, code) || !DESC_S(code) || !DESC_CODE(code)
        || DESC_DPL(code) > cpu->cpl) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (!DESC_P(code)) {
        cpu_raise_err(cpu, op, EXC_NP, sel_error(cpu, sel));
    }
}

static void clear_delivery_flags(SoftCpu *cpu, bool interrupt_gate)
{
    cpu->eflags &= ~(FL_TF | FL_NT | FL_RF | FL_VM | (interrupt_gate ? FL_IF : 0));
}

static void push_frame(SoftCpu *cpu, const Op *op, Stack *st, const Event *ev, unsigned size,
                       bool inner, bool from_v86)
{
    static const uint8_t v86_order[] = { S_GS, S_FS, S_DS, S_ES };

    if (from_v86) {
        for (unsigned i = 0; i < ARRAY_SIZE(v86_order); i++) {
            stack_push(cpu, op, st, cpu->seg[v86_order[i]].sel, size);
        }
    }
    if (inner) {
        stack_push(cpu, op, st, cpu->seg[S_SS].sel, size);
        stack_push(cpu, op, st, cpu->gpr[R_SP], size);
    }
    stack_push(cpu, op, st, ev->flags, size);
    stack_push(cpu, op, st, cpu->seg[S_CS].sel, size);
    stack_push(cpu, op, st, ev->rip, size);
    if (ev->has_error) {
        stack_push(cpu, op, st, ev->error, size);
    }
}

static void deliver_protected(SoftCpu *cpu, const Op *op, const Event *ev)
{
    Desc gate, code;
    unsigned type, size, new_cpl;
    bool v86 = cpu->eflags & FL_VM, inner;
    uint16_t sel, ss_sel;
    uint64_t sp;
    Segment ss;
    Stack st;

    if (ev->vector * 8u + 7 > cpu->idt.limit) {
        cpu_raise_err(cpu, op, EXC_GP, gate_error(cpu, ev->vector));
    }
    gate.raw = mem_load_sys(cpu, op, (uint32_t)(cpu->idt.base + ev->vector * 8), 8);
    type = DESC_TYPE(&gate);
    if (DESC_S(&gate) || (type != SYS_TASK_GATE && (type & 7) != SYS_INT16
                          && (type & 7) != SYS_TRAP16)) {
        cpu_raise_err(cpu, op, EXC_GP, gate_error(cpu, ev->vector));
    }
    if (ev->soft && DESC_DPL(&gate) < cpu->cpl) {
        cpu_raise_err(cpu, op, EXC_GP, gate_error(cpu, ev->vector));
    }
    if (!DESC_P(&gate)) {
        cpu_raise_err(cpu, op, EXC_NP, gate_error(cpu, ev->vector));
    }
    sel = gate.raw >> 16;
    if (type == SYS_TASK_GATE) {
        task_switch(cpu, op, sel, TASK_INT, ev->rip, ev->has_error, ev->error);
        return;
    }
    size = type & 8 ? 4 : 2;
    check_gate_target(cpu, op, sel, &code);
    new_cpl = DESC_CONFORMING(&code) ? cpu->cpl : DESC_DPL(&code);
    inner = new_cpl < cpu->cpl;
    if (v86 && new_cpl != 0) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    if (inner) {
        tss_stack(cpu, op, new_cpl, &ss_sel, &sp);
        ss = seg_check_ss(cpu, op, ss_sel, new_cpl, EXC_TS, false);
        st = stack_of(cpu, &ss, sp, new_cpl);
        st.fault_sel = ss_sel;
    } else {
        st = stack_current(cpu);
    }
    push_frame(cpu, op, &st, ev, size, inner, v86);
    desc_mark_accessed(cpu, op, &code);

    clear_delivery_flags(cpu, !(type & 1));
    if (inner) {
        if (v86) {
            seg_set_null(cpu, S_GS, 0);
            seg_set_null(cpu, S_FS, 0);
            seg_set_null(cpu, S_DS, 0);
            seg_set_null(cpu, S_ES, 0);
        }
        cpu->seg[S_SS] = st.ss;
    }
    stack_set_sp(cpu, st.sp, st.width);
    seg_set_cs(cpu, &code, sel, new_cpl);
    cpu->rip = (gate.raw & 0xffff) | (size == 4 ? gate.raw >> 32 & 0xffff0000 : 0);
}

static void deliver_long(SoftCpu *cpu, const Op *op, const Event *ev)
{
    uint64_t at = cpu->idt.base + ev->vector * 16;
    Desc gate, code;
    unsigned type, ist, new_cpl;
    uint16_t sel, unused;
    bool inner;
    Stack st = { .width = 8 };

    if (ev->vector * 16u + 15 > cpu->idt.limit) {
        cpu_raise_err(cpu, op, EXC_GP, gate_error(cpu, ev->vector));
    }
    gate.raw = mem_load_sys(cpu, op, at, 8);
    gate.high = mem_load_sys(cpu, op, at + 8, 8);
    type = DESC_TYPE(&gate);
    if (DESC_S(&gate) || (type != SYS_INT32 && type != SYS_TRAP32)
        || (ev->soft && DESC_DPL(&gate) < cpu->cpl)) {
        cpu_raise_err(cpu, op, EXC_GP, gate_error(cpu, ev->vector));
    }
    if (!DESC_P(&gate)) {
        cpu_raise_err(cpu, op, EXC_NP, gate_error(cpu, ev->vector));
    }
    sel = gate.raw >> 16;
    ist = gate.raw >> 32 & 7;
    check_gate_target(cpu, op, sel, &code);
    if (!DESC_L(&code) || DESC_D(&code)) {
        cpu_raise_err(cpu, op, EXC_GP, sel_error(cpu, sel));
    }
    new_cpl = DESC_CONFORMING(&code) ? cpu->cpl : DESC_DPL(&code);
    inner = new_cpl < cpu->cpl;
    st.sys = new_cpl < 3;
    if (ist) {
        uint32_t off = 28 + ist * 8;    /* IST1 lies at 36 */

        if (off + 7 > cpu->tr.limit) {
            cpu_raise_err(cpu, op, EXC_TS, sel_error(cpu, cpu->tr.sel));
        }
        st.sp = mem_load_sys(cpu, op, cpu->tr.base + off, 8);
    } else if (inner) {
        tss_stack(cpu, op, new_cpl, &unused, &st.sp);
    } else {
        st.sp = cpu->gpr[R_SP];
    }
    st.sp &= ~15ULL;
    push_frame(cpu, op, &st, ev, 8, true, false);
    desc_mark_accessed(cpu, op, &code);

    clear_delivery_flags(cpu, !(type & 1));
    if (inner) {
        cpu->seg[S_SS] = (Segment){ .sel = new_cpl, .attr = new_cpl << 5 };
    }
    cpu->gpr[R_SP] = st.sp;
    seg_set_cs(cpu, &code, sel, new_cpl);
    cpu->rip = (gate.raw & 0xffff) | (gate.raw >> 32 & 0xffff0000) | gate.high << 32;
}

static void deliver(SoftCpu *cpu, const Op *op, Event *ev)
{
    soft_trace_event(cpu, ev->vector, ev->has_error, ev->error, ev->rip, ev->soft);
    if (!(cpu->cr0 & CR0_PE)) {
        deliver_real(cpu, op, ev);
    } else if (in_long_mode(cpu)) {
        deliver_long(cpu, op, ev);
    } else {
        deliver_protected(cpu, op, ev);
    }
    cpu->priv->ext = 0;
    cpu->halted = 0;
    cpu->irq_shadow = 0;
    cpu->link_from = NULL;      /* the exit on its way leads elsewhere than to this handler */
    cpu_update_mode(cpu);
}

typedef enum FaultClass { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE } FaultClass;

/* SDM vol. 3, table 6-4 */
static FaultClass fault_class(int vector)
{
    switch (vector) {
    case EXC_DE: case EXC_TS: case EXC_NP: case EXC_SS: case EXC_GP:
        return CONTRIBUTORY;
    case EXC_PF:
        return PAGE_FAULT;
    case EXC_DF:
        return DOUBLE;
    default:
        return BENIGN;
    }
}

void fault_deliver(SoftCpu *cpu)
{
    SoftCpuPrivate *p = cpu->priv;
    int vector = p->raise_vector;
    uint32_t error = p->raise_error;
    Event ev;

    if (cpu->exc_vector >= 0) {
        FaultClass first = fault_class(cpu->exc_vector), second = fault_class(vector);

        if (first == DOUBLE && second != BENIGN) {
            cpu->exc_vector = -1;
            p->ext = 0;
            soft_triple_fault(cpu);
            return;
        }
        if ((first == CONTRIBUTORY && second == CONTRIBUTORY)
            || (first == PAGE_FAULT && second != BENIGN)) {
            vector = EXC_DF;
            error = 0;
        }
    }
    ev = (Event){ .vector = vector, .error = error, .rip = cpu->rip, .flags = cpu_eflags(cpu),
                  .has_error = pushes_error(vector) && (cpu->cr0 & CR0_PE) };
    /* All but traps push RF, so that an instruction breakpoint does not hit again. */
    if (vector != EXC_DB || p->db_is_fault) {
        ev.flags |= FL_RF;
    }
    if (vector == EXC_DB) {
        cpu->dr[7] &= ~(uint64_t)BIT(13);       /* GD */
    } else {
        debug_faulted(cpu);
    }
    p->db_is_fault = false;
    cpu->exc_vector = vector;
    p->ext = 1;
    deliver(cpu, NULL, &ev);
    cpu->exc_vector = -1;
}

void interrupt_deliver(SoftCpu *cpu, const Op *op, int vector, IntKind kind, uint64_t return_rip)
{
    bool soft = kind == INT_SOFT || kind == INT_SOFT3;
    Event ev = { .vector = vector, .rip = return_rip, .soft = soft, .flags = cpu_eflags(cpu) };

    cpu->priv->ext = !soft;
    /* The step's trap of INT n does not come: its delivery clears TF (SDM vol. 3, 17.3.1.4). */
    if (op && (cpu->mode & MODE_TF)) {
        cpu->priv->step_suppress = true;
    }
    if (kind == INT_SOFT && (cpu->eflags & FL_VM)) {
        if (v86_redirected(cpu, op, vector)) {
            deliver_v86_redirect(cpu, op, &ev);
            cpu_update_mode(cpu);
            return;
        }
        if (iopl(cpu) < 3) {
            cpu_raise_err(cpu, op, EXC_GP, 0);
        }
    }
    if (kind == INT_NMI) {
        cpu->nmi_blocked = 1;
    }
    if (kind == INT_ICEBP) {
        cpu->dr[7] &= ~(uint64_t)BIT(13);       /* GD, as for every #DB */
    }
    deliver(cpu, op, &ev);
}

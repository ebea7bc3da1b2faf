/* A vCPU's registers under KVM, out into a CpuState and in again; reset, INIT and SIPI */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "util/bswap.h"
#include "util/error.h"

#define CR0_ET_CD_NW 0x60000010u
#define DR6_INIT     0xffff0ff0u
#define DR7_INIT     0x400u

static CpuSegment get_segment(const struct kvm_segment *s)
{
    uint16_t attr = s->type | s->s << 4 | s->dpl << 5 | s->present << 7 | s->avl << 12 |
                    s->l << 13 | s->db << 14 | s->g << 15;

    return (CpuSegment){ s->base, s->limit, s->selector, s->unusable ? attr & ~CPU_SEG_P : attr };
}

static struct kvm_segment put_segment(const CpuSegment *s)
{
    uint16_t a = s->attr;

    return (struct kvm_segment){
        .base = s->base, .limit = s->limit, .selector = s->sel, .type = a & 15, .s = a >> 4 & 1,
        .dpl = a >> 5 & 3, .present = a >> 7 & 1, .avl = a >> 12 & 1, .l = a >> 13 & 1,
        .db = a >> 14 & 1, .g = a >> 15 & 1, .unusable = !(a & CPU_SEG_P),
    };
}

/* Members of kvm_regs in the order of CpuState.gpr. */
static const uint8_t gpr_at[16] = {
    offsetof(struct kvm_regs, rax), offsetof(struct kvm_regs, rcx),
    offsetof(struct kvm_regs, rdx), offsetof(struct kvm_regs, rbx),
    offsetof(struct kvm_regs, rsp), offsetof(struct kvm_regs, rbp),
    offsetof(struct kvm_regs, rsi), offsetof(struct kvm_regs, rdi),
    offsetof(struct kvm_regs, r8), offsetof(struct kvm_regs, r9),
    offsetof(struct kvm_regs, r10), offsetof(struct kvm_regs, r11),
    offsetof(struct kvm_regs, r12), offsetof(struct kvm_regs, r13),
    offsetof(struct kvm_regs, r14), offsetof(struct kvm_regs, r15),
};

static bool check(KvmCpu *k, int rc, const char *what, Error **errp)
{
    if (rc >= 0) {
        return true;
    }
    error_set(errp, "CPU %u: KVM: %s: %s", k->vcpu->index, what, g_strerror(-rc));
    return false;
}

static bool get_regs(KvmCpu *k, CpuState *out, Error **errp)
{
    struct kvm_regs regs = {};

    if (!check(k, kvm_call(k->fd, KVM_GET_REGS, &regs), "KVM_GET_REGS", errp)) {
        return false;
    }
    for (int i = 0; i < 16; i++) {
        memcpy(&out->gpr[i], (char *)&regs + gpr_at[i], 8);
    }
    out->rip = regs.rip;
    out->rflags = regs.rflags;
    return true;
}

static bool put_regs(KvmCpu *k, const CpuState *in, Error **errp)
{
    struct kvm_regs regs = { .rip = in->rip, .rflags = in->rflags | 2 };

    for (int i = 0; i < 16; i++) {
        memcpy((char *)&regs + gpr_at[i], &in->gpr[i], 8);
    }
    return check(k, kvm_call(k->fd, KVM_SET_REGS, &regs), "KVM_SET_REGS", errp);
}

static bool get_sregs(KvmCpu *k, CpuState *out, Error **errp)
{
    struct kvm_sregs s = {};

    if (!check(k, kvm_call(k->fd, KVM_GET_SREGS, &s), "KVM_GET_SREGS", errp)) {
        return false;
    }
    out->seg[CPU_ES] = get_segment(&s.es);
    out->seg[CPU_CS] = get_segment(&s.cs);
    out->seg[CPU_SS] = get_segment(&s.ss);
    out->seg[CPU_DS] = get_segment(&s.ds);
    out->seg[CPU_FS] = get_segment(&s.fs);
    out->seg[CPU_GS] = get_segment(&s.gs);
    out->ldt = get_segment(&s.ldt);
    out->tr = get_segment(&s.tr);
    out->gdt.base = s.gdt.base;
    out->gdt.limit = s.gdt.limit;
    out->idt.base = s.idt.base;
    out->idt.limit = s.idt.limit;
    out->cr0 = s.cr0;
    out->cr2 = s.cr2;
    out->cr3 = s.cr3;
    out->cr4 = s.cr4;
    out->cr8 = s.cr8;
    out->efer = s.efer;
    out->apic_base = s.apic_base;
    if (kvm.irqchip == IRQCHIP_OFF && k->vcpu->irq) {
        out->cr8 = vcpu_get_tpr(k->vcpu);
        out->apic_base = vcpu_get_apic_base(k->vcpu);
    }
    return true;
}

static bool put_sregs(KvmCpu *k, const CpuState *in, Error **errp)
{
    struct kvm_sregs s = {
        .es = put_segment(&in->seg[CPU_ES]), .cs = put_segment(&in->seg[CPU_CS]),
        .ss = put_segment(&in->seg[CPU_SS]), .ds = put_segment(&in->seg[CPU_DS]),
        .fs = put_segment(&in->seg[CPU_FS]), .gs = put_segment(&in->seg[CPU_GS]),
        .ldt = put_segment(&in->ldt), .tr = put_segment(&in->tr),
        .gdt = { in->gdt.base, in->gdt.limit }, .idt = { in->idt.base, in->idt.limit },
        .cr0 = in->cr0, .cr2 = in->cr2, .cr3 = in->cr3, .cr4 = in->cr4, .cr8 = in->cr8,
        .efer = in->efer, .apic_base = in->apic_base,
    };

    return check(k, kvm_call(k->fd, KVM_SET_SREGS, &s), "the segment and control registers",
                 errp);
}

/* Where the process may use AMX an image is larger, though no guest is shown that. */
static struct kvm_xsave *xsave_new(void)
{
    _Static_assert(sizeof(((struct kvm_xsave *)0)->region) == CPU_STATE_XSAVE_BYTES, "image");
    return g_malloc0(MAX(sizeof(struct kvm_xsave), kvm.xsave_bytes));
}

static bool get_fpu(KvmCpu *k, CpuState *out, Error **errp)
{
    g_autofree struct kvm_xsave *xsave = xsave_new();
    struct kvm_xcrs xcrs = {};
    uint64_t present;

    if (kvm.xsave_bytes
            ? !check(k, kvm_call(k->fd, KVM_GET_XSAVE2, xsave), "KVM_GET_XSAVE2", errp)
            : !check(k, kvm_call(k->fd, KVM_GET_XSAVE, xsave), "KVM_GET_XSAVE", errp)) {
        return false;
    }
    memcpy(out->xsave, xsave->region, sizeof(out->xsave));
    /* The kernel tells of what is the host's alone (PKRU), too. */
    present = ld64_le(out->xsave + CPU_XSAVE_HEADER) & (kvm_guest_xcr0(&kvm.model) | 3);
    st64_le(out->xsave + CPU_XSAVE_HEADER, present);
    out->xcr0 = 1;
    if (kvm.has_xcrs && kvm_call(k->fd, KVM_GET_XCRS, &xcrs) >= 0 && xcrs.nr_xcrs) {
        out->xcr0 = xcrs.xcrs[0].value;
    }
    return true;
}

static bool put_fpu(KvmCpu *k, const CpuState *in, Error **errp)
{
    struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = in->xcr0 | 1 };
    g_autofree struct kvm_xsave *xsave = xsave_new();

    if (kvm.has_xcrs && !check(k, kvm_call(k->fd, KVM_SET_XCRS, &xcrs), "XCR0", errp)) {
        return false;
    }
    memcpy(xsave->region, in->xsave, sizeof(in->xsave));
    return check(k, kvm_call(k->fd, KVM_SET_XSAVE, xsave), "the FPU's image", errp);
}

static bool get_debug(KvmCpu *k, CpuState *out, Error **errp)
{
    struct kvm_debugregs d = {};

    if (!kvm.has_debugregs) {
        out->dr[6] = DR6_INIT;
        out->dr[7] = DR7_INIT;
        return true;
    }
    if (!check(k, kvm_call(k->fd, KVM_GET_DEBUGREGS, &d), "KVM_GET_DEBUGREGS", errp)) {
        return false;
    }
    memcpy(out->dr, d.db, sizeof(d.db));
    out->dr[6] = d.dr6;
    out->dr[7] = d.dr7;
    return true;
}

static bool put_debug(KvmCpu *k, const CpuState *in, Error **errp)
{
    struct kvm_debugregs d = { .dr6 = in->dr[6], .dr7 = in->dr[7] };

    memcpy(d.db, in->dr, sizeof(d.db));
    return !kvm.has_debugregs ||
           check(k, kvm_call(k->fd, KVM_SET_DEBUGREGS, &d), "the debug registers", errp);
}

static bool get_events(KvmCpu *k, CpuState *out, Error **errp)
{
    struct kvm_vcpu_events e = {};
    uint32_t pending = k->vcpu->pending;
    CpuException *ex = &out->exception;

    if (!check(k, kvm_call(k->fd, KVM_GET_VCPU_EVENTS, &e), "KVM_GET_VCPU_EVENTS", errp)) {
        return false;
    }
    *ex = (CpuException){
        .injected = e.exception.injected, .pending = kvm.has_payload && e.exception.pending,
        .vector = e.exception.nr, .has_error = e.exception.has_error_code,
        .error = e.exception.error_code,
        .has_payload = kvm.has_payload && e.exception_has_payload,
        .payload = e.exception_payload,
    };
    out->interrupt_injected = e.interrupt.injected;
    out->interrupt_soft = e.interrupt.soft;
    out->interrupt_vector = e.interrupt.nr;
    out->shadow_sti = e.interrupt.shadow & KVM_X86_SHADOW_INT_STI;
    out->shadow_mov_ss = e.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS;
    out->nmi_injected = e.nmi.injected;
    out->nmi_pending = e.nmi.pending || (pending & VCPU_NMI);
    out->nmi_masked = e.nmi.masked;
    out->smm = kvm.has_smm && e.smi.smm;
    out->smi_pending = (kvm.has_smm && e.smi.pending) || (pending & VCPU_SMI);
    out->nmi_masked_before_smm = e.smi.smm_inside_nmi;
    out->init_pending = e.smi.latched_init || (pending & VCPU_INIT);
    out->sipi_pending = pending & VCPU_SIPI;
    out->mce_pending = pending & VCPU_MCE;
    out->sipi_vector = kvm.irqchip == IRQCHIP_OFF ? k->vcpu->sipi_vector : e.sipi_vector;
    return true;
}

static bool put_events(KvmCpu *k, const CpuState *in, Error **errp)
{
    const uint32_t mask = VCPU_NMI | VCPU_SMI | VCPU_INIT | VCPU_SIPI | VCPU_MCE;
    const CpuException *ex = &in->exception;
    struct kvm_vcpu_events e = {
        .exception = { .injected = ex->injected, .nr = ex->vector,
                       .has_error_code = ex->has_error, .pending = ex->pending,
                       .error_code = ex->error },
        .interrupt = { .injected = in->interrupt_injected, .nr = in->interrupt_vector,
                       .soft = in->interrupt_soft,
                       .shadow = (in->shadow_sti ? KVM_X86_SHADOW_INT_STI : 0) |
                                 (in->shadow_mov_ss ? KVM_X86_SHADOW_INT_MOV_SS : 0) },
        .nmi = { .injected = in->nmi_injected, .pending = in->nmi_pending,
                 .masked = in->nmi_masked },
        .sipi_vector = in->sipi_vector,
        .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
    };

    if (kvm.has_payload) {
        e.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
        e.exception_has_payload = ex->has_payload;
        e.exception_payload = ex->payload;
    } else if (ex->pending) {
        e.exception.pending = 0;    /* as old kernels have it: one kind of exception */
        e.exception.injected = 1;
    }
    if (kvm.irqchip != IRQCHIP_OFF) {
        e.flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
    }
    if (kvm.has_smm) {
        e.flags |= KVM_VCPUEVENT_VALID_SMM;
        e.smi.smm = in->smm;
        e.smi.pending = in->smi_pending;
        e.smi.smm_inside_nmi = in->nmi_masked_before_smm;
        e.smi.latched_init = in->smm && in->init_pending;
    } else if (in->smm) {
        error_set(errp, "CPU %u: it is in system management mode, which this host's KVM lacks",
                  k->vcpu->index);
        return false;
    }
    atomic_fetch_and(&k->vcpu->pending, ~mask);
    atomic_fetch_or(&k->vcpu->pending, (in->init_pending && !e.smi.latched_init ? VCPU_INIT : 0) |
                    (in->sipi_pending ? VCPU_SIPI : 0) | (in->mce_pending ? VCPU_MCE : 0));
    k->vcpu->sipi_vector = in->sipi_vector;
    return check(k, kvm_call(k->fd, KVM_SET_VCPU_EVENTS, &e), "the events on their way", errp);
}

static const struct { uint32_t mp; CpuRunState run; } run_states[] = {
    { KVM_MP_STATE_RUNNABLE, CPU_RUNS }, { KVM_MP_STATE_HALTED, CPU_HALTED },
    { KVM_MP_STATE_INIT_RECEIVED, CPU_WAITS_FOR_SIPI },
    { KVM_MP_STATE_SIPI_RECEIVED, CPU_WAITS_FOR_SIPI },
    { KVM_MP_STATE_UNINITIALIZED, CPU_WAITS_FOR_INIT },
};

static void get_run_state(KvmCpu *k, CpuState *out)
{
    struct kvm_mp_state mp = {};

    out->run_state = k->wait_sipi ? CPU_WAITS_FOR_SIPI : k->halted ? CPU_HALTED : CPU_RUNS;
    if (kvm.irqchip == IRQCHIP_OFF || kvm_call(k->fd, KVM_GET_MP_STATE, &mp) < 0) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(run_states); i++) {
        if (run_states[i].mp == mp.mp_state) {
            out->run_state = run_states[i].run;
        }
    }
}

/* Who waits in user space: the thread in vcpu.c, by halted and wake_mask. */
static void set_user_halt(KvmCpu *k)
{
    Vcpu *cpu = k->vcpu;
    uint32_t always = VCPU_INIT | VCPU_MCE;

    cpu->wake_mask = k->wait_sipi ? always | VCPU_SIPI : UINT32_MAX;
    cpu->halted = k->wait_sipi || k->halted;
}

static bool put_run_state(KvmCpu *k, const CpuState *in, Error **errp)
{
    struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };

    k->shut_down = k->dead = false;
    if (kvm.irqchip == IRQCHIP_OFF) {
        k->wait_sipi = in->run_state == CPU_WAITS_FOR_SIPI ||
                       in->run_state == CPU_WAITS_FOR_INIT;
        k->halted = in->run_state == CPU_HALTED;
        set_user_halt(k);
        /* A halt is looked at anew by the run loop, which knows IF. */
        k->vcpu->halted = k->wait_sipi;
        return true;
    }
    k->vcpu->halted = false;
    for (unsigned i = 0; i < ARRAY_SIZE(run_states); i++) {
        if (run_states[i].run == in->run_state) {
            mp.mp_state = run_states[i].mp;
            break;
        }
    }
    return check(k, kvm_call(k->fd, KVM_SET_MP_STATE, &mp), "the run state", errp);
}

/* Outside of VMX operation, with nothing of SVM's either, there is nothing to move. */
static bool is_idle(const struct kvm_nested_state *s)
{
    if (s->flags & (KVM_STATE_NESTED_GUEST_MODE | KVM_STATE_NESTED_RUN_PENDING)) {
        return false;
    }
    return s->format == KVM_STATE_NESTED_FORMAT_VMX ? s->hdr.vmx.vmxon_pa == UINT64_MAX
                                                    : s->flags & KVM_STATE_NESTED_GIF_SET;
}

static bool get_nested(KvmCpu *k, CpuState *out, Error **errp)
{
    struct kvm_nested_state *s = (void *)out->nested;

    _Static_assert(offsetof(struct kvm_nested_state, data) == 128 &&
                   offsetof(CpuState, nested) % 8 == 0, "layout");
    if (!kvm.has_nested) {
        return true;
    }
    s->size = sizeof(out->nested);
    if (!check(k, kvm_call(k->fd, KVM_GET_NESTED_STATE, s), "KVM_GET_NESTED_STATE", errp)) {
        return false;
    }
    out->nested_bytes = is_idle(s) ? 0 : MIN(s->size, sizeof(out->nested));
    if (!out->nested_bytes) {
        memset(out->nested, 0, sizeof(out->nested));
    }
    return true;
}

static bool put_nested(KvmCpu *k, const CpuState *in, Error **errp)
{
    struct kvm_nested_state idle = { .size = sizeof(idle) };

    if (!kvm.has_nested) {
        if (in->nested_bytes) {
            error_set(errp, "CPU %u: a hypervisor runs in the guest, and this host's KVM, or -cpu "
                      "%s, has no room for one", k->vcpu->index, kvm.model.name);
        }
        return !in->nested_bytes;
    }
    if (in->nested_bytes) {
        const struct kvm_nested_state *s = (const void *)in->nested;

        if (in->nested_bytes > sizeof(in->nested) || s->size != in->nested_bytes) {
            error_set(errp, "CPU %u: its nested state is %u bytes long and says %u",
                      k->vcpu->index, in->nested_bytes, s->size);
            return false;
        }
        return check(k, kvm_call(k->fd, KVM_SET_NESTED_STATE, (void *)s), "the nested state", errp);
    }
    if (cpu_model_has(&kvm.model, CPUID_VMX)) {
        idle.format = KVM_STATE_NESTED_FORMAT_VMX;
        idle.hdr.vmx.vmxon_pa = idle.hdr.vmx.vmcs12_pa = UINT64_MAX;
    } else {
        idle.format = KVM_STATE_NESTED_FORMAT_SVM;
        idle.flags = KVM_STATE_NESTED_GIF_SET;
    }
    return check(k, kvm_call(k->fd, KVM_SET_NESTED_STATE, &idle), "the nested state", errp);
}

bool kvm_read_state(KvmCpu *k, CpuState *out, Error **errp)
{
    memset(out, 0, sizeof(*out));
    if (!get_regs(k, out, errp) || !get_sregs(k, out, errp) || !get_fpu(k, out, errp) ||
        !get_debug(k, out, errp) || !get_nested(k, out, errp) || !get_events(k, out, errp)) {
        return false;
    }
    get_run_state(k, out);
    kvm_get_msrs(k, out);
    return true;
}

static void put_user_apic(KvmCpu *k, const CpuState *in)
{
    if (kvm.irqchip == IRQCHIP_OFF && k->vcpu->irq) {
        if (k->vcpu->irq->set_base && vcpu_get_apic_base(k->vcpu) != in->apic_base) {
            vcpu_set_apic_base(k->vcpu, in->apic_base);
        }
        if (vcpu_get_tpr(k->vcpu) != (in->cr8 & 15)) {
            vcpu_set_tpr(k->vcpu, in->cr8);
        }
    }
}

bool kvm_put_state(KvmCpu *k, const CpuState *in, bool clocks, Error **errp)
{
    if (!put_sregs(k, in, errp) || !put_fpu(k, in, errp) || !put_regs(k, in, errp) ||
        !kvm_put_msrs(k, in, clocks, errp) || !put_nested(k, in, errp) ||
        !put_debug(k, in, errp) || !put_events(k, in, errp) || !put_run_state(k, in, errp)) {
        return false;
    }
    put_user_apic(k, in);
    /* What the last exit said of interrupts is of another state. */
    k->run->ready_for_interrupt_injection = 0;
    k->run->if_flag = in->rflags >> 9 & 1;
    k->run->cr8 = in->cr8;
    k->run->apic_base = in->apic_base;
    k->io_pending = false;
    return true;
}

/* SDM vol. 3, table 9-1: what RESET does, and INIT but for caches, FPU and MSRs. */
static void reset_state(KvmCpu *k, CpuState *s, bool init)
{
    uint64_t kept = init ? s->cr0 & 0x60000000 : 0x60000000;

    memset(s->gpr, 0, sizeof(s->gpr));
    s->gpr[CPU_RDX] = cpu_model_signature(&kvm.model);
    s->rip = 0xfff0;
    s->rflags = 2;
    for (int i = 0; i < CPU_NR_SEGS; i++) {
        s->seg[i] = (CpuSegment){ 0, 0xffff, 0, i == CPU_CS ? 0x9b : 0x93 };
    }
    s->seg[CPU_CS].sel = 0xf000;
    s->seg[CPU_CS].base = 0xffff0000;
    s->ldt = (CpuSegment){ 0, 0xffff, 0, 0x82 };
    s->tr = (CpuSegment){ 0, 0xffff, 0, 0x8b };
    s->gdt.base = s->idt.base = 0;
    s->gdt.limit = s->idt.limit = 0xffff;
    s->cr0 = (CR0_ET_CD_NW & 0x10) | kept;
    s->cr2 = s->cr3 = s->cr4 = s->cr8 = s->efer = 0;
    memset(s->dr, 0, sizeof(s->dr));
    s->dr[6] = DR6_INIT;
    s->dr[7] = DR7_INIT;
    s->exception = (CpuException){};
    s->interrupt_injected = s->shadow_sti = s->shadow_mov_ss = false;
    s->nmi_masked = s->nmi_injected = s->nmi_pending = false;
    s->nested_bytes = 0;
    s->smm = s->smi_pending = s->init_pending = s->sipi_pending = s->mce_pending = false;
    s->run_state = k->vcpu->index == 0 ? CPU_RUNS
                                       : init ? CPU_WAITS_FOR_SIPI : CPU_WAITS_FOR_INIT;
    if (!init) {
        s->xcr0 = 1;
        memset(s->xsave, 0, sizeof(s->xsave));
        st16_le(s->xsave + CPU_XSAVE_FCW, 0x40);
        s->xsave[CPU_XSAVE_FTW] = 0xff;
        st32_le(s->xsave + CPU_XSAVE_MXCSR, 0x1f80);
        s->xsave[CPU_XSAVE_HEADER] = 1;
        s->apic_base = 0xfee00800 | (k->vcpu->index == 0 ? 0x100 : 0);
    }
}

void kvm_reset_cpu(KvmCpu *k, bool init)
{
    CpuState *s = g_new(CpuState, 1);
    Error *err = NULL;

    *s = *k->power_on;
    if (init && !kvm_read_state(k, s, &err)) {
        error_report(err);
        err = NULL;
    }
    reset_state(k, s, init);
    if (!kvm_put_state(k, s, !init, &err)) {
        error_report(err);
    }
    if (kvm.irqchip != IRQCHIP_OFF) {
        kvm_call(k->fd, KVM_SET_LAPIC, k->power_on_lapic);
    }
    g_free(s);
}

void kvm_take_sipi(KvmCpu *k)
{
    CpuState *s = g_new(CpuState, 1);
    Error *err = NULL;

    if (!kvm_read_state(k, s, &err)) {
        error_report(err);
        g_free(s);
        return;
    }
    s->seg[CPU_CS].sel = k->vcpu->sipi_vector << 8;
    s->seg[CPU_CS].base = (uint64_t)k->vcpu->sipi_vector << 12;
    s->rip = 0;
    s->sipi_pending = false;
    s->run_state = CPU_RUNS;
    if (!kvm_put_state(k, s, false, &err)) {
        error_report(err);
    }
    g_free(s);
}

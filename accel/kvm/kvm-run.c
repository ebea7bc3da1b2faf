/* Running a vCPU under KVM: what goes in with it, what it comes out for */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "accel/run.h"
#include "memory/vm-lock.h"
#include "util/log.h"
#include "util/trace.h"

/* KVM_RUN may say EAGAIN for a CPU that waits for its start; not forever. */
#define MAX_RUN_TRIES 1000

/* The platform's side of an exit runs under the VM lock. */
static void locked(KvmCpu *k, void (*fn)(KvmCpu *k))
{
    vm_lock();
    fn(k);
    vm_unlock();
}

static void tell_state(KvmCpu *k)
{
    g_autoptr(GString) text = g_string_new(NULL);
    CpuState *s = g_new(CpuState, 1);
    Error *err = NULL;

    if (kvm_read_state(k, s, &err)) {
        cpu_state_print(s, false, text);
        log_printf("%s", text->str);
    } else {
        error_report(err);
    }
    g_free(s);
}

/* The VM stops, and stays as it is for whoever wants to look. */
static void give_up(KvmCpu *k, const char *fmt, ...)
{
    g_autofree char *why = NULL;
    va_list ap;

    va_start(ap, fmt);
    why = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    report_error("CPU %u: %s", k->vcpu->index, why);
    locked(k, tell_state);
    k->dead = true;
    run_request(RUN_REQUEST_INTERNAL_ERROR, SHUTDOWN_CAUSE_HOST_ERROR);
}

static void exit_io(KvmCpu *k)
{
    struct kvm_run *run = k->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned size = run->io.size;

    if (size != 1 && size != 2 && size != 4) {
        give_up(k, "KVM asks for a port access of %u bytes", size);
        return;
    }
    if (run->io.data_offset > kvm.run_bytes ||
        (uint64_t)size * run->io.count > kvm.run_bytes - run->io.data_offset) {
        give_up(k, "KVM asks for %u port accesses at once", run->io.count);
        return;
    }
    k->io_pending = true;
    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        if (run->io.direction == KVM_EXIT_IO_OUT) {
            mem_write(io_space(), run->io.port, data, size);
        } else {
            mem_read(io_space(), run->io.port, data, size);
        }
    }
}

static void exit_mmio(KvmCpu *k)
{
    struct kvm_run *run = k->run;
    AddressSpace *as = run->flags & KVM_RUN_X86_SMM ? smm_space() : memory_space();
    unsigned len = MIN(run->mmio.len, sizeof(run->mmio.data));

    k->io_pending = true;
    if (run->mmio.is_write) {
        mem_write(as, run->mmio.phys_addr, run->mmio.data, len);
    } else {
        mem_read(as, run->mmio.phys_addr, run->mmio.data, len);
    }
}

static void exit_internal_error(KvmCpu *k)
{
    struct kvm_run *run = k->run;
    g_autoptr(GString) more = g_string_new(NULL);

    switch (run->internal.suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
        g_string_append(more, " (an instruction that its interpreter does not know");
        if (run->internal.ndata >= 3 && (run->emulation_failure.flags &
                                         KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) {
            g_string_append(more, ":");
            for (int i = 0; i < MIN(run->emulation_failure.insn_size, 15); i++) {
                g_string_append_printf(more, " %02x", run->emulation_failure.insn_bytes[i]);
            }
        }
        g_string_append(more, ")");
        break;
    case KVM_INTERNAL_ERROR_SIMUL_EX:
        g_string_append(more, " (two exceptions at once)");
        break;
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
        g_string_append(more, " (an exit while an event was delivered)");
        break;
    default:
        for (unsigned i = 0; i < MIN(run->internal.ndata, 16u); i++) {
            g_string_append_printf(more, " 0x%" PRIx64, (uint64_t)run->internal.data[i]);
        }
        break;
    }
    give_up(k, "KVM internal error. Suberror: %u%s", run->internal.suberror, more->str);
}

static void exit_system_event(KvmCpu *k)
{
    switch (k->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        run_request(RUN_REQUEST_SHUTDOWN, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
        break;
    case KVM_SYSTEM_EVENT_CRASH:
        run_request(RUN_REQUEST_PANIC, SHUTDOWN_CAUSE_GUEST_PANIC);
        break;
    default:
        give_up(k, "KVM reports a system event of unknown type %u", k->run->system_event.type);
        break;
    }
}

/* The kernel does Hyper-V's timers and calls; what comes out is for a VMBus, which there is not. */
static void exit_hyperv(KvmCpu *k)
{
    enum { HV_STATUS_INVALID_HYPERCALL_CODE = 2 };

    if (k->run->hyperv.type == KVM_EXIT_HYPERV_HCALL) {
        k->run->hyperv.u.hcall.result = HV_STATUS_INVALID_HYPERCALL_CODE;
    }
    k->io_pending = true;
}

static void exit_shutdown(KvmCpu *k)
{
    TRACE(kvm_triple_fault, "cpu %u", k->vcpu->index);
    if (log_on(LOG_INT | LOG_CPU_RESET)) {
        log_printf("Triple fault\n");
        locked(k, tell_state);
    }
    /* Only a reset gets it going again, and the chipset gives one. */
    k->shut_down = true;
    run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
}

static void flush_coalesced(KvmCpu *k)
{
    kvm_flush_coalesced();
}

static void harvest(KvmCpu *k)
{
    kvm_ring_harvest();
}

static void end_of_interrupt(KvmCpu *k)
{
    irqchip_eoi(k->run->eoi.vector);
}

static void handle_exit(KvmCpu *k)
{
    struct kvm_run *run = k->run;

    if (kvm.coalesced_page &&
        (run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO)) {
        locked(k, flush_coalesced);
    }
    TRACE(kvm_exit, "cpu %u reason %u", k->vcpu->index, run->exit_reason);
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        exit_io(k);
        break;
    case KVM_EXIT_MMIO:
        exit_mmio(k);
        break;
    case KVM_EXIT_HLT:
        k->halted = true;
        break;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_INTR:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_TPR_ACCESS:
    case KVM_EXIT_X86_BUS_LOCK:
    case KVM_EXIT_NOTIFY:
        break;
    case KVM_EXIT_SHUTDOWN:
        exit_shutdown(k);
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        exit_system_event(k);
        break;
    case KVM_EXIT_DIRTY_RING_FULL:
        locked(k, harvest);
        break;
    case KVM_EXIT_HYPERV:
        exit_hyperv(k);
        break;
    case KVM_EXIT_DEBUG:
        kvm_debug_exit(k);
        break;
    case KVM_EXIT_IOAPIC_EOI:
        locked(k, end_of_interrupt);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        exit_internal_error(k);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        give_up(k, "KVM: entry failed, hardware error 0x%" PRIx64,
                (uint64_t)run->fail_entry.hardware_entry_failure_reason);
        break;
    default:
        give_up(k, "KVM: unknown exit, hardware reason 0x%" PRIx64,
                (uint64_t)run->hw.hardware_exit_reason);
        break;
    }
}

/* One KVM_RUN: true when there is an exit to handle. */
static bool run_once(KvmCpu *k)
{
    int rc;

    kvm_enter(k);
    rc = kvm_api->ioctl(k->fd, KVM_RUN, 0);
    kvm_leave(k);
    if (rc >= 0) {
        k->io_pending = false;
        return true;
    }
    if (rc == -EINTR) {
        k->io_pending = false;
        return false;
    }
    if (rc == -EAGAIN) {        /* it has not been started: the next INIT or SIPI is a kick */
        g_usleep(100);
        return false;
    }
    give_up(k, "KVM cannot run it: %s", g_strerror(-rc));
    return false;
}

void kvm_complete_io(KvmCpu *k)
{
    unsigned tries = 0;

    /* A repeated string instruction may have another access behind each. */
    while (k->io_pending && !k->dead && ++tries < MAX_RUN_TRIES) {
        __atomic_store_n(&k->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (run_once(k)) {
            handle_exit(k);
        }
    }
}

/* INIT and SIPI, NMI, SMI and interrupts, where user space has the local APIC or gives them. */

static void take_init(KvmCpu *k)
{
    uint32_t sipi = k->vcpu->pending & VCPU_SIPI;

    kvm_reset_cpu(k, true);
    vcpu_reset_apic(k->vcpu, true);
    if (sipi) {
        vcpu_raise(k->vcpu, sipi);      /* it came behind the INIT, so the reset does not end it */
    }
}

static void take_init_sipi(KvmCpu *k)
{
    Vcpu *cpu = k->vcpu;

    if (kvm.irqchip != IRQCHIP_OFF) {
        return;
    }
    if (cpu->pending & VCPU_INIT) {
        vcpu_lower(cpu, VCPU_INIT);
        locked(k, take_init);
    }
    if (cpu->pending & VCPU_SIPI) {
        vcpu_lower(cpu, VCPU_SIPI);
        if (k->wait_sipi) {
            locked(k, kvm_take_sipi);
        }
    }
}

static void inject_interrupt(KvmCpu *k)
{
    Vcpu *cpu = k->vcpu;
    struct kvm_run *run = k->run;

    run->request_interrupt_window = 0;
    if (!(cpu->pending & VCPU_INTR)) {
        return;
    }
    if (run->ready_for_interrupt_injection && run->if_flag) {
        struct kvm_interrupt irq = {};
        int vector = vcpu_ack_irq(cpu);

        if (vector >= 0) {
            irq.irq = vector;
            kvm_call(k->fd, KVM_INTERRUPT, &irq);
            k->halted = false;
            run->ready_for_interrupt_injection = 0;
        }
    }
    run->request_interrupt_window = (cpu->pending & VCPU_INTR) != 0;
}

static void inject(KvmCpu *k)
{
    Vcpu *cpu = k->vcpu;

    if (cpu->pending & VCPU_NMI) {
        vcpu_lower(cpu, VCPU_NMI);
        kvm_call_value(k->fd, KVM_NMI, 0);
        k->halted = false;
    }
    if (cpu->pending & VCPU_SMI) {
        vcpu_lower(cpu, VCPU_SMI);
        if (kvm.has_smm) {
            kvm_call_value(k->fd, KVM_SMI, 0);
            k->halted = false;
        } else {
            guest_error("CPU %u: an SMI is lost: this host's KVM has no system management mode",
                        cpu->index);
        }
    }
    if (cpu->pending & VCPU_MCE) {
        vcpu_lower(cpu, VCPU_MCE);
        exit_shutdown(k);       /* nobody gave it a bank's contents */
    }
    if (kvm.irqchip != IRQCHIP_ON) {
        inject_interrupt(k);
    }
}

/* In HLT, with the local APIC in user space: sleep in vcpu.c, or go on. True: sleep. */
static bool stay_halted(KvmCpu *k)
{
    Vcpu *cpu = k->vcpu;
    uint32_t wake = VCPU_INIT | VCPU_MCE | VCPU_NMI | VCPU_SMI | (k->run->if_flag ? VCPU_INTR : 0);

    if (k->shut_down || k->dead) {
        wake = 0;
    } else if (k->wait_sipi) {
        wake = VCPU_INIT | VCPU_SIPI;
    } else if (!k->halted) {
        return false;
    }
    cpu->wake_mask = wake;
    cpu->halted = true;
    if (cpu->pending & wake) {
        cpu->halted = false;
        return false;
    }
    return true;
}

/* CR8 and the APIC's base as the guest changed them without an exit. */
static void follow_apic(KvmCpu *k)
{
    if (kvm.irqchip == IRQCHIP_OFF && k->vcpu->irq) {
        if ((k->run->cr8 & 15) != k->cr8_in) {
            vcpu_set_tpr(k->vcpu, k->run->cr8);
        }
        if (k->run->apic_base != k->apic_base_in && k->vcpu->irq->set_base) {
            vcpu_set_apic_base(k->vcpu, k->run->apic_base);
        }
    }
}

static void tell_apic(KvmCpu *k)
{
    if (kvm.irqchip == IRQCHIP_OFF && k->vcpu->irq) {
        k->cr8_in = vcpu_get_tpr(k->vcpu);
        k->apic_base_in = vcpu_get_apic_base(k->vcpu);
        k->run->cr8 = k->cr8_in;
        k->run->apic_base = k->apic_base_in;
    }
}

void kvm_vcpu_run(Vcpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);

    if (!k->thread_ready) {
        kvm_api_thread_init();
        k->thread_ready = true;
    }
    if (k->at_break) {
        kvm_debug_resume(k);
    }
    cpu->halted = false;
    for (;;) {
        /* Before looking at what is pending: a kick from now on ends KVM_RUN at once. */
        __atomic_store_n(&k->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        if (vcpu_must_return(cpu) && !k->io_pending) {
            return;
        }
        if (vcpu_must_return(cpu)) {
            kvm_complete_io(k);
            return;
        }
        take_init_sipi(k);
        if (stay_halted(k)) {
            return;
        }
        inject(k);
        if (k->halted && !k->run->request_interrupt_window) {
            continue;           /* what woke it was gone when it was asked for */
        }
        k->halted = false;
        tell_apic(k);
        if (run_once(k)) {
            follow_apic(k);
            handle_exit(k);
        } else {
            follow_apic(k);
        }
    }
}

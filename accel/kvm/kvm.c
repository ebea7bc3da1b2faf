/* The KVM accelerator: -accel kvm: open, capabilities, vCPUs, pausing them all for a moment */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "memory/vm-lock.h"
#include "qom/prop.h"
#include "util/log.h"
#include "util/trace.h"

#include <sys/mman.h>

/* Below the BIOS, where a PC has nothing: a page and three that KVM on VMX wants for itself. */
#define IDENTITY_MAP_ADDR 0xfeffc000ULL
#define TSS_ADDR          0xfeffd000ULL

typedef struct KvmAccel {
    Accel accel;
    int irqchip;
    uint32_t dirty_ring_size;
    uint64_t shadow_mem;
} KvmAccel;

Kvm kvm = { .fd = -1, .vm = -1, .stats_fd = -1 };

/* kvm_hold_all() */
static GMutex hold_lock;
static GCond hold_changed;
static unsigned holders, inside;

static bool cannot_open(int err, Error **errp)
{
    error_set(errp, "Could not access KVM kernel module: %s", g_strerror(err));
    switch (err) {
    case ENOENT:
        error_hint(errp, "There is no /dev/kvm: load the module kvm_intel or kvm_amd, or switch "
                   "virtualization on in the firmware; -accel soft works without");
        break;
    case EACCES:
    case EPERM:
        error_hint(errp, "/dev/kvm is not yours to open: join its group (often 'kvm'); "
                   "-accel soft works without");
        break;
    default:
        error_hint(errp, "-accel soft works without /dev/kvm");
        break;
    }
    return false;
}

static bool need(unsigned cap, const char *what, Error **errp)
{
    if (kvm_check(kvm.vm, cap) > 0) {
        return true;
    }
    error_set(errp, "this host's KVM lacks %s, which Mica needs", what);
    error_hint(errp, "A newer kernel has it; -accel soft works without KVM");
    return false;
}

static bool check_capabilities(Error **errp)
{
    if (!need(KVM_CAP_USER_MEMORY, "memory slots (KVM_CAP_USER_MEMORY)", errp) ||
        !need(KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", errp) ||
        !need(KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS", errp) ||
        !need(KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID", errp) ||
        !need(KVM_CAP_XSAVE, "KVM_CAP_XSAVE", errp) ||
        !need(KVM_CAP_READONLY_MEM, "read-only memory (KVM_CAP_READONLY_MEM)", errp)) {
        return false;
    }
    kvm.stats_fd = kvm_open_stats(kvm.vm);
    kvm.max_slots = kvm_check(kvm.vm, KVM_CAP_NR_MEMSLOTS);
    kvm.max_slots = kvm.max_slots ? MIN(kvm.max_slots, 65536u) : 32;
    kvm.xsave_bytes = kvm_check(kvm.vm, KVM_CAP_XSAVE2);
    kvm.xsave_bytes = kvm.xsave_bytes > sizeof(struct kvm_xsave) ? kvm.xsave_bytes : 0;
    kvm.has_debugregs = kvm_check(kvm.vm, KVM_CAP_DEBUGREGS);
    kvm.has_xcrs = kvm_check(kvm.vm, KVM_CAP_XCRS);
    kvm.has_mce = kvm_check(kvm.vm, KVM_CAP_MCE);
    kvm.has_smm = kvm_check(kvm.vm, KVM_CAP_X86_SMM) &&
                  kvm_check(kvm.vm, KVM_CAP_MULTI_ADDRESS_SPACE) >= 2;
    kvm.has_adjust_clock = kvm_check(kvm.vm, KVM_CAP_ADJUST_CLOCK);
    kvm.has_signal_msi = kvm_check(kvm.vm, KVM_CAP_SIGNAL_MSI);
    kvm.has_blockirq = kvm_check(kvm.vm, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ;
    kvm.coalesced_page = kvm_check(kvm.vm, KVM_CAP_COALESCED_MMIO);
    kvm.coalesced_pio = kvm_check(kvm.vm, KVM_CAP_COALESCED_PIO);
    kvm.has_payload = kvm_check(kvm.vm, KVM_CAP_EXCEPTION_PAYLOAD) &&
                      kvm_enable(kvm.vm, KVM_CAP_EXCEPTION_PAYLOAD, 1, 0) >= 0;
    kvm.has_triple_fault = kvm_check(kvm.vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT) &&
                           kvm_enable(kvm.vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1, 0) >= 0;
    return true;
}

/* VMX without unrestricted guests runs real mode with a page table and a TSS of KVM's own. */
static bool reserve_addresses(Error **errp)
{
    uint64_t identity = IDENTITY_MAP_ADDR;

    if ((kvm_check(kvm.vm, KVM_CAP_SET_IDENTITY_MAP_ADDR) &&
         kvm_call(kvm.vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0) ||
        (kvm_check(kvm.vm, KVM_CAP_SET_TSS_ADDR) &&
         kvm_call_value(kvm.vm, KVM_SET_TSS_ADDR, TSS_ADDR) < 0)) {
        error_set(errp, "KVM refuses the addresses of its own tables");
        return false;
    }
    return true;
}

static bool start_dirty_ring(uint32_t entries, Error **errp)
{
    unsigned cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, max = kvm_check(kvm.vm, cap);
    uint64_t bytes = (uint64_t)entries * sizeof(struct kvm_dirty_gfn);
    int rc;

    if (!entries) {
        return true;
    }
    if (!max) {
        cap = KVM_CAP_DIRTY_LOG_RING;
        max = kvm_check(kvm.vm, cap);
    }
    if (!max) {
        error_set(errp, "dirty-ring-size=%u: this host's KVM has no dirty ring", entries);
        error_hint(errp, "Without the option dirty pages are logged in bitmaps");
        return false;
    }
    if ((entries & (entries - 1)) || entries < 1024 || bytes > max) {
        error_set(errp, "dirty-ring-size=%u: it must be a power of two from 1024 to %zu", entries,
                  max / sizeof(struct kvm_dirty_gfn));
        return false;
    }
    rc = kvm_enable(kvm.vm, cap, bytes, 0);
    if (rc < 0) {
        error_set(errp, "dirty-ring-size=%u: KVM refuses it: %s", entries, g_strerror(-rc));
        return false;
    }
    kvm.ring_entries = entries;
    return true;
}

static bool set_shadow_mem(uint64_t bytes, Error **errp)
{
    uint64_t pages = bytes / getpagesize();
    int rc;

    if (!bytes) {
        return true;
    }
    rc = kvm_check(kvm.vm, KVM_CAP_MMU_SHADOW_CACHE_CONTROL) > 0
             ? kvm_call_value(kvm.vm, KVM_SET_NR_MMU_PAGES, pages) : -ENOTSUP;
    if (rc < 0) {
        error_set(errp, "kvm-shadow-mem=%" PRIu64 ": KVM refuses it: %s", bytes, g_strerror(-rc));
    }
    return rc >= 0;
}

static void close_all(void)
{
    if (kvm.stats_fd >= 0) {
        kvm_api->close(kvm.stats_fd);
    }
    if (kvm.vm >= 0) {
        kvm_api->close(kvm.vm);
    }
    if (kvm.fd >= 0) {
        kvm_api->close(kvm.fd);
    }
    g_clear_pointer(&kvm.supported, g_free);
    g_clear_pointer(&kvm.msrs, g_free);
    kvm = (Kvm){ .fd = -1, .vm = -1, .stats_fd = -1 };
}

static bool open_vm(Error **errp)
{
    int rc = kvm_api->open("/dev/kvm");

    if (rc < 0) {
        return cannot_open(-rc, errp);
    }
    kvm.fd = rc;
    rc = kvm_call_value(kvm.fd, KVM_GET_API_VERSION, 0);
    if (rc != KVM_API_VERSION) {
        error_set(errp, "/dev/kvm speaks version %d of its interface, not %d", rc,
                  KVM_API_VERSION);
        return false;
    }
    rc = kvm_call_value(kvm.fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (rc < (int)sizeof(struct kvm_run)) {
        error_set(errp, "KVM gives no page to run a vCPU with");
        return false;
    }
    kvm.run_bytes = rc;
    rc = kvm_call_value(kvm.fd, KVM_CREATE_VM, 0);
    if (rc < 0) {
        error_set(errp, "KVM cannot create a VM: %s", g_strerror(-rc));
        if (rc == -EBUSY) {
            error_hint(errp, "Another hypervisor has the CPU's virtualization to itself");
        }
        return false;
    }
    kvm.vm = rc;
    return true;
}

/* What the user shall know: it works, but not as fast as they think. */
static void look_at_speed(void)
{
    unsigned ns;

    if (kvm_host_has_virtualization()) {
        if (log_on(LOG_ACCEL)) {
            log_printf("accel: kvm: the CPU has VMX or SVM\n");
        }
        return;
    }
    ns = kvm_measure_ns(kvm.fd);
    kvm.emulates_kernel = !ns || ns > KVM_NATIVE_NS;
    if (log_on(LOG_ACCEL)) {
        log_printf("accel: kvm: no VMX or SVM; %u ns for an instruction of kernel-mode code\n", ns);
    }
    if (!ns) {
        report_warning("KVM on this host may not run the guest's kernel-mode code: a test of it "
                       "failed");
    } else if (kvm.emulates_kernel) {
        report_warning("KVM on this host interprets the guest's kernel-mode code (%u ns an "
                       "instruction): -accel soft is faster", ns);
    }
}

static bool kvm_start(Accel *accel, const AccelConfig *config, Error **errp)
{
    KvmAccel *a = OBJECT_OF(accel, KvmAccel);
    CpuModelHost host = {};
    unsigned max;

    if (!open_vm(errp) || !check_capabilities(errp) || !reserve_addresses(errp)) {
        close_all();
        return false;
    }
    max = kvm_check(kvm.vm, KVM_CAP_MAX_VCPUS);
    if (max && config->max_cpus > max) {
        error_set(errp, "Number of SMP cpus requested (%u) exceeds the maximum cpus supported by "
                  "KVM (%u)", config->max_cpus, max);
        close_all();
        return false;
    }
    kvm.irqchip = a->irqchip;
    kvm.topology = (CpuTopology){ MAX(config->cores * MAX(config->dies, 1u), 1),
                                  MAX(config->threads, 1) };
    kvm.supported = kvm_read_cpuid(KVM_GET_SUPPORTED_CPUID, kvm.fd);
    if (!kvm.supported) {
        error_set(errp, "KVM does not tell which CPU it has");
        close_all();
        return false;
    }
    kvm_best_model(&host);
    if (!accel_parse_cpu_model(config, &host, &kvm.model, errp) || !kvm_check_hyperv(errp) ||
        !kvm_irqchip_start(errp) ||
        !set_shadow_mem(a->shadow_mem, errp) ||
        !start_dirty_ring(a->dirty_ring_size, errp) || !kvm_msrs_init(errp)) {
        close_all();
        return false;
    }
    kvm.has_nested = kvm_check(kvm.vm, KVM_CAP_NESTED_STATE) &&
                     (cpu_model_has(&kvm.model, CPUID_VMX) || cpu_model_has(&kvm.model, CPUID_SVM));
    look_at_speed();
    kvm_slots_start();
    return true;
}

/* vCPUs */

/* The kernel never lets go of a vCPU: those unplugged wait until their place is taken again. */
static GPtrArray *parked;

static void free_cpu(KvmCpu *k)
{
    if (k->ring) {
        kvm_api->unmap(k->ring, kvm.ring_entries * sizeof(struct kvm_dirty_gfn));
    }
    if (k->run) {
        kvm_api->unmap(k->run, kvm.run_bytes);
    }
    if (k->stats_fd >= 0) {
        kvm_api->close(k->stats_fd);
    }
    if (k->fd >= 0) {
        kvm_api->close(k->fd);
    }
    g_free(k->power_on);
    g_free(k);
}

static bool map_cpu(KvmCpu *k, Error **errp)
{
    k->run = kvm_api->map(k->fd, kvm.run_bytes, 0);
    if (k->run && kvm.ring_entries) {
        k->ring = kvm_api->map(k->fd, kvm.ring_entries * sizeof(struct kvm_dirty_gfn),
                               KVM_DIRTY_LOG_PAGE_OFFSET * (off_t)getpagesize());
    }
    if (!k->run || (kvm.ring_entries && !k->ring)) {
        error_set(errp, "CPU %u: KVM's shared pages cannot be mapped", k->vcpu->index);
        return false;
    }
    return true;
}

static KvmCpu *unpark(uint32_t apic_id)
{
    for (unsigned i = 0; parked && i < parked->len; i++) {
        KvmCpu *k = parked->pdata[i];

        if (k->apic_id == apic_id) {
            g_ptr_array_remove_index_fast(parked, i);
            return k;
        }
    }
    return NULL;
}

static bool kvm_vcpu_init(Vcpu *cpu, Error **errp)
{
    KvmCpu *k = unpark(cpu->apic_id);

    if (k) {
        k->vcpu = cpu;
        k->thread_ready = false;
        cpu->accel_cpu = k;
        return kvm_debug_cpu_added(k, errp);
    }
    k = g_new0(KvmCpu, 1);
    k->apic_id = cpu->apic_id;
    k->vcpu = cpu;
    k->stats_fd = -1;
    k->fd = kvm_call_value(kvm.vm, KVM_CREATE_VCPU, cpu->apic_id);
    if (k->fd < 0) {
        error_set(errp, "CPU %u: KVM cannot create it: %s", cpu->index, g_strerror(-k->fd));
        free_cpu(k);
        return false;
    }
    k->power_on = g_new0(CpuState, 1);
    if (!map_cpu(k, errp) || !kvm_set_cpuid(k, errp) || !kvm_read_state(k, k->power_on, errp) ||
        (kvm.irqchip != IRQCHIP_OFF && kvm_call(k->fd, KVM_GET_LAPIC, k->power_on_lapic) < 0)) {
        if (errp && !*errp) {
            error_set(errp, "CPU %u: KVM does not tell its local APIC's state", cpu->index);
        }
        free_cpu(k);
        return false;
    }
    k->stats_fd = kvm_open_stats(k->fd);
    cpu->accel_cpu = k;
    return !vcpu_count() || kvm_debug_cpu_added(k, errp);
}

/* One that others may send to as it was at the start: asleep. With the last one the VM is over. */
static void kvm_vcpu_destroy(Vcpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);

    cpu->accel_cpu = NULL;
    if (!parked) {
        parked = g_ptr_array_new();
    }
    g_ptr_array_add(parked, k);
    if (vcpu_count()) {
        kvm_ring_harvest_cpu(k);
        k->step_flags = 0;
        k->at_break = k->step_over = false;
        kvm_reset_cpu(k, false);
        k->vcpu = NULL;
        return;
    }
    while (parked->len) {
        free_cpu(g_ptr_array_remove_index_fast(parked, parked->len - 1));
    }
    g_clear_pointer(&parked, g_ptr_array_unref);
}

static void kvm_vcpu_reset(Vcpu *cpu)
{
    kvm_reset_cpu(kvm_cpu(cpu), false);
}

static void kvm_vcpu_kick(Vcpu *cpu)
{
    KvmCpu *k = cpu->accel_cpu;

    if (k) {
        __atomic_store_n(&k->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (cpu != vcpu_current() && cpu->tid) {
            kvm_api->kick(cpu->tid);
        }
    }
}

void kvm_enter(KvmCpu *k)
{
    g_mutex_lock(&hold_lock);
    while (holders) {
        g_cond_wait(&hold_changed, &hold_lock);
    }
    inside++;
    g_mutex_unlock(&hold_lock);
}

void kvm_leave(KvmCpu *k)
{
    g_mutex_lock(&hold_lock);
    inside--;
    if (holders) {
        g_cond_broadcast(&hold_changed);
    }
    g_mutex_unlock(&hold_lock);
}

void kvm_hold_all(void)
{
    g_mutex_lock(&hold_lock);
    holders++;
    g_mutex_unlock(&hold_lock);
    for (unsigned i = 0; i < vcpu_count(); i++) {
        kvm_vcpu_kick(vcpu_get(i));
    }
    g_mutex_lock(&hold_lock);
    while (inside) {
        g_cond_wait(&hold_changed, &hold_lock);
    }
    g_mutex_unlock(&hold_lock);
}

void kvm_resume_all(void)
{
    g_mutex_lock(&hold_lock);
    holders--;
    g_cond_broadcast(&hold_changed);
    g_mutex_unlock(&hold_lock);
}

static void kvm_get_cpu_state(Vcpu *cpu, CpuState *out)
{
    Error *err = NULL;

    if (!kvm_read_state(kvm_cpu(cpu), out, &err)) {
        error_report(err);
    }
}

static bool kvm_put_cpu_state(Vcpu *cpu, const CpuState *in, bool clocks, Error **errp)
{
    return kvm_put_state(kvm_cpu(cpu), in, clocks, errp);
}

static bool kvm_has_smm(void)
{
    return kvm.has_smm;
}

static uint64_t kvm_tsc_hz(Vcpu *cpu)
{
    int khz = kvm_call_value(kvm_cpu(cpu)->fd, KVM_GET_TSC_KHZ, 0);

    return khz > 0 ? khz * 1000ULL : 0;
}

static uint64_t kvm_tsc_read(Vcpu *cpu)
{
    uint64_t tsc;

    return kvm_get_msr(kvm_cpu(cpu), 0x10, &tsc) ? tsc : 0;
}

static void kvm_vm_running(bool running)
{
    if (running) {
        kvm_clock_start();
    } else {
        kvm_clock_stop();
    }
}

static const char *const irqchip_names[] = { "off", "split", "on", NULL };

static const Prop kvm_props[] = {
    PROP_ENUM_AS("kernel-irqchip", KvmAccel, irqchip, IRQCHIP_ON, irqchip_names,
                 "interrupt controllers in the kernel: all (on), local APICs (split), none (off)"),
    PROP_U32_AS("dirty-ring-size", KvmAccel, dirty_ring_size, 0,
                "entries of a vCPU's ring of dirty pages; 0: bitmaps"),
    PROP_SIZE_AS("kvm-shadow-mem", KvmAccel, shadow_mem, 0,
                 "the kernel's page tables for the guest take so much memory; 0: as KVM sees fit"),
    { }
};

static const AccelType kvm_accel = {
    .name = "kvm", .desc = "the host's CPU by the kernel's KVM",
    .size = sizeof(KvmAccel), .props = kvm_props,
    .start = kvm_start, .vcpu_init = kvm_vcpu_init, .vcpu_destroy = kvm_vcpu_destroy,
    .vcpu_reset = kvm_vcpu_reset, .vcpu_run = kvm_vcpu_run, .vcpu_kick = kvm_vcpu_kick,
    .vm_running = kvm_vm_running, .tsc_read = kvm_tsc_read, .tsc_hz = kvm_tsc_hz,
    .get_state = kvm_get_cpu_state, .put_state = kvm_put_cpu_state,
    .irqchip = kvm_irqchip_ops, .has_smm = kvm_has_smm, .is_quick = kvm_is_quick,
    .cpuid = kvm_guest_cpuid, .debug_point = kvm_debug_point, .debug_step = kvm_debug_step,
    .debug_translate = kvm_debug_translate, .read_stats = kvm_read_stats,
};
REGISTER_ACCEL(kvm_accel)

/* kvm: the accelerator on a fake kernel: what it refuses, breaks off, runs out of, reports */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "accel/run.h"
#include "memory/vm-lock.h"
#include "qom/prop.h"
#include "util/clock.h"
#include "util/error.h"

#include <sys/mman.h>

enum { FD_KVM = 1000, FD_VM, FD_CPU };
enum { PORT = 0x70, COALESCED_PAGE = 2, RUN_PAGES = 3 };
#define MSR_STAR 0xc0000081u
#define MSR_BAD  0xc0000103u
#define PAGE     4096

typedef int StepFn(struct kvm_run *run);    /* what one KVM_RUN does */

/* The fake kernel's settings and memory. */
static struct {
    int open_error, api_version, vm_error, vm_eintr, missing_cap, slots, nr_slots, max_vcpus;
    uint64_t msr_star, msr_bad;
    struct kvm_vcpu_events events;
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    int interrupts, last_vector, nmis;
    uint64_t dirty_bitmap;
    struct kvm_userspace_memory_region slot[8], smm_slot[8];
    int vcpus, xsave2;          /* bytes of an image */
    union {
        struct kvm_nested_state state;
        uint8_t bytes[CPU_STATE_NESTED_BYTES];
    } nested;
    void *run_page;
} fake;

static GMutex lock;
static GCond changed;
static StepFn *const *steps;
static bool kicked, done;
static Vcpu *cpu;
static MemRegion ram, io, late;
static uint32_t io_written, io_count, late_value;

static int check_extension(uintptr_t cap)
{
    if ((int)cap == fake.missing_cap) {
        return 0;
    }
    switch (cap) {
    case KVM_CAP_NR_MEMSLOTS:
        return fake.slots;
    case KVM_CAP_XSAVE2:
        return fake.xsave2;
    case KVM_CAP_MAX_VCPUS:
        return fake.max_vcpus;
    case KVM_CAP_COALESCED_MMIO:
        return COALESCED_PAGE;
    case KVM_CAP_MULTI_ADDRESS_SPACE:
        return 2;
    case KVM_CAP_DIRTY_LOG_RING:
    case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
        return 0;
    default:
        return 1;
    }
}

static int supported_cpuid(struct kvm_cpuid2 *c)
{
    static const struct kvm_cpuid_entry2 entries[] = {
        { .function = 0, .eax = 0xd, .ebx = 0x756e6547, .edx = 0x49656e69, .ecx = 0x6c65746e },
        { .function = 1, .eax = 0x606a6, .edx = 0x078bfbff, .ecx = 0x00002221 },
        { .function = 0x80000000, .eax = 0x80000008 },
        { .function = 0x80000001, .edx = 0x20100800 },
        { .function = 0x80000008, .eax = 0x3028 },
    };

    g_assert_cmpuint(c->nent, >=, ARRAY_SIZE(entries));
    memcpy(c->entries, entries, sizeof(entries));
    c->nent = ARRAY_SIZE(entries);
    return 0;
}

/* Relaxed timing, TIME and VPINDEX. */
static int supported_hyperv(struct kvm_cpuid2 *c)
{
    g_assert_cmpuint(c->nent, >=, 2);
    c->entries[0] = (struct kvm_cpuid_entry2){ .function = 0x40000003, .eax = 0x242 };
    c->entries[1] = (struct kvm_cpuid_entry2){ .function = 0x40000004, .eax = 0x20 };
    c->nent = 2;
    return 0;
}

static int msr_list(struct kvm_msr_list *l)
{
    static const uint32_t numbers[] = { MSR_STAR, MSR_BAD };
    bool room = l->nmsrs >= ARRAY_SIZE(numbers);

    l->nmsrs = ARRAY_SIZE(numbers);
    if (room) {
        memcpy(l->indices, numbers, sizeof(numbers));
    }
    return room ? 0 : -E2BIG;
}

static uint64_t *msr(uint32_t number)
{
    return number == MSR_STAR ? &fake.msr_star : number == MSR_BAD ? &fake.msr_bad : NULL;
}

/* MSR_BAD can be read only. */
static int access_msrs(struct kvm_msrs *m, bool set)
{
    for (unsigned i = 0; i < m->nmsrs; i++) {
        uint64_t *at = msr(m->entries[i].index);

        if (!at || (set && m->entries[i].index == MSR_BAD)) {
            return i;
        }
        if (set) {
            *at = m->entries[i].data;
        } else {
            m->entries[i].data = *at;
        }
    }
    return m->nmsrs;
}

static int set_slot(const struct kvm_userspace_memory_region *r)
{
    g_assert_cmpuint(r->slot & 0xffff, <, ARRAY_SIZE(fake.slot));
    g_assert_cmpuint(r->slot >> 16, <, 2);
    if (r->slot >> 16) {
        fake.smm_slot[r->slot & 0xffff] = *r;
        return 0;
    }
    fake.nr_slots += (r->memory_size != 0) - (fake.slot[r->slot].memory_size != 0);
    fake.slot[r->slot] = *r;
    return 0;
}

static int dirty_log(const struct kvm_dirty_log *log)
{
    memcpy(log->dirty_bitmap, &fake.dirty_bitmap, sizeof(fake.dirty_bitmap));
    fake.dirty_bitmap = 0;
    return 0;
}

static int fake_run(void)
{
    struct kvm_run *run = fake.run_page;
    int rc = -EINTR;

    if (!cpu) {
        return -EFAULT;         /* how quick it is cannot be told */
    }
    if (run->immediate_exit) {
        return rc;
    }
    g_mutex_lock(&lock);
    if (steps && *steps) {
        StepFn *step = *steps++;

        kicked = false;
        g_mutex_unlock(&lock);
        return step(run);
    }
    done = true;
    g_cond_broadcast(&changed);
    while (!kicked) {
        g_cond_wait(&changed, &lock);
    }
    kicked = false;
    g_mutex_unlock(&lock);
    return rc;
}

static int fake_cpu_ioctl(unsigned long request, uintptr_t arg)
{
    void *p = (void *)arg;

    switch (request) {
    case KVM_RUN:
        return fake_run();
    case KVM_GET_REGS:
        memcpy(p, &fake.regs, sizeof(fake.regs));
        return 0;
    case KVM_SET_REGS:
        memcpy(&fake.regs, p, sizeof(fake.regs));
        return 0;
    case KVM_GET_SREGS:
        memcpy(p, &fake.sregs, sizeof(fake.sregs));
        return 0;
    case KVM_SET_SREGS:
        memcpy(&fake.sregs, p, sizeof(fake.sregs));
        return 0;
    case KVM_GET_VCPU_EVENTS:
        memcpy(p, &fake.events, sizeof(fake.events));
        return 0;
    case KVM_SET_VCPU_EVENTS:
        memcpy(&fake.events, p, sizeof(fake.events));
        return 0;
    case KVM_GET_XSAVE:
        return fake.xsave2 ? -EINVAL : 0;
    case KVM_GET_XSAVE2:
        ((uint8_t *)p)[fake.xsave2 - 1] = 0xff;
        return 0;
    case KVM_GET_NESTED_STATE:
        if (((struct kvm_nested_state *)p)->size < fake.nested.state.size) {
            return -E2BIG;
        }
        memcpy(p, &fake.nested, fake.nested.state.size);
        return 0;
    case KVM_SET_NESTED_STATE:
        memcpy(&fake.nested, p, ((struct kvm_nested_state *)p)->size);
        return 0;
    case KVM_GET_MSRS:
        return access_msrs(p, false);
    case KVM_SET_MSRS:
        return access_msrs(p, true);
    case KVM_INTERRUPT:
        fake.interrupts++;
        fake.last_vector = ((struct kvm_interrupt *)p)->irq;
        return 0;
    case KVM_NMI:
        fake.nmis++;
        return 0;
    case KVM_GET_STATS_FD:
        return -EINVAL;
    default:
        return 0;
    }
}

static int fake_ioctl(int fd, unsigned long request, uintptr_t arg)
{
    if (fd == FD_CPU) {
        return fake_cpu_ioctl(request, arg);
    }
    switch (request) {
    case KVM_GET_API_VERSION:
        return fake.api_version;
    case KVM_GET_VCPU_MMAP_SIZE:
        return RUN_PAGES * PAGE;
    case KVM_CREATE_VM:
        if (fake.vm_eintr) {
            fake.vm_eintr--;
            return -EINTR;
        }
        return fake.vm_error ? fake.vm_error : FD_VM;
    case KVM_CREATE_VCPU:
        fake.vcpus++;
        return FD_CPU;
    case KVM_CHECK_EXTENSION:
        return check_extension(arg);
    case KVM_GET_SUPPORTED_CPUID:
        return supported_cpuid((void *)arg);
    case KVM_GET_SUPPORTED_HV_CPUID:
        return supported_hyperv((void *)arg);
    case KVM_GET_MSR_INDEX_LIST:
        return msr_list((void *)arg);
    case KVM_SET_USER_MEMORY_REGION:
        return set_slot((void *)arg);
    case KVM_GET_DIRTY_LOG:
        return dirty_log((void *)arg);
    case KVM_GET_STATS_FD:
        return -EINVAL;
    default:
        return 0;
    }
}

static int fake_open(const char *path)
{
    g_assert_cmpstr(path, ==, "/dev/kvm");
    return fake.open_error ? fake.open_error : FD_KVM;
}

static void *fake_map(int fd, size_t bytes, off_t offset)
{
    void *p = NULL;

    g_assert_cmpint(posix_memalign(&p, PAGE, bytes), ==, 0);
    fake.run_page = memset(p, 0, bytes);
    return p;
}

static void fake_unmap(void *at, size_t bytes)
{
    free(at);
}

static void fake_close(int fd)
{
}

static void fake_kick(pid_t tid)
{
    g_mutex_lock(&lock);
    kicked = true;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
}

static const KvmApi fake_api = {
    .open = fake_open, .ioctl = fake_ioctl, .map = fake_map, .unmap = fake_unmap,
    .close = fake_close, .kick = fake_kick,
};

static void defaults(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.api_version = KVM_API_VERSION;
    fake.missing_cap = -1;
    fake.slots = 8;
    fake.max_vcpus = 4;
}

static const AccelConfig config = {
    .nr_cpus = 1, .max_cpus = 1, .dies = 1, .cores = 1, .threads = 1,
    .cpu_model = "max,+vmx,hv-relaxed,hv-time,hv-vpindex=on,hv-spinlocks=0x1fff",
};

static bool start(const AccelConfig *c, const char *irqchip, Error **errp)
{
    Object *obj = object_new(&accel_find("kvm")->object);

    g_assert_true(prop_set(obj, "kernel-irqchip", irqchip, errp));
    g_assert_true(prop_set(obj, "kvm-shadow-mem", "1M", errp));
    if (accel_start((Accel *)(void *)obj, c, errp)) {
        return true;
    }
    object_unref(obj);
    return false;
}

static void refuses(const AccelConfig *c, const char *irqchip, const char *text)
{
    Error *err = NULL;

    g_assert_false(start(c, irqchip, &err));
    if (!strstr(error_text(err), text)) {
        g_error("'%s' is not in '%s'", text, error_text(err));
    }
    error_free(err);
    g_assert_cmpint(kvm.fd, ==, -1);
    defaults();
}

static void no_start(void)
{
    AccelConfig many = { .nr_cpus = 5, .max_cpus = 5, .dies = 1, .cores = 5, .threads = 1 };
    AccelConfig tsc = config, model = config;

    defaults();
    fake.open_error = -ENOENT;
    refuses(&config, "off", "Could not access KVM kernel module: No such file or directory");
    fake.open_error = -EACCES;
    refuses(&config, "off", "Could not access KVM kernel module: Permission denied");
    fake.api_version = 11;
    refuses(&config, "off", "version 11");
    fake.vm_error = -EBUSY;
    refuses(&config, "off", "KVM cannot create a VM: Device or resource busy");
    fake.missing_cap = KVM_CAP_IMMEDIATE_EXIT;
    refuses(&config, "off", "KVM_CAP_IMMEDIATE_EXIT");
    fake.missing_cap = KVM_CAP_READONLY_MEM;
    refuses(&config, "off", "KVM_CAP_READONLY_MEM");
    fake.missing_cap = KVM_CAP_SPLIT_IRQCHIP;
    refuses(&config, "split", "kernel-irqchip=split: this host's KVM cannot");
    fake.missing_cap = KVM_CAP_IRQCHIP;
    refuses(&config, "on", "kernel-irqchip=on: this host's KVM cannot");
    fake.missing_cap = KVM_CAP_MMU_SHADOW_CACHE_CONTROL;
    refuses(&config, "off", "kvm-shadow-mem=1048576: KVM refuses it");
    refuses(&many, "off", "exceeds the maximum cpus supported by KVM (4)");
    tsc.cpu_model = "max,tsc-frequency=1";
    refuses(&tsc, "off", "tsc-frequency");
    model.cpu_model = "Nehalem,+vmx,enforce";
    fake.missing_cap = KVM_CAP_NESTED_STATE;
    refuses(&model, "off", "vmx");
    model.cpu_model = "Nehalem,+avx2,enforce";
    refuses(&model, "off", "avx2");
    model.cpu_model = "max,hv-relaxed";
    fake.missing_cap = KVM_CAP_SYS_HYPERV_CPUID;
    refuses(&model, "off", "Hyper-V enlightenments (hv-*) are KVM's alone");
    model.cpu_model = "max,hv-synic";
    refuses(&model, "off", "'hv-synic' needs 'hv-vpindex'");
    model.cpu_model = "max,hv-spinlocks=1";
    refuses(&model, "off", "hv-spinlocks");
    model.cpu_model = "max,hv-time,hv_crash";
    refuses(&model, "off", "'hv-crash' is not supported by this host's KVM");
}

/* The one that lasts: interrupted twice on the way. */
static void starts(void)
{
    Error *err = NULL;
    uint32_t leaf[4];

    defaults();
    fake.vm_eintr = 2;
    fake.xsave2 = 11008;
    fake.nested.state.size = sizeof(fake.nested.state);
    g_assert_true(start(&config, "off", &err));
    g_assert_true(cpu_model_has(&kvm.model, CPUID_HYPERVISOR));
    g_assert_false(cpu_model_has(&kvm.model, CPUID_X2APIC));
    cpu = vcpu_new(0, 0, NULL, &err);
    g_assert_nonnull(cpu);
    accel_cpuid(cpu, 0x40000000, 0, leaf);
    g_assert_cmphex(leaf[0], ==, 0x40000005);
    g_assert_cmpmem(&leaf[1], 12, "Microsoft Hv", 12);
    accel_cpuid(cpu, 0x40000003, 0, leaf);
    g_assert_cmphex(leaf[0], ==, 0x262);
    accel_cpuid(cpu, 0x40000004, 0, leaf);
    g_assert_cmphex(leaf[0], ==, 0x20);
    g_assert_cmphex(leaf[1], ==, 0x1fff);
    accel_cpuid(cpu, 0x40000100, 0, leaf);
    g_assert_cmpmem(&leaf[1], 12, "KVMKVMKVM\0\0", 12);
    vcpus_reset();
    g_assert_cmphex(fake.regs.rip, ==, 0xfff0);
    g_assert_cmphex(fake.regs.rdx, ==, 0x606a6);
    g_assert_cmphex(fake.sregs.cs.base, ==, 0xffff0000);
}

/* A guest hypervisor's state goes out and in whole; outside of VMX operation there is none. */
static void nested(void)
{
    struct kvm_nested_state *s = &fake.nested.state;
    CpuState *state = g_new(CpuState, 1);
    Error *err = NULL;

    vcpus_reset();
    g_assert_cmphex(s->hdr.vmx.vmxon_pa, ==, UINT64_MAX);
    g_assert_true(accel_get_state(cpu, state));
    g_assert_cmpuint(state->nested_bytes, ==, 0);
    s->size = sizeof(*s) + KVM_STATE_NESTED_VMX_VMCS_SIZE;
    s->hdr.vmx.vmxon_pa = 0x5000;
    fake.nested.bytes[s->size - 1] = 0x77;
    g_assert_true(accel_get_state(cpu, state));
    g_assert_cmpuint(state->nested_bytes, ==, s->size);
    vcpus_reset();
    g_assert_cmphex(s->hdr.vmx.vmxon_pa, ==, UINT64_MAX);
    memset(&fake.nested, 0, sizeof(fake.nested));
    g_assert_true(accel_put_state(cpu, state, true, &err));
    g_assert_cmphex(s->hdr.vmx.vmxon_pa, ==, 0x5000);
    g_assert_cmphex(fake.nested.bytes[s->size - 1], ==, 0x77);
    state->nested_bytes--;
    g_assert_false(accel_put_state(cpu, state, true, &err));
    g_assert_nonnull(strstr(error_text(err), "nested state"));
    error_free(err);
    vcpus_reset();
    g_free(state);
}

/* The kernel's vCPU waits for the next one at its place. */
static void unplug(void)
{
    void *page = fake.run_page;
    int before = fake.vcpus;

    for (unsigned i = 0; i < 3; i++) {
        Error *err = NULL;
        Vcpu *second = vcpu_new(1, 1, NULL, &err);

        g_assert_nonnull(second);
        g_assert_true(vcpu_by_index(1) == second && vcpu_by_apic_id(1) == second);
        g_assert_cmpuint(vcpu_count(), ==, 2);
        vcpu_stop_thread(second);
        g_assert_null(vcpu_by_index(1));
        object_remove_child(&second->obj);
        vcpu_destroy(second);
        g_assert_cmpuint(vcpu_count(), ==, 1);
        g_assert_cmpint(fake.vcpus, ==, before + 1);
    }
    fake.run_page = page;
}

static unsigned run(StepFn *const *script)
{
    ShutdownCause cause;
    int code;

    g_mutex_lock(&lock);
    steps = script;
    done = kicked = false;
    g_mutex_unlock(&lock);
    vcpus_start();
    vm_unlock();
    g_mutex_lock(&lock);
    while (!done && (!cpu->halted || (cpu->pending & cpu->wake_mask))) {
        g_cond_wait_until(&changed, &lock, g_get_monotonic_time() + 1000);
    }
    g_mutex_unlock(&lock);
    vm_lock();
    vcpus_pause();
    return run_requests_take(&cause, &code);
}

static void write_port(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    io_written = io_written << 8 | value;
    io_count++;
}

static uint64_t read_port(void *opaque, uint64_t offset, unsigned size)
{
    return 0x40 + io_count++;
}

static const IoOps port_ops = { .read = read_port, .write = write_port, .max_size = 1 };

static void write_late(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    late_value = late_value << 8 | value;
}

static const IoOps late_ops = { .write = write_late, .max_size = 1 };

static int step_eintr(struct kvm_run *run)
{
    return -EINTR;
}

static int step_eagain(struct kvm_run *run)
{
    return -EAGAIN;
}

static int step_out(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = 1;
    run->io.port = PORT;
    run->io.count = 3;
    run->io.data_offset = PAGE;
    memcpy((char *)run + PAGE, "\x11\x22\x33", 3);
    return 0;
}

static int step_in(struct kvm_run *run)
{
    step_out(run);
    run->io.direction = KVM_EXIT_IO_IN;
    return 0;
}

static int step_in_done(struct kvm_run *run)
{
    g_assert_cmphex(((uint8_t *)run)[PAGE + 2], ==, 0x45);
    return -EINTR;
}

static int step_bad_size(struct kvm_run *run)
{
    step_out(run);
    run->io.size = 3;
    return 0;
}

static int step_bad_count(struct kvm_run *run)
{
    step_out(run);
    run->io.count = UINT32_MAX;
    return 0;
}

static int step_internal(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    run->internal.ndata = 0;
    return 0;
}

static int step_fail_entry(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_FAIL_ENTRY;
    run->fail_entry.hardware_entry_failure_reason = 0x80000021;
    return 0;
}

static int step_unknown(struct kvm_run *run)
{
    run->exit_reason = 999;
    return 0;
}

static int step_efault(struct kvm_run *run)
{
    return -EFAULT;
}

static int step_shutdown(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SHUTDOWN;
    return 0;
}

static int step_event(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run->system_event.type = KVM_SYSTEM_EVENT_CRASH;
    return 0;
}

static int step_hlt(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_HLT;
    return 0;
}

static void interrupted(void)
{
    static StepFn *const script[] = {
        step_eintr, step_eagain, step_out, step_eintr, step_in, step_in_done, NULL,
    };

    io_written = io_count = 0;
    vcpus_reset();
    g_assert_cmpuint(run(script), ==, 0);
    g_assert_cmphex(io_written, ==, 0x112233);
    g_assert_cmpuint(io_count, ==, 6);
}

static void ends_with(StepFn *step, unsigned request)
{
    StepFn *script[] = { step, NULL };

    vcpus_reset();
    g_assert_cmphex(run(script), ==, request);
    /* It is at rest until the next reset. */
    g_assert_cmphex(run((StepFn *const[]){ step_out, NULL }), ==, 0);
    vcpus_reset();
}

static void errors(void)
{
    io_count = 0;
    ends_with(step_internal, RUN_REQUEST_INTERNAL_ERROR);
    ends_with(step_fail_entry, RUN_REQUEST_INTERNAL_ERROR);
    ends_with(step_unknown, RUN_REQUEST_INTERNAL_ERROR);
    ends_with(step_efault, RUN_REQUEST_INTERNAL_ERROR);
    ends_with(step_bad_size, RUN_REQUEST_INTERNAL_ERROR);
    ends_with(step_bad_count, RUN_REQUEST_INTERNAL_ERROR);
    ends_with(step_shutdown, RUN_REQUEST_RESET);
    g_assert_cmpuint(io_count, ==, 0);
}

static void system_event(void)
{
    vcpus_reset();
    g_assert_cmphex(run((StepFn *const[]){ step_event, NULL }), ==, RUN_REQUEST_PANIC);
}

/* A halt ends with an NMI, and with an interrupt once the CPU can take it. */

static int pic_ack(void *opaque)
{
    vcpu_lower(cpu, VCPU_INTR);
    return 0x68;
}

static int step_window(struct kvm_run *run)
{
    g_assert_cmpint(run->request_interrupt_window, ==, 1);
    run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
    run->ready_for_interrupt_injection = run->if_flag = 1;
    return 0;
}

static int step_after(struct kvm_run *run)
{
    g_assert_cmpint(run->request_interrupt_window, ==, 0);
    return -EINTR;
}

static void injects(void)
{
    vcpu_set_pic(pic_ack, NULL);
    vcpus_reset();
    vcpu_raise(cpu, VCPU_INTR);
    run((StepFn *const[]){ step_window, step_after, NULL });
    g_assert_cmpint(fake.interrupts, ==, 1);
    g_assert_cmphex(fake.last_vector, ==, 0x68);
    vcpus_reset();
    run((StepFn *const[]){ step_hlt, NULL });
    g_assert_true(cpu->halted);
    vcpu_raise(cpu, VCPU_NMI);
    run((StepFn *const[]){ step_after, NULL });
    g_assert_cmpint(fake.nmis, ==, 1);
    g_assert_false(cpu->halted);
}

static void msrs(void)
{
    CpuState *s = g_new(CpuState, 1);
    Error *err = NULL;
    uint64_t value;

    fake.msr_bad = 7;
    g_assert_true(accel_get_state(cpu, s));
    g_assert_true(cpu_state_msr(s, MSR_BAD, &value));
    g_assert_cmpuint(value, ==, 7);
    /* Refused, but what it is; not there, but 0. */
    cpu_state_set_msr(s, 0x4711, 0);
    cpu_state_set_msr(s, MSR_STAR, 0x1234);
    g_assert_true(accel_put_state(cpu, s, true, &err));
    g_assert_cmphex(fake.msr_star, ==, 0x1234);
    cpu_state_set_msr(s, MSR_BAD, 8);
    g_assert_false(accel_put_state(cpu, s, true, &err));
    g_assert_nonnull(strstr(error_text(err), "MSR 0xc0000103 cannot be 0x8"));
    error_free(err);
    err = NULL;
    cpu_state_set_msr(s, MSR_BAD, 7);
    cpu_state_set_msr(s, 0x4711, 1);
    g_assert_false(accel_put_state(cpu, s, true, &err));
    error_free(err);
    g_free(s);
}

static void slots(void)
{
    MemRegion more[8] = {};
    Error *err = NULL;
    uint32_t value = 0x55aa;
    int before = fake.nr_slots;

    for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
        g_assert_true(region_init_ram(&more[i], NULL, "more", PAGE, &err));
        region_add(memory_root(), 0x10000000 + i * 2 * PAGE, &more[i], 0);
    }
    g_assert_cmpint(before, <, 8);
    g_assert_cmpint(fake.nr_slots, ==, 8);
    /* RAM without a slot is served by exits. */
    mem_write(memory_space(), 0x10000000 + 7 * 2 * PAGE, &value, 4);
    g_assert_cmphex(mem_load(memory_space(), 0x10000000 + 7 * 2 * PAGE, 4), ==, 0x55aa);
    for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
        region_remove(&more[i]);
        region_destroy(&more[i]);
    }
    g_assert_cmpint(fake.nr_slots, ==, before);
}

static void read_only(void)
{
    unsigned slot = 0;

    while (fake.slot[slot].userspace_addr != (uintptr_t)region_host(&ram)) {
        slot++;
    }
    g_assert_cmphex(fake.slot[slot].flags & KVM_MEM_READONLY, ==, 0);
    region_set_readonly(&ram, true);
    for (slot = 0; fake.slot[slot].userspace_addr != (uintptr_t)region_host(&ram) ||
                   !fake.slot[slot].memory_size; slot++) {
    }
    g_assert_cmphex(fake.slot[slot].flags & KVM_MEM_READONLY, !=, 0);
    region_set_readonly(&ram, false);
}

/* In system management mode there is RAM where others see nothing. */
static void smm(void)
{
    static MemRegion smram;
    Error *err = NULL;
    unsigned found = 0;
    int before = fake.nr_slots;

    g_assert_true(region_init_ram(&smram, NULL, "smram", PAGE, &err));
    region_add(smm_root(), 0xa0000, &smram, 1);
    g_assert_cmpint(fake.nr_slots, ==, before);
    for (unsigned i = 0; i < ARRAY_SIZE(fake.smm_slot); i++) {
        const struct kvm_userspace_memory_region *r = &fake.smm_slot[i];

        found += r->memory_size && r->guest_phys_addr == 0xa0000 &&
                 r->userspace_addr == (uintptr_t)region_host(&smram);
        found += r->memory_size && r->userspace_addr == (uintptr_t)region_host(&ram);
    }
    g_assert_cmpuint(found, ==, 2);
    region_remove(&smram);
    region_destroy(&smram);
}

static void dirty(void)
{
    RamBlock *block = ram.ram;

    ram_test_clear_dirty(block, 0, block->size, RAM_DIRTY_DISPLAY);
    ram_dirty_log_start(block);
    fake.dirty_bitmap = 1 << 2 | 1 << 5;
    ram_dirty_sync(block);
    for (unsigned page = 0; page < 8; page++) {
        g_assert_true(ram_test_clear_dirty(block, page * PAGE, PAGE, RAM_DIRTY_DISPLAY) ==
                      (page == 2 || page == 5));
    }
    ram_dirty_log_stop(block);
}

static int step_coalesced(struct kvm_run *run)
{
    struct kvm_coalesced_mmio_ring *ring = (void *)((char *)run + COALESCED_PAGE * PAGE);

    for (unsigned i = 0; i < 3; i++) {
        ring->coalesced_mmio[i] = (struct kvm_coalesced_mmio){
            .phys_addr = 0x20000000 + i, .len = 1, .data = { i + 1 },
        };
    }
    ring->last = 3;
    return step_out(run);
}

/* Late writes are there before the exit behind them is served. */
static void coalesced(void)
{
    late_value = 0;
    vcpus_reset();
    run((StepFn *const[]){ step_coalesced, NULL });
    g_assert_cmphex(late_value, ==, 0x010203);
}

static void add_memory(void)
{
    Error *err = NULL;

    g_assert_true(region_init_ram(&ram, NULL, "ram", 8 * PAGE, &err));
    region_add(memory_root(), 0, &ram, 0);
    region_init_io(&io, NULL, &port_ops, NULL, "port", 1);
    region_add(io_root(), PORT, &io, 0);
    region_init_io(&late, NULL, &late_ops, NULL, "late", PAGE);
    region_set_coalesced(&late, true);
    region_add(memory_root(), 0x20000000, &late, 0);
}

/* Statistics describe themselves; what they say is not believed beyond reason. */

typedef struct StatsImage {
    struct kvm_stats_header head;
    struct {
        struct kvm_stats_desc desc;
        char name[16];
    } rows[3];
    uint64_t values[4];
} StatsImage;

static void collect_stat(const AccelStat *stat, void *opaque)
{
    g_string_append_printf(opaque, "%s %u %u %d^%d %u:", stat->name, stat->type, stat->unit,
                           stat->base, stat->exponent, stat->bucket_size);
    for (unsigned i = 0; i < stat->nr; i++) {
        g_string_append_printf(opaque, " %" PRIu64, stat->values[i]);
    }
    g_string_append_c(opaque, ';');
}

static bool read_image(const StatsImage *image, GString *out)
{
    bool ok;

    kvm.stats_fd = memfd_create("stats", MFD_CLOEXEC);
    g_assert_cmpint(write(kvm.stats_fd, image, sizeof(*image)), ==, sizeof(*image));
    g_string_truncate(out, 0);
    ok = kvm_read_stats(NULL, collect_stat, out, NULL);
    close(kvm.stats_fd);
    kvm.stats_fd = -1;
    return ok;
}

static void statistics(void)
{
    const StatsImage good = {
        .head = { .name_size = 16, .num_desc = 3, .desc_offset = offsetof(StatsImage, rows),
                  .data_offset = offsetof(StatsImage, values) },
        .rows = {
            { { .flags = KVM_STATS_TYPE_PEAK | KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10,
                .exponent = -9, .size = 1, .offset = 8 }, "wait" },
            { { .flags = KVM_STATS_TYPE_LINEAR_HIST, .size = 2, .offset = 16,
                .bucket_size = 5 }, "hist" },
            { { .flags = KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN, .size = 1 }, "on" },
        },
        .values = { 1, 20, 300, 4000 },
    };
    g_autoptr(GString) out = g_string_new(NULL);
    StatsImage bad = good;

    g_assert_true(kvm_read_stats(NULL, collect_stat, out, NULL));   /* a kernel that has none */
    g_assert_cmpstr(out->str, ==, "");
    g_assert_true(read_image(&good, out));
    g_assert_cmpstr(out->str, ==, "wait 2 2 10^-9 0: 20;hist 3 0 10^0 5: 300 4000;"
                    "on 1 4 10^0 0: 1;");
    /* A kind that we do not know, no name's end, values beyond the end. */
    bad.rows[0].desc.flags = 0xf;
    memset(bad.rows[1].name, 'x', sizeof(bad.rows[1].name));
    bad.rows[2].desc.offset = 1 << 20;
    g_assert_true(read_image(&bad, out));
    g_assert_cmpstr(out->str, ==, "xxxxxxxxxxxxxxxx 3 0 10^0 5: 300 4000;");
    bad.head.num_desc = UINT32_MAX;
    g_assert_false(read_image(&bad, out));
    bad = good;
    bad.head.name_size = UINT32_MAX;
    g_assert_false(read_image(&bad, out));
    bad = good;
    bad.head.desc_offset = UINT32_MAX;
    g_assert_false(read_image(&bad, out));
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    kvm_api = &fake_api;
    vm_lock();
    add_memory();
    g_test_add_func("/kvm/no-start", no_start);
    g_test_add_func("/kvm/starts", starts);
    g_test_add_func("/kvm/interrupted", interrupted);
    g_test_add_func("/kvm/errors", errors);
    g_test_add_func("/kvm/system-event", system_event);
    g_test_add_func("/kvm/nested", nested);
    g_test_add_func("/kvm/unplug", unplug);
    g_test_add_func("/kvm/injects", injects);
    g_test_add_func("/kvm/msrs", msrs);
    g_test_add_func("/kvm/slots", slots);
    g_test_add_func("/kvm/read-only", read_only);
    g_test_add_func("/kvm/smm", smm);
    g_test_add_func("/kvm/dirty", dirty);
    g_test_add_func("/kvm/coalesced", coalesced);
    g_test_add_func("/kvm/statistics", statistics);
    status = g_test_run();
    vcpus_destroy();
    vm_unlock();
    return status;
}

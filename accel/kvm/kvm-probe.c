/* Is KVM quick here? The CPU's features, or a moment of kernel-mode code under the clock */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include "accel/kvm/kvm-int.h"

#define PAGE      4096u
#define LOOPS     2000u
#define INSNS     (2 * LOOPS)
/* An interpreter that needs longer than this an instruction is found out early, too. */
#define MAX_EXITS 8

bool kvm_host_has_virtualization(void)
{
#ifdef __x86_64__
    uint32_t a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) && (c & BIT(5))) {
        return true;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d) && (c & BIT(2))) {
        return true;
    }
#endif
    return false;
}

/* 32-bit code at CPL 0 without paging: mov $LOOPS,%ecx; 1: dec %ecx; jnz 1b; out %al,$0x80 */
static const uint8_t code[] = {
    0xb9, LOOPS & 0xff, LOOPS >> 8, 0, 0, 0x49, 0x75, 0xfd, 0xe6, 0x80, 0xf4,
};

static bool set_up(int vcpu)
{
    struct kvm_segment flat = {
        .limit = UINT32_MAX, .selector = 0x10, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
    };
    struct kvm_regs regs = { .rip = 0, .rflags = 2, .rsp = PAGE };
    struct kvm_sregs sregs = {};

    if (kvm_call(vcpu, KVM_GET_SREGS, &sregs) < 0) {
        return false;
    }
    sregs.cr0 |= 1;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.cs = flat;
    sregs.cs.type = 0xb;
    sregs.cs.selector = 8;
    return kvm_call(vcpu, KVM_SET_SREGS, &sregs) >= 0 &&
           kvm_call(vcpu, KVM_SET_REGS, &regs) >= 0;
}

static unsigned run(int vcpu, struct kvm_run *shared)
{
    int64_t start = g_get_monotonic_time(), us;

    for (int i = 0; i < MAX_EXITS; i++) {
        int rc = kvm_api->ioctl(vcpu, KVM_RUN, 0);

        us = g_get_monotonic_time() - start;
        if (rc >= 0 && shared->exit_reason == KVM_EXIT_IO) {
            return MAX(us * 1000 / INSNS, 1);
        }
        if (rc < 0 && rc != -EINTR) {
            break;
        }
        if (rc >= 0 && shared->exit_reason != KVM_EXIT_INTR) {
            break;
        }
    }
    return 0;
}

unsigned kvm_measure_ns(int fd)
{
    int vm = kvm_call_value(fd, KVM_CREATE_VM, 0), vcpu;
    int bytes = kvm_call_value(fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_userspace_memory_region slot = { .memory_size = PAGE };
    struct kvm_run *shared = NULL;
    void *page = NULL;
    unsigned ns = 0;

    if (vm < 0) {
        return 0;
    }
    if (posix_memalign(&page, PAGE, PAGE)) {
        kvm_api->close(vm);
        return 0;
    }
    memcpy(page, code, sizeof(code));
    slot.userspace_addr = (uintptr_t)page;
    kvm_call_value(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
    vcpu = kvm_call_value(vm, KVM_CREATE_VCPU, 0);
    if (vcpu >= 0 && bytes > 0) {
        shared = kvm_api->map(vcpu, bytes, 0);
    }
    if (shared && kvm_call(vm, KVM_SET_USER_MEMORY_REGION, &slot) >= 0 && set_up(vcpu)) {
        ns = run(vcpu, shared);
    }
    if (shared) {
        kvm_api->unmap(shared, bytes);
    }
    if (vcpu >= 0) {
        kvm_api->close(vcpu);
    }
    kvm_api->close(vm);
    free(page);
    return ns;
}

bool kvm_is_quick(char **why)
{
    int fd = kvm_api->open("/dev/kvm");
    unsigned ns;

    if (fd < 0) {
        *why = g_strdup_printf("/dev/kvm: %s", g_strerror(-fd));
        return false;
    }
    if (kvm_host_has_virtualization()) {
        kvm_api->close(fd);
        *why = g_strdup("there is /dev/kvm, and the CPU has VMX or SVM");
        return true;
    }
    ns = kvm_measure_ns(fd);
    kvm_api->close(fd);
    if (!ns) {
        *why = g_strdup("KVM did not run a test of kernel-mode code");
    } else {
        *why = g_strdup_printf("KVM here takes %u ns for an instruction of kernel-mode code", ns);
    }
    return ns && ns <= KVM_NATIVE_NS;
}

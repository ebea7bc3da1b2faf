/* kvm-api: system calls on /dev/kvm and its descriptors, and the signal that ends KVM_RUN */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-api.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Nobody else uses it, and a handler of no effect is all it needs. */
#define KICK_SIGNAL SIGUSR1
/* Tries of a call that says EAGAIN, as KVM_CREATE_VM may under memory pressure. */
#define MAX_TRIES 16

static int host_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int host_ioctl(int fd, unsigned long request, uintptr_t arg)
{
    int rc = ioctl(fd, request, arg);

    return rc < 0 ? -errno : rc;
}

static void *host_map(int fd, size_t bytes, off_t offset)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

    return at == MAP_FAILED ? NULL : at;
}

static void host_unmap(void *at, size_t bytes)
{
    munmap(at, bytes);
}

static void host_close(int fd)
{
    close(fd);
}

static void host_kick(pid_t tid)
{
    syscall(SYS_tgkill, getpid(), tid, KICK_SIGNAL);
}

static const KvmApi host_api = {
    .open = host_open, .ioctl = host_ioctl, .map = host_map, .unmap = host_unmap,
    .close = host_close, .kick = host_kick,
};

const KvmApi *kvm_api = &host_api;

int kvm_call(int fd, unsigned long request, const void *arg)
{
    int rc, tries = 0;

    do {
        rc = kvm_api->ioctl(fd, request, (uintptr_t)arg);
    } while ((rc == -EINTR || rc == -EAGAIN) && ++tries < MAX_TRIES);
    return rc;
}

int kvm_call_value(int fd, unsigned long request, uint64_t value)
{
    return kvm_call(fd, request, (const void *)(uintptr_t)value);
}

int kvm_check(int fd, unsigned cap)
{
    return MAX(kvm_call_value(fd, KVM_CHECK_EXTENSION, cap), 0);
}

int kvm_enable(int fd, unsigned cap, uint64_t arg0, uint64_t arg1)
{
    struct kvm_enable_cap enable = { .cap = cap, .args = { arg0, arg1 } };

    return kvm_call(fd, KVM_ENABLE_CAP, &enable);
}

static void kicked(int signo)
{
}

void kvm_api_thread_init(void)
{
    struct sigaction action = { .sa_handler = kicked };
    sigset_t set;

    sigaction(KICK_SIGNAL, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* kvm-api: the one place that talks to /dev/kvm; a unit test puts its own in */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_KVM_KVM_API_H
#define ACCEL_KVM_KVM_API_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Results are those of the system calls, but -errno for errors. */
typedef struct KvmApi {
    int (*open)(const char *path);
    int (*ioctl)(int fd, unsigned long request, uintptr_t arg);
    void *(*map)(int fd, size_t bytes, off_t offset);   /* shared, read and write; NULL: errno */
    void (*unmap)(void *at, size_t bytes);
    void (*close)(int fd);
    void (*kick)(pid_t tid);    /* a signal that ends KVM_RUN in that thread */
} KvmApi;

extern const KvmApi *kvm_api;

/* Everything but KVM_RUN: a call that a signal broke off is made again. */
int kvm_call(int fd, unsigned long request, const void *arg);
int kvm_call_value(int fd, unsigned long request, uint64_t value);
/* KVM_CHECK_EXTENSION; 0 where the kernel does not know it. */
int kvm_check(int fd, unsigned cap);
/* KVM_ENABLE_CAP with up to two arguments. */
int kvm_enable(int fd, unsigned cap, uint64_t arg0, uint64_t arg1);
/* In a thread that will run guest code: let kick() in. */
void kvm_api_thread_init(void);

#endif

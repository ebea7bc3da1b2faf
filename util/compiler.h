/* Compiler attributes and the few macros that C lacks */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_COMPILER_H
#define UTIL_COMPILER_H

#include <stddef.h>

#define PRINTF_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN                 __attribute__((noreturn))
#define PACKED                   __attribute__((packed))
#define ALIGNED(n)               __attribute__((aligned(n)))
#define WARN_UNUSED              __attribute__((warn_unused_result))
#define ALWAYS_INLINE            inline __attribute__((always_inline))
#define NOINLINE                 __attribute__((noinline))
#define COLD                     __attribute__((cold))

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)        (1U << (n))
#define BIT64(n)      (1ULL << (n))

#define ROUND_UP(n, d)   (((n) + (d) - 1) / (d) * (d))
#define ROUND_DOWN(n, d) ((n) / (d) * (d))

/* The structure of TYPE that holds PTR as its MEMBER, checked by the compiler. */
#define container_of(ptr, type, member)                                       \
    ({                                                                        \
        const __typeof__(((type *)0)->member) *member_ptr_ = (ptr);           \
        (type *)((char *)(uintptr_t)member_ptr_ - offsetof(type, member));    \
    })

#endif

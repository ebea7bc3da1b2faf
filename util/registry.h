/* REGISTER(kind, desc): the one way by which devices, drivers and the like make themselves known */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_REGISTRY_H
#define UTIL_REGISTRY_H

#include <stddef.h>

/*
 * A pointer to each descriptor is put into a linker section of its kind, so
 * the list exists before main() without code running. Each kind wraps this:
 *     #define REGISTER_DEVICE(desc) REGISTER(device, desc)
 * and lists its members with REGISTRY(device, DeviceType) in one .c file, which
 * defines `registry_device(size_t *count)`.
 */
#define REGISTER(kind, desc)                                                                \
    static const void *const registered_##kind##_##desc                                     \
        __attribute__((used, section("reg_" #kind))) = &desc;

#define REGISTRY(kind, type)                                                                \
    extern const type *const __start_reg_##kind[] __attribute__((weak, visibility("hidden"))); \
    extern const type *const __stop_reg_##kind[] __attribute__((weak, visibility("hidden")));  \
    static inline const type *const *registry_##kind(size_t *count)                         \
    {                                                                                       \
        *count = (size_t)(__stop_reg_##kind - __start_reg_##kind);                          \
        return __start_reg_##kind;                                                          \
    }

#endif

/* Loads and stores of little- and big-endian integers at any address */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_BSWAP_H
#define UTIL_BSWAP_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BSWAP_ACCESSORS(bits)                                                               \
    static inline uint##bits##_t ld##bits##_le(const void *p)                               \
    {                                                                                       \
        uint##bits##_t v;                                                                   \
        memcpy(&v, p, sizeof(v));                                                           \
        return le##bits##toh(v);                                                            \
    }                                                                                       \
    static inline uint##bits##_t ld##bits##_be(const void *p)                               \
    {                                                                                       \
        uint##bits##_t v;                                                                   \
        memcpy(&v, p, sizeof(v));                                                           \
        return be##bits##toh(v);                                                            \
    }                                                                                       \
    static inline void st##bits##_le(void *p, uint##bits##_t v)                             \
    {                                                                                       \
        v = htole##bits(v);                                                                 \
        memcpy(p, &v, sizeof(v));                                                           \
    }                                                                                       \
    static inline void st##bits##_be(void *p, uint##bits##_t v)                             \
    {                                                                                       \
        v = htobe##bits(v);                                                                 \
        memcpy(p, &v, sizeof(v));                                                           \
    }
BSWAP_ACCESSORS(16)
BSWAP_ACCESSORS(32)
BSWAP_ACCESSORS(64)

#endif

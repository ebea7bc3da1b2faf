/* DMA: a device's reads and writes of guest RAM, and of RAM only */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMORY_DMA_H
#define MEMORY_DMA_H

#include <sys/uio.h>

#include "memory/memory.h"
#include "util/bswap.h"

/*
 * Any thread, no lock. False is a bus error: part of the range is no RAM (a
 * device register, ROM for writes, or nothing); then nothing was written, and
 * a read's buffer is zeroed. A device's DMA never reaches another device.
 */
bool dma_read(AddressSpace *as, GuestAddr addr, void *buf, size_t len);
bool dma_write(AddressSpace *as, GuestAddr addr, const void *buf, size_t len);

/* A list of guest ranges that a request reads from or writes to. */
typedef struct DmaSg {
    struct { GuestAddr addr; uint64_t len; } *seg;
    unsigned count, room;
    uint64_t size;              /* sum of lengths */
} DmaSg;
void dma_sg_init(DmaSg *sg);
void dma_sg_add(DmaSg *sg, GuestAddr addr, uint64_t len);
void dma_sg_free(DmaSg *sg);
/* Copy between buf and [offset, offset + len) of the list; clipped to it. False: bus error. */
bool dma_sg_read(AddressSpace *as, const DmaSg *sg, uint64_t offset, void *buf, size_t len);
bool dma_sg_write(AddressSpace *as, const DmaSg *sg, uint64_t offset, const void *buf, size_t len);

/*
 * Host pointer for [addr, addr + len), or NULL when it is not one run of RAM.
 * Valid until the caller's request ends (RAM is not unplugged under it). Call
 * dma_unmap() when done; is_write marks the range written.
 */
void *dma_map(AddressSpace *as, GuestAddr addr, size_t len, bool is_write);
void dma_unmap(AddressSpace *as, void *host, size_t len, bool is_write);

#define DMA_ACCESSORS(bits)                                                                 \
    static inline uint##bits##_t dma_load##bits(AddressSpace *as, GuestAddr addr)           \
    {                                                                                       \
        uint##bits##_t v;                                                                   \
        dma_read(as, addr, &v, sizeof(v));                                                  \
        return le##bits##toh(v);                                                            \
    }                                                                                       \
    static inline bool dma_store##bits(AddressSpace *as, GuestAddr addr, uint##bits##_t v)  \
    {                                                                                       \
        v = htole##bits(v);                                                                 \
        return dma_write(as, addr, &v, sizeof(v));                                          \
    }
DMA_ACCESSORS(16)
DMA_ACCESSORS(32)
DMA_ACCESSORS(64)

#endif

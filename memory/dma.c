/* DMA: a device's reads and writes of guest RAM, and of RAM only */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/dma.h"

static bool range_is_ram(AddressSpace *as, GuestAddr addr, uint64_t len, bool is_write)
{
    while (len) {
        RamHit hit;

        if (!mem_lookup_ram(as, addr, &hit) || (is_write && !hit.writable)) {
            return false;
        }
        if (hit.len >= len) {
            return true;
        }
        addr += hit.len;
        len -= hit.len;
    }
    return true;
}

bool dma_read(AddressSpace *as, GuestAddr addr, void *buf, size_t len)
{
    uint8_t *to = buf;
    RamHit hit;

    for (size_t done = 0; done < len; done += MIN(hit.len, len - done)) {
        if (!mem_lookup_ram(as, addr + done, &hit)) {
            memset(buf, 0, len);
            return false;
        }
        memcpy(to + done, hit.host, MIN(hit.len, len - done));
    }
    return true;
}

bool dma_write(AddressSpace *as, GuestAddr addr, const void *buf, size_t len)
{
    const uint8_t *from = buf;
    RamHit hit;

    if (!range_is_ram(as, addr, len, true)) {
        return false;
    }
    for (size_t done = 0, n; done < len; done += n) {
        if (!mem_lookup_ram(as, addr + done, &hit)) {
            return false;
        }
        n = MIN(hit.len, len - done);
        memcpy(hit.host, from + done, n);
        mem_notify_ram_written(hit.block, hit.ram_addr - hit.block->offset, n);
    }
    return true;
}

void dma_sg_init(DmaSg *sg)
{
    *sg = (DmaSg){ };
}

void dma_sg_add(DmaSg *sg, GuestAddr addr, uint64_t len)
{
    if (sg->count == sg->room) {
        sg->room = sg->room ? sg->room * 2 : 8;
        sg->seg = g_realloc_n(sg->seg, sg->room, sizeof(*sg->seg));
    }
    sg->seg[sg->count].addr = addr;
    sg->seg[sg->count++].len = len;
    sg->size += len;
}

void dma_sg_free(DmaSg *sg)
{
    g_free(sg->seg);
    *sg = (DmaSg){ };
}

static bool sg_copy(AddressSpace *as, const DmaSg *sg, uint64_t offset, uint8_t *buf, size_t len,
                    bool is_write)
{
    bool ok = true;

    for (unsigned i = 0; i < sg->count && len; i++) {
        uint64_t room = sg->seg[i].len;
        size_t n;

        if (offset >= room) {
            offset -= room;
            continue;
        }
        n = MIN(room - offset, len);
        ok &= is_write ? dma_write(as, sg->seg[i].addr + offset, buf, n)
                       : dma_read(as, sg->seg[i].addr + offset, buf, n);
        buf += n;
        len -= n;
        offset = 0;
    }
    return ok;
}

bool dma_sg_read(AddressSpace *as, const DmaSg *sg, uint64_t offset, void *buf, size_t len)
{
    return sg_copy(as, sg, offset, buf, len, false);
}

bool dma_sg_write(AddressSpace *as, const DmaSg *sg, uint64_t offset, const void *buf, size_t len)
{
    return sg_copy(as, sg, offset, (uint8_t *)(uintptr_t)buf, len, true);
}

void *dma_map(AddressSpace *as, GuestAddr addr, size_t len, bool is_write)
{
    RamHit hit;

    if (!mem_lookup_ram(as, addr, &hit) || hit.len < len || (is_write && !hit.writable)) {
        return NULL;
    }
    return hit.host;
}

void dma_unmap(AddressSpace *as, void *host, size_t len, bool is_write)
{
    RamBlock *block = is_write ? ram_block_of_host(host) : NULL;

    if (block) {
        mem_notify_ram_written(block, (uint8_t *)host - block->host, len);
    }
}

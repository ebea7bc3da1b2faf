/* pc-testdev: what test programs poke at: echo ports, MMIO, interrupt lines, page flush */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include <sys/mman.h>
#include "hw/isa/isa.h"
#include "util/bswap.h"
#include "util/trace.h"

enum {
    ECHO_PORT = 0xe0, FLUSH_PORT = 0xe4, ECHO_BYTE_PORT = 0xe8, IRQ_PORT = 0x2000,
    NR_LINES = 24,                  /* ports; those behind the ISA bus's lines do nothing */
};
#define ECHO_MEM_BASE 0xff000000u
#define ECHO_MEM_SIZE 0x10000u

typedef struct PcTestdev {
    IsaDevice isa;
    uint32_t port;                  /* what the four bytes of either echo port hold */
    uint8_t bytes[ECHO_MEM_SIZE];
    MemRegion mem;
} PcTestdev;

static uint32_t mask_of(unsigned size)
{
    return UINT32_MAX >> (32 - size * 8);
}

static uint64_t echo_read(void *opaque, uint64_t offset, unsigned size)
{
    PcTestdev *s = opaque;

    return s->port >> (offset * 8) & mask_of(size);
}

static void echo_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PcTestdev *s = opaque;
    uint32_t mask = mask_of(size) << (offset * 8);

    s->port = (s->port & ~mask) | ((uint32_t)value << (offset * 8) & mask);
}

static const IoOps echo_io = { .read = echo_read, .write = echo_write, .max_size = 4 };
static const IoOps echo_byte_io = { .read = echo_read, .write = echo_write, .max_size = 1 };

/*
 * An accelerator that maps guest memory by the host's page tables is to fault
 * on this page again. A change of its protection does that; to add and take
 * away the right to execute is one that no other thread's access can trip over.
 */
static void flush_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    size_t host_page = sysconf(_SC_PAGESIZE);
    RamHit hit;
    void *page;

    TRACE(pc_testdev_flush, "page 0x%08" PRIx64, value);
    if (!mem_lookup_ram(memory_space(), value & ~0xfffull, &hit) || !hit.writable) {
        return;
    }
    page = (void *)((uintptr_t)hit.host & ~(uintptr_t)(host_page - 1));
    if (!mprotect(page, host_page, PROT_READ | PROT_WRITE | PROT_EXEC)) {
        mprotect(page, host_page, PROT_READ | PROT_WRITE);
    }
}

static const IoOps flush_io = { .write = flush_write, .max_size = 4 };

static void line_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PcTestdev *s = opaque;

    TRACE(pc_testdev_line, "line %u level %d", (unsigned)offset, !!value);
    if (offset < ISA_NR_IRQS) {
        irq_set(isa_bus(&s->isa)->irqs[offset], !!value);
    }
}

static const IoOps line_io = { .write = line_write, .max_size = 1 };

static uint64_t mem_echo_read(void *opaque, uint64_t offset, unsigned size)
{
    PcTestdev *s = opaque;
    uint8_t bytes[8] = { 0 };

    memcpy(bytes, s->bytes + offset, MIN(size, sizeof(s->bytes) - offset));
    return ld64_le(bytes);
}

static void mem_echo_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PcTestdev *s = opaque;
    uint8_t bytes[8];

    st64_le(bytes, value);
    memcpy(s->bytes + offset, bytes, MIN(size, sizeof(s->bytes) - offset));
}

static const IoOps mem_echo_io = {
    .read = mem_echo_read, .write = mem_echo_write, .max_size = 8, .unaligned = true,
};

static bool pc_testdev_realize(Device *dev, Error **errp)
{
    PcTestdev *s = DEVICE_OF(dev, PcTestdev);

    if (!isa_map_ports(&s->isa, ECHO_PORT, 4, &echo_io, s, errp) ||
        !isa_map_ports(&s->isa, FLUSH_PORT, 4, &flush_io, s, errp) ||
        !isa_map_ports(&s->isa, ECHO_BYTE_PORT, 4, &echo_byte_io, s, errp) ||
        !isa_map_ports(&s->isa, IRQ_PORT, NR_LINES, &line_io, s, errp)) {
        return false;
    }
    region_init_io(&s->mem, &dev->obj, &mem_echo_io, s, "pc-testdev-iomem", ECHO_MEM_SIZE);
    region_add(memory_root(), ECHO_MEM_BASE, &s->mem, 1);
    return true;
}

static void pc_testdev_unrealize(Device *dev)
{
    PcTestdev *s = DEVICE_OF(dev, PcTestdev);

    region_remove(&s->mem);
    region_destroy(&s->mem);
}

static const StateField pc_testdev_state[] = {
    STATE_UINT(PcTestdev, port),
    STATE_BYTES(PcTestdev, bytes),
    { }
};

static const DeviceType pc_testdev_type = {
    .name = "pc-testdev", .desc = "ports, memory and interrupt lines for test programs",
    .bus = BUS_ISA, .size = sizeof(PcTestdev), .state = pc_testdev_state,
    .realize = pc_testdev_realize, .unrealize = pc_testdev_unrealize,
};
REGISTER_DEVICE(pc_testdev_type)

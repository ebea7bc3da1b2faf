/* i8257: ISA DMA controllers with page registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/dma/i8237.h"
#include "memory/dma.h"
#include "util/trace.h"

enum {
    COMMAND_DISABLE = 1 << 2,
    MODE_TYPE = 3 << 2, MODE_TO_MEMORY = 1 << 2, MODE_FROM_MEMORY = 2 << 2, MODE_AUTO = 1 << 4,
    MODE_DOWN = 1 << 5, MODE_CASCADE = 3 << 6,
};

typedef struct DmaChannel {
    uint16_t base_addr, base_count;     /* as written */
    uint16_t addr, count;               /* as they run; units are words on the second chip */
    uint8_t page, mode;
} DmaChannel;

typedef struct I8237 {
    IsaDevice isa;
    int32_t base, page_base, dshift;

    DmaChannel channel[4];
    uint8_t pages[8];               /* page registers no channel has: memory for the BIOS */
    uint8_t command, mask;
    uint8_t requests, terminal;     /* halves of the status register */
    bool high_byte;                 /* the flip-flop */
    struct I8237 *second;           /* channels 4 to 7 */
} I8237;

/* The page register of port (0x80 | n) belongs to that channel; 4: refresh, 0xff: none. */
static const uint8_t page_channel[8] = { 0xff, 2, 3, 1, 0xff, 0xff, 0xff, 0 };

static uint64_t channel_read(void *opaque, uint64_t offset, unsigned size)
{
    I8237 *s = opaque;
    unsigned reg = offset >> s->dshift;
    const DmaChannel *c = &s->channel[reg >> 1 & 3];
    uint16_t value = reg & 1 ? c->count : c->addr;
    bool high = s->high_byte;

    s->high_byte = !high;
    return high ? value >> 8 : value & 0xff;
}

static void channel_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8237 *s = opaque;
    unsigned reg = offset >> s->dshift;
    DmaChannel *c = &s->channel[reg >> 1 & 3];
    uint16_t *base = reg & 1 ? &c->base_count : &c->base_addr;

    *base = s->high_byte ? (*base & 0x00ff) | value << 8 : (*base & 0xff00) | (value & 0xff);
    s->high_byte = !s->high_byte;
    if (reg & 1) {
        c->count = c->base_count;
    } else {
        c->addr = c->base_addr;
    }
}

static void master_clear(I8237 *s)
{
    s->command = 0;
    s->mask = 0x0f;
    s->requests = s->terminal = 0;
    s->high_byte = false;
}

enum {
    REG_COMMAND, REG_REQUEST, REG_MASK_ONE, REG_MODE, REG_FLIP_FLOP, REG_CLEAR, REG_UNMASK,
    REG_MASK_ALL,
};

static void control_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I8237 *s = opaque;
    uint8_t bit = BIT(value & 3);

    TRACE(i8237_control, "base 0x%x reg %d value 0x%02x", s->base, (int)(offset >> s->dshift),
          (int)value);
    switch (offset >> s->dshift) {
    case REG_COMMAND:
        s->command = value;
        break;
    case REG_REQUEST:
        s->requests = value & 4 ? s->requests | bit : s->requests & ~bit;
        break;
    case REG_MASK_ONE:
        s->mask = value & 4 ? s->mask | bit : s->mask & ~bit;
        break;
    case REG_MODE:
        s->channel[value & 3].mode = value & 0xfc;
        break;
    case REG_FLIP_FLOP:
        s->high_byte = false;
        break;
    case REG_CLEAR:
        master_clear(s);
        break;
    case REG_UNMASK:
        s->mask = 0;
        break;
    case REG_MASK_ALL:
        s->mask = value & 0x0f;
        break;
    default:
        break;
    }
}

static uint64_t control_read(void *opaque, uint64_t offset, unsigned size)
{
    I8237 *s = opaque;
    uint8_t value;

    switch (offset >> s->dshift) {
    case REG_COMMAND:   /* status; reading it clears terminal count */
        value = s->requests << 4 | s->terminal;
        s->terminal = 0;
        return value;
    case REG_MASK_ALL:
        return s->mask | 0xf0;
    default:
        return 0;
    }
}

static uint8_t *page_register(I8237 *s, unsigned n)
{
    uint8_t channel = page_channel[n & 7];

    return channel < 4 ? &s->channel[channel].page : &s->pages[n & 7];
}

static uint64_t page_read(void *opaque, uint64_t offset, unsigned size)
{
    return *page_register(opaque, offset);
}

static void page_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    *page_register(opaque, offset) = value;
}

static const IoOps channel_io = {
    .read = channel_read, .write = channel_write, .max_size = 1,
};
static const IoOps control_io = {
    .read = control_read, .write = control_write, .max_size = 1,
};
static const IoOps page_io = { .read = page_read, .write = page_write, .max_size = 1 };

static I8237 *chip_of(IsaBus *bus, unsigned *channel)
{
    I8237 *s = bus->dma ? DEVICE_OF(bus->dma, I8237) : NULL;

    if (s && *channel >= 4) {
        s = s->second;
        *channel -= 4;
    }
    return *channel < 4 ? s : NULL;
}

size_t isa_dma_room(IsaBus *bus, unsigned channel)
{
    I8237 *s = chip_of(bus, &channel);

    if (!s || (s->mask & BIT(channel)) || (s->command & COMMAND_DISABLE) ||
        (s->channel[channel].mode & MODE_CASCADE) == MODE_CASCADE) {
        return 0;
    }
    return ((size_t)s->channel[channel].count + 1) << s->dshift;
}

void isa_dma_request(IsaBus *bus, unsigned channel, bool level)
{
    I8237 *s = chip_of(bus, &channel);

    if (s) {
        s->requests = level ? s->requests | BIT(channel) : s->requests & ~BIT(channel);
    }
}

/* The count has run out. */
static void terminate(I8237 *s, unsigned channel)
{
    DmaChannel *c = &s->channel[channel];

    s->terminal |= BIT(channel);
    if (c->mode & MODE_AUTO) {
        c->addr = c->base_addr;
        c->count = c->base_count;
    } else {
        c->count = 0xffff;
        s->mask |= BIT(channel);
    }
}

/* One unit after the other: addresses wrap inside their page of 64 KiB (128 for words). */
static size_t transfer(IsaBus *bus, unsigned channel, uint8_t *buf, size_t len, uint8_t type)
{
    I8237 *s = chip_of(bus, &channel);
    size_t done = 0, unit;
    DmaChannel *c;

    if (!s) {
        return 0;
    }
    c = &s->channel[channel];
    unit = (size_t)1 << s->dshift;
    while (len - done >= unit && isa_dma_room(bus, channel + (s->dshift ? 4 : 0)) &&
           (c->mode & MODE_TYPE) == type) {
        uint64_t page = s->dshift ? c->page & 0xfe : c->page;
        GuestAddr at = page << 16 | (uint32_t)c->addr << s->dshift;

        /* Beside RAM nothing answers: what is read is lost, as on the bus. */
        if (type == MODE_TO_MEMORY) {
            dma_write(memory_space(), at, buf + done, unit);
        } else {
            dma_read(memory_space(), at, buf + done, unit);
        }
        done += unit;
        c->addr += c->mode & MODE_DOWN ? -1 : 1;
        if (c->count-- == 0) {
            terminate(s, channel);
            break;
        }
    }
    return done;
}

size_t isa_dma_to_memory(IsaBus *bus, unsigned channel, const void *buf, size_t len)
{
    return transfer(bus, channel, (uint8_t *)(uintptr_t)buf, len, MODE_TO_MEMORY);
}

size_t isa_dma_from_memory(IsaBus *bus, unsigned channel, void *buf, size_t len)
{
    return transfer(bus, channel, buf, len, MODE_FROM_MEMORY);
}

static void i8237_reset(Device *dev)
{
    I8237 *s = DEVICE_OF(dev, I8237);

    memset(s->channel, 0, sizeof(s->channel));
    memset(s->pages, 0, sizeof(s->pages));
    master_clear(s);
}

static bool i8237_realize(Device *dev, Error **errp)
{
    I8237 *s = DEVICE_OF(dev, I8237);

    if (s->dshift < 0 || s->dshift > 1) {
        error_set(errp, "dshift is 0 (bytes) or 1 (words)");
        return false;
    }
    return isa_map_ports(&s->isa, s->base, 8 << s->dshift, &channel_io, s, errp) &&
           isa_map_ports(&s->isa, s->base + (8 << s->dshift), 8 << s->dshift, &control_io, s,
                         errp) &&
           isa_map_ports(&s->isa, s->page_base, 8, &page_io, s, errp);
}

static const Prop i8237_props[] = {
    PROP_I32(I8237, base, 0, "first port"),
    PROP_I32_AS("page-base", I8237, page_base, 0x80, "first of eight page registers"),
    PROP_I32(I8237, dshift, 0, "0: moves bytes, 1: words"),
    { }
};

static const StateField channel_state[] = {
    STATE_UINT(DmaChannel, base_addr),
    STATE_UINT(DmaChannel, base_count),
    STATE_UINT(DmaChannel, addr),
    STATE_UINT(DmaChannel, count),
    STATE_UINT(DmaChannel, page),
    STATE_UINT(DmaChannel, mode),
    { }
};

static const StateField i8237_state[] = {
    STATE_STRUCT_ARRAY(I8237, channel, channel_state),
    STATE_BYTES(I8237, pages),
    STATE_UINT(I8237, command),
    STATE_UINT(I8237, mask),
    STATE_UINT(I8237, requests),
    STATE_UINT(I8237, terminal),
    STATE_UINT_MAX(I8237, high_byte, 1),
    { }
};

static const DeviceType i8237_type = {
    .name = "i8257", .desc = "ISA DMA controller", .bus = BUS_ISA, .internal = true,
    .size = sizeof(I8237), .props = i8237_props, .state = i8237_state,
    .realize = i8237_realize, .reset = i8237_reset,
};
REGISTER_DEVICE(i8237_type)

Device *i8237_create_pair(IsaBus *bus)
{
    Device *first = device_create("i8257", &bus->bus, NULL, NULL);
    Device *second = device_create("i8257", &bus->bus, "base", "0xc0", "page-base", "0x88",
                                   "dshift", "1", NULL);

    DEVICE_OF(first, I8237)->second = DEVICE_OF(second, I8237);
    bus->dma = first;
    return first;
}

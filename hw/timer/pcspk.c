/* isa-pcspk: port 0x61: gate and output of the timer's third counter, the refresh bit */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/timer/i8254.h"
#include "util/clock.h"
#include "util/trace.h"

enum { GATE = 1 << 0, DATA = 1 << 1, CHECKS = 3 << 2, REFRESH = 1 << 4, OUT = 1 << 5 };

/* The refresh request toggles every 15.085 us on an AT. */
#define REFRESH_NS 15085

typedef struct PcSpk {
    IsaDevice isa;
    uint32_t iobase;
    uint8_t control;            /* GATE, DATA, CHECKS as written */
    Device *pit;
} PcSpk;

static uint64_t pcspk_read(void *opaque, uint64_t offset, unsigned size)
{
    PcSpk *s = opaque;
    uint8_t value = s->control;

    if (clock_ns(CLOCK_TYPE_VIRTUAL) / REFRESH_NS & 1) {
        value |= REFRESH;
    }
    if (s->pit && i8254_out(s->pit, 2)) {
        value |= OUT;
    }
    return value;
}

static void pcspk_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PcSpk *s = opaque;

    TRACE(pcspk_write, "value 0x%02x", (int)value);
    s->control = value & (GATE | DATA | CHECKS);
    if (s->pit) {
        i8254_set_gate(s->pit, 2, value & GATE);
    }
}

static const IoOps pcspk_io = { .read = pcspk_read, .write = pcspk_write, .max_size = 1 };

static void pcspk_reset(Device *dev)
{
    DEVICE_OF(dev, PcSpk)->control = 0;
}

static bool pcspk_realize(Device *dev, Error **errp)
{
    PcSpk *s = DEVICE_OF(dev, PcSpk);

    return isa_map_ports(&s->isa, s->iobase, 1, &pcspk_io, s, errp);
}

static const Prop pcspk_props[] = {
    PROP_U32(PcSpk, iobase, 0x61, "the port"),
    { }
};

static const StateField pcspk_state[] = {
    STATE_UINT(PcSpk, control),
    { }
};

static const DeviceType pcspk_type = {
    .name = "isa-pcspk", .desc = "speaker gate", .bus = BUS_ISA, .internal = true,
    .category = CATEGORY_SOUND, .size = sizeof(PcSpk), .props = pcspk_props,
    .state = pcspk_state, .realize = pcspk_realize, .reset = pcspk_reset,
};
REGISTER_DEVICE(pcspk_type)

Device *pcspk_create(IsaBus *bus, Device *pit)
{
    Device *dev = device_create("isa-pcspk", &bus->bus, NULL, NULL);

    DEVICE_OF(dev, PcSpk)->pit = pit;
    return dev;
}

/* isa-debug-exit: a byte written by the guest ends the run with that code */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

typedef struct DebugExit {
    IsaDevice isa;
    uint32_t iobase, iosize;
} DebugExit;

static void debug_exit_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    TRACE(debug_exit_write, "value 0x%" PRIx64, value);
    run_request_exit(value << 1 | 1);
}

static const IoOps debug_exit_io = { .write = debug_exit_write, .max_size = 4 };

static bool debug_exit_realize(Device *dev, Error **errp)
{
    DebugExit *s = DEVICE_OF(dev, DebugExit);

    return isa_map_ports(&s->isa, s->iobase, s->iosize, &debug_exit_io, s, errp);
}

static const Prop debug_exit_props[] = {
    PROP_U32(DebugExit, iobase, 0x501, "first port"),
    PROP_U32(DebugExit, iosize, 2, "number of ports"),
    { }
};

static const DeviceType debug_exit_type = {
    .name = "isa-debug-exit", .desc = "end the run with a code the guest chooses",
    .bus = BUS_ISA, .size = sizeof(DebugExit), .props = debug_exit_props,
    .realize = debug_exit_realize,
};
REGISTER_DEVICE(debug_exit_type)

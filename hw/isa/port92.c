/* port92: A20 gate and fast reset */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/run.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

enum { RESET = 1 << 0, A20 = 1 << 1 };

typedef struct Port92 {
    IsaDevice isa;
    uint8_t value;
} Port92;

static uint64_t port92_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((Port92 *)opaque)->value;
}

static void port92_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Port92 *s = opaque;
    uint8_t old = s->value;

    TRACE(port92_write, "value 0x%02x", (int)value);
    s->value = value;
    accel_set_a20(value & A20);
    if ((value & RESET) && !(old & RESET)) {
        run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static const IoOps port92_io = { .read = port92_read, .write = port92_write, .max_size = 1 };

/* A20 itself is opened by the keyboard controller's reset. */
static void port92_reset(Device *dev)
{
    DEVICE_OF(dev, Port92)->value = 0;
}

static bool port92_realize(Device *dev, Error **errp)
{
    Port92 *s = DEVICE_OF(dev, Port92);

    return isa_map_ports(&s->isa, 0x92, 1, &port92_io, s, errp);
}

static const StateField port92_state[] = {
    STATE_UINT(Port92, value),
    { }
};

static const DeviceType port92_type = {
    .name = "port92", .desc = "A20 gate and fast reset", .bus = BUS_ISA, .internal = true,
    .size = sizeof(Port92), .state = port92_state, .realize = port92_realize,
    .reset = port92_reset,
};
REGISTER_DEVICE(port92_type)

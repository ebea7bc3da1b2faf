/* System reset: registered functions first, then every device in order of creation */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/device.h"
#include "util/trace.h"

typedef struct Handler {
    void (*fn)(void *opaque);
    void *opaque;
} Handler;

static GArray *handlers;

void reset_register(void (*fn)(void *opaque), void *opaque)
{
    Handler handler = { fn, opaque };

    if (!handlers) {
        handlers = g_array_new(false, false, sizeof(Handler));
    }
    g_array_append_val(handlers, handler);
}

void device_reset(Device *dev)
{
    TRACE(device_reset, "%s", dev->obj.type->name);
    dev->generation++;
    if (dev->bus && dev->bus->type->reset_device) {
        dev->bus->type->reset_device(dev);
    }
    if (device_type(dev)->reset) {
        device_type(dev)->reset(dev);
    }
}

static void reset_one(Device *dev, void *opaque)
{
    device_reset(dev);
}

void devices_reset(void)
{
    for (unsigned i = 0; handlers && i < handlers->len; i++) {
        Handler *handler = &g_array_index(handlers, Handler, i);

        handler->fn(handler->opaque);
    }
    devices_for_each(reset_one, NULL);
}

bool device_fetch_state(Device *dev, Error **errp)
{
    const DeviceType *type = device_type(dev);

    return !type->fetch_state || type->fetch_state(dev, errp);
}

bool device_store_state(Device *dev, Error **errp)
{
    const DeviceType *type = device_type(dev);

    return !type->store_state || type->store_state(dev, errp);
}

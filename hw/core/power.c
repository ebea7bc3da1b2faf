/* The power button and waking up: who is told */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/power.h"

typedef struct Listener {
    const PowerOps *ops;
    void *opaque;
} Listener;

static GArray *listeners;

void power_register(const PowerOps *ops, void *opaque)
{
    Listener l = { ops, opaque };

    if (!listeners) {
        listeners = g_array_new(false, false, sizeof(Listener));
    }
    g_array_append_val(listeners, l);
}

bool power_press_button(void)
{
    bool any = false;

    for (unsigned i = 0; listeners && i < listeners->len; i++) {
        Listener *l = &g_array_index(listeners, Listener, i);

        if (l->ops->button) {
            l->ops->button(l->opaque);
            any = true;
        }
    }
    return any;
}

void power_sleep(void)
{
    for (unsigned i = 0; listeners && i < listeners->len; i++) {
        Listener *l = &g_array_index(listeners, Listener, i);

        if (l->ops->sleeping) {
            l->ops->sleeping(l->opaque);
        }
    }
}

bool power_can_wake(void)
{
    for (unsigned i = 0; listeners && i < listeners->len; i++) {
        if (g_array_index(listeners, Listener, i).ops->woken) {
            return true;
        }
    }
    return false;
}

void power_wake_up(void)
{
    for (unsigned i = 0; listeners && i < listeners->len; i++) {
        Listener *l = &g_array_index(listeners, Listener, i);

        if (l->ops->woken) {
            l->ops->woken(l->opaque);
        }
    }
}

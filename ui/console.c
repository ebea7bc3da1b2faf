/* Consoles: surfaces, dirty rectangles, the refresh timer */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "ui/console.h"
#include "util/clock.h"

#define REFRESH_NS (33 * 1000000LL)

struct Console {
    const ConsoleOps *ops;
    void *opaque;
    const Object *device;
    char *name;
    pixman_image_t *surface;
    List listeners;
    Timer timer;
    ListLink link;
};

static List consoles = { &consoles, &consoles };

static pixman_image_t *new_surface(int width, int height)
{
    return pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height, NULL, 0);
}

static void tick(void *opaque)
{
    Console *c = opaque;

    console_update(c);
    timer_arm(&c->timer, clock_ns(CLOCK_TYPE_REALTIME) + REFRESH_NS);
}

static Console *new_console(const ConsoleOps *ops, void *opaque, const char *name)
{
    Console *c = g_new0(Console, 1);

    c->ops = ops;
    c->opaque = opaque;
    c->name = g_strdup(name);
    c->surface = new_surface(640, 480);
    g_assert(c->surface);
    list_init(&c->listeners);
    timer_init(&c->timer, CLOCK_TYPE_REALTIME, tick, c);
    return c;
}

Console *console_new(const ConsoleOps *ops, void *opaque, Object *device)
{
    Console *c = new_console(ops, opaque, device->type->name), *text;

    c->device = device;
    /* The first of all is what a viewer shows at first. */
    list_for_each(text, &consoles, Console, link) {
        if (!text->device) {
            list_insert_before(&text->link, &c->link);
            return c;
        }
    }
    list_append(&consoles, &c->link);
    return c;
}

Console *console_new_text(const ConsoleOps *ops, void *opaque, const char *name)
{
    Console *c = new_console(ops, opaque, name);

    list_append(&consoles, &c->link);
    return c;
}

Console *console_of_device(const Object *device)
{
    Console *c;

    list_for_each(c, &consoles, Console, link) {
        if (c->device == device) {
            return c;
        }
    }
    return NULL;
}

void console_free(Console *c)
{
    ConsoleListener *l;

    list_for_each(l, &c->listeners, ConsoleListener, link) {
        list_remove(&l->link);
        l->console = NULL;
    }
    timer_disarm(&c->timer);
    list_remove(&c->link);
    pixman_image_unref(c->surface);
    g_free(c->name);
    g_free(c);
}

Console *console_get(unsigned n)
{
    Console *c;

    list_for_each(c, &consoles, Console, link) {
        if (!n--) {
            return c;
        }
    }
    return NULL;
}

const char *console_name(const Console *c)
{
    return c->name;
}

pixman_image_t *console_surface(Console *c)
{
    return c->surface;
}

int console_width(Console *c)
{
    return pixman_image_get_width(c->surface);
}

int console_height(Console *c)
{
    return pixman_image_get_height(c->surface);
}

uint32_t *console_row(Console *c, int y)
{
    return pixman_image_get_data(c->surface) + (size_t)y * pixman_image_get_stride(c->surface) / 4;
}

bool console_resize(Console *c, int width, int height)
{
    ConsoleListener *l;
    pixman_image_t *surface;

    if (width == console_width(c) && height == console_height(c)) {
        return true;
    }
    surface = new_surface(width, height);
    if (!surface) {
        report_warning("no memory for a screen of %d x %d", width, height);
        return false;
    }
    pixman_image_unref(c->surface);
    c->surface = surface;
    list_for_each(l, &c->listeners, ConsoleListener, link) {
        if (l->resized) {
            l->resized(l, c);
        }
    }
    return true;
}

void console_dirty(Console *c, int x, int y, int width, int height)
{
    ConsoleListener *l;

    list_for_each(l, &c->listeners, ConsoleListener, link) {
        if (l->updated) {
            l->updated(l, x, y, width, height);
        }
    }
}

void console_listen(Console *c, ConsoleListener *l)
{
    l->console = c;
    list_append(&c->listeners, &l->link);
    console_invalidate(c);
    if (!timer_armed(&c->timer)) {
        timer_arm(&c->timer, clock_ns(CLOCK_TYPE_REALTIME));
    }
}

void console_unlisten(ConsoleListener *l)
{
    Console *c = l->console;

    list_remove(&l->link);
    l->console = NULL;
    if (c && list_empty(&c->listeners)) {
        timer_disarm(&c->timer);
    }
}

void console_update(Console *c)
{
    c->ops->update(c->opaque);
}

void console_invalidate(Console *c)
{
    if (c->ops->invalidate) {
        c->ops->invalidate(c->opaque);
    }
}

bool console_type(Console *c, const char *bytes, size_t len)
{
    if (!c->ops->type) {
        return false;
    }
    c->ops->type(c->opaque, bytes, len);
    return true;
}

/* Consoles: a display adapter's picture as a pixman surface, and those who show it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include <pixman.h>
#include <stdbool.h>

#include "qom/object.h"
#include "util/error.h"
#include "util/list.h"

typedef struct Console Console;

/* The adapter's side. All with the VM lock held. */
typedef struct ConsoleOps {
    void (*update)(void *opaque);       /* draw what has changed since the last call */
    void (*invalidate)(void *opaque);   /* the next update draws everything */
    void (*type)(void *opaque, const char *bytes, size_t len);  /* only text consoles */
} ConsoleOps;

/* The viewer's side: a window, a VNC server. Embedded in it. */
typedef struct ConsoleListener {
    void (*resized)(struct ConsoleListener *l, Console *c);     /* there is a new surface */
    void (*updated)(struct ConsoleListener *l, int x, int y, int width, int height);
    Console *console;
    ListLink link;
} ConsoleListener;

Console *console_new(const ConsoleOps *ops, void *opaque, Object *device);
/* A text console: it comes behind those of adapters. */
Console *console_new_text(const ConsoleOps *ops, void *opaque, const char *name);
void console_free(Console *c);
/* The n-th one, NULL when there are not so many. */
Console *console_get(unsigned n);
const char *console_name(const Console *c);
/* The one of an adapter, NULL when it has none. */
Console *console_of_device(const Object *device);

/* 32 bits a pixel, x8r8g8b8; changes at console_resize(). Never NULL. */
pixman_image_t *console_surface(Console *c);
int console_width(Console *c);
int console_height(Console *c);
/* A row of pixels, for the adapter to draw into. */
uint32_t *console_row(Console *c, int y);
/*
 * A new surface, black; nothing happens when the size is the same. False when
 * the host has no memory for it: the old one stays, nothing may be drawn.
 */
bool console_resize(Console *c, int width, int height);
/* These pixels are new. */
void console_dirty(Console *c, int x, int y, int width, int height);

/* While there are listeners the console is updated 30 times a second. */
void console_listen(Console *c, ConsoleListener *l);
void console_unlisten(ConsoleListener *l);
/* Bring the surface up to date now. */
void console_update(Console *c);
void console_invalidate(Console *c);
/* What a terminal sends for keys. False: it is no text console, keys go through ui/input.h. */
bool console_type(Console *c, const char *bytes, size_t len);

/* Write the picture as it is now to a file, binary PPM or PNG, on a worker thread. */
bool co_console_dump(Console *c, const char *path, bool png, Error **errp);

#endif

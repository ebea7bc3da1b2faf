/* Input: key and pointer events on their way to the device that wants them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "qapi/types-ui.h"
#include "ui/keymap.h"
#include "util/list.h"

#define NR_INPUT_BUTTONS INPUT_BUTTON__MAX

/* Absolute coordinates run from 0 to this in both axes, whatever the screen's size. */
#define INPUT_ABS_MAX 0x7fff

/*
 * Who takes input; unset callbacks leave that kind to others. Of several the
 * one activated last gets an event. Embedded in its device. VM lock held.
 */
typedef struct InputHandler {
    const char *name;
    const char *desc;               /* as "info mice" shows it; NULL: the name */
    unsigned index;                 /* given when it is added */
    void (*key)(void *opaque, KeyCode key, bool down);
    void (*move)(void *opaque, int dx, int dy);
    void (*place)(void *opaque, int x, int y);
    void (*button)(void *opaque, InputButton button, bool down);
    void (*sync)(void *opaque);     /* a group of pointer events is complete */
    void *opaque;
    ListLink link;
} InputHandler;

/* All in the main loop or a vCPU's thread, with the VM lock held. */
void input_handler_add(InputHandler *h);        /* and activate */
void input_handler_activate(InputHandler *h);
void input_handler_remove(InputHandler *h);
/* Those with a pointer, the one that gets events first. */
void input_pointers_for_each(void (*fn)(const InputHandler *h, void *opaque), void *opaque);
/* Make the one of that index the first; false: there is none. */
bool input_pointer_select(unsigned index);
/* The pointer is an absolute one (a tablet), so that hosts need not grab it. */
bool input_is_absolute(void);
/* Is there anybody for this kind of event? */
bool input_takes_keys(void);
bool input_takes_buttons(void);
bool input_takes_moves(void);
bool input_takes_places(void);
/* The guest runs, so that commands may send input; told by system/run.c. */
void input_set_live(bool live);
bool input_is_live(void);

void input_key(KeyCode key, bool down);
void input_move(int dx, int dy);
void input_place(int x, int y);
void input_button(InputButton button, bool down);
void input_sync(void);
/* Let go of every key that is down (a window lost its focus). */
void input_release_all(void);

/*
 * Press keys in order, hold them for hold_ms of virtual time, release them in
 * reverse: "send-key". Waits behind what was queued before. False when 1024
 * events wait already.
 */
bool input_queue_keys(const KeyCode *keys, unsigned count, unsigned hold_ms);

#endif

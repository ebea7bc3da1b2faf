/* ps2: the keyboard and the mouse at the ends of the keyboard controller's two wires */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include <stdbool.h>
#include <stdint.h>

#include "qom/state.h"
#include "ui/input.h"

/*
 * What waits to be sent: answers to commands go before events. ready() is told
 * whenever something may have been added.
 */
typedef struct Ps2Port {
    uint8_t events[64], answers[8];
    uint8_t event_head, event_count, answer_head, answer_count;
    uint8_t last;               /* for "resend" */
    uint8_t command;            /* that waits for its argument, 0: none */
    void (*ready)(void *opaque);
    void *opaque;
} Ps2Port;

typedef struct Ps2Keyboard {
    Ps2Port port;
    InputHandler input;
    bool scanning;
    uint8_t set, leds, rate;
    bool ctrl, alt;             /* PrintScreen sends other codes with these down */
} Ps2Keyboard;

typedef struct Ps2Mouse {
    Ps2Port port;
    InputHandler input;
    bool reporting, remote, wrap, scale2;
    uint8_t rate, resolution;
    uint8_t type;               /* 0 PS/2, 3 with wheel, 4 with five buttons */
    uint8_t knock;              /* how far the rates that ask for 3 or 4 have come */
    uint8_t buttons, sent_buttons;  /* left, right, middle, side, extra */
    int32_t dx, dy, dz;         /* not yet sent */
} Ps2Mouse;

bool ps2_empty(const Ps2Port *p);
uint8_t ps2_read(Ps2Port *p);   /* the last byte again when empty */

void ps2_keyboard_init(Ps2Keyboard *k, void (*ready)(void *opaque), void *opaque);
void ps2_keyboard_write(Ps2Keyboard *k, uint8_t value);
void ps2_keyboard_reset(Ps2Keyboard *k);
void ps2_keyboard_destroy(Ps2Keyboard *k);
void ps2_mouse_init(Ps2Mouse *m, void (*ready)(void *opaque), void *opaque);
void ps2_mouse_write(Ps2Mouse *m, uint8_t value);
void ps2_mouse_reset(Ps2Mouse *m);
void ps2_mouse_destroy(Ps2Mouse *m);

/* Set 2 to set 1, as the controller translates: one byte without 0xf0. */
uint8_t ps2_translate(uint8_t set2);

extern const StateField ps2_keyboard_state[], ps2_mouse_state[];

#endif

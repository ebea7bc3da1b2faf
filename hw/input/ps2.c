/* ps2: what both wires share, and the keyboard */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/input/ps2-int.h"
#include "util/trace.h"

enum {
    CMD_LEDS = 0xed, CMD_ECHO = 0xee, CMD_SET = 0xf0, CMD_ID = 0xf2, CMD_RATE = 0xf3,
    CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6, CMD_ALL_FIRST = 0xf7,
    CMD_ALL_LAST = 0xfa, CMD_KEY_FIRST = 0xfb, CMD_KEY_LAST = 0xfd, CMD_RESEND = 0xfe,
    CMD_RESET = 0xff,
};

/* From set 2, as every 8042 since the AT translates; above 0x84 bytes stay as they are. */
static const uint8_t to_set1[0x85] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
};

uint8_t ps2_translate(uint8_t set2)
{
    return set2 < sizeof(to_set1) ? to_set1[set2] : set2;
}

/* 0x83 and 0x84 share their translation with other codes: they are the ones keyboards send. */
static uint8_t to_set2(uint8_t set1)
{
    for (unsigned i = sizeof(to_set1) - 1; i; i--) {
        if (to_set1[i] == set1) {
            return i;
        }
    }
    return 0;
}

bool ps2_empty(const Ps2Port *p)
{
    return !p->answer_count && !p->event_count;
}

uint8_t ps2_read(Ps2Port *p)
{
    if (p->answer_count) {
        p->last = p->answers[p->answer_head];
        p->answer_head = (p->answer_head + 1) % sizeof(p->answers);
        p->answer_count--;
    } else if (p->event_count) {
        p->last = p->events[p->event_head];
        p->event_head = (p->event_head + 1) % sizeof(p->events);
        p->event_count--;
    }
    return p->last;
}

void ps2_answer(Ps2Port *p, uint8_t byte)
{
    if (p->answer_count < sizeof(p->answers)) {
        p->answers[(p->answer_head + p->answer_count++) % sizeof(p->answers)] = byte;
    }
}

void ps2_flush(Ps2Port *p)
{
    p->event_head = p->event_count = p->answer_head = p->answer_count = 0;
    p->command = 0;
}

unsigned ps2_room(const Ps2Port *p)
{
    return sizeof(p->events) - p->event_count;
}

/* All of it or nothing: half a key would leave the guest with a key stuck. */
bool ps2_send(Ps2Port *p, const uint8_t *bytes, unsigned count)
{
    if (count > ps2_room(p)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        p->events[(p->event_head + p->event_count++) % sizeof(p->events)] = bytes[i];
    }
    p->ready(p->opaque);
    return true;
}

typedef struct Codes {
    uint8_t byte[8];
    unsigned count;
} Codes;

static void add(Codes *c, uint8_t byte)
{
    c->byte[c->count++] = byte;
}

/* One code, pressed or released, in set 1 or 2; code is set 1's. */
static void add_code(Codes *c, uint8_t set, uint8_t prefix, uint8_t code, bool down)
{
    if (prefix) {
        add(c, prefix);
    }
    if (set == 1) {
        add(c, code | (down ? 0 : 0x80));
    } else {
        if (!down) {
            add(c, 0xf0);
        }
        add(c, to_set2(code));
    }
}

/* PrintScreen carries a shift of its own, except with Alt (SysRq) and Ctrl. */
static void add_print(const Ps2Keyboard *k, Codes *c, bool down)
{
    if (k->alt) {
        add_code(c, k->set, 0, 0x54, down);
    } else if (k->ctrl) {
        add_code(c, k->set, 0xe0, 0x37, down);
    } else if (down) {
        add_code(c, k->set, 0xe0, 0x2a, true);
        add_code(c, k->set, 0xe0, 0x37, true);
    } else {
        add_code(c, k->set, 0xe0, 0x37, false);
        add_code(c, k->set, 0xe0, 0x2a, false);
    }
}

/* Pause sends make and break at once and nothing when let go; with Ctrl it is Break. */
static void add_pause(const Ps2Keyboard *k, Codes *c, bool down)
{
    if (!down) {
        return;
    }
    if (k->ctrl) {
        add_code(c, k->set, 0xe0, 0x46, true);
        add_code(c, k->set, 0xe0, 0x46, false);
    } else {
        add_code(c, k->set, 0xe1, 0x1d, true);
        add_code(c, k->set, 0, 0x45, true);
        add_code(c, k->set, 0xe1, 0x1d, false);
        add_code(c, k->set, 0, 0x45, false);
    }
}

static void keyboard_key(void *opaque, KeyCode key, bool down)
{
    Ps2Keyboard *k = opaque;
    uint16_t set1 = key_set1(key);
    Codes c = { .count = 0 };

    if (key == KEY_CTRL || key == KEY_CTRL_R) {
        k->ctrl = down;
    } else if (key == KEY_ALT || key == KEY_ALT_R) {
        k->alt = down;
    }
    if (!k->scanning) {
        return;
    }
    if (k->set == 3) {
        if (key_set3(key)) {
            if (!down) {
                add(&c, 0xf0);
            }
            add(&c, key_set3(key));
        }
    } else if (key == KEY_PRINT) {
        add_print(k, &c, down);
    } else if (key == KEY_PAUSE) {
        add_pause(k, &c, down);
    } else if (set1) {
        add_code(&c, k->set, set1 >> 8, set1 & 0xff, down);
    }
    if (c.count && !ps2_send(&k->port, c.byte, c.count)) {
        TRACE(ps2_keyboard_full, "%s lost", key_name(key));
    }
}

static void keyboard_defaults(Ps2Keyboard *k)
{
    k->set = 2;
    k->rate = 0x2b;     /* 10.9 a second after half a second */
}

static bool keyboard_argument(Ps2Keyboard *k, uint8_t value)
{
    uint8_t command = k->port.command;

    k->port.command = 0;
    if (command >= CMD_KEY_FIRST && command <= CMD_KEY_LAST && value < 0xed) {
        k->port.command = command;      /* a list of keys, until the next command */
        ps2_answer(&k->port, PS2_ACK);
        return true;
    }
    switch (command) {
    case CMD_LEDS:
        k->leds = value & 7;
        break;
    case CMD_RATE:
        k->rate = value & 0x7f;
        break;
    case CMD_SET:
        if (value > 3) {
            ps2_answer(&k->port, PS2_RESEND);
            return true;
        }
        ps2_answer(&k->port, PS2_ACK);
        if (value) {
            k->set = value;
        } else {
            ps2_answer(&k->port, k->set);
        }
        return true;
    default:
        return false;
    }
    ps2_answer(&k->port, PS2_ACK);
    return true;
}

static void keyboard_command(Ps2Keyboard *k, uint8_t value)
{
    Ps2Port *p = &k->port;

    switch (value) {
    case CMD_ECHO:
        ps2_answer(p, CMD_ECHO);
        return;
    case CMD_RESEND:
        ps2_answer(p, p->last);
        return;
    case CMD_LEDS:
    case CMD_SET:
    case CMD_RATE:
    case CMD_KEY_FIRST ... CMD_KEY_LAST:
        p->command = value;
        break;
    case CMD_ID:
        ps2_answer(p, PS2_ACK);
        ps2_answer(p, 0xab);
        ps2_answer(p, 0x83);
        return;
    case CMD_ENABLE:
        k->scanning = true;
        break;
    case CMD_DISABLE:
    case CMD_DEFAULTS:
        ps2_flush(p);
        keyboard_defaults(k);
        k->scanning = value == CMD_DEFAULTS;
        break;
    case CMD_ALL_FIRST ... CMD_ALL_LAST:    /* typematic, make/break: all keys send both */
        break;
    case CMD_RESET:
        ps2_keyboard_reset(k);
        ps2_answer(p, PS2_ACK);
        ps2_answer(p, PS2_PASSED);
        return;
    default:
        ps2_answer(p, PS2_RESEND);
        return;
    }
    ps2_answer(p, PS2_ACK);
}

void ps2_keyboard_write(Ps2Keyboard *k, uint8_t value)
{
    TRACE(ps2_keyboard_write, "value 0x%02x command 0x%02x", value, k->port.command);
    if (value != CMD_RESEND) {
        k->port.answer_count = 0;
    }
    if (!k->port.command || !keyboard_argument(k, value)) {
        keyboard_command(k, value);
    }
    k->port.ready(k->port.opaque);
}

void ps2_keyboard_reset(Ps2Keyboard *k)
{
    ps2_flush(&k->port);
    keyboard_defaults(k);
    k->scanning = true;
    k->leds = 0;
}

void ps2_keyboard_init(Ps2Keyboard *k, void (*ready)(void *opaque), void *opaque)
{
    k->port.ready = ready;
    k->port.opaque = opaque;
    k->input.name = "ps2-kbd";
    k->input.key = keyboard_key;
    k->input.opaque = k;
    input_handler_add(&k->input);
}

void ps2_keyboard_destroy(Ps2Keyboard *k)
{
    input_handler_remove(&k->input);
}

const StateField ps2_port_state[] = {
    STATE_BYTES(Ps2Port, events),
    STATE_BYTES(Ps2Port, answers),
    STATE_UINT_MAX(Ps2Port, event_head, 63),
    STATE_UINT_MAX(Ps2Port, event_count, 64),
    STATE_UINT_MAX(Ps2Port, answer_head, 7),
    STATE_UINT_MAX(Ps2Port, answer_count, 8),
    STATE_UINT(Ps2Port, last),
    STATE_UINT(Ps2Port, command),
    { }
};

const StateField ps2_keyboard_state[] = {
    STATE_STRUCT(Ps2Keyboard, port, ps2_port_state),
    STATE_UINT_MAX(Ps2Keyboard, scanning, 1),
    STATE_UINT_MAX(Ps2Keyboard, set, 3),
    STATE_UINT(Ps2Keyboard, leds),
    STATE_UINT(Ps2Keyboard, rate),
    STATE_UINT_MAX(Ps2Keyboard, ctrl, 1),
    STATE_UINT_MAX(Ps2Keyboard, alt, 1),
    { }
};

/* ps2: the mouse: plain, with wheel, with five buttons */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/input/ps2-int.h"
#include "util/trace.h"

enum {
    CMD_SCALE1 = 0xe6, CMD_SCALE2 = 0xe7, CMD_RESOLUTION = 0xe8, CMD_STATUS = 0xe9,
    CMD_STREAM = 0xea, CMD_POLL = 0xeb, CMD_UNWRAP = 0xec, CMD_WRAP = 0xee, CMD_REMOTE = 0xf0,
    CMD_ID = 0xf2, CMD_RATE = 0xf3, CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6,
    CMD_RESEND = 0xfe, CMD_RESET = 0xff,
};

/* Bits of buttons, as in a packet's first byte; the last two only type 4 has. */
enum { LEFT = 1, RIGHT = 2, MIDDLE = 4, SIDE = 8, EXTRA = 16 };
enum { TYPE_PLAIN = 0, TYPE_WHEEL = 3, TYPE_FIVE = 4 };

/* What does not fit into a packet stays for the next one. */
static int take(int32_t *from, int max)
{
    int part = CLAMP(*from, -max - 1, max);

    *from -= part;
    return part;
}

static unsigned make_packet(Ps2Mouse *m, uint8_t packet[4])
{
    int dx = take(&m->dx, 255), dy = take(&m->dy, 255), dz = 0;

    packet[0] = 8 | (m->buttons & 7) | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0);
    packet[1] = dx;
    packet[2] = dy;
    m->sent_buttons = m->buttons;
    switch (m->type) {
    case TYPE_WHEEL:
        dz = take(&m->dz, 127);
        packet[3] = dz;
        return 4;
    case TYPE_FIVE:
        dz = take(&m->dz, 7);
        packet[3] = (dz & 0xf) | (m->buttons & (SIDE | EXTRA)) << 1;
        return 4;
    default:
        m->dz = 0;
        return 3;
    }
}

static bool has_news(const Ps2Mouse *m)
{
    return m->dx || m->dy || m->dz || m->buttons != m->sent_buttons;
}

static void send_packets(Ps2Mouse *m)
{
    while (m->reporting && !m->remote && !m->wrap && has_news(m) && ps2_room(&m->port) >= 4) {
        uint8_t packet[4];
        unsigned count = make_packet(m, packet);

        ps2_send(&m->port, packet, count);
    }
}

static void mouse_move(void *opaque, int dx, int dy)
{
    Ps2Mouse *m = opaque;

    /* A guest that does not read must not make these overflow. */
    m->dx = CLAMP((int64_t)m->dx + dx, -65536, 65536);
    m->dy = CLAMP((int64_t)m->dy - dy, -65536, 65536);
}

static void mouse_button(void *opaque, InputButton button, bool down)
{
    static const uint8_t bits[NR_INPUT_BUTTONS] = {
        [INPUT_BUTTON_LEFT] = LEFT, [INPUT_BUTTON_RIGHT] = RIGHT, [INPUT_BUTTON_MIDDLE] = MIDDLE,
        [INPUT_BUTTON_SIDE] = SIDE, [INPUT_BUTTON_EXTRA] = EXTRA,
    };
    Ps2Mouse *m = opaque;

    if (down && button == INPUT_BUTTON_WHEEL_UP) {
        m->dz = MAX(m->dz - 1, -1024);
    } else if (down && button == INPUT_BUTTON_WHEEL_DOWN) {
        m->dz = MIN(m->dz + 1, 1024);
    }
    m->buttons = down ? m->buttons | bits[button] : m->buttons & ~bits[button];
    if (m->type != TYPE_FIVE) {
        m->buttons &= LEFT | RIGHT | MIDDLE;
    }
}

static void mouse_sync(void *opaque)
{
    Ps2Mouse *m = opaque;

    if (m->reporting) {
        send_packets(m);
    } else {
        m->dx = m->dy = m->dz = 0;
    }
}

/* Rates 200, 100, 80 in a row ask for a wheel; then 200, 200, 80 for five buttons. */
static void knock(Ps2Mouse *m, uint8_t rate)
{
    if (m->knock == 1 && (rate == 100 || rate == 200)) {
        m->knock = rate == 100 ? 2 : 3;
    } else if (m->knock >= 2 && rate == 80) {
        m->type = m->knock == 2 ? TYPE_WHEEL : TYPE_FIVE;
        m->knock = 0;
    } else {
        m->knock = rate == 200;
    }
}

static void defaults(Ps2Mouse *m)
{
    m->rate = 100;
    m->resolution = 2;
    m->scale2 = false;
    m->remote = false;
    m->reporting = false;
}

static void answer_status(Ps2Mouse *m)
{
    ps2_answer(&m->port, (m->remote ? 0x40 : 0) | (m->reporting ? 0x20 : 0) |
                         (m->scale2 ? 0x10 : 0) | (m->buttons & LEFT ? 4 : 0) |
                         (m->buttons & MIDDLE ? 2 : 0) | (m->buttons & RIGHT ? 1 : 0));
    ps2_answer(&m->port, m->resolution);
    ps2_answer(&m->port, m->rate);
}

static void command(Ps2Mouse *m, uint8_t value)
{
    Ps2Port *p = &m->port;
    uint8_t packet[4];

    if (value == CMD_RESEND) {
        ps2_answer(p, p->last);
        return;
    }
    ps2_answer(p, PS2_ACK);
    switch (value) {
    case CMD_SCALE1:
    case CMD_SCALE2:
        m->scale2 = value == CMD_SCALE2;
        break;
    case CMD_RESOLUTION:
    case CMD_RATE:
        p->command = value;
        break;
    case CMD_STATUS:
        answer_status(m);
        break;
    case CMD_STREAM:
    case CMD_REMOTE:
        m->remote = value == CMD_REMOTE;
        break;
    case CMD_POLL:
        for (unsigned i = 0, count = make_packet(m, packet); i < count; i++) {
            ps2_answer(p, packet[i]);
        }
        break;
    case CMD_UNWRAP:
    case CMD_WRAP:
        m->wrap = value == CMD_WRAP;
        break;
    case CMD_ID:
        ps2_answer(p, m->type);
        break;
    case CMD_ENABLE:
    case CMD_DISABLE:
        m->reporting = value == CMD_ENABLE;
        break;
    case CMD_DEFAULTS:
        defaults(m);
        break;
    case CMD_RESET:
        ps2_mouse_reset(m);
        ps2_answer(p, PS2_ACK);
        ps2_answer(p, PS2_PASSED);
        ps2_answer(p, 0x00);
        break;
    default:
        p->answer_count = 0;
        ps2_answer(p, PS2_RESEND);
        break;
    }
}

void ps2_mouse_write(Ps2Mouse *m, uint8_t value)
{
    Ps2Port *p = &m->port;
    uint8_t waiting = p->command;

    TRACE(ps2_mouse_write, "value 0x%02x command 0x%02x", value, waiting);
    p->command = 0;
    if (value != CMD_RESEND) {
        p->answer_count = 0;
    }
    if (m->wrap && value != CMD_UNWRAP && value != CMD_RESET) {
        ps2_answer(p, value);
    } else if (waiting == CMD_RATE) {
        m->rate = value;
        knock(m, value);
        ps2_answer(p, PS2_ACK);
    } else if (waiting == CMD_RESOLUTION) {
        m->resolution = value & 3;
        ps2_answer(p, PS2_ACK);
    } else {
        command(m, value);
    }
    p->ready(p->opaque);
}

void ps2_mouse_reset(Ps2Mouse *m)
{
    ps2_flush(&m->port);
    defaults(m);
    m->wrap = false;
    m->type = TYPE_PLAIN;
    m->knock = 0;
    m->dx = m->dy = m->dz = 0;
    m->buttons = m->sent_buttons = 0;
}

void ps2_mouse_init(Ps2Mouse *m, void (*ready)(void *opaque), void *opaque)
{
    m->port.ready = ready;
    m->port.opaque = opaque;
    m->input = (InputHandler){
        .name = "ps2-mouse", .desc = "PS/2 Mouse",
        .move = mouse_move, .button = mouse_button, .sync = mouse_sync,
        .opaque = m,
    };
    input_handler_add(&m->input);
}

void ps2_mouse_destroy(Ps2Mouse *m)
{
    input_handler_remove(&m->input);
}

const StateField ps2_mouse_state[] = {
    STATE_STRUCT(Ps2Mouse, port, ps2_port_state),
    STATE_UINT_MAX(Ps2Mouse, reporting, 1),
    STATE_UINT_MAX(Ps2Mouse, remote, 1),
    STATE_UINT_MAX(Ps2Mouse, wrap, 1),
    STATE_UINT_MAX(Ps2Mouse, scale2, 1),
    STATE_UINT(Ps2Mouse, rate),
    STATE_UINT_MAX(Ps2Mouse, resolution, 3),
    STATE_UINT_MAX(Ps2Mouse, type, 4),
    STATE_UINT_MAX(Ps2Mouse, knock, 3),
    STATE_UINT_MAX(Ps2Mouse, buttons, 31),
    STATE_UINT_MAX(Ps2Mouse, sent_buttons, 31),
    { }
};

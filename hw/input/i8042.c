/* i8042: keyboard controller: two PS/2 wires, A20, the reset pulse */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/run.h"
#include "hw/input/ps2.h"
#include "hw/isa/isa.h"
#include "util/trace.h"

enum {
    STATUS_OBF = 0x01, STATUS_SYSTEM = 0x04, STATUS_COMMAND = 0x08, STATUS_UNLOCKED = 0x10,
    STATUS_AUX_OBF = 0x20,
    MODE_INT = 0x01, MODE_AUX_INT = 0x02, MODE_SYSTEM = 0x04, MODE_NO_KBD = 0x10,
    MODE_NO_AUX = 0x20, MODE_TRANSLATE = 0x40,
    OUT_RESET = 0x01, OUT_A20 = 0x02, OUT_OBF = 0x10, OUT_AUX_OBF = 0x20,
};

enum {
    CMD_READ_RAM = 0x20, CMD_WRITE_RAM = 0x60, CMD_HAS_PASSWORD = 0xa4, CMD_NO_AUX = 0xa7,
    CMD_AUX = 0xa8, CMD_TEST_AUX = 0xa9, CMD_TEST = 0xaa, CMD_TEST_KBD = 0xab,
    CMD_NO_KBD = 0xad, CMD_KBD = 0xae, CMD_READ_IN = 0xc0, CMD_READ_OUT = 0xd0,
    CMD_WRITE_OUT = 0xd1, CMD_WRITE_KBD_OBF = 0xd2, CMD_WRITE_AUX_OBF = 0xd3,
    CMD_WRITE_AUX = 0xd4, CMD_A20_OFF = 0xdd, CMD_A20_ON = 0xdf, CMD_PULSE = 0xf0,
};

/* Where the byte in the output buffer came from. */
enum { FROM_NONE, FROM_CONTROLLER, FROM_KBD, FROM_AUX };

typedef struct I8042 {
    IsaDevice isa;
    uint8_t kbd_irq_number, mouse_irq_number;
    IrqLine *kbd_irq, *mouse_irq;

    uint8_t ram[32];            /* byte 0 is the mode, "command byte" */
    uint8_t out_port;           /* RESET and A20 */
    uint8_t out_byte, source;
    uint8_t held_byte, held;    /* a device's byte that an answer has pushed aside, FROM_* */
    uint8_t command;            /* that waits for its byte at port 0x60 */
    bool wrote_command, system;
    bool breaking;              /* 0xf0 came: the next code is a release, when translating */
    Ps2Keyboard kbd;
    Ps2Mouse mouse;
} I8042;

static uint8_t mode(const I8042 *s)
{
    return s->ram[0];
}

static void set_a20(I8042 *s, bool on)
{
    s->out_port = on ? s->out_port | OUT_A20 : s->out_port & ~OUT_A20;
    accel_set_a20(on);
}

static void put(I8042 *s, uint8_t byte, uint8_t source)
{
    s->out_byte = byte;
    s->source = source;
    TRACE(i8042_put, "byte 0x%02x source %u", byte, source);
    irq_set(s->mouse_irq, source == FROM_AUX && (mode(s) & MODE_AUX_INT));
    irq_set(s->kbd_irq, source != FROM_AUX && (mode(s) & MODE_INT));
}

/* A byte from the keyboard, translated: 0xf0 becomes the release bit of the next. */
static bool fetch_kbd(I8042 *s)
{
    while (!ps2_empty(&s->kbd.port)) {
        uint8_t byte = ps2_read(&s->kbd.port);

        if (!(mode(s) & MODE_TRANSLATE)) {
            put(s, byte, FROM_KBD);
            return true;
        }
        if (byte == 0xf0) {
            s->breaking = true;
            continue;
        }
        put(s, ps2_translate(byte) | (s->breaking ? 0x80 : 0), FROM_KBD);
        s->breaking = false;
        return true;
    }
    return false;
}

/* Fill the output buffer when it is free and a wire that is on has something. */
static void fill(void *opaque)
{
    I8042 *s = opaque;

    if (s->source != FROM_NONE) {
        return;
    }
    if (s->held != FROM_NONE) {
        uint8_t from = s->held;

        s->held = FROM_NONE;
        put(s, s->held_byte, from);
        return;
    }
    if (!(mode(s) & MODE_NO_KBD) && fetch_kbd(s)) {
        return;
    }
    if (!(mode(s) & MODE_NO_AUX) && !ps2_empty(&s->mouse.port)) {
        put(s, ps2_read(&s->mouse.port), FROM_AUX);
    }
}

/* An answer comes at once; what a device sent before must not get lost by it. */
static void answer(I8042 *s, uint8_t byte)
{
    if (s->source == FROM_KBD || s->source == FROM_AUX) {
        s->held_byte = s->out_byte;
        s->held = s->source;
    }
    put(s, byte, FROM_CONTROLLER);
}

static void set_mode(I8042 *s, uint8_t value)
{
    s->ram[0] = value;
    s->system = value & MODE_SYSTEM;
    /* A byte that waits shows on the line as soon as it may. */
    irq_set(s->kbd_irq, (s->source == FROM_KBD || s->source == FROM_CONTROLLER) &&
                        (value & MODE_INT));
    irq_set(s->mouse_irq, s->source == FROM_AUX && (value & MODE_AUX_INT));
    fill(s);
}

static void write_out_port(I8042 *s, uint8_t value)
{
    set_a20(s, value & OUT_A20);
    if (!(value & OUT_RESET)) {
        run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static uint8_t read_out_port(const I8042 *s)
{
    return s->out_port | OUT_RESET | (s->source == FROM_AUX ? OUT_AUX_OBF : 0) |
           (s->source == FROM_KBD || s->source == FROM_CONTROLLER ? OUT_OBF : 0) | 0xcc;
}

static void self_test(I8042 *s)
{
    s->system = true;
    s->ram[0] |= MODE_SYSTEM;
    answer(s, 0x55);
}

static void write_command(I8042 *s, uint8_t value)
{
    s->command = 0;
    s->wrote_command = true;
    switch (value) {
    case CMD_READ_RAM ... CMD_READ_RAM + 31:
        answer(s, s->ram[value & 31]);
        break;
    case CMD_WRITE_RAM ... CMD_WRITE_RAM + 31:
    case CMD_WRITE_OUT ... CMD_WRITE_AUX:
        s->command = value;
        break;
    case CMD_HAS_PASSWORD:
        answer(s, 0xf1);    /* none */
        break;
    case CMD_NO_AUX:
        s->ram[0] |= MODE_NO_AUX;
        break;
    case CMD_AUX:
        s->ram[0] &= ~MODE_NO_AUX;
        fill(s);
        break;
    case CMD_TEST_AUX:
    case CMD_TEST_KBD:
        answer(s, 0x00);
        break;
    case CMD_TEST:
        self_test(s);
        break;
    case CMD_NO_KBD:
        s->ram[0] |= MODE_NO_KBD;
        break;
    case CMD_KBD:
        s->ram[0] &= ~MODE_NO_KBD;
        fill(s);
        break;
    case CMD_READ_IN:
        answer(s, 0x80);    /* keyboard not locked */
        break;
    case CMD_READ_OUT:
        answer(s, read_out_port(s));
        break;
    case CMD_A20_OFF:
    case CMD_A20_ON:
        set_a20(s, value == CMD_A20_ON);
        break;
    case CMD_PULSE ... CMD_PULSE + 15:
        if (!(value & OUT_RESET)) {
            run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
        }
        break;
    default:
        TRACE(i8042_unknown, "command 0x%02x", value);
        break;
    }
}

static void write_data(I8042 *s, uint8_t value)
{
    uint8_t command = s->command;

    s->command = 0;
    s->wrote_command = false;
    switch (command) {
    case CMD_WRITE_RAM:
        set_mode(s, value);
        break;
    case CMD_WRITE_RAM + 1 ... CMD_WRITE_RAM + 31:
        s->ram[command & 31] = value;
        break;
    case CMD_WRITE_OUT:
        write_out_port(s, value);
        break;
    case CMD_WRITE_KBD_OBF:
        put(s, value, FROM_KBD);
        break;
    case CMD_WRITE_AUX_OBF:
        put(s, value, FROM_AUX);
        break;
    case CMD_WRITE_AUX:
        ps2_mouse_write(&s->mouse, value);
        break;
    default:
        /* Talking to the keyboard switches its wire on. */
        s->ram[0] &= ~MODE_NO_KBD;
        ps2_keyboard_write(&s->kbd, value);
        break;
    }
}

static uint8_t read_data(I8042 *s)
{
    uint8_t byte = s->out_byte;

    if (s->source == FROM_AUX) {
        irq_lower(s->mouse_irq);
    } else if (s->source != FROM_NONE) {
        irq_lower(s->kbd_irq);
    }
    s->source = FROM_NONE;
    fill(s);
    return byte;
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
    uint8_t value = read_data(opaque);

    TRACE(i8042_read, "data 0x%02x", value);
    return value;
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    TRACE(i8042_write, "data 0x%02x", (int)value);
    write_data(opaque, value);
}

static uint64_t status_read(void *opaque, uint64_t offset, unsigned size)
{
    I8042 *s = opaque;

    return STATUS_UNLOCKED | (s->system ? STATUS_SYSTEM : 0) |
           (s->wrote_command ? STATUS_COMMAND : 0) | (s->source != FROM_NONE ? STATUS_OBF : 0) |
           (s->source == FROM_AUX ? STATUS_AUX_OBF : 0);
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    TRACE(i8042_command, "command 0x%02x", (int)value);
    write_command(opaque, value);
}

static const IoOps data_io = { .read = data_read, .write = data_write, .max_size = 1 };
static const IoOps command_io = { .read = status_read, .write = command_write, .max_size = 1 };

static void i8042_reset(Device *dev)
{
    I8042 *s = DEVICE_OF(dev, I8042);

    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = MODE_INT | MODE_AUX_INT;
    s->out_port = OUT_RESET;
    s->source = s->held = FROM_NONE;
    s->command = 0;
    s->wrote_command = true;
    s->system = false;
    s->breaking = false;
    ps2_keyboard_reset(&s->kbd);
    ps2_mouse_reset(&s->mouse);
    irq_lower(s->kbd_irq);
    irq_lower(s->mouse_irq);
    set_a20(s, true);
}

static bool i8042_realize(Device *dev, Error **errp)
{
    I8042 *s = DEVICE_OF(dev, I8042);

    s->kbd_irq = isa_irq(&s->isa, s->kbd_irq_number, errp);
    if (!s->kbd_irq) {
        return false;
    }
    s->mouse_irq = isa_irq(&s->isa, s->mouse_irq_number, errp);
    if (!s->mouse_irq || !isa_map_ports(&s->isa, 0x60, 1, &data_io, s, errp) ||
        !isa_map_ports(&s->isa, 0x64, 1, &command_io, s, errp)) {
        return false;
    }
    ps2_keyboard_init(&s->kbd, fill, s);
    ps2_mouse_init(&s->mouse, fill, s);
    return true;
}

static void i8042_unrealize(Device *dev)
{
    I8042 *s = DEVICE_OF(dev, I8042);

    ps2_mouse_destroy(&s->mouse);
    ps2_keyboard_destroy(&s->kbd);
}

static const Prop i8042_props[] = {
    PROP_U8_AS("kbd-irq", I8042, kbd_irq_number, 1, "ISA interrupt of the keyboard"),
    PROP_U8_AS("mouse-irq", I8042, mouse_irq_number, 12, "ISA interrupt of the mouse"),
    { }
};

static const StateField i8042_state[] = {
    STATE_BYTES(I8042, ram),
    STATE_UINT(I8042, out_port),
    STATE_UINT(I8042, out_byte),
    STATE_UINT_MAX(I8042, source, FROM_AUX),
    STATE_UINT(I8042, held_byte),
    STATE_UINT_MAX(I8042, held, FROM_AUX),
    STATE_UINT(I8042, command),
    STATE_UINT_MAX(I8042, wrote_command, 1),
    STATE_UINT_MAX(I8042, system, 1),
    STATE_UINT_MAX(I8042, breaking, 1),
    STATE_STRUCT(I8042, kbd, ps2_keyboard_state),
    STATE_STRUCT(I8042, mouse, ps2_mouse_state),
    { }
};

static const DeviceType i8042_type = {
    .name = "i8042", .desc = "keyboard controller", .bus = BUS_ISA, .internal = true,
    .category = CATEGORY_INPUT, .size = sizeof(I8042), .props = i8042_props,
    .state = i8042_state, .realize = i8042_realize, .unrealize = i8042_unrealize,
    .reset = i8042_reset,
};
REGISTER_DEVICE(i8042_type)

/* serial: a serial port of the host, whose line follows the guest's settings */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/fd.h"
#include "qapi/types-char.h"

#include <sys/ioctl.h>
#include <termios.h>

typedef struct CharSerial {
    CharFd fd;
    int tty;
    bool saved;
    struct termios before;      /* what it is set back to at the end */
    enum { PLAIN, MARK, MARK_ZERO } state;
} CharSerial;

static const struct { unsigned baud; speed_t speed; } speeds[] = {
    { 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 }, { 200, B200 },
    { 300, B300 }, { 600, B600 }, { 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 },
    { 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 },
    { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 }, { 500000, B500000 },
    { 576000, B576000 }, { 921600, B921600 }, { 1000000, B1000000 }, { 1152000, B1152000 },
    { 1500000, B1500000 }, { 2000000, B2000000 }, { 2500000, B2500000 }, { 3000000, B3000000 },
    { 3500000, B3500000 }, { 4000000, B4000000 },
};

/* The fastest that is not faster than asked for, by more than what divisors round off. */
static speed_t speed_of(unsigned baud)
{
    size_t i = ARRAY_SIZE(speeds) - 1;

    while (i > 0 && speeds[i].baud > baud + baud / 20) {
        i--;
    }
    return speeds[i].speed;
}

static void set_line(CharSerial *s, const CharParams *params)
{
    struct termios tio;

    if (tcgetattr(s->tty, &tio) < 0) {
        return;
    }
    cfmakeraw(&tio);
    /* Breaks and bytes in error come marked by 0xff 0x00; 0xff itself comes twice. */
    tio.c_iflag |= PARMRK;
    tio.c_iflag &= ~(IGNBRK | BRKINT | IGNPAR | IXON | IXOFF);
    tio.c_cflag &= ~(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS);
    tio.c_cflag |= CLOCAL | CREAD;
    switch (params->data_bits) {
    case 5: tio.c_cflag |= CS5; break;
    case 6: tio.c_cflag |= CS6; break;
    case 7: tio.c_cflag |= CS7; break;
    default: tio.c_cflag |= CS8; break;
    }
    tio.c_cflag |= params->stop_bits > 1 ? CSTOPB : 0;
    if (params->parity == 'E' || params->parity == 'O') {
        tio.c_cflag |= PARENB | (params->parity == 'O' ? PARODD : 0);
        tio.c_iflag |= INPCK;
    }
    cfsetspeed(&tio, speed_of(params->baud));
    tcsetattr(s->tty, TCSANOW, &tio);
}

static void serial_set_params(Chardev *chr, const CharParams *params)
{
    CharSerial *s = (CharSerial *)chr;

    if (params->baud) {
        set_line(s, params);
    }
}

static void serial_set_break(Chardev *chr, bool on)
{
    ioctl(((CharSerial *)chr)->tty, on ? TIOCSBRK : TIOCCBRK);
}

/* termios(3), PARMRK: 0xff 0x00 0x00 is a break, 0xff 0x00 BYTE one in error, 0xff 0xff a 0xff. */
static void serial_read(void *opaque, const uint8_t *buf, size_t len)
{
    CharSerial *s = opaque;
    g_autofree uint8_t *out = g_malloc(len);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = buf[i];

        switch (s->state) {
        case PLAIN:
            if (c == 0xff) {
                s->state = MARK;
            } else {
                out[n++] = c;
            }
            break;
        case MARK:
            s->state = c == 0 ? MARK_ZERO : PLAIN;
            if (c != 0) {
                out[n++] = c;
            }
            break;
        case MARK_ZERO:
            s->state = PLAIN;
            if (c == 0) {
                chardev_deliver(&s->fd.chr, out, n);
                n = 0;
                chardev_event(&s->fd.chr, CHAR_EVENT_BREAK);
            } else {
                out[n++] = c;
            }
            break;
        }
    }
    chardev_deliver(&s->fd.chr, out, n);
}

static const ChannelOps serial_ops = {
    .can_read = char_fd_can_read,
    .read = serial_read,
    .ended = char_fd_ended,
    .writable = char_fd_writable,
};

static bool serial_open(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    static const CharParams usual = { 115200, 8, 1, 'N' };
    CharSerial *s = (CharSerial *)chr;
    const char *path = opts->u.serial.path;

    s->tty = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (s->tty < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    if (tcgetattr(s->tty, &s->before) < 0) {
        error_set_errno(errp, errno, "'%s' is not a serial port", path);
        close(s->tty);
        s->tty = -1;
        return false;
    }
    s->saved = true;
    set_line(s, &usual);
    chardev_set_where(chr, "serial:%s", path);
    char_fd_start(&s->fd, s->tty, s->tty, false, &serial_ops);
    return true;
}

static void serial_close(Chardev *chr)
{
    CharSerial *s = (CharSerial *)chr;

    char_fd_close(chr);
    if (s->saved) {
        tcsetattr(s->tty, TCSANOW, &s->before);
        close(s->tty);
    }
}

static const CharType serial_type = {
    .name = "serial",
    .alias = "tty",
    .desc = "a serial port of the host",
    .size = sizeof(CharSerial),
    .open = serial_open,
    .close = serial_close,
    .write = char_fd_write,
    .accept_input = char_fd_accept_input,
    .set_break = serial_set_break,
    .set_params = serial_set_params,
};
REGISTER_CHARDEV(serial_type)

/* pty: a new pseudo terminal, for a terminal program on the same host */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/fd.h"
#include "util/clock.h"

#include <poll.h>
#include <pty.h>
#include <termios.h>

#define LOOK_NS (NS_PER_SECOND / 2)     /* how often to look for somebody at the other side */

typedef struct CharPty {
    CharFd fd;              /* .channel only while somebody has the other side open */
    int master;
    Timer look;
} CharPty;

static const ChannelOps pty_ops;

static void pty_look(void *opaque)
{
    CharPty *s = opaque;
    struct pollfd pfd = { .fd = s->master, .events = POLLOUT };

    /* The kernel tells of no arrival, only that nobody is there (POLLHUP). */
    if (poll(&pfd, 1, 0) == 1 && !(pfd.revents & POLLHUP)) {
        char_fd_start(&s->fd, s->master, s->master, false, &pty_ops);
    } else {
        timer_arm(&s->look, clock_ns(CLOCK_TYPE_REALTIME) + LOOK_NS);
    }
}

static void pty_ended(void *opaque, int err)
{
    CharPty *s = opaque;

    channel_free(s->fd.channel);
    s->fd.channel = NULL;
    chardev_event(&s->fd.chr, CHAR_EVENT_CLOSED);
    chardev_writable(&s->fd.chr);       /* from now on output vanishes, nobody need wait */
    timer_arm(&s->look, clock_ns(CLOCK_TYPE_REALTIME) + LOOK_NS);
}

static const ChannelOps pty_ops = {
    .can_read = char_fd_can_read,
    .read = char_fd_read,
    .ended = pty_ended,
    .writable = char_fd_writable,
};

static bool pty_open(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    CharPty *s = (CharPty *)chr;
    struct termios tio;
    char name[64];
    int slave;

    s->master = -1;
    timer_init(&s->look, CLOCK_TYPE_REALTIME, pty_look, s);
    if (openpty(&s->master, &slave, NULL, NULL, NULL) < 0) {
        error_set_errno(errp, errno, "Failed to create PTY");
        return false;
    }
    fcntl(s->master, F_SETFD, FD_CLOEXEC);
    tcgetattr(slave, &tio);
    cfmakeraw(&tio);
    tcsetattr(slave, TCSAFLUSH, &tio);
    close(slave);
    if (ptsname_r(s->master, name, sizeof(name))) {
        error_set_errno(errp, errno, "Failed to name the PTY");
        return false;
    }
    chardev_set_where(chr, "pty:%s", name);
    /* Harnesses read this line to find the terminal. */
    fprintf(stderr, "char device redirected to %s (label %s)\n", name, chr->id);
    pty_look(s);
    return true;
}

static void pty_close(Chardev *chr)
{
    CharPty *s = (CharPty *)chr;

    timer_disarm(&s->look);
    char_fd_close(chr);
    if (s->master >= 0) {
        close(s->master);
    }
}

static const CharType pty_type = {
    .name = "pty",
    .desc = "a new pseudo terminal",
    .size = sizeof(CharPty),
    .open = pty_open,
    .close = pty_close,
    .write = char_fd_write,
    .accept_input = char_fd_accept_input,
};
REGISTER_CHARDEV(pty_type)

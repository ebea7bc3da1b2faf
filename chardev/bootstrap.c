/* Short forms of back ends on plain descriptors; goes when the real stdio, file and socket land */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char-int.h"
#include "util/loop.h"

#include <sys/socket.h>
#include <sys/un.h>

typedef struct FdChardev {
    Chardev chr;
    int in, out;
    bool paused;
} FdChardev;

static void fd_readable(void *opaque)
{
    FdChardev *s = opaque;
    uint8_t buf[4096];
    size_t room = MIN(chardev_can_read(&s->chr), sizeof(buf));
    ssize_t n;

    if (!room) {
        s->paused = true;
        loop_set_fd(loop_main(), s->in, NULL, NULL, NULL);
        return;
    }
    n = read(s->in, buf, room);
    if (n > 0) {
        chardev_deliver(&s->chr, buf, n);
    } else if (n == 0 || errno != EAGAIN) {
        loop_set_fd(loop_main(), s->in, NULL, NULL, NULL);
        chardev_event(&s->chr, CHAR_EVENT_CLOSED);
    }
}

static void fd_accept_input(Chardev *chr)
{
    FdChardev *s = (FdChardev *)chr;

    if (s->paused) {
        s->paused = false;
        loop_set_fd(loop_main(), s->in, fd_readable, NULL, s);
    }
}

static size_t fd_write(Chardev *chr, const uint8_t *buf, size_t len, bool all)
{
    FdChardev *s = (FdChardev *)chr;
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(s->out, buf + done, len - done);

        if (n <= 0) {
            break;
        }
        done += n;
    }
    return len;
}

static const CharType fd_type = {
    .name = "fd-bootstrap", .size = sizeof(FdChardev), .write = fd_write,
    .accept_input = fd_accept_input,
};

Chardev *chardev_new_short(const char *spec, const char *id, bool *want_monitor, Error **errp)
{
    Chardev *chr = chardev_create(&fd_type, id, NULL, errp);
    FdChardev *s = (FdChardev *)chr;

    s->in = -1;
    s->out = 1;
    if (g_str_has_prefix(spec, "chardev:")) {
        return chardev_find(spec + 8);
    }
    if (!strcmp(spec, "stdio")) {
        s->in = 0;
    } else if (g_str_has_prefix(spec, "file:")) {
        s->out = open(spec + 5, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    } else if (g_str_has_prefix(spec, "unix:")) {
        struct sockaddr_un sun = { .sun_family = AF_UNIX };

        g_strlcpy(sun.sun_path, spec + 5, sizeof(sun.sun_path));
        s->in = s->out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(s->in, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
            error_set_errno(errp, errno, "Failed to connect to '%s'", spec + 5);
            return NULL;
        }
    }
    chr->open = true;
    if (s->in >= 0) {
        loop_set_fd(loop_main(), s->in, fd_readable, NULL, s);
    }
    return chr;
}

/* file: output to a file; pipe: a pair of named pipes, or one for both ways */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/fd.h"
#include "qapi/types-char.h"
#include "util/fdset.h"

static int open_path(const char *path, int flags, Error **errp)
{
    int fd = fdset_open(path, flags | O_NOCTTY, 0666);

    if (fd < 0) {
        error_set_errno(errp, errno, "Could not open '%s'", path);
    }
    return fd;
}

static bool file_open(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    const ChardevFile *file = &opts->u.file;
    int in = -1, out;

    out = open_path(file->path, O_WRONLY | O_CREAT | (file->append ? O_APPEND : O_TRUNC), errp);
    if (out < 0) {
        return false;
    }
    if (file->input_path) {
        in = open_path(file->input_path, O_RDONLY, errp);
        if (in < 0) {
            close(out);
            return false;
        }
    }
    chardev_set_where(chr, "file:%s", file->path);
    char_fd_start((CharFd *)chr, in, out, true, &char_fd_ops);
    return true;
}

static bool pipe_open(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    const char *path = opts->u.pipe.path;
    g_autofree char *in_path = g_strconcat(path, ".in", NULL);
    g_autofree char *out_path = g_strconcat(path, ".out", NULL);
    int in, out;

    /* Opened for both ways, a pipe neither waits for its other end nor ends without one. */
    in = open(in_path, O_RDWR | O_CLOEXEC);
    out = open(out_path, O_RDWR | O_CLOEXEC);
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = open_path(path, O_RDWR, errp);
        if (in < 0) {
            return false;
        }
    }
    chardev_set_where(chr, "pipe:%s", path);
    char_fd_start((CharFd *)chr, in, out, true, &char_fd_ops);
    return true;
}

static const CharType file_type = {
    .name = "file",
    .desc = "output goes to a file",
    .size = sizeof(CharFd),
    .open = file_open,
    .close = char_fd_close,
    .write = char_fd_write,
    .accept_input = char_fd_accept_input,
};
REGISTER_CHARDEV(file_type)

static const CharType pipe_type = {
    .name = "pipe",
    .desc = "named pipes PATH.in and PATH.out, or PATH",
    .size = sizeof(CharFd),
    .open = pipe_open,
    .close = char_fd_close,
    .write = char_fd_write,
    .accept_input = char_fd_accept_input,
};
REGISTER_CHARDEV(pipe_type)

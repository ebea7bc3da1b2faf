/* stdio: the program's own input and output; a terminal is set raw and restored at the end */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/fd.h"
#include "qapi/types-char.h"

#include <signal.h>
#include <termios.h>

static CharFd *stdio_user;          /* there is one terminal, so one user */
static bool is_terminal;
static struct termios cooked, raw;
static int old_flags[2];

/* Async-signal-safe: tcsetattr() and fcntl() are. */
static void restore(void)
{
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
    }
    fcntl(STDIN_FILENO, F_SETFL, old_flags[0]);
    fcntl(STDOUT_FILENO, F_SETFL, old_flags[1]);
}

static void restore_at_exit(void)
{
    if (stdio_user) {
        restore();
    }
}

/* Ctrl-Z: the shell gets its terminal back, and we take it again when continued. */
static void on_suspend(int sig)
{
    int saved = errno;

    restore();
    kill(getpid(), SIGSTOP);
    errno = saved;
}

static void on_continue(int sig)
{
    int saved = errno;

    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fcntl(STDIN_FILENO, F_SETFL, old_flags[0] | O_NONBLOCK);
    fcntl(STDOUT_FILENO, F_SETFL, old_flags[1] | O_NONBLOCK);
    errno = saved;
}

static void on_abort(int sig)
{
    restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void set_handlers(bool on)
{
    static const struct {
        int sig;
        void (*fn)(int sig);
    } handlers[] = { { SIGTSTP, on_suspend }, { SIGCONT, on_continue }, { SIGABRT, on_abort } };

    for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
        struct sigaction sa = { .sa_handler = on ? handlers[i].fn : SIG_DFL,
                                .sa_flags = SA_RESTART };

        sigaction(handlers[i].sig, &sa, NULL);
    }
}

static void make_raw(bool signals)
{
    raw = cooked;
    raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;       /* the program's own messages keep their line ends */
    raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals) {
        raw.c_lflag &= ~ISIG;
    }
    raw.c_cflag &= ~(CSIZE | PARENB);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static bool stdio_open(Chardev *chr, const ChardevOptions *opts, Error **errp)
{
    static bool at_exit;
    const ChardevStdio *stdio = &opts->u.stdio;

    if (stdio_user) {
        error_set(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    stdio_user = (CharFd *)chr;
    old_flags[0] = fcntl(STDIN_FILENO, F_GETFL);
    old_flags[1] = fcntl(STDOUT_FILENO, F_GETFL);
    is_terminal = !tcgetattr(STDIN_FILENO, &cooked);
    if (is_terminal) {
        make_raw(!stdio->has_signal || stdio->signal);
        set_handlers(true);
    }
    if (!at_exit) {
        atexit(restore_at_exit);
        at_exit = true;
    }
    fflush(stdout);
    char_fd_start(stdio_user, old_flags[0] >= 0 ? STDIN_FILENO : -1,
                  old_flags[1] >= 0 ? STDOUT_FILENO : -1, false, &char_fd_ops);
    return true;
}

static void stdio_close(Chardev *chr)
{
    if (stdio_user == (CharFd *)chr) {
        char_fd_close(chr);
        restore();
        if (is_terminal) {
            set_handlers(false);
        }
        stdio_user = NULL;
    }
}

static const CharType stdio_type = {
    .name = "stdio",
    .desc = "the program's own input and output",
    .size = sizeof(CharFd),
    .open = stdio_open,
    .close = stdio_close,
    .write = char_fd_write,
    .accept_input = char_fd_accept_input,
};
REGISTER_CHARDEV(stdio_type)

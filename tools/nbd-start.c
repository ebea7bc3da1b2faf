/* How mica-nbd starts: sockets that are handed over, going to the background */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/nbd.h"

#include "util/parse.h"

#define ACTIVATION_FD 3     /* sd_listen_fds(3): the first that is handed over */

bool nbd_take_activation(NbdArgs *a)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    const char *refused = NULL;
    uint64_t n;

    if (!pid || !fds || parse_u64(pid, 10, &n) || n != (uint64_t)getpid() ||
        parse_u64(fds, 10, &n) || !n) {
        return true;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    if (n > 1) {
        refused = "mica-nbd does not support socket activation with several sockets";
    } else if (a->list) {
        refused = "List mode is incompatible with socket activation";
    } else if (a->socket) {
        refused = "Unix socket can't be set when using socket activation";
    } else if (a->bind) {
        refused = "The interface can't be set when using socket activation";
    } else if (a->port) {
        refused = "TCP port number can't be set when using socket activation";
    } else if (!socket_is_listening(ACTIVATION_FD)) {
        refused = "Failed to use socket activation: descriptor 3 is no socket that listens";
    }
    if (refused) {
        report_error("%s", refused);
        return false;
    }
    fcntl(ACTIVATION_FD, F_SETFD, FD_CLOEXEC);
    a->listen_fd = ACTIVATION_FD;
    return true;
}

bool nbd_fork(NbdArgs *a)
{
    int fds[2], null;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) || (pid = fork()) < 0) {
        report_error("Failed to fork: %s", g_strerror(errno));
        return false;
    }
    if (pid) {
        ssize_t got;
        char byte;

        close(fds[1]);
        do {
            got = read(fds[0], &byte, 1);
        } while (got < 0 && errno == EINTR);
        a->status = got == 1 ? 0 : 1;
        return false;
    }
    close(fds[0]);
    setsid();
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        close(null);
    }
    a->ready_fd = fds[1];
    return true;
}

void nbd_address(const NbdArgs *a, SockAddr *addr)
{
    *addr = (SockAddr){ .kind = a->socket ? SOCK_KIND_UNIX : SOCK_KIND_TCP, .fd = -1 };
    if (a->socket) {
        addr->path = g_strdup(a->socket);
    } else {
        addr->host = g_strdup(a->bind ? a->bind : "0.0.0.0");
        addr->port = g_strdup(a->port ? a->port : NBD_DEFAULT_PORT);
    }
}

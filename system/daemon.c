/* -daemonize and -pidfile */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "system/config.h"

#include <sys/file.h>

static int ready_fd = -1;       /* to the parent, who waits for a byte */
static char *pidfile;

/* Who is in the background has no terminal to talk to. */
bool daemon_allowed(const Config *c, Error **errp)
{
    if (c->preconfig) {
        error_set(errp, "-preconfig cannot be used with -daemonize: nobody would wait for it");
        return false;
    }
    for (unsigned i = 0; i < c->chardevs->len; i++) {
        const ConfigItem *item = c->chardevs->pdata[i];
        const char *backend = item->json ? keyval_get(item->json, "backend") : item->text;

        if (g_str_has_suffix(backend, "stdio")) {
            /* -nographic is fine where all it would put on the terminal is elsewhere. */
            if (!strcmp(item->origin, "-nographic")) {
                error_set(errp, "-nographic cannot be used with -daemonize");
                return false;
            }
            error_set(errp, "%s: cannot use stdio with -daemonize", item->origin);
            return false;
        }
    }
    return true;
}

void daemon_fork(void)
{
    int fds[2];
    pid_t pid;
    char byte;

    if (pipe(fds) < 0 || (pid = fork()) < 0) {
        report_error("-daemonize: %s", g_strerror(errno));
        exit(1);
    }
    if (pid > 0) {
        close(fds[1]);
        /* End of file without the byte: the child failed and said why. */
        _exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(fds[0]);
    ready_fd = fds[1];
    fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
    setsid();
    pid = fork();
    if (pid < 0) {
        exit(1);
    }
    if (pid > 0) {
        _exit(0);               /* a session leader could get a terminal again */
    }
    umask(027);
}

void daemon_ready(void)
{
    int null;

    if (ready_fd < 0) {
        return;
    }
    if (chdir("/") < 0) {
        report_warning("-daemonize: cannot change to /: %s", g_strerror(errno));
    }
    if (write(ready_fd, "", 1) != 1) {
        exit(1);                /* the parent is gone */
    }
    close(ready_fd);
    ready_fd = -1;
    null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO) {
            close(null);
        }
    }
}

static void remove_pidfile(void)
{
    unlink(pidfile);
}

bool daemon_write_pidfile(const char *path, Error **errp)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    char *real;

    if (fd < 0) {
        error_set_errno(errp, errno, "cannot create PID file: Could not create '%s'", path);
        return false;
    }
    /* The lock lasts as long as the process, so fd stays open. */
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        error_set_errno(errp, errno, "cannot create PID file: '%s' is in use", path);
        close(fd);
        return false;
    }
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        error_set_errno(errp, errno, "cannot create PID file: Failed to write to '%s'", path);
        close(fd);
        return false;
    }
    real = realpath(path, NULL);
    pidfile = g_strdup(real ? real : path);
    free(real);
    atexit(remove_pidfile);
    return true;
}

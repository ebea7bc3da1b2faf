/* getfd, closefd, add-fd, remove-fd, query-fdsets: descriptors that came over the socket */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/monitor-int.h"
#include "qapi/commands-control.h"
#include "util/fdset.h"

static int take_fd(Error **errp)
{
    Monitor *mon = monitor_current();
    int fd = mon ? char_fe_take_fd(&mon->fe) : -1;

    if (fd < 0) {
        error_set(errp, "No file descriptor supplied via SCM_RIGHTS");
    }
    return fd;
}

void qmp_getfd(const char *fdname, Error **errp)
{
    int fd = take_fd(errp);

    if (fd < 0) {
        return;
    }
    if (g_ascii_isdigit(*fdname)) {
        close(fd);
        error_set(errp, "Parameter 'fdname' expects a name not starting with a digit");
        return;
    }
    fd_name_add(fdname, fd);
}

void qmp_closefd(const char *fdname, Error **errp)
{
    fd_name_remove(fdname, errp);
}

AddfdInfo *qmp_add_fd(bool has_fdset_id, int64_t fdset_id, const char *opaque, Error **errp)
{
    int fd = take_fd(errp);
    AddfdInfo *info;

    if (fd < 0) {
        return NULL;
    }
    if (has_fdset_id && fdset_id < 0) {
        close(fd);
        error_set(errp, "Parameter 'fdset-id' expects a non-negative value");
        return NULL;
    }
    info = g_new0(AddfdInfo, 1);
    info->fd = fd;
    info->fdset_id = fdset_add(has_fdset_id ? fdset_id : -1, fd, opaque);
    return info;
}

void qmp_remove_fd(int64_t fdset_id, bool has_fd, int64_t fd, Error **errp)
{
    fdset_remove(fdset_id, has_fd ? CLAMP(fd, 0, INT_MAX) : -1, errp);
}

static void add_set(int64_t id, const FdsetEntry *entries, unsigned n, void *opaque)
{
    FdsetInfoList ***tail = opaque, *node = g_new0(FdsetInfoList, 1);
    FdsetFdInfoList **fds;

    node->value = g_new0(FdsetInfo, 1);
    node->value->fdset_id = id;
    fds = &node->value->fds;
    for (unsigned i = 0; i < n; i++) {
        *fds = g_new0(FdsetFdInfoList, 1);
        (*fds)->value = g_new0(FdsetFdInfo, 1);
        (*fds)->value->fd = entries[i].fd;
        (*fds)->value->opaque = g_strdup(entries[i].opaque);
        fds = &(*fds)->next;
    }
    **tail = node;
    *tail = &node->next;
}

FdsetInfoList *qmp_query_fdsets(Error **errp)
{
    FdsetInfoList *list = NULL, **tail = &list;

    fdset_foreach(add_set, &tail);
    return list;
}

void fdset_peers_gone(void)
{
    fdset_remove_unused();
}

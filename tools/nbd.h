/* What the parts of mica-nbd share: the command line, and the steps that main() takes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_NBD_H
#define TOOLS_NBD_H

#include "block/nbd/proto.h"
#include "tools/tool.h"
#include "util/socket.h"

typedef struct NbdArgs {
    ToolOpen open;
    bool version, list, read_only, allocation_depth, persistent, verbose, fork;
    bool has_cache, has_discard, unmap_zeroes;
    const char *bind, *port, *socket;
    const char *name, *description, *pid_file, *load_snapshot;
    const char *tls_creds, *tls_hostname, *tls_authz;
    char *detect_zeroes;            /* as an option of a node */
    GPtrArray *bitmaps;
    int64_t offset;
    unsigned shared;
    int ready_fd;                   /* tells the parent that clients can come; -1: none waits */
    int listen_fd;                  /* that was handed over; -1: none */
    int status;
} NbdArgs;

/* Where to listen, or what to connect to; sockaddr_clear(). */
void nbd_address(const NbdArgs *args, SockAddr *addr);
/* A socket from systemd or the like, into listen_fd; false: reported. */
bool nbd_take_activation(NbdArgs *args);
/* True in the child; in the parent, once it is known how the child fares, in status. */
bool nbd_fork(NbdArgs *args);

/* Both return the program's exit status. */
int co_nbd_serve(NbdArgs *args);
int co_nbd_list(const NbdArgs *args);

#endif

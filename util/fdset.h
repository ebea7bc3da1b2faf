/* Descriptors that clients pass: by name (getfd), and in sets that /dev/fdset/N opens */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_FDSET_H
#define UTIL_FDSET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

/* Main thread, VM lock held, unless said otherwise. Descriptors given are owned from then on. */

/* --- by name: each is taken once --- */

void fd_name_add(const char *name, int fd);         /* closes the former of that name */
bool fd_name_remove(const char *name, Error **errp);
/*
 * "7": descriptor 7 of this process; "name": what getfd put there. The caller
 * owns it. -1 with errp.
 */
int fd_name_take(const char *text, Error **errp);

/* --- in sets --- */

typedef struct FdsetEntry {
    int fd;
    char *opaque;               /* what the client wants to remember */
} FdsetEntry;

/* id < 0: the lowest free one. Returns the id. */
int64_t fdset_add(int64_t id, int fd, const char *opaque);
/* fd < 0: all of the set. What was opened from it stays open. */
bool fdset_remove(int64_t id, int fd, Error **errp);
/* Those from which nothing was ever opened. */
void fdset_remove_unused(void);
void fdset_foreach(void (*fn)(int64_t id, const FdsetEntry *entries, unsigned n, void *opaque),
                   void *opaque);

/*
 * open(), where "/dev/fdset/N" is a duplicate of a descriptor of set N whose
 * access mode is that of flags. Returns -1 with errno: ENOENT where there is
 * no such set, EACCES where none of its descriptors fits. Any thread.
 */
int fdset_open(const char *path, int flags, mode_t mode);

#endif

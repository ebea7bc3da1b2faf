/* file and host_device, what their files share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_DRIVERS_FILE_INT_H
#define BLOCK_DRIVERS_FILE_INT_H

#include "block/aio/aio.h"
#include "block/driver.h"

typedef struct FileState {
    int fd;
    bool writable, direct;              /* how fd was opened */
    bool block_device;
    AioEngine engine;
    bool engine_given;                  /* by the user */
    AioQueue writes;
    bool locking;
    bool no_zero_range, no_punch_hole;  /* the file system has them not */
    int64_t data_start, data_end;       /* certainly data: what lseek() said last */
    uint64_t discards, failed_discards, discarded_bytes;
    uint32_t locked, locked_shared;     /* bit n: the byte base + n is locked */
    uint32_t old_locked, old_locked_shared;     /* before file_check_perm() */
    int next_fd;                        /* of file_check_perm(): opened another way; or -1 */
    bool next_writable, next_direct;
    BlockLimits next_limits;
} FileState;

bool file_init_locking(BlockNode *node, const BlockdevOptionsFile *o, Error **errp);
/* Lock what is wanted on s->fd, and on s->next_fd too where there is one; or errp. */
bool file_lock(BlockNode *node, uint32_t perm, uint32_t shared, Error **errp);
void file_locks_keep(BlockNode *node, uint32_t perm, uint32_t shared);
void file_locks_undo(BlockNode *node);
/* The locks that writing to a new image of any name needs, for as long as fd is open. */
bool file_lock_new(int fd, const char *filename, Error **errp);

bool file_co_create(const BlockdevCreateOptions *options, Error **errp);
/* Make fd length long, from old; a worker does it. */
bool co_file_resize(int fd, const char *filename, int64_t old, int64_t length,
                    PreallocMode prealloc, Error **errp);

#endif

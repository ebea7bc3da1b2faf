/* Blocking calls on descriptors, made where they block nobody */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_AIO_AIO_H
#define BLOCK_AIO_AIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/error.h"
#include "util/list.h"

/* How reads and writes are made; all else is done by threads, or where the engine can. */
typedef enum AioEngine {
    AIO_ENGINE_THREADS,
    AIO_ENGINE_LINUX,       /* libaio: only what was opened with O_DIRECT */
    AIO_ENGINE_URING,
} AioEngine;

typedef enum AioKind {
    AIO_READ,           /* what lies beyond the end reads as zeroes */
    AIO_WRITE,
    AIO_FLUSH,
    AIO_ZERO_RANGE,     /* of a file */
    AIO_PUNCH_HOLE,
    AIO_COPY,           /* from source_fd, by the kernel */
    AIO_BLOCK_ZERO,     /* of a block device */
    AIO_BLOCK_DISCARD,
} AioKind;

typedef struct AioOp {
    AioKind kind;
    int fd;
    int64_t offset, bytes;
    const struct iovec *iov;    /* AIO_READ and AIO_WRITE: of bytes altogether */
    unsigned niov;
    AioEngine engine;
    int source_fd;
    int64_t source_offset;
} AioOp;

/* Can it be used in this build and on this host? */
bool aio_engine_usable(AioEngine engine, Error **errp);
/* The best one for a file opened like this. */
AioEngine aio_engine_default(bool direct);

/* Yields until it is done: 0 or a negative errno, -ENOTSUP where the host has no such thing. */
int co_aio_submit(const AioOp *op);
/* A short read of what the host has in memory, here and now; false: not done, submit it. */
bool aio_read_cached(const AioOp *op);

/*
 * Writes by way of the page cache to one file. The kernel does them one after
 * the other, so a single worker does all that have come meanwhile: for many
 * small ones there is one wake-up there and one back.
 */
typedef struct AioQueue {
    List waiting;
    bool running;               /* a worker has some */
} AioQueue;

void aio_queue_init(AioQueue *queue);
int co_aio_queue_write(AioQueue *queue, const AioOp *op);

/*
 * The engines: what the kernel returned for it, a count of bytes or a negative
 * errno; co_aio_submit() goes on after a short transfer.
 */
int co_aio_threads(const AioOp *op);
int64_t co_aio_uring(const AioOp *op);
int64_t co_aio_linux(const AioOp *op);
bool aio_uring_init(Error **errp);
bool aio_linux_init(Error **errp);

#endif

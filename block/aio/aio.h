/* Blocking calls on descriptors, made where they block nobody */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_AIO_AIO_H
#define BLOCK_AIO_AIO_H

#include <stdint.h>
#include <sys/uio.h>

typedef enum AioKind {
    AIO_READ,           /* what lies beyond the end reads as zeroes */
    AIO_WRITE,
    AIO_FLUSH,
    AIO_ZERO_RANGE,     /* of a file */
    AIO_PUNCH_HOLE,
    AIO_BLOCK_ZERO,     /* of a block device */
    AIO_BLOCK_DISCARD,
} AioKind;

typedef struct AioOp {
    AioKind kind;
    int fd;
    int64_t offset, bytes;
    const struct iovec *iov;    /* AIO_READ and AIO_WRITE: of bytes altogether */
    unsigned niov;
} AioOp;

/* Yields until it is done: 0 or a negative errno, -ENOTSUP where the host has no such thing. */
int co_aio_submit(const AioOp *op);
/* A short read of what the host has in memory, here and now; false: not done, submit it. */
bool aio_read_cached(const AioOp *op);

#endif

/* Scatter lists: size, copy, slice, and a growing list */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_IOV_H
#define UTIL_IOV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* Functions on a plain array; offsets and lengths beyond its end copy what there is. */
size_t iov_size(const struct iovec *iov, unsigned n);
size_t iov_to_buf(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len);
size_t iov_from_buf(const struct iovec *iov, unsigned n, size_t offset, const void *buf,
                    size_t len);
size_t iov_memset(const struct iovec *iov, unsigned n, size_t offset, int byte, size_t len);
/* First differing byte of two lists of the same size, or that size. */
size_t iov_mismatch(const struct iovec *a, unsigned na, const struct iovec *b, unsigned nb);

/* Is all of it zeroes? len may be 0. */
bool buf_is_zero(const void *buf, size_t len);
bool iov_is_zero(const struct iovec *iov, unsigned n);

/* A list that grows; the memory it points to is not its own. All zeroes is an empty one. */
typedef struct IoVec {
    struct iovec *iov;
    unsigned n, allocated;
    size_t size;                /* sum of the lengths */
} IoVec;

void iovec_add(IoVec *v, void *base, size_t len);
/* Append bytes [offset, offset + len) of src to v, as far as there are. */
void iovec_add_slice(IoVec *v, const struct iovec *src, unsigned n, size_t offset, size_t len);
void iovec_reset(IoVec *v);     /* empty, memory kept */
void iovec_free(IoVec *v);      /* empty, memory given back */

#endif

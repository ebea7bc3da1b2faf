/* Scatter lists: size, copy, slice, and a growing list */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/iov.h"

size_t iov_size(const struct iovec *iov, unsigned n)
{
    size_t size = 0;

    for (unsigned i = 0; i < n; i++) {
        size += iov[i].iov_len;
    }
    return size;
}

/* A place in a list; at() is the memory there and what is left of its element. */
typedef struct Cursor {
    const struct iovec *iov;
    unsigned n;
    size_t offset;
} Cursor;

static size_t at(Cursor *c, char **p)
{
    while (c->n && c->offset >= c->iov->iov_len) {
        c->offset -= c->iov->iov_len;
        c->iov++;
        c->n--;
    }
    if (!c->n) {
        return 0;
    }
    *p = (char *)c->iov->iov_base + c->offset;
    return c->iov->iov_len - c->offset;
}

size_t iov_to_buf(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len)
{
    Cursor c = { iov, n, offset };
    size_t done = 0, part;
    char *p;

    while (done < len && (part = MIN(at(&c, &p), len - done))) {
        memcpy((char *)buf + done, p, part);
        c.offset += part;
        done += part;
    }
    return done;
}

size_t iov_from_buf(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len)
{
    Cursor c = { iov, n, offset };
    size_t done = 0, part;
    char *p;

    while (done < len && (part = MIN(at(&c, &p), len - done))) {
        memcpy(p, (const char *)buf + done, part);
        c.offset += part;
        done += part;
    }
    return done;
}

size_t iov_memset(const struct iovec *iov, unsigned n, size_t offset, int byte, size_t len)
{
    Cursor c = { iov, n, offset };
    size_t done = 0, part;
    char *p;

    while (done < len && (part = MIN(at(&c, &p), len - done))) {
        memset(p, byte, part);
        c.offset += part;
        done += part;
    }
    return done;
}

size_t iov_mismatch(const struct iovec *a, unsigned na, const struct iovec *b, unsigned nb)
{
    Cursor ca = { a, na, 0 }, cb = { b, nb, 0 };
    size_t done = 0, part;
    char *pa, *pb;

    while ((part = at(&ca, &pa)) && (part = MIN(part, at(&cb, &pb)))) {
        if (memcmp(pa, pb, part)) {
            while (*pa == *pb) {
                pa++;
                pb++;
                done++;
            }
            return done;
        }
        ca.offset += part;
        cb.offset += part;
        done += part;
    }
    return done;
}

void iovec_add(IoVec *v, void *base, size_t len)
{
    if (v->n == v->allocated) {
        v->allocated = MAX(8, v->allocated * 2);
        v->iov = g_renew(struct iovec, v->iov, v->allocated);
    }
    v->iov[v->n++] = (struct iovec){ .iov_base = base, .iov_len = len };
    v->size += len;
}

void iovec_add_slice(IoVec *v, const struct iovec *src, unsigned n, size_t offset, size_t len)
{
    Cursor c = { src, n, offset };
    size_t part;
    char *p;

    while (len && (part = MIN(at(&c, &p), len))) {
        iovec_add(v, p, part);
        c.offset += part;
        len -= part;
    }
}

void iovec_reset(IoVec *v)
{
    v->n = 0;
    v->size = 0;
}

void iovec_free(IoVec *v)
{
    g_free(v->iov);
    *v = (IoVec){ 0 };
}

bool buf_is_zero(const void *buf, size_t len)
{
    const char *p = buf;

    return !len || (!*p && !memcmp(p, p + 1, len - 1));
}

bool iov_is_zero(const struct iovec *iov, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!buf_is_zero(iov[i].iov_base, iov[i].iov_len)) {
            return false;
        }
    }
    return true;
}

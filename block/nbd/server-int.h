/* What the parts of the NBD server share: clients, exports, contexts */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_NBD_SERVER_INT_H
#define BLOCK_NBD_SERVER_INT_H

#include "block/export.h"
#include "block/nbd/nbd.h"
#include "block/nbd/proto.h"
#include "block/nbd/stream.h"
#include "util/clock.h"

#define NBD_HANDSHAKE_SECONDS 10
#define NBD_REQUESTS_MAX 128                    /* of a client at the same time */
#define NBD_PAYLOAD_MAX  (64 * 1024 * 1024)     /* bytes that these may hold, one always may */
#define NBD_BUFFER_BYTES (64 * 1024)            /* of buffers that are kept */
#define NBD_BUFFERS_KEPT 64

typedef struct NbdExport {
    BlockExport common;
    char *name, *description;
    bool allocation_depth;
    GPtrArray *bitmaps;                         /* of BlockDirtyBitmap, which are busy */
    List clients;                               /* of NbdClient.export_link */
    ListLink link;                              /* all NBD exports */
} NbdExport;

/* Context ids: 0 base:allocation, 1 qemu:allocation-depth, 2 + n the export's bitmap n */
enum {
    NBD_CONTEXT_ID_ALLOCATION = 0,
    NBD_CONTEXT_ID_DEPTH = 1,
    NBD_CONTEXT_ID_BITMAPS = 2,
};

typedef struct NbdContexts {
    char *export_name;                          /* what they were chosen for; NULL: nothing */
    bool allocation, depth;
    GArray *bitmaps;                            /* of unsigned: which, in order of asking */
    unsigned count;
} NbdContexts;

typedef struct NbdClient {
    unsigned refs;
    NbdServer *server;
    NbdStream *stream;
    NbdExport *export;                          /* NULL until one was chosen */
    ListLink link, export_link;
    TlsCreds *tls;                              /* wanted of it; NULL: none */
    const char *authz;                          /* who says whose certificate does; NULL: all */
    Timer deadline;                             /* of the handshake */
    bool fixed_newstyle, no_zeroes, structured, negotiated;
    uint32_t check_align;                       /* it promised to keep to this; 0: it did not */
    NbdContexts contexts;

    unsigned nr_requests;
    size_t payload;                             /* bytes that they hold */
    CoQueue room;
    void *buffers[NBD_BUFFERS_KEPT];
    unsigned nr_buffers;
} NbdClient;

NbdExport *nbd_export_find(const char *name);
void nbd_exports_for_each(void (*fn)(NbdExport *exp, void *opaque), void *opaque);
uint64_t nbd_export_size(const NbdExport *exp);
uint16_t nbd_export_flags(const NbdExport *exp, const NbdClient *client);

void nbd_client_unref(NbdClient *client);

/* True once the client has an export; false with errp where it was wrong, without where it left. */
bool co_nbd_server_handshake(NbdClient *client, Error **errp);
/* Until the connection ends. */
void co_nbd_server_serve(NbdClient *client);

/* Contexts: all, or those that a query means; exact: only by whole names. */
typedef void NbdContextFn(void *opaque, uint32_t id, const char *name);
void nbd_contexts_match(const NbdExport *exp, const char *query, size_t len, bool exact,
                        NbdContextFn *fn, void *opaque);
/* Extents as they go on the wire, all big-endian, in an array the caller frees; -errno. */
int co_nbd_context_extents(NbdExport *exp, uint32_t id, int64_t offset, uint32_t len,
                           bool one, uint32_t **pairs, unsigned *count);

#endif

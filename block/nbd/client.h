/* The NBD client's handshake: what is wanted of a server and what it gave */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_NBD_CLIENT_H
#define BLOCK_NBD_CLIENT_H

#include <stdint.h>

#include "block/nbd/proto.h"
#include "block/nbd/stream.h"

/* What is wanted of a server */
typedef struct NbdWish {
    const char *export;
    const char *context;            /* of metadata; NULL: none */
    TlsCreds *tls;                  /* NULL: plain */
    const char *hostname;           /* for its certificate */
} NbdWish;

/* What it gave: of an export that was chosen, or of one that is listed */
typedef struct NbdInfo {
    char *name, *description;       /* of a listed one; description may be NULL */
    uint64_t size;
    uint16_t flags;                 /* NBD_FLAG_* of transmission */
    uint32_t min_block, opt_block, max_block;   /* 0: it did not say */
    bool structured;
    bool has_context;
    uint32_t context_id;
    char **contexts;                /* of a listed one: all of its contexts */
} NbdInfo;

void nbd_info_clear(NbdInfo *info);

/* From the first byte to the transmission phase. */
bool co_nbd_client_handshake(NbdStream *stream, const NbdWish *wish, NbdInfo *info,
                             Error **errp);
/* All exports there are, of NbdInfo; NULL with errp. The connection is over then. */
GArray *co_nbd_client_list(NbdStream *stream, const NbdWish *wish, Error **errp);

#endif

/* The NBD protocol's numbers: magics, options, replies, commands, flags, errors, limits */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_NBD_PROTO_H
#define BLOCK_NBD_PROTO_H

#include <stdint.h>

/* All as doc/proto.md of the NBD project names them; integers on the wire are big-endian. */

#define NBD_INIT_MAGIC          0x4e42444d41474943ULL   /* "NBDMAGIC" */
#define NBD_OPTS_MAGIC          0x49484156454f5054ULL   /* "IHAVEOPT" */
#define NBD_OLDSTYLE_MAGIC      0x0000420281861253ULL
#define NBD_REP_MAGIC           0x0003e889045565a9ULL
#define NBD_REQUEST_MAGIC       0x25609513u
#define NBD_SIMPLE_REPLY_MAGIC  0x67446698u
#define NBD_CHUNK_MAGIC         0x668e33efu

#define NBD_DEFAULT_PORT "10809"

enum {
    NBD_GREETING_BYTES = 18,        /* two magics and the handshake flags */
    NBD_OPTION_BYTES = 16,          /* header of an option */
    NBD_OPTION_REPLY_BYTES = 20,
    NBD_REQUEST_BYTES = 28,
    NBD_SIMPLE_REPLY_BYTES = 16,
    NBD_CHUNK_BYTES = 20,
    NBD_ZEROES_BYTES = 124,         /* behind the answer to EXPORT_NAME, unless declined */

    NBD_STRING_MAX = 4096,
    NBD_DATA_MAX = 32 * 1024 * 1024,        /* of a read or write */
    NBD_EXTENTS_MAX = 1024 * 1024 / 8,      /* of a block status chunk */
    /* The longest option: a name and as many queries as anybody could have. */
    NBD_OPTION_MAX = 64 * 1024,
};

/* Handshake flags of the server, and of the client */
enum {
    NBD_FLAG_FIXED_NEWSTYLE = 1 << 0,
    NBD_FLAG_NO_ZEROES = 1 << 1,
};

/* Transmission flags */
enum {
    NBD_FLAG_HAS_FLAGS = 1 << 0,
    NBD_FLAG_READ_ONLY = 1 << 1,
    NBD_FLAG_SEND_FLUSH = 1 << 2,
    NBD_FLAG_SEND_FUA = 1 << 3,
    NBD_FLAG_ROTATIONAL = 1 << 4,
    NBD_FLAG_SEND_TRIM = 1 << 5,
    NBD_FLAG_SEND_WRITE_ZEROES = 1 << 6,
    NBD_FLAG_SEND_DF = 1 << 7,
    NBD_FLAG_CAN_MULTI_CONN = 1 << 8,
    NBD_FLAG_SEND_RESIZE = 1 << 9,
    NBD_FLAG_SEND_CACHE = 1 << 10,
    NBD_FLAG_SEND_FAST_ZERO = 1 << 11,
};

enum {
    NBD_OPT_EXPORT_NAME = 1,
    NBD_OPT_ABORT = 2,
    NBD_OPT_LIST = 3,
    NBD_OPT_STARTTLS = 5,
    NBD_OPT_INFO = 6,
    NBD_OPT_GO = 7,
    NBD_OPT_STRUCTURED_REPLY = 8,
    NBD_OPT_LIST_META_CONTEXT = 9,
    NBD_OPT_SET_META_CONTEXT = 10,
};

#define NBD_REP_IS_ERROR        0x80000000u
#define NBD_REP_ACK             1u
#define NBD_REP_SERVER          2u
#define NBD_REP_INFO            3u
#define NBD_REP_META_CONTEXT    4u
#define NBD_REP_ERR_UNSUP       (NBD_REP_IS_ERROR | 1)
#define NBD_REP_ERR_POLICY      (NBD_REP_IS_ERROR | 2)
#define NBD_REP_ERR_INVALID     (NBD_REP_IS_ERROR | 3)
#define NBD_REP_ERR_PLATFORM    (NBD_REP_IS_ERROR | 4)
#define NBD_REP_ERR_TLS_REQD    (NBD_REP_IS_ERROR | 5)
#define NBD_REP_ERR_UNKNOWN     (NBD_REP_IS_ERROR | 6)
#define NBD_REP_ERR_SHUTDOWN    (NBD_REP_IS_ERROR | 7)
#define NBD_REP_ERR_BLOCK_SIZE_REQD (NBD_REP_IS_ERROR | 8)
#define NBD_REP_ERR_TOO_BIG     (NBD_REP_IS_ERROR | 9)

enum {
    NBD_INFO_EXPORT = 0,
    NBD_INFO_NAME = 1,
    NBD_INFO_DESCRIPTION = 2,
    NBD_INFO_BLOCK_SIZE = 3,
};

enum {
    NBD_CMD_READ = 0,
    NBD_CMD_WRITE = 1,
    NBD_CMD_DISC = 2,
    NBD_CMD_FLUSH = 3,
    NBD_CMD_TRIM = 4,
    NBD_CMD_CACHE = 5,
    NBD_CMD_WRITE_ZEROES = 6,
    NBD_CMD_BLOCK_STATUS = 7,
};

enum {
    NBD_CMD_FLAG_FUA = 1 << 0,
    NBD_CMD_FLAG_NO_HOLE = 1 << 1,
    NBD_CMD_FLAG_DF = 1 << 2,
    NBD_CMD_FLAG_REQ_ONE = 1 << 3,
    NBD_CMD_FLAG_FAST_ZERO = 1 << 4,
};

enum {
    NBD_CHUNK_NONE = 0,
    NBD_CHUNK_DATA = 1,
    NBD_CHUNK_HOLE = 2,
    NBD_CHUNK_BLOCK_STATUS = 5,
    NBD_CHUNK_IS_ERROR = 1 << 15,
    NBD_CHUNK_ERROR = NBD_CHUNK_IS_ERROR | 1,
    NBD_CHUNK_ERROR_OFFSET = NBD_CHUNK_IS_ERROR | 2,

    NBD_CHUNK_FLAG_DONE = 1 << 0,
};

/* Flags of extents: of base:allocation, of qemu:dirty-bitmap:NAME */
enum {
    NBD_STATE_HOLE = 1 << 0,
    NBD_STATE_ZERO = 1 << 1,
    NBD_STATE_DIRTY = 1 << 0,
};

#define NBD_CONTEXT_ALLOCATION "base:allocation"
#define NBD_CONTEXT_BITMAP     "qemu:dirty-bitmap:"
#define NBD_CONTEXT_DEPTH      "qemu:allocation-depth"

/* A negative errno to the protocol's error number, and back. */
uint32_t nbd_error_from_errno(int ret);
int nbd_error_to_errno(uint32_t error);

/* Names for messages; "<unknown>" where there is none. */
const char *nbd_option_name(uint32_t option);
const char *nbd_reply_name(uint32_t reply);
const char *nbd_info_name(uint16_t info);
const char *nbd_command_name(uint16_t command);

#endif

/* The NBD protocol's error numbers and the names of its parts */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/proto.h"

typedef struct Pair {
    uint32_t wire;
    int err;
} Pair;

/* The protocol's numbers are Linux's of x86, of which only these may be sent. */
static const Pair errors[] = {
    { 1, EPERM }, { 1, EROFS }, { 5, EIO }, { 12, ENOMEM }, { 22, EINVAL }, { 28, ENOSPC },
    { 28, EFBIG }, { 28, EDQUOT }, { 75, EOVERFLOW }, { 95, ENOTSUP }, { 108, ESHUTDOWN },
};

uint32_t nbd_error_from_errno(int ret)
{
    if (!ret) {
        return 0;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
        if (errors[i].err == -ret) {
            return errors[i].wire;
        }
    }
    return 22;
}

int nbd_error_to_errno(uint32_t error)
{
    if (!error) {
        return 0;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
        if (errors[i].wire == error) {
            return -errors[i].err;
        }
    }
    return -EINVAL;
}

typedef struct Name {
    uint32_t value;
    const char *name;
} Name;

static const Name options[] = {
    { NBD_OPT_EXPORT_NAME, "export name" }, { NBD_OPT_ABORT, "abort" }, { NBD_OPT_LIST, "list" },
    { NBD_OPT_STARTTLS, "starttls" }, { NBD_OPT_INFO, "info" }, { NBD_OPT_GO, "go" },
    { NBD_OPT_STRUCTURED_REPLY, "structured reply" },
    { NBD_OPT_LIST_META_CONTEXT, "list meta context" },
    { NBD_OPT_SET_META_CONTEXT, "set meta context" }, { }
};

static const Name replies[] = {
    { NBD_REP_ACK, "ack" }, { NBD_REP_SERVER, "server" }, { NBD_REP_INFO, "info" },
    { NBD_REP_META_CONTEXT, "meta context" }, { NBD_REP_ERR_UNSUP, "unsupported" },
    { NBD_REP_ERR_POLICY, "denied by policy" }, { NBD_REP_ERR_INVALID, "invalid" },
    { NBD_REP_ERR_PLATFORM, "platform lacks support" }, { NBD_REP_ERR_TLS_REQD, "TLS required" },
    { NBD_REP_ERR_UNKNOWN, "export unknown" }, { NBD_REP_ERR_SHUTDOWN, "server shutting down" },
    { NBD_REP_ERR_BLOCK_SIZE_REQD, "block size required" },
    { NBD_REP_ERR_TOO_BIG, "option payload too big" }, { }
};

static const Name infos[] = {
    { NBD_INFO_NAME, "name" }, { NBD_INFO_DESCRIPTION, "description" },
    { NBD_INFO_BLOCK_SIZE, "block size" }, { }
};

static const Name commands[] = {
    { NBD_CMD_WRITE, "write" }, { NBD_CMD_DISC, "disconnect" }, { NBD_CMD_FLUSH, "flush" },
    { NBD_CMD_TRIM, "trim" }, { NBD_CMD_CACHE, "cache" },
    { NBD_CMD_WRITE_ZEROES, "write zeroes" }, { NBD_CMD_BLOCK_STATUS, "block status" }, { }
};

static const char *find(const Name *names, uint32_t value, const char *zero)
{
    if (!value) {
        return zero;
    }
    for (; names->name; names++) {
        if (names->value == value) {
            return names->name;
        }
    }
    return "<unknown>";
}

const char *nbd_option_name(uint32_t option)
{
    return find(options, option, "<unknown>");
}

const char *nbd_reply_name(uint32_t reply)
{
    return find(replies, reply, "<unknown>");
}

const char *nbd_info_name(uint16_t info)
{
    return find(infos, info, "export");
}

const char *nbd_command_name(uint16_t command)
{
    return find(commands, command, "read");
}

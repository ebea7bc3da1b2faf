/* Block backends, what backend.c, backend-aio.c and the QMP side share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_BACKEND_INT_H
#define BLOCK_BACKEND_INT_H

#include "block/driver.h"
#include "block/stats.h"
#include "block/throttle.h"
#include "qapi/types-block-common.h"

struct BlockBackend {
    char *id;
    unsigned refs;
    ListLink link;
    BlockChild *root;           /* NULL: no medium */
    bool attached;
    char *device;               /* who has it */
    char *qdev, *qdev_path;     /* its id or path, as queries tell it; its path */
    uint32_t perm, shared;      /* what the device asked for */
    const BlkDeviceOps *ops;
    void *opaque;
    bool write_cache;
    /* As the last medium was: what comes next is too, if nobody says otherwise. As in QEMU, the
     * first is read-only in a drive that no -drive made. */
    bool media_read_only;
    bool tell_iostatus;         /* its device stops on errors when told to */
    BlockDeviceIoStatus iostatus;
    BlkErrorPolicy on_read, on_write;
    unsigned in_flight;         /* of the device's view: fn not called yet */
    unsigned running;           /* of them, how many are in the node */
    unsigned quiesced;          /* drained sections */
    CoQueue held;               /* requests that wait for the end of these */
    CoQueue parked;             /* requests that failed and wait for "cont" */
    unsigned nr_parked;
    bool cancel_parked;
    BlkStats stats;
    ThrottleMember *throttle;   /* NULL: no limits */
};

extern const BlockChildOps blk_root_ops;

void blk_set_throttle(BlockBackend *blk, const ThrottleConfig *config, const char *group);
/* What a user calls it: an id of -drive, else of a device (qdev id or path). */
BlockBackend *blk_by_device(const char *device, const char *id, Error **errp);
/* Do as the policy says: true: park the request until the guest goes on. */
bool blk_request_failed(BlockBackend *blk, bool is_write, int *ret);

#endif

/* Finding what users name: devices, nodes, layers of a backing chain */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/jobs/block-job-chain.h"
#include "block/jobs/block-job.h"

BlockNode *block_node_of_device(const char *device, Error **errp)
{
    BlockBackend *blk = blk_find(device);
    BlockNode *node = blk ? blk_node(blk) : block_node_find(device);

    if (node) {
        return node;
    }
    if (blk) {
        error_set(errp, "Device '%s' has no medium", device);
    } else {
        error_set(errp, "Cannot find device='%s' nor node-name='%s'", device, device);
    }
    return NULL;
}

BlockNode *block_node_of_name(const char *node_name, Error **errp)
{
    BlockNode *node = block_node_find(node_name);

    if (!node) {
        error_set(errp, "Cannot find device='' nor node-name='%s'", node_name);
    }
    return node;
}

static bool same_file(const char *a, const char *b)
{
    g_autofree char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);

    return real_a && real_b && !strcmp(real_a, real_b);
}

BlockNode *block_chain_find_file(BlockNode *top, const char *filename)
{
    for (BlockNode *node = block_skip_filters(top), *next; node; node = next) {
        g_autofree char *shown = NULL;

        next = block_backing_chain_next(node);
        if (!next) {
            return NULL;
        }
        if (node->backing_file && !strcmp(node->backing_file, filename)) {
            return next;
        }
        shown = block_node_filename(next);
        if (!strcmp(shown, filename) || same_file(shown, filename)) {
            return next;
        }
    }
    return NULL;
}

BlockJob *block_job_find(const char *id, Error **errp)
{
    Job *job = job_find(id);

    if (!job || !job->driver->is_block_job) {
        error_set_class(errp, ERROR_DEVICE_NOT_ACTIVE, "Block job '%s' not found", id);
        return NULL;
    }
    return BLOCK_JOB_OF(job);
}

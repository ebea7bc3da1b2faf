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

static bool co_make_target(const BlockJobTarget *t, const char *format, Error **errp)
{
    BlockNode *source = block_skip_filters(t->source);
    BlockNode *below = t->sync == MIRROR_SYNC_MODE_NONE ? source
                       : t->sync == MIRROR_SYNC_MODE_TOP ? block_backing_chain_next(source) : NULL;
    g_autofree char *name = below ? block_node_filename(below) : NULL;

    return co_block_create_image(t->filename, format, source->length, name,
                                 below ? below->driver->name : NULL, errp);
}

BlockNode *co_block_job_target(const BlockJobTarget *t, Error **errp)
{
    const char *format = t->format;
    JSON_AUTO options = json_object_new_object();
    JSON_AUTO cache = json_object_new_object();

    if (!format && !t->existing) {
        format = block_skip_filters(t->source)->driver->name;
    }
    /* Once the target is made the source may be another node, or gone. */
    json_object_object_add(cache, "direct", json_object_new_boolean(t->source->cache_direct));
    json_object_object_add(cache, "no-flush", json_object_new_boolean(t->source->no_flush));
    json_object_object_add(options, "cache", json_object_get(cache));
    json_object_object_add(options, "discard", json_object_new_string("unmap"));
    if (t->node_name) {
        json_object_object_add(options, "node-name", json_object_new_string(t->node_name));
    }
    if (!t->existing && !co_make_target(t, format, errp)) {
        return NULL;
    }
    return co_block_open_image(t->filename, format, options, BLOCK_OPEN_NO_BACKING, errp);
}

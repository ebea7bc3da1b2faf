/* Exports of nodes: types, ids, references, waiting while a node is drained */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/drain.h"
#include "block/export.h"

#include "qapi/events-export.h"
#include "util/trace.h"

REGISTRY(export, ExportType)

static List exports = { &exports, &exports };
static CoQueue gone = { { &gone.waiters, &gone.waiters } };

static const ExportType *find_type(const char *name)
{
    size_t n;
    const ExportType *const *types = registry_export(&n);

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(types[i]->name, name)) {
            return types[i];
        }
    }
    return NULL;
}

BlockExport *block_export_find(const char *id)
{
    BlockExport *exp;

    list_for_each(exp, &exports, BlockExport, link) {
        if (!strcmp(exp->id, id)) {
            return exp;
        }
    }
    return NULL;
}

void block_exports_for_each(void (*fn)(BlockExport *exp, void *opaque), void *opaque)
{
    BlockExport *exp;

    list_for_each(exp, &exports, BlockExport, link) {
        fn(exp, opaque);
    }
}

/* --- drained sections of the node --- */

static void drained_begin(BlockChild *child)
{
    BlockExport *exp = child->opaque;

    exp->quiesced = true;
}

static bool drained_poll(BlockChild *child)
{
    BlockExport *exp = child->opaque;

    return exp->in_flight;
}

static void drained_end(BlockChild *child)
{
    BlockExport *exp = child->opaque;

    exp->quiesced = false;
    co_queue_wake_all(&exp->resumed);
}

static const BlockChildOps child_ops = {
    .drained_begin = drained_begin, .drained_poll = drained_poll, .drained_end = drained_end,
};

void co_export_enter(BlockExport *exp)
{
    while (unlikely(exp->quiesced)) {
        co_queue_wait(&exp->resumed, NULL);
    }
    exp->in_flight++;
}

void block_export_leave(BlockExport *exp)
{
    exp->in_flight--;
    if (unlikely(exp->quiesced) && !exp->in_flight) {
        block_drain_kick();
    }
}

/* --- life --- */

static bool id_ok(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

static void export_free(BlockExport *exp)
{
    block_child_free(exp->root);
    g_free(exp->id);
    g_free(exp);
}

BlockExport *co_block_export_add(const BlockExportOptions *options, Error **errp)
{
    const ExportType *type = find_type(BlockExportType_name(options->type));
    uint32_t perm = BLOCK_PERM_CONSISTENT_READ;
    g_autofree char *user = g_strdup_printf("block export '%s'", options->id);
    BlockNode *node;
    BlockExport *exp;

    if (!id_ok(options->id)) {
        error_set(errp, "Invalid block export id");
        error_hint(errp, "'%s' is none: a letter, then letters, digits, '-', '.' and '_'",
                   options->id);
        return NULL;
    }
    if (block_export_find(options->id)) {
        error_set(errp, "Block export id '%s' is already in use", options->id);
        return NULL;
    }
    node = block_node_find(options->node_name);
    if (!node) {
        error_set(errp, "Cannot find device='' nor node-name='%s'", options->node_name);
        return NULL;
    }
    exp = g_malloc0(type->size);
    exp->type = type;
    exp->id = g_strdup(options->id);
    exp->refs = 1;
    exp->owned = true;
    exp->writable = options->has_writable && options->writable;
    exp->writethrough = options->has_writethrough && options->writethrough;
    co_queue_init(&exp->resumed);
    if (exp->writable && block_node_read_only(node)) {
        error_set(errp, "Cannot export read-only node as writable");
        export_free(exp);
        return NULL;
    }
    if (exp->writable) {
        perm |= BLOCK_PERM_WRITE;
    }
    exp->root = block_child_new_ops(node, user, perm, BLOCK_PERM_ALL, &child_ops, exp, errp);
    if (!exp->root || !type->co_open(exp, options, errp)) {
        export_free(exp);
        return NULL;
    }
    list_append(&exports, &exp->link);
    TRACE(block_export_add, "%s type %s node %s%s", exp->id, type->name, options->node_name,
          exp->writable ? " writable" : "");
    return exp;
}

void block_export_ref(BlockExport *exp)
{
    exp->refs++;
}

/* The last user may be a request's callback; the node below is closed from the loop. */
static void finish(void *opaque)
{
    BlockExport *exp = opaque;
    g_autofree char *id = g_strdup(exp->id);

    list_remove(&exp->link);
    TRACE(block_export_gone, "%s", id);
    exp->type->close(exp);
    export_free(exp);
    qapi_event_send_block_export_deleted(id);
    co_queue_wake_all(&gone);
}

void block_export_unref(BlockExport *exp)
{
    if (--exp->refs == 0) {
        loop_post(loop_main(), finish, exp);
    }
}

void block_export_request_shutdown(BlockExport *exp)
{
    if (!exp->owned) {
        return;
    }
    exp->owned = false;
    exp->type->request_shutdown(exp);
    block_export_unref(exp);
}

static void end_if_shown(BlockExport *exp, void *drive)
{
    if (exp->drive == drive) {
        block_export_request_shutdown(exp);
    }
}

void block_export_medium_gone(const BlockBackend *drive)
{
    block_exports_for_each(end_if_shown, (void *)(uintptr_t)drive);
}

/* NULL: none is left. */
static BlockExport *first_of(const char *type)
{
    BlockExport *exp;

    list_for_each(exp, &exports, BlockExport, link) {
        if (!type || !strcmp(exp->type->name, type)) {
            return exp;
        }
    }
    return NULL;
}

void co_block_export_close_all(const char *type)
{
    BlockExport *exp;

    list_for_each(exp, &exports, BlockExport, link) {
        if (!type || !strcmp(exp->type->name, type)) {
            block_export_request_shutdown(exp);
        }
    }
    while (first_of(type)) {
        co_queue_wait(&gone, NULL);
    }
}

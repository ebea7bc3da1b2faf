/* throttle: a filter whose requests share the limits of a -object throttle-group */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "block/throttle.h"
#include "qom/prop.h"

/* The filter */

typedef struct ThrottleState {
    ThrottleMember *member;
    ThrottleGroup *next;        /* of a reopen that is under way */
} ThrottleState;

static bool throttle_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsThrottle *o = &options->u.throttle;
    ThrottleGroup *group = throttle_group_find(o->throttle_group);
    ThrottleState *s = node->state;

    if (!group) {
        error_set(errp, "Throttle group '%s' does not exist", o->throttle_group);
        return false;
    }
    if (!co_block_open_file(node, BLOCK_CHILD_FILTERED | BLOCK_CHILD_PRIMARY, o->file, errp)) {
        return false;
    }
    node->length = node->file->node->length;
    node->limits = node->file->node->limits;
    s->member = throttle_member_new(group);
    return true;
}

static void throttle_co_close(BlockNode *node)
{
    ThrottleState *s = node->state;

    throttle_member_free(s->member);
}

/* What is drained has to come to an end. */
static void throttle_drain_begin(BlockNode *node)
{
    ThrottleState *s = node->state;

    throttle_member_release(s->member, true);
}

static void throttle_drain_end(BlockNode *node)
{
    ThrottleState *s = node->state;

    throttle_member_release(s->member, false);
}

static int throttle_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                              const struct iovec *iov, unsigned niov)
{
    ThrottleState *s = node->state;

    co_throttle(s->member, false, bytes);
    return co_node_preadv(node->file->node, offset, bytes, iov, niov);
}

static int throttle_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                               const struct iovec *iov, unsigned niov, unsigned flags)
{
    ThrottleState *s = node->state;

    co_throttle(s->member, true, bytes);
    return co_node_pwritev(node->file->node, offset, bytes, iov, niov, flags);
}

static int throttle_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes,
                                     unsigned flags)
{
    ThrottleState *s = node->state;

    co_throttle(s->member, true, bytes);
    return co_node_pwrite_zeroes(node->file->node, offset, bytes, flags);
}

static int throttle_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    ThrottleState *s = node->state;

    co_throttle(s->member, true, bytes);
    return co_node_pdiscard(node->file->node, offset, bytes);
}

static int throttle_co_pwritev_compressed(BlockNode *node, int64_t offset, int64_t bytes,
                                          const struct iovec *iov, unsigned niov)
{
    return throttle_co_pwritev(node, offset, bytes, iov, niov, BLOCK_REQ_COMPRESSED);
}

/* Another group, once nobody waits in the old one. */
static bool throttle_co_reopen_prepare(BlockNode *node, const BlockdevOptions *options,
                                       const BlockNode *next, Error **errp)
{
    const char *name = options->u.throttle.throttle_group;
    ThrottleState *s = node->state;

    if (!throttle_group_find(name)) {
        error_set(errp, "Throttle group '%s' does not exist", name);
        return false;
    }
    s->next = throttle_group_get(name);
    return true;
}

static void throttle_co_reopen_commit(BlockNode *node)
{
    ThrottleState *s = node->state;

    throttle_member_free(s->member);
    s->member = throttle_member_new(s->next);
    throttle_member_release(s->member, true);       /* until it is drained no more */
    throttle_group_put(g_steal_pointer(&s->next));
}

static void throttle_co_reopen_abort(BlockNode *node)
{
    ThrottleState *s = node->state;

    throttle_group_put(g_steal_pointer(&s->next));
}

static const char *const strong_options[] = { "throttle-group", NULL };

static const BlockDriver throttle_driver = {
    .name = "throttle", .desc = "limits on bytes and requests a second",
    .size = sizeof(ThrottleState), .filter = true, .grows = true, .handles_fua = true,
    .co_open = throttle_co_open, .co_close = throttle_co_close,
    .drain_begin = throttle_drain_begin, .drain_end = throttle_drain_end,
    .co_preadv = throttle_co_preadv, .co_pwritev = throttle_co_pwritev,
    .co_pwrite_zeroes = throttle_co_pwrite_zeroes, .co_pdiscard = throttle_co_pdiscard,
    .co_pwritev_compressed = throttle_co_pwritev_compressed,
    .co_reopen_prepare = throttle_co_reopen_prepare,
    .co_reopen_commit = throttle_co_reopen_commit,
    .co_reopen_abort = throttle_co_reopen_abort,
    .strong_options = strong_options, .mutable_options = strong_options,
};
REGISTER_BLOCK_DRIVER(throttle_driver)

/* -object throttle-group */

typedef struct ThrottleGroupObject {
    Object object;
    ThrottleConfig config;
    ThrottleGroup *group;
} ThrottleGroupObject;

static bool group_complete(Object *obj, Error **errp)
{
    ThrottleGroupObject *s = OBJECT_OF(obj, ThrottleGroupObject);

    if (throttle_group_find(obj->name)) {
        error_set(errp, "A group with this name already exists");
        return false;
    }
    if (!throttle_config_check(&s->config, errp)) {
        return false;
    }
    s->group = throttle_group_get(obj->name);
    throttle_group_set_config(s->group, &s->config);
    return true;
}

static bool group_can_delete(Object *obj)
{
    const ThrottleGroupObject *s = OBJECT_OF(obj, ThrottleGroupObject);

    return !throttle_group_in_use(s->group);
}

static void group_finalize(Object *obj)
{
    throttle_group_put(OBJECT_OF(obj, ThrottleGroupObject)->group);
}

static bool group_changed(Object *obj, const Prop *prop, Error **errp)
{
    ThrottleGroupObject *s = OBJECT_OF(obj, ThrottleGroupObject);

    if (!throttle_config_check(&s->config, errp)) {
        s->config = *throttle_group_config(s->group);
        return false;
    }
    throttle_group_set_config(s->group, &s->config);
    return true;
}

#define ROW(Name, Field, Def, Help)                                                         \
    { .name = Name, .kind = PROP_KIND_U64, .live = true, .has_default = true, .help = Help, \
      .def = Def, .offset = offsetof(ThrottleGroupObject, config.Field),                    \
      .changed = group_changed }
#define ROWS(Prefix, Name, Bucket, Help)                                                    \
    ROW(Prefix Name, limits[Bucket].avg, 0, Help " a second, 0: any"),                      \
    ROW(Prefix Name "-max", limits[Bucket].max, 0, Help " a second in bursts"),             \
    ROW(Prefix Name "-max-length", limits[Bucket].burst_length, 1, "seconds of a burst")
#define ALL_ROWS(Prefix)                                                                    \
    ROWS(Prefix, "bps-total", THROTTLE_BPS_TOTAL, "bytes"),                                 \
    ROWS(Prefix, "bps-read", THROTTLE_BPS_READ, "bytes read"),                              \
    ROWS(Prefix, "bps-write", THROTTLE_BPS_WRITE, "bytes written"),                         \
    ROWS(Prefix, "iops-total", THROTTLE_IOPS_TOTAL, "requests"),                            \
    ROWS(Prefix, "iops-read", THROTTLE_IOPS_READ, "reads"),                                 \
    ROWS(Prefix, "iops-write", THROTTLE_IOPS_WRITE, "writes"),                              \
    ROW(Prefix "iops-size", op_size, 0, "bytes that count as one request")

/* As members of "limits", and with QEMU's old names beside each other. */
static const Prop group_props[] = {
    ALL_ROWS("limits."),
    ALL_ROWS("x-"),
    { }
};

static const UserObjectType group_type = {
    .name = "throttle-group", .desc = "limits that several block devices share",
    .size = sizeof(ThrottleGroupObject), .props = group_props, .complete = group_complete,
    .can_delete = group_can_delete, .finalize = group_finalize,
};
REGISTER_USER_OBJECT(group_type)

/* blkdebug: requests that fail or wait when a driver above does something, for tests */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "util/parse.h"
#include "util/thread-pool.h"

enum {
    ALL_KINDS = 1 << BLKDEBUG_IO_TYPE_READ | 1 << BLKDEBUG_IO_TYPE_WRITE |
                1 << BLKDEBUG_IO_TYPE_WRITE_ZEROES | 1 << BLKDEBUG_IO_TYPE_DISCARD |
                1 << BLKDEBUG_IO_TYPE_FLUSH,
};

typedef enum RuleKind {
    RULE_INJECT_ERROR,
    RULE_SET_STATE,
    RULE_SUSPEND,
} RuleKind;

typedef struct Rule {
    RuleKind kind;
    BlkdebugEvent event;
    int64_t state;                      /* 0: in any */
    unsigned kinds;                     /* inject-error: bits of BlkdebugIOType */
    int error;
    int64_t offset;                     /* -1: any */
    bool once, immediately;
    int64_t new_state;                  /* set-state */
    char *tag;                          /* suspend */
    ListLink link;
    ListLink active;                    /* its event was: it fails requests */
} Rule;

typedef struct Suspended {
    Coroutine *co;
    const char *tag;
    ListLink link;
} Suspended;

typedef struct BlkdebugState {
    int64_t state;
    List rules, active, suspended;
    uint32_t take_perms, unshare_perms;
    char *config;
} BlkdebugState;

/* --- rules --- */

static Rule *add_rule(BlkdebugState *s, RuleKind kind, BlkdebugEvent event, int64_t state)
{
    Rule *rule = g_new0(Rule, 1);

    rule->kind = kind;
    rule->event = event;
    rule->state = state;
    list_append(&s->rules, &rule->link);
    return rule;
}

static void free_rule(Rule *rule)
{
    list_remove(&rule->link);
    list_remove(&rule->active);
    g_free(rule->tag);
    g_free(rule);
}

static bool add_inject(BlkdebugState *s, const BlkdebugInjectErrorOptions *o, Error **errp)
{
    int64_t error = o->has_q_errno ? o->q_errno : EIO;
    Rule *rule;

    if (error <= 0 || error > 4095) {
        error_set(errp, "'%" PRId64 "' is no error number", error);
        return false;
    }
    rule = add_rule(s, RULE_INJECT_ERROR, o->event, o->has_state ? o->state : 0);
    rule->kinds = o->has_iotype ? 1u << o->iotype : ALL_KINDS;
    rule->error = error;
    rule->offset = o->has_sector && o->sector >= 0 && o->sector <= INT64_MAX / BLOCK_SECTOR_SIZE
                       ? o->sector * BLOCK_SECTOR_SIZE : -1;
    rule->once = o->has_once && o->once;
    rule->immediately = o->has_immediately && o->immediately;
    return true;
}

static void add_set_state(BlkdebugState *s, const BlkdebugSetStateOptions *o)
{
    add_rule(s, RULE_SET_STATE, o->event, o->has_state ? o->state : 0)->new_state = o->new_state;
}

/* --- the configuration file: [section], then key = "value" --- */

typedef struct Section {
    char *name;
    Json *members;
} Section;

static bool end_section(BlkdebugState *s, Section *section, const char *path, Error **errp)
{
    g_autoptr(BlkdebugInjectErrorOptions) inject = NULL;
    g_autoptr(BlkdebugSetStateOptions) set_state = NULL;
    bool ok = true;

    if (!section->name) {
        return true;
    }
    if (!strcmp(section->name, "inject-error")) {
        inject = qapi_parse_BlkdebugInjectErrorOptions(section->members, QAPI_KEYVAL, errp);
        ok = inject && add_inject(s, inject, errp);
    } else if (!strcmp(section->name, "set-state")) {
        set_state = qapi_parse_BlkdebugSetStateOptions(section->members, QAPI_KEYVAL, errp);
        ok = set_state;
        if (ok) {
            add_set_state(s, set_state);
        }
    } else {
        error_set(errp, "there is no section '%s'", section->name);
        ok = false;
    }
    if (!ok) {
        error_prepend(errp, "Could not parse blkdebug config file '%s': ", path);
    }
    g_clear_pointer(&section->name, g_free);
    json_object_put(g_steal_pointer(&section->members));
    return ok;
}

static bool parse_line(Section *section, char *line, const char *path, Error **errp)
{
    char *value = strchr(line, '=');
    size_t n;

    if (!section->name || !value) {
        error_set(errp, "Could not parse blkdebug config file '%s': '%s' is neither [section] nor "
                  "key = \"value\"", path, line);
        return false;
    }
    *value++ = 0;
    g_strstrip(line);
    g_strstrip(value);
    n = strlen(value);
    if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
        value[n - 1] = 0;
        value++;
    }
    json_object_object_add(section->members, line, json_object_new_string(value));
    return true;
}

typedef struct Config {
    const char *path;
    char *text;
} Config;

/* On a worker: it may be a pipe that nobody writes to. */
static int read_file(void *opaque)
{
    Config *c = opaque;

    return g_file_get_contents(c->path, &c->text, NULL, NULL) ? 0 : -errno;
}

static bool co_read_config(BlkdebugState *s, const char *path, Error **errp)
{
    Config config = { path, NULL };
    int ret = co_thread_call(read_file, &config);
    g_autofree char *text = config.text;
    g_auto(GStrv) lines = NULL;
    Section section = {};
    bool ok = true;

    if (ret < 0) {
        error_set_errno(errp, -ret, "Could not read blkdebug config file '%s'", path);
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; ok && lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        size_t n = strlen(line);

        if (!*line || *line == '#') {
            continue;
        }
        if (*line == '[' && line[n - 1] == ']') {
            ok = end_section(s, &section, path, errp);
            section.name = g_strndup(line + 1, n - 2);
            section.members = json_object_new_object();
        } else {
            ok = parse_line(&section, line, path, errp);
        }
    }
    ok = ok && end_section(s, &section, path, errp);
    g_free(section.name);
    json_object_put(section.members);
    return ok;
}

/* --- events --- */

static void co_suspend(BlkdebugState *s, Rule *rule)
{
    g_autofree char *tag = g_steal_pointer(&rule->tag);
    Suspended here = { .co = co_self(), .tag = tag };

    free_rule(rule);
    list_append(&s->suspended, &here.link);
    co_yield();
}

/* All rules of the event see the state as it was before. */
static void handle_event(BlkdebugState *s, BlkdebugEvent event)
{
    int64_t state = s->state, new_state = s->state;
    Rule *rule, *suspend = NULL;
    bool injected = false;

    list_for_each(rule, &s->rules, Rule, link) {
        if (rule->event != event || (rule->state && rule->state != state)) {
            continue;
        }
        if (rule->kind == RULE_SET_STATE) {
            new_state = rule->new_state;
        } else if (rule->kind == RULE_SUSPEND) {
            suspend = suspend ? suspend : rule;
        } else {
            if (!injected) {
                while (!list_empty(&s->active)) {
                    list_remove(s->active.next);
                }
                injected = true;
            }
            list_remove(&rule->active);
            list_prepend(&s->active, &rule->active);
        }
    }
    s->state = new_state;
    if (suspend && in_coroutine()) {
        co_suspend(s, suspend);
    }
}

static void blkdebug_debug_event(BlockNode *node, const char *name)
{
    int event = qapi_enum_parse(&qapi_type_BlkdebugEvent, name, "event", NULL);

    if (event >= 0) {
        handle_event(node->state, event);
    }
}

static bool blkdebug_debug_breakpoint(BlockNode *node, const char *event, const char *tag,
                                      Error **errp)
{
    int which = qapi_enum_parse(&qapi_type_BlkdebugEvent, event, "event", errp);

    if (which < 0) {
        return false;
    }
    add_rule(node->state, RULE_SUSPEND, which, 0)->tag = g_strdup(tag);
    return true;
}

static bool blkdebug_debug_resume(BlockNode *node, const char *tag)
{
    BlkdebugState *s = node->state;
    Suspended *one;

    list_for_each(one, &s->suspended, Suspended, link) {
        if (!strcmp(one->tag, tag)) {
            list_remove(&one->link);
            co_wake(one->co);
            return true;
        }
    }
    return false;
}

static bool blkdebug_debug_remove_breakpoint(BlockNode *node, const char *tag)
{
    BlkdebugState *s = node->state;
    bool found = false;
    Rule *rule;

    list_for_each(rule, &s->rules, Rule, link) {
        if (rule->kind == RULE_SUSPEND && !strcmp(rule->tag, tag)) {
            free_rule(rule);
            found = true;
        }
    }
    while (blkdebug_debug_resume(node, tag)) {
        found = true;
    }
    return found;
}

static bool blkdebug_debug_is_suspended(BlockNode *node, const char *tag)
{
    BlkdebugState *s = node->state;
    Suspended *one;

    list_for_each(one, &s->suspended, Suspended, link) {
        if (!strcmp(one->tag, tag)) {
            return true;
        }
    }
    return false;
}

/* --- requests --- */

static int co_check(BlockNode *node, int64_t offset, int64_t bytes, BlkdebugIOType kind)
{
    BlkdebugState *s = node->state;
    Rule *rule;
    int error;

    list_for_each(rule, &s->active, Rule, active) {
        if (rule->kinds & 1u << kind &&
            (rule->offset < 0 || (rule->offset >= offset && rule->offset - offset < bytes))) {
            bool wait = !rule->immediately;

            error = rule->error;
            if (rule->once) {
                free_rule(rule);
            }
            if (wait) {
                co_sleep(CLOCK_TYPE_REALTIME, 0);
            }
            return -error;
        }
    }
    return 0;
}

static int blkdebug_co_preadv(BlockNode *node, int64_t offset, int64_t bytes,
                              const struct iovec *iov, unsigned niov)
{
    int ret = co_check(node, offset, bytes, BLKDEBUG_IO_TYPE_READ);

    return ret ? ret : co_node_preadv(node->file->node, offset, bytes, iov, niov);
}

static int blkdebug_co_pwritev(BlockNode *node, int64_t offset, int64_t bytes,
                               const struct iovec *iov, unsigned niov, unsigned flags)
{
    int ret = co_check(node, offset, bytes, BLKDEBUG_IO_TYPE_WRITE);

    return ret ? ret : co_node_pwritev(node->file->node, offset, bytes, iov, niov, flags);
}

static int blkdebug_co_pwrite_zeroes(BlockNode *node, int64_t offset, int64_t bytes,
                                     unsigned flags)
{
    int ret = co_check(node, offset, bytes, BLKDEBUG_IO_TYPE_WRITE_ZEROES);

    return ret ? ret : co_node_pwrite_zeroes(node->file->node, offset, bytes, flags);
}

static int blkdebug_co_pdiscard(BlockNode *node, int64_t offset, int64_t bytes)
{
    int ret = co_check(node, offset, bytes, BLKDEBUG_IO_TYPE_DISCARD);

    return ret ? ret : co_node_pdiscard(node->file->node, offset, bytes);
}

static int blkdebug_co_flush(BlockNode *node)
{
    return co_check(node, 0, 0, BLKDEBUG_IO_TYPE_FLUSH);    /* io.c goes on to the child */
}

static int blkdebug_co_block_status(BlockNode *node, bool want_zero, int64_t offset,
                                    int64_t bytes, int64_t *pnum, int64_t *map,
                                    BlockNode **file)
{
    int ret = co_check(node, offset, bytes, BLKDEBUG_IO_TYPE_BLOCK_STATUS);

    *pnum = bytes;
    *map = offset;
    *file = node->file->node;
    return ret ? ret : BLOCK_RAW | BLOCK_OFFSET_VALID;
}

/* --- opening --- */

static uint32_t perms_of(const BlockPermissionList *list)
{
    uint32_t perms = 0;

    for (; list; list = list->next) {
        perms |= 1u << list->value;
    }
    return perms;
}

static void blkdebug_child_perm(BlockNode *node, const BlockChild *child, uint32_t perm,
                                uint32_t shared, uint32_t *child_perm, uint32_t *child_shared)
{
    BlkdebugState *s = node->state;

    *child_perm = perm | s->take_perms;
    *child_shared = shared & ~s->unshare_perms;
}

static bool check_size(const char *name, bool has, uint64_t value, uint32_t unit, Error **errp)
{
    if (has && value && (value > INT_MAX || value % unit)) {
        error_set(errp, "Cannot meet constraints with %s %" PRIu64, name, value);
        return false;
    }
    return true;
}

static bool set_limits(BlockNode *node, const BlockdevOptionsBlkdebug *o, Error **errp)
{
    int64_t align = o->has_align ? o->align : 0;
    uint32_t unit;

    node->limits = node->file->node->limits;
    if (align < 0 || align > INT_MAX || (align & (align - 1))) {
        error_set(errp, "Cannot meet constraints with align %" PRId64, align);
        return false;
    }
    if (align) {
        node->limits.request_alignment = MAX(align, node->limits.request_alignment);
    }
    unit = MAX(node->limits.request_alignment, 1);
    if (!check_size("max-transfer", o->has_max_transfer, o->max_transfer, unit, errp) ||
        !check_size("opt-write-zero", o->has_opt_write_zero, o->opt_write_zero, unit, errp) ||
        !check_size("max-write-zero", o->has_max_write_zero, o->max_write_zero,
                    MAX(o->opt_write_zero, unit), errp) ||
        !check_size("opt-discard", o->has_opt_discard, o->opt_discard, unit, errp) ||
        !check_size("max-discard", o->has_max_discard, o->max_discard,
                    MAX(o->opt_discard, unit), errp)) {
        return false;
    }
    node->limits.max_transfer = o->has_max_transfer && o->max_transfer ? o->max_transfer
                                                                   : node->limits.max_transfer;
    node->limits.zeroes_alignment = o->opt_write_zero;
    node->limits.max_zeroes = o->max_write_zero;
    node->limits.discard_alignment = o->opt_discard;
    node->limits.max_discard = o->max_discard;
    return true;
}

static bool co_add_rules(BlkdebugState *s, const BlockdevOptionsBlkdebug *o, Error **errp)
{
    if (o->config && *o->config && !co_read_config(s, o->config, errp)) {
        return false;
    }
    for (BlkdebugInjectErrorOptionsList *l = o->inject_error; l; l = l->next) {
        if (!add_inject(s, l->value, errp)) {
            return false;
        }
    }
    for (BlkdebugSetStateOptionsList *l = o->set_state; l; l = l->next) {
        add_set_state(s, l->value);
    }
    return true;
}

static void free_state(BlkdebugState *s)
{
    Rule *rule;

    while ((rule = list_first(&s->rules, Rule, link))) {
        free_rule(rule);
    }
    g_free(s->config);
}

static bool blkdebug_co_open(BlockNode *node, const BlockdevOptions *options, Error **errp)
{
    const BlockdevOptionsBlkdebug *o = &options->u.blkdebug;
    BlkdebugState *s = node->state;

    s->state = 1;
    list_init(&s->rules);
    list_init(&s->active);
    list_init(&s->suspended);
    s->config = g_strdup(o->config);
    s->take_perms = perms_of(o->take_child_perms);
    s->unshare_perms = perms_of(o->unshare_child_perms);
    if (co_add_rules(s, o, errp)) {
        /* What happens at any time has happened. */
        handle_event(s, BLKDBG_NONE);
        node->file = co_block_open_child(node, "image", BLOCK_CHILD_FILTERED | BLOCK_CHILD_PRIMARY,
                                         o->image, errp);
        if (node->file && set_limits(node, o, errp)) {
            node->length = node->file->node->length;
            return true;
        }
    }
    free_state(s);
    return false;
}

static void blkdebug_co_close(BlockNode *node)
{
    free_state(node->state);
}

static void blkdebug_refresh_filename(BlockNode *node)
{
    JSON_AUTO options = qapi_to_json_BlockdevOptions(node->options);
    static const char *const strong[] = { "align", "max-transfer", "opt-write-zero",
                                          "max-write-zero", "opt-discard", "max-discard",
                                          "inject-error", "set-state", "take-child-perms",
                                          "unshare-child-perms" };
    BlkdebugState *s = node->state;
    g_autofree char *below = block_node_filename(node->file->node);

    g_clear_pointer(&node->filename, g_free);
    for (unsigned i = 0; i < ARRAY_SIZE(strong); i++) {
        if (json_object_object_get(options, strong[i])) {
            return;
        }
    }
    if (!g_str_has_prefix(below, "json:")) {
        node->filename = g_strdup_printf("blkdebug:%s:%s", s->config ? s->config : "", below);
    }
}

/* blkdebug:CONFIG:IMAGE, both may be empty but for the second */
static Json *blkdebug_parse_filename(const char *filename, Error **errp)
{
    const char *config = filename + strlen("blkdebug:"), *colon = strchr(config, ':');
    Json *options, *image;

    if (!colon) {
        error_set(errp, "blkdebug requires both config file and image path");
        return NULL;
    }
    image = block_filename_options(colon + 1, errp);
    if (!image) {
        return NULL;
    }
    options = json_object_new_object();
    json_object_object_add(options, "driver", json_object_new_string("blkdebug"));
    json_object_object_add(options, "image", image);
    if (colon > config) {
        json_object_object_add(options, "config",
                               json_object_new_string_len(config, colon - config));
    }
    return options;
}

static const char *const protocols[] = { "blkdebug", NULL };
static const char *const strong_options[] = {
    "config", "align", "max-transfer", "opt-write-zero", "max-write-zero", "opt-discard",
    "max-discard", "inject-error", "set-state", "take-child-perms", "unshare-child-perms", NULL
};

static const BlockDriver blkdebug_driver = {
    .name = "blkdebug", .desc = "requests that fail or wait, for tests",
    .size = sizeof(BlkdebugState), .filter = true, .grows = true, .handles_fua = true,
    .co_open = blkdebug_co_open, .co_close = blkdebug_co_close,
    .child_perm = blkdebug_child_perm, .co_preadv = blkdebug_co_preadv,
    .co_pwritev = blkdebug_co_pwritev, .co_pwrite_zeroes = blkdebug_co_pwrite_zeroes,
    .co_pdiscard = blkdebug_co_pdiscard, .co_flush = blkdebug_co_flush,
    .co_block_status = blkdebug_co_block_status, .debug_event = blkdebug_debug_event,
    .debug_breakpoint = blkdebug_debug_breakpoint, .debug_resume = blkdebug_debug_resume,
    .debug_remove_breakpoint = blkdebug_debug_remove_breakpoint,
    .debug_is_suspended = blkdebug_debug_is_suspended,
    .refresh_filename = blkdebug_refresh_filename, .strong_options = strong_options,
    .protocols = protocols, .parse_filename = blkdebug_parse_filename,
};
REGISTER_BLOCK_DRIVER(blkdebug_driver)

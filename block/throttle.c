/* Limits on bytes and requests a second: leaky buckets, groups, and whose turn it is */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/throttle.h"
#include "util/coroutine.h"

/* Units that have come in and not leaked away yet; max leaks on its own for long bursts. */
typedef struct Level {
    double level, burst_level;
} Level;

struct ThrottleGroup {
    char *name;
    unsigned refs;
    ThrottleConfig config;
    Level levels[NR_THROTTLE_BUCKETS];
    int64_t leaked_ns;          /* when it was last counted what has leaked */
    ClockType clock;
    Timer timers[2];            /* reads, writes: the next waiting one may go */
    List members;
    unsigned waiting[2];
    ListLink link;
};

struct ThrottleMember {
    ThrottleGroup *group;
    List waiting[2];
    bool released;
    ListLink link;              /* the one served last is the last */
};

typedef struct Waiter {
    Coroutine *co;
    int64_t bytes;
    ListLink link;
} Waiter;

static List groups = { &groups, &groups };

/* --- configuration --- */

void throttle_config_init(ThrottleConfig *config)
{
    *config = (ThrottleConfig){ .op_size = 0 };
    for (unsigned i = 0; i < NR_THROTTLE_BUCKETS; i++) {
        config->limits[i].burst_length = 1;
    }
}

bool throttle_config_enabled(const ThrottleConfig *config)
{
    for (unsigned i = 0; i < NR_THROTTLE_BUCKETS; i++) {
        if (config->limits[i].avg) {
            return true;
        }
    }
    return false;
}

static bool check_limit(const ThrottleLimit *limit, Error **errp)
{
    static const uint64_t most = 1000000000000000ULL;

    if (limit->avg > most || limit->max > most) {
        error_set(errp, "bps/iops/max values must be within [0, %" PRIu64 "]", most);
    } else if (!limit->burst_length) {
        error_set(errp, "the burst length cannot be 0");
    } else if (limit->burst_length > 1 && !limit->max) {
        error_set(errp, "burst length set without burst rate");
    } else if (limit->max && limit->burst_length > most / limit->max) {
        error_set(errp, "burst length too high for this burst rate");
    } else if (limit->max && !limit->avg) {
        error_set(errp, "bps_max/iops_max require corresponding bps/iops values");
    } else if (limit->max && limit->max < limit->avg) {
        error_set(errp, "bps_max/iops_max cannot be lower than bps/iops");
    } else {
        return true;
    }
    return false;
}

bool throttle_config_check(const ThrottleConfig *config, Error **errp)
{
    const ThrottleLimit *l = config->limits;

    for (unsigned i = 0; i < NR_THROTTLE_BUCKETS; i += 3) {
        if (l[i].avg && (l[i + 1].avg || l[i + 2].avg)) {
            error_set(errp, "bps/iops/max total values and read/write values cannot be used at "
                      "the same time");
            return false;
        }
        if (l[i].max && (l[i + 1].max || l[i + 2].max)) {
            error_set(errp, "bps_max/iops_max total values and read/write values cannot be used "
                      "at the same time");
            return false;
        }
    }
    if (config->op_size && !l[THROTTLE_IOPS_TOTAL].avg && !l[THROTTLE_IOPS_READ].avg &&
        !l[THROTTLE_IOPS_WRITE].avg) {
        error_set(errp, "iops size requires an iops value to be set");
        return false;
    }
    for (unsigned i = 0; i < NR_THROTTLE_BUCKETS; i++) {
        if (!check_limit(&l[i], errp)) {
            return false;
        }
    }
    return true;
}

/* --- buckets --- */

static void leak(ThrottleGroup *g)
{
    int64_t now = clock_ns(g->clock);
    double seconds = (double)MAX(now - g->leaked_ns, 0) / NS_PER_SECOND;

    g->leaked_ns = now;
    for (unsigned i = 0; i < NR_THROTTLE_BUCKETS; i++) {
        const ThrottleLimit *limit = &g->config.limits[i];
        Level *l = &g->levels[i];

        l->level = MAX(l->level - limit->avg * seconds, 0);
        l->burst_level = limit->burst_length > 1
                             ? MAX(l->burst_level - limit->max * seconds, 0) : 0;
    }
}

/* How long until the bucket is no fuller than it may be. */
static double bucket_wait_s(const ThrottleLimit *limit, const Level *l)
{
    double room, over;

    if (!limit->avg) {
        return 0;
    }
    room = limit->max ? (double)limit->max * limit->burst_length : limit->avg / 10.0;
    over = l->level - room;
    if (over > 0) {
        return over / limit->avg;
    }
    if (limit->burst_length > 1) {
        over = l->burst_level - limit->max / 10.0;
        return over > 0 ? over / limit->max : 0;
    }
    return 0;
}

static const ThrottleBucket buckets_of[2][4] = {
    { THROTTLE_BPS_TOTAL, THROTTLE_IOPS_TOTAL, THROTTLE_BPS_READ, THROTTLE_IOPS_READ },
    { THROTTLE_BPS_TOTAL, THROTTLE_IOPS_TOTAL, THROTTLE_BPS_WRITE, THROTTLE_IOPS_WRITE },
};

static int64_t wait_ns(ThrottleGroup *g, bool is_write)
{
    double wait = 0;

    leak(g);
    for (unsigned i = 0; i < 4; i++) {
        ThrottleBucket b = buckets_of[is_write][i];

        wait = MAX(wait, bucket_wait_s(&g->config.limits[b], &g->levels[b]));
    }
    /* Not for ever, however the limits are set. */
    return MIN(wait, 1e6) * NS_PER_SECOND;
}

static void account(ThrottleGroup *g, bool is_write, int64_t bytes)
{
    double ops = g->config.op_size && bytes > (int64_t)g->config.op_size
                     ? (double)bytes / g->config.op_size : 1;

    for (unsigned i = 0; i < 4; i++) {
        ThrottleBucket b = buckets_of[is_write][i];
        double units = b < THROTTLE_IOPS_TOTAL ? bytes : ops;

        g->levels[b].level += units;
        if (g->config.limits[b].burst_length > 1) {
            g->levels[b].burst_level += units;
        }
    }
}

/* --- turns --- */

static void let_go(ThrottleMember *m, bool is_write)
{
    Waiter *w = list_first(&m->waiting[is_write], Waiter, link);

    list_remove(&w->link);
    m->group->waiting[is_write]--;
    account(m->group, is_write, w->bytes);
    co_wake(w->co);
}

/* All whose time has come, one member after the other; then the timer for the rest. */
static void serve(ThrottleGroup *g, bool is_write)
{
    ThrottleMember *m;
    int64_t wait = 0;

    while (g->waiting[is_write]) {
        wait = wait_ns(g, is_write);
        if (wait > 0) {
            timer_arm(&g->timers[is_write], clock_ns(g->clock) + wait);
            return;
        }
        list_for_each(m, &g->members, ThrottleMember, link) {
            if (!list_empty(&m->waiting[is_write])) {
                list_remove(&m->link);
                list_append(&g->members, &m->link);
                let_go(m, is_write);
                break;
            }
        }
    }
}

static void serve_reads(void *opaque)
{
    serve(opaque, false);
}

static void serve_writes(void *opaque)
{
    serve(opaque, true);
}

void co_throttle(ThrottleMember *m, bool is_write, int64_t bytes)
{
    ThrottleGroup *g = m->group;
    Waiter w = { .co = co_self(), .bytes = bytes };

    if (m->released || !throttle_config_enabled(&g->config)) {
        return;
    }
    if (!g->waiting[is_write] && wait_ns(g, is_write) <= 0) {
        account(g, is_write, bytes);
        return;
    }
    list_append(&m->waiting[is_write], &w.link);
    g->waiting[is_write]++;
    if (!timer_armed(&g->timers[is_write])) {
        serve(g, is_write);
    }
    co_yield();
}

void throttle_member_release(ThrottleMember *m, bool on)
{
    m->released = on;
    for (unsigned is_write = 0; on && is_write < 2; is_write++) {
        while (!list_empty(&m->waiting[is_write])) {
            let_go(m, is_write);
        }
    }
}

/* --- groups --- */

ThrottleGroup *throttle_group_find(const char *name)
{
    ThrottleGroup *g;

    list_for_each(g, &groups, ThrottleGroup, link) {
        if (!strcmp(g->name, name)) {
            return g;
        }
    }
    return NULL;
}

ThrottleGroup *throttle_group_get(const char *name)
{
    ThrottleGroup *g = throttle_group_find(name);

    if (!g) {
        g = g_new0(ThrottleGroup, 1);
        g->name = g_strdup(name);
        throttle_config_init(&g->config);
        g->clock = clock_virtual_is_stepped() ? CLOCK_TYPE_VIRTUAL : CLOCK_TYPE_REALTIME;
        g->leaked_ns = clock_ns(g->clock);
        timer_init(&g->timers[0], g->clock, serve_reads, g);
        timer_init(&g->timers[1], g->clock, serve_writes, g);
        list_init(&g->members);
        list_append(&groups, &g->link);
    }
    g->refs++;
    return g;
}

void throttle_group_put(ThrottleGroup *g)
{
    if (g && !--g->refs) {
        timer_disarm(&g->timers[0]);
        timer_disarm(&g->timers[1]);
        list_remove(&g->link);
        g_free(g->name);
        g_free(g);
    }
}

bool throttle_group_in_use(const ThrottleGroup *g)
{
    return g && !list_empty(&g->members);
}

const char *throttle_group_name(const ThrottleGroup *g)
{
    return g->name;
}

const ThrottleConfig *throttle_group_config(const ThrottleGroup *g)
{
    return &g->config;
}

void throttle_group_set_config(ThrottleGroup *g, const ThrottleConfig *config)
{
    g->config = *config;
    memset(g->levels, 0, sizeof(g->levels));
    g->leaked_ns = clock_ns(g->clock);
    for (unsigned is_write = 0; is_write < 2; is_write++) {
        timer_disarm(&g->timers[is_write]);
        serve(g, is_write);
    }
}

ThrottleMember *throttle_member_new(ThrottleGroup *g)
{
    ThrottleMember *m = g_new0(ThrottleMember, 1);

    g->refs++;
    m->group = g;
    list_init(&m->waiting[0]);
    list_init(&m->waiting[1]);
    list_append(&g->members, &m->link);
    return m;
}

void throttle_member_free(ThrottleMember *m)
{
    if (m) {
        g_assert(list_empty(&m->waiting[0]) && list_empty(&m->waiting[1]));
        list_remove(&m->link);
        throttle_group_put(m->group);
        g_free(m);
    }
}

ThrottleGroup *throttle_member_group(const ThrottleMember *m)
{
    return m->group;
}

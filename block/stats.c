/* What a device's requests were like: counts, bytes, times, histograms of latency */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/stats.h"
#include "util/clock.h"

/* Under qtest requests take the time that the test lets pass. */
static int64_t now_ns(void)
{
    return clock_ns(clock_virtual_is_stepped() ? CLOCK_TYPE_VIRTUAL : CLOCK_TYPE_REALTIME);
}

void block_stats_init(BlkStats *stats)
{
    *stats = (BlkStats){ .last_access_ns = 0 };
    list_init(&stats->timed);
}

void block_stats_free(BlkStats *stats)
{
    BlockTimedStats *timed;

    while ((timed = list_first(&stats->timed, BlockTimedStats, link))) {
        list_remove(&timed->link);
        g_free(timed);
    }
    for (unsigned kind = 0; kind < NR_BLOCK_ACCT; kind++) {
        block_histogram_set(stats, kind, NULL, 0);
    }
}

void block_acct_start(BlockAcct *acct, BlockAcctKind kind, int64_t bytes)
{
    *acct = (BlockAcct){ kind, bytes, now_ns() };
}

/* Windows */

static void window_start(BlockWindow *w, int64_t end_ns)
{
    *w = (BlockWindow){ .end_ns = end_ns, .min = UINT64_MAX };
}

/* Of the two, one always began half an interval before the other. */
static void roll(BlockTimedStats *timed, BlockAcctKind kind, int64_t now)
{
    int64_t period = (int64_t)timed->interval_s * NS_PER_SECOND;
    BlockWindow *w = timed->windows[kind];

    for (unsigned i = 0; i < 2; i++) {
        if (now >= w[i].end_ns) {
            int64_t other_end = w[!i].end_ns;

            window_start(&w[i], now < other_end ? other_end + period / 2 : now + period);
            if (now >= other_end) {
                window_start(&w[!i], now + period / 2);
            }
        }
    }
}

static const BlockWindow *older(const BlockTimedStats *timed, BlockAcctKind kind)
{
    const BlockWindow *w = timed->windows[kind];

    return w[0].end_ns < w[1].end_ns ? &w[0] : &w[1];
}

BlockWindow block_timed_window(BlockTimedStats *timed, BlockAcctKind kind)
{
    roll(timed, kind, now_ns());
    return *older(timed, kind);
}

double block_timed_depth(BlockTimedStats *timed, BlockAcctKind kind)
{
    int64_t period = (int64_t)timed->interval_s * NS_PER_SECOND, now = now_ns(), elapsed;
    const BlockWindow *w;

    roll(timed, kind, now);
    w = older(timed, kind);
    elapsed = period - (w->end_ns - now);
    return elapsed > 0 ? (double)w->sum / elapsed : 0;
}

static void add_to_windows(BlkStats *stats, BlockAcctKind kind, int64_t now, uint64_t latency)
{
    BlockTimedStats *timed;

    list_for_each(timed, &stats->timed, BlockTimedStats, link) {
        roll(timed, kind, now);
        for (unsigned i = 0; i < 2; i++) {
            BlockWindow *w = &timed->windows[kind][i];

            w->min = MIN(w->min, latency);
            w->max = MAX(w->max, latency);
            w->sum += latency;
            w->count++;
        }
    }
}

void block_stats_add_interval(BlkStats *stats, uint64_t seconds)
{
    BlockTimedStats *timed = g_new0(BlockTimedStats, 1);
    int64_t now = now_ns();

    timed->interval_s = seconds;
    for (unsigned kind = 0; kind < NR_BLOCK_ACCT; kind++) {
        window_start(&timed->windows[kind][0], now + (int64_t)seconds * NS_PER_SECOND);
        window_start(&timed->windows[kind][1], now + (int64_t)seconds * NS_PER_SECOND / 2);
    }
    list_append(&stats->timed, &timed->link);
}

/* Histograms */

bool block_histogram_set(BlkStats *stats, BlockAcctKind kind, const uint64_t *boundaries,
                         unsigned n)
{
    BlockHistogram *h = &stats->histograms[kind];

    for (unsigned i = 0; i < n; i++) {
        if (boundaries[i] <= (i ? boundaries[i - 1] : 0)) {
            return false;
        }
    }
    g_free(h->boundaries);
    g_free(h->bins);
    *h = (BlockHistogram){ .nbins = n ? n + 1 : 0 };
    if (n) {
        h->boundaries = g_memdup2(boundaries, n * sizeof(*boundaries));
        h->bins = g_new0(uint64_t, n + 1);
    }
    return true;
}

static void add_to_histogram(BlockHistogram *h, uint64_t latency)
{
    unsigned low = 0, high = h->nbins - 1;

    if (!h->nbins) {
        return;
    }
    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (latency < h->boundaries[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    h->bins[low]++;
}

/* Ends */

static void end(BlkStats *stats, const BlockAcct *acct, bool failed)
{
    int64_t now = now_ns();
    uint64_t latency = MAX(now - acct->start_ns, 0);

    if (failed) {
        stats->failed[acct->kind]++;
    } else {
        stats->bytes[acct->kind] += acct->bytes;
        stats->ops[acct->kind]++;
    }
    add_to_histogram(&stats->histograms[acct->kind], latency);
    if (!failed || !stats->ignore_failed) {
        stats->total_ns[acct->kind] += latency;
        stats->last_access_ns = now;
        add_to_windows(stats, acct->kind, now, latency);
    }
}

void block_acct_done(BlkStats *stats, const BlockAcct *acct)
{
    end(stats, acct, false);
}

void block_acct_failed(BlkStats *stats, const BlockAcct *acct)
{
    end(stats, acct, true);
}

void block_acct_invalid(BlkStats *stats, BlockAcctKind kind)
{
    stats->invalid[kind]++;
    if (!stats->ignore_invalid) {
        stats->last_access_ns = now_ns();
    }
}

int64_t block_stats_idle_ns(const BlkStats *stats)
{
    return now_ns() - stats->last_access_ns;
}

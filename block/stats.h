/* What a device's requests were like: counts, bytes, times, histograms of latency */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_STATS_H
#define BLOCK_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/list.h"

typedef enum BlockAcctKind {
    BLOCK_ACCT_READ,
    BLOCK_ACCT_WRITE,
    BLOCK_ACCT_FLUSH,
    BLOCK_ACCT_UNMAP,
    NR_BLOCK_ACCT,
} BlockAcctKind;

/* boundaries[i] is the first latency that bins[i + 1] counts; all in ns. */
typedef struct BlockHistogram {
    unsigned nbins;                     /* 0: none */
    uint64_t *boundaries;               /* nbins - 1 of them */
    uint64_t *bins;
} BlockHistogram;

/* Minimum, maximum and mean of what came in the last period, more or less. */
typedef struct BlockWindow {
    int64_t end_ns;
    uint64_t min, max, sum, count;
} BlockWindow;

typedef struct BlockTimedStats {
    uint64_t interval_s;
    BlockWindow windows[NR_BLOCK_ACCT][2];      /* overlapping by half: the older one is told */
    ListLink link;
} BlockTimedStats;

typedef struct BlkStats {
    uint64_t bytes[NR_BLOCK_ACCT], ops[NR_BLOCK_ACCT], total_ns[NR_BLOCK_ACCT];
    uint64_t failed[NR_BLOCK_ACCT], invalid[NR_BLOCK_ACCT], merged[NR_BLOCK_ACCT];
    int64_t last_access_ns;
    bool ignore_invalid, ignore_failed; /* for what "idle" and the sums say */
    BlockHistogram histograms[NR_BLOCK_ACCT];
    List timed;
} BlkStats;

typedef struct BlockAcct {
    BlockAcctKind kind;
    int64_t bytes, start_ns;
} BlockAcct;

void block_stats_init(BlkStats *stats);
void block_stats_free(BlkStats *stats);
void block_acct_start(BlockAcct *acct, BlockAcctKind kind, int64_t bytes);
void block_acct_done(BlkStats *stats, const BlockAcct *acct);
void block_acct_failed(BlkStats *stats, const BlockAcct *acct);
void block_acct_invalid(BlkStats *stats, BlockAcctKind kind);
int64_t block_stats_idle_ns(const BlkStats *stats);

/* boundaries must rise; n 0: no histogram any more. Its old counts are forgotten. */
bool block_histogram_set(BlkStats *stats, BlockAcctKind kind, const uint64_t *boundaries,
                         unsigned n);
void block_stats_add_interval(BlkStats *stats, uint64_t seconds);
/* Of the running window; .count is 0 when there was nothing. */
BlockWindow block_timed_window(BlockTimedStats *timed, BlockAcctKind kind);
/* How many requests were under way on average. */
double block_timed_depth(BlockTimedStats *timed, BlockAcctKind kind);

#endif

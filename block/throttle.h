/* Limits on bytes and requests a second, by leaky buckets that several users may share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include "util/clock.h"
#include "util/error.h"
#include "util/list.h"

typedef enum ThrottleBucket {
    THROTTLE_BPS_TOTAL,
    THROTTLE_BPS_READ,
    THROTTLE_BPS_WRITE,
    THROTTLE_IOPS_TOTAL,
    THROTTLE_IOPS_READ,
    THROTTLE_IOPS_WRITE,
    NR_THROTTLE_BUCKETS,
} ThrottleBucket;

typedef struct ThrottleLimit {
    uint64_t avg;               /* units a second; 0: no limit */
    uint64_t max;               /* for a while; 0: bursts are a tenth of a second of avg */
    uint64_t burst_length;      /* that while in seconds; 1 or more */
} ThrottleLimit;

typedef struct ThrottleConfig {
    ThrottleLimit limits[NR_THROTTLE_BUCKETS];
    uint64_t op_size;           /* so many bytes count as one request; 0: each request is one */
} ThrottleConfig;

/* Users of one group share its limits, in turn. */
typedef struct ThrottleGroup ThrottleGroup;
typedef struct ThrottleMember ThrottleMember;

void throttle_config_init(ThrottleConfig *config);
bool throttle_config_enabled(const ThrottleConfig *config);
bool throttle_config_check(const ThrottleConfig *config, Error **errp);

/* A reference to the group of that name, which is made where there is none. */
ThrottleGroup *throttle_group_get(const char *name);
ThrottleGroup *throttle_group_find(const char *name);       /* no reference */
void throttle_group_put(ThrottleGroup *group);
bool throttle_group_in_use(const ThrottleGroup *group);     /* it has members */
const char *throttle_group_name(const ThrottleGroup *group);
void throttle_group_set_config(ThrottleGroup *group, const ThrottleConfig *config);
const ThrottleConfig *throttle_group_config(const ThrottleGroup *group);

ThrottleMember *throttle_member_new(ThrottleGroup *group);
/* Nobody waits in it. */
void throttle_member_free(ThrottleMember *member);
ThrottleGroup *throttle_member_group(const ThrottleMember *member);
/* Wait until a request of so many bytes may begin. */
void co_throttle(ThrottleMember *member, bool is_write, int64_t bytes);
/* From now on until false nobody waits: what is drained must come to an end. */
void throttle_member_release(ThrottleMember *member, bool on);

#endif

/* Power cuts: a disk that records what reaches it, and the states a crash may leave of that */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BLOCK_CRASH_STATES_H
#define TESTS_BLOCK_CRASH_STATES_H

#include "block/driver.h"

enum {
    CRASH_SECTOR = 512,
    CRASH_DISK_MAX = 3 << 20,
    CRASH_MAX_SECTORS = CRASH_DISK_MAX / CRASH_SECTOR,
};

typedef enum CrashRecordKind { CRASH_WRITE, CRASH_TRUNCATE, CRASH_FLUSH } CrashRecordKind;

typedef struct CrashRecord {
    CrashRecordKind kind;
    uint64_t tick;
    int64_t offset, bytes;
    uint8_t *data;
} CrashRecord;

/* A disk in memory, the image's file. */
typedef struct CrashDisk {
    uint8_t *data;
    int64_t length, room;
    int64_t limit;                      /* there is no space beyond; 0: any */
    bool recording;
    unsigned error_every;               /* one request of so many fails; 0: none */
    uint8_t *before;                    /* as it was before it was opened and repaired */
    int64_t before_length;
} CrashDisk;

/* A value that a sector got; the first four bytes of it, and its low byte fills the rest. */
typedef struct CrashValue {
    uint32_t value;
    uint64_t issued, done;
} CrashValue;

/* A flush that the guest saw done. */
typedef struct CrashFlush {
    uint64_t issued, done;
} CrashFlush;

typedef struct CrashRun {
    GArray *records;                    /* CrashRecord */
    GArray *history[CRASH_MAX_SECTORS]; /* CrashValue: what each sector of the guest got */
    GArray *flushes;                    /* CrashFlush */
    uint64_t now;                       /* a tick for each thing that happens */
    uint32_t seed;
    GRand *chance;
    char *keep;                         /* where a state that fails is left */
    bool small_cache;
    /* Another's records: what was not flushed may read as anything. */
    bool foreign;
    uint64_t strange;                   /* sectors that did */
    void (*co_check_more)(CrashDisk *d, BlockNode *node);
} CrashRun;
extern CrashRun crash;

/* dir: for files; all sectors are zeroes. */
void crash_init(const char *dir, uint32_t seed);
void crash_must(const char *what, int ret, Error *err);
void NORETURN PRINTF_FORMAT(2, 3) crash_fail(const CrashDisk *d, const char *fmt, ...);

void crash_disk_resize(CrashDisk *d, int64_t length);
BlockNode *co_crash_open_disk(CrashDisk *d);            /* named "disk" */
BlockNode *co_crash_open_image(CrashDisk *d, bool read_only, unsigned flags, Error **errp);

/* ok: it was told to be done; else it may be there or not. */
void crash_add_value(int64_t sector, uint32_t value, uint64_t issued, bool ok);
/* The value of a sector as read; false: it is none that was ever written. */
bool crash_sector_value(const uint8_t *p, uint32_t *value);

/*
 * Make about that many states of the records on top of base (which becomes
 * the end of it all), check each, show every qemu_every'th to qemu-img too.
 * Returns how many there were.
 */
unsigned co_crash_states(CrashDisk *base, unsigned states, unsigned qemu_every);

#endif

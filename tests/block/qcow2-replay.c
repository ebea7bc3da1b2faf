/* qcow2 and power cuts: what a crash may leave of the writes that blklogwrites has recorded */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/block/crash-states.h"
#include "util/bswap.h"

/*
 * qcow2-replay DIR BASE LOG TRACE SEED STATES QEMU-EVERY mica|qemu|unordered: BASE is
 * the image before all, LOG the record (block/drivers/blklogwrites.c), TRACE
 * what was done, one request after the other, a line each:
 *
 *   b|w|z|d|f SECTOR COUNT BYTE END     what base has, write, zeroes, discard, flush
 *
 * END is the length of the log when it was done, which tells what of the log
 * is its doing. qemu: QEMU wrote it; what was not flushed may be anything then.
 * unordered: as if the storage forgot flushes, which must be found out.
 */
enum {
    LOG_FLUSH = 1,
    LOG_DISCARD = 4,
};

static char **args;

static char *log_data;
static gsize log_len, log_at;

/* What the log has up to end happened now. */
static void read_log(gsize end)
{
    g_assert_cmpuint(end, <=, log_len);
    for (; log_at < end; log_at += CRASH_SECTOR) {
        const char *entry = log_data + log_at;
        uint64_t flags = ld64_le(entry + 16);
        CrashRecord r = { .tick = ++crash.now, .offset = ld64_le(entry) * CRASH_SECTOR,
                          .bytes = ld64_le(entry + 8) * CRASH_SECTOR };

        if (flags & LOG_FLUSH) {
            r.kind = strcmp(args[8], "unordered") ? CRASH_FLUSH : CRASH_WRITE;
        } else {
            r.data = g_malloc0(r.bytes);        /* a discard: as zeroes, or lost */
        }
        if (r.bytes && !(flags & LOG_DISCARD)) {
            g_assert_cmpuint(r.bytes, <=, end - log_at - CRASH_SECTOR);
            memcpy(r.data, entry + CRASH_SECTOR, r.bytes);
            log_at += r.bytes;
        }
        g_array_append_val(crash.records, r);
    }
}

static void add_request(char kind, int64_t sector, int64_t n, uint32_t byte, gsize end)
{
    uint64_t issued = ++crash.now;

    read_log(end);
    if (kind == 'f') {
        CrashFlush f = { issued, ++crash.now };

        g_array_append_val(crash.flushes, f);
    }
    crash.now++;
    for (int64_t i = 0; i < n; i++) {
        if (kind == 'b') {
            g_array_set_size(crash.history[sector + i], 0);
            crash_add_value(sector + i, byte * 0x01010101u, 0, true);
        } else {
            CrashValue v = { byte * 0x01010101u, issued, kind == 'd' ? UINT64_MAX : crash.now };

            g_array_append_val(crash.history[sector + i], v);
        }
    }
}

static void read_trace(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents(args[3], &log_data, &log_len, NULL));
    g_assert_cmpuint(log_len, >=, CRASH_SECTOR);
    g_assert_cmphex(ld64_le(log_data), ==, 0x6a736677736872ULL);
    log_at = CRASH_SECTOR;
    g_assert_true(g_file_get_contents(args[4], &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i] && *lines[i]; i++) {
        g_auto(GStrv) word = g_strsplit(lines[i], " ", 5);

        g_assert_cmpuint(g_strv_length(word), ==, 5);
        add_request(word[0][0], atoi(word[1]), atoi(word[2]), atoi(word[3]),
                    g_ascii_strtoull(word[4], NULL, 10));
    }
}

static void co_main(void *opaque)
{
    g_autofree char *image = NULL;
    CrashDisk base = {};
    unsigned made;
    gsize len;

    g_assert_true(g_file_get_contents(args[2], &image, &len, NULL));
    crash_disk_resize(&base, len);
    memcpy(base.data, image, len);
    /* The log does not tell when the file became longer: it is like a disk of fixed size. */
    for (unsigned i = 0; i < crash.records->len; i++) {
        const CrashRecord *r = &g_array_index(crash.records, CrashRecord, i);

        crash_disk_resize(&base, MAX(base.length, r->offset + r->bytes));
    }
    made = co_crash_states(&base, atoi(args[6]), atoi(args[7]));
    g_print("%u records, %u states, %" PRIu64 " sectors of writes that were not flushed read as "
            "neither\n", crash.records->len, made, crash.strange);
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: %s DIR BASE LOG TRACE SEED STATES QEMU-EVERY mica|qemu|unordered\n",
                argv[0]);
        return 2;
    }
    args = argv;
    crash_init(argv[1], atoi(argv[5]));
    crash.foreign = !strcmp(argv[8], "qemu");
    read_trace();
    loop_main();
    co_run(co_main, NULL);
    return 0;
}

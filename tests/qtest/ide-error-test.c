/* Tests of what becomes of a disk's errors: told to the guest, ignored, or the guest waits */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/ide-lib.h"

static char *path;
static QTest *q;

/* One request fails, for want of space: which, rule says. */
static void start_with(const char *rule, const char *policy)
{
    path = image_new(1 << 20);
    q = qtest_start("-machine pc -blockdev driver=raw,node-name=d0,file.driver=blkdebug,"
                    "file.inject-error.0.errno=28,file.inject-error.0.once=on,%s,"
                    "file.image.driver=file,file.image.filename=%s "
                    "-device ide-hd,drive=d0,id=hd,%s",
                    rule, path, policy);
    qtest_irq_intercept_in(q, "ioapic");
    qpci_enable(q, PIIX_IDE);
    qtest_qmp_done(q, "{'execute': 'query-status'}");       /* events come from here on */
}

/* The first write to sector 5 fails, for want of space. */
static void start(const char *policy)
{
    start_with("file.inject-error.0.event=none,file.inject-error.0.iotype=write,"
               "file.inject-error.0.sector=5", policy);
}

static void end(void)
{
    qtest_end(q);
    image_remove(path);
}

static void write_sector(const uint8_t *data)
{
    ide_address(q, 5, 1);
    qtest_outb(q, COMMAND, 0x30);
    g_assert_cmphex(ide_wait(q) & (ST_DRQ | ST_ERR), ==, ST_DRQ);
    ide_out(q, data, 512);
}

static void expect_event(const char *action)
{
    struct json_object *event = qtest_qmp_event(q, "BLOCK_IO_ERROR"), *data;

    data = json_object_object_get(event, "data");
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "action")), ==, action);
    g_assert_cmpstr(json_object_get_string(json_object_object_get(data, "operation")), ==,
                    "write");
    json_object_put(event);
}

static void expect_status(const char *member, const char *value)
{
    struct json_object *all = qtest_qmp(q, "{'execute': 'query-block'}"), *disk;

    /* The machine's own drives come first. */
    disk = json_object_array_get_idx(all, json_object_array_length(all) - 1);
    g_assert_cmpstr(json_object_get_string(json_object_object_get(disk, member)), ==, value);
    json_object_put(all);
}

static void expect_run_state(const char *state)
{
    struct json_object *reply = qtest_qmp(q, "{'execute': 'query-status'}");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(reply, "status")), ==, state);
    json_object_put(reply);
}

static void report(void)
{
    uint8_t data[512] = { 0x5a };

    start("werror=report");
    write_sector(data);
    g_assert_cmphex(ide_wait(q) & ST_ERR, ==, ST_ERR);
    expect_event("report");
    expect_run_state("running");
    end();
}

static void ignore(void)
{
    uint8_t data[512] = { 0x5a };

    start("werror=ignore");
    write_sector(data);
    g_assert_cmphex(ide_wait(q) & ST_ERR, ==, 0);
    expect_event("ignore");
    end();
}

/* The default. The guest notices nothing but that it took a while. */
static void stop(void)
{
    g_autofree uint8_t *disk = NULL;
    uint8_t data[512] = { 0x5a };

    start("werror=auto");
    write_sector(data);
    expect_event("stop");
    json_object_put(qtest_qmp_event(q, "STOP"));
    expect_run_state("io-error");
    expect_status("io-status", "nospace");
    g_assert_cmphex(qtest_inb(q, ALT_STATUS) & (ST_BSY | ST_ERR), ==, ST_BSY);
    qtest_qmp_done(q, "{'execute': 'cont'}");
    g_assert_cmphex(ide_wait(q) & (ST_ERR | ST_DRQ), ==, 0);
    expect_status("io-status", "ok");
    disk = image_data(path);
    g_assert_cmphex(disk[5 * 512], ==, 0x5a);
    end();
}

/* A reset while it waits: nothing comes of the old command. */
static void reset(void)
{
    uint8_t data[512] = { 0x5a };

    start("werror=stop");
    write_sector(data);
    json_object_put(qtest_qmp_event(q, "STOP"));
    qtest_qmp_done(q, "{'execute': 'system_reset'}");
    qtest_qmp_done(q, "{'execute': 'cont'}");
    g_assert_cmphex(ide_wait(q) & ST_ERR, ==, 0);
    end();
}

/* FLUSH CACHE fails on its way to the disk, the machine stops, and it is tried again. */
static void flush(void)
{
    const uint8_t data[512] = { 0x5a };

    start_with("file.inject-error.0.event=flush_to_disk", "werror=stop");
    write_sector(data);
    ide_expect_ok(q);
    qtest_outb(q, COMMAND, 0xe7);
    json_object_put(qtest_qmp_event(q, "STOP"));
    g_assert_cmphex(qtest_inb(q, ALT_STATUS) & ST_BSY, ==, ST_BSY);
    qtest_qmp_done(q, "{'execute': 'cont'}");
    ide_expect_ok(q);
    end();
}

QTEST("/ide-error/report", report)
QTEST("/ide-error/ignore", ignore)
QTEST("/ide-error/stop", stop)
QTEST("/ide-error/flush", flush)
QTEST("/ide-error/reset", reset)

/* Tests of memory backends and NUMA nodes: where the guest's memory is, what ACPI says of it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"
#include "util/bswap.h"

#define MIB (1u << 20)

static const uint8_t *find_table(const uint8_t *tables, uint32_t size, const char *signature)
{
    for (uint32_t at = 0; at + 36 <= size; at += 4) {
        uint32_t len = ld32_le(tables + at + 4);

        if (!memcmp(tables + at, signature, 4) && len >= 36 && len <= size - at) {
            return tables + at;
        }
    }
    return NULL;
}

static char *new_file(void)
{
    char *path = g_strdup("/tmp/mica-numa-XXXXXX");
    int fd = g_mkstemp(path);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    return path;
}

/* What is at offset of the file. */
static uint32_t in_file(const char *path, size_t offset)
{
    g_autofree char *data = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpuint(len, ==, 32 * MIB);
    return ld32_le(data + offset);
}

/* The second node begins where the first one ends, and each is its own file. */
static void nodes(void)
{
    g_autofree char *a = new_file(), *b = new_file();
    QTest *q = qtest_start("-machine pc -m 64M -smp 4,sockets=2,cores=2"
                           " -object memory-backend-file,id=a,size=32M,share=on,mem-path=%s"
                           " -object memory-backend-file,id=b,size=32M,share=on,mem-path=%s"
                           " -numa node,memdev=a -numa node,memdev=b -numa node"
                           " -numa dist,src=0,dst=1,val=31 -numa dist,src=2,dst=0,val=40"
                           " -numa dist,src=1,dst=2,val=50"
                           " -numa cpu,node-id=2,socket-id=0 -numa cpu,node-id=1,socket-id=1",
                           a, b);
    g_autofree uint8_t *tables = NULL;
    static const uint8_t distances[9] = { 10, 31, 40, 31, 10, 50, 40, 50, 10 };
    static const uint8_t cpu_nodes[4] = { 2, 2, 1, 1 };
    const uint8_t *t;
    uint32_t size;

    qtest_writel(q, 0x100000, 0x11112222);
    qtest_writel(q, 32 * MIB + 0x1000, 0x33334444);
    qtest_writeq(q, 32 * MIB - 4, 0x5555666677778888);      /* in both */
    tables = qtest_fw_cfg_file(q, "etc/acpi/tables", &size);
    t = find_table(tables, size, "SLIT");
    g_assert_nonnull(t);
    g_assert_cmpuint(ld64_le(t + 36), ==, 3);
    g_assert_cmpmem(t + 44, 9, distances, 9);
    t = find_table(tables, size, "SRAT");
    g_assert_nonnull(t);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(t[48 + i * 16], ==, 0);
        g_assert_cmpuint(t[48 + i * 16 + 2], ==, cpu_nodes[i]);
        g_assert_cmpuint(t[48 + i * 16 + 3], ==, i);
    }
    t += 48 + 4 * 16;                                       /* memory of node 0, then of 1 */
    g_assert_cmpuint(ld32_le(t + 2), ==, 0);
    g_assert_cmphex(ld64_le(t + 8), ==, 0);
    g_assert_cmphex(ld64_le(t + 16), ==, 32 * MIB);
    g_assert_cmpuint(ld32_le(t + 40 + 2), ==, 1);
    g_assert_cmphex(ld64_le(t + 40 + 8), ==, 32 * MIB);
    qtest_end(q);
    g_assert_cmphex(in_file(a, 0x100000), ==, 0x11112222);
    g_assert_cmphex(in_file(b, 0x1000), ==, 0x33334444);
    g_assert_cmphex(in_file(a, 32 * MIB - 4), ==, 0x77778888);
    g_assert_cmphex(in_file(b, 0), ==, 0x55556666);
    unlink(a);
    unlink(b);
}

/* One backend is all memory, and says how much. What was in the file is in memory. */
static void backend(void)
{
    static const char *const objects[] = {
        "memory-backend-ram,id=m,size=32M,prealloc=on", "memory-backend-memfd,id=m,size=32M",
        "memory-backend-ram,id=m,size=32M,share=on,merge=off,dump=off,reserve=off",
    };
    g_autofree char *path = new_file();
    QTest *q;

    for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++) {
        q = qtest_start("-machine pc,memory-backend=m -object %s", objects[i]);
        qtest_writel(q, 32 * MIB - 4, 0x1234);
        g_assert_cmphex(qtest_readl(q, 32 * MIB - 4), ==, 0x1234);
        g_assert_cmphex(qtest_readl(q, 32 * MIB), ==, 0xffffffff);
        qtest_end(q);
    }
    q = qtest_start("-machine pc,memory-backend=m -m 32M"
                    " -object memory-backend-file,id=m,size=32M,share=on,mem-path=%s", path);
    qtest_writel(q, 0x200000, 0xabcd);
    qtest_end(q);
    q = qtest_start("-machine pc,memory-backend=m"
                    " -object memory-backend-file,id=m,size=32M,readonly=on,mem-path=%s", path);
    g_assert_cmphex(qtest_readl(q, 0x200000), ==, 0xabcd);
    qtest_writel(q, 0x200000, 0xef01);
    g_assert_cmphex(qtest_readl(q, 0x200000), ==, 0xef01);
    qtest_end(q);
    g_assert_cmphex(in_file(path, 0x200000), ==, 0xabcd);
    unlink(path);
}

static void expect_error(QTest *q, const char *request, const char *text)
{
    struct json_object *reply = qtest_qmp_reply(q, "%s", request), *error;

    g_assert_true(json_object_object_get_ex(reply, "error", &error));
    g_assert_cmpstr(json_object_get_string(json_object_object_get(error, "desc")), ==, text);
    json_object_put(reply);
}

/* Nodes over QMP before the machine is made, CPUs in the reverse of their usual order. */
static void preconfig(void)
{
    QTest *q = qtest_start("-machine pc -m 32M -smp 2,sockets=2 -nodefaults -preconfig"
                           " -object memory-backend-ram,id=m,size=32M");
    struct json_object *reply, *row;

    expect_error(q, "{'execute': 'query-cpus-fast'}", "The command 'query-cpus-fast' is permitted "
                 "only after machine initialization has completed");
    reply = qtest_qmp(q, "{'execute': 'query-memdev'}");
    row = json_object_array_get_idx(reply, 0);
    g_assert_cmpstr(json_object_get_string(json_object_object_get(row, "id")), ==, "m");
    g_assert_cmpint(json_object_get_int(json_object_object_get(row, "size")), ==, 32 * MIB);
    json_object_put(reply);
    qtest_qmp_done(q, "{'execute': 'set-numa-node', 'arguments': {'type': 'node', 'nodeid': 0, "
                   "'memdev': 'm'}}");
    expect_error(q, "{'execute': 'set-numa-node', 'arguments': {'type': 'node', 'nodeid': 0}}",
                 "Duplicate NUMA nodeid: 0");
    qtest_qmp_done(q, "{'execute': 'set-numa-node', 'arguments': {'type': 'node', 'nodeid': 1}}");
    qtest_qmp_done(q, "{'execute': 'set-numa-node', 'arguments': {'type': 'cpu', 'node-id': 0, "
                   "'socket-id': 1}}");
    qtest_qmp_done(q, "{'execute': 'set-numa-node', 'arguments': {'type': 'cpu', 'node-id': 1, "
                   "'socket-id': 0}}");
    qtest_qmp_done(q, "{'execute': 'x-exit-preconfig'}");
    expect_error(q, "{'execute': 'x-exit-preconfig'}",
                 "The command is permitted only before machine initialization");
    expect_error(q, "{'execute': 'set-numa-node', 'arguments': {'type': 'node'}}",
                 "The command is permitted only before the machine has been created");
    reply = qtest_qmp(q, "{'execute': 'human-monitor-command', 'arguments': {'command-line': "
                      "'info numa'}}");
    g_assert_cmpstr(json_object_get_string(reply), ==,
                    "2 nodes\r\nnode 0 cpus: 1\r\nnode 0 size: 32 MB\r\nnode 0 plugged: 0 MB\r\n"
                    "node 1 cpus: 0\r\nnode 1 size: 0 MB\r\nnode 1 plugged: 0 MB\r\n");
    json_object_put(reply);
    qtest_end(q);
}

QTEST("/numa/nodes", nodes)
QTEST("/numa/backend", backend)
QTEST("/numa/preconfig", preconfig)

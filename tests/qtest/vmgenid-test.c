/* vmgenid: the page for the firmware, and the query */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"
#include "util/bswap.h"

#define GUID "324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"

static char *query(QTest *q)
{
    struct json_object *info = qtest_qmp(q, "{'execute': 'query-vm-generation-id'}");
    char *guid = g_strdup(json_object_get_string(json_object_object_get(info, "guid")));

    json_object_put(info);
    return guid;
}

/* The bytes of a file of fw_cfg. */
static void read_file(QTest *q, const char *name, uint8_t *buf, unsigned len)
{
    uint8_t head[4], entry[64];
    unsigned key = 0;

    qtest_outw(q, 0x510, 0x19);
    for (unsigned i = 0; i < 4; i++) {
        head[i] = qtest_inb(q, 0x511);
    }
    for (unsigned n = 0; n < ld32_be(head); n++) {
        for (unsigned i = 0; i < 64; i++) {
            entry[i] = qtest_inb(q, 0x511);
        }
        if (!strcmp((char *)entry + 8, name)) {
            key = ld16_be(entry + 4);
            g_assert_cmpuint(ld32_be(entry), >=, len);
        }
    }
    g_assert_cmpuint(key, !=, 0);
    qtest_outw(q, 0x510, key);
    for (unsigned i = 0; i < len; i++) {
        buf[i] = qtest_inb(q, 0x511);
    }
}

static void given(void)
{
    static const uint8_t bytes[16] = {      /* the first three fields are little-endian */
        0xaf, 0x6e, 0x4e, 0x32, 0xd1, 0xd1, 0xf6, 0x4b,
        0xbf, 0x41, 0xb9, 0xbb, 0x6c, 0x91, 0xfb, 0x87,
    };
    QTest *q = qtest_start("-machine pc -device vmgenid,guid=" GUID);
    g_autofree char *guid = query(q);
    uint8_t page[56];

    g_assert_cmpstr(guid, ==, GUID);
    read_file(q, "etc/vmgenid_guid", page, sizeof(page));
    g_assert_cmpmem(page + 40, 16, bytes, 16);
    qtest_end(q);
}

static void automatic(void)
{
    QTest *q = qtest_start("-machine pc -device vmgenid"), *other;
    g_autofree char *guid = query(q), *other_guid = NULL;

    qtest_end(q);
    other = qtest_start("-machine pc -device vmgenid,guid=auto");
    other_guid = query(other);
    g_assert_cmpuint(strlen(guid), ==, 36);
    g_assert_cmpstr(guid, !=, other_guid);
    qtest_end(other);
}

static void none(void)
{
    QTest *q = qtest_start("-machine pc");
    struct json_object *reply = qtest_qmp_reply(q, "{'execute': 'query-vm-generation-id'}");

    g_assert_nonnull(strstr(json_object_to_json_string(reply),
                            "VM Generation ID device not found"));
    json_object_put(reply);
    qtest_end(q);
}

QTEST("/vmgenid/given", given)
QTEST("/vmgenid/auto", automatic)
QTEST("/vmgenid/none", none)

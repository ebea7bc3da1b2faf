/* bootindex: what the firmware is told of the order of boot devices */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"
#include "util/bswap.h"

enum { SELECTOR = 0x510, DATA = 0x511, FILE_DIR = 0x19, ENTRY = 64 };

static void read_bytes(QTest *q, uint8_t *to, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        to[i] = qtest_inb(q, DATA);
    }
}

/* The content of a fw_cfg file as text, NULL when it is not there. */
static char *read_file(QTest *q, const char *name)
{
    uint8_t count[4], entry[ENTRY];

    qtest_outw(q, SELECTOR, FILE_DIR);
    read_bytes(q, count, sizeof(count));
    for (unsigned i = 0; i < ld32_be(count); i++) {
        read_bytes(q, entry, sizeof(entry));
        if (!strcmp((char *)entry + 8, name)) {
            uint32_t len = ld32_be(entry);
            char *text = g_malloc0(len + 1);

            qtest_outw(q, SELECTOR, ld16_be(entry + 4));
            read_bytes(q, (uint8_t *)text, len);
            return text;
        }
    }
    return NULL;
}

static void by_index(void)
{
    QTest *q = qtest_start("-machine pc -blockdev null-co,node-name=a -blockdev null-co,node-name=b "
                           "-device ide-hd,drive=a,bus=ide.0,bootindex=5 "
                           "-device ide-hd,drive=b,bus=ide.1,unit=1,bootindex=2");
    g_autofree char *order = read_file(q, "bootorder");

    g_assert_cmpstr(order, ==, "/pci@i0cf8/ide@1,1/drive@1/disk@1\n"
                               "/pci@i0cf8/ide@1,1/drive@0/disk@0");
    qtest_end(q);
}

static void none(void)
{
    QTest *q = qtest_start("-machine pc -blockdev null-co,node-name=a -device ide-hd,drive=a");
    g_autofree char *order = read_file(q, "bootorder");

    g_assert_null(order);
    qtest_end(q);
}

QTEST("/boot-order/by-index", by_index)
QTEST("/boot-order/none", none)

/* Tests of SMBIOS: structures, strings, entry points, and -smbios with good and bad arguments */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/smbios.h"
#include "util/bswap.h"

static const uint8_t uuid[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                  0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };

static SmbiosConfig config(void)
{
    return (SmbiosConfig){
        .product = "Standard PC", .version = "pc-i440fx-7.2", .uuid = uuid, .sockets = 2,
        .cores = 4, .threads = 2, .below_4g = 3ULL << 30, .above_4g = 33ULL << 30,
    };
}

/* The n-th structure of a type, NULL when there is none; walks as a guest does */
static const uint8_t *find(GByteArray *tables, uint8_t type, unsigned n, unsigned *count)
{
    const uint8_t *found = NULL;
    guint at = 0;

    *count = 0;
    while (at < tables->len) {
        const uint8_t *p = tables->data + at;
        guint next = at + p[1];

        g_assert_cmpuint(p[1], >=, 4);
        while (next + 1 < tables->len && (tables->data[next] || tables->data[next + 1])) {
            next++;
        }
        next += 2;
        g_assert_cmpuint(next, <=, tables->len);
        (*count)++;
        if (p[0] == type && !n--) {
            found = p;
        }
        at = next;
    }
    return found;
}

static const char *string(const uint8_t *p, unsigned offset)
{
    const char *text = (const char *)p + p[1];
    unsigned n = p[offset];

    g_assert_cmpuint(offset, <, p[1]);
    if (!n) {
        return "";
    }
    while (--n) {
        text += strlen(text) + 1;
    }
    return text;
}

static uint8_t sum(const uint8_t *p, unsigned len)
{
    uint8_t total = 0;

    while (len--) {
        total += *p++;
    }
    return total;
}

static void defaults(void)
{
    g_autoptr(GByteArray) anchor = g_byte_array_new(), tables = g_byte_array_new();
    SmbiosConfig cfg = config();
    const uint8_t *p;
    unsigned count;

    smbios_build(&cfg, anchor, tables);
    g_assert_cmpuint(anchor->len, ==, 31);
    g_assert_cmpuint(sum(anchor->data, 31), ==, 0);
    g_assert_cmpuint(sum(anchor->data + 16, 15), ==, 0);
    g_assert_cmpuint(ld16_le(anchor->data + 22), ==, tables->len);

    g_assert_null(find(tables, 0, 0, &count));
    g_assert_cmpuint(ld16_le(anchor->data + 28), ==, count);
    p = find(tables, 1, 0, &count);
    g_assert_cmpuint(p[1], ==, 27);
    g_assert_cmpstr(string(p, 4), ==, "QEMU");
    g_assert_cmpstr(string(p, 5), ==, "Standard PC");
    g_assert_cmpstr(string(p, 7), ==, "");
    g_assert_cmpmem(p + 8, 8, "\x33\x22\x11\x00\x55\x44\x77\x66", 8);
    g_assert_cmpmem(p + 16, 8, uuid + 8, 8);
    p = find(tables, 4, 1, &count);
    g_assert_cmpuint(p[1], ==, 42);
    g_assert_cmpstr(string(p, 4), ==, "CPU 1");
    g_assert_cmpuint(p[35], ==, 4);
    g_assert_cmpuint(p[37], ==, 8);
    g_assert_null(find(tables, 4, 2, &count));
    p = find(tables, 17, 2, &count);            /* 36 GiB: 16, 16, 4 */
    g_assert_cmpuint(p[1], ==, 40);
    g_assert_cmpuint(ld16_le(p + 12), ==, 4096);
    p = find(tables, 17, 0, &count);
    g_assert_cmpuint(ld16_le(p + 12), ==, 16384);
    p = find(tables, 19, 1, &count);
    g_assert_cmphex(ld32_le(p + 4), ==, 4 << 20);
    g_assert_cmphex(ld32_le(p + 8), ==, (37 << 20) - 1);
    g_assert_cmpuint(p[1], ==, 31);
}

static void entry64(void)
{
    g_autoptr(GByteArray) anchor = g_byte_array_new(), tables = g_byte_array_new();
    SmbiosConfig cfg = config();
    const uint8_t *p;
    unsigned count;

    cfg.entry64 = true;
    cfg.cores = 300;
    smbios_build(&cfg, anchor, tables);
    g_assert_cmpuint(anchor->len, ==, 24);
    g_assert_cmpmem(anchor->data, 5, "_SM3_", 5);
    g_assert_cmpuint(sum(anchor->data, 24), ==, 0);
    p = find(tables, 4, 0, &count);
    g_assert_cmpuint(p[35], ==, 255);
    g_assert_cmpuint(ld16_le(p + 42), ==, 300);
}

static void options(void)
{
    static const char *const rows[] = {
        "type=0,vendor=Us,,Inc,release=1.20,uefi=on", "type=1,serial=S1,family=F",
        "type=1,serial=S2,uuid=ffeeddcc-bbaa-9988-7766-554433221100", "type=2,location=here",
        "type=11,value=one,value=two", "type=4,sock_pfx=U,max-speed=3000", "type=17,bank=B",
    };
    g_autoptr(GByteArray) anchor = g_byte_array_new(), tables = g_byte_array_new();
    SmbiosConfig cfg = config();
    const uint8_t *p;
    unsigned count;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_assert_true(smbios_option_add(rows[i], NULL));
    }
    smbios_build(&cfg, anchor, tables);
    p = find(tables, 0, 0, &count);
    g_assert_cmpstr(string(p, 4), ==, "Us,Inc");
    g_assert_cmpuint(p[20], ==, 1);
    g_assert_cmpuint(p[21], ==, 20);
    g_assert_cmphex(p[19] & 8, ==, 8);
    p = find(tables, 1, 0, &count);
    g_assert_cmpstr(string(p, 7), ==, "S2");
    g_assert_cmpstr(string(p, 26), ==, "F");
    g_assert_cmpmem(p + 8, 4, "\xcc\xdd\xee\xff", 4);
    g_assert_cmpstr(string(find(tables, 2, 0, &count), 10), ==, "here");
    p = find(tables, 11, 0, &count);
    g_assert_cmpuint(p[4], ==, 2);
    g_assert_cmpstr((const char *)p + p[1] + 4, ==, "two");
    p = find(tables, 4, 0, &count);
    g_assert_cmpstr(string(p, 4), ==, "U 0");
    g_assert_cmpuint(ld16_le(p + 20), ==, 3000);
    g_assert_cmpstr(string(find(tables, 17, 0, &count), 17), ==, "B");
    smbios_options_clear();
}

static void wrong_options(void)
{
    static const struct { const char *text, *answer; } rows[] = {
        { "", "*must begin with type=NUMBER*" },
        { "type", "*'type' is not of the form*" },
        { "type=x", "*must begin with type=*" },
        { "type=5,vendor=x", "*no fields can be given for type 5*" },
        { "type=1,vendr=x", "*type 1 has no field 'vendr'*" },
        { "type=0,release=1", "*'1' is no valid value of release*" },
        { "type=0,release=1.256", "*no valid value of release*" },
        { "type=1,uuid=123", "*no valid value of uuid*" },
        { "type=4,max-speed=70000", "*no valid value of max-speed*" },
        { "type=0,uefi=maybe", "*no valid value of uefi*" },
        { "file=/nonexistent", "*No such file*" },
        { "file=/proc/self/cmdline", "*does not hold one SMBIOS structure*" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_false(smbios_option_add(rows[i].text, &err));
        if (!g_pattern_match_simple(rows[i].answer, error_text(err))) {
            g_error("'%s': '%s' does not match", rows[i].text, error_text(err));
        }
    }
    smbios_options_clear();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smbios/defaults", defaults);
    g_test_add_func("/smbios/entry64", entry64);
    g_test_add_func("/smbios/options", options);
    g_test_add_func("/smbios/wrong-options", wrong_options);
    return g_test_run();
}

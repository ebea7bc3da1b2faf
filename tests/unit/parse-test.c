/* Parsing what people type: numbers, sizes, UUIDs, spelling; scatter lists */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/iov.h"
#include "util/parse.h"
#include "util/uuid.h"

static void numbers(void)
{
    static const struct {
        const char *text;
        int base, ret;
        uint64_t value;
    } rows[] = {
        { "0", 0, 0, 0 },
        { "42", 0, 0, 42 },
        { "0x2a", 0, 0, 42 },
        { "052", 0, 0, 42 },
        { "052", 10, 0, 52 },
        { "ff", 16, 0, 255 },
        { "18446744073709551615", 0, 0, UINT64_MAX },
        { "18446744073709551616", 0, -ERANGE, 0 },
        { "-1", 0, -EINVAL, 0 },
        { " 1", 0, -EINVAL, 0 },
        { "1 ", 0, -EINVAL, 0 },
        { "", 0, -EINVAL, 0 },
        { "12x", 0, -EINVAL, 0 },
    };
    int64_t i;

    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        uint64_t v = 0;

        g_assert_cmpint(parse_u64(rows[n].text, rows[n].base, &v), ==, rows[n].ret);
        g_assert_cmpuint(v, ==, rows[n].value);
    }
    g_assert_cmpint(parse_i64("-9223372036854775808", 0, &i), ==, 0);
    g_assert_cmpint(i, ==, INT64_MIN);
    g_assert_cmpint(parse_i64("9223372036854775808", 0, &i), ==, -ERANGE);
    g_assert_cmpint(parse_i64("--1", 0, &i), ==, -EINVAL);
}

static void sizes(void)
{
    static const struct {
        const char *text;
        char unit;
        int ret;
        uint64_t bytes;
    } rows[] = {
        { "0", 'B', 0, 0 },
        { "512", 'B', 0, 512 },
        { "512", 'M', 0, 512 << 20 },
        { "512b", 'M', 0, 512 },
        { "1k", 'B', 0, 1024 },
        { "1K", 'B', 0, 1024 },
        { "3G", 'B', 0, 3ULL << 30 },
        { "2t", 'B', 0, 2ULL << 40 },
        { "1.5G", 'B', 0, 3ULL << 29 },
        { "0.5k", 'B', 0, 512 },
        { "1.125M", 'B', 0, 1179648 },
        { "0x1000", 'B', 0, 4096 },
        { "15E", 'B', 0, 15ULL << 60 },
        { "16E", 'B', -ERANGE, 0 },
        { "99999999999999999999", 'B', -ERANGE, 0 },
        { "1.5", 'B', -EINVAL, 0 },
        { "1.0", 'B', 0, 1 },
        { "1.", 'B', -EINVAL, 0 },
        { "1X", 'B', -EINVAL, 0 },
        { "1kk", 'B', -EINVAL, 0 },
        { "-1", 'B', -EINVAL, 0 },
        { "", 'B', -EINVAL, 0 },
        { "k", 'B', -EINVAL, 0 },
        { "0x10k", 'B', -EINVAL, 0 },
    };

    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        uint64_t v = 0;

        g_test_message("%s", rows[n].text);
        g_assert_cmpint(parse_size(rows[n].text, rows[n].unit, &v), ==, rows[n].ret);
        g_assert_cmpuint(v, ==, rows[n].bytes);
    }
}

static void spelling(void)
{
    static const char *const names[] = {
        "machine", "memory", "virtio-blk-pci", "isa-serial", "on", "off", "boot", "bios", NULL,
    };
    static const char *const rows[][2] = {
        { "machin", "machine" }, { "mahcine", "machine" },  { "isa_serial", "isa-serial" },
        { "ISA-Serial", "isa-serial" }, { "virtio-blk", "virtio-blk-pci" }, { "of", "off" },
        { "bois", "bios" }, { "zzzz", NULL }, { "x", NULL }, { "", NULL },
        { "completely-different-thing", NULL },
    };

    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        g_test_message("%s", rows[n][0]);
        g_assert_cmpstr(spell_nearest(rows[n][0], names), ==, rows[n][1]);
    }
}

static void texts(void)
{
    g_autofree char *percent = parse_percent("a%20b%2fc");
    g_autofree char *size = format_size(1536 << 10);
    g_autofree char *dump = format_hexdump("0123456789abcdef\nx", 18);
    bool on = false;

    g_assert_cmpstr(percent, ==, "a b/c");
    g_assert_null(parse_percent("%4"));
    g_assert_null(parse_percent("%00"));
    g_assert_cmpstr(size, ==, "1.5 MiB");
    g_assert_nonnull(strstr(dump, "0010:  0a 78 "));
    g_assert_true(parse_bool("yes", &on) && on);
    g_assert_true(parse_bool("off", &on) && !on);
    g_assert_false(parse_bool("ON", &on));
}

static void uuids(void)
{
    static const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
    char out[UUID_TEXT_SIZE];
    Uuid u, s;

    g_assert_true(uuid_parse(text, &u));
    g_assert_cmphex(u.bytes[5], ==, 0x55);
    uuid_print(&u, out);
    g_assert_cmpstr(out, ==, text);
    s = uuid_swapped(u);
    uuid_print(&s, out);
    g_assert_cmpstr(out, ==, "33221100-5544-7766-8899-aabbccddeeff");
    g_assert_false(uuid_parse("00112233-4455-6677-8899-aabbccddeef", &u));
    g_assert_false(uuid_parse("00112233-4455-6677-8899-aabbccddeeff0", &u));
    g_assert_false(uuid_parse("00112233x4455-6677-8899-aabbccddeeff", &u));
    g_assert_false(uuid_parse("", &u));
    uuid_generate(&u);
    g_assert_false(uuid_is_null(&u));
    g_assert_cmpint(u.bytes[6] >> 4, ==, 4);
}

static void scatter(void)
{
    char a[4] = "abc", b[1], c[5] = "defg", out[16] = "";
    struct iovec iov[] = { { a, 3 }, { b, 0 }, { c, 4 } };
    char flat[] = "abcdeFg";
    struct iovec one = { flat, 7 };
    IoVec v = { 0 };

    g_assert_cmpuint(iov_size(iov, 3), ==, 7);
    g_assert_cmpuint(iov_to_buf(iov, 3, 2, out, 16), ==, 5);
    g_assert_cmpstr(out, ==, "cdefg");
    g_assert_cmpuint(iov_to_buf(iov, 3, 7, out, 16), ==, 0);
    g_assert_cmpuint(iov_to_buf(iov, 3, 100, out, 16), ==, 0);
    g_assert_cmpuint(iov_mismatch(iov, 3, &one, 1), ==, 5);
    g_assert_cmpuint(iov_from_buf(iov, 3, 1, "WXYZ", 4), ==, 4);
    g_assert_cmpmem(a, 3, "aWX", 3);
    g_assert_cmpmem(c, 4, "YZfg", 4);
    g_assert_cmpuint(iov_memset(iov, 3, 2, '-', 2), ==, 2);
    g_assert_cmpmem(c, 4, "-Zfg", 4);
    for (int i = 0; i < 20; i++) {
        iovec_add_slice(&v, iov, 3, 2, 3);
    }
    g_assert_cmpuint(v.n, ==, 40);
    g_assert_cmpuint(v.size, ==, 60);
    g_assert_cmpuint(iov_size(v.iov, v.n), ==, 60);
    iovec_free(&v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parse/numbers", numbers);
    g_test_add_func("/parse/sizes", sizes);
    g_test_add_func("/parse/spelling", spelling);
    g_test_add_func("/parse/texts", texts);
    g_test_add_func("/uuid", uuids);
    g_test_add_func("/iov", scatter);
    return g_test_run();
}

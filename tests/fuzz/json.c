/* Fuzz target: a stream of JSON values, in pieces of any size; values to text and back */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/json.h"
#include "tests/fuzz/fuzz.h"

/* What a value becomes as text is the same value. */
static void check_text(const Json *value)
{
    for (int pretty = 0; pretty < 2; pretty++) {
        g_autofree char *text = json_text(value, pretty), *wire = json_wire_text(value, pretty);
        g_autofree char *again = NULL, *from_both = NULL;
        JSON_AUTO from_text = NULL;
        JSON_AUTO from_wire = NULL;

        g_assert_true(json_parse(text, strlen(text), &from_text, NULL));
        g_assert_true(json_parse(wire, strlen(wire), &from_wire, NULL));
        again = json_wire_text(from_wire, pretty);
        from_both = json_wire_text(from_text, pretty);
        g_assert_cmpstr(again, ==, wire);
        g_assert_cmpstr(from_both, ==, wire);
        for (const char *c = wire; *c; c++) {
            g_assert_true((uint8_t)*c < 0x80);
        }
    }
}

static void got(void *opaque, Json *value, Error *err)
{
    GString *out = opaque;

    if (err) {
        g_string_append_printf(out, "!%s\n", error_text(err));
        error_free(err);
    } else {
        g_autofree char *text = json_text(value, false);

        g_string_append_printf(out, "%s\n", text);
        check_text(value);
        json_object_put(value);
    }
}

static char *run(const char *bytes, size_t size, size_t piece)
{
    GString *out = g_string_new(NULL);
    JsonStream *stream = json_stream_new(got, out);

    for (size_t at = 0; at < size; at += piece) {
        json_stream_feed(stream, bytes + at, MIN(piece, size - at));
    }
    json_stream_end(stream);
    json_stream_free(stream);
    return g_string_free(out, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    g_autofree char *whole = run(bytes, size, MAX(size, 1));
    g_autofree char *single = run(bytes, size, 1), *some = run(bytes, size, 7);
    g_autoptr(Error) err = NULL;
    Json *value = NULL;

    g_assert_cmpstr(whole, ==, single);
    g_assert_cmpstr(whole, ==, some);
    if (json_parse(bytes, size, &value, &err)) {
        check_text(value);
        json_object_put(value);
    } else {
        g_assert_nonnull(err);
    }
    return 0;
}

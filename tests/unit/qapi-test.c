/* JSON text and streams, key=value, and the visitors over a schema of their own */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/json.h"
#include "qapi/keyval.h"
#include "tests/unit/types-test-schema.h"

/* --- JSON --- */

static void json_texts(void)
{
    static const struct {
        const char *in, *out, *err;
    } rows[] = {
        { "{}", "{}", NULL },
        { " [1, 2 ,3] ", "[1,2,3]", NULL },
        { "{'a': 'b\"c'}", "{\"a\":\"b\\\"c\"}", NULL },
        { "'it\\'s'", "\"it's\"", NULL },
        { "18446744073709551615", "18446744073709551615", NULL },
        { "-9223372036854775808", "-9223372036854775808", NULL },
        { "true", "true", NULL },
        { "null", "null", NULL },
        { "\"\\u00e9\"", "\"\xc3\xa9\"", NULL },
        { "{\"a\":", NULL, "premature end" },
        { "\"abc", NULL, "premature end" },
        { "{\"a\":}", NULL, "JSON parse error" },
        { "[1,]", NULL, "JSON parse error" },
        { "{} {}", NULL, "more behind" },
        { "", NULL, "expecting a value" },
        { "hello", NULL, "JSON parse error" },
        { "]", NULL, "JSON parse error" },
        { "18446744073709551616", NULL, "JSON parse error" },
        { "01", NULL, "JSON parse error" },
        { "\"\xff\"", NULL, "JSON parse error" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;
        JSON_AUTO value = NULL;
        bool ok = json_parse(rows[i].in, strlen(rows[i].in), &value, &err);

        g_test_message("row %zu: %s", i, err ? error_text(err) : "fine");
        g_assert_cmpint(ok, ==, rows[i].out != NULL);
        g_assert_cmpint(ok, ==, err == NULL);
        if (ok) {
            g_autofree char *text = json_text(value, false);

            g_assert_cmpstr(text, ==, rows[i].out);
        } else {
            g_assert_nonnull(strstr(error_text(err), rows[i].err));
        }
    }
}

static void json_depth(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(Error) err = NULL;
    JSON_AUTO value = NULL;

    for (int i = 0; i < 100000; i++) {
        g_string_append_c(text, '[');
    }
    g_assert_false(json_parse(text->str, text->len, &value, &err));
    g_assert_nonnull(strstr(error_text(err), "too deeply"));
}

typedef struct Seen {
    GString *text;
    JsonStream *stream;
    int free_after;
} Seen;

static void seen(void *opaque, Json *value, Error *err)
{
    Seen *s = opaque;

    if (err) {
        g_string_append(s->text, "E;");
        error_free(err);
    } else {
        g_autofree char *text = json_text(value, false);

        g_string_append_printf(s->text, "%s;", text);
    }
    json_object_put(value);
    if (s->free_after && --s->free_after == 0) {
        json_stream_free(s->stream);
    }
}

/* The same values come out however the bytes are cut. */
static void json_stream(void)
{
    static const char in[] = "{\"a\":1}{'b':[2,\"}\"]} 7 \xff"
                             "{\"lost\":\xff[3] {]} true\n";
    Seen s = { .text = g_string_new(NULL) };

    for (size_t cut = 1; cut < sizeof(in) - 1; cut++) {
        g_string_truncate(s.text, 0);
        s.stream = json_stream_new(seen, &s);
        for (size_t at = 0; at < sizeof(in) - 1; at += cut) {
            json_stream_feed(s.stream, in + at, MIN(cut, sizeof(in) - 1 - at));
        }
        json_stream_end(s.stream);
        json_stream_free(s.stream);
        g_assert_cmpstr(s.text->str, ==, "{\"a\":1};{\"b\":[2,\"}\"]};7;E;E;[3];E;E;true;");
    }
    g_string_truncate(s.text, 0);
    s.free_after = 1;
    s.stream = json_stream_new(seen, &s);
    json_stream_feed(s.stream, "{}{}", 4);
    g_assert_cmpstr(s.text->str, ==, "{};");
    g_string_free(s.text, true);
}

/* --- key=value --- */

static void keyval(void)
{
    static const struct {
        const char *in, *implied, *out, *err;
    } rows[] = {
        { "", NULL, "{}", NULL },
        { "a=b", NULL, "{\"a\":\"b\"}", NULL },
        { "a=b,c.d=e,c.f=", NULL, "{\"a\":\"b\",\"c\":{\"d\":\"e\",\"f\":\"\"}}", NULL },
        { "a=1,,2,b=3", NULL, "{\"a\":\"1,2\",\"b\":\"3\"}", NULL },
        { "a=1,a=2", NULL, "{\"a\":\"2\"}", NULL },
        { "pc,x=1", "type", "{\"type\":\"pc\",\"x\":\"1\"}", NULL },
        { "l.1=b,l.0=a", NULL, "{\"l\":[\"a\",\"b\"]}", NULL },
        { "l.0.x=1,l.1.x=2", NULL, "{\"l\":[{\"x\":\"1\"},{\"x\":\"2\"}]}", NULL },
        { "a=b=c", NULL, "{\"a\":\"b=c\"}", NULL },
        { "a", NULL, NULL, "Expected '=' after parameter 'a'" },
        { "a=1,b", "t", NULL, "Expected '=' after parameter 'b'" },
        { "=1", NULL, NULL, "Invalid parameter ''" },
        { ".a=1", NULL, NULL, "Invalid parameter '.a'" },
        { "a..b=1", NULL, NULL, "Invalid parameter 'a..b'" },
        { "a.=1", NULL, NULL, "Invalid parameter 'a.'" },
        { "a=1,a.b=2", NULL, NULL, "Parameters 'a.*' used inconsistently" },
        { "a.b=2,a=1", NULL, NULL, "Parameters 'a.*' used inconsistently" },
        { "l.0=1,l.2=2", NULL, NULL, "Parameter 'l.1' missing" },
        { "l.0=1,l.x=2", NULL, NULL, "Parameters 'l.*' used inconsistently" },
        { "help", NULL, NULL, "Expected '=' after parameter 'help'" },
    };
    bool help;
    JSON_AUTO with_help = keyval_parse("dev,help", "driver", &help, NULL);
    g_autofree char *escaped = keyval_escape("a,b");

    g_assert_true(help);
    g_assert_cmpstr(keyval_get(with_help, "driver"), ==, "dev");
    g_assert_cmpstr(escaped, ==, "a,,b");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;
        JSON_AUTO value = keyval_parse(rows[i].in, rows[i].implied, NULL, &err);
        g_autofree char *text = value ? json_text(value, false) : NULL;

        g_test_message("%s: %s", rows[i].in, err ? error_text(err) : "fine");
        g_assert_cmpstr(text, ==, rows[i].out);
        g_assert_cmpstr(err ? error_text(err) : NULL, ==, rows[i].err);
    }
}

static void keyval_bare(void)
{
    JSON_AUTO bare = keyval_parse_bare("socket,server,nowait,nodelay,id=x", "backend", NULL, NULL);
    g_autofree char *text = json_text(bare, false);

    g_assert_cmpstr(text, ==, "{\"backend\":\"socket\",\"server\":\"on\",\"wait\":\"off\","
                              "\"nodelay\":\"on\",\"id\":\"x\"}");
}

static void nest(void)
{
    static const struct { const char *in, *out; } rows[] = {
        { "{\"a.b\":1,\"a.c.d\":null}", "{\"a\":{\"b\":1,\"c\":{\"d\":null}}}" },
        { "{\"a\":{\"b\":1},\"a.c\":2}", "{\"a\":{\"b\":1,\"c\":2}}" },
        { "{\"a.0.b\":1,\"a.1\":2}", "{\"a\":[{\"b\":1},2]}" },
        { "{\"a\":[{\"b.c\":1},2]}", "{\"a\":[{\"b\":{\"c\":1}},2]}" },
        { "{\"a\":1,\"a.b\":2}", NULL },
        { "{\"a.b\":2,\"a\":1}", NULL },
        { "{\"a.\":1}", NULL },
    };
    JSON_AUTO flat = keyval_parse_flat("file=x,file.locking=on,nowait", NULL, NULL);
    g_autofree char *flat_text = json_text(flat, false);

    g_assert_cmpstr(flat_text, ==, "{\"file\":\"x\",\"file.locking\":\"on\",\"wait\":\"off\"}");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;
        JSON_AUTO in = json_parse_object(rows[i].in, NULL);
        JSON_AUTO out = keyval_nest(in, &err);
        g_autofree char *text = out ? json_text(out, false) : NULL;

        g_test_message("%s", rows[i].in);
        g_assert_cmpstr(text, ==, rows[i].out);
        g_assert_true(!err == !!rows[i].out);
    }
}

/* --- visitors --- */

static void visit_struct(void)
{
    static const char in[] =
        "{\"name\":\"n\",\"weight\":-5,\"colour\":\"deep-green\",\"small\":255,\"low\":-32768,"
        "\"big\":18446744073709551615,\"bytes\":4096,\"on\":true,\"ratio\":0.5,"
        "\"extra\":{\"x\":[1]},\"inner\":{\"name\":\"i\"},"
        "\"list\":[{\"name\":\"l0\"},{\"name\":\"l1\",\"weight\":1}],\"words\":[\"a\",\"b\"],"
        "\"numbers\":[]}";
    JSON_AUTO json = json_parse_object(in, NULL);
    g_autoptr(TestThing) thing = qapi_parse_TestThing(json, QAPI_STRICT, NULL);
    g_autoptr(TestThing) copy = qapi_copy_TestThing(thing);
    JSON_AUTO back = qapi_to_json_TestThing(copy);
    g_autofree char *text = json_text(back, false);

    g_assert_cmpstr(thing->name, ==, "n");
    g_assert_true(thing->has_weight);
    g_assert_cmpint(thing->weight, ==, -5);
    g_assert_cmpint(thing->colour, ==, TEST_COLOUR_DEEP_GREEN);
    g_assert_cmpint(thing->low, ==, -32768);
    g_assert_cmpstr(thing->list->next->value->name, ==, "l1");
    g_assert_false(thing->inner->has_weight);
    g_assert_true(thing->has_numbers && !thing->numbers);
    g_assert_cmpstr(text, ==, in);
}

static void visit_union(void)
{
    JSON_AUTO kv = keyval_parse("disk,file.name=base,file.weight=3,cache=on,id=d0", "kind", NULL,
                                NULL);
    g_autoptr(TestUnion) disk = qapi_parse_TestUnion(kv, QAPI_KEYVAL, NULL);
    JSON_AUTO by_name = json_parse_object("{'kind':'disk','file':'other'}", NULL);
    g_autoptr(TestUnion) ref = qapi_parse_TestUnion(by_name, QAPI_STRICT, NULL);
    JSON_AUTO out = qapi_to_json_TestUnion(ref);
    g_autofree char *text = json_text(out, false);
    g_autoptr(TestUnion) copy = qapi_copy_TestUnion(disk);

    g_assert_cmpint(copy->kind, ==, TEST_KIND_DISK);
    g_assert_true(copy->u.disk.cache);
    g_assert_cmpint(copy->u.disk.file->type, ==, TEST_REF_DEFINITION);
    g_assert_cmpint(copy->u.disk.file->u.definition.weight, ==, 3);
    g_assert_cmpstr(ref->u.disk.file->u.reference, ==, "other");
    g_assert_cmpstr(text, ==, "{\"kind\":\"disk\",\"file\":\"other\"}");
}

static void visit_errors(void)
{
    static const struct {
        const QapiType *type;
        QapiMode mode;
        const char *in, *err;
    } rows[] = {
        { &qapi_type_TestThing, QAPI_STRICT, "{}", "Parameter 'name' is missing" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':1}",
          "Invalid parameter type for 'name', expected: string" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','inner':{}}",
          "Parameter 'inner.name' is missing" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','list':[{'name':'b'},{}]}",
          "Parameter 'list[1].name' is missing" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','colour':'pink'}",
          "Parameter 'colour' does not accept value 'pink'" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','small':256}",
          "Parameter 'small' expects uint8" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','small':-1}",
          "Parameter 'small' expects uint8" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','low':32768}",
          "Parameter 'low' expects int16" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','weight':18446744073709551615}",
          "Parameter 'weight' expects int" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','weight':1.5}",
          "Invalid parameter type for 'weight', expected: integer" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','on':'yes'}",
          "Invalid parameter type for 'on', expected: boolean" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','coluor':'red'}",
          "Parameter 'coluor' is unexpected" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a','inner':{'name':'x','y':1}}",
          "Parameter 'inner.y' is unexpected" },
        { &qapi_type_TestThing, QAPI_STRICT, "{'name':'a\\u0000b'}",
          "Parameter 'name' must not contain a NUL character" },
        { &qapi_type_TestThing, QAPI_KEYVAL, "name=a,small=x",
          "Parameter 'small' expects integer" },
        { &qapi_type_TestThing, QAPI_KEYVAL, "name=a,bytes=1X",
          "Parameter 'bytes' expects a size" },
        { &qapi_type_TestThing, QAPI_KEYVAL, "name=a,on=maybe",
          "Parameter 'on' expects 'on' or 'off'" },
        { &qapi_type_TestThing, QAPI_KEYVAL, "name.x=a",
          "Parameter 'name' has no parameters below it" },
        { &qapi_type_TestUnion, QAPI_STRICT, "{'kind':'nic','mac':'x','cache':true}",
          "Parameter 'cache' is unexpected" },
        { &qapi_type_TestUnion, QAPI_STRICT, "{'kind':'disk','file':3}",
          "Invalid parameter type for 'file', expected: TestRef" },
        { &qapi_type_TestUnion, QAPI_KEYVAL, "kind=none,mac=1", "Parameter 'mac' is unexpected" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;
        JSON_AUTO json = rows[i].mode == QAPI_KEYVAL
                             ? keyval_parse(rows[i].in, NULL, NULL, NULL)
                             : json_parse_object(rows[i].in, NULL);

        g_test_message("%s", rows[i].in);
        g_assert_nonnull(json);
        g_assert_null(qapi_parse_object(rows[i].type, json, rows[i].mode, &err));
        g_assert_cmpstr(error_text(err), ==, rows[i].err);
    }
}

static void visit_keyval(void)
{
    JSON_AUTO kv = keyval_parse("name=n,bytes=2k,small=0x10,on=no,list.0.name=q,words.0=w", NULL,
                                NULL, NULL);
    g_autoptr(TestThing) thing = qapi_parse_TestThing(kv, QAPI_KEYVAL, NULL);

    g_assert_cmpuint(thing->bytes, ==, 2048);
    g_assert_cmpuint(thing->small, ==, 16);
    g_assert_true(thing->has_on && !thing->on);
    g_assert_cmpstr(thing->list->value->name, ==, "q");
    g_assert_cmpstr(thing->words->value, ==, "w");
}

/* Whatever bytes come, the parsers answer with a value or an error and leave nothing behind. */
static void fuzz(void)
{
    static const char *const seeds[] = {
        "a=b,c.d=e,l.0=x,l.1=y", "driver=raw,file.driver=file,file.filename=a,,b", "x,help,?=1",
        "{\"kind\":\"disk\",\"file\":{\"name\":\"n\",\"weight\":-1},\"cache\":true}",
        "{'name':'a','list':[{'name':'b'}],'ratio':1e3,'numbers':[1,2],'on':false}",
        "name=n,list.0.name=a,numbers.0=1,bytes=1k,colour=red,inner.name=i",
    };
    static const QapiType *const types[] = { &qapi_type_TestThing, &qapi_type_TestUnion };
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (int round = 0; round < 20000; round++) {
        const char *seed = seeds[g_rand_int(rand) % ARRAY_SIZE(seeds)];
        const QapiType *type = types[g_rand_int(rand) % ARRAY_SIZE(types)];
        g_autofree char *text = g_strdup(seed);
        size_t len = strlen(text);
        bool keyval = *seed != '{';
        void *obj = NULL;
        Json *json;

        for (int n = g_rand_int(rand) % 4; n > 0; n--) {
            static const char alphabet[] = ",,==..0123{}[]\"':\\-tfn \xff";

            text[g_rand_int(rand) % len] = alphabet[g_rand_int(rand) % (sizeof(alphabet) - 1)];
        }
        json = keyval ? keyval_parse_bare(text, "kind", &(bool){ false }, NULL)
                      : json_parse_object(text, NULL);
        if (json) {
            obj = qapi_parse_object(type, json, keyval ? QAPI_KEYVAL : QAPI_STRICT, NULL);
        }
        if (obj) {
            void *copy = qapi_copy_object(type, obj);

            json_object_put(qapi_object_to_json(type, copy));
            qapi_free_object(type, copy);
            qapi_free_object(type, obj);
        }
        json_object_put(json);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/texts", json_texts);
    g_test_add_func("/json/depth", json_depth);
    g_test_add_func("/json/stream", json_stream);
    g_test_add_func("/keyval/table", keyval);
    g_test_add_func("/keyval/bare", keyval_bare);
    g_test_add_func("/keyval/nest", nest);
    g_test_add_func("/visit/struct", visit_struct);
    g_test_add_func("/visit/union", visit_union);
    g_test_add_func("/visit/errors", visit_errors);
    g_test_add_func("/visit/keyval", visit_keyval);
    g_test_add_func("/visit/fuzz", fuzz);
    return g_test_run();
}

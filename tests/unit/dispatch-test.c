/* QMP requests over a schema of their own: calls, errors in QEMU's words, events, introspection */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/commands-introspect.h"
#include "qapi/dispatch.h"
#include "tests/unit/commands-test-schema.h"
#include "tests/unit/events-test-schema.h"
#include "util/co-lock.h"

static unsigned nothing_called;

/* --- the handlers --- */

TestReply *qmp_test_add(int64_t a, bool has_b, int64_t b, const char *word, bool has_colours,
                        TestColourList *colours, Error **errp)
{
    TestReply *reply;

    if (has_b && b < 0) {
        error_set_class(errp, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", word);
        return NULL;
    }
    co_sleep(CLOCK_TYPE_REALTIME, 1000);
    reply = g_new0(TestReply, 1);
    reply->sum = a + (has_b ? b : 0);
    if (word) {
        reply->has_words = true;
        reply->words = g_new0(strList, 1);
        reply->words->value = g_strdup(word);
    }
    for (; colours; colours = colours->next) {
        reply->sum += 1000 * colours->value;
    }
    return reply;
}

void qmp_test_nothing(Error **errp)
{
    nothing_called++;
}

char *qmp_test_boxed(TestUnion *arg, Error **errp)
{
    return g_strdup_printf("%s/%s", TestKind_name(arg->kind), arg->id ? arg->id : "-");
}

Json *qmp_test_raw(Json *args, Error **errp)
{
    return json_object_get(args);
}

/* --- requests --- */

typedef struct Exchange {
    const char *request;
    bool oob;
    char *reply;
} Exchange;

static void exchange(void *opaque)
{
    Exchange *x = opaque;
    g_autoptr(Error) parse_err = NULL;
    JSON_AUTO json = NULL;
    JSON_AUTO reply = NULL;
    QapiRequest request;
    Error *err = NULL;
    Json *ret;

    g_assert_true(json_parse(x->request, strlen(x->request), &json, &parse_err));
    if (qapi_request_parse(json, x->oob, &request, &err) &&
        co_qapi_command_run(request.cmd, request.args, &ret, &err)) {
        reply = qapi_reply(&request, ret);
    } else {
        reply = qapi_reply_error(&request, err);
    }
    x->reply = json_text(reply, false);
}

static char *talk(const char *request, bool oob)
{
    Exchange x = { request, oob, NULL };

    co_run(exchange, &x);
    return x.reply;
}

#define ERR(class, text) "\"error\":{\"class\":\"" class "\",\"desc\":\"" text "\"}}"
#define GENERIC(text) "{" ERR("GenericError", text)

static void requests(void)
{
    static const struct {
        const char *request, *reply;
    } rows[] = {
        { "{'execute':'test-nothing'}", "{\"return\":{}}" },
        { "{'execute':'test-nothing','id':null}", "{\"return\":{},\"id\":null}" },
        { "{'execute':'test-add','arguments':{'a':1,'b':2},'id':[1,{}]}",
          "{\"return\":{\"sum\":3},\"id\":[1,{}]}" },
        { "{'execute':'test-add','arguments':{'a':1,'word':'x','colours':['red','blue']}}",
          "{\"return\":{\"sum\":2001,\"words\":[\"x\"]}}" },
        { "{'execute':'test-boxed','arguments':{'kind':'nic','id':'n','mac':'m'}}",
          "{\"return\":\"nic/n\"}" },
        { "{'execute':'test-raw','arguments':{'x':[1]}}", "{\"return\":{\"x\":[1]}}" },
        { "{'execute':'test-raw'}", "{\"return\":{}}" },
        { "[]", GENERIC("QMP input must be a JSON object") },
        { "{}", GENERIC("QMP input lacks member 'execute'") },
        { "{'id':7}", "{\"id\":7," ERR("GenericError", "QMP input lacks member 'execute'") },
        { "{'execute':1}", GENERIC("QMP input member 'execute' must be a string") },
        { "{'execute':'test-nothing','arguments':[]}",
          GENERIC("QMP input member 'arguments' must be an object") },
        { "{'execute':'test-nothing','more':1}", GENERIC("QMP input member 'more' is unexpected") },
        { "{'execute':'x','id':1}",
          "{\"id\":1," ERR("CommandNotFound", "The command x has not been found") },
        { "{'execute':'test-nothing','arguments':{'y':1}}",
          GENERIC("Parameter 'y' is unexpected") },
        { "{'execute':'test-add'}", GENERIC("Parameter 'a' is missing") },
        { "{'execute':'test-add','arguments':{'a':'1'}}",
          GENERIC("Invalid parameter type for 'a', expected: integer") },
        { "{'execute':'test-add','arguments':{'a':null}}",
          GENERIC("Invalid parameter type for 'a', expected: integer") },
        { "{'execute':'test-add','arguments':{'a':1,'word':2}}",
          GENERIC("Invalid parameter type for 'word', expected: string") },
        { "{'execute':'test-add','arguments':{'a':1,'colours':{}}}",
          GENERIC("Invalid parameter type for 'colours', expected: array") },
        { "{'execute':'test-add','arguments':{'a':1,'colours':['red', 2]}}",
          GENERIC("Invalid parameter type for 'colours[1]', expected: string") },
        { "{'execute':'test-add','arguments':{'a':1,'colours':['mauve']}}",
          GENERIC("Parameter 'colours[0]' does not accept value 'mauve'") },
        { "{'execute':'test-add','arguments':{'a':1,'b':-1,'word':'d0'}}",
          "{" ERR("DeviceNotFound", "Device 'd0' not found") },
        { "{'exec-oob':'test-nothing'}", GENERIC("QMP input member 'exec-oob' is unexpected") },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *reply = talk(rows[i].request, false);

        g_test_message("%s", rows[i].request);
        g_assert_cmpstr(reply, ==, rows[i].reply);
    }
}

static void oob(void)
{
    g_autofree char *fine = talk("{'exec-oob':'test-nothing'}", true);
    g_autofree char *refused = talk("{'exec-oob':'test-raw'}", true);
    g_autofree char *both = talk("{'exec-oob':'test-nothing','execute':'test-nothing'}", true);

    g_assert_cmpstr(fine, ==, "{\"return\":{}}");
    g_assert_cmpstr(refused, ==, GENERIC("The command test-raw does not support OOB"));
    g_assert_cmpstr(both, ==, GENERIC("QMP input member 'execute' clashes with 'exec-oob'"));
}

/* --- events --- */

static GString *event_log;

static void log_event(const char *name, Json *data)
{
    g_autofree char *text = json_text(data, false);

    g_string_append_printf(event_log, "%s %s\n", name, data ? text : "-");
    json_object_put(data);
}

static void events(void)
{
    TestBase base = { .name = (char *)"n" };

    event_log = g_string_new(NULL);
    qapi_event_send_test_plain();           /* no hook: dropped */
    qapi_set_event_hook(log_event);
    qapi_event_send_test_happened("a", false, 0, NULL);
    qapi_event_send_test_happened("b", true, 0, &base);
    qapi_event_send_test_plain();
    qapi_set_event_hook(NULL);
    g_assert_cmpstr(event_log->str, ==,
                    "TEST_HAPPENED {\"what\":\"a\"}\n"
                    "TEST_HAPPENED {\"what\":\"b\",\"when\":0,\"thing\":{\"name\":\"n\"}}\n"
                    "TEST_PLAIN -\n");
    g_string_free(event_log, true);
}

/* --- introspection --- */

static void schema(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    JSON_AUTO args = json_object_new_object();
    JSON_AUTO list = qmp_query_qmp_schema(args, NULL);
    Json *name, *value, *add = NULL;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        Json *row = json_object_array_get_idx(list, i);
        Error *err = NULL;
        SchemaInfo *info = qapi_parse_SchemaInfo(row, QAPI_STRICT, &err);

        g_assert_null(err);
        qapi_free_SchemaInfo(info);
        g_assert_true(json_object_object_get_ex(row, "name", &name));
        g_assert_true(g_hash_table_add(names, (char *)json_object_get_string(name)));
        if (!strcmp(json_object_get_string(name), "test-add")) {
            add = row;
        }
    }
    g_assert_nonnull(add);
    g_assert_true(json_object_object_get_ex(add, "arg-type", &value));
    g_assert_true(g_hash_table_contains(names, json_object_get_string(value)));
    g_assert_true(json_object_object_get_ex(add, "features", &value));
    g_assert_cmpstr(json_object_get_string(json_object_array_get_idx(value, 0)), ==, "deprecated");
    g_assert_true(g_hash_table_contains(names, "TEST_HAPPENED"));
    g_assert_true(g_hash_table_contains(names, "str"));
    g_assert_false(g_hash_table_contains(names, "TestReply"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dispatch/requests", requests);
    g_test_add_func("/dispatch/oob", oob);
    g_test_add_func("/dispatch/events", events);
    g_test_add_func("/dispatch/schema", schema);
    return g_test_run();
}

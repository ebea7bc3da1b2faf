/* Fuzz target: QMP requests up to the call: the arguments of every command through its visitor */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/dispatch.h"
#include "tests/fuzz/fuzz.h"

/* What was taken can be told, and is taken again as the same. */
static void check(const QapiType *type, const Json *args, QapiMode mode)
{
    g_autoptr(Error) err = NULL;
    void *parsed = qapi_parse_object(type, args, mode, &err), *copy, *again;

    g_assert_true(!parsed == !!err);
    if (parsed) {
        JSON_AUTO json = qapi_object_to_json(type, parsed);
        g_autofree char *text = json_text(json, false);

        copy = qapi_copy_object(type, parsed);
        again = qapi_parse_object(type, json, QAPI_STRICT, NULL);
        g_assert_nonnull(again);
        for (int i = 0; i < 2; i++) {
            JSON_AUTO other = qapi_object_to_json(type, i ? again : copy);
            g_autofree char *other_text = json_text(other, false);

            g_assert_cmpstr(other_text, ==, text);
        }
        qapi_free_object(type, copy);
        qapi_free_object(type, again);
        qapi_free_object(type, parsed);
    }
}

static void request(void *opaque, Json *json, Error *err)
{
    QapiRequest r = { 0 };
    Error *wrong = err;

    if (!err && qapi_request_parse(json, true, &r, &wrong) && r.cmd->arg) {
        JSON_AUTO none = json_object_new_object();

        check(r.cmd->arg, r.args ? r.args : none, QAPI_STRICT);
        check(r.cmd->arg, r.args ? r.args : none, QAPI_KEYVAL);
    }
    json_object_put(wrong ? qapi_reply_error(&r, wrong)
                          : qapi_reply(&r, json_object_new_object()));
    json_object_put(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    JsonStream *stream = json_stream_new(request, NULL);

    json_stream_feed(stream, (const char *)data, size);
    json_stream_end(stream);
    json_stream_free(stream);
    return 0;
}

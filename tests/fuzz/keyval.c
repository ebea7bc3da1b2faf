/* Fuzz target: key=value text and JSON as options have them, and -chardev's members from them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "qapi/types-char.h"
#include "tests/fuzz/fuzz.h"

static void visit(Json *json, QapiMode mode)
{
    g_autoptr(Error) err = NULL;
    ChardevOptions *opts = json ? qapi_parse_ChardevOptions(json, mode, &err) : NULL;

    g_assert_true(!json || !opts == !!err);
    qapi_free_ChardevOptions(opts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *escaped = keyval_escape(text);
    g_autofree char *again = g_strconcat("a=", escaped, NULL);
    static const char *const implied[] = { NULL, "backend" };
    bool help, keyval;

    for (int i = 0; i < 2; i++) {
        g_autoptr(Error) err = NULL, bare_err = NULL, any_err = NULL;
        JSON_AUTO json = keyval_parse(text, implied[i], &help, &err);
        JSON_AUTO bare = keyval_parse_bare(text, implied[i], &help, &bare_err);
        JSON_AUTO any = keyval_or_json_parse(text, implied[i], &help, &keyval, &any_err);

        g_assert_true(!json == !!err);
        g_assert_true(!bare == !!bare_err);
        g_assert_true(!any == !!any_err);
        visit(json, QAPI_KEYVAL);
        visit(bare, QAPI_KEYVAL);
        visit(any, keyval ? QAPI_KEYVAL : QAPI_STRICT);
    }
    /* What is escaped comes back as it was. */
    if (g_utf8_validate(text, -1, NULL)) {
        JSON_AUTO json = keyval_parse(again, NULL, NULL, NULL);

        g_assert_true(!json || !strcmp(keyval_get(json, "a"), text));
    }
    return 0;
}

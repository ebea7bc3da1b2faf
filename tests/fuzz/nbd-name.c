/* Fuzz target: names of disks as users write them, nbd:// and the like, to options */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/block.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *name = g_strconcat("nbd", text, NULL);
    const char *names[] = { text, name };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        g_autoptr(Error) err = NULL;
        JSON_AUTO options = block_filename_options(names[i], &err);

        g_assert_true(!options == !!err);
        if (options && json_object_object_get(options, "server")) {
            g_autoptr(Error) wrong = NULL;
            BlockdevOptions *parsed = qapi_parse_BlockdevOptions(options, QAPI_STRICT, &wrong);

            /* What comes of a name is complete. */
            g_assert_true(parsed || g_str_has_prefix(text, "json:"));
            qapi_free_BlockdevOptions(parsed);
        }
    }
    return 0;
}

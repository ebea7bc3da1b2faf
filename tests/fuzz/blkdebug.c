/* Fuzz target: blkdebug's configuration files, and logs that blklogwrites goes on with */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/driver.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>

static int file = -1;

static void co_use(const char *format)
{
    g_autofree char *text = g_strdup_printf(format, file);
    JSON_AUTO options = json_parse_object(text, NULL);
    BlockNode *node = co_block_open_json(options, QAPI_STRICT, NULL);
    uint8_t buf[2000] = {};
    BlockChild *user;

    if (!node) {
        return;
    }
    user = block_child_new(node, "fuzz", BLOCK_PERM_ALL, BLOCK_PERM_ALL, NULL);
    if (user) {
        block_debug_event(node, "l2_load");
        co_node_pread(node, 512, buf, sizeof(buf));
        block_debug_event(node, "write_aio");
        co_node_pwrite(node, 100, buf, sizeof(buf));
        co_node_pwrite_zeroes(node, 4096, 4096, 0);
        co_node_pdiscard(node, 4096, 4096);
        block_debug_event(node, "flush_to_disk");
        co_node_flush(node);
    }
    block_child_free(user);
    block_node_unref(node);
}

static void co_one(void *opaque)
{
    co_use("{'driver':'blkdebug','config':'/proc/self/fd/%d',"
           "'image':{'driver':'null-co','size':65536,'read-zeroes':true}}");
    co_use("{'driver':'blklogwrites','log-append':true,"
           "'file':{'driver':'null-co','size':65536,'read-zeroes':true},"
           "'log':{'driver':'file','filename':'/proc/self/fd/%d','locking':'off'}}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        g_assert_cmpint(file, >=, 0);
        loop_main();
    }
    g_assert_false(ftruncate(file, 0));
    g_assert_cmpint(pwrite(file, data, size, 0), ==, size);
    co_run(co_one, NULL);
    return 0;
}

/* From what users write to nodes: -blockdev trees, file names, format probing */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/graph-int.h"

/* What QEMU opens and Mica does not yet. */
static const char *const unknown_drivers[] = {
    "blkreplay", "blkverify", "bochs", "cloop", "compress",
    "dmg", "ftp", "ftps", "gluster", "host_cdrom", "http",
    "https", "io_uring", "iscsi", "luks", "nfs", "nvme", "parallels", "preallocate",
    "qcow", "qed", "quorum", "rbd", "replication", "ssh", "vdi", "vhdx",
    "vmdk", "vpc", "vvfat", NULL
};

bool block_driver_known(const char *driver)
{
    return !block_driver_find(driver) && g_strv_contains(unknown_drivers, driver);
}

static bool check_driver(const char *driver, Error **errp)
{
    if (block_driver_known(driver)) {
        error_set(errp, "Mica cannot open block devices with driver '%s' yet", driver);
        error_hint(errp, "'qemu-img convert -O raw' makes a raw image of others' formats");
        return false;
    }
    return true;
}

/* All drivers of the tree, before its types are looked at, so that the answer is about them. */
static bool check_drivers(const Json *options, Error **errp)
{
    json_object_object_foreach((Json *)(uintptr_t)options, key, value) {
        if (!strcmp(key, "driver") && json_object_is_type(value, json_type_string) &&
            !check_driver(json_object_get_string(value), errp)) {
            return false;
        }
        if (json_object_is_type(value, json_type_object) && !check_drivers(value, errp)) {
            return false;
        }
    }
    return true;
}

BlockNode *co_block_open_json_at(const Json *options, QapiMode mode, unsigned flags,
                                 unsigned depth, Error **errp)
{
    g_autoptr(BlockdevOptions) parsed = NULL;

    if (!check_drivers(options, errp)) {
        return NULL;
    }
    parsed = qapi_parse_BlockdevOptions(options, mode, errp);
    return parsed ? co_block_open_at(parsed, flags, depth, errp) : NULL;
}

BlockNode *co_block_open_json_flags(const Json *options, QapiMode mode, unsigned flags,
                                    Error **errp)
{
    return co_block_open_json_at(options, mode, flags, 0, errp);
}

BlockNode *co_block_open_json(const Json *options, QapiMode mode, Error **errp)
{
    return co_block_open_json_flags(options, mode, 0, errp);
}

/* "nbd" of "nbd://host", NULL when there is no protocol before a first ':' */
static char *protocol_of(const char *filename)
{
    size_t n = strspn(filename, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789+-.");

    return n && filename[n] == ':' ? g_strndup(filename, n) : NULL;
}

typedef struct ByProtocol {
    const char *protocol;
    const BlockDriver *driver;
} ByProtocol;

static void match_protocol(const BlockDriver *driver, void *opaque)
{
    ByProtocol *by = opaque;

    if (driver->protocols && g_strv_contains(driver->protocols, by->protocol)) {
        by->driver = driver;
    }
}

Json *block_filename_options(const char *filename, Error **errp)
{
    g_autofree char *protocol = protocol_of(filename);
    g_autofree char *plain = NULL;
    ByProtocol by = { .protocol = protocol };
    struct stat st;
    Json *options;

    if (g_str_has_prefix(filename, "json:")) {
        return json_parse_object(filename + strlen("json:"), errp);
    }
    if (protocol) {
        block_drivers_for_each(match_protocol, &by);
    }
    if (by.driver) {
        return by.driver->parse_filename(filename, errp);
    }
    if (protocol && !strcmp(protocol, "file")) {
        g_autofree char *again = protocol_of(filename + strlen("file:"));

        /* Without its prefix it would look like another protocol's. */
        plain = g_strconcat(again ? "./" : "", filename + strlen("file:"), NULL);
        filename = plain;
    } else if (protocol) {
        error_set(errp, "Unknown protocol '%s'", protocol);
        return NULL;
    }
    if (!*filename) {
        error_set(errp, "The file name of an image is empty");
        return NULL;
    }
    options = json_object_new_object();
    json_object_object_add(options, "driver", json_object_new_string(
        !stat(filename, &st) && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)) ? "host_device"
                                                                           : "file"));
    json_object_object_add(options, "filename", json_object_new_string(filename));
    return options;
}

typedef struct Magic {
    const char *format;
    unsigned offset, len;
    const char *bytes;
} Magic;

static const Magic magics[] = {
    { "qcow2", 0, 4, "QFI\xfb" },       /* qcow too: version 1 */
    { "qed", 0, 4, "QED\0" },
    { "vmdk", 0, 4, "KDMV" },
    { "vmdk", 0, 4, "COWD" },
    { "vmdk", 0, 21, "# Disk DescriptorFile" },
    { "vdi", 64, 4, "\x7f\x10\xda\xbe" },
    { "vhdx", 0, 8, "vhdxfile" },
    { "vpc", 0, 8, "conectix" },
    { "luks", 0, 6, "LUKS\xba\xbe" },
    { "parallels", 0, 16, "WithoutFreeSpace" },
    { "parallels", 0, 16, "WithouFreSpacExt" },
};

const char *block_format_of(const uint8_t *head, size_t len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(magics); i++) {
        const Magic *m = &magics[i];

        if (m->offset + m->len <= len && !memcmp(head + m->offset, m->bytes, m->len)) {
            return m->format;
        }
    }
    return NULL;
}

void block_node_set_probed(BlockNode *node)
{
    g_autofree char *name = NULL;

    node = block_skip_filters(node);
    node->probed = true;
    if (node->read_only) {
        return;
    }
    name = block_node_filename(node);
    /* As QEMU words it on stderr: users and tests know it. */
    fprintf(stderr,
            "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
            "         Automatically detecting the format is dangerous for raw images, write "
            "operations on block 0 will be restricted.\n"
            "         Specify the 'raw' format explicitly to remove the restrictions.\n", name);
}

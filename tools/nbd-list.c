/* mica-nbd -L: what another NBD server exports */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/nbd.h"

#include "block/nbd/client.h"
#include "block/nbd/connection.h"
#include "qom/tls-creds.h"

static void print_flags(uint16_t flags)
{
    static const struct {
        uint16_t flag;
        const char *name;
    } names[] = {
        { NBD_FLAG_READ_ONLY, "readonly" }, { NBD_FLAG_SEND_FLUSH, "flush" },
        { NBD_FLAG_SEND_FUA, "fua" }, { NBD_FLAG_ROTATIONAL, "rotational" },
        { NBD_FLAG_SEND_TRIM, "trim" }, { NBD_FLAG_SEND_WRITE_ZEROES, "zeroes" },
        { NBD_FLAG_SEND_DF, "df" }, { NBD_FLAG_CAN_MULTI_CONN, "multi" },
        { NBD_FLAG_SEND_RESIZE, "resize" }, { NBD_FLAG_SEND_CACHE, "cache" },
        { NBD_FLAG_SEND_FAST_ZERO, "fast-zero" },
    };

    printf("  flags: 0x%x (", flags);
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (flags & names[i].flag) {
            printf(" %s", names[i].name);
        }
    }
    printf(" )\n");
}

static void print_export(const NbdInfo *info)
{
    printf(" export: '%s'\n", info->name);
    if (info->description && *info->description) {
        printf("  description: %s\n", info->description);
    }
    if (info->flags & NBD_FLAG_HAS_FLAGS) {
        printf("  size:  %" PRIu64 "\n", info->size);
        print_flags(info->flags);
    }
    if (info->min_block) {
        printf("  min block: %u\n  opt block: %u\n  max block: %u\n", info->min_block,
               info->opt_block, info->max_block);
    }
    if (info->contexts && *info->contexts) {
        printf("  available meta contexts: %u\n", g_strv_length(info->contexts));
        for (char **context = info->contexts; *context; context++) {
            printf("   %s\n", *context);
        }
    }
}

int co_nbd_list(const NbdArgs *a)
{
    NbdWish wish = { .hostname = a->tls_hostname ? a->tls_hostname : a->bind };
    g_auto(SockAddr) addr = { .fd = -1 };
    g_autoptr(TlsCreds) tls = NULL;
    g_autoptr(GArray) list = NULL;
    NbdStream *stream;
    Error *err = NULL;
    int fd;

    if (a->tls_creds && !(tls = tls_creds_find(a->tls_creds, false, &err))) {
        error_prepend(&err, "Failed to get TLS creds: ");
        error_report(err);
        return 1;
    }
    wish.tls = tls;
    nbd_address(a, &addr);
    fd = co_nbd_connect(&addr, &err);
    if (fd < 0) {
        error_report(err);
        return 1;
    }
    stream = nbd_stream_new(fd);
    list = co_nbd_client_list(stream, &wish, &err);
    nbd_stream_unref(stream);
    if (!list) {
        error_report(err);
        return 1;
    }
    printf("exports available: %u\n", list->len);
    for (unsigned i = 0; i < list->len; i++) {
        print_export(&g_array_index(list, NbdInfo, i));
    }
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

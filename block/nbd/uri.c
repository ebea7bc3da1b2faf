/* Names of NBD disks as users write them: nbd://host/export, nbd+unix:///export?socket=, nbd:... */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "block/nbd/uri.h"

#include "block/nbd/proto.h"

static void put(Json *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static Json *server(const char *type)
{
    Json *address = json_object_new_object();

    put(address, "type", type);
    return address;
}

static Json *options(Json *address, const char *export)
{
    Json *all = json_object_new_object();

    put(all, "driver", "nbd");
    json_object_object_add(all, "server", address);
    if (export && *export) {
        put(all, "export", export);
    }
    return all;
}

typedef struct Uri {
    char *scheme, *host, *path, *query;
    int port;
    GHashTable *params;
} Uri;

static void uri_clear(Uri *uri)
{
    g_free(uri->scheme);
    g_free(uri->host);
    g_free(uri->path);
    g_free(uri->query);
    g_clear_pointer(&uri->params, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Uri, uri_clear)

static bool check_params(const Uri *uri, const char *filename, bool tls, bool local,
                         Error **errp)
{
    GHashTableIter iter;
    const char *key;

    g_hash_table_iter_init(&iter, uri->params);
    while (g_hash_table_iter_next(&iter, (void **)&key, NULL)) {
        bool known = (local && !strcmp(key, "socket")) ||
                     (tls && (!strcmp(key, "tls-creds") || !strcmp(key, "tls-hostname")));

        if (!known) {
            error_set(errp, "'%s': parameter '%s' is not known for %s names", filename, key,
                      uri->scheme);
            return false;
        }
    }
    if (tls && !g_hash_table_lookup(uri->params, "tls-creds")) {
        error_set(errp, "'%s' needs TLS credentials", filename);
        error_hint(errp, "Add ?tls-creds=ID with the id of a -object tls-creds-x509, or use the "
                   "options of driver nbd");
        return false;
    }
    return true;
}

static Json *from_uri(const char *filename, Error **errp)
{
    g_auto(Uri) uri = { .port = -1 };
    g_autoptr(GError) bad = NULL;
    const char *export, *param;
    bool tls, local;
    Json *address, *all;

    if (!g_uri_split(filename, G_URI_FLAGS_ENCODED_QUERY, &uri.scheme, NULL, &uri.host, &uri.port,
                     &uri.path, &uri.query, NULL, &bad) ||
        !(uri.params = g_uri_parse_params(uri.query ? uri.query : "", -1, "&", 0, &bad))) {
        error_set(errp, "'%s' is not a valid URI: %s", filename, bad->message);
        return NULL;
    }
    tls = g_str_has_prefix(uri.scheme, "nbds");
    local = g_str_has_suffix(uri.scheme, "+unix");
    if (!check_params(&uri, filename, tls, local, errp)) {
        return NULL;
    }
    export = uri.path + strspn(uri.path, "/");
    if (local) {
        param = g_hash_table_lookup(uri.params, "socket");
        if ((uri.host && *uri.host) || uri.port != -1 || !param) {
            error_set(errp, "'%s' is not a valid name: nbd+unix:///EXPORT?socket=PATH is expected",
                      filename);
            return NULL;
        }
        address = server("unix");
        put(address, "path", param);
    } else {
        g_autofree char *port = uri.port == -1 ? g_strdup(NBD_DEFAULT_PORT)
                                               : g_strdup_printf("%d", uri.port);

        if (!uri.host || !*uri.host) {
            error_set(errp, "'%s' is not a valid name: nbd://HOST/EXPORT is expected", filename);
            return NULL;
        }
        address = server("inet");
        put(address, "host", uri.host);
        put(address, "port", port);
    }
    all = options(address, export);
    if (tls) {
        put(all, "tls-creds", g_hash_table_lookup(uri.params, "tls-creds"));
        param = g_hash_table_lookup(uri.params, "tls-hostname");
        if (param) {
            put(all, "tls-hostname", param);
        }
    }
    return all;
}

/* nbd:unix:PATH, nbd:HOST:PORT, both with :exportname=NAME behind */
static Json *from_old_name(const char *filename, Error **errp)
{
    const char *export = strstr(filename, ":exportname=");
    g_autofree char *where = export ? g_strndup(filename, export - filename) : g_strdup(filename);
    const char *rest = where + strlen("nbd:");
    Json *address;
    char *colon;

    export = export ? export + strlen(":exportname=") : NULL;
    if (g_str_has_prefix(rest, "unix:")) {
        if (!rest[5]) {
            error_set(errp, "'%s': the path of the socket is missing", filename);
            return NULL;
        }
        address = server("unix");
        put(address, "path", rest + 5);
        return options(address, export);
    }
    colon = strrchr(rest, ':');
    if (!colon || !colon[1] || colon == rest) {
        error_set(errp, "'%s' is not a valid name: nbd:HOST:PORT or nbd:unix:PATH is expected",
                  filename);
        return NULL;
    }
    *colon = 0;
    if (*rest == '[' && colon[-1] == ']') {
        rest++;
        colon[-1] = 0;
    }
    address = server("inet");
    put(address, "host", rest);
    put(address, "port", colon + 1);
    return options(address, export);
}

Json *nbd_parse_filename(const char *filename, Error **errp)
{
    return strstr(filename, "://") ? from_uri(filename, errp) : from_old_name(filename, errp);
}

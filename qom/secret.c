/* -object secret: passwords and keys that are not to be seen on a command line */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/secret.h"
#include "qom/prop.h"
#include "util/fdset.h"

#define SECRET_BYTES_MAX (1 << 20)

typedef struct Secret {
    Object obj;
    char *data, *file;
    int format;                 /* 0: raw, 1: base64 */
    GBytes *bytes;
} Secret;

static char *read_file(const char *path, gsize *len, Error **errp)
{
    int fd = fdset_open(path, O_RDONLY, 0);
    g_autoptr(GByteArray) all = g_byte_array_new();
    uint8_t buf[4096];
    ssize_t n;

    if (fd < 0) {
        error_set_errno(errp, errno, "Unable to read %s", path);
        return NULL;
    }
    while ((n = read(fd, buf, sizeof(buf))) > 0 && all->len <= SECRET_BYTES_MAX) {
        g_byte_array_append(all, buf, n);
    }
    close(fd);
    if (n != 0) {
        error_set_errno(errp, n < 0 ? errno : EFBIG, "Unable to read %s", path);
        return NULL;
    }
    *len = all->len;
    g_byte_array_append(all, (const uint8_t *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&all), false);
}

static GBytes *decode(const char *text, Error **errp)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n";
    guint8 *bytes;
    gsize len;

    if (text[strspn(text, alphabet)]) {
        error_set(errp, "Base64 data contains invalid characters");
        return NULL;
    }
    bytes = g_base64_decode(text, &len);
    return g_bytes_new_take(bytes, len);
}

static bool secret_complete(Object *obj, Error **errp)
{
    Secret *s = OBJECT_OF(obj, Secret);
    g_autofree char *text = NULL;
    gsize len;

    if (!s->data == !s->file) {
        error_set(errp, s->data ? "'file' and 'data' are mutually exclusive"
                                : "Must provide 'file' or 'data'");
        return false;
    }
    if (s->file) {
        text = read_file(s->file, &len, errp);
    } else {
        text = g_strdup(s->data);
        len = strlen(text);
    }
    if (!text) {
        return false;
    }
    s->bytes = s->format ? decode(text, errp) : g_bytes_new(text, len);
    return s->bytes;
}

static void secret_finalize(Object *obj)
{
    Secret *s = OBJECT_OF(obj, Secret);

    g_clear_pointer(&s->bytes, g_bytes_unref);
}

/* What is asked for over QMP or shown is never the secret itself. */
static bool set_data(Object *obj, const Prop *prop, void *field, const char *text, Error **errp)
{
    g_free(*(char **)field);
    *(char **)field = g_strdup(text);
    return true;
}

static char *get_data(Object *obj, const Prop *prop, const void *field)
{
    return g_strdup("");
}

static void release_data(Object *obj, const Prop *prop, void *field)
{
    g_clear_pointer((char **)field, g_free);
}

static const PropOps data_ops = {
    .type_name = "str", .set = set_data, .get = get_data, .release = release_data,
};
static const char *const format_names[] = { "raw", "base64", NULL };

static const Prop secret_props[] = {
    PROP_CUSTOM_AS("data", Secret, data, &data_ops, "the secret"),
    PROP_STRING(Secret, file, NULL, "a file that holds it"),
    PROP_ENUM(Secret, format, 0, format_names, "how it is written"),
    { }
};

static const UserObjectType secret_type = {
    .name = "secret", .desc = "a password or key", .size = sizeof(Secret), .props = secret_props,
    .complete = secret_complete, .finalize = secret_finalize,
};
REGISTER_USER_OBJECT(secret_type)

GBytes *secret_bytes(const char *id, Error **errp)
{
    Object *obj = object_child(object_container("/objects"), id);

    if (!obj || obj->type != &secret_type.object) {
        error_set(errp, "No secret with id '%s'", id);
        return NULL;
    }
    return g_bytes_ref(OBJECT_OF(obj, Secret)->bytes);
}

char *secret_text(const char *id, Error **errp)
{
    g_autoptr(GBytes) bytes = secret_bytes(id, errp);
    gsize len;
    const char *text = bytes ? g_bytes_get_data(bytes, &len) : NULL;

    if (bytes && !g_utf8_validate(text, len, NULL)) {
        error_set(errp, "Data from secret %s is not valid UTF-8", id);
        return NULL;
    }
    return bytes ? g_strndup(text, len) : NULL;
}

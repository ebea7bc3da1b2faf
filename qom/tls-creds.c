/* -object tls-creds-x509, tls-creds-psk, tls-creds-anon: who we are on TLS connections */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/tls-creds.h"

#include "qom/prop.h"
#include "qom/user-object.h"

static const char *const endpoint_names[] = { "client", "server", NULL };

typedef struct TlsCredsObject {
    Object object;
    char *dir, *priority, *username;
    int endpoint;
    bool verify_peer, sanity_check;
    TlsCreds *creds;
} TlsCredsObject;

static bool load(Object *obj, TlsKind kind, Error **errp)
{
    TlsCredsObject *s = OBJECT_OF(obj, TlsCredsObject);
    TlsConfig config = {
        .kind = kind, .server = s->endpoint, .verify_peer = s->verify_peer,
        .sanity_check = s->sanity_check, .dir = s->dir, .priority = s->priority,
        .username = s->username,
    };

    s->creds = tls_creds_load(&config, errp);
    return s->creds;
}

static bool x509_complete(Object *obj, Error **errp)
{
    return load(obj, TLS_KIND_X509, errp);
}

static bool psk_complete(Object *obj, Error **errp)
{
    return load(obj, TLS_KIND_PSK, errp);
}

static bool anon_complete(Object *obj, Error **errp)
{
    return load(obj, TLS_KIND_ANON, errp);
}

static void finalize(Object *obj)
{
    tls_creds_unref(OBJECT_OF(obj, TlsCredsObject)->creds);
}

#define PROPS_COMMON                                                                        \
    PROP_STRING(TlsCredsObject, dir, NULL, "folder of the credential files"),               \
    PROP_ENUM(TlsCredsObject, endpoint, 0, endpoint_names, "which side we are"),            \
    PROP_STRING(TlsCredsObject, priority, NULL, "GnuTLS priority string")

static const Prop x509_props[] = {
    PROPS_COMMON,
    PROP_BOOL_AS("verify-peer", TlsCredsObject, verify_peer, true,
                 "the peer must have a certificate of our authority"),
    PROP_BOOL_AS("sanity-check", TlsCredsObject, sanity_check, true,
                 "look at the certificates when they are loaded"),
    { }
};

static const Prop psk_props[] = {
    PROPS_COMMON,
    PROP_STRING(TlsCredsObject, username, NULL, "client: whose key of keys.psk (default qemu)"),
    { }
};

static const Prop anon_props[] = {
    PROPS_COMMON,
    { }
};

static const UserObjectType x509_type = {
    .name = "tls-creds-x509", .desc = "TLS with certificates", .size = sizeof(TlsCredsObject),
    .props = x509_props, .complete = x509_complete, .finalize = finalize,
};
REGISTER_USER_OBJECT(x509_type)

static const UserObjectType psk_type = {
    .name = "tls-creds-psk", .desc = "TLS with keys that both sides have",
    .size = sizeof(TlsCredsObject), .props = psk_props, .complete = psk_complete,
    .finalize = finalize,
};
REGISTER_USER_OBJECT(psk_type)

static const UserObjectType anon_type = {
    .name = "tls-creds-anon", .desc = "TLS that encrypts and knows nobody",
    .size = sizeof(TlsCredsObject), .props = anon_props, .complete = anon_complete,
    .finalize = finalize,
};
REGISTER_USER_OBJECT(anon_type)

TlsCreds *tls_creds_find(const char *id, bool server, Error **errp)
{
    Object *obj = object_child(object_container("/objects"), id);
    TlsCredsObject *s;

    if (!obj) {
        error_set(errp, "No TLS credentials with id '%s'", id);
        return NULL;
    }
    if (obj->type != &x509_type.object && obj->type != &psk_type.object &&
        obj->type != &anon_type.object) {
        error_set(errp, "Object with id '%s' is not TLS credentials", id);
        return NULL;
    }
    s = OBJECT_OF(obj, TlsCredsObject);
    if (!s->creds || tls_creds_for_server(s->creds) != server) {
        error_set(errp, "Expecting TLS credentials with a %s endpoint",
                  server ? "server" : "client");
        return NULL;
    }
    return tls_creds_ref(s->creds);
}

/* -object authz-simple, authz-list, authz-list-file: who may connect, by a name that TLS proved */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/authz.h"

#include "qapi/json.h"
#include "qapi/types-qom.h"
#include "qom/prop.h"
#include "qom/user-object.h"
#include "util/trace.h"

#define FILE_MAX (1 << 20)      /* bytes of a list in a file */

typedef struct AuthzSimple {
    Object object;
    char *identity;
} AuthzSimple;

/* What policy and rules say, also in files. */
typedef struct AuthzList {
    Object object;
    int policy;
    AuthZListProperties *rules;         /* of it only those; NULL: none */
} AuthzList;

typedef struct AuthzFile {
    Object object;
    char *filename;
    bool refresh;
    AuthZListProperties *list;          /* NULL: the file is bad */
    struct timespec changed;
    ino_t inode;
} AuthzFile;

/* --- rules --- */

static bool matches(const QAuthZListRule *rule, const char *identity)
{
    return rule->has_format && rule->format == QAUTHZ_LIST_FORMAT_GLOB
               ? g_pattern_match_simple(rule->match, identity)
               : !strcmp(rule->match, identity);
}

/* The first rule that fits decides. */
static bool list_allows(int policy, const QAuthZListRuleList *rules, const char *identity)
{
    for (; rules; rules = rules->next) {
        if (matches(rules->value, identity)) {
            return rules->value->policy == QAUTHZ_LIST_POLICY_ALLOW;
        }
    }
    return policy == QAUTHZ_LIST_POLICY_ALLOW;
}

static bool set_rules(Object *obj, const Prop *prop, void *field, const char *text, Error **errp)
{
    AuthZListProperties **rules = field, *list;
    g_autofree char *whole = g_strdup_printf("{\"rules\":%s}", text);
    JSON_AUTO json = json_parse_object(whole, errp);

    list = json ? qapi_parse_AuthZListProperties(json, QAPI_STRICT, errp) : NULL;
    if (!list) {
        return false;
    }
    qapi_free_AuthZListProperties(*rules);
    *rules = list;
    return true;
}

static char *get_rules(Object *obj, const Prop *prop, const void *field)
{
    const AuthZListProperties *list = *(AuthZListProperties *const *)field;
    g_autoptr(GString) out = g_string_new("");

    for (const QAuthZListRuleList *rules = list ? list->rules : NULL; rules;
         rules = rules->next) {
        g_string_append_printf(out, "%s%s %s", out->len ? "; " : "",
                               QAuthZListPolicy_name(rules->value->policy), rules->value->match);
    }
    return g_string_free(g_steal_pointer(&out), false);
}

static Json *rules_json(Object *obj, const Prop *prop)
{
    const AuthzList *s = OBJECT_OF(obj, AuthzList);
    JSON_AUTO all = s->rules ? qapi_to_json_AuthZListProperties(s->rules) : NULL;
    Json *rules = all ? json_object_object_get(all, "rules") : NULL;

    return rules ? json_object_get(rules) : json_object_new_array();
}

static void release_rules(Object *obj, const Prop *prop, void *field)
{
    qapi_free_AuthZListProperties(*(AuthZListProperties **)field);
}

static const PropOps rules_ops = {
    .type_name = "QAuthZListRule", .json = true, .set = set_rules, .get = get_rules,
    .get_json = rules_json,
    .release = release_rules,
};

/* --- files --- */

/* A short file, as a user wrote it for this. */
static AuthZListProperties *load(const char *filename, Error **errp)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) bad = NULL;
    struct stat st;
    JSON_AUTO json = NULL;

    if (stat(filename, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)) {
        error_set(errp, "'%s' is not a list of who may connect: it is too large or no file",
                  filename);
        return NULL;
    }
    if (!g_file_get_contents(filename, &text, NULL, &bad)) {
        error_set(errp, "Unable to read '%s': %s", filename, bad->message);
        return NULL;
    }
    json = json_parse_object(text, errp);
    return json ? qapi_parse_AuthZListProperties(json, QAPI_STRICT, errp) : NULL;
}

static bool file_load(AuthzFile *s, Error **errp)
{
    struct stat st = {};

    qapi_free_AuthZListProperties(s->list);
    s->list = NULL;
    if (stat(s->filename, &st) == 0) {
        s->changed = st.st_mtim;
        s->inode = st.st_ino;
    }
    s->list = load(s->filename, errp);
    return s->list;
}

static void refresh(AuthzFile *s)
{
    struct stat st;
    Error *err = NULL;

    if (!s->refresh || stat(s->filename, &st) ||
        (st.st_mtim.tv_sec == s->changed.tv_sec && st.st_mtim.tv_nsec == s->changed.tv_nsec &&
         st.st_ino == s->inode)) {
        return;
    }
    if (!file_load(s, &err)) {
        report_warning("%s: nobody may connect: %s", s->object.name, error_text(err));
        error_free(err);
    }
}

static bool file_complete(Object *obj, Error **errp)
{
    AuthzFile *s = OBJECT_OF(obj, AuthzFile);

    if (!s->filename || !*s->filename) {
        error_set(errp, "filename not provided");
        return false;
    }
    return file_load(s, errp);
}

static void file_finalize(Object *obj)
{
    qapi_free_AuthZListProperties(OBJECT_OF(obj, AuthzFile)->list);
}

/* --- types --- */

static bool simple_complete(Object *obj, Error **errp)
{
    if (!OBJECT_OF(obj, AuthzSimple)->identity) {
        error_set(errp, "Parameter 'identity' is missing");
        return false;
    }
    return true;
}

static const Prop simple_props[] = {
    PROP_STRING(AuthzSimple, identity, NULL, "the only one who may connect"),
    { }
};

static const UserObjectType simple_type = {
    .name = "authz-simple", .desc = "one who may connect", .size = sizeof(AuthzSimple),
    .props = simple_props, .complete = simple_complete,
};
REGISTER_USER_OBJECT(simple_type)

static const char *const policy_names[] = { "deny", "allow", NULL };

static const Prop list_props[] = {
    PROP_ENUM(AuthzList, policy, QAUTHZ_LIST_POLICY_DENY, policy_names, "for whom no rule fits"),
    PROP_CUSTOM_AS("rules", AuthzList, rules, &rules_ops, "match, policy, format of each"),
    { }
};

static const UserObjectType list_type = {
    .name = "authz-list", .desc = "a list of who may connect", .size = sizeof(AuthzList),
    .props = list_props,
};
REGISTER_USER_OBJECT(list_type)

static const Prop file_props[] = {
    PROP_STRING(AuthzFile, filename, NULL, "JSON: policy and rules as of authz-list"),
    PROP_BOOL(AuthzFile, refresh, true, "look at the file again when it has changed"),
    { }
};

static const UserObjectType file_type = {
    .name = "authz-list-file", .desc = "a list of who may connect, in a file",
    .size = sizeof(AuthzFile), .props = file_props, .complete = file_complete,
    .finalize = file_finalize,
};
REGISTER_USER_OBJECT(file_type)

/* --- use --- */

bool authz_check(const char *id, Error **errp)
{
    Object *obj = object_child(object_container("/objects"), id);

    if (!obj) {
        error_set(errp, "No authorization object with id '%s'", id);
        error_hint(errp, "-object authz-list,id=%s,... makes one", id);
        return false;
    }
    if (obj->type != &simple_type.object && obj->type != &list_type.object &&
        obj->type != &file_type.object) {
        error_set(errp, "Object with id '%s' does not say who may connect", id);
        return false;
    }
    return true;
}

static bool object_allows(Object *obj, const char *identity)
{
    if (obj->type == &simple_type.object) {
        return !strcmp(OBJECT_OF(obj, AuthzSimple)->identity, identity);
    }
    if (obj->type == &list_type.object) {
        const AuthzList *s = OBJECT_OF(obj, AuthzList);

        return list_allows(s->policy, s->rules ? s->rules->rules : NULL, identity);
    }
    if (obj->type == &file_type.object) {
        AuthzFile *s = OBJECT_OF(obj, AuthzFile);

        refresh(s);
        return s->list && list_allows(s->list->has_policy ? s->list->policy
                                                          : QAUTHZ_LIST_POLICY_DENY,
                                      s->list->rules, identity);
    }
    return false;
}

bool authz_allows(const char *id, const char *identity)
{
    Object *obj = object_child(object_container("/objects"), id);
    bool ok = obj && identity && object_allows(obj, identity);

    TRACE(authz, "%s: %s: %s", id, identity ? identity : "nobody", ok ? "allowed" : "denied");
    return ok;
}

/* Properties: static rows that say where a value lives, how it is written and what it means */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_PROP_H
#define QOM_PROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qom/object.h"

typedef enum PropKind {
    PROP_KIND_BOOL,     /* bool: on/off, yes/no, true/false */
    PROP_KIND_U8,
    PROP_KIND_U16,
    PROP_KIND_U32,
    PROP_KIND_U64,
    PROP_KIND_I32,
    PROP_KIND_I64,
    PROP_KIND_SIZE,     /* uint64_t with suffixes k M G T */
    PROP_KIND_STRING,   /* char *, owned */
    PROP_KIND_ENUM,     /* int, names in .names */
    PROP_KIND_CUSTOM,   /* .ops does it all */
} PropKind;

/* A kind of its own: links to back ends, addresses, ... */
typedef struct PropOps {
    const char *type_name;      /* as introspection shows it: "str", "link<drive>" */
    bool (*set)(Object *obj, const Prop *prop, void *field, const char *text, Error **errp);
    char *(*get)(Object *obj, const Prop *prop, const void *field);     /* g_free() */
    /* For kinds that QMP shows as numbers or (0 and 1) booleans; NULL: as text. */
    int64_t (*get_number)(Object *obj, const Prop *prop, const void *field);
    struct json_object *(*get_json)(Object *obj, const Prop *prop);     /* lists; NULL: neither */
    bool json;                  /* lists and objects, too: set() gets them as JSON text */
    void (*release)(Object *obj, const Prop *prop, void *field);        /* may be NULL */
    void (*set_default)(Object *obj, const Prop *prop, void *field);    /* may be NULL */
} PropOps;

struct Prop {
    const char *name, *help;
    PropKind kind;
    bool live;                  /* may be set after realize, then through .changed */
    bool has_default;           /* false: shown without one */
    size_t offset;
    uint64_t def;
    const char *def_text;
    const char *const *names;   /* PROP_KIND_ENUM, ended by NULL */
    const PropOps *ops;         /* PROP_KIND_CUSTOM */
    bool (*changed)(Object *obj, const Prop *prop, Error **errp);   /* live rows: act on it */
};

#define PROP_ROW(Name, Kind, Type, Field, Ctype, Def, Help)                                 \
    {                                                                                       \
        .name = Name, .kind = Kind, .has_default = true, .help = Help,                      \
        .offset = offsetof(Type, Field) +                                                   \
                  0 * sizeof(&((Type *)0)->Field == (Ctype *)0), .def = (uint64_t)(Def),    \
    }
/* X(Type, field, default, help) names the property after its field; X_AS("name", ...) otherwise. */
#define PROP_BOOL_AS(n, T, f, d, h) PROP_ROW(n, PROP_KIND_BOOL, T, f, bool, d, h)
#define PROP_U8_AS(n, T, f, d, h)   PROP_ROW(n, PROP_KIND_U8, T, f, uint8_t, d, h)
#define PROP_U16_AS(n, T, f, d, h)  PROP_ROW(n, PROP_KIND_U16, T, f, uint16_t, d, h)
#define PROP_U32_AS(n, T, f, d, h)  PROP_ROW(n, PROP_KIND_U32, T, f, uint32_t, d, h)
#define PROP_U64_AS(n, T, f, d, h)  PROP_ROW(n, PROP_KIND_U64, T, f, uint64_t, d, h)
#define PROP_I32_AS(n, T, f, d, h)  PROP_ROW(n, PROP_KIND_I32, T, f, int32_t, d, h)
#define PROP_I64_AS(n, T, f, d, h)  PROP_ROW(n, PROP_KIND_I64, T, f, int64_t, d, h)
#define PROP_SIZE_AS(n, T, f, d, h) PROP_ROW(n, PROP_KIND_SIZE, T, f, uint64_t, d, h)
#define PROP_STRING_AS(n, T, f, d, h)                                                       \
    { .name = n, .kind = PROP_KIND_STRING, .has_default = true, .help = h,                  \
      .offset = offsetof(T, f) + 0 * sizeof(&((T *)0)->f == (char **)0), .def_text = d }
#define PROP_ENUM_AS(n, T, f, d, nm, h)                                                     \
    { .name = n, .kind = PROP_KIND_ENUM, .has_default = true, .help = h, .names = nm,       \
      .offset = offsetof(T, f) + 0 * sizeof(&((T *)0)->f == (int *)0), .def = d }
#define PROP_CUSTOM_AS(n, T, f, o, h)                                                       \
    { .name = n, .kind = PROP_KIND_CUSTOM, .help = h, .ops = o, .offset = offsetof(T, f) }
#define PROP_BOOL(T, f, d, h)       PROP_BOOL_AS(#f, T, f, d, h)
#define PROP_U8(T, f, d, h)         PROP_U8_AS(#f, T, f, d, h)
#define PROP_U16(T, f, d, h)        PROP_U16_AS(#f, T, f, d, h)
#define PROP_U32(T, f, d, h)        PROP_U32_AS(#f, T, f, d, h)
#define PROP_U64(T, f, d, h)        PROP_U64_AS(#f, T, f, d, h)
#define PROP_I32(T, f, d, h)        PROP_I32_AS(#f, T, f, d, h)
#define PROP_I64(T, f, d, h)        PROP_I64_AS(#f, T, f, d, h)
#define PROP_SIZE(T, f, d, h)       PROP_SIZE_AS(#f, T, f, d, h)
#define PROP_STRING(T, f, d, h)     PROP_STRING_AS(#f, T, f, d, h)
#define PROP_ENUM(T, f, d, nm, h)   PROP_ENUM_AS(#f, T, f, d, nm, h)

/* An int that is ON_OFF_AUTO_*, qapi's OnOffAuto. */
extern const char *const prop_on_off_auto[];
#define PROP_ON_OFF_AUTO_AS(n, T, f, h) PROP_ENUM_AS(n, T, f, ON_OFF_AUTO_AUTO, prop_on_off_auto, h)
#define PROP_ON_OFF_AUTO(T, f, h)       PROP_ON_OFF_AUTO_AS(#f, T, f, h)

/* The row of that name in the object's tables, NULL when there is none. */
const Prop *prop_find(const Object *obj, const char *name);
const Prop *prop_find_in(const Prop *rows, const char *name);

/*
 * Set from text as a command line gives it. Fails for unknown names, bad or
 * out-of-range values, and for rows that are fixed once the object is ready.
 */
bool prop_set(Object *obj, const char *name, const char *text, Error **errp);
bool prop_set_row(Object *obj, const Prop *prop, const char *text, Error **errp);
bool prop_set_u64(Object *obj, const char *name, uint64_t value, Error **errp);
bool prop_set_bool(Object *obj, const char *name, bool value, Error **errp);
char *prop_get(Object *obj, const char *name, Error **errp);    /* as text; g_free() */
char *prop_get_row(Object *obj, const Prop *prop);

/* "bool", "uint32", "str", "size", the enum's or custom kind's name. */
const char *prop_type_name(const Prop *prop);
/* The default as text, NULL when there is none; g_free(). */
char *prop_default_text(const Prop *prop);

/* For objects and buses: defaults into place; free what rows own. */
void props_set_defaults(Object *obj, const Prop *rows);
void props_release(Object *obj, const Prop *rows);

#endif

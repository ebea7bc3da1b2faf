/* Types of the schema as tables, and what walks them: JSON in, JSON out, copy, free */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QAPI_VISITOR_H
#define QAPI_VISITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qapi/json.h"

typedef enum QapiKind {
    QAPI_STR,               /* char * */
    QAPI_INT,               /* int8_t to int64_t */
    QAPI_UINT,              /* uint8_t to uint64_t */
    QAPI_SIZE,              /* uint64_t; suffixes in keyval */
    QAPI_BOOL,
    QAPI_NUMBER,            /* double */
    QAPI_NULL,              /* a bool that says nothing */
    QAPI_ANY,               /* Json * */
    QAPI_ENUM,              /* a C enum */
    QAPI_STRUCT,
    QAPI_UNION,             /* base members, then one branch inside of .u */
    QAPI_ALTERNATE,         /* .type is the index of the branch inside of .u */
    QAPI_LIST,              /* nodes of { next, value } */
} QapiKind;

typedef struct QapiType QapiType;

typedef struct QapiMember {
    const char *name;
    const QapiType *type;
    size_t offset;
    size_t has_offset;      /* of bool has_NAME, where has is set */
    bool optional, has;
} QapiMember;

/*
 * Structs, unions and alternates are members by pointer (NULL: absent),
 * branches by value; lists by pointer to the first node.
 */
struct QapiType {
    const char *name;
    QapiKind kind;
    size_t size;                        /* of the C type in place */
    const QapiMember *members;          /* struct, union's base, alternate's branches */
    unsigned nr_members;
    const char *const *names;           /* enum: ended by NULL */
    unsigned discriminator;             /* union: index into members */
    const QapiType *const *branches;    /* union: by value of the enum; NULL: no more members */
    size_t u_offset;                    /* union */
    const QapiType *element;            /* list */
};

extern const QapiType qapi_type_str, qapi_type_int, qapi_type_int8, qapi_type_int16,
    qapi_type_int32, qapi_type_int64, qapi_type_uint8, qapi_type_uint16, qapi_type_uint32,
    qapi_type_uint64, qapi_type_size, qapi_type_bool, qapi_type_number, qapi_type_null,
    qapi_type_any;

/* Lists of built-in types; all others are generated. */
#define QAPI_BUILTIN_LISTS(X)                                                               \
    X(str, char *)                                                                          \
    X(int, int64_t)                                                                         \
    X(uint16, uint16_t)                                                                     \
    X(uint64, uint64_t)                                                                     \
    X(size, uint64_t)                                                                       \
    X(number, double)                                                                       \
    X(any, Json *)
#define QAPI_DECLARE_LIST(name, ctype)                                                      \
    typedef struct name##List {                                                             \
        struct name##List *next;                                                            \
        ctype value;                                                                        \
    } name##List;                                                                           \
    extern const QapiType qapi_type_##name##_list;
QAPI_BUILTIN_LISTS(QAPI_DECLARE_LIST)

typedef enum QapiMode {
    QAPI_STRICT,            /* JSON: each scalar of its own type */
    QAPI_KEYVAL,            /* keyval: all scalars are strings */
} QapiMode;

/*
 * Into a new object of a struct, union or alternate type, which
 * qapi_free_object() frees; unknown members are an error. The typed versions
 * qapi_parse_NAME() and so on are generated.
 */
void *qapi_parse_object(const QapiType *type, const Json *json, QapiMode mode, Error **errp);
Json *qapi_object_to_json(const QapiType *type, const void *obj);
void *qapi_copy_object(const QapiType *type, const void *obj);
void qapi_free_object(const QapiType *type, void *obj);

/* The same for a value in place, as commands' arguments and lists' elements need it. */
bool qapi_parse_value(const QapiType *type, void *value, const Json *json, const char *name,
                      QapiMode mode, Error **errp);
Json *qapi_value_to_json(const QapiType *type, const void *value);
void qapi_copy_value(const QapiType *type, void *to, const void *from);
void qapi_free_value(const QapiType *type, void *value);

/* -1 when there is no such name; errp then tells the valid ones. */
int qapi_enum_parse(const QapiType *type, const char *text, const char *parameter, Error **errp);

/* For the walkers: how a value of this type is stored where it is a member or an element. */
static inline bool qapi_by_pointer(const QapiType *type)
{
    return type->kind == QAPI_STRUCT || type->kind == QAPI_UNION || type->kind == QAPI_ALTERNATE;
}
typedef struct QapiNode {       /* every generated list node begins like this */
    struct QapiNode *next;
    uint64_t value[];           /* of its own type */
} QapiNode;
/*
 * A new node behind those of a generated list: FooList *list = NULL, **tail =
 * &list; QAPI_APPEND(tail, value);
 */
#define QAPI_APPEND(tail, element)                                                          \
    do {                                                                                    \
        *(tail) = g_malloc0(sizeof(**(tail)));                                              \
        (*(tail))->value = (element);                                                       \
        (tail) = &(*(tail))->next;                                                          \
    } while (0)
/* Is an optional member there? (Mandatory ones always are.) */
bool qapi_member_present(const QapiMember *member, const void *obj);
/* The branch that obj's discriminator selects, NULL for none. */
const QapiType *qapi_union_branch(const QapiType *type, const void *obj);

#endif

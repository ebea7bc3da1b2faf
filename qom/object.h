/* Objects: named types, reference counts, the tree of paths */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_OBJECT_H
#define QOM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/compiler.h"
#include "util/error.h"
#include "util/list.h"
#include "util/registry.h"

typedef struct Object Object;
typedef struct Prop Prop;
typedef struct StateField StateField;

/* What every kind of type begins with, so that having learnt one you know all. */
#define OBJECT_TYPE_MEMBERS                                                                 \
    const char *name, *desc;                                                                \
    size_t size;                    /* of an instance, zeroed at creation */                \
    const Prop *props;              /* ended by an empty row; may be NULL */                \
    const StateField *state;        /* what a snapshot saves; may be NULL */                \
    const char *parent;             /* name for introspection; NULL: "object" */            \
    bool abstract;                  /* only a name in the type tree */                      \
    void (*init)(Object *obj);      /* after defaults are set */                            \
    void (*finalize)(Object *obj);  /* last reference gone */

typedef struct ObjectType {
    OBJECT_TYPE_MEMBERS
} ObjectType;

/* Put in a kind's own type struct: its members by name, or whole as an ObjectType. */
#define OBJECT_TYPE_BASE                                                                    \
    union {                                                                                 \
        ObjectType object;                                                                  \
        struct {                                                                            \
            OBJECT_TYPE_MEMBERS                                                             \
        };                                                                                  \
    }

/*
 * First member of every instance. The VM lock guards the tree. A child is
 * owned by its path: adding gives the tree a reference.
 */
struct Object {
    const ObjectType *type;
    const Prop *more_props;     /* a second table, from the bus; may be NULL */
    const Prop *base_props;     /* what all of its kind have, not for -device; may be NULL */
    unsigned refs;
    bool ready;                 /* realized or complete: only PROP_LIVE rows may change */
    bool in_io;                 /* the dispatcher is inside one of its callbacks */
    Object *parent;
    char *name;
    List children;
    ListLink sibling;
};

/* A new object with one reference, all properties at their defaults. */
Object *object_new(const ObjectType *type);
Object *object_ref(Object *obj);
void object_unref(Object *obj);

/* The tree's root "/"; /machine, /objects, /chardevs, /backend hang there. */
Object *object_root(void);
/* A plain container at a path below the root, made when it is not there. */
Object *object_container(const char *path);
/* Add child under name ("[*]" at its end becomes the first free "[N]"); takes a reference. */
void object_add_child(Object *parent, const char *name, Object *child);
void object_remove_child(Object *child);    /* drops the tree's reference */
Object *object_child(Object *parent, const char *name);
/*
 * By absolute path ("/machine/peripheral/d0") or by a partial one: any path
 * that ends so. NULL when there is none or, with *ambiguous set, several.
 */
Object *object_resolve(const char *path, bool *ambiguous);
char *object_path(const Object *obj);       /* g_free() */

/* A registered type that is created by users with -object. */
typedef struct UserObjectType {
    OBJECT_TYPE_BASE;
    bool (*complete)(Object *obj, Error **errp);    /* after properties are set */
    bool (*can_delete)(Object *obj);                /* NULL: always */
} UserObjectType;
#define REGISTER_USER_OBJECT(desc) REGISTER(user_object, desc)

/* The instance of TYPE whose first member (at any depth) is obj. */
#define OBJECT_OF(ptr, Type) ((Type *)(void *)(ptr))

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Object, object_unref)

#endif

/* The tree of types as introspection shows it: names, parents, properties */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_QOM_TYPES_H
#define QOM_QOM_TYPES_H

#include "qom/object.h"

typedef struct QomType {
    const char *name;
    const char *parent;         /* NULL: only for "object" itself */
    bool abstract;              /* a name that others descend from */
    const ObjectType *type;     /* what objects of it point to; NULL for abstract ones */
    const Prop *props, *more, *base;
} QomType;

/* Each subsystem tells the types of its registries. The strings live for ever. */
typedef struct QomTypeSource {
    void (*each)(void (*fn)(const QomType *type, void *opaque), void *opaque);
} QomTypeSource;
#define REGISTER_QOM_TYPES(source) REGISTER(qom_types, source)

const QomType *qom_type_find(const char *name);     /* NULL: no such type */
/* What an object is; types that no source tells are descendants of "object". */
const char *qom_type_name(const Object *obj);
bool qom_type_implements(const QomType *type, const char *ancestor);
void qom_types_for_each(void (*fn)(const QomType *type, void *opaque), void *opaque);

#endif

/* Copy and free C values by the schema's tables */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/visitor.h"

/* --- copy: the memory is copied whole, then what it points to --- */

static void copy_inside(const QapiType *type, char *to, const char *from)
{
    const QapiType *branch;

    if (type->kind == QAPI_ALTERNATE) {
        const QapiMember *m = &type->members[*(const int *)from];

        if (qapi_by_pointer(m->type)) {
            copy_inside(m->type, to + m->offset, from + m->offset);
        } else {
            qapi_copy_value(m->type, to + m->offset, from + m->offset);
        }
        return;
    }
    for (unsigned i = 0; i < type->nr_members; i++) {
        const QapiMember *m = &type->members[i];

        qapi_copy_value(m->type, to + m->offset, from + m->offset);
    }
    if (type->kind == QAPI_UNION && (branch = qapi_union_branch(type, from))) {
        copy_inside(branch, to + type->u_offset, from + type->u_offset);
    }
}

void qapi_copy_value(const QapiType *type, void *to, const void *from)
{
    QapiNode **tail;

    switch (type->kind) {
    case QAPI_STR:
        *(char **)to = g_strdup(*(char *const *)from);
        break;
    case QAPI_ANY:
        *(Json **)to = json_object_get(*(Json *const *)from);
        break;
    case QAPI_LIST:
        tail = to;
        for (QapiNode *node = *(QapiNode *const *)from; node; node = node->next) {
            size_t size = qapi_by_pointer(type->element) ? sizeof(void *) : type->element->size;

            *tail = g_malloc0(offsetof(QapiNode, value) + MAX(size, 8));
            qapi_copy_value(type->element, (*tail)->value, node->value);
            tail = &(*tail)->next;
        }
        *tail = NULL;
        break;
    case QAPI_STRUCT:
    case QAPI_UNION:
    case QAPI_ALTERNATE:
        *(void **)to = qapi_copy_object(type, *(void *const *)from);
        break;
    default:
        memcpy(to, from, type->size);
    }
}

void *qapi_copy_object(const QapiType *type, const void *obj)
{
    char *copy;

    if (!obj) {
        return NULL;
    }
    copy = g_memdup2(obj, type->size);
    copy_inside(type, copy, obj);
    return copy;
}

/* --- free --- */

static void free_inside(const QapiType *type, char *obj)
{
    const QapiType *branch;

    if (type->kind == QAPI_ALTERNATE) {
        const QapiMember *m = &type->members[*(const int *)obj];

        if (qapi_by_pointer(m->type)) {
            free_inside(m->type, obj + m->offset);
        } else {
            qapi_free_value(m->type, obj + m->offset);
        }
        return;
    }
    if (type->kind == QAPI_UNION && (branch = qapi_union_branch(type, obj))) {
        free_inside(branch, obj + type->u_offset);
    }
    for (unsigned i = 0; i < type->nr_members; i++) {
        qapi_free_value(type->members[i].type, obj + type->members[i].offset);
    }
}

void qapi_free_value(const QapiType *type, void *value)
{
    switch (type->kind) {
    case QAPI_STR:
        g_free(*(char **)value);
        break;
    case QAPI_ANY:
        json_object_put(*(Json **)value);
        break;
    case QAPI_LIST:
        for (QapiNode *node = *(QapiNode **)value, *next; node; node = next) {
            next = node->next;
            qapi_free_value(type->element, node->value);
            g_free(node);
        }
        break;
    case QAPI_STRUCT:
    case QAPI_UNION:
    case QAPI_ALTERNATE:
        qapi_free_object(type, *(void **)value);
        break;
    default:
        break;
    }
}

void qapi_free_object(const QapiType *type, void *obj)
{
    if (obj) {
        free_inside(type, obj);
        g_free(obj);
    }
}

/* C values to JSON by the schema's tables */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/visitor.h"

static Json *int_to_json(const QapiType *type, const void *value)
{
    bool is_signed = type->kind == QAPI_INT;

    switch (type->size) {
    case 1:
        return json_object_new_int64(is_signed ? *(const int8_t *)value : *(const uint8_t *)value);
    case 2:
        return json_object_new_int64(is_signed ? *(const int16_t *)value
                                               : *(const uint16_t *)value);
    case 4:
        return json_object_new_int64(is_signed ? *(const int32_t *)value
                                               : (int64_t)*(const uint32_t *)value);
    default:
        return is_signed ? json_object_new_int64(*(const int64_t *)value)
                         : json_object_new_uint64(*(const uint64_t *)value);
    }
}

static void add_members(const QapiType *type, const char *obj, Json *out)
{
    for (unsigned i = 0; i < type->nr_members; i++) {
        const QapiMember *m = &type->members[i];

        if (qapi_member_present(m, obj)) {
            json_object_object_add(out, m->name, qapi_value_to_json(m->type, obj + m->offset));
        }
    }
}

Json *qapi_object_to_json(const QapiType *type, const void *ptr)
{
    const char *obj = ptr;
    const QapiType *branch;
    Json *out;

    if (type->kind == QAPI_ALTERNATE) {
        const QapiMember *m = &type->members[*(const int *)ptr];

        return qapi_by_pointer(m->type) ? qapi_object_to_json(m->type, obj + m->offset)
                                        : qapi_value_to_json(m->type, obj + m->offset);
    }
    out = json_object_new_object();
    add_members(type, obj, out);
    if (type->kind == QAPI_UNION && (branch = qapi_union_branch(type, obj))) {
        add_members(branch, obj + type->u_offset, out);
    }
    return out;
}

Json *qapi_value_to_json(const QapiType *type, const void *value)
{
    Json *list;

    switch (type->kind) {
    case QAPI_STR:
        return json_object_new_string(*(char *const *)value ? *(char *const *)value : "");
    case QAPI_INT:
    case QAPI_UINT:
    case QAPI_SIZE:
        return int_to_json(type, value);
    case QAPI_BOOL:
        return json_object_new_boolean(*(const bool *)value);
    case QAPI_NUMBER:
        return json_object_new_double(*(const double *)value);
    case QAPI_NULL:
        return NULL;
    case QAPI_ANY:
        return json_object_get(*(Json *const *)value);
    case QAPI_ENUM:
        return json_object_new_string(type->names[*(const int *)value]);
    case QAPI_LIST:
        list = json_object_new_array();
        for (QapiNode *node = *(QapiNode *const *)value; node; node = node->next) {
            json_object_array_add(list, qapi_value_to_json(type->element, node->value));
        }
        return list;
    default:
        return qapi_object_to_json(type, *(void *const *)value);
    }
}

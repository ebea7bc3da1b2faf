/* The built-in types of the schema, and questions the walkers ask of its tables */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/visitor.h"

#include "util/parse.h"

#define BUILTIN(Name, Kind, Ctype) \
    const QapiType qapi_type_##Name = { .name = #Name, .kind = Kind, .size = sizeof(Ctype) };
BUILTIN(str, QAPI_STR, char *)
BUILTIN(int, QAPI_INT, int64_t)
BUILTIN(int8, QAPI_INT, int8_t)
BUILTIN(int16, QAPI_INT, int16_t)
BUILTIN(int32, QAPI_INT, int32_t)
BUILTIN(int64, QAPI_INT, int64_t)
BUILTIN(uint8, QAPI_UINT, uint8_t)
BUILTIN(uint16, QAPI_UINT, uint16_t)
BUILTIN(uint32, QAPI_UINT, uint32_t)
BUILTIN(uint64, QAPI_UINT, uint64_t)
BUILTIN(size, QAPI_SIZE, uint64_t)
BUILTIN(bool, QAPI_BOOL, bool)
BUILTIN(number, QAPI_NUMBER, double)
BUILTIN(null, QAPI_NULL, bool)
BUILTIN(any, QAPI_ANY, Json *)

#define DEFINE_LIST(Name, Ctype)                                                            \
    const QapiType qapi_type_##Name##_list = {                                              \
        .name = "[" #Name "]", .kind = QAPI_LIST, .size = sizeof(void *),                   \
        .element = &qapi_type_##Name,                                                       \
    };
QAPI_BUILTIN_LISTS(DEFINE_LIST)

bool qapi_member_present(const QapiMember *member, const void *obj)
{
    if (!member->optional) {
        return true;
    }
    if (member->has) {
        return *(const bool *)((const char *)obj + member->has_offset);
    }
    return *(void *const *)((const char *)obj + member->offset) != NULL;
}

const QapiType *qapi_union_branch(const QapiType *type, const void *obj)
{
    const QapiMember *member = &type->members[type->discriminator];

    return type->branches[*(const int *)((const char *)obj + member->offset)];
}

int qapi_enum_parse(const QapiType *type, const char *text, const char *parameter, Error **errp)
{
    unsigned n = g_strv_length((char **)type->names);
    g_autofree char *valid = NULL;
    const char *near;

    for (unsigned i = 0; i < n; i++) {
        if (!strcmp(type->names[i], text)) {
            return i;
        }
    }
    error_set(errp, "Parameter '%s' does not accept value '%s'", parameter, text);
    near = spell_nearest(text, type->names);
    valid = g_strjoinv(", ", (char **)type->names);
    if (near && n > 8) {
        error_hint(errp, "Did you mean '%s'?", near);
    } else {
        error_hint(errp, "Valid values: %s", valid);
    }
    return -1;
}

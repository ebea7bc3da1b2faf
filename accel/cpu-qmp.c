/* query-cpu-definitions, query-cpu-model-expansion; the types of CPUs and accelerators */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/cpu-model.h"
#include "qapi/commands-machine.h"
#include "qom/qom-types.h"

/* --- models --- */

static strList *unavailable(const CpuModel *model)
{
    const CpuModelHost *host = accel_cpu_model_host();
    strList *list = NULL, **tail = &list;

    for (unsigned i = 0; host && model && i < NR_FEATURE_WORDS * 32; i++) {
        uint32_t lost = model->features[i / 32] & ~host->best.features[i / 32];
        g_autofree char *name = lost >> (i % 32) & 1 ? cpu_feature_name(i / 32, i % 32) : NULL;

        if (name) {
            QAPI_APPEND(tail, g_steal_pointer(&name));
        }
    }
    return list;
}

static void append_definition(const char *name, const CpuModel *model, void *opaque)
{
    CpuDefinitionInfoList ***tail = opaque;
    CpuDefinitionInfo *info = g_new0(CpuDefinitionInfo, 1);

    info->name = g_strdup(name);
    info->alias_of = g_strdup(cpu_model_alias_target(name));
    info->typename = g_strconcat(name, CPU_TYPE_SUFFIX, NULL);
    info->has_migration_safe = true;
    info->migration_safe = model || !strcmp(name, "base");
    info->q_static = !strcmp(name, "base");
    info->has_unavailable_features = true;
    info->unavailable_features = unavailable(model);
    QAPI_APPEND(*tail, info);
}

CpuDefinitionInfoList *qmp_query_cpu_definitions(Error **errp)
{
    CpuDefinitionInfoList *list = NULL, **tail = &list;

    cpu_models_for_each(append_definition, &tail);
    return list;
}

typedef struct Search {
    const char *name;
    bool found;
} Search;

static void compare_model(const char *name, const CpuModel *model, void *opaque)
{
    Search *search = opaque;

    search->found |= !strcmp(name, search->name);
}

/* {"pcid": false, "family": 6} as the text of -cpu. */
static char *model_text(const CpuModelInfo *info, Error **errp)
{
    g_autoptr(GString) text = g_string_new(info->name);

    if (!info->props) {
        return g_strdup(text->str);
    }
    if (!json_object_is_type(info->props, json_type_object)) {
        error_set(errp, "Invalid parameter type for 'model.props', expected: object");
        return NULL;
    }
    json_object_object_foreach(info->props, key, value) {
        if (strchr(key, ',') || strchr(key, '=') || !*key) {
            error_set(errp, "Property '%s" CPU_TYPE_SUFFIX ".%s' not found", info->name, key);
            return NULL;
        }
        switch (json_object_get_type(value)) {
        case json_type_boolean:
            g_string_append_printf(text, ",%s=%s", key,
                                   json_object_get_boolean(value) ? "on" : "off");
            break;
        case json_type_int:
        case json_type_string:
            if (!strchr(json_object_get_string(value), ',')) {
                g_string_append_printf(text, ",%s=%s", key, json_object_get_string(value));
                break;
            }
            /* fall through */
        default:
            error_set(errp, "Invalid parameter type for '%s', expected: boolean", key);
            return NULL;
        }
    }
    return g_strdup(text->str);
}

static void add_number(Json *props, const char *name, uint32_t value)
{
    json_object_object_add(props, name, json_object_new_int64(value));
}

static Json *model_props(const CpuModel *model)
{
    Json *props = json_object_new_object();

    for (unsigned i = 0; i < NR_FEATURE_WORDS * 32; i++) {
        g_autofree char *name = cpu_feature_name(i / 32, i % 32);

        if (name) {
            json_object_object_add(props, name, json_object_new_boolean(
                                       model->features[i / 32] >> (i % 32) & 1));
        }
    }
    add_number(props, "family", model->family);
    add_number(props, "model", model->model);
    add_number(props, "stepping", model->stepping);
    add_number(props, "level", model->level);
    add_number(props, "xlevel", model->xlevel);
    add_number(props, "xlevel2", model->xlevel2);
    add_number(props, "min-level", model->level);
    add_number(props, "min-xlevel", model->xlevel);
    add_number(props, "min-xlevel2", model->xlevel2);
    add_number(props, "phys-bits", model->phys_bits);
    json_object_object_add(props, "vendor", json_object_new_string(model->vendor));
    json_object_object_add(props, "model-id", json_object_new_string(model->model_id));
    return props;
}

CpuModelExpansionInfo *qmp_query_cpu_model_expansion(CpuModelExpansionType type,
                                                     CpuModelInfo *model, Error **errp)
{
    Search search = { model->name, false };
    g_autofree char *text = NULL;
    CpuModelExpansionInfo *info;
    CpuModel out;

    cpu_models_for_each(compare_model, &search);
    if (!search.found) {
        error_set(errp, "CPU model '%s' not found", model->name);
        return NULL;
    }
    if (!accel_cpu_model_host()) {
        error_set(errp, "-accel %s runs no CPU, so models have no features with it",
                  accel_type()->name);
        return NULL;
    }
    text = model_text(model, errp);
    if (!text || !cpu_model_parse(text, "max", accel_cpu_model_host(), &out, errp)) {
        return NULL;
    }
    info = g_new0(CpuModelExpansionInfo, 1);
    info->model = g_new0(CpuModelInfo, 1);
    info->model->name = g_strdup(type == CPU_MODEL_EXPANSION_TYPE_STATIC ? "base" : model->name);
    info->model->props = model_props(&out);
    return info;
}

/* --- types --- */

typedef struct Walk {
    void (*fn)(const QomType *type, void *opaque);
    void *opaque;
} Walk;

static void tell_accels(Walk *walk)
{
    g_autofree char *text = accel_names();
    g_auto(GStrv) names = g_strsplit(text, "\n", -1);

    for (unsigned i = 0; names[i]; i++) {
        if (*names[i]) {
            walk->fn(&(QomType){ .name = g_strconcat(names[i], "-accel", NULL),
                                 .parent = "accel" }, walk->opaque);
        }
    }
}

static void each(void (*fn)(const QomType *type, void *opaque), void *opaque)
{
    Walk walk = { fn, opaque };

    fn(&(QomType){ .name = "accel", .parent = "object", .abstract = true }, opaque);
    fn(&(QomType){ .name = "cpu", .parent = "device", .abstract = true }, opaque);
    fn(&(QomType){ .name = "x86_64-cpu", .parent = "cpu", .abstract = true }, opaque);
    tell_accels(&walk);
}

static const QomTypeSource cpu_types = { each };
REGISTER_QOM_TYPES(cpu_types)

/* Properties of CPUs: where one sits, its model's numbers and features, and what is missing */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/i386/cpu.h"
#include "qapi/json.h"

/* The model is that of all CPUs, and -cpu's. */
static bool by_model(Object *obj, const Prop *prop, void *field, const char *text, Error **errp)
{
    error_set(errp, "Property '%s.%s' is the CPU model's", obj->type->name, prop->name);
    error_hint(errp, "Give it with -cpu, for all CPUs alike");
    return false;
}

static const CpuModel *model(void)
{
    static const CpuModel none;

    return accel_cpu_model() ? accel_cpu_model() : &none;
}

/* --- features; a row's def is the feature's number --- */

static int64_t feature_get(Object *obj, const Prop *prop, const void *field)
{
    return cpu_model_has(model(), prop->def);
}

static char *feature_text(Object *obj, const Prop *prop, const void *field)
{
    return g_strdup(feature_get(obj, prop, field) ? "true" : "false");
}

static const PropOps feature_ops = {
    .type_name = "bool", .set = by_model, .get = feature_text, .get_number = feature_get,
};

/* --- numbers and names of the model; a row's def is the place in CpuModel --- */

static int64_t number_get(Object *obj, const Prop *prop, const void *field)
{
    uint32_t value;

    memcpy(&value, (const char *)model() + prop->def, sizeof(value));
    return value;
}

static char *number_text(Object *obj, const Prop *prop, const void *field)
{
    return g_strdup_printf("%" PRId64, number_get(obj, prop, field));
}

static const PropOps number_ops = {
    .type_name = "uint32", .set = by_model, .get = number_text, .get_number = number_get,
};

static char *string_get(Object *obj, const Prop *prop, const void *field)
{
    return g_strdup((const char *)model() + prop->def);
}

static const PropOps string_ops = { .type_name = "str", .set = by_model, .get = string_get };

/* --- lists --- */

static Json *words_json(const uint32_t *words)
{
    static const char *const registers[] = { "EAX", "EBX", "ECX", "EDX" };
    Json *list = json_object_new_array();

    for (unsigned w = 0; w < NR_FEATURE_WORDS; w++) {
        CpuidPlace place = cpu_feature_place(w);
        Json *word = json_object_new_object();

        json_object_object_add(word, "cpuid-register",
                               json_object_new_string(registers[place.reg]));
        json_object_object_add(word, "cpuid-input-eax", json_object_new_int64(place.leaf));
        if (place.subleaf >= 0) {
            json_object_object_add(word, "cpuid-input-ecx", json_object_new_int(place.subleaf));
        }
        json_object_object_add(word, "features", json_object_new_int64(words[w]));
        json_object_array_add(list, word);
    }
    return list;
}

static Json *present_json(Object *obj, const Prop *prop)
{
    return words_json(model()->features);
}

static Json *filtered_json(Object *obj, const Prop *prop)
{
    return words_json(model()->filtered);
}

static Json *unavailable_json(Object *obj, const Prop *prop)
{
    Json *list = json_object_new_array();

    for (unsigned i = 0; i < NR_FEATURE_WORDS * 32; i++) {
        bool lost = model()->filtered[i / 32] >> (i % 32) & 1;
        g_autofree char *name = lost ? cpu_feature_name(i / 32, i % 32) : NULL;

        if (name) {
            json_object_array_add(list, json_object_new_string(name));
        }
    }
    return list;
}

static char *list_text(Object *obj, const Prop *prop, const void *field)
{
    JSON_AUTO value = prop->ops->get_json(obj, prop);

    return json_text(value, false);
}

#define LIST_OPS(type, fn) { .type_name = type, .set = by_model, .get = list_text, .get_json = fn }
static const PropOps present_ops = LIST_OPS("X86CPUFeatureWordInfo", present_json);
static const PropOps filtered_ops = LIST_OPS("X86CPUFeatureWordInfo", filtered_json);
static const PropOps unavailable_ops = LIST_OPS("strList", unavailable_json);

/* --- the table --- */

#define MODEL_ROW(n, o, f, h)                                                               \
    { .name = n, .kind = PROP_KIND_CUSTOM, .help = h, .ops = &o, .def = offsetof(CpuModel, f) }

static const Prop fixed_rows[] = {
    PROP_I32_AS("socket-id", X86Cpu, socket_id, ID_UNASSIGNED, "where it sits: the socket"),
    PROP_I32_AS("die-id", X86Cpu, die_id, ID_UNASSIGNED, "the die in that"),
    PROP_I32_AS("core-id", X86Cpu, core_id, ID_UNASSIGNED, "the core in that"),
    PROP_I32_AS("thread-id", X86Cpu, thread_id, ID_UNASSIGNED, "the thread of that"),
    PROP_I32_AS("node-id", X86Cpu, node_id, ID_UNASSIGNED, "the NUMA node, as -numa has it"),
    PROP_U32_AS("apic-id", X86Cpu, apic_id, APIC_ID_UNASSIGNED,
                "where it sits, by its APIC ID instead"),
    MODEL_ROW("family", number_ops, family, "of leaf 1"),
    MODEL_ROW("model", number_ops, model, "of leaf 1"),
    MODEL_ROW("stepping", number_ops, stepping, "of leaf 1"),
    MODEL_ROW("level", number_ops, level, "highest basic CPUID leaf"),
    MODEL_ROW("xlevel", number_ops, xlevel, "highest extended CPUID leaf"),
    MODEL_ROW("xlevel2", number_ops, xlevel2, "highest Centaur CPUID leaf"),
    MODEL_ROW("phys-bits", number_ops, phys_bits, "of physical addresses"),
    MODEL_ROW("vendor", string_ops, vendor, "of leaf 0"),
    MODEL_ROW("model-id", string_ops, model_id, "of leaves 0x80000002 to 4"),
    { .name = "feature-words", .kind = PROP_KIND_CUSTOM, .ops = &present_ops,
      .help = "features by CPUID register" },
    { .name = "filtered-features", .kind = PROP_KIND_CUSTOM, .ops = &filtered_ops,
      .help = "those asked for that the accelerator does not have" },
    { .name = "unavailable-features", .kind = PROP_KIND_CUSTOM, .ops = &unavailable_ops,
      .help = "the same by name" },
};

static void append_feature(GArray *rows, FeatureWord word, unsigned bit)
{
    const char *text = cpu_feature_spellings(word, bit);
    g_auto(GStrv) spellings = g_strsplit(text ? text : "", "|", -1);

    for (unsigned i = 0; spellings[i]; i++) {
        Prop row = {
            .name = g_strdup(spellings[i]), .kind = PROP_KIND_CUSTOM, .ops = &feature_ops,
            .def = CPU_FEATURE(word, bit), .help = "feature of the model",
        };

        g_array_append_val(rows, row);
    }
}

const Prop *x86_cpu_props(void)
{
    static GArray *rows;

    if (!rows) {
        rows = g_array_new(true, false, sizeof(Prop));
        g_array_append_vals(rows, fixed_rows, ARRAY_SIZE(fixed_rows));
        for (unsigned i = 0; i < NR_FEATURE_WORDS * 32; i++) {
            append_feature(rows, i / 32, i % 32);
        }
    }
    return (const Prop *)(void *)rows->data;
}

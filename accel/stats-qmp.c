/* query-stats, query-stats-schemas: what the accelerator counts */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "qapi/commands-stats.h"

/* --- values --- */

typedef struct Values {
    const StatsRequest *request;    /* NULL: all */
    StatsList *list, **tail;
} Values;

static bool wanted(const StatsRequest *request, const char *name)
{
    if (!request || !request->has_names) {
        return true;
    }
    for (const strList *l = request->names; l; l = l->next) {
        if (!strcmp(l->value, name)) {
            return true;
        }
    }
    return false;
}

static void add_value(const AccelStat *stat, void *opaque)
{
    Values *v = opaque;
    Stats *out;

    if (!wanted(v->request, stat->name)) {
        return;
    }
    out = g_new0(Stats, 1);
    out->name = g_strdup(stat->name);
    out->value = g_new0(StatsValue, 1);
    if (stat->type == ACCEL_STAT_LINEAR || stat->type == ACCEL_STAT_LOG2) {
        uint64List **tail = &out->value->u.list;

        out->value->type = STATS_VALUE_LIST;
        for (unsigned i = 0; i < stat->nr; i++) {
            QAPI_APPEND(tail, stat->values[i]);
        }
    } else if (stat->unit == ACCEL_STAT_BOOLEAN) {
        out->value->type = STATS_VALUE_BOOLEAN;
        out->value->u.boolean = stat->values[0];
    } else {
        out->value->type = STATS_VALUE_SCALAR;
        out->value->u.scalar = stat->values[0];
    }
    QAPI_APPEND(v->tail, out);
}

static bool read_stats(Vcpu *cpu, AccelStatFn *fn, void *opaque, Error **errp)
{
    const AccelType *type = accel_type();

    return !type || !type->read_stats || type->read_stats(cpu, fn, opaque, errp);
}

/* Where nothing is left after all filters, there is no result. */
static bool add_result(StatsResultList ***tail, Vcpu *cpu, const StatsRequest *request,
                       Error **errp)
{
    Values v = { request, NULL, &v.list };
    StatsResult *result;

    if (!read_stats(cpu, add_value, &v, errp)) {
        qapi_free_value(&qapi_type_Stats_list, &v.list);
        return false;
    }
    if (v.list) {
        result = g_new0(StatsResult, 1);
        result->provider = STATS_PROVIDER_KVM;
        result->qom_path = cpu ? object_path(&cpu->obj) : NULL;
        result->stats = v.list;
        QAPI_APPEND(*tail, result);
    }
    return true;
}

static bool wants_cpu(const StatsFilter *f, const Vcpu *cpu)
{
    g_autofree char *path = NULL;

    if (!f->u.vcpu.has_vcpus) {
        return true;
    }
    path = object_path(&cpu->obj);
    for (const strList *l = f->u.vcpu.vcpus; l; l = l->next) {
        if (!strcmp(l->value, path)) {
            return true;
        }
    }
    return false;
}

static bool add_target(StatsResultList ***tail, const StatsFilter *f, const StatsRequest *request,
                       Error **errp)
{
    if (f->target == STATS_TARGET_VM) {
        return add_result(tail, NULL, request, errp);
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (wants_cpu(f, vcpu_get(i)) && !add_result(tail, vcpu_get(i), request, errp)) {
            return false;
        }
    }
    return true;
}

StatsResultList *qmp_query_stats(StatsFilter *filter, Error **errp)
{
    StatsResultList *list = NULL, **tail = &list;
    bool ok = true;

    if (!filter->has_providers) {
        ok = add_target(&tail, filter, NULL, errp);
    }
    for (const StatsRequestList *l = filter->providers; l && ok; l = l->next) {
        ok = add_target(&tail, filter, l->value, errp);
    }
    if (!ok) {
        qapi_free_value(&qapi_type_StatsResult_list, &list);
        return NULL;
    }
    return list;
}

/* --- what there is --- */

typedef struct Descriptions {
    StatsSchemaValueList *list, **tail;
} Descriptions;

static void add_description(const AccelStat *stat, void *opaque)
{
    static const StatsType types[] = {
        [ACCEL_STAT_CUMULATIVE] = STATS_TYPE_CUMULATIVE, [ACCEL_STAT_INSTANT] = STATS_TYPE_INSTANT,
        [ACCEL_STAT_PEAK] = STATS_TYPE_PEAK, [ACCEL_STAT_LINEAR] = STATS_TYPE_LINEAR_HISTOGRAM,
        [ACCEL_STAT_LOG2] = STATS_TYPE_LOG2_HISTOGRAM,
    };
    static const StatsUnit units[] = {
        [ACCEL_STAT_BYTES] = STATS_UNIT_BYTES, [ACCEL_STAT_SECONDS] = STATS_UNIT_SECONDS,
        [ACCEL_STAT_CYCLES] = STATS_UNIT_CYCLES, [ACCEL_STAT_BOOLEAN] = STATS_UNIT_BOOLEAN,
    };
    Descriptions *d = opaque;
    StatsSchemaValue *out = g_new0(StatsSchemaValue, 1);

    out->name = g_strdup(stat->name);
    out->type = types[stat->type];
    out->has_unit = stat->unit != ACCEL_STAT_NO_UNIT;
    out->unit = units[stat->unit];
    out->has_base = stat->exponent != 0;
    out->base = stat->base;
    out->exponent = stat->exponent;
    out->has_bucket_size = stat->type == ACCEL_STAT_LINEAR;
    out->bucket_size = stat->bucket_size;
    QAPI_APPEND(d->tail, out);
}

static bool add_schema(StatsSchemaList ***tail, StatsTarget target, Vcpu *cpu, Error **errp)
{
    Descriptions d = { NULL, &d.list };
    StatsSchema *schema;

    if (!read_stats(cpu, add_description, &d, errp)) {
        qapi_free_value(&qapi_type_StatsSchemaValue_list, &d.list);
        return false;
    }
    if (d.list) {
        schema = g_new0(StatsSchema, 1);
        schema->provider = STATS_PROVIDER_KVM;
        schema->target = target;
        schema->stats = d.list;
        QAPI_APPEND(*tail, schema);
    }
    return true;
}

StatsSchemaList *qmp_query_stats_schemas(bool has_provider, StatsProvider provider, Error **errp)
{
    StatsSchemaList *list = NULL, **tail = &list;

    if ((vcpu_count() && !add_schema(&tail, STATS_TARGET_VCPU, vcpu_get(0), errp)) ||
        !add_schema(&tail, STATS_TARGET_VM, NULL, errp)) {
        qapi_free_value(&qapi_type_StatsSchema_list, &list);
        return NULL;
    }
    return list;
}

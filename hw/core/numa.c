/* NUMA nodes: -numa to a checked NumaConfig */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/numa.h"
#include "util/parse.h"

#define DISTANCE_LOCAL   10
#define DISTANCE_DEFAULT 20

CpuPlace machine_cpu_place(const Machine *m, unsigned index)
{
    const SmpConfig *s = &m->smp;

    return (CpuPlace){
        .thread = index % s->threads,
        .core = index / s->threads % s->cores,
        .die = index / s->threads / s->cores % s->dies,
        .socket = index / s->threads / s->cores / s->dies,
    };
}

static unsigned bits_for(unsigned count)
{
    return count > 1 ? 32 - __builtin_clz(count - 1) : 0;
}

uint32_t machine_apic_id(const Machine *m, unsigned index)
{
    const SmpConfig *s = &m->smp;
    CpuPlace at = machine_cpu_place(m, index);
    unsigned core = at.die * s->cores + at.core, thread_bits = bits_for(s->threads);

    return at.socket << (thread_bits + bits_for(s->cores * s->dies)) | core << thread_bits |
           at.thread;
}

static NumaConfig *config_of(Machine *m)
{
    if (!m->numa) {
        m->numa = g_new0(NumaConfig, 1);
        m->numa->node_of_cpu = g_malloc(m->smp.max_cpus);
        memset(m->numa->node_of_cpu, NUMA_NO_NODE, m->smp.max_cpus);
    }
    return m->numa;
}

static bool assign_cpu(NumaConfig *n, unsigned cpu, unsigned node, Error **errp)
{
    uint8_t *place = &n->node_of_cpu[cpu];

    if (*place != NUMA_NO_NODE && *place != node) {
        error_set(errp, "CPU is already assigned to node-id: %u", *place);
        return false;
    }
    *place = node;
    return true;
}

/* "0-3", "0:4-7": indices of CPUs */
static bool assign_ranges(Machine *m, const char *text, unsigned node, Error **errp)
{
    g_auto(GStrv) ranges = g_strsplit(text, ":", -1);

    for (unsigned i = 0; ranges[i]; i++) {
        g_auto(GStrv) ends = g_strsplit(ranges[i], "-", 2);
        uint64_t first, last;

        if (!ends[0] || parse_u64(ends[0], 10, &first) ||
            (ends[1] && parse_u64(ends[1], 10, &last))) {
            error_set(errp, "Parameter 'cpus' expects an index or a range of them, not '%s'",
                      ranges[i]);
            return false;
        }
        last = ends[1] ? last : first;
        if (last < first) {
            error_set(errp, "Parameter 'cpus' expects a range that does not end before its start, "
                      "not '%s'", ranges[i]);
            return false;
        }
        if (last >= m->smp.max_cpus) {
            error_set(errp, "CPU index (%" PRIu64 ") should be smaller than maxcpus (%u)",
                      MAX(first, m->smp.max_cpus), m->smp.max_cpus);
            return false;
        }
        for (uint64_t cpu = first; cpu <= last; cpu++) {
            if (!assign_cpu(m->numa, cpu, node, errp)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_node(Machine *m, const NumaNodeOptions *o, Error **errp)
{
    NumaConfig *n = config_of(m);
    unsigned id = o->has_nodeid ? o->nodeid : n->nr_nodes;
    MemoryBackend *memdev = NULL;

    if (id >= NUMA_MAX_NODES) {
        error_set(errp, "Max number of NUMA nodes reached: %u", id);
        return false;
    }
    if (n->nodes[id].present) {
        error_set(errp, "Duplicate NUMA nodeid: %u", id);
        return false;
    }
    if (o->mem) {
        error_set(errp, "Parameter -numa node,mem is not supported by this machine type");
        error_hint(errp, "Use -numa node,memdev instead");
        return false;
    }
    if (o->memdev && !(memdev = memory_backend_find(o->memdev))) {
        error_set(errp, "memdev=%s: there is no such memory backend", o->memdev);
        error_hint(errp, "Make it with -object memory-backend-ram,id=%s,size=SIZE", o->memdev);
        return false;
    }
    if (memdev && m->memory_backend) {
        error_set(errp, "'-machine memory-backend' and '-numa memdev' properties are mutually "
                  "exclusive");
        return false;
    }
    if (o->cpus && !assign_ranges(m, o->cpus, id, errp)) {
        return false;
    }
    n->nodes[id] = (NumaNode){ true, memdev ? memdev->size : 0, memdev };
    n->nr_nodes++;
    return true;
}

static bool add_distance(Machine *m, const NumaDistOptions *o, Error **errp)
{
    NumaConfig *n = m->numa;

    if (o->src >= NUMA_MAX_NODES || o->dst >= NUMA_MAX_NODES) {
        error_set(errp, "Invalid node %u, max possible could be %u",
                  o->src >= NUMA_MAX_NODES ? o->src : o->dst, NUMA_MAX_NODES);
        return false;
    }
    if (!n || !n->nodes[o->src].present || !n->nodes[o->dst].present) {
        error_set(errp, "Source/Destination NUMA node is missing. Please use '-numa node' option "
                  "to declare it first.");
        return false;
    }
    if (o->val < DISTANCE_LOCAL) {
        error_set(errp, "NUMA distance (%u) is invalid, it shouldn't be less than %u.", o->val,
                  DISTANCE_LOCAL);
        return false;
    }
    if (o->src == o->dst && o->val != DISTANCE_LOCAL) {
        error_set(errp, "Local distance of node %u should be %u.", o->src, DISTANCE_LOCAL);
        return false;
    }
    n->distance[o->src][o->dst] = o->val;
    n->has_distances = true;
    return true;
}

static bool add_cpus(Machine *m, const NumaCpuOptions *o, Error **errp)
{
    bool any = false;

    if (o->node_id >= NUMA_MAX_NODES || !m->numa || !m->numa->nodes[o->node_id].present) {
        error_set(errp, "Invalid node-id=%u, NUMA node must be defined with -numa node,nodeid=ID "
                  "before it's used with -numa cpu,node-id=ID", o->node_id);
        return false;
    }
    for (unsigned i = 0; i < m->smp.max_cpus; i++) {
        CpuPlace at = machine_cpu_place(m, i);

        if ((o->has_socket_id && o->socket_id != at.socket) ||
            (o->has_die_id && o->die_id != at.die) ||
            (o->has_core_id && o->core_id != at.core) ||
            (o->has_thread_id && o->thread_id != at.thread)) {
            continue;
        }
        any = true;
        if (!assign_cpu(m->numa, i, o->node_id, errp)) {
            return false;
        }
    }
    if (!any) {
        error_set(errp, "no match found");
        error_hint(errp, "The machine has %u sockets of %u dies, %u cores and %u threads each",
                   m->smp.sockets, m->smp.dies, m->smp.cores, m->smp.threads);
    }
    return any;
}

bool numa_add(Machine *m, const NumaOptions *options, Error **errp)
{
    if (machine_type(m)->no_cpus) {
        error_set(errp, "NUMA is not supported by this machine-type");
        return false;
    }
    switch (options->type) {
    case NUMA_OPTIONS_TYPE_NODE:
        return add_node(m, &options->u.node, errp);
    case NUMA_OPTIONS_TYPE_DIST:
        return add_distance(m, &options->u.dist, errp);
    default:
        return add_cpus(m, &options->u.cpu, errp);
    }
}

/* Where one direction was given, it is that of the other one. */
static bool finish_distances(NumaConfig *n, Error **errp)
{
    if (!n->has_distances) {
        return true;
    }
    for (unsigned i = 0; i < n->nr_nodes; i++) {
        n->distance[i][i] = DISTANCE_LOCAL;
        for (unsigned k = 0; k < i; k++) {
            uint8_t *there = &n->distance[k][i], *back = &n->distance[i][k];

            if (!*there && !*back) {
                error_set(errp, "The distance between node %u and %u is missing, at least one "
                          "distance value between each nodes should be provided.", k, i);
                return false;
            }
            *there = *there ? *there : *back;
            *back = *back ? *back : *there;
        }
    }
    return true;
}

/* Nobody said anything: socket after socket. Somebody said something: the rest is node 0's. */
static void finish_cpus(Machine *m)
{
    g_autoptr(GString) left = g_string_new(NULL);
    NumaConfig *n = m->numa;
    unsigned unsaid = 0;

    for (unsigned i = 0; i < m->smp.max_cpus; i++) {
        unsaid += n->node_of_cpu[i] == NUMA_NO_NODE;
    }
    for (unsigned i = 0; i < m->smp.max_cpus; i++) {
        CpuPlace at = machine_cpu_place(m, i);

        if (n->node_of_cpu[i] == NUMA_NO_NODE) {
            n->node_of_cpu[i] = unsaid == m->smp.max_cpus ? at.socket % n->nr_nodes : 0;
            g_string_append_printf(left, "%sCPU %u [socket-id: %u, core-id: %u, thread-id: %u]",
                                   left->len ? ", " : "", i, at.socket, at.core, at.thread);
        }
    }
    if (unsaid && unsaid != m->smp.max_cpus) {
        report_warning("CPU(s) not present in any NUMA nodes: %s", left->str);
        report_warning("All CPU(s) up to maxcpus should be described in NUMA config: node 0 has "
                       "those that are not");
    }
}

bool numa_finish(Machine *m, Error **errp)
{
    NumaConfig *n = m->numa;
    uint64_t total = 0;

    if (!n) {
        return true;
    }
    for (unsigned i = 0; i < n->nr_nodes; i++) {
        if (!n->nodes[i].present) {
            error_set(errp, "numa: Node ID missing: %u", i);
            return false;
        }
        if (n->nodes[i].size > UINT64_MAX - total) {
            error_set(errp, "total memory for NUMA nodes is beyond all memory");
            return false;
        }
        total += n->nodes[i].size;
    }
    if (total != m->ram_size) {
        error_set(errp, "total memory for NUMA nodes (0x%" PRIx64 ") should equal RAM size (0x%"
                  PRIx64 ")", total, m->ram_size);
        return false;
    }
    finish_cpus(m);
    return finish_distances(n, errp);
}

/* info: what QMP's queries return, for people */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/hmp.h"

#define for_each(row_, rows_)                                                                \
    for (size_t i_ = 0, n_ = json_object_array_length(rows_); i_ < n_; i_++)                 \
        for (const Json *row_ = json_object_array_get_idx(rows_, i_); row_; row_ = NULL)

static void show_status(const Json *v, GString *out)
{
    const char *status = hmp_str(v, "status");
    bool running = hmp_bool(v, "running");

    g_string_append_printf(out, "VM status: %s", running ? "running" : "paused");
    if (!running && strcmp(status, "paused")) {
        g_string_append_printf(out, " (%s)", status);
    }
    g_string_append_c(out, '\n');
}

static void show_version(const Json *v, GString *out)
{
    const Json *qemu = hmp_get(v, "qemu");
    const char *package = hmp_str(v, "package");

    g_string_append_printf(out, "%" PRId64 ".%" PRId64 ".%" PRId64 "%s%s\n",
                           hmp_int(qemu, "major"), hmp_int(qemu, "minor"),
                           hmp_int(qemu, "micro"), *package ? " " : "", package);
}

static void show_name(const Json *v, GString *out)
{
    if (hmp_str(v, "name")) {
        g_string_append_printf(out, "%s\n", hmp_str(v, "name"));
    }
}

static void show_uuid(const Json *v, GString *out)
{
    g_string_append_printf(out, "%s\n", hmp_str(v, "UUID"));
}

static void show_kvm(const Json *v, GString *out)
{
    g_string_append_printf(out, "kvm support: %s\n",
                           !hmp_bool(v, "present") ? "not compiled"
                           : hmp_bool(v, "enabled") ? "enabled" : "disabled");
}

static void show_chardev(const Json *v, GString *out)
{
    for_each(row, v) {
        g_string_append_printf(out, "%s: filename=%s\n", hmp_str(row, "label"),
                               hmp_str(row, "filename"));
    }
}

static void show_cpus(const Json *v, GString *out)
{
    for_each(row, v) {
        g_string_append_printf(out, "%c CPU #%" PRId64 ": thread_id=%" PRId64 "\n",
                               hmp_int(row, "cpu-index") ? ' ' : '*', hmp_int(row, "cpu-index"),
                               hmp_int(row, "thread-id"));
    }
}

static void show_places(const Json *v, GString *out)
{
    static const char *const ids[] = {
        "node-id", "socket-id", "die-id", "core-id", "thread-id",
    };

    g_string_append(out, "Hotpluggable CPUs:\n");
    for_each(row, v) {
        const Json *props = hmp_get(row, "props");

        g_string_append_printf(out, "  type: \"%s\"\n  vcpus_count: \"%" PRId64 "\"\n",
                               hmp_str(row, "type"), hmp_int(row, "vcpus-count"));
        if (hmp_str(row, "qom-path")) {
            g_string_append_printf(out, "  qom_path: \"%s\"\n", hmp_str(row, "qom-path"));
        }
        g_string_append(out, "  CPUInstance Properties:\n");
        for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
            if (hmp_get(props, ids[i])) {
                g_string_append_printf(out, "    %s: \"%" PRId64 "\"\n", ids[i],
                                       hmp_int(props, ids[i]));
            }
        }
    }
}

static const char *truth(const Json *v, const char *key)
{
    return hmp_bool(v, key) ? "true" : "false";
}

static void show_memory_devices(const Json *v, GString *out)
{
    for_each(row, v) {
        const Json *d = hmp_get(row, "data");

        g_string_append_printf(out, "Memory device [%s]: \"%s\"\n  addr: 0x%" PRIx64 "\n"
                               "  slot: %" PRId64 "\n  node: %" PRId64 "\n  size: %" PRId64 "\n"
                               "  memdev: %s\n  hotplugged: %s\n  hotpluggable: %s\n",
                               hmp_str(row, "type"), hmp_str(d, "id") ? hmp_str(d, "id") : "",
                               hmp_int(d, "addr"), hmp_int(d, "slot"), hmp_int(d, "node"),
                               hmp_int(d, "size"), hmp_str(d, "memdev"), truth(d, "hotplugged"),
                               truth(d, "hotpluggable"));
    }
}

static void show_memdev(const Json *v, GString *out)
{
    static const char *const flags[] = { "merge", "dump", "prealloc", "share", "reserve" };

    for_each(row, v) {
        g_string_append_printf(out, "memory backend: %s\n  size:  %" PRId64 "\n",
                               hmp_str(row, "id"), hmp_int(row, "size"));
        for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
            g_string_append_printf(out, "  %s: %s\n", flags[i], truth(row, flags[i]));
        }
        g_string_append_printf(out, "  policy: %s\n  host nodes: \n", hmp_str(row, "policy"));
    }
    g_string_append_c(out, '\n');
}

static const char *cache_mode(const Json *cache)
{
    bool wb = hmp_bool(cache, "writeback"), direct = hmp_bool(cache, "direct");

    return wb ? direct ? "writeback, direct" : "writeback"
              : direct ? "writethrough, direct" : "writethrough";
}

static void show_limits(const Json *medium, GString *out)
{
    static const char *const names[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" };
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        any |= hmp_int(medium, names[i]) != 0;
    }
    if (any) {
        g_string_append(out, "    I/O throttling:  ");
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
            g_string_append_printf(out, " %s=%" PRId64, names[i], hmp_int(medium, names[i]));
        }
        g_string_append_c(out, '\n');
    }
}

static void show_image(const Json *image, GString *out)
{
    g_string_append_printf(out, "\nImages:\nimage: %s\nfile format: %s\n"
                           "virtual size: %" PRId64 " bytes\n", hmp_str(image, "filename"),
                           hmp_str(image, "format"), hmp_int(image, "virtual-size"));
    if (hmp_get(image, "actual-size")) {
        g_string_append_printf(out, "disk size: %" PRId64 " bytes\n",
                               hmp_int(image, "actual-size"));
    }
    if (hmp_get(image, "cluster-size")) {
        g_string_append_printf(out, "cluster_size: %" PRId64 "\n",
                               hmp_int(image, "cluster-size"));
    }
    if (hmp_str(image, "backing-filename")) {
        g_string_append_printf(out, "backing file: %s\n", hmp_str(image, "backing-filename"));
    }
}

/* info: of the drive, NULL for a node. */
static void show_node(const Json *info, const Json *medium, bool verbose, GString *out)
{
    const char *device = info ? hmp_str(info, "device") : NULL;
    const char *qdev = info ? hmp_str(info, "qdev") : NULL;
    const char *node = medium ? hmp_str(medium, "node-name") : NULL;
    const char *backing = medium ? hmp_str(medium, "backing_file") : NULL;
    const Json *cache;

    g_string_append(out, device && *device ? device : qdev && !node ? qdev : "");
    if (node) {
        g_string_append_printf(out, device && *device ? " (%s)" : "%s", node);
    }
    if (medium) {
        g_string_append_printf(out, ": %s (%s%s)\n", hmp_str(medium, "file"),
                               hmp_str(medium, "drv"),
                               hmp_bool(medium, "ro") ? ", read-only" : "");
    } else {
        g_string_append(out, ": [not inserted]\n");
    }
    if (qdev) {
        g_string_append_printf(out, "    Attached to:      %s\n", qdev);
    }
    if (info && hmp_bool(info, "removable")) {
        g_string_append_printf(out, "    Removable device: %slocked, tray %s\n",
                               hmp_bool(info, "locked") ? "" : "not ",
                               hmp_bool(info, "tray_open") ? "open" : "closed");
    }
    if (!medium) {
        return;
    }
    cache = hmp_get(medium, "cache");
    g_string_append_printf(out, "    Cache mode:       %s%s\n", cache_mode(cache),
                           hmp_bool(cache, "no-flush") ? ", ignore flushes" : "");
    if (backing) {
        g_string_append_printf(out, "    Backing file:     %s (chain depth: %" PRId64 ")\n",
                               backing, hmp_int(medium, "backing_file_depth"));
    }
    if (hmp_str(medium, "detect_zeroes") && strcmp(hmp_str(medium, "detect_zeroes"), "off")) {
        g_string_append_printf(out, "    Detect zeroes:    %s\n",
                               hmp_str(medium, "detect_zeroes"));
    }
    show_limits(medium, out);
    if (verbose) {
        show_image(hmp_get(medium, "image"), out);
    }
}

static void co_block(const Json *args, GString *out, Error **errp)
{
    bool nodes = hmp_bool(args, "nodes"), verbose = hmp_bool(args, "verbose"), any = false;
    const char *wanted = hmp_str(args, "device");
    JSON_AUTO rows = co_hmp_qmp(nodes ? "query-named-block-nodes" : "query-block", NULL, errp);

    if (!rows) {
        return;
    }
    for_each(row, rows) {
        if (wanted && strcmp(wanted, hmp_str(row, nodes ? "node-name" : "device"))) {
            continue;
        }
        if (any) {
            g_string_append_c(out, '\n');
        }
        any = true;
        show_node(nodes ? NULL : row, nodes ? row : hmp_get(row, "inserted"), verbose, out);
    }
}

static void show_blockstats(const Json *v, GString *out)
{
    static const char *const members[] = {
        "rd_bytes", "wr_bytes", "rd_operations", "wr_operations", "flush_operations",
        "wr_total_time_ns", "rd_total_time_ns", "flush_total_time_ns", "rd_merged", "wr_merged",
        "idle_time_ns",
    };

    for_each(row, v) {
        const char *device = hmp_str(row, "device");

        if (!device) {
            continue;
        }
        g_string_append_printf(out, "%s:", *device ? device : hmp_str(row, "qdev"));
        for (unsigned i = 0; i < ARRAY_SIZE(members); i++) {
            g_string_append_printf(out, " %s=%" PRId64, members[i],
                                   hmp_int(hmp_get(row, "stats"), members[i]));
        }
        g_string_append_c(out, '\n');
    }
}

static void show_block_jobs(const Json *v, GString *out)
{
    if (!json_object_array_length(v)) {
        g_string_append(out, "No active jobs\n");
    }
    for_each(row, v) {
        g_string_append_printf(out, "Type %s, device %s: Completed %" PRId64 " of %" PRId64
                               " bytes, speed limit %" PRId64 " bytes/s\n", hmp_str(row, "type"),
                               hmp_str(row, "device"), hmp_int(row, "offset"),
                               hmp_int(row, "len"), hmp_int(row, "speed"));
    }
}

static void show_dump(const Json *v, GString *out)
{
    double done = (double)hmp_int(v, "completed"), total = (double)hmp_int(v, "total");

    g_string_append_printf(out, "Status: %s\n", hmp_str(v, "status"));
    if (!strcmp(hmp_str(v, "status"), "active") && total > 0) {
        g_string_append_printf(out, "Finished: %.2f %%\n", 100 * done / total);
    }
}

static void show_iothreads(const Json *v, GString *out)
{
    for_each(row, v) {
        g_string_append_printf(out, "%s:\n  thread_id=%" PRId64 "\n", hmp_str(row, "id"),
                               hmp_int(row, "thread-id"));
    }
}

static void show_memory_size(const Json *v, GString *out)
{
    g_string_append_printf(out, "base memory: %" PRId64 "\n", hmp_int(v, "base-memory"));
    if (hmp_get(v, "plugged-memory")) {
        g_string_append_printf(out, "plugged memory: %" PRId64 "\n",
                               hmp_int(v, "plugged-memory"));
    }
}

static void show_trace_events(const Json *v, GString *out)
{
    for_each(row, v) {
        g_string_append_printf(out, "%s : state %d\n", hmp_str(row, "name"),
                               !strcmp(hmp_str(row, "state"), "enabled"));
    }
}

static void co_trace_events(const Json *args, GString *out, Error **errp)
{
    Json *request = json_object_new_object(), *name = hmp_get(args, "name");
    JSON_AUTO value = NULL;

    json_object_object_add(request, "name", name ? json_object_get(name)
                                                 : json_object_new_string("*"));
    value = co_hmp_qmp("trace-event-get-state", request, errp);
    if (value) {
        show_trace_events(value, out);
    }
}

/* --- PCI --- */

static void show_region(const Json *r, GString *out)
{
    int64_t from = hmp_int(r, "address"), size = hmp_int(r, "size");

    if (!strcmp(hmp_str(r, "type"), "io")) {
        g_string_append_printf(out, "      BAR%" PRId64 ": I/O at 0x%04" PRIx64 " [0x%04" PRIx64
                               "].\n", hmp_int(r, "bar"), from, from + size - 1);
        return;
    }
    g_string_append_printf(out, "      BAR%" PRId64 ": %d bit%s memory at 0x%08" PRIx64
                           " [0x%08" PRIx64 "].\n", hmp_int(r, "bar"),
                           hmp_bool(r, "mem_type_64") ? 64 : 32,
                           hmp_bool(r, "prefetch") ? " prefetchable" : "", from,
                           from + size - 1);
}

static void show_pci_device(const Json *d, GString *out)
{
    const Json *class = hmp_get(d, "class_info"), *id = hmp_get(d, "id");
    const char *desc = hmp_str(class, "desc");

    g_string_append_printf(out, "  Bus %2" PRId64 ", device %3" PRId64 ", function %" PRId64
                           ":\n    ", hmp_int(d, "bus"), hmp_int(d, "slot"),
                           hmp_int(d, "function"));
    if (desc) {
        g_string_append(out, desc);
    } else {
        g_string_append_printf(out, "Class %04" PRId64, hmp_int(class, "class"));
    }
    g_string_append_printf(out, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n",
                           hmp_int(id, "vendor"), hmp_int(id, "device"));
    if (hmp_int(id, "subsystem-vendor")) {
        g_string_append_printf(out, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n",
                               hmp_int(id, "subsystem-vendor"), hmp_int(id, "subsystem"));
    }
    if (hmp_get(d, "irq")) {
        g_string_append_printf(out, "      IRQ %" PRId64 ", pin %c\n", hmp_int(d, "irq"),
                               (char)('A' + hmp_int(d, "irq_pin") - 1));
    }
    for_each(region, hmp_get(d, "regions")) {
        show_region(region, out);
    }
    g_string_append_printf(out, "      id \"%s\"\n", hmp_str(d, "qdev_id"));
}

static void show_pci(const Json *v, GString *out)
{
    for_each(bus, v) {
        for_each(device, hmp_get(bus, "devices")) {
            show_pci_device(device, out);
        }
    }
}

/* --- objects --- */

static void co_object(const char *path, const char *name, const char *type, unsigned depth,
                      GString *out)
{
    Json *request = json_object_new_object();
    JSON_AUTO rows = NULL;

    g_string_append_printf(out, "%*s/%s (%s)\n", (int)depth * 2, "", name, type);
    json_object_object_add(request, "path", json_object_new_string(path));
    rows = co_hmp_qmp("qom-list", request, NULL);
    if (!rows || depth > 32) {
        return;
    }
    for_each(row, rows) {
        const char *kind = hmp_str(row, "type"), *child = hmp_str(row, "name");
        g_autofree char *below = NULL, *inner = NULL;

        if (!g_str_has_prefix(kind, "child<")) {
            continue;
        }
        below = g_strdup_printf("%s/%s", !strcmp(path, "/") ? "" : path, child);
        inner = g_strndup(kind + 6, strlen(kind) - 7);
        co_object(below, child, inner, depth + 1, out);
    }
}

static void co_qom_tree(const Json *args, GString *out, Error **errp)
{
    const char *path = hmp_str(args, "path");
    const char *last = path ? strrchr(path, '/') : NULL;

    co_object(path ? path : "/machine", path ? last ? last + 1 : path : "machine",
              path ? "object" : "machine", 0, out);
}

/* --- statistics --- */

static const Json *find_description(const Json *schemas, const char *target, const char *name)
{
    for_each(schema, schemas) {
        if (strcmp(hmp_str(schema, "target"), target)) {
            continue;
        }
        for_each(row, hmp_get(schema, "stats")) {
            if (!strcmp(hmp_str(row, "name"), name)) {
                return row;
            }
        }
    }
    return NULL;
}

/* ", ns", ", MiB", ", cycles": a power of ten of seconds by its letter, others as they are. */
static void show_unit(const Json *d, GString *out)
{
    static const char *const seconds[] = { "s", "ms", "us", "ns" };
    const char *unit = hmp_str(d, "unit");
    int64_t base = hmp_int(d, "base"), exponent = hmp_int(d, "exponent");

    if (!unit) {
        return;
    }
    if (!strcmp(unit, "seconds") && exponent <= 0 && exponent >= -9 && exponent % 3 == 0 &&
        (base == 10 || !exponent)) {
        g_string_append_printf(out, ", %s", seconds[-exponent / 3]);
    } else if (exponent) {
        g_string_append_printf(out, ", %" PRId64 "^%" PRId64 " %s", base, exponent, unit);
    } else {
        g_string_append_printf(out, ", %s", unit);
    }
}

static void show_stat(const Json *stat, const Json *d, GString *out)
{
    const Json *value = hmp_get(stat, "value");

    g_string_append_printf(out, "    %s (%s", hmp_str(stat, "name"), hmp_str(d, "type"));
    show_unit(d, out);
    g_string_append(out, "): ");
    if (json_object_is_type(value, json_type_boolean)) {
        g_string_append(out, json_object_get_boolean(value) ? "yes" : "no");
    } else if (!json_object_is_type(value, json_type_array)) {
        g_string_append_printf(out, "%" PRIu64, json_object_get_uint64(value));
    } else {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            int64_t width = hmp_int(d, "bucket-size");

            if (width) {
                g_string_append_printf(out, "[%" PRId64 "-%" PRId64 "]=", width * (int64_t)i,
                                       width * (int64_t)(i + 1));
            } else {
                g_string_append_printf(out, "[%zu]=", i + 1);
            }
            g_string_append_printf(out, "%" PRIu64 " ", json_object_get_uint64(
                                       json_object_array_get_idx(value, i)));
        }
    }
    g_string_append_c(out, '\n');
}

static Json *stats_request(const Json *args)
{
    const char *names = hmp_str(args, "names"), *provider = hmp_str(args, "provider");
    Json *request = json_object_new_object(), *list, *one, *wanted;

    json_object_object_add(request, "target", json_object_get(hmp_get(args, "target")));
    if (!provider && (!names || !strcmp(names, "*"))) {
        return request;
    }
    list = json_object_new_array();
    one = json_object_new_object();
    json_object_object_add(one, "provider", json_object_new_string(provider ? provider : "kvm"));
    if (names && strcmp(names, "*")) {
        g_auto(GStrv) words = g_strsplit(names, ",", -1);

        wanted = json_object_new_array();
        for (unsigned i = 0; words[i]; i++) {
            json_object_array_add(wanted, json_object_new_string(words[i]));
        }
        json_object_object_add(one, "names", wanted);
    }
    json_object_array_add(list, one);
    json_object_object_add(request, "providers", list);
    return request;
}

/* Of CPUs those of the first, as "info registers" shows one. */
static void co_stats(const Json *args, GString *out, Error **errp)
{
    const char *target = hmp_str(args, "target");
    JSON_AUTO schemas = NULL;
    JSON_AUTO results = NULL;
    const Json *first;

    if (strcmp(target, "vm") && strcmp(target, "vcpu")) {
        g_string_append_printf(out, "invalid stats target %s\n", target);
        return;
    }
    schemas = co_hmp_qmp("query-stats-schemas", NULL, errp);
    results = schemas ? co_hmp_qmp("query-stats", stats_request(args), errp) : NULL;
    first = results && json_object_array_length(results) ? json_object_array_get_idx(results, 0)
                                                         : NULL;
    if (!first) {
        return;
    }
    if (!hmp_get(args, "provider")) {
        g_string_append_printf(out, "provider: %s\n", hmp_str(first, "provider"));
    }
    for_each(stat, hmp_get(first, "stats")) {
        const Json *d = find_description(schemas, target, hmp_str(stat, "name"));

        if (d) {
            show_stat(stat, d, out);
        }
    }
}

static const HmpCommand rows[] = {
    { "status", "", "whether the guest runs", .qmp = "query-status", .show = show_status },
    { "version", "", "the version", .qmp = "query-version", .show = show_version },
    { "name", "", "the guest's name", .qmp = "query-name", .show = show_name },
    { "uuid", "", "the guest's UUID", .qmp = "query-uuid", .show = show_uuid },
    { "kvm", "", "whether KVM is used", .qmp = "query-kvm", .show = show_kvm },
    { "chardev", "", "the character devices", .qmp = "query-chardev", .show = show_chardev },
    { "cpus", "", "the CPUs and their threads", .qmp = "query-cpus-fast", .show = show_cpus },
    { "hotpluggable-cpus", "", "the places of CPUs", .qmp = "query-hotpluggable-cpus",
      .show = show_places },
    { "memory-devices", "", "the memory modules", .qmp = "query-memory-devices",
      .show = show_memory_devices },
    { "memdev", "", "the memory backends", .qmp = "query-memdev", .show = show_memdev },
    { "block", "[-n] [-v] [DEVICE]", "the drives, or one; -n: nodes, -v: their images too",
      { { "nodes", HMP_FLAG }, { "verbose", HMP_FLAG }, { "device", HMP_WORD, true } },
      .co_run = co_block },
    { "blockstats", "", "what the drives did", .qmp = "query-blockstats",
      .show = show_blockstats },
    { "block-jobs", "", "the block jobs", .qmp = "query-block-jobs", .show = show_block_jobs },
    { "dump", "", "how far the latest dump of memory is", .qmp = "query-dump", .show = show_dump },
    { "iothreads", "", "the iothreads", .qmp = "query-iothreads", .show = show_iothreads },
    { "memory_size_summary", "", "how much memory the guest has",
      .qmp = "query-memory-size-summary", .show = show_memory_size },
    { "stats", "TARGET [NAMES] [PROVIDER]", "what is counted, for the target vm or vcpu; names: "
      "separated by commas, or *",
      { { "target", HMP_WORD }, { "names", HMP_WORD, true }, { "provider", HMP_WORD, true } },
      .co_run = co_stats },
    { "trace-events", "[PATTERN]", "the trace points", { { "name", HMP_WORD, true } },
      .co_run = co_trace_events },
    { "pci", "", "the PCI devices", .qmp = "query-pci", .show = show_pci },
    { "qom-tree", "[PATH]", "the objects", { { "path", HMP_WORD, true } },
      .co_run = co_qom_tree },
    { }
};

static const HmpTable table = { rows, true };
REGISTER_HMP(table)

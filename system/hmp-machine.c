/* Human commands that look into the machine: registers, ports, the memory map, logs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/cpu-state.h"
#include "hw/core/numa.h"
#include "memory/memory.h"
#include "monitor/hmp.h"
#include "system/hmp-machine.h"
#include "util/coroutine.h"
#include "util/log.h"

static unsigned selected_cpu;

Vcpu *hmp_current_cpu(Error **errp)
{
    Vcpu *cpu = vcpu_by_index(selected_cpu);

    if (!cpu) {                 /* it was unplugged */
        selected_cpu = 0;
        cpu = vcpu_by_index(0);
    }
    if (!cpu) {
        error_set(errp, "No CPU available");
    }
    return cpu;
}

static void co_cpu(const Json *args, GString *out, Error **errp)
{
    int64_t index = hmp_int(args, "index");

    if (index < 0 || index > UINT_MAX || !vcpu_by_index(index)) {
        error_set(errp, "invalid CPU index");
        return;
    }
    selected_cpu = index;
}

/* --- what is asked of a CPU is done in its own thread, between its instructions --- */

typedef struct OnCpu {
    void (*fn)(Vcpu *cpu, void *opaque);
    void *opaque;
    Coroutine *co;
} OnCpu;

static void on_cpu(Vcpu *cpu, void *opaque)
{
    OnCpu *c = opaque;

    c->fn(cpu, c->opaque);
    co_wake(c->co);
}

void co_hmp_on_cpu(Vcpu *cpu, void (*fn)(Vcpu *cpu, void *opaque), void *opaque)
{
    OnCpu c = { fn, opaque, co_self() };

    vcpu_run_on(cpu, on_cpu, &c);
    co_yield();
}

static void get_state(Vcpu *cpu, void *opaque)
{
    accel_get_state(cpu, opaque);
}

CpuState *co_hmp_cpu_state(Vcpu *cpu, Error **errp)
{
    CpuState *state;

    if (!accel_type()->get_state) {
        error_set(errp, "Accelerator '%s' has no registers", accel_type()->name);
        return NULL;
    }
    state = g_new0(CpuState, 1);
    co_hmp_on_cpu(cpu, get_state, state);
    return state;
}

static void dump(Vcpu *cpu, void *opaque)
{
    g_autofree CpuState *state = g_new0(CpuState, 1);

    if (accel_get_state(cpu, state)) {
        cpu_state_print(state, true, opaque);
    }
}

static void co_dump_cpu(Vcpu *cpu, GString *out)
{
    g_string_append_printf(out, "\nCPU#%u\n", cpu->index);
    co_hmp_on_cpu(cpu, dump, out);
}

static void co_registers(const Json *args, GString *out, Error **errp)
{
    Vcpu *cpu = hmp_current_cpu(errp);

    if (!cpu) {
        return;
    }
    if (!accel_type()->get_state) {
        error_set(errp, "Accelerator '%s' has no registers", accel_type()->name);
        return;
    }
    if (!hmp_bool(args, "all")) {
        co_dump_cpu(cpu, out);
        return;
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        co_dump_cpu(vcpu_get(i), out);
    }
}

/* --- ports --- */

static unsigned port_size(const Json *args)
{
    const char *fmt = hmp_str(args, "fmt");

    return !fmt || strchr(fmt, 'b') ? 1 : strchr(fmt, 'h') ? 2 : 4;
}

static void co_in(const Json *args, GString *out, Error **errp)
{
    unsigned size = port_size(args);
    uint16_t port = hmp_int(args, "addr");

    g_string_append_printf(out, "port%c[0x%04x] = 0x%0*" PRIx64 "\n", "?bw?l"[size], port,
                           (int)size * 2, mem_load(io_space(), port, size));
}

static void co_out(const Json *args, GString *out, Error **errp)
{
    mem_store(io_space(), (uint16_t)hmp_int(args, "addr"), hmp_int(args, "val"),
              port_size(args));
}

/* --- NUMA, the map, logs, the debugger --- */

static void co_numa(const Json *args, GString *out, Error **errp)
{
    const Machine *m = machine_current();
    unsigned count = m->numa ? m->numa->nr_nodes : 0;
    uint64_t plugged;

    g_string_append_printf(out, "%u nodes\n", count);
    for (unsigned node = 0; node < count; node++) {
        g_string_append_printf(out, "node %u cpus:", node);
        for (unsigned i = 0; i < vcpu_count(); i++) {
            if (m->numa->node_of_cpu[vcpu_get(i)->index] == node) {
                g_string_append_printf(out, " %u", vcpu_get(i)->index);
            }
        }
        plugged = machine_plugged_in_node(m, node);
        g_string_append_printf(out, "\nnode %u size: %" PRIu64 " MB\nnode %u plugged: %" PRIu64
                               " MB\n", node, (m->numa->nodes[node].size + plugged) >> 20, node,
                               plugged >> 20);
    }
}

static void print_flat(const char *name, const char *root, AddressSpace *as, GString *out)
{
    g_string_append_printf(out, "FlatView #%d\n AS \"%s\", root: %s\n Root memory region: %s\n",
                           as == io_space(), name, root, root);
    mem_print(as, out);
    g_string_append_c(out, '\n');
}

static void print_tree(const char *name, const MemRegion *root, const Json *args, GString *out)
{
    g_string_append_printf(out, "address-space: %s\n", name);
    mem_print_tree(root, hmp_bool(args, "owner"), hmp_bool(args, "disabled"), out);
    g_string_append_c(out, '\n');
}

static void co_mtree(const Json *args, GString *out, Error **errp)
{
    if (hmp_bool(args, "flat")) {
        print_flat("memory", memory_root()->name, memory_space(), out);
        print_flat("I/O", io_root()->name, io_space(), out);
    } else {
        print_tree("memory", memory_root(), args, out);
        print_tree("I/O", io_root(), args, out);
    }
}

static void co_log(const Json *args, GString *out, Error **errp)
{
    const char *items = hmp_str(args, "items");
    uint32_t mask = 0;

    if (!strcmp(items, "none") || log_parse(items, &mask, errp)) {
        log_set_mask(mask);
    }
}

static void co_logfile(const Json *args, GString *out, Error **errp)
{
    log_set_file(hmp_str(args, "filename"), errp);
}

static void co_gdbserver(const Json *args, GString *out, Error **errp)
{
    const char *device = hmp_str(args, "device");

    if (gdb_server_start(device ? device : "tcp::1234", errp)) {
        g_string_append_printf(out, device && !strcmp(device, "none")
                                        ? "Disabled gdbserver\n"
                                        : "Waiting for gdb connection on device '%s'\n",
                               device ? device : "tcp::1234");
    }
}

static const HmpCommand rows[] = {
    { "cpu", "INDEX", "the CPU that registers and x are about", { { "index", HMP_INT } },
      .co_run = co_cpu },
    { "i", "/FMT PORT", "read an I/O port", { { "fmt", HMP_FORMAT, true }, { "addr", HMP_INT } },
      .co_run = co_in },
    { "o", "/FMT PORT VALUE", "write an I/O port",
      { { "fmt", HMP_FORMAT, true }, { "addr", HMP_INT }, { "val", HMP_INT } },
      .co_run = co_out },
    { "log", "ITEM,...", "what is logged, as -d; 'none'", { { "items", HMP_WORD } },
      .co_run = co_log },
    { "logfile", "FILE", "where it goes, as -D", { { "filename", HMP_WORD } },
      .co_run = co_logfile },
    { "gdbserver", "[DEVICE]", "wait for gdb, as -gdb; 'none' ends it",
      { { "device", HMP_WORD, true } }, .co_run = co_gdbserver },
    { }
};
static const HmpTable table = { rows, false };
REGISTER_HMP(table)

static const HmpCommand info_rows[] = {
    { "registers", "[-a]", "the registers of the CPU, or of all", { { "all", HMP_FLAG } },
      .co_run = co_registers },
    { "numa", "", "the NUMA nodes", .co_run = co_numa },
    { "mtree", "[-f][-o][-D]", "memory and ports: regions, or what the guest sees (-f); their "
      "owners (-o), also what is disabled (-D)",
      { { "flat", HMP_FLAG }, { "owner", HMP_FLAG }, { "disabled", HMP_FLAG, .letter = 'D' } },
      .co_run = co_mtree },
    { }
};
static const HmpTable info_table = { info_rows, true };
REGISTER_HMP(info_table)

/* --- gdb --- */

typedef struct GdbLine {
    char *line;
    GdbMonitorDone *done;
    void *opaque;
} GdbLine;

static void co_gdb_line(void *opaque)
{
    GdbLine *l = opaque;
    g_autoptr(GString) out = g_string_new(NULL);

    co_hmp_line(l->line, out);
    l->done(l->opaque, out->str);
    g_free(l->line);
    g_free(l);
}

void hmp_run_for_gdb(const char *line, GdbMonitorDone *done, void *opaque)
{
    GdbLine *l = g_new(GdbLine, 1);

    *l = (GdbLine){ g_strdup(line), done, opaque };
    co_enter(co_create(co_gdb_line, l));
}

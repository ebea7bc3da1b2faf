/* Human commands that look into the machine: registers, memory, ports, the memory map, logs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/cpu-state.h"
#include "accel/debug.h"
#include "memory/memory.h"
#include "monitor/hmp.h"
#include "system/hmp-machine.h"
#include "util/coroutine.h"
#include "util/log.h"

#define MAX_ITEMS 65536

static unsigned selected_cpu;

static Vcpu *current_cpu(Error **errp)
{
    Vcpu *cpu = vcpu_get(selected_cpu);

    if (!cpu) {
        error_set(errp, "No CPU available");
    }
    return cpu;
}

static void co_cpu(const Json *args, GString *out, Error **errp)
{
    int64_t index = hmp_int(args, "index");

    if (index < 0 || index >= vcpu_count()) {
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

static void co_on_cpu(Vcpu *cpu, void (*fn)(Vcpu *cpu, void *opaque), void *opaque)
{
    OnCpu c = { fn, opaque, co_self() };

    vcpu_run_on(cpu, on_cpu, &c);
    co_yield();
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
    co_on_cpu(cpu, dump, out);
}

static void co_registers(const Json *args, GString *out, Error **errp)
{
    Vcpu *cpu = current_cpu(errp);

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

/* --- memory --- */

typedef struct Format {
    unsigned count, size;
    char kind;                  /* x, d, u, o, c */
} Format;

static bool parse_format(const char *text, Format *f, Error **errp)
{
    *f = (Format){ 1, 4, 'x' };
    if (!text) {
        return true;
    }
    if (g_ascii_isdigit(*text)) {
        unsigned long count = strtoul(text, (char **)&text, 10);

        f->count = MIN(count, MAX_ITEMS);
    }
    for (; *text; text++) {
        if (strchr("xduoc", *text)) {
            f->kind = *text;
            f->size = *text == 'c' ? 1 : f->size;
        } else if (strchr("bhwg", *text)) {
            f->size = 1 << (strchr("bhwg", *text) - "bhwg");
        } else {
            error_set(errp, "invalid char in format: '%c'; valid: a number, then x d u o c, then "
                      "b h w g", *text);
            return false;
        }
    }
    return true;
}

static void print_item(GString *out, const Format *f, uint64_t value)
{
    int64_t as_signed = (int64_t)(value << (64 - f->size * 8)) >> (64 - f->size * 8);

    switch (f->kind) {
    case 'd':
        g_string_append_printf(out, "%" PRId64, as_signed);
        break;
    case 'u':
        g_string_append_printf(out, "%" PRIu64, value);
        break;
    case 'o':
        g_string_append_printf(out, "%#" PRIo64, value);
        break;
    case 'c':
        g_string_append_printf(out, g_ascii_isprint(value) ? "'%c'" : "'\\x%02x'", (int)value);
        break;
    default:
        g_string_append_printf(out, "0x%0*" PRIx64, (int)f->size * 2, value);
        break;
    }
}

typedef struct Examine {
    Format f;
    uint64_t addr;
    GString *out;
} Examine;

/* cpu NULL: by physical address. */
static void examine(Vcpu *cpu, void *opaque)
{
    const Examine *e = opaque;
    Format f = e->f;
    GString *out = e->out;
    uint64_t addr = e->addr;
    unsigned in_line = f.kind == 'c' ? 8 : 16 / f.size;

    for (unsigned i = 0; i < f.count; i++, addr += f.size) {
        uint64_t value = 0;
        bool ok = cpu ? debug_mem_read(cpu, addr, &value, f.size)
                      : mem_read(memory_space(), addr, &value, f.size);

        if (i % in_line == 0) {
            g_string_append_printf(out, "%s%016" PRIx64 ":", i ? "\n" : "", addr);
        }
        if (!ok) {
            g_string_append_printf(out, " Cannot access memory\n");
            return;
        }
        g_string_append_c(out, ' ');
        print_item(out, &f, value);
    }
    g_string_append_c(out, '\n');
}

static void co_x(const Json *args, GString *out, Error **errp)
{
    Examine e = { .addr = hmp_int(args, "addr"), .out = out };
    Vcpu *cpu = current_cpu(errp);

    if (cpu && parse_format(hmp_str(args, "fmt"), &e.f, errp)) {
        co_on_cpu(cpu, examine, &e);
    }
}

static void co_xp(const Json *args, GString *out, Error **errp)
{
    Examine e = { .addr = hmp_int(args, "addr"), .out = out };

    if (parse_format(hmp_str(args, "fmt"), &e.f, errp)) {
        examine(NULL, &e);
    }
}

static void co_print(const Json *args, GString *out, Error **errp)
{
    Format f;

    if (parse_format(hmp_str(args, "fmt"), &f, errp)) {
        f.size = 8;
        if (f.kind == 'x') {
            g_string_append_printf(out, "%#" PRIx64, hmp_int(args, "val"));
        } else {
            print_item(out, &f, hmp_int(args, "val"));
        }
        g_string_append_c(out, '\n');
    }
}

static void translate(Vcpu *cpu, void *opaque)
{
    const Examine *e = opaque;
    uint64_t phys;

    if (debug_translate(cpu, e->addr, &phys)) {
        g_string_append_printf(e->out, "gpa: %#" PRIx64 "\n", phys);
    } else {
        g_string_append(e->out, "Unmapped\n");
    }
}

static void co_gva2gpa(const Json *args, GString *out, Error **errp)
{
    Examine e = { .addr = hmp_int(args, "addr"), .out = out };
    Vcpu *cpu = current_cpu(errp);

    if (cpu) {
        co_on_cpu(cpu, translate, &e);
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

/* --- the map, logs, the debugger --- */

static void co_mtree(const Json *args, GString *out, Error **errp)
{
    mem_print(memory_space(), out);
    mem_print(io_space(), out);
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
    { "x", "/FMT ADDR", "guest memory, by virtual address",
      { { "fmt", HMP_FORMAT, true }, { "addr", HMP_INT } }, .co_run = co_x },
    { "xp", "/FMT ADDR", "guest memory, by physical address",
      { { "fmt", HMP_FORMAT, true }, { "addr", HMP_INT } }, .co_run = co_xp },
    { "print|p", "/FMT VALUE", "a number in other forms",
      { { "fmt", HMP_FORMAT, true }, { "val", HMP_INT } }, .co_run = co_print },
    { "gva2gpa", "ADDR", "the physical address of a virtual one", { { "addr", HMP_INT } },
      .co_run = co_gva2gpa },
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
    { "mtree", "", "memory and ports as the guest sees them", .co_run = co_mtree },
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

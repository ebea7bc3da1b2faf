/* gdb's questions: what is supported, the threads, the target description, monitor commands */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/gdbstub-int.h"

static GdbMonitorFn *monitor;

void gdb_set_monitor(GdbMonitorFn *fn)
{
    monitor = fn;
}

static void put_hex_text(GdbServer *s, const char *prefix, const char *text, size_t len)
{
    g_autoptr(GString) out = g_string_new(prefix);

    gdb_hex_append(out, text, len);
    gdb_put(s, out->str);
}

static void supported(GdbServer *s, const char *args)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_printf(out, "PacketSize=%x;qXfer:features:read+;vContSupported+;multiprocess+;"
                    "QStartNoAckMode+", GDB_PACKET_MAX);
    s->multiprocess = strstr(args, "multiprocess+");
    gdb_put(s, out->str);
}

static void current_thread(GdbServer *s, const char *args)
{
    g_autoptr(GString) out = g_string_new("QC");

    gdb_append_thread(s, out, s->cpu);
    gdb_put(s, out->str);
}

static void first_threads(GdbServer *s, const char *args)
{
    g_autoptr(GString) out = g_string_new("m");

    for (unsigned i = 0; i < vcpu_count(); i++) {
        g_string_append(out, i ? "," : "");
        gdb_append_thread(s, out, vcpu_get(i));
    }
    gdb_put(s, out->str);
}

static void more_threads(GdbServer *s, const char *args)
{
    gdb_put(s, "l");
}

static void thread_info(GdbServer *s, const char *args)
{
    g_autofree CpuState *state = g_new0(CpuState, 1);
    g_autofree char *text = NULL;
    Vcpu *cpu;
    bool all;

    if (!gdb_parse_thread(&args, &cpu, &all) || !cpu) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    accel_get_state(cpu, state);
    text = g_strdup_printf("CPU#%u [%s]", cpu->index,
                           state->run_state == CPU_RUNS ? "running" : "halted ");
    put_hex_text(s, "", text, strlen(text));
}

static void attached(GdbServer *s, const char *args)
{
    gdb_put(s, "1");            /* we were there before gdb: it detaches at its end */
}

/* ANNEX:OFFSET,LENGTH */
static void features(GdbServer *s, const char *args)
{
    static const char annex[] = "target.xml:";
    g_autofree char *xml = NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    uint64_t offset, length;
    size_t size;

    if (strncmp(args, annex, strlen(annex))) {
        gdb_put(s, "E00");
        return;
    }
    args += strlen(annex);
    if (!gdb_number(&args, &offset) || *args++ != ',' || !gdb_number(&args, &length) || *args) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    xml = gdb_regs_xml(&s->regs);
    size = strlen(xml);
    if (offset > size) {
        gdb_put(s, "E00");
        return;
    }
    /* Escapes may double it; there are few in what we write. */
    length = MIN(length, GDB_PACKET_MAX / 2);
    g_string_append_c(out, length < size - offset ? 'm' : 'l');
    g_string_append_len(out, xml + offset, MIN(length, size - offset));
    gdb_put_len(s, out->str, out->len);
}

/* --- the monitor --- */

typedef struct MonitorCall {
    GdbServer *s;
    unsigned epoch;
} MonitorCall;

static void monitor_done(void *opaque, const char *output)
{
    MonitorCall *call = opaque;
    GdbServer *s = call->s;
    bool gone = call->epoch != s->epoch;

    g_free(call);
    if (gone) {
        return;
    }
    s->monitor_busy = false;
    for (size_t left = output ? strlen(output) : 0; left;) {
        size_t part = MIN(left, GDB_PACKET_MAX / 2 - 2);

        put_hex_text(s, "O", output, part);
        output += part;
        left -= part;
    }
    gdb_put(s, "OK");
    char_fe_accept_input(&s->fe);
}

static void monitor_command(GdbServer *s, const char *args)
{
    size_t len = strlen(args) / 2;
    g_autofree char *line = g_malloc0(len + 1);
    MonitorCall *call;

    if (!monitor) {
        gdb_put(s, "");
        return;
    }
    if (strlen(args) % 2 || !gdb_hex_parse(args, line, len)) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    call = g_new(MonitorCall, 1);
    call->s = s;
    call->epoch = s->epoch;
    s->monitor_busy = true;
    monitor(line, monitor_done, call);
}

/* --- settings --- */

static void no_ack(GdbServer *s, const char *args)
{
    gdb_put(s, "OK");
    s->link.no_ack = true;
}

static void own_supported(GdbServer *s, const char *args)
{
    gdb_put(s, "sstepbits;sstep;PhyMemMode");
}

static void step_bits(GdbServer *s, const char *args)
{
    g_autofree char *text = g_strdup_printf("ENABLE=%x,NOIRQ=%x,NOTIMER=%x", DEBUG_STEP,
                                            DEBUG_STEP_NOIRQ, DEBUG_STEP_NOTIMER);

    gdb_put(s, text);
}

static void step_get(GdbServer *s, const char *args)
{
    g_autofree char *text = g_strdup_printf("0x%x", s->step_flags);

    gdb_put(s, text);
}

static void step_set(GdbServer *s, const char *args)
{
    uint64_t flags;

    args += g_str_has_prefix(args, "0x") ? 2 : 0;
    if (!gdb_number(&args, &flags) || *args ||
        (flags & ~(uint64_t)(DEBUG_STEP | DEBUG_STEP_NOIRQ | DEBUG_STEP_NOTIMER))) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    s->step_flags = flags;
    gdb_put(s, "OK");
}

static void phys_get(GdbServer *s, const char *args)
{
    gdb_put(s, s->phys_mode ? "1" : "0");
}

static void phys_set(GdbServer *s, const char *args)
{
    if (strcmp(args, "0") && strcmp(args, "1")) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    s->phys_mode = *args == '1';
    gdb_put(s, "OK");
}

/* A name that ends in ':', ',' or '=' has arguments behind it. */
static const struct {
    const char *name;
    void (*fn)(GdbServer *s, const char *args);
} queries[] = {
    { "qSupported", supported },
    { "qSupported:", supported },
    { "qC", current_thread },
    { "qfThreadInfo", first_threads },
    { "qsThreadInfo", more_threads },
    { "qThreadExtraInfo,", thread_info },
    { "qAttached", attached },
    { "qAttached:", attached },
    { "qXfer:features:read:", features },
    { "qRcmd,", monitor_command },
    { "QStartNoAckMode", no_ack },
    { "qqemu.Supported", own_supported },
    { "qqemu.sstepbits", step_bits },
    { "qqemu.sstep", step_get },
    { "qqemu.sstep=", step_set },
    { "Qqemu.sstep", step_get },
    { "Qqemu.sstep=", step_set },
    { "qqemu.PhyMemMode", phys_get },
    { "Qqemu.PhyMemMode:", phys_set },
};

void gdb_query(GdbServer *s, const char *data, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        size_t n = strlen(queries[i].name);
        bool open = strchr(":,=", queries[i].name[n - 1]);

        if (open ? !strncmp(data, queries[i].name, n) : !strcmp(data, queries[i].name)) {
            queries[i].fn(s, data + n);
            return;
        }
    }
    gdb_put(s, "");
}

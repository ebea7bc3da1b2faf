/* The gdb server: stock gdb attaches over a chardev, sees CPUs as threads, memory and registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/gdbstub-int.h"
#include "system/run.h"
#include "util/trace.h"

/* There is one, as there is one machine. */
static GdbServer server;

static const GdbLinkOps link_ops;

/* --- answers --- */

void gdb_put_len(GdbServer *s, const char *data, size_t len)
{
    TRACE(gdb_reply, "%.*s", (int)MIN(len, 200), data);
    gdb_link_put(&s->link, data, len);
}

void gdb_put(GdbServer *s, const char *text)
{
    gdb_put_len(s, text, strlen(text));
}

void gdb_put_errno(GdbServer *s, int number)
{
    g_autofree char *text = g_strdup_printf("E%02x", number);

    gdb_put(s, text);
}

static void put_ok(GdbServer *s, bool ok, int number)
{
    if (ok) {
        gdb_put(s, "OK");
    } else {
        gdb_put_errno(s, number);
    }
}

void gdb_append_thread(const GdbServer *s, GString *out, const Vcpu *cpu)
{
    if (s->multiprocess) {
        g_string_append_printf(out, "p%02x.%02x", GDB_PID, cpu->index + 1);
    } else {
        g_string_append_printf(out, "%02x", cpu->index + 1);
    }
}

/* A number, or -1 for all; 0 stands for any. */
static bool parse_id(const char **text, int64_t *id)
{
    uint64_t value;

    if (g_str_has_prefix(*text, "-1")) {
        *text += 2;
        *id = -1;
        return true;
    }
    if (!gdb_number(text, &value) || value > INT32_MAX) {
        return false;
    }
    *id = value;
    return true;
}

bool gdb_parse_thread(const char **text, Vcpu **cpu, bool *all)
{
    int64_t pid = GDB_PID, tid;

    *cpu = NULL;
    *all = true;
    if (**text == 'p') {
        ++*text;
        if (!parse_id(text, &pid) || (pid > 0 && pid != GDB_PID)) {
            return false;
        }
        if (**text != '.') {
            return true;
        }
        ++*text;
    }
    if (!parse_id(text, &tid)) {
        return false;
    }
    if (tid > 0) {
        *cpu = vcpu_by_index(tid - 1);
        *all = false;
    }
    return tid <= 0 || *cpu;
}

static int stop_signal(RunState state)
{
    switch (state) {
    case RUN_STATE_DEBUG:
    case RUN_STATE_PRELAUNCH:
        return GDB_SIGNAL_TRAP;
    case RUN_STATE_PAUSED:
        return GDB_SIGNAL_INT;
    case RUN_STATE_SHUTDOWN:
        return GDB_SIGNAL_QUIT;
    case RUN_STATE_IO_ERROR:
        return GDB_SIGNAL_IO;
    case RUN_STATE_WATCHDOG:
        return GDB_SIGNAL_ALRM;
    case RUN_STATE_INTERNAL_ERROR:
        return GDB_SIGNAL_ABRT;
    default:
        return GDB_SIGNAL_UNKNOWN;
    }
}

void gdb_put_stop(GdbServer *s)
{
    static const char *const watches[] = {
        [DEBUG_WATCH_WRITE] = "watch", [DEBUG_WATCH_READ] = "rwatch",
        [DEBUG_WATCH_ACCESS] = "awatch",
    };
    g_autoptr(GString) out = g_string_new(NULL);
    RunState state = run_state();
    DebugStop stop;
    Vcpu *cpu = debug_take_stop(&stop);

    s->waiting = false;
    if (cpu && state == RUN_STATE_DEBUG) {
        s->cpu = s->run_cpu = cpu;
    }
    g_string_printf(out, "T%02xthread:", stop_signal(state));
    gdb_append_thread(s, out, s->cpu);
    g_string_append_c(out, ';');
    if (cpu && state == RUN_STATE_DEBUG && stop.kind == DEBUG_STOP_WATCH) {
        g_string_append_printf(out, "%s:%" PRIx64 ";", watches[stop.point.kind], stop.point.addr);
    }
    gdb_put(s, out->str);
}

/* --- registers and memory --- */

static void cmd_regs_read(GdbServer *s, const char *args, size_t len)
{
    g_autofree CpuState *state = g_new0(CpuState, 1);
    g_autoptr(GString) out = g_string_new(NULL);
    uint8_t buf[GDB_REG_MAX_BYTES];

    accel_get_state(s->cpu, state);
    for (unsigned n = 0; n < gdb_regs_count(&s->regs); n++) {
        gdb_reg_get(&s->regs, state, n, buf);
        gdb_hex_append(out, buf, gdb_reg_size(&s->regs, n));
    }
    gdb_put(s, out->str);
}

/* A state that the accelerator refuses must not stay half put. */
static bool put_state(Vcpu *cpu, const CpuState *old, const CpuState *state)
{
    Error *err = NULL;

    if (accel_put_state(cpu, state, false, &err)) {
        return true;
    }
    TRACE(gdb_refused, "%s", error_text(err));
    error_free(err);
    accel_put_state(cpu, old, false, NULL);
    return false;
}

static void cmd_regs_write(GdbServer *s, const char *args, size_t len)
{
    g_autofree CpuState *old = g_new0(CpuState, 1), *state = NULL;
    uint8_t buf[GDB_REG_MAX_BYTES];
    bool ok = true;

    accel_get_state(s->cpu, old);
    state = g_memdup2(old, sizeof(*old));
    for (unsigned n = 0; ok && *args && n < gdb_regs_count(&s->regs); n++) {
        unsigned size = gdb_reg_size(&s->regs, n);
        uint8_t now[GDB_REG_MAX_BYTES];

        ok = gdb_hex_parse(args, buf, size);
        gdb_reg_get(&s->regs, old, n, now);
        if (ok && memcmp(buf, now, size)) {
            ok = gdb_reg_set(&s->regs, s->cpu, state, n, buf);
        }
        args += ok ? 2 * size : 0;
    }
    put_ok(s, ok && put_state(s->cpu, old, state), EINVAL);
}

static void cmd_reg_read(GdbServer *s, const char *args, size_t len)
{
    g_autofree CpuState *state = NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    uint8_t buf[GDB_REG_MAX_BYTES];
    uint64_t n;

    if (!gdb_number(&args, &n) || n >= gdb_regs_count(&s->regs)) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    state = g_new0(CpuState, 1);
    accel_get_state(s->cpu, state);
    gdb_reg_get(&s->regs, state, n, buf);
    gdb_hex_append(out, buf, gdb_reg_size(&s->regs, n));
    gdb_put(s, out->str);
}

static void cmd_reg_write(GdbServer *s, const char *args, size_t len)
{
    g_autofree CpuState *old = NULL, *state = NULL;
    uint8_t buf[GDB_REG_MAX_BYTES];
    uint64_t n;

    if (!gdb_number(&args, &n) || *args++ != '=' || n >= gdb_regs_count(&s->regs) ||
        !gdb_hex_parse(args, buf, gdb_reg_size(&s->regs, n))) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    old = g_new0(CpuState, 1);
    accel_get_state(s->cpu, old);
    state = g_memdup2(old, sizeof(*old));
    put_ok(s, gdb_reg_set(&s->regs, s->cpu, state, n, buf) && put_state(s->cpu, old, state),
           EINVAL);
}

/* "ADDR,LENGTH" at *args. */
static bool parse_range(const char **args, uint64_t *addr, uint64_t *size)
{
    return gdb_number(args, addr) && *(*args)++ == ',' && gdb_number(args, size) &&
           *size <= GDB_PACKET_MAX / 2;
}

static void cmd_mem_read(GdbServer *s, const char *args, size_t len)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree uint8_t *buf = NULL;
    uint64_t addr, size;

    if (!parse_range(&args, &addr, &size) || *args) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    buf = g_malloc0(size);
    if (!(s->phys_mode ? debug_phys_read : debug_mem_read)(s->cpu, addr, buf, size)) {
        gdb_put_errno(s, EFAULT);
        return;
    }
    gdb_hex_append(out, buf, size);
    gdb_put(s, out->str);
}

static void mem_write_answer(GdbServer *s, uint64_t addr, const void *buf, size_t size)
{
    put_ok(s, (s->phys_mode ? debug_phys_write : debug_mem_write)(s->cpu, addr, buf, size), EFAULT);
}

static void cmd_mem_write(GdbServer *s, const char *args, size_t len)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t addr, size;

    if (!parse_range(&args, &addr, &size) || *args++ != ':' || strlen(args) != 2 * size) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    buf = g_malloc(size);
    if (!gdb_hex_parse(args, buf, size)) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    mem_write_answer(s, addr, buf, size);
}

static void cmd_mem_write_binary(GdbServer *s, const char *args, size_t len)
{
    const char *end = args + len;
    uint64_t addr, size;

    if (!parse_range(&args, &addr, &size) || *args++ != ':' || (size_t)(end - args) != size) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    mem_write_answer(s, addr, args, size);
}

/* --- breakpoints --- */

/* "TYPE,ADDR,KIND": KIND is the length of what is watched. */
static bool parse_point(const char *args, DebugPoint *point)
{
    uint64_t kind;

    if (!gdb_number(&args, &kind) || kind >= NR_DEBUG_POINT_KINDS || *args++ != ',' ||
        !gdb_number(&args, &point->addr) || *args++ != ',' || !gdb_number(&args, &point->len)) {
        return false;
    }
    point->kind = kind;
    return !*args || *args == ';';
}

static void change_point(GdbServer *s, const char *args,
                         bool (*change)(const DebugPoint *point, Error **errp))
{
    DebugPoint point;
    Error *err = NULL;
    bool ok = parse_point(args, &point) && change(&point, &err);

    if (err) {
        TRACE(gdb_refused, "%s", error_text(err));
    }
    error_free(err);
    put_ok(s, ok, EINVAL);
}

static void cmd_point_add(GdbServer *s, const char *args, size_t len)
{
    change_point(s, args, debug_point_add);
}

static void cmd_point_remove(GdbServer *s, const char *args, size_t len)
{
    change_point(s, args, debug_point_remove);
}

/* --- threads and running --- */

static void cmd_status(GdbServer *s, const char *args, size_t len)
{
    g_autoptr(GString) out = g_string_new(NULL);

    /* gdb asks when it begins: nothing of an earlier one may be left. */
    debug_points_clear();
    g_string_printf(out, "T%02xthread:", GDB_SIGNAL_TRAP);
    gdb_append_thread(s, out, s->cpu);
    g_string_append_c(out, ';');
    gdb_put(s, out->str);
}

static void cmd_select(GdbServer *s, const char *args, size_t len)
{
    char what = *args++;
    Vcpu *cpu;
    bool all;

    if (!what || !strchr("cg", what) || !gdb_parse_thread(&args, &cpu, &all)) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    if (what == 'c') {
        s->run_cpu = cpu;
    } else if (cpu) {
        s->cpu = cpu;
    }
    gdb_put(s, "OK");
}

static void cmd_thread_alive(GdbServer *s, const char *args, size_t len)
{
    Vcpu *cpu;
    bool all;

    put_ok(s, gdb_parse_thread(&args, &cpu, &all), EINVAL);
}

/* c [ADDR], s [ADDR], C SIG[;ADDR], S SIG[;ADDR]: there are no signals, so none is delivered. */
static void cmd_resume(GdbServer *s, const char *args, size_t len)
{
    char what = args[-1];
    uint64_t signal, addr;
    Vcpu *cpu = s->run_cpu ? s->run_cpu : s->cpu;

    if (what == 'C' || what == 'S') {
        if (!gdb_number(&args, &signal) || (*args && *args++ != ';')) {
            gdb_put_errno(s, EINVAL);
            return;
        }
    }
    if (*args) {
        g_autofree CpuState *old = g_new0(CpuState, 1), *state = NULL;

        accel_get_state(cpu, old);
        state = g_memdup2(old, sizeof(*old));
        if (!gdb_number(&args, &addr) || *args) {
            gdb_put_errno(s, EINVAL);
            return;
        }
        state->rip = addr;
        if (!put_state(cpu, old, state)) {
            gdb_put_errno(s, EINVAL);
            return;
        }
    }
    if (what == 's' || what == 'S') {
        gdb_step_one(s, cpu);
    } else {
        gdb_resume_all(s);
    }
}

/* "PID" behind "D;", "vKill;" or "vAttach;". */
static bool our_process(const char *args)
{
    int64_t pid;

    return parse_id(&args, &pid) && !*args && pid == GDB_PID;
}

static void cmd_detach(GdbServer *s, const char *args, size_t len)
{
    if (*args && (*args != ';' || !our_process(args + 1))) {
        gdb_put_errno(s, EINVAL);
        return;
    }
    debug_points_clear();
    s->attached = false;
    gdb_put(s, "OK");
    if (!run_needs_reset()) {
        run_start();
    }
}

static void cmd_kill(GdbServer *s, const char *args, size_t len)
{
    report_info("terminated by gdb");
    run_request_exit(0);
}

static void attach(GdbServer *s)
{
    s->attached = true;
    s->waiting = false;
    if (run_is_running()) {
        run_stop(RUN_STATE_PAUSED);
    }
}

static void cmd_verbose(GdbServer *s, const char *args, size_t len)
{
    if (!strcmp(args, "Cont?")) {
        gdb_put(s, "vCont;c;C;s;S");
    } else if (g_str_has_prefix(args, "Cont;")) {
        if (!gdb_resume_actions(s, args + strlen("Cont"))) {
            gdb_put_errno(s, EINVAL);
        }
    } else if (g_str_has_prefix(args, "Attach;") && our_process(args + strlen("Attach;"))) {
        attach(s);
        cmd_status(s, "", 0);
    } else if (g_str_has_prefix(args, "Kill;") && our_process(args + strlen("Kill;"))) {
        gdb_put(s, "OK");
        cmd_kill(s, "", 0);
    } else {
        gdb_put(s, "");
    }
}

static void cmd_extended(GdbServer *s, const char *args, size_t len)
{
    gdb_put(s, "OK");
}

static void cmd_query(GdbServer *s, const char *args, size_t len)
{
    gdb_query(s, args - 1, len + 1);
}

/* By a packet's first byte; args are what follows it. */
static void (*const commands[128])(GdbServer *s, const char *args, size_t len) = {
    ['!'] = cmd_extended, ['?'] = cmd_status,
    ['c'] = cmd_resume, ['C'] = cmd_resume, ['s'] = cmd_resume, ['S'] = cmd_resume,
    ['D'] = cmd_detach, ['k'] = cmd_kill, ['v'] = cmd_verbose,
    ['g'] = cmd_regs_read, ['G'] = cmd_regs_write, ['p'] = cmd_reg_read, ['P'] = cmd_reg_write,
    ['m'] = cmd_mem_read, ['M'] = cmd_mem_write, ['X'] = cmd_mem_write_binary,
    ['H'] = cmd_select, ['T'] = cmd_thread_alive,
    ['q'] = cmd_query, ['Q'] = cmd_query,
    ['Z'] = cmd_point_add, ['z'] = cmd_point_remove,
};

/* --- the link --- */

static void stop_machine(void)
{
    if (run_is_running()) {
        run_stop(RUN_STATE_PAUSED);
    }
}

static void on_packet(void *opaque, const char *data, size_t len)
{
    GdbServer *s = opaque;
    uint8_t first = *data;

    TRACE(gdb_packet, "%.*s", (int)MIN(len, 200), data);
    if (s->attached) {
        stop_machine();         /* nothing can be asked of CPUs that run */
    }
    if (len && first < ARRAY_SIZE(commands) && commands[first]) {
        commands[first](s, data + 1, len - 1);
    } else {
        gdb_put(s, "");
    }
}

static void on_interrupt(void *opaque)
{
    GdbServer *s = opaque;

    if (s->attached) {
        stop_machine();
        if (s->waiting) {
            gdb_put_stop(s);    /* it had stopped by itself */
        }
    }
}

static void on_send(void *opaque, const char *data, size_t len)
{
    GdbServer *s = opaque;

    char_fe_write_all(&s->fe, data, len);
}

static const GdbLinkOps link_ops = {
    .packet = on_packet, .interrupt = on_interrupt, .send = on_send,
};

/* --- the machine --- */

static void end_steps(void)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        debug_step(vcpu_get(i), 0);
    }
}

static void cpu_removed(Vcpu *cpu)
{
    server.cpu = server.cpu == cpu ? vcpu_get(0) : server.cpu;
    server.run_cpu = server.run_cpu == cpu ? NULL : server.run_cpu;
}

static void run_state_changed(void *opaque, bool running, RunState state)
{
    GdbServer *s = opaque;

    if (running || !s->connected) {
        return;
    }
    end_steps();
    if (s->attached && s->waiting) {
        gdb_put_stop(s);
    }
}

/* --- the chardev --- */

static size_t can_read(void *opaque)
{
    GdbServer *s = opaque;

    return s->monitor_busy ? 0 : GDB_PACKET_MAX;
}

static void on_read(void *opaque, const uint8_t *buf, size_t len)
{
    GdbServer *s = opaque;

    gdb_link_feed(&s->link, buf, len);
}

static void begin_session(GdbServer *s)
{
    gdb_link_reset(&s->link);
    s->connected = true;
    s->multiprocess = s->phys_mode = false;
    s->step_flags = DEBUG_STEP | DEBUG_STEP_NOIRQ | DEBUG_STEP_NOTIMER;
    s->cpu = vcpu_get(0);
    s->run_cpu = NULL;
    attach(s);
}

/* The machine stays as it is, but it must not run into what nobody will ever hear of. */
static void end_session(GdbServer *s)
{
    s->connected = s->attached = s->waiting = s->monitor_busy = false;
    s->epoch++;
    debug_points_clear();
}

static void on_event(void *opaque, CharEvent event)
{
    GdbServer *s = opaque;

    if (event == CHAR_EVENT_OPENED) {
        begin_session(s);
    } else if (event == CHAR_EVENT_CLOSED) {
        end_session(s);
    }
}

static void stop_server(GdbServer *s)
{
    if (s->chr) {
        Chardev *chr = s->chr;

        if (s->connected) {
            end_session(s);
        }
        char_fe_deinit(&s->fe);
        s->chr = NULL;
        if (s->own_chr) {
            chardev_delete(chr, NULL);
        }
        gdb_link_destroy(&s->link);
        gdb_regs_destroy(&s->regs);
    }
}

static void init_registers(GdbServer *s)
{
    uint32_t basic[4], extended[4];

    accel_cpuid(vcpu_get(0), 1, 0, basic);
    accel_cpuid(vcpu_get(0), 0x80000001, 0, extended);
    /* LM is bit 29 of EDX, AVX bit 28 of ECX; who has no CPUID to show is a current one. */
    gdb_regs_init(&s->regs, (extended[3] >> 29 & 1) || !basic[0], basic[2] >> 28 & 1);
}

bool gdb_server_start(const char *device, Error **errp)
{
    static bool listening;
    GdbServer *s = &server;
    g_autofree char *tcp = NULL;
    bool none = !strcmp(device, "none");
    Chardev *chr;

    if (!none && !vcpu_count()) {
        error_set(errp, "gdbstub: meaningless to attach gdb to a machine without any CPU.");
        return false;
    }
    if (!none && !debug_available()) {
        error_set(errp, "gdbstub: current accelerator doesn't support guest debugging");
        return false;
    }
    stop_server(s);
    if (none) {
        return true;
    }
    if (g_str_has_prefix(device, "tcp:")) {
        device = tcp = g_strconcat(device, ",wait=off,nodelay=on,server=on", NULL);
    }
    s->own_chr = !g_str_has_prefix(device, "chardev:");
    chr = chardev_new_short(device, "gdb", NULL, errp);
    if (!chr) {
        return false;
    }
    if (!char_fe_init(&s->fe, chr, errp)) {
        return false;
    }
    s->chr = chr;
    gdb_link_init(&s->link, &link_ops, s);
    init_registers(s);
    if (!listening) {
        run_add_listener(run_state_changed, s);
        vcpu_add_removal_hook(cpu_removed);
        listening = true;
    }
    char_fe_set_handlers(&s->fe, can_read, on_read, on_event, s);
    return true;
}

void gdb_server_exit(int status)
{
    GdbServer *s = &server;

    if (s->chr && s->connected && s->attached) {
        g_autofree char *text = g_strdup_printf("W%02x", status & 0xff);

        gdb_put(s, text);
    }
    stop_server(s);
}

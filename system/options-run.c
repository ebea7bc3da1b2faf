/* Options about the run: what ends it, logs, traces, debuggers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "system/options-int.h"
#include "system/run.h"
#include "util/log.h"
#include "util/trace.h"

static bool apply_no_reboot(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    run_actions.reboot = REBOOT_ACTION_SHUTDOWN;
    return true;
}

static bool apply_no_shutdown(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    run_actions.shutdown = SHUTDOWN_ACTION_PAUSE;
    return true;
}

static bool apply_action(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    JSON_AUTO json = keyval_parse(arg, NULL, NULL, errp);
    g_autoptr(ActionOptions) opts =
        json ? qapi_parse_ActionOptions(json, QAPI_KEYVAL, errp) : NULL;

    if (!opts) {
        return false;
    }
    if (opts->has_reboot) {
        run_actions.reboot = opts->reboot;
    }
    if (opts->has_shutdown) {
        run_actions.shutdown = opts->shutdown;
    }
    if (opts->has_panic) {
        run_actions.panic = opts->panic;
    }
    if (opts->has_watchdog) {
        run_actions.watchdog = opts->watchdog;
    }
    return true;
}

static bool apply_watchdog_action(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    int action = qapi_enum_parse(&qapi_type_WatchdogAction, arg, "watchdog", errp);

    run_actions.watchdog = MAX(action, 0);
    return action >= 0;
}

static bool apply_msg(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    JSON_AUTO json = keyval_parse_bare(arg, NULL, NULL, errp);
    g_autoptr(MsgOptions) opts = json ? qapi_parse_MsgOptions(json, QAPI_KEYVAL, errp) : NULL;

    if (!opts) {
        return false;
    }
    report_set_timestamps(opts->timestamp);
    c->msg_guest_name = opts->guest_name;
    return true;
}

static bool apply_log(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    uint32_t mask;

    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        help_log();
        option_help_done();
    }
    if (!log_parse(arg, &mask, errp)) {
        return false;
    }
    log_set_mask(mask);
    return true;
}

static bool apply_log_filter(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return log_set_filter(arg, errp);
}

static bool apply_log_file(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return log_set_file(arg, errp);
}

static bool apply_trace(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    JSON_AUTO json = NULL;
    g_autoptr(TraceOptions) opts = NULL;

    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        trace_list(stdout);
        option_help_done();
    }
    json = keyval_parse(arg, "enable", NULL, errp);
    opts = json ? qapi_parse_TraceOptions(json, QAPI_KEYVAL, errp) : NULL;
    return opts && (!opts->events || trace_load_events(opts->events, errp)) &&
           (!opts->file || trace_set_file(opts->file, errp)) &&
           (!opts->enable || trace_set(opts->enable, true, errp));
}

static bool apply_sandbox(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    JSON_AUTO json = keyval_parse(arg, "enable", NULL, errp);

    qapi_free_SandboxOptions(c->sandbox);
    c->sandbox = json ? qapi_parse_SandboxOptions(json, QAPI_KEYVAL, errp) : NULL;
    return c->sandbox;
}

static bool apply_qtest(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    option_set_origin(&c->qtest_origin, c);
    return option_text(c, row, arg, errp);
}

static bool apply_gdb(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    option_set_origin(&c->gdb_origin, c);
    g_free(c->gdb);
    c->gdb = g_strdup(arg ? arg : "tcp::1234");
    return true;
}

static bool apply_readconfig(Config *c, const OptionRow *row, const char *arg, Error **errp)
{
    return config_read_file(c, arg, errp);
}

const OptionRow options_run[] = {
    OPTION_GROUP("Running"),
    { "S", NULL, OPTION_FLAG(paused), .help = "do not start the CPUs" },
    { "preconfig", NULL, OPTION_FLAG(preconfig),
      .help = "wait for QMP's x-exit-preconfig before the machine is made" },
    { "no-reboot", NULL, apply_no_reboot, "end instead of rebooting" },
    { "no-shutdown", NULL, apply_no_shutdown, "stop instead of ending when the guest shuts down" },
    { "action", "[reboot=reset|shutdown][,shutdown=poweroff|pause]"
      "[,panic=pause|shutdown|exit-failure|none][,watchdog=...]", apply_action,
      "what follows from events",
      .qmp = "action", .type = &qapi_type_ActionOptions },
    { "watchdog-action", "ACTION", apply_watchdog_action, "the same as -action watchdog=ACTION" },
    { "daemonize", NULL, OPTION_FLAG(daemonize), .help = "go to the background when ready" },
    { "sandbox", "on|off[,obsolete=allow|deny][,elevateprivileges=allow|deny|children]"
      "[,spawn=allow|deny][,resourcecontrol=allow|deny]", apply_sandbox,
      "end where a system call is made that no guest needs", .qmp = "sandbox",
      .type = &qapi_type_SandboxOptions },
    { "chroot", "FOLDER", OPTION_TEXT(root), .help = "have nothing but it, once all is open" },
    { "runas", "USER|UID:GID", OPTION_TEXT(run_as), .help = "be this user, once all is open" },
    { "pidfile", "FILE", OPTION_TEXT(pidfile), .help = "write the process id there" },
    { "readconfig", "FILE", apply_readconfig, "options from a file" },
    { "no-user-config", NULL, OPTION_FLAG(no_user_config),
      .help = "read no configuration file by default (none is)" },
    OPTION_GROUP("Looking inside"),
    { "d", "ITEM,...", apply_log, "log these; 'help' lists them" },
    { "dfilter", "RANGE,...", apply_log_filter,
      "log of guest code only what is at these addresses: FIRST..LAST, START+LEN, END-LEN" },
    { "D", "FILE", apply_log_file, "log to this file" },
    { "trace", "[enable=]PATTERN[,events=FILE][,file=FILE]", apply_trace,
      "trace points; 'help' lists them",
      .qmp = "trace", .type = &qapi_type_TraceOptions },
    { "msg", "[timestamp=on|off][,guest-name=on|off]", apply_msg, "how messages begin",
      .qmp = "msg", .type = &qapi_type_MsgOptions },
    { "gdb", "DEV", apply_gdb, "serve gdb there: tcp::1234, unix:PATH,server=on, stdio, ..." },
    { "s", NULL, apply_gdb, "short for -gdb tcp::1234" },
    { "qtest", "DEV", apply_qtest, "serve the qtest protocol", .field = offsetof(Config, qtest) },
    { "qtest-log", "FILE", OPTION_TEXT(qtest_log), .help = "log of the qtest protocol; 'none'" },
    { NULL },
};

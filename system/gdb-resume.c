/* gdb lets the machine run: all of it, single steps, vCont with an action a thread */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/gdbstub-int.h"
#include "system/run.h"

typedef enum Action { ACTION_NONE, ACTION_CONTINUE, ACTION_STEP } Action;

static Action *actions;         /* of each CPU, while they are given out */

static bool is_wanted(Vcpu *cpu)
{
    return actions[cpu->index] != ACTION_NONE;
}

static bool is_halted(Vcpu *cpu)
{
    g_autofree CpuState *state = g_new(CpuState, 1);

    return accel_get_state(cpu, state) && state->run_state != CPU_RUNS;
}

/* Virtual time stands still only while nothing but steps is done that do not need it to go on. */
static bool needs_timers(const GdbServer *s)
{
    if (!(s->step_flags & DEBUG_STEP_NOTIMER)) {
        return true;
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        Action action = actions[vcpu_get(i)->index];

        if (action == ACTION_CONTINUE || (action == ACTION_STEP && is_halted(vcpu_get(i)))) {
            return true;
        }
    }
    return false;
}

static void resume(GdbServer *s)
{
    DebugStop stale;

    s->waiting = true;
    if (run_needs_reset()) {
        gdb_put_stop(s);        /* it cannot run: that is where it stops */
        return;
    }
    if (run_is_running()) {
        return;                 /* the monitor was quicker */
    }
    debug_take_stop(&stale);
    for (unsigned i = 0; i < vcpu_count(); i++) {
        debug_step(vcpu_get(i), actions[vcpu_get(i)->index] == ACTION_STEP
                                    ? s->step_flags | DEBUG_STEP : 0);
    }
    run_start_some(is_wanted, needs_timers(s));
}

static void begin(Action each)
{
    unsigned count = vcpu_count() ? vcpu_get(vcpu_count() - 1)->index + 1 : 0;

    g_free(actions);
    actions = g_new(Action, count);         /* by the CPUs' indices */
    for (unsigned i = 0; i < count; i++) {
        actions[i] = each;
    }
}

void gdb_resume_all(GdbServer *s)
{
    begin(ACTION_CONTINUE);
    resume(s);
}

void gdb_step_one(GdbServer *s, Vcpu *cpu)
{
    begin(ACTION_CONTINUE);
    actions[cpu->index] = ACTION_STEP;
    resume(s);
}

/* One action to the CPUs that have none yet. */
static void give(Vcpu *one, Action action)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        Vcpu *cpu = vcpu_get(i);

        if (actions[cpu->index] == ACTION_NONE && (!one || one == cpu)) {
            actions[cpu->index] = action;
        }
    }
}

bool gdb_resume_actions(GdbServer *s, const char *text)
{
    begin(ACTION_NONE);
    while (*text == ';') {
        char letter = *++text;
        Vcpu *cpu = NULL;
        uint64_t signal;
        bool all = true;

        if (!letter || !strchr("cCsS", letter)) {
            return false;
        }
        text++;
        if (letter == 'C' || letter == 'S') {
            if (!gdb_number(&text, &signal)) {      /* there are no signals to deliver */
                return false;
            }
        }
        if (*text == ':') {
            text++;
            if (!gdb_parse_thread(&text, &cpu, &all)) {
                return false;
            }
        }
        give(cpu, letter == 's' || letter == 'S' ? ACTION_STEP : ACTION_CONTINUE);
    }
    if (*text) {
        return false;
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (actions[vcpu_get(i)->index] != ACTION_NONE) {
            resume(s);
            return true;
        }
    }
    return false;
}

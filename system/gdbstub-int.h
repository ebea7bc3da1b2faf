/* The gdb server, inside: what its files share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_GDBSTUB_INT_H
#define SYSTEM_GDBSTUB_INT_H

#include "accel/accel.h"
#include "accel/debug.h"
#include "accel/vcpu.h"
#include "chardev/char.h"
#include "system/gdb-packet.h"
#include "system/gdb-regs.h"
#include "system/gdbstub.h"

/* Signals by gdb's numbers (include/gdb/signals.def). */
enum {
    GDB_SIGNAL_INT = 2, GDB_SIGNAL_QUIT = 3, GDB_SIGNAL_TRAP = 5, GDB_SIGNAL_ABRT = 6,
    GDB_SIGNAL_ALRM = 14, GDB_SIGNAL_IO = 23, GDB_SIGNAL_UNKNOWN = 143,
};

/* One process, number 1; its threads are the CPUs, numbered from 1. */
#define GDB_PID 1

typedef struct GdbServer {
    Chardev *chr;
    bool own_chr;
    CharFrontend fe;
    GdbLink link;
    GdbRegs regs;
    bool connected;
    bool multiprocess;          /* thread ids have a process in front */
    bool attached;              /* and not detached since */
    bool phys_mode;             /* m, M, X are by physical address */
    bool waiting;               /* gdb resumed the machine and waits to hear of a stop */
    unsigned step_flags;        /* what a single step is, DEBUG_STEP and more */
    Vcpu *cpu;                  /* of g, m and the like (Hg) */
    Vcpu *run_cpu;              /* of c and s (Hc); NULL: all */
    unsigned epoch;             /* changes with every connection */
    bool monitor_busy;
} GdbServer;

/* gdbstub.c */
void gdb_put(GdbServer *s, const char *text);
void gdb_put_len(GdbServer *s, const char *data, size_t len);
void gdb_put_errno(GdbServer *s, int number);
void gdb_append_thread(const GdbServer *s, GString *out, const Vcpu *cpu);
/* A thread id: a CPU, or NULL with *all where it says any or all. False: there is none such. */
bool gdb_parse_thread(const char **text, Vcpu **cpu, bool *all);
/* The state the machine is stopped in, as a stop reply. */
void gdb_put_stop(GdbServer *s);

/* gdb-query.c: q, Q. Unknown ones are left: the answer is empty. */
void gdb_query(GdbServer *s, const char *data, size_t len);

/* gdb-resume.c */
void gdb_resume_all(GdbServer *s);
void gdb_step_one(GdbServer *s, Vcpu *cpu);
/* What follows "vCont": actions of threads. False: not understood. */
bool gdb_resume_actions(GdbServer *s, const char *text);

#endif

/* The vCPU's loop: events, block look-up, run, links, faults, single step */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/block.h"
#include "accel/soft/interp-int.h"
#include "accel/soft/soft.h"
#include "util/log.h"

static ALWAYS_INLINE void run_block(SoftCpu *cpu, Block *b)
{
    const Op *op = b->ops;

    cpu->block = b;
#ifdef INTERP_LOOP
    while (op) {
        op = op->fn(cpu, op);
    }
#else
    op->fn(cpu, op);
#endif
}

/* Alone, so that -d exec and cpu show each block and not only the first of a chain. */
static NOINLINE void run_logged(SoftCpu *cpu, Block *b)
{
    soft_log_run(cpu, b);
    atomic_fetch_or_explicit(&cpu->exit_request, EXIT_ONE, memory_order_relaxed);
    run_block(cpu, b);
    atomic_fetch_and_explicit(&cpu->exit_request, ~(uint32_t)EXIT_ONE, memory_order_relaxed);
}

/* One instruction alone: behind STI or MOV SS, with RF, under TF. */
static NOINLINE void run_one(SoftCpu *cpu)
{
    Block *b = block_lookup(cpu);
    bool step = cpu->mode & MODE_TF;
    uint32_t rf = cpu->eflags & FL_RF;
    uint8_t shadow = cpu->irq_shadow;

    cpu->irq_shadow = 0;
    cpu->eflags &= ~FL_RF;
    if (log_on(LOG_EXEC | LOG_CPU)) {
        soft_log_run(cpu, b);
    }
    atomic_fetch_or_explicit(&cpu->exit_request, EXIT_ONE, memory_order_relaxed);
    run_block(cpu, b);
    atomic_fetch_and_explicit(&cpu->exit_request, ~(uint32_t)EXIT_ONE, memory_order_relaxed);
    cpu->link_from = NULL;
    if (unlikely(cpu->debug_stopped)) {
        cpu->irq_shadow = shadow;       /* it did not run */
        cpu->eflags |= rf;
        return;
    }
    if (step && cpu->irq_shadow != SHADOW_SS) {
        debug_step_done(cpu);
    }
    if (unlikely(cpu->mode & MODE_STEP)) {
        gdb_step_done(cpu);
    }
}

/* cpu_raise() landed: go back to the instruction, then into the handler. */
static NOINLINE void unwound(SoftCpu *cpu)
{
    atomic_fetch_and_explicit(&cpu->exit_request, ~(uint32_t)EXIT_ONE, memory_order_relaxed);
    if (cpu->op) {
        cpu->rip = cpu_insn_rip(cpu, cpu->op);
        cpu->op = NULL;
    }
    cpu->link_from = NULL;
    if (unlikely(cpu->again)) {
        cpu->again = false;
        return;
    }
    fault_deliver(cpu);     /* may raise again, and land here again */
    if (unlikely(cpu->mode & MODE_STEP)) {
        gdb_step_done(cpu);
    }
}

void soft_cpu_exec(SoftCpu *cpu)
{
    uint32_t last_if;

    if (!cpu->block_cpu) {
        block_cpu_init(cpu);
    }
    cpu->debug_stopped = false;
    if (sigsetjmp(cpu->unwind, 0)) {
        unwound(cpu);
    }
    /* Anything may have changed: look at events first. */
    last_if = 0;
    for (;;) {
        uint32_t now_if = cpu->eflags & FL_IF;
        Block *b;

        if (unlikely(atomic_load_explicit(&cpu->exit_request, memory_order_relaxed)) ||
            unlikely(now_if & ~last_if) || unlikely(cpu->halted)) {
            if (!soft_cpu_handle_events(cpu)) {
                break;
            }
            /* Where the last block led is not where an interrupt leads. */
            cpu->link_from = NULL;
            if (cpu->halted) {
                continue;
            }
        }
        last_if = now_if;
        if (unlikely(cpu->irq_shadow) || unlikely(cpu->eflags & FL_RF) ||
            unlikely(cpu->mode & (MODE_TF | MODE_STEP))) {
            run_one(cpu);
            last_if = 0;
            continue;
        }
        b = block_lookup(cpu);
        if (cpu->link_from) {
            block_link(cpu, b);
            cpu->link_from = NULL;
        }
        if (log_on(LOG_EXEC | LOG_CPU)) {
            run_logged(cpu, b);
        } else {
            run_block(cpu, b);
        }
    }
    block_cpu_outside(cpu);
}

/* An SSE instruction under the guest's own unmasked MXCSR, for the exact flags of an #XM */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include "accel/soft/fpu-int.h"

/*
 * Which flags an instruction that faults leaves set depends on how far the
 * hardware had come (DPPS works in steps; an unmasked underflow counts
 * precision differently). So it is run again as the guest meant it, and the
 * SIGFPE that follows is asked. A guest that unmasks exceptions expects a fault
 * to be dear; all others never come here.
 */
static __thread sigjmp_buf *probe_return;
static __thread volatile uint32_t probe_mxcsr;
static struct sigaction previous_action;
static pthread_once_t install_once = PTHREAD_ONCE_INIT;

static void probe_signal(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;

    if (probe_return) {
        probe_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
        siglongjmp(*probe_return, 1);
    }
    /* Not ours: a bug elsewhere, or somebody who was here before. */
    if (previous_action.sa_flags & SA_SIGINFO) {
        previous_action.sa_sigaction(sig, info, context);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(sig);
    } else {
        signal(SIGFPE, SIG_DFL);    /* the instruction is tried again and ends us */
    }
}

static void probe_install(void)
{
    struct sigaction action = { .sa_sigaction = probe_signal, .sa_flags = SA_SIGINFO };

    sigaction(SIGFPE, &action, &previous_action);
}

int sse_run_unmasked(SoftCpu *cpu, const Op *op, const SseArgs *args, uint32_t *mxcsr)
{
    SseStub *stub = (SseStub *)(stub_base + insn_stub(&op->i));
    uint32_t run = cpu->fx.mxcsr_run;
    sigjmp_buf here;
    sigset_t fpe, old;
    volatile int outcome = -1;

    pthread_once(&install_once, probe_install);
    sigemptyset(&fpe);
    sigaddset(&fpe, SIGFPE);
    pthread_sigmask(SIG_UNBLOCK, &fpe, &old);
    cpu->fx.mxcsr_run = cpu->fx.mxcsr;
    if (sigsetjmp(here, 1) == 0) {
        probe_return = &here;
        outcome = stub(args->reg, args->rm, args->vvvv, cpu, args->is4);
        *mxcsr = cpu->fx.mxcsr_out;
    } else {
        __asm__ volatile("ldmxcsr %0; emms" : : "m"(cpu->fx.mxcsr_host));
        if (op->i.vl == 32) {
            __asm__ volatile("vzeroupper");
        }
        *mxcsr = probe_mxcsr;
    }
    probe_return = NULL;
    cpu->fx.mxcsr_run = run;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return outcome;
}

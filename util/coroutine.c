/* Stackful coroutines: an assembly stack switch, pooled stacks, sanitizer annotations */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/coroutine.h"

#include <sys/mman.h>

#ifdef __has_feature
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define CO_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#define CO_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif

#define STACK_BYTES  (256 * 1024)
#define GUARD_BYTES  4096
#define POOL_MAX     64         /* idle stacks kept by a thread */

struct Coroutine {
    void *sp;                   /* where its stack stands while it does not run */
    void *caller_sp;
    Coroutine *caller;          /* the one that entered it, NULL for a thread's own stack */
    CoroutineFn *fn;
    void *opaque;
    Loop *loop;
    LoopFn *then;               /* see co_yield_then() */
    void *then_opaque;
    char *map;                  /* guard page, then the stack */
    bool ended, entered;
    Coroutine *next_free;
#ifdef CO_ASAN
    void *fake_stack, *caller_fake_stack;
    const void *caller_bottom;
    size_t caller_size;
#endif
#ifdef CO_TSAN
    void *fiber, *caller_fiber;
#endif
};

typedef struct Pool {
    Coroutine *first;
    unsigned n;
} Pool;

static void pool_free(gpointer opaque);

static GPrivate pool_key = G_PRIVATE_INIT(pool_free);
static _Thread_local Coroutine *current;

/*
 * A coroutine may continue in another thread, so the address of a thread-local
 * variable must not be kept across a switch: these two are never inlined.
 */
static NOINLINE Coroutine *get_current(void)
{
    __asm__ volatile("");
    return current;
}

static NOINLINE void set_current(Coroutine *co)
{
    __asm__ volatile("");
    current = co;
}

#ifndef __x86_64__
#error "co_switch() is written for x86-64 hosts"
#endif

/*
 * void co_switch(void **save_sp, void *load_sp): push what the System V ABI
 * lets a callee keep (with MXCSR and the x87 control word), change stacks, pop.
 * co_begin is where a fresh stack "returns" to.
 */
void co_switch(void **save_sp, void *load_sp);
void co_begin(void);
void co_main(void) __attribute__((used));
__asm__(
    ".pushsection .text\n"
    ".globl co_switch\n.hidden co_switch\n.type co_switch, @function\n"
    ".p2align 4\n"
    "co_switch:\n"
    "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n"
    "    pushq %r13\n    pushq %r14\n    pushq %r15\n"
    "    subq $8, %rsp\n    stmxcsr (%rsp)\n    fnstcw 4(%rsp)\n"
    "    movq %rsp, (%rdi)\n"
    "    movq %rsi, %rsp\n"
    "    ldmxcsr (%rsp)\n    fldcw 4(%rsp)\n    addq $8, %rsp\n"
    "    popq %r15\n    popq %r14\n    popq %r13\n"
    "    popq %r12\n    popq %rbx\n    popq %rbp\n"
    "    ret\n"
    ".size co_switch, . - co_switch\n"
    ".globl co_begin\n.hidden co_begin\n.type co_begin, @function\n"
    ".p2align 4\n"
    "co_begin:\n"
    "    .cfi_startproc\n    .cfi_undefined rip\n"
    "    call co_main\n"
    "    ud2\n"
    "    .cfi_endproc\n"
    ".size co_begin, . - co_begin\n"
    ".popsection\n");

/* --- the two directions of a switch, with what the sanitizers want to know --- */

static void switch_in(Coroutine *co)
{
#ifdef CO_TSAN
    co->caller_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(co->fiber, 0);
#endif
#ifdef CO_ASAN
    void *fake;

    __sanitizer_start_switch_fiber(&fake, co->map + GUARD_BYTES, STACK_BYTES);
#endif
    co_switch(&co->caller_sp, co->sp);
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

/* First thing on the coroutine's stack after each entry. */
static void arrived(Coroutine *co)
{
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(co->fake_stack, &co->caller_bottom, &co->caller_size);
#endif
}

static void switch_out(Coroutine *co)
{
#ifdef CO_TSAN
    __tsan_switch_to_fiber(co->caller_fiber, 0);
#endif
#ifdef CO_ASAN
    __sanitizer_start_switch_fiber(co->ended ? NULL : &co->fake_stack, co->caller_bottom,
                                   co->caller_size);
#endif
    co_switch(&co->sp, co->caller_sp);
    arrived(co);
}

void co_main(void)
{
    Coroutine *co = get_current();

    arrived(co);
    co->fn(co->opaque);
    co->ended = true;
    switch_out(co);
    g_assert_not_reached();
}

/* --- stacks --- */

static void stack_release(Coroutine *co)
{
#ifdef CO_TSAN
    __tsan_destroy_fiber(co->fiber);
#endif
    munmap(co->map, GUARD_BYTES + STACK_BYTES);
    g_free(co);
}

static void pool_free(gpointer opaque)
{
    Pool *pool = opaque;

    while (pool->first) {
        Coroutine *co = pool->first;

        pool->first = co->next_free;
        stack_release(co);
    }
    g_free(pool);
}

static Pool *pool_get(void)
{
    Pool *pool = g_private_get(&pool_key);

    if (!pool) {
        pool = g_new0(Pool, 1);
        g_private_set(&pool_key, pool);
    }
    return pool;
}

static Coroutine *stack_acquire(void)
{
    Pool *pool = pool_get();
    Coroutine *co = pool->first;

    if (co) {
        pool->first = co->next_free;
        pool->n--;
        return co;
    }
    co = g_new0(Coroutine, 1);
    co->map = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (co->map == MAP_FAILED || mprotect(co->map, GUARD_BYTES, PROT_NONE) < 0) {
        g_error("coroutine stack: %s", g_strerror(errno));
    }
#ifdef CO_TSAN
    co->fiber = __tsan_create_fiber(0);
#endif
    return co;
}

static void finished(Coroutine *co)
{
    Pool *pool = pool_get();

#ifdef CO_ASAN
    /* Frames that were left without returning must not poison the next user's. */
    __asan_unpoison_memory_region(co->map + GUARD_BYTES, STACK_BYTES);
#endif
    if (pool->n >= POOL_MAX) {
        stack_release(co);
        return;
    }
    co->next_free = pool->first;
    pool->first = co;
    pool->n++;
}

/* --- the face --- */

Coroutine *co_create(CoroutineFn *fn, void *opaque)
{
    Coroutine *co = stack_acquire();
    Loop *loop = loop_current();
    uint64_t *sp = (uint64_t *)(co->map + GUARD_BYTES + STACK_BYTES);

    co->fn = fn;
    co->opaque = opaque;
    co->loop = loop ? loop : loop_main();
    co->then = NULL;
    co->ended = co->entered = false;
#ifdef CO_ASAN
    co->fake_stack = NULL;
#endif
    /* As co_switch() leaves a stack; co_begin's call then finds it aligned as the ABI wants. */
    *--sp = 0;
    *--sp = 0;
    *--sp = (uintptr_t)co_begin;
    for (int i = 0; i < 6; i++) {
        *--sp = 0;
    }
    *--sp = 0x1f80 | 0x037fULL << 32;       /* MXCSR and x87 control word at their defaults */
    co->sp = sp;
    return co;
}

void co_enter(Coroutine *co)
{
    LoopFn *then;

    g_assert(!co->entered);
    co->entered = true;
    co->caller = get_current();
    set_current(co);
    switch_in(co);
    /* What ran on co's stack has left it: from here on another thread may take it. */
    set_current(co->caller);
    then = co->then;
    if (co->ended) {
        finished(co);
    } else if (then) {
        void *opaque = co->then_opaque;

        co->then = NULL;
        co->entered = false;
        then(opaque);
    } else {
        co->entered = false;
    }
}

void co_yield(void)
{
    Coroutine *co = get_current();

    g_assert(co);
    switch_out(co);
}

void co_yield_then(LoopFn *fn, void *opaque)
{
    Coroutine *co = get_current();

    g_assert(co);
    co->then = fn;
    co->then_opaque = opaque;
    switch_out(co);
}

static void wake(void *opaque)
{
    co_enter(opaque);
}

void co_wake(Coroutine *co)
{
    loop_post(co->loop, wake, co);
}

Coroutine *co_self(void)
{
    return get_current();
}

Loop *co_loop(Coroutine *co)
{
    return co->loop;
}

void co_set_loop(Coroutine *co, Loop *loop)
{
    co->loop = loop;
}

typedef struct Run {
    CoroutineFn *fn;
    void *opaque;
    bool done;
} Run;

static void run_main(void *opaque)
{
    Run *run = opaque;

    run->fn(run->opaque);
    run->done = true;
    loop_wake(loop_main());     /* it may have ended in a posted call of the last turn */
}

void co_run(CoroutineFn *fn, void *opaque)
{
    Run run = { fn, opaque, false };

    g_assert(!loop_current() && !get_current());
    co_enter(co_create(run_main, &run));
    while (!run.done) {
        loop_wait(loop_main());
        loop_dispatch(loop_main());
    }
}

/* Coroutines: switching, moving between loops, locks, sleep, the worker pool */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/channel.h"
#include "util/co-lock.h"
#include "util/coroutine.h"
#include "util/thread-pool.h"
#include "util/thread.h"

#include <fenv.h>
#include <glib-unix.h>

/* --- enter and yield --- */

typedef struct Steps {
    GString *text;
    Coroutine *co;
} Steps;

static void steps_co(void *opaque)
{
    Steps *s = opaque;

    g_assert_true(in_coroutine());
    g_assert_true(co_self() == s->co);
    for (int i = 0; i < 3; i++) {
        g_string_append_printf(s->text, "c%d ", i);
        co_yield();
    }
    g_string_append(s->text, "end");
}

static void order(void)
{
    Steps s = { g_string_new(NULL), NULL };

    s.co = co_create(steps_co, &s);
    g_assert_false(in_coroutine());
    for (int i = 0; i < 4; i++) {
        g_string_append_printf(s.text, "m%d ", i);
        co_enter(s.co);
        g_assert_false(in_coroutine());
    }
    g_assert_cmpstr(s.text->str, ==, "m0 c0 m1 c1 m2 c2 m3 end");
    g_string_free(s.text, true);
}

static void nest_co(void *opaque)
{
    int *depth = opaque;
    char frame[2048];

    memset(frame, *depth, sizeof(frame));
    if (--*depth) {
        co_enter(co_create(nest_co, depth));
    }
    g_assert_cmpint(frame[17], ==, frame[2000]);
}

static void nest(void)
{
    for (int round = 0; round < 20; round++) {
        int depth = 100;

        co_enter(co_create(nest_co, &depth));
        g_assert_cmpint(depth, ==, 0);
    }
}

static void rounding_co(void *opaque)
{
    g_assert_cmpint(fegetround(), ==, FE_TONEAREST);
    fesetround(FE_DOWNWARD);
    co_yield();
    g_assert_cmpint(fegetround(), ==, FE_DOWNWARD);
    *(double *)opaque = 1.5;
}

/* The rounding mode belongs to each stack, so is kept over a switch. */
static void rounding(void)
{
    double value = 0;
    Coroutine *co = co_create(rounding_co, &value);

    co_enter(co);
    g_assert_cmpint(fegetround(), ==, FE_TONEAREST);
    fesetround(FE_UPWARD);
    co_enter(co);
    g_assert_cmpint(fegetround(), ==, FE_UPWARD);
    fesetround(FE_TONEAREST);
    g_assert_cmpfloat(value, ==, 1.5);
}

static void overflow_co(void *opaque)
{
    volatile char *p = (volatile char *)__builtin_frame_address(0);

    for (;;) {
        *(p -= 1024) = 1;
    }
}

static void overflow(void)
{
    if (g_test_subprocess()) {
        co_enter(co_create(overflow_co, NULL));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
}

/* --- locks --- */

typedef struct Locked {
    CoMutex mutex;
    CoQueue queue;
    int inside, most, finished, value;
    GString *text;
} Locked;

static void locker_co(void *opaque)
{
    Locked *l = opaque;

    for (int i = 0; i < 3; i++) {
        co_mutex_lock(&l->mutex);
        l->inside++;
        l->most = MAX(l->most, l->inside);
        co_sleep(CLOCK_TYPE_REALTIME, 1000);
        l->inside--;
        co_mutex_unlock(&l->mutex);
    }
    l->finished++;
    co_queue_wake_all(&l->queue);
}

static void mutex_co(void *opaque)
{
    Locked *l = opaque;

    co_mutex_init(&l->mutex);
    co_queue_init(&l->queue);
    for (int i = 0; i < 4; i++) {
        co_enter(co_create(locker_co, l));
    }
    while (l->finished < 4) {
        co_queue_wait(&l->queue, NULL);
    }
    g_assert_cmpint(l->most, ==, 1);
}

static void mutex(void)
{
    Locked l = { 0 };

    co_run(mutex_co, &l);
    g_assert_cmpint(l.finished, ==, 4);
}

static void consumer_co(void *opaque)
{
    Locked *l = opaque;

    co_mutex_lock(&l->mutex);
    while (!l->value) {
        co_queue_wait(&l->queue, &l->mutex);
        g_assert_true(l->mutex.holder == co_self());
    }
    l->value--;
    l->finished++;
    co_mutex_unlock(&l->mutex);
}

static void queue_co(void *opaque)
{
    Locked *l = opaque;

    co_mutex_init(&l->mutex);
    co_queue_init(&l->queue);
    g_assert_false(co_queue_wake_one(&l->queue));
    for (int i = 0; i < 3; i++) {
        co_enter(co_create(consumer_co, l));
    }
    g_assert_false(co_queue_empty(&l->queue));
    for (int i = 1; i <= 3; i++) {
        co_mutex_lock(&l->mutex);
        l->value++;
        co_queue_wake_all(&l->queue);
        co_mutex_unlock(&l->mutex);
        while (l->finished < i) {
            co_sleep(CLOCK_TYPE_REALTIME, 1000);
        }
        g_assert_cmpint(l->value, ==, 0);
    }
}

static void queue(void)
{
    Locked l = { 0 };

    co_run(queue_co, &l);
    g_assert_cmpint(l.finished, ==, 3);
}

/* --- threads --- */

typedef struct Home {
    Loop *loop;
    int stop;
    GThread *thread;
    pid_t tid;
} Home;

static gpointer home_thread(gpointer opaque)
{
    Home *home = opaque;

    home->tid = thread_id();
    while (!g_atomic_int_get(&home->stop)) {
        loop_wait(home->loop);
        loop_dispatch(home->loop);
    }
    return NULL;
}

static void mover_co(void *opaque)
{
    Home *home = opaque;
    pid_t tid = thread_id();

    for (int i = 0; i < 200; i++) {
        co_move_to(home->loop);
        g_assert_cmpint(thread_id(), ==, home->tid);
        g_assert_true(loop_current() == home->loop);
        if (i % 50 == 0) {
            co_sleep(CLOCK_TYPE_REALTIME, 1000);
            g_assert_cmpint(thread_id(), ==, home->tid);
        }
        co_move_to(loop_main());
        g_assert_cmpint(thread_id(), ==, tid);
    }
}

static void move(void)
{
    Home home = { .loop = loop_new() };

    home.thread = thread_start("home", home_thread, &home);
    co_run(mover_co, &home);
    g_atomic_int_set(&home.stop, 1);
    loop_wake(home.loop);
    g_thread_join(home.thread);
    loop_free(home.loop);
}

static int twice(void *opaque)
{
    int *n = opaque;

    *n *= 2;
    return -*n;
}

typedef struct Calls {
    CoQueue queue;
    int pending;
    pid_t tid;
} Calls;

static void caller_co(void *opaque)
{
    Calls *calls = opaque;

    for (int i = 1; i < 20; i++) {
        int n = i;

        g_assert_cmpint(co_thread_call(twice, &n), ==, -2 * i);
        g_assert_cmpint(n, ==, 2 * i);
        g_assert_cmpint(thread_id(), ==, calls->tid);
    }
    calls->pending--;
    co_queue_wake_all(&calls->queue);
}

static void submitted(void *opaque, int ret)
{
    Calls *calls = opaque;

    g_assert_cmpint(ret, ==, -84);
    calls->pending--;
    co_queue_wake_all(&calls->queue);
}

static void pool_co(void *opaque)
{
    Calls calls = { .pending = 101, .tid = thread_id() };
    int n = 42;

    co_queue_init(&calls.queue);
    thread_pool_submit(twice, &n, submitted, &calls);
    for (int i = 0; i < 100; i++) {
        co_enter(co_create(caller_co, &calls));
    }
    while (calls.pending) {
        co_queue_wait(&calls.queue, NULL);
    }
    *(int *)opaque = n;
}

static void pool(void)
{
    int n = 0;

    co_run(pool_co, &n);
    g_assert_cmpint(n, ==, 84);
}

/* --- descriptors --- */

#define STREAM_BYTES (1 << 20)

typedef struct Stream {
    int fds[2];
    uint8_t *in, *out;
    bool written;
} Stream;

static void writer_co(void *opaque)
{
    Stream *s = opaque;

    g_assert_cmpint(co_fd_write(s->fds[1], s->out, STREAM_BYTES), ==, STREAM_BYTES);
    close(s->fds[1]);
    s->written = true;
}

/* More than the pipe holds, so both sides wait for each other; then the end of the stream. */
static void stream_co(void *opaque)
{
    Stream *s = opaque;

    co_enter(co_create(writer_co, s));
    g_assert_false(s->written);
    g_assert_cmpint(co_fd_read(s->fds[0], s->in, STREAM_BYTES), ==, STREAM_BYTES);
    g_assert_cmpint(co_fd_read(s->fds[0], s->in, 1), ==, 0);
    g_assert_cmpint(co_fd_write(s->fds[0], s->in, 1), ==, -EBADF);
}

static void stream(void)
{
    Stream s = { .in = g_malloc0(STREAM_BYTES), .out = g_malloc(STREAM_BYTES) };

    for (int i = 0; i < STREAM_BYTES; i++) {
        s.out[i] = i * 7 + i / 251;
    }
    g_assert_true(g_unix_open_pipe(s.fds, FD_CLOEXEC, NULL));
    g_assert_true(g_unix_set_fd_nonblocking(s.fds[0], true, NULL));
    g_assert_true(g_unix_set_fd_nonblocking(s.fds[1], true, NULL));
    co_run(stream_co, &s);
    g_assert_cmpmem(s.in, STREAM_BYTES, s.out, STREAM_BYTES);
    close(s.fds[0]);
    g_free(s.in);
    g_free(s.out);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/coroutine/order", order);
    g_test_add_func("/coroutine/nest", nest);
    g_test_add_func("/coroutine/rounding", rounding);
    g_test_add_func("/coroutine/overflow", overflow);
    g_test_add_func("/co-lock/mutex", mutex);
    g_test_add_func("/co-lock/queue", queue);
    g_test_add_func("/co-lock/move", move);
    g_test_add_func("/thread-pool/call", pool);
    g_test_add_func("/channel/stream", stream);
    return g_test_run();
}

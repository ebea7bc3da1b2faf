/* Input: handlers, what is held down, the queue of timed keys */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "ui/input.h"
#include "util/clock.h"
#include "util/trace.h"

#define MAX_QUEUED 1024

/* One step of the queue: a key, or a pause when key is KEY_UNMAPPED. */
typedef struct Step {
    KeyCode key;
    bool down;
    unsigned pause_ms;
} Step;

static List handlers = { &handlers, &handlers };
static bool held[NR_KEYS];
static GQueue queue = G_QUEUE_INIT;
static Timer queue_timer;
static bool queue_ready;
static bool live;

void input_handler_add(InputHandler *h)
{
    static unsigned next;

    h->index = next++;
    list_prepend(&handlers, &h->link);
}

void input_handler_activate(InputHandler *h)
{
    list_remove(&h->link);
    list_prepend(&handlers, &h->link);
}

void input_handler_remove(InputHandler *h)
{
    list_remove(&h->link);
}

static bool is_pointer(const InputHandler *h)
{
    return h->move || h->place;
}

void input_pointers_for_each(void (*fn)(const InputHandler *h, void *opaque), void *opaque)
{
    const InputHandler *h;

    list_for_each(h, &handlers, InputHandler, link) {
        if (is_pointer(h)) {
            fn(h, opaque);
        }
    }
}

bool input_pointer_select(unsigned index)
{
    InputHandler *h;

    list_for_each(h, &handlers, InputHandler, link) {
        if (is_pointer(h) && h->index == index) {
            input_handler_activate(h);
            return true;
        }
    }
    return false;
}

/* The first handler that has the callback at that offset. */
static InputHandler *taker(size_t callback)
{
    InputHandler *h;

    list_for_each(h, &handlers, InputHandler, link) {
        if (*(void **)(void *)((char *)h + callback)) {
            return h;
        }
    }
    return NULL;
}

bool input_takes_keys(void)
{
    return taker(offsetof(InputHandler, key));
}

bool input_takes_buttons(void)
{
    return taker(offsetof(InputHandler, button));
}

bool input_takes_moves(void)
{
    return taker(offsetof(InputHandler, move));
}

bool input_takes_places(void)
{
    return taker(offsetof(InputHandler, place));
}

void input_set_live(bool is_live)
{
    live = is_live;
}

bool input_is_live(void)
{
    return live;
}

bool input_is_absolute(void)
{
    InputHandler *h;

    list_for_each(h, &handlers, InputHandler, link) {
        if (h->place || h->move) {
            return h->place;
        }
    }
    return false;
}

void input_key(KeyCode key, bool down)
{
    InputHandler *h = taker(offsetof(InputHandler, key));

    if (key == KEY_UNMAPPED || key >= NR_KEYS) {
        return;
    }
    TRACE(input_key, "%s %s", key_name(key), down ? "down" : "up");
    held[key] = down;
    if (h) {
        h->key(h->opaque, key, down);
    }
}

void input_move(int dx, int dy)
{
    InputHandler *h = taker(offsetof(InputHandler, move));

    if (h) {
        h->move(h->opaque, dx, dy);
    }
}

void input_place(int x, int y)
{
    InputHandler *h = taker(offsetof(InputHandler, place));

    if (h) {
        h->place(h->opaque, CLAMP(x, 0, INPUT_ABS_MAX), CLAMP(y, 0, INPUT_ABS_MAX));
    }
}

void input_button(InputButton button, bool down)
{
    InputHandler *h = taker(offsetof(InputHandler, button));

    if (h && button < NR_INPUT_BUTTONS) {
        h->button(h->opaque, button, down);
    }
}

void input_sync(void)
{
    InputHandler *h;

    list_for_each(h, &handlers, InputHandler, link) {
        if (h->sync) {
            h->sync(h->opaque);
        }
    }
}

void input_release_all(void)
{
    for (KeyCode key = 0; key < NR_KEYS; key++) {
        if (held[key]) {
            input_key(key, false);
        }
    }
}

static void run_queue(void *opaque)
{
    Step *step;

    while ((step = g_queue_pop_head(&queue))) {
        unsigned pause_ms = step->pause_ms;

        input_key(step->key, step->down);
        g_free(step);
        if (pause_ms) {
            timer_arm(&queue_timer, clock_ns(CLOCK_TYPE_VIRTUAL) + pause_ms * 1000000LL);
            return;
        }
    }
}

static void enqueue(KeyCode key, bool down, unsigned pause_ms)
{
    Step *step = g_new(Step, 1);

    *step = (Step){ key, down, pause_ms };
    g_queue_push_tail(&queue, step);
}

bool input_queue_keys(const KeyCode *keys, unsigned count, unsigned hold_ms)
{
    if (queue.length + 2 * count + 2 > MAX_QUEUED) {
        return false;
    }
    if (!queue_ready) {
        timer_init(&queue_timer, CLOCK_TYPE_VIRTUAL, run_queue, NULL);
        queue_ready = true;
    }
    for (unsigned i = 0; i < count; i++) {
        enqueue(keys[i], true, 0);
    }
    enqueue(KEY_UNMAPPED, false, hold_ms);
    while (count) {
        enqueue(keys[--count], false, 0);
    }
    enqueue(KEY_UNMAPPED, false, hold_ms);
    if (!timer_armed(&queue_timer)) {
        run_queue(NULL);
    }
    return true;
}

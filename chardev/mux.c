/* mux: several front ends on one back end; Ctrl-a commands, one front end has the input */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/mux.h"
#include "util/clock.h"

#define FRONTENDS_MAX 32
#define TYPED_MAX     64        /* typed ahead of a guest that does not read */

typedef struct Mux {
    Chardev chr;
    CharFrontend base;          /* we are the front end of the real back end */
    CharFrontend *fes[FRONTENDS_MAX];
    int focus;                  /* index into fes, -1 for none */
    bool escaped;               /* Ctrl-a was typed */
    bool timestamps, line_start;
    int64_t first_ns;
    uint8_t typed[TYPED_MAX];
    unsigned nr_typed;
} Mux;

static uint8_t escape = 0x01;   /* Ctrl-a; -echr */

void mux_set_escape(uint8_t code)
{
    escape = code;
}

static Mux *mux_of(void *ptr)
{
    return ptr;
}

static CharFrontend *focused(Mux *s)
{
    return s->focus >= 0 ? s->fes[s->focus] : NULL;
}

/* --- input --- */

static void set_focus(Mux *s, int focus)
{
    if (focus == s->focus) {
        return;
    }
    char_fe_event(focused(s), CHAR_EVENT_MUX_OUT);
    s->focus = focus;
    s->nr_typed = 0;
    char_fe_event(focused(s), CHAR_EVENT_MUX_IN);
}

static void next_focus(Mux *s)
{
    for (int i = 1; i <= FRONTENDS_MAX; i++) {
        int candidate = (MAX(s->focus, 0) + i) % FRONTENDS_MAX;

        if (s->fes[candidate]) {
            set_focus(s, candidate);
            return;
        }
    }
}

/* All that is typed, as far as it is taken: who takes a part may take more at once. */
static void drain(Mux *s)
{
    uint8_t out[TYPED_MAX];

    while (s->nr_typed) {
        size_t wanted = char_fe_can_read(focused(s)), n = MIN(s->nr_typed, wanted);

        if (!n) {
            break;
        }
        memcpy(out, s->typed, n);
        s->nr_typed -= n;
        memmove(s->typed, s->typed + n, s->nr_typed);
        char_fe_deliver(focused(s), out, n);
    }
}

static void help(Mux *s)
{
    static const struct { char key; const char *does; } rows[] = {
        { 'h', "this list" }, { 'x', "end the emulator" },
        { 's', "write changes of -snapshot back" }, { 't', "time stamps on or off" },
        { 'b', "send a break" }, { 'c', "next of the consoles on this terminal" },
    };
    bool control = escape >= 1 && escape <= 26;
    g_autofree char *name = control ? g_strdup_printf("C-%c", 'a' - 1 + escape)
                                    : g_strdup_printf("<0x%02x>", escape);

    char_fe_printf(&s->base, "\r\n");
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].key != 's' || chardev_can_commit()) {
            char_fe_printf(&s->base, "%s %c    %s\r\n", name, rows[i].key, rows[i].does);
        }
    }
    char_fe_printf(&s->base, "%s %s  send %s\r\n", name, name, name);
}

/* The character behind Ctrl-a; true: it goes to the front end. */
static bool command(Mux *s, uint8_t c)
{
    switch (c) {
    case 'h':
    case '?':
        help(s);
        return false;
    case 'x':
        char_fe_printf(&s->base, "\r\nmica: terminated\r\n");
        chardev_request_quit();
        return false;
    case 's':
        chardev_request_commit();
        return false;
    case 'b':
        char_fe_event(focused(s), CHAR_EVENT_BREAK);
        return false;
    case 'c':
        next_focus(s);
        return false;
    case 't':
        s->timestamps = !s->timestamps;
        s->line_start = false;
        s->first_ns = clock_ns(CLOCK_TYPE_REALTIME);
        return false;
    default:
        return c == escape;
    }
}

static size_t mux_can_read(void *opaque)
{
    Mux *s = opaque;

    return TYPED_MAX - s->nr_typed;     /* so that commands reach us past a guest that sleeps */
}

static void mux_read(void *opaque, const uint8_t *buf, size_t len)
{
    Mux *s = opaque;

    for (size_t i = 0; i < len; i++) {
        bool data = true;

        if (s->escaped) {
            s->escaped = false;
            drain(s);           /* what was typed before goes to who had the focus then */
            data = command(s, buf[i]);
        } else if (buf[i] == escape) {
            s->escaped = true;
            data = false;
        }
        if (data && s->nr_typed < TYPED_MAX) {
            s->typed[s->nr_typed++] = buf[i];
        }
    }
    drain(s);
}

static void mux_event(void *opaque, CharEvent event)
{
    Mux *s = opaque;

    if (event == CHAR_EVENT_BREAK) {
        char_fe_event(focused(s), event);
        return;
    }
    s->chr.open = event == CHAR_EVENT_OPENED;
    for (int i = 0; i < FRONTENDS_MAX; i++) {
        char_fe_event(s->fes[i], event);
    }
}

static void mux_accept_input(Chardev *chr)
{
    Mux *s = mux_of(chr);

    drain(s);
    char_fe_accept_input(&s->base);
}

/* --- output --- */

static void mux_writable(void *opaque)
{
    Mux *s = opaque;

    for (int i = 0; i < FRONTENDS_MAX; i++) {
        char_fe_fire_writable(s->fes[i]);
    }
}

/* Up to the end of a line, with the time in front where a line begins. */
static size_t stamped_write(Mux *s, const uint8_t *buf, size_t len)
{
    const uint8_t *end = memchr(buf, '\n', len);
    size_t part = end ? (size_t)(end - buf) + 1 : len;

    if (s->line_start) {
        int64_t ms = (clock_ns(CLOCK_TYPE_REALTIME) - s->first_ns) / 1000000;

        if (!char_fe_printf(&s->base, "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
                            (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000))) {
            return 0;
        }
        s->line_start = false;
    }
    part = char_fe_write(&s->base, buf, part);
    s->line_start = part && buf[part - 1] == '\n';
    return part;
}

static size_t mux_write(Chardev *chr, const uint8_t *buf, size_t len, bool all)
{
    Mux *s = mux_of(chr);
    size_t done = 0;

    if (all) {
        done = char_fe_write_all(&s->base, buf, len) ? len : 0;
    } else if (!s->timestamps) {
        done = char_fe_write(&s->base, buf, len);
    } else {
        size_t part;

        do {
            part = stamped_write(s, buf + done, len - done);
            done += part;
        } while (part && done < len);
    }
    if (done < len) {
        char_fe_notify_writable(&s->base, mux_writable, s);
    }
    return done;
}

static void mux_set_break(Chardev *chr, bool on)
{
    char_fe_set_break(&mux_of(chr)->base, on);
}

static void mux_set_params(Chardev *chr, const CharParams *params)
{
    char_fe_set_params(&mux_of(chr)->base, params);
}

static int mux_take_fd(Chardev *chr)
{
    return char_fe_take_fd(&mux_of(chr)->base);
}

/* --- front ends come and go --- */

static bool mux_attach(Chardev *chr, CharFrontend *fe, Error **errp)
{
    Mux *s = mux_of(chr);

    for (unsigned i = 0; i < FRONTENDS_MAX; i++) {
        if (!s->fes[i]) {
            s->fes[i] = fe;
            fe->mux_tag = i;
            return true;
        }
    }
    error_set(errp, "chardev '%s': too many front ends, at most %d share one", chr->id,
              FRONTENDS_MAX);
    return false;
}

static void mux_detach(Chardev *chr, CharFrontend *fe)
{
    Mux *s = mux_of(chr);

    s->fes[fe->mux_tag] = NULL;
    if (s->focus == (int)fe->mux_tag) {
        s->focus = -1;
        next_focus(s);
    }
}

static void mux_focus(Chardev *chr, CharFrontend *fe)
{
    set_focus(mux_of(chr), fe->mux_tag);
}

static bool mux_in_use(const Chardev *chr)
{
    const Mux *s = (const Mux *)chr;

    for (int i = 0; i < FRONTENDS_MAX; i++) {
        if (s->fes[i]) {
            return true;
        }
    }
    return false;
}

static void mux_close(Chardev *chr)
{
    Mux *s = mux_of(chr);
    Chardev *base = s->base.chr;

    for (int i = 0; i < FRONTENDS_MAX; i++) {
        if (s->fes[i]) {
            char_fe_deinit(s->fes[i]);
        }
    }
    char_fe_deinit(&s->base);
    if (base) {
        chardev_free(base);
    }
}

static const CharType mux_type = {
    .name = "mux",
    .desc = "several front ends on one back end",
    .size = sizeof(Mux),
    .close = mux_close,
    .write = mux_write,
    .accept_input = mux_accept_input,
    .set_break = mux_set_break,
    .set_params = mux_set_params,
    .take_fd = mux_take_fd,
    .attach = mux_attach,
    .detach = mux_detach,
    .focus = mux_focus,
    .in_use = mux_in_use,
};

Chardev *mux_new(const char *id, Chardev *base, Error **errp)
{
    Chardev *chr = chardev_create(&mux_type, id, NULL, errp);
    Mux *s = mux_of(chr);

    if (!chr) {
        return NULL;
    }
    s->focus = -1;
    chardev_set_where(chr, "%s", base->where);
    if (!char_fe_init(&s->base, base, errp)) {
        chardev_free(chr);
        return NULL;
    }
    char_fe_set_handlers(&s->base, mux_can_read, mux_read, mux_event, s);
    return chr;
}

/* Character devices: the registry, and what passes between front and back end */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "chardev/char.h"
#include "chardev/char-int.h"

static GList *chardevs;                 /* of Chardev, sorted by id */
static void (*quit_handler)(void *opaque);
static void *quit_opaque;
static void (*commit_handler)(void *opaque);
static void *commit_opaque;

/* --- back end to front end --- */

size_t char_fe_can_read(CharFrontend *fe)
{
    return fe && fe->can_read && fe->read ? fe->can_read(fe->opaque) : 0;
}

void char_fe_deliver(CharFrontend *fe, const uint8_t *buf, size_t len)
{
    if (fe && fe->read && len) {
        fe->read(fe->opaque, buf, len);
    }
}

void char_fe_event(CharFrontend *fe, CharEvent event)
{
    if (!fe) {
        return;
    }
    /* A front end sees OPENED and CLOSED in turns, however often the back end says so. */
    if (event == CHAR_EVENT_OPENED || event == CHAR_EVENT_CLOSED) {
        bool opened = event == CHAR_EVENT_OPENED;

        if (fe->opened == opened || (opened && !fe->event && !fe->read)) {
            return;
        }
        fe->opened = opened;
    }
    if (fe->event) {
        fe->event(fe->opaque, event);
    }
}

void char_fe_fire_writable(CharFrontend *fe)
{
    CharWritableFn *fn = fe ? fe->writable : NULL;

    if (fn) {
        fe->writable = NULL;
        fn(fe->writable_opaque);
    }
}

size_t chardev_can_read(Chardev *chr)
{
    return char_fe_can_read(chr->fe);
}

void chardev_deliver(Chardev *chr, const uint8_t *buf, size_t len)
{
    char_fe_deliver(chr->fe, buf, len);
}

void chardev_event(Chardev *chr, CharEvent event)
{
    if (event == CHAR_EVENT_OPENED) {
        chr->open = true;
    } else if (event == CHAR_EVENT_CLOSED) {
        chr->open = false;
    }
    char_fe_event(chr->fe, event);
}

void chardev_writable(Chardev *chr)
{
    char_fe_fire_writable(chr->fe);
}

void chardev_set_where(Chardev *chr, const char *fmt, ...)
{
    va_list ap;

    g_free(chr->where);
    va_start(ap, fmt);
    chr->where = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

/* --- front end to back end --- */

bool char_fe_init(CharFrontend *fe, Chardev *chr, Error **errp)
{
    *fe = (CharFrontend){ 0 };
    if (!chr) {
        return true;
    }
    if (chr->type->attach) {
        if (!chr->type->attach(chr, fe, errp)) {
            return false;
        }
    } else if (chr->fe) {
        error_set(errp, "chardev '%s' is in use already", chr->id);
        error_hint(errp, "Only a chardev with mux=on serves several.");
        return false;
    } else {
        chr->fe = fe;
    }
    fe->chr = chr;
    return true;
}

void char_fe_deinit(CharFrontend *fe)
{
    Chardev *chr = fe->chr;

    if (!chr) {
        return;
    }
    char_fe_set_handlers(fe, NULL, NULL, NULL, NULL);
    fe->writable = NULL;
    if (chr->type->detach) {
        chr->type->detach(chr, fe);
    } else {
        chr->fe = NULL;
    }
    fe->chr = NULL;
}

void char_fe_set_handlers(CharFrontend *fe, CharCanReadFn *can_read, CharReadFn *read,
                          CharEventFn *event, void *opaque)
{
    Chardev *chr = fe->chr;

    fe->can_read = can_read;
    fe->read = read;
    fe->event = event;
    fe->opaque = opaque;
    if (!can_read && !read && !event) {
        fe->opened = false;
    }
    if (!chr) {
        return;
    }
    if (chr->type->focus && (read || event)) {
        chr->type->focus(chr, fe);
    }
    if (chr->type->fe_changed) {
        chr->type->fe_changed(chr);
    }
    if (chr->open && (read || event)) {
        char_fe_event(fe, CHAR_EVENT_OPENED);
    }
    char_fe_accept_input(fe);
}

void char_fe_accept_input(CharFrontend *fe)
{
    if (fe->chr && fe->chr->type->accept_input) {
        fe->chr->type->accept_input(fe->chr);
    }
}

static void write_log(Chardev *chr, const uint8_t *buf, size_t len)
{
    while (chr->log_fd >= 0 && len) {
        ssize_t done = write(chr->log_fd, buf, len);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            report_warning("chardev '%s': cannot write to its logfile: %s; logging ends", chr->id,
                           g_strerror(errno));
            close(chr->log_fd);
            chr->log_fd = -1;
            return;
        }
        buf += done;
        len -= done;
    }
}

static size_t fe_write(CharFrontend *fe, const void *buf, size_t len, bool all)
{
    Chardev *chr = fe->chr;
    size_t done;

    if (!chr || !len) {
        return len;
    }
    done = chr->type->write ? chr->type->write(chr, buf, len, all) : len;
    write_log(chr, buf, done);
    return done;
}

size_t char_fe_write(CharFrontend *fe, const void *buf, size_t len)
{
    return fe_write(fe, buf, len, false);
}

bool char_fe_write_all(CharFrontend *fe, const void *buf, size_t len)
{
    return fe_write(fe, buf, len, true) == len;
}

bool char_fe_printf(CharFrontend *fe, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return char_fe_write_all(fe, text, strlen(text));
}

void char_fe_notify_writable(CharFrontend *fe, CharWritableFn *fn, void *opaque)
{
    fe->writable = fn;
    fe->writable_opaque = opaque;
}

void char_fe_set_break(CharFrontend *fe, bool on)
{
    if (fe->chr && fe->chr->type->set_break) {
        fe->chr->type->set_break(fe->chr, on);
    }
}

void char_fe_set_params(CharFrontend *fe, const CharParams *params)
{
    if (fe->chr && fe->chr->type->set_params) {
        fe->chr->type->set_params(fe->chr, params);
    }
}

void char_fe_set_open(CharFrontend *fe, bool open)
{
    if (fe->chr && fe->chr->type->set_open) {
        fe->chr->type->set_open(fe->chr, open);
    }
}

void char_fe_take_focus(CharFrontend *fe)
{
    if (fe->chr && fe->chr->type->focus) {
        fe->chr->type->focus(fe->chr, fe);
    }
}

int char_fe_take_fd(CharFrontend *fe)
{
    return fe->chr && fe->chr->type->take_fd ? fe->chr->type->take_fd(fe->chr) : -1;
}

/* --- the list --- */

static gint compare_ids(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Chardev *)a)->id, ((const Chardev *)b)->id);
}

void chardev_free(Chardev *chr)
{
    chardevs = g_list_remove(chardevs, chr);
    if (chr->type->close) {
        chr->type->close(chr);
    }
    if (chr->log_fd >= 0) {
        close(chr->log_fd);
    }
    g_free(chr->id);
    g_free(chr->where);
    g_free(chr);
}

Chardev *chardev_create(const CharType *type, const char *id, const ChardevOptions *opts,
                        Error **errp)
{
    Chardev *chr;

    if (chardev_find(id)) {
        error_set(errp, "Chardev with id '%s' already exists", id);
        return NULL;
    }
    chr = g_malloc0(type->size);
    chr->type = type;
    chr->id = g_strdup(id);
    chr->where = g_strdup(type->name);
    chr->log_fd = -1;
    if (type->open && !type->open(chr, opts, errp)) {
        error_prepend(errp, "chardev '%s': ", id);
        chardev_free(chr);
        return NULL;
    }
    chardevs = g_list_insert_sorted(chardevs, chr, compare_ids);
    return chr;
}

Chardev *chardev_find(const char *id)
{
    for (GList *l = chardevs; l; l = l->next) {
        Chardev *chr = l->data;

        if (!strcmp(chr->id, id)) {
            return chr;
        }
    }
    return NULL;
}

bool chardev_delete(Chardev *chr, Error **errp)
{
    if (chardev_in_use(chr)) {
        error_set(errp, "Chardev '%s' is busy", chr->id);
        return false;
    }
    chardev_free(chr);
    return true;
}

bool chardev_can_replace(const Chardev *chr, Error **errp)
{
    if (chr->type->attach) {
        error_set(errp, "Mux device hotswap not supported yet");
        return false;
    }
    if (chr->fe && chr->fe->fixed) {
        error_set(errp, "Chardev user does not support chardev hotswap");
        return false;
    }
    return true;
}

void chardev_replace(Chardev *chr, Chardev *made)
{
    CharFrontend *fe = chr->fe;

    chr->fe = NULL;
    chardevs = g_list_remove(chardevs, made);
    g_free(made->id);
    made->id = g_strdup(chr->id);
    chardev_free(chr);
    chardevs = g_list_insert_sorted(chardevs, made, compare_ids);
    if (!fe) {
        return;
    }
    made->fe = fe;
    fe->chr = made;
    if (made->type->fe_changed) {
        made->type->fe_changed(made);
    }
    char_fe_event(fe, made->open ? CHAR_EVENT_OPENED : CHAR_EVENT_CLOSED);
    char_fe_fire_writable(fe);
    char_fe_accept_input(fe);
}

bool chardev_can_yank(const Chardev *chr)
{
    return chr->type->yank;
}

void chardev_yank(Chardev *chr)
{
    if (chr->type->yank) {
        chr->type->yank(chr);
    }
}

const char *chardev_id(const Chardev *chr)
{
    return chr->id;
}

const char *chardev_where(const Chardev *chr)
{
    return chr->where;
}

bool chardev_in_use(const Chardev *chr)
{
    return chr->type->in_use ? chr->type->in_use(chr) : chr->fe != NULL;
}

void chardev_foreach(bool (*fn)(Chardev *chr, void *opaque), void *opaque)
{
    GList *next;

    for (GList *l = chardevs; l; l = next) {
        next = l->next;
        if (!fn(l->data, opaque)) {
            return;
        }
    }
}

void chardev_close_all(void)
{
    while (chardevs) {
        Chardev *chr = chardevs->data;

        /* Multiplexers first: each owns its base. */
        for (GList *l = chardevs; l; l = l->next) {
            if (((Chardev *)l->data)->type->attach) {
                chr = l->data;
                break;
            }
        }
        if (chr->fe) {
            char_fe_deinit(chr->fe);
        }
        chardev_free(chr);
    }
}

void chardev_set_quit_handler(void (*quit)(void *opaque), void *opaque)
{
    quit_handler = quit;
    quit_opaque = opaque;
}

void chardev_request_quit(void)
{
    if (quit_handler) {
        quit_handler(quit_opaque);
    }
}

void chardev_set_commit_handler(void (*commit)(void *opaque), void *opaque)
{
    commit_handler = commit;
    commit_opaque = opaque;
}

bool chardev_can_commit(void)
{
    return commit_handler;
}

void chardev_request_commit(void)
{
    if (commit_handler) {
        commit_handler(commit_opaque);
    }
}

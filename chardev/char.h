/* Character devices, the face: a front end (a UART, a monitor) talks to a host byte stream */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/*
 * A Chardev (back end) has at most one CharFrontend, which its user embeds; a
 * multiplexer has several and gives the input to one of them at a time.
 *
 * Input is pushed: the back end asks can_read() how many bytes the front end
 * would take and never delivers more. When can_read() said 0, the back end
 * stops reading; the front end MUST call char_fe_accept_input() once it has
 * room again, nobody polls it.
 *
 * Output never blocks: char_fe_write() takes what fits into a bounded buffer
 * and says how much that was; for the rest ask with char_fe_notify_writable().
 *
 * All of this happens under the VM lock, in the main loop or in a vCPU thread.
 */
typedef struct Chardev Chardev;
typedef struct CharFrontend CharFrontend;
typedef struct ChardevOptions ChardevOptions;   /* qapi/schema/char.json */

typedef enum CharEvent {
    CHAR_EVENT_OPENED,      /* the other side is there (again) */
    CHAR_EVENT_CLOSED,      /* the other side went away */
    CHAR_EVENT_BREAK,       /* a break condition was received */
    CHAR_EVENT_MUX_IN,      /* the multiplexer's input goes to this front end now */
    CHAR_EVENT_MUX_OUT,     /* and now no longer */
} CharEvent;

typedef size_t CharCanReadFn(void *opaque);
typedef void CharReadFn(void *opaque, const uint8_t *buf, size_t len);
typedef void CharEventFn(void *opaque, CharEvent event);
typedef void CharWritableFn(void *opaque);

/* Private to chardev/, here only so that it can be embedded. All zeroes: no back end. */
struct CharFrontend {
    Chardev *chr;
    CharCanReadFn *can_read;
    CharReadFn *read;
    CharEventFn *event;
    void *opaque;
    CharWritableFn *writable;
    void *writable_opaque;
    unsigned mux_tag;
    bool opened;            /* was told OPENED and not CLOSED since */
    bool fixed;             /* wants no other back end: set after char_fe_init() */
};

typedef struct CharParams {     /* of a serial line */
    unsigned baud;
    unsigned data_bits;
    unsigned stop_bits;
    char parity;                /* 'N', 'E', 'O' */
} CharParams;

/*
 * Connect fe to chr; fails when chr has a front end already. chr NULL is
 * allowed: writes are then swallowed and nothing is ever read.
 */
bool char_fe_init(CharFrontend *fe, Chardev *chr, Error **errp);
/* Disconnect; no handler is called any more. Harmless when not connected. */
void char_fe_deinit(CharFrontend *fe);
/*
 * Set or (all NULL) remove the handlers. When the other side is there already,
 * event(CHAR_EVENT_OPENED) is called at once. On a multiplexer the last one to
 * set handlers gets the input.
 */
void char_fe_set_handlers(CharFrontend *fe, CharCanReadFn *can_read, CharReadFn *read,
                          CharEventFn *event, void *opaque);
/* There is room again after can_read() said 0. */
void char_fe_accept_input(CharFrontend *fe);

/* Write what can be taken now; returns the number of bytes taken (0: try when writable). */
size_t char_fe_write(CharFrontend *fe, const void *buf, size_t len);
/*
 * Take all of it, however much waits: for protocols whose requests bound their
 * replies (monitor, qtest). false: more than 64 MiB wait, nothing was taken.
 */
bool char_fe_write_all(CharFrontend *fe, const void *buf, size_t len);
bool char_fe_printf(CharFrontend *fe, const char *fmt, ...) PRINTF_FORMAT(2, 3);
/* Call fn once, from the main loop, when char_fe_write() would take bytes again. NULL cancels. */
void char_fe_notify_writable(CharFrontend *fe, CharWritableFn *fn, void *opaque);

/* Serial line settings; a back end that has no line ignores them. */
void char_fe_set_break(CharFrontend *fe, bool on);
void char_fe_set_params(CharFrontend *fe, const CharParams *params);

/* For devices that open and close the line themselves (virtio-serial, usb-redir). */
void char_fe_set_open(CharFrontend *fe, bool open);
/* Give the input of a multiplexer to this front end. */
void char_fe_take_focus(CharFrontend *fe);
/* The next descriptor that came over the socket (SCM_RIGHTS), -1 when there is none. */
int char_fe_take_fd(CharFrontend *fe);

/* Create and register under opts->id. Fails where the id is taken or the host refuses. */
Chardev *chardev_new(const ChardevOptions *opts, Error **errp);
/*
 * The short forms of -serial, -debugcon, -qtest, -monitor: "stdio", "mon:stdio",
 * "null", "pty", "file:PATH", "pipe:PATH", "unix:PATH[,server=on][,wait=off]",
 * "tcp:HOST:PORT[,...]", "telnet:...", "chardev:ID" (which makes none and gives
 * that one). The monitor that "mon:" asks for is up to the caller, who is told
 * by *want_monitor (NULL: "mon:" is an error).
 */
Chardev *chardev_new_short(const char *spec, const char *id, bool *want_monitor, Error **errp);
/*
 * For chardev_new() while the program runs: nothing waits for a connection, and
 * a client's is made here. In coroutines.
 */
bool co_chardev_prepare(ChardevOptions *opts, Error **errp);
/* Put what opts say (but for their id) in the place of a chardev that may be in use. */
bool co_chardev_change(const char *id, ChardevOptions *opts, Error **errp);
/* NULL when there is none of that id. */
Chardev *chardev_find(const char *id);
/* Unregister and close; fails while a front end is connected. */
bool chardev_delete(Chardev *chr, Error **errp);

/*
 * Put made, which nobody uses, in the place of chr, which is freed: its id and
 * its front end go over. Ask can_replace first.
 */
bool chardev_can_replace(const Chardev *chr, Error **errp);
void chardev_replace(Chardev *chr, Chardev *made);
/* Shut a connection down as if the peer had gone. */
bool chardev_can_yank(const Chardev *chr);
void chardev_yank(Chardev *chr);

const char *chardev_id(const Chardev *chr);
/* What it is connected to, as query-chardev shows it: "pty:/dev/pts/3", "unix:/tmp/s,server=on". */
const char *chardev_where(const Chardev *chr);
bool chardev_in_use(const Chardev *chr);
/* Each one, in order of id, until fn returns false. */
void chardev_foreach(bool (*fn)(Chardev *chr, void *opaque), void *opaque);
/* Flush what can be flushed, restore terminals, unlink sockets: the last act of the program. */
void chardev_close_all(void);

/* What Ctrl-a x and the serial break of -nographic ask of the program. */
void chardev_set_quit_handler(void (*quit)(void *opaque), void *opaque);

/* What Ctrl-a s asks of it: write -snapshot's changes back. Unset: there is no such command. */
void chardev_set_commit_handler(void (*commit)(void *opaque), void *opaque);

/* "-chardev help": the names of all back ends, sorted, NULL-terminated; free with g_free. */
const char **chardev_type_names(void);
const char *chardev_type_desc(const char *name);

#endif

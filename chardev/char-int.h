/* Character devices, inside: what a back end implements and calls */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHARDEV_CHAR_INT_H
#define CHARDEV_CHAR_INT_H

#include "chardev/char.h"
#include "util/registry.h"

typedef struct CharType {
    const char *name;           /* as -chardev NAME spells it */
    const char *alias;          /* another name that -chardev takes */
    const char *desc;
    size_t size;                /* of the instance, whose first member is a Chardev */
    /* Called once; the instance is zeroed and freed by char.c also on failure. */
    bool (*open)(Chardev *chr, const ChardevOptions *opts, Error **errp);
    void (*close)(Chardev *chr);    /* called also after a failed open */
    /*
     * Take up to len bytes; returns how many. `all`: take all of them or none.
     * When less than len was taken, chardev_writable() must follow.
     */
    size_t (*write)(Chardev *chr, const uint8_t *buf, size_t len, bool all);
    void (*accept_input)(Chardev *chr);
    /* A front end set its handlers, or took them away. */
    void (*fe_changed)(Chardev *chr);
    void (*set_break)(Chardev *chr, bool on);
    void (*set_params)(Chardev *chr, const CharParams *params);
    void (*set_open)(Chardev *chr, bool open);
    int (*take_fd)(Chardev *chr);
    void (*yank)(Chardev *chr);         /* shut the connection down */
    /* Only the multiplexer: it has its own list of front ends. */
    bool (*attach)(Chardev *chr, CharFrontend *fe, Error **errp);
    void (*detach)(Chardev *chr, CharFrontend *fe);
    void (*focus)(Chardev *chr, CharFrontend *fe);
    bool (*in_use)(const Chardev *chr);
} CharType;

#define REGISTER_CHARDEV(desc) REGISTER(chardev, desc)

struct Chardev {
    const CharType *type;
    char *id;
    char *where;
    CharFrontend *fe;
    int log_fd;                 /* logfile=, -1 for none */
    bool open;                  /* the other side is there */
};

/* What a back end tells its front end. A multiplexer gets these for its base. */
size_t chardev_can_read(Chardev *chr);
void chardev_deliver(Chardev *chr, const uint8_t *buf, size_t len);
void chardev_event(Chardev *chr, CharEvent event);     /* OPENED and CLOSED set chr->open */
void chardev_writable(Chardev *chr);

/* The same for one front end, whoever it belongs to. */
size_t char_fe_can_read(CharFrontend *fe);
void char_fe_deliver(CharFrontend *fe, const uint8_t *buf, size_t len);
void char_fe_event(CharFrontend *fe, CharEvent event);
void char_fe_fire_writable(CharFrontend *fe);

/* Make one of a given type; chardev_new() and the multiplexer's base come here. */
Chardev *chardev_create(const CharType *type, const char *id, const ChardevOptions *opts,
                        Error **errp);
void chardev_free(Chardev *chr);

void chardev_set_where(Chardev *chr, const char *fmt, ...) PRINTF_FORMAT(2, 3);
/* Ask the program to end (Ctrl-a x); does nothing when nobody listens. */
void chardev_request_quit(void);
bool chardev_can_commit(void);
void chardev_request_commit(void);

#endif

/* -object iothread: a loop with a thread and a name */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QOM_IOTHREAD_H
#define QOM_IOTHREAD_H

#include "qom/object.h"
#include "util/loop.h"

typedef struct IoThread IoThread;

/* NULL with errp: there is no iothread of that id. */
IoThread *iothread_find(const char *id, Error **errp);
Loop *iothread_loop(IoThread *t);
/* While it is used object-del refuses. VM lock held. */
void iothread_use(IoThread *t);
void iothread_unuse(IoThread *t);

#endif

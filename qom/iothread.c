/* -object iothread: a loop with a thread and a name, for those who move their work there */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/iothread.h"
#include "qapi/commands-qom.h"
#include "qom/prop.h"
#include "util/thread.h"

struct IoThread {
    Object obj;
    Loop *loop;
    GThread *thread;
    pid_t tid;
    unsigned users;
    bool quit;                  /* its own thread's */
    GMutex lock;                /* until tid is known */
    GCond started;
};

static void *iothread_main(void *opaque)
{
    IoThread *t = opaque;

    g_mutex_lock(&t->lock);
    t->tid = gettid();
    g_cond_signal(&t->started);
    g_mutex_unlock(&t->lock);
    while (!t->quit) {
        loop_wait(t->loop);
        loop_dispatch(t->loop);
    }
    return NULL;
}

static bool iothread_complete(Object *obj, Error **errp)
{
    IoThread *t = OBJECT_OF(obj, IoThread);
    g_autofree char *name = g_strdup_printf("IO %s", obj->name);

    g_mutex_init(&t->lock);
    g_cond_init(&t->started);
    t->loop = loop_new();
    t->thread = thread_start(name, iothread_main, t);
    g_mutex_lock(&t->lock);
    while (!t->tid) {
        g_cond_wait(&t->started, &t->lock);
    }
    g_mutex_unlock(&t->lock);
    return true;
}

static void ask_to_quit(void *opaque)
{
    ((IoThread *)opaque)->quit = true;
}

static void iothread_finalize(Object *obj)
{
    IoThread *t = OBJECT_OF(obj, IoThread);

    if (t->thread) {
        loop_post(t->loop, ask_to_quit, t);
        g_thread_join(t->thread);
        loop_free(t->loop);
        g_mutex_clear(&t->lock);
        g_cond_clear(&t->started);
    }
}

static bool iothread_can_delete(Object *obj)
{
    return !OBJECT_OF(obj, IoThread)->users;
}

static const UserObjectType iothread_type = {
    .name = "iothread", .desc = "a thread for input and output", .size = sizeof(IoThread),
    .complete = iothread_complete, .can_delete = iothread_can_delete,
    .finalize = iothread_finalize,
};
REGISTER_USER_OBJECT(iothread_type)

IoThread *iothread_find(const char *id, Error **errp)
{
    Object *obj = object_child(object_container("/objects"), id);

    if (!obj || obj->type != &iothread_type.object) {
        error_set(errp, "iothread '%s' not found", id);
        return NULL;
    }
    return OBJECT_OF(obj, IoThread);
}

Loop *iothread_loop(IoThread *t)
{
    return t->loop;
}

void iothread_use(IoThread *t)
{
    t->users++;
}

void iothread_unuse(IoThread *t)
{
    t->users--;
}

IOThreadInfoList *qmp_query_iothreads(Error **errp)
{
    IOThreadInfoList *list = NULL, **tail = &list;
    Object *obj;

    list_for_each(obj, &object_container("/objects")->children, Object, sibling) {
        IOThreadInfo *info;

        if (obj->type != &iothread_type.object) {
            continue;
        }
        info = g_new0(IOThreadInfo, 1);     /* the loops sleep rather than poll */
        info->id = g_strdup(obj->name);
        info->thread_id = OBJECT_OF(obj, IoThread)->tid;
        QAPI_APPEND(tail, info);
    }
    return list;
}

/* Intrusive doubly linked lists: a link in each member, a head that is a link too */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <stdbool.h>

#include "util/compiler.h"

typedef struct ListLink {
    struct ListLink *next, *prev;
} ListLink;

/* A list head; { NULL, NULL } is not valid, use list_init(). */
typedef ListLink List;

static inline void list_init(List *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const List *list)
{
    return list->next == list;
}

static inline void list_insert_before(ListLink *at, ListLink *link)
{
    link->prev = at->prev;
    link->next = at;
    at->prev->next = link;
    at->prev = link;
}

static inline void list_append(List *list, ListLink *link)
{
    list_insert_before(list, link);
}

static inline void list_prepend(List *list, ListLink *link)
{
    list_insert_before(list->next, link);
}

/* Take link out of its list; a second call does nothing. */
static inline void list_remove(ListLink *link)
{
    if (link->next) {
        link->prev->next = link->next;
        link->next->prev = link->prev;
        link->next = link->prev = NULL;
    }
}

static inline bool list_linked(const ListLink *link)
{
    return link->next != NULL;
}

#define list_entry(link, type, member) container_of(link, type, member)
#define list_first(list, type, member) \
    (list_empty(list) ? NULL : list_entry((list)->next, type, member))
/* The body may remove VAR itself from the list, but not its neighbour. */
#define list_for_each(var, list, type, member)                                              \
    for (ListLink *link_ = (list)->next, *next_ = link_->next;                              \
         link_ != (list) && ((var) = list_entry(link_, type, member), true);                \
         link_ = next_, next_ = link_->next)

#endif

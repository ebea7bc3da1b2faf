/* A line being typed: editing, history, completion; on terminals that know VT100 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include <glib.h>
#include <stddef.h>

typedef struct Readline Readline;

typedef struct ReadlineOps {
    void (*write)(void *opaque, const char *text, size_t len);
    void (*line)(void *opaque, const char *line);       /* Enter was pressed */
    GPtrArray *(*complete)(void *opaque, const char *line);     /* of strings, with g_free */
} ReadlineOps;

Readline *readline_new(const char *prompt, const ReadlineOps *ops, void *opaque);
void readline_free(Readline *rl);
void readline_feed(Readline *rl, char c);
/* Print the prompt and what is typed already. */
void readline_show(Readline *rl);
/* Lines of before, oldest first, owned by rl. */
const GPtrArray *readline_history(const Readline *rl);

#endif

/* A line being typed: editing, history, completion; on terminals that know VT100 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/readline.h"

#define LINE_MAX_BYTES 4095
#define HISTORY_MAX 64

enum { CTRL_MASK = 0x1f };

struct Readline {
    const ReadlineOps *ops;
    void *opaque;
    char *prompt;
    GString *line;
    size_t cursor;
    GPtrArray *history;
    unsigned browsing;          /* index into history; its length: the line being typed */
    char *typed;                /* which is kept here meanwhile */
    enum { PLAIN, ESCAPE, CSI } state;
    int csi_arg;
};

static void put(Readline *rl, const char *text)
{
    rl->ops->write(rl->opaque, text, strlen(text));
}

void readline_show(Readline *rl)
{
    g_autofree char *back = NULL;
    size_t behind = rl->line->len - rl->cursor;

    put(rl, "\r");
    put(rl, rl->prompt);
    put(rl, rl->line->str);
    put(rl, "\033[K");
    if (behind) {
        back = g_strdup_printf("\033[%zuD", behind);
        put(rl, back);
    }
}

static void set_line(Readline *rl, const char *text)
{
    g_string_assign(rl->line, text);
    rl->cursor = rl->line->len;
    readline_show(rl);
}

static void insert(Readline *rl, const char *text)
{
    if (rl->line->len + strlen(text) > LINE_MAX_BYTES) {
        return;
    }
    g_string_insert(rl->line, rl->cursor, text);
    rl->cursor += strlen(text);
    if (rl->cursor == rl->line->len) {
        put(rl, text);
    } else {
        readline_show(rl);
    }
}

static void erase(Readline *rl, size_t from, size_t to)
{
    if (from < to) {
        g_string_erase(rl->line, from, to - from);
        rl->cursor = from;
        readline_show(rl);
    }
}

static void move_to(Readline *rl, size_t cursor)
{
    rl->cursor = cursor;
    readline_show(rl);
}

static size_t word_start(const Readline *rl)
{
    size_t at = rl->cursor;

    while (at && rl->line->str[at - 1] == ' ') {
        at--;
    }
    while (at && rl->line->str[at - 1] != ' ') {
        at--;
    }
    return at;
}

static size_t word_end(const Readline *rl)
{
    size_t at = rl->cursor;

    while (at < rl->line->len && rl->line->str[at] == ' ') {
        at++;
    }
    while (at < rl->line->len && rl->line->str[at] != ' ') {
        at++;
    }
    return at;
}

static void browse(Readline *rl, int step)
{
    unsigned to = rl->browsing + step;

    if (to > rl->history->len) {        /* also below 0 */
        return;
    }
    if (rl->browsing == rl->history->len) {
        g_free(rl->typed);
        rl->typed = g_strdup(rl->line->str);
    }
    rl->browsing = to;
    set_line(rl, to == rl->history->len ? rl->typed : rl->history->pdata[to]);
}

static void remember(Readline *rl, const char *line)
{
    if (!*line) {
        return;
    }
    for (unsigned i = 0; i < rl->history->len; i++) {
        if (!strcmp(rl->history->pdata[i], line)) {
            g_ptr_array_remove_index(rl->history, i);
            break;
        }
    }
    if (rl->history->len == HISTORY_MAX) {
        g_ptr_array_remove_index(rl->history, 0);
    }
    g_ptr_array_add(rl->history, g_strdup(line));
}

static void enter(Readline *rl)
{
    g_autofree char *line = g_strdup(rl->line->str);

    put(rl, "\r\n");
    remember(rl, line);
    rl->browsing = rl->history->len;
    g_string_truncate(rl->line, 0);
    rl->cursor = 0;
    rl->ops->line(rl->opaque, line);
}

static size_t common_prefix(const GPtrArray *words)
{
    const char *first = words->pdata[0];
    size_t n = strlen(first);

    for (unsigned i = 1; i < words->len; i++) {
        const char *word = words->pdata[i];
        size_t k = 0;

        while (k < n && first[k] == word[k]) {
            k++;
        }
        n = k;
    }
    return n;
}

static void complete(Readline *rl)
{
    g_autofree char *begun = g_strndup(rl->line->str, rl->cursor);
    const char *word = strrchr(begun, ' ') ? strrchr(begun, ' ') + 1 : begun;
    g_autoptr(GPtrArray) words = rl->ops->complete(rl->opaque, begun);
    size_t have = strlen(word), n;

    if (!words->len) {
        return;
    }
    n = common_prefix(words);
    if (words->len == 1 || n > have) {
        g_autofree char *more = g_strdup_printf("%.*s%s", (int)(n - have),
                                                (char *)words->pdata[0] + have,
                                                words->len == 1 ? " " : "");

        insert(rl, more);
        return;
    }
    put(rl, "\r\n");
    for (unsigned i = 0; i < words->len; i++) {
        put(rl, words->pdata[i]);
        put(rl, i + 1 < words->len ? "  " : "\r\n");
    }
    readline_show(rl);
}

static void csi(Readline *rl, char c)
{
    if (g_ascii_isdigit(c)) {
        rl->csi_arg = MIN(rl->csi_arg * 10 + (c - '0'), 1000);
        return;
    }
    rl->state = PLAIN;
    switch (c) {
    case 'A':
        browse(rl, -1);
        break;
    case 'B':
        browse(rl, 1);
        break;
    case 'C':
        move_to(rl, MIN(rl->cursor + 1, rl->line->len));
        break;
    case 'D':
        move_to(rl, rl->cursor ? rl->cursor - 1 : 0);
        break;
    case 'H':
        move_to(rl, 0);
        break;
    case 'F':
        move_to(rl, rl->line->len);
        break;
    case '~':
        if (rl->csi_arg == 1 || rl->csi_arg == 4) {
            move_to(rl, rl->csi_arg == 1 ? 0 : rl->line->len);
        } else if (rl->csi_arg == 3) {
            erase(rl, rl->cursor, MIN(rl->cursor + 1, rl->line->len));
        }
        break;
    }
}

static void control(Readline *rl, char c)
{
    switch (c) {
    case '\r':
    case '\n':
        enter(rl);
        break;
    case '\t':
        complete(rl);
        break;
    case 'A' & CTRL_MASK:
        move_to(rl, 0);
        break;
    case 'E' & CTRL_MASK:
        move_to(rl, rl->line->len);
        break;
    case 'B' & CTRL_MASK:
        csi(rl, 'D');
        break;
    case 'F' & CTRL_MASK:
        csi(rl, 'C');
        break;
    case 'P' & CTRL_MASK:
        browse(rl, -1);
        break;
    case 'N' & CTRL_MASK:
        browse(rl, 1);
        break;
    case 'D' & CTRL_MASK:
        erase(rl, rl->cursor, MIN(rl->cursor + 1, rl->line->len));
        break;
    case 'H' & CTRL_MASK:
    case 0x7f:
        erase(rl, rl->cursor ? rl->cursor - 1 : 0, rl->cursor);
        break;
    case 'K' & CTRL_MASK:
        erase(rl, rl->cursor, rl->line->len);
        break;
    case 'U' & CTRL_MASK:
        erase(rl, 0, rl->cursor);
        break;
    case 'W' & CTRL_MASK:
        erase(rl, word_start(rl), rl->cursor);
        break;
    case 'C' & CTRL_MASK:
        put(rl, "\r\n");
        set_line(rl, "");
        break;
    case 'L' & CTRL_MASK:
        put(rl, "\033[H\033[2J");
        readline_show(rl);
        break;
    case 033:
        rl->state = ESCAPE;
        break;
    }
}

void readline_feed(Readline *rl, char c)
{
    if (rl->state == ESCAPE) {
        rl->state = c == '[' || c == 'O' ? CSI : PLAIN;
        rl->csi_arg = 0;
        if (c == 'b' || c == 'f') {
            move_to(rl, c == 'b' ? word_start(rl) : word_end(rl));
        } else if (c == 'd') {
            erase(rl, rl->cursor, word_end(rl));
        }
    } else if (rl->state == CSI) {
        csi(rl, c);
    } else if ((unsigned char)c < ' ' || c == 0x7f) {
        control(rl, c);
    } else {
        insert(rl, (char[]){ c, 0 });
    }
}

const GPtrArray *readline_history(const Readline *rl)
{
    return rl->history;
}

Readline *readline_new(const char *prompt, const ReadlineOps *ops, void *opaque)
{
    Readline *rl = g_new0(Readline, 1);

    rl->ops = ops;
    rl->opaque = opaque;
    rl->prompt = g_strdup(prompt);
    rl->line = g_string_new(NULL);
    rl->history = g_ptr_array_new_with_free_func(g_free);
    return rl;
}

void readline_free(Readline *rl)
{
    if (rl) {
        g_ptr_array_unref(rl->history);
        g_string_free(rl->line, true);
        g_free(rl->prompt);
        g_free(rl->typed);
        g_free(rl);
    }
}

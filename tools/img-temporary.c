/* New images under a temporary name: renamed when they are whole, removed when they will not be */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img-temporary.h"

#include <signal.h>

static const int end_signals[] = { SIGINT, SIGTERM, SIGHUP };

/* What a signal handler removes: set once it is complete. */
static const char *volatile to_remove;

static void remove_and_end(int signal_nr)
{
    if (to_remove) {
        unlink(to_remove);
    }
    signal(signal_nr, SIG_DFL);
    raise(signal_nr);
}

static const char *path_of(const char *target)
{
    return g_str_has_prefix(target, "file:") ? target + strlen("file:") : target;
}

const char *img_temporary_begin(ImgTemporary *t, const char *target)
{
    const char *path = path_of(target);
    g_autofree char *folder = g_path_get_dirname(path), *base = g_path_get_basename(path);
    struct stat st;

    *t = (ImgTemporary){ .target = path };
    /* A colon before a slash would make it another protocol's: leave those names alone. */
    if (!*path || !lstat(path, &st) || errno != ENOENT || strlen(base) > 200 ||
        (path == target && strchr(target, ':'))) {
        return target;
    }
    t->name = g_strdup_printf("%s%s.%s.%08x.part", strchr(path, '/') ? folder : "",
                              strchr(path, '/') ? "/" : "", base, g_random_int());
    return t->name;
}

void img_temporary_created(ImgTemporary *t)
{
    if (!t->name) {
        return;
    }
    t->created = true;
    to_remove = t->name;
    for (unsigned i = 0; i < ARRAY_SIZE(end_signals); i++) {
        signal(end_signals[i], remove_and_end);
    }
}

void img_temporary_restore_name(const ImgTemporary *t, Error **errp)
{
    g_auto(GStrv) parts = NULL;
    g_autofree char *text = NULL, *hint = NULL;

    if (!t->name || !*errp) {
        return;
    }
    parts = g_strsplit(error_text(*errp), t->name, -1);
    text = g_strjoinv(t->target, parts);
    if (error_hint_text(*errp)) {
        g_auto(GStrv) hints = g_strsplit(error_hint_text(*errp), t->name, -1);

        hint = g_strjoinv(t->target, hints);
    }
    error_free(*errp);
    *errp = NULL;
    error_set(errp, "%s", text);
    if (hint) {
        error_hint(errp, "%s", hint);
    }
}

bool img_temporary_end(ImgTemporary *t, bool ok)
{
    bool done = true;

    if (t->name && ok && rename(t->name, t->target)) {
        report_error("Could not rename '%s' to '%s': %s", t->name, t->target, g_strerror(errno));
        done = false;
    }
    if (t->name && (!ok || !done)) {
        unlink(t->name);
    }
    to_remove = NULL;
    g_free(t->name);
    *t = (ImgTemporary){};
    return done;
}

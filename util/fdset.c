/* Descriptors that clients pass: by name (getfd), and in sets that /dev/fdset/N opens */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/fdset.h"
#include "util/parse.h"

typedef struct Fdset {
    int64_t id;
    GArray *entries;            /* of FdsetEntry */
    bool used;
} Fdset;

static GHashTable *names;       /* char * to fd + 1 */
static GMutex lock;             /* of sets: the block layer opens from its own threads */
static GList *sets;             /* sorted by id */

/* --- by name --- */

void fd_name_add(const char *name, int fd)
{
    if (!names) {
        names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    fd_name_remove(name, NULL);
    g_hash_table_insert(names, g_strdup(name), GINT_TO_POINTER(fd + 1));
}

static int steal(const char *name)
{
    int fd = names ? GPOINTER_TO_INT(g_hash_table_lookup(names, name)) - 1 : -1;

    if (fd >= 0) {
        g_hash_table_remove(names, name);
    }
    return fd;
}

bool fd_name_remove(const char *name, Error **errp)
{
    int fd = steal(name);

    if (fd < 0) {
        error_set(errp, "File descriptor named '%s' not found", name);
        return false;
    }
    close(fd);
    return true;
}

int fd_name_take(const char *text, Error **errp)
{
    uint64_t number;
    int fd;

    if (g_ascii_isdigit(*text)) {
        if (parse_u64(text, 10, &number) || number > INT_MAX ||
            fcntl(number, F_GETFD) < 0) {
            error_set(errp, "'%s' is not the number of an open file descriptor", text);
            return -1;
        }
        return number;
    }
    fd = steal(text);
    if (fd < 0) {
        error_set(errp, "No file descriptor named '%s' found", text);
    }
    return fd;
}

/* --- in sets --- */

static Fdset *find(int64_t id)
{
    for (GList *l = sets; l; l = l->next) {
        if (((Fdset *)l->data)->id == id) {
            return l->data;
        }
    }
    return NULL;
}

static gint compare_sets(gconstpointer a, gconstpointer b)
{
    int64_t ia = ((const Fdset *)a)->id, ib = ((const Fdset *)b)->id;

    return ia < ib ? -1 : ia > ib;
}

static int64_t lowest_free_id(void)
{
    int64_t id = 0;

    for (GList *l = sets; l && ((Fdset *)l->data)->id == id; l = l->next) {
        id++;
    }
    return id;
}

int64_t fdset_add(int64_t id, int fd, const char *opaque)
{
    FdsetEntry entry = { fd, g_strdup(opaque) };
    Fdset *set;

    g_mutex_lock(&lock);
    if (id < 0) {
        id = lowest_free_id();
    }
    set = find(id);
    if (!set) {
        set = g_new0(Fdset, 1);
        set->id = id;
        set->entries = g_array_new(false, false, sizeof(FdsetEntry));
        sets = g_list_insert_sorted(sets, set, compare_sets);
    }
    g_array_append_val(set->entries, entry);
    g_mutex_unlock(&lock);
    return id;
}

/* Returns true when the set went with its last descriptor. */
static bool remove_entry(Fdset *set, unsigned i)
{
    FdsetEntry *e = &g_array_index(set->entries, FdsetEntry, i);

    close(e->fd);
    g_free(e->opaque);
    g_array_remove_index(set->entries, i);
    if (set->entries->len) {
        return false;
    }
    sets = g_list_remove(sets, set);
    g_array_free(set->entries, true);
    g_free(set);
    return true;
}

bool fdset_remove(int64_t id, int fd, Error **errp)
{
    bool found = false;
    Fdset *set;

    g_mutex_lock(&lock);
    set = find(id);
    for (unsigned i = 0; set && i < set->entries->len;) {
        if (fd >= 0 && g_array_index(set->entries, FdsetEntry, i).fd != fd) {
            i++;
            continue;
        }
        found = true;
        if (remove_entry(set, i)) {
            break;
        }
    }
    g_mutex_unlock(&lock);
    if (!found && fd >= 0) {
        error_set(errp, "File descriptor named 'fdset-id:%" PRId64 ", fd:%d' not found", id, fd);
    } else if (!found) {
        error_set(errp, "File descriptor named 'fdset-id:%" PRId64 "' not found", id);
    }
    return found;
}

void fdset_remove_unused(void)
{
    g_mutex_lock(&lock);
    for (GList *l = sets, *next; l; l = next) {
        Fdset *set = l->data;

        next = l->next;
        while (!set->used && !remove_entry(set, 0)) {
        }
    }
    g_mutex_unlock(&lock);
}

void fdset_foreach(void (*fn)(int64_t id, const FdsetEntry *entries, unsigned n, void *opaque),
                   void *opaque)
{
    for (GList *l = sets; l; l = l->next) {
        Fdset *set = l->data;

        fn(set->id, (const FdsetEntry *)(void *)set->entries->data, set->entries->len, opaque);
    }
}

static int open_from_set(int64_t id, int flags)
{
    int err = ENOENT, fd = -1;
    Fdset *set;

    g_mutex_lock(&lock);
    set = find(id);
    for (unsigned i = 0; set && i < set->entries->len && fd < 0; i++) {
        int have = g_array_index(set->entries, FdsetEntry, i).fd, mode = fcntl(have, F_GETFL);

        err = EACCES;
        if (mode >= 0 && (mode & O_ACCMODE) == (flags & O_ACCMODE)) {
            fd = fcntl(have, F_DUPFD_CLOEXEC, 0);
            err = errno;
            set->used = true;
        }
    }
    g_mutex_unlock(&lock);
    if (fd >= 0 && (flags & (O_APPEND | O_DIRECT | O_NONBLOCK))) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | (flags & (O_APPEND | O_DIRECT | O_NONBLOCK)));
    }
    errno = err;
    return fd;
}

int fdset_open(const char *path, int flags, mode_t mode)
{
    uint64_t id;

    if (g_str_has_prefix(path, "/dev/fdset/")) {
        if (parse_u64(path + strlen("/dev/fdset/"), 10, &id) || id > INT64_MAX) {
            errno = EINVAL;
            return -1;
        }
        return open_from_set(id, flags);
    }
    return open(path, flags | O_CLOEXEC, mode);
}

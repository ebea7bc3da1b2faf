/* -object memory-backend-ram, memory-backend-file, memory-backend-memfd: memory for guests */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/backend.h"
#include "qapi/commands-memory.h"
#include "qom/prop.h"
#include "qom/user-object.h"
#include "util/fdset.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define HUGETLB_SHIFT 26        /* of log2(size) in memfd_create()'s flags, memfd_create(2) */

static const char *id_of(const MemoryBackend *s)
{
    return s->obj.name;
}

/* The block over s->fd; fd is closed where that fails. */
static bool make_block(MemoryBackend *s, Error **errp)
{
    const RamSource from = {
        .fd = s->fd, .shared = s->share, .reserve = s->reserve, .prealloc = s->prealloc,
    };

    s->block = ram_block_new_from(id_of(s), s->size, &from, errp);
    if (!s->block) {
        if (s->fd >= 0) {
            close(s->fd);
        }
        return false;
    }
    ram_block_advise(s->block, s->merge, s->dump);
    return true;
}

static bool check_size(const MemoryBackend *s, Error **errp)
{
    if (!s->size) {
        error_set(errp, "Parameter 'size' is missing");
        return false;
    }
    if (s->size % RAM_PAGE_SIZE || s->size > INT64_MAX) {
        error_set(errp, "memory backend '%s': size 0x%" PRIx64 " is no multiple of %u KiB, or "
                  "beyond all memory", id_of(s), s->size, RAM_PAGE_SIZE / 1024);
        return false;
    }
    return true;
}

static bool ram_complete(Object *obj, Error **errp)
{
    MemoryBackend *s = OBJECT_OF(obj, MemoryBackend);

    s->fd = -1;
    return check_size(s, errp) && make_block(s, errp);
}

/* mem-path names a folder: a file in it that nobody else sees. */
static int open_unnamed(const char *folder, Error **errp)
{
    g_autofree char *path = g_strdup_printf("%s/mica-ram-XXXXXX", folder);
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_set_errno(errp, errno, "can't create backing store for guest RAM in %s", folder);
        return -1;
    }
    unlink(path);
    return fd;
}

static int open_backing(const MemoryBackend *s, bool *created, Error **errp)
{
    int flags = (s->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC, fd;

    *created = false;
    if (g_file_test(s->mem_path, G_FILE_TEST_IS_DIR)) {
        return open_unnamed(s->mem_path, errp);
    }
    fd = fdset_open(s->mem_path, flags, 0);
    if (fd < 0 && errno == ENOENT && !s->readonly) {
        fd = fdset_open(s->mem_path, flags | O_CREAT | O_EXCL, 0644);
        *created = fd >= 0;
    }
    if (fd < 0) {
        error_set_errno(errp, errno, "can't open backing store %s for guest RAM", s->mem_path);
    }
    return fd;
}

static bool size_backing(const MemoryBackend *s, int fd, Error **errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        error_set_errno(errp, errno, "backing store %s", s->mem_path);
        return false;
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size < s->size) {
        error_set(errp, "backing store size 0x%" PRIx64 " does not match 'size' option 0x%" PRIx64,
                  (uint64_t)st.st_size, s->size);
        return false;
    }
    if (S_ISREG(st.st_mode) && st.st_size == 0 && (s->readonly || ftruncate(fd, s->size) < 0)) {
        error_set_errno(errp, s->readonly ? EROFS : errno,
                        "can't make backing store %s 0x%" PRIx64 " bytes large", s->mem_path,
                        s->size);
        return false;
    }
    return true;
}

static bool file_complete(Object *obj, Error **errp)
{
    MemoryBackend *s = OBJECT_OF(obj, MemoryBackend);
    bool created;

    s->fd = -1;
    if (!s->mem_path) {
        error_set(errp, "Parameter 'mem-path' is missing");
        return false;
    }
    if (s->readonly && s->share) {
        error_set(errp, "memory backend '%s': readonly=on is possible with share=off only",
                  id_of(s));
        return false;
    }
    if (!check_size(s, errp) || (s->fd = open_backing(s, &created, errp)) < 0) {
        return false;
    }
    if (!size_backing(s, s->fd, errp)) {
        close(s->fd);
    } else if (make_block(s, errp)) {
        return true;
    }
    if (created) {
        unlink(s->mem_path);
    }
    return false;
}

static bool memfd_complete(Object *obj, Error **errp)
{
    MemoryBackend *s = OBJECT_OF(obj, MemoryBackend);
    unsigned flags = MFD_CLOEXEC | (s->seal ? MFD_ALLOW_SEALING : 0);

    s->fd = -1;
    if (!check_size(s, errp)) {
        return false;
    }
    if (s->hugetlbsize && !s->hugetlb) {
        error_set(errp, "'hugetlbsize' option needs hugetlb=on");
        return false;
    }
    if (s->hugetlb) {
        if (s->hugetlbsize & (s->hugetlbsize - 1)) {
            error_set(errp, "'hugetlbsize' is 0x%" PRIx64 ", no power of two", s->hugetlbsize);
            return false;
        }
        flags |= MFD_HUGETLB;
        if (s->hugetlbsize) {
            flags |= (unsigned)__builtin_ctzll(s->hugetlbsize) << HUGETLB_SHIFT;
        }
    }
    s->fd = memfd_create(id_of(s), flags);
    if (s->fd < 0 || ftruncate(s->fd, s->size) < 0 ||
        (s->seal && fcntl(s->fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
        error_set_errno(errp, errno, "memory backend '%s': memfd of 0x%" PRIx64 " bytes", id_of(s),
                        s->size);
        if (s->fd >= 0) {
            close(s->fd);
        }
        return false;
    }
    return make_block(s, errp);
}

static bool can_delete(Object *obj)
{
    return !OBJECT_OF(obj, MemoryBackend)->taken;
}

static void finalize(Object *obj)
{
    MemoryBackend *s = OBJECT_OF(obj, MemoryBackend);

    if (s->block) {
        if (s->discard_data) {
            madvise(s->block->host, s->block->size, MADV_REMOVE);
        }
        ram_block_free(s->block);
        if (s->fd >= 0) {
            close(s->fd);
        }
    }
}

#define PROPS_COMMON(share_default)                                                         \
    PROP_SIZE(MemoryBackend, size, 0, "bytes"),                                             \
    PROP_BOOL(MemoryBackend, merge, true, "the host may share equal pages (KSM)"),          \
    PROP_BOOL(MemoryBackend, dump, true, "part of core dumps"),                             \
    PROP_BOOL(MemoryBackend, prealloc, false, "take all of it from the host at once"),      \
    PROP_BOOL(MemoryBackend, share, share_default, "shared with processes that have it, too"), \
    PROP_BOOL(MemoryBackend, reserve, true, "count it as the host's overcommit rules say")

static const Prop ram_props[] = {
    PROPS_COMMON(false),
    { }
};

static const Prop file_props[] = {
    PROPS_COMMON(false),
    PROP_STRING_AS("mem-path", MemoryBackend, mem_path, NULL, "the file, or a folder for one"),
    PROP_BOOL(MemoryBackend, readonly, false, "open the file for reading only; needs share=off"),
    PROP_BOOL_AS("discard-data", MemoryBackend, discard_data, false,
                 "what is in memory at the end need not reach the file"),
    { }
};

static const Prop memfd_props[] = {
    PROPS_COMMON(true),
    PROP_BOOL(MemoryBackend, hugetlb, false, "huge pages"),
    PROP_SIZE(MemoryBackend, hugetlbsize, 0, "their size; the host's default where 0"),
    PROP_BOOL(MemoryBackend, seal, true, "its size cannot change any more"),
    { }
};

static const UserObjectType ram_type = {
    .name = "memory-backend-ram", .parent = "memory-backend",
    .desc = "memory of this process", .size = sizeof(MemoryBackend),
    .props = ram_props, .complete = ram_complete, .can_delete = can_delete, .finalize = finalize,
};
REGISTER_USER_OBJECT(ram_type)

static const UserObjectType file_type = {
    .name = "memory-backend-file", .parent = "memory-backend",
    .desc = "memory that is a file", .size = sizeof(MemoryBackend),
    .props = file_props, .complete = file_complete, .can_delete = can_delete, .finalize = finalize,
};
REGISTER_USER_OBJECT(file_type)

static const UserObjectType memfd_type = {
    .name = "memory-backend-memfd", .parent = "memory-backend",
    .desc = "memory behind a file descriptor",
    .size = sizeof(MemoryBackend), .props = memfd_props, .complete = memfd_complete,
    .can_delete = can_delete, .finalize = finalize,
};
REGISTER_USER_OBJECT(memfd_type)

MemoryBackend *memory_backend_find(const char *id)
{
    Object *obj = object_child(object_container("/objects"), id);

    if (!obj || (obj->type != &ram_type.object && obj->type != &file_type.object &&
                 obj->type != &memfd_type.object)) {
        return NULL;
    }
    return OBJECT_OF(obj, MemoryBackend);
}

RamBlock *memory_backend_take(MemoryBackend *backend, Error **errp)
{
    if (backend->taken) {
        error_set(errp, "memory backend %s can't be used multiple times.", id_of(backend));
        return NULL;
    }
    backend->taken = true;
    return backend->block;
}

void memory_backend_give_back(MemoryBackend *backend)
{
    backend->taken = false;
}

MemdevList *qmp_query_memdev(Error **errp)
{
    MemdevList *list = NULL, **tail = &list;
    Object *obj;

    list_for_each(obj, &object_container("/objects")->children, Object, sibling) {
        const MemoryBackend *s = memory_backend_find(obj->name);
        Memdev *info;

        if (!s) {
            continue;
        }
        info = g_new0(Memdev, 1);
        info->id = g_strdup(obj->name);
        info->size = s->size;
        info->merge = s->merge;
        info->dump = s->dump;
        info->prealloc = s->prealloc;
        info->share = s->share;
        info->has_reserve = true;
        info->reserve = s->reserve;
        info->policy = HOST_MEM_POLICY_DEFAULT;
        QAPI_APPEND(tail, info);
    }
    return list;
}

/* -object memory-backend-ram, -file, -memfd: memory that a machine can be given */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "memory/backend.h"
#include "qom/prop.h"
#include "util/fdset.h"

#include <sys/mman.h>
#include <sys/stat.h>

typedef struct MemoryBackend {
    Object obj;
    uint64_t size;
    char *mem_path;             /* file */
    bool share, prealloc;
    RamBlock *block;
    bool used;
} MemoryBackend;

/* Touch each page, so that the host has it or says so now. */
static void touch_pages(RamBlock *block)
{
    volatile uint8_t *p = block->host;

    for (uint64_t i = 0; i < block->size; i += RAM_PAGE_SIZE) {
        p[i] = p[i];
    }
}

static bool finish(MemoryBackend *s, RamBlock *block)
{
    s->block = block;
    if (block && s->prealloc) {
        touch_pages(block);
    }
    return block;
}

static bool check_size(MemoryBackend *s, Error **errp)
{
    if (!s->size || s->size % RAM_PAGE_SIZE) {
        error_set(errp, "property 'size' of %s must be a multiple of %u, and not 0",
                  s->obj.type->name, RAM_PAGE_SIZE);
        return false;
    }
    return true;
}

static bool ram_complete(Object *obj, Error **errp)
{
    MemoryBackend *s = OBJECT_OF(obj, MemoryBackend);

    return check_size(s, errp) && finish(s, ram_block_new(obj->name, s->size, errp));
}

static bool map_fd(MemoryBackend *s, int fd, Error **errp)
{
    RamBlock *block = ram_block_new_fd(s->obj.name, s->size, fd, s->share, errp);

    close(fd);
    return finish(s, block);
}

static bool memfd_complete(Object *obj, Error **errp)
{
    MemoryBackend *s = OBJECT_OF(obj, MemoryBackend);
    int fd;

    if (!check_size(s, errp)) {
        return false;
    }
    fd = memfd_create(obj->name, MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, s->size) < 0) {
        error_set_errno(errp, errno, "cannot make a memfd of %" PRIu64 " bytes", s->size);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    return map_fd(s, fd, errp);
}

static bool file_complete(Object *obj, Error **errp)
{
    MemoryBackend *s = OBJECT_OF(obj, MemoryBackend);
    struct stat st;
    int fd;

    if (!s->mem_path) {
        error_set(errp, "mem-path property not set");
        return false;
    }
    if (!check_size(s, errp)) {
        return false;
    }
    fd = fdset_open(s->mem_path, O_RDWR | O_CREAT, 0644);
    if (fd < 0 || fstat(fd, &st) < 0) {
        error_set_errno(errp, errno, "can't open backing store %s for guest RAM", s->mem_path);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (S_ISREG(st.st_mode) && st.st_size && (uint64_t)st.st_size < s->size) {
        error_set(errp, "backing store size 0x%" PRIx64 " is smaller than 'size' option 0x%"
                  PRIx64, (uint64_t)st.st_size, s->size);
        close(fd);
        return false;
    }
    if (S_ISREG(st.st_mode) && !st.st_size && ftruncate(fd, s->size) < 0) {
        error_set_errno(errp, errno, "can't make backing store %s large enough", s->mem_path);
        close(fd);
        return false;
    }
    return map_fd(s, fd, errp);
}

static bool backend_can_delete(Object *obj)
{
    return !OBJECT_OF(obj, MemoryBackend)->used;
}

static void backend_finalize(Object *obj)
{
    ram_block_free(OBJECT_OF(obj, MemoryBackend)->block);
}

#define PROPS_COMMON                                                                        \
    PROP_SIZE(MemoryBackend, size, 0, "in bytes"),                                          \
    PROP_BOOL(MemoryBackend, prealloc, false, "take the memory from the host at once")
#define PROP_SHARE(def)                                                                     \
    PROP_BOOL(MemoryBackend, share, def, "what the guest writes reaches the file, and others")

static const Prop ram_props[] = {
    PROPS_COMMON,
    { }
};

static const Prop memfd_props[] = {
    PROPS_COMMON,
    PROP_SHARE(true),
    { }
};

static const Prop file_props[] = {
    PROPS_COMMON,
    PROP_SHARE(false),
    PROP_STRING_AS("mem-path", MemoryBackend, mem_path, NULL, "the file"),
    { }
};

#define BACKEND(Name, Desc, Props, Complete)                                                \
    {                                                                                       \
        .name = Name, .desc = Desc, .size = sizeof(MemoryBackend), .props = Props,          \
        .parent = "memory-backend", .complete = Complete,                                   \
        .can_delete = backend_can_delete, .finalize = backend_finalize,                     \
    }
static const UserObjectType ram_backend = BACKEND("memory-backend-ram", "memory of the host",
                                                  ram_props, ram_complete);
REGISTER_USER_OBJECT(ram_backend)
static const UserObjectType memfd_backend = BACKEND("memory-backend-memfd",
                                                    "memory with a descriptor to pass on",
                                                    memfd_props, memfd_complete);
REGISTER_USER_OBJECT(memfd_backend)
static const UserObjectType file_backend = BACKEND("memory-backend-file", "memory in a file",
                                                   file_props, file_complete);
REGISTER_USER_OBJECT(file_backend)

RamBlock *memory_backend_take(const char *id, Error **errp)
{
    Object *obj = object_child(object_container("/objects"), id);
    MemoryBackend *s;

    if (!obj || (obj->type != &ram_backend.object && obj->type != &memfd_backend.object &&
                 obj->type != &file_backend.object)) {
        error_set(errp, "Memory backend '%s' not found", id);
        return NULL;
    }
    s = OBJECT_OF(obj, MemoryBackend);
    if (s->used) {
        error_set(errp, "memory backend '%s' can't be used multiple times.", id);
        return NULL;
    }
    s->used = true;
    return s->block;
}

/* Find and read firmware, option ROM and kernel files */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/loader.h"
#include "util/trace.h"

#ifndef MICA_DATADIR
#define MICA_DATADIR "/usr/local/share/mica"
#endif

/* Debian's packages seabios, qemu-system-data (which shares our ROMs' formats), ipxe-qemu */
static const char *const package_folders[] = {
    "/usr/share/seabios", "/usr/share/vgabios", "/usr/share/qemu", "/usr/lib/ipxe/qemu",
    "/usr/share/ipxe", "/usr/share/OVMF",
};

static GPtrArray *user_folders;

void loader_add_folder(const char *path)
{
    if (!user_folders) {
        user_folders = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(user_folders, g_strdup(path));
}

/* Beside the program: the build folder's pc-bios/, or share/mica of wherever it was moved to */
static void add_own_folders(GPtrArray *all)
{
    g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *bin = exe ? g_path_get_dirname(exe) : NULL;
    static const char *const beside[] = { "pc-bios", "../../pc-bios", "../share/mica" };

    for (unsigned i = 0; bin && i < ARRAY_SIZE(beside); i++) {
        g_autofree char *path = g_build_filename(bin, beside[i], NULL);

        if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
            g_ptr_array_add(all, g_canonicalize_filename(path, NULL));
        }
    }
    g_ptr_array_add(all, g_strdup(MICA_DATADIR));
}

char **loader_folders(void)
{
    GPtrArray *all = g_ptr_array_new();

    for (unsigned i = 0; user_folders && i < user_folders->len; i++) {
        g_ptr_array_add(all, g_strdup(g_ptr_array_index(user_folders, i)));
    }
    add_own_folders(all);
    for (unsigned i = 0; i < ARRAY_SIZE(package_folders); i++) {
        g_ptr_array_add(all, g_strdup(package_folders[i]));
    }
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(all, false);
}

char *loader_find(const char *name)
{
    g_auto(GStrv) folders = NULL;

    if (g_file_test(name, G_FILE_TEST_IS_REGULAR)) {
        return g_strdup(name);
    }
    if (g_path_is_absolute(name)) {
        return NULL;
    }
    folders = loader_folders();
    for (char **folder = folders; *folder; folder++) {
        char *path = g_build_filename(*folder, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
            TRACE(loader_found, "%s is %s", name, path);
            return path;
        }
        g_free(path);
    }
    return NULL;
}

static bool read_all(int fd, uint8_t *buf, size_t len)
{
    while (len) {
        ssize_t n = read(fd, buf, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n ? errno : EIO;    /* it shrank under us */
            return false;
        }
        buf += n;
        len -= n;
    }
    return true;
}

GBytes *loader_read_file(const char *what, const char *path, size_t max, Error **errp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t *buf = NULL;
    struct stat st;

    if (fd < 0) {
        error_set_errno(errp, errno, "%s '%s': cannot open it", what, path);
        return NULL;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        error_set(errp, "%s '%s': not a regular file", what, path);
    } else if (st.st_size == 0) {
        error_set(errp, "%s '%s': the file is empty", what, path);
    } else if ((uint64_t)st.st_size > max) {
        error_set(errp, "%s '%s': %" PRIu64 " bytes are more than the %zu that fit", what, path,
                  (uint64_t)st.st_size, max);
    } else if (!(buf = g_try_malloc(st.st_size))) {
        error_set(errp, "%s '%s': no memory for its %" PRIu64 " bytes", what, path,
                  (uint64_t)st.st_size);
    } else if (!read_all(fd, buf, st.st_size)) {
        error_set_errno(errp, errno, "%s '%s': cannot read it", what, path);
        g_clear_pointer(&buf, g_free);
    }
    close(fd);
    return buf ? g_bytes_new_take(buf, st.st_size) : NULL;
}

GBytes *loader_read(const char *what, const char *name, size_t max, Error **errp)
{
    g_autofree char *path = loader_find(name);

    if (!path) {
        error_set(errp, "%s '%s': no such file, here or in the firmware folders", what, name);
        error_hint(errp, "'-L help' lists the folders, '-L FOLDER' adds one; Debian has the "
                         "firmware in the packages seabios and ipxe-qemu");
        return NULL;
    }
    return loader_read_file(what, path, max, errp);
}

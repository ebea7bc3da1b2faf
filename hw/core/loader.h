/* Firmware and option ROM files: where they are looked for, and how they get in */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CORE_LOADER_H
#define HW_CORE_LOADER_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/*
 * Search order: the name as it is, then -L folders in the order given, then
 * ours (beside the program in the build folder; the installed data folder),
 * then those of the distribution's firmware packages.
 */
void loader_add_folder(const char *path);   /* -L; before the machine is built */
/* Folders in search order, ended by NULL; g_strfreev(). For "-L help". */
char **loader_folders(void);
/* The file's path, NULL when there is none; g_free(). */
char *loader_find(const char *name);

/*
 * The whole of a regular file, at most max bytes. what names it in messages
 * ("kernel", "BIOS image").
 */
GBytes *loader_read_file(const char *what, const char *path, size_t max, Error **errp);
/* loader_find() and loader_read_file(). */
GBytes *loader_read(const char *what, const char *name, size_t max, Error **errp);

#endif

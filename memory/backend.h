/* -object memory-backend-ram, -file, -memfd: memory that a machine can be given */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMORY_BACKEND_H
#define MEMORY_BACKEND_H

#include "memory/ram.h"

/*
 * The block of the backend with that id, which is then in use for ever. NULL
 * with errp: there is none of that id, or something uses it already.
 */
RamBlock *memory_backend_take(const char *id, Error **errp);

#endif

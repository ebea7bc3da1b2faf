/* The qtest line server: -qtest, -object qtest */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_QTEST_H
#define SYSTEM_QTEST_H

#include <stdbool.h>

#include "chardev/char.h"

/*
 * Serve one harness on chr, for the rest of the program. log: a file for the
 * traffic, NULL for stderr, "none" for no log.
 */
bool qtest_server_start(Chardev *chr, const char *log, Error **errp);

#endif

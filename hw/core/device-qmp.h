/* Devices that users create: -device and device_add, -global, their help */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CORE_DEVICE_QMP_H
#define HW_CORE_DEVICE_QMP_H

#include <stdio.h>

#include "hw/core/device.h"
#include "qapi/json.h"

/*
 * From {"driver": ..., "id": ..., "bus": ..., properties...}; values are
 * strings (key=value) or JSON scalars. The device is realized, the tree holds it.
 */
Device *device_add(const Json *options, Error **errp);
/* -global: another default for a property of every device of a type made from now on. */
bool device_add_global(const char *driver, const char *property, const char *value, Error **errp);

/* "-device help", "-device NAME,help"; false: no such type. */
void device_help(FILE *out);
bool device_type_help(const char *name, FILE *out, Error **errp);

#endif

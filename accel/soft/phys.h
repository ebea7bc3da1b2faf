/* The physical side of the software CPU on a real machine's memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_PHYS_H
#define ACCEL_SOFT_PHYS_H

#include "accel/soft/mem.h"

/* For phys_ops: RAM, ROM and devices of memory_space(). */
extern const PhysOps phys_machine;

#endif

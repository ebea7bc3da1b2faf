/* Small pieces of host code that run one guest FP or SIMD instruction */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_HOST_STUB_H
#define ACCEL_SOFT_HOST_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* Code under construction. Stubs are position-independent and leaf. */
typedef struct StubCode {
    uint8_t byte[248];
    unsigned len;
    bool overflow;
} StubCode;

void stub_put(StubCode *code, const void *bytes, unsigned len);
#define STUB_PUT(code, ...)                                              \
    stub_put(code, (const uint8_t[]){ __VA_ARGS__ },                     \
             sizeof((const uint8_t[]){ __VA_ARGS__ }))
void stub_put32(StubCode *code, uint32_t value);

/* Get the memory, if there is none yet. Fails where the host forbids new executable code. */
bool stub_start(Error **errp);

/*
 * The executable copy of code as an offset, never 0; the same bytes give the
 * same stub. 0 when there is no room (see stub_start). Any thread.
 */
uint32_t stub_publish(const StubCode *code);

/* Address stubs are counted from. Constant once there is a stub. */
extern uint8_t *stub_base;

#endif

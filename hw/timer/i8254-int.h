/* i8254: the chip's state, which the kernel's own has too */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_TIMER_I8254_INT_H
#define HW_TIMER_I8254_INT_H

#include "hw/timer/i8254.h"
#include "util/clock.h"

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_WORD };

/*
 * A counter is the time it was started at; its value is worked out on demand.
 * While the gate holds it, elapsed is how far it had come.
 */
typedef struct Counter {
    uint32_t count;             /* 1 to 65536; 10000 at most in BCD */
    uint32_t next_count;        /* loaded at reload_ns, when that is not 0 */
    int64_t start_ns, reload_ns;
    uint64_t elapsed;
    uint8_t mode, access;
    bool bcd, gate, running, null_count;
    bool triggered;             /* modes 1 and 5: the gate has risen */
    uint8_t write_low;
    bool write_high_next, read_high_next;
    uint16_t latch;
    uint8_t latched_bytes;      /* left to read */
    uint8_t status;
    bool status_latched;
} Counter;

typedef struct I8254 {
    IsaDevice isa;
    uint32_t iobase;
    Counter counter[3];
    IrqLine *irq;
    bool irq_enabled;
    Timer timer;                /* next rise of counter 0's output */
} I8254;

extern const StateField i8254_state[];

#endif

/* serial: the 16550A, wherever it is mapped */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "chardev/char.h"
#include "hw/core/irq.h"
#include "memory/memory.h"
#include "qom/state.h"
#include "util/clock.h"

#define SERIAL_FIFO 16

typedef struct SerialFifo {
    uint8_t data[SERIAL_FIFO];
    uint8_t head, count;
} SerialFifo;

/* Embedded in the device that maps it. */
typedef struct Serial {
    IrqLine *irq;
    CharFrontend chr;
    uint32_t baudbase;          /* bits a second at divisor 1 */
    bool wakeup;                /* input wakes a suspended machine */

    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    uint16_t divisor;
    bool thre_pending;          /* transmitter empty, not yet reported by IIR */
    bool timeout_pending;       /* bytes lay in the FIFO for four characters' time */
    SerialFifo rx, tx;
    bool stuck;                 /* waiting for the back end to take what is in tx */
    Timer timeout;
} Serial;

extern const IoOps serial_io;           /* eight registers; opaque is the Serial */
extern const StateField serial_state[];

bool serial_realize(Serial *s, Chardev *chr, Error **errp);
void serial_unrealize(Serial *s);
void serial_reset(Serial *s);

#endif

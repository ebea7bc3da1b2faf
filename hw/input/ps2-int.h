/* ps2: what keyboard and mouse share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INPUT_PS2_INT_H
#define HW_INPUT_PS2_INT_H

#include "hw/input/ps2.h"

enum { PS2_PASSED = 0xaa, PS2_ACK = 0xfa, PS2_RESEND = 0xfe };

void ps2_answer(Ps2Port *p, uint8_t byte);
void ps2_flush(Ps2Port *p);
unsigned ps2_room(const Ps2Port *p);
bool ps2_send(Ps2Port *p, const uint8_t *bytes, unsigned count);

extern const StateField ps2_port_state[];

#endif

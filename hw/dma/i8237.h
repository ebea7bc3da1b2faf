/* i8237: ISA DMA: eight channels and their page registers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_DMA_I8237_H
#define HW_DMA_I8237_H

#include "hw/isa/isa.h"

/* Both controllers at their PC addresses; they become bus->dma. */
Device *i8237_create_pair(IsaBus *bus);

/*
 * For devices on the bus. A channel number is 0 to 3 (bytes) or 5 to 7 (words).
 * Bytes the channel is programmed for and would move now; 0 while it is masked,
 * disabled or used up.
 */
size_t isa_dma_room(IsaBus *bus, unsigned channel);
/*
 * Move up to len bytes from buf to memory (a device's read: the channel must be
 * programmed to write memory) or from memory to buf. Returns the bytes moved;
 * stops at the end of the count, where terminal count is set and an
 * auto-initialising channel starts again.
 */
size_t isa_dma_to_memory(IsaBus *bus, unsigned channel, const void *buf, size_t len);
size_t isa_dma_from_memory(IsaBus *bus, unsigned channel, void *buf, size_t len);
/* The device's DREQ, shown in the status register. */
void isa_dma_request(IsaBus *bus, unsigned channel, bool level);

#endif

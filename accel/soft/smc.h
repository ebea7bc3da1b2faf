/* Self-modifying code: which physical pages hold code, and what happens to stores there */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_SMC_H
#define ACCEL_SOFT_SMC_H

#include "accel/soft/soft-cpu.h"

/* tlb.c, filling tag_w: is there code in this page? Then it must not be filled. */
bool smc_page_is_code(SoftCpu *cpu, uint64_t phys);
/*
 * tlb.c, just before it writes a tag_w: note that some vCPU may write this page
 * unseen. False: code appeared meanwhile, do not fill.
 */
bool smc_note_writable(SoftCpu *cpu, uint64_t phys);
/* A store of this vCPU just changed [phys, phys+len), in one page: drop the blocks over it. */
void smc_store(SoftCpu *cpu, uint64_t phys, unsigned len);
/* The same from any thread, any length: device DMA, a debugger. Call after the bytes changed. */
void smc_invalidate_ram(uint64_t ram_addr, uint64_t len);
/* Every block is stale: the memory map changed, a vCPU was added. Any thread. */
void smc_invalidate_all(void);

#endif

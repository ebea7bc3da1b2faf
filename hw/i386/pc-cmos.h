/* What a PC keeps in its CMOS memory for the BIOS */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_PC_CMOS_H
#define HW_I386_PC_CMOS_H

typedef struct PcMachine PcMachine;

/* When all drives are there. */
void pc_set_cmos(PcMachine *pc);

#endif

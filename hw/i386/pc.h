/* What every PC has: memory map, chips, firmware */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"
#include "hw/nvram/fw-cfg.h"

#define PC_NR_GSI 24

enum { PC_SMM_AUTO, PC_SMM_ON, PC_SMM_OFF };

typedef struct PcMachine {
    Machine machine;
    uint64_t below_4g, above_4g;    /* bytes of RAM on each side of the PCI hole */
    IrqLine *gsi;                   /* PC_NR_GSI inputs: to i8259 and I/O APIC alike */
    IrqLine *pic[ISA_NR_IRQS];
    Device *ioapic;
    int smm;                        /* PC_SMM_*; properties */
    bool acpi;                  /* false: no power management, no tables */
    bool fd_bootchk;
    IsaBus *isa;
    Device *pit, *rtc, *hpet, *ide, *pm;
    FwCfg *fw;
    bool boot_once_pending;     /* the first reset is that of the start */
    MemRegion bios, bios_isa;
} PcMachine;

extern const Prop pc_machine_props[];

/* In this order, by the boards. */
void pc_split_ram(PcMachine *pc);
bool pc_create_cpus(PcMachine *pc, Error **errp);
/* The lines behind ISA interrupts 0 to 15, before the ISA bus exists. */
void pc_create_gsi(PcMachine *pc, IrqLine *lines[ISA_NR_IRQS]);
/* Interrupt controllers, timers, CMOS clock and the small ports, on pc->isa. */
void pc_create_chips(PcMachine *pc);
/* What smm= comes to with this accelerator. False: on, and it cannot. */
bool pc_choose_smm(PcMachine *pc, bool *smm, Error **errp);
/* What -vga names: "std" when nothing, "none" for none. */
void pc_create_vga(PcMachine *pc, PciBus *bus);
/* The BIOS at the top of 4 GiB, its last 128 KiB below 1 MiB too (in mem). */
bool pc_load_bios(PcMachine *pc, MemRegion *mem, Error **errp);

#endif

/* What every PC has: memory map, chips, firmware */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"
#include "hw/nvram/fw-cfg.h"
#include "qapi/types-common.h"

#define PC_NR_GSI 24
#define PC_NR_PFLASH 2

enum { SMBIOS_ENTRY_32, SMBIOS_ENTRY_64 };

typedef struct PcMachine {
    Machine machine;
    uint64_t below_4g, above_4g;    /* bytes of RAM on each side of the PCI hole */
    unsigned apic_ids;              /* all are below */
    IrqLine *gsi;                   /* PC_NR_GSI inputs: to i8259 and I/O APIC alike */
    IrqLine *pic[ISA_NR_IRQS];
    Device *ioapic;
    int smm, vmport;                /* properties; ON_OFF_AUTO_* */
    bool acpi;                  /* false: no power management, no tables */
    bool has_hpet, has_i8042;
    bool fd_bootchk;
    uint64_t max_below_4g;      /* bytes; 0: not given */
    int smbios_entry;           /* SMBIOS_ENTRY_* */
    IsaBus *isa;
    Device *pit, *rtc, *hpet, *ide, *pm, *fdc;
    FwCfg *fw;
    bool boot_once_pending;     /* the first reset is that of the start */
    char *pflash[PC_NR_PFLASH]; /* properties: the drives of the flash chips that hold the BIOS */
    uint64_t max_fw_size;
    MemRegion bios, bios_isa;
} PcMachine;

extern const Prop pc_machine_props[];

/* In this order, by the boards. */
bool pc_split_ram(PcMachine *pc, Error **errp);
bool pc_create_cpus(PcMachine *pc, Error **errp);
/* The lines behind ISA interrupts 0 to 15, before the ISA bus exists. */
void pc_create_gsi(PcMachine *pc, IrqLine *lines[ISA_NR_IRQS]);
/* Interrupt controllers, timers, CMOS clock and the small ports, on pc->isa. */
void pc_create_chips(PcMachine *pc);
/* What smm= comes to with this accelerator. False: on, and it cannot. */
bool pc_choose_smm(PcMachine *pc, bool *smm, Error **errp);
/* What -vga names: "std" when nothing, "none" for none. */
void pc_create_vga(PcMachine *pc, PciBus *bus);
/*
 * The BIOS at the top of 4 GiB, its last 128 KiB below 1 MiB too (in mem): a
 * ROM, or flash chips, the first on top.
 */
bool pc_load_bios(PcMachine *pc, MemRegion *mem, Error **errp);

#endif

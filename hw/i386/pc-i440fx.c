/* The pc machine: i440FX and PIIX3 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/pc.h"
#include "hw/i386/pc-firmware.h"
#include "hw/acpi/cpu-hotplug.h"
#include "hw/acpi/memory-hotplug.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/ide/piix-ide.h"
#include "hw/isa/piix3.h"
#include "hw/pci/i440fx.h"
#include "hw/rtc/mc146818.h"

/* The south bridge's slot, where guests and firmware expect it. */
#define PIIX3_SLOT 1

static bool pc_i440fx_build(Machine *m, Error **errp)
{
    PcMachine *pc = OBJECT_OF(m, PcMachine);
    IrqLine *lines[ISA_NR_IRQS];
    PciHost *host;
    bool smm;

    if (!pc_split_ram(pc, errp) || !pc_choose_smm(pc, &smm, errp) || !pc_create_cpus(pc, errp)) {
        return false;
    }
    host = i440fx_new(&m->ram_region, m->ram, pc->below_4g);
    if (!pc_load_bios(pc, host->bus->mem, errp)) {
        return false;
    }
    pc_create_gsi(pc, lines);
    pc->isa = piix3_new(host, lines);
    pc_create_chips(pc);
    pc_create_vga(pc, host->bus);
    pc->ide = piix3_ide_new(host->bus, PIIX3_SLOT,
                            (IrqLine *[]){ &pc->gsi[IDE_PRIMARY_IRQ],
                                           &pc->gsi[IDE_SECONDARY_IRQ] });
    if (pc->acpi) {
        pc->pm = piix4_pm_new(host->bus, PIIX3_SLOT, &pc->gsi[PIIX4_SCI_IRQ], smm, errp);
        if (!pc->pm) {
            return false;
        }
        rtc_set_alarm_line(pc->rtc, device_irq_in(pc->pm, 0));
        cpu_hotplug_new(m, &pc->pm->obj, piix4_pm_acpi(pc->pm));
        if (m->ram_slots) {
            memory_hotplug_new(m, &pc->pm->obj, piix4_pm_acpi(pc->pm));
        }
    }
    return true;
}

static const MachineType pc_i440fx_machine = {
    .name = "pc-i440fx-7.2", .alias = "pc", .desc = "Standard PC (i440FX + PIIX, 1996)",
    .is_default = true, .size = sizeof(PcMachine), .props = pc_machine_props, .max_cpus = 255,
    .hotpluggable_cpus = true, .max_ram_slots = 256,
    .default_ram_size = 128u << 20, .build = pc_i440fx_build,
    .finish = pc_finish,
};
REGISTER_MACHINE(pc_i440fx_machine)

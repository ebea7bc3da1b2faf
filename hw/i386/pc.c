/* What every PC has: RAM map, CPUs, chips, firmware */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/pc.h"
#include "accel/accel.h"
#include "hw/block/fdc.h"
#include "hw/block/pflash.h"
#include "hw/core/loader.h"
#include "hw/core/power.h"
#include "hw/core/numa.h"
#include "hw/dma/i8237.h"
#include "hw/i386/cpu.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/kvm-irqchip.h"
#include "hw/pci/msi.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"

#define BIOS_MAX (16u << 20)
#define MIN_BELOW_4G (1u << 20)
#define CMOS_SHUTDOWN_STATUS   0x0f
#define SHUTDOWN_STATUS_RESUME 0xfe     /* S3 */
#define PC_MAX_APIC_IDS 255             /* 8 bits, but for the broadcast */
/* Pins the HPET's timers may drive: 2 alone, the others have owners. */
#define PC_HPET_PINS BIT(2)

static const char *const smbios_entry_names[] = { "32", "64", NULL };

const Prop pc_machine_props[] = {
    PROP_ON_OFF_AUTO(PcMachine, smm, "system management mode; auto: where the accelerator has it"),
    PROP_ON_OFF_AUTO(PcMachine, vmport, "a VMware port; auto: off, there is none"),
    PROP_BOOL(PcMachine, acpi, true, "ACPI"),
    PROP_BOOL_AS("fd-bootchk", PcMachine, fd_bootchk, true,
                 "the BIOS looks for a boot signature on floppy disks"),
    PROP_BOOL_AS("hpet", PcMachine, has_hpet, true, "a high precision event timer"),
    PROP_BOOL_AS("i8042", PcMachine, has_i8042, true, "PS/2 keyboard and mouse"),
    PROP_SIZE_AS("max-ram-below-4g", PcMachine, max_below_4g, 0,
                 "as much RAM at the most comes before the PCI hole; 0: what is usual"),
    PROP_ENUM_AS("smbios-entry-point-type", PcMachine, smbios_entry, SMBIOS_ENTRY_32,
                 smbios_entry_names, "of the SMBIOS tables: 32 as in 2.8, 64 as in 3.0"),
    PROP_STRING_AS("pflash0", PcMachine, pflash[0], NULL,
                   "Node name or ID of a block device: flash that holds the BIOS"),
    PROP_STRING_AS("pflash1", PcMachine, pflash[1], NULL,
                   "the same: flash below that, the firmware's variables"),
    PROP_SIZE_AS("max-fw-size", PcMachine, max_fw_size, 8 << 20,
                 "bytes that the flash of the firmware may have, 16M at most"),
    { }
};

bool pc_choose_smm(PcMachine *pc, bool *smm, Error **errp)
{
    *smm = pc->smm != ON_OFF_AUTO_OFF && accel_has_smm();
    if (pc->smm == ON_OFF_AUTO_ON && !*smm) {
        error_set(errp, "-machine smm=on: accelerator '%s' has no system management mode",
                  accel_type()->name);
        error_hint(errp, "Use smm=auto or smm=off");
        return false;
    }
    return true;
}

/* RAM ends at 3.5 GiB; where it must be split, at 3 GiB, so that both parts are whole GiB. */
bool pc_split_ram(PcMachine *pc, Error **errp)
{
    uint64_t size = pc->machine.ram_size, limit = 0xe0000000;

    if (pc->vmport == ON_OFF_AUTO_ON) {
        error_set(errp, "-machine vmport=on: there is no VMware port");
        return false;
    }
    if (pc->max_below_4g && (pc->max_below_4g < MIN_BELOW_4G || pc->max_below_4g > 4ULL << 30 ||
                             pc->max_below_4g % MIN_BELOW_4G)) {
        error_set(errp, "-machine max-ram-below-4g=%" PRIu64 ": it must be whole MiB, from 1 MiB "
                  "to 4 GiB", pc->max_below_4g);
        return false;
    }
    if (size >= limit) {
        limit = 0xc0000000;
    }
    if (pc->max_below_4g) {
        limit = MIN(limit, pc->max_below_4g);
    }
    pc->below_4g = MIN(size, limit);
    pc->above_4g = size - pc->below_4g;
    if (pc->machine.ram_slots) {        /* behind it, a GiB a slot to align modules with */
        pc->machine.device_memory_base = ROUND_UP(0x100000000ULL + pc->above_4g, 1ULL << 30);
        pc->machine.device_memory_size = pc->machine.max_ram_size - size +
                                         ((uint64_t)pc->machine.ram_slots << 30);
    }
    return true;
}

bool pc_create_cpus(PcMachine *pc, Error **errp)
{
    Machine *m = &pc->machine;

    pc->apic_ids = machine_apic_id(m, m->smp.max_cpus - 1) + 1;
    if (pc->apic_ids > PC_MAX_APIC_IDS) {
        error_set(errp, "-smp: %u sockets of %u dies, %u cores and %u threads each need APIC IDs "
                  "up to %u, and this machine has them up to %u", m->smp.sockets, m->smp.dies,
                  m->smp.cores, m->smp.threads, pc->apic_ids - 1, PC_MAX_APIC_IDS - 1);
        error_hint(errp, "Numbers of cores and threads that are powers of two leave no gaps");
        return false;
    }
    m->cpus = g_new0(Device *, m->smp.max_cpus);
    return x86_cpus_create(m, errp);
}

/* Interrupts 0 to 15 reach the i8259 pair and the I/O APIC, which ignores what it masks. */
static void gsi_set(void *opaque, int n, int level)
{
    PcMachine *pc = opaque;

    if (n < ISA_NR_IRQS) {
        irq_set(pc->pic[n], level);
    }
    irq_set(device_irq_in(pc->ioapic, n), level);
}

void pc_create_gsi(PcMachine *pc, IrqLine *lines[ISA_NR_IRQS])
{
    pc->gsi = irq_new(gsi_set, pc, PC_NR_GSI);
    pc->ioapic = accel_irqchip_mode() == IRQCHIP_ON ? kvm_ioapic_create() : ioapic_create();
    for (unsigned i = 0; i < ISA_NR_IRQS; i++) {
        lines[i] = &pc->gsi[i];
    }
}

/* The BIOS resumes instead of booting when it finds this in CMOS. */
static void sleeping(void *opaque)
{
    PcMachine *pc = opaque;

    rtc_cmos_set(pc->rtc, CMOS_SHUTDOWN_STATUS, SHUTDOWN_STATUS_RESUME);
}

static const PowerOps power_ops = { .sleeping = sleeping };

void pc_create_chips(PcMachine *pc)
{
    IrqLine *inputs[ISA_NR_IRQS], *pins[PC_NR_GSI];

    if (accel_irqchip_mode() == IRQCHIP_ON) {
        kvm_i8259_create_pair();    /* the kernel routes to it what the I/O APIC's pins get */
    } else {
        i8259_create_pair(pc->isa, vcpu_intr_line(), inputs);
        memcpy(pc->pic, inputs, sizeof(inputs));
    }
    msi_set_deliver(apic_deliver_msi);
    i8237_create_pair(pc->isa);
    pc->fdc = fdc_create(pc->isa);
    if (accel_irqchip_mode() == IRQCHIP_ON) {
        pc->pit = kvm_pit_create();
    } else {
        pc->pit = i8254_create(pc->isa, &pc->gsi[0]);
        pcspk_create(pc->isa, pc->pit);
    }
    if (pc->has_hpet) {
        for (unsigned i = 0; i < PC_NR_GSI; i++) {
            pins[i] = &pc->gsi[i];
        }
        pc->hpet = hpet_create(PC_HPET_PINS, pins, &pc->gsi[0], &pc->gsi[8],
                               device_irq_in(pc->pit, 0));
    }
    pc->rtc = rtc_create(pc->isa, pc->hpet ? hpet_rtc_line(pc->hpet) : &pc->gsi[8]);
    if (pc->has_i8042) {
        device_create("i8042", &pc->isa->bus, NULL, NULL);
    }
    device_create("port92", &pc->isa->bus, NULL, NULL);
    power_register(&power_ops, pc);
    pc->fw = fw_cfg_new();
}

void pc_create_vga(PcMachine *pc, PciBus *bus)
{
    if (!pc->machine.vga || !strcmp(pc->machine.vga, "std")) {
        device_create("VGA", &bus->bus, NULL, NULL);
    }
}

/* The last 128 KiB of what ends at 4 GiB. */
static void alias_low(PcMachine *pc, MemRegion *mem, MemRegion *bios)
{
    uint64_t low = MIN(bios->size, 128 * 1024);

    region_init_alias(&pc->bios_isa, &pc->machine.obj, "isa-bios", bios, bios->size - low, low);
    region_add(mem, 0x100000 - low, &pc->bios_isa, 1);
}

static bool map_flash(PcMachine *pc, MemRegion *mem, Error **errp)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < PC_NR_PFLASH && pc->pflash[i]; i++) {
        g_autofree char *name = g_strdup_printf("system.flash%u", i);
        Device *dev = pflash_new(name, pc->pflash[i], errp);
        bool ok;

        if (!dev) {
            return false;
        }
        total += pflash_size(dev);
        ok = total <= pc->max_fw_size;
        if (!ok) {
            error_set(errp, "combined size of system firmware exceeds %" PRIu64 " bytes",
                      pc->max_fw_size);
            error_hint(errp, "-machine max-fw-size= raises the limit, to 16M at most");
        }
        ok = ok && pflash_map(dev, mem, 0x100000000ULL - total, errp);
        if (ok && i == 0) {
            alias_low(pc, mem, pflash_rom(dev));
        }
        object_unref(&dev->obj);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool load_rom(PcMachine *pc, MemRegion *mem, Error **errp)
{
    const char *name = pc->machine.firmware ? pc->machine.firmware : "bios-256k.bin";
    g_autoptr(GBytes) file = loader_read("BIOS image", name, BIOS_MAX, errp);
    const void *data;
    gsize size;

    if (!file) {
        return false;
    }
    data = g_bytes_get_data(file, &size);
    if (size % 65536) {
        error_set(errp, "BIOS image '%s': its size, %zu bytes, is no multiple of 64 KiB", name,
                  size);
        return false;
    }
    if (!region_init_rom(&pc->bios, &pc->machine.obj, NULL, NULL, "pc.bios", size, errp)) {
        return false;
    }
    memcpy(region_host(&pc->bios), data, size);
    alias_low(pc, mem, &pc->bios);
    region_add(mem, 0x100000000ULL - size, &pc->bios, 0);
    return true;
}

bool pc_load_bios(PcMachine *pc, MemRegion *mem, Error **errp)
{
    if (pc->max_fw_size > BIOS_MAX) {
        error_set(errp, "User specified max allowed firmware size %" PRIu64
                  " is greater than 16 MiB", pc->max_fw_size);
        return false;
    }
    for (unsigned i = 1; i < PC_NR_PFLASH; i++) {
        if (pc->pflash[i] && !pc->pflash[i - 1]) {
            error_set(errp, "pflash%u requires pflash%u", i, i - 1);
            return false;
        }
    }
    return pc->pflash[0] ? map_flash(pc, mem, errp) : load_rom(pc, mem, errp);
}

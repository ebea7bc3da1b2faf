/* PIIX4 function 3: ACPI block, SMI command port, SMBus (Intel 290562-001, chapter 7) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "accel/vcpu.h"
#include "hw/acpi/pci-hotplug.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/acpi/smbus-host.h"
#include "hw/core/power.h"
#include "util/trace.h"

enum {
    PIIX4_PMBA = 0x40,          /* power management base address */
    PIIX4_DEVACTB = 0x58,
    PIIX4_DEVACTB_APMC_EN = 0x02,   /* in byte 3: writes to port 0xb2 raise SMI */
    PIIX4_PMREGMISC = 0x80,     /* bit 0: the block is decoded */
    PIIX4_SMBBA = 0x90,         /* SMBus base address */
    PIIX4_SMBHSTCFG = 0xd2,     /* bit 0: the SMBus host is decoded */
    PIIX4_IO_BASE_MASK = 0xffc0,
    PIIX4_SMB_BASE_MASK = 0xfff0,
};

typedef struct Piix4Pm {
    PciDevice pci;
    AcpiPm pm;
    SmbusHost smbus;
    PciHotplug hotplug;
    MemRegion smi_region;
    uint8_t smi_command, smi_status;
    uint16_t woken_by;          /* bit of PM1_STS; 0: system_wakeup */
    bool smm;                   /* properties */
    uint32_t smb_io_base;
    uint8_t disable_s3, disable_s4, s4_val;
} Piix4Pm;

static void place(MemRegion *r, unsigned base, bool enabled)
{
    memory_begin();
    region_remove(r);
    if (enabled && base) {
        region_add(io_root(), base, r, 0);
    }
    memory_commit();
}

static void update_decoding(Piix4Pm *s)
{
    PciDevice *pci = &s->pci;

    place(&s->pm.region, pci_get_word(pci, PIIX4_PMBA) & PIIX4_IO_BASE_MASK,
          pci->config[PIIX4_PMREGMISC] & 1);
    place(&s->smbus.region, pci_get_word(pci, PIIX4_SMBBA) & PIIX4_SMB_BASE_MASK,
          pci->config[PIIX4_SMBHSTCFG] & 1);
}

static void piix4_config_written(PciDevice *pci, unsigned addr, unsigned size)
{
    if (addr + size > PIIX4_PMBA) {
        update_decoding(DEVICE_OF(&pci->dev, Piix4Pm));
    }
}

/* Ports 0xb2 and 0xb3: firmware's door into SMM, and the ACPI on/off switch. */
static uint64_t smi_read(void *opaque, uint64_t offset, unsigned size)
{
    Piix4Pm *s = opaque;

    return offset ? s->smi_status : s->smi_command;
}

static void smi_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Piix4Pm *s = opaque;

    TRACE(piix4_smi_command, "offset %" PRIu64 " value 0x%" PRIx64, offset, value);
    if (offset) {
        s->smi_status = value;
        return;
    }
    s->smi_command = value;
    if (value == ACPI_CMD_ENABLE || value == ACPI_CMD_DISABLE) {
        acpi_pm_set_enabled(&s->pm, value == ACPI_CMD_ENABLE);
    }
    if (s->smm && s->pci.config[PIIX4_DEVACTB + 3] & PIIX4_DEVACTB_APMC_EN && vcpu_get(0)) {
        vcpu_raise(vcpu_get(0), VCPU_SMI);
    }
}

static const IoOps smi_io = { .read = smi_read, .write = smi_write, .max_size = 1 };

static void rtc_alarm(void *opaque, int n, int level)
{
    Piix4Pm *s = DEVICE_OF(opaque, Piix4Pm);

    if (level) {
        acpi_pm_event(&s->pm, ACPI_PM1_RTC);
        if (s->pm.en & ACPI_PM1_RTC) {
            s->woken_by = ACPI_PM1_RTC;
            run_request(RUN_REQUEST_WAKEUP, SHUTDOWN_CAUSE_NONE);
        }
    }
}

/* As long as the guest has not enabled the button, pressing it leaves nothing behind. */
static void power_button(void *opaque)
{
    Piix4Pm *s = opaque;

    if (s->pm.en & ACPI_PM1_PWRBTN) {
        acpi_pm_event(&s->pm, ACPI_PM1_PWRBTN);
    }
}

static void woken(void *opaque)
{
    Piix4Pm *s = opaque;

    s->pm.sts |= ACPI_PM1_WAK | (s->woken_by ? s->woken_by : ACPI_PM1_PWRBTN);
    s->woken_by = 0;
}

/* What happened before is no reason to wake up. */
static void sleeping(void *opaque)
{
    Piix4Pm *s = opaque;

    s->woken_by = 0;
}

static const PowerOps power_ops = {
    .button = power_button, .sleeping = sleeping, .woken = woken,
};

static bool piix4_realize(Device *dev, Error **errp)
{
    Piix4Pm *s = DEVICE_OF(dev, Piix4Pm);
    PciDevice *pci = &s->pci;

    pci_put_word(pci, PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_writable(pci, 0x40, 0xc0, 0xff);
    /* The base registers are I/O: bit 0 reads as 1. */
    pci_put_long(pci, PIIX4_PMBA, 1);
    st32_le(pci->wmask + PIIX4_PMBA, PIIX4_IO_BASE_MASK);
    pci_put_long(pci, PIIX4_SMBBA, s->smb_io_base | 1);
    st32_le(pci->wmask + PIIX4_SMBBA, PIIX4_SMB_BASE_MASK);
    pci->config[PIIX4_SMBHSTCFG] = 0x09;    /* on, interrupts as IRQ 9 */
    if (!s->smm) {
        pci->config[PIIX4_DEVACTB + 3] = PIIX4_DEVACTB_APMC_EN;
    }
    if (s->s4_val > 7 || s->s4_val == ACPI_SLP_TYP_S5 || s->s4_val == ACPI_SLP_TYP_S3) {
        error_set(errp, "PIIX4_PM: s4_val=%u: sleep types are from 0 to 7, and 0 and 1 are those "
                  "of S5 and S3", s->s4_val);
        return false;
    }
    s->pm.disable_s3 = s->disable_s3;
    s->pm.disable_s4 = s->disable_s4;
    s->pm.s4_val = s->s4_val;
    acpi_pm_init(&s->pm, &dev->obj);
    region_add(io_root(), PIIX4_GPE_BASE, &s->pm.gpe_region, 0);
    region_init_io(&s->smi_region, &dev->obj, &smi_io, s, "apm-io", 2);
    region_add(io_root(), ACPI_PORT_SMI_CMD, &s->smi_region, 0);
    smbus_host_init(&s->smbus, dev);
    pci_hotplug_init(&s->hotplug, &dev->obj, pci_bus(pci), &s->pm);
    device_init_irq_in(dev, rtc_alarm, 1);
    power_register(&power_ops, s);
    return true;
}

static void piix4_reset(Device *dev)
{
    Piix4Pm *s = DEVICE_OF(dev, Piix4Pm);

    s->smi_command = s->smi_status = 0;
    acpi_pm_reset(&s->pm);
    smbus_host_reset(&s->smbus);
    pci_hotplug_reset(&s->hotplug);
    update_decoding(s);
}

static const Prop piix4_props[] = {
    PROP_U32(Piix4Pm, smb_io_base, 0xb100, "first port of the SMBus until firmware moves it"),
    PROP_U8(Piix4Pm, disable_s3, 0, "1: no suspend to memory"),
    PROP_U8(Piix4Pm, disable_s4, 0, "1: no suspend to disk"),
    PROP_U8(Piix4Pm, s4_val, ACPI_SLP_TYP_S4, "sleep type of suspend to disk"),
    PROP_BOOL_AS("smm-enabled", Piix4Pm, smm, false, "SMIs reach the CPU"),
    { }
};

static const StateField piix4_state[] = {
    STATE_STRUCT(Piix4Pm, pm, acpi_pm_state),
    STATE_STRUCT(Piix4Pm, smbus, smbus_host_state),
    STATE_STRUCT(Piix4Pm, hotplug, pci_hotplug_state),
    STATE_UINT(Piix4Pm, smi_command),
    STATE_UINT(Piix4Pm, smi_status),
    { }
};

static const DeviceType piix4_pm_type = {
    .name = "PIIX4_PM", .desc = "PM", .bus = BUS_PCI, .category = CATEGORY_BRIDGE,
    .internal = true, .size = sizeof(Piix4Pm), .props = piix4_props, .state = piix4_state,
    .realize = piix4_realize, .reset = piix4_reset,
    .bus_info = &(const PciInfo){
        .vendor = PCI_VENDOR_INTEL, .device = 0x7113, .revision = 3,
        .class_id = PCI_CLASS_BRIDGE_OTHER, .interrupt_pin = 1,
        .config_written = piix4_config_written,
    },
};
REGISTER_DEVICE(piix4_pm_type)

Device *piix4_pm_new(PciBus *bus, unsigned slot, IrqLine *sci, bool smm, Error **errp)
{
    Device *dev = device_new("PIIX4_PM");
    Piix4Pm *s = DEVICE_OF(dev, Piix4Pm);
    g_autofree char *addr = g_strdup_printf("%x.3", slot);
    bool ok;

    s->pm.sci = sci;
    s->smm = smm;
    ok = prop_set(&dev->obj, "addr", addr, errp) && device_realize(dev, &bus->bus, errp);
    object_unref(&dev->obj);
    return ok ? dev : NULL;
}

AcpiPm *piix4_pm_acpi(Device *dev)
{
    return &DEVICE_OF(dev, Piix4Pm)->pm;
}

/* PIIX3: ISA bridge, PIRQ routing, reset control (Intel 290550-002) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/isa/piix3.h"
#include "util/trace.h"

enum {
    PIIX3_PIRQRC = 0x60,            /* four: where PIRQA# to PIRQD# go */
    PIIX3_PIRQRC_DISABLE = 0x80,
    RCR_HARD = 0x02,                /* reset control: kind, and the trigger */
    RCR_CPU_RESET = 0x04,
};

typedef struct Piix3 {
    PciDevice pci;
    PciHost *host;
    IsaBus *isa;
    IrqLine *irqs[ISA_NR_IRQS];
    bool pirq_level[PCI_NR_PINS];
    bool irq_level[ISA_NR_IRQS];    /* what the PIRQs drive */
    uint8_t reset_control;
} Piix3;

/* Slot n's INTA# is wired to PIRQ (n - 1) mod 4, the next pins follow on. */
static int piix3_map_irq(const PciDevice *pci, int pin)
{
    return (pin + PCI_SLOT(pci->devfn) + 3) % PCI_NR_PINS;
}

/* Several PIRQs may share an interrupt: its level is any of theirs. */
static void update_irqs(Piix3 *s)
{
    bool level[ISA_NR_IRQS] = { };

    for (unsigned n = 0; n < PCI_NR_PINS; n++) {
        uint8_t route = s->pci.config[PIIX3_PIRQRC + n];

        if (!(route & PIIX3_PIRQRC_DISABLE)) {
            level[route & 0xf] |= s->pirq_level[n];
        }
    }
    for (unsigned n = 0; n < ISA_NR_IRQS; n++) {
        if (level[n] != s->irq_level[n]) {
            s->irq_level[n] = level[n];
            irq_set(s->irqs[n], level[n]);
        }
    }
}

static void piix3_set_pirq(void *opaque, int n, int level)
{
    Piix3 *s = opaque;

    s->pirq_level[n] = level;
    update_irqs(s);
}

static void piix3_config_written(PciDevice *pci, unsigned addr, unsigned size)
{
    if (addr < PIIX3_PIRQRC + PCI_NR_PINS && addr + size > PIIX3_PIRQRC) {
        update_irqs(DEVICE_OF(&pci->dev, Piix3));
    }
}

static uint64_t reset_control_read(void *opaque, uint64_t offset, unsigned size)
{
    Piix3 *s = opaque;

    return s->reset_control;
}

/*
 * The chip resets on the rising edge of bit 2: the whole platform when bit 1
 * is set, the CPUs alone otherwise. Every guest that uses the latter wants to
 * start over, so both reset all, as QEMU does.
 */
static void reset_control_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Piix3 *s = opaque;

    TRACE(piix3_reset_control, "value 0x%" PRIx64, value);
    if (value & RCR_CPU_RESET) {
        run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
        return;
    }
    s->reset_control = value & RCR_HARD;
}

static const IoOps reset_control_io = {
    .read = reset_control_read, .write = reset_control_write,
};

static bool piix3_realize(Device *dev, Error **errp)
{
    Piix3 *s = DEVICE_OF(dev, Piix3);
    PciDevice *pci = &s->pci;

    pci->config[PCI_HEADER_TYPE] |= PCI_HEADER_MULTIFUNCTION;
    pci_put_word(pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    st16_le(pci->wmask + PCI_COMMAND, PCI_COMMAND_SPECIAL | PCI_COMMAND_SERR);
    pci_put_word(pci, PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_writable(pci, 0x40, 0xc0, 0xff);
    /* Defaults by the datasheet. */
    pci->config[0x4c] = 0x4d;       /* IORT: recovery times */
    pci->config[0x4e] = 0x03;       /* XBCS: BIOS and RTC chip selects */
    memset(pci->config + PIIX3_PIRQRC, PIIX3_PIRQRC_DISABLE, PCI_NR_PINS);
    pci->config[0x69] = 0x02;       /* TOM: top of memory */
    pci->config[0x70] = 0x80;       /* MBIRQ0 */
    pci->config[0x76] = 0x0c;       /* MBDMA0, MBDMA1: type F DMA */
    pci->config[0x77] = 0x0c;
    pci->config[0x78] = 0x02;       /* PCSC */
    pci->config[0xa0] = 0x08;       /* SMICNTL */
    if (s->host) {
        pci_bus_set_irqs(s->host->bus, piix3_map_irq, piix3_set_pirq, s);
        pci_host_set_reset_control(s->host, &reset_control_io, s);
    }
    s->isa = isa_bus_new(dev, "isa.0", s->irqs);
    return true;
}

static void piix3_reset(Device *dev)
{
    Piix3 *s = DEVICE_OF(dev, Piix3);

    s->reset_control = 0;
    update_irqs(s);
}

static const StateField piix3_state[] = {
    STATE_ARRAY(Piix3, pirq_level),
    STATE_ARRAY(Piix3, irq_level),
    STATE_UINT(Piix3, reset_control),
    { }
};

static const DeviceType piix3_type = {
    .name = "PIIX3", .desc = "ISA bridge", .bus = BUS_PCI, .category = CATEGORY_BRIDGE,
    .internal = true, .size = sizeof(Piix3), .state = piix3_state,
    .realize = piix3_realize, .reset = piix3_reset,
    .bus_info = &(const PciInfo){
        .vendor = PCI_VENDOR_INTEL, .device = 0x7000, .class_id = PCI_CLASS_BRIDGE_ISA,
        .config_written = piix3_config_written,
    },
};
REGISTER_DEVICE(piix3_type)

IsaBus *piix3_new(PciHost *host, IrqLine *const irqs[ISA_NR_IRQS])
{
    Device *dev = device_new("PIIX3");
    Piix3 *s = DEVICE_OF(dev, Piix3);
    Error *err = NULL;

    s->host = host;
    memcpy(s->irqs, irqs, sizeof(s->irqs));
    if (!device_realize(dev, &host->bus->bus, &err)) {
        g_error("PIIX3: %s", error_text(err));
    }
    object_unref(&dev->obj);
    return s->isa;
}

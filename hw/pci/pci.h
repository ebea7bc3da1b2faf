/* PCI: devices, their configuration space, BARs, interrupts and DMA; buses */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "hw/core/device.h"
#include "hw/pci/pci-regs.h"
#include "memory/dma.h"
#include "memory/memory.h"

#define PCI_CONFIG_SIZE 256
#define PCI_NR_BARS     6
#define PCI_ROM_SLOT    6           /* the expansion ROM, as bars[6] */
#define PCI_NR_PINS     4
#define PCI_UNMAPPED    UINT64_MAX

#define PCI_DEVFN(slot, fn) ((uint8_t)((slot) << 3 | (fn)))
#define PCI_SLOT(devfn)     ((devfn) >> 3)
#define PCI_FN(devfn)       ((devfn) & 7)

typedef struct PciBus PciBus;
typedef struct PciDevice PciDevice;

/* A device type's .bus_info. Subsystem ids of 0 become those QEMU gives: 1af4:1100. */
typedef struct PciInfo {
    uint16_t vendor, device;
    uint16_t sub_vendor, sub_device;
    uint16_t class_id;              /* base class << 8 | subclass */
    uint8_t prog_if;
    uint8_t revision;
    uint8_t interrupt_pin;          /* 1 is INTA#; 0: none */
    bool bridge;                    /* type 1 header */
    const char *romfile;            /* default of romfile= */
    uint8_t kept_first, kept_bytes;     /* registers that a reset leaves as they are */
    /* After a write to configuration space has taken effect. */
    void (*config_written)(PciDevice *pci, unsigned addr, unsigned size);
} PciInfo;

typedef struct PciBar {
    MemRegion *region;              /* NULL: not implemented */
    uint8_t type;                   /* PCI_BAR_IO, PCI_BAR_MEM64, PCI_BAR_PREFETCH */
    uint64_t addr;                  /* where it is mapped, or PCI_UNMAPPED */
} PciBar;

struct PciDevice {
    Device dev;
    /* properties of the bus kind */
    int32_t addr;                   /* devfn, -1: the first free slot */
    bool multifunction;
    char *romfile;
    uint32_t romsize;
    uint32_t rombar;
    /* configuration space and what of it may be written */
    uint8_t devfn;
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t wmask[PCI_CONFIG_SIZE];     /* bits software may change */
    uint8_t w1cmask[PCI_CONFIG_SIZE];   /* bits cleared by writing 1 */
    uint8_t reset_config[PCI_CONFIG_SIZE];
    uint8_t taken[PCI_CONFIG_SIZE];     /* bytes that belong to a capability */
    PciBar bars[PCI_NR_BARS + 1];
    MemRegion rom;
    bool has_rom;
    bool irq_level;                 /* what the device asks for */
    bool irq_driven;                /* what its pin shows: not under INTx disable */
    uint8_t msi_cap, msix_cap;      /* offsets, 0: none */
    struct MsixTable *msix;
};

/* The routing at the root: which of the host bridge's lines a pin is wired to. */
typedef int PciMapIrqFn(const PciDevice *pci, int pin);

/* Who tells the guest of devices that come and go while it runs. */
typedef struct PciHotplugOps {
    void (*plugged)(void *opaque, PciDevice *pci);
    void (*unplug)(void *opaque, PciDevice *pci);   /* device_deleted() when the guest let go */
} PciHotplugOps;

struct PciBus {
    Bus bus;
    PciDevice *devices[256];        /* by devfn */
    MemRegion *mem, *io;            /* where BARs are mapped */
    PciDevice *bridge;              /* whose secondary bus this is; NULL: a root */
    uint8_t first_slot;             /* for automatic addresses */
    PciMapIrqFn *map_irq;           /* root only */
    IrqFn *set_irq;
    void *irq_opaque;
    const PciHotplugOps *hotplug;   /* NULL: none after the start */
    void *hotplug_opaque;
    int irq_count[PCI_NR_PINS * 2]; /* devices that hold each line */
};

static inline const PciInfo *pci_info(const PciDevice *pci)
{
    return device_type(&pci->dev)->bus_info;
}

static inline PciBus *pci_bus(const PciDevice *pci)
{
    return OBJECT_OF(pci->dev.bus, PciBus);
}

/* Buses */
PciBus *pci_bus_new_root(Device *owner, const char *name, MemRegion *mem, MemRegion *io);
/* lines: how many the host bridge has; set_irq is called with the new level of one. */
void pci_bus_set_irqs(PciBus *bus, PciMapIrqFn *map, IrqFn *set, void *opaque);
PciBus *pci_root_bus(void);         /* the first one, NULL without */
uint8_t pci_bus_number(const PciBus *bus);
/* By numbers, following bridges; NULL when nobody answers. */
PciDevice *pci_find_device(PciBus *root, uint8_t bus, uint8_t devfn);
/* A configuration cycle: bus << 16 | devfn << 8 | register; nobody there reads all ones. */
uint32_t pci_config_cycle_read(PciBus *root, uint32_t addr, unsigned size);
void pci_config_cycle_write(PciBus *root, uint32_t addr, uint32_t value, unsigned size);

/* Configuration space */
uint32_t pci_config_read(PciDevice *pci, unsigned addr, unsigned size);
void pci_config_write(PciDevice *pci, unsigned addr, uint32_t value, unsigned size);
/* At realize: BAR n (n + 1 too where it is 64 bits wide) decodes region, a power of two in size. */
void pci_map_bar(PciDevice *pci, unsigned n, uint8_t type, MemRegion *region);
/* At unrealize, before the regions are destroyed. */
void pci_unmap_bars(PciDevice *pci);
uint64_t pci_bar_addr(const PciDevice *pci, unsigned n);
/*
 * At realize: room for a capability of size bytes (id and link included) at
 * offset, or at the first free place when offset is 0. Returns where; 0 with
 * errp when it does not fit.
 */
uint8_t pci_add_capability(PciDevice *pci, uint8_t id, uint8_t offset, uint8_t size,
                           Error **errp);
uint8_t pci_find_capability(const PciDevice *pci, uint8_t id);

/* The device's INTx pin; nothing happens when it has none. */
void pci_set_irq(PciDevice *pci, bool level);
/* An input that does so, for chips built as a part of a PCI device. */
IrqLine pci_irq_line(PciDevice *pci);
/* The host bridge's line that the device's pin reaches. */
int pci_route_irq(const PciDevice *pci);

static inline bool pci_bus_master(const PciDevice *pci)
{
    return pci->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

/* Reach RAM only, and only as bus master: otherwise false, a read's buffer zeroed. */
bool pci_dma_read(PciDevice *pci, GuestAddr addr, void *buf, size_t len);
bool pci_dma_write(PciDevice *pci, GuestAddr addr, const void *buf, size_t len);

static inline uint16_t pci_get_word(const PciDevice *pci, unsigned addr)
{
    return ld16_le(pci->config + addr);
}

static inline uint32_t pci_get_long(const PciDevice *pci, unsigned addr)
{
    return ld32_le(pci->config + addr);
}

static inline void pci_put_word(PciDevice *pci, unsigned addr, uint16_t value)
{
    st16_le(pci->config + addr, value);
}

static inline void pci_put_long(PciDevice *pci, unsigned addr, uint32_t value)
{
    st32_le(pci->config + addr, value);
}

/* Mark registers [addr, addr + len) as writable by mask in each byte. */
void pci_set_writable(PciDevice *pci, unsigned addr, unsigned len, uint8_t mask);

#endif

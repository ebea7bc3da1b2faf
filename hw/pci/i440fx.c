/* i440FX: host bridge, RAM layout, PAM shadowing and SMRAM (Intel 290549-001) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/i440fx.h"
#include "util/trace.h"

enum {
    I440FX_DRAM_SIZE = 0x57,    /* what guests read as memory size, in units of 8 MiB */
    I440FX_PAM0 = 0x59,
    I440FX_PAM6 = 0x5f,
    I440FX_DRB0 = 0x60,         /* end of each DRAM row, in units of 8 MiB */
    I440FX_DRB7 = 0x67,
    I440FX_SMRAM = 0x72,
    I440FX_SMRAM_C_BASE_SEG = 0x02,     /* hard-wired: 0xa0000 */
    I440FX_SMRAM_G_SMRAME = 0x08,
    I440FX_SMRAM_D_LCK = 0x10,
    I440FX_SMRAM_D_OPEN = 0x40,

    PAM_READ = 1,               /* reads go to RAM; else to PCI */
    PAM_WRITE = 2,
    NR_PAM_SEGMENTS = 13,
    SMRAM_BASE = 0xa0000,
    SMRAM_SIZE = 0x20000,
    UNCLAIMED_SIZE = 0x60000,
};

typedef struct I440fxHost {
    PciHost host;
    MemRegion *ram;                     /* all of it */
    RamBlock *first;                    /* and the block that begins it */
    MemRegion ram_low, ram_high;        /* below and above 4 GiB */
    MemRegion pci_mem;
    MemRegion unclaimed;                /* 0xa0000..0xfffff where no PCI or ISA device answers */
    AddressSpace *pci_as;               /* what PCI alone decodes */
} I440fxHost;

/* A piece of 0xc0000..0xfffff whose reads and writes go to RAM or to PCI. */
typedef struct PamSegment {
    I440fxHost *host;
    uint32_t base, size;
    MemRegion pci;              /* neither goes to RAM */
    MemRegion ram_ro;           /* reads only */
    MemRegion write_only;       /* writes only; both: none of these is enabled */
} PamSegment;

typedef struct I440fx {
    PciDevice pci;
    PamSegment pam[NR_PAM_SEGMENTS];
    MemRegion vga_window;       /* PCI at 0xa0000 while SMRAM is not open */
    MemRegion smram;            /* RAM there, in the SMM view */
} I440fx;

static uint64_t write_only_read(void *opaque, uint64_t offset, unsigned size)
{
    PamSegment *seg = opaque;

    return mem_load(seg->host->pci_as, seg->base + offset, size);
}

static void write_only_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PamSegment *seg = opaque;
    RamBlock *ram = seg->host->first;
    uint64_t at = seg->base + offset;

    if (at + size <= ram->size) {
        value = htole64(value);
        memcpy(ram->host + at, &value, size);
        mem_notify_ram_written(ram, at, size);
    }
}

static const IoOps unclaimed_io = { };  /* all ones; without it the RAM below would show */

static const IoOps write_only_io = {
    .read = write_only_read, .write = write_only_write, .max_size = 8,
};

/* PAM0 high: 0xf0000..0xfffff; PAM1 to PAM6: 16 KiB pieces from 0xc0000, the low nibble first. */
static uint8_t pam_bits(const I440fx *s, unsigned n)
{
    const uint8_t *pam = s->pci.config + I440FX_PAM0;

    return (n == 0 ? pam[0] >> 4 : pam[(n + 1) / 2] >> (n % 2 ? 0 : 4)) & 3;
}

static void pam_init(I440fx *s, I440fxHost *host, unsigned n)
{
    PamSegment *seg = &s->pam[n];
    Object *obj = &s->pci.dev.obj;

    seg->host = host;
    seg->base = n == 0 ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000;
    seg->size = n == 0 ? 0x10000 : 0x4000;
    region_init_alias(&seg->pci, obj, "pam-pci", &host->pci_mem, seg->base, seg->size);
    region_init_alias(&seg->ram_ro, obj, "pam-rom", host->ram, seg->base, seg->size);
    region_set_readonly(&seg->ram_ro, true);
    region_init_io(&seg->write_only, obj, &write_only_io, seg, "pam-write-only", seg->size);
    region_set_enabled(&seg->ram_ro, false);
    region_set_enabled(&seg->write_only, false);
    region_add(memory_root(), seg->base, &seg->pci, 1);
    region_add(memory_root(), seg->base, &seg->ram_ro, 1);
    region_add(memory_root(), seg->base, &seg->write_only, 1);
}

/* Make the memory map what PAM and SMRAM say. */
static void update_map(I440fx *s)
{
    uint8_t smram = s->pci.config[I440FX_SMRAM];

    memory_begin();
    for (unsigned n = 0; n < NR_PAM_SEGMENTS; n++) {
        PamSegment *seg = &s->pam[n];
        uint8_t bits = pam_bits(s, n);

        region_set_enabled(&seg->pci, bits == 0);
        region_set_enabled(&seg->ram_ro, bits == PAM_READ);
        region_set_enabled(&seg->write_only, bits == PAM_WRITE);
    }
    region_set_enabled(&s->vga_window, !(smram & I440FX_SMRAM_D_OPEN) ||
                                           !(smram & I440FX_SMRAM_G_SMRAME));
    region_set_enabled(&s->smram, smram & I440FX_SMRAM_G_SMRAME);
    memory_commit();
}

static void i440fx_config_written(PciDevice *pci, unsigned addr, unsigned size)
{
    I440fx *s = DEVICE_OF(&pci->dev, I440fx);

    if (addr <= I440FX_SMRAM && addr + size > I440FX_SMRAM) {
        uint8_t *smram = &pci->config[I440FX_SMRAM];

        *smram = (*smram & ~7) | I440FX_SMRAM_C_BASE_SEG;
        if (*smram & I440FX_SMRAM_D_LCK) {
            /* Locked until the next reset: closed, and only D_CLS may still change. */
            *smram &= ~I440FX_SMRAM_D_OPEN;
            pci->wmask[I440FX_SMRAM] = 0x20;
        }
    } else if (addr > I440FX_PAM6 || addr + size <= I440FX_PAM0) {
        return;
    }
    TRACE(i440fx_map, "pam %02x %02x %02x %02x %02x %02x %02x smram %02x", pci->config[0x59],
          pci->config[0x5a], pci->config[0x5b], pci->config[0x5c], pci->config[0x5d],
          pci->config[0x5e], pci->config[0x5f], pci->config[I440FX_SMRAM]);
    update_map(s);
}

static bool i440fx_realize(Device *dev, Error **errp)
{
    I440fx *s = DEVICE_OF(dev, I440fx);
    PciDevice *pci = &s->pci;
    I440fxHost *host = DEVICE_OF(dev->bus->owner, I440fxHost);
    uint64_t units = MIN(host->ram->size >> 23, 255);

    /* The chip answers memory cycles and masters the bus whatever software writes. */
    pci_put_word(pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    st16_le(pci->wmask + PCI_COMMAND, PCI_COMMAND_SERR | PCI_COMMAND_PARITY);
    pci_put_word(pci, PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_writable(pci, 0x50, 0xb0, 0xff);
    pci_set_writable(pci, I440FX_PAM0, 7, 0x33);
    pci->config[I440FX_DRAM_SIZE] = units;
    memset(pci->config + I440FX_DRB0, units, I440FX_DRB7 - I440FX_DRB0 + 1);
    pci->config[I440FX_SMRAM] = I440FX_SMRAM_C_BASE_SEG;

    memory_begin();
    for (unsigned n = 0; n < NR_PAM_SEGMENTS; n++) {
        pam_init(s, host, n);
    }
    region_init_alias(&s->vga_window, &dev->obj, "vga-window", &host->pci_mem, SMRAM_BASE,
                      SMRAM_SIZE);
    region_init_alias(&s->smram, &dev->obj, "smram", host->ram, SMRAM_BASE, SMRAM_SIZE);
    region_add(memory_root(), SMRAM_BASE, &s->vga_window, 1);
    region_add(smm_root(), SMRAM_BASE, &s->smram, 1);
    update_map(s);
    memory_commit();
    return true;
}

static void i440fx_reset(Device *dev)
{
    I440fx *s = DEVICE_OF(dev, I440fx);

    s->pci.wmask[I440FX_SMRAM] = 0x78;
    s->pci.config[I440FX_SMRAM] = I440FX_SMRAM_C_BASE_SEG;
    update_map(s);
}

static const DeviceType i440fx_type = {
    .name = "i440FX", .desc = "Host bridge", .bus = BUS_PCI, .category = CATEGORY_BRIDGE,
    .internal = true, .size = sizeof(I440fx), .realize = i440fx_realize, .reset = i440fx_reset,
    .bus_info = &(const PciInfo){
        .vendor = PCI_VENDOR_INTEL, .device = 0x1237, .revision = 2,
        .class_id = PCI_CLASS_BRIDGE_HOST, .config_written = i440fx_config_written,
        /* The BIOS tells a reset from power-on, and so finds its way out of S3, by its RAM. */
        .kept_first = I440FX_PAM0, .kept_bytes = I440FX_PAM6 - I440FX_PAM0 + 1,
    },
};
REGISTER_DEVICE(i440fx_type)

static const DeviceType i440fx_host_type = {
    .name = "i440FX-pcihost", .desc = "i440FX host bridge", .category = CATEGORY_BRIDGE,
    .internal = true, .size = sizeof(I440fxHost), .state = pci_host_state,
};
REGISTER_DEVICE(i440fx_host_type)

PciHost *i440fx_new(MemRegion *ram, RamBlock *first, uint64_t below_4g)
{
    Device *dev = device_new("i440FX-pcihost");
    I440fxHost *s = DEVICE_OF(dev, I440fxHost);

    device_set_name(dev, "i440fx");
    s->ram = ram;
    s->first = first;
    region_init_alias(&s->ram_low, &dev->obj, "ram-below-4g", ram, 0,
                      MIN(below_4g, ram->size));
    region_init_container(&s->pci_mem, &dev->obj, "pci", UINT64_MAX);
    region_init_io(&s->unclaimed, &dev->obj, &unclaimed_io, s, "pci-unclaimed",
                   UNCLAIMED_SIZE);
    region_add(&s->pci_mem, SMRAM_BASE, &s->unclaimed, INT_MIN);
    memory_begin();
    region_add(memory_root(), 0, &s->ram_low, 0);
    if (ram->size > below_4g) {
        region_init_alias(&s->ram_high, &dev->obj, "ram-above-4g", ram, below_4g,
                          ram->size - below_4g);
        region_add(memory_root(), 1ULL << 32, &s->ram_high, 0);
    }
    /* Whatever is no RAM is PCI's. */
    region_add(memory_root(), 0, &s->pci_mem, -1);
    memory_commit();
    s->pci_as = address_space_new("pci", &s->pci_mem);
    s->host.bus = pci_bus_new_root(dev, "pci.0", &s->pci_mem, io_root());
    pci_host_map(&s->host);
    device_realize(dev, NULL, NULL);
    device_create("i440FX", &s->host.bus->bus, "addr", "00.0", NULL);
    object_unref(&dev->obj);
    return &s->host;
}

/* VGA: the standard PCI graphics adapter: frame buffer BAR, register BAR, legacy ports */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/display/edid.h"
#include "hw/display/vga.h"
#include "hw/pci/pci.h"

/* Register BAR: EDID, VGA ports from 0x3c0, Bochs registers, byte order. */
enum {
    MMIO_SIZE = 0x1000, MMIO_EDID_END = 0x400, MMIO_VGA = 0x400, MMIO_VGA_END = 0x420,
    MMIO_VBE = 0x500, MMIO_VBE_END = 0x516, MMIO_EXT = 0x600, MMIO_EXT_ORDER = 0x604,
    MMIO_EXT_END = 0x608,
};
#define ORDER_LITTLE 0x1e1e1e1eu
#define ORDER_BIG    0xbebebebeu

typedef struct VgaPci {
    PciDevice pci;
    uint32_t vgamem_mb, xres, yres;
    bool mmio, edid, extended_regs;
    uint8_t edid_data[EDID_SIZE];
    MemRegion mmio_region, memory, ports, vbe;
    Vga vga;
} VgaPci;

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    VgaPci *s = opaque;

    if (offset < MMIO_EDID_END) {
        return s->edid && offset < EDID_SIZE ? s->edid_data[offset] : 0;
    }
    if (offset < MMIO_VGA_END) {
        return vga_port_io.read(&s->vga, offset - MMIO_VGA + 0x10, 1);
    }
    if (offset >= MMIO_VBE && offset < MMIO_VBE_END) {
        return vga_vbe_read(&s->vga, (offset - MMIO_VBE) / 2) >> 8 * (offset & 1);
    }
    if (s->extended_regs && offset >= MMIO_EXT && offset < MMIO_EXT_END) {
        uint32_t value = offset < MMIO_EXT_ORDER ? MMIO_EXT_END - MMIO_EXT
                         : s->vga.big_endian ? ORDER_BIG : ORDER_LITTLE;

        return value >> 8 * (offset & 3);
    }
    return 0xff;
}

/* Bytes, words and longs are put together here: the parts differ in what they take. */
static uint64_t mmio_read_any(void *opaque, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (mmio_read(opaque, offset + i, 1) & 0xff) << 8 * i;
    }
    return value;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    VgaPci *s = opaque;

    if (offset >= MMIO_VGA && offset < MMIO_VGA_END) {
        for (unsigned i = 0; i < size && offset + i < MMIO_VGA_END; i++) {
            vga_port_io.write(&s->vga, offset + i - MMIO_VGA + 0x10, value >> 8 * i & 0xff, 1);
        }
    } else if (offset >= MMIO_VBE && offset < MMIO_VBE_END && size >= 2 && !(offset & 1)) {
        for (unsigned i = 0; i < size; i += 2) {
            vga_vbe_write(&s->vga, (offset + i - MMIO_VBE) / 2, value >> 8 * i);
        }
    } else if (s->extended_regs && offset == MMIO_EXT_ORDER && size == 4) {
        if (value == ORDER_LITTLE || value == ORDER_BIG) {
            s->vga.big_endian = value == ORDER_BIG;
            s->vga.invalid = true;
        }
    }
}

static const IoOps mmio_io = { .read = mmio_read_any, .write = mmio_write, .max_size = 4 };

/* Two word registers whose ports overlap: index at 0x1ce, data at 0x1cf. */
static uint64_t vbe_read(void *opaque, uint64_t offset, unsigned size)
{
    Vga *vga = opaque;

    return offset ? vga_vbe_read(vga, vga->vbe_index) : vga->vbe_index;
}

static void vbe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Vga *vga = opaque;

    if (offset) {
        vga_vbe_write(vga, vga->vbe_index, value);
    } else {
        vga->vbe_index = value;
    }
}

static const IoOps vbe_io = {
    .read = vbe_read, .write = vbe_write, .max_size = 2, .unaligned = true,
};

static void map_legacy(VgaPci *s)
{
    Object *obj = &s->pci.dev.obj;

    region_init_io(&s->ports, obj, &vga_port_io, &s->vga, "vga", 0x30);
    region_add(io_root(), 0x3b0, &s->ports, 0);
    region_init_io(&s->vbe, obj, &vbe_io, &s->vga, "vbe", 3);
    region_add(io_root(), 0x1ce, &s->vbe, 0);
    region_init_io(&s->memory, obj, &vga_memory_io, &s->vga, "vga-lowmem", 0x20000);
    region_set_coalesced(&s->memory, true);
    region_add(pci_bus(&s->pci)->mem, 0xa0000, &s->memory, 1);
}

static bool vga_pci_realize(Device *dev, Error **errp)
{
    VgaPci *s = DEVICE_OF(dev, VgaPci);

    if (!vga_init(&s->vga, &dev->obj, s->vgamem_mb, errp)) {
        return false;
    }
    map_legacy(s);
    pci_map_bar(&s->pci, 0, PCI_BAR_PREFETCH, &s->vga.vram);
    edid_make(s->edid_data, s->xres ? s->xres : 1280, s->yres ? s->yres : 800);
    if (s->mmio) {
        region_init_io(&s->mmio_region, &dev->obj, &mmio_io, s, "vga.mmio", MMIO_SIZE);
        pci_map_bar(&s->pci, 2, 0, &s->mmio_region);
    }
    return true;
}

static void vga_pci_unrealize(Device *dev)
{
    VgaPci *s = DEVICE_OF(dev, VgaPci);
    MemRegion *const regions[] = {
        &s->memory, &s->vbe, &s->ports, &s->mmio_region, &s->vga.vram,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(regions); i++) {
        region_remove(regions[i]);
        if (regions[i] != &s->vga.vram && regions[i]->name) {
            region_destroy(regions[i]);
        }
    }
    vga_destroy(&s->vga);
}

static void vga_pci_reset(Device *dev)
{
    vga_reset(&DEVICE_OF(dev, VgaPci)->vga);
}

static const Prop vga_pci_props[] = {
    PROP_U32(VgaPci, vgamem_mb, 16, "memory in MiB, a power of two"),
    PROP_BOOL(VgaPci, mmio, true, "registers in BAR 2"),
    PROP_BOOL(VgaPci, edid, true, "describe the monitor in BAR 2"),
    PROP_BOOL_AS("qemu-extended-regs", VgaPci, extended_regs, true, "byte order in BAR 2"),
    PROP_U32(VgaPci, xres, 0, "preferred width, 0: 1280"),
    PROP_U32(VgaPci, yres, 0, "preferred height, 0: 800"),
    { }
};

static const StateField vga_pci_state[] = {
    STATE_STRUCT(VgaPci, vga, vga_state),
    { }
};

static const DeviceType vga_pci_type = {
    .name = "VGA", .desc = "standard VGA with Bochs extension", .bus = BUS_PCI,
    .category = CATEGORY_DISPLAY, .size = sizeof(VgaPci), .props = vga_pci_props,
    .state = vga_pci_state,
    .bus_info = &(const PciInfo){
        .vendor = 0x1234, .device = 0x1111, .class_id = 0x0300, .revision = 2,
        .romfile = "vgabios-stdvga.bin",
    },
    .realize = vga_pci_realize, .unrealize = vga_pci_unrealize, .reset = vga_pci_reset,
};
REGISTER_DEVICE(vga_pci_type)

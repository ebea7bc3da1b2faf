/* pci-bridge: a PCI-to-PCI bridge: its windows, and the bus behind it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/pci.h"
#include "util/bswap.h"
#include "util/trace.h"

/* PCI-to-PCI Bridge Architecture Specification, revision 1.2, chapter 3 */
enum {
    CONTROL_PARITY = 0x01, CONTROL_SERR = 0x02, CONTROL_MASTER_ABORT = 0x20,
    CONTROL_BUS_RESET = 0x40,
    MEMORY_64_BITS = 0x01,          /* read-only, in the low bits of base and limit */
    SLOT_CAPABILITY = 0x04,
    SLOT_CAPABILITY_SIZE = 4,
    CHASSIS_NUMBER = 3,
};

typedef struct PciBridge {
    PciDevice pci;
    uint8_t chassis_nr;
    bool shpc;
    PciBus *bus;
    MemRegion mem, io;                              /* what BARs behind the bridge are mapped in */
    MemRegion mem_window, pref_window, io_window;   /* what of it is seen from before the bridge */
    bool bus_in_reset;
} PciBridge;

/* A window that follows base and limit registers: closed while limit is below base. */
static void set_window(PciBridge *s, MemRegion *window, const char *name, MemRegion *target,
                       MemRegion *parent, uint64_t base, uint64_t limit, bool enabled)
{
    region_remove(window);
    region_destroy(window);
    if (!enabled || limit < base) {
        base = limit = 0;
        enabled = false;
    }
    region_init_alias(window, &s->pci.dev.obj, name, target, base, limit - base + 1);
    if (enabled) {
        TRACE(pci_bridge_window, "%02x.%x %s 0x%" PRIx64 " to 0x%" PRIx64, PCI_SLOT(s->pci.devfn),
              PCI_FN(s->pci.devfn), name, base, limit);
        region_add(parent, base, window, 1);
    }
}

static void update_windows(PciBridge *s)
{
    PciDevice *pci = &s->pci;
    PciBus *parent = pci_bus(pci);
    const uint8_t *c = pci->config;
    uint16_t command = pci_get_word(pci, PCI_COMMAND);
    bool mem = command & PCI_COMMAND_MEMORY;

    memory_begin();
    set_window(s, &s->mem_window, "pci-bridge-mem", &s->mem, parent->mem,
               (uint64_t)(pci_get_word(pci, PCI_MEMORY_BASE) & 0xfff0) << 16,
               (uint64_t)(pci_get_word(pci, PCI_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff, mem);
    set_window(s, &s->pref_window, "pci-bridge-pref-mem", &s->mem, parent->mem,
               (uint64_t)(pci_get_word(pci, PCI_PREF_MEMORY_BASE) & 0xfff0) << 16 |
                   (uint64_t)pci_get_long(pci, PCI_PREF_BASE_UPPER32) << 32,
               (uint64_t)(pci_get_word(pci, PCI_PREF_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff |
                   (uint64_t)pci_get_long(pci, PCI_PREF_LIMIT_UPPER32) << 32, mem);
    /* 16 bits: a PC has no more ports */
    set_window(s, &s->io_window, "pci-bridge-io", &s->io, parent->io,
               (uint64_t)(c[PCI_IO_BASE] & 0xf0) << 8, (c[PCI_IO_LIMIT] & 0xf0) << 8 | 0xfff,
               command & PCI_COMMAND_IO);
    memory_commit();
}

static void reset_bus(PciBridge *s)
{
    Device *dev;

    list_for_each(dev, &s->bus->bus.devices, Device, on_bus) {
        device_reset(dev);
    }
}

static void config_written(PciDevice *pci, unsigned addr, unsigned size)
{
    PciBridge *s = DEVICE_OF(&pci->dev, PciBridge);
    bool reset = pci->config[PCI_BRIDGE_CONTROL] & CONTROL_BUS_RESET;

    if (addr < PCI_COMMAND + 2 || (addr < PCI_BRIDGE_ROM_ADDRESS && addr + size > PCI_IO_BASE)) {
        update_windows(s);
    }
    if (reset && !s->bus_in_reset) {
        reset_bus(s);
    }
    s->bus_in_reset = reset;
}

/* Registers that software writes, and those bits that say what the bridge can do. */
static void init_registers(PciBridge *s)
{
    static const struct { uint8_t at, len, mask; } writable[] = {
        { PCI_PRIMARY_BUS, 4, 0xff },           /* three bus numbers, secondary latency timer */
        { PCI_LATENCY_TIMER, 1, 0xff },
        { PCI_IO_BASE, 2, 0xf0 },
        { PCI_PREF_BASE_UPPER32, 8, 0xff },
        { PCI_BRIDGE_CONTROL, 1, CONTROL_PARITY | CONTROL_SERR | CONTROL_MASTER_ABORT |
                                 CONTROL_BUS_RESET },
    };
    static const uint8_t limits[] = {
        PCI_MEMORY_BASE, PCI_MEMORY_LIMIT, PCI_PREF_MEMORY_BASE, PCI_PREF_MEMORY_LIMIT,
    };
    PciDevice *pci = &s->pci;

    for (unsigned i = 0; i < ARRAY_SIZE(writable); i++) {
        pci_set_writable(pci, writable[i].at, writable[i].len, writable[i].mask);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        pci_set_writable(pci, limits[i], 1, 0xf0);
        pci_set_writable(pci, limits[i] + 1, 1, 0xff);
    }
    pci_put_word(pci, PCI_STATUS, PCI_STATUS_66MHZ | PCI_STATUS_FAST_BACK);
    pci->config[PCI_PREF_MEMORY_BASE] = pci->config[PCI_PREF_MEMORY_LIMIT] = MEMORY_64_BITS;
}

static bool bridge_realize(Device *dev, Error **errp)
{
    PciBridge *s = DEVICE_OF(dev, PciBridge);
    PciDevice *pci = &s->pci;
    g_autofree char *name = NULL;
    uint8_t cap;

    if (!s->chassis_nr) {
        error_set(errp, "Bridge chassis not specified. Each bridge is required to be assigned a "
                  "unique chassis id > 0.");
        return false;
    }
    if (s->shpc) {
        error_set(errp, "shpc=on: there is no standard hotplug controller in this bridge");
        error_hint(errp, "Use shpc=off");
        return false;
    }
    init_registers(s);
    cap = pci_add_capability(pci, SLOT_CAPABILITY, 0, SLOT_CAPABILITY_SIZE, errp);
    if (!cap) {
        return false;
    }
    pci->config[cap + CHASSIS_NUMBER] = s->chassis_nr;
    region_init_container(&s->mem, &dev->obj, "pci-bridge-mem-space", UINT64_MAX);
    region_init_container(&s->io, &dev->obj, "pci-bridge-io-space", 0x10000);
    region_init_alias(&s->mem_window, &dev->obj, "pci-bridge-mem", &s->mem, 0, 1);
    region_init_alias(&s->pref_window, &dev->obj, "pci-bridge-pref-mem", &s->mem, 0, 1);
    region_init_alias(&s->io_window, &dev->obj, "pci-bridge-io", &s->io, 0, 1);
    /* The bus is called as the bridge is, where that has a name. */
    name = dev->id ? g_strdup(dev->id) : g_strdup_printf("pci-bridge.%u", s->chassis_nr);
    s->bus = OBJECT_OF(bus_new(BUS_PCI, sizeof(PciBus), dev, name), PciBus);
    s->bus->bridge = pci;
    s->bus->mem = &s->mem;
    s->bus->io = &s->io;
    return true;
}

static void bridge_unrealize(Device *dev)
{
    PciBridge *s = DEVICE_OF(dev, PciBridge);
    MemRegion *windows[] = { &s->mem_window, &s->pref_window, &s->io_window };

    for (unsigned i = 0; i < ARRAY_SIZE(windows); i++) {
        region_remove(windows[i]);
        region_destroy(windows[i]);
    }
    bus_free(&s->bus->bus);
    region_destroy(&s->io);
    region_destroy(&s->mem);
}

static void bridge_reset(Device *dev)
{
    PciBridge *s = DEVICE_OF(dev, PciBridge);

    s->bus_in_reset = false;
    update_windows(s);
}

static const Prop bridge_props[] = {
    PROP_U8(PciBridge, chassis_nr, 0, "number of the chassis: not 0, and another for each bridge"),
    PROP_BOOL(PciBridge, shpc, false, "standard hotplug controller: there is none"),
    { }
};

static const StateField bridge_state[] = {
    STATE_UINT(PciBridge, bus_in_reset),
    { }
};

static const DeviceType bridge_type = {
    .name = "pci-bridge", .desc = "Standard PCI Bridge", .bus = BUS_PCI,
    .category = CATEGORY_BRIDGE, .size = sizeof(PciBridge), .props = bridge_props,
    .state = bridge_state, .realize = bridge_realize, .unrealize = bridge_unrealize,
    .reset = bridge_reset,
    .bus_info = &(const PciInfo){
        .vendor = PCI_VENDOR_REDHAT, .device = 0x0001, .class_id = PCI_CLASS_BRIDGE_PCI,
        .bridge = true, .config_written = config_written,
    },
};
REGISTER_DEVICE(bridge_type)

/* PCI buses: addresses, automatic slots, configuration cycles, interrupt routing */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/pci-int.h"

static PciBus *root_bus;

PciBus *pci_bus_new_root(Device *owner, const char *name, MemRegion *mem, MemRegion *io)
{
    PciBus *bus = OBJECT_OF(bus_new(BUS_PCI, sizeof(PciBus), owner, name), PciBus);

    bus->mem = mem;
    bus->io = io;
    if (!root_bus) {
        root_bus = bus;
    }
    return bus;
}

PciBus *pci_root_bus(void)
{
    return root_bus;
}

void pci_bus_set_irqs(PciBus *bus, PciMapIrqFn *map, IrqFn *set, void *opaque)
{
    bus->map_irq = map;
    bus->set_irq = set;
    bus->irq_opaque = opaque;
}

uint8_t pci_bus_number(const PciBus *bus)
{
    return bus->bridge ? bus->bridge->config[PCI_SECONDARY_BUS] : 0;
}

/* The bus of that number at or below bus. */
static PciBus *find_bus(PciBus *bus, uint8_t number)
{
    if (pci_bus_number(bus) == number) {
        return bus;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bus->devices); i++) {
        PciDevice *pci = bus->devices[i];
        Bus *behind;

        if (!pci || !pci_info(pci)->bridge || number < pci->config[PCI_SECONDARY_BUS] ||
            number > pci->config[PCI_SUBORDINATE_BUS] || !pci->config[PCI_SECONDARY_BUS]) {
            continue;
        }
        behind = list_first(&pci->dev.buses, Bus, of_owner);
        return behind ? find_bus(OBJECT_OF(behind, PciBus), number) : NULL;
    }
    return NULL;
}

PciDevice *pci_find_device(PciBus *root, uint8_t number, uint8_t devfn)
{
    PciBus *bus = find_bus(root, number);

    return bus ? bus->devices[devfn] : NULL;
}

static PciDevice *addressed(PciBus *root, uint32_t addr)
{
    return pci_find_device(root, addr >> 16, addr >> 8);
}

uint32_t pci_config_cycle_read(PciBus *root, uint32_t addr, unsigned size)
{
    PciDevice *pci = addressed(root, addr);

    return pci ? pci_config_read(pci, addr & 0xff, size) : UINT32_MAX;
}

void pci_config_cycle_write(PciBus *root, uint32_t addr, uint32_t value, unsigned size)
{
    PciDevice *pci = addressed(root, addr);

    if (pci) {
        pci_config_write(pci, addr & 0xff, value, size);
    }
}

/* addr=SLOT[.FN], both hexadecimal, as PCI addresses are written everywhere */
static bool set_addr(Object *obj, const Prop *prop, void *field, const char *text, Error **errp)
{
    unsigned long slot, fn = 0;
    char *end;

    if (!strcmp(text, "-1")) {
        *(int32_t *)field = -1;
        return true;
    }
    slot = strtoul(text, &end, 16);
    if (*end == '.' && g_ascii_isdigit(end[1])) {
        fn = strtoul(end + 1, &end, 16);
    }
    if (!g_ascii_isxdigit(*text) || *end || slot > 31 || fn > 7) {
        error_set(errp, "Property '%s.%s' can't take value '%s': expected SLOT.FUNCTION, "
                  "such as 06.0, with slots up to 1f and functions up to 7",
                  obj->type->name, prop->name, text);
        return false;
    }
    *(int32_t *)field = PCI_DEVFN(slot, fn);
    return true;
}

static char *get_addr(Object *obj, const Prop *prop, const void *field)
{
    int32_t devfn = *(const int32_t *)field;

    return devfn < 0 ? g_strdup("-1")
                     : g_strdup_printf("%02x.%x", PCI_SLOT(devfn), PCI_FN(devfn));
}

static int64_t get_addr_number(Object *obj, const Prop *prop, const void *field)
{
    return *(const int32_t *)field;
}

static void default_addr(Object *obj, const Prop *prop, void *field)
{
    *(int32_t *)field = -1;
}

static const PropOps addr_ops = {
    .type_name = "int32", .set = set_addr, .get = get_addr, .get_number = get_addr_number,
    .set_default = default_addr,
};

/* A slot with several functions must say so in function 0. */
static bool check_functions(PciBus *bus, PciDevice *pci, uint8_t devfn, Error **errp)
{
    uint8_t slot = PCI_SLOT(devfn);
    PciDevice *first = bus->devices[PCI_DEVFN(slot, 0)];

    if (PCI_FN(devfn)) {
        if (first && !(first->config[PCI_HEADER_TYPE] & PCI_HEADER_MULTIFUNCTION)) {
            error_set(errp, "PCI: single function device can't be populated in function %x.%x",
                      slot, PCI_FN(devfn));
            error_hint(errp, "Give the device in function 0 the property multifunction=on");
            return false;
        }
        return true;
    }
    for (unsigned fn = 1; !pci->multifunction && fn < 8; fn++) {
        if (bus->devices[PCI_DEVFN(slot, fn)]) {
            error_set(errp, "PCI: %x.0 indicates single function, but %x.%x is already populated",
                      slot, slot, fn);
            error_hint(errp, "Give the device in function 0 the property multifunction=on");
            return false;
        }
    }
    return true;
}

static bool choose_devfn(PciBus *bus, PciDevice *pci, Error **errp)
{
    const char *name = pci->dev.obj.type->name;
    int32_t devfn = pci->addr;

    for (unsigned slot = bus->first_slot; devfn < 0 && slot < 32; slot++) {
        if (!bus->devices[PCI_DEVFN(slot, 0)]) {
            devfn = PCI_DEVFN(slot, 0);
        }
    }
    if (devfn < 0) {
        error_set(errp, "PCI: no slot/function available for %s, all in use or reserved", name);
        return false;
    }
    if (bus->devices[devfn]) {
        error_set(errp, "PCI: slot %d function %d not available for %s, in use by %s",
                  PCI_SLOT(devfn), PCI_FN(devfn), name,
                  bus->devices[devfn]->dev.obj.type->name);
        return false;
    }
    if (!check_functions(bus, pci, devfn, errp)) {
        return false;
    }
    pci->addr = pci->devfn = devfn;
    return true;
}

static bool attach(Bus *b, Device *dev, Error **errp)
{
    PciBus *bus = OBJECT_OF(b, PciBus);
    PciDevice *pci = DEVICE_OF(dev, PciDevice);

    if (!choose_devfn(bus, pci, errp)) {
        return false;
    }
    pci_init_config(pci);
    if (pci->multifunction) {
        pci->config[PCI_HEADER_TYPE] |= PCI_HEADER_MULTIFUNCTION;
    }
    bus->devices[pci->devfn] = pci;
    return true;
}

static bool attached(Bus *bus, Device *dev, Error **errp)
{
    PciDevice *pci = DEVICE_OF(dev, PciDevice);

    if (!pci_rom_load(pci, errp)) {
        return false;
    }
    memcpy(pci->reset_config, pci->config, sizeof(pci->config));
    return true;
}

static void detach(Bus *b, Device *dev)
{
    PciBus *bus = OBJECT_OF(b, PciBus);
    PciDevice *pci = DEVICE_OF(dev, PciDevice);

    pci_set_irq(pci, false);
    pci_unmap_bars(pci);
    pci_rom_free(pci);
    bus->devices[pci->devfn] = NULL;
}

static void reset_device(Device *dev)
{
    pci_reset_config(DEVICE_OF(dev, PciDevice));
}

static void print(Device *dev, unsigned indent, GString *out)
{
    const PciDevice *pci = DEVICE_OF(dev, PciDevice);
    uint16_t class = pci_get_word(pci, PCI_CLASS_DEVICE);
    const char *name = pci_class_name(class);
    g_autofree char *number = g_strdup_printf("Class %04x", class);

    g_string_append_printf(out, "%*sclass %s, addr %02x:%02x.%x, pci id %04x:%04x (sub "
                           "%04x:%04x)\n", indent, "", name ? name : number,
                           pci_bus_number(pci_bus(pci)), PCI_SLOT(pci->devfn),
                           PCI_FN(pci->devfn), pci_get_word(pci, PCI_VENDOR_ID),
                           pci_get_word(pci, PCI_DEVICE_ID),
                           pci_get_word(pci, PCI_SUBSYSTEM_VENDOR_ID),
                           pci_get_word(pci, PCI_SUBSYSTEM_ID));
    for (unsigned i = 0; i <= PCI_ROM_SLOT; i++) {
        const PciBar *bar = &pci->bars[i];

        if (bar->region) {
            g_string_append_printf(out, "%*sbar %u: %s at 0x%" PRIx64 " [0x%" PRIx64 "]\n", indent,
                                   "", i, bar->type & PCI_BAR_IO ? "i/o" : "mem", bar->addr,
                                   bar->addr + bar->region->size - 1);
        }
    }
}

static const Prop pci_props[] = {
    PROP_CUSTOM_AS("addr", PciDevice, addr, &addr_ops,
                   "Slot and optional function number, example: 06.0 or 06"),
    PROP_BOOL(PciDevice, multifunction, false, "the slot has further functions"),
    PROP_STRING(PciDevice, romfile, NULL, "option ROM; empty for none"),
    PROP_U32(PciDevice, romsize, UINT32_MAX, "size of the ROM BAR; the file's if not given"),
    PROP_U32(PciDevice, rombar, 1, "0: no ROM BAR"),
    { }
};

static const StateField pci_state[] = {
    STATE_BYTES(PciDevice, config),
    STATE_UINT(PciDevice, irq_level),
    STATE_UINT(PciDevice, irq_driven),
    { }
};

/* Firmware matches the address alone; the name before it is for people. */
static char *boot_path(Device *dev)
{
    PciDevice *pci = DEVICE_OF(dev, PciDevice);
    const char *name = pci_info(pci)->class_id == PCI_CLASS_STORAGE_IDE ? "ide"
                     : pci_info(pci)->bridge ? "pci-bridge" : "pci";
    g_autofree char *above = pci_bus(pci)->bridge ? boot_path(&pci_bus(pci)->bridge->dev)
                                                  : g_strdup("/pci@i0cf8");

    return PCI_FN(pci->devfn)
               ? g_strdup_printf("%s/%s@%x,%x", above, name, PCI_SLOT(pci->devfn),
                                 PCI_FN(pci->devfn))
               : g_strdup_printf("%s/%s@%x", above, name, PCI_SLOT(pci->devfn));
}

static bool can_hotplug(const Bus *bus)
{
    return OBJECT_OF((Bus *)bus, PciBus)->hotplug;
}

static void plugged(Device *dev)
{
    PciDevice *pci = DEVICE_OF(dev, PciDevice);

    pci_bus(pci)->hotplug->plugged(pci_bus(pci)->hotplug_opaque, pci);
}

static void unplug(Device *dev)
{
    PciDevice *pci = DEVICE_OF(dev, PciDevice);

    pci_bus(pci)->hotplug->unplug(pci_bus(pci)->hotplug_opaque, pci);
}

static const BusType pci_bus_type = {
    .name = BUS_PCI, .props = pci_props, .state = pci_state, .boot_path = boot_path, .attach = attach,
    .attached = attached, .detach = detach, .reset_device = reset_device, .max_devices = 256,
    .can_hotplug = can_hotplug, .plugged = plugged, .unplug = unplug, .print = print,
};
REGISTER_BUS(pci_bus_type)

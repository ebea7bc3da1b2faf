/* PCI devices: configuration space, BARs, capabilities, INTx, bus-master DMA */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci-int.h"
#include "util/trace.h"

static bool is_bridge(const PciDevice *pci)
{
    return pci_info(pci)->bridge;
}

static unsigned bar_offset(const PciDevice *pci, unsigned n)
{
    if (n == PCI_ROM_SLOT) {
        return is_bridge(pci) ? PCI_BRIDGE_ROM_ADDRESS : PCI_ROM_ADDRESS;
    }
    return PCI_BASE_ADDRESS_0 + n * 4;
}

static void put_word_mask(uint8_t *mask, unsigned addr, uint16_t value)
{
    st16_le(mask + addr, value);
}

void pci_set_writable(PciDevice *pci, unsigned addr, unsigned len, uint8_t mask)
{
    memset(pci->wmask + addr, mask, len);
}

/* The header every function has, from its type's PciInfo. */
void pci_init_config(PciDevice *pci)
{
    const PciInfo *info = pci_info(pci);

    memset(pci->config, 0, sizeof(pci->config));
    pci_put_word(pci, PCI_VENDOR_ID, info->vendor);
    pci_put_word(pci, PCI_DEVICE_ID, info->device);
    pci->config[PCI_REVISION_ID] = info->revision;
    pci->config[PCI_CLASS_PROG] = info->prog_if;
    pci_put_word(pci, PCI_CLASS_DEVICE, info->class_id);
    pci->config[PCI_INTERRUPT_PIN] = info->interrupt_pin;
    if (is_bridge(pci)) {
        pci->config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
    } else {
        pci_put_word(pci, PCI_SUBSYSTEM_VENDOR_ID,
                     info->sub_vendor ? info->sub_vendor : PCI_SUBVENDOR_DEFAULT);
        pci_put_word(pci, PCI_SUBSYSTEM_ID,
                     info->sub_device ? info->sub_device : PCI_SUBDEVICE_DEFAULT);
    }
    put_word_mask(pci->wmask, PCI_COMMAND,
                  PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                  PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
    put_word_mask(pci->w1cmask, PCI_STATUS, PCI_STATUS_ERRORS);
    pci->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    pci->wmask[PCI_INTERRUPT_LINE] = 0xff;
    memset(pci->taken, 1, PCI_CONFIG_HEADER_SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(pci->bars); i++) {
        pci->bars[i].addr = PCI_UNMAPPED;
    }
}

/* BARs */

void pci_map_bar(PciDevice *pci, unsigned n, uint8_t type, MemRegion *region)
{
    uint64_t size = region->size, mask = ~(size - 1);
    unsigned at = bar_offset(pci, n);

    g_assert(n <= PCI_ROM_SLOT && !(size & (size - 1)) && size >= 4);
    pci->bars[n] = (PciBar){ region, type, PCI_UNMAPPED };
    if (n == PCI_ROM_SLOT) {
        st32_le(pci->wmask + at, (uint32_t)mask | PCI_ROM_ADDRESS_ENABLE);
        return;
    }
    pci_put_long(pci, at, type);
    if (type & PCI_BAR_MEM64) {
        g_assert(n + 1 < PCI_NR_BARS);
        st64_le(pci->wmask + at, mask & ~0xfULL);
    } else {
        st32_le(pci->wmask + at, (uint32_t)mask & (type & PCI_BAR_IO ? ~3u : ~0xfu));
    }
}

uint64_t pci_bar_addr(const PciDevice *pci, unsigned n)
{
    return pci->bars[n].addr;
}

/* Where the registers put BAR n now; PCI_UNMAPPED when it decodes nothing. */
static uint64_t bar_wanted(const PciDevice *pci, unsigned n)
{
    const PciBar *bar = &pci->bars[n];
    unsigned at = bar_offset(pci, n);
    uint16_t command = pci_get_word(pci, PCI_COMMAND);
    uint64_t addr, last, limit = UINT32_MAX;

    if (bar->type & PCI_BAR_IO) {
        addr = pci_get_long(pci, at) & ~3u;
        limit = 0xffff;
    } else if (n == PCI_ROM_SLOT) {
        addr = pci_get_long(pci, at);
        if (!(addr & PCI_ROM_ADDRESS_ENABLE)) {
            return PCI_UNMAPPED;
        }
    } else if (bar->type & PCI_BAR_MEM64) {
        addr = ld64_le(pci->config + at);
        limit = INT64_MAX;
    } else {
        addr = pci_get_long(pci, at);
    }
    if (!(command & (bar->type & PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY))) {
        return PCI_UNMAPPED;
    }
    addr &= ~(bar->region->size - 1);
    last = addr + bar->region->size - 1;
    /*
     * Address 0 is a BAR that nobody has programmed, and one that ends at the
     * limit is being sized: neither may hide what is there.
     */
    if (!addr || last < addr || last >= limit) {
        return PCI_UNMAPPED;
    }
    return addr;
}

void pci_update_bars(PciDevice *pci)
{
    PciBus *bus = pci_bus(pci);

    for (unsigned n = 0; n < ARRAY_SIZE(pci->bars); n++) {
        PciBar *bar = &pci->bars[n];
        uint64_t addr;

        if (!bar->region) {
            continue;
        }
        addr = bar_wanted(pci, n);
        if (addr == bar->addr) {
            continue;
        }
        TRACE(pci_map_bar, "%02x.%x bar %u at 0x%" PRIx64 " size 0x%" PRIx64,
              PCI_SLOT(pci->devfn), PCI_FN(pci->devfn), n, addr, bar->region->size);
        if (bar->addr != PCI_UNMAPPED) {
            region_remove(bar->region);
        }
        bar->addr = addr;
        if (addr != PCI_UNMAPPED) {
            region_add(bar->type & PCI_BAR_IO ? bus->io : bus->mem, addr, bar->region, 1);
        }
    }
}

void pci_unmap_bars(PciDevice *pci)
{
    for (unsigned n = 0; n < ARRAY_SIZE(pci->bars); n++) {
        if (pci->bars[n].addr != PCI_UNMAPPED) {
            region_remove(pci->bars[n].region);
            pci->bars[n].addr = PCI_UNMAPPED;
        }
    }
}

/* INTx */

int pci_route_irq(const PciDevice *pci)
{
    int pin = pci->config[PCI_INTERRUPT_PIN] - 1;

    while (pci_bus(pci)->bridge) {
        /* PCI-to-PCI Bridge Specification 1.2, table 9-1 */
        pin = (pin + PCI_SLOT(pci->devfn)) % PCI_NR_PINS;
        pci = pci_bus(pci)->bridge;
    }
    return pci_bus(pci)->map_irq ? pci_bus(pci)->map_irq(pci, pin) : pin;
}

static PciBus *root_of(const PciDevice *pci)
{
    PciBus *bus = pci_bus(pci);

    while (bus->bridge) {
        bus = pci_bus(bus->bridge);
    }
    return bus;
}

/* Bring the pin into the state that the device and the INTx disable bit ask for. */
static void update_irq(PciDevice *pci)
{
    bool level = pci->irq_level &&
                 !(pci_get_word(pci, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
    uint16_t status = pci_get_word(pci, PCI_STATUS) & ~PCI_STATUS_INTERRUPT;
    PciBus *root;
    int line;

    pci_put_word(pci, PCI_STATUS, status | (pci->irq_level ? PCI_STATUS_INTERRUPT : 0));
    if (level == pci->irq_driven) {
        return;
    }
    pci->irq_driven = level;
    root = root_of(pci);
    line = pci_route_irq(pci);
    root->irq_count[line] += level ? 1 : -1;
    if (root->set_irq) {
        root->set_irq(root->irq_opaque, line, root->irq_count[line] != 0);
    }
}

void pci_set_irq(PciDevice *pci, bool level)
{
    if (pci->config[PCI_INTERRUPT_PIN] && pci->dev.bus) {
        pci->irq_level = level;
        update_irq(pci);
    }
}

static void irq_input(void *opaque, int n, int level)
{
    pci_set_irq(opaque, level);
}

IrqLine pci_irq_line(PciDevice *pci)
{
    return (IrqLine){ .fn = irq_input, .opaque = pci };
}

/* Configuration space */

uint32_t pci_config_read(PciDevice *pci, unsigned addr, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size && addr + i < PCI_CONFIG_SIZE; i++) {
        value |= (uint32_t)pci->config[addr + i] << (i * 8);
    }
    TRACE(pci_config_read, "%02x.%x 0x%02x size %u: 0x%x", PCI_SLOT(pci->devfn),
          PCI_FN(pci->devfn), addr, size, value);
    return value;
}

static bool touches(unsigned addr, unsigned size, unsigned first, unsigned count)
{
    return addr < first + count && first < addr + size;
}

void pci_config_write(PciDevice *pci, unsigned addr, uint32_t value, unsigned size)
{
    TRACE(pci_config_write, "%02x.%x 0x%02x size %u: 0x%x", PCI_SLOT(pci->devfn),
          PCI_FN(pci->devfn), addr, size, value);
    for (unsigned i = 0; i < size && addr + i < PCI_CONFIG_SIZE; i++) {
        uint8_t byte = value >> (i * 8), mask = pci->wmask[addr + i];
        uint8_t *reg = &pci->config[addr + i];

        *reg = ((*reg & ~mask) | (byte & mask)) & ~(byte & pci->w1cmask[addr + i]);
    }
    if (touches(addr, size, PCI_COMMAND, 2) || touches(addr, size, PCI_BASE_ADDRESS_0, 24) ||
        touches(addr, size, bar_offset(pci, PCI_ROM_SLOT), 4)) {
        pci_update_bars(pci);
    }
    if (touches(addr, size, PCI_COMMAND, 2)) {
        update_irq(pci);
    }
    msi_config_written(pci);
    msix_config_written(pci);
    if (pci_info(pci)->config_written) {
        pci_info(pci)->config_written(pci, addr, size);
    }
}

/* Every bit that software can change goes back to what realize left, but for what is kept. */
void pci_reset_config(PciDevice *pci)
{
    pci_set_irq(pci, false);
    for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++) {
        uint8_t mask = pci->wmask[i] | pci->w1cmask[i];

        if (i - pci_info(pci)->kept_first < pci_info(pci)->kept_bytes) {
            continue;
        }
        pci->config[i] = (pci->config[i] & ~mask) | (pci->reset_config[i] & mask);
    }
    pci_update_bars(pci);
    msi_reset(pci);
    msix_reset(pci);
}

/* Capabilities */

uint8_t pci_add_capability(PciDevice *pci, uint8_t id, uint8_t offset, uint8_t size,
                           Error **errp)
{
    unsigned at = offset ? offset : PCI_CONFIG_HEADER_SIZE;

    for (; at + size <= PCI_CONFIG_SIZE; at += 4) {
        if (!memchr(pci->taken + at, 1, size)) {
            break;
        }
        if (offset) {
            at = PCI_CONFIG_SIZE;
        }
    }
    if (at + size > PCI_CONFIG_SIZE) {
        error_set(errp, "%s: no room in configuration space for capability 0x%02x of %u bytes",
                  pci->dev.obj.type->name, id, size);
        return 0;
    }
    memset(pci->taken + at, 1, size);
    pci->config[at] = id;
    pci->config[at + 1] = pci->config[PCI_CAPABILITY_LIST];
    pci->config[PCI_CAPABILITY_LIST] = at;
    pci->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    return at;
}

uint8_t pci_find_capability(const PciDevice *pci, uint8_t id)
{
    uint8_t at = pci->config[PCI_CAPABILITY_LIST];

    while (at && pci->config[at] != id) {
        at = pci->config[at + 1];
    }
    return at;
}

/* DMA */

bool pci_dma_read(PciDevice *pci, GuestAddr addr, void *buf, size_t len)
{
    if (!pci_bus_master(pci)) {
        memset(buf, 0, len);
        return false;
    }
    return dma_read(memory_space(), addr, buf, len);
}

bool pci_dma_write(PciDevice *pci, GuestAddr addr, const void *buf, size_t len)
{
    return pci_bus_master(pci) && dma_write(memory_space(), addr, buf, len);
}

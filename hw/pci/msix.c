/* MSI-X capability: vector table, pending bits, delivery */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"

/* PCI Local Bus Specification 3.0, section 6.8.2 */
enum {
    MSIX_CONTROL = 2,
    MSIX_CONTROL_ENABLE = 0x8000,
    MSIX_CONTROL_MASK_ALL = 0x4000,
    MSIX_TABLE = 4,
    MSIX_PENDING = 8,
    MSIX_SIZE = 12,

    MSIX_ENTRY_SIZE = 16,       /* address, data, vector control */
    MSIX_ENTRY_DATA = 8,
    MSIX_ENTRY_CONTROL = 12,
    MSIX_ENTRY_CONTROL_MASK = 1,
    MSIX_MAX_VECTORS = 2048,
};

struct MsixTable {
    PciDevice *pci;
    unsigned nr_vectors;
    uint8_t *table;             /* nr_vectors entries */
    uint8_t *pending;           /* a bit a vector, in whole quadwords */
    unsigned pending_bytes;
    MemRegion table_region, pending_region;
};

static uint16_t control(const PciDevice *pci)
{
    return pci_get_word(pci, pci->msix_cap + MSIX_CONTROL);
}

bool msix_enabled(const PciDevice *pci)
{
    return pci->msix && control(pci) & MSIX_CONTROL_ENABLE;
}

static bool vector_masked(const PciDevice *pci, unsigned vector)
{
    const uint8_t *entry = pci->msix->table + vector * MSIX_ENTRY_SIZE;

    return control(pci) & MSIX_CONTROL_MASK_ALL || entry[MSIX_ENTRY_CONTROL] & 1;
}

static void send(PciDevice *pci, unsigned vector)
{
    const uint8_t *entry = pci->msix->table + vector * MSIX_ENTRY_SIZE;

    if (pci_bus_master(pci)) {      /* a message is a memory write */
        msi_deliver(ld64_le(entry), ld32_le(entry + MSIX_ENTRY_DATA));
    }
}

void msix_notify(PciDevice *pci, unsigned vector)
{
    if (!msix_enabled(pci) || vector >= pci->msix->nr_vectors) {
        return;
    }
    if (vector_masked(pci, vector)) {
        pci->msix->pending[vector / 8] |= BIT(vector % 8);
        return;
    }
    send(pci, vector);
}

static void send_if_pending(PciDevice *pci, unsigned vector)
{
    uint8_t *byte = &pci->msix->pending[vector / 8];

    if (*byte & BIT(vector % 8) && !vector_masked(pci, vector)) {
        *byte &= ~BIT(vector % 8);
        send(pci, vector);
    }
}

void msix_config_written(PciDevice *pci)
{
    if (msix_enabled(pci) && !(control(pci) & MSIX_CONTROL_MASK_ALL)) {
        for (unsigned v = 0; v < pci->msix->nr_vectors; v++) {
            send_if_pending(pci, v);
        }
    }
}

static uint64_t table_read(void *opaque, uint64_t offset, unsigned size)
{
    struct MsixTable *msix = opaque;
    uint64_t value = 0;

    memcpy(&value, msix->table + offset, size);
    return le64toh(value);
}

static void table_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct MsixTable *msix = opaque;

    value = htole64(value);
    memcpy(msix->table + offset, &value, size);
    if (msix_enabled(msix->pci)) {
        send_if_pending(msix->pci, offset / MSIX_ENTRY_SIZE);
    }
}

static const IoOps table_io = {
    .read = table_read, .write = table_write, .min_size = 4, .max_size = 8,
};

static uint64_t pending_read(void *opaque, uint64_t offset, unsigned size)
{
    struct MsixTable *msix = opaque;
    uint64_t value = 0;

    memcpy(&value, msix->pending + offset, size);
    return le64toh(value);
}

static const IoOps pending_io = { .read = pending_read, .min_size = 4, .max_size = 8 };

bool msix_init(PciDevice *pci, unsigned nr_vectors, MemRegion *container, uint8_t bar,
               uint32_t table_offset, uint32_t pending_offset, uint8_t offset, Error **errp)
{
    struct MsixTable *msix;
    uint8_t cap;

    if (!nr_vectors || nr_vectors > MSIX_MAX_VECTORS) {
        error_set(errp, "%s: MSI-X takes 1 to %d vectors, not %u", pci->dev.obj.type->name,
                  MSIX_MAX_VECTORS, nr_vectors);
        return false;
    }
    cap = pci_add_capability(pci, PCI_CAP_ID_MSIX, offset, MSIX_SIZE, errp);
    if (!cap) {
        return false;
    }
    pci->msix_cap = cap;
    pci_put_word(pci, cap + MSIX_CONTROL, nr_vectors - 1);
    st16_le(pci->wmask + cap + MSIX_CONTROL, MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK_ALL);
    pci_put_long(pci, cap + MSIX_TABLE, table_offset | bar);
    pci_put_long(pci, cap + MSIX_PENDING, pending_offset | bar);
    msix = g_new0(struct MsixTable, 1);
    msix->pci = pci;
    msix->nr_vectors = nr_vectors;
    msix->table = g_malloc0_n(nr_vectors, MSIX_ENTRY_SIZE);
    msix->pending_bytes = ROUND_UP(nr_vectors, 64) / 8;
    msix->pending = g_malloc0(msix->pending_bytes);
    region_init_io(&msix->table_region, &pci->dev.obj, &table_io, msix, "msix-table",
                   nr_vectors * MSIX_ENTRY_SIZE);
    region_init_io(&msix->pending_region, &pci->dev.obj, &pending_io, msix, "msix-pba",
                   msix->pending_bytes);
    region_add(container, table_offset, &msix->table_region, 0);
    region_add(container, pending_offset, &msix->pending_region, 0);
    pci->msix = msix;
    msix_reset(pci);
    return true;
}

void msix_uninit(PciDevice *pci)
{
    struct MsixTable *msix = pci->msix;

    if (msix) {
        region_destroy(&msix->table_region);
        region_destroy(&msix->pending_region);
        g_free(msix->table);
        g_free(msix->pending);
        g_free(msix);
        pci->msix = NULL;
    }
}

void msix_reset(PciDevice *pci)
{
    struct MsixTable *msix = pci->msix;

    if (!msix) {
        return;
    }
    memset(msix->table, 0, msix->nr_vectors * MSIX_ENTRY_SIZE);
    memset(msix->pending, 0, msix->pending_bytes);
    for (unsigned v = 0; v < msix->nr_vectors; v++) {
        msix->table[v * MSIX_ENTRY_SIZE + MSIX_ENTRY_CONTROL] = MSIX_ENTRY_CONTROL_MASK;
    }
}

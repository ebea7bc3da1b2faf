/* MSI capability: message address and data, per-vector masks, delivery */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/msi.h"
#include "util/trace.h"

/* PCI Local Bus Specification 3.0, section 6.8.1; the 64-bit layout, which all devices use */
enum {
    MSI_CONTROL = 2,
    MSI_CONTROL_ENABLE = 0x0001,
    MSI_CONTROL_ENABLED_SHIFT = 4,      /* log2 of the vectors software has enabled */
    MSI_CONTROL_ENABLED = 0x0070,
    MSI_CONTROL_CAPABLE_SHIFT = 1,
    MSI_CONTROL_64BIT = 0x0080,
    MSI_CONTROL_MASKABLE = 0x0100,
    MSI_ADDRESS = 4,
    MSI_DATA = 12,
    MSI_MASK = 16,
    MSI_PENDING = 20,
    MSI_SIZE = 14,
    MSI_SIZE_MASKABLE = 24,
};

static MsiDeliverFn *deliver;

void msi_set_deliver(MsiDeliverFn *fn)
{
    deliver = fn;
}

void msi_deliver(uint64_t address, uint32_t data)
{
    TRACE(msi_deliver, "address 0x%" PRIx64 " data 0x%x", address, data);
    if (deliver) {
        deliver(address, data);
    }
}

bool msi_init(PciDevice *pci, uint8_t offset, unsigned nr_vectors, bool per_vector_mask,
              Error **errp)
{
    unsigned log2 = 0;
    uint8_t cap;

    while (1u << log2 < nr_vectors) {
        log2++;
    }
    g_assert(nr_vectors == 1u << log2 && log2 <= 5);
    cap = pci_add_capability(pci, PCI_CAP_ID_MSI, offset,
                             per_vector_mask ? MSI_SIZE_MASKABLE : MSI_SIZE, errp);
    if (!cap) {
        return false;
    }
    pci->msi_cap = cap;
    pci_put_word(pci, cap + MSI_CONTROL,
                 MSI_CONTROL_64BIT | log2 << MSI_CONTROL_CAPABLE_SHIFT |
                     (per_vector_mask ? MSI_CONTROL_MASKABLE : 0));
    st16_le(pci->wmask + cap + MSI_CONTROL, MSI_CONTROL_ENABLE | MSI_CONTROL_ENABLED);
    st64_le(pci->wmask + cap + MSI_ADDRESS, ~3ULL);
    st16_le(pci->wmask + cap + MSI_DATA, 0xffff);
    if (per_vector_mask) {
        st32_le(pci->wmask + cap + MSI_MASK, UINT32_MAX >> (32 - nr_vectors));
    }
    return true;
}

static uint16_t control(const PciDevice *pci)
{
    return pci_get_word(pci, pci->msi_cap + MSI_CONTROL);
}

bool msi_enabled(const PciDevice *pci)
{
    return pci->msi_cap && control(pci) & MSI_CONTROL_ENABLE;
}

/* Vectors in use: never more than the device has, whatever was written. */
static unsigned nr_enabled(const PciDevice *pci)
{
    unsigned wanted = (control(pci) & MSI_CONTROL_ENABLED) >> MSI_CONTROL_ENABLED_SHIFT;
    unsigned capable = (control(pci) >> MSI_CONTROL_CAPABLE_SHIFT) & 7;

    return 1u << MIN(wanted, capable);
}

static void send(PciDevice *pci, unsigned vector)
{
    uint16_t data = pci_get_word(pci, pci->msi_cap + MSI_DATA);
    unsigned count = nr_enabled(pci);

    if (pci_bus_master(pci)) {      /* a message is a memory write */
        msi_deliver(ld64_le(pci->config + pci->msi_cap + MSI_ADDRESS),
                    (data & ~(count - 1)) | vector);
    }
}

void msi_notify(PciDevice *pci, unsigned vector)
{
    uint8_t *cap = pci->config + pci->msi_cap;

    if (!msi_enabled(pci)) {
        return;
    }
    vector &= nr_enabled(pci) - 1;
    if (control(pci) & MSI_CONTROL_MASKABLE && ld32_le(cap + MSI_MASK) & BIT(vector)) {
        st32_le(cap + MSI_PENDING, ld32_le(cap + MSI_PENDING) | BIT(vector));
        return;
    }
    send(pci, vector);
}

/* Send what became unmasked while it was pending. */
void msi_config_written(PciDevice *pci)
{
    uint8_t *cap = pci->config + pci->msi_cap;
    uint32_t ready;

    if (!msi_enabled(pci) || !(control(pci) & MSI_CONTROL_MASKABLE)) {
        return;
    }
    ready = ld32_le(cap + MSI_PENDING) & ~ld32_le(cap + MSI_MASK);
    if (!ready) {
        return;
    }
    st32_le(cap + MSI_PENDING, ld32_le(cap + MSI_PENDING) & ~ready);
    for (unsigned v = 0; v < nr_enabled(pci); v++) {
        if (ready & BIT(v)) {
            send(pci, v);
        }
    }
}

void msi_reset(PciDevice *pci)
{
    if (pci->msi_cap && control(pci) & MSI_CONTROL_MASKABLE) {
        pci_put_long(pci, pci->msi_cap + MSI_PENDING, 0);
    }
}

/* PCI expansion ROM: a file behind the ROM BAR */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/loader.h"
#include "hw/pci/pci-int.h"

#define MAX_ROM (64u << 20)

static uint32_t power_of_two(uint32_t size)
{
    uint32_t power = 2048;      /* the BAR decodes 2 KiB at least */

    while (power < size) {
        power <<= 1;
    }
    return power;
}

bool pci_rom_load(PciDevice *pci, Error **errp)
{
    const char *name = pci->romfile ? pci->romfile : pci_info(pci)->romfile;
    g_autoptr(GBytes) image = NULL;
    uint32_t size;

    if (!name || !*name || !pci->rombar) {
        return true;
    }
    image = loader_read("option rom", name, MAX_ROM, errp);
    if (!image) {
        return false;
    }
    size = power_of_two(g_bytes_get_size(image));
    if (pci->romsize != UINT32_MAX) {
        if ((pci->romsize & (pci->romsize - 1)) || pci->romsize < g_bytes_get_size(image)) {
            error_set(errp, "romsize %u is no power of two that holds the %zu bytes of '%s'",
                      pci->romsize, g_bytes_get_size(image), name);
            return false;
        }
        size = MAX(pci->romsize, 2048);
    }
    if (!region_init_rom(&pci->rom, &pci->dev.obj, NULL, NULL, "rom", size, errp)) {
        return false;
    }
    memcpy(region_host(&pci->rom), g_bytes_get_data(image, NULL), g_bytes_get_size(image));
    pci_map_bar(pci, PCI_ROM_SLOT, 0, &pci->rom);
    pci->has_rom = true;
    return true;
}

void pci_rom_free(PciDevice *pci)
{
    if (pci->has_rom) {
        region_destroy(&pci->rom);
        pci->has_rom = false;
    }
}

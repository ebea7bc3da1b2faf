/* PCI host bridges: configuration mechanism #1, PCI Local Bus Specification 3.0, 3.2.2.3.2 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/pci/pci-host.h"

enum {
    CONFIG_ADDRESS_PORT = 0xcf8,
    CONFIG_DATA_PORT = 0xcfc,
    RESET_CONTROL_OFFSET = 1,       /* port 0xcf9 */
};
#define CONFIG_ADDRESS_ENABLE BIT(31)

static uint64_t addr_read(void *opaque, uint64_t offset, unsigned size)
{
    PciHost *host = opaque;

    if (size == 4) {
        return host->config_addr;
    }
    if (offset == RESET_CONTROL_OFFSET && size == 1 && host->reset_control) {
        return host->reset_control->read(host->reset_control_opaque, 0, 1);
    }
    return UINT64_MAX;
}

static void addr_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PciHost *host = opaque;

    if (size == 4) {
        host->config_addr = value;
    } else if (offset == RESET_CONTROL_OFFSET && size == 1 && host->reset_control) {
        host->reset_control->write(host->reset_control_opaque, 0, value, 1);
    }
}

static const IoOps addr_io = { .read = addr_read, .write = addr_write, .max_size = 4 };

/*
 * Bits 1 and 0 of the address select no byte on a real chip; the drivers of
 * upstream's qtests put the byte there instead of into the port.
 */
static uint32_t target(const PciHost *host, uint64_t offset)
{
    return (host->config_addr & 0xffffff) | offset;
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
    PciHost *host = opaque;

    if (!(host->config_addr & CONFIG_ADDRESS_ENABLE)) {
        return UINT64_MAX;
    }
    return pci_config_cycle_read(host->bus, target(host, offset), size);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    PciHost *host = opaque;

    if (host->config_addr & CONFIG_ADDRESS_ENABLE) {
        pci_config_cycle_write(host->bus, target(host, offset), value, size);
    }
}

static const IoOps data_io = { .read = data_read, .write = data_write, .max_size = 4 };

void pci_host_map(PciHost *host)
{
    region_init_io(&host->addr_region, &host->dev.obj, &addr_io, host, "pci-conf-idx", 4);
    region_init_io(&host->data_region, &host->dev.obj, &data_io, host, "pci-conf-data", 4);
    region_add(io_root(), CONFIG_ADDRESS_PORT, &host->addr_region, 0);
    region_add(io_root(), CONFIG_DATA_PORT, &host->data_region, 0);
}

void pci_host_unmap(PciHost *host)
{
    region_destroy(&host->data_region);
    region_destroy(&host->addr_region);
}

void pci_host_set_reset_control(PciHost *host, const IoOps *ops, void *opaque)
{
    host->reset_control = ops;
    host->reset_control_opaque = opaque;
}

const StateField pci_host_state[] = {
    STATE_UINT(PciHost, config_addr),
    { }
};

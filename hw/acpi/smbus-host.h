/* SMBus host controller of the PIIX4, and the devices on its bus */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_SMBUS_HOST_H
#define HW_ACPI_SMBUS_HOST_H

#include "hw/core/device.h"
#include "memory/memory.h"

enum { SMBUS_HOST_SIZE = 16, SMBUS_BLOCK_MAX = 32 };

/* Base of devices of BUS_I2C that speak SMBus; .bus_info of their types is SmbusInfo. */
typedef struct SmbusDevice {
    Device dev;
    uint8_t address;            /* 7 bits */
} SmbusDevice;

typedef struct SmbusInfo {
    /*
     * count data bytes follow (write) or are wanted (read) after the command
     * byte; has_command is false for the protocols that send none.
     */
    void (*write)(SmbusDevice *dev, bool has_command, uint8_t command, const uint8_t *data,
                  unsigned count);
    void (*read)(SmbusDevice *dev, bool has_command, uint8_t command, uint8_t *data,
                 unsigned count);
} SmbusInfo;

typedef struct SmbusHost {
    MemRegion region;
    Bus *bus;
    uint8_t status, control, command, address, data0, data1;
    uint8_t block[SMBUS_BLOCK_MAX];
    uint8_t block_index;
} SmbusHost;

/* Makes the bus "i2c" and the region, not mapped yet. */
void smbus_host_init(SmbusHost *s, Device *owner);
void smbus_host_destroy(SmbusHost *s);
void smbus_host_reset(SmbusHost *s);

extern const StateField smbus_host_state[];

#endif

/* SMBus host controller of the PIIX4 (Intel 290562-001, section 7.3) and its bus */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/acpi/smbus-host.h"
#include "util/trace.h"

enum {
    SMBHSTSTS = 0,
    SMBHSTCNT = 2,
    SMBHSTCMD = 3,
    SMBHSTADD = 4,
    SMBHSTDAT0 = 5,
    SMBHSTDAT1 = 6,
    SMBBLKDAT = 7,

    STS_INTR = 0x02,        /* the transaction ended well */
    STS_DEV_ERR = 0x04,     /* nobody answered */
    STS_FAILED = 0x10,      /* killed */
    STS_CLEARABLE = 0x1e,

    CNT_KILL = 0x02,
    CNT_PROTOCOL_SHIFT = 2,
    CNT_START = 0x40,       /* write only */

    PROTOCOL_QUICK = 0,
    PROTOCOL_BYTE = 1,
    PROTOCOL_BYTE_DATA = 2,
    PROTOCOL_WORD_DATA = 3,
    PROTOCOL_BLOCK = 5,
};

static SmbusDevice *find(SmbusHost *s, uint8_t address)
{
    Device *dev;

    list_for_each(dev, &s->bus->devices, Device, on_bus) {
        SmbusDevice *smbus = DEVICE_OF(dev, SmbusDevice);

        if (smbus->address == address) {
            return smbus;
        }
    }
    return NULL;
}

static void do_read(SmbusHost *s, SmbusDevice *dev, unsigned protocol)
{
    const SmbusInfo *info = device_type(&dev->dev)->bus_info;
    uint8_t data[SMBUS_BLOCK_MAX + 1] = { };

    switch (protocol) {
    case PROTOCOL_BYTE:
        info->read(dev, false, 0, &s->data0, 1);
        break;
    case PROTOCOL_BYTE_DATA:
        info->read(dev, true, s->command, &s->data0, 1);
        break;
    case PROTOCOL_WORD_DATA:
        info->read(dev, true, s->command, data, 2);
        s->data0 = data[0];
        s->data1 = data[1];
        break;
    case PROTOCOL_BLOCK:
        /* The device's first byte is the length of the block. */
        info->read(dev, true, s->command, data, sizeof(data));
        s->data0 = MIN(data[0], SMBUS_BLOCK_MAX);
        memcpy(s->block, data + 1, s->data0);
        break;
    }
}

static void do_write(SmbusHost *s, SmbusDevice *dev, unsigned protocol)
{
    const SmbusInfo *info = device_type(&dev->dev)->bus_info;
    uint8_t word[2] = { s->data0, s->data1 };

    switch (protocol) {
    case PROTOCOL_BYTE:
        info->write(dev, true, s->command, NULL, 0);
        break;
    case PROTOCOL_BYTE_DATA:
        info->write(dev, true, s->command, word, 1);
        break;
    case PROTOCOL_WORD_DATA:
        info->write(dev, true, s->command, word, 2);
        break;
    case PROTOCOL_BLOCK:
        info->write(dev, true, s->command, s->block, MIN(s->data0, SMBUS_BLOCK_MAX));
        break;
    }
}

/* Runs to its end at once, so the guest never sees the busy bit. */
static void run(SmbusHost *s)
{
    SmbusDevice *dev = find(s, s->address >> 1);
    unsigned protocol = s->control >> CNT_PROTOCOL_SHIFT & 7;

    TRACE(smbus_transaction, "address 0x%02x protocol %u command 0x%02x%s", s->address,
          protocol, s->command, dev ? "" : ": nobody there");
    s->block_index = 0;
    if (!dev || protocol == 4 || protocol > PROTOCOL_BLOCK) {
        s->status |= STS_DEV_ERR;
        return;
    }
    if (s->address & 1) {
        do_read(s, dev, protocol);
    } else {
        do_write(s, dev, protocol);
    }
    s->block_index = 0;
    s->status |= STS_INTR;
}

static uint64_t smbus_read(void *opaque, uint64_t offset, unsigned size)
{
    SmbusHost *s = opaque;

    switch (offset) {
    case SMBHSTSTS:
        return s->status;
    case SMBHSTCNT:
        s->block_index = 0;     /* reading it rewinds the block buffer */
        return s->control;
    case SMBHSTCMD:
        return s->command;
    case SMBHSTADD:
        return s->address;
    case SMBHSTDAT0:
        return s->data0;
    case SMBHSTDAT1:
        return s->data1;
    case SMBBLKDAT:
        return s->block[s->block_index++ % SMBUS_BLOCK_MAX];
    default:
        return 0;
    }
}

static void smbus_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    SmbusHost *s = opaque;

    switch (offset) {
    case SMBHSTSTS:
        s->status &= ~(value & STS_CLEARABLE);
        break;
    case SMBHSTCNT:
        s->control = value & ~CNT_START;
        if (value & CNT_KILL) {
            s->status |= STS_FAILED;
        } else if (value & CNT_START) {
            run(s);
        }
        break;
    case SMBHSTCMD:
        s->command = value;
        break;
    case SMBHSTADD:
        s->address = value;
        break;
    case SMBHSTDAT0:
        s->data0 = value;
        break;
    case SMBHSTDAT1:
        s->data1 = value;
        break;
    case SMBBLKDAT:
        s->block[s->block_index++ % SMBUS_BLOCK_MAX] = value;
        break;
    }
}

static const IoOps smbus_io = { .read = smbus_read, .write = smbus_write, .max_size = 1 };

void smbus_host_init(SmbusHost *s, Device *owner)
{
    region_init_io(&s->region, &owner->obj, &smbus_io, s, "smbus", SMBUS_HOST_SIZE);
    s->bus = bus_new(BUS_I2C, 0, owner, "i2c");
}

void smbus_host_destroy(SmbusHost *s)
{
    region_destroy(&s->region);
}

void smbus_host_reset(SmbusHost *s)
{
    s->status = s->control = s->command = s->address = s->data0 = s->data1 = 0;
    s->block_index = 0;
    memset(s->block, 0, sizeof(s->block));
}

const StateField smbus_host_state[] = {
    STATE_UINT(SmbusHost, status),
    STATE_UINT(SmbusHost, control),
    STATE_UINT(SmbusHost, command),
    STATE_UINT(SmbusHost, address),
    STATE_UINT(SmbusHost, data0),
    STATE_UINT(SmbusHost, data1),
    STATE_BYTES(SmbusHost, block),
    STATE_UINT(SmbusHost, block_index),
    { }
};

static const Prop smbus_props[] = {
    PROP_U8(SmbusDevice, address, 0, "address on the bus, 7 bits"),
    { }
};

static const BusType i2c_bus_type = {
    .name = BUS_I2C, .props = smbus_props,
};
REGISTER_BUS(i2c_bus_type)

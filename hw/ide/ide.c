/* IDE bus and its drives: ide-hd, ide-cd */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/backend-props.h"
#include "hw/ide/ide-int.h"

enum {
    MAX_HEADS = 16,
    MAX_CHS_SECTORS = 255,
    DEFAULT_DISCARD = 512,
};
#define SIZE_DEFAULT UINT32_MAX     /* of a size: not given */

/* Buses */

IdeBus *ide_bus_new(Device *owner, unsigned index, IrqLine *irq)
{
    g_autofree char *name = g_strdup_printf("ide.%u", index);
    IdeBus *bus = OBJECT_OF(bus_new(BUS_IDE, sizeof(IdeBus), owner, name), IdeBus);

    bus->index = index;
    bus->irq = irq;
    return bus;
}

void ide_bus_set_dma(IdeBus *bus, const IdeDmaOps *ops, void *opaque)
{
    bus->dma = ops;
    bus->dma_opaque = opaque;
}

static bool attach(Bus *b, Device *dev, Error **errp)
{
    IdeBus *bus = OBJECT_OF(b, IdeBus);
    IdeDrive *d = DEVICE_OF(dev, IdeDrive);

    if (d->unit == UINT32_MAX) {
        d->unit = bus->drives[0] ? 1 : 0;
    }
    if (d->unit >= IDE_NR_UNITS) {
        error_set(errp, "Can't create IDE unit %u, bus supports only %d units", d->unit,
                  IDE_NR_UNITS);
        return false;
    }
    if (bus->drives[d->unit]) {
        error_set(errp, "IDE unit %u is in use", d->unit);
        return false;
    }
    bus->drives[d->unit] = d;
    return true;
}

static void detach(Bus *b, Device *dev)
{
    OBJECT_OF(b, IdeBus)->drives[DEVICE_OF(dev, IdeDrive)->unit] = NULL;
}

static const Prop ide_bus_props[] = {
    PROP_U32(IdeDrive, unit, UINT32_MAX, "0: master, 1: slave"),
    { }
};

/* Below the controller: the channel, then the unit. */
static char *boot_path(Device *dev)
{
    IdeBus *bus = ide_bus(DEVICE_OF(dev, IdeDrive));
    g_autofree char *controller = device_boot_path(bus->bus.owner);

    return controller ? g_strdup_printf("%s/drive@%x/disk@%x", controller, bus->index,
                                        DEVICE_OF(dev, IdeDrive)->unit) : NULL;
}

static const BusType ide_bus_type = {
    .name = BUS_IDE, .props = ide_bus_props, .attach = attach, .detach = detach,
    .boot_path = boot_path,
    .max_devices = IDE_NR_UNITS,
};
REGISTER_BUS(ide_bus_type)

bool ide_get_geometry(const IdeBus *bus, unsigned unit, Geometry *g)
{
    IdeDrive *d = unit < IDE_NR_UNITS ? bus->drives[unit] : NULL;

    if (!d || d->kind != IDE_KIND_HD) {
        return false;
    }
    *g = d->geometry;
    return true;
}

/* Drives */

static bool check_block_sizes(IdeDrive *d, Error **errp)
{
    if (!d->logical_block_size) {
        d->logical_block_size = IDE_SECTOR;
    }
    if (!d->physical_block_size) {
        d->physical_block_size = d->logical_block_size;
    }
    if (d->logical_block_size != IDE_SECTOR) {
        error_set(errp, "logical_block_size must be %d for IDE", IDE_SECTOR);
        return false;
    }
    if (d->physical_block_size < IDE_SECTOR || d->physical_block_size > 2 * 1024 * 1024 ||
        d->physical_block_size & (d->physical_block_size - 1)) {
        error_set(errp, "physical_block_size must be a power of 2 between 512 and 2097152");
        return false;
    }
    if (d->discard_granularity == SIZE_DEFAULT) {
        d->discard_granularity = DEFAULT_DISCARD;
    }
    if (d->discard_granularity && d->discard_granularity != IDE_SECTOR) {
        error_set(errp, "discard_granularity must be 512 for ide");
        return false;
    }
    return true;
}

static bool set_geometry(IdeDrive *d, Error **errp)
{
    Geometry *g = &d->geometry;
    int translation = g->translation;

    if (!g->cylinders && !g->heads && !g->sectors) {
        geometry_guess(d->blk, g);
    } else if (g->cylinders < 1 || g->cylinders > 65535) {
        error_set(errp, "cyls must be between 1 and 65535");
        return false;
    } else if (g->heads < 1 || g->heads > MAX_HEADS) {
        error_set(errp, "heads must be between 1 and %d", MAX_HEADS);
        return false;
    } else if (g->sectors < 1 || g->sectors > MAX_CHS_SECTORS) {
        error_set(errp, "secs must be between 1 and %d", MAX_CHS_SECTORS);
        return false;
    } else {
        g->translation = geometry_translation(g);
    }
    if (translation != BIOS_CHS_AUTO) {
        g->translation = translation;
    }
    return true;
}

static bool check_texts(IdeDrive *d, const char *model, Error **errp)
{
    IdeBus *bus = ide_bus(d);

    if (d->model && strlen(d->model) > 40) {
        error_set(errp, "model is longer than 40 characters");
        return false;
    }
    if (!d->serial) {
        d->serial = g_strdup_printf("QM%05u", bus->index * IDE_NR_UNITS + d->unit + 1);
    } else if (strlen(d->serial) > 20) {
        error_set(errp, "serial is longer than 20 characters");
        return false;
    }
    if (!d->model) {
        d->model = g_strdup(model);
    }
    if (!d->version) {
        d->version = g_strdup("2.5+");
    } else if (strlen(d->version) > 8) {
        error_set(errp, "ver is longer than 8 characters");
        return false;
    }
    return true;
}

static bool take_backend(IdeDrive *d, const BlkDeviceOps *ops, Error **errp)
{
    uint32_t perm = BLOCK_PERM_CONSISTENT_READ;
    uint32_t shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED |
                      (d->kind == IDE_KIND_HD ? BLOCK_PERM_RESIZE : 0);
    const char *name = d->dev.id ? d->dev.id : blk_id(d->blk);
    g_autofree char *path = NULL;

    if (d->kind == IDE_KIND_HD) {
        perm |= BLOCK_PERM_WRITE;
    }
    if (d->share_rw) {
        shared |= BLOCK_PERM_WRITE;
    }
    if (!blk_check_on_error(d->on_read, d->on_write, errp)) {
        return false;
    }
    if (!blk_attach(d->blk, name ? name : d->dev.obj.type->name, perm, shared, ops, d, errp)) {
        return false;
    }
    blk_set_on_error(d->blk, d->on_read, d->on_write);
    blk_set_accounting(d->blk, d->account_invalid, d->account_failed);
    path = object_path(&d->dev.obj);
    blk_set_qdev(d->blk, d->dev.id, path);
    if (d->write_cache != ON_OFF_AUTO_AUTO) {
        blk_set_write_cache(d->blk, d->write_cache == ON_OFF_AUTO_ON);
    }
    d->nr_sectors = blk_length(d->blk) / IDE_SECTOR;
    return true;
}

/* Drives that come with the machine find the bus at its power-on state, others mid-life. */
static void power_on(IdeDrive *d)
{
    d->chs_heads = d->geometry.heads;
    d->chs_sectors = d->geometry.sectors;
    d->smart_enabled = d->smart_autosave = true;
    d->multiple = IDE_MAX_MULTIPLE;
    d->mdma_mode = 0;
    d->udma_mode = 1 << 5;
    ide_drive_reset(d);
}

static bool ide_hd_realize(Device *dev, Error **errp)
{
    IdeDrive *d = DEVICE_OF(dev, IdeDrive);

    d->kind = IDE_KIND_HD;
    if (!d->blk) {
        error_set(errp, "No drive specified");
        return false;
    }
    if (!blk_has_medium(d->blk)) {
        error_set(errp, "Device needs media, but drive is empty");
        return false;
    }
    if (!check_block_sizes(d, errp) || !check_texts(d, "QEMU HARDDISK", errp) ||
        !take_backend(d, NULL, errp)) {
        return false;
    }
    if (!set_geometry(d, errp)) {
        blk_detach(d->blk);
        return false;
    }
    return true;
}

static bool ide_cd_realize(Device *dev, Error **errp)
{
    IdeDrive *d = DEVICE_OF(dev, IdeDrive);

    d->kind = IDE_KIND_CD;
    if (!d->blk) {
        d->blk = blk_new(NULL, NULL, errp);
        if (!d->blk) {
            return false;
        }
    }
    return check_block_sizes(d, errp) && check_texts(d, "QEMU DVD-ROM", errp) &&
           take_backend(d, &atapi_blk_ops, errp);
}

static void ide_drive_unrealize(Device *dev)
{
    IdeDrive *d = DEVICE_OF(dev, IdeDrive);

    ide_drive_cancel(d);
    blk_detach(d->blk);
}

static void ide_drive_device_reset(Device *dev)
{
    IdeDrive *d = DEVICE_OF(dev, IdeDrive);

    d->cd.tray_open = d->cd.changed = d->cd.new_medium = d->cd.eject_wanted = false;
    power_on(d);
}

#define IDE_DRIVE_PROPS                                                                     \
    PROP_DRIVE(IdeDrive, blk),                                                              \
    PROP_STRING(IdeDrive, serial, NULL, "serial number, up to 20 characters"),              \
    PROP_STRING_AS("ver", IdeDrive, version, NULL, "firmware revision, up to 8 characters"), \
    PROP_STRING(IdeDrive, model, NULL, "model, up to 40 characters"),                       \
    PROP_U64(IdeDrive, wwn, 0, "world wide name"),                                          \
    PROP_I32(IdeDrive, bootindex, -1, "place in the boot order"),                           \
    PROP_SIZE(IdeDrive, logical_block_size, 0, "512"),                                      \
    PROP_SIZE(IdeDrive, physical_block_size, 0, "a power of two between 512 B and 2 MiB"),  \
    PROP_SIZE(IdeDrive, discard_granularity, SIZE_DEFAULT, "0: no TRIM"),                   \
    PROP_BOOL_AS("share-rw", IdeDrive, share_rw, false, "others may write to the drive"),   \
    PROP_ON_OFF_AUTO_AS("write-cache", IdeDrive, write_cache,                               \
                        "whether writes wait in a cache until they are flushed"),           \
    PROP_ENUM_AS("rerror", IdeDrive, on_read, BLK_ERROR_AUTO, blk_error_policy_names,       \
                 "what becomes of read errors"),                                            \
    PROP_ENUM_AS("werror", IdeDrive, on_write, BLK_ERROR_AUTO, blk_error_policy_names,      \
                 "what becomes of write errors"),                                           \
    PROP_ON_OFF_AUTO_AS("account-invalid", IdeDrive, account_invalid,                       \
                        "whether invalid requests count in statistics"),                    \
    PROP_ON_OFF_AUTO_AS("account-failed", IdeDrive, account_failed,                         \
                        "whether failed requests count in statistics")

static const Prop ide_hd_props[] = {
    IDE_DRIVE_PROPS,
    PROP_U32_AS("cyls", IdeDrive, geometry.cylinders, 0, "cylinders of the geometry"),
    PROP_U32_AS("heads", IdeDrive, geometry.heads, 0, "heads of the geometry"),
    PROP_U32_AS("secs", IdeDrive, geometry.sectors, 0, "sectors a track of the geometry"),
    PROP_ENUM_AS("bios-chs-trans", IdeDrive, geometry.translation, BIOS_CHS_AUTO, bios_chs_names,
                 "how the BIOS makes 1024 cylinders of more"),
    PROP_U32(IdeDrive, lcyls, 0, "cylinders of the geometry that the BIOS is told to show"),
    PROP_U32(IdeDrive, lheads, 0, "heads of it"),
    PROP_U32(IdeDrive, lsecs, 0, "sectors a track of it"),
    PROP_U16(IdeDrive, rotation_rate, 0, "rotations a minute, 1: it does not rotate"),
    { }
};

static const Prop ide_cd_props[] = { IDE_DRIVE_PROPS, { } };

static const StateField cd_state[] = {
    STATE_UINT(CdState, sense),
    STATE_UINT(CdState, asc),
    STATE_UINT(CdState, ascq),
    STATE_UINT(CdState, tray_open),
    STATE_UINT(CdState, tray_locked),
    STATE_UINT(CdState, changed),
    STATE_UINT(CdState, new_medium),
    STATE_UINT(CdState, eject_wanted),
    STATE_BYTES(CdState, packet),
    { }
};

static const StateField ide_drive_state[] = {
    STATE_UINT(IdeDrive, status),
    STATE_UINT(IdeDrive, error),
    STATE_UINT_MAX(IdeDrive, multiple, IDE_MAX_MULTIPLE),
    STATE_UINT(IdeDrive, mdma_mode),
    STATE_UINT(IdeDrive, udma_mode),
    STATE_UINT(IdeDrive, smart_enabled),
    STATE_UINT(IdeDrive, smart_autosave),
    STATE_UINT(IdeDrive, smart_selftest_status),
    STATE_UINT(IdeDrive, chs_heads),
    STATE_UINT(IdeDrive, chs_sectors),
    STATE_BYTES(IdeDrive, buf),
    STATE_UINT_MAX(IdeDrive, buf_pos, IDE_BUF_SIZE),
    STATE_UINT_MAX(IdeDrive, buf_end, IDE_BUF_SIZE),
    STATE_UINT(IdeDrive, buf_to_host),
    STATE_STRUCT(IdeDrive, ata, ata_state),
    STATE_STRUCT(IdeDrive, atapi, atapi_state),
    STATE_STRUCT(IdeDrive, cd, cd_state),
    { }
};

static const DeviceType ide_hd_type = {
    .name = "ide-hd", .desc = "virtual IDE disk", .bus = BUS_IDE,
    .category = CATEGORY_STORAGE, .size = sizeof(IdeDrive), .props = ide_hd_props,
    .state = ide_drive_state, .realize = ide_hd_realize, .unrealize = ide_drive_unrealize,
    .reset = ide_drive_device_reset,
};
REGISTER_DEVICE(ide_hd_type)

static const DeviceType ide_cd_type = {
    .name = "ide-cd", .desc = "virtual IDE CD-ROM", .bus = BUS_IDE,
    .category = CATEGORY_STORAGE, .size = sizeof(IdeDrive), .props = ide_cd_props,
    .state = ide_drive_state, .realize = ide_cd_realize, .unrealize = ide_drive_unrealize,
    .reset = ide_drive_device_reset,
};
REGISTER_DEVICE(ide_cd_type)

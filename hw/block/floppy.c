/* floppy: a drive on a floppy disk controller, and the formats of its media */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/backend-props.h"
#include "hw/block/fdc-int.h"

const char *const floppy_type_names[] = { "144", "288", "120", "none", "auto", NULL };

enum { RATE_500K, RATE_300K, RATE_250K, RATE_1M };

/* By the size of the image, the first that fits; so the usual ones come first. */
static const FloppyFormat formats[] = {
    { FLOPPY_144, 18, 80, 2, RATE_500K }, { FLOPPY_144, 20, 80, 2, RATE_500K },
    { FLOPPY_144, 21, 80, 2, RATE_500K }, { FLOPPY_144, 21, 82, 2, RATE_500K },
    { FLOPPY_144, 21, 83, 2, RATE_500K }, { FLOPPY_144, 22, 80, 2, RATE_500K },
    { FLOPPY_144, 23, 80, 2, RATE_500K }, { FLOPPY_144, 24, 80, 2, RATE_500K },
    { FLOPPY_288, 36, 80, 2, RATE_1M },   { FLOPPY_288, 39, 80, 2, RATE_1M },
    { FLOPPY_288, 40, 80, 2, RATE_1M },   { FLOPPY_288, 44, 80, 2, RATE_1M },
    { FLOPPY_288, 48, 80, 2, RATE_1M },
    { FLOPPY_144, 9, 80, 2, RATE_250K },  { FLOPPY_144, 10, 80, 2, RATE_250K },
    { FLOPPY_144, 10, 82, 2, RATE_250K }, { FLOPPY_144, 10, 83, 2, RATE_250K },
    { FLOPPY_144, 13, 80, 2, RATE_250K }, { FLOPPY_144, 14, 80, 2, RATE_250K },
    { FLOPPY_120, 15, 80, 2, RATE_500K }, { FLOPPY_120, 18, 80, 2, RATE_500K },
    { FLOPPY_120, 18, 82, 2, RATE_500K }, { FLOPPY_120, 18, 83, 2, RATE_500K },
    { FLOPPY_120, 20, 80, 2, RATE_500K },
    { FLOPPY_120, 9, 80, 2, RATE_250K },  { FLOPPY_120, 11, 80, 2, RATE_250K },
    { FLOPPY_120, 9, 40, 2, RATE_300K },  { FLOPPY_120, 9, 40, 1, RATE_300K },
    { FLOPPY_120, 10, 41, 2, RATE_300K }, { FLOPPY_120, 10, 42, 2, RATE_300K },
    { FLOPPY_120, 8, 40, 2, RATE_250K },  { FLOPPY_120, 8, 40, 1, RATE_250K },
    { FLOPPY_144, 9, 80, 1, RATE_250K },
};

/* A 2.88 MB drive takes the media of a 1.44 MB one. */
static bool drive_takes(int type, const FloppyFormat *f)
{
    return type == FLOPPY_AUTO || type == f->drive ||
           (type == FLOPPY_288 && f->drive == FLOPPY_144);
}

/* The format of an image of that size; the drive's largest usual one when there is none. */
static const FloppyFormat *find_format(int type, int64_t bytes)
{
    const FloppyFormat *usual = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        const FloppyFormat *f = &formats[i];

        if (!drive_takes(type, f)) {
            continue;
        }
        if ((int64_t)f->sectors * f->tracks * f->heads * FLOPPY_SECTOR == bytes) {
            return f;
        }
        if (!usual && (type == FLOPPY_AUTO || type == f->drive)) {
            usual = f;
        }
    }
    return usual;
}

static void medium_came(FloppyDrive *d)
{
    if (d->drive_type == FLOPPY_NONE) {
        return;
    }
    d->format = find_format(d->drive_type, blk_length(d->blk));
    TRACE(floppy_medium, "unit %u tracks %u heads %u sectors %u", d->unit, d->format->tracks,
          d->format->heads, d->format->sectors);
}

static void medium_changed(void *opaque, bool loaded)
{
    FloppyDrive *d = opaque;

    d->changed = true;
    if (loaded) {
        medium_came(d);
    }
}

static const BlkDeviceOps floppy_blk_ops = {
    .medium_changed = medium_changed, .write_if_writable = true,
};

void floppy_step(FloppyDrive *d, unsigned track)
{
    /* A drive that has seen no medium yet does not know how far it goes. */
    if (!d->format || track >= d->format->tracks || track == d->track) {
        return;
    }
    d->track = track;
    if (blk_has_medium(d->blk)) {
        d->changed = false;
    }
}

bool fdc_drive_info(Device *fdc, unsigned unit, FloppyInfo *info)
{
    static const uint8_t cmos_types[] = {
        [FLOPPY_144] = 4, [FLOPPY_288] = 5, [FLOPPY_120] = 2, [FLOPPY_NONE] = 0,
    };
    FloppyBus *bus = OBJECT_OF(list_first(&fdc->buses, Bus, of_owner), FloppyBus);
    const FloppyDrive *d = unit < FDC_NR_DRIVES ? bus->drives[unit] : NULL;
    const FloppyFormat *f;

    if (!d || d->drive_type == FLOPPY_NONE) {
        return false;
    }
    f = d->format ? d->format : find_format(d->drive_type, -1);
    *info = (FloppyInfo){ cmos_types[d->drive_type], f->tracks, f->heads, f->sectors };
    return true;
}

/* The bus */

static bool attach(Bus *b, Device *dev, Error **errp)
{
    FloppyBus *bus = OBJECT_OF(b, FloppyBus);
    FloppyDrive *d = DEVICE_OF(dev, FloppyDrive);

    if (d->unit == UINT32_MAX) {
        d->unit = bus->drives[0] ? 1 : 0;
    }
    if (d->unit >= FDC_NR_DRIVES) {
        error_set(errp, "Can't create floppy unit %u, bus supports only %d units", d->unit,
                  FDC_NR_DRIVES);
        return false;
    }
    if (bus->drives[d->unit]) {
        error_set(errp, "Floppy unit %u is in use", d->unit);
        return false;
    }
    bus->drives[d->unit] = d;
    return true;
}

static void detach(Bus *b, Device *dev)
{
    OBJECT_OF(b, FloppyBus)->drives[DEVICE_OF(dev, FloppyDrive)->unit] = NULL;
}

static char *boot_path(Device *dev)
{
    return g_strdup_printf("/pci@i0cf8/isa@1/fdc@%04x/floppy@%x",
                           OBJECT_OF(dev->bus, FloppyBus)->iobase,
                           DEVICE_OF(dev, FloppyDrive)->unit);
}

static const Prop floppy_bus_props[] = {
    PROP_U32(FloppyDrive, unit, UINT32_MAX, "0: A, 1: B; the first free one if not given"),
    { }
};

static const BusType floppy_bus_type = {
    .name = BUS_FLOPPY, .props = floppy_bus_props, .attach = attach, .detach = detach,
    .boot_path = boot_path, .max_devices = FDC_NR_DRIVES,
};
REGISTER_BUS(floppy_bus_type)

/* The device */

static bool take_backend(FloppyDrive *d, Error **errp)
{
    uint32_t shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED |
                      BLOCK_PERM_RESIZE | (d->share_rw ? BLOCK_PERM_WRITE : 0);
    const char *name = d->dev.id ? d->dev.id : blk_id(d->blk);
    g_autofree char *path = NULL;

    if (!blk_attach(d->blk, name ? name : "floppy", BLOCK_PERM_CONSISTENT_READ, shared,
                    &floppy_blk_ops, d, errp)) {
        return false;
    }
    path = object_path(&d->dev.obj);
    blk_set_qdev(d->blk, d->dev.id, path);
    if (d->write_cache != ON_OFF_AUTO_AUTO) {
        blk_set_write_cache(d->blk, d->write_cache == ON_OFF_AUTO_ON);
    }
    return true;
}

/* What kind of drive it is: as it says, its controller says, or its first medium asks for. */
static void choose_type(FloppyDrive *d)
{
    const FloppyBus *bus = OBJECT_OF(d->dev.bus, FloppyBus);

    if (d->drive_type == FLOPPY_AUTO) {
        d->drive_type = bus->types[d->unit];
    }
    if (d->drive_type == FLOPPY_AUTO) {
        d->drive_type = blk_has_medium(d->blk)
                            ? find_format(FLOPPY_AUTO, blk_length(d->blk))->drive : bus->fallback;
    }
    if (d->drive_type == FLOPPY_AUTO) {
        d->drive_type = FLOPPY_288;
    }
    if (d->bootindex < 0) {
        d->bootindex = bus->bootindex[d->unit];
    }
}

static bool floppy_realize(Device *dev, Error **errp)
{
    FloppyDrive *d = DEVICE_OF(dev, FloppyDrive);

    if (!d->blk) {
        d->blk = blk_new(NULL, NULL, errp);
        if (!d->blk) {
            return false;
        }
    }
    if (!take_backend(d, errp)) {
        return false;
    }
    choose_type(d);
    d->changed = true;
    if (blk_has_medium(d->blk)) {
        medium_came(d);
    }
    return true;
}

static void floppy_unrealize(Device *dev)
{
    blk_detach(DEVICE_OF(dev, FloppyDrive)->blk);
}

/* A reset of the machine does not reach the drive: its heads and its medium stay. */

static const Prop floppy_props[] = {
    PROP_DRIVE(FloppyDrive, blk),
    PROP_ENUM_AS("drive-type", FloppyDrive, drive_type, FLOPPY_AUTO, floppy_type_names,
                 "by the largest medium it takes; auto: by the first one in it"),
    PROP_I32(FloppyDrive, bootindex, -1, "place in the boot order"),
    PROP_BOOL_AS("share-rw", FloppyDrive, share_rw, false, "others may write to the medium"),
    PROP_ON_OFF_AUTO_AS("write-cache", FloppyDrive, write_cache,
                        "whether writes wait in a cache of the host"),
    { }
};

static const StateField floppy_state[] = {
    STATE_UINT(FloppyDrive, track),
    STATE_UINT(FloppyDrive, changed),
    { }
};

static const DeviceType floppy_type = {
    .name = "floppy", .desc = "virtual floppy drive", .bus = BUS_FLOPPY,
    .category = CATEGORY_STORAGE, .size = sizeof(FloppyDrive), .props = floppy_props,
    .state = floppy_state, .realize = floppy_realize, .unrealize = floppy_unrealize,
};
REGISTER_DEVICE(floppy_type)

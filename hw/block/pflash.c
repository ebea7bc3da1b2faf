/* cfi.pflash01: commands, status, and the way of what is written to its drive */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/block/pflash.h"
#include "hw/backend-props.h"
#include "util/bswap.h"
#include "util/log.h"
#include "util/trace.h"

/* Intel's "Basic Command Set" (application note AP-646), as far as firmware uses it */
enum {
    CMD_ARRAY = 0x00, CMD_PROGRAM_ALT = 0x10, CMD_ERASE = 0x20, CMD_ERASE_ALT = 0x28,
    CMD_PROGRAM = 0x40, CMD_CLEAR_STATUS = 0x50, CMD_LOCK = 0x60, CMD_STATUS = 0x70,
    CMD_READ_ID = 0x90, CMD_QUERY = 0x98, CMD_BUFFER = 0xe8, CMD_READ_ARRAY = 0xff,
    CONFIRM = 0xd0, LOCK_SET = 0x01,
};
enum { STATUS_READY = 0x80, STATUS_ERASE_ERROR = 0x20, STATUS_PROGRAM_ERROR = 0x10 };

#define CFI_BYTES 0x40

/* What is known of a sector's way to the drive */
enum { SECTOR_DIRTY = 1 << 0, SECTOR_WRITING = 1 << 1 };

typedef struct Pflash {
    Device dev;
    BlockBackend *blk;
    uint32_t num_blocks;
    uint64_t sector_length;
    bool secure;
    MemRegion all;              /* array, and registers over it while it is not to be read */
    MemRegion array, registers;
    MemRegion plain;            /* the array without commands */
    uint64_t size;
    bool read_only;
    uint8_t cmd, cycle, status; /* cycle: how many writes of the command came */
    uint32_t counter;           /* of CMD_BUFFER: writes to come, less one */
    uint8_t *sectors;           /* SECTOR_* of each */
    uint8_t cfi[CFI_BYTES];
} Pflash;

/* One sector under way: the copy stays until it is written. */
typedef struct SectorWrite {
    Pflash *flash;
    uint64_t sector;
    struct iovec iov;
    uint8_t bytes[];
} SectorWrite;

static void write_sector(Pflash *s, uint64_t sector);

static void sector_written(void *opaque, int ret)
{
    SectorWrite *w = opaque;
    Pflash *s = w->flash;
    uint64_t sector = w->sector;

    if (ret < 0) {
        report_error("%s: could not update drive '%s': %s", s->dev.obj.type->name,
                     pflash_drive_name(&s->dev), g_strerror(-ret));
        s->status |= STATUS_PROGRAM_ERROR;
    }
    g_free(w);
    s->sectors[sector] &= ~SECTOR_WRITING;
    if (s->sectors[sector] & SECTOR_DIRTY) {
        write_sector(s, sector);
    }
    object_unref(&s->dev.obj);
}

/* Requests that overlap have no order: a sector under way is written again behind that. */
static void write_sector(Pflash *s, uint64_t sector)
{
    SectorWrite *w;

    if (s->sectors[sector] & SECTOR_WRITING) {
        s->sectors[sector] |= SECTOR_DIRTY;
        return;
    }
    s->sectors[sector] = SECTOR_WRITING;
    w = g_malloc(sizeof(*w) + s->sector_length);
    w->flash = s;
    w->sector = sector;
    w->iov = (struct iovec){ w->bytes, s->sector_length };
    memcpy(w->bytes, region_host(&s->array) + sector * s->sector_length, s->sector_length);
    object_ref(&s->dev.obj);
    blk_aio_pwritev(s->blk, sector * s->sector_length, &w->iov, 1, 0, sector_written, w);
}

static void array_changed(Pflash *s, uint64_t offset, uint64_t len)
{
    mem_notify_ram_written(s->array.ram, offset, len);
    for (uint64_t n = offset / s->sector_length; n <= (offset + len - 1) / s->sector_length; n++) {
        write_sector(s, n);
    }
}

/* Common Flash Interface query (JEDEC JESD68), one byte an address */
static void fill_cfi(Pflash *s)
{
    static const uint8_t fixed[][2] = {
        { 0x10, 'Q' }, { 0x11, 'R' }, { 0x12, 'Y' },
        { 0x13, 0x01 },                         /* Intel's commands */
        { 0x15, 0x31 },                         /* where 'PRI' is */
        { 0x1b, 0x45 }, { 0x1c, 0x55 },         /* Vcc 4.5 to 5.5 V */
        { 0x1f, 0x07 }, { 0x20, 0x07 }, { 0x21, 0x0a },     /* log2 of typical times */
        { 0x23, 0x04 }, { 0x24, 0x04 }, { 0x25, 0x04 },     /* the longest: so much more */
        { 0x28, 0x02 },                         /* 8 and 16 bits wide */
        { 0x2a, 0x08 },                         /* log2 of the write buffer */
        { 0x2c, 0x01 },                         /* all sectors of one size */
        { 0x31, 'P' }, { 0x32, 'R' }, { 0x33, 'I' }, { 0x34, '1' }, { 0x35, '0' },
        { 0x3f, 0x01 },                         /* protection registers */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++) {
        s->cfi[fixed[i][0]] = fixed[i][1];
    }
    s->cfi[0x27] = __builtin_ctzll(s->size);
    st16_le(s->cfi + 0x2d, s->num_blocks - 1);
    st16_le(s->cfi + 0x2f, s->sector_length >> 8);
}

static void read_array_mode(Pflash *s)
{
    s->cmd = CMD_ARRAY;
    s->cycle = 0;
    region_set_enabled(&s->registers, false);
}

static uint64_t pflash_read(void *opaque, uint64_t offset, unsigned size)
{
    Pflash *s = opaque;
    uint64_t value = 0;

    switch (s->cmd) {
    case CMD_ARRAY:
        memcpy(&value, region_host(&s->array) + offset, size);
        break;
    case CMD_READ_ID:
        break;                  /* no maker, no device */
    case CMD_QUERY:
        value = (offset & 0xff) < CFI_BYTES ? s->cfi[offset & 0xff] : 0;
        break;
    default:
        value = s->status;
        if (size > 2) {
            value |= value << 16;       /* two chips side by side */
        }
        break;
    }
    TRACE(pflash_read, "offset 0x%" PRIx64 " size %u value 0x%" PRIx64 " cmd 0x%02x", offset, size,
          value, s->cmd);
    return value;
}

static void program(Pflash *s, uint64_t offset, uint64_t value, unsigned size)
{
    if (s->read_only) {
        s->status |= STATUS_PROGRAM_ERROR;
    } else {
        memcpy(region_host(&s->array) + offset, &value, size);
        array_changed(s, offset, size);
    }
    s->status |= STATUS_READY;
}

static void erase(Pflash *s, uint64_t offset)
{
    offset -= offset % s->sector_length;
    if (s->read_only) {
        s->status |= STATUS_ERASE_ERROR;
    } else {
        memset(region_host(&s->array) + offset, 0xff, s->sector_length);
        array_changed(s, offset, s->sector_length);
    }
    s->status |= STATUS_READY;
}

/* The first write of a command */
static void begin_command(Pflash *s, uint64_t offset, uint8_t cmd)
{
    switch (cmd) {
    case CMD_PROGRAM: case CMD_PROGRAM_ALT: case CMD_LOCK:
        s->cycle = 1;
        break;
    case CMD_ERASE: case CMD_ERASE_ALT:
        erase(s, offset);
        s->cycle = 1;
        break;
    case CMD_BUFFER:
        s->status |= STATUS_READY;
        s->cycle = 1;
        break;
    case CMD_QUERY: case CMD_READ_ID: case CMD_STATUS:
        s->cycle = cmd == CMD_QUERY;
        break;
    case CMD_CLEAR_STATUS:
        s->status = 0;
        read_array_mode(s);
        return;
    default:                    /* CMD_READ_ARRAY, and what there is none of */
        read_array_mode(s);
        return;
    }
    s->cmd = cmd;
    region_set_enabled(&s->registers, true);
}

/* The second one */
static void go_on(Pflash *s, uint64_t offset, uint64_t value, unsigned size)
{
    uint8_t byte = value;

    switch (s->cmd) {
    case CMD_PROGRAM: case CMD_PROGRAM_ALT:
        program(s, offset, value, size);
        s->cycle = 0;
        return;
    case CMD_BUFFER:
        s->counter = byte;
        s->cycle = 2;
        return;
    case CMD_ERASE: case CMD_ERASE_ALT: case CMD_LOCK:
        if (byte == CONFIRM || (s->cmd == CMD_LOCK && byte == LOCK_SET)) {
            s->status |= STATUS_READY;
            s->cycle = 0;
            return;
        }
        break;
    case CMD_QUERY:
        if (byte != CMD_READ_ARRAY) {
            begin_command(s, offset, byte);
            return;
        }
        break;
    }
    read_array_mode(s);
}

static void pflash_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Pflash *s = opaque;

    TRACE(pflash_write, "offset 0x%" PRIx64 " size %u value 0x%" PRIx64 " cmd 0x%02x cycle %u",
          offset, size, value, s->cmd, s->cycle);
    switch (s->cycle) {
    case 0:
        begin_command(s, offset, value);
        break;
    case 1:
        go_on(s, offset, value, size);
        break;
    case 2:
        program(s, offset, value, size);
        if (!s->counter--) {
            s->cycle = 3;
        }
        break;
    default:
        if ((uint8_t)value == CONFIRM) {
            s->status |= STATUS_READY;
            s->cycle = 0;
        } else {
            read_array_mode(s);
        }
        break;
    }
}

static const IoOps pflash_io = { .read = pflash_read, .write = pflash_write, .max_size = 4 };

static void pflash_reset(Device *dev)
{
    Pflash *s = DEVICE_OF(dev, Pflash);

    s->status = STATUS_READY;
    read_array_mode(s);
}

static bool take_drive(Pflash *s, Error **errp)
{
    uint32_t perm = BLOCK_PERM_CONSISTENT_READ;
    g_autofree char *path = object_path(&s->dev.obj);

    s->read_only = blk_read_only(s->blk);
    perm |= s->read_only ? 0 : BLOCK_PERM_WRITE;
    if (!blk_attach(s->blk, s->dev.obj.type->name, perm,
                    BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED, NULL, NULL, errp)) {
        return false;
    }
    blk_set_qdev(s->blk, NULL, path);
    if (!blk_read_at_start(s->blk, 0, region_host(&s->array), s->size, errp)) {
        blk_detach(s->blk);
        return false;
    }
    return true;
}

static bool pflash_realize(Device *dev, Error **errp)
{
    Pflash *s = DEVICE_OF(dev, Pflash);

    if (!s->blk || !s->num_blocks || s->sector_length < 512 || s->sector_length > 1 << 20 ||
        (uint64_t)blk_length(s->blk) != s->num_blocks * s->sector_length) {
        error_set(errp, "%s: drive=, num-blocks= and sector-length= (512 to 1 MiB) do not fit",
                  dev->obj.type->name);
        return false;
    }
    s->size = s->num_blocks * s->sector_length;
    if (!region_init_rom(&s->array, &dev->obj, &pflash_io, s, "cfi.pflash01", s->size, errp)) {
        return false;
    }
    if (!take_drive(s, errp)) {
        region_destroy(&s->array);
        return false;
    }
    region_init_ram_block(&s->plain, &dev->obj, "cfi.pflash01-rom", s->array.ram);
    region_set_readonly(&s->plain, true);
    region_init_io(&s->registers, &dev->obj, &pflash_io, s, "cfi.pflash01-registers", s->size);
    region_set_enabled(&s->registers, false);
    region_init_container(&s->all, &dev->obj, "cfi.pflash01-all", s->size);
    region_add(&s->all, 0, &s->array, 0);
    region_add(&s->all, 0, &s->registers, 1);
    s->sectors = g_new0(uint8_t, s->num_blocks);
    fill_cfi(s);
    return true;
}

static void pflash_unrealize(Device *dev)
{
    Pflash *s = DEVICE_OF(dev, Pflash);

    region_remove(&s->all);
    region_remove(&s->plain);
    region_remove(&s->array);
    region_remove(&s->registers);
    region_destroy(&s->all);
    region_destroy(&s->registers);
    region_destroy(&s->plain);
    region_destroy(&s->array);
    blk_detach(s->blk);
    g_free(s->sectors);
}

static bool pflash_state_ready(Device *dev, Error **errp)
{
    return true;
}

static bool pflash_state_loaded(Device *dev, Error **errp)
{
    Pflash *s = DEVICE_OF(dev, Pflash);

    region_set_enabled(&s->registers, s->cmd != CMD_ARRAY);
    return true;
}

static const Prop pflash_props[] = {
    PROP_DRIVE(Pflash, blk),
    PROP_U32_AS("num-blocks", Pflash, num_blocks, 0, "sectors"),
    PROP_U64_AS("sector-length", Pflash, sector_length, PFLASH_SECTOR_SIZE, "bytes of a sector"),
    PROP_BOOL(Pflash, secure, false, "only system management mode can write"),
    { }
};

static const StateField pflash_state[] = {
    STATE_UINT(Pflash, cmd),
    STATE_UINT_MAX(Pflash, cycle, 3),
    STATE_UINT(Pflash, status),
    STATE_UINT_MAX(Pflash, counter, 0xff),
    { }
};

static const DeviceType pflash_type = {
    .name = "cfi.pflash01", .desc = "NOR flash with Intel's commands", .internal = true,
    .size = sizeof(Pflash), .props = pflash_props, .state = pflash_state,
    .realize = pflash_realize, .unrealize = pflash_unrealize, .reset = pflash_reset,
    .fetch_state = pflash_state_ready, .store_state = pflash_state_loaded,
};
REGISTER_DEVICE(pflash_type)

Device *pflash_new(const char *name, const char *drive, Error **errp)
{
    Device *dev = device_new("cfi.pflash01");
    int64_t size;

    device_set_name(dev, name);
    if (!prop_set(&dev->obj, "drive", drive, errp)) {
        object_unref(&dev->obj);
        return NULL;
    }
    size = blk_length(DEVICE_OF(dev, Pflash)->blk);
    if (size <= 0 || size % PFLASH_SECTOR_SIZE || size / PFLASH_SECTOR_SIZE > UINT32_MAX) {
        error_set(errp, "system firmware block device %s has invalid size %" PRId64, drive, size);
        error_hint(errp, "Its size must be a non-zero multiple of 0x%x", PFLASH_SECTOR_SIZE);
        object_unref(&dev->obj);
        return NULL;
    }
    DEVICE_OF(dev, Pflash)->num_blocks = size / PFLASH_SECTOR_SIZE;
    return dev;
}

uint64_t pflash_size(const Device *dev)
{
    const Pflash *s = (const Pflash *)dev;

    return (uint64_t)s->num_blocks * s->sector_length;
}

const char *pflash_drive_name(const Device *dev)
{
    const BlockBackend *blk = ((const Pflash *)dev)->blk;

    return blk_id(blk) ? blk_id(blk) : block_node_name(blk_node(blk));
}

bool pflash_map(Device *dev, MemRegion *mem, uint64_t addr, Error **errp)
{
    Pflash *s = DEVICE_OF(dev, Pflash);

    if (!device_realize(dev, NULL, errp)) {
        return false;
    }
    if (s->secure) {
        region_add(mem, addr, &s->plain, 0);
        region_add(smm_root(), addr, &s->all, 1);
    } else {
        region_add(mem, addr, &s->all, 0);
    }
    return true;
}

MemRegion *pflash_rom(Device *dev)
{
    return &DEVICE_OF(dev, Pflash)->plain;
}

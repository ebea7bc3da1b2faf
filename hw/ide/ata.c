/* ATA commands of disks: reads, writes, flush, TRIM, modes (ATA/ATAPI-7; TRIM: ACS-2) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/ide-int.h"

enum {
    FOR_HD = 1 << IDE_KIND_HD,
    FOR_CD = 1 << IDE_KIND_CD,

    /* Arguments of the commands that transfer sectors */
    RW_WRITE = 1 << 0,
    RW_LBA48 = 1 << 1,
    RW_MULTIPLE = 1 << 2,
    RW_DMA = 1 << 3,
    RW_FUA = 1 << 4,

    TRIM_RANGE_BYTES = 8,
    PIO_CHUNK_SECTORS = 128,    /* READ SECTORS fetches so many at once: they fit in buf */
};

/* Addresses */

/* What the registers name; false with IDNF when it is no sector of this disk. */
static bool get_range(IdeDrive *d, bool lba48, uint64_t *sector, uint32_t *count)
{
    const IdeTaskFile *tf = ide_tf(d);

    *count = lba48 ? tf->count | tf->hob_count << 8 : tf->count;
    if (!*count) {
        *count = lba48 ? 65536 : 256;
    }
    if (lba48) {
        *sector = tf->lba_low | tf->lba_mid << 8 | tf->lba_high << 16 |
                  (uint64_t)tf->hob_low << 24 | (uint64_t)tf->hob_mid << 32 |
                  (uint64_t)tf->hob_high << 40;
    } else if (tf->select & IDE_SELECT_LBA) {
        *sector = tf->lba_low | tf->lba_mid << 8 | tf->lba_high << 16 |
                  (uint32_t)(tf->select & 0x0f) << 24;
    } else {
        uint32_t cylinder = tf->lba_mid | tf->lba_high << 8;

        if (!tf->lba_low) {
            return false;       /* sectors of CHS count from 1 */
        }
        *sector = ((uint64_t)cylinder * d->chs_heads + (tf->select & 0x0f)) * d->chs_sectors +
                  tf->lba_low - 1;
    }
    return *sector <= d->nr_sectors && *count <= d->nr_sectors - *sector;
}

static void put_sector(IdeDrive *d, bool lba48, uint64_t sector)
{
    IdeTaskFile *tf = ide_tf(d);

    if (lba48 || tf->select & IDE_SELECT_LBA) {
        tf->lba_low = sector;
        tf->lba_mid = sector >> 8;
        tf->lba_high = sector >> 16;
        if (lba48) {
            tf->hob_low = sector >> 24;
            tf->hob_mid = sector >> 32;
            tf->hob_high = sector >> 40;
        } else {
            tf->select = (tf->select & 0xf0) | (sector >> 24 & 0x0f);
        }
    } else {
        uint32_t cylinder = sector / (d->chs_heads * d->chs_sectors);

        tf->lba_low = sector % d->chs_sectors + 1;
        tf->lba_mid = cylinder;
        tf->lba_high = cylinder >> 8;
        tf->select = (tf->select & 0xf0) | (sector / d->chs_sectors % d->chs_heads);
    }
}

/* The end of a transfer: the registers show the last sector, or the one at fault. */
static void finish(IdeDrive *d)
{
    put_sector(d, d->ata.lba48, d->ata.sector - 1);
    ide_tf(d)->count = 0;
    ide_complete(d);
}

static void io_failed(IdeDrive *d, bool is_write, int error)
{
    put_sector(d, d->ata.lba48, d->ata.sector);
    ide_fail(d, !is_write && error == EIO ? IDE_ERROR_UNC : IDE_ERROR_ABRT);
}

static bool failed(IdeDrive *d, bool is_write, int ret)
{
    if (ret < 0) {
        io_failed(d, is_write, -ret);
        return true;
    }
    return false;
}

static void advance(IdeDrive *d, uint32_t sectors)
{
    d->ata.sector += sectors;
    d->ata.left -= sectors;
}

/* PIO reads: buf holds up to PIO_CHUNK_SECTORS, offered in blocks. */

static void pio_read_fill(IdeDrive *d);

static void pio_read_offer(IdeDrive *d);

static void pio_read_taken(IdeDrive *d)
{
    if (d->buf_pos < d->ata.filled) {
        pio_read_offer(d);
    } else if (d->ata.left) {
        pio_read_fill(d);
    } else {
        put_sector(d, d->ata.lba48, d->ata.sector - 1);
        ide_tf(d)->count = 0;
        d->status = IDE_STATUS_IDLE;
    }
}

static void pio_read_offer(IdeDrive *d)
{
    uint32_t n = MIN(d->ata.block * IDE_SECTOR, d->ata.filled - d->buf_pos);

    d->status = IDE_STATUS_IDLE;
    ide_pio_start(d, d->buf_pos, d->buf_pos + n, true, pio_read_taken);
    ide_raise_irq(d);
}

static void pio_read_done(IdeIo *io, int ret)
{
    IdeDrive *d = io->drive;

    if (failed(d, false, ret)) {
        return;
    }
    memcpy(d->buf, io->buf, io->bytes);
    advance(d, io->bytes / IDE_SECTOR);
    d->buf_pos = 0;
    d->ata.filled = io->bytes;
    pio_read_offer(d);
}

static void pio_read_fill(IdeDrive *d)
{
    uint32_t n = MIN(d->ata.left, PIO_CHUNK_SECTORS);
    IdeIo *io = ide_io_new(d, (uint64_t)n * IDE_SECTOR, pio_read_done);

    if (io) {
        d->status = IDE_STATUS_IDLE | IDE_STATUS_BSY;
        ide_io_read(io, d->ata.sector * IDE_SECTOR);
    }
}

/* PIO writes: a block at a time. */

static void pio_write_taken(IdeDrive *d);

static void pio_write_want(IdeDrive *d)
{
    uint32_t n = MIN(d->ata.block, d->ata.left);

    ide_pio_start(d, 0, n * IDE_SECTOR, false, pio_write_taken);
}

static void pio_write_done(IdeIo *io, int ret)
{
    IdeDrive *d = io->drive;

    if (failed(d, true, ret)) {
        return;
    }
    advance(d, io->bytes / IDE_SECTOR);
    if (!d->ata.left) {
        finish(d);
        return;
    }
    d->status = IDE_STATUS_IDLE;
    pio_write_want(d);
    ide_raise_irq(d);
}

static void pio_write_taken(IdeDrive *d)
{
    IdeIo *io = ide_io_new(d, d->buf_end, pio_write_done);

    if (io) {
        memcpy(io->buf, d->buf, io->bytes);
        d->status = IDE_STATUS_IDLE | IDE_STATUS_BSY;
        ide_io_write(io, d->ata.sector * IDE_SECTOR, d->ata.fua);
    }
}

/* DMA */

static void dma_step(IdeDrive *d);

static void dma_finish(IdeDrive *d, bool list_too_short)
{
    IdeBus *bus = ide_bus(d);

    if (list_too_short) {
        d->status = IDE_STATUS_IDLE;    /* the channel stopped; no interrupt says so */
        bus->dma->done(bus->dma_opaque, true);
        return;
    }
    finish(d);
    bus->dma->done(bus->dma_opaque, false);
}

static void dma_failed(IdeDrive *d)
{
    IdeBus *bus = ide_bus(d);

    bus->dma->done(bus->dma_opaque, false);
}

static void dma_done(IdeIo *io, int ret)
{
    IdeDrive *d = io->drive;
    IdeBus *bus = ide_bus(d);

    if (failed(d, d->ata.is_write, ret)) {
        dma_failed(d);
        return;
    }
    if (!d->ata.is_write &&
        bus->dma->copy(bus->dma_opaque, io->buf, io->bytes, true) < io->bytes) {
        dma_finish(d, true);
        return;
    }
    advance(d, io->bytes / IDE_SECTOR);
    if (d->ata.left) {
        dma_step(d);
    } else {
        dma_finish(d, false);
    }
}

static void dma_step(IdeDrive *d)
{
    uint64_t bytes = MIN((uint64_t)d->ata.left * IDE_SECTOR, IDE_DMA_CHUNK);
    IdeBus *bus = ide_bus(d);
    IdeIo *io = ide_io_new(d, bytes, dma_done);

    if (!io) {
        dma_failed(d);
        return;
    }
    if (!d->ata.is_write) {
        ide_io_read(io, d->ata.sector * IDE_SECTOR);
    } else if (bus->dma->copy(bus->dma_opaque, io->buf, bytes, false) == bytes) {
        ide_io_write(io, d->ata.sector * IDE_SECTOR, d->ata.fua);
    } else {
        dma_finish(d, true);
        ide_io_drop(io);
    }
}

static void cmd_rw(IdeDrive *d, unsigned how)
{
    AtaTransfer *t = &d->ata;

    *t = (AtaTransfer){ .is_write = how & RW_WRITE, .lba48 = how & RW_LBA48,
                        .fua = how & RW_FUA, .dma = how & RW_DMA,
                        .block = how & RW_MULTIPLE ? d->multiple : 1 };
    if (!t->block || (t->dma && !ide_bus(d)->dma)) {
        ide_fail(d, IDE_ERROR_ABRT);    /* multiple mode is off */
    } else if (!get_range(d, t->lba48, &t->sector, &t->left)) {
        ide_fail(d, IDE_ERROR_IDNF | IDE_ERROR_ABRT);
    } else if (t->is_write && blk_read_only(d->blk)) {
        ide_fail(d, IDE_ERROR_ABRT);
    } else if (t->dma) {
        ide_dma_wait(d, dma_step);
    } else if (t->is_write) {
        d->status = IDE_STATUS_IDLE;
        pio_write_want(d);
    } else {
        pio_read_fill(d);
    }
}

static void cmd_verify(IdeDrive *d, unsigned how)
{
    d->ata.lba48 = how & RW_LBA48;
    if (!get_range(d, d->ata.lba48, &d->ata.sector, &d->ata.left)) {
        ide_fail(d, IDE_ERROR_IDNF | IDE_ERROR_ABRT);
        return;
    }
    advance(d, d->ata.left);
    finish(d);
}

/* Flush */

static void flush_done(void *opaque, int ret)
{
    IdeIo *io = opaque;
    IdeDrive *d = io->drive;

    if (io->generation == d->generation) {
        if (ret < 0) {
            ide_fail(d, IDE_ERROR_ABRT);
        } else {
            ide_complete(d);
        }
    }
    ide_io_drop(io);
}

static void cmd_flush(IdeDrive *d, unsigned arg)
{
    IdeIo *io;

    if (!d->blk || !blk_has_medium(d->blk)) {
        ide_complete(d);
        return;
    }
    io = ide_io_new(d, 0, NULL);
    if (io) {
        d->status = IDE_STATUS_IDLE | IDE_STATUS_BSY;
        blk_aio_flush(d->blk, flush_done, io);
    }
}

/* TRIM: blocks of 64 ranges come by DMA, then each range is discarded in turn. */

static void trim_next(IdeIo *io);

static void trim_range_done(void *opaque, int ret)
{
    IdeIo *io = opaque;
    IdeDrive *d = io->drive;

    if (io->generation != d->generation) {
        ide_io_drop(io);
    } else if (failed(d, true, ret)) {
        dma_failed(d);
        ide_io_drop(io);
    } else {
        trim_next(io);
    }
}

static void trim_end(IdeIo *io, bool ok)
{
    IdeDrive *d = io->drive;

    if (ok) {
        ide_complete(d);
    } else {
        ide_fail(d, IDE_ERROR_ABRT);
    }
    dma_failed(d);
    ide_io_drop(io);
}

static void trim_next(IdeIo *io)
{
    IdeDrive *d = io->drive;

    while (io->pos + TRIM_RANGE_BYTES <= io->bytes) {
        uint64_t entry = ld64_le(io->buf + io->pos);
        uint64_t sector = entry & 0xffffffffffffULL, count = entry >> 48;

        io->pos += TRIM_RANGE_BYTES;
        if (!count) {
            continue;
        }
        if (sector > d->nr_sectors || count > d->nr_sectors - sector) {
            trim_end(io, false);
            return;
        }
        blk_aio_pdiscard(d->blk, sector * IDE_SECTOR, count * IDE_SECTOR, trim_range_done, io);
        return;
    }
    trim_end(io, true);
}

static void trim_step(IdeDrive *d)
{
    uint64_t bytes = (uint64_t)d->ata.left * IDE_SECTOR;
    IdeBus *bus = ide_bus(d);
    IdeIo *io = ide_io_new(d, bytes, NULL);

    if (!io) {
        dma_failed(d);
    } else if (bus->dma->copy(bus->dma_opaque, io->buf, bytes, false) == bytes) {
        trim_next(io);
    } else {
        dma_finish(d, true);
        ide_io_drop(io);
    }
}

static void cmd_data_set_management(IdeDrive *d, unsigned arg)
{
    IdeTaskFile *tf = ide_tf(d);

    /*
     * The count's low byte alone: it holds all that is possible, for IDENTIFY's word 105 says
     * that one block of ranges is taken at a time (allow for 128), and there is software that
     * writes the register once and leaves the high byte as it finds it.
     */
    d->ata = (AtaTransfer){ .left = tf->count, .lba48 = true, .is_write = true };
    if (tf->feature != 1 || !d->ata.left || d->ata.left > 128 || !ide_bus(d)->dma ||
        blk_read_only(d->blk)) {
        ide_fail(d, IDE_ERROR_ABRT);
        return;
    }
    ide_dma_wait(d, trim_step);
}

/* Small commands */

static void identify_taken(IdeDrive *d)
{
    d->status = IDE_STATUS_IDLE;
}

static void send_block(IdeDrive *d)
{
    d->status = IDE_STATUS_IDLE;
    ide_pio_start(d, 0, IDE_SECTOR, true, identify_taken);
    ide_raise_irq(d);
}

static void cmd_identify(IdeDrive *d, unsigned arg)
{
    if (d->kind == IDE_KIND_CD) {
        /* The answer that sends software to IDENTIFY PACKET DEVICE. */
        ide_set_signature(d);
        ide_fail(d, IDE_ERROR_ABRT);
        return;
    }
    ide_identify_disk(d, d->buf);
    send_block(d);
}

static void cmd_identify_packet(IdeDrive *d, unsigned arg)
{
    ide_identify_packet(d, d->buf);
    send_block(d);
}

static void cmd_packet(IdeDrive *d, unsigned arg)
{
    atapi_start_packet(d);
}

static void cmd_refused_by_cd(IdeDrive *d, unsigned arg)
{
    ide_set_signature(d);
    ide_fail(d, IDE_ERROR_ABRT);
}

static void cmd_nothing(IdeDrive *d, unsigned arg)
{
    ide_complete(d);
}

static void cmd_check_power(IdeDrive *d, unsigned arg)
{
    ide_tf(d)->count = 0xff;            /* active or idle */
    ide_complete(d);
}

static void cmd_specify(IdeDrive *d, unsigned arg)
{
    const IdeTaskFile *tf = ide_tf(d);

    if (!tf->count) {
        ide_fail(d, IDE_ERROR_ABRT);
        return;
    }
    d->chs_sectors = tf->count;
    d->chs_heads = (tf->select & 0x0f) + 1;
    ide_complete(d);
}

static void cmd_set_multiple(IdeDrive *d, unsigned arg)
{
    uint8_t n = ide_tf(d)->count;

    if (n > IDE_MAX_MULTIPLE || n & (n - 1)) {
        ide_fail(d, IDE_ERROR_ABRT);
        return;
    }
    d->multiple = n;
    ide_complete(d);
}

static void cmd_native_max(IdeDrive *d, unsigned how)
{
    if (!d->nr_sectors) {
        ide_fail(d, IDE_ERROR_ABRT);
        return;
    }
    ide_tf(d)->select |= IDE_SELECT_LBA;
    put_sector(d, how & RW_LBA48,
               how & RW_LBA48 ? d->nr_sectors - 1 : MIN(d->nr_sectors, 0x10000000) - 1);
    ide_complete(d);
}

static void cmd_smart(IdeDrive *d, unsigned arg)
{
    d->buf_end = 0;
    if (!ide_smart_command(d)) {
        ide_fail(d, IDE_ERROR_ABRT);
    } else if (d->buf_end) {
        send_block(d);
    } else {
        ide_complete(d);
    }
}

static bool set_transfer_mode(IdeDrive *d)
{
    uint8_t count = ide_tf(d)->count, mode = count & 7;

    switch (count >> 3) {
    case 0:                             /* PIO default, PIO with IORDY */
    case 1:
        d->mdma_mode = d->udma_mode = 0;
        return true;
    case 4:
        d->mdma_mode = mode <= 2 ? 1 << mode : d->mdma_mode;
        d->udma_mode = mode <= 2 ? 0 : d->udma_mode;
        return mode <= 2;
    case 8:
        d->udma_mode = mode <= 5 ? 1 << mode : d->udma_mode;
        d->mdma_mode = mode <= 5 ? 0 : d->mdma_mode;
        return mode <= 5;
    default:
        return false;
    }
}

static void cmd_set_features(IdeDrive *d, unsigned arg)
{
    switch (ide_tf(d)->feature) {
    case 0x02:                          /* write cache */
        if (d->blk) {
            blk_set_write_cache(d->blk, true);
        }
        break;
    case 0x82:
        if (d->blk) {
            blk_set_write_cache(d->blk, false);
        }
        cmd_flush(d, 0);
        return;
    case 0x03:
        if (!set_transfer_mode(d)) {
            ide_fail(d, IDE_ERROR_ABRT);
            return;
        }
        break;
    case 0x55:                          /* read look-ahead */
    case 0xaa:
    case 0x66:                          /* keep settings over SRST, or not */
    case 0xcc:
        break;
    default:
        ide_fail(d, IDE_ERROR_ABRT);
        return;
    }
    ide_complete(d);
}

typedef struct AtaCommand {
    void (*fn)(IdeDrive *d, unsigned arg);
    uint8_t kinds;
    uint8_t arg;
} AtaCommand;

static const AtaCommand commands[256] = {
    [0x06] = { cmd_data_set_management, FOR_HD, 0 },
    [0x10 ... 0x1f] = { cmd_nothing, FOR_HD, 0 },       /* RECALIBRATE */
    [0x20 ... 0x21] = { cmd_rw, FOR_HD, 0 },
    [0x24] = { cmd_rw, FOR_HD, RW_LBA48 },
    [0x25] = { cmd_rw, FOR_HD, RW_LBA48 | RW_DMA },
    [0x27] = { cmd_native_max, FOR_HD, RW_LBA48 },
    [0x29] = { cmd_rw, FOR_HD, RW_LBA48 | RW_MULTIPLE },
    [0x30 ... 0x31] = { cmd_rw, FOR_HD, RW_WRITE },
    [0x34] = { cmd_rw, FOR_HD, RW_WRITE | RW_LBA48 },
    [0x35] = { cmd_rw, FOR_HD, RW_WRITE | RW_LBA48 | RW_DMA },
    [0x39] = { cmd_rw, FOR_HD, RW_WRITE | RW_LBA48 | RW_MULTIPLE },
    [0x3d] = { cmd_rw, FOR_HD, RW_WRITE | RW_LBA48 | RW_DMA | RW_FUA },
    [0x40 ... 0x41] = { cmd_verify, FOR_HD, 0 },
    [0x42] = { cmd_verify, FOR_HD, RW_LBA48 },
    [0x70 ... 0x7f] = { cmd_nothing, FOR_HD, 0 },       /* SEEK */
    [0x91] = { cmd_specify, FOR_HD, 0 },
    [0x94 ... 0x97] = { cmd_nothing, FOR_HD | FOR_CD, 0 },  /* STANDBY, IDLE; old codes */
    [0x98] = { cmd_check_power, FOR_HD | FOR_CD, 0 },
    [0x99] = { cmd_nothing, FOR_HD | FOR_CD, 0 },       /* SLEEP */
    [0xa0] = { cmd_packet, FOR_CD, 0 },
    [0xa1] = { cmd_identify_packet, FOR_CD, 0 },
    [0xb0] = { cmd_smart, FOR_HD, 0 },
    [0xc4] = { cmd_rw, FOR_HD, RW_MULTIPLE },
    [0xc5] = { cmd_rw, FOR_HD, RW_WRITE | RW_MULTIPLE },
    [0xc6] = { cmd_set_multiple, FOR_HD, 0 },
    [0xc8 ... 0xc9] = { cmd_rw, FOR_HD, RW_DMA },
    [0xca ... 0xcb] = { cmd_rw, FOR_HD, RW_WRITE | RW_DMA },
    [0xce] = { cmd_rw, FOR_HD, RW_WRITE | RW_LBA48 | RW_MULTIPLE | RW_FUA },
    [0xe0 ... 0xe3] = { cmd_nothing, FOR_HD | FOR_CD, 0 },
    [0xe5] = { cmd_check_power, FOR_HD | FOR_CD, 0 },
    [0xe6] = { cmd_nothing, FOR_HD | FOR_CD, 0 },
    [0xe7] = { cmd_flush, FOR_HD | FOR_CD, 0 },
    [0xea] = { cmd_flush, FOR_HD | FOR_CD, 0 },
    [0xec] = { cmd_identify, FOR_HD | FOR_CD, 0 },
    [0xef] = { cmd_set_features, FOR_HD | FOR_CD, 0 },
    [0xf8] = { cmd_native_max, FOR_HD, 0 },
};

void ata_exec_command(IdeDrive *d, uint8_t command)
{
    const AtaCommand *c = &commands[command];

    if (c->fn && c->kinds & (1 << d->kind)) {
        c->fn(d, c->arg);
    } else if (d->kind == IDE_KIND_CD && (command == 0x20 || command == 0x21)) {
        cmd_refused_by_cd(d, 0);
    } else {
        ide_fail(d, IDE_ERROR_ABRT);
    }
}

const StateField ata_state[] = {
    STATE_UINT(AtaTransfer, sector),
    STATE_UINT(AtaTransfer, left),
    STATE_UINT_MAX(AtaTransfer, block, IDE_MAX_MULTIPLE),
    STATE_UINT_MAX(AtaTransfer, filled, IDE_BUF_SIZE),
    STATE_UINT(AtaTransfer, is_write),
    STATE_UINT(AtaTransfer, lba48),
    STATE_UINT(AtaTransfer, fua),
    STATE_UINT(AtaTransfer, dma),
    { }
};

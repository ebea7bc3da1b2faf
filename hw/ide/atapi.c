/* ATAPI: packet commands of CD drives, their data by PIO and DMA, media (SFF-8020i, MMC-5) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/atapi-int.h"

enum {
    REASON_COMMAND = 0x01,          /* in the sector count register: CoD and IO */
    REASON_TO_HOST = 0x02,
    REASON_MASK = 0x07,
    FEATURE_DMA = 0x01,
    MAX_BURST = 0xfffe,
    RAW_SECTOR = 2352,
    RAW_HEADER = 16,
};

/* Ends of commands */

static void set_reason(IdeDrive *d, uint8_t reason)
{
    IdeTaskFile *tf = ide_tf(d);

    tf->count = (tf->count & ~REASON_MASK) | reason;
}

void atapi_ok(IdeDrive *d)
{
    d->error = 0;
    set_reason(d, REASON_TO_HOST | REASON_COMMAND);
    ide_complete(d);
}

void atapi_check(IdeDrive *d, uint8_t sense, uint8_t asc, uint8_t ascq)
{
    TRACE(atapi_check, "%u.%u packet 0x%02x sense %x/%02x/%02x", ide_bus(d)->index, d->unit,
          d->cd.packet[0], sense, asc, ascq);
    d->cd.sense = sense;
    d->cd.asc = asc;
    d->cd.ascq = ascq;
    set_reason(d, REASON_TO_HOST | REASON_COMMAND);
    ide_fail(d, sense << 4);
}

/* Data to the host */

static void pio_next(IdeDrive *d);

static void pio_taken(IdeDrive *d)
{
    d->atapi.left -= d->buf_pos - d->atapi.start;
    d->atapi.start = d->buf_pos;
    pio_next(d);
}

/* Synchronisation, header and (all zero) parity around each sector's data, for READ CD. */
static void to_raw(uint8_t *to, const uint8_t *data, uint32_t lba)
{
    uint32_t frame = lba + 150;

    memset(to, 0, RAW_SECTOR);
    memset(to + 1, 0xff, 10);
    to[12] = (frame / 75 / 60 / 10) << 4 | frame / 75 / 60 % 10;
    to[13] = (frame / 75 % 60 / 10) << 4 | frame / 75 % 60 % 10;
    to[14] = (frame % 75 / 10) << 4 | frame % 75 % 10;
    to[15] = 1;                     /* mode 1 */
    memcpy(to + RAW_HEADER, data, CD_SECTOR);
}

static void append_blocks(IdeDrive *d, const IdeIo *io)
{
    AtapiTransfer *t = &d->atapi;

    for (uint64_t at = 0; at < io->bytes; at += CD_SECTOR) {
        if (t->block_size == CD_SECTOR) {
            memcpy(d->buf + t->end, io->buf + at, CD_SECTOR);
        } else {
            to_raw(d->buf + t->end, io->buf + at, t->lba + at / CD_SECTOR);
        }
        t->end += t->block_size;
    }
    t->lba += io->bytes / CD_SECTOR;
    t->blocks -= io->bytes / CD_SECTOR;
}

static void read_failed(IdeDrive *d)
{
    if (blk_has_medium(d->blk)) {
        atapi_check(d, SENSE_MEDIUM_ERROR, ASC_READ_ERROR, 0);
    } else {
        atapi_check(d, SENSE_NOT_READY, ASC_NO_MEDIUM, 0);
    }
}

static void pio_read_done(IdeIo *io, int ret)
{
    IdeDrive *d = io->drive;

    if (ret < 0) {
        read_failed(d);
        return;
    }
    append_blocks(d, io);
    pio_next(d);
}

/* Make room at the end of buf and read as many blocks as it takes. */
static void read_more(IdeDrive *d, void (*done)(IdeIo *io, int ret))
{
    AtapiTransfer *t = &d->atapi;
    uint32_t n;
    IdeIo *io;

    memmove(d->buf, d->buf + t->start, t->end - t->start);
    t->end -= t->start;
    t->start = 0;
    n = MIN(t->blocks, (IDE_BUF_SIZE - t->end) / t->block_size);
    io = ide_io_new(d, (uint64_t)n * CD_SECTOR, done);
    if (io) {
        d->status = IDE_STATUS_IDLE | IDE_STATUS_BSY;
        ide_io_read(io, (int64_t)t->lba * CD_SECTOR);
    }
}

static void pio_next(IdeDrive *d)
{
    AtapiTransfer *t = &d->atapi;
    IdeTaskFile *tf = ide_tf(d);
    uint32_t burst = MIN(t->limit, t->left);

    if (!t->left) {
        atapi_ok(d);
        return;
    }
    /* Only the last burst may be odd. */
    if (burst < t->left) {
        burst &= ~1u;
    }
    if (t->end - t->start < burst && t->blocks) {
        read_more(d, pio_read_done);
        return;
    }
    tf->lba_mid = burst;
    tf->lba_high = burst >> 8;
    set_reason(d, REASON_TO_HOST);
    d->status = IDE_STATUS_IDLE;
    ide_pio_start(d, t->start, t->start + burst, true, pio_taken);
    ide_raise_irq(d);
}

static void dma_next(IdeDrive *d);

static void dma_read_done(IdeIo *io, int ret)
{
    IdeDrive *d = io->drive;
    IdeBus *bus = ide_bus(d);

    if (ret < 0) {
        read_failed(d);
        bus->dma->done(bus->dma_opaque, false);
        return;
    }
    append_blocks(d, io);
    dma_next(d);
}

static void dma_next(IdeDrive *d)
{
    IdeBus *bus = ide_bus(d);
    AtapiTransfer *t = &d->atapi;
    uint32_t n = MIN(t->end - t->start, t->left);
    uint32_t moved = bus->dma->copy(bus->dma_opaque, d->buf + t->start, n, true);

    t->start += moved;
    t->left -= moved;
    if (moved < n) {
        d->status = IDE_STATUS_IDLE;
        bus->dma->done(bus->dma_opaque, true);
    } else if (t->left && t->blocks) {
        uint32_t generation = d->generation;

        read_more(d, dma_read_done);
        if (generation == d->generation && !(d->status & IDE_STATUS_BSY)) {
            bus->dma->done(bus->dma_opaque, false);     /* it failed at once */
        }
    } else {
        atapi_ok(d);
        bus->dma->done(bus->dma_opaque, false);
    }
}

static void start_data(IdeDrive *d)
{
    if (d->atapi.dma) {
        ide_dma_wait(d, dma_next);
    } else {
        pio_next(d);
    }
}

void atapi_reply(IdeDrive *d, uint32_t size, uint32_t allocated)
{
    AtapiTransfer *t = &d->atapi;

    t->start = 0;
    t->end = MIN(size, IDE_BUF_SIZE);
    t->left = MIN(t->end, allocated);
    t->blocks = 0;
    if (t->left) {
        start_data(d);
    } else {
        atapi_ok(d);
    }
}

void atapi_read_disc(IdeDrive *d, uint32_t lba, uint32_t blocks, bool raw)
{
    AtapiTransfer *t = &d->atapi;
    uint64_t total = d->nr_sectors / (CD_SECTOR / IDE_SECTOR);

    if (lba > total || blocks > total - lba) {
        atapi_check(d, SENSE_ILLEGAL_REQUEST, ASC_LBA_RANGE, 0);
        return;
    }
    if (!blocks) {
        atapi_ok(d);
        return;
    }
    t->lba = lba;
    t->blocks = blocks;
    t->block_size = raw ? RAW_SECTOR : CD_SECTOR;
    t->start = t->end = 0;
    t->left = (uint64_t)blocks * t->block_size;
    start_data(d);
}

/* The packet itself */

static void packet_taken(IdeDrive *d)
{
    memcpy(d->cd.packet, d->buf, ATAPI_PACKET_SIZE);
    TRACE(atapi_packet, "%u.%u %02x %02x %02x%02x%02x%02x %02x %02x%02x %02x %02x %02x",
          ide_bus(d)->index, d->unit, d->buf[0], d->buf[1], d->buf[2], d->buf[3], d->buf[4],
          d->buf[5], d->buf[6], d->buf[7], d->buf[8], d->buf[9], d->buf[10], d->buf[11]);
    d->status = IDE_STATUS_IDLE | IDE_STATUS_BSY;
    atapi_exec_packet(d);
}

void atapi_start_packet(IdeDrive *d)
{
    IdeTaskFile *tf = ide_tf(d);
    uint32_t limit = tf->lba_mid | tf->lba_high << 8;

    d->atapi = (AtapiTransfer){ .dma = tf->feature & FEATURE_DMA };
    if (d->atapi.dma && !ide_bus(d)->dma) {
        ide_fail(d, IDE_ERROR_ABRT);
        return;
    }
    d->atapi.limit = limit < 2 || limit > MAX_BURST ? MAX_BURST : limit;
    d->status = IDE_STATUS_IDLE;
    set_reason(d, REASON_COMMAND);
    ide_pio_start(d, 0, ATAPI_PACKET_SIZE, false, packet_taken);
}

/* Media and the tray */

void atapi_reset(IdeDrive *d)
{
    d->cd.sense = d->cd.asc = d->cd.ascq = 0;
    d->cd.tray_locked = false;
    d->atapi = (AtapiTransfer){ };
}

static void medium_changed(void *opaque, bool loaded)
{
    IdeDrive *d = opaque;

    TRACE(atapi_medium, "%u.%u %s", ide_bus(d)->index, d->unit, loaded ? "in" : "out");
    d->nr_sectors = blk_length(d->blk) / IDE_SECTOR;
    d->cd.changed = true;
    d->cd.new_medium = loaded;
}

static void move_tray(void *opaque, bool open)
{
    IdeDrive *d = opaque;

    d->cd.tray_open = open;
    d->cd.eject_wanted = false;
    d->cd.tray_locked = d->cd.tray_locked && !open;
    d->cd.changed = true;
    d->cd.new_medium = !open && blk_has_medium(d->blk);
}

static void eject_request(void *opaque, bool force)
{
    IdeDrive *d = opaque;

    d->cd.eject_wanted = true;
    if (force) {
        d->cd.tray_locked = false;
    }
}

static bool tray_open(void *opaque)
{
    return ((IdeDrive *)opaque)->cd.tray_open;
}

static bool medium_locked(void *opaque)
{
    return ((IdeDrive *)opaque)->cd.tray_locked;
}

const BlkDeviceOps atapi_blk_ops = {
    .medium_changed = medium_changed, .eject_request = eject_request, .tray_open = tray_open,
    .medium_locked = medium_locked, .move_tray = move_tray,
};

const StateField atapi_state[] = {
    STATE_UINT(AtapiTransfer, left),
    STATE_UINT_MAX(AtapiTransfer, limit, MAX_BURST),
    STATE_UINT(AtapiTransfer, lba),
    STATE_UINT(AtapiTransfer, blocks),
    STATE_UINT_MAX(AtapiTransfer, block_size, RAW_SECTOR),
    STATE_UINT_MAX(AtapiTransfer, start, IDE_BUF_SIZE),
    STATE_UINT_MAX(AtapiTransfer, end, IDE_BUF_SIZE),
    STATE_UINT(AtapiTransfer, dma),
    { }
};

/* isa-fdc: commands that move data: read, write, verify, format; by DMA or byte by byte */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/block/fdc-chip.h"
#include "hw/dma/i8237.h"

enum {
    CMD_MULTI_TRACK = 0x80,
    CMD_SKIP = 0x20,
    VERIFY_COUNT = 0x80,            /* in VERIFY's second byte: the last says how many sectors */
    SPECIFY_NO_DMA = 0x01,
    CONFIG_IMPLIED_SEEK = 0x40,
    DSR_RATE = 0x03,
    SIZE_512 = 2,                   /* sectors have 128 << size bytes */
    FORMAT_ID = 4,                  /* bytes that FORMAT wants for each sector */
};

/* A request to the image, with a buffer of its own that outlives a reset. */
typedef struct FdcIo {
    Fdc *fdc;
    uint32_t generation;
    uint8_t data[FLOPPY_SECTOR];
} FdcIo;

static void next_sector(Fdc *s);

/*
 * Where the transfer goes on: results name that sector. A track ends with EOT;
 * multi-track goes on at the other side, and the next cylinder follows.
 */
static void advance(FdcTransfer *t, unsigned last)
{
    if (t->sector < last) {
        t->sector++;
        return;
    }
    t->sector = 1;
    if (t->multi) {
        t->head ^= 1;
        t->cylinder += !t->head;
    } else {
        t->cylinder++;
    }
}

void fdc_end_transfer(Fdc *s, uint8_t st0, uint8_t st1, uint8_t st2)
{
    const FdcTransfer *t = &s->transfer;
    uint8_t head = st0 & ST0_ABNORMAL ? s->cmd[1] >> 2 & 1 : t->last_head;

    st0 |= (t->stepped ? ST0_SEEK : 0) | head << 2 | (s->cmd[1] & 3);
    TRACE(fdc_result, "st0 0x%02x st1 0x%02x st2 0x%02x next %u/%u/%u", st0, st1, st2, t->cylinder,
          t->head, t->sector);
    s->sense = st0;
    fdc_result(s, (const uint8_t[FDC_TRANSFER_RESULT]){ st0, st1, st2, t->cylinder, t->head,
                                                        t->sector, t->size },
               FDC_TRANSFER_RESULT);
    fdc_set_irq(s, true);
}

static void fail(Fdc *s, uint8_t st1, uint8_t st2)
{
    fdc_end_transfer(s, ST0_ABNORMAL, st1, st2);
}

/* A sector was moved. */
static void sector_done(Fdc *s)
{
    FdcTransfer *t = &s->transfer;
    const FloppyDrive *d = fdc_drive(s, t->drive);
    unsigned cylinder = t->cylinder;

    t->left--;
    t->last_head = t->head;
    if (t->kind != FDC_FORMAT) {
        advance(t, d && d->format ? MIN(t->end, d->format->sectors) : t->end);
    }
    if (t->tc || (!t->left && (t->pio || t->kind >= FDC_FORMAT || t->st2))) {
        fdc_end_transfer(s, 0, 0, t->st2);
    } else if (!t->left) {
        fail(s, ST1_END, t->st2);   /* the DMA controller wants more than the track has */
    } else {
        t->stepped |= t->cylinder != cylinder;
        next_sector(s);
    }
}

/* Data for the host */

static void give_data(Fdc *s)
{
    FdcTransfer *t = &s->transfer;
    size_t room;

    if (t->kind == FDC_VERIFY) {
        sector_done(s);
        return;
    }
    if (t->pio) {
        t->pos = 0;
        t->len = FLOPPY_SECTOR;
        s->phase = FDC_DATA_IN;
        fdc_set_irq(s, true);
        return;
    }
    room = isa_dma_room(isa_bus(&s->isa), s->dma);
    if (!isa_dma_to_memory(isa_bus(&s->isa), s->dma, t->data, FLOPPY_SECTOR)) {
        fail(s, ST1_OVERRUN, 0);    /* nobody takes what passes under the head */
        return;
    }
    t->tc = room <= FLOPPY_SECTOR;
    sector_done(s);
}

uint8_t fdc_read_data(Fdc *s)
{
    FdcTransfer *t = &s->transfer;
    uint8_t value = t->data[t->pos++];

    if (t->pos >= t->len) {
        s->phase = FDC_EXECUTION;
        fdc_set_irq(s, false);
        sector_done(s);
    }
    return value;
}

/* The image */

static FdcIo *io_new(Fdc *s)
{
    FdcIo *io = g_new0(FdcIo, 1);

    io->fdc = s;
    io->generation = s->generation;
    s->in_flight++;
    object_ref(&s->isa.dev.obj);
    return io;
}

/* Copies what was read; false: a reset came between. */
static bool io_end(FdcIo *io)
{
    Fdc *s = io->fdc;
    bool current = io->generation == s->generation;

    if (current && s->transfer.kind != FDC_WRITE && s->transfer.kind != FDC_FORMAT) {
        memcpy(s->transfer.data, io->data, FLOPPY_SECTOR);
    }
    s->in_flight--;
    g_free(io);
    return current;
}

static void io_done(void *opaque, int ret)
{
    FdcIo *io = opaque;
    Fdc *s = io->fdc;

    if (io_end(io)) {
        if (ret) {
            fail(s, ST1_DATA_ERROR, ST2_DATA_ERROR);
        } else if (s->transfer.kind == FDC_WRITE || s->transfer.kind == FDC_FORMAT) {
            sector_done(s);
        } else {
            give_data(s);
        }
    }
    object_unref(&s->isa.dev.obj);
}

/* Where the sector at hand lies in the image; -1: no medium of this format has it. */
static int64_t sector_offset(const Fdc *s)
{
    const FdcTransfer *t = &s->transfer;
    const FloppyDrive *d = fdc_drive(s, t->drive);
    const FloppyFormat *f = floppy_ready(d) ? d->format : NULL;
    int64_t offset;

    if (!f || t->cylinder >= f->tracks || t->head >= f->heads || !t->sector ||
        t->sector > f->sectors || t->size != SIZE_512) {
        return -1;
    }
    offset = ((int64_t)(t->cylinder * f->heads + t->head) * f->sectors + t->sector - 1) *
             FLOPPY_SECTOR;
    return offset + FLOPPY_SECTOR <= blk_length(d->blk) ? offset : -1;
}

static void start_io(Fdc *s, bool is_write)
{
    FdcTransfer *t = &s->transfer;
    int64_t offset = sector_offset(s);
    struct iovec iov;
    FdcIo *io;

    s->phase = FDC_EXECUTION;
    /* Resets leave requests behind; a guest that makes many of them gets errors. */
    if (offset < 0 || s->in_flight > 8) {
        fail(s, ST1_NO_DATA, 0);
        return;
    }
    io = io_new(s);
    iov = (struct iovec){ io->data, FLOPPY_SECTOR };
    if (is_write) {
        memcpy(io->data, t->data, FLOPPY_SECTOR);
        blk_aio_pwritev(fdc_drive(s, t->drive)->blk, offset, &iov, 1, 0, io_done, io);
    } else {
        blk_aio_preadv(fdc_drive(s, t->drive)->blk, offset, &iov, 1, io_done, io);
    }
}

/* Data from the host: a sector, or in FORMAT the identity of one */

static void data_came(Fdc *s)
{
    FdcTransfer *t = &s->transfer;

    if (t->kind == FDC_FORMAT) {
        t->cylinder = t->data[0];
        t->head = t->data[1];
        t->sector = t->data[2];
        t->size = t->data[3];
        memset(t->data, s->cmd[5], FLOPPY_SECTOR);
    }
    start_io(s, true);
}

void fdc_write_data(Fdc *s, uint8_t value)
{
    FdcTransfer *t = &s->transfer;

    t->data[t->pos++] = value;
    if (t->pos >= t->len) {
        fdc_set_irq(s, false);
        data_came(s);
    }
}

static void want_data(Fdc *s)
{
    FdcTransfer *t = &s->transfer;
    size_t room;

    t->pos = 0;
    t->len = t->kind == FDC_FORMAT ? FORMAT_ID : FLOPPY_SECTOR;
    if (t->pio) {
        s->phase = FDC_DATA_OUT;
        fdc_set_irq(s, true);
        return;
    }
    room = isa_dma_room(isa_bus(&s->isa), s->dma);
    memset(t->data, 0, t->len);     /* what terminal count cuts off is written as zeroes */
    if (!isa_dma_from_memory(isa_bus(&s->isa), s->dma, t->data, t->len)) {
        fail(s, ST1_OVERRUN, 0);
        return;
    }
    t->tc = room <= t->len;
    data_came(s);
}

static void next_sector(Fdc *s)
{
    FdcTransfer *t = &s->transfer;

    if (t->stepped && fdc_drive(s, t->drive)) {
        floppy_step(fdc_drive(s, t->drive), t->cylinder);
    }
    if (t->kind == FDC_WRITE || t->kind == FDC_FORMAT) {
        want_data(s);
    } else {
        start_io(s, false);
    }
}

/* How many sectors: to the end of the track, and with multi-track that of the other side. */
static unsigned count_sectors(const Fdc *s)
{
    const FdcTransfer *t = &s->transfer;

    if (t->kind == FDC_FORMAT) {
        return s->cmd[3];
    }
    if (t->kind == FDC_VERIFY && s->cmd[1] & VERIFY_COUNT) {
        return s->cmd[8] ? s->cmd[8] : 256;
    }
    if (t->kind == FDC_READ_DELETED) {
        return 1;                   /* no sector of an image is marked: it stops at the first */
    }
    return (t->end >= t->sector ? t->end - t->sector + 1 : 1) +
           (t->multi && !t->head ? t->end : 0);
}

/* What is wrong before anything is moved, as ST1; 0: nothing. */
static uint8_t find_fault(const Fdc *s, const FloppyDrive *d, bool is_write)
{
    const FdcTransfer *t = &s->transfer;

    if (!floppy_ready(d) || (s->dsr & DSR_RATE) != d->format->rate) {
        return ST1_NO_ADDRESS;
    }
    if (is_write && blk_read_only(d->blk)) {
        return ST1_PROTECTED;
    }
    if (t->kind != FDC_FORMAT && (t->head != (s->cmd[1] >> 2 & 1) || sector_offset(s) < 0)) {
        return ST1_NO_DATA;
    }
    return 0;
}

void fdc_begin_transfer(Fdc *s, unsigned kind)
{
    FloppyDrive *d = fdc_drive(s, s->cmd[1] & 3);
    FdcTransfer *t = &s->transfer;
    uint8_t fault;

    *t = (FdcTransfer){
        .kind = kind, .drive = s->cmd[1] & 3, .multi = s->cmd[0] & CMD_MULTI_TRACK,
        .pio = !(s->dor & DOR_DMA) || s->specify[1] & SPECIFY_NO_DMA,
        .st2 = kind == FDC_READ_DELETED ? ST2_CONTROL_MARK : 0,
        .cylinder = s->cmd[2], .head = s->cmd[3], .sector = s->cmd[4], .size = s->cmd[5],
        .end = s->cmd[6],
    };
    if (kind == FDC_FORMAT) {
        t->cylinder = d ? d->track : 0;
        t->head = s->cmd[1] >> 2 & 1;
        t->sector = 1;
        t->size = s->cmd[2];
    } else {
        s->last_eot = t->end;
        t->sector = kind == FDC_READ_TRACK ? 1 : t->sector;
        t->multi = t->multi && kind != FDC_READ_TRACK && d && d->format && d->format->heads == 2;
        if (d && s->config & CONFIG_IMPLIED_SEEK) {
            floppy_step(d, t->cylinder);
        } else if (floppy_ready(d) && d->track != t->cylinder) {
            fail(s, ST1_NO_DATA, ST2_WRONG_CYLINDER);
            return;
        }
    }
    t->left = count_sectors(s);
    fault = find_fault(s, d, kind == FDC_WRITE || kind == FDC_FORMAT);
    if (fault || !t->left || (kind == FDC_READ_DELETED && s->cmd[0] & CMD_SKIP)) {
        fail(s, fault ? fault : ST1_NO_DATA, 0);
        return;
    }
    s->phase = FDC_EXECUTION;
    next_sector(s);
}

const StateField fdc_transfer_state[] = {
    STATE_UINT_MAX(FdcTransfer, kind, FDC_VERIFY),
    STATE_UINT(FdcTransfer, drive),
    STATE_UINT(FdcTransfer, multi),
    STATE_UINT(FdcTransfer, pio),
    STATE_UINT(FdcTransfer, tc),
    STATE_UINT(FdcTransfer, stepped),
    STATE_UINT(FdcTransfer, st2),
    STATE_UINT(FdcTransfer, cylinder),
    STATE_UINT(FdcTransfer, head),
    STATE_UINT(FdcTransfer, sector),
    STATE_UINT(FdcTransfer, size),
    STATE_UINT(FdcTransfer, last_head),
    STATE_UINT(FdcTransfer, end),
    STATE_UINT(FdcTransfer, left),
    STATE_UINT_MAX(FdcTransfer, pos, FLOPPY_SECTOR - 1),
    STATE_UINT_MAX(FdcTransfer, len, FLOPPY_SECTOR),
    STATE_BYTES(FdcTransfer, data),
    { }
};

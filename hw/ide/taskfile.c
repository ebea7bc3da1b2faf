/* IDE registers: the command block, status and interrupts, PIO data, resets */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/ide-int.h"
#include "util/log.h"

enum {
    REG_DATA, REG_ERROR, REG_COUNT, REG_LBA_LOW, REG_LBA_MID, REG_LBA_HIGH, REG_SELECT,
    REG_STATUS,
    REG_FEATURE = REG_ERROR,
    REG_COMMAND = REG_STATUS,

    CMD_DEVICE_RESET = 0x08,
    CMD_DIAGNOSE = 0x90,
    DIAGNOSE_PASSED = 0x01,
};

/* Interrupts: the line follows what is pending unless nIEN holds it. */
static void update_irq(IdeBus *bus)
{
    irq_set(bus->irq, bus->irq_pending && !(bus->control & IDE_CONTROL_NIEN));
}

void ide_raise_irq(IdeDrive *d)
{
    IdeBus *bus = ide_bus(d);

    bus->irq_pending = true;
    if (bus->dma && !(bus->control & IDE_CONTROL_NIEN)) {
        bus->dma->raised_irq(bus->dma_opaque);
    }
    update_irq(bus);
}

static void clear_irq(IdeBus *bus)
{
    bus->irq_pending = false;
    update_irq(bus);
}

/* The ends of commands */

void ide_abort_command(IdeDrive *d)
{
    d->status = IDE_STATUS_DRDY | IDE_STATUS_ERR;
    d->error = IDE_ERROR_ABRT;
}

void ide_fail(IdeDrive *d, uint8_t error)
{
    IdeBus *bus = ide_bus(d);

    TRACE(ide_fail, "%u.%u error 0x%02x", bus->index, d->unit, error);
    d->status = IDE_STATUS_DRDY | IDE_STATUS_ERR;
    d->error = error;
    d->dma_step = NULL;
    ide_raise_irq(d);
}

void ide_complete(IdeDrive *d)
{
    d->status = IDE_STATUS_IDLE;
    ide_raise_irq(d);
}

/* ATA/ATAPI-7, 5.15: how software tells what kind of device there is. */
void ide_set_signature(IdeDrive *d)
{
    IdeTaskFile *tf = ide_tf(d);

    tf->count = tf->lba_low = 1;
    tf->lba_mid = d->kind == IDE_KIND_CD ? 0x14 : 0;
    tf->lba_high = d->kind == IDE_KIND_CD ? 0xeb : 0;
    tf->select &= ~0x0f;
}

/* PIO */

void ide_pio_start(IdeDrive *d, uint32_t start, uint32_t end, bool to_host, IdeFn *done)
{
    d->buf_pos = start;
    d->buf_end = MIN(end, IDE_BUF_SIZE);
    d->buf_to_host = to_host;
    d->buf_done = done;
    d->status = (d->status & ~IDE_STATUS_BSY) | IDE_STATUS_DRQ;
}

/* Move the last piece, then let the command go on. */
static void pio_moved(IdeDrive *d)
{
    if (d->buf_pos >= d->buf_end) {
        IdeFn *done = d->buf_done;

        d->status &= ~IDE_STATUS_DRQ;
        d->buf_done = NULL;
        if (done) {
            done(d);
        }
    }
}

static bool pio_possible(const IdeDrive *d, bool to_host)
{
    return d && d->status & IDE_STATUS_DRQ && !(d->status & IDE_STATUS_BSY) && d->buf_done &&
           d->buf_to_host == to_host;
}

static uint32_t data_read(IdeDrive *d, unsigned size)
{
    uint8_t bytes[4] = { };

    if (!pio_possible(d, true)) {
        return 0;
    }
    for (unsigned i = 0; i < size && d->buf_pos < d->buf_end; i++) {
        bytes[i] = d->buf[d->buf_pos++];
    }
    pio_moved(d);
    return ld32_le(bytes);
}

static void data_write(IdeDrive *d, uint32_t value, unsigned size)
{
    if (!pio_possible(d, false)) {
        return;
    }
    for (unsigned i = 0; i < size && d->buf_pos < d->buf_end; i++) {
        d->buf[d->buf_pos++] = value >> (i * 8);
    }
    pio_moved(d);
}

/* DMA */

void ide_dma_wait(IdeDrive *d, IdeFn *step)
{
    IdeBus *bus = ide_bus(d);

    d->status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
    d->dma_step = step;
    if (bus->dma) {
        bus->dma->ready(bus->dma_opaque);
    }
}

void ide_dma_run(IdeBus *bus)
{
    IdeDrive *d = bus->drives[bus->unit];

    if (d && d->dma_step) {
        IdeFn *step = d->dma_step;

        d->dma_step = NULL;
        d->dma_active = true;
        d->status = IDE_STATUS_IDLE | IDE_STATUS_BSY;
        step(d);
    }
}

bool ide_dma_under_way(IdeBus *bus)
{
    const IdeDrive *d = bus->drives[bus->unit];

    return d && d->dma_active && d->status & IDE_STATUS_BSY;
}

/* Requests to the block layer */

IdeIo *ide_io_new(IdeDrive *d, uint64_t bytes, void (*done)(IdeIo *io, int ret))
{
    IdeIo *io;
    uint8_t *buf = d->in_flight < IDE_MAX_ORPHANS ? block_try_alloc(bytes) : NULL;

    if (!buf) {
        ide_fail(d, IDE_ERROR_ABRT);
        return NULL;
    }
    io = g_new0(IdeIo, 1);
    io->drive = d;
    io->generation = d->generation;
    io->buf = buf;
    io->bytes = bytes;
    io->done = done;
    d->in_flight++;
    object_ref(&d->dev.obj);
    return io;
}

void ide_io_drop(IdeIo *io)
{
    free(io->buf);
    io->drive->in_flight--;
    object_unref(&io->drive->dev.obj);
    g_free(io);
}

void ide_io_done(void *opaque, int ret)
{
    IdeIo *io = opaque;

    if (io->generation == io->drive->generation) {
        io->done(io, ret);
    }
    ide_io_drop(io);
}

void ide_io_read(IdeIo *io, int64_t offset)
{
    struct iovec iov = { io->buf, io->bytes };

    blk_aio_preadv(io->drive->blk, offset, &iov, 1, ide_io_done, io);
}

void ide_io_write(IdeIo *io, int64_t offset, bool fua)
{
    struct iovec iov = { io->buf, io->bytes };

    blk_aio_pwritev(io->drive->blk, offset, &iov, 1, fua ? BLK_FUA : 0, ide_io_done, io);
}

/* Resets */

void ide_drive_cancel(IdeDrive *d)
{
    d->generation++;
    if (d->blk) {
        blk_cancel_parked(d->blk);
    }
    d->dma_step = NULL;
    d->buf_done = NULL;
    d->buf_pos = d->buf_end = 0;
}

/* What the diagnostics at the end of every reset leave. Packet devices do not claim to be ready. */
static void diagnose(IdeDrive *d)
{
    ide_set_signature(d);
    d->error = DIAGNOSE_PASSED;
    d->status = d->kind == IDE_KIND_CD ? 0 : IDE_STATUS_IDLE;
}

void ide_drive_reset(IdeDrive *d)
{
    ide_drive_cancel(d);
    diagnose(d);
    if (d->kind == IDE_KIND_CD) {
        atapi_reset(d);
    }
}

void ide_bus_reset(IdeBus *bus)
{
    bus->unit = 0;
    bus->control = 0;
    for (unsigned i = 0; i < IDE_NR_UNITS; i++) {
        IdeDrive *d = bus->drives[i];

        bus->tf[i] = (IdeTaskFile){ .select = IDE_SELECT_FIXED };
        if (d) {
            d->multiple = IDE_MAX_MULTIPLE;
            d->mdma_mode = 0;
            d->udma_mode = 1 << 5;
            ide_drive_reset(d);
        }
    }
    if (bus->dma) {
        bus->dma->reset(bus->dma_opaque);
    }
    clear_irq(bus);
}

void ide_write_control(IdeBus *bus, uint8_t value)
{
    bool was = bus->control & IDE_CONTROL_SRST, is = value & IDE_CONTROL_SRST;

    TRACE(ide_control, "%u: 0x%02x", bus->index, value);
    bus->control = value;
    for (unsigned i = 0; i < IDE_NR_UNITS; i++) {
        IdeDrive *d = bus->drives[i];

        if (d && is && !was) {
            ide_drive_cancel(d);
            d->status = IDE_STATUS_BSY;
            d->error = 0;
        } else if (d && was && !is) {
            ide_drive_reset(d);
        }
    }
    if (is && !was) {
        bus->unit = 0;
        bus->irq_pending = false;
    }
    update_irq(bus);
}

/* Registers */

uint8_t ide_read_alt_status(IdeBus *bus)
{
    IdeDrive *d = bus->drives[bus->unit];

    return d ? d->status : 0;
}

uint32_t ide_read(IdeBus *bus, unsigned reg, unsigned size)
{
    IdeDrive *d = bus->drives[bus->unit];
    const IdeTaskFile *tf = &bus->tf[bus->unit];
    bool hob = bus->control & IDE_CONTROL_HOB;
    uint8_t value = 0;

    if (reg == REG_DATA) {
        return data_read(d, size);
    }
    if (!bus->drives[0] && !bus->drives[1]) {
        return 0;
    }
    switch (reg) {
    case REG_ERROR:
        value = !d ? 0 : hob ? tf->hob_feature : d->error;
        break;
    case REG_COUNT:
        value = hob ? tf->hob_count : tf->count;
        break;
    case REG_LBA_LOW:
        value = hob ? tf->hob_low : tf->lba_low;
        break;
    case REG_LBA_MID:
        value = hob ? tf->hob_mid : tf->lba_mid;
        break;
    case REG_LBA_HIGH:
        value = hob ? tf->hob_high : tf->lba_high;
        break;
    case REG_SELECT:
        value = tf->select;
        break;
    case REG_STATUS:
        value = ide_read_alt_status(bus);
        clear_irq(bus);
        break;
    }
    TRACE(ide_read, "%u.%u reg %u: 0x%02x", bus->index, bus->unit, reg, value);
    return value;
}

static void exec_command(IdeBus *bus, uint8_t command)
{
    IdeDrive *d = bus->drives[bus->unit];

    TRACE(ide_command, "%u.%u 0x%02x", bus->index, bus->unit, command);
    clear_irq(bus);
    if (command == CMD_DIAGNOSE && (bus->drives[0] || bus->drives[1])) {
        /* For both drives, whichever is selected; device 0 answers and is selected then. */
        for (unsigned i = 0; i < IDE_NR_UNITS; i++) {
            bus->tf[i].select &= ~IDE_SELECT_UNIT;
            if (bus->drives[i]) {
                ide_drive_cancel(bus->drives[i]);
                diagnose(bus->drives[i]);
            }
        }
        bus->unit = 0;
        d = bus->drives[0];
        if (d) {
            ide_raise_irq(d);
        }
        return;
    }
    if (!d) {
        return;
    }
    if (command == CMD_DEVICE_RESET && d->kind == IDE_KIND_CD) {
        ide_drive_reset(d);
        return;
    }
    if (d->status & (IDE_STATUS_BSY | IDE_STATUS_DRQ)) {
        guest_error("ide %u.%u: command 0x%02x while another is under way", bus->index,
                    bus->unit, command);
        return;
    }
    d->error = 0;
    d->dma_active = false;
    ata_exec_command(d, command);
}

static void write_task_file(IdeTaskFile *tf, unsigned reg, uint8_t value)
{
    switch (reg) {
    case REG_FEATURE:
        tf->hob_feature = tf->feature;
        tf->feature = value;
        break;
    case REG_COUNT:
        tf->hob_count = tf->count;
        tf->count = value;
        break;
    case REG_LBA_LOW:
        tf->hob_low = tf->lba_low;
        tf->lba_low = value;
        break;
    case REG_LBA_MID:
        tf->hob_mid = tf->lba_mid;
        tf->lba_mid = value;
        break;
    case REG_LBA_HIGH:
        tf->hob_high = tf->lba_high;
        tf->lba_high = value;
        break;
    case REG_SELECT:
        tf->select = value | IDE_SELECT_FIXED;
        break;
    }
}

void ide_write(IdeBus *bus, unsigned reg, uint32_t value, unsigned size)
{
    IdeDrive *d = bus->drives[bus->unit];

    if (reg == REG_DATA) {
        data_write(d, value, size);
        return;
    }
    TRACE(ide_write, "%u.%u reg %u: 0x%02x", bus->index, bus->unit, reg, value);
    bus->control &= ~IDE_CONTROL_HOB;
    if (bus->control & IDE_CONTROL_SRST) {
        return;
    }
    if (reg == REG_COMMAND) {
        exec_command(bus, value);
        return;
    }
    /* The command under way owns the registers. */
    if (d && d->status & (IDE_STATUS_BSY | IDE_STATUS_DRQ)) {
        return;
    }
    for (unsigned i = 0; i < IDE_NR_UNITS; i++) {
        write_task_file(&bus->tf[i], reg, value);
    }
    if (reg == REG_SELECT) {
        bus->unit = !!(value & IDE_SELECT_UNIT);
    }
}

/* Ports: a word or dword at the data port is data, elsewhere it is so many bytes. */
static uint64_t command_read(void *opaque, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (offset == REG_DATA) {
        return ide_read(opaque, REG_DATA, size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)ide_read(opaque, offset + i, 1) << (i * 8);
    }
    return value;
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset == REG_DATA) {
        ide_write(opaque, REG_DATA, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        ide_write(opaque, offset + i, value >> (i * 8) & 0xff, 1);
    }
}

const IoOps ide_command_io = { .read = command_read, .write = command_write, .max_size = 4 };

static uint64_t control_read(void *opaque, uint64_t offset, unsigned size)
{
    return ide_read_alt_status(opaque);
}

static void control_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ide_write_control(opaque, value);
}

const IoOps ide_control_io = { .read = control_read, .write = control_write, .max_size = 1 };

static const StateField task_file_state[] = {
    STATE_UINT(IdeTaskFile, feature),
    STATE_UINT(IdeTaskFile, count),
    STATE_UINT(IdeTaskFile, lba_low),
    STATE_UINT(IdeTaskFile, lba_mid),
    STATE_UINT(IdeTaskFile, lba_high),
    STATE_UINT(IdeTaskFile, select),
    STATE_UINT(IdeTaskFile, hob_feature),
    STATE_UINT(IdeTaskFile, hob_count),
    STATE_UINT(IdeTaskFile, hob_low),
    STATE_UINT(IdeTaskFile, hob_mid),
    STATE_UINT(IdeTaskFile, hob_high),
    { }
};

const StateField ide_bus_state[] = {
    STATE_STRUCT_ARRAY(IdeBus, tf, task_file_state),
    STATE_UINT_MAX(IdeBus, unit, IDE_NR_UNITS - 1),
    STATE_UINT(IdeBus, control),
    STATE_UINT(IdeBus, irq_pending),
    { }
};

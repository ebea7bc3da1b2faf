/* isa-fdc: the floppy disk controller: registers, phases, and all commands but transfers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/block/fdc-chip.h"
#include "hw/core/irq.h"
#include "util/log.h"

/* Intel 82078, 290468-004. Registers, chapter 2 */
enum {
    REG_SRA, REG_SRB, REG_DOR, REG_TDR, REG_MSR, REG_FIFO, REG_DIR = 7,

    DOR_SELECT = 0x03,
    DOR_MOTORS = 0xf0,
    MSR_RQM = 0x80,
    MSR_DIO = 0x40,                 /* to the host */
    MSR_NONDMA = 0x20,
    MSR_BUSY = 0x10,
    DSR_RESET = 0x80,
    DSR_RATE = 0x03,
    DIR_CHANGED = 0x80,
    SRA_IRQ = 0x80,
    SRA_NO_SECOND = 0x40,
    VERSION_ENHANCED = 0x90,
    PART_82078 = 0x41,
    CONFIG_IMPLIED_SEEK = 0x40,
    CONFIG_NO_FIFO = 0x20,
    POWER_ON_CONFIG = CONFIG_IMPLIED_SEEK | CONFIG_NO_FIFO,
};

/* Interrupts and phases */

void fdc_set_irq(Fdc *s, bool level)
{
    s->irq_raised = level;
    irq_set(s->irq, level);
}

FloppyDrive *fdc_drive(const Fdc *s, unsigned n)
{
    return n < FDC_NR_DRIVES ? s->bus->drives[n] : NULL;
}

void fdc_idle(Fdc *s)
{
    s->phase = FDC_COMMAND;
    s->cmd_pos = s->cmd_len = 0;
}

void fdc_result(Fdc *s, const uint8_t *bytes, unsigned len)
{
    memcpy(s->result, bytes, len);
    s->result_len = len;
    s->result_pos = 0;
    s->phase = FDC_RESULT;
}

/* Commands; their bytes are in cmd */

static FloppyDrive *commanded_drive(const Fdc *s)
{
    return fdc_drive(s, s->cmd[1] & DOR_SELECT);
}

static void cmd_invalid(Fdc *s)
{
    fdc_result(s, (const uint8_t[]){ ST0_INVALID }, 1);
}

static void cmd_specify(Fdc *s)
{
    s->specify[0] = s->cmd[1];
    s->specify[1] = s->cmd[2];
    fdc_idle(s);
}

static void cmd_sense_drive(Fdc *s)
{
    const FloppyDrive *d = commanded_drive(s);
    uint8_t st3 = 0x28 | (s->cmd[1] & 7);           /* ready, two sides; head and drive */

    if (d && d->track == 0) {
        st3 |= ST3_TRACK0;
    }
    if (d && blk_read_only(d->blk)) {
        st3 |= ST3_PROTECTED;
    }
    fdc_result(s, &st3, 1);
}

/* After a seek: SENSE INTERRUPT tells how it went. */
static void seek_done(Fdc *s, uint8_t st0)
{
    s->sense = st0 | (s->cmd[1] & 7);
    fdc_idle(s);
    fdc_set_irq(s, true);
}

static void cmd_recalibrate(Fdc *s)
{
    FloppyDrive *d = commanded_drive(s);

    s->cmd[1] &= DOR_SELECT;
    if (!d) {
        seek_done(s, ST0_ABNORMAL | ST0_SEEK | ST0_NO_TRACK0);
        return;
    }
    floppy_step(d, 0);
    seek_done(s, ST0_SEEK);
}

/* It sends step pulses: whether heads follow, or a medium is there, does not matter to it. */
static void cmd_seek(Fdc *s)
{
    FloppyDrive *d = commanded_drive(s);

    if (d) {
        floppy_step(d, s->cmd[2]);
    }
    seek_done(s, ST0_SEEK);
}

static void cmd_relative_seek(Fdc *s)
{
    FloppyDrive *d = commanded_drive(s);

    if (d) {
        unsigned by = s->cmd[2], last = d->format ? d->format->tracks - 1 : 0;

        floppy_step(d, s->cmd[0] & 0x40 ? MIN(d->track + by, last) : d->track - MIN(d->track, by));
    }
    seek_done(s, ST0_SEEK);
}

/* After a reset the four drives are polled: each is said to have changed, one after the other. */
static void cmd_sense_interrupt(Fdc *s)
{
    const FloppyDrive *d;
    uint8_t st0;

    if (s->reset_senses) {
        st0 = ST0_READY_CHANGED | (4 - s->reset_senses--);
    } else if (s->irq_raised) {
        st0 = s->sense;
    } else {
        cmd_invalid(s);
        return;
    }
    d = fdc_drive(s, st0 & DOR_SELECT);
    fdc_set_irq(s, false);
    fdc_result(s, (const uint8_t[]){ st0, d ? d->track : 0 }, 2);
}

static void cmd_read_id(Fdc *s)
{
    const FloppyDrive *d = commanded_drive(s);
    unsigned head = s->cmd[1] >> 2 & 1;

    /* Guests of other emulators are used to it that an empty drive answers for the last medium. */
    if (!d || !d->format || (s->dsr & DSR_RATE) != d->format->rate || head >= d->format->heads) {
        fdc_end_transfer(s, ST0_ABNORMAL, ST1_NO_ADDRESS, 0);
        return;
    }
    s->transfer = (FdcTransfer){ .cylinder = d->track, .head = head, .sector = 1, .size = 2,
                                 .last_head = head };
    fdc_end_transfer(s, 0, 0, 0);
}

static void cmd_dump_registers(Fdc *s)
{
    uint8_t bytes[10] = { 0 };

    for (unsigned i = 0; i < FDC_NR_DRIVES; i++) {
        bytes[i] = fdc_drive(s, i) ? fdc_drive(s, i)->track : 0;
    }
    memcpy(bytes + 4, s->specify, 2);
    bytes[6] = s->last_eot;
    bytes[7] = s->locked << 7 | s->perpendicular;
    bytes[8] = s->config;
    bytes[9] = s->precompensation;
    fdc_result(s, bytes, sizeof(bytes));
}

static void cmd_perpendicular(Fdc *s)
{
    /* OW: the drives' bits change too, else GAP and WGATE alone */
    s->perpendicular = s->cmd[1] & 0x80 ? s->cmd[1] & 0x3f
                                        : (s->perpendicular & 0x3c) | (s->cmd[1] & 3);
    fdc_idle(s);
}

static void cmd_configure(Fdc *s)
{
    s->config = s->cmd[2] & 0x7f;
    s->precompensation = s->cmd[3];
    fdc_idle(s);
}

static void cmd_lock(Fdc *s)
{
    s->locked = s->cmd[0] >> 7;
    fdc_result(s, (const uint8_t[]){ s->locked << 4 }, 1);
}

static void cmd_version(Fdc *s)
{
    fdc_result(s, (const uint8_t[]){ VERSION_ENHANCED }, 1);
}

static void cmd_part_id(Fdc *s)
{
    fdc_result(s, (const uint8_t[]){ PART_82078 }, 1);
}

static void cmd_powerdown_mode(Fdc *s)
{
    fdc_result(s, (const uint8_t[]){ s->cmd[1] }, 1);
}

static void cmd_transfer(Fdc *s)
{
    static const uint8_t kinds[0x20] = {
        [0x02] = FDC_READ_TRACK, [0x05] = FDC_WRITE, [0x06] = FDC_READ, [0x09] = FDC_WRITE,
        [0x0c] = FDC_READ_DELETED, [0x0d] = FDC_FORMAT, [0x16] = FDC_VERIFY,
    };

    fdc_set_irq(s, false);
    fdc_begin_transfer(s, kinds[s->cmd[0] & 0x1f]);
}

/* Chapter 5. bits in mask are the command, the others are options; len counts all bytes. */
static const struct {
    uint8_t mask, code, len;
    void (*fn)(Fdc *s);
} commands[] = {
    { 0x9f, 0x02, 9, cmd_transfer },            /* READ TRACK */
    { 0xff, 0x03, 3, cmd_specify },
    { 0xff, 0x04, 2, cmd_sense_drive },
    { 0x3f, 0x05, 9, cmd_transfer },            /* WRITE DATA */
    { 0x1f, 0x06, 9, cmd_transfer },            /* READ DATA */
    { 0xff, 0x07, 2, cmd_recalibrate },
    { 0xff, 0x08, 1, cmd_sense_interrupt },
    { 0x3f, 0x09, 9, cmd_transfer },            /* WRITE DELETED DATA: images hold no such mark */
    { 0xbf, 0x0a, 2, cmd_read_id },
    { 0x1f, 0x0c, 9, cmd_transfer },            /* READ DELETED DATA */
    { 0xbf, 0x0d, 6, cmd_transfer },            /* FORMAT TRACK */
    { 0xff, 0x0e, 1, cmd_dump_registers },
    { 0xff, 0x0f, 3, cmd_seek },
    { 0xff, 0x10, 1, cmd_version },
    { 0xff, 0x12, 2, cmd_perpendicular },
    { 0xff, 0x13, 4, cmd_configure },
    { 0x7f, 0x14, 1, cmd_lock },
    { 0x1f, 0x16, 9, cmd_transfer },            /* VERIFY */
    { 0xff, 0x17, 2, cmd_powerdown_mode },
    { 0xff, 0x18, 1, cmd_part_id },
    { 0xbf, 0x8f, 3, cmd_relative_seek },
};

static void command_byte(Fdc *s, uint8_t value)
{
    unsigned row = s->cmd_row;

    if (!s->cmd_pos) {
        row = 0;
        while (row < ARRAY_SIZE(commands) && (value & commands[row].mask) != commands[row].code) {
            row++;
        }
        if (row == ARRAY_SIZE(commands)) {
            guest_error("fdc: no command 0x%02x", value);
            cmd_invalid(s);
            return;
        }
        s->cmd_row = row;
        s->cmd_len = commands[row].len;
    }
    s->cmd[s->cmd_pos++] = value;
    if (s->cmd_pos >= commands[row].len) {
        TRACE(fdc_command, "0x%02x 0x%02x 0x%02x 0x%02x 0x%02x", s->cmd[0], s->cmd[1], s->cmd[2],
              s->cmd[3], s->cmd[4]);
        commands[row].fn(s);
    }
}

static uint8_t result_byte(Fdc *s)
{
    uint8_t value = s->result[s->result_pos++];

    if (s->result_pos == s->result_len) {
        if (s->result_len == FDC_TRANSFER_RESULT) {
            fdc_set_irq(s, false);
        }
        fdc_idle(s);
    }
    return value;
}

/* Resets */

static void abort_command(Fdc *s)
{
    s->generation++;                /* what is under way comes to nothing */
    s->sense = 0;
    s->reset_senses = 0;
    fdc_idle(s);
    fdc_set_irq(s, false);
    if (!s->locked) {
        s->config = POWER_ON_CONFIG;
        s->precompensation = 0;
    }
}

static void reset_begins(Fdc *s)
{
    abort_command(s);
    s->phase = FDC_IN_RESET;
}

static void reset_ends(Fdc *s)
{
    abort_command(s);
    s->reset_senses = 4;
    fdc_set_irq(s, true);
}

static void write_dor(Fdc *s, uint8_t value)
{
    uint8_t was = s->dor;

    s->dor = value;
    if (was & ~value & DOR_NOT_RESET) {
        reset_begins(s);
    } else if (~was & value & DOR_NOT_RESET) {
        reset_ends(s);
    }
}

static void write_dsr(Fdc *s, uint8_t value)
{
    s->dsr = value & ~DSR_RESET;
    if (value & DSR_RESET && s->dor & DOR_NOT_RESET) {
        reset_ends(s);
    }
}

/* Registers */

static uint8_t main_status(const Fdc *s)
{
    switch (s->phase) {
    case FDC_COMMAND:
        return MSR_RQM | (s->cmd_pos ? MSR_BUSY : 0);
    case FDC_EXECUTION:
        return MSR_BUSY;
    case FDC_DATA_IN:
        return MSR_RQM | MSR_DIO | MSR_NONDMA | MSR_BUSY;
    case FDC_DATA_OUT:
        return MSR_RQM | MSR_NONDMA | MSR_BUSY;
    case FDC_RESULT:
        return MSR_RQM | MSR_DIO | MSR_BUSY;
    default:
        return 0;
    }
}

static uint8_t read_fifo(Fdc *s)
{
    switch (s->phase) {
    case FDC_DATA_IN:
        return fdc_read_data(s);
    case FDC_RESULT:
        return result_byte(s);
    default:
        return 0;
    }
}

static void write_fifo(Fdc *s, uint8_t value)
{
    switch (s->phase) {
    case FDC_COMMAND:
        command_byte(s, value);
        break;
    case FDC_DATA_OUT:
        fdc_write_data(s, value);
        break;
    default:
        guest_error("fdc: 0x%02x written when nothing is wanted", value);
        break;
    }
}

static uint64_t fdc_read(void *opaque, uint64_t offset, unsigned size)
{
    Fdc *s = opaque;
    const FloppyDrive *d = fdc_drive(s, s->dor & DOR_SELECT);

    switch (offset) {
    case REG_SRA:
        return (s->irq_raised ? SRA_IRQ : 0) | (fdc_drive(s, 1) ? 0 : SRA_NO_SECOND);
    case REG_SRB:
        return 0xc0 | (s->dor & 1) << 5 | (s->dor & DOR_MOTORS) >> 4;
    case REG_DOR:
        return s->dor;
    case REG_TDR:
        return s->tdr;
    case REG_MSR:
        return main_status(s);
    case REG_FIFO:
        return read_fifo(s);
    case REG_DIR:
        return d && (d->changed || !blk_has_medium(d->blk)) ? DIR_CHANGED : 0;
    default:
        return 0xff;
    }
}

static void fdc_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Fdc *s = opaque;

    TRACE(fdc_write, "reg %u: 0x%02x", (unsigned)offset, (unsigned)value);
    switch (offset) {
    case REG_DOR:
        write_dor(s, value);
        break;
    case REG_TDR:
        s->tdr = value & 3;
        break;
    case REG_MSR:
        write_dsr(s, value);
        break;
    case REG_FIFO:
        write_fifo(s, value);
        break;
    case REG_DIR:                   /* CCR */
        s->dsr = (s->dsr & ~DSR_RATE) | (value & DSR_RATE);
        break;
    default:
        break;
    }
}

static const IoOps fdc_io = { .read = fdc_read, .write = fdc_write, .max_size = 1 };

static uint64_t fdc_read_dir(void *opaque, uint64_t offset, unsigned size)
{
    return fdc_read(opaque, REG_DIR, size);
}

static void fdc_write_ccr(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    fdc_write(opaque, REG_DIR, value, size);
}

static const IoOps fdc_dir_io = { .read = fdc_read_dir, .write = fdc_write_ccr, .max_size = 1 };

/* The device */

static bool fdc_realize(Device *dev, Error **errp)
{
    Fdc *s = DEVICE_OF(dev, Fdc);
    g_autofree char *name = dev->id ? g_strdup_printf("%s.0", dev->id) : NULL;

    if (s->dma > 3) {
        error_set(errp, "dma=%u: floppy disk controllers have a channel from 0 to 3", s->dma);
        return false;
    }
    s->irq = isa_irq(&s->isa, s->irq_number, errp);
    /* The port between the two ranges belongs to the IDE controller. */
    if (!s->irq || !isa_map_ports(&s->isa, s->iobase, REG_FIFO + 1, &fdc_io, s, errp) ||
        !isa_map_ports(&s->isa, s->iobase + REG_DIR, 1, &fdc_dir_io, s, errp)) {
        return false;
    }
    s->bus = OBJECT_OF(bus_new(BUS_FLOPPY, sizeof(FloppyBus), dev, name ? name : "floppy-bus.0"),
                       FloppyBus);
    s->bus->fallback = s->fallback;
    s->bus->iobase = s->iobase;
    for (unsigned i = 0; i < FDC_NR_DRIVES; i++) {
        s->bus->types[i] = s->types[i];
        s->bus->bootindex[i] = s->bootindex[i];
    }
    return true;
}

static void fdc_unrealize(Device *dev)
{
    Fdc *s = DEVICE_OF(dev, Fdc);

    s->generation++;
    irq_lower(s->irq);
    bus_free(&s->bus->bus);
}

static void fdc_reset(Device *dev)
{
    Fdc *s = DEVICE_OF(dev, Fdc);

    s->locked = false;
    abort_command(s);
    s->dor = DOR_NOT_RESET | DOR_DMA;       /* as firmware expects it: ready, with no interrupt */
    s->dsr = s->tdr = 0;
    s->specify[0] = s->specify[1] = s->last_eot = s->perpendicular = 0;
}

static const Prop fdc_props[] = {
    PROP_U32(Fdc, iobase, 0x3f0, "first of eight ports"),
    PROP_U32_AS("irq", Fdc, irq_number, 6, "interrupt"),
    PROP_U32(Fdc, dma, 2, "DMA channel"),
    PROP_ENUM_AS("fdtypeA", Fdc, types[0], FLOPPY_AUTO, floppy_type_names, "type of drive A"),
    PROP_ENUM_AS("fdtypeB", Fdc, types[1], FLOPPY_AUTO, floppy_type_names, "type of drive B"),
    PROP_ENUM_AS("fallback", Fdc, fallback, FLOPPY_288, floppy_type_names,
                 "type of drives that are empty at the start and do not say theirs"),
    PROP_I32_AS("bootindexA", Fdc, bootindex[0], -1, "drive A's place in the boot order"),
    PROP_I32_AS("bootindexB", Fdc, bootindex[1], -1, "drive B's"),
    { }
};

static const StateField fdc_state[] = {
    STATE_UINT(Fdc, dor),
    STATE_UINT(Fdc, tdr),
    STATE_UINT(Fdc, dsr),
    STATE_UINT(Fdc, config),
    STATE_UINT(Fdc, precompensation),
    STATE_UINT(Fdc, perpendicular),
    STATE_UINT(Fdc, last_eot),
    STATE_UINT(Fdc, locked),
    STATE_UINT(Fdc, irq_raised),
    STATE_UINT(Fdc, sense),
    STATE_UINT_MAX(Fdc, reset_senses, 4),
    STATE_BYTES(Fdc, specify),
    STATE_UINT_MAX(Fdc, phase, FDC_RESULT),
    STATE_BYTES(Fdc, cmd),
    STATE_UINT_MAX(Fdc, cmd_row, ARRAY_SIZE(commands) - 1),
    STATE_UINT_MAX(Fdc, cmd_pos, FDC_MAX_COMMAND - 1),
    STATE_UINT_MAX(Fdc, cmd_len, FDC_MAX_COMMAND),
    STATE_BYTES(Fdc, result),
    STATE_UINT_MAX(Fdc, result_pos, FDC_MAX_RESULT - 1),
    STATE_UINT_MAX(Fdc, result_len, FDC_MAX_RESULT),
    STATE_STRUCT(Fdc, transfer, fdc_transfer_state),
    { }
};

static const DeviceType fdc_type = {
    .name = "isa-fdc", .desc = "virtual floppy controller", .bus = BUS_ISA,
    .category = CATEGORY_STORAGE, .size = sizeof(Fdc), .props = fdc_props, .state = fdc_state,
    .realize = fdc_realize, .unrealize = fdc_unrealize, .reset = fdc_reset,
};
REGISTER_DEVICE(fdc_type)

Device *fdc_create(IsaBus *bus)
{
    return device_create("isa-fdc", &bus->bus, NULL, NULL);
}

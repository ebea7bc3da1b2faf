/* The floppy disk controller's state, which its registers and its transfers share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_BLOCK_FDC_CHIP_H
#define HW_BLOCK_FDC_CHIP_H

#include "hw/block/fdc-int.h"

enum {
    FDC_MAX_COMMAND = 9,
    FDC_MAX_RESULT = 10,
    FDC_TRANSFER_RESULT = 7,    /* bytes; the last one read ends the interrupt too */

    DOR_NOT_RESET = 0x04,
    DOR_DMA = 0x08,

    /* Status registers 0 to 3, chapter 6 */
    ST0_SEEK = 0x20,
    ST0_ABNORMAL = 0x40,
    ST0_NO_TRACK0 = 0x10,
    ST0_INVALID = 0x80,
    ST0_READY_CHANGED = 0xc0,
    ST1_NO_ADDRESS = 0x01,
    ST1_PROTECTED = 0x02,
    ST1_NO_DATA = 0x04,
    ST1_OVERRUN = 0x10,
    ST1_DATA_ERROR = 0x20,
    ST1_END = 0x80,
    ST2_DATA_ERROR = 0x20,
    ST2_WRONG_CYLINDER = 0x10,
    ST2_CONTROL_MARK = 0x40,
    ST3_TRACK0 = 0x10,
    ST3_PROTECTED = 0x40,
};

/* COMMAND to RESULT as the chip goes through them; DATA: without DMA, byte by byte */
enum { FDC_IN_RESET, FDC_COMMAND, FDC_EXECUTION, FDC_DATA_IN, FDC_DATA_OUT, FDC_RESULT };

enum { FDC_READ, FDC_READ_DELETED, FDC_READ_TRACK, FDC_WRITE, FDC_FORMAT, FDC_VERIFY };

/* A command that moves data, a sector after the other. */
typedef struct FdcTransfer {
    uint8_t kind;               /* FDC_READ ... */
    uint8_t drive;
    bool multi, pio, tc;
    bool stepped;               /* went to another cylinder by itself */
    uint8_t st2;
    uint8_t cylinder, head, sector, size;   /* of the sector at hand; as results show it */
    uint8_t last_head;          /* of the last one that was moved */
    uint8_t end;                /* EOT: the last sector of a track */
    uint16_t left;              /* sectors */
    uint16_t pos, len;          /* in data */
    uint8_t data[FLOPPY_SECTOR];
} FdcTransfer;

typedef struct Fdc {
    IsaDevice isa;
    uint32_t iobase, irq_number, dma;
    int fallback, types[FDC_NR_DRIVES];
    int32_t bootindex[FDC_NR_DRIVES];
    IrqLine *irq;
    FloppyBus *bus;
    uint8_t dor, tdr, dsr, config, precompensation, perpendicular, last_eot;
    uint8_t specify[2];
    bool locked;
    bool irq_raised;
    uint8_t sense;              /* ST0 of the last seek, for SENSE INTERRUPT */
    uint8_t reset_senses;       /* how many of these answer for the reset */
    uint8_t phase;
    uint8_t cmd[FDC_MAX_COMMAND], cmd_row, cmd_pos, cmd_len;
    uint8_t result[FDC_MAX_RESULT], result_pos, result_len;
    FdcTransfer transfer;
    uint32_t generation;        /* bumped by resets: completions of an older one are dropped */
    unsigned in_flight;
} Fdc;

/* fdc.c */
void fdc_set_irq(Fdc *s, bool level);
FloppyDrive *fdc_drive(const Fdc *s, unsigned n);
void fdc_idle(Fdc *s);
void fdc_result(Fdc *s, const uint8_t *bytes, unsigned len);

/* fdc-transfer.c */
void fdc_begin_transfer(Fdc *s, unsigned kind);
/* Its seven result bytes, and the interrupt that says so. */
void fdc_end_transfer(Fdc *s, uint8_t st0, uint8_t st1, uint8_t st2);
uint8_t fdc_read_data(Fdc *s);
void fdc_write_data(Fdc *s, uint8_t value);
extern const StateField fdc_transfer_state[];

#endif

/* ATAPI, what the transport (atapi.c) and the commands (atapi-cmds.c) share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_IDE_ATAPI_INT_H
#define HW_IDE_ATAPI_INT_H

#include "hw/ide/ide-int.h"

/* Sense keys and additional sense codes, SPC-3 */
enum {
    SENSE_NOT_READY = 2,
    SENSE_MEDIUM_ERROR = 3,
    SENSE_ILLEGAL_REQUEST = 5,
    SENSE_UNIT_ATTENTION = 6,

    ASC_READ_ERROR = 0x11,
    ASC_INVALID_OPCODE = 0x20,
    ASC_LBA_RANGE = 0x21,
    ASC_INVALID_FIELD = 0x24,
    ASC_MEDIUM_CHANGED = 0x28,
    ASC_SAVING_UNSUPPORTED = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_REMOVAL_PREVENTED = 0x53,
    ASC_WRONG_TRACK_MODE = 0x64,
};

/* The command is over, well or with CHECK CONDITION. */
void atapi_ok(IdeDrive *d);
void atapi_check(IdeDrive *d, uint8_t sense, uint8_t asc, uint8_t ascq);
/* Send the first size bytes of buf, as far as the host allocated room. */
void atapi_reply(IdeDrive *d, uint32_t size, uint32_t allocated);
void atapi_read_disc(IdeDrive *d, uint32_t lba, uint32_t blocks, bool raw);

/* atapi-cmds.c: do what d->cd.packet says. */
void atapi_exec_packet(IdeDrive *d);

#endif

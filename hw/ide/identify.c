/* What drives say of themselves: IDENTIFY (PACKET) DEVICE data, SMART data */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/ide-int.h"

enum {
    SMART_READ_DATA = 0xd0,
    SMART_READ_THRESHOLDS = 0xd1,
    SMART_ATTRIBUTE_AUTOSAVE = 0xd2,
    SMART_EXECUTE_OFFLINE = 0xd4,
    SMART_READ_LOG = 0xd5,
    SMART_ENABLE = 0xd8,
    SMART_DISABLE = 0xd9,
    SMART_STATUS = 0xda,
    SMART_KEY_MID = 0x4f,
    SMART_KEY_HIGH = 0xc2,
};

static void put(uint8_t *data, unsigned word, uint16_t value)
{
    st16_le(data + word * 2, value);
}

/* ATA strings: padded with spaces, the bytes of each word swapped. */
static void put_string(uint8_t *data, unsigned word, const char *text, unsigned words)
{
    unsigned len = strlen(text);

    for (unsigned i = 0; i < words * 2; i++) {
        data[word * 2 + (i ^ 1)] = i < len ? text[i] : ' ';
    }
}

void ide_put_text(uint8_t *at, const char *text, unsigned len)
{
    unsigned n = strlen(text);

    for (unsigned i = 0; i < len; i++) {
        at[i] = i < n ? text[i] : ' ';
    }
}

/* ACS-2, 7.12: word 255 makes all bytes sum up to 0. */
static void put_checksum(uint8_t data[IDE_SECTOR])
{
    uint8_t sum = 0;

    data[510] = 0xa5;
    for (unsigned i = 0; i < 511; i++) {
        sum += data[i];
    }
    data[511] = -sum;
}

static void put_geometry(const IdeDrive *d, uint8_t *data)
{
    const Geometry *g = &d->geometry;
    uint32_t current = MIN(g->cylinders * g->heads * g->sectors, 0x0fffffff);
    uint32_t lba28 = MIN(d->nr_sectors, 0x0fffffff);

    put(data, 1, g->cylinders);
    put(data, 3, g->heads);
    put(data, 4, IDE_SECTOR * g->sectors);      /* retired: bytes a track, a sector */
    put(data, 5, IDE_SECTOR);
    put(data, 6, g->sectors);
    put(data, 53, 7);                           /* words 54-58, 64-70 and 88 are valid */
    put(data, 54, g->cylinders);
    put(data, 55, d->chs_heads);
    put(data, 56, d->chs_sectors);
    put(data, 57, current);
    put(data, 58, current >> 16);
    put(data, 60, lba28);
    put(data, 61, lba28 >> 16);
    st64_le(data + 100 * 2, d->nr_sectors);
}

static void put_features(const IdeDrive *d, uint8_t *data)
{
    uint16_t wwn = d->wwn ? 1 << 8 : 0;

    put(data, 80, 0xf0);                        /* ATA/ATAPI-4 to -7 */
    put(data, 81, 0x16);                        /* T13 1321D: ATA/ATAPI-5 */
    put(data, 82, 1 << 14 | 1 << 5 | 1);        /* NOP, write cache, SMART */
    put(data, 83, 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10);   /* FLUSH (EXT), LBA48 */
    put(data, 84, 1 << 14 | 1 << 6 | wwn);      /* FUA writes */
    put(data, 85, 1 << 14 | (blk_write_cache(d->blk) ? 1 << 5 : 0) | d->smart_enabled);
    put(data, 86, 1 << 13 | 1 << 12 | 1 << 10);
    put(data, 87, 1 << 14 | 1 << 6 | wwn);
    if (d->wwn) {
        for (unsigned i = 0; i < 4; i++) {
            put(data, 108 + i, d->wwn >> (48 - i * 16));
        }
    }
}

void ide_identify_disk(const IdeDrive *d, uint8_t data[IDE_SECTOR])
{
    unsigned exponent = 0;

    memset(data, 0, IDE_SECTOR);
    put(data, 0, 0x0040);                       /* fixed disk */
    put_geometry(d, data);
    put_string(data, 10, d->serial, 10);
    put(data, 20, 3);                           /* retired: buffer type and size */
    put(data, 21, 512);
    put(data, 22, 4);
    put_string(data, 23, d->version, 4);
    put_string(data, 27, d->model, 20);
    put(data, 47, 0x8000 | IDE_MAX_MULTIPLE);
    put(data, 48, 1);                           /* dword I/O */
    put(data, 49, 1 << 11 | 1 << 9 | 1 << 8);   /* IORDY, LBA, DMA */
    put(data, 51, 0x200);                       /* PIO mode 2 timing */
    put(data, 52, 0x200);
    if (d->multiple) {
        put(data, 59, 0x100 | d->multiple);
    }
    put(data, 62, 0x07);
    put(data, 63, 0x07 | d->mdma_mode << 8);
    put(data, 64, 0x03);                        /* PIO 3 and 4 */
    for (unsigned word = 65; word <= 68; word++) {
        put(data, word, 120);                   /* cycle times in ns */
    }
    put_features(d, data);
    put(data, 88, 0x3f | d->udma_mode << 8);
    put(data, 93, 1 | 1 << 14 | 0x2000);        /* 80-conductor cable, device 0 passed */
    while (IDE_SECTOR << exponent < d->physical_block_size && exponent < 15) {
        exponent++;
    }
    put(data, 106, 0x6000 | exponent);
    put(data, 217, d->rotation_rate);
    if (d->discard_granularity) {
        put(data, 69, 1 << 14);                 /* trimmed ranges read back alike */
        put(data, 105, 1);                      /* blocks of ranges a TRIM takes */
        put(data, 169, 1);
    }
    put_checksum(data);
}

void ide_identify_packet(const IdeDrive *d, uint8_t data[IDE_SECTOR])
{
    memset(data, 0, IDE_SECTOR);
    put(data, 0, 2 << 14 | 5 << 8 | 1 << 7 | 2 << 5);   /* CD-ROM, removable, 50 us DRQ, 12 bytes */
    put_string(data, 10, d->serial, 10);
    put(data, 20, 3);
    put(data, 21, 512);
    put(data, 22, 4);
    put_string(data, 23, d->version, 4);
    put_string(data, 27, d->model, 20);
    put(data, 48, 1);
    put(data, 49, 1 << 11 | 1 << 9 | 1 << 8);
    put(data, 53, 7);
    put(data, 62, 0x07);
    put(data, 63, 0x07 | d->mdma_mode << 8);
    put(data, 64, 0x03);
    put(data, 65, 0xb4);
    put(data, 66, 0xb4);
    put(data, 67, 0x12c);
    put(data, 68, 0xb4);
    put(data, 71, 30);                          /* ns for release and service */
    put(data, 72, 30);
    put(data, 80, 0x1e);                        /* ATA-1 to ATA/ATAPI-4 */
    put(data, 82, 1 << 14 | 1 << 9 | 1 << 4);   /* NOP, DEVICE RESET, PACKET */
    put(data, 83, 1 << 14);
    put(data, 84, 1 << 14 | (d->wwn ? 1 << 8 : 0));
    put(data, 85, 1 << 14 | 1 << 9 | 1 << 4);
    put(data, 87, 1 << 14 | (d->wwn ? 1 << 8 : 0));
    put(data, 88, 0x3f | d->udma_mode << 8);
    if (d->wwn) {
        for (unsigned i = 0; i < 4; i++) {
            put(data, 108 + i, d->wwn >> (48 - i * 16));
        }
    }
    put_checksum(data);
}

/* SMART: a disk that is in good health and of which nothing is worn. */

typedef struct SmartAttribute {
    uint8_t id, flags, value, worst, raw, threshold;
} SmartAttribute;

static const SmartAttribute smart_attributes[] = {
    { 1, 0x03, 100, 100, 0, 6 },        /* raw read error rate */
    { 3, 0x03, 100, 100, 16, 0 },       /* spin-up time */
    { 4, 0x02, 100, 100, 100, 20 },     /* start-stop count */
    { 5, 0x03, 100, 100, 0, 36 },       /* reallocated sectors */
    { 9, 0x03, 100, 100, 1, 0 },        /* power-on hours */
    { 12, 0x03, 100, 100, 0, 0 },       /* power cycles */
    { 190, 0x03, 69, 69, 31, 50 },      /* temperature */
};

static void sum_last_byte(uint8_t data[IDE_SECTOR])
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 511; i++) {
        sum += data[i];
    }
    data[511] = -sum;
}

static void smart_data(const IdeDrive *d, uint8_t *data)
{
    memset(data, 0, IDE_SECTOR);
    data[0] = 1;                        /* structure revision */
    for (unsigned i = 0; i < ARRAY_SIZE(smart_attributes); i++) {
        const SmartAttribute *a = &smart_attributes[i];
        uint8_t *at = data + 2 + i * 12;

        at[0] = a->id;
        at[1] = a->flags;
        at[3] = a->value;
        at[4] = a->worst;
        at[5] = a->raw;
    }
    data[362] = 0x02 | (d->smart_autosave ? 0x80 : 0);  /* off-line collection completed */
    data[363] = d->smart_selftest_status;
    data[364] = 0x20;                   /* seconds of the off-line collection */
    data[367] = 0x1b;                   /* execute off-line immediate, self-test */
    data[368] = 3;                      /* saves before power saving; autosave */
    data[370] = 1;                      /* error logging */
    data[372] = 1;                      /* minutes: short and long self-test */
    data[373] = 1;
    sum_last_byte(data);
}

static void smart_thresholds(uint8_t *data)
{
    memset(data, 0, IDE_SECTOR);
    data[0] = 1;
    for (unsigned i = 0; i < ARRAY_SIZE(smart_attributes); i++) {
        data[2 + i * 12] = smart_attributes[i].id;
        data[3 + i * 12] = smart_attributes[i].threshold;
    }
    sum_last_byte(data);
}

/* The logs: a directory, and error and self-test logs without entries. */
static bool smart_log(uint8_t log, uint8_t *data)
{
    memset(data, 0, IDE_SECTOR);
    switch (log) {
    case 0x00:
        data[0] = 1;
        data[2] = 1;                    /* sectors of log 1 */
        data[12] = 1;                   /* and 6 */
        return true;
    case 0x01:
    case 0x06:
        data[0] = 1;
        sum_last_byte(data);
        return true;
    default:
        return false;
    }
}

bool ide_smart_command(IdeDrive *d)
{
    IdeTaskFile *tf = ide_tf(d);

    if (tf->lba_mid != SMART_KEY_MID || tf->lba_high != SMART_KEY_HIGH ||
        (!d->smart_enabled && tf->feature != SMART_ENABLE)) {
        return false;
    }
    switch (tf->feature) {
    case SMART_READ_DATA:
        smart_data(d, d->buf);
        d->buf_end = IDE_SECTOR;
        return true;
    case SMART_READ_THRESHOLDS:
        smart_thresholds(d->buf);
        d->buf_end = IDE_SECTOR;
        return true;
    case SMART_READ_LOG:
        d->buf_end = IDE_SECTOR;
        return smart_log(tf->lba_low, d->buf);
    case SMART_ATTRIBUTE_AUTOSAVE:
        d->smart_autosave = tf->count != 0;
        return tf->count == 0 || tf->count == 0xf1;
    case SMART_EXECUTE_OFFLINE:
        d->smart_selftest_status = 0;   /* at once, and without error */
        return tf->lba_low <= 2;
    case SMART_ENABLE:
        d->smart_enabled = true;
        return true;
    case SMART_DISABLE:
        d->smart_enabled = false;
        return true;
    case SMART_STATUS:
        return true;                    /* the key unchanged: no threshold exceeded */
    default:
        return false;
    }
}

/* Packet commands of CD drives, by MMC-5 and SPC-3 */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/ide/atapi-int.h"

enum {
    PROFILE_CD_ROM = 0x0008,
    PROFILE_DVD_ROM = 0x0010,
    CD_MAX_BLOCKS = 80 * 60 * 75,       /* of an 80 minutes' disc */
    LEAD_OUT = 0xaa,
};

static uint32_t nr_blocks(const IdeDrive *d)
{
    return MIN(d->nr_sectors / (CD_SECTOR / IDE_SECTOR), UINT32_MAX);
}

static bool has_disc(const IdeDrive *d)
{
    return blk_has_medium(d->blk) && !d->cd.tray_open;
}

static void invalid_field(IdeDrive *d)
{
    atapi_check(d, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD, 0);
}

static void put_msf(uint8_t *at, uint32_t lba)
{
    uint32_t frame = lba + 150;

    at[0] = frame / 75 / 60;
    at[1] = frame / 75 % 60;
    at[2] = frame % 75;
}

static void put_address(uint8_t *at, uint32_t lba, bool msf)
{
    if (msf) {
        at[0] = 0;
        put_msf(at + 1, lba);
    } else {
        st32_be(at, lba);
    }
}

static void cmd_test_unit_ready(IdeDrive *d, const uint8_t *p)
{
    atapi_ok(d);
}

static void cmd_request_sense(IdeDrive *d, const uint8_t *p)
{
    uint8_t *b = d->buf;

    memset(b, 0, 18);
    b[0] = 0x70;
    b[2] = d->cd.sense;
    b[7] = 10;
    b[12] = d->cd.asc;
    b[13] = d->cd.ascq;
    d->cd.sense = d->cd.asc = d->cd.ascq = 0;
    atapi_reply(d, 18, p[4]);
}

static void cmd_inquiry(IdeDrive *d, const uint8_t *p)
{
    uint8_t *b = d->buf;

    if (p[1] & 1 || p[2]) {             /* no vital product data */
        invalid_field(d);
        return;
    }
    memset(b, 0, 36);
    b[0] = 0x05;                        /* CD-ROM */
    b[1] = 0x80;                        /* removable */
    b[3] = 0x21;                        /* ATAPI 2, response format 1 */
    b[4] = 36 - 5;
    ide_put_text(b + 8, "QEMU", 8);
    ide_put_text(b + 16, d->model, 16);
    ide_put_text(b + 32, d->version, 4);
    atapi_reply(d, 36, p[3] << 8 | p[4]);
}

static void cmd_start_stop(IdeDrive *d, const uint8_t *p)
{
    bool load_eject = p[4] & 2, start = p[4] & 1;

    if (p[4] & 0xf0) {                  /* power conditions: nothing to do */
        atapi_ok(d);
        return;
    }
    if (load_eject) {
        if (!start && d->cd.tray_locked) {
            atapi_check(d, SENSE_ILLEGAL_REQUEST, ASC_REMOVAL_PREVENTED, 2);
            return;
        }
        if (d->cd.tray_open && start && blk_has_medium(d->blk)) {
            d->cd.changed = d->cd.new_medium = true;
        }
        if (d->cd.tray_open == start) {
            d->cd.tray_open = !start;
            blk_tray_moved(d->blk, !start);
        }
    }
    atapi_ok(d);
}

static void cmd_prevent(IdeDrive *d, const uint8_t *p)
{
    d->cd.tray_locked = p[4] & 1;
    atapi_ok(d);
}

static void cmd_read_capacity(IdeDrive *d, const uint8_t *p)
{
    st32_be(d->buf, nr_blocks(d) - 1);
    st32_be(d->buf + 4, CD_SECTOR);
    atapi_reply(d, 8, 8);
}

static void cmd_read_10(IdeDrive *d, const uint8_t *p)
{
    atapi_read_disc(d, ld32_be(p + 2), ld16_be(p + 7), false);
}

static void cmd_read_12(IdeDrive *d, const uint8_t *p)
{
    atapi_read_disc(d, ld32_be(p + 2), ld32_be(p + 6), false);
}

static void cmd_read_cd(IdeDrive *d, const uint8_t *p)
{
    uint32_t blocks = p[6] << 16 | p[7] << 8 | p[8];
    uint8_t sector_type = p[1] >> 2 & 7;

    if (sector_type != 0 && sector_type != 2) {     /* any, or mode 1 */
        atapi_check(d, SENSE_ILLEGAL_REQUEST, ASC_WRONG_TRACK_MODE, 0);
        return;
    }
    switch (p[9] & 0xf8) {
    case 0x00:
        atapi_ok(d);
        break;
    case 0x10:                          /* user data */
        atapi_read_disc(d, ld32_be(p + 2), blocks, false);
        break;
    case 0xf8:                          /* all of a sector */
        atapi_read_disc(d, ld32_be(p + 2), blocks, true);
        break;
    default:
        invalid_field(d);
        break;
    }
}

static void cmd_seek(IdeDrive *d, const uint8_t *p)
{
    if (ld32_be(p + 2) >= nr_blocks(d)) {
        atapi_check(d, SENSE_ILLEGAL_REQUEST, ASC_LBA_RANGE, 0);
    } else {
        atapi_ok(d);
    }
}

/* One session with one data track. */

static unsigned toc_tracks(IdeDrive *d, uint8_t first, bool msf)
{
    uint8_t *b = d->buf, *at = b + 4;

    if (first > 1 && first != LEAD_OUT) {
        return 0;
    }
    memset(b, 0, 20);
    b[2] = b[3] = 1;
    if (first <= 1) {
        at[1] = 0x14;                   /* data track */
        at[2] = 1;
        put_address(at + 4, 0, msf);
        at += 8;
    }
    at[1] = 0x14;
    at[2] = LEAD_OUT;
    put_address(at + 4, nr_blocks(d), msf);
    at += 8;
    st16_be(b, at - b - 2);
    return at - b;
}

static unsigned toc_sessions(IdeDrive *d, bool msf)
{
    uint8_t *b = d->buf;

    memset(b, 0, 12);
    b[1] = 10;
    b[2] = b[3] = 1;
    b[5] = 0x14;
    b[6] = 1;
    put_address(b + 8, 0, msf);
    return 12;
}

static unsigned toc_raw(IdeDrive *d)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
    uint8_t *b = d->buf, *at = b + 4;

    memset(b, 0, 4 + sizeof(points) * 11);
    b[2] = b[3] = 1;
    for (unsigned i = 0; i < sizeof(points); i++, at += 11) {
        at[0] = 1;                      /* session */
        at[1] = 0x14;
        at[3] = points[i];
        if (points[i] == 0xa2) {
            put_msf(at + 8, nr_blocks(d));
        } else if (points[i] == 1) {
            put_msf(at + 8, 0);
        } else {
            at[8] = 1;                  /* first and last track */
        }
    }
    st16_be(b, at - b - 2);
    return at - b;
}

static void cmd_read_toc(IdeDrive *d, const uint8_t *p)
{
    unsigned format = p[2] & 0x0f, len;

    if (!format) {
        format = p[9] >> 6;             /* where SFF-8020i had it */
    }
    switch (format) {
    case 0:
        len = toc_tracks(d, p[6], p[1] & 2);
        break;
    case 1:
        len = toc_sessions(d, p[1] & 2);
        break;
    case 2:
        len = toc_raw(d);
        break;
    default:
        len = 0;
        break;
    }
    if (len) {
        atapi_reply(d, len, ld16_be(p + 7));
    } else {
        invalid_field(d);
    }
}

static uint16_t current_profile(const IdeDrive *d)
{
    return !has_disc(d) ? 0 : nr_blocks(d) > CD_MAX_BLOCKS ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

static void cmd_get_configuration(IdeDrive *d, const uint8_t *p)
{
    uint8_t *b = d->buf, *at = b + 8;
    unsigned wanted = p[1] & 3, start = ld16_be(p + 2);
    static const struct { uint16_t number; uint8_t size, flags; } features[] = {
        { 0, 12, 0x03 },                /* profile list */
        { 1, 12, 0x0b },                /* core */
        { 3, 8, 0x03 },                 /* removable medium */
    };

    if (wanted == 3) {
        invalid_field(d);
        return;
    }
    memset(b, 0, 64);
    st16_be(b + 6, current_profile(d));
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        if (wanted == 2 ? features[i].number != start : features[i].number < start) {
            continue;
        }
        st16_be(at, features[i].number);
        at[2] = features[i].flags;
        at[3] = features[i].size - 4;
        if (features[i].number == 0) {
            st16_be(at + 4, PROFILE_DVD_ROM);
            at[6] = current_profile(d) == PROFILE_DVD_ROM;
            st16_be(at + 8, PROFILE_CD_ROM);
            at[10] = current_profile(d) == PROFILE_CD_ROM;
        } else if (features[i].number == 1) {
            st32_be(at + 4, 2);         /* ATAPI */
            at[8] = 1;                  /* GET EVENT STATUS NOTIFICATION */
        } else {
            at[4] = 0x29;               /* tray, ejects, locks */
        }
        at += features[i].size;
    }
    st32_be(b, at - b - 4);
    atapi_reply(d, at - b, ld16_be(p + 7));
}

static void cmd_get_event_status(IdeDrive *d, const uint8_t *p)
{
    uint8_t *b = d->buf;

    if (!(p[1] & 1)) {                  /* only polled */
        invalid_field(d);
        return;
    }
    memset(b, 0, 8);
    b[3] = 1 << 4;                      /* classes there are: media */
    if (!(p[4] & (1 << 4))) {
        b[1] = 2;
        b[2] = 0x80;                    /* none of those asked for */
        atapi_reply(d, 4, ld16_be(p + 7));
        return;
    }
    b[1] = 6;
    b[2] = 4;
    if (d->cd.eject_wanted) {
        b[4] = 1;
        d->cd.eject_wanted = false;
    } else if (d->cd.new_medium) {
        b[4] = 2;
        d->cd.new_medium = false;
    }
    b[5] = d->cd.tray_open | has_disc(d) << 1;
    atapi_reply(d, 8, ld16_be(p + 7));
}

static void cmd_read_disc_info(IdeDrive *d, const uint8_t *p)
{
    uint8_t *b = d->buf;

    if (p[1] & 7) {
        invalid_field(d);
        return;
    }
    memset(b, 0, 34);
    b[1] = 32;
    b[2] = 0x0e;                        /* complete disc, complete session */
    b[3] = b[4] = b[5] = b[6] = 1;      /* first track, sessions, tracks of the last one */
    b[7] = 0x20;                        /* unrestricted use */
    atapi_reply(d, 34, ld16_be(p + 7));
}

static unsigned mode_recovery(const IdeDrive *d, uint8_t *at)
{
    memset(at, 0, 8);
    at[0] = 0x01;
    at[1] = 6;
    at[3] = 5;                          /* retries */
    return 8;
}

static unsigned mode_audio(const IdeDrive *d, uint8_t *at)
{
    memset(at, 0, 16);
    at[0] = 0x0e;
    at[1] = 14;
    at[2] = 4;                          /* immediate */
    return 16;
}

static unsigned mode_capabilities(const IdeDrive *d, uint8_t *at)
{
    memset(at, 0, 20);
    at[0] = 0x2a;
    at[1] = 18;
    at[2] = 0x3b;                       /* reads CD-R, CD-RW, DVD-ROM, DVD-R, DVD-RAM */
    at[4] = 0x70;                       /* mode 2 forms 1 and 2, multisession */
    at[6] = 0x29 | d->cd.tray_locked << 1;  /* tray, ejects, locks */
    st16_be(at + 8, 706);               /* kB/s: 4x */
    st16_be(at + 10, 2);
    st16_be(at + 12, 512);              /* kB of buffer */
    st16_be(at + 14, 706);
    return 20;
}

static void cmd_mode_sense(IdeDrive *d, const uint8_t *p)
{
    static const struct { uint8_t page; unsigned (*put)(const IdeDrive *d, uint8_t *at); }
    pages[] = { { 0x01, mode_recovery }, { 0x0e, mode_audio }, { 0x2a, mode_capabilities } };
    uint8_t *b = d->buf, page = p[2] & 0x3f;
    unsigned len = 8;

    if (p[2] >> 6 == 3) {
        atapi_check(d, SENSE_ILLEGAL_REQUEST, ASC_SAVING_UNSUPPORTED, 0);
        return;
    }
    memset(b, 0, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        if (page == pages[i].page || page == 0x3f) {
            len += pages[i].put(d, b + len);
        }
    }
    if (len == 8) {
        invalid_field(d);
        return;
    }
    st16_be(b, len - 2);
    b[2] = d->cd.tray_open ? 0x71 : has_disc(d) ? 0x01 : 0x70;
    atapi_reply(d, len, ld16_be(p + 7));
}

static void cmd_mechanism_status(IdeDrive *d, const uint8_t *p)
{
    memset(d->buf, 0, 8);
    d->buf[5] = 1;                      /* slots */
    atapi_reply(d, 8, ld16_be(p + 8));
}

enum {
    ALLOW_UA = 1 << 0,      /* does not report a pending unit attention */
    NEEDS_DISC = 1 << 1,
};

typedef struct PacketCommand {
    void (*fn)(IdeDrive *d, const uint8_t *packet);
    uint8_t flags;
} PacketCommand;

static const PacketCommand packet_commands[256] = {
    [0x00] = { cmd_test_unit_ready, NEEDS_DISC },
    [0x03] = { cmd_request_sense, ALLOW_UA },
    [0x12] = { cmd_inquiry, ALLOW_UA },
    [0x1b] = { cmd_start_stop, 0 },
    [0x1e] = { cmd_prevent, 0 },
    [0x25] = { cmd_read_capacity, NEEDS_DISC },
    [0x28] = { cmd_read_10, NEEDS_DISC },
    [0x2b] = { cmd_seek, NEEDS_DISC },
    [0x43] = { cmd_read_toc, NEEDS_DISC },
    [0x46] = { cmd_get_configuration, ALLOW_UA },
    [0x4a] = { cmd_get_event_status, ALLOW_UA },
    [0x51] = { cmd_read_disc_info, NEEDS_DISC },
    [0x5a] = { cmd_mode_sense, 0 },
    [0xa8] = { cmd_read_12, NEEDS_DISC },
    [0xbb] = { cmd_test_unit_ready, 0 },        /* SET CD SPEED: as fast as it goes */
    [0xbd] = { cmd_mechanism_status, 0 },
    [0xbe] = { cmd_read_cd, NEEDS_DISC },
};

void atapi_exec_packet(IdeDrive *d)
{
    const PacketCommand *c = &packet_commands[d->cd.packet[0]];

    if (!c->fn) {
        atapi_check(d, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE, 0);
        return;
    }
    if (d->cd.changed && !(c->flags & ALLOW_UA)) {
        d->cd.changed = false;
        if (has_disc(d)) {
            atapi_check(d, SENSE_UNIT_ATTENTION, ASC_MEDIUM_CHANGED, 0);
            return;
        }
    }
    if (c->flags & NEEDS_DISC && !has_disc(d)) {
        atapi_check(d, SENSE_NOT_READY, ASC_NO_MEDIUM, d->cd.tray_open ? 2 : 0);
        return;
    }
    c->fn(d, d->cd.packet);
}

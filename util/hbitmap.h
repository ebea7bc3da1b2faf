/* Hierarchical bitmaps: which blocks of a disk changed, found quickly where few did */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UTIL_HBITMAP_H
#define UTIL_HBITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A bit for each 1 << granularity items (bytes, say) of size. Positions and
 * counts below are in items; setting marks every block that is touched,
 * resetting clears the bits of all of them too, so reset whole blocks.
 */
typedef struct HBitmap HBitmap;

/* NULL where there is no memory for it. */
HBitmap *hbitmap_new(uint64_t size, unsigned granularity);
void hbitmap_free(HBitmap *hb);
uint64_t hbitmap_size(const HBitmap *hb);
unsigned hbitmap_granularity(const HBitmap *hb);
/* Items in blocks that are set, the last block counted as far as size goes. */
uint64_t hbitmap_count(const HBitmap *hb);
bool hbitmap_get(const HBitmap *hb, uint64_t item);
void hbitmap_set(HBitmap *hb, uint64_t start, uint64_t count);
void hbitmap_reset(HBitmap *hb, uint64_t start, uint64_t count);
void hbitmap_reset_all(HBitmap *hb);
/* New blocks are clear. False: no memory, nothing changed. */
bool hbitmap_truncate(HBitmap *hb, uint64_t size);

/* The first item at or behind start that is set or clear, before start + count; -1: none. */
int64_t hbitmap_next_dirty(const HBitmap *hb, uint64_t start, uint64_t count);
int64_t hbitmap_next_zero(const HBitmap *hb, uint64_t start, uint64_t count);
/* The first run of set items in [start, end), at most max long. */
bool hbitmap_next_dirty_area(const HBitmap *hb, uint64_t start, uint64_t end, uint64_t max,
                             uint64_t *dirty_start, uint64_t *dirty_count);
/* Add what from has set; sizes must be the same, granularities need not. */
bool hbitmap_merge(HBitmap *to, const HBitmap *from);

/*
 * Bits as bytes, the first item in the lowest bit, as qcow2 stores them:
 * those of the blocks of [start, start + count); start is a multiple of
 * 64 blocks. serialized_bytes() tells how many bytes count needs.
 */
size_t hbitmap_serialized_bytes(const HBitmap *hb, uint64_t count);
void hbitmap_serialize(const HBitmap *hb, uint8_t *buf, uint64_t start, uint64_t count);
void hbitmap_deserialize(HBitmap *hb, const uint8_t *buf, uint64_t start, uint64_t count);

#endif

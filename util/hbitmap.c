/* Hierarchical bitmaps: a bit of each level says that a word of the next is not zero */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "util/hbitmap.h"

enum {
    WORD_BITS = 64,
    MAX_LEVELS = 11,            /* 64 to that power is more than any size */
};

#define MAX_WORDS (1ULL << 34)          /* of a level: more than any host has room for */

/* levels[0] has a bit a block; levels[n - 1] is a single word. */
struct HBitmap {
    uint64_t size;              /* in items */
    uint64_t bits;              /* in blocks */
    uint64_t set;               /* blocks that are set */
    unsigned granularity;
    unsigned n;
    uint64_t *levels[MAX_LEVELS];
    uint64_t words[MAX_LEVELS];
};

static uint64_t words_of(uint64_t bits)
{
    return bits / WORD_BITS + (bits % WORD_BITS != 0);
}

static uint64_t blocks_of(uint64_t size, unsigned granularity)
{
    return (size >> granularity) + ((size & ((1ULL << granularity) - 1)) != 0);
}

static void free_levels(HBitmap *hb)
{
    for (unsigned i = 0; i < hb->n; i++) {
        g_free(hb->levels[i]);
    }
}

static bool alloc_levels(HBitmap *hb)
{
    uint64_t words = MAX(words_of(hb->bits), 1);

    hb->n = 0;
    for (;; words = words_of(words)) {
        uint64_t *level = words > MAX_WORDS ? NULL : g_try_new0(uint64_t, words);

        if (!level) {
            free_levels(hb);
            return false;
        }
        hb->words[hb->n] = words;
        hb->levels[hb->n++] = level;
        if (words == 1) {
            return true;
        }
    }
}

HBitmap *hbitmap_new(uint64_t size, unsigned granularity)
{
    HBitmap *hb = g_new0(HBitmap, 1);

    hb->size = size;
    hb->granularity = granularity;
    hb->bits = blocks_of(size, granularity);
    if (!alloc_levels(hb)) {
        g_free(hb);
        return NULL;
    }
    return hb;
}

void hbitmap_free(HBitmap *hb)
{
    if (hb) {
        free_levels(hb);
        g_free(hb);
    }
}

uint64_t hbitmap_size(const HBitmap *hb)
{
    return hb->size;
}

unsigned hbitmap_granularity(const HBitmap *hb)
{
    return hb->granularity;
}

static bool get_bit(const HBitmap *hb, uint64_t bit)
{
    return hb->levels[0][bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

uint64_t hbitmap_count(const HBitmap *hb)
{
    uint64_t count = hb->set << hb->granularity, tail;

    if (hb->bits && get_bit(hb, hb->bits - 1)) {
        tail = hb->size & ((1ULL << hb->granularity) - 1);
        count -= tail ? (1ULL << hb->granularity) - tail : 0;
    }
    return count;
}

bool hbitmap_get(const HBitmap *hb, uint64_t item)
{
    return item < hb->size && get_bit(hb, item >> hb->granularity);
}

/* Bits first to last of their word. */
static uint64_t mask(unsigned first, unsigned last)
{
    return (~0ULL << first) & (~0ULL >> (WORD_BITS - 1 - last));
}

/* Of the word that holds some bits of [first, last]: which. */
static uint64_t mask_in(uint64_t word, uint64_t first, uint64_t last)
{
    return mask(word == first / WORD_BITS ? first % WORD_BITS : 0,
                word == last / WORD_BITS ? last % WORD_BITS : WORD_BITS - 1);
}

/* The blocks that [start, start + count) touches; false: none. */
static bool clip(const HBitmap *hb, uint64_t start, uint64_t count, uint64_t *first,
                 uint64_t *last)
{
    if (!count || start >= hb->size) {
        return false;
    }
    *first = start >> hb->granularity;
    *last = (start + MIN(count, hb->size - start) - 1) >> hb->granularity;
    return true;
}

static void set_bits(HBitmap *hb, uint64_t first, uint64_t last)
{
    for (unsigned level = 0; level < hb->n; level++) {
        for (uint64_t w = first / WORD_BITS; w <= last / WORD_BITS; w++) {
            uint64_t *word = &hb->levels[level][w], m = mask_in(w, first, last);

            hb->set += level ? 0 : __builtin_popcountll(m & ~*word);
            *word |= m;
        }
        first /= WORD_BITS;
        last /= WORD_BITS;
    }
}

void hbitmap_set(HBitmap *hb, uint64_t start, uint64_t count)
{
    uint64_t first, last;

    if (clip(hb, start, count, &first, &last)) {
        set_bits(hb, first, last);
    }
}

static void reset_bits(HBitmap *hb, uint64_t first, uint64_t last)
{
    for (uint64_t w = first / WORD_BITS; w <= last / WORD_BITS; w++) {
        uint64_t *word = &hb->levels[0][w], m = mask_in(w, first, last);

        hb->set -= __builtin_popcountll(m & *word);
        *word &= ~m;
    }
    for (unsigned level = 1; level < hb->n; level++) {
        first /= WORD_BITS;
        last /= WORD_BITS;
        for (uint64_t bit = first; bit <= last; bit++) {
            if (!hb->levels[level - 1][bit]) {
                hb->levels[level][bit / WORD_BITS] &= ~(1ULL << bit % WORD_BITS);
            }
        }
    }
}

void hbitmap_reset(HBitmap *hb, uint64_t start, uint64_t count)
{
    uint64_t first, last;

    if (clip(hb, start, count, &first, &last)) {
        reset_bits(hb, first, last);
    }
}

void hbitmap_reset_all(HBitmap *hb)
{
    if (hb->set) {
        reset_bits(hb, 0, hb->bits - 1);
    }
}

bool hbitmap_truncate(HBitmap *hb, uint64_t size)
{
    HBitmap *other = hbitmap_new(size, hb->granularity);
    uint64_t at = 0, start, count;
    HBitmap old = *hb;

    if (!other) {
        return false;
    }
    while (hbitmap_next_dirty_area(hb, at, size, INT64_MAX, &start, &count)) {
        hbitmap_set(other, start, count);
        at = start + count;
    }
    *hb = *other;
    *other = old;
    hbitmap_free(other);
    return true;
}

/* The first set bit at or behind bit, at most last: up until a word has one, then down to it. */
static bool find_set(const HBitmap *hb, uint64_t bit, uint64_t last, uint64_t *found)
{
    unsigned level;
    uint64_t at = bit, word = 0;

    for (level = 0; level < hb->n; level++) {
        uint64_t w = at / WORD_BITS;

        if (w >= hb->words[level]) {
            return false;
        }
        word = hb->levels[level][w] & (~0ULL << at % WORD_BITS);
        if (word) {
            at = w * WORD_BITS + __builtin_ctzll(word);
            break;
        }
        at = w + 1;             /* the next word is the next bit of the level above */
    }
    if (!word) {
        return false;
    }
    while (level--) {
        at = at * WORD_BITS + __builtin_ctzll(hb->levels[level][at]);
    }
    *found = at;
    return at <= last;
}

int64_t hbitmap_next_dirty(const HBitmap *hb, uint64_t start, uint64_t count)
{
    uint64_t first, last, found;

    if (!hb->set || !clip(hb, start, count, &first, &last) ||
        !find_set(hb, first, last, &found)) {
        return -1;
    }
    return MAX(start, found << hb->granularity);
}

int64_t hbitmap_next_zero(const HBitmap *hb, uint64_t start, uint64_t count)
{
    uint64_t first, last;

    if (!clip(hb, start, count, &first, &last)) {
        return -1;
    }
    for (uint64_t w = first / WORD_BITS; w <= last / WORD_BITS; w++) {
        uint64_t clear = ~hb->levels[0][w] & mask_in(w, first, last);

        if (clear) {
            return MAX(start, (w * WORD_BITS + __builtin_ctzll(clear)) << hb->granularity);
        }
    }
    return -1;
}

bool hbitmap_next_dirty_area(const HBitmap *hb, uint64_t start, uint64_t end, uint64_t max,
                             uint64_t *dirty_start, uint64_t *dirty_count)
{
    int64_t at, stop;

    end = MIN(end, hb->size);
    if (start >= end) {
        return false;
    }
    at = hbitmap_next_dirty(hb, start, end - start);
    if (at < 0) {
        return false;
    }
    end = MIN(end, at + MIN(max, INT64_MAX - at));
    stop = hbitmap_next_zero(hb, at, end - at);
    *dirty_start = at;
    *dirty_count = (stop < 0 ? end : stop) - at;
    return true;
}

bool hbitmap_merge(HBitmap *to, const HBitmap *from)
{
    uint64_t at = 0, start, count;

    if (to->size != from->size) {
        return false;
    }
    while (hbitmap_next_dirty_area(from, at, from->size, INT64_MAX, &start, &count)) {
        hbitmap_set(to, start, count);
        at = start + count;
    }
    return true;
}

/* Bytes */

size_t hbitmap_serialized_bytes(const HBitmap *hb, uint64_t count)
{
    uint64_t blocks = blocks_of(count, hb->granularity);

    return blocks / 8 + (blocks % 8 != 0);
}

void hbitmap_serialize(const HBitmap *hb, uint8_t *buf, uint64_t start, uint64_t count)
{
    uint64_t first, last;

    memset(buf, 0, hbitmap_serialized_bytes(hb, count));
    if (clip(hb, start, count, &first, &last)) {
        for (uint64_t bit = first; bit <= last; bit++) {
            buf[(bit - first) / 8] |= get_bit(hb, bit) << (bit - first) % 8;
        }
    }
}

void hbitmap_deserialize(HBitmap *hb, const uint8_t *buf, uint64_t start, uint64_t count)
{
    uint64_t first, last, run;

    if (!clip(hb, start, count, &first, &last)) {
        return;
    }
    reset_bits(hb, first, last);
    for (uint64_t bit = first; bit <= last; bit = run + 1) {
        for (run = bit; run <= last && buf[(run - first) / 8] >> (run - first) % 8 & 1; run++) {
        }
        if (run > bit) {
            set_bits(hb, bit, run - 1);
        }
    }
}

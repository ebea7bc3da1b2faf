/* State tables: save, load and print the fields that rows describe */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qom/state.h"

static uint64_t get(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, p, bytes);   /* hosts are little-endian */
    return v;
}

static void put_u64(GByteArray *out, uint64_t v, unsigned bytes)
{
    g_byte_array_append(out, (uint8_t *)&v, bytes);
}

void state_save(const void *instance, const StateField *f, GByteArray *out)
{
    for (; f && f->name; f++) {
        const uint8_t *at = (const uint8_t *)instance + f->offset;

        for (uint32_t i = 0; i < f->count; i++, at += f->bytes) {
            const Timer *timer = (const void *)at;

            switch (f->kind) {
            case STATE_KIND_UINT:
                put_u64(out, get(at, f->bytes), f->bytes);
                break;
            case STATE_KIND_BYTES:
                g_byte_array_append(out, at, f->count);
                i = f->count - 1;
                break;
            case STATE_KIND_TIMER:
                put_u64(out, timer_armed(timer), 1);
                put_u64(out, timer_armed(timer) ? timer->expire_ns : 0, 8);
                break;
            case STATE_KIND_STRUCT:
                state_save(at, f->fields, out);
                break;
            }
        }
    }
}

static bool take(const uint8_t **in, size_t *len, void *to, size_t bytes)
{
    if (*len < bytes) {
        return false;
    }
    memcpy(to, *in, bytes);
    *in += bytes;
    *len -= bytes;
    return true;
}

static bool load_timer(Timer *timer, const uint8_t **in, size_t *len)
{
    uint8_t armed;
    uint64_t expire_ns;

    if (!take(in, len, &armed, 1) || !take(in, len, &expire_ns, 8)) {
        return false;
    }
    if (armed) {
        timer_arm(timer, expire_ns);
    } else {
        timer_disarm(timer);
    }
    return true;
}

bool state_load(void *instance, const StateField *f, const uint8_t **in, size_t *len,
                Error **errp)
{
    for (; f && f->name; f++) {
        uint8_t *at = (uint8_t *)instance + f->offset;
        bool ok = true;

        for (uint32_t i = 0; ok && i < f->count; i++, at += f->bytes) {
            switch (f->kind) {
            case STATE_KIND_UINT:
                ok = take(in, len, at, f->bytes);
                if (ok && f->max && get(at, f->bytes) > f->max) {
                    error_set(errp, "state field '%s': %" PRIu64 " is above %" PRIu64, f->name,
                              get(at, f->bytes), f->max);
                    return false;
                }
                break;
            case STATE_KIND_BYTES:
                ok = take(in, len, at, f->count);
                i = f->count - 1;
                break;
            case STATE_KIND_TIMER:
                ok = load_timer((Timer *)(void *)at, in, len);
                break;
            case STATE_KIND_STRUCT:
                if (!state_load(at, f->fields, in, len, errp)) {
                    error_prepend(errp, "%s[%u]: ", f->name, i);
                    return false;
                }
                break;
            }
        }
        if (!ok) {
            error_set(errp, "state field '%s': data ends early", f->name);
            return false;
        }
    }
    return true;
}

void state_print(const void *instance, const StateField *f, GString *out)
{
    for (; f && f->name; f++) {
        const uint8_t *at = (const uint8_t *)instance + f->offset;

        for (uint32_t i = 0; i < f->count; i++, at += f->bytes) {
            const Timer *timer = (const void *)at;

            if (f->kind == STATE_KIND_STRUCT) {
                g_string_append_printf(out, "%s[%u]:\n", f->name, i);
                state_print(at, f->fields, out);
            } else if (f->kind == STATE_KIND_TIMER) {
                g_string_append_printf(out, "%s=%" PRId64 "\n", f->name,
                                       timer_armed(timer) ? timer->expire_ns : -1);
            } else {
                g_string_append_printf(out, f->count > 1 ? "%s[%u]=" : "%s=", f->name, i);
                g_string_append_printf(out, "0x%" PRIx64 "\n", get(at, f->bytes));
            }
        }
    }
}

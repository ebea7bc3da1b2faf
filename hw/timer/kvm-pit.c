/* kvm-pit: the interval timer that the kernel keeps, with the state table of ours */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/irqchip.h"
#include "hw/timer/i8254-int.h"
#include "util/bswap.h"

/* The kernel's interface, include/uapi/asm/kvm.h on x86: places within a channel's bytes. */
enum {
    PIT_COUNT = 0, PIT_LATCH = 4, PIT_COUNT_LATCHED = 6, PIT_STATUS_LATCHED, PIT_STATUS,
    PIT_READ_STATE, PIT_WRITE_STATE, PIT_WRITE_LATCH, PIT_RW_MODE, PIT_MODE, PIT_BCD, PIT_GATE,
    PIT_LOAD_TIME = 16, PIT_CHANNEL_BYTES = 24, PIT_FLAGS = 72,
    PIT_FLAGS_HPET_LEGACY = 1, PIT_FLAGS_SPEAKER = 2,
};
/* PIT_READ_STATE and PIT_WRITE_STATE: what of a word comes next. */
enum { PIT_STATE_LOW = 1, PIT_STATE_HIGH, PIT_STATE_WORD0, PIT_STATE_WORD1 };

static bool pit_failed(const char *what, Error **errp)
{
    error_set(errp, "kvm-pit: the kernel does not %s its state", what);
    return false;
}

static bool counts_on(const Counter *c)
{
    return c->gate || c->mode == 1 || c->mode == 5;
}

/* The kernel stamps a load with CLOCK_MONOTONIC, as our host clock counts. */
static int64_t to_host_ns(int64_t virtual_ns)
{
    return virtual_ns - clock_ns(CLOCK_TYPE_VIRTUAL) + g_get_monotonic_time() * 1000;
}

static int64_t to_virtual_ns(int64_t host_ns)
{
    return host_ns - g_get_monotonic_time() * 1000 + clock_ns(CLOCK_TYPE_VIRTUAL);
}

static void counter_fetch(Counter *c, const uint8_t *r)
{
    uint32_t count = ld32_le(r + PIT_COUNT);

    memset(c, 0, sizeof(*c));
    c->count = count && count <= 0x10000 ? count : 0x10000;
    c->latch = ld16_le(r + PIT_LATCH);
    c->latched_bytes = MIN(r[PIT_COUNT_LATCHED], 2);
    c->status_latched = r[PIT_STATUS_LATCHED];
    c->status = r[PIT_STATUS];
    c->access = r[PIT_RW_MODE] & 3;
    c->read_high_next = r[PIT_READ_STATE] == PIT_STATE_WORD1;
    c->write_high_next = r[PIT_WRITE_STATE] == PIT_STATE_WORD1;
    c->write_low = r[PIT_WRITE_LATCH];
    c->mode = r[PIT_MODE] > 5 ? r[PIT_MODE] & 3 : r[PIT_MODE];
    c->bcd = r[PIT_BCD];
    c->gate = r[PIT_GATE];
    c->running = counts_on(c);
    c->triggered = c->running && (c->mode == 1 || c->mode == 5);
    c->start_ns = to_virtual_ns(ld64_le(r + PIT_LOAD_TIME));
}

static void counter_store(const Counter *c, uint8_t *r)
{
    uint8_t once = c->access == ACCESS_HIGH ? PIT_STATE_HIGH : PIT_STATE_LOW;
    bool word = c->access == ACCESS_WORD;

    st32_le(r + PIT_COUNT, c->count);
    st16_le(r + PIT_LATCH, c->latch);
    r[PIT_COUNT_LATCHED] = c->latched_bytes;
    r[PIT_STATUS_LATCHED] = c->status_latched;
    r[PIT_STATUS] = c->status;
    r[PIT_RW_MODE] = c->access;
    r[PIT_READ_STATE] = !word ? once : c->read_high_next ? PIT_STATE_WORD1 : PIT_STATE_WORD0;
    r[PIT_WRITE_STATE] = !word ? once : c->write_high_next ? PIT_STATE_WORD1 : PIT_STATE_WORD0;
    r[PIT_WRITE_LATCH] = c->write_low;
    r[PIT_MODE] = c->mode;
    r[PIT_BCD] = c->bcd;
    r[PIT_GATE] = c->gate;
    st64_le(r + PIT_LOAD_TIME, to_host_ns(c->start_ns));
}

static bool pit_fetch(Device *dev, Error **errp)
{
    I8254 *s = DEVICE_OF(dev, I8254);
    uint8_t r[IRQCHIP_PIT_BYTES];

    if (!accel_irqchip()->get_pit(r)) {
        return pit_failed("tell", errp);
    }
    for (unsigned n = 0; n < 3; n++) {
        counter_fetch(&s->counter[n], r + n * PIT_CHANNEL_BYTES);
    }
    s->irq_enabled = !(ld32_le(r + PIT_FLAGS) & PIT_FLAGS_HPET_LEGACY);
    return true;
}

static bool pit_store(Device *dev, Error **errp)
{
    I8254 *s = DEVICE_OF(dev, I8254);
    uint8_t r[IRQCHIP_PIT_BYTES] = {};

    for (unsigned n = 0; n < 3; n++) {
        counter_store(&s->counter[n], r + n * PIT_CHANNEL_BYTES);
    }
    st32_le(r + PIT_FLAGS, s->irq_enabled ? 0 : PIT_FLAGS_HPET_LEGACY);
    return accel_irqchip()->put_pit(r) || pit_failed("take", errp);
}

static void pit_reset(Device *dev)
{
    I8254 *s = DEVICE_OF(dev, I8254);

    for (unsigned n = 0; n < 3; n++) {
        s->counter[n] = (Counter){
            .gate = n != 2, .mode = 3, .access = ACCESS_WORD, .count = 0x10000,
            .start_ns = clock_ns(CLOCK_TYPE_VIRTUAL),
        };
    }
    s->irq_enabled = true;
    pit_store(dev, NULL);
}

static void pit_enable(void *opaque, int n, int level)
{
    I8254 *s = opaque;
    uint8_t r[IRQCHIP_PIT_BYTES];

    s->irq_enabled = level;
    if (accel_irqchip()->get_pit(r)) {
        uint32_t flags = ld32_le(r + PIT_FLAGS) & ~PIT_FLAGS_HPET_LEGACY;

        st32_le(r + PIT_FLAGS, flags | (level ? 0 : PIT_FLAGS_HPET_LEGACY));
        accel_irqchip()->put_pit(r);
    }
}

static bool kvm_pit_realize(Device *dev, Error **errp)
{
    device_init_irq_in(dev, pit_enable, 1);
    return true;
}

static const DeviceType kvm_pit_type = {
    .name = "kvm-pit", .desc = "interval timer in the kernel", .internal = true,
    .size = sizeof(I8254), .state = i8254_state, .realize = kvm_pit_realize, .reset = pit_reset,
    .fetch_state = pit_fetch, .store_state = pit_store,
};
REGISTER_DEVICE(kvm_pit_type)

Device *kvm_pit_create(void)
{
    return device_create("kvm-pit", NULL, NULL, NULL);
}

/* mc146818rtc: CMOS clock: time of day, alarm, periodic interrupt, memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/rtc/mc146818.h"
#include "qapi/events-run.h"
#include "util/clock.h"
#include "util/trace.h"

enum {
    SECONDS = 0, SECONDS_ALARM = 1, MINUTES = 2, MINUTES_ALARM = 3, HOURS = 4,
    HOURS_ALARM = 5, DAY_OF_WEEK = 6, DAY = 7, MONTH = 8, YEAR = 9,
    REG_A = 10, REG_B = 11, REG_C = 12, REG_D = 13, CENTURY = 0x32, CENTURY_PS2 = 0x37,

    A_UIP = 0x80, A_DV = 0x70, A_RATE = 0x0f,
    B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08, B_DM = 0x04,
    B_24H = 0x02,
    C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10,
    D_VRT = 0x80,

    NR_REGS = 128,
};

/* UIP rises eight ticks of the crystal before the registers change (datasheet: 244 us). */
#define UIP_NS       244140
#define CRYSTAL_HZ   32768
#define DAY_SECONDS  86400
/* Periodic interrupts owed to a guest that was not served, under slew. */
#define MAX_OWED     20000

typedef struct Rtc {
    IsaDevice isa;
    uint16_t iobase;
    uint8_t irq_number;
    int32_t base_year;
    int lost_tick_policy;

    uint8_t index;
    uint8_t cmos[NR_REGS];
    int64_t offset_ns;          /* the guest's time is its clock's plus this */
    int64_t start_offset_ns;    /* what -rtc made of it */
    uint8_t day_shift;          /* what the guest thinks of the days of the week */
    int64_t seen_second;        /* up to where C_UF and C_AF are worked out */
    int64_t tick_base;          /* where periods began, in ticks of the crystal */
    int64_t seen_tick;          /* up to where C_PF is worked out, in periods since */
    uint32_t owed;
    ClockType clock;
    IrqLine *irq;
    IrqLine *alarm;             /* may be NULL */
    Timer timer;
} Rtc;

enum { POLICY_DISCARD, POLICY_SLEW };
static const char *const policy_names[] = { "discard", "slew", NULL };

/* From -rtc; a property of the program, not of one device. */
static struct {
    enum { BASE_UTC, BASE_LOCALTIME, BASE_DATE } base;
    int64_t date;
    ClockType clock;
    bool slew;
} config = { .clock = CLOCK_TYPE_HOST };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t guest_ns(const Rtc *s)
{
    return (int64_t)((uint64_t)clock_ns(s->clock) + (uint64_t)s->offset_ns);
}

/* The divider chain runs (DV is 010) and updates are not held. */
static bool counting(const Rtc *s)
{
    return !(s->cmos[REG_B] & B_SET) && (s->cmos[REG_A] & A_DV) < 0x60;
}

static int64_t period_ticks(const Rtc *s)
{
    unsigned rate = s->cmos[REG_A] & A_RATE;

    if (!rate || (s->cmos[REG_A] & A_DV) >= 0x60) {
        return 0;
    }
    return rate <= 2 ? 1 << (rate + 6) : 1 << (rate - 1);
}

static uint8_t encode(const Rtc *s, unsigned value)
{
    return s->cmos[REG_B] & B_DM ? value : value / 10 % 10 << 4 | value % 10;
}

static unsigned decode(const Rtc *s, uint8_t value)
{
    return s->cmos[REG_B] & B_DM ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const Rtc *s, unsigned hour)
{
    if (s->cmos[REG_B] & B_24H) {
        return encode(s, hour);
    }
    return encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static unsigned decode_hour(const Rtc *s, uint8_t value)
{
    if (s->cmos[REG_B] & B_24H) {
        return decode(s, value);
    }
    return decode(s, value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

/* Registers from the running clock. */
static void load_registers(Rtc *s)
{
    time_t now = floor_div(guest_ns(s), NS_PER_SECOND);
    struct tm tm;

    if (!counting(s) || !gmtime_r(&now, &tm)) {
        return;
    }
    s->cmos[SECONDS] = encode(s, tm.tm_sec);
    s->cmos[MINUTES] = encode(s, tm.tm_min);
    s->cmos[HOURS] = encode_hour(s, tm.tm_hour);
    s->cmos[DAY_OF_WEEK] = encode(s, (tm.tm_wday + s->day_shift) % 7 + 1);
    s->cmos[DAY] = encode(s, tm.tm_mday);
    s->cmos[MONTH] = encode(s, tm.tm_mon + 1);
    s->cmos[YEAR] = encode(s, (unsigned)(tm.tm_year + 1900 - s->base_year % 100) % 100);
    s->cmos[CENTURY] = encode(s, (tm.tm_year + 1900) / 100 % 100);
}

/* The guest set its clock: by how much it is off from where it started. */
static void tell_change(Rtc *s)
{
    g_autofree char *path = object_path(&s->isa.dev.obj);
    int64_t change_ns = (int64_t)((uint64_t)s->offset_ns - (uint64_t)s->start_offset_ns);

    qapi_event_send_rtc_change(floor_div(change_ns + NS_PER_SECOND / 2, NS_PER_SECOND), path);
}

/* The running clock from the registers; nonsense in them gives some time, never an error. */
static void store_registers(Rtc *s)
{
    int64_t fraction = guest_ns(s) - floor_div(guest_ns(s), NS_PER_SECOND) * NS_PER_SECOND;
    struct tm tm = {
        .tm_sec = decode(s, s->cmos[SECONDS]),
        .tm_min = decode(s, s->cmos[MINUTES]),
        .tm_hour = decode_hour(s, s->cmos[HOURS]),
        .tm_mday = decode(s, s->cmos[DAY]),
        .tm_mon = (int)decode(s, s->cmos[MONTH]) - 1,
        .tm_year = (int)decode(s, s->cmos[CENTURY]) * 100 + (int)decode(s, s->cmos[YEAR]) +
                   s->base_year % 100 - 1900,
    };
    unsigned day = decode(s, s->cmos[DAY_OF_WEEK]);
    /* Nanoseconds in 64 bits end in the year 2262. */
    int64_t seconds = CLAMP((int64_t)timegm(&tm), -9000000000LL, 9000000000LL);

    s->offset_ns = (int64_t)((uint64_t)seconds * NS_PER_SECOND + (uint64_t)fraction -
                             (uint64_t)clock_ns(s->clock));
    s->day_shift = (day + 13 - tm.tm_wday) % 7;
    s->seen_second = seconds;
    TRACE(rtc_set_time, "seconds %" PRId64, seconds);
    tell_change(s);
}

static bool alarm_field(const Rtc *s, unsigned reg, unsigned now)
{
    uint8_t value = s->cmos[reg];

    if (value >= 0xc0) {
        return true;    /* any */
    }
    return (reg == HOURS_ALARM ? decode_hour(s, value) : decode(s, value)) == now;
}

/* Whether the alarm went off in (from, to]. */
static bool alarm_between(const Rtc *s, int64_t from, int64_t to)
{
    if (to - from > DAY_SECONDS) {
        from = to - DAY_SECONDS;
    }
    for (int64_t at = from + 1; at <= to; at++) {
        int64_t second = at - floor_div(at, DAY_SECONDS) * DAY_SECONDS;

        if (alarm_field(s, SECONDS_ALARM, second % 60) &&
            alarm_field(s, MINUTES_ALARM, second / 60 % 60) &&
            alarm_field(s, HOURS_ALARM, second / 3600)) {
            return true;
        }
    }
    return false;
}

static int64_t crystal_now(const Rtc *s)
{
    int64_t now = clock_ns(s->clock), seconds = floor_div(now, NS_PER_SECOND);

    return seconds * CRYSTAL_HZ +
           (int64_t)muldiv64(now - seconds * NS_PER_SECOND, CRYSTAL_HZ, NS_PER_SECOND);
}

static int64_t tick_now(const Rtc *s, int64_t ticks)
{
    return floor_div(crystal_now(s) - s->tick_base, ticks);
}

static void update_irq(Rtc *s)
{
    if (s->cmos[REG_C] & s->cmos[REG_B] & (C_PF | C_AF | C_UF)) {
        s->cmos[REG_C] |= C_IRQF;
        irq_raise(s->irq);
    } else {
        s->cmos[REG_C] &= ~C_IRQF;
        irq_lower(s->irq);
    }
}

/* Forget what happened before: the time has been changed. */
static void resync(Rtc *s)
{
    s->seen_second = floor_div(guest_ns(s), NS_PER_SECOND);
}

/* Bring the flags of register C up to now. */
static void update_flags(Rtc *s)
{
    int64_t second = floor_div(guest_ns(s), NS_PER_SECOND), ticks = period_ticks(s);

    if (counting(s) && second > s->seen_second) {
        s->cmos[REG_C] |= C_UF;
        if (alarm_between(s, s->seen_second, second)) {
            s->cmos[REG_C] |= C_AF;
            if (s->alarm && s->cmos[REG_B] & B_AIE) {
                irq_pulse(s->alarm);
            }
        }
    }
    s->seen_second = second;
    if (ticks) {
        int64_t tick = tick_now(s, ticks), missed = tick - s->seen_tick;

        if (missed > 0) {
            bool was_set = s->cmos[REG_C] & C_PF;

            if (s->lost_tick_policy == POLICY_SLEW && (s->cmos[REG_B] & B_PIE)) {
                s->owed = MIN(s->owed + (missed - !was_set), MAX_OWED);
            }
            s->cmos[REG_C] |= C_PF;
        }
        s->seen_tick = tick;
    }
    update_irq(s);
}

/* Wake at the next event that could interrupt. */
static void schedule(Rtc *s)
{
    int64_t guest = guest_ns(s), now = clock_ns(s->clock), wait = INT64_MAX;
    int64_t ticks = period_ticks(s);

    timer_disarm(&s->timer);
    if ((s->cmos[REG_B] & B_PIE) && ticks &&
        (!(s->cmos[REG_C] & C_PF) || s->lost_tick_policy == POLICY_SLEW)) {
        int64_t next = s->tick_base + (tick_now(s, ticks) + 1) * ticks;
        int64_t seconds = floor_div(next, CRYSTAL_HZ), part = next - seconds * CRYSTAL_HZ;
        int64_t at = seconds * NS_PER_SECOND + muldiv64(part, NS_PER_SECOND, CRYSTAL_HZ) + 1;

        wait = at - now;
    }
    if (counting(s) && (s->cmos[REG_B] & (B_UIE | B_AIE))) {
        wait = MIN(wait, (floor_div(guest, NS_PER_SECOND) + 1) * NS_PER_SECOND - guest);
    }
    if (wait != INT64_MAX) {
        timer_arm(&s->timer, now + MAX(wait, 1));
    }
}

static void expired(void *opaque)
{
    Rtc *s = opaque;

    update_flags(s);
    TRACE(rtc_timer, "flags 0x%02x", s->cmos[REG_C]);
    schedule(s);
}

/* Reading C clears it; under slew an owed periodic interrupt follows at once. */
static uint8_t read_c(Rtc *s)
{
    uint8_t value;

    update_flags(s);
    value = s->cmos[REG_C];
    s->cmos[REG_C] = 0;
    update_irq(s);
    if (s->owed && (value & C_PF) && (s->cmos[REG_B] & B_PIE)) {
        s->owed--;
        s->cmos[REG_C] |= C_PF;
        update_irq(s);
    }
    schedule(s);
    return value;
}

static uint8_t read_a(Rtc *s)
{
    int64_t guest = guest_ns(s);
    int64_t fraction = guest - floor_div(guest, NS_PER_SECOND) * NS_PER_SECOND;
    bool updating = counting(s) && fraction >= NS_PER_SECOND - UIP_NS;

    return s->cmos[REG_A] | (updating ? A_UIP : 0);
}

static uint8_t read_reg(Rtc *s, unsigned reg)
{
    switch (reg) {
    case SECONDS:
    case MINUTES:
    case HOURS:
    case DAY_OF_WEEK ... YEAR:
    case CENTURY:
        load_registers(s);
        return s->cmos[reg];
    case CENTURY_PS2:
        load_registers(s);
        return s->cmos[CENTURY];
    case REG_A:
        return read_a(s);
    case REG_C:
        return read_c(s);
    default:
        return s->cmos[reg];
    }
}

/*
 * A new rate counts from the last period's end (of old crystal ticks; 0: there
 * was none). The chip would take another tap of its divider instead; guests
 * cannot tell, but upstream's tests do.
 */
static void restart_periods(Rtc *s, int64_t old)
{
    int64_t ticks = period_ticks(s);

    s->tick_base = old ? s->tick_base + s->seen_tick * old : crystal_now(s);
    s->seen_tick = ticks ? tick_now(s, ticks) : 0;
}

static void write_a(Rtc *s, uint8_t value)
{
    bool was = counting(s);
    int64_t ticks = period_ticks(s);

    update_flags(s);
    load_registers(s);
    s->cmos[REG_A] = value & ~A_UIP;
    if (ticks != period_ticks(s)) {
        restart_periods(s, ticks);
    }
    if (!was && counting(s)) {
        /* Leaving divider reset: the first update comes half a second later (datasheet). */
        store_registers(s);
        s->offset_ns += NS_PER_SECOND / 2 -
                        (guest_ns(s) - floor_div(guest_ns(s), NS_PER_SECOND) * NS_PER_SECOND);
    }
    resync(s);
    schedule(s);
}

static void write_b(Rtc *s, uint8_t value)
{
    bool was = counting(s);

    update_flags(s);
    load_registers(s);
    if (value & B_SET) {
        value &= ~B_UIE;
    }
    if (value & ~s->cmos[REG_B] & B_PIE) {
        restart_periods(s, 0);
    }
    s->cmos[REG_B] = value;
    if (!was && counting(s)) {
        store_registers(s);
    }
    if (!(value & B_PIE)) {
        s->owed = 0;
    }
    update_irq(s);
    schedule(s);
}

static void write_reg(Rtc *s, unsigned reg, uint8_t value)
{
    switch (reg) {
    case SECONDS:
    case MINUTES:
    case HOURS:
    case DAY_OF_WEEK ... YEAR:
    case CENTURY:
        update_flags(s);
        load_registers(s);
        s->cmos[reg] = value;
        if (counting(s)) {
            store_registers(s);
            resync(s);
            schedule(s);
        }
        break;
    case CENTURY_PS2:
        write_reg(s, CENTURY, value);
        break;
    case REG_A:
        write_a(s, value);
        break;
    case REG_B:
        write_b(s, value);
        break;
    case REG_C:
    case REG_D:
        break;
    case SECONDS_ALARM:
    case MINUTES_ALARM:
    case HOURS_ALARM:
        update_flags(s);
        s->cmos[reg] = value;
        break;
    default:
        s->cmos[reg] = value;
        break;
    }
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned size)
{
    Rtc *s = opaque;
    uint8_t value;

    if (!offset) {
        return 0xff;
    }
    value = read_reg(s, s->index);
    TRACE(rtc_read, "reg 0x%02x value 0x%02x", s->index, value);
    return value;
}

static void rtc_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Rtc *s = opaque;

    if (!offset) {
        s->index = value & (NR_REGS - 1);   /* bit 7 masks NMI on the board */
        return;
    }
    TRACE(rtc_write, "reg 0x%02x value 0x%02x", s->index, (int)value);
    write_reg(s, s->index, value);
}

static const IoOps rtc_io = { .read = rtc_read, .write = rtc_write, .max_size = 1 };

void rtc_cmos_set(Device *rtc, unsigned reg, uint8_t value)
{
    DEVICE_OF(rtc, Rtc)->cmos[reg & (NR_REGS - 1)] = value;
}

uint8_t rtc_cmos_get(Device *rtc, unsigned reg)
{
    return DEVICE_OF(rtc, Rtc)->cmos[reg & (NR_REGS - 1)];
}

int64_t rtc_seconds(Device *rtc)
{
    return floor_div(guest_ns(DEVICE_OF(rtc, Rtc)), NS_PER_SECOND);
}

/* The battery keeps time and memory; RESET clears enables and flags (datasheet, RESET). */
static void rtc_reset(Device *dev)
{
    Rtc *s = DEVICE_OF(dev, Rtc);

    s->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[REG_C] = 0;
    s->owed = 0;
    irq_lower(s->irq);
    resync(s);
    schedule(s);
}

static int64_t start_seconds(void)
{
    time_t now = clock_ns(CLOCK_TYPE_HOST) / NS_PER_SECOND;
    struct tm tm;

    switch (config.base) {
    case BASE_DATE:
        return config.date;
    case BASE_LOCALTIME:
        return localtime_r(&now, &tm) ? now + tm.tm_gmtoff : now;
    default:
        return now;
    }
}

static bool rtc_realize(Device *dev, Error **errp)
{
    Rtc *s = DEVICE_OF(dev, Rtc);
    int64_t host = clock_ns(CLOCK_TYPE_HOST);

    s->irq = isa_irq(&s->isa, s->irq_number, errp);
    if (!s->irq || !isa_map_ports(&s->isa, s->iobase, 2, &rtc_io, s, errp)) {
        return false;
    }
    s->clock = config.clock;
    if (config.slew) {
        s->lost_tick_policy = POLICY_SLEW;
    }
    timer_init(&s->timer, s->clock, expired, s);
    s->cmos[REG_A] = 0x26;
    s->cmos[REG_B] = B_24H;
    s->cmos[REG_D] = D_VRT;
    s->offset_ns = start_seconds() * NS_PER_SECOND - clock_ns(s->clock);
    if (config.base != BASE_DATE) {
        s->offset_ns += host % NS_PER_SECOND;
    }
    s->start_offset_ns = s->offset_ns;
    return true;
}

static void rtc_unrealize(Device *dev)
{
    timer_disarm(&DEVICE_OF(dev, Rtc)->timer);
}

static const Prop rtc_props[] = {
    PROP_I32(Rtc, base_year, 1980, "year that year register 0 stands for"),
    PROP_U16(Rtc, iobase, 0x70, "first of two ports"),
    PROP_U8_AS("irq", Rtc, irq_number, 8, "ISA interrupt"),
    PROP_ENUM(Rtc, lost_tick_policy, POLICY_DISCARD, policy_names,
              "periodic interrupts the guest was too slow for: discard or slew"),
    { }
};

static const StateField rtc_state[] = {
    STATE_UINT_MAX(Rtc, index, NR_REGS - 1),
    STATE_BYTES(Rtc, cmos),
    STATE_UINT(Rtc, offset_ns),
    STATE_UINT_MAX(Rtc, day_shift, 6),
    STATE_UINT(Rtc, seen_second),
    STATE_UINT(Rtc, tick_base),
    STATE_UINT(Rtc, seen_tick),
    STATE_UINT_MAX(Rtc, owed, MAX_OWED),
    STATE_TIMER(Rtc, timer),
    { }
};

static const DeviceType rtc_type = {
    .name = "mc146818rtc", .desc = "CMOS clock", .bus = BUS_ISA, .internal = true,
    .size = sizeof(Rtc), .props = rtc_props, .state = rtc_state, .realize = rtc_realize,
    .unrealize = rtc_unrealize, .reset = rtc_reset,
};
REGISTER_DEVICE(rtc_type)

Device *rtc_create(IsaBus *bus, IrqLine *irq)
{
    Device *dev = device_create("mc146818rtc", &bus->bus, "base_year", "2000", NULL);

    if (irq) {
        DEVICE_OF(dev, Rtc)->irq = irq;
    }
    return dev;
}

void rtc_set_alarm_line(Device *rtc, IrqLine *alarm)
{
    DEVICE_OF(rtc, Rtc)->alarm = alarm;
}

static bool parse_date(const char *text, int64_t *seconds)
{
    static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d" };

    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        struct tm tm = { 0 };
        const char *end = strptime(text, formats[i], &tm);

        if (end && !*end) {
            *seconds = timegm(&tm);
            return true;
        }
    }
    return false;
}

bool rtc_configure(const char *base, const char *clock, const char *driftfix, Error **errp)
{
    static const char *const clock_names[] = { "rt", "vm", "host" };    /* as ClockType */

    if (base && !strcmp(base, "utc")) {
        config.base = BASE_UTC;
    } else if (base && !strcmp(base, "localtime")) {
        config.base = BASE_LOCALTIME;
    } else if (base && parse_date(base, &config.date)) {
        config.base = BASE_DATE;
    } else if (base) {
        error_set(errp, "invalid datetime format '%s'", base);
        error_hint(errp, "valid formats: '2006-06-17T16:01:21' or '2006-06-17'");
        return false;
    }
    if (clock) {
        unsigned i = 0;

        while (i < ARRAY_SIZE(clock_names) && strcmp(clock, clock_names[i])) {
            i++;
        }
        if (i == ARRAY_SIZE(clock_names)) {
            error_set(errp, "invalid option value '%s' for clock: there are host, vm and rt",
                      clock);
            return false;
        }
        config.clock = i;
    }
    if (driftfix && strcmp(driftfix, "slew") && strcmp(driftfix, "none")) {
        error_set(errp, "invalid option value '%s' for driftfix: there are none and slew",
                  driftfix);
        return false;
    }
    if (driftfix) {
        config.slew = !strcmp(driftfix, "slew");
    }
    return true;
}

/* ACPI fixed hardware: PM1, PM timer, GPE0, SCI (ACPI Specification 6.4, section 4.8) */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/acpi/acpi-pm.h"
#include "qapi/events-run.h"
#include "util/trace.h"

enum {
    PM1_CNT_SCI_EN = 1 << 0,
    PM1_CNT_SLP_TYP_SHIFT = 10,
    PM1_CNT_SLP_EN = 1 << 13,       /* write only */
    PM1_EVENTS = ACPI_PM1_TMR | ACPI_PM1_GBL | ACPI_PM1_PWRBTN | ACPI_PM1_RTC,
    PM_TIMER_HZ = 3579545,
    PM_TIMER_BITS = 24,
};

static int64_t timer_ticks(void)
{
    return muldiv64(clock_ns(CLOCK_TYPE_VIRTUAL), PM_TIMER_HZ, NS_PER_SECOND);
}

static void schedule_overflow(AcpiPm *pm)
{
    int64_t half = 1LL << (PM_TIMER_BITS - 1);

    pm->overflow_ticks = (timer_ticks() / half + 1) * half;
}

static void update_sci(AcpiPm *pm)
{
    bool level = pm->sts & pm->en & PM1_EVENTS;

    for (unsigned i = 0; i < ACPI_GPE_BYTES; i++) {
        level |= pm->gpe_sts[i] & pm->gpe_en[i];
    }
    level &= pm->cnt & PM1_CNT_SCI_EN;
    if (level != pm->sci_level) {
        pm->sci_level = level;
        irq_set(pm->sci, level);
    }
    /* The host's timer is needed only while the guest waits for an interrupt. */
    if (pm->en & ACPI_PM1_TMR && !(pm->sts & ACPI_PM1_TMR)) {
        timer_arm(&pm->overflow, muldiv64(pm->overflow_ticks, NS_PER_SECOND, PM_TIMER_HZ) + 1);
    } else {
        timer_disarm(&pm->overflow);
    }
}

/* The timer's status bit is set by looking, so that it costs nothing while nobody does. */
static void check_overflow(AcpiPm *pm)
{
    if (timer_ticks() >= pm->overflow_ticks) {
        pm->sts |= ACPI_PM1_TMR;
    }
}

static void overflow(void *opaque)
{
    AcpiPm *pm = opaque;

    check_overflow(pm);
    update_sci(pm);
}

void acpi_pm_event(AcpiPm *pm, uint16_t bit)
{
    TRACE(acpi_pm_event, "bit 0x%x enabled 0x%x", bit, pm->en);
    pm->sts |= bit;
    update_sci(pm);
}

void acpi_pm_gpe(AcpiPm *pm, unsigned n)
{
    if (n < ACPI_GPE_BYTES * 8) {
        pm->gpe_sts[n / 8] |= BIT(n % 8);
        update_sci(pm);
    }
}

void acpi_pm_set_enabled(AcpiPm *pm, bool enabled)
{
    pm->cnt = (pm->cnt & ~PM1_CNT_SCI_EN) | (enabled ? PM1_CNT_SCI_EN : 0);
    update_sci(pm);
}

static void enter_sleep(AcpiPm *pm)
{
    unsigned type = (pm->cnt >> PM1_CNT_SLP_TYP_SHIFT) & 7;

    TRACE(acpi_pm_sleep, "type %u", type);
    if (type == ACPI_SLP_TYP_S5 || (type == pm->s4_val && !pm->disable_s4)) {
        if (type != ACPI_SLP_TYP_S5) {
            qapi_event_send_suspend_disk();
        }
        run_request(RUN_REQUEST_SHUTDOWN, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    } else if (type == ACPI_SLP_TYP_S3 && !pm->disable_s3) {
        run_request(RUN_REQUEST_SUSPEND, SHUTDOWN_CAUSE_NONE);
    }
}

/* The dword that holds offset. */
static uint32_t read_dword(AcpiPm *pm, uint64_t offset)
{
    switch (offset) {
    case ACPI_PM1_STS:
        check_overflow(pm);
        return pm->sts | (uint32_t)pm->en << 16;
    case ACPI_PM1_CNT:
        return pm->cnt;
    case ACPI_PM_TMR:
        return timer_ticks() & ((1u << PM_TIMER_BITS) - 1);
    default:
        return 0;
    }
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned size)
{
    uint32_t value = read_dword(opaque, offset & ~3u) >> ((offset & 3) * 8);

    TRACE(acpi_pm_read, "0x%" PRIx64 " size %u: 0x%x", offset, size, value);
    return value;
}

static void pm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    AcpiPm *pm = opaque;
    unsigned shift = (offset & 3) * 8;
    uint32_t mask = (UINT32_MAX >> (32 - size * 8)) << shift;
    uint32_t bits = ((uint32_t)value << shift) & mask;

    TRACE(acpi_pm_write, "0x%" PRIx64 " size %u: 0x%" PRIx64, offset, size, value);
    switch (offset & ~3u) {
    case ACPI_PM1_STS:
        check_overflow(pm);
        if (bits & pm->sts & ACPI_PM1_TMR) {
            schedule_overflow(pm);
        }
        pm->sts &= ~bits;
        pm->en = (pm->en & ~(mask >> 16)) | bits >> 16;
        update_sci(pm);
        break;
    case ACPI_PM1_CNT:
        pm->cnt = ((pm->cnt & ~mask) | bits) & ~PM1_CNT_SLP_EN;
        update_sci(pm);
        if (bits & PM1_CNT_SLP_EN) {
            enter_sleep(pm);
        }
        break;
    }
}

static const IoOps pm_io = { .read = pm_read, .write = pm_write, .max_size = 4 };

static uint64_t gpe_read(void *opaque, uint64_t offset, unsigned size)
{
    AcpiPm *pm = opaque;

    return offset < ACPI_GPE_BYTES ? pm->gpe_sts[offset] : pm->gpe_en[offset - ACPI_GPE_BYTES];
}

static void gpe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    AcpiPm *pm = opaque;

    if (offset < ACPI_GPE_BYTES) {
        pm->gpe_sts[offset] &= ~value;
    } else {
        pm->gpe_en[offset - ACPI_GPE_BYTES] = value;
    }
    update_sci(pm);
}

static const IoOps gpe_io = { .read = gpe_read, .write = gpe_write, .max_size = 1 };

void acpi_pm_init(AcpiPm *pm, Object *owner)
{
    timer_init(&pm->overflow, CLOCK_TYPE_VIRTUAL, overflow, pm);
    region_init_io(&pm->region, owner, &pm_io, pm, "acpi-pm", ACPI_PM_SIZE);
    region_init_io(&pm->gpe_region, owner, &gpe_io, pm, "acpi-gpe0", 2 * ACPI_GPE_BYTES);
    schedule_overflow(pm);
}

void acpi_pm_destroy(AcpiPm *pm)
{
    region_destroy(&pm->gpe_region);
    region_destroy(&pm->region);
    timer_disarm(&pm->overflow);
}

void acpi_pm_reset(AcpiPm *pm)
{
    pm->sts = pm->en = pm->cnt = 0;
    memset(pm->gpe_sts, 0, sizeof(pm->gpe_sts));
    memset(pm->gpe_en, 0, sizeof(pm->gpe_en));
    schedule_overflow(pm);
    update_sci(pm);
}

const StateField acpi_pm_state[] = {
    STATE_UINT(AcpiPm, sts),
    STATE_UINT(AcpiPm, en),
    STATE_UINT(AcpiPm, cnt),
    STATE_ARRAY(AcpiPm, gpe_sts),
    STATE_ARRAY(AcpiPm, gpe_en),
    STATE_UINT(AcpiPm, overflow_ticks),
    STATE_TIMER(AcpiPm, overflow),
    STATE_UINT(AcpiPm, sci_level),
    { }
};

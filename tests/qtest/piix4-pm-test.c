/* Tests of PIIX4 power management and of the PIIX3's reset port */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"

#define PM (1 << 3 | 3)
#define SCI 9
#define TIMER_HZ 3579545

static QTest *start(const char *args)
{
    QTest *q = qtest_start("-machine pc %s", args);

    qtest_irq_intercept_in(q, "ioapic");
    g_assert_cmphex(qpci_readl(q, PM, 0), ==, 0x71138086);
    qpci_writel(q, PM, 0x40, 0x600);
    g_assert_cmphex(qpci_readl(q, PM, 0x40), ==, 0x601);
    g_assert_cmphex(qtest_inl(q, 0x608), ==, 0xffffffff);       /* not decoded yet */
    qpci_writeb(q, PM, 0x80, 1);
    return q;
}

static void timer(void)
{
    QTest *q = start("");
    uint32_t before = qtest_inl(q, 0x608), after;

    qtest_clock_step(q, 1000000000);
    after = qtest_inl(q, 0x608);
    g_assert_cmpuint(after - before, >=, TIMER_HZ - 1);
    g_assert_cmpuint(after - before, <=, TIMER_HZ + 1);
    /* The event at the change of the top bit, every 2^23 ticks (2.34 s) */
    qtest_outb(q, 0xb2, 0xf1);
    qtest_outw(q, 0x602, 1);
    g_assert_false(qtest_irq(q, SCI));
    qtest_clock_step(q, 2400000000);
    g_assert_true(qtest_irq(q, SCI));
    g_assert_cmphex(qtest_inw(q, 0x600) & 1, ==, 1);
    qtest_outw(q, 0x600, 1);
    g_assert_false(qtest_irq(q, SCI));
    g_assert_cmphex(qtest_inw(q, 0x600) & 1, ==, 0);
    qtest_end(q);
}

static void gpe(void)
{
    QTest *q = start("");

    g_assert_cmphex(qtest_inl(q, 0xafe0), ==, 0);
    qtest_outw(q, 0xafe2, 0xffff);
    g_assert_cmphex(qtest_inw(q, 0xafe2), ==, 0xffff);
    g_assert_false(qtest_irq(q, SCI));
    qtest_end(q);
}

/* S5 ends the program with status 0. */
static void soft_off(void)
{
    QTest *q = start("");

    qtest_outw(q, 0x604, 1 << 13 | 0 << 10);
    g_assert_cmpint(qtest_wait_exit(q), ==, 0);
}

/* Sleep states that are not offered lead nowhere; the firmware and the guest do not see them. */
static void sleep_states(void)
{
    QTest *q = start("-global PIIX4_PM.disable_s3=1 -global PIIX4_PM.s4_val=5");
    g_autofree uint8_t *states = NULL, *tables = NULL;
    g_autofree char *err = NULL;
    uint32_t size;

    states = qtest_fw_cfg_file(q, "etc/system-states", &size);
    g_assert_cmpuint(size, ==, 6);
    g_assert_cmphex(states[3], ==, 0x01);
    g_assert_cmphex(states[4], ==, 0x85);
    tables = qtest_fw_cfg_file(q, "etc/acpi/tables", &size);
    g_assert_null(memmem(tables, size, "_S3_", 4));
    g_assert_nonnull(memmem(tables, size, "_S4_\x12", 5));
    qtest_outw(q, 0x604, 1 << 13 | 1 << 10);
    qtest_outw(q, 0x604, 1 << 13 | 2 << 10);
    qtest_qmp_done(q, "{'execute': 'query-status'}");
    qtest_outw(q, 0x604, 1 << 13 | 5 << 10);
    json_object_put(qtest_qmp_event(q, "SUSPEND_DISK"));
    g_assert_cmpint(qtest_wait_exit(q), ==, 0);
    g_assert_cmpint(qtest_run("-machine pc -global PIIX4_PM.s4_val=1", &err), ==, 1);
    g_assert_nonnull(strstr(err, "s4_val=1"));
}

/* Port 0xcf9 resets; with -no-reboot that is the end. The writes before it are no reset. */
static void reset_port(void)
{
    QTest *q = start("-no-reboot");

    qtest_outb(q, 0xcf9, 0x02);
    g_assert_cmphex(qtest_inb(q, 0xcf9), ==, 0x02);
    g_assert_cmphex(qpci_readl(q, PM, 0x40), ==, 0x601);
    qtest_outb(q, 0xcf9, 0x06);
    g_assert_cmpint(qtest_wait_exit(q), ==, 0);
}

static void smbus(void)
{
    QTest *q = start("");

    qpci_writel(q, PM, 0x90, 0x700);
    g_assert_cmphex(qpci_readl(q, PM, 0x90), ==, 0x701);
    qtest_outb(q, 0x704, 0x50 << 1 | 1);
    qtest_outb(q, 0x702, 0x48);
    g_assert_cmphex(qtest_inb(q, 0x700), ==, 0x04);     /* nobody answers */
    qtest_end(q);
}

static void cmos_set(QTest *q, unsigned reg, uint8_t value)
{
    qtest_outb(q, 0x70, reg);
    qtest_outb(q, 0x71, value);
}

static uint8_t cmos_get(QTest *q, unsigned reg)
{
    qtest_outb(q, 0x70, reg);
    return qtest_inb(q, 0x71);
}

/* At the next full second: any hour, minute and second match. */
static void set_alarm(QTest *q)
{
    cmos_set(q, 1, 0xff);
    cmos_set(q, 3, 0xff);
    cmos_set(q, 5, 0xff);
    cmos_get(q, 0x0c);
    cmos_set(q, 0x0b, 0x22);        /* alarm interrupt, 24 hours */
}

static void rtc_alarm(void)
{
    QTest *q = start("-rtc clock=vm");

    qtest_outb(q, 0xb2, 0xf1);
    qtest_outw(q, 0x602, 1 << 10);
    g_assert_cmphex(qtest_inw(q, 0x600) & 1 << 10, ==, 0);
    set_alarm(q);
    qtest_clock_step(q, 1100000000);
    g_assert_true(qtest_irq(q, SCI));
    g_assert_cmphex(qtest_inw(q, 0x600) & 1 << 10, ==, 1 << 10);
    cmos_set(q, 0x0b, 0x02);
    qtest_outw(q, 0x600, 1 << 10);
    g_assert_false(qtest_irq(q, SCI));
    /* Without its interrupt it is no event. */
    qtest_clock_step(q, 2000000000);
    g_assert_cmphex(qtest_inw(q, 0x600) & 1 << 10, ==, 0);
    qtest_end(q);
}

/* Into S3; the BIOS finds in CMOS what to do when it comes back. */
static void sleep_s3(QTest *q)
{
    qtest_outw(q, 0x604, 1 << 13 | 1 << 10);
    json_object_put(qtest_qmp_event(q, "SUSPEND"));
    g_assert_cmphex(cmos_get(q, 0x0f), ==, 0xfe);
}

static void wake_up(void)
{
    QTest *q = start("-rtc clock=vm");

    qtest_qmp_done(q, "{'execute': 'cont'}");      /* events come from now on */
    qtest_outw(q, 0x602, 1 << 10);
    set_alarm(q);
    sleep_s3(q);
    qtest_clock_step(q, 1100000000);
    json_object_put(qtest_qmp_event(q, "WAKEUP"));
    qpci_writel(q, PM, 0x40, 0x600);
    qpci_writeb(q, PM, 0x80, 1);
    g_assert_cmphex(qtest_inw(q, 0x600) & ~1, ==, 1 << 15 | 1 << 10);
    qtest_outw(q, 0x600, 0xffff);

    sleep_s3(q);
    qtest_qmp_done(q, "{'execute': 'system_wakeup'}");
    json_object_put(qtest_qmp_event(q, "WAKEUP"));
    qpci_writel(q, PM, 0x40, 0x600);
    qpci_writeb(q, PM, 0x80, 1);
    g_assert_cmphex(qtest_inw(q, 0x600) & ~1, ==, 1 << 15 | 1 << 8);
    qtest_end(q);
}

/* Without SMM the firmware finds it set up already. */
static void smm(void)
{
    static const struct { const char *args; uint8_t apmc; } rows[] = {
        { "", 0 }, { "-machine smm=on", 0 }, { "-machine smm=off", 2 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        QTest *q = start(rows[i].args);

        g_assert_cmphex(qpci_readb(q, PM, 0x5b) & 2, ==, rows[i].apmc);
        qtest_end(q);
    }
}

QTEST("/piix4-pm/timer", timer)
QTEST("/piix4-pm/gpe", gpe)
QTEST("/piix4-pm/soft-off", soft_off)
QTEST("/piix4-pm/sleep-states", sleep_states)
QTEST("/piix4-pm/reset-port", reset_port)
QTEST("/piix4-pm/smbus", smbus)
QTEST("/piix4-pm/rtc-alarm", rtc_alarm)
QTEST("/piix4-pm/wake-up", wake_up)
QTEST("/piix4-pm/smm", smm)

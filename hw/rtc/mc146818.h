/* mc146818: the CMOS clock and its battery-backed memory */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_RTC_MC146818_H
#define HW_RTC_MC146818_H

#include "hw/isa/isa.h"

/*
 * What -rtc says, before the machine is built. base: "utc", "localtime" or a
 * date ("2026-01-31", "2026-01-31T12:00:00"); clock: "host", "vm" or "rt";
 * driftfix: "none" or "slew". NULL leaves one as it is.
 */
bool rtc_configure(const char *base, const char *clock, const char *driftfix, Error **errp);

/* The clock at port 0x70; its interrupt goes to irq, ISA line 8 when that is NULL. */
Device *rtc_create(IsaBus *bus, IrqLine *irq);
/* Pulsed when the alarm interrupts, for chips that wake the machine up. */
void rtc_set_alarm_line(Device *rtc, IrqLine *alarm);
/* CMOS memory, for boards: registers 0x0e to 0x7f. */
void rtc_cmos_set(Device *rtc, unsigned reg, uint8_t value);
uint8_t rtc_cmos_get(Device *rtc, unsigned reg);
/* Seconds since the Unix epoch as the guest sees them. */
int64_t rtc_seconds(Device *rtc);

#endif

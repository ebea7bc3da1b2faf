/* ACPI fixed hardware: PM1 event and control registers, PM timer, GPE0 block */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_ACPI_PM_H
#define HW_ACPI_ACPI_PM_H

#include "hw/core/irq.h"
#include "memory/memory.h"
#include "qom/state.h"
#include "util/clock.h"

/* Offsets within the PM block */
enum {
    ACPI_PM1_STS = 0x00,
    ACPI_PM1_EN = 0x02,
    ACPI_PM1_CNT = 0x04,
    ACPI_PM_TMR = 0x08,
    ACPI_PM_SIZE = 0x40,
};

/* Bits of PM1_STS and PM1_EN */
enum {
    ACPI_PM1_TMR = 1 << 0,
    ACPI_PM1_GBL = 1 << 5,
    ACPI_PM1_PWRBTN = 1 << 8,
    ACPI_PM1_RTC = 1 << 10,
    ACPI_PM1_WAK = 1 << 15,
};

/* Values of PM1_CNT.SLP_TYP, which the DSDT's _S3, _S4 and _S5 must repeat. */
enum {
    ACPI_SLP_TYP_S5 = 0,
    ACPI_SLP_TYP_S3 = 1,
    ACPI_SLP_TYP_S4 = 2,
};

#define ACPI_GPE_BYTES 2        /* of status, and as many of enable bits */

typedef struct AcpiPm {
    uint16_t sts, en, cnt;
    uint8_t gpe_sts[ACPI_GPE_BYTES], gpe_en[ACPI_GPE_BYTES];
    int64_t overflow_ticks;     /* when the timer's top bit changes next */
    Timer overflow;
    IrqLine *sci;
    bool sci_level;
    bool disable_s3, disable_s4;
    uint8_t s4_val;
    MemRegion region, gpe_region;
} AcpiPm;

/* Make the regions (not mapped yet) and the timer. */
void acpi_pm_init(AcpiPm *pm, Object *owner);
void acpi_pm_destroy(AcpiPm *pm);
void acpi_pm_reset(AcpiPm *pm);
/* A fixed event (ACPI_PM1_*) happened. */
void acpi_pm_event(AcpiPm *pm, uint16_t bit);
/* General purpose event n happened. */
void acpi_pm_gpe(AcpiPm *pm, unsigned n);
/* Firmware hands over to, or takes back from, the operating system: SCI_EN. */
void acpi_pm_set_enabled(AcpiPm *pm, bool enabled);

extern const StateField acpi_pm_state[];

#endif

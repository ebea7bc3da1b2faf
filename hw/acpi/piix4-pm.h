/* PIIX4 function 3: power management of the pc machine */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ACPI_PIIX4_PM_H
#define HW_ACPI_PIIX4_PM_H

#include "hw/acpi/acpi-pm.h"
#include "hw/pci/pci.h"

#define PIIX4_GPE_BASE 0xafe0       /* of the GPE0 block, as the FADT must say */
#define PIIX4_SCI_IRQ  9
#define ACPI_PORT_SMI_CMD 0xb2
#define ACPI_CMD_ENABLE   0xf1      /* FADT's ACPI_ENABLE and ACPI_DISABLE */
#define ACPI_CMD_DISABLE  0xf0

/*
 * In function 3 beside the ISA bridge in slot. sci is the input of interrupt
 * 9. smm: SMIs reach the CPU; otherwise firmware is told that SMM is set up.
 * Its input 0 is the RTC's alarm. NULL: a -global property of it is wrong.
 */
Device *piix4_pm_new(PciBus *bus, unsigned slot, IrqLine *sci, bool smm, Error **errp);
AcpiPm *piix4_pm_acpi(Device *dev);

#endif

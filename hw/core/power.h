/* The power button and waking up: from the main loop to whoever models them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CORE_POWER_H
#define HW_CORE_POWER_H

#include <stdbool.h>

typedef struct PowerOps {
    void (*button)(void *opaque);       /* the power button was pressed */
    void (*sleeping)(void *opaque);     /* into S3 */
    void (*woken)(void *opaque);        /* out of S3; devices have been reset */
} PowerOps;

/* Stays until the end of the program. */
void power_register(const PowerOps *ops, void *opaque);
/* For RUN_REQUEST_POWERDOWN. False: this machine has no button. */
bool power_press_button(void);
/* For RUN_REQUEST_SUSPEND. */
void power_sleep(void);
/* Is there anything that could wake up from S3? */
bool power_can_wake(void);
/* For RUN_REQUEST_WAKEUP, after devices_reset(). */
void power_wake_up(void);

#endif

/* No CPU at all: -accel qtest, for driving devices over the qtest socket */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"

static bool none_start(Accel *accel, const AccelConfig *config, Error **errp)
{
    return true;
}

/* Tests of the chipset's side of it. */
static bool none_has_smm(void)
{
    return true;
}

static const AccelType qtest_accel = {
    .name = "qtest", .desc = "no CPU runs; devices are driven over the qtest socket",
    .size = sizeof(Accel), .stepped_clock = true, .start = none_start,
    .has_smm = none_has_smm,
};
REGISTER_ACCEL(qtest_accel)

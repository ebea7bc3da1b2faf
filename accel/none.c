/* No CPU at all: -accel qtest, for driving devices over the qtest socket */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"

static CpuModel model;

/* Nobody will execute its instructions, so it can have them all. */
static bool none_start(Accel *accel, const AccelConfig *config, Error **errp)
{
    static const CpuModel any = {
        .vendor = "AuthenticAMD", .model_id = "Mica CPU without an accelerator",
        .family = 15, .model = 107, .stepping = 1, .level = 0xd, .xlevel = 0x8000000a,
        .phys_bits = 40,
    };
    CpuModelHost host = { .best = any, .has_hyperv = true };

    memset(host.best.features, 0xff, sizeof(host.best.features));
    return accel_parse_cpu_model(config, &host, &model, errp);
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

/* sga: an option ROM that makes COM1 a console of the BIOS and of boot loaders */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/core/loader.h"
#include "hw/display/sga.h"
#include "hw/isa/isa.h"

#define SGA_ROM     "mica-sga.bin"
#define SGA_ROM_MAX 65536

typedef struct Sga {
    IsaDevice isa;
} Sga;

bool sga_install(FwCfg *fw, Error **errp)
{
    g_autoptr(GBytes) rom = loader_read("option ROM", SGA_ROM, SGA_ROM_MAX, errp);

    return rom && fw_cfg_add_file(fw, SGA_FILE, g_bytes_get_data(rom, NULL), g_bytes_get_size(rom),
                                  errp);
}

/* The work is done by the ROM in the guest: there is no hardware of its own. */
static bool sga_realize(Device *dev, Error **errp)
{
    FwCfg *fw = fw_cfg_current();
    size_t len;

    if (!fw) {
        error_set(errp, "device 'sga' needs a machine with fw_cfg");
        return false;
    }
    if (fw_cfg_file_data(fw, SGA_FILE, &len)) {
        error_set(errp, "there can be only one device 'sga'");
        return false;
    }
    return sga_install(fw, errp);
}

static const DeviceType sga_type = {
    .name = "sga", .desc = "serial console of the BIOS", .bus = BUS_ISA, .size = sizeof(Sga),
    .category = CATEGORY_DISPLAY, .realize = sga_realize,
};
REGISTER_DEVICE(sga_type)

/* What the pc machine tells its firmware through fw_cfg: memory, CPUs, kernel, boot order */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/i386/pc.h"
#include "hw/core/loader.h"
#include "hw/i386/linux-boot.h"
#include "util/bswap.h"

#define ROM_MAX (1u << 20)

/* An entry of etc/e820: address, length, type, packed little-endian. */
static void e820_add(GByteArray *map, uint64_t addr, uint64_t len, uint32_t type)
{
    uint8_t entry[20];

    st64_le(entry, addr);
    st64_le(entry + 8, len);
    st32_le(entry + 16, type);
    g_byte_array_append(map, entry, sizeof(entry));
}

static bool publish_e820(PcMachine *pc, FwCfg *fw, Error **errp)
{
    g_autoptr(GByteArray) map = g_byte_array_new();

    e820_add(map, 0, pc->below_4g, 1);
    if (pc->above_4g) {
        e820_add(map, 1ULL << 32, pc->above_4g, 1);
    }
    return fw_cfg_add_file(fw, "etc/e820", map->data, map->len, errp);
}

/* Our loader ROM starts the kernel, and goes first in the boot order. */
static bool publish_kernel(PcMachine *pc, FwCfg *fw, GString *order, Error **errp)
{
    Machine *m = &pc->machine;
    KernelConfig config = {
        .kernel = m->kernel, .initrd = m->initrd, .append = m->append, .below_4g = pc->below_4g,
    };
    g_autofree char *file = NULL;
    g_autoptr(GBytes) rom = NULL;
    KernelImage image;
    bool ok;

    if (!kernel_image_load(&config, &image, errp)) {
        return false;
    }
    kernel_image_publish(&image, fw);
    file = g_strdup_printf("genroms/%s", image.rom);
    rom = loader_read("option ROM", image.rom, ROM_MAX, errp);
    kernel_image_free(&image);
    if (!rom) {
        return false;
    }
    ok = fw_cfg_add_file(fw, file, g_bytes_get_data(rom, NULL), g_bytes_get_size(rom), errp);
    g_string_append_printf(order, "/rom@%s\n", file);
    return ok;
}

bool pc_publish_firmware(PcMachine *pc, Error **errp)
{
    g_autoptr(GString) order = g_string_new(NULL);
    Machine *m = &pc->machine;
    FwCfg *fw = fw_cfg_new();

    fw_cfg_add_u16(fw, FW_CFG_NB_CPUS, m->smp.cpus);
    fw_cfg_add_u16(fw, FW_CFG_MAX_CPUS, m->smp.max_cpus);
    fw_cfg_add_u64(fw, FW_CFG_RAM_SIZE, m->ram_size);
    fw_cfg_add_u16(fw, FW_CFG_NOGRAPHIC, !m->graphics);
    if (!publish_e820(pc, fw, errp) || (m->kernel && !publish_kernel(pc, fw, order, errp))) {
        return false;
    }
    return !order->len ||
           fw_cfg_add_file(fw, "bootorder", order->str, order->len + 1, errp);
}

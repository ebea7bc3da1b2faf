/* What -d in_asm, exec, cpu and cpu_reset write about the software CPU */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/cpu-state.h"
#include "accel/soft/block-int.h"
#include "accel/soft/decode.h"
#include "accel/soft/disas.h"
#include "accel/soft/mem.h"
#include "accel/soft/soft.h"
#include "accel/soft/sys.h"
#include "util/log.h"

static void print_registers(SoftCpu *cpu, bool with_fpu, GString *out)
{
    CpuState *state = g_new(CpuState, 1);

    soft_get_state(cpu, state);
    cpu_state_print(state, with_fpu, out);
    g_free(state);
}

/* Addresses are linear ones, as debuggers and disassemblers have them. */
static uint64_t linear(const SoftCpu *cpu, const Block *b)
{
    return (b->key_mode & MODE_CODE_MASK) == MODE_CODE64 ? b->rip
                                                         : (uint32_t)(cpu->seg[S_CS].base + b->rip);
}

/* False: not in RAM, and a device could mind being read once more. */
static bool code_byte(SoftCpu *cpu, const Block *b, unsigned offset, uint8_t *byte)
{
    unsigned left = 4096 - (b->phys & 4095);
    uint64_t at = offset < left ? b->phys + offset : b->phys2 + (offset - left);
    const uint8_t *host = phys_ops->ram(cpu, at, false);

    *byte = host ? *host : 0;
    return host;
}

/* Decoded once more, as the block's own copy is prepared for running. */
static void print_code(SoftCpu *cpu, const Block *b, GString *out)
{
    uint64_t start = linear(cpu, b);

    for (unsigned offset = 0, len; offset < b->size; offset += len) {
        unsigned avail = MIN(b->size - offset, 15u);
        char text[128] = "(bad)";
        uint8_t bytes[15];
        Insn insn;
        int got;

        for (unsigned i = 0; i < avail; i++) {
            if (!code_byte(cpu, b, offset + i, &bytes[i])) {
                g_string_append_printf(out, "0x%08" PRIx64 ":  not in RAM\n", start + offset);
                return;
            }
        }
        got = insn_decode(&insn, bytes, avail, b->key_mode);
        len = got > 0 ? got : 1;
        if (got > 0) {
            insn_disas(text, sizeof(text), &insn, start + offset, b->key_mode);
        }
        insn_print_line(out, start + offset, bytes, len, text);
    }
}

void soft_log_built(SoftCpu *cpu, const Block *b)
{
    g_autoptr(GString) out = g_string_new("----------------\nIN:\n");

    if (!log_wants_address(linear(cpu, b))) {
        return;
    }
    print_code(cpu, b, out);
    log_printf("%s\n", out->str);
}

void soft_log_run(SoftCpu *cpu, const Block *b)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!log_wants_address(linear(cpu, b))) {
        return;
    }
    if (log_on(LOG_EXEC)) {
        g_string_append_printf(out, "Trace %u: %p [%016" PRIx64 "/%016" PRIx64 "/%08x/%08x]\n",
                               cpu->priv->index, (const void *)b, cpu->seg[S_CS].base,
                               linear(cpu, b), b->key_mode, b->nr_insn);
    }
    if (log_on(LOG_CPU)) {
        print_registers(cpu, log_on(LOG_FPU), out);
    }
    log_printf("%s", out->str);
}

void soft_log_reset(SoftCpu *cpu, const char *why)
{
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_printf(out, "%s (CPU %u)\n", why, cpu->priv->index);
    print_registers(cpu, true, out);
    log_printf("%s", out->str);
}

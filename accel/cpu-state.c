/* CpuState: MSRs in it, what follows from it, its text for people */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/cpu-state.h"
#include "util/bswap.h"

#define EFER_LMA  (1u << 10)
#define CR0_PE    1u
#define RFLAGS_VM (1u << 17)

static int find_msr(const CpuState *s, uint32_t number)
{
    for (unsigned i = 0; i < s->nr_msrs; i++) {
        if (s->msrs[i].number == number) {
            return i;
        }
    }
    return -1;
}

bool cpu_state_msr(const CpuState *s, uint32_t number, uint64_t *value)
{
    int i = find_msr(s, number);

    *value = i < 0 ? 0 : s->msrs[i].value;
    return i >= 0;
}

bool cpu_state_set_msr(CpuState *s, uint32_t number, uint64_t value)
{
    int i = find_msr(s, number);

    if (i < 0) {
        if (s->nr_msrs == CPU_STATE_MAX_MSRS) {
            return false;
        }
        i = s->nr_msrs++;
    }
    s->msrs[i] = (CpuMsr){ number, value };
    return true;
}

unsigned cpu_state_cpl(const CpuState *s)
{
    if (!(s->cr0 & CR0_PE)) {
        return 0;
    }
    return s->rflags & RFLAGS_VM ? 3 : CPU_SEG_DPL(s->seg[CPU_SS].attr);
}

bool cpu_state_code64(const CpuState *s)
{
    return (s->efer & EFER_LMA) && (s->seg[CPU_CS].attr & CPU_SEG_L);
}

static const char *system_type(unsigned type, bool lma)
{
    static const char *const names[] = {
        "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
        "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved",
        "IntGate32", "TrapGate32",
    };
    static const char *const names64[] = {
        "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
        "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64",
        "TrapGate64",
    };

    return lma ? names64[type] : names[type];
}

static void print_segment(const CpuState *s, const char *name, const CpuSegment *seg, GString *out)
{
    bool lma = s->efer & EFER_LMA, big = seg->attr & CPU_SEG_D;

    g_string_append_printf(out, cpu_state_code64(s) ? "%-3s=%04x %016" PRIx64 " %08x %08x"
                                                    : "%-3s=%04x %08" PRIx64 " %08x %08x",
                           name, seg->sel, seg->base, seg->limit,
                           (seg->attr & 0xf0ffu) << 8 | (seg->limit >> 16 & 15) << 16);
    if ((s->cr0 & CR0_PE) && (seg->attr & CPU_SEG_P)) {
        g_string_append_printf(out, " DPL=%u ", CPU_SEG_DPL(seg->attr));
        if (!(seg->attr & 0x10)) {
            g_string_append(out, system_type(seg->attr & 15, lma));
        } else if (seg->attr & 8) {
            g_string_append_printf(out, "%s [%c%c%c]",
                                   seg->attr & CPU_SEG_L ? "CS64" : big ? "CS32" : "CS16",
                                   seg->attr & 4 ? 'C' : '-', seg->attr & 2 ? 'R' : '-',
                                   seg->attr & 1 ? 'A' : '-');
        } else {
            g_string_append_printf(out, "%s [%c%c%c]", big || lma ? "DS  " : "DS16",
                                   seg->attr & 4 ? 'E' : '-', seg->attr & 2 ? 'W' : '-',
                                   seg->attr & 1 ? 'A' : '-');
        }
    }
    g_string_append_c(out, '\n');
}

static void print_general(const CpuState *s, GString *out)
{
    static const char names[16][4] = {
        "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "R8 ", "R9 ", "R10", "R11", "R12", "R13",
        "R14", "R15",
    };
    static const uint8_t order[16] = { 0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15 };
    static const char flags[] = "D O S Z A P C";
    bool wide = cpu_state_code64(s);
    char text[8];

    for (int i = 0; i < (wide ? 16 : 8); i++) {
        int r = order[i];

        g_string_append_printf(out, wide ? "%s%s=%016" PRIx64 "%c" : "%s%s=%08" PRIx64 "%c",
                               r >= 8 ? "" : wide ? "R" : "E", names[r],
                               wide ? s->gpr[r] : (uint32_t)s->gpr[r], i % 4 == 3 ? '\n' : ' ');
    }
    for (int i = 0; i < 7; i++) {
        static const uint8_t bits[7] = { 10, 11, 7, 6, 4, 2, 0 };

        text[i] = s->rflags >> bits[i] & 1 ? flags[i * 2] : '-';
    }
    text[7] = 0;
    g_string_append_printf(out, wide ? "RIP=%016" PRIx64 " RFL=%08x" : "EIP=%08" PRIx64 " EFL=%08x",
                           wide ? s->rip : (uint32_t)s->rip, (uint32_t)s->rflags);
    g_string_append_printf(out, " [%s] CPL=%u II=%u A20=%u SMM=%u HLT=%u\n", text, cpu_state_cpl(s),
                           s->shadow_sti | s->shadow_mov_ss << 1, accel_a20(), s->smm,
                           s->run_state != CPU_RUNS);
}

static void print_system(const CpuState *s, GString *out)
{
    bool wide = cpu_state_code64(s);

    g_string_append_printf(out, wide ? "GDT=     %016" PRIx64 " %08x\n" : "GDT=     %08" PRIx64
                           " %08x\n", s->gdt.base, s->gdt.limit);
    g_string_append_printf(out, wide ? "IDT=     %016" PRIx64 " %08x\n" : "IDT=     %08" PRIx64
                           " %08x\n", s->idt.base, s->idt.limit);
    g_string_append_printf(out, wide ? "CR0=%08x CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08x\n"
                                     : "CR0=%08x CR2=%08" PRIx64 " CR3=%08" PRIx64 " CR4=%08x\n",
                           (uint32_t)s->cr0, s->cr2, s->cr3, (uint32_t)s->cr4);
    for (int i = 0; i < 4; i++) {
        g_string_append_printf(out, wide ? "DR%d=%016" PRIx64 "%c" : "DR%d=%08" PRIx64 "%c", i,
                               s->dr[i], i == 3 ? '\n' : ' ');
    }
    g_string_append_printf(out, wide ? "DR6=%016" PRIx64 " DR7=%016" PRIx64 "\n"
                                     : "DR6=%08" PRIx64 " DR7=%08" PRIx64 "\n", s->dr[6], s->dr[7]);
    g_string_append_printf(out, "EFER=%016" PRIx64 "\n", s->efer);
}

static void print_fpu(const CpuState *s, GString *out)
{
    const uint8_t *x = s->xsave;
    uint16_t fsw = ld16_le(x + CPU_XSAVE_FSW);

    g_string_append_printf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n",
                           ld16_le(x + CPU_XSAVE_FCW), fsw, fsw >> 11 & 7, x[CPU_XSAVE_FTW],
                           ld32_le(x + CPU_XSAVE_MXCSR));
    for (int i = 0; i < 8; i++) {
        const uint8_t *st = x + CPU_XSAVE_ST + 16 * i;

        g_string_append_printf(out, "FPR%d=%016" PRIx64 " %04x%c", i, ld64_le(st), ld16_le(st + 8),
                               i % 2 ? '\n' : ' ');
    }
    for (int i = 0; i < (cpu_state_code64(s) ? 16 : 8); i++) {
        const uint8_t *xmm = x + CPU_XSAVE_XMM + 16 * i;

        g_string_append_printf(out, "XMM%02d=%016" PRIx64 " %016" PRIx64 "%c", i, ld64_le(xmm + 8),
                               ld64_le(xmm), i % 2 ? '\n' : ' ');
    }
}

void cpu_state_print(const CpuState *s, bool with_fpu, GString *out)
{
    static const char *const names[CPU_NR_SEGS] = { "ES", "CS", "SS", "DS", "FS", "GS" };

    print_general(s, out);
    for (int i = 0; i < CPU_NR_SEGS; i++) {
        print_segment(s, names[i], &s->seg[i], out);
    }
    print_segment(s, "LDT", &s->ldt, out);
    print_segment(s, "TR", &s->tr, out);
    print_system(s, out);
    if (with_fpu) {
        print_fpu(s, out);
    }
}

/* cpu-state: the software CPU's state out and in, what is refused, MSRs and text */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "memory/memory.h"
#include "memory/vm-lock.h"
#include "util/bswap.h"
#include "util/clock.h"

static Vcpu *cpu;
static CpuState before, after;

static void reset(void)
{
    vcpus_reset();
    accel_get_state(cpu, &before);
}

static void power_on(void)
{
    reset();
    g_assert_cmphex(before.rip, ==, 0xfff0);
    g_assert_cmphex(before.seg[CPU_CS].base, ==, 0xffff0000);
    g_assert_cmphex(before.seg[CPU_CS].attr, ==, 0x9b);
    g_assert_cmphex(before.rflags, ==, 2);
    g_assert_cmphex(before.cr0, ==, 0x60000010);
    g_assert_cmphex(before.dr[6], ==, 0xffff0ff0);
    g_assert_cmphex(before.xcr0, ==, 1);
    g_assert_cmpint(before.run_state, ==, CPU_RUNS);
    g_assert_cmpuint(cpu_state_cpl(&before), ==, 0);
}

static void fill(CpuState *s)
{
    for (int i = 0; i < 16; i++) {
        s->gpr[i] = 0x1111111111111111ULL * i;
    }
    s->rip = 0xffffffff81000000ULL;
    s->rflags = 0x246;
    s->cr0 = 0x80050033;
    s->cr2 = 0x7fff0000;
    s->cr3 = 0x1000;
    s->cr4 = 0x6b0;
    s->efer = 0xd01;
    s->xcr0 = 3;
    s->seg[CPU_CS] = (CpuSegment){ 0, 0xffffffff, 0x10, 0xa09b };
    s->seg[CPU_SS] = (CpuSegment){ 0, 0xffffffff, 0x18, 0xc093 };
    s->seg[CPU_GS] = (CpuSegment){ 0xffff888000000000ULL, 0, 0, 0 };
    s->tr = (CpuSegment){ 0xfffffe0000003000ULL, 0x206f, 0x40, 0x8b };
    s->gdt.base = 0xfffffe0000001000ULL;
    s->gdt.limit = 0x7f;
    s->dr[0] = 0x1234;
    s->dr[7] = 0x401;
    s->nmi_masked = s->shadow_sti = true;
    s->run_state = CPU_HALTED;
    g_assert_true(cpu_state_set_msr(s, 0xc0000082, 0xffffffff81800000ULL));
    g_assert_true(cpu_state_set_msr(s, 0x277, 0x0407050600070106ULL));
    st16_le(s->xsave + CPU_XSAVE_FCW, 0x37f);
    st32_le(s->xsave + CPU_XSAVE_MXCSR, 0x1fa0);
    st64_le(s->xsave + CPU_XSAVE_XMM + 16 * 3, 0x0123456789abcdefULL);
}

static void round_trip(void)
{
    Error *err = NULL;
    uint64_t value;

    reset();
    fill(&before);
    g_assert_true(accel_put_state(cpu, &before, true, &err));
    accel_get_state(cpu, &after);
    g_assert_cmpmem(after.gpr, sizeof(after.gpr), before.gpr, sizeof(before.gpr));
    g_assert_cmpmem(after.seg, sizeof(after.seg), before.seg, sizeof(before.seg));
    g_assert_cmpmem(after.dr, sizeof(after.dr), before.dr, sizeof(before.dr));
    g_assert_cmphex(after.rflags, ==, before.rflags);
    g_assert_cmphex(after.tr.base, ==, before.tr.base);
    g_assert_cmphex(after.gdt.limit, ==, 0x7f);
    g_assert_cmphex(after.cr0, ==, before.cr0);
    g_assert_cmphex(after.efer, ==, before.efer);
    g_assert_cmpint(after.run_state, ==, CPU_HALTED);
    g_assert_true(after.nmi_masked && after.shadow_sti);
    g_assert_true(cpu_state_msr(&after, 0xc0000082, &value));
    g_assert_cmphex(value, ==, 0xffffffff81800000ULL);
    g_assert_cmphex(ld32_le(after.xsave + CPU_XSAVE_MXCSR), ==, 0x1fa0);
    g_assert_cmphex(ld64_le(after.xsave + CPU_XSAVE_XMM + 48), ==, 0x0123456789abcdefULL);
    g_assert_true(cpu_state_code64(&after));
}

static void refuse(const char *word)
{
    Error *err = NULL;

    g_assert_false(accel_put_state(cpu, &before, true, &err));
    g_assert_nonnull(strstr(error_text(err), word));
    error_free(err);
    reset();
    fill(&before);
}

static void refused(void)
{
    reset();
    fill(&before);
    before.cr4 |= 1u << 31;
    refuse("CR4");
    before.efer |= 1u << 12;
    refuse("EFER");
    before.xcr0 = 1u << 9 | 3;
    refuse("XCR0");
    before.cr0 &= ~1ULL;
    refuse("no CPU is in the state");
    before.efer &= ~(1ULL << 8);
    refuse("no CPU is in the state");
    before.rflags |= 1u << 17;
    refuse("no CPU is in the state");
    st64_le(before.xsave + CPU_XSAVE_HEADER, 1u << 9);
    refuse("FPU");
    cpu_state_set_msr(&before, 0x277, 0x2);
    refuse("MSR 0x277");
    cpu_state_set_msr(&before, 0x4b564d01, 1);
    refuse("MSR 0x4b564d01");
}

static void clocks(void)
{
    Error *err = NULL;
    uint64_t value;

    reset();
    cpu_state_set_msr(&before, 0x10, 1000000);
    g_assert_true(accel_put_state(cpu, &before, false, &err));
    accel_get_state(cpu, &after);
    cpu_state_msr(&after, 0x10, &value);
    g_assert_cmpuint(value, !=, 1000000);
    g_assert_true(accel_put_state(cpu, &before, true, &err));
    accel_get_state(cpu, &after);
    cpu_state_msr(&after, 0x10, &value);
    g_assert_cmpuint(value, ==, 1000000);   /* virtual time stands still */
}

static void text(void)
{
    g_autoptr(GString) real = g_string_new(NULL), wide = g_string_new(NULL);

    reset();
    cpu_state_print(&before, true, real);
    g_assert_nonnull(strstr(real->str, "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1"));
    g_assert_nonnull(strstr(real->str, "CS =f000 ffff0000 0000ffff 00009b00\n"));
    fill(&before);
    cpu_state_print(&before, true, wide);
    g_assert_nonnull(strstr(wide->str, "RIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 II=1"));
    g_assert_nonnull(strstr(wide->str,
                            "CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]"));
    g_assert_nonnull(strstr(wide->str,
                            "TR =0040 fffffe0000003000 0000206f 00008b00 DPL=0 TSS64-busy"));
    g_assert_nonnull(strstr(wide->str, "XMM03=0000000000000000 0123456789abcdef"));
}

int main(int argc, char **argv)
{
    AccelConfig config = { .nr_cpus = 1, .max_cpus = 1, .dies = 1, .cores = 1, .threads = 1 };
    Error *err = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    vm_lock();
    g_assert_true(accel_start((Accel *)(void *)object_new(&accel_find("soft")->object), &config,
                              &err));
    cpu = vcpu_new(0, 0, NULL, &err);
    g_assert_nonnull(cpu);
    g_test_add_func("/cpu-state/power-on", power_on);
    g_test_add_func("/cpu-state/round-trip", round_trip);
    g_test_add_func("/cpu-state/refused", refused);
    g_test_add_func("/cpu-state/clocks", clocks);
    g_test_add_func("/cpu-state/text", text);
    status = g_test_run();
    vcpus_destroy();
    vm_unlock();
    return status;
}

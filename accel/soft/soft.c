/* The software accelerator: -accel soft (also tcg): create, reset, run, kick, dump */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/run.h"
#include "accel/soft/block.h"
#include "accel/soft/cpuid.h"
#include "accel/soft/fpu.h"
#include "accel/soft/host-stub.h"
#include "accel/soft/phys.h"
#include "accel/soft/seg.h"
#include "accel/soft/smc.h"
#include "accel/soft/soft.h"
#include "memory/memory.h"
#include "qom/prop.h"
#include "util/log.h"
#include "util/trace.h"

/* Emitted code will use these offsets. */
_Static_assert(offsetof(SoftCpu, exit_request) == 0xc0, "layout");
_Static_assert(offsetof(SoftCpu, seg) == 0x100, "layout");
_Static_assert(offsetof(SoftCpu, scratch) == 0x200, "layout");
_Static_assert(offsetof(SoftCpu, vec) == 0x400, "layout");
_Static_assert(offsetof(SoftCpu, fx) == 0x600, "layout");
_Static_assert(offsetof(SoftCpu, cr0) == 0x800, "layout");

typedef struct SoftAccel {
    Accel accel;
    bool one_insn;
    int thread;         /* a thread for each vCPU: there is no other way */
} SoftAccel;

static CpuModel model;
static bool single_cpu;

void soft_trace_event(SoftCpu *cpu, int vector, bool has_error, uint32_t error, uint64_t rip,
                      bool software)
{
    if (log_on(LOG_INT)) {
        log_printf("cpu %u: %s 0x%02x error 0x%x%s at %04x:%016" PRIx64 " cpl %u"
                   " ss:sp %04x:%016" PRIx64 " cr2 %016" PRIx64 " rax %016" PRIx64 "\n",
                   cpu->priv->index, software ? "int" : "event", vector, error,
                   has_error ? "" : " (none)", cpu->seg[S_CS].sel, rip, cpu->cpl,
                   cpu->seg[S_SS].sel, cpu->gpr[R_SP], cpu->cr2, cpu->gpr[R_AX]);
    }
    TRACE(soft_event, "cpu %u vector 0x%x error 0x%x rip 0x%" PRIx64, cpu->priv->index, vector,
          error, rip);
}

void soft_triple_fault(SoftCpu *cpu)
{
    if (log_on(LOG_INT | LOG_CPU_RESET)) {
        soft_log_reset(cpu, "Triple fault");
    }
    TRACE(soft_triple_fault, "cpu %u rip 0x%" PRIx64, cpu->priv->index, cpu->rip);
    /* Shutdown state: only a reset gets it going again, and the chipset gives one. */
    cpu->halted = 1;
    cpu->eflags &= ~FL_IF;
    cpu->nmi_blocked = 1;
    run_request(RUN_REQUEST_RESET, SHUTDOWN_CAUSE_GUEST_RESET);
}

static void reset_segments(SoftCpu *cpu)
{
    for (int i = 0; i < NR_SEGS; i++) {
        cpu->seg[i] = (Segment){ .limit = 0xffff, .attr = i == S_CS ? 0x9b : 0x93 };
    }
    cpu->seg[S_CS].sel = 0xf000;
    cpu->seg[S_CS].base = 0xffff0000;
    cpu->ldt = (Segment){ .limit = 0xffff, .attr = 0x82 };
    cpu->tr = (Segment){ .limit = 0xffff, .attr = 0x8b };
    cpu->gdt.base = cpu->idt.base = 0;
    cpu->gdt.limit = cpu->idt.limit = 0xffff;
}

static void reset_fpu_and_msrs(SoftCpu *cpu)
{
    fpu_reset(cpu, true);
    cpu->xcr0 = 1;
    cpu->pat = 0x0007040600070406ULL;
    cpu->misc_enable = 1;       /* fast strings */
    cpu->mtrr_def = 0;
    memset(cpu->mtrr_fixed, 0, sizeof(cpu->mtrr_fixed));
    memset(cpu->mtrr_base, 0, sizeof(cpu->mtrr_base));
    memset(cpu->mtrr_mask, 0, sizeof(cpu->mtrr_mask));
    cpu->mcg_status = cpu->mcg_ctl = 0;
    memset(cpu->mc_bank, 0, sizeof(cpu->mc_bank));
    cpu->star = cpu->lstar = cpu->cstar = cpu->fmask = cpu->kernel_gs_base = 0;
    cpu->sysenter_cs = cpu->sysenter_esp = cpu->sysenter_eip = 0;
    cpu->tsc_aux = cpu->tsc_adjust = cpu->tsc_deadline = cpu->spec_ctrl = cpu->debugctl = 0;
    cpu->tsc_offset = 0;
    cpu->smbase = 0x30000;
}

void soft_cpu_reset(SoftCpu *cpu, bool init)
{
    memset(cpu->gpr, 0, 16 * sizeof(cpu->gpr[0]));
    reset_segments(cpu);
    cpu->rip = 0xfff0;
    cpu->gpr[R_DX] = cpu->priv->model->stepping | (cpu->priv->model->model & 15) << 4
                   | MIN(cpu->priv->model->family, 15u) << 8
                   | (cpu->priv->model->model >> 4) << 16;
    cpu->eflags = 0;
    cpu_set_flags(cpu, 0);
    /* INIT leaves the caches and the FPU alone: CD and NW stay */
    cpu->cr0 = CR0_ET | (init ? cpu->cr0 & (CR0_CD | CR0_NW) : CR0_CD | CR0_NW);
    cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->cr8 = cpu->efer = 0;
    memset(cpu->dr, 0, sizeof(cpu->dr));
    cpu->dr[6] = 0xffff0ff0;
    debug_write_dr(cpu, 7, 0x400);
    if (!init) {
        reset_fpu_and_msrs(cpu);
        cpu->smm = false;
        cpu->a20_mask = accel_a20() ? ~0ULL : ~BIT64(20);
        cpu->apic_base = 0xfee00800 | (cpu->priv->index ? 0 : 0x100);
    }
    cpu->cpl = 0;
    cpu->halted = 0;
    cpu->irq_shadow = 0;
    cpu->nmi_blocked = 0;
    cpu->exc_vector = -1;
    cpu->op = NULL;
    cpu->link_from = NULL;
    cpu->priv->ext = 0;
    cpu->priv->data_trap = cpu->priv->db_is_fault = cpu->priv->step_suppress = false;
    cpu->priv->dr6_pending = 0;
    cpu->priv->wait_sipi = false;
    cpu->priv->given = GIVEN_NONE;
    tlb_flush_all(cpu);
    tlb_load_cr3(cpu, true);
    tlb_select(cpu);
    cpu_update_mode(cpu);
}

SoftCpu *soft_cpu_new(Vcpu *vcpu, const CpuModel *m, bool single, Error **errp)
{
    SoftCpu *cpu = NULL;

    if (posix_memalign((void **)&cpu, 4096, sizeof(*cpu))) {
        error_set(errp, "no memory for a vCPU");
        return NULL;
    }
    memset(cpu, 0, sizeof(*cpu));
    cpu->priv = g_new0(SoftCpuPrivate, 1);
    cpu->vcpu = vcpu;
    cpu->priv->index = vcpu->index;
    cpu->priv->apic_id = vcpu->apic_id;
    cpu->priv->model = m;
    cpu->a20_mask = ~0ULL;
    cpu->mode = single ? MODE_UP : 0;
    if (!tlb_init(cpu)) {
        error_set(errp, "no memory for a vCPU's TLB");
        soft_cpu_free(cpu);
        return NULL;
    }
    cpuid_apply(cpu);
    soft_cpu_reset(cpu, false);
    smp_add(cpu);
    return cpu;
}

void soft_cpu_free(SoftCpu *cpu)
{
    block_cpu_free(cpu);
    if (cpu->ctx_kernel) {
        smp_remove(cpu);
    }
    tlb_free(cpu);
    g_free(cpu->priv);
    free(cpu);
}

static bool soft_start(Accel *accel, const AccelConfig *config, Error **errp)
{
    SoftAccel *s = OBJECT_OF(accel, SoftAccel);
    CpuModelHost host = { .added[FW_1_ECX] = BIT(31) };

    cpuid_best(&host.best);
    /* SMAP is there for the asking: each STAC and CLAC has its price here */
    host.unasked[FW_7_EBX] = BIT(20);
    if (!accel_parse_cpu_model(config, &host, &model, errp) || !stub_start(errp)) {
        return false;
    }
    if (model.tsc_hz && model.tsc_hz != cpuid_tsc_hz()) {
        error_set(errp, "tsc-frequency=%" PRIu64 ": the software CPU's TSC counts %" PRIu64 " Hz",
                  model.tsc_hz, cpuid_tsc_hz());
        return false;
    }
    cpuid_set_topology(config->cores * MAX(config->dies, 1u), config->threads);
    single_cpu = config->max_cpus <= 1;
    phys_ops = &phys_machine;
    soft_listen();
    block_set_one_insn(s->one_insn);
    return true;
}

static bool soft_vcpu_init(Vcpu *vcpu, Error **errp)
{
    vcpu->accel_cpu = soft_cpu_new(vcpu, &model, single_cpu, errp);
    return vcpu->accel_cpu;
}

static void soft_vcpu_destroy(Vcpu *vcpu)
{
    soft_cpu_free(vcpu->accel_cpu);
    vcpu->accel_cpu = NULL;
}

static void soft_vcpu_reset(Vcpu *vcpu)
{
    SoftCpu *cpu = vcpu->accel_cpu;

    if (log_on(LOG_CPU_RESET)) {
        soft_log_reset(cpu, "CPU Reset");
    }
    soft_cpu_reset(cpu, false);
    if (vcpu->index != 0) {
        cpu->priv->wait_sipi = true;
        cpu->halted = 1;
    }
}

static void soft_vcpu_run(Vcpu *vcpu)
{
    SoftCpu *cpu = vcpu->accel_cpu;

    smp_enter(cpu);
    atomic_fetch_or(&cpu->exit_request, EXIT_EVENT);
    soft_cpu_exec(cpu);
    smp_leave(cpu);
}

static void soft_vcpu_kick(Vcpu *vcpu)
{
    SoftCpu *cpu = vcpu->accel_cpu;

    if (cpu) {
        atomic_fetch_or(&cpu->exit_request, EXIT_EVENT);
    }
}

static void set_a20(Vcpu *vcpu, void *opaque)
{
    SoftCpu *cpu = vcpu->accel_cpu;

    cpu->a20_mask = accel_a20() ? ~0ULL : ~BIT64(20);
    tlb_flush_all(cpu);
}

static void soft_set_a20(bool enabled)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        if (vcpu_get(i) == vcpu_current()) {
            set_a20(vcpu_get(i), NULL);
        } else {
            vcpu_run_on(vcpu_get(i), set_a20, NULL);
        }
    }
}

static void vcpu_get_state(Vcpu *vcpu, CpuState *out)
{
    soft_get_state(vcpu->accel_cpu, out);
}

static bool vcpu_put_state(Vcpu *vcpu, const CpuState *in, bool clocks, Error **errp)
{
    return soft_put_state(vcpu->accel_cpu, in, clocks, errp);
}

static bool soft_has_smm(void)
{
    return true;
}

static void soft_cpuid(Vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    cpuid_read(vcpu->accel_cpu, leaf, subleaf, out);
}

static void soft_debug_step(Vcpu *vcpu, unsigned flags)
{
    gdb_step(vcpu->accel_cpu, flags);
}

static bool soft_debug_translate(Vcpu *vcpu, uint64_t la, uint64_t *phys)
{
    return mmu_translate_debug(vcpu->accel_cpu, la, phys);
}

static bool soft_debug_in_smm(Vcpu *vcpu)
{
    return ((SoftCpu *)vcpu->accel_cpu)->smm;
}

static uint64_t soft_tsc_read(Vcpu *vcpu)
{
    return cpu_rdtsc(vcpu->accel_cpu);
}

static uint64_t soft_tsc_hz(Vcpu *vcpu)
{
    return cpuid_tsc_hz();
}

/* Memory changes that caches of host pointers and of decoded code must follow. */

static void map_changed(MemListener *l)
{
    smc_invalidate_all();
    smp_post_all(EV_FLUSH);
}

static void ram_written(MemListener *l, uint64_t ram_addr, uint64_t len)
{
    smc_invalidate_ram(ram_addr, len);
}

static void dirty_cleared(MemListener *l, uint64_t ram_addr, uint64_t len)
{
    const RamBlock *block = ram_block_find(ram_addr);

    if (block) {
        smp_post_dirty((uintptr_t)block->host + (ram_addr - block->offset), len);
    }
}

void soft_listen(void)
{
    static MemListener listener = {
        .map_changed = map_changed, .ram_written = ram_written, .dirty_cleared = dirty_cleared,
    };
    static bool added;

    if (!added) {
        mem_listener_add(&listener);
        added = true;
    }
}

static const char *const thread_names[] = { "multi", NULL };

static const Prop soft_props[] = {
    PROP_BOOL_AS("one-insn", SoftAccel, one_insn, false,
                 "one instruction per translated block (slow, for debugging)"),
    PROP_ENUM_AS("thread", SoftAccel, thread, 0, thread_names,
                 "vCPUs run in threads of their own (multi)"),
    { }
};

static const AccelType soft_accel = {
    .name = "soft", .alias = "tcg", .desc = "our own CPU: runs everywhere",
    .size = sizeof(SoftAccel), .props = soft_props,
    .start = soft_start, .vcpu_init = soft_vcpu_init, .vcpu_destroy = soft_vcpu_destroy,
    .vcpu_reset = soft_vcpu_reset, .vcpu_run = soft_vcpu_run, .vcpu_kick = soft_vcpu_kick,
    .set_a20 = soft_set_a20, .has_smm = soft_has_smm,
    .tsc_read = soft_tsc_read, .tsc_hz = soft_tsc_hz,
    .get_state = vcpu_get_state, .put_state = vcpu_put_state,
    .cpuid = soft_cpuid, .debug_point = gdb_point_changed, .debug_step = soft_debug_step,
    .debug_translate = soft_debug_translate, .debug_in_smm = soft_debug_in_smm,
    .print_jit = block_print_stats,
};
REGISTER_ACCEL(soft_accel)

/* The system half of the software CPU: what mmu, tlb, seg, fault, msr, smp, debug offer the rest */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_SOFT_SYS_H
#define ACCEL_SOFT_SYS_H

#include "accel/debug.h"
#include "accel/soft/soft-cpu.h"

enum { ACC_READ = 0, ACC_WRITE = 1, ACC_EXEC = 2 };

/* SoftCpuPrivate.events: besides what Vcpu.pending says. Any thread may set one. */
enum {
    EV_FLUSH = 1 << 0,      /* the memory map or A20 changed: host pointers are stale */
    EV_DIRTY = 1 << 1,      /* dirty bits were cleared: writes in dirty_from..dirty_to must be seen again */
};

/* How an event came, for interrupt_deliver(). */
typedef enum IntKind {
    INT_EXTERNAL,           /* from the interrupt controller */
    INT_NMI,
    INT_SOFT,               /* INT n: DPL of the gate is checked */
    INT_SOFT3,              /* INT3, INTO: DPL is checked, never redirected in v86 */
    INT_ICEBP,              /* INT1: no DPL check */
} IntKind;

/* What a page walk found. */
typedef struct MmuPage {
    uint64_t phys;          /* physical address of la, A20 applied */
    uint32_t error;         /* #PF error code when the walk failed */
    uint8_t page_shift;
    bool global, user, writable, dirty, nx;
} MmuPage;

typedef struct SoftCpuPrivate {
    _Atomic uint32_t events;            /* EV_* */
    bool wait_sipi;
    bool running;                       /* smp.c: counted among those exclusive waits for */

    /* fault.c: what cpu_raise() stored for fault_deliver() */
    int raise_vector;
    uint32_t raise_error;
    uint8_t ext;                        /* error codes get EXT: delivering an event not of the program */
    bool db_is_fault;                   /* the #DB raised is an instruction breakpoint or GD */
    bool step_suppress;                 /* the step's trap was taken by a delivery */

    /* debug.c */
    uint32_t dr6_pending;               /* B0..B3 of what this instruction hit, BS of SYSRET */
    bool breakpoints;                   /* DR7 enables one */
    bool data_trap;                     /* one of them was hit: #DB behind the instruction */
    /* gdb.c: the debugger's side */
    unsigned step_flags;                /* DEBUG_STEP, ... */
    bool watch_hit;                     /* by the instruction under way; the first one */
    struct DebugPoint watch_point;
    bool nmi_before_smm;                /* smm.c */

    /* state.c: an event that was on its way when the state was taken */
    enum { GIVEN_NONE, GIVEN_EXCEPTION, GIVEN_INTERRUPT } given;
    uint8_t given_vector;
    bool given_has_error;
    uint32_t given_error;

    /* tlb.c */
    uint64_t tlb_clock;
    uintptr_t dirty_from, dirty_to;     /* host addresses; under smp.c's lock */
    SoftTlb *user_now;                  /* the U context of the PCID in CR3 */
    uint16_t user_slots[256];           /* slots of user pages in K */
    unsigned nr_user_slots;

    unsigned index;
    uint32_t apic_id;
    const struct CpuModel *model;
    uint64_t cr4_allowed, xcr0_allowed, efer_allowed;
    uint8_t phys_bits;
    uint64_t pdpte[4];                  /* PAE: read when CR3 is loaded */
    uint32_t pause_count;
    int64_t pause_start_ns;
    uint64_t unknown_msr_traced[8];
} SoftCpuPrivate;

/* mmu.c ---------------------------------------------------------------- */

/*
 * Walk the tables for la. user: the access counts as CPL 3; implicit: descriptor
 * tables and the like, where SMAP ignores AC. Sets A (and D for a write). False: #PF with page->error.
 */
bool mmu_walk(SoftCpu *cpu, uint64_t la, int access, bool user, bool implicit, MmuPage *page);
/* For debuggers: no rights, no A/D. */
bool mmu_translate_debug(SoftCpu *cpu, uint64_t la, uint64_t *phys);
/* CR3 was loaded (or CR0.PG set) in PAE mode: read the four PDPTEs. False: #GP. */
bool mmu_load_pdptes(SoftCpu *cpu, uint64_t cr3);

/* tlb.c ---------------------------------------------------------------- */

bool tlb_init(SoftCpu *cpu);
void tlb_free(SoftCpu *cpu);
/*
 * Translate la in cpu->tlb (sys: in the kernel's context) for access, walking if
 * the slot does not hold it; raises #PF. On return tlb->info[slot] describes the
 * page. True: the tag array of that access holds it now, mem_hit() succeeds.
 * False: go by info[slot].phys (MMIO, ROM, code page, watchpoint).
 * ACC_WRITE checks reading too when the guest cannot write what it cannot read.
 */
bool tlb_fill(SoftCpu *cpu, const Op *op, uint64_t la, int access, bool sys);
/* The same, but false on a fault and nothing raised. */
bool tlb_try(SoftCpu *cpu, uint64_t la, int access, bool sys, MmuPage *page);
/* Physical address of the code byte at la; raises #PF. */
uint64_t tlb_fetch(SoftCpu *cpu, const Op *op, uint64_t la);
/* Are accesses of CPL 3 checked for alignment (CR0.AM and EFLAGS.AC) from now on? */
void tlb_set_aligned(SoftCpu *cpu, bool aligned);
/* Choose cpu->tlb by CPL; after every change of cpu->cpl. */
void tlb_select(SoftCpu *cpu);
bool tlb_is_canonical(SoftCpu *cpu, uint64_t la);
void tlb_flush_all(SoftCpu *cpu);
/* MOV CR3: flush = bit 63 clear or no PCID. */
void tlb_load_cr3(SoftCpu *cpu, bool flush);
void tlb_flush_page(SoftCpu *cpu, uint64_t la);
void tlb_invpcid(SoftCpu *cpu, unsigned type, unsigned pcid, uint64_t la);
/* The RAM page at phys holds code now: drop it from every tag_w of this vCPU. */
void tlb_drop_write(SoftCpu *cpu, uint64_t phys);
/* Drop write access to these host addresses and mark the pages dirty that had it. */
void tlb_drop_dirty(SoftCpu *cpu, uintptr_t from, uintptr_t to);
/* EFLAGS.AC was cleared under SMAP. */
void tlb_drop_user_in_kernel(SoftCpu *cpu);

/* seg.c ---------------------------------------------------------------- */

/* Linear address of seg:off for size bytes, limits and rights checked, wrapped; raises #GP or #SS. */
uint64_t seg_linear(SoftCpu *cpu, const Op *op, unsigned seg, uint64_t off, unsigned size, bool write);
/* Load a data or stack segment register (not CS), as MOV/POP/Lxx do. */
void seg_load(SoftCpu *cpu, const Op *op, unsigned seg, uint16_t sel);
/* Real-mode and v86 style: base = sel << 4. */
void seg_load_real(SoftCpu *cpu, unsigned seg, uint16_t sel);
/* Far JMP and CALL; RET far with bytes to release. They set CS:RIP and the mode. */
void seg_far_jump(SoftCpu *cpu, const Op *op, uint16_t sel, uint64_t off, unsigned opsz,
                  uint64_t next_rip);
void seg_far_call(SoftCpu *cpu, const Op *op, uint16_t sel, uint64_t off, unsigned opsz,
                  uint64_t next_rip);
void seg_far_ret(SoftCpu *cpu, const Op *op, unsigned opsz, unsigned release);
void seg_iret(SoftCpu *cpu, const Op *op, unsigned opsz, uint64_t next_rip);

/* fault.c -------------------------------------------------------------- */

/* In exec.c after cpu_raise() landed and cpu->rip is the faulting instruction's. */
void fault_deliver(SoftCpu *cpu);
void interrupt_deliver(SoftCpu *cpu, const Op *op, int vector, IntKind kind, uint64_t return_rip);

/* interp-sys.c --------------------------------------------------------- */

OpFn *pick_sys(const Insn *insn, uint32_t mode);
/* #GP unless CPL, IOPL and the TSS's bitmap allow size bytes at port. */
void io_check(SoftCpu *cpu, const Op *op, uint16_t port, unsigned size);
uint32_t io_in(SoftCpu *cpu, uint16_t port, unsigned size);
void io_out(SoftCpu *cpu, uint16_t port, uint32_t value, unsigned size);

/* smp.c ---------------------------------------------------------------- */

/*
 * In exec.c between blocks, when exit_request is set, the STI/MOV SS shadow or
 * IF changed, or the CPU is halted. Delivers what is due, waits while halted.
 * False: leave soft_cpu_exec() to the vCPU thread's loop.
 */
bool soft_cpu_handle_events(SoftCpu *cpu);
/* Post an event from any thread. */
void soft_cpu_post(SoftCpu *cpu, uint32_t event);
/* The vCPU's thread goes into guest code and comes out of it; entering waits while another is exclusive. */
void smp_enter(SoftCpu *cpu);
void smp_leave(SoftCpu *cpu);
void smp_add(SoftCpu *cpu);
void smp_remove(SoftCpu *cpu);
void smp_post_all(uint32_t event);
void smp_post_dirty(uintptr_t host, uint64_t len);
/* Stop all other vCPUs at a quiet point. Only between instructions' effects; never nested. */
void exclusive_begin(SoftCpu *cpu);
void exclusive_end(SoftCpu *cpu);
/* PAUSE: how hard to spin. */
void cpu_pause(SoftCpu *cpu);

/* exec.c (not mine): run until soft_cpu_handle_events() says to leave. */
void soft_cpu_exec(SoftCpu *cpu);

/* debug.c -------------------------------------------------------------- */

/* After a block whose mode had MODE_TF ran its one instruction. Raises #DB. */
void debug_step_done(SoftCpu *cpu);
/*
 * SYSCALL and SYSRET, before cpu_update_mode(): whether a step traps behind
 * them is for the new TF to say, not for the one they began with.
 */
void debug_step_flags(SoftCpu *cpu);
/* A #DB comes: DR6 says what else it is for. */
void debug_report_pending(SoftCpu *cpu);
/* Between blocks: raises the #DB of a data breakpoint. */
void debug_data_trap(SoftCpu *cpu);
void debug_write_dr(SoftCpu *cpu, unsigned n, uint64_t value);
/* Does a data breakpoint cover this linear page? Then it stays out of the tag arrays. */
bool debug_watches_page(SoftCpu *cpu, uint64_t la);
/* mem.c, for an access to a watched page: notes the hits; the #DB comes after the instruction. */
void debug_check_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write);
/* A port was used: I/O breakpoints (CR4.DE) trap behind the instruction too. */
void debug_check_io(SoftCpu *cpu, uint16_t port, unsigned size);
/* The instruction under way did not complete: its traps do not come. */
void debug_faulted(SoftCpu *cpu);
/* The same accesses will follow, perhaps where they cannot be undone any more. */
void debug_probe_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size);
/* block look-up: an instruction breakpoint at this linear address (RF clear)? Raises #DB. */
void debug_check_fetch(SoftCpu *cpu, uint64_t la);
bool debug_has_code_breakpoints(SoftCpu *cpu);

/* gdb.c: the debugger outside, accel/debug.h ---------------------------- */

/* Is there a breakpoint at cpu->rip + offset? Then a block begins there, and stops. */
bool gdb_breaks_at(const SoftCpu *cpu, unsigned offset);
/* The CPU is at a breakpoint: leave guest code. */
void gdb_stop_here(SoftCpu *cpu);
/* Behind an instruction that ran alone under MODE_STEP, or its exception. */
void gdb_step_done(SoftCpu *cpu);
bool gdb_watches_page(uint64_t la);
/* An access to a watched page. May go back to the start of the instruction. */
void gdb_check_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size, bool write);
/* Go back now if such an access would. */
void gdb_probe_access(SoftCpu *cpu, const Op *op, uint64_t la, unsigned size);
bool gdb_point_changed(const DebugPoint *point, Error **errp);
void gdb_step(SoftCpu *cpu, unsigned flags);

/* smm.c ---------------------------------------------------------------- */

void smm_enter(SoftCpu *cpu);
void smm_leave(SoftCpu *cpu);

/* clock-soft.c --------------------------------------------------------- */

uint64_t cpu_rdtsc(SoftCpu *cpu);

/* msr.c: false means #GP */
bool msr_read(SoftCpu *cpu, uint32_t number, uint64_t *value);
bool msr_write(SoftCpu *cpu, uint32_t number, uint64_t value);

/* cpuid.c */
/* May this CPU's model run it? If not it is #UD. */
bool cpuid_allows(const SoftCpu *cpu, const Insn *insn);
void cpuid_read(SoftCpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

#endif

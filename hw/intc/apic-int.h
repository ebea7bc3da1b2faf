/* apic: what its two files share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_INTC_APIC_INT_H
#define HW_INTC_APIC_INT_H

#include "hw/intc/apic.h"
#include "memory/memory.h"
#include "util/clock.h"

/* Offsets >> 4; also MSR - 0x800 (SDM vol. 3, tables 11-1 and 11-6). */
enum {
    REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_APR = 0x09, REG_PPR = 0x0a,
    REG_EOI = 0x0b, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f, REG_ISR = 0x10,
    REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28, REG_ICR = 0x30, REG_ICR_HIGH = 0x31,
    REG_LVT = 0x32, REG_INITIAL = 0x38, REG_CURRENT = 0x39, REG_DIVIDE = 0x3e,
    REG_SELF_IPI = 0x3f,
};

enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, NR_LVT };

#define LVT_STATUS    BIT(12)
#define LVT_LEVEL     BIT(15)
#define LVT_MASKED    BIT(16)
#define LVT_MODE(v)   ((v) >> 8 & 7)
#define TIMER_MODE(v) ((v) >> 17 & 3)
enum { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

#define SVR_ENABLE    BIT(8)

#define BASE_BSP      BIT64(8)
#define BASE_X2APIC   BIT64(10)
#define BASE_ENABLE   BIT64(11)
#define BASE_ADDR     0x000ffffffffff000ULL

enum {
    ESR_SEND_ILLEGAL = 1 << 5, ESR_RECEIVE_ILLEGAL = 1 << 6, ESR_ILLEGAL_REGISTER = 1 << 7,
};

#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800

typedef struct Apic {
    Device dev;
    Vcpu *cpu;
    uint32_t initial_id;
    uint8_t version;

    uint64_t base;              /* MSR 0x1b */
    uint8_t id;                 /* of xAPIC mode */
    uint8_t tpr;
    uint32_t ldr, dfr, svr;
    uint32_t esr, errors;       /* as read, and gathered since */
    uint64_t icr;
    uint32_t lvt[NR_LVT];
    uint32_t isr[8], tmr[8], irr[8];
    bool extint;                /* an ExtINT message waits */
    bool lint0;                 /* level of the pin */

    uint32_t initial_count, divide;
    int64_t timer_start_ns;     /* when initial_count was counted down from */
    uint64_t tsc_deadline;
    Timer timer;

    MemRegion moved;            /* the page of a base that is not the default */
} Apic;

static inline bool apic_hw_enabled(const Apic *s)
{
    return s->base & BASE_ENABLE;
}

static inline bool apic_is_x2(const Apic *s)
{
    return s->base & BASE_X2APIC;
}

extern const StateField apic_state[];

/* apic.c */
/* Tell the vCPU whether it has something to take. */
void apic_update(Apic *s);
/* What an LVT entry says happens now. */
void apic_local(Apic *s, unsigned lvt);
void apic_eoi_write(Apic *s);
void apic_set_tpr(Apic *s, uint8_t tpr);
uint8_t apic_ppr(const Apic *s);
uint32_t apic_logical_id(const Apic *s);
void apic_send_icr(Apic *s);
void apic_self_ipi(Apic *s, uint8_t vector);
void apic_error(Apic *s, uint32_t bit);
void apic_reset(Apic *s, bool init);
Apic *apic_of(Vcpu *cpu);
void apic_write_svr(Apic *s, uint32_t value);
void apic_write_lvt(Apic *s, unsigned n, uint32_t value);

/* apic-timer.c */
void apic_timer_init(Apic *s);
void apic_timer_stop(Apic *s);
void apic_timer_loaded(Apic *s);        /* its fields are those of another moment, or APIC */
void apic_timer_set_initial(Apic *s, uint32_t count);
void apic_timer_set_divide(Apic *s, uint32_t divide);
void apic_timer_set_deadline(Apic *s, uint64_t tsc);
/* LVT_TIMER changed from old. */
void apic_timer_mode_changed(Apic *s, uint32_t old);
uint32_t apic_timer_current(const Apic *s);

/* apic-regs.c */
extern const IoOps apic_io;             /* opaque: the Apic whose moved page it is, or NULL */
bool apic_msr_read(void *opaque, uint32_t msr, uint64_t *value);
bool apic_msr_write(void *opaque, uint32_t msr, uint64_t value);

#endif

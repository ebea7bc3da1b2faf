/* Interrupt controllers as text: "info pic", "info irq", "info lapic" */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "hw/intc/apic-int.h"
#include "hw/intc/i8259-int.h"
#include "hw/intc/intc-print.h"
#include "hw/intc/ioapic-int.h"

static bool is_one(const Device *dev, const char *type)
{
    const char *name = device_type(dev)->object.name;

    return !strcmp(name, type) || (g_str_has_prefix(name, "kvm-") &&
                                   !strcmp(name + 4, g_str_has_prefix(type, "isa-") ? type + 4
                                                                                    : type));
}

typedef struct Walk {
    GString *out;
    const char *type;
    void (*print)(Device *dev, GString *out);
} Walk;

static void print_if(Device *dev, void *opaque)
{
    const Walk *w = opaque;
    Error *err = NULL;

    if (!is_one(dev, w->type)) {
        return;
    }
    if (!device_fetch_state(dev, &err)) {
        g_string_append_printf(w->out, "%s\n", error_text(err));
        error_free(err);
        return;
    }
    w->print(dev, w->out);
}

static void print_all(const char *type, void (*print)(Device *dev, GString *out), GString *out)
{
    Walk w = { out, type, print };

    devices_for_each(print_if, &w);
}

/* --- PIC and I/O APIC --- */

static const char *const ioapic_modes[8] = {
    "fixed ", "lowest", "SMI   ", "...   ", "NMI   ", "INIT  ", "...   ", "extINT",
};

static void print_pins(const char *name, const Ioapic *s, uint64_t bit, GString *out)
{
    bool any = false;

    g_string_append_printf(out, "  %s", name);
    for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
        bool on = bit ? s->table[pin] & bit : s->lines & BIT(pin);

        if (on) {
            g_string_append_printf(out, "%s%u", any ? " " : "", pin);
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : "(none)\n");
}

static void print_ioapic(Device *dev, GString *out)
{
    const Ioapic *s = DEVICE_OF(dev, Ioapic);

    g_string_append_printf(out, "ioapic0: ver=0x%x id=0x%02x sel=0x%02x",
                           s->version ? s->version : 0x11, s->id, s->select);
    if (s->select >= 0x10 && s->select < 0x10 + 2 * IOAPIC_NR_PINS) {
        g_string_append_printf(out, " (redir[%u])", (s->select - 0x10) / 2);
    }
    g_string_append_c(out, '\n');
    for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
        uint64_t rte = s->table[pin];

        g_string_append_printf(out, "  pin %-2u 0x%016" PRIx64 " dest=%X vec=%-3u %s %s %s %s %s\n",
                               pin, rte, (unsigned)(rte >> 56), (unsigned)(rte & 0xff),
                               rte & BIT64(13) ? "active-lo" : "active-hi",
                               rte & RTE_LEVEL ? "level" : "edge ",
                               rte & RTE_MASKED ? "masked" : "      ", ioapic_modes[rte >> 8 & 7],
                               rte & RTE_LOGICAL ? "logical" : "physical");
    }
    print_pins("IRR      ", s, 0, out);
    print_pins("Remote IRR ", s, RTE_REMOTE_IRR, out);
}

static void print_pic(Device *dev, GString *out)
{
    const I8259 *s = DEVICE_OF(dev, I8259);

    g_string_append_printf(out, "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x "
                           "rr_sel=%d elcr=%02x fnm=%d\n", s->master ? 0 : 1, s->irr, s->imr,
                           s->isr, (s->lowest + 1) & 7, s->vector_base, s->read_isr, s->elcr,
                           s->special_nested);
}

void intc_print_pics(GString *out)
{
    print_all("ioapic", print_ioapic, out);
    print_all("isa-i8259", print_pic, out);
}

/* --- counts --- */

static void print_count(GString *out, unsigned n, uint64_t count)
{
    if (count) {
        g_string_append_printf(out, "%2u: %" PRIu64 "\n", n, count);
    }
}

/* The kernel does not count for us. */
static bool in_kernel(Device *dev, GString *out)
{
    if (!device_type(dev)->fetch_state) {
        return false;
    }
    g_string_append_printf(out, "IRQ statistics not available for %s.\n",
                           device_type(dev)->object.name);
    return true;
}

static void print_ioapic_counts(Device *dev, GString *out)
{
    const Ioapic *s = DEVICE_OF(dev, Ioapic);

    if (!in_kernel(dev, out)) {
        g_string_append(out, "IRQ statistics for ioapic:\n");
        for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
            print_count(out, pin, s->counts[pin]);
        }
    }
}

/* The pair at once, as the sixteen interrupts that it is. */
static void print_pic_counts(Device *dev, GString *out)
{
    const I8259 *s = DEVICE_OF(dev, I8259);

    if (!s->master || in_kernel(dev, out)) {
        return;
    }
    g_string_append(out, "IRQ statistics for isa-i8259:\n");
    for (unsigned n = 0; n < 8; n++) {
        print_count(out, n, s->counts[n]);
    }
    for (unsigned n = 0; s->slave && n < 8; n++) {
        print_count(out, n + 8, s->slave->counts[n]);
    }
}

void intc_print_counts(GString *out)
{
    print_all("ioapic", print_ioapic_counts, out);
    print_all("isa-i8259", print_pic_counts, out);
}

/* --- local APIC --- */

static const char *const apic_modes[8] = {
    "Fixed", "LowPri", "SMI", "...", "NMI", "INIT", "SIPI", "ExtINT",
};

static void print_lvt(const char *name, uint32_t lvt, bool timer, GString *out)
{
    static const char *const timer_modes[4] = { "one-shot", "periodic", "tsc-deadline", "..." };
    unsigned mode = LVT_MODE(lvt);

    g_string_append_printf(out, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s", name, lvt,
                           lvt & BIT(13) ? "active-lo" : "active-hi",
                           lvt & LVT_LEVEL ? "level" : "edge", lvt & LVT_MASKED ? "masked" : "",
                           lvt & LVT_STATUS ? "pending" : "",
                           timer ? timer_modes[TIMER_MODE(lvt)] : "", apic_modes[mode]);
    if (mode != 4) {
        g_string_append_printf(out, " (vec %u)", lvt & 0xff);
    }
    g_string_append_c(out, '\n');
}

static void print_vectors(const char *name, const uint32_t *set, const uint32_t *level,
                          GString *out)
{
    bool any = false;

    g_string_append_printf(out, "%s\t ", name);
    for (unsigned v = 0; v < 256; v++) {
        if (set[v / 32] & BIT(v % 32)) {
            g_string_append_printf(out, "%u%s ", v,
                                   level[v / 32] & BIT(v % 32) ? "(level)" : "");
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : "(none)\n");
}

static void print_icr(const Apic *s, GString *out)
{
    static const char *const shorthands[4] = { "no-shorthand", "self", "all-self", "all" };
    uint32_t low = s->icr, high = s->icr >> 32, shorthand = low >> 18 & 3;

    g_string_append_printf(out, "ICR\t 0x%08x %s %s %s %s\n", low,
                           low & BIT(11) ? "logical" : "physical", low & BIT(15) ? "level" : "edge",
                           low & BIT(14) ? "assert" : "de-assert", shorthands[shorthand]);
    g_string_append_printf(out, "ICR2\t 0x%08x", high);
    if (!shorthand && !(low & BIT(11))) {
        g_string_append_printf(out, " cpu %u (%s ID)", apic_is_x2(s) ? high : high >> 24,
                               apic_is_x2(s) ? "X2APIC" : "APIC");
    } else if (!shorthand) {
        g_string_append_printf(out, " mask 0x%x", apic_is_x2(s) ? high : high >> 24);
    }
    g_string_append_c(out, '\n');
}

static void print_apic(Apic *s, GString *out)
{
    unsigned divide = (((s->divide & 3) | (s->divide >> 1 & 4)) + 1) & 7;

    g_string_append_printf(out, "dumping local APIC state for CPU %-2u\n\n", s->cpu->index);
    print_lvt("LVT0", s->lvt[LVT_LINT0], false, out);
    print_lvt("LVT1", s->lvt[LVT_LINT1], false, out);
    print_lvt("LVTPC", s->lvt[LVT_PERF], false, out);
    print_lvt("LVTERR", s->lvt[LVT_ERROR], false, out);
    print_lvt("LVTTHMR", s->lvt[LVT_THERMAL], false, out);
    print_lvt("LVTT", s->lvt[LVT_TIMER], true, out);
    g_string_append_printf(out, "Timer\t DCR=0x%x (divide by %u) initial_count = %u "
                           "current_count = %u\n", s->divide & 0xb, 1U << divide,
                           s->initial_count, apic_timer_current(s));
    g_string_append_printf(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", s->svr,
                           s->svr & SVR_ENABLE ? "enabled" : "disabled",
                           s->svr & BIT(9) ? "on" : "off", s->svr & 0xff);
    print_icr(s, out);
    g_string_append_printf(out, "ESR\t 0x%08x\n", s->esr);
    print_vectors("ISR", s->isr, s->tmr, out);
    print_vectors("IRR", s->irr, s->tmr, out);
    g_string_append_printf(out, "\nAPR 0x00 TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n",
                           s->tpr, s->dfr >> 28, apic_is_x2(s) ? apic_logical_id(s) : s->ldr >> 24,
                           apic_ppr(s));
}

typedef struct FindApic {
    const Vcpu *cpu;
    Device *found;
} FindApic;

static void find_apic(Device *dev, void *opaque)
{
    FindApic *f = opaque;

    if (is_one(dev, "apic") && DEVICE_OF(dev, Apic)->cpu == f->cpu) {
        f->found = dev;
    }
}

bool intc_print_lapic(const Vcpu *cpu, GString *out)
{
    FindApic f = { cpu, NULL };
    Error *err = NULL;

    devices_for_each(find_apic, &f);
    if (!f.found) {
        return false;
    }
    if (device_fetch_state(f.found, &err)) {
        print_apic(DEVICE_OF(f.found, Apic), out);
    } else {
        g_string_append_printf(out, "%s\n", error_text(err));
        error_free(err);
    }
    return true;
}

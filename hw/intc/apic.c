/* apic: a vCPU's local APIC: priorities, messages, pins, reset */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/intc/apic-int.h"
#include "hw/intc/ioapic.h"
#include "util/trace.h"

static const VcpuIrqOps apic_irq_ops;
/* The page at the default base and the MSI window behind it, shared by all CPUs. */
static MemRegion window;
/* Level of the i8259's INTR, where the boot CPU has no APIC. */
static bool intr_level;

Apic *apic_of(Vcpu *cpu)
{
    return cpu->irq == &apic_irq_ops ? cpu->irq_opaque : NULL;
}

/* Highest vector set of 256, -1 when none is. */
static int highest(const uint32_t *bits)
{
    for (int i = 7; i >= 0; i--) {
        if (bits[i]) {
            return i * 32 + 31 - __builtin_clz(bits[i]);
        }
    }
    return -1;
}

static void set_bit(uint32_t *bits, uint8_t n, bool on)
{
    bits[n / 32] = on ? bits[n / 32] | BIT(n & 31) : bits[n / 32] & ~BIT(n & 31);
}

static bool test_bit(const uint32_t *bits, uint8_t n)
{
    return bits[n / 32] & BIT(n & 31);
}

uint8_t apic_ppr(const Apic *s)
{
    int serving = highest(s->isr);
    uint8_t class = serving < 0 ? 0 : serving & 0xf0;

    return (s->tpr & 0xf0) >= class ? s->tpr : class;
}

uint32_t apic_logical_id(const Apic *s)
{
    if (apic_is_x2(s)) {
        return (s->initial_id >> 4) << 16 | BIT(s->initial_id & 0xf);
    }
    return s->ldr;
}

/* The vector that may be delivered now, -1 when there is none. */
static int deliverable(const Apic *s)
{
    int vector = highest(s->irr);

    return vector >= 0 && (vector & 0xf0) > (apic_ppr(s) & 0xf0) ? vector : -1;
}

/* The i8259 asks, and LINT0 lets it through (or there is no APIC in the way). */
static bool pic_asks(const Apic *s)
{
    if (!s->lint0) {
        return false;
    }
    if (!apic_hw_enabled(s)) {
        return s->cpu->index == 0;
    }
    return !(s->lvt[LVT_LINT0] & LVT_MASKED) &&
           LVT_MODE(s->lvt[LVT_LINT0]) == APIC_MODE_EXTINT;
}

void apic_update(Apic *s)
{
    bool intr = pic_asks(s) || (apic_hw_enabled(s) && (s->extint || deliverable(s) >= 0));

    if (!intr) {
        vcpu_lower(s->cpu, VCPU_INTR);
    } else if (!(s->cpu->pending & VCPU_INTR)) {
        vcpu_raise(s->cpu, VCPU_INTR);
    }
}

void apic_error(Apic *s, uint32_t bit)
{
    TRACE(apic_error, "cpu %u error 0x%x", s->cpu->index, bit);
    if (!(s->errors & bit)) {
        s->errors |= bit;
        /* A bad vector in LVT ERROR itself would come back here; the bit is set by then. */
        apic_local(s, LVT_ERROR);
    }
}

static bool accept_fixed(Apic *s, uint8_t vector, bool level)
{
    if (!(s->svr & SVR_ENABLE)) {
        return false;
    }
    if (vector < 16) {
        apic_error(s, ESR_RECEIVE_ILLEGAL);
        return true;
    }
    set_bit(s->irr, vector, true);
    set_bit(s->tmr, vector, level);
    apic_update(s);
    return true;
}

/* One APIC takes one message; false when it does not want it. */
static bool accept_message(Apic *s, const ApicMessage *msg)
{
    if (!apic_hw_enabled(s)) {
        return false;
    }
    switch (msg->mode) {
    case APIC_MODE_FIXED:
    case APIC_MODE_LOWEST:
        return accept_fixed(s, msg->vector, msg->level);
    case APIC_MODE_SMI:
        vcpu_raise(s->cpu, VCPU_SMI);
        return true;
    case APIC_MODE_NMI:
        vcpu_raise(s->cpu, VCPU_NMI);
        return true;
    case APIC_MODE_INIT:
        vcpu_raise(s->cpu, VCPU_INIT);
        return true;
    case APIC_MODE_SIPI:
        s->cpu->sipi_vector = msg->vector;
        vcpu_raise(s->cpu, VCPU_SIPI);
        return true;
    case APIC_MODE_EXTINT:
        s->extint = true;
        apic_update(s);
        return true;
    default:
        return false;
    }
}

void apic_local(Apic *s, unsigned lvt)
{
    uint32_t entry = s->lvt[lvt];
    ApicMessage msg = { .mode = LVT_MODE(entry), .vector = entry, .level = entry & LVT_LEVEL };

    if (entry & LVT_MASKED) {
        return;
    }
    if (lvt == LVT_TIMER || lvt == LVT_ERROR) {
        msg.mode = APIC_MODE_FIXED;     /* these have no delivery mode */
        msg.level = false;
    }
    accept_message(s, &msg);
}

static bool matches_logical(const Apic *s, const ApicMessage *msg)
{
    uint32_t id = apic_logical_id(s), dest = msg->dest;

    if (apic_is_x2(s)) {
        return id >> 16 == dest >> 16 && (id & dest & 0xffff);
    }
    if (msg->wide && dest > 0xff) {
        return false;
    }
    id >>= 24;
    if (s->dfr >> 28 == 0xf) {
        return id & dest;
    }
    return id >> 4 == dest >> 4 && (id & dest & 0xf);
}

static bool matches(const Apic *s, const ApicMessage *msg)
{
    if (msg->dest == (msg->wide ? UINT32_MAX : 0xff)) {
        return true;
    }
    if (msg->logical) {
        return matches_logical(s, msg);
    }
    return msg->dest == (apic_is_x2(s) ? s->initial_id : s->id);
}

/* Lowest priority: of those addressed the one whose PPR is smallest. */
static bool deliver_lowest(const ApicMessage *msg)
{
    Apic *best = NULL;

    for (unsigned i = 0; i < vcpu_count(); i++) {
        Apic *s = apic_of(vcpu_get(i));

        if (s && apic_hw_enabled(s) && (s->svr & SVR_ENABLE) && matches(s, msg) &&
            (!best || apic_ppr(s) < apic_ppr(best))) {
            best = s;
        }
    }
    return best && accept_message(best, msg);
}

void apic_message_to_msi(const ApicMessage *msg, uint64_t *addr, uint32_t *data)
{
    *addr = APIC_BASE_DEFAULT | (msg->dest & 0xff) << 12 | (msg->logical ? BIT(2) : 0);
    *data = msg->vector | (msg->mode & 7) << 8 | (msg->level ? BIT(15) | BIT(14) : 0);
}

/* False: the local APICs are ours. */
static bool to_kernel(uint64_t addr, uint32_t data, bool *accepted)
{
    const IrqchipOps *chip = accel_irqchip();

    if (!chip || chip->mode() == IRQCHIP_OFF) {
        return false;
    }
    *accepted = chip->send_msi(addr, data);
    return true;
}

bool apic_deliver(const ApicMessage *msg)
{
    bool accepted = false;
    uint64_t addr;
    uint32_t data;

    apic_message_to_msi(msg, &addr, &data);
    if (to_kernel(addr, data, &accepted)) {
        return accepted;
    }
    if (msg->mode == APIC_MODE_LOWEST) {
        return deliver_lowest(msg);
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        Apic *s = apic_of(vcpu_get(i));

        if (s && matches(s, msg)) {
            accepted |= accept_message(s, msg);
        }
    }
    return accepted;
}

void apic_deliver_msi(uint64_t addr, uint32_t data)
{
    ApicMessage msg = {
        .dest = addr >> 12 & 0xff, .logical = addr & BIT(2), .mode = data >> 8 & 7,
        .vector = data, .level = data & BIT(15),
    };

    bool accepted;

    TRACE(apic_msi, "addr 0x%" PRIx64 " data 0x%08x", addr, data);
    if (to_kernel(addr, data, &accepted)) {
        return;
    }
    /* The redirection hint lets any one of a logical set take it. */
    if ((addr & BIT(3)) && msg.logical && msg.mode == APIC_MODE_FIXED) {
        msg.mode = APIC_MODE_LOWEST;
    }
    apic_deliver(&msg);
}

void apic_self_ipi(Apic *s, uint8_t vector)
{
    if (vector < 16) {
        apic_error(s, ESR_SEND_ILLEGAL);
    } else {
        accept_fixed(s, vector, false);
    }
}

void apic_send_icr(Apic *s)
{
    enum { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };
    uint32_t low = s->icr;
    unsigned shorthand = low >> 18 & 3;
    bool x2 = apic_is_x2(s);
    ApicMessage msg = {
        .dest = x2 ? s->icr >> 32 : s->icr >> 56, .logical = low & BIT(11), .wide = x2,
        .mode = low >> 8 & 7, .vector = low,
    };

    TRACE(apic_ipi, "cpu %u icr 0x%016" PRIx64, s->cpu->index, s->icr);
    if (msg.mode == APIC_MODE_INIT && (low & BIT(15)) && !(low & BIT(14))) {
        return;     /* INIT level de-assert: only arbitration IDs of old */
    }
    if (msg.mode <= APIC_MODE_LOWEST && msg.vector < 16) {
        apic_error(s, ESR_SEND_ILLEGAL);
        return;
    }
    if (shorthand == TO_DEST) {
        apic_deliver(&msg);
        return;
    }
    for (unsigned i = 0; i < vcpu_count(); i++) {
        Apic *to = apic_of(vcpu_get(i));

        if (to && (shorthand == TO_ALL || (shorthand == TO_SELF) == (to == s))) {
            accept_message(to, &msg);
        }
    }
}

void apic_eoi_write(Apic *s)
{
    int vector = highest(s->isr);

    if (vector < 0) {
        return;
    }
    set_bit(s->isr, vector, false);
    TRACE(apic_eoi, "cpu %u vector 0x%02x", s->cpu->index, vector);
    if (test_bit(s->tmr, vector)) {
        ioapic_eoi(vector);
    }
    apic_update(s);
}

void apic_set_tpr(Apic *s, uint8_t tpr)
{
    s->tpr = tpr;
    apic_update(s);
}

void apic_write_svr(Apic *s, uint32_t value)
{
    s->svr = value & 0x1ff;
    if (!(value & SVR_ENABLE)) {
        /* SDM vol. 3, 11.4.7.2: disabled by software, all entries are masked. */
        for (unsigned i = 0; i < NR_LVT; i++) {
            s->lvt[i] |= LVT_MASKED;
        }
    }
    apic_update(s);
}

void apic_write_lvt(Apic *s, unsigned n, uint32_t value)
{
    static const uint32_t writable[NR_LVT] = {
        0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff,
    };
    uint32_t old = s->lvt[n];

    s->lvt[n] = value & writable[n];
    if (!(s->svr & SVR_ENABLE)) {
        s->lvt[n] |= LVT_MASKED;
    }
    if (n == LVT_TIMER) {
        apic_timer_mode_changed(s, old);
    }
    apic_update(s);
}

/* The vCPU's thread takes an interrupt. */
static int apic_ack(void *opaque)
{
    Apic *s = opaque;
    int vector = -1;

    if (apic_hw_enabled(s)) {
        vector = deliverable(s);
        if (vector >= 0) {
            set_bit(s->irr, vector, false);
            set_bit(s->isr, vector, true);
        } else if (s->extint) {
            s->extint = false;
            vector = vcpu_pic_ack();
        }
    }
    if (vector < 0 && pic_asks(s)) {
        vector = vcpu_pic_ack();
    }
    TRACE(apic_ack, "cpu %u vector %d", s->cpu->index, vector);
    apic_update(s);
    return vector;
}

static uint8_t get_cr8(void *opaque)
{
    return ((Apic *)opaque)->tpr >> 4;
}

static void set_cr8(void *opaque, uint8_t cr8)
{
    apic_set_tpr(opaque, (cr8 & 0xf) << 4);
}

static uint64_t get_base(void *opaque)
{
    return ((Apic *)opaque)->base;
}

/* A page of its own for a base off the usual place. */
static void map_moved(Apic *s)
{
    uint64_t addr = s->base & BASE_ADDR;
    bool wanted = apic_hw_enabled(s) && !apic_is_x2(s) && addr != APIC_BASE_DEFAULT;

    region_remove(&s->moved);
    if (wanted) {
        region_add(memory_root(), addr, &s->moved, 2);
    }
}

static bool set_base(void *opaque, uint64_t value)
{
    Apic *s = opaque;
    uint64_t was = s->base & (BASE_ENABLE | BASE_X2APIC);
    uint64_t now = value & (BASE_ENABLE | BASE_X2APIC);

    /* SDM vol. 3, 11.12.5: x2APIC is entered from enabled, left through disabled. */
    if ((value & ~(BASE_ADDR | BASE_BSP | BASE_ENABLE | BASE_X2APIC)) || now == BASE_X2APIC ||
        (!was && (now & BASE_X2APIC)) || ((was & BASE_X2APIC) && now == BASE_ENABLE)) {
        return false;
    }
    TRACE(apic_base, "cpu %u base 0x%" PRIx64, s->cpu->index, value);
    if (was && !now) {
        apic_reset(s, true);
    }
    s->base = (value & ~BASE_BSP) | (s->base & BASE_BSP);
    map_moved(s);
    apic_update(s);
    return true;
}

void apic_reset(Apic *s, bool init)
{
    apic_timer_stop(s);
    s->tpr = 0;
    s->ldr = 0;
    s->dfr = UINT32_MAX;
    s->svr = 0xff;
    s->esr = s->errors = 0;
    s->icr = 0;
    s->divide = 0;
    s->extint = false;
    memset(s->isr, 0, sizeof(s->isr));
    memset(s->tmr, 0, sizeof(s->tmr));
    memset(s->irr, 0, sizeof(s->irr));
    for (unsigned i = 0; i < NR_LVT; i++) {
        s->lvt[i] = LVT_MASKED;
    }
    if (s->cpu->index == 0) {
        /* Virtual wire mode from the start (MP specification 3.6.2.2), as firmware leaves it. */
        s->lvt[LVT_LINT0] = APIC_MODE_EXTINT << 8;
    }
    if (!init) {
        s->id = s->initial_id;
        s->base = APIC_BASE_DEFAULT | BASE_ENABLE | (s->cpu->index == 0 ? BASE_BSP : 0);
        map_moved(s);
    }
    apic_update(s);
}

static void reset_by_cpu(void *opaque, bool init)
{
    apic_reset(opaque, init);
}

static const VcpuIrqOps apic_irq_ops = {
    .ack = apic_ack, .get_tpr = get_cr8, .set_tpr = set_cr8, .get_base = get_base,
    .set_base = set_base, .msr_read = apic_msr_read, .msr_write = apic_msr_write,
    .reset = reset_by_cpu,
};

static void lint0_changed(Apic *s, bool level)
{
    bool rising = level && !s->lint0;

    s->lint0 = level;
    if (rising && apic_hw_enabled(s) && LVT_MODE(s->lvt[LVT_LINT0]) != APIC_MODE_EXTINT) {
        apic_local(s, LVT_LINT0);
    }
    apic_update(s);
}

static void intr_changed(void *opaque, int n, int level)
{
    Vcpu *boot = vcpu_get(0);

    intr_level = level;
    for (unsigned i = 0; i < vcpu_count(); i++) {
        Apic *s = apic_of(vcpu_get(i));

        if (s) {
            lint0_changed(s, level);
        }
    }
    if (boot && !boot->irq) {
        if (level) {
            vcpu_raise(boot, VCPU_INTR);
        } else {
            vcpu_lower(boot, VCPU_INTR);
        }
    }
}

IrqLine *vcpu_intr_line(void)
{
    static IrqLine line = { intr_changed, NULL, 0 };

    return &line;
}

void apic_pulse_lint1(void)
{
    for (unsigned i = 0; i < vcpu_count(); i++) {
        Apic *s = apic_of(vcpu_get(i));

        if (!s) {
            vcpu_raise(vcpu_get(i), VCPU_NMI);
        } else if (apic_hw_enabled(s)) {
            apic_local(s, LVT_LINT1);
        }
    }
}

static void apic_device_reset(Device *dev)
{
    apic_reset(DEVICE_OF(dev, Apic), false);
}

static bool apic_realize(Device *dev, Error **errp)
{
    Apic *s = DEVICE_OF(dev, Apic);

    if (!window.name) {
        region_init_io(&window, NULL, &apic_io, NULL, "apic-msi", 0x100000);
        region_add(memory_root(), APIC_BASE_DEFAULT, &window, 1);
    }
    region_init_io(&s->moved, &dev->obj, &apic_io, s, "apic", 0x1000);
    apic_timer_init(s);
    s->lint0 = intr_level;
    s->cpu->irq_opaque = s;
    s->cpu->irq = &apic_irq_ops;
    return true;
}

static void apic_unrealize(Device *dev)
{
    Apic *s = DEVICE_OF(dev, Apic);

    s->cpu->irq = NULL;
    s->cpu->irq_opaque = NULL;
    timer_disarm(&s->timer);
    region_remove(&s->moved);
    region_destroy(&s->moved);
}

/* Loaded fields may come from the kernel's APIC, which has no Timer of ours. */
static bool apic_store(Device *dev, Error **errp)
{
    Apic *s = DEVICE_OF(dev, Apic);

    map_moved(s);
    apic_timer_loaded(s);
    apic_update(s);
    return true;
}

static const Prop apic_props[] = {
    PROP_U32_AS("id", Apic, initial_id, 0, "APIC ID after power-on"),
    PROP_U8(Apic, version, 0x14, "version register"),
    { }
};

const StateField apic_state[] = {
    STATE_UINT(Apic, base),
    STATE_UINT(Apic, id),
    STATE_UINT(Apic, tpr),
    STATE_UINT(Apic, ldr),
    STATE_UINT(Apic, dfr),
    STATE_UINT(Apic, svr),
    STATE_UINT(Apic, esr),
    STATE_UINT(Apic, errors),
    STATE_UINT(Apic, icr),
    STATE_ARRAY(Apic, lvt),
    STATE_ARRAY(Apic, isr),
    STATE_ARRAY(Apic, tmr),
    STATE_ARRAY(Apic, irr),
    STATE_UINT_MAX(Apic, extint, 1),
    STATE_UINT_MAX(Apic, lint0, 1),
    STATE_UINT(Apic, initial_count),
    STATE_UINT(Apic, divide),
    STATE_UINT(Apic, timer_start_ns),
    STATE_UINT(Apic, tsc_deadline),
    STATE_TIMER(Apic, timer),
    { }
};

static const DeviceType apic_type = {
    .name = "apic", .desc = "local APIC", .internal = true, .category = CATEGORY_CPU,
    .size = sizeof(Apic), .props = apic_props, .state = apic_state, .realize = apic_realize,
    .unrealize = apic_unrealize, .reset = apic_device_reset, .store_state = apic_store,
};
REGISTER_DEVICE(apic_type)

Device *apic_create(Vcpu *cpu)
{
    Device *dev = device_new("apic");
    Apic *s = DEVICE_OF(dev, Apic);
    Error *err = NULL;

    s->cpu = cpu;
    s->initial_id = cpu->apic_id;
    if (cpu->owner) {
        object_add_child(cpu->owner, "lapic", &dev->obj);
    }
    if (!device_realize(dev, NULL, &err)) {
        g_error("apic: %s", error_text(err));
    }
    object_unref(&dev->obj);
    return dev;
}

/* KVM's interrupt controllers: which of them the kernel has, routes, irqfds; the guest's clock */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "util/error.h"
#include "util/trace.h"

#define NR_PINS 24

_Static_assert(sizeof(((struct kvm_irqchip *)0)->chip) == IRQCHIP_STATE_BYTES, "layout");
_Static_assert(sizeof(struct kvm_lapic_state) == IRQCHIP_LAPIC_BYTES, "layout");
_Static_assert(sizeof(struct kvm_pit_state2) == IRQCHIP_PIT_BYTES, "layout");

typedef struct Route {
    bool used;
    uint64_t addr;
    uint32_t data;
} Route;

/* By GSI. In split mode those below NR_PINS are the I/O APIC's entries. */
static Route *routes;
static unsigned nr_routes;

static struct kvm_clock_data stopped_clock;
static bool clock_stopped;

static void add_pin(struct kvm_irq_routing *table, unsigned gsi, unsigned chip, unsigned pin)
{
    struct kvm_irq_routing_entry *e = &table->entries[table->nr++];

    e->gsi = gsi;
    e->type = KVM_IRQ_ROUTING_IRQCHIP;
    e->u.irqchip.irqchip = chip;
    e->u.irqchip.pin = pin;
}

/* ISA interrupts reach PIC and I/O APIC alike; 0 is the latter's pin 2, as firmware says. */
static void add_pins(struct kvm_irq_routing *table)
{
    for (unsigned gsi = 0; gsi < NR_PINS; gsi++) {
        if (gsi < 16 && gsi != 2) {
            add_pin(table, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi & 7);
        }
        add_pin(table, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
    }
}

static bool commit(void)
{
    g_autofree struct kvm_irq_routing *table =
        g_malloc0(sizeof(*table) + (2 * NR_PINS + nr_routes) * sizeof(table->entries[0]));
    int rc;

    if (kvm.irqchip == IRQCHIP_ON) {
        add_pins(table);
    }
    for (unsigned gsi = 0; gsi < nr_routes; gsi++) {
        if (routes[gsi].used) {
            struct kvm_irq_routing_entry *e = &table->entries[table->nr++];

            e->gsi = gsi;
            e->type = KVM_IRQ_ROUTING_MSI;
            e->u.msi.address_lo = routes[gsi].addr;
            e->u.msi.address_hi = routes[gsi].addr >> 32;
            e->u.msi.data = routes[gsi].data;
        }
    }
    rc = kvm_call(kvm.vm, KVM_SET_GSI_ROUTING, table);
    TRACE(kvm_routes, "%u entries: %d", table->nr, rc);
    return rc >= 0;
}

static IrqchipMode mode(void)
{
    return kvm.irqchip;
}

static void set_line(unsigned gsi, bool level)
{
    struct kvm_irq_level line = { .irq = gsi, .level = level };

    kvm_call(kvm.vm, KVM_IRQ_LINE, &line);
}

static bool send_msi(uint64_t addr, uint32_t data)
{
    struct kvm_msi msi = { .address_lo = addr, .address_hi = addr >> 32, .data = data };

    return kvm_call(kvm.vm, KVM_SIGNAL_MSI, &msi) > 0;
}

static const uint32_t chip_ids[] = {
    [IRQCHIP_PIC_MASTER] = KVM_IRQCHIP_PIC_MASTER, [IRQCHIP_PIC_SLAVE] = KVM_IRQCHIP_PIC_SLAVE,
    [IRQCHIP_IOAPIC] = KVM_IRQCHIP_IOAPIC,
};

static bool get_chip(IrqchipId id, void *state)
{
    struct kvm_irqchip chip = { .chip_id = chip_ids[id] };
    bool ok = kvm_call(kvm.vm, KVM_GET_IRQCHIP, &chip) >= 0;

    memcpy(state, &chip.chip, sizeof(chip.chip));
    return ok;
}

static bool put_chip(IrqchipId id, const void *state)
{
    struct kvm_irqchip chip = { .chip_id = chip_ids[id] };

    memcpy(&chip.chip, state, sizeof(chip.chip));
    return kvm_call(kvm.vm, KVM_SET_IRQCHIP, &chip) >= 0;
}

static bool get_pit(void *state)
{
    return kvm_call(kvm.vm, KVM_GET_PIT2, state) >= 0;
}

static bool put_pit(const void *state)
{
    return kvm_call(kvm.vm, KVM_SET_PIT2, state) >= 0;
}

static bool get_lapic(Vcpu *cpu, void *regs)
{
    return kvm_call(kvm_cpu(cpu)->fd, KVM_GET_LAPIC, regs) >= 0;
}

static bool put_lapic(Vcpu *cpu, const void *regs)
{
    return kvm_call(kvm_cpu(cpu)->fd, KVM_SET_LAPIC, regs) >= 0;
}

#define MSR_TSC_DEADLINE 0x6e0

static uint64_t get_deadline(Vcpu *cpu)
{
    uint64_t tsc;

    return kvm_get_msr(kvm_cpu(cpu), MSR_TSC_DEADLINE, &tsc) ? tsc : 0;
}

static void put_deadline(Vcpu *cpu, uint64_t tsc)
{
    kvm_set_msr(kvm_cpu(cpu), MSR_TSC_DEADLINE, tsc);
}

static int add_route(uint64_t addr, uint32_t data, Error **errp)
{
    for (unsigned gsi = NR_PINS; gsi < nr_routes; gsi++) {
        if (!routes[gsi].used) {
            routes[gsi] = (Route){ true, addr, data };
            if (commit()) {
                return gsi;
            }
            routes[gsi].used = false;
            break;
        }
    }
    error_set(errp, "KVM has no route left for a message to 0x%" PRIx64 " (of %u)", addr,
              nr_routes);
    return -1;
}

static bool valid_route(int gsi)
{
    return gsi >= NR_PINS && (unsigned)gsi < nr_routes && routes[gsi].used;
}

static bool set_route(int gsi, uint64_t addr, uint32_t data)
{
    if (!valid_route(gsi)) {
        return false;
    }
    if (routes[gsi].addr == addr && routes[gsi].data == data) {
        return true;
    }
    routes[gsi].addr = addr;
    routes[gsi].data = data;
    return commit();
}

static void del_route(int gsi)
{
    if (valid_route(gsi)) {
        routes[gsi].used = false;
        commit();
    }
}

static void set_pin(unsigned pin, uint64_t addr, uint32_t data, bool masked)
{
    Route fresh = { !masked, masked ? 0 : addr, masked ? 0 : data };

    if (pin < NR_PINS && pin < nr_routes &&
        (routes[pin].used != fresh.used || routes[pin].addr != fresh.addr ||
         routes[pin].data != fresh.data)) {
        routes[pin] = fresh;
        commit();
    }
}

static bool irqfd(int gsi, int fd, int resample_fd, bool on, Error **errp)
{
    struct kvm_irqfd irq = {
        .fd = fd, .gsi = gsi, .resamplefd = MAX(resample_fd, 0),
        .flags = (on ? 0 : KVM_IRQFD_FLAG_DEASSIGN) |
                 (on && resample_fd >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0),
    };
    int rc = kvm_call(kvm.vm, KVM_IRQFD, &irq);

    if (rc < 0) {
        error_set(errp, "KVM cannot %s interrupt %d %s an event: %s", on ? "tie" : "untie", gsi,
                  on ? "to" : "from", g_strerror(-rc));
    }
    return rc >= 0;
}

static const IrqchipOps ops = {
    .mode = mode, .set_line = set_line, .send_msi = send_msi, .get_chip = get_chip,
    .put_chip = put_chip, .get_pit = get_pit, .put_pit = put_pit, .get_lapic = get_lapic,
    .put_lapic = put_lapic, .get_deadline = get_deadline, .put_deadline = put_deadline,
    .add_route = add_route, .set_route = set_route,
    .del_route = del_route, .set_pin = set_pin, .irqfd = irqfd,
};

const IrqchipOps *kvm_irqchip_ops(void)
{
    return kvm.irqchip == IRQCHIP_OFF ? NULL : &ops;
}

static bool unsupported(int rc, Error **errp)
{
    error_set(errp, "kernel-irqchip=%s: this host's KVM cannot: %s",
              kvm.irqchip == IRQCHIP_ON ? "on" : "split", g_strerror(-rc));
    error_hint(errp, "kernel-irqchip=off works without");
    return false;
}

static int create_pit(void)
{
    /* Port 0x61 is the kernel's, too: it shows counter 2. */
    struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

    return kvm_call(kvm.vm, KVM_CREATE_PIT2, &config);
}

bool kvm_irqchip_start(Error **errp)
{
    int rc;

    if (kvm.irqchip == IRQCHIP_OFF) {
        return true;
    }
    if (!kvm.has_signal_msi || !kvm_check(kvm.vm, KVM_CAP_IRQ_ROUTING)) {
        return unsupported(-ENOTSUP, errp);
    }
    if (kvm.irqchip == IRQCHIP_SPLIT) {
        rc = kvm_check(kvm.vm, KVM_CAP_SPLIT_IRQCHIP)
                 ? kvm_enable(kvm.vm, KVM_CAP_SPLIT_IRQCHIP, NR_PINS, 0) : -ENOTSUP;
    } else {
        rc = kvm_check(kvm.vm, KVM_CAP_IRQCHIP) && kvm_check(kvm.vm, KVM_CAP_PIT_STATE2)
                 ? kvm_call_value(kvm.vm, KVM_CREATE_IRQCHIP, 0) : -ENOTSUP;
        rc = rc < 0 ? rc : create_pit();
    }
    if (rc < 0) {
        return unsupported(rc, errp);
    }
    nr_routes = MIN(kvm_check(kvm.vm, KVM_CAP_IRQ_ROUTING), 4096);
    nr_routes = MAX(nr_routes, NR_PINS);
    routes = g_new0(Route, nr_routes);
    if (!commit()) {
        return unsupported(-EINVAL, errp);
    }
    return true;
}

/* The paravirtual clock stands still with the VM. */

void kvm_clock_stop(void)
{
    if (!clock_stopped && kvm.has_adjust_clock &&
        kvm_call(kvm.vm, KVM_GET_CLOCK, &stopped_clock) >= 0) {
        clock_stopped = true;
    }
}

void kvm_clock_start(void)
{
    if (!clock_stopped) {
        return;
    }
    stopped_clock.flags = 0;
    kvm_call(kvm.vm, KVM_SET_CLOCK, &stopped_clock);
    clock_stopped = false;
    if (kvm_check(kvm.vm, KVM_CAP_KVMCLOCK_CTRL)) {
        /* The guest's watchdog shall not count the pause; EINVAL: it has no such clock. */
        for (unsigned i = 0; i < vcpu_count(); i++) {
            kvm_call_value(kvm_cpu(vcpu_get(i))->fd, KVM_KVMCLOCK_CTRL, 0);
        }
    }
}

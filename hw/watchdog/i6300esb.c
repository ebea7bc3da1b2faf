/* i6300esb: the watchdog timer of Intel's 6300ESB chip set */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 6300ESB I/O Controller Hub datasheet (300641), chapter 16. Two stages:
 * the first would raise an interrupt (its wires go nowhere on a PC, so none
 * comes), the second pulls the reset output, which is what -action watchdog=
 * says.
 */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/pci/pci.h"
#include "util/clock.h"
#include "util/trace.h"

#define PCI_CLOCK_HZ 33000000

enum {
    CONFIG_REG = 0x60,          /* of configuration space */
    CONFIG_FAST = 0x04,         /* counts in 1 us, not 1 ms */
    CONFIG_NO_REBOOT = 0x20,
    LOCK_REG = 0x68,
    LOCK_LOCKED = 0x01, LOCK_ENABLE = 0x02, LOCK_FREE_RUN = 0x04,

    TIMER1 = 0x00, TIMER2 = 0x04, GENERAL_STATUS = 0x08, RELOAD = 0x0c,     /* of the BAR */
    RELOAD_PING = 0x100, RELOAD_TIMED_OUT = 0x200,
    UNLOCK_1 = 0x80, UNLOCK_2 = 0x86,
    PRELOAD_MASK = 0xfffff,
};

typedef struct I6300esb {
    PciDevice pci;
    MemRegion regs;
    Timer timer;
    uint32_t preload[2];
    uint8_t stage;              /* 0 or 1, while the timer is armed */
    uint8_t unlock_step;        /* 2: the next write to a register takes effect */
    bool timed_out;
} I6300esb;

static void start_stage(I6300esb *s, unsigned stage)
{
    unsigned shift = s->pci.config[CONFIG_REG] & CONFIG_FAST ? 5 : 15;
    uint64_t clocks = (uint64_t)MAX(s->preload[stage], 1) << shift;

    s->stage = stage;
    timer_arm(&s->timer, clock_ns(CLOCK_TYPE_VIRTUAL) +
                             muldiv64(clocks, NS_PER_SECOND, PCI_CLOCK_HZ));
}

static void expired(void *opaque)
{
    I6300esb *s = opaque;
    bool free_run = s->pci.config[LOCK_REG] & LOCK_FREE_RUN;

    TRACE(i6300esb_expired, "stage %u", s->stage + 1);
    if (s->stage == 0) {
        start_stage(s, 1);
        return;
    }
    if (!(s->pci.config[CONFIG_REG] & CONFIG_NO_REBOOT)) {
        s->timed_out = true;
        run_request(RUN_REQUEST_WATCHDOG, SHUTDOWN_CAUSE_GUEST_RESET);
    }
    if (free_run) {
        start_stage(s, 0);
    }
}

static void config_written(PciDevice *pci, unsigned addr, unsigned size)
{
    I6300esb *s = DEVICE_OF(&pci->dev, I6300esb);
    uint8_t lock = pci->config[LOCK_REG];

    if (addr > LOCK_REG || addr + size <= LOCK_REG) {
        return;
    }
    TRACE(i6300esb_lock, "0x%02x", lock);
    if (lock & LOCK_LOCKED) {
        pci->wmask[LOCK_REG] = 0;       /* until the next reset */
    }
    if (!(lock & LOCK_ENABLE)) {
        timer_disarm(&s->timer);
    } else if (!timer_armed(&s->timer)) {
        start_stage(s, 0);
    }
}

static uint64_t i6300esb_read(void *opaque, uint64_t offset, unsigned size)
{
    I6300esb *s = opaque;

    /* Preloads and the interrupt status are for writing; what may be read is the time-out. */
    return offset == RELOAD && s->timed_out ? RELOAD_TIMED_OUT : 0;
}

static void write_reload(I6300esb *s, uint32_t value)
{
    if (value & RELOAD_PING && s->pci.config[LOCK_REG] & LOCK_ENABLE) {
        start_stage(s, 0);
    }
    if (value & RELOAD_TIMED_OUT) {
        s->timed_out = false;
    }
}

static void i6300esb_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    I6300esb *s = opaque;

    TRACE(i6300esb_write, "0x%x value 0x%x", (unsigned)offset, (unsigned)value);
    /* Each write must come behind the two magic ones. */
    if (offset == RELOAD && value == UNLOCK_1) {
        s->unlock_step = 1;
        return;
    }
    if (offset == RELOAD && value == UNLOCK_2 && s->unlock_step == 1) {
        s->unlock_step = 2;
        return;
    }
    if (s->unlock_step == 2) {
        switch (offset) {
        case TIMER1:
            s->preload[0] = value & PRELOAD_MASK;
            break;
        case TIMER2:
            s->preload[1] = value & PRELOAD_MASK;
            break;
        case RELOAD:
            write_reload(s, value);
            break;
        }
    }
    s->unlock_step = 0;
}

static const IoOps i6300esb_io = {
    .read = i6300esb_read, .write = i6300esb_write, .max_size = 4,
};

static bool i6300esb_realize(Device *dev, Error **errp)
{
    I6300esb *s = DEVICE_OF(dev, I6300esb);

    timer_init(&s->timer, CLOCK_TYPE_VIRTUAL, expired, s);
    pci_set_writable(&s->pci, CONFIG_REG, 1, 0x27);
    region_init_io(&s->regs, &dev->obj, &i6300esb_io, s, "i6300esb", 16);
    pci_map_bar(&s->pci, 0, PCI_BAR_MEM, &s->regs);
    return true;
}

static void i6300esb_unrealize(Device *dev)
{
    I6300esb *s = DEVICE_OF(dev, I6300esb);

    timer_disarm(&s->timer);
    region_remove(&s->regs);
    region_destroy(&s->regs);
}

static void i6300esb_reset(Device *dev)
{
    I6300esb *s = DEVICE_OF(dev, I6300esb);

    timer_disarm(&s->timer);
    s->pci.config[LOCK_REG] = 0;        /* also where it was locked against writing */
    s->pci.wmask[LOCK_REG] = LOCK_LOCKED | LOCK_ENABLE | LOCK_FREE_RUN;
    s->preload[0] = s->preload[1] = PRELOAD_MASK;
    s->unlock_step = s->stage = 0;      /* timed_out is what the guest looks for afterwards */
}

static const StateField i6300esb_state[] = {
    STATE_TIMER(I6300esb, timer),
    STATE_ARRAY(I6300esb, preload),
    STATE_UINT_MAX(I6300esb, stage, 1),
    STATE_UINT_MAX(I6300esb, unlock_step, 2),
    STATE_UINT(I6300esb, timed_out),
    { }
};

static const DeviceType i6300esb_type = {
    .name = "i6300esb", .desc = "watchdog of Intel's 6300ESB", .bus = BUS_PCI,
    .category = CATEGORY_WATCHDOG, .size = sizeof(I6300esb), .state = i6300esb_state,
    .hotpluggable = true,
    .bus_info = &(const PciInfo){
        .vendor = 0x8086, .device = 0x25ab, .class_id = 0x0880,
        .config_written = config_written,
    },
    .realize = i6300esb_realize, .unrealize = i6300esb_unrealize, .reset = i6300esb_reset,
};
REGISTER_DEVICE(i6300esb_type)

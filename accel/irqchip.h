/* Interrupt controllers that the kernel keeps, routes to them, events on file descriptors */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ACCEL_IRQCHIP_H
#define ACCEL_IRQCHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

typedef struct Vcpu Vcpu;

typedef enum IrqchipMode {
    IRQCHIP_OFF,        /* all of them are devices of ours */
    IRQCHIP_SPLIT,      /* the local APICs are the kernel's */
    IRQCHIP_ON,         /* and PIC, I/O APIC and PIT */
} IrqchipMode;

/* The chips of IRQCHIP_ON; the state has the layout of the kernel's interface. */
typedef enum IrqchipId { IRQCHIP_PIC_MASTER, IRQCHIP_PIC_SLAVE, IRQCHIP_IOAPIC } IrqchipId;
#define IRQCHIP_STATE_BYTES 512
#define IRQCHIP_LAPIC_BYTES 1024
#define IRQCHIP_PIT_BYTES   112

/* VM lock held. The ones that return bool say false when the kernel refuses. */
typedef struct IrqchipOps {
    IrqchipMode (*mode)(void);
    void (*set_line)(unsigned gsi, bool level);     /* ON */
    bool (*send_msi)(uint64_t addr, uint32_t data); /* SPLIT, ON; false: nobody took it */
    bool (*get_chip)(IrqchipId id, void *state);
    bool (*put_chip)(IrqchipId id, const void *state);
    bool (*get_pit)(void *state);
    bool (*put_pit)(const void *state);
    bool (*get_lapic)(Vcpu *cpu, void *regs);
    bool (*put_lapic)(Vcpu *cpu, const void *regs);
    uint64_t (*get_deadline)(Vcpu *cpu);            /* of the local APIC's timer, as TSC */
    void (*put_deadline)(Vcpu *cpu, uint64_t tsc);
    /*
     * Routes of messages, numbered behind the pins. In SPLIT mode a pin's message
     * is known to the kernel too, so that it reports the EOIs of its vector.
     */
    int (*add_route)(uint64_t addr, uint32_t data, Error **errp);   /* -1: failed */
    bool (*set_route)(int gsi, uint64_t addr, uint32_t data);
    void (*del_route)(int gsi);
    void (*set_pin)(unsigned pin, uint64_t addr, uint32_t data, bool masked);   /* SPLIT */
    /* Each signal of fd raises gsi; resample_fd (-1: none) is signalled at its EOI. */
    bool (*irqfd)(int gsi, int fd, int resample_fd, bool on, Error **errp);
} IrqchipOps;

/* NULL where the accelerator has no kernel behind it; devices do it all then. */
const IrqchipOps *accel_irqchip(void);
/* IRQCHIP_OFF also where there are no such ops. */
IrqchipMode accel_irqchip_mode(void);
/* Told by a kernel that has the local APICs alone (SPLIT). VM lock held. */
void irqchip_set_eoi(void (*fn)(uint8_t vector));
void irqchip_eoi(uint8_t vector);

#endif

/* Devices and buses: types, creation, realize, reset */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_CORE_DEVICE_H
#define HW_CORE_DEVICE_H

#include <glib.h>

#include "hw/core/irq.h"
#include "qom/object.h"
#include "qom/prop.h"
#include "qom/state.h"

typedef struct Device Device;
typedef struct Bus Bus;
typedef struct BusType BusType;

/* Bus names as users see them; a device type names the one it sits on. */
#define BUS_SYSTEM "System"     /* no bus: wired by the machine */
#define BUS_ISA    "ISA"
#define BUS_PCI    "PCI"
#define BUS_IDE    "IDE"
#define BUS_I2C    "i2c-bus"

typedef enum DeviceCategory {
    CATEGORY_MISC, CATEGORY_BRIDGE, CATEGORY_USB, CATEGORY_STORAGE, CATEGORY_NETWORK,
    CATEGORY_INPUT, CATEGORY_DISPLAY, CATEGORY_SOUND, CATEGORY_CPU, CATEGORY_WATCHDOG,
    NR_CATEGORIES,
} DeviceCategory;

/* All callbacks come from the main thread, or a vCPU's, with the VM lock held. */
typedef struct DeviceType {
    OBJECT_TYPE_BASE;           /* name, desc, size, props, state, ... */
    const char *bus;            /* BUS_*; NULL is BUS_SYSTEM */
    const char *alias;          /* a second name for -device */
    DeviceCategory category;
    bool internal;              /* part of a machine; not for -device */
    bool hotpluggable;
    const void *bus_info;       /* what the bus wants to know: PciInfo, ... */
    /* Check properties, map regions, connect. On failure undo all and set errp. */
    bool (*realize)(Device *dev, Error **errp);
    void (*unrealize)(Device *dev);     /* mirrors realize */
    void (*reset)(Device *dev);         /* to the state after power-on */
    /* On no bus, but hotpluggable: ask the guest; device_deleted() follows, or not. */
    bool (*unplug)(Device *dev, Error **errp);
    /*
     * Chips that the kernel keeps: bring its registers into the fields of .state
     * before they are saved, and back after they were loaded. NULL: they are there.
     */
    bool (*fetch_state)(Device *dev, Error **errp);
    bool (*store_state)(Device *dev, Error **errp);
} DeviceType;
#define REGISTER_DEVICE(desc) REGISTER(device, desc)

/* Types that follow from another table: CPU models. Asked once; what it tells of stays. */
typedef struct DeviceTypeSource {
    void (*each)(void (*fn)(const DeviceType *type, void *opaque), void *opaque);
} DeviceTypeSource;
#define REGISTER_DEVICE_TYPES(desc) REGISTER(device_source, desc)

struct Device {
    Object obj;
    char *id;                   /* the user's id=, or NULL */
    bool unplugging;            /* device_del asked for it */
    bool hotplugged;            /* came after the machine was complete */
    Bus *bus;                   /* NULL: System */
    ListLink on_bus;
    ListLink in_order;          /* of realize: reset and teardown follow it */
    List buses;                 /* that this device provides */
    IrqLine *irq_in;            /* unnamed inputs */
    unsigned nr_irq_in;
    IrqLine **irq_out[32];      /* places of unnamed outputs */
    unsigned nr_irq_out;
    uint32_t generation;        /* bumped by each reset: completions from before are dropped */
};

static inline const DeviceType *device_type(const Device *dev)
{
    return (const DeviceType *)(const void *)dev->obj.type;
}

/* The instance that dev (its first member) belongs to. */
#define DEVICE_OF(dev, Type) OBJECT_OF(dev, Type)

/* A kind of bus: what every device on it has in common. */
struct BusType {
    const char *name;           /* BUS_* */
    const Prop *props;          /* added to each device on it (addr=, unit=) */
    const StateField *state;    /* saved with each device on it */
    bool (*attach)(Bus *bus, Device *dev, Error **errp);    /* before the device's realize */
    bool (*attached)(Bus *bus, Device *dev, Error **errp);  /* after it; may be NULL */
    void (*detach)(Bus *bus, Device *dev);
    void (*reset_device)(Device *dev);                      /* before the device's reset */
    /* Where firmware finds the device ("/pci@i0cf8/ide@1,1"), g_free(); NULL: nowhere. */
    char *(*boot_path)(Device *dev);
    unsigned max_devices;       /* 0: no limit */
    /* Devices that come and go while the guest runs; NULL: none do. */
    bool (*can_hotplug)(const Bus *bus);
    void (*plugged)(Device *dev);
    void (*unplug)(Device *dev);        /* ask the guest; device_deleted() follows, or not */
    /* More lines of "info qtree" for a device on it, each behind that many blanks; may be NULL. */
    void (*print)(Device *dev, unsigned indent, GString *out);
};
#define REGISTER_BUS(desc) REGISTER(bus, desc)

struct Bus {
    Object obj;
    const BusType *type;
    Device *owner;              /* who provides it; NULL for the machine */
    char *bus_name;             /* "pci.0", "ide.1" */
    List devices;               /* by on_bus */
    unsigned nr_devices;
    ListLink of_owner;
};

/* What all devices show in the tree: realized, parent_bus, ... */
extern const Prop device_base_props[];

/* Types, by -device's name or alias; the walk is in no particular order. */
const DeviceType *device_type_find(const char *name);
void device_types_for_each(void (*fn)(const DeviceType *type, void *opaque), void *opaque);
const BusType *bus_type_find(const char *name);

/*
 * A device with its defaults, one reference, not realized. Its bus kind's
 * properties are there too.
 */
Device *device_new(const char *type_name);
Device *device_new_type(const DeviceType *type);
/* -global: another default for a property of all devices of a type made from now on. */
void device_set_global(const DeviceType *type, const char *name, const char *value);
/*
 * Put it on bus (NULL: on none), name it in the tree ("/machine/peripheral/ID",
 * or under "/machine/unattached") and make it work. Takes no reference over.
 */
bool device_realize(Device *dev, Bus *bus, Error **errp);
/* The machine is complete: devices realized from now on are hotplugged. */
void device_machine_complete(void);
bool device_machine_is_complete(void);
void device_unrealize(Device *dev);     /* and leave the tree */
/* device_new + realize for boards; what fails here is Mica's own mistake. */
/* Properties follow as name, text, name, text, ..., NULL. */
Device *device_create(const char *type_name, Bus *bus, const char *first_prop, ...);
/* Put a not yet realized device under /machine with that name instead of unattached. */
void device_set_name(Device *dev, const char *name);

/* A bus of device owner, known as name; size is that of the kind's own struct (0: Bus). */
Bus *bus_new(const char *type_name, size_t size, Device *owner, const char *name);
void bus_free(Bus *bus);                /* without devices; device_unrealize() does it for its own */
Bus *bus_find(const char *name);        /* by bus_name, NULL when there is none */
Bus *bus_find_type(const char *type_name);  /* the first of a kind that has room */
void buses_for_each(void (*fn)(Bus *bus, void *opaque), void *opaque);
Device *device_find_id(const char *id);
/* By the bus it sits on; NULL where firmware has no name for it. */
char *device_boot_path(Device *dev);
void devices_for_each(void (*fn)(Device *dev, void *opaque), void *opaque);

/* Interrupt pins. Inputs are made in realize, outputs name the place of the pointer. */
void device_init_irq_in(Device *dev, IrqFn *fn, unsigned count);    /* opaque is the device */
IrqLine *device_irq_in(Device *dev, unsigned n);
void device_init_irq_out(Device *dev, IrqLine **place);     /* one more output */
void device_connect_irq_out(Device *dev, unsigned n, IrqLine *to);

/* The guest has let it go: it is unrealized, and clients are told. */
void device_deleted(Device *dev);

/* All devices, in order of their creation; the VM is paused or not yet running. */
void devices_reset(void);
void device_reset(Device *dev);
/* Around saving and loading a device's state; the VM is paused. */
bool device_fetch_state(Device *dev, Error **errp);
bool device_store_state(Device *dev, Error **errp);
/* Called before the devices' own resets, in order of registration. */
void reset_register(void (*fn)(void *opaque), void *opaque);


#endif

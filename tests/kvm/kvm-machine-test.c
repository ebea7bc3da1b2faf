/* Memory, events and state under -accel kvm: payloads of our own on nothing but RAM and ports */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "hw/intc/apic.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/kvm-irqchip.h"
#include "hw/timer/i8254.h"
#include "memory/memory.h"
#include "memory/vm-lock.h"
#include "qom/prop.h"
#include "util/clock.h"
#include "util/error.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define RAM_SIZE  (2u << 20)
#define LOAD_ADDR 0x8000
#define PAGE      4096
#define LIMIT_US  (60 * G_TIME_SPAN_SECOND)

enum { PORT_END = 0xf4, PORT_EVENT = 0xfa, MMIO_EVENT = 0xc0000 };
enum { SKIPPED = 77 };

/* What goes from one accelerator to the other. */
typedef struct Moved {
    CpuState cpu;
    struct { size_t len; uint8_t bytes[4096]; } chip[2];    /* local APIC, I/O APIC */
    uint8_t ram[RAM_SIZE];
} Moved;

static MemRegion ram, rom, port_end, port_event, mmio_event;
static GMutex lock;
static GCond changed;
static unsigned phase;
static bool pauses;
static uint32_t port_value, mmio_value;
static Vcpu *cpu;

static void end_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    g_mutex_lock(&lock);
    phase = value;
    g_cond_signal(&changed);
    g_mutex_unlock(&lock);
    if (pauses) {
        vcpu_raise(vcpu_current(), VCPU_STOP);
    }
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    port_value = value;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    mmio_value = value;
}

static const IoOps end_ops = { .write = end_write, .max_size = 4 };
static const IoOps port_ops = { .write = port_write, .max_size = 1 };
static const IoOps mmio_ops = { .write = mmio_write, .max_size = 4 };

static void die(Error *err)
{
    g_error("%s", error_text(err));
}

static void map_machine(void)
{
    /* ljmp $0, $LOAD_ADDR */
    static const uint8_t reset_jump[] = { 0xea, LOAD_ADDR & 0xff, LOAD_ADDR >> 8, 0, 0 };
    Error *err = NULL;

    g_assert_true(region_init_ram(&ram, NULL, "ram", RAM_SIZE, &err));
    g_assert_true(region_init_rom(&rom, NULL, NULL, NULL, "rom", 0x10000, &err));
    memcpy(region_host(&rom) + 0xfff0, reset_jump, sizeof(reset_jump));
    region_add(memory_root(), 0, &ram, 0);
    region_add(memory_root(), 0xffff0000, &rom, 0);
    region_init_io(&port_end, NULL, &end_ops, NULL, "end", 4);
    region_init_io(&port_event, NULL, &port_ops, NULL, "event", 1);
    region_init_io(&mmio_event, NULL, &mmio_ops, NULL, "mmio", PAGE);
    region_add(io_root(), PORT_END, &port_end, 0);
    region_add(io_root(), PORT_EVENT, &port_event, 0);
    region_add(memory_root(), MMIO_EVENT, &mmio_event, 1);
}

/* VM lock taken. Options as of -accel: "kernel-irqchip=on". */
static void start(const char *accel, const char *option, const char *value)
{
    static const AccelConfig config = {
        .nr_cpus = 1, .max_cpus = 1, .dies = 1, .cores = 1, .threads = 1,
        .cpu_model = "Nehalem",
    };
    Object *obj = object_new(&accel_find(accel)->object);
    Error *err = NULL;

    vm_lock();
    if ((option && !prop_set(obj, option, value, &err)) ||
        (!strcmp(accel, "kvm") && (!option || strcmp(option, "kernel-irqchip")) &&
         !prop_set(obj, "kernel-irqchip", "off", &err)) ||
        !accel_start((Accel *)(void *)obj, &config, &err)) {
        die(err);
    }
    map_machine();
    cpu = vcpu_new(0, 0, NULL, &err);
    if (!cpu) {
        die(err);
    }
    clock_virtual_start();
    vcpus_reset();
}

static void load(const char *path)
{
    g_autofree char *image = NULL;
    size_t size;

    g_assert_true(g_file_get_contents(path, &image, &size, NULL));
    g_assert_cmpuint(size, <, 0x80000);
    memcpy(region_host(&ram) + LOAD_ADDR, image, size);
    mem_notify_ram_written(ram.ram, LOAD_ADDR, size);
}

/* Run on until the payload tells another phase; VM lock given up meanwhile. */
static unsigned next_phase(unsigned last)
{
    int64_t until = g_get_monotonic_time() + LIMIT_US;
    unsigned now;

    vcpus_start();
    vm_unlock();
    g_mutex_lock(&lock);
    while (phase == last && g_cond_wait_until(&changed, &lock, until)) {
    }
    now = phase;
    g_mutex_unlock(&lock);
    vm_lock();
    if (pauses) {
        vcpus_pause();
    }
    return now;
}

static void end(void)
{
    vcpus_pause();
    vcpus_destroy();
    vm_unlock();
}

/* Dirty pages */

static void expect_dirty(unsigned first, unsigned step)
{
    ram_dirty_sync(ram.ram);
    for (unsigned page = 0x10; page < 0xa0; page++) {
        bool wanted = page >= first && (page - first) % step == 0;
        bool got = ram_test_clear_dirty(ram.ram, page * PAGE, PAGE, RAM_DIRTY_MIGRATION);

        if (got != wanted) {
            g_error("page 0x%x: dirty %d, not %d", page, got, wanted);
        }
    }
}

static void dirty(const char *image, const char *ring)
{
    start("kvm", "dirty-ring-size", ring);
    load(image);
    ram_dirty_log_start(ram.ram);
    ram_dirty_sync(ram.ram);
    ram_test_clear_dirty(ram.ram, 0, RAM_SIZE, RAM_DIRTY_MIGRATION);
    pauses = true;
    g_assert_cmpuint(next_phase(0), ==, 1);
    expect_dirty(0x10, 3);
    g_assert_cmpuint(next_phase(1), ==, 2);
    expect_dirty(0x20, 7);
    expect_dirty(0x1000, 1);        /* none any more */
    ram_dirty_log_stop(ram.ram);
    end();
}

/* ioeventfd, irqfd */

static bool signalled(int fd)
{
    uint64_t count = 0;

    return read(fd, &count, sizeof(count)) == sizeof(count) && count == 1;
}

static void signal_event(int fd)
{
    uint64_t one = 1;

    g_assert_cmpint(write(fd, &one, sizeof(one)), ==, sizeof(one));
}

static void wait_event(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    g_assert_cmpint(poll(&p, 1, LIMIT_US / 1000), ==, 1);
    g_assert_true(signalled(fd));
}

/* The kernel's chips and ours have the same state. */

/* "name=value" lines but for points in time, which the clocks' conversion blurs. */
static char *state_text(Device *dev)
{
    g_autoptr(GString) all = g_string_new(NULL);
    GString *kept = g_string_new(NULL);
    g_auto(GStrv) lines = NULL;

    state_print(dev, dev->obj.type->state, all);
    lines = g_strsplit(all->str, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        if (!strstr(lines[i], "_ns=")) {
            g_string_append_printf(kept, "%s\n", lines[i]);
        }
    }
    return g_string_free(kept, false);
}

static void state_from(Device *dev, const GByteArray *bytes)
{
    const uint8_t *in = bytes->data;
    size_t len = bytes->len;
    Error *err = NULL;

    if (!state_load(dev, dev->obj.type->state, &in, &len, &err)) {
        die(err);
    }
    g_assert_cmpuint(len, ==, 0);
}

/* Out of the kernel, lost there, in again, out again: the same. And ours takes it. */
static void round_trip(Device *dev, void *opaque)
{
    const char *type = dev->obj.type->name, *ours = !strcmp(type, "kvm-ioapic") ? "ioapic" : NULL;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autofree char *before = NULL, *reset = NULL, *after = NULL;
    Error *err = NULL;

    if (!device_type(dev)->fetch_state) {
        return;
    }
    if (!device_fetch_state(dev, &err)) {
        die(err);
    }
    before = state_text(dev);
    state_save(dev, dev->obj.type->state, bytes);
    device_reset(dev);
    if (!strcmp(type, "kvm-apic")) {
        vcpus_reset();          /* its reset is the CPU's */
    }
    g_assert_true(device_fetch_state(dev, &err));
    reset = state_text(dev);
    if (!strcmp(before, reset) != !strcmp(type, "kvm-pit")) {        /* which nobody set */
        g_error("%s: %s\nafter reset: %s", type, before, reset);
    }
    state_from(dev, bytes);
    if (!device_store_state(dev, &err) || !device_fetch_state(dev, &err)) {
        die(err);
    }
    after = state_text(dev);
    g_assert_cmpstr(after, ==, before);
    if (ours) {
        Device *soft = device_new(ours);
        g_autofree char *text = NULL;

        state_from(soft, bytes);
        text = state_text(soft);
        g_assert_cmpstr(text, ==, before);
        object_unref(&soft->obj);
    }
    ++*(unsigned *)opaque;
}

/* The payload does not reach it: pin 5 gets vector 0x45, masked. */
static void set_ioapic(void)
{
    uint8_t chip[IRQCHIP_STATE_BYTES];

    g_assert_true(accel_irqchip()->get_chip(IRQCHIP_IOAPIC, chip));
    chip[24 + 8 * 5] = 0x45;
    g_assert_true(accel_irqchip()->put_chip(IRQCHIP_IOAPIC, chip));
}

static void create_chips(void)
{
    kvm_apic_create(cpu);
    kvm_i8259_create_pair();
    kvm_ioapic_create();
    kvm_pit_create();
    devices_reset();
}

static void events(const char *image)
{
    int port = eventfd(0, EFD_NONBLOCK), mmio = eventfd(0, EFD_NONBLOCK);
    int pin = eventfd(0, EFD_NONBLOCK), resample = eventfd(0, EFD_NONBLOCK);
    int msi = eventfd(0, EFD_NONBLOCK), route;
    IoEventFd port_io = { .size = 1, .match = true, .value = 0x5a, .fd = port };
    IoEventFd mmio_io = { .offset = 0x10, .size = 2, .match = true, .value = 0x1234, .fd = mmio };
    const IrqchipOps *chip;
    unsigned chips = 0;
    Error *err = NULL;

    start("kvm", "kernel-irqchip", "on");
    load(image);
    region_add_ioeventfd(&port_event, &port_io);
    region_add_ioeventfd(&mmio_event, &mmio_io);
    create_chips();
    chip = accel_irqchip();
    g_assert_cmpint(chip->mode(), ==, IRQCHIP_ON);
    route = chip->add_route(0xfee00000, 0x0050, &err);
    if (route < 0 || !chip->irqfd(5, pin, resample, true, &err) ||
        !chip->irqfd(route, msi, -1, true, &err)) {
        die(err);
    }
    g_assert_cmpuint(next_phase(0), ==, 1);
    g_assert_true(signalled(port));
    g_assert_true(signalled(mmio));
    g_assert_cmphex(port_value, ==, 0x11);
    g_assert_cmphex(mmio_value, ==, 0x4321);
    g_assert_false(signalled(resample));
    signal_event(pin);
    g_assert_cmpuint(next_phase(1), ==, 2);
    wait_event(resample);
    signal_event(msi);
    g_assert_cmpuint(next_phase(2), ==, 3);
    vcpus_pause();
    set_ioapic();
    devices_for_each(round_trip, &chips);
    g_assert_cmpuint(chips, ==, 5);
    g_assert_true(chip->irqfd(route, msi, -1, false, &err));
    chip->del_route(route);
    g_assert_false(chip->set_route(route, 0xfee00000, 0x51));
    region_del_ioeventfd(&port_event, &port_io);
    region_del_ioeventfd(&mmio_event, &mmio_io);
    end();
}

/* A stopped VM goes from one accelerator to another. */

/* With its interrupt controllers, the kernel's or our own. */
static void start_with_chips(const char *accel, Device *chips[2])
{
    bool kernel = !strcmp(accel, "kvm");

    start(accel, kernel ? "kernel-irqchip" : NULL, "on");
    chips[0] = kernel ? kvm_apic_create(cpu) : apic_create(cpu);
    chips[1] = kernel ? kvm_ioapic_create() : ioapic_create();
    devices_reset();
    vcpus_reset();
}

static void move_out(const char *accel, const char *image, Moved *m)
{
    Device *chips[2];
    Error *err = NULL;

    start_with_chips(accel, chips);
    load(image);
    pauses = true;
    g_assert_cmpuint(next_phase(0), ==, 1);
    g_assert_true(accel_get_state(cpu, &m->cpu));
    for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        if (!device_fetch_state(chips[i], &err)) {
            die(err);
        }
        state_save(chips[i], chips[i]->obj.type->state, bytes);
        g_assert_cmpuint(bytes->len, <=, sizeof(m->chip[i].bytes));
        m->chip[i].len = bytes->len;
        memcpy(m->chip[i].bytes, bytes->data, bytes->len);
    }
    m->cpu.nmi_pending = true;
    memcpy(m->ram, region_host(&ram), RAM_SIZE);
    end();
}

/* In, and out and in again without having run. */
static void move_in(const char *accel, Moved *m)
{
    Device *chips[2];
    Error *err = NULL;

    start_with_chips(accel, chips);
    memcpy(region_host(&ram), m->ram, RAM_SIZE);
    mem_notify_ram_written(ram.ram, 0, RAM_SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
        const uint8_t *in = m->chip[i].bytes;
        size_t len = m->chip[i].len;

        if (!state_load(chips[i], chips[i]->obj.type->state, &in, &len, &err) ||
            !device_store_state(chips[i], &err)) {
            die(err);
        }
        g_assert_cmpuint(len, ==, 0);
    }
    if (!accel_put_state(cpu, &m->cpu, true, &err) || !accel_get_state(cpu, &m->cpu) ||
        !accel_put_state(cpu, &m->cpu, true, &err)) {
        die(err);
    }
    pauses = true;
    phase = 1;
    if (next_phase(1)) {
        g_error("under %s: the check in line %u failed", accel, phase);
    }
    end();
}

/* An accelerator is for a process's life. */
static void in_child(void (*fn)(const char *from, const char *to, const char *image, Moved *m),
                     const char *from, const char *to, const char *image, Moved *m)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        fn(from, to, image, m);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        g_error("moving from %s to %s failed", from, to);
    }
}

static void child_out(const char *from, const char *to, const char *image, Moved *m)
{
    move_out(from, image, m);
}

static void child_in(const char *from, const char *to, const char *image, Moved *m)
{
    move_in(to, m);
}

static void move(const char *from, const char *to, const char *image)
{
    Moved *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    g_assert_true(m != MAP_FAILED);
    in_child(child_out, from, to, image, m);
    in_child(child_in, from, to, image, m);
    munmap(m, sizeof(*m));
}

int main(int argc, char **argv)
{
    int fd = open("/dev/kvm", O_RDWR);
    const char *what = argc > 2 ? argv[1] : "", *image = argv[argc - 1];

    if (fd < 0) {
        printf("SKIP: /dev/kvm: %s\n", g_strerror(errno));
        return SKIPPED;
    }
    close(fd);
    if (!strcmp(what, "dirty-bitmap")) {
        dirty(image, "0");
    } else if (!strcmp(what, "dirty-ring")) {
        dirty(image, "1024");
    } else if (!strcmp(what, "events")) {
        events(image);
    } else if (!strcmp(what, "kvm-to-soft")) {
        move("kvm", "soft", image);
    } else if (!strcmp(what, "soft-to-kvm")) {
        move("soft", "kvm", image);
    } else if (!strcmp(what, "kvm-to-kvm")) {
        move("kvm", "kvm", image);
    } else {
        g_error("no such case: '%s'", what);
    }
    return 0;
}

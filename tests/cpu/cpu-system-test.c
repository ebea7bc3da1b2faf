/* Small kernels with nothing but RAM, on our CPU or KVM: each ends with its verdict on a port */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/run.h"
#include "memory/memory.h"
#include "memory/vm-lock.h"
#include "qom/prop.h"
#include "util/clock.h"

#define RAM_SIZE (16u << 20)
#define LOAD_ADDR 0x8000
#define MMIO_ADDR 0x8000000
#define NR_CPUS 2

enum { PORT_LOG = 0xe9, PORT_END = 0xf4, PORT_IRQ, PORT_NMI, PORT_SMI, PORT_SIPI };

static MemRegion ram, rom, port_log, port_test, mmio;
static GMutex lock;
static GCond ended;
static bool has_ended;
static uint32_t verdict;
static int vectors[NR_CPUS];

/* Port 0xf4..0xf8 */
static void test_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Vcpu *cpu = vcpu_current();

    switch (PORT_END + offset) {
    case PORT_END:
        g_mutex_lock(&lock);
        if (!has_ended) {
            verdict = value;
            has_ended = true;
            g_cond_signal(&ended);
        }
        g_mutex_unlock(&lock);
        vcpu_raise(cpu, VCPU_STOP);
        break;
    case PORT_IRQ:
        vectors[cpu->index] = value;
        vcpu_raise(cpu, VCPU_INTR);
        break;
    case PORT_NMI:
        vcpu_raise(cpu, VCPU_NMI);
        break;
    case PORT_SMI:
        vcpu_raise(cpu, VCPU_SMI);
        break;
    case PORT_SIPI:
        vcpu_get(1)->sipi_vector = value;
        vcpu_raise(vcpu_get(1), VCPU_SIPI);
        break;
    }
}

static void log_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    fputc(value, stderr);
}

/* Registers that keep what is written, a byte each: memory in all but the way to it. */
static uint8_t registers[16];

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    return registers[offset];
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    registers[offset] = value;
}

static const IoOps mmio_ops = { .read = mmio_read, .write = mmio_write, .max_size = 1 };
static const IoOps test_ops = { .write = test_write, .max_size = 4, .unaligned = true };
static const IoOps log_ops = { .write = log_write, .max_size = 1 };

static int irq_ack(void *opaque)
{
    Vcpu *cpu = opaque;
    int vector = vectors[cpu->index];

    vectors[cpu->index] = -1;
    vcpu_lower(cpu, VCPU_INTR);
    return vector;
}

static uint8_t get_tpr(void *opaque)
{
    return 0;
}

static void set_tpr(void *opaque, uint8_t cr8)
{
}

static uint64_t get_base(void *opaque)
{
    return 0xfee00800;
}

static const VcpuIrqOps irq_ops = {
    .ack = irq_ack, .get_tpr = get_tpr, .set_tpr = set_tpr, .get_base = get_base,
};

/* name: of an accelerator, with properties perhaps: soft,one-insn=on */
static Accel *make_accel(const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, ",", -1);
    Accel *accel = OBJECT_OF(object_new(&accel_find(parts[0])->object), Accel);
    Error *err = NULL;

    for (unsigned n = 1; parts[n]; n++) {
        g_auto(GStrv) pair = g_strsplit(parts[n], "=", 2);

        if (!pair[0] || !pair[1] || !prop_set(&accel->obj, pair[0], pair[1], &err)) {
            g_error("%s: %s", name, err ? error_text(err) : "property=value is wanted");
        }
    }
    return accel;
}

static void start_machine(const char *accel_name)
{
    static AccelConfig config = {
        .nr_cpus = NR_CPUS, .max_cpus = NR_CPUS, .dies = 1, .cores = NR_CPUS, .threads = 1,
        .cpu_model = "max,+smap",
    };
    /* ljmp $0, $LOAD_ADDR */
    static const uint8_t reset_jump[] = { 0xea, LOAD_ADDR & 0xff, LOAD_ADDR >> 8, 0, 0 };
    Error *err = NULL;
    Accel *accel;

    vm_lock();
    accel = make_accel(accel_name);
    if (!strcmp(accel_name, "kvm") &&
        !prop_set(&accel->obj, "kernel-irqchip", "off", &err)) {
        g_error("%s", error_text(err));
    }
    if (!accel_start(accel, &config, &err)) {
        g_error("%s", error_text(err));
    }
    g_assert_true(region_init_ram(&ram, NULL, "ram", RAM_SIZE, &err));
    g_assert_true(region_init_rom(&rom, NULL, NULL, NULL, "rom", 0x10000, &err));
    memcpy(region_host(&rom) + 0xfff0, reset_jump, sizeof(reset_jump));
    region_add(memory_root(), 0, &ram, 0);
    region_add(memory_root(), 0xffff0000, &rom, 0);
    region_init_io(&port_log, NULL, &log_ops, NULL, "log", 1);
    region_init_io(&port_test, NULL, &test_ops, NULL, "test", 8);
    region_add(io_root(), PORT_LOG, &port_log, 0);
    region_add(io_root(), PORT_END, &port_test, 0);
    region_init_io(&mmio, NULL, &mmio_ops, NULL, "registers", sizeof(registers));
    region_add(memory_root(), MMIO_ADDR, &mmio, 0);
    for (unsigned i = 0; i < NR_CPUS; i++) {
        Vcpu *cpu = vcpu_new(i, i, NULL, &err);

        g_assert_nonnull(cpu);
        cpu->irq = &irq_ops;
        cpu->irq_opaque = cpu;
    }
    clock_virtual_start();
    vm_unlock();
}

static void dump(void)
{
    for (unsigned i = 0; i < NR_CPUS; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        CpuState state;

        g_assert_true(accel_get_state(vcpu_get(i), &state));
        cpu_state_print(&state, true, text);
        fprintf(stderr, "CPU %u\n%s", i, text->str);
    }
}

/* KVM cannot go on: the machine would stop. */
static bool gave_up(void)
{
    ShutdownCause cause;
    int code;

    return run_requests_take(&cause, &code) & RUN_REQUEST_INTERNAL_ERROR;
}

/*
 * Under a KVM that interprets kernel-mode code the interpreter is not ours to
 * test, but with modes.S, which is made for it.
 */
static bool interpreted(void)
{
    const AccelType *type = accel_type();
    g_autofree char *why = NULL;

    return type->is_quick && !type->is_quick(&why);
}

static void run_image(gconstpointer opaque)
{
    const char *path = opaque;
    int64_t until = g_get_monotonic_time() + (interpreted() ? 15 : 60) * G_TIME_SPAN_SECOND;
    g_autofree char *image = NULL;
    bool ok, stopped = false;
    size_t size;

    g_assert_true(g_file_get_contents(path, &image, &size, NULL));
    g_assert_cmpuint(size, <, 0x80000);
    vm_lock();
    memset(region_host(&ram), 0, RAM_SIZE);
    memcpy(region_host(&ram) + LOAD_ADDR, image, size);
    mem_notify_ram_written(ram.ram, 0, RAM_SIZE);
    has_ended = false;
    vcpus_reset();
    vcpus_start();
    vm_unlock();

    g_mutex_lock(&lock);
    while (!has_ended && !stopped && g_get_monotonic_time() < until) {
        g_cond_wait_until(&ended, &lock, g_get_monotonic_time() + 20 * G_TIME_SPAN_MILLISECOND);
        stopped = gave_up();
    }
    ok = has_ended;
    g_mutex_unlock(&lock);
    vm_lock();
    vcpus_pause();
    vm_unlock();
    if ((!ok || verdict) && interpreted() && !strstr(path, "modes")) {
        g_autofree char *why = g_strdup_printf(
            "KVM interprets kernel-mode code here, and its interpreter %s",
            ok ? "differs from a CPU" : "does not know an instruction");

        g_test_skip(why);
        return;
    }
    if (!ok || verdict) {
        dump();
    }
    g_assert_true(ok);
    if (verdict) {
        g_test_message("%s: the check in line %u failed", path, verdict);
    }
    g_assert_cmpuint(verdict, ==, 0);
}

int main(int argc, char **argv)
{
    const char *accel;

    g_test_init(&argc, &argv, NULL);
    accel = argc > 1 && !strchr(argv[1], '/') ? argv[1] : "soft";
    if (!strcmp(accel, "kvm") && access("/dev/kvm", R_OK | W_OK)) {
        printf("1..0 # SKIP /dev/kvm: %s\n", g_strerror(errno));
        return 0;
    }
    start_machine(accel);
    for (int i = 1 + (argc > 1 && argv[1] == accel); i < argc; i++) {
        g_autofree char *base = g_path_get_basename(argv[i]);
        g_autofree char *name = g_strdup_printf("/cpu/system/%.*s", (int)strcspn(base, "."), base);

        g_test_add_data_func(name, argv[i], run_image);
    }
    return g_test_run();
}

/* PCI core, i440FX and PIIX3: configuration cycles, BARs, PAM, SMRAM, PIRQ, MSI */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/run.h"
#include "hw/acpi/piix4-pm.h"
#include "hw/core/power.h"
#include "hw/isa/piix3.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "memory/vm-lock.h"

#define RAM_SIZE (64u << 20)
#define BELOW_4G (48u << 20)

/* A function with an I/O BAR, a 64-bit memory BAR, MSI and MSI-X. */
typedef struct TestPci {
    PciDevice pci;
    MemRegion io, mem;
    uint32_t last_write;
} TestPci;

static uint64_t test_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0xa5000000 | offset;
}

static void test_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((TestPci *)opaque)->last_write = value;
}

static const IoOps test_io = { .read = test_read, .write = test_write, .max_size = 4 };

static bool test_realize(Device *dev, Error **errp)
{
    TestPci *s = DEVICE_OF(dev, TestPci);

    region_init_io(&s->io, &dev->obj, &test_io, s, "test-io", 16);
    region_init_container(&s->mem, &dev->obj, "test-mem", 0x4000);
    pci_map_bar(&s->pci, 0, PCI_BAR_IO, &s->io);
    pci_map_bar(&s->pci, 2, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &s->mem);
    return msi_init(&s->pci, 0, 4, true, errp) &&
           msix_init(&s->pci, 3, &s->mem, 2, 0x1000, 0x2000, 0, errp);
}

static void test_unrealize(Device *dev)
{
    TestPci *s = DEVICE_OF(dev, TestPci);

    msix_uninit(&s->pci);
    region_destroy(&s->mem);
    region_destroy(&s->io);
}

static const DeviceType test_type = {
    .name = "test-pci", .bus = BUS_PCI, .size = sizeof(TestPci), .realize = test_realize,
    .unrealize = test_unrealize,
    .bus_info = &(const PciInfo){
        .vendor = 0x1234, .device = 0x5678, .class_id = 0x0880, .interrupt_pin = 1,
    },
};
REGISTER_DEVICE(test_type)

static PciHost *host;
static IsaBus *isa;
static RamBlock *ram;
static int irq_level[ISA_NR_IRQS];
static uint64_t msi_address;
static uint32_t msi_data;
static unsigned msi_count;

static void set_irq(void *opaque, int n, int level)
{
    irq_level[n] = level;
}

static void got_msi(uint64_t address, uint32_t data)
{
    msi_address = address;
    msi_data = data;
    msi_count++;
}

static void out(uint16_t port, uint32_t value, unsigned size)
{
    mem_store(io_space(), port, value, size);
}

static uint32_t in(uint16_t port, unsigned size)
{
    return mem_load(io_space(), port, size);
}

static void config_out(uint8_t devfn, uint8_t reg, uint32_t value, unsigned size)
{
    out(0xcf8, 0x80000000 | devfn << 8 | (reg & 0xfc), 4);
    out(0xcfc + (reg & 3), value, size);
}

static uint32_t config_in(uint8_t devfn, uint8_t reg, unsigned size)
{
    out(0xcf8, 0x80000000 | devfn << 8 | (reg & 0xfc), 4);
    return in(0xcfc + (reg & 3), size);
}

static Device *new_test_device(const char *addr)
{
    return device_create("test-pci", &host->bus->bus, addr ? "addr" : NULL, addr, NULL);
}

static void config_cycles(void)
{
    g_assert_cmphex(config_in(0, 0, 4), ==, 0x12378086);
    g_assert_cmphex(config_in(PCI_DEVFN(1, 0), 0, 4), ==, 0x70008086);
    g_assert_cmphex(config_in(0, 2, 2), ==, 0x1237);
    g_assert_cmphex(config_in(0, 3, 1), ==, 0x12);
    g_assert_cmphex(config_in(PCI_DEVFN(9, 0), 0, 4), ==, 0xffffffff);
    g_assert_cmphex(config_in(PCI_DEVFN(1, 0), PCI_HEADER_TYPE, 1), ==, 0x80);
    /* Identification is read-only. */
    config_out(0, 0, 0, 4);
    g_assert_cmphex(config_in(0, 0, 4), ==, 0x12378086);
    /* Without the enable bit nobody answers; the address register is dword only. */
    out(0xcf8, 0, 4);
    g_assert_cmphex(in(0xcfc, 4), ==, 0xffffffff);
    out(0xcf8, 0x80000800, 4);
    out(0xcf8, 0, 1);
    g_assert_cmphex(in(0xcf8, 4), ==, 0x80000800);
    g_assert_cmphex(in(0xcfc, 2), ==, 0x8086);
}

static void bars(void)
{
    Device *dev = new_test_device("05.0");
    uint8_t fn = PCI_DEVFN(5, 0);

    config_out(fn, 0x10, 0xffffffff, 4);
    g_assert_cmphex(config_in(fn, 0x10, 4), ==, 0xfffffff1);
    config_out(fn, 0x18, 0xffffffff, 4);
    config_out(fn, 0x1c, 0xffffffff, 4);
    g_assert_cmphex(config_in(fn, 0x18, 4), ==, 0xffffc00c);
    g_assert_cmphex(config_in(fn, 0x1c, 4), ==, 0xffffffff);
    config_out(fn, 0x10, 0xc000, 4);
    config_out(fn, 0x18, 0xe0000000, 4);
    config_out(fn, 0x1c, 1, 4);
    g_assert_cmphex(in(0xc004, 4), ==, 0xffffffff);     /* not decoded yet */
    config_out(fn, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(in(0xc004, 4), ==, 0xa5000004);
    g_assert_cmphex(mem_load(memory_space(), 0x1e000100c, 4), ==, 1);   /* vector 0 is masked */
    config_out(fn, 0x10, 0xd000, 4);
    g_assert_cmphex(in(0xc004, 4), ==, 0xffffffff);
    g_assert_cmphex(in(0xd008, 4), ==, 0xa5000008);
    device_reset(dev);
    g_assert_cmphex(in(0xd008, 4), ==, 0xffffffff);
    g_assert_cmphex(config_in(fn, 0x10, 4), ==, 1);
    device_unrealize(dev);
    g_assert_cmphex(config_in(fn, 0, 4), ==, 0xffffffff);
}

static void slots(void)
{
    Device *dev = new_test_device(NULL), *other;
    g_autofree char *addr = prop_get(&dev->obj, "addr", NULL);
    Error *err = NULL;

    g_assert_cmpstr(addr, ==, "02.0");
    other = device_new("test-pci");
    prop_set(&other->obj, "addr", "2", NULL);
    g_assert_false(device_realize(other, &host->bus->bus, &err));
    g_assert_cmpstr(error_text(err), ==, "PCI: slot 2 function 0 not available for test-pci, "
                    "in use by test-pci");
    g_clear_pointer(&err, error_free);
    prop_set(&other->obj, "addr", "2.1", NULL);
    g_assert_false(device_realize(other, &host->bus->bus, &err));
    g_assert_nonnull(strstr(error_text(err), "single function"));
    g_clear_pointer(&err, error_free);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const bad[] = { "20", "1.8", "x", "1.0.0" };

        g_assert_false(prop_set(&other->obj, "addr", bad[i], NULL));
    }
    object_unref(&other->obj);
    device_unrealize(dev);
}

static uint32_t at(uint32_t addr)
{
    return mem_load(memory_space(), addr, 4);
}

static void pam(void)
{
    MemRegion rom;
    uint32_t word = 0x11111111;

    g_assert_true(region_init_rom(&rom, NULL, NULL, NULL, "rom", 0x10000, NULL));
    memset(region_host(&rom), 0x22, 0x10000);
    region_add(host->bus->mem, 0xf0000, &rom, 1);
    memcpy(ram->host + 0xf0000, &word, 4);

    g_assert_cmphex(at(0xf0000), ==, 0x22222222);
    mem_store(memory_space(), 0xf0000, 0x33333333, 4);
    g_assert_cmphex(at(0xf0000), ==, 0x22222222);
    /* Reads from ROM, writes to RAM: how a BIOS shadows itself. */
    config_out(0, 0x59, 0x20, 1);
    g_assert_cmphex(at(0xf0000), ==, 0x22222222);
    mem_store(memory_space(), 0xf0000, 0x44444444, 4);
    g_assert_cmphex(at(0xf0000), ==, 0x22222222);
    config_out(0, 0x59, 0x10, 1);
    g_assert_cmphex(at(0xf0000), ==, 0x44444444);
    mem_store(memory_space(), 0xf0000, 0x55555555, 4);
    g_assert_cmphex(at(0xf0000), ==, 0x44444444);
    config_out(0, 0x59, 0x30, 1);
    mem_store(memory_space(), 0xf0000, 0x55555555, 4);
    g_assert_cmphex(at(0xf0000), ==, 0x55555555);
    /* 0xc4000 is the high half of PAM1, 0xe8000 the low one of PAM6. */
    config_out(0, 0x5a, 0x30, 1);
    config_out(0, 0x5f, 0x03, 1);
    mem_store(memory_space(), 0xc4000, 1, 4);
    mem_store(memory_space(), 0xe8000, 2, 4);
    g_assert_cmphex(at(0xc4000), ==, 1);
    g_assert_cmphex(at(0xe8000), ==, 2);
    g_assert_cmphex(at(0xc0000), ==, 0xffffffff);
    g_assert_cmphex(at(0xec000), ==, 0xffffffff);
    devices_reset();                        /* leaves them, the BIOS relies on that */
    g_assert_cmphex(at(0xf0000), ==, 0x55555555);
    for (unsigned reg = 0x59; reg <= 0x5f; reg++) {
        config_out(0, reg, 0, 1);
    }
    g_assert_cmphex(at(0xf0000), ==, 0x22222222);
    region_destroy(&rom);
}

static void smram(void)
{
    mem_store(smm_space(), 0xa0000, 7, 4);
    g_assert_cmphex(mem_load(smm_space(), 0xa0000, 4), ==, 0xffffffff);
    config_out(0, 0x72, 0x48, 1);           /* D_OPEN, G_SMRAME */
    mem_store(memory_space(), 0xa0000, 0x12345678, 4);
    config_out(0, 0x72, 0x08, 1);
    g_assert_cmphex(config_in(0, 0x72, 1), ==, 0x0a);
    g_assert_cmphex(at(0xa0000), ==, 0xffffffff);
    g_assert_cmphex(mem_load(smm_space(), 0xa0000, 4), ==, 0x12345678);
    config_out(0, 0x72, 0x18, 1);           /* D_LCK */
    config_out(0, 0x72, 0x42, 1);
    g_assert_cmphex(config_in(0, 0x72, 1), ==, 0x1a);
    g_assert_cmphex(at(0xa0000), ==, 0xffffffff);
    devices_reset();
    g_assert_cmphex(config_in(0, 0x72, 1), ==, 0x02);
}

static void ram_split(void)
{
    g_assert_cmphex(at(BELOW_4G), ==, 0xffffffff);
    mem_store(memory_space(), 1ULL << 32, 0xcafe, 4);
    g_assert_cmphex(ld32_le(ram->host + BELOW_4G), ==, 0xcafe);
    g_assert_cmphex(config_in(0, 0x57, 1), ==, RAM_SIZE >> 23);
}

static void intx(void)
{
    Device *a = new_test_device("03.0"), *b = new_test_device("07.0");
    PciDevice *pa = DEVICE_OF(a, PciDevice), *pb = DEVICE_OF(b, PciDevice);
    uint8_t piix = PCI_DEVFN(1, 0);

    /* Slots 3 and 7 share PIRQC. */
    config_out(piix, 0x62, 10, 1);
    pci_set_irq(pa, true);
    g_assert_cmpint(irq_level[10], ==, 1);
    g_assert_cmphex(config_in(PCI_DEVFN(3, 0), PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
    pci_set_irq(pb, true);
    pci_set_irq(pa, false);
    g_assert_cmpint(irq_level[10], ==, 1);
    config_out(piix, 0x62, 11, 1);
    g_assert_cmpint(irq_level[10], ==, 0);
    g_assert_cmpint(irq_level[11], ==, 1);
    /* INTx disable takes the pin away, but not the status bit. */
    config_out(PCI_DEVFN(7, 0), PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_cmpint(irq_level[11], ==, 0);
    g_assert_cmphex(config_in(PCI_DEVFN(7, 0), PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
    config_out(PCI_DEVFN(7, 0), PCI_COMMAND, 0, 2);
    g_assert_cmpint(irq_level[11], ==, 1);
    config_out(piix, 0x62, 0x80, 1);
    g_assert_cmpint(irq_level[11], ==, 0);
    config_out(piix, 0x62, 11, 1);
    device_unrealize(b);
    g_assert_cmpint(irq_level[11], ==, 0);
    device_unrealize(a);
}

static void messages(void)
{
    Device *dev = new_test_device("04.0");
    PciDevice *pci = DEVICE_OF(dev, PciDevice);
    uint8_t fn = PCI_DEVFN(4, 0), msi = pci->msi_cap, msix = pci->msix_cap;

    g_assert_cmphex(config_in(fn, config_in(fn, 0x34, 1), 1), ==, PCI_CAP_ID_MSIX);
    msi_count = 0;
    config_out(fn, msi + 4, 0xfee01003, 4);
    config_out(fn, msi + 12, 0x4043, 2);
    config_out(fn, msi + 2, 0x0071, 2);         /* asks for 128 vectors: gets the 4 there are */
    msi_notify(pci, 6);
    g_assert_cmpuint(msi_count, ==, 0);         /* no bus master */
    config_out(fn, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2);
    msi_notify(pci, 6);
    g_assert_cmpuint(msi_count, ==, 1);
    g_assert_cmphex(msi_address, ==, 0xfee01000);
    g_assert_cmphex(msi_data, ==, 0x4042);
    config_out(fn, msi + 16, 0xffffffff, 4);
    g_assert_cmphex(config_in(fn, msi + 16, 4), ==, 0xf);
    msi_notify(pci, 1);
    g_assert_cmpuint(msi_count, ==, 1);
    g_assert_cmphex(config_in(fn, msi + 20, 4), ==, 2);
    config_out(fn, msi + 16, 0xd, 4);
    g_assert_cmpuint(msi_count, ==, 2);
    g_assert_cmphex(msi_data, ==, 0x4041);
    g_assert_cmphex(config_in(fn, msi + 20, 4), ==, 0);
    config_out(fn, msi + 2, 0, 2);

    config_out(fn, 0x18, 0xe0000000, 4);
    g_assert_cmphex(config_in(fn, msix + 2, 2), ==, 2);
    config_out(fn, msix + 2, 0x8000, 2);
    mem_store(memory_space(), 0xe0001020, 0xfee00000, 8);
    mem_store(memory_space(), 0xe0001028, 0x77, 4);
    msix_notify(pci, 2);
    g_assert_cmpuint(msi_count, ==, 2);
    g_assert_cmphex(at(0xe0002000), ==, 4);
    mem_store(memory_space(), 0xe000102c, 0, 4);
    g_assert_cmpuint(msi_count, ==, 3);
    g_assert_cmphex(msi_data, ==, 0x77);
    g_assert_cmphex(at(0xe0002000), ==, 0);
    msix_notify(pci, 3);                        /* beyond the table */
    g_assert_cmpuint(msi_count, ==, 3);
    device_unrealize(dev);
}

static void dma(void)
{
    Device *dev = new_test_device("04.0");
    PciDevice *pci = DEVICE_OF(dev, PciDevice);
    uint32_t value = 0x01020304;

    g_assert_false(pci_dma_write(pci, 0x1000, &value, 4));
    g_assert_false(pci_dma_read(pci, 0x1000, &value, 4));
    g_assert_cmphex(value, ==, 0);
    config_out(PCI_DEVFN(4, 0), PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    value = 0x01020304;
    g_assert_true(pci_dma_write(pci, 0x1000, &value, 4));
    g_assert_cmphex(ld32_le(ram->host + 0x1000), ==, 0x01020304);
    g_assert_false(pci_dma_write(pci, 0xfe000000, &value, 4));
    device_unrealize(dev);
}

static void reset_control(void)
{
    ShutdownCause cause;
    int code;

    out(0xcf9, 0x02, 1);
    g_assert_cmphex(in(0xcf9, 1), ==, 0x02);
    g_assert_cmphex(run_requests_take(&cause, &code), ==, 0);
    out(0xcf9, 0x06, 1);
    g_assert_cmphex(run_requests_take(&cause, &code), ==, RUN_REQUEST_RESET);
    g_assert_cmpint(cause, ==, SHUTDOWN_CAUSE_GUEST_RESET);
}

static unsigned requests(void)
{
    ShutdownCause cause;
    int code;

    return run_requests_take(&cause, &code);
}

static void power_management(void)
{
    uint8_t fn = PCI_DEVFN(1, 3);
    uint32_t ticks;

    g_assert_cmphex(config_in(fn, 0, 4), ==, 0x71138086);
    g_assert_cmphex(in(0x600, 2), ==, 0xffff);
    config_out(fn, 0x40, 0x601, 4);
    config_out(fn, 0x80, 1, 1);
    g_assert_cmphex(in(0x600, 4), ==, 0);
    /* The button does nothing until it is enabled, and nothing reaches the line before SCI_EN. */
    g_assert_true(power_press_button());
    g_assert_cmphex(in(0x600, 2), ==, 0);
    out(0x602, ACPI_PM1_PWRBTN, 2);
    power_press_button();
    g_assert_cmphex(in(0x600, 2), ==, ACPI_PM1_PWRBTN);
    g_assert_cmpint(irq_level[9], ==, 0);
    out(0xb2, ACPI_CMD_ENABLE, 1);
    g_assert_cmphex(in(0x604, 2), ==, 1);
    g_assert_cmpint(irq_level[9], ==, 1);
    out(0x601, ACPI_PM1_PWRBTN >> 8, 1);    /* clears the high byte alone */
    g_assert_cmpint(irq_level[9], ==, 0);
    g_assert_cmphex(in(0x602, 2), ==, ACPI_PM1_PWRBTN);
    /* The timer: 24 bits at 3.579545 MHz, an event when its top bit changes. */
    ticks = in(0x608, 4);
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + NS_PER_SECOND);
    g_assert_cmpint(in(0x608, 4) - ticks, >=, 3579544);
    g_assert_cmpint(in(0x608, 4) - ticks, <=, 3579546);
    out(0x602, ACPI_PM1_TMR, 2);
    clock_virtual_step_to(clock_ns(CLOCK_TYPE_VIRTUAL) + 3 * NS_PER_SECOND);
    g_assert_cmpint(irq_level[9], ==, 1);
    out(0x600, ACPI_PM1_TMR, 2);
    g_assert_cmpint(irq_level[9], ==, 0);
    g_assert_cmphex(in(0x608, 4) >> 24, ==, 0);
    /* General purpose events */
    acpi_pm_gpe(piix4_pm_acpi(OBJECT_OF(host->bus->devices[fn], Device)), 9);
    g_assert_cmphex(in(0xafe0, 4), ==, 0x0200);
    out(0xafe3, 2, 1);
    g_assert_cmpint(irq_level[9], ==, 1);
    out(0xafe1, 2, 1);
    g_assert_cmpint(irq_level[9], ==, 0);
    /* S5, S3 */
    requests();
    out(0x604, 0x2001, 2);
    g_assert_cmphex(requests(), ==, RUN_REQUEST_SHUTDOWN);
    out(0x604, 0x2401, 2);
    g_assert_cmphex(requests(), ==, RUN_REQUEST_SUSPEND);
    devices_reset();
    power_wake_up();
    config_out(fn, 0x40, 0x601, 4);
    config_out(fn, 0x80, 1, 1);
    g_assert_cmphex(in(0x600, 2), ==, ACPI_PM1_WAK | ACPI_PM1_PWRBTN);
    devices_reset();
    g_assert_cmphex(in(0x600, 2), ==, 0xffff);
}

static void smbus(void)
{
    uint8_t fn = PCI_DEVFN(1, 3);

    g_assert_cmphex(in(0xb100, 1), ==, 0);
    config_out(fn, 0x90, 0x701, 4);
    g_assert_cmphex(in(0xb100, 1), ==, 0xff);
    out(0x704, 0xa1, 1);
    out(0x702, 0x48, 1);                    /* read a byte of data: nobody is there */
    g_assert_cmphex(in(0x700, 1), ==, 0x04);
    out(0x700, 0xff, 1);
    g_assert_cmphex(in(0x700, 1), ==, 0);
    devices_reset();
    g_assert_cmphex(in(0xb100, 1), ==, 0);
}

static MemRegion ram_region;

int main(int argc, char **argv)
{
    IrqLine *lines = irq_new(set_irq, NULL, ISA_NR_IRQS), *irqs[ISA_NR_IRQS];

    g_test_init(&argc, &argv, NULL);
    vm_lock();
    clock_virtual_set_stepped();
    ram = ram_block_new("ram", RAM_SIZE, NULL);
    for (unsigned i = 0; i < ISA_NR_IRQS; i++) {
        irqs[i] = &lines[i];
    }
    region_init_ram_block(&ram_region, NULL, "ram", ram);
    host = i440fx_new(&ram_region, ram, BELOW_4G);
    isa = piix3_new(host, irqs);
    piix4_pm_new(host->bus, 1, irqs[9], true, NULL);
    msi_set_deliver(got_msi);
    g_test_add_func("/pci/config-cycles", config_cycles);
    g_test_add_func("/pci/bars", bars);
    g_test_add_func("/pci/slots", slots);
    g_test_add_func("/pci/pam", pam);
    g_test_add_func("/pci/smram", smram);
    g_test_add_func("/pci/ram-split", ram_split);
    g_test_add_func("/pci/intx", intx);
    g_test_add_func("/pci/messages", messages);
    g_test_add_func("/pci/dma", dma);
    g_test_add_func("/pci/reset-control", reset_control);
    g_test_add_func("/pci/power-management", power_management);
    g_test_add_func("/pci/smbus", smbus);
    return g_test_run();
}

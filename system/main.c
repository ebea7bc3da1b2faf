/* main(): the order of creation, top to bottom */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "block/block.h"
#include "chardev/char.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "memory/vm-lock.h"
#include "qapi/keyval.h"
#include "qom/prop.h"
#include "system/main-loop.h"
#include "system/qtest.h"
#include "system/run.h"
#include "util/log.h"
#include "util/trace.h"

static const char *opt_machine = "pc", *opt_qtest, *opt_qtest_log, *opt_cpu;
static const char *opt_kernel, *opt_initrd, *opt_append, *opt_bios, *opt_serial, *opt_debugcon;
static const char *opt_memory;
static unsigned opt_cpus = 1;
static GPtrArray *opt_accels, *opt_devices, *opt_blockdevs;
static bool opt_paused, opt_nographic;

static NORETURN void fail(Error *err)
{
    error_report(err);
    exit(1);
}

static void parse(int argc, char **argv)
{
    static const struct { const char *name; const char **value; } texts[] = {
        { "-machine", &opt_machine }, { "-M", &opt_machine }, { "-qtest", &opt_qtest },
        { "-qtest-log", &opt_qtest_log }, { "-kernel", &opt_kernel }, { "-initrd", &opt_initrd },
        { "-append", &opt_append }, { "-bios", &opt_bios }, { "-cpu", &opt_cpu },
        { "-serial", &opt_serial }, { "-debugcon", &opt_debugcon }, { "-m", &opt_memory },
    };
    Error *err = NULL;
    uint32_t mask;

    opt_accels = g_ptr_array_new();
    opt_devices = g_ptr_array_new();
    opt_blockdevs = g_ptr_array_new();
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i] + (g_str_has_prefix(argv[i], "--") ? 1 : 0);
        unsigned k = 0;

        while (k < ARRAY_SIZE(texts) && strcmp(texts[k].name, arg)) {
            k++;
        }
        if (!strcmp(arg, "-S")) {
            opt_paused = true;
        } else if (!strcmp(arg, "-nographic")) {
            opt_nographic = true;
        } else if (!strcmp(arg, "-no-reboot")) {
            run_actions.reboot = REBOOT_SHUTDOWN;
        } else if (i + 1 == argc) {
            error_set(&err, "%s: not an option, or its argument is missing", arg);
            fail(err);
        } else if (k < ARRAY_SIZE(texts)) {
            *texts[k].value = argv[++i];
        } else if (!strcmp(arg, "-accel")) {
            g_ptr_array_add(opt_accels, argv[++i]);
        } else if (!strcmp(arg, "-blockdev")) {
            g_ptr_array_add(opt_blockdevs, argv[++i]);
        } else if (!strcmp(arg, "-device")) {
            g_ptr_array_add(opt_devices, argv[++i]);
        } else if (!strcmp(arg, "-smp")) {
            opt_cpus = atoi(argv[++i]);
        } else if (!strcmp(arg, "-display")) {
            i++;
        } else if (!strcmp(arg, "-d")) {
            if (!log_parse(argv[++i], &mask, &err)) {
                fail(err);
            }
            log_set_mask(mask);
        } else if (!strcmp(arg, "-D")) {
            log_set_file(argv[++i], NULL);
        } else if (!strcmp(arg, "-trace")) {
            if (!trace_set(argv[++i], true, &err)) {
                fail(err);
            }
        } else {
            error_set(&err, "%s: invalid option", arg);
            fail(err);
        }
    }
}

static Machine *make_machine(void)
{
    const MachineType *type = machine_type_find(opt_machine);
    Error *err = NULL;
    Machine *m;
    char *end;

    if (!type) {
        error_set(&err, "unsupported machine type '%s'", opt_machine);
        fail(err);
    }
    m = machine_new(type);
    m->ram_size = type->default_ram_size;
    if (opt_memory) {
        m->ram_size = strtoull(opt_memory, &end, 0) << (*end == 'G' ? 30 : 20);
    }
    m->smp = (SmpConfig){ opt_cpus, opt_cpus, opt_cpus, 1, 1, 1 };
    m->cpu_model = g_strdup(opt_cpu);
    m->kernel = g_strdup(opt_kernel);
    m->initrd = g_strdup(opt_initrd);
    m->append = g_strdup(opt_append);
    m->firmware = g_strdup(opt_bios);
    m->graphics = !opt_nographic;
    return m;
}

static void start_accel(const Machine *m)
{
    AccelConfig config = {
        .nr_cpus = m->smp.cpus, .max_cpus = m->smp.max_cpus, .cpu_model = m->cpu_model,
        .dies = 1, .cores = 1, .threads = 1,
    };
    Error *err = NULL;

    if (!opt_accels->len) {
        g_ptr_array_add(opt_accels, (char *)"soft");
    }
    for (unsigned i = 0; i < opt_accels->len; i++) {
        const AccelType *type = accel_find(opt_accels->pdata[i]);

        if (!type) {
            report_warning("accelerator '%s' is not there", (char *)opt_accels->pdata[i]);
        } else if (accel_start((Accel *)(void *)object_new(&type->object), &config, &err)) {
            return;
        }
    }
    fail(err);
}

static void make_device(char *text)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    Error *err = NULL;
    Device *dev;
    const DeviceType *type = device_type_find(words[0]);

    if (!type) {
        error_set(&err, "'%s' is not a valid device model name", words[0]);
        fail(err);
    }
    dev = device_new_type(type);
    for (int i = 1; words[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(words[i], "=", 2);

        if (!strcmp(pair[0], "id")) {
            dev->id = g_strdup(pair[1]);
        } else if (!prop_set(&dev->obj, pair[0], pair[1] ? pair[1] : "on", &err)) {
            fail(err);
        }
    }
    if (!device_realize(dev, type->bus ? bus_find_type(type->bus) : NULL, &err)) {
        fail(err);
    }
    object_unref(&dev->obj);
}

int main(int argc, char **argv)
{
    Error *err = NULL;
    Machine *m;

    report_set_program(argv[0]);
    vm_lock();
    parse(argc, argv);
    run_catch_signals();
    m = make_machine();
    start_accel(m);
    if (m->ram_size && !(m->ram = ram_block_new("pc.ram", m->ram_size, &err))) {
        fail(err);
    }
    for (unsigned i = 0; i < opt_blockdevs->len; i++) {
        bool keyval;
        JSON_AUTO json = keyval_or_json_parse(opt_blockdevs->pdata[i], "driver", NULL, &keyval,
                                              &err);

        if (!json || !blockdev_add(json, keyval ? QAPI_KEYVAL : QAPI_STRICT, &err)) {
            fail(err);
        }
    }
    if (opt_nographic && !opt_serial) {
        opt_serial = "stdio";
    }
    if (opt_serial) {
        Chardev *chr = chardev_new_short(opt_serial, "serial0", NULL, &err);

        if (!chr) {
            fail(err);
        }
    }
    if (!machine_type(m)->build(m, &err)) {
        fail(err);
    }
    for (unsigned i = 0; i < opt_devices->len; i++) {
        make_device(opt_devices->pdata[i]);
    }
    if (opt_serial) {
        make_device((char[]){ "isa-serial,chardev=serial0" });
    }
    if (opt_debugcon) {
        if (!chardev_new_short(opt_debugcon, "debugcon", NULL, &err)) {
            fail(err);
        }
        make_device((char[]){ "isa-debugcon,iobase=0x402,chardev=debugcon" });
    }
    if (machine_type(m)->finish && !machine_type(m)->finish(m, &err)) {
        fail(err);
    }
    if (opt_qtest) {
        Chardev *chr = chardev_new_short(opt_qtest, "qtest", NULL, &err);

        if (!chr || !qtest_server_start(chr, opt_qtest_log, &err)) {
            fail(err);
        }
    }
    devices_reset();
    vcpus_reset();
    if (!opt_paused) {
        run_start();
    }
    main_loop_run();
    vcpus_destroy();
    block_close_all();
    chardev_close_all();
    return run_exit_status();
}

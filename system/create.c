/* From the Config to things: chardevs, objects, machine, accelerator, drives, board, devices */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "block/block.h"
#include "chardev/char.h"
#include "hw/core/device-qmp.h"
#include "hw/core/machine.h"
#include "hw/rtc/mc146818.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/keyval.h"
#include "qapi/types-char.h"
#include "qapi/types-control.h"
#include "qom/prop-json.h"
#include "qom/user-object.h"
#include "system/config.h"
#include "system/gdbstub.h"
#include "system/hmp-machine.h"
#include "system/qtest.h"
#include "system/run.h"
#include "util/log.h"
#include "util/parse.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>


#define MAX_RAM_BYTES (1ULL << 46)      /* with modules: no CPU's addresses reach further */

/* The option at fault goes in front of the message; returns false. */
static bool blame(const char *origin, Error **errp)
{
    error_prepend(errp, "%s: ", origin);
    return false;
}

static bool create_each(GPtrArray *list, bool (*fn)(const ConfigItem *item, Error **errp),
                        Error **errp)
{
    for (unsigned i = 0; i < list->len; i++) {
        const ConfigItem *item = list->pdata[i];

        if (!fn(item, errp)) {
            return blame(item->origin, errp);
        }
    }
    return true;
}

/* --- back ends --- */

static bool create_chardev(const ConfigItem *item, Error **errp)
{
    g_autoptr(ChardevOptions) opts = NULL;
    bool want_monitor;

    if (item->text) {
        return chardev_new_short(item->text, item->id, &want_monitor, errp);
    }
    opts = qapi_parse_ChardevOptions(item->json, item->mode, errp);
    return opts && chardev_new(opts, errp);
}

bool create_chardevs(Config *c, Error **errp)
{
    return create_each(c->chardevs, create_chardev, errp);
}

static bool create_object(const ConfigItem *item, Error **errp)
{
    return user_object_add(item->json, errp);
}

/* Objects that use chardevs come behind them, the others (credentials) are there for them. */
static bool create_objects_where(Config *c, bool use_chardevs, Error **errp)
{
    for (unsigned i = 0; i < c->objects->len; i++) {
        const ConfigItem *item = c->objects->pdata[i];
        const char *type = keyval_get(item->json, "qom-type");

        if ((type && !strcmp(type, "qtest")) == use_chardevs && !create_object(item, errp)) {
            return blame(item->origin, errp);
        }
    }
    return true;
}

bool create_early_objects(Config *c, Error **errp)
{
    return create_objects_where(c, false, errp);
}

bool create_late_objects(Config *c, Error **errp)
{
    return create_objects_where(c, true, errp);
}

static bool create_blockdev(const ConfigItem *item, Error **errp)
{
    return blockdev_add(item->json, item->mode, errp);
}

/* --- drives --- */

static const BlkErrorPolicy error_policies[] = {
    [BLOCKDEV_ON_ERROR_REPORT] = BLK_ERROR_REPORT,
    [BLOCKDEV_ON_ERROR_IGNORE] = BLK_ERROR_IGNORE,
    [BLOCKDEV_ON_ERROR_ENOSPC] = BLK_ERROR_ENOSPC,
    [BLOCKDEV_ON_ERROR_STOP] = BLK_ERROR_STOP,
    [BLOCKDEV_ON_ERROR_AUTO] = BLK_ERROR_AUTO,
};

/* The node of a -drive: format over protocol, under a temporary layer for snapshot=on. */
typedef BlockNode *OpenFn(const BlockOpenHow *how, Error **errp);

static BlockNode *open_drive(const DriveOptions *o, const Json *options, OpenFn *open,
                             Error **errp)
{
    bool write = !o->read_only && !o->readonly &&
                 !(o->has_media && o->media == DRIVE_MEDIA_CDROM);
    DriveCache cache = o->has_cache ? o->cache : DRIVE_CACHE_WRITEBACK;
    BlockOpenHow how = {
        .name = o->file, .format = o->format, .options = options, .write = write,
        .auto_read_only = o->has_auto_read_only ? o->auto_read_only : true,
        .force_share = o->force_share, .copy_on_read = o->copy_on_read,
        .snapshot = o->snapshot && write,
        .direct = cache == DRIVE_CACHE_NONE || cache == DRIVE_CACHE_DIRECTSYNC,
        .no_flush = cache == DRIVE_CACHE_UNSAFE,
        .discard = o->has_discard ? BlockdevDiscardOptions_name(o->discard) : NULL,
        .detect_zeroes = o->has_detect_zeroes ? BlockdevDetectZeroesOptions_name(o->detect_zeroes)
                                              : NULL,
        .aio = o->has_aio ? BlockdevAioOptions_name(o->aio) : NULL,
    };

    if (how.copy_on_read && !write) {
        report_warning("disabling copy-on-read on read-only drive");
        how.copy_on_read = false;
    }
    return open(&how, errp);
}

static OnOffAuto on_off(bool given, bool on)
{
    return !given ? ON_OFF_AUTO_AUTO : on ? ON_OFF_AUTO_ON : ON_OFF_AUTO_OFF;
}

static bool take_stats(BlockBackend *blk, const DriveOptions *o, Error **errp)
{
    blk_set_accounting(blk, on_off(o->has_stats_account_invalid, o->stats_account_invalid),
                       on_off(o->has_stats_account_failed, o->stats_account_failed));
    for (const uint64List *l = o->stats_intervals; l; l = l->next) {
        if (!l->value || l->value > UINT32_MAX) {
            error_set(errp, "Invalid interval length: %" PRIu64, l->value);
            return false;
        }
        blk_add_stats_interval(blk, l->value);
    }
    return true;
}

static bool add_drive(const ConfigItem *item, OpenFn *open, Error **errp)
{
    g_autoptr(DriveOptions) o = qapi_parse_DriveOptions(item->json, QAPI_KEYVAL, errp);
    BlkErrorPolicy on_read, on_write;
    BlockNode *node = NULL;
    BlockBackend *blk;

    if (!o) {
        return false;
    }
    on_read = o->has_rerror ? error_policies[o->rerror] : BLK_ERROR_AUTO;
    on_write = o->has_werror ? error_policies[o->werror] : BLK_ERROR_AUTO;
    if (!blk_check_on_error(on_read, on_write, errp)) {
        return false;
    }
    if (o->file || item->node) {
        node = open_drive(o, item->node, open, errp);
        if (!node) {
            return false;
        }
    }
    blk = blk_new(item->id, node, errp);
    if (node) {
        block_node_unref(node);
    }
    if (!blk) {
        return false;
    }
    blk_set_write_cache(blk, !o->has_cache || (o->cache != DRIVE_CACHE_WRITETHROUGH &&
                                               o->cache != DRIVE_CACHE_DIRECTSYNC));
    blk_set_on_error(blk, on_read, on_write);
    if (!take_stats(blk, o, errp) ||
        (o->throttling && !blk_set_throttling(blk, o->throttling, errp))) {
        blk_unref(blk);
        return false;
    }
    return true;                /* the drive stays, whether or not a device takes it */
}

static bool create_drive(const ConfigItem *item, Error **errp)
{
    return add_drive(item, block_open_user, errp);
}

bool co_create_drive(const ConfigItem *item, Error **errp)
{
    return add_drive(item, co_block_open_user, errp);
}

static void stop_for_error(void)
{
    run_stop(RUN_STATE_IO_ERROR);
}

static void retry_failed(void *opaque, bool running, RunState state)
{
    if (running) {
        blk_retry_all();
    }
}

bool create_drives(Config *c, Error **errp)
{
    blk_set_stop_hook(stop_for_error);
    run_add_listener(retry_failed, NULL);
    return create_each(c->blockdevs, create_blockdev, errp) &&
           create_each(c->drives, create_drive, errp);
}

/* --- the machine --- */

/* What is left open follows from what is given; more cores rather than more sockets. */
static bool take_smp(Config *c, Machine *m, Error **errp)
{
    g_autoptr(SmpOptions) o = NULL;
    const char *names[] = { "cpus", "maxcpus", "sockets", "dies", "cores", "threads" };
    uint64_t cpus, max, sockets, dies, cores, threads;

    m->smp = (SmpConfig){ 1, 1, 1, 1, 1, 1 };
    if (!c->smp) {
        return true;
    }
    o = qapi_parse_SmpOptions(c->smp, QAPI_KEYVAL, errp);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = keyval_get(c->smp, names[i]);
        uint64_t n;

        if (value && !parse_u64(value, 0, &n) && (!n || n > 1024)) {
            error_set(errp, "Invalid CPU topology: %s must be from 1 to 1024, not %s", names[i],
                      value);
            return false;
        }
    }
    cpus = o->cpus, max = o->maxcpus, sockets = o->sockets, cores = o->cores, threads = o->threads;
    dies = MAX(o->dies, 1);
    if (!cpus && !max) {
        sockets = MAX(sockets, 1);
        cores = MAX(cores, 1);
        threads = MAX(threads, 1);
    } else {
        uint64_t all = max ? max : cpus;

        if (!cores) {
            sockets = MAX(sockets, 1);
            threads = MAX(threads, 1);
            cores = MAX(all / (sockets * dies * threads), 1);
        } else if (!sockets) {
            threads = MAX(threads, 1);
            sockets = MAX(all / (dies * cores * threads), 1);
        }
        if (!threads) {
            threads = MAX(all / (sockets * dies * cores), 1);
        }
    }
    max = max ? max : cpus ? MAX(cpus, sockets * dies * cores * threads) : sockets * dies * cores
                                                                        * threads;
    if (!o->maxcpus && cpus && sockets * dies * cores * threads != cpus) {
        max = cpus;             /* for the message below */
    }
    cpus = cpus ? cpus : max;
    if (sockets * dies * cores * threads != max) {
        error_set(errp, "Invalid CPU topology: product of the hierarchy must match maxcpus: "
                  "sockets (%" PRIu64 ") * dies (%" PRIu64 ") * cores (%" PRIu64 ") * threads (%"
                  PRIu64 ") != maxcpus (%" PRIu64 ")", sockets, dies, cores, threads, max);
        return false;
    }
    if (max < cpus) {
        error_set(errp, "Invalid CPU topology: maxcpus (%" PRIu64 ") must be equal to or greater "
                  "than cpus (%" PRIu64 ")", max, cpus);
        return false;
    }
    if (max > machine_type(m)->max_cpus) {
        error_set(errp, "Invalid SMP CPUs %" PRIu64 ". The max CPUs supported by machine '%s' is "
                  "%u", max, machine_type(m)->name, machine_type(m)->max_cpus);
        return false;
    }
    m->smp = (SmpConfig){ cpus, max, sockets, dies, cores, threads };
    return true;
}

static bool parse_memory(const char *text, const char *name, char unit, uint64_t *bytes,
                         Error **errp)
{
    switch (parse_size(text, unit, bytes)) {
    case 0:
        return true;
    case -ERANGE:
        error_set(errp, "Parameter '%s' expects a size below 2^64, not '%s'", name, text);
        return false;
    default:
        error_set(errp, "Parameter '%s' expects a non-negative number below 2^64, not '%s'", name,
                  text);
        error_hint(errp, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, "
                   "peta- and exabytes, respectively.");
        return false;
    }
}

/* Modules need slots to be in, and room beyond the memory of the start. */
static bool check_slots(const MemoryOptions *o, const Machine *m, Error **errp)
{
    unsigned max = machine_type(m)->max_ram_slots;

    if (!max && (m->max_ram_size > m->ram_size || m->ram_slots)) {
        error_set(errp, "machine '%s' has no memory slots: 'slots' and a larger 'maxmem' are not "
                  "possible", machine_type(m)->name);
        return false;
    }
    if (m->ram_slots && !o->maxmem) {
        error_set(errp, "slots specified but no max-size");
        error_hint(errp, "Give maxmem=SIZE, the memory with all slots filled");
        return false;
    }
    if (m->ram_slots && m->max_ram_size == m->ram_size) {
        error_set(errp, "invalid value of maxmem: memory slots were specified but maximum memory "
                  "size (0x%" PRIx64 ") is equal to the initial memory size (0x%" PRIx64 ")",
                  m->max_ram_size, m->ram_size);
        return false;
    }
    if (m->ram_slots > max) {
        error_set(errp, "unsupported amount of memory slots: %u", m->ram_slots);
        error_hint(errp, "Machine '%s' has up to %u", machine_type(m)->name, max);
        return false;
    }
    if (m->ram_slots && (m->max_ram_size % RAM_UNIT_BYTES || m->max_ram_size > MAX_RAM_BYTES)) {
        error_set(errp, "maximum memory size must by aligned to multiple of %d bytes, and no more "
                  "than 0x%llx", RAM_UNIT_BYTES, MAX_RAM_BYTES);
        return false;
    }
    return true;
}

static bool take_memory(Config *c, Machine *m, Error **errp)
{
    g_autoptr(MemoryOptions) o = c->memory ? qapi_parse_MemoryOptions(c->memory, QAPI_KEYVAL, NULL)
                                           : g_new0(MemoryOptions, 1);
    struct sysinfo info = { 0 };
    uint64_t host_bytes;

    m->ram_size = machine_type(m)->default_ram_size;
    if (o->size && !parse_memory(o->size, "size", 'M', &m->ram_size, errp)) {
        return false;
    }
    if (m->ram_size > UINT64_MAX - RAM_UNIT_BYTES) {
        error_set(errp, "ram size too large");
        return false;
    }
    m->ram_size = ROUND_UP(m->ram_size, RAM_UNIT_BYTES);
    m->max_ram_size = m->ram_size;
    m->ram_slots = o->slots;
    if (o->maxmem && !parse_memory(o->maxmem, "maxmem", 'B', &m->max_ram_size, errp)) {
        return false;
    }
    if (m->max_ram_size < m->ram_size) {
        error_set(errp, "invalid value of maxmem: maximum memory size (0x%" PRIx64 ") must be at "
                  "least the initial memory size (0x%" PRIx64 ")", m->max_ram_size, m->ram_size);
        return false;
    }
    if (!check_slots(o, m, errp)) {
        return false;
    }
    sysinfo(&info);
    host_bytes = (uint64_t)(info.totalram + info.totalswap) * info.mem_unit;
    if (host_bytes && m->ram_size > host_bytes) {
        g_autofree char *want = format_size(m->ram_size), *have = format_size(host_bytes);

        error_set(errp, "cannot set up guest memory 'pc.ram': %s is more than this host's %s",
                  want, have);
        return false;
    }
    return true;
}

static bool boot_letters_ok(const char *letters, Error **errp)
{
    for (const char *p = letters; p && *p; p++) {
        if (*p < 'a' || *p > 'p') {
            error_set(errp, "Invalid boot device '%c'", *p);
            error_hint(errp, "Valid values: a, b (floppy), c (disk), d (CD-ROM), n (network)");
            return false;
        }
        if (strchr(p + 1, *p)) {
            error_set(errp, "Boot device '%c' was given twice", *p);
            return false;
        }
    }
    return true;
}

static bool take_boot(Config *c, Machine *m, Error **errp)
{
    g_autoptr(BootOptions) o = c->boot ? qapi_parse_BootOptions(c->boot, QAPI_KEYVAL, NULL)
                                       : g_new0(BootOptions, 1);

    if (!boot_letters_ok(o->order, errp) || !boot_letters_ok(o->once, errp)) {
        return false;
    }
    if ((o->has_splash_time && o->splash_time < 0) ||
        (o->has_reboot_timeout && o->reboot_timeout < -1)) {
        error_set(errp, "splash-time and reboot-timeout are times in milliseconds");
        return false;
    }
    m->boot_order = g_strdup(o->order);
    m->boot_once = g_strdup(o->once);
    m->boot_splash = g_strdup(o->splash);
    m->boot_menu = o->menu;
    m->boot_strict = o->strict;
    m->boot_splash_ms = o->has_splash_time ? o->splash_time : -1;
    m->boot_reboot_ms = o->has_reboot_timeout ? o->reboot_timeout : -1;
    return true;
}

/* -kernel X is -machine kernel=X, and wins. */
static void override(char **place, const char *text)
{
    if (text) {
        g_free(*place);
        *place = g_strdup(text);
    }
}

static bool take_kernel(Config *c, Machine *m, Error **errp)
{
    override(&m->kernel, c->kernel);
    override(&m->initrd, c->initrd);
    override(&m->append, c->append);
    override(&m->firmware, c->firmware);
    if (m->initrd && !m->kernel) {
        error_set(errp, "-initrd only allowed with -kernel option");
        return false;
    }
    if (m->append && !m->kernel) {
        error_set(errp, "-append only allowed with -kernel option");
        return false;
    }
    if (m->kernel && machine_type(m)->no_cpus) {
        error_set(errp, "-kernel: machine '%s' has no CPU to run it", machine_type(m)->name);
        return false;
    }
    return true;
}

static bool take_rtc(Config *c, Error **errp)
{
    g_autoptr(RtcOptions) o = c->rtc ? qapi_parse_RtcOptions(c->rtc, QAPI_KEYVAL, NULL) : NULL;

    return !o || rtc_configure(o->base, o->clock, o->driftfix, errp) || blame(c->rtc_origin, errp);
}

static void offer_machine(const MachineType *type, void *opaque)
{
    spell_offer(opaque, type->name);
    if (type->alias) {
        spell_offer(opaque, type->alias);
    }
}

static const MachineType *find_machine(Config *c, Error **errp)
{
    const char *name = keyval_get(c->machine, "type");
    const MachineType *type = name ? machine_type_find(name) : machine_type_default();
    Spell spell = SPELL_INIT(name);

    if (!type) {
        error_set(errp, "%s: unsupported machine type '%s'", c->machine_origin, name);
        machine_types_for_each(offer_machine, &spell);
        if (spell_best(&spell)) {
            error_hint(errp, "Did you mean '%s'?", spell_best(&spell));
        } else {
            error_hint(errp, "Use -machine help to list supported machines");
        }
    }
    return type;
}

bool create_machine(Config *c, Error **errp)
{
    static const char *const own[] = { "type", "kernel-irqchip", NULL };
    const MachineType *type = find_machine(c, errp);
    Machine *m;

    if (!type) {
        return false;
    }
    m = machine_new(type);
    if (!props_set_from_json(&m->obj, c->machine, own, errp)) {
        return blame(c->machine_origin, errp);
    }
    if (m->usb) {
        error_set(errp, "usb=on: machine '%s' has no USB controller", type->name);
        return blame(c->machine_origin, errp);
    }
    m->graphics = m->graphics && !c->nographic;
    if (!take_smp(c, m, errp)) {
        return blame(c->smp_origin, errp);
    }
    if (!take_memory(c, m, errp)) {
        return c->memory ? blame(c->memory_origin, errp) : false;
    }
    if (!take_boot(c, m, errp)) {
        return blame(c->boot_origin, errp);
    }
    if (!take_kernel(c, m, errp) || !take_rtc(c, errp)) {
        return false;
    }
    m->cpu_model = g_strdup(c->cpu);
    m->guest_name = c->name ? g_strdup(keyval_get(c->name, "guest")) : NULL;
    m->default_devices = !c->no_defaults;
    m->vga = g_strdup(VgaKind_name(c->vga));
    m->has_uuid = c->has_uuid;
    memcpy(m->uuid, c->uuid, sizeof(m->uuid));
    m->obj.ready = true;        /* from here on only rows that are live can change */
    return true;
}

/* --- the accelerator --- */

/* Names that are known to users, and why there is nothing behind them. */
static const char *absent_accel(const char *name)
{
    static const char *const known[] = { "kvm", "hax", "hvf", "nvmm", "whpx", "xen", NULL };

    return g_strv_contains(known, name) ? "this build has no support for it" : NULL;
}

static bool start_one(Config *c, const ConfigItem *item, const AccelConfig *config, Error **errp)
{
    const char *irqchip = keyval_get(c->machine, "kernel-irqchip");
    static const char *const skip[] = { "accel", NULL };
    const char *name = keyval_get(item->json, "accel");
    const AccelType *type = accel_find(name);
    g_autoptr(Object) obj = object_new(&type->object);

    if (!props_set_from_json(obj, item->json, skip, errp)) {
        return blame(item->origin, errp);
    }
    /* As in QEMU -machine takes it for the accelerator that has it. */
    if (irqchip && prop_find(obj, "kernel-irqchip") &&
        !prop_set(obj, "kernel-irqchip", irqchip, errp)) {
        return blame(c->machine_origin, errp);
    }
    if (!accel_start((Accel *)(void *)obj, config, errp)) {
        if (!accel_cpu_model_refused()) {
            error_prepend(errp, "%s: failed to initialize %s: ", item->origin, name);
        }
        return false;
    }
    object_ref(obj);            /* it stays */
    return true;
}

static bool check_accel_names(Config *c, Error **errp)
{
    for (unsigned i = 0; i < c->accels->len; i++) {
        const ConfigItem *item = c->accels->pdata[i];
        const char *name = keyval_get(item->json, "accel");

        if (!name || (!accel_find(name) && !absent_accel(name))) {
            g_autofree char *names = g_strdelimit(g_strchomp(accel_names()), "\n", ' ');

            error_set(errp, "invalid accelerator %s", name ? name : "(none named)");
            error_hint(errp, "Valid values: %s", names);
            return blame(item->origin, errp);
        }
    }
    return true;
}

static void add_accel(Config *c, const char *name)
{
    g_autofree char *origin = g_strdup_printf("-accel %s", name);
    Json *json = json_object_new_object();

    json_object_object_add(json, "accel", json_object_new_string(name));
    config_add(c->accels, origin, json, QAPI_KEYVAL);
}

/* Nobody said: the kernel's where it is quick, else our own, which is behind it in any case. */
static void choose_accels(Config *c)
{
    const AccelType *kvm = accel_find("kvm");
    g_autofree char *why = NULL;
    bool quick = false;

    if (kvm && !machine_type(machine_current())->no_cpus) {
        quick = kvm->is_quick(&why);
        if (log_on(LOG_ACCEL)) {
            log_printf("accel: %s is taken: %s\n", quick ? "kvm" : "soft", why);
        }
    }
    if (quick) {
        add_accel(c, "kvm");
    }
    add_accel(c, "soft");
}

bool create_accel(Config *c, Error **errp)
{
    const Machine *m = machine_current();
    AccelConfig config = {
        .nr_cpus = m->smp.cpus, .max_cpus = m->smp.max_cpus,
        .cpu_model = m->cpu_model,
        .dies = m->smp.dies, .cores = m->smp.cores, .threads = m->smp.threads,
    };

    if (!c->accels->len) {
        choose_accels(c);
    }
    if (!check_accel_names(c, errp)) {
        return false;
    }
    for (unsigned i = 0; i < c->accels->len; i++) {
        const ConfigItem *item = c->accels->pdata[i];
        const char *name = keyval_get(item->json, "accel"), *absent = absent_accel(name);
        bool last = i + 1 == c->accels->len;
        Error *err = NULL;

        if (absent && !accel_find(name)) {
            error_set(&err, "%s: failed to initialize %s: %s", item->origin, name, absent);
        } else if (start_one(c, item, &config, &err)) {
            return true;
        } else if (accel_cpu_model_refused()) {
            last = true;        /* a wrong -cpu is wrong for all of them */
        }
        if (last) {
            error_propagate(errp, err);
            return false;
        }
        error_report_warning(err);
    }
    return false;
}

/* --- the board and what is put on it --- */

static bool create_global(const ConfigItem *item, Error **errp)
{
    g_autoptr(GlobalOptions) o = qapi_parse_GlobalOptions(item->json, QAPI_KEYVAL, errp);

    return o && device_add_global(o->driver, o->property, o->value, errp);
}

bool create_board(Config *c, Error **errp)
{
    Machine *m = machine_current();

    m->cpu_type = g_strconcat(accel_cpu_model() ? accel_cpu_model()->name : "max",
                              CPU_TYPE_SUFFIX, NULL);
    if (!create_each(c->globals, create_global, errp) || !create_ram(m, errp)) {
        return false;
    }
    if (c->mem_lock && mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
        error_set_errno(errp, errno, "-overcommit mem-lock=on: cannot lock memory");
        return false;
    }
    return machine_type(m)->build(m, errp);
}

static bool create_device(const ConfigItem *item, Error **errp)
{
    return device_add(item->json, errp);
}

bool create_devices(Config *c, Error **errp)
{
    Machine *m = machine_current();

    return create_each(c->devices, create_device, errp) &&
           (!machine_type(m)->finish || machine_type(m)->finish(m, errp));
}

static bool create_monitor(const ConfigItem *item, Error **errp)
{
    g_autoptr(MonitorOptions) opts = qapi_parse_MonitorOptions(item->json, QAPI_KEYVAL, errp);

    return opts && monitor_new(opts, errp);
}

bool create_monitors(Config *c, Error **errp)
{
    gdb_set_monitor(hmp_run_for_gdb);
    hmp_set_registers(co_hmp_register);
    monitor_init();
    return create_each(c->monitors, create_monitor, errp);
}

bool create_qtest(Config *c, Error **errp)
{
    Chardev *chr;

    if (!c->qtest) {
        if (c->qtest_log) {
            error_set(errp, "-qtest-log is of use only with -qtest");
            return false;
        }
        return true;
    }
    chr = chardev_new_short(c->qtest, "qtest", NULL, errp);
    return (chr && qtest_server_start(chr, c->qtest_log, errp)) || blame(c->qtest_origin, errp);
}

bool create_gdb(Config *c, Error **errp)
{
    return !c->gdb || gdb_server_start(c->gdb, errp) || blame(c->gdb_origin, errp);
}

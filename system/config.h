/* What the command line says, before anything is made of it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_CONFIG_H
#define SYSTEM_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "qapi/json.h"
#include "qapi/types-cli.h"
#include "qapi/visitor.h"

#define RAM_UNIT_BYTES 8192u    /* memory sizes are rounded up to this, as in QEMU */

/* One thing to create, and which option asked for it (for messages). */
typedef struct ConfigItem {
    char *origin;           /* "-device isa-serial,foo=1" */
    Json *json;             /* its members; NULL where text says all */
    QapiMode mode;
    char *text;             /* short forms: "stdio", "mon:stdio" */
    char *id;               /* of what a short form or a drive creates */
    Json *node;             /* -drive: what it says of the node; NULL: nothing */
} ConfigItem;

typedef struct Config {
    char *origin;           /* the option being read */

    Json *machine;          /* members of all -machine together, "type" too; values are strings */
    char *machine_origin;
    GPtrArray *accels;      /* ConfigItem: accel and its properties, in order of preference */
    bool machine_accel;     /* they came from -machine accel=, which -accel cannot follow */
    char *cpu, *firmware, *kernel, *initrd, *append;
    Json *smp, *memory, *boot, *rtc, *name;     /* merged over repeated options */
    char *smp_origin, *memory_origin, *boot_origin, *rtc_origin;
    char *uuid_origin;
    uint8_t uuid[16];
    bool has_uuid;
    VgaKind vga;
    bool has_vga;

    GPtrArray *objects, *chardevs, *devices, *globals;      /* ConfigItem */
    GPtrArray *blockdevs, *numas;
    GPtrArray *fw_files, *option_roms, *acpi_tables;        /* ConfigItem */
    GPtrArray *drives;                  /* DriveOptions */
    GPtrArray *serials, *parallels, *debugcons; /* ConfigItem with .text, before sugar_expand() */
    GPtrArray *monitors;                /* MonitorOptions; with .text where that says the chardev */

    char *mem_path;                     /* -mem-path; sugar_expand() makes a backend of it */
    bool mem_prealloc;
    bool mem_lock;                      /* -overcommit mem-lock=on */
    bool preconfig;                     /* wait for x-exit-preconfig before the machine is made */
    bool nographic, no_defaults, no_user_config, paused, daemonize, snapshot;
    bool msg_guest_name;
    char *gdb, *gdb_origin;
    SandboxOptions *sandbox;            /* NULL: not given */
    char *root, *run_as;                /* -chroot, -runas */
    char *pidfile, *qtest, *qtest_log, *qtest_origin;
} Config;

Config *config_new(void);
ConfigItem *config_add(GPtrArray *list, const char *origin, Json *json, QapiMode mode);

/* system/options.c: false with errp for a wrong option. Help is printed and ends the program. */
bool options_parse(Config *c, int argc, char **argv, Error **errp);
/* One option by its name without the dash, as -readconfig needs it. */
bool option_apply(Config *c, const char *name, const char *arg, Error **errp);
/* system/readconfig.c */
bool config_read_file(Config *c, const char *path, Error **errp);

/* system/sugar.c: shortcuts become chardevs, blockdevs and devices; nothing else does that. */
bool sugar_expand(Config *c, Error **errp);

/* system/help.c: what "help" in place of a value prints */
void help_machines(void);
bool help_machine(const char *type, Error **errp);
void help_chardevs(void);
void help_block_drivers(void);
void help_log(void);
void help_accels(void);
struct AccelType;
void help_accel(const struct AccelType *type);

/* system/create.c: in this order; each tells the option at fault in front of its message. */
bool create_machine(Config *c, Error **errp);
bool create_early_objects(Config *c, Error **errp);
bool create_chardevs(Config *c, Error **errp);
bool create_late_objects(Config *c, Error **errp);
bool create_numa(Config *c, Error **errp);     /* and the choice of memory backends */
bool create_numa_finish(Config *c, Error **errp);
bool create_drives(Config *c, Error **errp);
bool co_create_drive(const ConfigItem *item, Error **errp);    /* its .json, .node and .id */
/* Text of -drive: what it says of the drive, and of the node (NULL: nothing). */
bool config_parse_drive(const char *arg, Json **drive, Json **node, Error **errp);
bool create_accel(Config *c, Error **errp);
bool create_board(Config *c, Error **errp);
bool create_devices(Config *c, Error **errp);
bool create_monitors(Config *c, Error **errp);
bool create_qtest(Config *c, Error **errp);
bool create_gdb(Config *c, Error **errp);

/* system/create-firmware.c */
bool create_firmware_items(Config *c, Error **errp);

/* system/create-memory.c: m->ram, for create_board() */
struct Machine;
bool create_ram(struct Machine *m, Error **errp);

/*
 * system/preconfig.c: let clients configure what QMP can before the machine is
 * there; false: they ended the program. Then, when it is there, answer them.
 */
bool preconfig_run(void);
void preconfig_done(void);

/* system/daemon.c: fork before any thread; the parent waits until the child is ready. */
bool daemon_allowed(const Config *c, Error **errp);
void daemon_fork(void);
bool daemon_write_pidfile(const char *path, Error **errp);
void daemon_ready(void);

/* system/sandbox.c: system calls that are forbidden from here on; once nothing forks any more */
bool sandbox_start(const Config *c, Error **errp);
/* -chroot and -runas: all files are open. */
bool sandbox_drop_privileges(const Config *c, Error **errp);

#endif

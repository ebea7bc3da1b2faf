/* -sandbox, -chroot, -runas: what the process gives up before a guest can try it */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/config.h"
#include "util/parse.h"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>

enum {
    SET_OBSOLETE  = 1 << 0,     /* of no use to any emulator */
    SET_PRIVILEGE = 1 << 1,     /* become another user */
    SET_SPAWN     = 1 << 2,     /* run other programs */
    SET_RESOURCE  = 1 << 3,     /* change how the process is scheduled */
};

static const struct {
    unsigned set;
    const char *calls;          /* those this kernel's library does not know are passed over */
} rows[] = {
    { SET_OBSOLETE, "reboot swapon swapoff syslog mount umount umount2 kexec_load afs_syscall "
      "break ftime getpmsg gtty lock mpx prof profil putpmsg security stty tuxcall ulimit vserver "
      "readdir _sysctl bdflush create_module get_kernel_syms query_module sgetmask ssetmask sysfs "
      "uselib ustat init_module finit_module delete_module kexec_file_load pivot_root acct" },
    { SET_PRIVILEGE, "setuid setgid setpgid setsid setreuid setregid setresuid setresgid setfsuid "
      "setfsgid setgroups capset" },
    { SET_SPAWN, "fork vfork execve execveat" },
    { SET_RESOURCE, "setpriority sched_setparam sched_setscheduler sched_setattr "
      "sched_setaffinity ioprio_set" },
};

static bool add_set(scmp_filter_ctx ctx, unsigned set)
{
    /* Libraries set priorities on their own and live with a refusal. */
    uint32_t action = set == SET_RESOURCE ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_auto(GStrv) names = g_strsplit(rows[i].calls, " ", -1);

        for (unsigned k = 0; rows[i].set == set && names[k]; k++) {
            int number = seccomp_syscall_resolve_name(names[k]);

            if (number >= 0 && seccomp_rule_add(ctx, action, number, 0) < 0) {
                return false;
            }
        }
    }
    /* New threads only: a process is a clone without CLONE_THREAD; clone3's flags are in memory. */
    return set != SET_SPAWN ||
           (seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) >= 0 &&
            seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) >= 0);
}

static bool install(unsigned sets, Error **errp)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = ctx && seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) >= 0;
    int ret = 0;

    for (unsigned set = SET_OBSOLETE; ok && set <= SET_RESOURCE; set <<= 1) {
        ok = !(sets & set) || add_set(ctx, set);
    }
    if (ok) {
        ret = seccomp_load(ctx);
    }
    seccomp_release(ctx);
    if (!ok || ret < 0) {
        error_set_errno(errp, ret ? -ret : ENOMEM, "failed to install seccomp syscall filter");
        return false;
    }
    return true;
}

bool sandbox_start(const Config *c, Error **errp)
{
    const SandboxOptions *o = c->sandbox;
    unsigned sets = 0;

    if (!o || !o->enable) {
        return true;
    }
    sets |= o->has_obsolete && o->obsolete == SANDBOX_RULE_ALLOW ? 0 : SET_OBSOLETE;
    if (o->has_elevateprivileges && o->elevateprivileges != SANDBOX_PRIVILEGES_ALLOW) {
        if (c->run_as) {
            error_set(errp, "-runas changes the user, which -sandbox elevateprivileges forbids");
            return false;
        }
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
            error_set_errno(errp, errno, "failed to give up new privileges");
            return false;
        }
        sets |= o->elevateprivileges == SANDBOX_PRIVILEGES_DENY ? SET_PRIVILEGE : 0;
    }
    sets |= o->has_spawn && o->spawn == SANDBOX_RULE_DENY ? SET_SPAWN : 0;
    sets |= o->has_resourcecontrol && o->resourcecontrol == SANDBOX_RULE_DENY ? SET_RESOURCE : 0;
    return install(sets, errp);
}
#else
bool sandbox_start(const Config *c, Error **errp)
{
    if (c->sandbox && c->sandbox->enable) {
        error_set(errp, "-sandbox on: this build has no libseccomp");
        return false;
    }
    return true;
}
#endif

/* "NAME" or "UID:GID" */
static bool find_user(const char *text, uid_t *uid, gid_t *gid, const char **name, Error **errp)
{
    const struct passwd *pw = getpwnam(text);
    g_auto(GStrv) ids = g_strsplit(text, ":", 2);
    uint64_t u, g;

    if (pw) {
        *uid = pw->pw_uid, *gid = pw->pw_gid, *name = pw->pw_name;
        return true;
    }
    if (ids[0] && ids[1] && !parse_u64(ids[0], 10, &u) && !parse_u64(ids[1], 10, &g) &&
        u < UINT32_MAX && g < UINT32_MAX) {
        *uid = u, *gid = g, *name = NULL;
        return true;
    }
    error_set(errp, "-runas %s: User \"%s\" doesn't exist (and is not <uid>:<gid>)", text, text);
    return false;
}

bool sandbox_drop_privileges(const Config *c, Error **errp)
{
    const char *name = NULL;
    uid_t uid = 0;
    gid_t gid = 0;

    /* Users are looked up in the old root. */
    if (c->run_as && !find_user(c->run_as, &uid, &gid, &name, errp)) {
        return false;
    }
    if (c->root && (chroot(c->root) < 0 || chdir("/") < 0)) {
        error_set_errno(errp, errno, "-chroot %s", c->root);
        return false;
    }
    if (!c->run_as) {
        return true;
    }
    if ((name ? initgroups(name, gid) : setgroups(1, &gid)) < 0 || setgid(gid) < 0 ||
        setuid(uid) < 0) {
        error_set_errno(errp, errno, "-runas %s", c->run_as);
        return false;
    }
    if (uid && setuid(0) != -1) {
        error_set(errp, "-runas %s: root's privileges can be had again", c->run_as);
        return false;
    }
    return true;
}

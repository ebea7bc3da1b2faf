/* mica-nbd: serves an image over NBD, or lists what another server has */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/nbd.h"

#include "util/parse.h"

#include <signal.h>

static const char help_text[] =
    "Usage: mica-nbd [OPTIONS] FILE\n"
    "  or:  mica-nbd -L [OPTIONS]\n"
    "Serve a disk image over NBD\n"
    "\n"
    "  -h, --help                show this and end\n"
    "  -V, --version             show the version and end\n"
    "\n"
    "Connection:\n"
    "  -p, --port=PORT           TCP port to listen on (default 10809)\n"
    "  -b, --bind=ADDRESS        address to listen on (default 0.0.0.0)\n"
    "  -k, --socket=PATH         listen on a Unix socket\n"
    "  -e, --shared=NUM          clients at the same time, 0 for any (default 1)\n"
    "  -t, --persistent          stay when the last client has left\n"
    "  -x, --export-name=NAME    name of the export (default: an empty one)\n"
    "  -D, --description=TEXT    what people read about it\n"
    "  -v, --verbose             tell a terminal of clients that come and go\n"
    "\n"
    "The part that is exported:\n"
    "  -o, --offset=OFFSET       begin at this byte of the image\n"
    "  -A, --allocation-depth    show in which layer data is\n"
    "  -B, --bitmap=NAME         show a persistent dirty bitmap\n"
    "\n"
    "General:\n"
    "  -L, --list                list the exports of another server\n"
    "  --object TYPE,id=ID,...   make an object, such as TLS credentials\n"
    "  --tls-creds=ID            use TLS with these credentials\n"
    "  --tls-authz=ID            only clients that this authz object lets in\n"
    "  --tls-hostname=NAME       -L: whom the server's certificate shall name\n"
    "  -T, --trace PATTERN       switch trace points on\n"
    "  --fork                    go on in the background once clients can come\n"
    "  --pid-file=PATH           write the process id there\n"
    "\n"
    "The image:\n"
    "  -f, --format=FORMAT       its format (raw, qcow2, ...)\n"
    "  -r, --read-only           clients may not write\n"
    "  -s, --snapshot            what clients write is forgotten at the end\n"
    "  -l, --load-snapshot=NAME  an internal snapshot, by name, id or\n"
    "                            snapshot.id=ID,snapshot.name=NAME\n"
    "  -n, --nocache             the same as --cache=none\n"
    "      --cache=MODE          writeback (default), none, writethrough,\n"
    "                            directsync, unsafe\n"
    "      --aio=MODE            how requests reach the kernel\n"
    "      --discard=MODE        ignore (default), unmap\n"
    "      --detect-zeroes=MODE  off (default), on, unmap\n"
    "      --image-opts          FILE is the options of a node\n";

/* --- options --- */

static bool set_cache(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;

    if (a->has_cache) {
        error_set(errp, "-n and --cache can only be specified once");
        return false;
    }
    a->has_cache = true;
    if (!tool_parse_cache(text ? text : "none", &a->open.cache)) {
        error_set(errp, "Invalid cache mode `%s'", text);
        return false;
    }
    return true;
}

static bool set_aio(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;

    if (a->open.has_aio) {
        error_set(errp, "--aio can only be specified once");
        return false;
    }
    if (!tool_parse_aio(text, &a->open.has_aio, &a->open.aio)) {
        error_set(errp, "Invalid aio mode '%s'", text);
        return false;
    }
    return true;
}

static bool set_discard(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;

    if (a->has_discard) {
        error_set(errp, "--discard can only be specified once");
        return false;
    }
    a->has_discard = true;
    a->open.unmap = !strcmp(text, "unmap") || !strcmp(text, "on");
    if (!a->open.unmap && strcmp(text, "ignore") && strcmp(text, "off")) {
        error_set(errp, "Invalid discard mode `%s'", text);
        return false;
    }
    return true;
}

static bool set_detect_zeroes(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;

    if (strcmp(text, "off") && strcmp(text, "on") && strcmp(text, "unmap")) {
        error_set(errp, "Failed to parse detect_zeroes mode: invalid parameter value: %s", text);
        return false;
    }
    g_free(a->detect_zeroes);
    a->detect_zeroes = g_strdup_printf("detect-zeroes=%s", text);
    a->unmap_zeroes = !strcmp(text, "unmap");
    return true;
}

static bool set_offset(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;
    uint64_t value;

    if (parse_u64(text, 0, &value) || value > INT64_MAX) {
        error_set(errp, "Invalid offset '%s'", text);
        return false;
    }
    a->offset = value;
    return true;
}

static bool set_shared(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;
    uint64_t value;

    if (parse_u64(text, 0, &value) || value > INT_MAX) {
        error_set(errp, "Invalid shared device number '%s'", text);
        return false;
    }
    a->shared = value;
    return true;
}

static bool set_socket(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;

    if (*text != '/') {
        error_set(errp, "socket path must be absolute");
        return false;
    }
    a->socket = text;
    return true;
}

static bool set_name(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;

    if (strlen(text) > NBD_STRING_MAX) {
        error_set(errp, "export name '%s' too long", text);
        return false;
    }
    a->name = text;
    return true;
}

static bool set_description(void *args, const char *name, const char *text, Error **errp)
{
    NbdArgs *a = args;

    if (strlen(text) > NBD_STRING_MAX) {
        error_set(errp, "export description '%s' too long", text);
        return false;
    }
    a->description = text;
    return true;
}

static bool set_trace(void *args, const char *name, const char *text, Error **errp)
{
    return tool_trace_option(text, errp);
}

/* What QEMU's program can and this one cannot: said, not ignored. */
static bool refuse(void *args, const char *name, const char *text, Error **errp)
{
    if (!strcmp(name, "connect") || !strcmp(name, "disconnect")) {
        error_set(errp, "--%s is not there: Mica does not set up the kernel's NBD devices", name);
        error_hint(errp, "Serve the image on a socket and let nbd-client connect %s to it", text);
    } else {
        error_set(errp, "--selinux-label is not there: Mica does not set SELinux labels");
        error_hint(errp, "runcon can label the process");
    }
    return false;
}

static const ToolOption options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_FLAG(NbdArgs, version, 'V', "version"),
    TOOL_OPT_TEXT(NbdArgs, bind, 'b', "bind"),
    TOOL_OPT_TEXT(NbdArgs, port, 'p', "port"),
    { "socket", 'k', true, TOOL_CALL, 0, set_socket },
    { "offset", 'o', true, TOOL_CALL, 0, set_offset },
    TOOL_OPT_FLAG(NbdArgs, read_only, 'r', "read-only"),
    TOOL_OPT_FLAG(NbdArgs, allocation_depth, 'A', "allocation-depth"),
    TOOL_OPT_TEXTS(NbdArgs, bitmaps, 'B', "bitmap"),
    { "connect", 'c', true, TOOL_CALL, 0, refuse },
    { "disconnect", 'd', true, TOOL_CALL, 0, refuse },
    TOOL_OPT_FLAG(NbdArgs, list, 'L', "list"),
    TOOL_OPT_FLAG(NbdArgs, open.snapshot, 's', "snapshot"),
    TOOL_OPT_TEXT(NbdArgs, load_snapshot, 'l', "load-snapshot"),
    { "nocache", 'n', false, TOOL_CALL, 0, set_cache },
    { "cache", 0, true, TOOL_CALL, 0, set_cache },
    { "aio", 0, true, TOOL_CALL, 0, set_aio },
    { "discard", 0, true, TOOL_CALL, 0, set_discard },
    { "detect-zeroes", 0, true, TOOL_CALL, 0, set_detect_zeroes },
    { "shared", 'e', true, TOOL_CALL, 0, set_shared },
    TOOL_OPT_TEXT(NbdArgs, open.format, 'f', "format"),
    TOOL_OPT_FLAG(NbdArgs, persistent, 't', "persistent"),
    TOOL_OPT_FLAG(NbdArgs, verbose, 'v', "verbose"),
    { "export-name", 'x', true, TOOL_CALL, 0, set_name },
    { "description", 'D', true, TOOL_CALL, 0, set_description },
    TOOL_OPT_OBJECT,
    TOOL_OPT_TEXT(NbdArgs, tls_creds, 0, "tls-creds"),
    TOOL_OPT_TEXT(NbdArgs, tls_hostname, 0, "tls-hostname"),
    TOOL_OPT_TEXT(NbdArgs, tls_authz, 0, "tls-authz"),
    { "selinux-label", 0, true, TOOL_CALL, 0, refuse },
    { "trace", 'T', true, TOOL_CALL, 0, set_trace },
    TOOL_OPT_FLAG(NbdArgs, open.image_opts, 0, "image-opts"),
    TOOL_OPT_FLAG(NbdArgs, fork, 0, "fork"),
    TOOL_OPT_TEXT(NbdArgs, pid_file, 0, "pid-file"),
    TOOL_OPT_END
};

static bool check_list(const NbdArgs *a, int nr_files)
{
    const char *wrong = NULL;

    if (nr_files) {
        wrong = "List mode is incompatible with a file name";
    } else if (a->name || a->description || a->offset || a->open.format || a->read_only ||
               a->allocation_depth || a->bitmaps || a->open.snapshot || a->load_snapshot ||
               a->has_cache || a->has_discard || a->detect_zeroes || a->open.image_opts) {
        wrong = "List mode is incompatible with per-device settings";
    } else if (a->fork) {
        wrong = "List mode is incompatible with forking";
    }
    if (wrong) {
        report_error("%s", wrong);
    }
    return !wrong;
}

static bool check_serve(NbdArgs *a, int nr_files, char **files)
{
    if (nr_files != 1) {
        report_error("Invalid number of arguments");
        fprintf(stderr, "Try `mica-nbd --help' for more information.\n");
        return false;
    }
    if (a->tls_hostname) {
        report_error("TLS hostname is only supported in list mode");
        return false;
    }
    if (a->tls_authz && !a->tls_creds) {
        report_error("--tls-authz is not permitted without --tls-creds");
        return false;
    }
    if (a->open.image_opts && a->open.format) {
        report_error("--image-opts and -f are mutually exclusive");
        return false;
    }
    if (a->unmap_zeroes && !a->open.unmap) {
        report_error("setting detect-zeroes to unmap is not allowed without setting discard "
                     "operation to unmap");
        return false;
    }
    a->open.name = files[0];
    return true;
}

static void free_args(NbdArgs *a)
{
    g_free(a->detect_zeroes);
    if (a->bitmaps) {
        g_ptr_array_free(a->bitmaps, true);
    }
}

static void co_main(void *opaque)
{
    NbdArgs *a = opaque;

    a->status = a->list ? co_nbd_list(a) : co_nbd_serve(a);
}

int main(int argc, char **argv)
{
    NbdArgs args = { .shared = 1, .ready_fd = -1, .listen_fd = -1, .status = 1 };
    const char *bad = NULL;
    Error *err = NULL;
    int first = 0;
    bool ok;

    signal(SIGPIPE, SIG_IGN);
    report_set_program("mica-nbd");
    g_set_prgname("mica-nbd");
    switch (tool_parse(options, &args, argc, argv, true, &first, &bad, &err)) {
    case TOOL_PARSE_OK:
        break;
    case TOOL_PARSE_HELP:
        fputs(help_text, stdout);
        return 0;
    case TOOL_PARSE_FAILED:
        error_report(err);
        return 1;
    default:
        report_error("Try `mica-nbd --help' for more information.");
        return 1;
    }
    if (args.version) {
        tool_print_version("mica-nbd");
        return 0;
    }
    ok = args.list ? check_list(&args, argc - first)
                   : check_serve(&args, argc - first, argv + first);
    if (!ok || !nbd_take_activation(&args)) {
        free_args(&args);
        return 1;
    }
    if (args.fork && !nbd_fork(&args)) {
        free_args(&args);
        return args.status;         /* the parent: the child is ready, or failed */
    }
    co_run(co_main, &args);
    block_close_all();
    free_args(&args);
    return args.status;
}

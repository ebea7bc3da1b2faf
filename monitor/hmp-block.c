/* Human commands of the block layer: media, images, snapshots, jobs, exports */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "monitor/hmp.h"

static void set_text(Json *object, const char *name, const char *text)
{
    if (text) {
        json_object_object_add(object, name, json_object_new_string(text));
    }
}

static void copy(Json *to, const char *name, const Json *from, const char *other)
{
    if (hmp_get(from, other)) {
        json_object_object_add(to, name, json_object_get(hmp_get(from, other)));
    }
}

static void co_block_resize(const Json *args, GString *out, Error **errp)
{
    Json *request = json_object_new_object();
    g_autofree char *text = g_strdup(hmp_str(args, "size"));
    char *end;
    /* MiB where it has no suffix */
    uint64_t size = g_ascii_strtoull(text, &end, 10);
    static const char units[] = "bkMGT";
    const char *unit = *end ? strchr(units, *end) : units + 2;

    if (end == text || !unit || (*end && end[1]) || size > INT64_MAX >> (10 * (unit - units))) {
        error_set(errp, "'%s' is no size", text);
        json_object_put(request);
        return;
    }
    json_object_object_add(request, "device", json_object_get(hmp_get(args, "device")));
    json_object_object_add(request, "size",
                           json_object_new_int64(size << (10 * (unit - units))));
    json_object_put(co_hmp_qmp("block_resize", request, errp));
}

/* change DEVICE FILE [FORMAT [read-only|read-write|retain]] */
static void co_change(const Json *args, GString *out, Error **errp)
{
    Json *request = json_object_new_object();

    copy(request, "device", args, "device");
    copy(request, "filename", args, "filename");
    copy(request, "format", args, "format");
    copy(request, "force", args, "force");
    copy(request, "read-only-mode", args, "read-only-mode");
    json_object_put(co_hmp_qmp("blockdev-change-medium", request, errp));
}

static const char *image_mode(const Json *args)
{
    return hmp_bool(args, "n-reuse") ? "existing" : "absolute-paths";
}

static void co_snapshot(const Json *args, GString *out, Error **errp)
{
    Json *request = json_object_new_object();

    copy(request, "device", args, "device");
    copy(request, "snapshot-file", args, "file");
    copy(request, "format", args, "format");
    set_text(request, "mode", image_mode(args));
    json_object_put(co_hmp_qmp("blockdev-snapshot-sync", request, errp));
}

static Json *copy_request(const Json *args)
{
    Json *request = json_object_new_object();

    copy(request, "device", args, "device");
    copy(request, "target", args, "target");
    copy(request, "format", args, "format");
    set_text(request, "sync", hmp_bool(args, "full") ? "full" : "top");
    set_text(request, "mode", image_mode(args));
    return request;
}

static void co_drive_mirror(const Json *args, GString *out, Error **errp)
{
    json_object_put(co_hmp_qmp("drive-mirror", copy_request(args), errp));
}

static void co_drive_backup(const Json *args, GString *out, Error **errp)
{
    Json *request = copy_request(args);

    copy(request, "compress", args, "compress");
    json_object_put(co_hmp_qmp("drive-backup", request, errp));
}

/* "HOST:PORT", "[ADDRESS]:PORT" or "unix:PATH" */
static Json *parse_address(const char *text, Error **errp)
{
    Json *address = json_object_new_object(), *data = json_object_new_object();
    const char *colon = strrchr(text, ':');

    json_object_object_add(address, "data", data);
    if (g_str_has_prefix(text, "unix:")) {
        set_text(address, "type", "unix");
        set_text(data, "path", text + strlen("unix:"));
    } else if (colon) {
        bool brackets = *text == '[' && colon > text + 1 && colon[-1] == ']';
        g_autofree char *host = g_strndup(text + brackets, colon - text - 2 * brackets);

        set_text(address, "type", "inet");
        set_text(data, "host", host);
        set_text(data, "port", colon + 1);
    } else {
        error_set(errp, "'%s' is no address: HOST:PORT or unix:PATH", text);
        json_object_put(address);
        return NULL;
    }
    return address;
}

/* -a: what drives there are is exported at once, by their names */
static void co_export_all(bool writable, Error **errp)
{
    JSON_AUTO drives = co_hmp_qmp("query-block", NULL, errp);

    for (size_t i = 0; drives && i < json_object_array_length(drives); i++) {
        const Json *row = json_object_array_get_idx(drives, i);
        Json *request;
        Error *err = NULL;

        if (!hmp_get(row, "inserted")) {
            continue;
        }
        request = json_object_new_object();
        copy(request, "device", row, "device");
        json_object_object_add(request, "writable", json_object_new_boolean(writable));
        json_object_put(co_hmp_qmp("nbd-server-add", request, &err));
        if (err) {
            json_object_put(co_hmp_qmp("nbd-server-stop", NULL, NULL));
            error_propagate(errp, err);
            return;
        }
    }
}

static void co_nbd_start(const Json *args, GString *out, Error **errp)
{
    Json *address, *request;
    Error *err = NULL;

    if (hmp_bool(args, "writable") && !hmp_bool(args, "all")) {
        error_set(errp, "-w only valid together with -a");
        return;
    }
    address = parse_address(hmp_str(args, "address"), errp);
    if (!address) {
        return;
    }
    request = json_object_new_object();
    json_object_object_add(request, "addr", address);
    json_object_put(co_hmp_qmp("nbd-server-start", request, &err));
    if (!err && hmp_bool(args, "all")) {
        co_export_all(hmp_bool(args, "writable"), &err);
    }
    error_propagate(errp, err);
}

static void co_nbd_remove(const Json *args, GString *out, Error **errp)
{
    Json *request = json_object_new_object();

    copy(request, "name", args, "name");
    set_text(request, "mode", hmp_bool(args, "force") ? "hard" : "safe");
    json_object_put(co_hmp_qmp("nbd-server-remove", request, errp));
}

static void complete_jobs(GPtrArray *names)
{
    hmp_names_of("query-block-jobs", "device", names);
}

static void complete_nodes(GPtrArray *names)
{
    hmp_names_of("query-named-block-nodes", "node-name", names);
}

static void complete_drives(GPtrArray *names)
{
    hmp_names_of("query-block", "device", names);
}

static void complete_exports(GPtrArray *names)
{
    hmp_names_of("query-block-exports", "id", names);
}

#define ID(name_) { { name_, HMP_WORD } }

static const HmpCommand rows[] = {
    { "change", "DEVICE [-f] FILE [FORMAT [MODE]]", "another medium; its mode: retain, read-only, "
      "read-write. -f: also from a locked tray",
      { { "device", HMP_WORD }, { "force", HMP_FLAG }, { "filename", HMP_WORD },
        { "format", HMP_WORD, true }, { "read-only-mode", HMP_WORD, true } },
      .co_run = co_change, .complete = complete_drives },
    { "eject", "[-f] DEVICE", "take a medium out",
      { { "force", HMP_FLAG }, { "device", HMP_WORD } }, .qmp = "eject",
      .complete = complete_drives },
    { "block_resize", "DEVICE SIZE", "another size for an image, MiB unless it has a suffix",
      { { "device", HMP_WORD }, { "size", HMP_WORD } }, .co_run = co_block_resize,
      .complete = complete_drives },
    { "block_set_io_throttle", "DEVICE BPS BPS_RD BPS_WR IOPS IOPS_RD IOPS_WR",
      "limits of a drive, a second; 0: none",
      { { "device", HMP_WORD }, { "bps", HMP_INT }, { "bps_rd", HMP_INT }, { "bps_wr", HMP_INT },
        { "iops", HMP_INT }, { "iops_rd", HMP_INT }, { "iops_wr", HMP_INT } },
      .qmp = "block_set_io_throttle", .complete = complete_drives },
    { "snapshot_blkdev", "[-n] DEVICE FILE [FORMAT]", "a new image on top of a drive's; -n: it is "
      "there already",
      { { "n-reuse", HMP_FLAG }, { "device", HMP_WORD }, { "file", HMP_WORD },
        { "format", HMP_WORD, true } }, .co_run = co_snapshot, .complete = complete_drives },
    { "snapshot_blkdev_internal", "DEVICE NAME", "a snapshot inside of an image",
      { { "device", HMP_WORD }, { "name", HMP_WORD } }, .qmp = "blockdev-snapshot-internal-sync",
      .complete = complete_drives },
    { "snapshot_delete_blkdev_internal", "DEVICE NAME [ID]", "delete a snapshot inside of an image",
      { { "device", HMP_WORD }, { "name", HMP_WORD }, { "id", HMP_WORD, true } },
      .qmp = "blockdev-snapshot-delete-internal-sync", .complete = complete_drives },
    { "drive_mirror", "[-n] [-f] DEVICE FILE [FORMAT]", "copy a drive, and keep the copy the same; "
      "-n: the file is there, -f: also what is below the image",
      { { "n-reuse", HMP_FLAG }, { "full", HMP_FLAG }, { "device", HMP_WORD },
        { "target", HMP_WORD }, { "format", HMP_WORD, true } }, .co_run = co_drive_mirror,
      .complete = complete_drives },
    { "drive_backup", "[-n] [-f] [-c] DEVICE FILE [FORMAT]", "copy a drive as it is now; -n, -f as "
      "for drive_mirror, -c: compressed",
      { { "n-reuse", HMP_FLAG }, { "full", HMP_FLAG }, { "compress", HMP_FLAG },
        { "device", HMP_WORD }, { "target", HMP_WORD }, { "format", HMP_WORD, true } },
      .co_run = co_drive_backup, .complete = complete_drives },
    { "block_stream", "DEVICE [SPEED [BASE]]", "copy what is below an image into it",
      { { "device", HMP_WORD }, { "speed", HMP_INT, true }, { "base", HMP_WORD, true } },
      .qmp = "block-stream", .complete = complete_nodes },
    { "block_job_set_speed", "JOB SPEED", "limit a job, bytes a second",
      { { "device", HMP_WORD }, { "speed", HMP_INT } }, .qmp = "block-job-set-speed",
      .complete = complete_jobs },
    { "block_job_cancel", "[-f] JOB", "end a job",
      { { "force", HMP_FLAG }, { "device", HMP_WORD } }, .qmp = "block-job-cancel",
      .complete = complete_jobs },
    { "block_job_complete", "JOB", "let a job that is ready finish", ID("device"),
      .qmp = "block-job-complete", .complete = complete_jobs },
    { "block_job_pause", "JOB", "stop a job", ID("device"), .qmp = "block-job-pause",
      .complete = complete_jobs },
    { "block_job_resume", "JOB", "let a job go on", ID("device"), .qmp = "block-job-resume",
      .complete = complete_jobs },
    { "nbd_server_start", "[-a] [-w] HOST:PORT", "serve drives over NBD; -a: all at once, -w: "
      "clients may write",
      { { "all", HMP_FLAG }, { "writable", HMP_FLAG }, { "address", HMP_WORD } },
      .co_run = co_nbd_start },
    { "nbd_server_add", "[-w] DEVICE [NAME]", "export a drive; -w: clients may write",
      { { "writable", HMP_FLAG }, { "device", HMP_WORD }, { "name", HMP_WORD, true } },
      .qmp = "nbd-server-add", .complete = complete_drives },
    { "nbd_server_remove", "[-f] NAME", "remove an export; -f: even if it is in use",
      { { "force", HMP_FLAG }, { "name", HMP_WORD } }, .co_run = co_nbd_remove,
      .complete = complete_exports },
    { "nbd_server_stop", "", "end the NBD server", .qmp = "nbd-server-stop" },
    { }
};

static const HmpTable table = { rows, false };
REGISTER_HMP(table)

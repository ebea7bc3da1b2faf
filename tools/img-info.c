/* mica-img info: what an image and those below it are */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tools/img.h"
#include "util/parse.h"

typedef struct InfoArgs {
    ImgCommon common;
    bool chain;
} InfoArgs;

static const ToolOption info_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(InfoArgs),
    IMG_OPT_FORMAT(InfoArgs),
    IMG_OPT_OUTPUT(InfoArgs),
    IMG_OPT_FORCE_SHARE(InfoArgs),
    TOOL_OPT_FLAG(InfoArgs, chain, 0, "backing-chain"),
    TOOL_OPT_END
};

static void add_driver_info(ImageInfo *info, BlockNode *node)
{
    BlockDriverInfo di = {};

    if (!tool_get_info(node, &di)) {
        return;
    }
    if (di.cluster_size) {
        info->has_cluster_size = true;
        info->cluster_size = di.cluster_size;
    }
    info->has_dirty_flag = true;
    info->dirty_flag = di.is_dirty;
}

/* What the header says of the image below, and where that is. */
static void add_backing(ImageInfo *info, BlockNode *node)
{
    if (!node->backing_file || !*node->backing_file) {
        return;
    }
    info->backing_filename = g_strdup(node->backing_file);
    info->full_backing_filename = block_backing_path(info->filename, node->backing_file, NULL);
    if (node->backing_format && *node->backing_format) {
        info->backing_filename_format = g_strdup(node->backing_format);
    }
}

static ImageInfo *co_image_info(ToolImage *image, Error **errp)
{
    BlockNode *node = image->node;
    g_autoptr(ImageInfo) info = g_new0(ImageInfo, 1);
    int64_t allocated = co_node_allocated_size(node);

    info->filename = block_node_filename(node);
    info->format = g_strdup(node->driver->name);
    info->virtual_size = block_node_length(node);
    info->has_actual_size = allocated >= 0;
    info->actual_size = MAX(allocated, 0);
    add_driver_info(info, node);
    add_backing(info, node);
    if (node->driver->co_get_specific_info) {
        Error *err = NULL;

        info->format_specific = node->driver->co_get_specific_info(node, &err);
        if (err) {
            error_propagate(errp, err);
            return NULL;
        }
    }
    if (!co_img_snapshots(node, &info->snapshots, errp)) {
        return NULL;
    }
    info->has_snapshots = info->snapshots;
    return g_steal_pointer(&info);
}

/* Text */

static void print_backing(const ImageInfo *info)
{
    if (!info->backing_filename) {
        return;
    }
    printf("backing file: %s", info->backing_filename);
    if (!info->full_backing_filename) {
        printf(" (cannot determine actual path)");
    } else if (strcmp(info->backing_filename, info->full_backing_filename)) {
        printf(" (actual path: %s)", info->full_backing_filename);
    }
    putchar('\n');
    if (info->backing_filename_format) {
        printf("backing file format: %s\n", info->backing_filename_format);
    }
}

static void print_info(const ImageInfo *info)
{
    g_autofree char *virtual_size = format_size(info->virtual_size);
    g_autofree char *actual_size = info->has_actual_size ? format_size(info->actual_size)
                                                         : g_strdup("unavailable");

    printf("image: %s\nfile format: %s\nvirtual size: %s (%" PRId64 " bytes)\ndisk size: %s\n",
           info->filename, info->format, virtual_size, info->virtual_size, actual_size);
    if (info->has_encrypted && info->encrypted) {
        printf("encrypted: yes\n");
    }
    if (info->has_cluster_size) {
        printf("cluster_size: %" PRId64 "\n", info->cluster_size);
    }
    if (info->has_dirty_flag && info->dirty_flag) {
        printf("cleanly shut down: no\n");
    }
    print_backing(info);
    img_print_snapshots(info->snapshots);
    if (info->format_specific) {
        tool_print_specific(info->format_specific, 1);
    }
}

static void print_all(GPtrArray *infos, bool json, bool chain)
{
    JSON_AUTO array = json_object_new_array();

    for (unsigned i = 0; i < infos->len; i++) {
        if (json) {
            json_object_array_add(array, qapi_to_json_ImageInfo(infos->pdata[i]));
        } else {
            printf("%s", i ? "\n" : "");
            print_info(infos->pdata[i]);
        }
    }
    if (json) {
        tool_print_json(chain ? array : json_object_array_get_idx(array, 0));
    }
}

/* The image, and with chain what is below it; each is opened and closed by itself. */
static bool co_collect(const InfoArgs *args, const char *name, GPtrArray *infos)
{
    ToolOpen how = {
        .name = name, .format = args->common.format, .image_opts = args->common.image_opts,
        .force_share = args->common.force_share, .no_backing = true,
    };
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    Error *err = NULL;

    while (how.name) {
        ToolImage image;
        ImageInfo *info;

        if (!g_hash_table_add(seen, (char *)(uintptr_t)how.name)) {
            report_error("Backing file '%s' creates an infinite loop.", how.name);
            return false;
        }
        if (!co_tool_open_report(&image, &how)) {
            return false;
        }
        info = co_image_info(&image, &err);
        co_tool_close(&image);
        if (!info) {
            error_report(err);
            return false;
        }
        g_ptr_array_add(infos, info);
        if (args->chain && info->backing_filename && !info->full_backing_filename) {
            report_error("Could not find the backing file of '%s'", info->filename);
            return false;
        }
        how.name = args->chain ? info->full_backing_filename : NULL;
        how.format = info->backing_filename_format;
        how.image_opts = false;
    }
    return true;
}

static void free_info(void *info)
{
    qapi_free_ImageInfo(info);
}

int co_img_info(int argc, char **argv)
{
    g_autoptr(GPtrArray) infos = g_ptr_array_new_with_free_func(free_info);
    InfoArgs args = {};
    int status;
    bool json;

    if (!img_parse(info_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (argc != 1) {
        return img_usage_error("Expecting one image file name");
    }
    if (!img_output_json(&args.common, &json)) {
        return 1;
    }
    if (!co_collect(&args, argv[0], infos)) {
        return 1;
    }
    print_all(infos, json, args.chain);
    return 0;
}

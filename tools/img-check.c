/* mica-img check: find and repair what is wrong in an image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/types-block-query.h"
#include "tools/img.h"

/* Exit statuses, as scripts know them. */
enum {
    CHECK_FAILED = 1,
    CHECK_CORRUPT = 2,
    CHECK_LEAKS = 3,
    CHECK_UNSUPPORTED = 63,
};

typedef struct CheckArgs {
    ImgCommon common;
    const char *repair;
} CheckArgs;

static const ToolOption check_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_IMAGE_OPTS(CheckArgs),
    IMG_OPT_FORMAT(CheckArgs),
    IMG_OPT_OUTPUT(CheckArgs),
    IMG_OPT_SRC_CACHE(CheckArgs),
    IMG_OPT_FORCE_SHARE(CheckArgs),
    IMG_OPT_QUIET(CheckArgs),
    TOOL_OPT_TEXT(CheckArgs, repair, 'r', "repair"),
    TOOL_OPT_END
};

static void print_json(const ToolImage *image, const char *name, const BlockCheckResult *r)
{
    const ImageCheck check = {
        .filename = (char *)(uintptr_t)name, .format = (char *)(uintptr_t)tool_format(image),
        .check_errors = r->check_errors,
#define COUNT(member) .has_##member = r->member, .member = r->member
        COUNT(corruptions), COUNT(leaks), COUNT(corruptions_fixed), COUNT(leaks_fixed),
        COUNT(image_end_offset), COUNT(total_clusters), COUNT(allocated_clusters),
        COUNT(fragmented_clusters), COUNT(compressed_clusters),
#undef COUNT
    };
    JSON_AUTO object = qapi_to_json_ImageCheck(&check);

    tool_print_json(object);
}

static void print_human(const BlockCheckResult *r)
{
    if (!(r->corruptions || r->leaks || r->check_errors)) {
        printf("No errors were found on the image.\n");
    }
    if (r->corruptions) {
        printf("\n%" PRId64 " errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may corrupt it.\n",
               r->corruptions);
    }
    if (r->leaks) {
        printf("\n%" PRId64 " leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n", r->leaks);
    }
    if (r->check_errors) {
        printf("\n%" PRId64 " internal errors have occurred during the check.\n",
               r->check_errors);
    }
    if (r->total_clusters && r->allocated_clusters) {
        printf("%" PRId64 "/%" PRId64 " = %0.2f%% allocated, %0.2f%% fragmented, "
               "%0.2f%% compressed clusters\n", r->allocated_clusters, r->total_clusters,
               r->allocated_clusters * 100.0 / r->total_clusters,
               r->fragmented_clusters * 100.0 / r->allocated_clusters,
               r->compressed_clusters * 100.0 / r->allocated_clusters);
    }
    if (r->image_end_offset > 0) {
        printf("Image end offset: %" PRId64 "\n", r->image_end_offset);
    }
}

/* Once more, without repairs: what counts is what is wrong now. */
static int co_check_again(ToolImage *image, BlockCheckResult *r, bool say)
{
    BlockCheckResult again = {};
    int ret;

    if (say) {
        printf("The following inconsistencies were found and repaired:\n\n"
               "    %" PRId64 " leaked clusters\n    %" PRId64 " corruptions\n\n"
               "Double checking the fixed image now...\n", r->leaks_fixed,
               r->corruptions_fixed);
        fflush(stdout);
    }
    ret = image->node->driver->co_check(image->node, &again, 0);
    again.leaks_fixed = r->leaks_fixed;
    again.corruptions_fixed = r->corruptions_fixed;
    *r = again;
    return ret;
}

static int co_check(ToolImage *image, const char *name, unsigned fix, bool json, bool quiet)
{
    BlockCheckResult r = {};
    int ret = image->node->driver->co_check ? image->node->driver->co_check(image->node, &r, fix)
                                            : -ENOTSUP;

    if (ret == -ENOTSUP) {
        report_error("This image format does not support checks");
        return CHECK_UNSUPPORTED;
    }
    if (!ret && (r.corruptions_fixed || r.leaks_fixed)) {
        ret = co_check_again(image, &r, !json && !quiet);
    }
    if (!ret && json) {
        print_json(image, name, &r);
    } else if (!ret && !quiet) {
        print_human(&r);
    }
    if (ret || r.check_errors) {
        if (ret) {
            report_error("Check failed: %s", g_strerror(-ret));
        } else {
            report_error("Check failed");
        }
        return CHECK_FAILED;
    }
    return r.corruptions ? CHECK_CORRUPT : r.leaks ? CHECK_LEAKS : 0;
}

static bool parse_repair(const char *text, unsigned *fix)
{
    *fix = 0;
    if (text && !strcmp(text, "leaks")) {
        *fix = BLOCK_FIX_LEAKS;
    } else if (text && !strcmp(text, "all")) {
        *fix = BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS;
    } else if (text) {
        img_usage_error("Unknown option value for -r (expecting 'leaks' or 'all'): %s", text);
        return false;
    }
    return true;
}

int co_img_check(int argc, char **argv)
{
    CheckArgs args = {};
    ToolOpen how = { .check = true, .unmap = true };
    ToolImage image;
    unsigned fix;
    int status;
    bool json;

    if (!img_parse(check_options, &args, &argc, &argv, &status)) {
        return status;
    }
    if (!parse_repair(args.repair, &fix)) {
        return 1;
    }
    if (argc != 1) {
        return img_usage_error("Expecting one image file name");
    }
    if (!img_output_json(&args.common, &json) ||
        !img_cache(args.common.src_cache, "source cache option", &how.cache)) {
        return 1;
    }
    how.name = argv[0];
    how.format = args.common.format;
    how.image_opts = args.common.image_opts;
    how.force_share = args.common.force_share;
    how.write = fix;
    if (!co_tool_open_report(&image, &how)) {
        return 1;
    }
    status = co_check(&image, argv[0], fix, json, args.common.quiet);
    return co_tool_close(&image) ? status : CHECK_FAILED;
}

/* mica-img: the subcommands, and what they share */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_IMG_H
#define TOOLS_IMG_H

#include "tools/tool.h"

/* Options that many subcommands take. */
typedef struct ImgCommon {
    const char *format, *cache, *src_cache, *output;
    bool image_opts, force_share, quiet, progress;
} ImgCommon;

#define IMG_OPT_FORMAT(type)      TOOL_OPT_TEXT(type, common.format, 'f', NULL)
#define IMG_OPT_CACHE(type)       TOOL_OPT_TEXT(type, common.cache, 't', NULL)
#define IMG_OPT_SRC_CACHE(type)   TOOL_OPT_TEXT(type, common.src_cache, 'T', NULL)
#define IMG_OPT_OUTPUT(type)      TOOL_OPT_TEXT(type, common.output, 0, "output")
#define IMG_OPT_IMAGE_OPTS(type)  TOOL_OPT_FLAG(type, common.image_opts, 0, "image-opts")
#define IMG_OPT_FORCE_SHARE(type) TOOL_OPT_FLAG(type, common.force_share, 'U', "force-share")
#define IMG_OPT_QUIET(type)       TOOL_OPT_FLAG(type, common.quiet, 'q', NULL)
#define IMG_OPT_PROGRESS(type)    TOOL_OPT_FLAG(type, common.progress, 'p', NULL)

/*
 * Parse; what was wrong is told. False: return *status. *argc and *argv become
 * what is left, without the options.
 */
bool img_parse(const ToolOption *options, void *args, int *argc, char ***argv, int *status);
/* "MESSAGE\nTry 'mica-img --help' for more information"; returns 1. */
int img_usage_error(const char *fmt, ...) PRINTF_FORMAT(1, 2);
void img_help(void);
/* --output: true for json; what is neither is told. */
bool img_output_json(const ImgCommon *common, bool *json);
/* The cache mode that text (NULL: unset) names; "Invalid WHAT: TEXT" where there is none. */
bool img_cache(const char *text, const char *what, ToolCache *cache);
/* printf() without quiet. */
void img_say(bool quiet, const char *fmt, ...) PRINTF_FORMAT(2, 3);

/*
 * Options of a new image: "-o a=b,c=d", given any number of times, to an
 * object of strings (the caller's, also on failure).
 */
bool img_parse_create_options(GPtrArray *texts, Json **options, bool *help);
/* A file name's driver; NULL with errp for protocols there are not. */
const BlockDriver *img_protocol_driver(const char *filename, Error **errp);
/* tables: one or two, ended by NULL where it is one. */
bool img_check_options(const BlockCreateOption *const *tables, const Json *options,
                       Error **errp);
void img_print_options(const BlockCreateOption *const *tables);
/* "-o help"; filename may be NULL. */
bool img_print_create_help(const char *format, const char *filename, Error **errp);
/* The format's driver, where it and filename's take all of options. */
const BlockDriver *img_check_create_options(const char *format, const char *filename,
                                            const Json *options, Error **errp);
/* Make the image; options were checked and have everything, "size" too. */
bool co_img_create(const char *filename, const char *format, const Json *options, Error **errp);

/* The snapshots inside of an image; none where its driver keeps none. */
bool co_img_snapshots(BlockNode *node, SnapshotInfoList **infos, Error **errp);
void img_print_snapshots(const SnapshotInfoList *list);
/* Read from a snapshot instead, by -l's text; reports. */
bool co_img_load_snapshot(ToolImage *image, const char *param);
/* Whether text is one of those, reports. */
bool img_check_snapshot_param(const char *param);

/* convert --bitmaps: can all be copied? Then do so. What is in the way is told. */
bool img_check_bitmaps(BlockNode *from, bool skip_broken);
bool co_img_copy_bitmaps(BlockNode *from, BlockNode *to, bool skip_broken);

/* One subcommand: in a coroutine; returns the exit status. */
typedef int ImgCommandFn(int argc, char **argv);

ImgCommandFn co_img_amend, co_img_bench, co_img_bitmap, co_img_check, co_img_commit,
    co_img_compare, co_img_convert, co_img_create_command, co_img_dd, co_img_info, co_img_map,
    co_img_measure, co_img_rebase, co_img_resize, co_img_snapshot;

#endif

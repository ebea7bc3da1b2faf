/* What mica-img, mica-io and mica-nbd share: options, opening images, text and JSON of them */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block/driver.h"
#include "util/compiler.h"
#include "util/error.h"

/* Options */

typedef enum ToolKind {
    TOOL_FLAG,          /* bool */
    TOOL_TEXT,          /* const char *, the last one wins */
    TOOL_TEXTS,         /* GPtrArray *, NULL before the first; not owned */
    TOOL_CALL,          /* call is called at once, in order */
    TOOL_HELP,          /* the program's help, exit status 0 */
} ToolKind;

typedef struct ToolOption {
    const char *name;   /* --name, or NULL */
    char letter;        /* -l, or 0 */
    bool arg;
    ToolKind kind;
    size_t field;       /* in the command's struct of arguments */
    /* letter: the option's; for names without one 0. */
    bool (*call)(void *args, const char *name, const char *text, Error **errp);
} ToolOption;

#define TOOL_OPT_FLAG(type, field, letter, name)  \
    { name, letter, false, TOOL_FLAG, offsetof(type, field), NULL }
#define TOOL_OPT_TEXT(type, field, letter, name)  \
    { name, letter, true, TOOL_TEXT, offsetof(type, field), NULL }
#define TOOL_OPT_TEXTS(type, field, letter, name) \
    { name, letter, true, TOOL_TEXTS, offsetof(type, field), NULL }
#define TOOL_OPT_HELP                             \
    { "help", 'h', false, TOOL_HELP, 0, NULL }
/* --object; the objects are made where the option stands. */
#define TOOL_OPT_OBJECT                           \
    { "object", 0, true, TOOL_CALL, 0, tool_object_option }
#define TOOL_OPT_END                              \
    { NULL, 0, false, TOOL_FLAG, 0, NULL }

typedef enum ToolParse {
    TOOL_PARSE_OK,
    TOOL_PARSE_HELP,
    TOOL_PARSE_UNKNOWN,     /* *bad is the option */
    TOOL_PARSE_NO_ARG,
    TOOL_PARSE_FAILED,      /* a callback did; errp says why */
} ToolParse;

/*
 * Options and the rest of the arguments may be mixed; the latter are moved
 * behind the former, from *first. Long names may be shortened as far as they
 * stay unique. messages: libc tells what is wrong, as programs mostly do.
 */
ToolParse tool_parse(const ToolOption *options, void *args, int argc, char **argv,
                     bool messages, int *first, const char **bad, Error **errp);
bool tool_object_option(void *args, const char *name, const char *text, Error **errp);
bool tool_trace_option(const char *text, Error **errp);

/* none, writeback, ...; false: there is no such mode. */
typedef struct ToolCache {
    bool direct, no_flush, writethrough;
} ToolCache;

bool tool_parse_cache(const char *text, ToolCache *cache);
bool tool_parse_aio(const char *text, bool *has_aio, BlockdevAioOptions *aio);
/*
 * A size below 2^63 as tools take it, 'B' for bytes; else reports with what
 * it is for, and its bounds.
 */
bool tool_parse_size(const char *what, const char *text, int64_t min, int64_t max,
                     int64_t *bytes);

/* Images */

typedef struct ToolOpen {
    const char *name;           /* a file name, or the node's options with image_opts */
    const char *format;         /* NULL: find out */
    bool image_opts;
    bool write, resize;
    bool no_backing;            /* look at no other image */
    bool force_share;
    bool no_share;              /* nobody may write it meanwhile */
    bool unmap;                 /* discards free storage */
    bool check;                 /* for a check: a damaged image may be opened */
    bool copy_on_read, snapshot;
    bool has_aio;
    BlockdevAioOptions aio;
    ToolCache cache;
    const char *options;        /* more of the node's options, as image_opts has them */
} ToolOpen;

typedef struct ToolImage {
    BlockNode *node;
    BlockChild *user;
    ToolCache cache;
} ToolImage;

/* On failure errp has what is wrong, without the name in front. */
bool co_tool_open(ToolImage *image, const ToolOpen *how, Error **errp);
/* The same for what is open already; takes the reference. */
bool co_tool_adopt(ToolImage *image, BlockNode *node, bool write, Error **errp);
/* "Could not open 'NAME': " in front of it, and reported. */
bool co_tool_open_report(ToolImage *image, const ToolOpen *how);
/* Flush and close; false: what was written may not be stable. */
bool co_tool_close(ToolImage *image);
/* "none" for an image that is not open. */
const char *tool_format(const ToolImage *image);
/* What the driver tells of itself; false: nothing. */
bool tool_get_info(BlockNode *node, BlockDriverInfo *info);
/* Flags of writes: what is written is stable when done, with cache=writethrough. */
unsigned tool_write_flags(const ToolImage *image);

/* Text */

void tool_print_json(const Json *value);
/* The members of a format's own information, and what is below them, a line each. */
void tool_print_members(const Json *value, unsigned indent);
void tool_print_specific(const ImageInfoSpecific *info, unsigned indent);
void tool_print_version(const char *program);

/* "    (12.34/100%)\r" on the terminal, where a percent more is done. */
typedef struct ToolProgress {
    bool on;
    double shown;
} ToolProgress;

void tool_progress_start(ToolProgress *progress, bool on);
void tool_progress(ToolProgress *progress, double percent);
void tool_progress_end(const ToolProgress *progress);

#endif

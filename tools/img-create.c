/* mica-img create, and how the other subcommands make a new image */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "qapi/keyval.h"
#include "tools/img.h"
#include "util/parse.h"

/* Options of a new image */

static bool is_help(const char *item)
{
    return !strcmp(item, "help") || !strcmp(item, "?");
}

/*
 * An item of a list "a=b,c", up to the comma that ends it; ",," is a comma of
 * the value. Moves *at behind it; false at the end.
 */
static bool next_item(const char **at, GString *item)
{
    const char *p = *at;

    g_string_truncate(item, 0);
    if (!*p) {
        return false;
    }
    for (; *p; p++) {
        if (*p == ',' && p[1] != ',') {
            p++;
            break;
        }
        p += *p == ',';
        g_string_append_c(item, *p);
    }
    *at = p;
    return true;
}

/* "nowait" is wait=off, any other name alone is set to on. */
static void put_item(Json *options, const char *item)
{
    const char *equals = strchr(item, '=');

    if (equals) {
        g_autofree char *name = g_strndup(item, equals - item);

        json_object_object_add(options, name, json_object_new_string(equals + 1));
    } else if (g_str_has_prefix(item, "no")) {
        json_object_object_add(options, item + 2, json_object_new_string("off"));
    } else {
        json_object_object_add(options, item, json_object_new_string("on"));
    }
}

static bool list_ends_badly(const char *text)
{
    size_t n = strlen(text), commas = 0;

    while (commas < n && text[n - 1 - commas] == ',') {
        commas++;
    }
    return *text == ',' || commas % 2;
}

bool img_parse_create_options(GPtrArray *texts, Json **options, bool *help)
{
    g_autoptr(GString) item = g_string_new(NULL);

    *options = json_object_new_object();
    *help = false;
    for (unsigned i = 0; texts && i < texts->len; i++) {
        const char *at = texts->pdata[i];

        if (list_ends_badly(at)) {
            report_error("Invalid option list: %s", at);
            return false;
        }
        while (next_item(&at, item)) {
            if (is_help(item->str)) {
                *help = true;
            } else {
                put_item(*options, item->str);
            }
        }
    }
    return true;
}

const BlockDriver *img_protocol_driver(const char *filename, Error **errp)
{
    const BlockDriver *driver = NULL;
    JSON_AUTO options = NULL;

    if (g_str_has_prefix(filename, "json:")) {
        error_set(errp, "Unknown protocol 'json'");
        return NULL;
    }
    options = block_filename_options(filename, errp);
    if (options) {
        driver = block_driver_find(keyval_get(options, "driver"));
        if (!driver) {
            error_set(errp, "Unknown driver '%s'", keyval_get(options, "driver"));
        }
    }
    return driver;
}

/* Tables */

static const BlockCreateOption *find_option(const BlockCreateOption *const *tables,
                                            const char *name)
{
    for (unsigned t = 0; t < 2 && tables[t]; t++) {
        for (const BlockCreateOption *o = tables[t]; o->name; o++) {
            if (!strcmp(o->name, name)) {
                return o;
            }
        }
    }
    return NULL;
}

static bool check_value(const BlockCreateOption *o, const char *text, Error **errp)
{
    uint64_t number;
    bool on;

    if (o->kind == BLOCK_OPT_BOOL && !parse_bool(text, &on)) {
        error_set(errp, "Parameter '%s' expects 'on' or 'off'", o->name);
        return false;
    }
    if (o->kind == BLOCK_OPT_NUMBER && parse_u64(text, 0, &number)) {
        error_set(errp, "Parameter '%s' expects a number", o->name);
        return false;
    }
    if (o->kind == BLOCK_OPT_SIZE && parse_size(text, 'B', &number)) {
        error_set(errp, "Parameter '%s' expects a non-negative number below 2^64", o->name);
        error_hint(errp, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, "
                   "peta-\nand exabytes, respectively.");
        return false;
    }
    return true;
}

bool img_check_options(const BlockCreateOption *const *tables, const Json *options,
                       Error **errp)
{
    if (!options) {
        return true;
    }
    json_object_object_foreach((Json *)(uintptr_t)options, name, value) {
        const BlockCreateOption *o = find_option(tables, name);

        if (!o) {
            error_set(errp, "Invalid parameter '%s'", name);
            return false;
        }
        if (!check_value(o, json_object_get_string(value), errp)) {
            return false;
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const BlockCreateOption *x = *(const BlockCreateOption *const *)a;
    const BlockCreateOption *y = *(const BlockCreateOption *const *)b;

    return strcmp(x->name, y->name);
}

void img_print_options(const BlockCreateOption *const *tables)
{
    static const char *const kinds[] = {
        [BLOCK_OPT_STRING] = "str", [BLOCK_OPT_BOOL] = "bool (on/off)",
        [BLOCK_OPT_NUMBER] = "num", [BLOCK_OPT_SIZE] = "size",
    };
    g_autoptr(GPtrArray) rows = g_ptr_array_new();

    for (unsigned t = 0; t < 2 && tables[t]; t++) {
        for (const BlockCreateOption *o = tables[t]; o->name; o++) {
            if (!t || find_option(tables, o->name) == o) {
                g_ptr_array_add(rows, (void *)(uintptr_t)o);
            }
        }
    }
    qsort(rows->pdata, rows->len, sizeof(void *), by_name);
    for (unsigned i = 0; i < rows->len; i++) {
        const BlockCreateOption *o = rows->pdata[i];
        g_autofree char *name = g_strdup_printf("  %s=<%s>", o->name, kinds[o->kind]);

        printf("%-24s - %s\n", name, o->help);
    }
}

/* The drivers that make an image: tables[0] of the format, tables[1] of what is below. */
static const BlockDriver *find_tables(const char *format, const char *filename,
                                      const BlockCreateOption **tables, Error **errp)
{
    const BlockDriver *driver = block_driver_find(format), *protocol = NULL;

    tables[0] = tables[1] = NULL;
    if (!driver) {
        error_set(errp, block_driver_known(format)
                            ? "Format driver '%s' does not support image creation"
                            : "Unknown file format '%s'", format);
        return NULL;
    }
    if (filename) {
        protocol = img_protocol_driver(filename, errp);
        if (!protocol) {
            return NULL;
        }
    }
    if (!driver->create_options) {
        error_set(errp, "Format driver '%s' does not support image creation", format);
        return NULL;
    }
    if (protocol && !protocol->create_options && !driver->create_is_format) {
        error_set(errp, "Protocol driver '%s' does not support image creation", protocol->name);
        return NULL;
    }
    tables[0] = driver->create_options;
    tables[1] = protocol && protocol != driver ? protocol->create_options : NULL;
    return driver;
}

bool img_print_create_help(const char *format, const char *filename, Error **errp)
{
    const BlockCreateOption *tables[2];

    if (!find_tables(format, filename, tables, errp)) {
        return false;
    }
    if (filename) {
        printf("Supported options:\n");
    } else {
        printf("Supported %s options:\n", format);
    }
    img_print_options(tables);
    if (!filename && !block_driver_find(format)->is_protocol) {
        printf("\nThe protocol level may support further options.\n"
               "Specify the target filename to include those options.\n");
    }
    return true;
}

const BlockDriver *img_check_create_options(const char *format, const char *filename,
                                            const Json *options, Error **errp)
{
    const BlockCreateOption *tables[2];
    const BlockDriver *driver = find_tables(format, filename, tables, errp);

    return driver && img_check_options(tables, options, errp) ? driver : NULL;
}

/* Making it */

static const char *get(const Json *options, const char *name)
{
    return keyval_get(options, name);
}

static void put(Json *options, const char *name, const char *text)
{
    json_object_object_add(options, name, json_object_new_string(text));
}

/* Disks have whole sectors. */
static uint64_t size_of(const Json *options)
{
    uint64_t size = 0;

    if (get(options, "size")) {
        parse_size(get(options, "size"), 'B', &size);
    }
    return ROUND_UP(size, BLOCK_SECTOR_SIZE);
}

static void put_size(Json *tree, uint64_t size)
{
    g_autofree char *text = g_strdup_printf("%" PRIu64, size);

    put(tree, "size", text);
}

/* How "-o" names what blockdev-create calls otherwise. */
static const char *schema_name(const char *name, char *buf, size_t size)
{
    if (!strcmp(name, "compat")) {
        return "version";
    }
    g_strlcpy(buf, name, size);
    return g_strdelimit(buf, "_", '-');
}

static const char *schema_value(const char *name, const char *value)
{
    if (!strcmp(name, "compat")) {
        return !strcmp(value, "0.10") ? "v2" : !strcmp(value, "1.1") ? "v3" : value;
    }
    return value;
}

static bool has_option(const BlockCreateOption *table, const char *name)
{
    const BlockCreateOption *tables[2] = { table, NULL };

    return table && find_option(tables, name);
}

/* The valid values that an error hints at are listed by "-o help". */
static BlockdevCreateOptions *parse_tree(const Json *tree, Error **errp)
{
    Error *err = NULL;
    BlockdevCreateOptions *parsed = qapi_parse_BlockdevCreateOptions(tree, QAPI_KEYVAL, &err);

    if (!parsed) {
        error_set(errp, "%s", error_text(err));
        error_free(err);
    }
    return parsed;
}

/* The file below: empty, or where the format is raw all of it. */
static bool co_create_file(const char *filename, const BlockDriver *protocol,
                           const Json *options, bool whole, Error **errp)
{
    g_autoptr(BlockdevCreateOptions) parsed = NULL;
    JSON_AUTO tree = json_object_new_object();
    const char *mode = whole ? get(options, "preallocation") : NULL;

    if (!protocol->co_create) {
        return co_block_create_file(filename, whole ? size_of(options) : 0, PREALLOC_MODE_OFF,
                                    errp);
    }
    if (mode && (qapi_enum_parse(&qapi_type_PreallocMode, mode, "preallocation", NULL) < 0)) {
        error_set(errp, "invalid parameter value: %s", mode);
        return false;
    }
    put(tree, "driver", protocol->name);
    put(tree, "filename", g_str_has_prefix(filename, "file:") ? filename + 5 : filename);
    put_size(tree, whole ? size_of(options) : 0);
    json_object_object_foreach((Json *)(uintptr_t)options, name, value) {
        char buf[64];

        if (has_option(protocol->create_options, name) && strcmp(name, "size") &&
            (whole || strcmp(name, "preallocation"))) {
            json_object_object_add(tree, schema_name(name, buf, sizeof(buf)),
                                   json_object_get(value));
        }
    }
    parsed = parse_tree(tree, errp);
    return parsed && co_block_create(parsed, errp);
}

/* Make and open a file that a new image is written into; named in key of tree. */
static BlockNode *co_new_node(Json *tree, const char *key, const char *filename,
                              const Json *options, Error **errp)
{
    const BlockDriver *protocol = img_protocol_driver(filename, errp);
    BlockNode *node;
    JSON_AUTO file = NULL;

    if (!protocol || !co_create_file(filename, protocol, options, false, errp)) {
        return NULL;
    }
    file = block_filename_options(filename, errp);
    node = file ? co_block_open_json(file, QAPI_STRICT, errp) : NULL;
    if (node) {
        put(tree, key, block_node_name(node));
    }
    return node;
}

static bool co_create_format(const BlockDriver *driver, const char *filename,
                             const Json *options, Error **errp)
{
    g_autoptr(BlockdevCreateOptions) parsed = NULL;
    JSON_AUTO tree = json_object_new_object();
    BlockNode *file, *data = NULL;
    bool ok = false;

    file = co_new_node(tree, "file", filename, options, errp);
    if (!file) {
        return false;
    }
    put(tree, "driver", driver->name);
    json_object_object_foreach((Json *)(uintptr_t)options, name, value) {
        const char *text = json_object_get_string(value);
        char buf[64];

        if (has_option(driver->create_options, name) && strcmp(name, "data_file")) {
            put(tree, schema_name(name, buf, sizeof(buf)), schema_value(name, text));
        }
    }
    put_size(tree, size_of(options));
    if (get(options, "data_file")) {
        data = co_new_node(tree, "data-file", get(options, "data_file"), options, errp);
    }
    if (data || !get(options, "data_file")) {
        parsed = parse_tree(tree, errp);
        ok = parsed && co_block_create(parsed, errp);
    }
    block_node_unref(data);
    block_node_unref(file);
    return ok;
}

bool co_img_create(const char *filename, const char *format, const Json *options, Error **errp)
{
    const BlockDriver *driver = block_driver_find(format);
    const BlockDriver *protocol = img_protocol_driver(filename, errp);

    if (!protocol) {
        return false;
    }
    if (driver->create_is_format && strcmp(driver->name, "raw")) {
        return co_create_format(driver, filename, options, errp);
    }
    return co_create_file(filename, protocol, options, true, errp);
}

/* The subcommand */

typedef struct CreateArgs {
    ImgCommon common;
    const char *backing, *backing_format;
    bool unsafe;
    GPtrArray *options;
} CreateArgs;

static const ToolOption create_options[] = {
    TOOL_OPT_HELP,
    TOOL_OPT_OBJECT,
    IMG_OPT_FORMAT(CreateArgs),
    IMG_OPT_QUIET(CreateArgs),
    TOOL_OPT_TEXT(CreateArgs, backing, 'b', NULL),
    TOOL_OPT_TEXT(CreateArgs, backing_format, 'F', NULL),
    TOOL_OPT_FLAG(CreateArgs, unsafe, 'u', NULL),
    TOOL_OPT_TEXTS(CreateArgs, options, 'o', NULL),
    TOOL_OPT_END
};

static bool check_backing(const char *filename, const char *backing, Error **errp)
{
    if (!*backing) {
        error_set(errp, "Expected backing file name, got empty string");
        return false;
    }
    if (!strcmp(filename, backing)) {
        error_set(errp, "Error: Trying to create an image with the same filename as the "
                  "backing file");
        return false;
    }
    return true;
}

/* Open the backing file to see that it can be, and take the size from it where none is given. */
static bool co_look_at_backing(const char *filename, Json *options, const char **detected,
                               Error **errp)
{
    const char *format = get(options, "backing_fmt");
    g_autofree char *path = block_backing_path(filename, get(options, "backing_file"), errp);
    ToolImage image;
    ToolOpen how = { .name = path, .format = format };

    if (!path) {
        return false;
    }
    if (!co_tool_open(&image, &how, errp)) {
        error_hint(errp, "Could not open backing image.");
        return false;
    }
    if (!get(options, "size")) {
        g_autofree char *size = g_strdup_printf("%" PRId64, block_node_length(image.node));

        put(options, "size", size);
    }
    if (!format) {
        error_set(errp, "Backing file specified without backing format");
        *detected = tool_format(&image);
    }
    co_tool_close(&image);
    return format;
}

static void print_formatting(const char *filename, const char *format, const Json *options)
{
    const BlockCreateOption *tables[2];

    printf("Formatting '%s', fmt=%s", filename, format);
    find_tables(format, filename, tables, NULL);
    for (unsigned t = 0; t < 2 && tables[t]; t++) {
        for (const BlockCreateOption *o = tables[t]; o->name; o++) {
            const char *text = get(options, o->name) ? get(options, o->name) : o->value;
            uint64_t number;

            if (!text || (t && find_option(tables, o->name) != o)) {
                continue;
            }
            if (o->kind == BLOCK_OPT_SIZE && !parse_size(text, 'B', &number)) {
                printf(" %s=%" PRIu64, o->name, number);
            } else {
                g_autofree char *escaped = keyval_escape(text);

                printf(" %s=%s", o->name, escaped);
            }
        }
    }
    putchar('\n');
}

/* What is too large is told in words that say what helps. */
static bool co_make_image(const char *filename, const char *format, const Json *options,
                          Error **errp)
{
    Error *err = NULL;

    if (co_img_create(filename, format, options, &err)) {
        return true;
    }
    if (g_str_has_suffix(error_text(err), g_strerror(EFBIG))) {
        error_set(errp, "The image size is too large for file format '%s'%s", format,
                  get(options, "cluster_size") || !strcmp(format, "qcow2")
                      ? " (try using a larger cluster size)" : "");
        error_free(err);
        return false;
    }
    error_propagate(errp, err);
    return false;
}

static bool co_create_image(const CreateArgs *args, const char *filename, const char *format,
                            Json *options, const char **detected, Error **errp)
{
    const BlockDriver *driver = img_check_create_options(format, filename, options, errp);

    if (!driver) {
        return false;
    }
    if ((args->backing || args->backing_format) && !driver->supports_backing) {
        error_set(errp, "Backing file%s not supported for file format '%s'",
                  args->backing ? "" : " format", format);
        return false;
    }
    if (args->backing) {
        put(options, "backing_file", args->backing);
    }
    if (args->backing_format) {
        put(options, "backing_fmt", args->backing_format);
    }
    if (get(options, "backing_file")) {
        if (!check_backing(filename, get(options, "backing_file"), errp)) {
            return false;
        }
        if (!args->unsafe && !co_look_at_backing(filename, options, detected, errp)) {
            return false;
        }
        if (!get(options, "backing_fmt")) {
            error_set(errp, "Backing file specified without backing format");
            return false;
        }
    }
    if (!get(options, "size")) {
        error_set(errp, "Image creation needs a size parameter");
        return false;
    }
    if (!args->common.quiet) {
        print_formatting(filename, format, options);
        fflush(stdout);
    }
    return co_make_image(filename, format, options, errp);
}

int co_img_create_command(int argc, char **argv)
{
    CreateArgs args = {};
    JSON_AUTO options = NULL;
    const char *filename, *format, *detected = NULL;
    int64_t size;
    Error *err = NULL;
    int status;
    bool help;

    if (!img_parse(create_options, &args, &argc, &argv, &status)) {
        return status;
    }
    format = args.common.format ? args.common.format : "raw";
    filename = argc ? argv[0] : NULL;
    if (!img_parse_create_options(args.options, &options, &help)) {
        return 1;
    }
    if (help) {
        if (!img_print_create_help(format, filename, &err)) {
            error_report(err);
            return 1;
        }
        return 0;
    }
    if (!filename) {
        return img_usage_error("Expecting image file name");
    }
    if (argc > 2) {
        return img_usage_error("Unexpected argument: %s", argv[2]);
    }
    if (argc == 2) {
        g_autofree char *text = NULL;

        if (!tool_parse_size("image size", argv[1], 0, INT64_MAX, &size)) {
            return 1;
        }
        if (get(options, "size")) {
            report_error("%s: The image size must be specified only once", filename);
            return 1;
        }
        text = g_strdup_printf("%" PRId64, size);
        put(options, "size", text);
    }
    if (!co_create_image(&args, filename, format, options, &detected, &err)) {
        error_prepend(&err, "%s: ", filename);
        error_report(err);
        if (detected) {
            fprintf(stderr, "Detected format of %s.", detected);    /* no new line: as QEMU */
        }
        return 1;
    }
    return 0;
}

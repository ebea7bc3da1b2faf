/* The qtest line server: ports, memory, interrupts and the clock by commands, a line each */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/qtest.h"
#include "hw/backend-props.h"
#include "accel/accel.h"
#include "hw/core/device.h"
#include "memory/memory.h"
#include "util/bswap.h"
#include "util/clock.h"

/* A line longer than this is dropped with an error: 16 MiB of memory in hex. */
#define MAX_LINE (34u << 20)
/* The largest transfer of one command. */
#define MAX_TRANSFER (16u << 20)

typedef struct Intercept {
    IrqLine original;
    int level;              /* as last reported; -1 before */
    unsigned number;
} Intercept;

typedef struct QTestServer {
    CharFrontend fe;
    FILE *log;
    int64_t opened_us;
    GString *line;
    bool overlong;
    Device *intercepted;
    Intercept *intercepts;
} QTestServer;

/* One server a process, as its clock is. */
static QTestServer server;

static void log_line(char kind, const char *text)
{
    int64_t us = g_get_monotonic_time() - server.opened_us;

    if (server.log) {
        fprintf(server.log, "[%c +%" PRId64 ".%06d] %s\n", kind, us / G_USEC_PER_SEC,
                (int)(us % G_USEC_PER_SEC), text);
    }
}

static void send_line(const char *text)
{
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    log_line('S', text);
    char_fe_write_all(&server.fe, line, strlen(line));
}

static void reply(const char *fmt, ...) PRINTF_FORMAT(1, 2);
static void reply(const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    send_line(text);
}

static bool parse_u64(const char *word, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(word, &end, 0);
    return *word && !*end && !errno;
}

/* The numbers behind the command's name; false when one is none. */
static bool parse_args(char **words, unsigned count, uint64_t *values)
{
    for (unsigned i = 0; i < count; i++) {
        if (!parse_u64(words[i + 1], &values[i])) {
            reply("ERR invalid number '%s'", words[i + 1]);
            return false;
        }
    }
    return true;
}

/* The access size that the last letter of a command's name stands for. */
static unsigned size_of(const char *name)
{
    switch (name[strlen(name) - 1]) {
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'l':
        return 4;
    default:
        return 8;
    }
}

static bool port_ok(uint64_t port)
{
    if (port > 0xffff) {
        reply("ERR port 0x%" PRIx64 " is above 0xffff", port);
        return false;
    }
    return true;
}

static void cmd_out(char **words)
{
    uint64_t v[2];

    if (parse_args(words, 2, v) && port_ok(v[0])) {
        mem_store(io_space(), v[0], v[1], size_of(words[0]));
        reply("OK");
    }
}

static void cmd_in(char **words)
{
    uint64_t port;

    if (parse_args(words, 1, &port) && port_ok(port)) {
        reply("OK 0x%04" PRIx64, mem_load(io_space(), port, size_of(words[0])));
    }
}

static void cmd_mem_write(char **words)
{
    uint64_t v[2];

    if (parse_args(words, 2, v)) {
        mem_store(memory_space(), v[0], v[1], size_of(words[0]));
        reply("OK");
    }
}

static void cmd_mem_read(char **words)
{
    uint64_t addr;

    if (parse_args(words, 1, &addr)) {
        reply("OK 0x%016" PRIx64, mem_load(memory_space(), addr, size_of(words[0])));
    }
}

static bool transfer_ok(uint64_t size)
{
    if (size > MAX_TRANSFER) {
        reply("ERR size %" PRIu64 " is above %u", size, MAX_TRANSFER);
        return false;
    }
    return true;
}

static void cmd_read(char **words)
{
    uint64_t v[2];
    g_autofree uint8_t *data = NULL;
    g_autoptr(GString) text = g_string_new("OK 0x");

    if (!parse_args(words, 2, v) || !transfer_ok(v[1])) {
        return;
    }
    data = g_malloc(v[1] + 1);
    mem_read(memory_space(), v[0], data, v[1]);
    for (uint64_t i = 0; i < v[1]; i++) {
        static const char digits[] = "0123456789abcdef";

        g_string_append_c(text, digits[data[i] >> 4]);
        g_string_append_c(text, digits[data[i] & 15]);
    }
    send_line(text->str);
}

static void cmd_write(char **words)
{
    uint64_t v[2];
    g_autofree uint8_t *data = NULL;
    const char *hex = words[3];
    size_t digits = strlen(hex);

    if (!parse_args(words, 2, v) || !transfer_ok(v[1])) {
        return;
    }
    if (digits < 3) {
        reply("ERR invalid argument size");
        return;
    }
    data = g_malloc0(v[1] + 1);
    for (uint64_t i = 0; i < v[1] && i * 2 + 3 < digits; i++) {
        data[i] = g_ascii_xdigit_value(hex[i * 2 + 2]) << 4 | g_ascii_xdigit_value(hex[i * 2 + 3]);
    }
    mem_write(memory_space(), v[0], data, v[1]);
    reply("OK");
}

static void cmd_memset(char **words)
{
    uint64_t v[3];
    uint8_t block[4096];

    if (!parse_args(words, 3, v)) {
        return;
    }
    memset(block, v[2], sizeof(block));
    while (v[1]) {
        size_t n = MIN(v[1], sizeof(block));

        mem_write(memory_space(), v[0], block, n);
        v[0] += n;
        v[1] -= n;
    }
    reply("OK");
}

static void cmd_b64read(char **words)
{
    uint64_t v[2];
    g_autofree uint8_t *data = NULL;
    g_autofree char *text = NULL;

    if (parse_args(words, 2, v) && transfer_ok(v[1])) {
        data = g_malloc(v[1] + 1);
        mem_read(memory_space(), v[0], data, v[1]);
        text = g_base64_encode(data, v[1]);
        reply("OK %s", text);
    }
}

static void cmd_b64write(char **words)
{
    uint64_t v[2];
    gsize len;
    g_autofree uint8_t *data = NULL;

    if (!parse_args(words, 2, v) || !transfer_ok(v[1])) {
        return;
    }
    data = g_base64_decode(words[3], &len);
    if (len != v[1] && server.log) {
        fprintf(server.log, "b64write: data length mismatch (told %" PRIu64 ", found %zu)\n",
                v[1], len);
    }
    mem_write(memory_space(), v[0], data, MIN(len, v[1]));
    reply("OK");
}

static void cmd_endianness(char **words)
{
    reply("OK little");
}

/* Interrupts */

static Device *find_device(const char *path)
{
    Object *obj = object_resolve(path, NULL);

    if (!obj || !device_type_find(obj->type->name)) {
        reply("FAIL Unknown device");
        return NULL;
    }
    return (Device *)(void *)obj;
}

static void intercept_fn(void *opaque, int n, int level)
{
    Intercept *i = opaque;

    i->original.fn(i->original.opaque, i->original.n, level);
    if (i->level != !!level) {
        i->level = !!level;
        reply("IRQ %s %u", level ? "raise" : "lower", i->number);
    }
}

static bool may_intercept(Device *dev)
{
    if (server.intercepted == dev) {
        reply("OK");
        return false;
    }
    if (server.intercepted) {
        reply("FAIL IRQ intercept already enabled");
        return false;
    }
    server.intercepted = dev;
    return true;
}

static void intercept(IrqLine *line, Intercept *i, unsigned number)
{
    i->original = *line;
    i->number = number;
    *line = (IrqLine){ intercept_fn, i, number };
}

static void cmd_irq_intercept_in(char **words)
{
    Device *dev = find_device(words[1]);

    if (dev && may_intercept(dev)) {
        server.intercepts = g_new0(Intercept, dev->nr_irq_in);
        for (unsigned i = 0; i < dev->nr_irq_in; i++) {
            intercept(&dev->irq_in[i], &server.intercepts[i], i);
        }
        reply("OK");
    }
}

static void cmd_irq_intercept_out(char **words)
{
    Device *dev = find_device(words[1]);

    if (dev && may_intercept(dev)) {
        server.intercepts = g_new0(Intercept, dev->nr_irq_out);
        for (unsigned i = 0; i < dev->nr_irq_out; i++) {
            /* The line may be shared: the device gets one of its own that leads there. */
            IrqLine *line = g_new0(IrqLine, 1);

            if (*dev->irq_out[i]) {
                *line = **dev->irq_out[i];
                intercept(line, &server.intercepts[i], i);
                *dev->irq_out[i] = line;
            } else {
                g_free(line);
            }
        }
        reply("OK");
    }
}

static void cmd_set_irq_in(char **words)
{
    Device *dev = find_device(words[1]);
    uint64_t n, level;

    if (!dev) {
        return;
    }
    if (strcmp(words[2], "unnamed-gpio-in") || !parse_u64(words[3], &n) ||
        !parse_u64(words[4], &level) || !device_irq_in(dev, MIN(n, UINT_MAX))) {
        reply("FAIL Unknown input '%s' %s", words[2], words[3]);
        return;
    }
    irq_set(device_irq_in(dev, n), level);
    reply("OK");
}

/* The clock */

static bool clock_ok(const char *name)
{
    if (!clock_virtual_is_stepped()) {
        reply("FAIL Unknown command '%s'", name);
        return false;
    }
    return true;
}

static void cmd_clock_step(char **words)
{
    int64_t now = clock_ns(CLOCK_TYPE_VIRTUAL), to = clock_deadline(CLOCK_TYPE_VIRTUAL);
    uint64_t ns;

    if (!clock_ok(words[0])) {
        return;
    }
    if (words[1]) {
        if (!parse_args(words, 1, &ns)) {
            return;
        }
        to = ns > (uint64_t)(INT64_MAX - now) ? INT64_MAX : now + (int64_t)ns;
    } else if (to == INT64_MAX) {
        to = now;       /* no timer is armed */
    }
    clock_virtual_step_to(to);
    reply("OK %" PRId64, clock_ns(CLOCK_TYPE_VIRTUAL));
}

static void cmd_clock_set(char **words)
{
    uint64_t ns;

    if (clock_ok(words[0]) && parse_args(words, 1, &ns)) {
        clock_virtual_step_to(MIN(ns, INT64_MAX));
        reply("OK %" PRId64, clock_ns(CLOCK_TYPE_VIRTUAL));
    }
}

typedef struct Command {
    const char *name;
    unsigned min_args;
    void (*fn)(char **words);
} Command;

static const Command commands[] = {
    { "outb", 2, cmd_out }, { "outw", 2, cmd_out }, { "outl", 2, cmd_out },
    { "inb", 1, cmd_in }, { "inw", 1, cmd_in }, { "inl", 1, cmd_in },
    { "writeb", 2, cmd_mem_write }, { "writew", 2, cmd_mem_write },
    { "writel", 2, cmd_mem_write }, { "writeq", 2, cmd_mem_write },
    { "readb", 1, cmd_mem_read }, { "readw", 1, cmd_mem_read },
    { "readl", 1, cmd_mem_read }, { "readq", 1, cmd_mem_read },
    { "read", 2, cmd_read }, { "write", 3, cmd_write }, { "memset", 3, cmd_memset },
    { "b64read", 2, cmd_b64read }, { "b64write", 3, cmd_b64write },
    { "endianness", 0, cmd_endianness },
    { "irq_intercept_in", 1, cmd_irq_intercept_in },
    { "irq_intercept_out", 1, cmd_irq_intercept_out },
    { "set_irq_in", 4, cmd_set_irq_in },
    { "clock_step", 0, cmd_clock_step }, { "clock_set", 1, cmd_clock_set },
};

static void process(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    unsigned count = g_strv_length(words);

    log_line('R', line);
    if (!count) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(commands[i].name, words[0])) {
            if (count - 1 < commands[i].min_args) {
                reply("ERR '%s' wants %u arguments", words[0], commands[i].min_args);
            } else {
                commands[i].fn(words);
            }
            return;
        }
    }
    reply("FAIL Unknown command '%s'", words[0]);
}

static size_t qtest_can_read(void *opaque)
{
    return 65536;
}

static void qtest_read(void *opaque, const uint8_t *buf, size_t len)
{
    while (len) {
        const uint8_t *end = memchr(buf, '\n', len);
        size_t n = end ? (size_t)(end - buf) : len;

        if (server.line->len + n > MAX_LINE) {
            server.overlong = true;
        } else {
            g_string_append_len(server.line, (const char *)buf, n);
        }
        if (!end) {
            return;
        }
        if (server.overlong) {
            reply("ERR line too long");
        } else {
            process(server.line->str);
        }
        g_string_truncate(server.line, 0);
        server.overlong = false;
        buf += n + 1;
        len -= n + 1;
    }
}

/* A new harness starts from the state after reset, with its own clock in the log. */
static void qtest_event(void *opaque, CharEvent event)
{
    if (event == CHAR_EVENT_OPENED) {
        server.opened_us = g_get_monotonic_time();
        g_string_truncate(server.line, 0);
        if (server.log) {
            fprintf(server.log, "[I 0.000000] OPENED\n");
        }
        for (unsigned i = 0; server.intercepted && i < server.intercepted->nr_irq_in; i++) {
            server.intercepts[i].level = 0;
        }
    } else if (event == CHAR_EVENT_CLOSED) {
        log_line('I', "CLOSED");
    }
}

bool qtest_server_start(Chardev *chr, const char *log, Error **errp)
{
    if (server.line) {
        error_set(errp, "qtest: there is a server already");
        return false;
    }
    if (!char_fe_init(&server.fe, chr, errp)) {
        return false;
    }
    if (!log) {
        server.log = stderr;
    } else if (strcmp(log, "none")) {
        server.log = fopen(log, "we");
        if (!server.log) {
            error_set_errno(errp, errno, "qtest log '%s': cannot open", log);
            char_fe_deinit(&server.fe);
            return false;
        }
        setvbuf(server.log, NULL, _IOLBF, 0);
    }
    server.line = g_string_new(NULL);
    char_fe_set_handlers(&server.fe, qtest_can_read, qtest_read, qtest_event, &server);
    return true;
}

/* --- -object qtest,chardev=ID[,log=FILE] --- */

typedef struct QtestObject {
    Object obj;
    Chardev *chardev;
    char *log;
} QtestObject;

static bool qtest_object_complete(Object *obj, Error **errp)
{
    QtestObject *s = OBJECT_OF(obj, QtestObject);

    if (!s->chardev) {
        error_set(errp, "No backend specified: name one with chardev=");
        return false;
    }
    return qtest_server_start(s->chardev, *s->log ? s->log : NULL, errp);
}

static bool qtest_object_can_delete(Object *obj)
{
    return false;               /* it serves until the end of the program */
}

static const Prop qtest_object_props[] = {
    PROP_CHARDEV(QtestObject, chardev, "where the harness is"),
    PROP_STRING(QtestObject, log, "", "file for the traffic; 'none'; stderr if not given"),
    { .name = NULL },
};

static const UserObjectType qtest_object_type = {
    .name = "qtest",
    .desc = "serve the qtest protocol",
    .size = sizeof(QtestObject),
    .props = qtest_object_props,
    .complete = qtest_object_complete,
    .can_delete = qtest_object_can_delete,
};
REGISTER_USER_OBJECT(qtest_object_type)

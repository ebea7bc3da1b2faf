/* libqtest: processes, lines and answers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "tests/qtest/libqtest.h"
#include "util/bswap.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* Far above what any command takes, so that only a hang reaches it. */
#define ANSWER_TIMEOUT_MS 120000

struct QTest {
    pid_t pid;
    int fd;
    GString *input;
    bool irq_level[256];
    uint32_t next_mmio;
    uint16_t next_port;
    uint64_t next_ram;
    int qmp_fd;
    struct json_tokener *qmp_tokener;
    GString *qmp_input;
    GList *qmp_events;                  /* that nobody asked for yet */
};

typedef struct TestRow {
    const char *path;
    void (*fn)(void);
} TestRow;

static GArray *tests;

static const char *program(void)
{
    const char *path = g_getenv("MICA");

    return path ? path : "build/mica";
}

static int listen_at(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(g_strlcpy(sun.sun_path, path, sizeof(sun.sun_path)), <,
                     sizeof(sun.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

static pid_t spawn(const char *command)
{
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    return pid;
}

static void qmp_start(QTest *q);

QTest *qtest_start(const char *args, ...)
{
    g_autofree char *dir = g_dir_make_tmp("mica-qtest-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *words = NULL, *command = NULL;
    QTest *q = g_new0(QTest, 1);
    g_autofree char *qmp_path = g_build_filename(dir, "q", NULL);
    int listener = listen_at(path), qmp_listener = listen_at(qmp_path);
    struct pollfd pfd = { .fd = listener, .events = POLLIN };
    va_list ap;

    va_start(ap, args);
    words = g_strdup_vprintf(args, ap);
    va_end(ap);
    command = g_strdup_printf("exec %s -qtest unix:%s -qtest-log none -display none "
                              "-chardev socket,path=%s,id=char0 -mon chardev=char0,mode=control "
                              "%s -accel qtest", program(), path, qmp_path, words);
    q->pid = spawn(command);
    while (poll(&pfd, 1, 100) == 0) {
        int status;

        if (waitpid(q->pid, &status, WNOHANG) == q->pid) {
            g_error("'%s' ended with status 0x%x before it connected", command, status);
        }
    }
    q->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(q->fd, >=, 0);
    q->qmp_fd = accept4(qmp_listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(q->qmp_fd, >=, 0);
    close(listener);
    close(qmp_listener);
    unlink(path);
    unlink(qmp_path);
    rmdir(dir);
    q->input = g_string_new(NULL);
    q->next_mmio = 0xe0000000;
    q->next_port = 0xc000;
    q->next_ram = 1 << 20;
    qmp_start(q);               /* events are sent only after that */
    return q;
}

static int reap(QTest *q)
{
    int status = 0;

    g_assert_cmpint(waitpid(q->pid, &status, 0), ==, q->pid);
    close(q->fd);
    close(q->qmp_fd);
    json_tokener_free(q->qmp_tokener);
    g_string_free(q->qmp_input, true);
    while (q->qmp_events) {
        json_object_put(q->qmp_events->data);
        q->qmp_events = g_list_delete_link(q->qmp_events, q->qmp_events);
    }
    g_string_free(q->input, true);
    g_free(q);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void qtest_end(QTest *q)
{
    kill(q->pid, SIGTERM);
    g_assert_cmpint(reap(q), ==, 0);
}

int qtest_wait_exit(QTest *q)
{
    return reap(q);
}

int qtest_run(const char *args, char **err)
{
    g_autofree char *command = g_strdup_printf("%s %s", program(), args);
    const char *argv[] = { "/bin/sh", "-c", command, NULL };
    int status = 0;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                               NULL, err, &status, NULL));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The next line that came, without its end; waits for it. */
static char *read_line(QTest *q)
{
    for (;;) {
        char *end = strchr(q->input->str, '\n'), buf[4096];
        struct pollfd pfd = { .fd = q->fd, .events = POLLIN };
        ssize_t n;

        if (end) {
            char *line = g_strndup(q->input->str, end - q->input->str);

            g_string_erase(q->input, 0, end + 1 - q->input->str);
            return line;
        }
        if (poll(&pfd, 1, ANSWER_TIMEOUT_MS) == 0) {
            g_error("no answer within %d s", ANSWER_TIMEOUT_MS / 1000);
        }
        n = read(q->fd, buf, sizeof(buf));
        if (n <= 0) {
            g_error("the emulator closed the connection: it crashed or ended");
        }
        g_string_append_len(q->input, buf, n);
    }
}

static char *answer(QTest *q)
{
    for (;;) {
        g_autofree char *line = read_line(q);
        unsigned n;

        if (sscanf(line, "IRQ raise %u", &n) == 1) {
            q->irq_level[n & 255] = true;
        } else if (sscanf(line, "IRQ lower %u", &n) == 1) {
            q->irq_level[n & 255] = false;
        } else {
            return g_steal_pointer(&line);
        }
    }
}

static char *exchange(QTest *q, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    size_t len = strlen(line), done = 0;

    while (done < len) {
        ssize_t n = send(q->fd, line + done, len - done, MSG_NOSIGNAL);

        g_assert_cmpint(n, >, 0);
        done += n;
    }
    return answer(q);
}

char *qtest_command(QTest *q, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = exchange(q, fmt, ap);
    va_end(ap);
    return text;
}

/* --- QMP --- */

/* The next value that came over QMP; waits for it. */
static struct json_object *qmp_read(QTest *q)
{
    for (;;) {
        struct json_object *value;
        struct pollfd pfd = { .fd = q->qmp_fd, .events = POLLIN };
        char buf[4096];
        ssize_t n;

        value = json_tokener_parse_ex(q->qmp_tokener, q->qmp_input->str, q->qmp_input->len);
        g_string_erase(q->qmp_input, 0, value ? (gssize)json_tokener_get_parse_end(q->qmp_tokener)
                                              : -1);
        if (value) {
            return value;
        }
        g_assert_cmpint(json_tokener_get_error(q->qmp_tokener), ==, json_tokener_continue);
        if (poll(&pfd, 1, ANSWER_TIMEOUT_MS) == 0) {
            g_error("no QMP answer within %d s", ANSWER_TIMEOUT_MS / 1000);
        }
        n = read(q->qmp_fd, buf, sizeof(buf));
        if (n <= 0) {
            g_error("the emulator closed the QMP connection: it crashed or ended");
        }
        g_string_append_len(q->qmp_input, buf, n);
    }
}

static void qmp_send(QTest *q, const char *text)
{
    ssize_t n = send(q->qmp_fd, text, strlen(text), MSG_NOSIGNAL);

    g_assert_cmpint(n, ==, strlen(text));
}

/* The next reply; events before it are kept. */
static struct json_object *qmp_answer(QTest *q)
{
    for (;;) {
        struct json_object *value = qmp_read(q);

        if (!json_object_object_get_ex(value, "event", NULL)) {
            return value;
        }
        q->qmp_events = g_list_append(q->qmp_events, value);
    }
}

static void qmp_start(QTest *q)
{
    q->qmp_tokener = json_tokener_new();
    q->qmp_input = g_string_new(NULL);
    json_object_put(qmp_read(q));           /* the greeting */
    qmp_send(q, "{\"execute\": \"qmp_capabilities\"}");
    json_object_put(qmp_answer(q));
}

static struct json_object *qmp_exchange(QTest *q, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    qmp_send(q, text);
    return qmp_answer(q);
}

struct json_object *qtest_qmp_reply(QTest *q, const char *fmt, ...)
{
    struct json_object *reply;
    va_list ap;

    va_start(ap, fmt);
    reply = qmp_exchange(q, fmt, ap);
    va_end(ap);
    return reply;
}

static struct json_object *take_return(struct json_object *reply)
{
    struct json_object *value;

    if (!json_object_object_get_ex(reply, "return", &value)) {
        g_error("QMP: %s", json_object_to_json_string(reply));
    }
    json_object_get(value);
    json_object_put(reply);
    return value;
}

struct json_object *qtest_qmp(QTest *q, const char *fmt, ...)
{
    struct json_object *reply;
    va_list ap;

    va_start(ap, fmt);
    reply = qmp_exchange(q, fmt, ap);
    va_end(ap);
    return take_return(reply);
}

void qtest_qmp_done(QTest *q, const char *fmt, ...)
{
    struct json_object *reply;
    va_list ap;

    va_start(ap, fmt);
    reply = qmp_exchange(q, fmt, ap);
    va_end(ap);
    json_object_put(take_return(reply));
}

struct json_object *qtest_qmp_event(QTest *q, const char *name)
{
    for (;;) {
        for (GList *l = q->qmp_events; l; l = l->next) {
            struct json_object *event = l->data, *value;

            json_object_object_get_ex(event, "event", &value);
            if (!strcmp(json_object_get_string(value), name)) {
                q->qmp_events = g_list_delete_link(q->qmp_events, l);
                return event;
            }
        }
        q->qmp_events = g_list_append(q->qmp_events, qmp_read(q));
    }
}

/* The value behind "OK"; anything else fails the test. */
static char *G_GNUC_PRINTF(2, 3) expect_ok(QTest *q, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = exchange(q, fmt, ap);
    va_end(ap);
    if (strncmp(text, "OK", 2)) {
        g_error("'%s' was answered '%s'", fmt, text);
    }
    return g_strdup(text[2] ? text + 3 : "");
}

static uint64_t G_GNUC_PRINTF(2, 3) expect_number(QTest *q, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = exchange(q, fmt, ap);
    va_end(ap);
    g_assert_true(g_str_has_prefix(text, "OK "));
    return g_ascii_strtoull(text + 3, NULL, 0);
}

#define PORT_IN(letter, bits)                                                               \
    uint##bits##_t qtest_in##letter(QTest *q, uint16_t port)                                \
    {                                                                                       \
        return expect_number(q, "in" #letter " 0x%x", port);                                \
    }
#define PORT_OUT(letter, bits)                                                              \
    void qtest_out##letter(QTest *q, uint16_t port, uint##bits##_t value)                   \
    {                                                                                       \
        g_free(expect_ok(q, "out" #letter " 0x%x 0x%x", port, value));                      \
    }
#define MEM_READ(letter, bits)                                                              \
    uint##bits##_t qtest_read##letter(QTest *q, uint64_t addr)                              \
    {                                                                                       \
        return expect_number(q, "read" #letter " 0x%" PRIx64, addr);                        \
    }
#define MEM_WRITE(letter, bits)                                                             \
    void qtest_write##letter(QTest *q, uint64_t addr, uint##bits##_t value)                 \
    {                                                                                       \
        g_free(expect_ok(q, "write" #letter " 0x%" PRIx64 " 0x%" PRIx64, addr,              \
                         (uint64_t)value));                                                 \
    }
PORT_IN(b, 8)
PORT_IN(w, 16)
PORT_IN(l, 32)
PORT_OUT(b, 8)
PORT_OUT(w, 16)
PORT_OUT(l, 32)
MEM_READ(b, 8)
MEM_READ(w, 16)
MEM_READ(l, 32)
MEM_READ(q, 64)
MEM_WRITE(b, 8)
MEM_WRITE(w, 16)
MEM_WRITE(l, 32)
MEM_WRITE(q, 64)

void qtest_memread(QTest *q, uint64_t addr, void *buf, size_t len)
{
    g_autofree char *text = expect_ok(q, "b64read 0x%" PRIx64 " 0x%zx", addr, len);
    gsize got;
    g_autofree uint8_t *data = g_base64_decode(text, &got);

    g_assert_cmpuint(got, ==, len);
    memcpy(buf, data, len);
}

void qtest_memwrite(QTest *q, uint64_t addr, const void *buf, size_t len)
{
    g_autofree char *text = g_base64_encode(buf, len);

    g_free(expect_ok(q, "b64write 0x%" PRIx64 " 0x%zx %s", addr, len, text));
}

void qtest_memset(QTest *q, uint64_t addr, uint8_t value, size_t len)
{
    g_free(expect_ok(q, "memset 0x%" PRIx64 " 0x%zx 0x%x", addr, len, value));
}

int64_t qtest_clock_step(QTest *q, int64_t ns)
{
    return expect_number(q, "clock_step %" PRId64, ns);
}

int64_t qtest_clock_step_next(QTest *q)
{
    return expect_number(q, "clock_step");
}

int64_t qtest_clock_set(QTest *q, int64_t ns)
{
    return expect_number(q, "clock_set %" PRId64, ns);
}

void qtest_irq_intercept_in(QTest *q, const char *path)
{
    g_free(expect_ok(q, "irq_intercept_in %s", path));
}

void qtest_irq_intercept_out(QTest *q, const char *path)
{
    g_free(expect_ok(q, "irq_intercept_out %s", path));
}

bool qtest_irq(QTest *q, unsigned n)
{
    qtest_inb(q, 0);        /* what was raised so far is on its way before this answer */
    return q->irq_level[n & 255];
}

void qtest_set_irq_in(QTest *q, const char *path, unsigned n, int level)
{
    g_free(expect_ok(q, "set_irq_in %s unnamed-gpio-in %u %d", path, n, level));
}

/* PCI */

static uint16_t select_config(QTest *q, unsigned devfn, unsigned offset)
{
    qtest_outl(q, 0xcf8, 0x80000000u | devfn << 8 | (offset & 0xfc));
    return 0xcfc + (offset & 3);
}

#define CONFIG(letter, bits)                                                                \
    uint##bits##_t qpci_read##letter(QTest *q, unsigned devfn, unsigned offset)             \
    {                                                                                       \
        return qtest_in##letter(q, select_config(q, devfn, offset));                        \
    }                                                                                       \
    void qpci_write##letter(QTest *q, unsigned devfn, unsigned offset, uint##bits##_t value) \
    {                                                                                       \
        qtest_out##letter(q, select_config(q, devfn, offset), value);                       \
    }
CONFIG(b, 8)
CONFIG(w, 16)
CONFIG(l, 32)

int qpci_find(QTest *q, uint16_t vendor, uint16_t device)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (qpci_readl(q, devfn, 0) == ((uint32_t)device << 16 | vendor)) {
            return devfn;
        }
    }
    return -1;
}

uint64_t qpci_map_bar(QTest *q, unsigned devfn, unsigned n)
{
    unsigned offset = 0x10 + n * 4;
    uint32_t kind = qpci_readl(q, devfn, offset), mask, size;
    uint64_t addr;

    qpci_writel(q, devfn, offset, UINT32_MAX);
    mask = qpci_readl(q, devfn, offset) & (kind & 1 ? ~3u : ~15u);
    g_assert_cmphex(mask, !=, 0);
    size = -mask;
    if (kind & 1) {
        size = (uint16_t)size;
        addr = q->next_port = ROUND_UP(q->next_port, size);
        q->next_port += size;
    } else {
        addr = q->next_mmio = ROUND_UP(q->next_mmio, size);
        q->next_mmio += size;
    }
    qpci_writel(q, devfn, offset, addr);
    if ((kind & 7) == 4) {
        qpci_writel(q, devfn, offset + 4, 0);
    }
    return addr;
}

void qpci_enable(QTest *q, unsigned devfn)
{
    qpci_writew(q, devfn, 4, qpci_readw(q, devfn, 4) | 7);
}

uint64_t qtest_alloc(QTest *q, size_t len)
{
    uint64_t addr = q->next_ram;

    q->next_ram += ROUND_UP(len, 16);
    qtest_memset(q, addr, 0, len);
    return addr;
}

/* main() */

void qtest_add(const char *path, void (*fn)(void))
{
    TestRow row = { path, fn };

    if (!tests) {
        tests = g_array_new(false, false, sizeof(TestRow));
    }
    g_array_append_val(tests, row);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; tests && i < tests->len; i++) {
        TestRow *row = &g_array_index(tests, TestRow, i);

        g_test_add_func(row->path, row->fn);
    }
    return g_test_run();
}

uint8_t *qtest_fw_cfg_file(QTest *q, const char *name, uint32_t *size)
{
    uint8_t entry[64], *data;
    uint16_t key = 0;

    *size = 0;
    qtest_outw(q, 0x510, 0x19);
    for (unsigned i = 0; i < 4; i++) {
        entry[i] = qtest_inb(q, 0x511);
    }
    for (uint32_t count = ld32_be(entry); count && !key; count--) {
        for (unsigned i = 0; i < sizeof(entry); i++) {
            entry[i] = qtest_inb(q, 0x511);
        }
        if (!strcmp((char *)entry + 8, name)) {
            *size = ld32_be(entry);
            key = ld16_be(entry + 4);
        }
    }
    if (!key) {
        g_error("there is no file '%s'", name);
    }
    g_assert_cmphex(*size, <, 1 << 20);
    data = g_malloc(*size);
    qtest_outw(q, 0x510, key);
    for (uint32_t i = 0; i < *size; i++) {
        data[i] = qtest_inb(q, 0x511);
    }
    return data;
}

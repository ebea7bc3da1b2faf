/* libqtest: start a machine without a CPU and drive its devices from a test */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_QTEST_LIBQTEST_H
#define TESTS_QTEST_LIBQTEST_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One running emulator. Every call sends a line and waits for its answer; an
 * emulator that dies or answers wrongly fails the test. args are shell words
 * ("-machine pc -device isa-debug-exit"). $MICA names the program.
 */
typedef struct QTest QTest;

QTest *qtest_start(const char *args, ...) G_GNUC_PRINTF(1, 2);
/* SIGTERM; the exit status must be 0. */
void qtest_end(QTest *q);
/* Wait for it to end by itself; its exit status, -1 for a signal. Frees q. */
int qtest_wait_exit(QTest *q);
/* The exit status and stderr text of a command line that shall not start a machine. */
int qtest_run(const char *args, char **err);

uint8_t qtest_inb(QTest *q, uint16_t port);
uint16_t qtest_inw(QTest *q, uint16_t port);
uint32_t qtest_inl(QTest *q, uint16_t port);
void qtest_outb(QTest *q, uint16_t port, uint8_t value);
void qtest_outw(QTest *q, uint16_t port, uint16_t value);
void qtest_outl(QTest *q, uint16_t port, uint32_t value);
uint8_t qtest_readb(QTest *q, uint64_t addr);
uint16_t qtest_readw(QTest *q, uint64_t addr);
uint32_t qtest_readl(QTest *q, uint64_t addr);
uint64_t qtest_readq(QTest *q, uint64_t addr);
void qtest_writeb(QTest *q, uint64_t addr, uint8_t value);
void qtest_writew(QTest *q, uint64_t addr, uint16_t value);
void qtest_writel(QTest *q, uint64_t addr, uint32_t value);
void qtest_writeq(QTest *q, uint64_t addr, uint64_t value);
void qtest_memread(QTest *q, uint64_t addr, void *buf, size_t len);
void qtest_memwrite(QTest *q, uint64_t addr, const void *buf, size_t len);
void qtest_memset(QTest *q, uint64_t addr, uint8_t value, size_t len);

/* Virtual time in ns after the step. */
int64_t qtest_clock_step(QTest *q, int64_t ns);
int64_t qtest_clock_step_next(QTest *q);    /* to the next deadline */
int64_t qtest_clock_set(QTest *q, int64_t ns);

/* Follow the inputs ("ioapic") or outputs of a device; then ask for a line's level. */
void qtest_irq_intercept_in(QTest *q, const char *path);
void qtest_irq_intercept_out(QTest *q, const char *path);
bool qtest_irq(QTest *q, unsigned n);
void qtest_set_irq_in(QTest *q, const char *path, unsigned n, int level);

/* Send any line; the answer's text, g_free(). */
char *qtest_command(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/*
 * QMP, on a monitor that every test has. A request ("{'execute': 'stop'}" in
 * printf's manner) and its "return", which json_object_put() frees; an error
 * fails the test, except in the second, which gives the whole reply.
 */
struct json_object *qtest_qmp(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
struct json_object *qtest_qmp_reply(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* The same, and forget what it returns. */
void qtest_qmp_done(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Wait for the next event of that name that was not asked for yet; json_object_put(). */
struct json_object *qtest_qmp_event(QTest *q, const char *name);

/* A file that fw_cfg has for the firmware, below 1 MiB; g_free() */
uint8_t *qtest_fw_cfg_file(QTest *q, const char *name, uint32_t *size);

/* PCI on bus 0 through CF8/CFC. devfn is slot << 3 | function. */
uint32_t qpci_readl(QTest *q, unsigned devfn, unsigned offset);
uint16_t qpci_readw(QTest *q, unsigned devfn, unsigned offset);
uint8_t qpci_readb(QTest *q, unsigned devfn, unsigned offset);
void qpci_writel(QTest *q, unsigned devfn, unsigned offset, uint32_t value);
void qpci_writew(QTest *q, unsigned devfn, unsigned offset, uint16_t value);
void qpci_writeb(QTest *q, unsigned devfn, unsigned offset, uint8_t value);
/* The first function with that identity, -1 when there is none. */
int qpci_find(QTest *q, uint16_t vendor, uint16_t device);
/* Size BAR n, give it an address (memory from 0xe0000000, ports from 0xc000), return that. */
uint64_t qpci_map_bar(QTest *q, unsigned devfn, unsigned n);
/* Switch on I/O, memory and bus mastering. */
void qpci_enable(QTest *q, unsigned devfn);
/* Guest memory for the test's own use, zeroed; 16-byte aligned, from 1 MiB up. */
uint64_t qtest_alloc(QTest *q, size_t len);

/* Run fn as test "/path": once per file and test, before main() (libqtest has it). */
void qtest_add(const char *path, void (*fn)(void));
#define QTEST(path, fn)                                                                     \
    static void __attribute__((constructor)) qtest_add_##fn(void)                           \
    {                                                                                       \
        qtest_add(path, fn);                                                                \
    }

#endif

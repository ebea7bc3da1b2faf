/* A kernel of our own on the whole machine: report, traps, main */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1 says what fails; port 0xf4 (isa-debug-exit) gets the number of failures. */
#include "tests/boot/pc-kernel.h"
#include <stdarg.h>

void (*on_vector[256])(Regs *r);
uint64_t volatile resume;
int volatile fault;
uint32_t volatile fault_error;
static unsigned checks, failures;
void trap(Regs *r);
int kernel_main(void);

static void put(char c)
{
    while (!(in8(0x3fd) & 0x20)) {
    }
    out8(0x3f8, c);
}

static void put_number(uint64_t v, unsigned base)
{
    if (v >= base) {
        put_number(v / base, base);
    }
    put("0123456789abcdef"[v % base]);
}

void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(*fmt);
        } else if (*++fmt == 's') {
            for (const char *s = va_arg(ap, const char *); *s; s++) {
                put(*s);
            }
        } else {
            put_number(va_arg(ap, uint64_t), *fmt == 'x' ? 16 : 10);
        }
    }
    va_end(ap);
}

void check(bool ok, const char *what)
{
    checks++;
    if (!ok) {
        failures++;
        say("FAIL: %s\n", what);
    }
}

void trap(Regs *r)
{
    if (on_vector[r->vector]) {
        on_vector[r->vector](r);
    } else if ((r->vector < 32 || r->vector == 0x80) && resume) {
        fault = r->vector == 0x80 ? -1 : (int)r->vector;
        fault_error = r->error;
        r->rip = resume;
        if (r->cs & 3) {
            r->cs = 8;
            r->ss = 0x10;
            r->rsp = kernel_rsp;
        }
    } else {
        say("vector %x error %x at %x\n", r->vector, r->error, r->rip);
        out32(0xf4, 0x7f);
    }
}

int kernel_main(void)
{
    test_mmio();
    test_system();
    test_paging();
    test_apic();
    say("%u checks, %u failed\n", (uint64_t)checks, (uint64_t)failures);
    return failures ? 1 : 0x10;
}

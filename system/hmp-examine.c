/* Human commands that examine memory: x, xp, print, addresses, sums */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/accel.h"
#include "accel/debug.h"
#include "accel/soft/decode.h"
#include "accel/soft/disas.h"
#include "accel/soft/soft-cpu.h"
#include "memory/memory.h"
#include "monitor/hmp.h"
#include "system/hmp-machine.h"
#include "util/bswap.h"
#include "util/co-lock.h"

#define MAX_ITEMS 65536
#define INSN_MAX_BYTES 15
#define SUM_PIECE (1 << 20)

typedef struct Format {
    unsigned count, size;
    char kind;                  /* x, d, u, o, c; i: instructions, size 0 or that of their code */
} Format;

static bool parse_format(const char *text, Format *f, Error **errp)
{
    *f = (Format){ 1, 0, 'x' };
    if (!text) {
        f->size = 4;
        return true;
    }
    if (g_ascii_isdigit(*text)) {
        unsigned long count = strtoul(text, (char **)&text, 10);

        f->count = MIN(count, MAX_ITEMS);
    }
    for (; *text; text++) {
        if (strchr("xduoci", *text)) {
            f->kind = *text;
        } else if (strchr("bhwg", *text)) {
            f->size = 1 << (strchr("bhwg", *text) - "bhwg");
        } else {
            error_set(errp, "invalid char in format: '%c'; valid: a number, then x d u o c i, "
                      "then b h w g", *text);
            return false;
        }
    }
    if (f->kind == 'c') {
        f->size = 1;
    } else if (f->kind != 'i' && !f->size) {
        f->size = 4;
    }
    return true;
}

static void print_item(GString *out, const Format *f, uint64_t value)
{
    int64_t as_signed = (int64_t)(value << (64 - f->size * 8)) >> (64 - f->size * 8);

    switch (f->kind) {
    case 'd':
        g_string_append_printf(out, "%" PRId64, as_signed);
        break;
    case 'u':
        g_string_append_printf(out, "%" PRIu64, value);
        break;
    case 'o':
        g_string_append_printf(out, "%#" PRIo64, value);
        break;
    case 'c':
        g_string_append_printf(out, g_ascii_isprint(value) ? "'%c'" : "'\\x%02x'", (int)value);
        break;
    default:
        g_string_append_printf(out, "0x%0*" PRIx64, (int)f->size * 2, value);
        break;
    }
}

typedef struct Examine {
    Format f;
    uint64_t addr;
    unsigned code_mode;         /* for instructions: MODE_* of accel/soft */
    GString *out;
} Examine;

static bool read_guest(Vcpu *cpu, uint64_t addr, void *buf, size_t len)
{
    return cpu ? debug_mem_read(cpu, addr, buf, len) : mem_read(memory_space(), addr, buf, len);
}

/* Code may end where nothing is mapped. */
static unsigned read_code(Vcpu *cpu, uint64_t addr, uint8_t *bytes)
{
    unsigned n = INSN_MAX_BYTES;

    while (n && !read_guest(cpu, addr, bytes, n)) {
        n--;
    }
    return n;
}

static void disassemble(Vcpu *cpu, const Examine *e)
{
    uint64_t addr = e->addr;

    for (unsigned i = 0; i < e->f.count; i++) {
        uint8_t bytes[INSN_MAX_BYTES];
        unsigned avail = read_code(cpu, addr, bytes);
        char text[128];
        Insn insn;
        int len;

        if (!avail) {
            g_string_append_printf(e->out, "0x%08" PRIx64 ":  unable to read memory\n", addr);
            return;
        }
        len = insn_decode(&insn, bytes, avail, e->code_mode);
        if (len > 0) {
            insn_disas(text, sizeof(text), &insn, addr, e->code_mode);
        } else {
            snprintf(text, sizeof(text), ".byte    0x%02x", bytes[0]);
            len = 1;
        }
        insn_print_line(e->out, addr, bytes, len, text);
        addr += len;
    }
}

/* cpu NULL: by physical address. */
static void examine(Vcpu *cpu, void *opaque)
{
    const Examine *e = opaque;
    Format f = e->f;
    GString *out = e->out;
    uint64_t addr = e->addr;
    unsigned in_line;

    if (f.kind == 'i') {
        disassemble(cpu, e);
        return;
    }
    in_line = f.kind == 'c' ? 8 : 16 / f.size;
    for (unsigned i = 0; i < f.count; i++, addr += f.size) {
        uint64_t value = 0;
        bool ok = read_guest(cpu, addr, &value, f.size);

        if (i % in_line == 0) {
            g_string_append_printf(out, "%s%016" PRIx64 ":", i ? "\n" : "", addr);
        }
        if (!ok) {
            g_string_append_printf(out, " Cannot access memory\n");
            return;
        }
        g_string_append_c(out, ' ');
        print_item(out, &f, value);
    }
    g_string_append_c(out, '\n');
}

/* By the CPU's mode, or as the size letter says: h, w and g for 16, 32 and 64 bits. */
static bool co_take_code_mode(Examine *e, Vcpu *cpu, Error **errp)
{
    g_autofree CpuState *s = NULL;

    if (e->f.kind != 'i') {
        return true;
    }
    if (e->f.size) {
        e->code_mode = MODE_PE | (e->f.size == 8 ? MODE_CODE64 : e->f.size == 4 ? MODE_CODE32
                                                                              : MODE_CODE16);
        return true;
    }
    s = co_hmp_cpu_state(cpu, errp);
    if (!s) {
        return false;
    }
    e->code_mode = cpu_state_code64(s) ? MODE_CODE64
                 : s->seg[CPU_CS].attr & CPU_SEG_D ? MODE_CODE32 : MODE_CODE16;
    e->code_mode |= s->cr0 & 1 ? MODE_PE : 0;
    e->code_mode |= s->rflags & (1 << 17) && s->cr0 & 1 ? MODE_VM86 : 0;
    return true;
}

static void co_x(const Json *args, GString *out, Error **errp)
{
    Examine e = { .addr = hmp_int(args, "addr"), .out = out };
    Vcpu *cpu = hmp_current_cpu(errp);

    if (cpu && parse_format(hmp_str(args, "fmt"), &e.f, errp) &&
        co_take_code_mode(&e, cpu, errp)) {
        co_hmp_on_cpu(cpu, examine, &e);
    }
}

static void co_xp(const Json *args, GString *out, Error **errp)
{
    Examine e = { .addr = hmp_int(args, "addr"), .out = out };
    Vcpu *cpu;

    if (!parse_format(hmp_str(args, "fmt"), &e.f, errp)) {
        return;
    }
    cpu = e.f.kind == 'i' && !e.f.size ? hmp_current_cpu(errp) : NULL;
    if ((e.f.kind != 'i' || e.f.size || cpu) && co_take_code_mode(&e, cpu, errp)) {
        examine(NULL, &e);
    }
}

static void co_print(const Json *args, GString *out, Error **errp)
{
    Format f;

    if (parse_format(hmp_str(args, "fmt"), &f, errp)) {
        f.size = 8;
        if (f.kind == 'x') {
            g_string_append_printf(out, "%#" PRIx64, hmp_int(args, "val"));
        } else {
            print_item(out, &f, hmp_int(args, "val"));
        }
        g_string_append_c(out, '\n');
    }
}

static void translate(Vcpu *cpu, void *opaque)
{
    const Examine *e = opaque;
    uint64_t phys;

    if (debug_translate(cpu, e->addr, &phys)) {
        g_string_append_printf(e->out, "gpa: %#" PRIx64 "\n", phys);
    } else {
        g_string_append(e->out, "Unmapped\n");
    }
}

static void co_gva2gpa(const Json *args, GString *out, Error **errp)
{
    Examine e = { .addr = hmp_int(args, "addr"), .out = out };
    Vcpu *cpu = hmp_current_cpu(errp);

    if (cpu) {
        co_hmp_on_cpu(cpu, translate, &e);
    }
}

static bool find_host(uint64_t addr, RamHit *hit, Error **errp)
{
    if (!mem_lookup_ram(memory_space(), addr, hit)) {
        error_set(errp, "No memory is mapped at address 0x%" PRIx64, addr);
        return false;
    }
    return true;
}

static void co_gpa2hva(const Json *args, GString *out, Error **errp)
{
    uint64_t addr = hmp_int(args, "addr");
    RamHit hit;

    if (find_host(addr, &hit, errp)) {
        g_string_append_printf(out, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", addr,
                               hit.block->name, (void *)hit.host);
    }
}

/* BSD's 16-bit checksum. Of a long range in pieces, between which others have their turn. */
static void co_sum_of(const Json *args, GString *out, Error **errp)
{
    uint64_t addr = hmp_int(args, "addr"), size = hmp_int(args, "size");
    uint16_t sum = 0;

    if (size > 1ULL << 32) {
        error_set(errp, "size: at most 4 GiB can be summed up");
        return;
    }
    while (size) {
        RamHit hit;
        /* Devices are not read: that may change them. */
        bool ok = mem_lookup_ram(memory_space(), addr, &hit);
        uint64_t n = MIN(MIN(size, ok ? hit.len : 1), SUM_PIECE);

        for (uint64_t i = 0; i < n; i++) {
            sum = (uint16_t)(sum >> 1 | sum << 15) + (ok ? hit.host[i] : 0xff);
        }
        addr += n;
        size -= n;
        co_sleep(CLOCK_TYPE_REALTIME, 0);
    }
    g_string_append_printf(out, "%05d\n", sum);
}

/* --- "$rip" --- */

static bool gpr_index(const char *name, unsigned *index)
{
    static const char *const names[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
    char *end;
    uint64_t n;

    if (*name != 'r' && *name != 'e') {
        return false;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name + 1, names[i])) {
            *index = i;
            return true;
        }
    }
    n = g_ascii_strtoull(name + 1, &end, 10);
    *index = n;
    return *name == 'r' && g_ascii_isdigit(name[1]) && !*end && n >= 8 && n < 16;
}

static bool segment_register(const CpuState *s, const char *name, uint64_t *value)
{
    static const char *const names[] = { "es", "cs", "ss", "ds", "fs", "gs" };

    for (unsigned i = 0; i < CPU_NR_SEGS; i++) {
        if (!g_str_has_prefix(name, names[i])) {
            continue;
        }
        if (!name[2] || !strcmp(name + 2, ".base")) {
            *value = name[2] ? s->seg[i].base : s->seg[i].sel;
            return true;
        }
    }
    return false;
}

static bool find_register(const CpuState *s, const char *name, uint64_t *value)
{
    const struct {
        const char *name;
        uint64_t value;
    } others[] = {
        { "pc", s->rip + (cpu_state_code64(s) ? 0 : s->seg[CPU_CS].base) },
        { "rip", s->rip }, { "eip", s->rip }, { "eflags", s->rflags }, { "rflags", s->rflags },
        { "cr0", s->cr0 }, { "cr2", s->cr2 }, { "cr3", s->cr3 }, { "cr4", s->cr4 },
        { "cr8", s->cr8 }, { "efer", s->efer },
    };
    unsigned index;

    if (gpr_index(name, &index)) {
        *value = *name == 'e' ? (uint32_t)s->gpr[index] : s->gpr[index];
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        if (!strcmp(name, others[i].name)) {
            *value = others[i].value;
            return true;
        }
    }
    return segment_register(s, name, value);
}

bool co_hmp_register(const char *name, uint64_t *value, Error **errp)
{
    Vcpu *cpu = hmp_current_cpu(errp);
    g_autofree CpuState *s = cpu ? co_hmp_cpu_state(cpu, errp) : NULL;

    if (s && !find_register(s, name, value)) {
        error_set(errp, "unknown register");
        return false;
    }
    return s;
}

static const HmpCommand rows[] = {
    { "x", "/FMT ADDR", "guest memory, by virtual address; /10i shows instructions",
      { { "fmt", HMP_FORMAT, true }, { "addr", HMP_INT } }, .co_run = co_x },
    { "xp", "/FMT ADDR", "guest memory, by physical address",
      { { "fmt", HMP_FORMAT, true }, { "addr", HMP_INT } }, .co_run = co_xp },
    { "print|p", "/FMT EXPR", "a number in other forms; $REG is a register",
      { { "fmt", HMP_FORMAT, true }, { "val", HMP_INT } }, .co_run = co_print },
    { "gva2gpa", "ADDR", "the physical address of a virtual one", { { "addr", HMP_INT } },
      .co_run = co_gva2gpa },
    { "gpa2hva", "ADDR", "where in the program's memory a physical address is",
      { { "addr", HMP_INT } }, .co_run = co_gpa2hva },
    { "sum", "ADDR SIZE", "a checksum of guest memory",
      { { "addr", HMP_INT }, { "size", HMP_INT } }, .co_run = co_sum_of },
    { }
};
static const HmpTable table = { rows, false };
REGISTER_HMP(table)

/* gdb's view of a CPU's registers: numbers, values, the target description */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "system/gdb-regs.h"
#include "accel/debug.h"

#define CR0_PE    1u
#define RFLAGS_VM (1u << 17)
#define MSR_KERNEL_GS_BASE 0xc0000102u

/* Components of the XSAVE image */
#define XSTATE_X87 1u
#define XSTATE_SSE 2u
#define XSTATE_YMM 4u

typedef enum RegKind {
    KIND_GPR, KIND_RIP, KIND_FLAGS, KIND_SEG, KIND_ST, KIND_FPU, KIND_XMM, KIND_MXCSR,
    KIND_YMM_HIGH, KIND_SEG_BASE, KIND_K_GS_BASE, KIND_CR, KIND_EFER,
} RegKind;

typedef struct Reg {
    const char *feature;
    char name[12];
    RegKind kind;
    uint8_t index, size;
    const char *type, *group;   /* group NULL: gdb chooses */
} Reg;

/* What gdb knows by name (GDB manual, G.5.6), and what it only shows. */
#define CORE     "org.gnu.gdb.i386.core"
#define SSE      "org.gnu.gdb.i386.sse"
#define AVX      "org.gnu.gdb.i386.avx"
#define SEGMENTS "org.gnu.gdb.i386.segments"
#define SYSTEM   "org.mica.gdb.i386.system"

static void add(GdbRegs *regs, const char *feature, const char *name, RegKind kind, unsigned index,
                unsigned size, const char *type, const char *group)
{
    Reg reg = { .feature = feature, .kind = kind, .index = index, .size = size, .type = type,
                .group = group };

    g_strlcpy(reg.name, name, sizeof(reg.name));
    g_array_append_val(regs->list, reg);
}

static void add_numbered(GdbRegs *regs, const char *feature, const char *format, unsigned count,
                         RegKind kind, unsigned size, const char *type, const char *group)
{
    for (unsigned i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof(name), format, i);
        add(regs, feature, name, kind, i, size, type, group);
    }
}

static void add_integers(GdbRegs *regs)
{
    static const struct { const char *name; uint8_t index; } order64[] = {
        { "rax", CPU_RAX }, { "rbx", CPU_RBX }, { "rcx", CPU_RCX }, { "rdx", CPU_RDX },
        { "rsi", CPU_RSI }, { "rdi", CPU_RDI }, { "rbp", CPU_RBP }, { "rsp", CPU_RSP },
        { "r8", CPU_R8 }, { "r9", CPU_R9 }, { "r10", CPU_R10 }, { "r11", CPU_R11 },
        { "r12", CPU_R12 }, { "r13", CPU_R13 }, { "r14", CPU_R14 }, { "r15", CPU_R15 },
    }, order32[] = {
        { "eax", CPU_RAX }, { "ecx", CPU_RCX }, { "edx", CPU_RDX }, { "ebx", CPU_RBX },
        { "esp", CPU_RSP }, { "ebp", CPU_RBP }, { "esi", CPU_RSI }, { "edi", CPU_RDI },
    }, segs[] = {
        { "cs", CPU_CS }, { "ss", CPU_SS }, { "ds", CPU_DS }, { "es", CPU_ES }, { "fs", CPU_FS },
        { "gs", CPU_GS },
    };
    bool wide = regs->long_mode;
    unsigned count = wide ? ARRAY_SIZE(order64) : ARRAY_SIZE(order32), size = wide ? 8 : 4;

    for (unsigned i = 0; i < count; i++) {
        unsigned index = wide ? order64[i].index : order32[i].index;
        bool pointer = index == CPU_RSP || index == CPU_RBP;

        add(regs, CORE, wide ? order64[i].name : order32[i].name, KIND_GPR, index, size,
            pointer ? "data_ptr" : wide ? "int64" : "int32", NULL);
    }
    add(regs, CORE, wide ? "rip" : "eip", KIND_RIP, 0, size, "code_ptr", NULL);
    add(regs, CORE, "eflags", KIND_FLAGS, 0, 4, "i386_eflags", NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(segs); i++) {
        add(regs, CORE, segs[i].name, KIND_SEG, segs[i].index, 4, "int32", NULL);
    }
}

enum { FPU_CTRL, FPU_STAT, FPU_TAG, FPU_ISEG, FPU_IOFF, FPU_OSEG, FPU_OOFF, FPU_OP };

void gdb_regs_init(GdbRegs *regs, bool long_mode, bool avx)
{
    static const char *const fpu[] = { "fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg",
                                       "fooff", "fop" };
    static const struct { const char *name, *type; uint8_t index; } crs[] = {
        { "cr0", "x86_cr0", 0 }, { "cr2", "int64", 2 }, { "cr3", "int64", 3 },
        { "cr4", "x86_cr4", 4 }, { "cr8", "int64", 8 },
    };
    unsigned vectors = long_mode ? 16 : 8;

    regs->long_mode = long_mode;
    regs->avx = avx;
    regs->list = g_array_new(false, false, sizeof(Reg));
    /* Up to MXCSR the numbers are those that gdb takes without a description, too. */
    add_integers(regs);
    add_numbered(regs, CORE, "st%u", 8, KIND_ST, 10, "i387_ext", NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(fpu); i++) {
        add(regs, CORE, fpu[i], KIND_FPU, i, 4, "int", "float");
    }
    add_numbered(regs, SSE, "xmm%u", vectors, KIND_XMM, 16, "vec128", NULL);
    add(regs, SSE, "mxcsr", KIND_MXCSR, 0, 4, "i386_mxcsr", "vector");
    if (avx) {
        add_numbered(regs, AVX, "ymm%uh", vectors, KIND_YMM_HIGH, 16, "uint128", NULL);
    }
    add(regs, long_mode ? SEGMENTS : SYSTEM, "fs_base", KIND_SEG_BASE, CPU_FS, 8, "int64", NULL);
    add(regs, long_mode ? SEGMENTS : SYSTEM, "gs_base", KIND_SEG_BASE, CPU_GS, 8, "int64", NULL);
    add(regs, SYSTEM, "k_gs_base", KIND_K_GS_BASE, 0, 8, "int64", "system");
    for (unsigned i = 0; i < ARRAY_SIZE(crs); i++) {
        add(regs, SYSTEM, crs[i].name, KIND_CR, crs[i].index, 8, crs[i].type, "system");
    }
    add(regs, SYSTEM, "efer", KIND_EFER, 0, 8, "x86_efer", "system");
}

void gdb_regs_destroy(GdbRegs *regs)
{
    g_clear_pointer(&regs->list, g_array_unref);
}

unsigned gdb_regs_count(const GdbRegs *regs)
{
    return regs->list->len;
}

static const Reg *reg_at(const GdbRegs *regs, unsigned n)
{
    return &g_array_index(regs->list, Reg, n);
}

unsigned gdb_reg_size(const GdbRegs *regs, unsigned n)
{
    return reg_at(regs, n)->size;
}

/* --- the FPU's image --- */

static uint64_t field(const CpuState *s, unsigned offset, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, s->xsave + offset, size);
    return v;
}

static void set_field(CpuState *s, unsigned offset, unsigned size, uint64_t v)
{
    memcpy(s->xsave + offset, &v, size);
}

/* A component that is not marked as present has its initial values, whatever the image says. */
static void make_present(CpuState *s, uint64_t component)
{
    uint64_t present = field(s, CPU_XSAVE_HEADER, 8);

    if (present & component) {
        return;
    }
    if (component == XSTATE_X87) {
        memset(s->xsave, 0, CPU_XSAVE_MXCSR);
        memset(s->xsave + CPU_XSAVE_ST, 0, CPU_XSAVE_XMM - CPU_XSAVE_ST);
        set_field(s, CPU_XSAVE_FCW, 2, 0x37f);
    } else if (component == XSTATE_SSE) {
        memset(s->xsave + CPU_XSAVE_XMM, 0, 256);
    } else {
        memset(s->xsave + CPU_XSAVE_YMM_HIGH, 0, 256);
    }
    set_field(s, CPU_XSAVE_HEADER, 8, present | component);
}

/* gdb shows two bits a register: valid, zero, special, empty (SDM vol. 1, 8.1.7). */
static uint16_t full_tags(const CpuState *s)
{
    unsigned top = field(s, CPU_XSAVE_FSW, 2) >> 11 & 7, in_use = field(s, CPU_XSAVE_FTW, 1);
    uint16_t tags = 0;

    for (unsigned r = 0; r < 8; r++) {
        unsigned at = CPU_XSAVE_ST + 16 * ((r - top) & 7), tag;
        uint64_t mantissa = field(s, at, 8);
        unsigned exponent = field(s, at + 8, 2) & 0x7fff;

        if (!(in_use >> r & 1)) {
            tag = 3;
        } else if (!exponent && !mantissa) {
            tag = 1;
        } else {
            tag = !exponent || exponent == 0x7fff || !(mantissa >> 63) ? 2 : 0;
        }
        tags |= tag << (2 * r);
    }
    return tags;
}

static uint32_t get_fpu(const CpuState *s, unsigned index)
{
    switch (index) {
    case FPU_CTRL: return field(s, CPU_XSAVE_FCW, 2);
    case FPU_STAT: return field(s, CPU_XSAVE_FSW, 2);
    case FPU_TAG: return full_tags(s);
    case FPU_ISEG: return field(s, CPU_XSAVE_FIP + 4, 2);
    case FPU_IOFF: return field(s, CPU_XSAVE_FIP, 4);
    case FPU_OSEG: return field(s, CPU_XSAVE_FDP + 4, 2);
    case FPU_OOFF: return field(s, CPU_XSAVE_FDP, 4);
    default: return field(s, CPU_XSAVE_FOP, 2);
    }
}

static void set_fpu(CpuState *s, unsigned index, uint32_t v)
{
    uint8_t in_use = 0;

    switch (index) {
    case FPU_CTRL: set_field(s, CPU_XSAVE_FCW, 2, v); break;
    case FPU_STAT: set_field(s, CPU_XSAVE_FSW, 2, v); break;
    case FPU_TAG:
        for (unsigned r = 0; r < 8; r++) {
            in_use |= ((v >> (2 * r) & 3) != 3) << r;
        }
        set_field(s, CPU_XSAVE_FTW, 1, in_use);
        break;
    case FPU_ISEG: set_field(s, CPU_XSAVE_FIP + 4, 2, v); break;
    case FPU_IOFF: set_field(s, CPU_XSAVE_FIP, 4, v); break;
    case FPU_OSEG: set_field(s, CPU_XSAVE_FDP + 4, 2, v); break;
    case FPU_OOFF: set_field(s, CPU_XSAVE_FDP, 4, v); break;
    default: set_field(s, CPU_XSAVE_FOP, 2, v & 0x7ff); break;
    }
}

/* --- values --- */

static uint64_t *control(CpuState *s, unsigned index)
{
    switch (index) {
    case 0: return &s->cr0;
    case 2: return &s->cr2;
    case 3: return &s->cr3;
    case 4: return &s->cr4;
    default: return &s->cr8;
    }
}

/* Outside 64-bit code only the low halves of the first eight are to be seen. */
static bool half_seen(const GdbRegs *regs, const CpuState *s)
{
    return regs->long_mode && !cpu_state_code64(s);
}

static uint64_t get_value(const GdbRegs *regs, const CpuState *s, const Reg *reg)
{
    uint64_t v;

    switch (reg->kind) {
    case KIND_GPR:
        v = s->gpr[reg->index];
        return !half_seen(regs, s) ? v : reg->index < 8 ? (uint32_t)v : 0;
    case KIND_RIP:
        return half_seen(regs, s) ? (uint32_t)s->rip : s->rip;
    case KIND_FLAGS:
        return s->rflags;
    case KIND_SEG:
        return s->seg[reg->index].sel;
    case KIND_FPU:
        return get_fpu(s, reg->index);
    case KIND_MXCSR:
        return field(s, CPU_XSAVE_MXCSR, 4);
    case KIND_SEG_BASE:
        return s->seg[reg->index].base;
    case KIND_K_GS_BASE:
        cpu_state_msr(s, MSR_KERNEL_GS_BASE, &v);
        return v;
    case KIND_CR:
        return *control((CpuState *)s, reg->index);
    case KIND_EFER:
        return s->efer;
    default:
        return 0;
    }
}

/* Where the registers that are wider than 8 bytes lie; 0: it is none of them. */
static unsigned image_offset(const Reg *reg, unsigned *component)
{
    switch (reg->kind) {
    case KIND_ST:
        *component = XSTATE_X87;
        return CPU_XSAVE_ST + 16 * reg->index;
    case KIND_XMM:
        *component = XSTATE_SSE;
        return CPU_XSAVE_XMM + 16 * reg->index;
    case KIND_YMM_HIGH:
        *component = XSTATE_YMM;
        return CPU_XSAVE_YMM_HIGH + 16 * reg->index;
    case KIND_FPU:
        *component = XSTATE_X87;
        return 0;
    default:
        *component = 0;
        return 0;
    }
}

void gdb_reg_get(const GdbRegs *regs, const CpuState *s, unsigned n, void *buf)
{
    const Reg *reg = reg_at(regs, n);
    unsigned component, offset = image_offset(reg, &component);
    uint64_t v;

    if (component && !(field(s, CPU_XSAVE_HEADER, 8) & component)) {
        g_autofree CpuState *copy = g_memdup2(s, sizeof(*s));

        make_present(copy, component);
        gdb_reg_get(regs, copy, n, buf);
        return;
    }
    if (offset) {
        memcpy(buf, s->xsave + offset, reg->size);
        return;
    }
    v = get_value(regs, s, reg);
    memcpy(buf, &v, reg->size);
}

/* As a load of the selector would, but without its checks. False: there is no such descriptor. */
static bool load_segment(Vcpu *cpu, CpuState *s, unsigned index, uint16_t sel)
{
    CpuSegment *seg = &s->seg[index];
    uint64_t base = s->gdt.base, limit = s->gdt.limit, d;

    if (sel == seg->sel) {
        return true;
    }
    if (!(s->cr0 & CR0_PE) || (s->rflags & RFLAGS_VM)) {
        seg->sel = sel;
        seg->base = (uint64_t)sel << 4;
        return true;
    }
    if (!(sel & ~3)) {
        *seg = (CpuSegment){ .sel = sel };
        return index != CPU_CS;
    }
    if (sel & 4) {
        base = s->ldt.base;
        limit = s->ldt.limit;
    }
    if ((sel | 7u) > limit || !cpu || !debug_mem_read(cpu, base + (sel & ~7), &d, 8)) {
        return false;
    }
    *seg = (CpuSegment){
        .sel = sel, .attr = d >> 40 & 0xf0ff,
        .base = (d >> 16 & 0xffffff) | (d >> 56) << 24,
        .limit = (d & 0xffff) | (d >> 32 & 0xf0000),
    };
    if (d >> 55 & 1) {
        seg->limit = seg->limit << 12 | 0xfff;
    }
    return true;
}

static bool set_value(const GdbRegs *regs, Vcpu *cpu, CpuState *s, const Reg *reg, uint64_t v)
{
    switch (reg->kind) {
    case KIND_GPR:
        if (!half_seen(regs, s) && regs->long_mode) {
            s->gpr[reg->index] = v;
        } else if (reg->index < 8) {
            s->gpr[reg->index] = (s->gpr[reg->index] & ~0xffffffffULL) | (uint32_t)v;
        }
        return true;
    case KIND_RIP:
        s->rip = half_seen(regs, s) ? (uint32_t)v : v;
        return true;
    case KIND_FLAGS:
        s->rflags = v | 2;
        return true;
    case KIND_SEG:
        return v <= 0xffff && load_segment(cpu, s, reg->index, v);
    case KIND_FPU:
        set_fpu(s, reg->index, v);
        return true;
    case KIND_MXCSR:
        if (v & ~0xffffULL) {
            return false;
        }
        set_field(s, CPU_XSAVE_MXCSR, 4, v);
        return true;
    case KIND_SEG_BASE:
        s->seg[reg->index].base = v;
        return true;
    case KIND_K_GS_BASE:
        return cpu_state_set_msr(s, MSR_KERNEL_GS_BASE, v);
    case KIND_CR:
        *control(s, reg->index) = v;
        return true;
    case KIND_EFER:
        s->efer = v;
        return true;
    default:
        return false;
    }
}

bool gdb_reg_set(const GdbRegs *regs, Vcpu *cpu, CpuState *s, unsigned n, const void *buf)
{
    const Reg *reg = reg_at(regs, n);
    unsigned component, offset = image_offset(reg, &component);
    uint64_t v = 0;

    if (component) {
        make_present(s, component);
    }
    if (offset) {
        memcpy(s->xsave + offset, buf, reg->size);
        return true;
    }
    memcpy(&v, buf, reg->size);
    return set_value(regs, cpu, s, reg, v);
}

/* --- the description --- */

typedef struct Bit {
    const char *name;
    uint8_t start, end;
} Bit;

static const Bit eflags_bits[] = {
    { "CF", 0, 0 }, { "", 1, 1 }, { "PF", 2, 2 }, { "AF", 4, 4 }, { "ZF", 6, 6 }, { "SF", 7, 7 },
    { "TF", 8, 8 }, { "IF", 9, 9 }, { "DF", 10, 10 }, { "OF", 11, 11 }, { "IOPL", 12, 13 },
    { "NT", 14, 14 }, { "RF", 16, 16 }, { "VM", 17, 17 }, { "AC", 18, 18 }, { "VIF", 19, 19 },
    { "VIP", 20, 20 }, { "ID", 21, 21 }, { NULL },
};
static const Bit mxcsr_bits[] = {
    { "IE", 0, 0 }, { "DE", 1, 1 }, { "ZE", 2, 2 }, { "OE", 3, 3 }, { "UE", 4, 4 }, { "PE", 5, 5 },
    { "DAZ", 6, 6 }, { "IM", 7, 7 }, { "DM", 8, 8 }, { "ZM", 9, 9 }, { "OM", 10, 10 },
    { "UM", 11, 11 }, { "PM", 12, 12 }, { "RC", 13, 14 }, { "FZ", 15, 15 }, { NULL },
};
static const Bit cr0_bits[] = {
    { "PE", 0, 0 }, { "MP", 1, 1 }, { "EM", 2, 2 }, { "TS", 3, 3 }, { "ET", 4, 4 }, { "NE", 5, 5 },
    { "WP", 16, 16 }, { "AM", 18, 18 }, { "NW", 29, 29 }, { "CD", 30, 30 }, { "PG", 31, 31 },
    { NULL },
};
static const Bit cr4_bits[] = {
    { "VME", 0, 0 }, { "PVI", 1, 1 }, { "TSD", 2, 2 }, { "DE", 3, 3 }, { "PSE", 4, 4 },
    { "PAE", 5, 5 }, { "MCE", 6, 6 }, { "PGE", 7, 7 }, { "PCE", 8, 8 }, { "OSFXSR", 9, 9 },
    { "OSXMMEXCPT", 10, 10 }, { "UMIP", 11, 11 }, { "LA57", 12, 12 }, { "VMXE", 13, 13 },
    { "SMXE", 14, 14 }, { "FSGSBASE", 16, 16 }, { "PCIDE", 17, 17 }, { "OSXSAVE", 18, 18 },
    { "SMEP", 20, 20 }, { "SMAP", 21, 21 }, { "PKE", 22, 22 }, { NULL },
};
static const Bit efer_bits[] = {
    { "SCE", 0, 0 }, { "LME", 8, 8 }, { "LMA", 10, 10 }, { "NXE", 11, 11 }, { "SVME", 12, 12 },
    { "FFXSR", 14, 14 }, { NULL },
};

static void put_flags(GString *xml, const char *id, unsigned size, const Bit *bits)
{
    g_string_append_printf(xml, "<flags id=\"%s\" size=\"%u\">", id, size);
    for (; bits->name; bits++) {
        g_string_append_printf(xml, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", bits->name,
                               bits->start, bits->end);
    }
    g_string_append(xml, "</flags>");
}

static void put_vector_types(GString *xml)
{
    static const struct { const char *id, *type, *field; unsigned count; } vectors[] = {
        { "v4f", "ieee_single", "v4_float", 4 }, { "v2d", "ieee_double", "v2_double", 2 },
        { "v16i8", "int8", "v16_int8", 16 }, { "v8i16", "int16", "v8_int16", 8 },
        { "v4i32", "int32", "v4_int32", 4 }, { "v2i64", "int64", "v2_int64", 2 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        g_string_append_printf(xml, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>", vectors[i].id,
                               vectors[i].type, vectors[i].count);
    }
    g_string_append(xml, "<union id=\"vec128\">");
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        g_string_append_printf(xml, "<field name=\"%s\" type=\"%s\"/>", vectors[i].field,
                               vectors[i].id);
    }
    g_string_append(xml, "<field name=\"uint128\" type=\"uint128\"/></union>");
}

/* The types of a feature are described in it. */
static void begin_feature(GString *xml, const char *feature)
{
    g_string_append_printf(xml, "<feature name=\"%s\">", feature);
    if (!strcmp(feature, CORE)) {
        put_flags(xml, "i386_eflags", 4, eflags_bits);
    } else if (!strcmp(feature, SSE)) {
        put_vector_types(xml);
        put_flags(xml, "i386_mxcsr", 4, mxcsr_bits);
    } else if (!strcmp(feature, SYSTEM)) {
        put_flags(xml, "x86_cr0", 8, cr0_bits);
        put_flags(xml, "x86_cr4", 8, cr4_bits);
        put_flags(xml, "x86_efer", 8, efer_bits);
    }
}

char *gdb_regs_xml(const GdbRegs *regs)
{
    GString *xml = g_string_new("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
                                "<target>");
    const char *feature = NULL;

    g_string_append_printf(xml, "<architecture>%s</architecture>",
                           regs->long_mode ? "i386:x86-64" : "i386");
    for (unsigned n = 0; n < gdb_regs_count(regs); n++) {
        const Reg *reg = reg_at(regs, n);

        if (reg->feature != feature) {
            g_string_append(xml, feature ? "</feature>" : "");
            feature = reg->feature;
            begin_feature(xml, feature);
        }
        g_string_append_printf(xml, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"",
                               reg->name, reg->size * 8, reg->type, n);
        if (reg->group) {
            g_string_append_printf(xml, " group=\"%s\"", reg->group);
        }
        g_string_append(xml, "/>");
    }
    g_string_append(xml, "</feature></target>");
    return g_string_free(xml, false);
}

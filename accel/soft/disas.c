/* Insn to text, AT&T syntax, by the instruction table */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/disas.h"
#include "accel/soft/soft-cpu.h"

typedef struct Out {
    char *buf;
    size_t size, len;
    const Insn *i;
    const InsnInfo *info;
    uint64_t pc;
    unsigned mode;      /* MODE_CODE* */
} Out;

static PRINTF_FORMAT(2, 3) void put(Out *o, const char *fmt, ...)
{
    size_t room = o->size - o->len;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(o->buf + o->len, room, fmt, ap);
    va_end(ap);
    o->len += MIN((size_t)MAX(n, 0), room - 1);
}

static const char *const seg_names[] = { "es", "cs", "ss", "ds", "fs", "gs" };

static void put_gpr(Out *o, unsigned reg, unsigned size)
{
    static const char *const legacy[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
    static const char *const high[] = { "ah", "ch", "dh", "bh" };

    put(o, "%%");
    if (reg >= 8) {
        put(o, "r%u%s", reg, size == 8 ? "" : size == 4 ? "d" : size == 2 ? "w" : "b");
    } else if (size > 1) {
        put(o, "%s%s", size == 8 ? "r" : size == 4 ? "e" : "", legacy[reg]);
    } else if (reg < 4) {
        put(o, "%cl", legacy[reg][0]);
    } else if (o->i->rex & 0x40) {
        put(o, "%sl", legacy[reg]);
    } else {
        put(o, "%s", high[reg - 4]);
    }
}

static void put_signed_hex(Out *o, int64_t v)
{
    put(o, "%s0x%" PRIx64, v < 0 ? "-" : "", v < 0 ? -(uint64_t)v : (uint64_t)v);
}

/* seg: when overridden. In 64-bit code only FS and GS mean anything. */
static void put_seg(Out *o)
{
    const Insn *i = o->i;

    if ((i->prefix & PFX_SEG) && (o->mode != MODE_CODE64 || i->seg >= S_FS)) {
        put(o, "%%%s:", seg_names[i->seg]);
    }
}

static void put_mem(Out *o)
{
    const Insn *i = o->i;
    bool vsib = o->info->attr & A_VSIB;

    put_seg(o);
    if (i->flags & INSN_RIP_REL) {
        put_signed_hex(o, i->disp);
        put(o, "(%%%s)", i->adsz == 8 ? "rip" : "eip");
        return;
    }
    if (i->base == R_NONE && i->index == R_NONE) {
        uint64_t mask = i->adsz == 8 ? ~0ull : 0xffffffff;

        if (i->adsz == 2) {
            put_signed_hex(o, i->disp);
        } else {
            put(o, "0x%" PRIx64, (uint64_t)(int64_t)i->disp & mask);
        }
        return;
    }
    if (i->disp || i->modrm >> 6 || i->base == R_NONE) {
        put_signed_hex(o, i->disp);
    }
    put(o, "(");
    if (i->base != R_NONE) {
        put_gpr(o, i->base, i->adsz);
    }
    if (i->index != R_NONE) {
        put(o, ",");
        if (vsib) {
            put(o, "%%%s%u", i->vl == 32 && !(o->info->attr & A_VSIBH) ? "ymm" : "xmm", i->index);
        } else {
            put_gpr(o, i->index, i->adsz);
        }
        if (i->adsz != 2) {
            put(o, ",%u", 1u << i->scale);
        }
    }
    put(o, ")");
}

static void put_vec(Out *o, unsigned reg, unsigned size)
{
    put(o, "%%%s%u", size == 32 ? "ymm" : "xmm", reg);
}

static void put_imm(Out *o, unsigned opnd)
{
    const Insn *i = o->i;
    uint64_t v = i->imm;
    /* what an immediate is extended to: the operand size, or its own */
    unsigned size = opnd == O_Ib ? 1 : opnd == O_Iw ? 2 : i->opsz;

    if (opnd == O_Ib && o->info->opnd[0] == O_Iw) {
        v >>= 16;
    }
    v &= size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
    put(o, "$0x%" PRIx64, v);
}

static void put_target(Out *o)
{
    const Insn *i = o->i;
    uint64_t to = o->pc + i->len + i->imm;

    put(o, "0x%" PRIx64, i->opsz == 8 ? to : i->opsz == 4 ? (uint32_t)to : (uint16_t)to);
}

static void put_string_operand(Out *o, unsigned kind)
{
    const Insn *i = o->i;

    if (kind == K_STRDST) {
        put(o, "%%es:(");
    } else {
        put(o, "%%%s:(", seg_names[i->seg]);
    }
    put_gpr(o, kind == K_STRDST ? R_DI : R_SI, i->adsz);
    put(o, ")");
}

static void put_fixed(Out *o, unsigned opnd)
{
    switch (opnd) {
    case O_AL:
        put(o, "%%al");
        break;
    case O_CL:
        put(o, "%%cl");
        break;
    case O_AX:
        put(o, "%%ax");
        break;
    case O_DX:
        put(o, "(%%dx)");
        break;
    case O_rAX:
        put_gpr(o, R_AX, o->i->opsz);
        break;
    }
}

/* Registers that objdump shows wider than they are used. */
static unsigned shown_size(const Out *o, unsigned size)
{
    unsigned op = o->i->op;

    if (op == OP_MOV_Sw_Ew || op == OP_LAR_Gv_Ew || op == OP_LSL_Gv_Ew) {
        bool op16 = (o->mode == MODE_CODE16) != !!(o->i->prefix & PFX_OPSIZE);

        return o->i->rex & 8 ? 8 : op16 ? 2 : 4;
    }
    return size;
}

/* REX.W with a 32-bit result: CRC32, and the mask moves. */
static bool shows_wide(const Out *o)
{
    const Insn *i = o->i;

    return o->mode == MODE_CODE64 && (i->rex & 8) &&
           (i->map == MAP_0F38 || i->opcode == 0x50 || i->opcode == 0xd7);
}

static void put_rm(Out *o, unsigned size)
{
    size = shown_size(o, size);
    if (o->i->flags & INSN_MEM) {
        put_mem(o);
    } else {
        put_gpr(o, o->i->rm, size);
    }
}

static void put_operand(Out *o, unsigned n)
{
    const Insn *i = o->i;
    unsigned opnd = o->info->opnd[n], kind = opnd_info[opnd].kind;
    unsigned size = insn_opnd_size(i, n);
    bool mem = i->flags & INSN_MEM;

    switch (kind) {
    case K_GREG:
    case K_ZREG:
        put_gpr(o, i->reg, opnd == O_Gd && shows_wide(o) ? 8 : size);
        break;
    case K_RM:
    case K_RMREG:
        put_rm(o, size);
        break;
    case K_MEM:
    case K_VSIB:
        put_mem(o);
        break;
    case K_MOFFS:
        put_seg(o);
        put(o, "0x%" PRIx64, i->imm);
        break;
    case K_VVVVREG:
        put_gpr(o, i->vvvv, size);
        break;
    case K_FIXED:
        put_fixed(o, opnd);
        break;
    case K_IMM:
    case K_SIMM:
        put_imm(o, opnd);
        break;
    case K_REL:
        put_target(o);
        break;
    case K_FAR:
        put(o, "$0x%x,$0x%x", (unsigned)(i->imm >> 32), (unsigned)i->imm);
        break;
    case K_SREG:
        put(o, "%%%s", seg_names[i->reg]);
        break;
    case K_FIXSREG:
        put(o, "%%%s", seg_names[opnd - O_ES]);
        break;
    case K_CREG:
        put(o, "%%cr%u", i->reg);
        break;
    case K_DREG:
        put(o, "%%db%u", i->reg);
        break;
    case K_STRSRC:
    case K_STRDST:
        put_string_operand(o, kind);
        break;
    case K_XREG:
        put_vec(o, i->reg, size);
        break;
    case K_XVVVV:
        put_vec(o, i->vvvv, size);
        break;
    case K_XIS4:
        put_vec(o, i->imm >> 4, size);
        break;
    case K_XRM:
    case K_XRMREG:
        mem ? put_mem(o) : put_vec(o, i->rm, size);
        break;
    case K_MREG:
        put(o, "%%mm%u", i->reg);
        break;
    case K_MRM:
    case K_MRMREG:
        mem ? put_mem(o) : put(o, "%%mm%u", i->rm);
        break;
    case K_ST0:
        put(o, "%%st");
        break;
    case K_STI:
        put(o, "%%st(%u)", i->rm);
        break;
    }
}

/* Names that AT&T writes otherwise, by operand size 1 2 4 8. */
static const struct {
    uint16_t op;
    const char *name[4];
} size_names[] = {
    { OP_CBW, { "", "cbtw", "cwtl", "cltq" } },
    { OP_CWD, { "", "cwtd", "cltd", "cqto" } },
    { OP_MOVSXD_Gv_Ed, { "", "movsxd", "movsxd", "movslq" } },
    { OP_MOVZX_Gv_Eb, { "", "movzbw", "movzbl", "movzbq" } },
    { OP_MOVZX_Gv_Ew, { "", "movzww", "movzwl", "movzwq" } },
    { OP_MOVSX_Gv_Eb, { "", "movsbw", "movsbl", "movsbq" } },
    { OP_MOVSX_Gv_Ew, { "", "movsww", "movswl", "movswq" } },
    { OP_CMPXCHG8B_M, { "", "", "cmpxchg8b", "cmpxchg16b" } },
    { OP_MOVD_Pq_Ey, { "", "", "movd", "movq" } },
    { OP_MOVD_Vdq_Ey, { "", "", "movd", "movq" } },
    { OP_MOVD_Ey_Pq, { "", "", "movd", "movq" } },
    { OP_MOVD_Ey_Vdq, { "", "", "movd", "movq" } },
    { OP_VMOVD_Vdq_Ey, { "", "", "vmovd", "vmovq" } },
    { OP_VMOVD_Ey_Vdq, { "", "", "vmovd", "vmovq" } },
    { OP_PEXTRD_Ey_Vdq_Ib, { "", "", "pextrd", "pextrq" } },
    { OP_PINSRD_Vdq_Ey_Ib, { "", "", "pinsrd", "pinsrq" } },
    { OP_VPEXTRD_Ey_Vdq_Ib, { "", "", "vpextrd", "vpextrq" } },
    { OP_VPINSRD_Vdq_Hdq_Ey_Ib, { "", "", "vpinsrd", "vpinsrq" } },
    { OP_FXSAVE_Mbig, { "", "", "fxsave", "fxsave64" } },
    { OP_FXRSTOR_Mbig, { "", "", "fxrstor", "fxrstor64" } },
    { OP_XSAVE_Mbig, { "", "", "xsave", "xsave64" } },
    { OP_XRSTOR_Mbig, { "", "", "xrstor", "xrstor64" } },
    { OP_XSAVEOPT_Mbig, { "", "", "xsaveopt", "xsaveopt64" } },
    { OP_XSAVEC_Mbig, { "", "", "xsavec", "xsavec64" } },
    { OP_XSAVES_Mbig, { "", "", "xsaves", "xsaves64" } },
    { OP_XRSTORS_Mbig, { "", "", "xrstors", "xrstors64" } },
};

/* Names that do not depend on size. */
static const struct {
    uint16_t op;
    const char *name;
} att_names[] = {
    { OP_CALLF_Ap, "lcall" }, { OP_CALLF_Mp, "lcall" }, { OP_JMPF_Ap, "ljmp" },
    { OP_JMPF_Mp, "ljmp" }, { OP_RETF, "lret" }, { OP_RETF_Iw, "lret" }, { OP_INT1, "int1" },
    /* the AT&T assembler has these pairs the wrong way round, since ever */
    { OP_FSUB_STi_ST0, "fsubr" }, { OP_FSUBR_STi_ST0, "fsub" },
    { OP_FSUBP_STi_ST0, "fsubrp" }, { OP_FSUBRP_STi_ST0, "fsubp" },
    { OP_FDIV_STi_ST0, "fdivr" }, { OP_FDIVR_STi_ST0, "fdiv" },
    { OP_FDIVP_STi_ST0, "fdivrp" }, { OP_FDIVRP_STi_ST0, "fdivp" },
};

enum { SUF_NONE, SUF_INT, SUF_ALWAYS, SUF_X87 };

static const char *const cmp_names[32] = {
    "eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord", "eq_uq", "nge", "ngt", "false",
    "neq_oq", "ge", "gt", "true", "eq_os", "lt_oq", "le_oq", "unord_s", "neq_us", "nlt_uq",
    "nle_uq", "ord_s", "eq_us", "nge_uq", "ngt_uq", "false_os", "neq_os", "ge_oq", "gt_oq",
    "true_us",
};

/* CMPPS and its like carry their predicate in the name. Says whether the immediate is spent. */
static bool put_compare_name(Out *o)
{
    const char *m = o->info->mnem;
    bool vex = m[0] == 'V';

    m += vex;
    if (o->info->opcode != 0xc2 || strlen(m) != 5 || strncmp(m, "CMP", 3) ||
        o->i->imm >= (vex ? 32 : 8)) {
        return false;
    }
    put(o, "%scmp%s%c%c", vex ? "v" : "", cmp_names[o->i->imm], m[3] | 0x20, m[4] | 0x20);
    return true;
}

/* PCLMULQDQ: the halves. */
static bool put_clmul_name(Out *o)
{
    const Insn *i = o->i;
    bool vex = i->op == OP_VPCLMULQDQ_Vdq_Hdq_Wdq_Ib;

    if ((i->op != OP_PCLMULQDQ_Vdq_Wdq_Ib && !vex) || (i->imm & ~0x11ull)) {
        return false;
    }
    put(o, "%spclmul%sq%sqdq", vex ? "v" : "", i->imm & 1 ? "h" : "l", i->imm & 16 ? "h" : "l");
    return true;
}

static char size_letter(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : 'q';
}

/* Float operands are s l t, integer ones s l ll; environment and state have none. */
static const char *x87_suffix(const Out *o)
{
    bool integer = o->info->mnem[1] == 'I' && strcmp(o->info->mnem, "FINCSTP");

    switch (o->info->opnd[0]) {
    case O_Mw:
        return integer ? "s" : "";
    case O_Md:
        return integer ? "l" : "s";
    case O_Mq:
        return integer ? "ll" : "l";
    case O_Mt:
        return o->info->mnem[1] == 'B' ? "" : "t";
    default:
        return "";
    }
}

/* Does a register operand tell the operand size? */
static bool size_is_told(const Out *o)
{
    for (unsigned n = 0; n < 4 && o->info->opnd[n]; n++) {
        switch (opnd_info[o->info->opnd[n]].kind) {
        case K_GREG: case K_ZREG: case K_SREG: case K_RMREG:
            return true;
        case K_RM:
            if (!(o->i->flags & INSN_MEM)) {
                return true;
            }
            break;
        case K_FIXED:
            if (o->info->opnd[n] == O_AL || o->info->opnd[n] == O_rAX) {
                return true;
            }
            break;
        }
    }
    return false;
}

static unsigned default_size(const Out *o)
{
    if (o->mode == MODE_CODE64) {
        return o->info->width == WIDTH_d64 || o->info->width == WIDTH_f64 ? 8 : 4;
    }
    return o->mode == MODE_CODE32 ? 4 : 2;
}

static void put_suffix(Out *o)
{
    const Insn *i = o->i;
    const InsnInfo *info = o->info;

    switch (i->op) {
    case OP_VCVTPD2PS_Vh_Wx: case OP_VCVTPD2DQ_Vh_Wx: case OP_VCVTTPD2DQ_Vh_Wx:
        if (i->flags & INSN_MEM) {
            put(o, "%c", i->vl == 32 ? 'y' : 'x');
        }
        return;
    case OP_LOOP_Jb: case OP_LOOPE_Jb: case OP_LOOPNE_Jb:
        if (i->prefix & PFX_ADDR) {
            put(o, "%c", size_letter(i->adsz));
        }
        return;
    case OP_SYSRET: case OP_SYSEXIT:
        put(o, "%s", o->mode != MODE_CODE64 ? "" : i->rex & 8 ? "q" : "l");
        return;
    case OP_CVTSI2SS_Vss_Ey: case OP_CVTSI2SD_Vsd_Ey:
    case OP_VCVTSI2SS_Vss_Hss_Ey: case OP_VCVTSI2SD_Vsd_Hsd_Ey:
        if ((i->flags & INSN_MEM) && o->mode == MODE_CODE64) {
            put(o, "%c", size_letter(i->opsz));
        }
        return;
    case OP_CRC32_Gd_Eb: case OP_CRC32_Gd_Ev:
        if (i->flags & INSN_MEM) {
            put(o, "%c", size_letter(i->opsz));
        }
        return;
    case OP_PCMPESTRM_Vdq_Wdq_Ib: case OP_PCMPESTRI_Vdq_Wdq_Ib:
    case OP_VPCMPESTRM_Vdq_Wdq_Ib: case OP_VPCMPESTRI_Vdq_Wdq_Ib:
        put(o, "%s", i->opsz == 8 ? "q" : "");
        return;
    case OP_IRET: case OP_RETF: case OP_RETF_Iw:
    case OP_CALLF_Mp: case OP_JMPF_Mp: case OP_CALLF_Ap: case OP_JMPF_Ap:
    case OP_PUSHF: case OP_POPF: case OP_PUSHA: case OP_POPA: case OP_LEAVE: case OP_ENTER_Iw_Ib:
    case OP_PUSH_Iz: case OP_PUSH_Is:
    case OP_CALL_Ev: case OP_JMP_Ev: case OP_PUSH_Ev: case OP_POP_Ev: case OP_RET:
    case OP_RET_Iw: case OP_CALL_Jz: case OP_JMP_Jz:
        if (i->opsz != default_size(o) && !size_is_told(o)) {
            put(o, "%c", size_letter(i->opsz));
        }
        return;
    case OP_MOVS_Yb_Xb: case OP_MOVS_Yv_Xv: case OP_CMPS_Xb_Yb: case OP_CMPS_Xv_Yv:
    case OP_INS_Yb_DX: case OP_INS_Yv_DX: case OP_OUTS_DX_Xb: case OP_OUTS_DX_Xv:
        put(o, "%c", size_letter(i->opsz));
        return;
    }
    if (opnd_info[info->opnd[0]].kind == K_FIXSREG && i->opsz != default_size(o)) {
        put(o, "%c", size_letter(i->opsz));     /* PUSH, POP */
    } else if (info->cls == CLASS_X87) {
        put(o, "%s", x87_suffix(o));
    } else if (info->cls == CLASS_INT && (i->flags & INSN_MEM) && !size_is_told(o) &&
               opnd_info[info->opnd[0]].kind == K_RM && strncmp(info->mnem, "SET", 3) &&
               strncmp(info->mnem, "PREF", 4)) {
        put(o, "%c", size_letter(i->opsz));
    }
}

/* By ModRM.reg, where the table has one row for a family of hints. */
static const char *hint_name(const Insn *i)
{
    static const char *const prefetch[] = {
        "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2",
    };

    unsigned reg = (i->modrm >> 3) & 7;

    if (i->op == OP_PREFETCH_Mb) {
        return prefetch[reg];
    }
    if (i->op == OP_PREFETCHW_Ev && (i->flags & INSN_MEM) && reg != 1) {
        return reg == 2 ? "prefetchwt1" : "prefetch";
    }
    return NULL;
}

/* Writes the name; says whether the last operand (a predicate) went into it. */
static bool put_name(Out *o)
{
    const Insn *i = o->i;
    const char *name = hint_name(i);

    if (put_compare_name(o) || put_clmul_name(o)) {
        return true;
    }
    for (unsigned n = 0; n < ARRAY_SIZE(size_names); n++) {
        if (size_names[n].op == i->op) {
            put(o, "%s", size_names[n].name[__builtin_ctz(i->opsz)]);
            return false;
        }
    }
    for (unsigned n = 0; !name && n < ARRAY_SIZE(att_names); n++) {
        if (att_names[n].op == i->op) {
            name = att_names[n].name;
        }
    }
    if (!name && i->op == OP_JCXZ_Jb) {
        name = i->adsz == 8 ? "jrcxz" : i->adsz == 4 ? "jecxz" : "jcxz";
    }
    if (!name && (i->op == OP_MOV_Zv_Iv || opnd_info[o->info->opnd[0]].kind == K_MOFFS ||
                  opnd_info[o->info->opnd[1]].kind == K_MOFFS) &&
        (i->op == OP_MOV_Zv_Iv ? i->opsz == 8 : i->adsz == 8)) {
        name = "movabs";
    }
    if (!name && i->op == OP_NOP && (i->prefix & PFX_OPSIZE)) {
        /* written as the exchange that its encoding once was */
        name = i->opsz == 8 ? "xchg %rax,%rax" : i->opsz == 4 ? "xchg %eax,%eax" : "xchg %ax,%ax";
    }
    if (name) {
        put(o, "%s", name);
    } else {
        for (const char *p = o->info->mnem; *p; p++) {
            put(o, "%c", *p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
        }
    }
    put_suffix(o);
    return false;
}

static void put_prefixes(Out *o)
{
    const Insn *i = o->i;

    if (i->prefix & PFX_LOCK) {
        put(o, "lock ");
    }
    if (o->info->cls == CLASS_STRING && (i->prefix & (PFX_REP | PFX_REPNE))) {
        bool compares = o->info->flags_written;

        put(o, "%s ", i->prefix & PFX_REPNE ? "repnz" : compares ? "repz" : "rep");
    }
}

/* Operands in AT&T order: the last first, but for ENTER, BOUND. */
static void put_operands(Out *o, bool skip_last)
{
    static const uint16_t indirect[] = { OP_CALL_Ev, OP_JMP_Ev, OP_CALLF_Mp, OP_JMPF_Mp };
    unsigned nr = 0;
    bool forward = o->i->op == OP_ENTER_Iw_Ib || o->i->op == OP_BOUND_Gv_Ma, first = true;

    while (nr < 4 && o->info->opnd[nr]) {
        nr++;
    }
    for (unsigned n = 0; n < ARRAY_SIZE(indirect); n++) {
        if (o->i->op == indirect[n]) {
            put(o, " *");
            put_operand(o, 0);
            return;
        }
    }
    nr -= skip_last;
    switch (o->i->op) {     /* the implied XMM0 */
    case OP_PBLENDVB_Vdq_Wdq: case OP_BLENDVPS_Vdq_Wdq: case OP_BLENDVPD_Vdq_Wdq:
    case OP_SHA256RNDS2_Vdq_Wdq:
        put(o, " %%xmm0");
        first = false;
        break;
    case OP_XLAT:
        put(o, " %%%s:(", seg_names[o->i->seg]);
        put_gpr(o, R_BX, o->i->adsz);
        put(o, ")");
        break;
    }
    for (unsigned n = 0; n < nr; n++) {
        unsigned which = forward ? n : nr - 1 - n;

        if (o->info->opnd[which] == O_1) {
            continue;
        }
        put(o, first ? " " : ",");
        first = false;
        put_operand(o, which);
    }
}

int insn_disas(char *buf, size_t size, const Insn *i, uint64_t pc, unsigned mode)
{
    Out o = { buf, size, 0, i, &insn_info[i->op], pc, mode & MODE_CODE_MASK };
    bool skip_last;

    buf[0] = 0;
    put_prefixes(&o);
    skip_last = put_name(&o);
    put_operands(&o, skip_last);
    return o.len;
}

void insn_print_line(GString *out, uint64_t pc, const uint8_t *bytes, unsigned len,
                     const char *text)
{
    g_string_append_printf(out, "0x%08" PRIx64 ":  ", pc);
    for (unsigned i = 0; i < len; i++) {
        g_string_append_printf(out, "%02x ", bytes[i]);
    }
    g_string_append_printf(out, "%*s %s\n", (int)(8 - MIN(len, 8u)) * 3, "", text);
}

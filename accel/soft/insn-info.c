/* The instruction table as data: one InsnInfo per form, operand letters, sizes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/insn-info.h"

#define F_C 0x001
#define F_P 0x004
#define F_A 0x010
#define F_Z 0x040
#define F_S 0x080
#define F_O 0x800
#define F_ALL (F_C | F_P | F_A | F_Z | F_S | F_O)

/*
 * Flag patterns: read, written, undefined. Shifts and rotates by a variable
 * count leave everything alone when the masked count is 0, so they "read" what
 * they would write; OF of a shift is defined for a count of 1 only.
 */
#define FLAGS_NONE     0, 0, 0
#define FLAGS_ARITH    0, F_ALL, 0
#define FLAGS_LOGIC    0, F_ALL & ~F_A, F_A
#define FLAGS_CARRY    F_C, F_ALL, 0
#define FLAGS_INC      0, F_ALL & ~F_C, 0
#define FLAGS_MUL      0, F_C | F_O, F_S | F_Z | F_A | F_P
#define FLAGS_DIV      0, 0, F_ALL
#define FLAGS_SHIFT    F_ALL, F_S | F_Z | F_P | F_C, F_O | F_A
#define FLAGS_SHIFT1   0, F_ALL & ~F_A, F_A
#define FLAGS_ROT      F_C | F_O, F_C, F_O
#define FLAGS_ROT1     0, F_C | F_O, 0
#define FLAGS_RCX      F_C | F_O, F_C, F_O
#define FLAGS_RCX1     F_C, F_C | F_O, 0
#define FLAGS_BT       0, F_C, F_O | F_S | F_A | F_P
#define FLAGS_BSF      0, F_Z, F_ALL & ~F_Z
#define FLAGS_LZCNT    0, F_Z | F_C, F_O | F_S | F_A | F_P
#define FLAGS_BMI      0, F_O | F_S | F_Z | F_C, F_A | F_P
#define FLAGS_BEXTR    0, F_O | F_Z | F_C, F_S | F_A | F_P
#define FLAGS_ADCX     F_C, F_C, 0
#define FLAGS_ADOX     F_O, F_O, 0
#define FLAGS_DAA      F_A | F_C, F_ALL & ~F_O, F_O
#define FLAGS_AAA      F_A, F_A | F_C, F_O | F_S | F_Z | F_P
#define FLAGS_AAM      0, F_S | F_Z | F_P, F_O | F_A | F_C
#define FLAGS_CMC      F_C, F_C, 0
#define FLAGS_SETC     0, F_C, 0
#define FLAGS_SETZ     0, F_Z, 0
#define FLAGS_SAHF     0, F_ALL & ~F_O, 0
#define FLAGS_LAHF     F_ALL & ~F_O, 0, 0
#define FLAGS_STRCMP   F_ALL, F_ALL, 0
#define FLAGS_READALL  F_ALL, 0, 0
#define FLAGS_WRITEALL 0, F_ALL, 0
#define FLAGS_RWALL    F_ALL, F_ALL, 0
#define FLAGS_ALLUNDEF 0, 0, F_ALL
#define FLAGS_READO    F_O, 0, 0
#define FLAGS_READC    F_C, 0, 0
#define FLAGS_READZ    F_Z, 0, 0
#define FLAGS_READCZ   F_C | F_Z, 0, 0
#define FLAGS_READS    F_S, 0, 0
#define FLAGS_READP    F_P, 0, 0
#define FLAGS_READSO   F_S | F_O, 0, 0
#define FLAGS_READZSO  F_Z | F_S | F_O, 0, 0

#define PFXS_PA   0xf
#define PFXS_NP   (1 << PP_NONE)
#define PFXS_P66  (1 << PP_66)
#define PFXS_PF3  (1 << PP_F3)
#define PFXS_PF2  (1 << PP_F2)
#define PFXS_N66  (PFXS_NP | PFXS_P66)
#define PFXS_NF3  (0xf & ~PFXS_PF3)

const InsnInfo insn_info[NR_OPS] = {
    [OP_INVALID] = { .name = "INVALID", .mnem = "(bad)" },
#define ROW(op, m, a, b, c, d, map, opc, pfx, mrm, width, acc, flags, cls, feat, emit, at)   \
    [op] = { #op + 3, m, { O_##a, O_##b, O_##c, O_##d }, MAP_##map, opc, PFXS_##pfx,         \
             WIDTH_##width, ACC_##acc, CLASS_##cls, FEAT_##feat, EMIT_##emit, MRM_##mrm,     \
             FLAGS_##flags, at },
#include "accel/soft/insn-table.h"
};

const OpndInfo opnd_info[NR_OPNDS] = {
#define OPND_ROW(name, kind, size) { #name, kind, size },
    OPND_LIST(OPND_ROW)
#undef OPND_ROW
};

uint64_t insn_features_hidden;

bool insn_hide(Insn *i)
{
    if (!(insn_features_hidden >> insn_feature(i) & 1)) {
        return false;
    }
    if (i->op == OP_TZCNT_Gv_Ev || i->op == OP_LZCNT_Gv_Ev) {
        i->op = i->op == OP_TZCNT_Gv_Ev ? OP_BSF_Gv_Ev : OP_BSR_Gv_Ev;
        return false;
    }
    return true;
}

unsigned insn_opnd_size(const Insn *i, unsigned n)
{
    unsigned size = opnd_info[insn_info[i->op].opnd[n]].size;

    switch (size) {
    case SZ_V:
        return i->opsz;
    case SZ_Z:
        return i->opsz == 8 ? 4 : i->opsz;
    case SZ_X:
        return i->vl;
    case SZ_H:
        return i->vl / 2;
    case SZ_F:
        return i->vl / 4;
    case SZ_E:
        return i->vl / 8;
    case SZ_P:
        return 2 + i->opsz;
    case SZ_A:
        return 2 * i->opsz;
    case SZ_S:
        return i->opsz == 8 ? 10 : 6;
    case SZ_BIG:
        return 0;
    default:
        return size;
    }
}

bool insn_needs_alignment(const Insn *i)
{
    const InsnInfo *info = &insn_info[i->op];

    if (!(i->flags & INSN_MEM) || info->cls != CLASS_SSE) {
        return false;
    }
    if (i->prefix & PFX_VEX) {
        return info->attr & A_ALIGN;
    }
    if (info->attr & A_UNAL) {
        return false;
    }
    for (unsigned n = 0; n < 4 && info->opnd[n]; n++) {
        unsigned kind = opnd_info[info->opnd[n]].kind;

        if ((kind == K_XRM || kind == K_MEM) && insn_opnd_size(i, n) == 16) {
            return true;
        }
    }
    return false;
}

/* Bytes to Insn, by maps built from the instruction table at start */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/decode.h"
#include "accel/soft/soft-cpu.h"

enum {
    MAX_LEN = 15,
    SAFE_BYTES = 40,    /* no decode looks further, whatever the bytes */
};

/* One encoding: the table's rows and aliases. */
typedef struct Row {
    uint16_t op, mrm;
    uint8_t map, opcode, prefixes;
    uint32_t attr;
} Row;

static const Row rows[] = {
    { OP_INVALID },
#define ROW(op, m, a, b, c, d, map, opc, pfx, mrm, width, acc, flags, cls, feat, emit, at) \
    { op, MRM_##mrm, MAP_##map, opc, PFXS_##pfx, at },
#define ALIAS(op, map, opc, pfx, mrm, at) { op, MRM_##mrm, MAP_##map, opc, PFXS_##pfx, at },
#define PFXS_PA   0xf
#define PFXS_NP   (1 << PP_NONE)
#define PFXS_P66  (1 << PP_66)
#define PFXS_PF3  (1 << PP_F3)
#define PFXS_PF2  (1 << PP_F2)
#define PFXS_N66  (PFXS_NP | PFXS_P66)
#define PFXS_NF3  (0xf & ~PFXS_PF3)
#include "accel/soft/insn-table.h"
};

/* How the immediate is coded. */
enum {
    IMM_NONE, IMM_IB, IMM_IS, IMM_IW, IMM_IZ, IMM_IV, IMM_JB, IMM_JZ, IMM_AP, IMM_ENTER,
    IMM_MOFFS, IMM_IS4,
};

/* What decoding needs to know of a row beside its place in the maps. */
typedef struct Desc {
    uint16_t op;
    uint8_t imm;
    uint8_t width;
    uint16_t flags;     /* D_* */
    uint16_t check;     /* C_*: conditions beside map, opcode, prefix, ModRM; 0 = none */
    uint8_t byte;       /* for C_BYTE */
    uint8_t seg;        /* default segment without a ModRM memory operand */
} Desc;

enum {
    D_MODRM = 1, D_Z = 2, D_VECTOR = 4, D_VL = 8, D_YMM = 16, D_VVVV = 32, D_REG8 = 64,
    D_RM8 = 128, D_SREG = 256, D_CREG = 512, D_DREG = 1024, D_VSIB = 2048, D_LOCK = 4096,
    D_MODRR = 8192, D_SPECIAL = D_SREG | D_CREG | D_DREG,
};

enum {
    C_NO64 = 1, C_O64 = 2, C_PE = 4, C_W0 = 8, C_W1 = 16, C_L0 = 32, C_L1 = 64, C_BYTE = 128,
    C_NOREXB = 256,
};

static Desc descs[ARRAY_SIZE(rows)];

/*
 * Each opcode: a list of candidate rows (ended by 0) straight away, or 4 lists by
 * mandatory prefix, or 64 by prefix, mod == 3 and ModRM.reg.
 */
enum { SLOT_LIST, SLOT_BY_PREFIX, SLOT_BY_MODRM };
typedef struct Slot {
    uint8_t kind;
    uint16_t first;     /* in lists, or in cells */
} Slot;

static Slot slots[NR_MAPS][256];
static uint16_t cells[32768];   /* start of a list; the first is 0 = empty */
static uint16_t lists[32768];
static unsigned nr_cells, nr_lists = 1;

static uint8_t imm_kind(const InsnInfo *info)
{
    for (unsigned n = 0; n < 4; n++) {
        switch (info->opnd[n]) {
        case O_Ib:
            return n == 1 && info->opnd[0] == O_Iw ? IMM_ENTER : IMM_IB;
        case O_Is:
            return IMM_IS;
        case O_Iw:
            if (info->opnd[1] == O_Ib) {
                return IMM_ENTER;
            }
            return IMM_IW;
        case O_Iz:
            return IMM_IZ;
        case O_Iv:
            return IMM_IV;
        case O_Jb:
            return IMM_JB;
        case O_Jz:
            return IMM_JZ;
        case O_Ap:
            return IMM_AP;
        case O_Ob:
        case O_Ov:
            return IMM_MOFFS;
        case O_Lx:
            return IMM_IS4;
        }
    }
    return IMM_NONE;
}

static uint16_t operand_flags(const InsnInfo *info)
{
    uint16_t flags = 0;

    for (unsigned n = 0; n < 4; n++) {
        const OpndInfo *o = &opnd_info[info->opnd[n]];

        switch (o->kind) {
        case K_XREG: case K_XRM: case K_XRMREG: case K_XVVVV: case K_XIS4: case K_VSIB:
            flags |= D_VECTOR;
            break;
        case K_MREG:
            flags |= D_REG8;
            break;
        case K_MRM: case K_MRMREG: case K_STI:
            flags |= D_RM8;
            break;
        case K_SREG:
            flags |= D_SREG | D_REG8;
            break;
        case K_CREG:
            flags |= D_CREG;
            break;
        case K_DREG:
            flags |= D_DREG;
            break;
        }
        if (o->kind == K_XVVVV || o->kind == K_VVVVREG) {
            flags |= D_VVVV;
        }
        if (o->size >= SZ_X && o->size <= SZ_E) {
            flags |= D_VL | D_VECTOR;
        }
        if (o->size == 32) {
            flags |= D_YMM | D_VECTOR;
        }
    }
    return flags;
}

static void make_desc(Desc *d, const Row *row)
{
    const InsnInfo *info = &insn_info[row->op];
    static const struct { uint32_t attr; uint16_t check; } checks[] = {
        { A_NO64, C_NO64 }, { A_O64, C_O64 }, { A_PE, C_PE }, { A_W0, C_W0 }, { A_W1, C_W1 },
        { A_L0, C_L0 }, { A_L1, C_L1 }, { A_NOREXB, C_NOREXB },
    };

    d->op = row->op;
    d->imm = imm_kind(info);
    d->width = info->width;
    d->flags = operand_flags(info);
    d->flags |= row->mrm & (MRM_MEM | MRM_REG) ? D_MODRM : 0;
    d->flags |= row->mrm & MRM_Z ? D_Z : 0;
    d->flags |= info->attr & A_VSIB ? D_VSIB : 0;
    d->flags |= info->attr & A_LOCK ? D_LOCK : 0;
    d->flags |= info->attr & A_MODRR ? D_MODRR : 0;
    d->flags |= row->op == OP_VZEROUPPER || row->op == OP_VZEROALL ? D_VECTOR | D_VL : 0;
    for (unsigned n = 0; n < ARRAY_SIZE(checks); n++) {
        d->check |= row->attr & checks[n].attr ? checks[n].check : 0;
    }
    if (row->mrm & MRM_BYTE) {
        d->check |= C_BYTE;
        d->byte = row->mrm & 0xff;
    }
    d->seg = S_DS;
    if (opnd_info[info->opnd[0]].kind != K_STRSRC && opnd_info[info->opnd[1]].kind != K_STRSRC &&
        (opnd_info[info->opnd[0]].kind == K_STRDST || opnd_info[info->opnd[1]].kind == K_STRDST)) {
        d->seg = S_ES;
    }
}

/* Does the row take part in the cell of this prefix, register form or not, ModRM.reg? */
static bool in_cell(const Row *row, unsigned pp, unsigned is_reg, unsigned reg)
{
    bool any_mod = row->attr & A_MODRR;

    if (!(row->prefixes & (1 << pp))) {
        return false;
    }
    if (!(row->mrm & (is_reg ? MRM_REG : MRM_MEM)) && !any_mod) {
        return false;
    }
    if (row->mrm & MRM_BYTE) {
        return ((row->mrm >> 3) & 7) == reg;
    }
    return !(row->mrm & MRM_EXT) || (row->mrm & 7) == reg;
}

static uint16_t make_list(const uint16_t *cand, unsigned nr)
{
    uint16_t start = nr_lists;

    if (nr == 0) {
        return 0;
    }
    memcpy(lists + nr_lists, cand, nr * sizeof(*cand));
    nr_lists += nr;
    lists[nr_lists++] = 0;
    return start;
}

static void make_slot(Slot *slot, const uint16_t *cand, unsigned nr)
{
    bool modrm = false, by_modrm = false, by_prefix = false;
    uint16_t in[64];

    for (unsigned n = 0; n < nr; n++) {
        const Row *row = &rows[cand[n]];

        modrm = row->mrm & MRM_R;
        by_modrm |= modrm && row->mrm != MRM_R;
        by_prefix |= row->prefixes != 0xf;
    }
    if (!by_modrm && !by_prefix) {
        slot->kind = SLOT_LIST;
        slot->first = make_list(cand, nr);
        return;
    }
    slot->kind = by_modrm ? SLOT_BY_MODRM : SLOT_BY_PREFIX;
    slot->first = nr_cells;
    for (unsigned cell = 0; cell < (by_modrm ? 64 : 4); cell++) {
        unsigned nr_in = 0;

        for (unsigned n = 0; n < nr; n++) {
            const Row *row = &rows[cand[n]];
            bool fits = by_modrm ? in_cell(row, cell >> 4, (cell >> 3) & 1, cell & 7)
                                 : row->prefixes & (1 << cell);

            if (fits) {
                in[nr_in++] = cand[n];
            }
        }
        cells[nr_cells++] = make_list(in, nr_in);
    }
}

static void __attribute__((constructor)) build_maps(void)
{
    for (unsigned r = 1; r < ARRAY_SIZE(rows); r++) {
        make_desc(&descs[r], &rows[r]);
    }
    for (unsigned map = 0; map < NR_MAPS; map++) {
        for (unsigned opc = 0; opc < 256; opc++) {
            uint16_t cand[64];
            unsigned nr = 0;

            for (unsigned r = 1; r < ARRAY_SIZE(rows); r++) {
                unsigned first = rows[r].opcode;

                if (rows[r].map == map && opc >= first &&
                    opc <= first + (rows[r].mrm & MRM_Z ? 7 : 0)) {
                    cand[nr++] = r;
                }
            }
            make_slot(&slots[map][opc], cand, nr);
        }
    }
}

typedef struct Decoder {
    const uint8_t *p;       /* SAFE_BYTES may be read */
    unsigned pos;
    unsigned mode;
    unsigned vex_l;
    unsigned raw_vvvv;      /* inverted, as encoded */
    int override;           /* segment, or -1 */
} Decoder;

static ALWAYS_INLINE uint16_t get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static ALWAYS_INLINE uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static ALWAYS_INLINE uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

enum { P_NONE, P_REX, P_66, P_67, P_F2, P_F3, P_LOCK, P_SEG };

static const uint8_t prefix_class[256] = {
    [0x26] = P_SEG, [0x2e] = P_SEG, [0x36] = P_SEG, [0x3e] = P_SEG, [0x64] = P_SEG,
    [0x65] = P_SEG, [0x66] = P_66, [0x67] = P_67, [0xf0] = P_LOCK, [0xf2] = P_F2, [0xf3] = P_F3,
    [0x40] = P_REX, P_REX, P_REX, P_REX, P_REX, P_REX, P_REX, P_REX,
    [0x48] = P_REX, P_REX, P_REX, P_REX, P_REX, P_REX, P_REX, P_REX,
};

/* Returns the opcode byte after the prefixes, or -1 when there are 15 of them. */
static ALWAYS_INLINE int get_prefixes(Decoder *d, Insn *i)
{
    bool code64 = (d->mode & MODE_CODE_MASK) == MODE_CODE64;

    for (;;) {
        uint8_t b = d->p[d->pos++];
        uint8_t class = prefix_class[b];

        if (likely(class == P_NONE || (class == P_REX && !code64))) {
            return b;
        }
        if (class == P_REX) {
            i->rex = 0x40 | (b & 15);
            b = d->p[d->pos];
            if (likely(prefix_class[b] == P_NONE)) {
                d->pos++;
                return b;
            }
            i->rex = 0;     /* not next to the opcode: ignored */
        }
        switch (class) {
        case P_66:
            i->prefix |= PFX_OPSIZE;
            break;
        case P_67:
            i->prefix |= PFX_ADDR;
            break;
        case P_F2:
            i->prefix = (i->prefix & ~PFX_REP) | PFX_REPNE;
            break;
        case P_F3:
            i->prefix = (i->prefix & ~PFX_REPNE) | PFX_REP;
            break;
        case P_LOCK:
            i->prefix |= PFX_LOCK;
            break;
        case P_SEG:
            i->prefix |= PFX_SEG;
            if (b >= 0x64) {
                d->override = b == 0x64 ? S_FS : S_GS;
            } else if (!code64) {
                d->override = (b >> 3) & 3;
            }
            break;
        }
        if (d->pos >= MAX_LEN) {
            return -1;
        }
    }
}

/* C4 and C5. Returns the opcode byte, or -1 for #UD. */
static int get_vex(Decoder *d, Insn *i, int opcode)
{
    uint8_t b1 = d->p[d->pos++], b2;
    bool code64 = (d->mode & MODE_CODE_MASK) == MODE_CODE64;

    if (i->prefix & (PFX_LOCK | PFX_REP | PFX_REPNE | PFX_OPSIZE) || i->rex ||
        (!code64 && (d->mode & (MODE_PE | MODE_VM86)) != MODE_PE)) {
        return -1;
    }
    i->prefix |= PFX_VEX;
    if (opcode == 0xc5) {
        b2 = b1;
        i->map = MAP_V1;
        i->rex = b1 & 0x80 ? 0 : 4;
    } else {
        if ((b1 & 0x1f) < 1 || (b1 & 0x1f) > 3) {
            return -1;
        }
        i->map = MAP_V1 - 1 + (b1 & 0x1f);
        b2 = d->p[d->pos++];
        i->rex = (~b1 >> 5 & 7) | (b2 & 0x80 ? 8 : 0);
    }
    if (!code64) {
        i->rex &= 8;    /* R and X had to be 1 to be here, B is ignored */
    }
    i->pp = b2 & 3;
    d->vex_l = (b2 >> 2) & 1;
    d->raw_vvvv = (b2 >> 3) & 15;
    i->vvvv = ~d->raw_vvvv & (code64 ? 15 : 7);
    return d->p[d->pos++];
}

static bool row_matches(const Desc *desc, const Decoder *d, const Insn *i)
{
    unsigned c = desc->check;
    bool code64 = (d->mode & MODE_CODE_MASK) == MODE_CODE64;

    if (code64 ? c & C_NO64 : c & C_O64) {
        return false;
    }
    if ((c & C_PE) && !code64 && (d->mode & (MODE_PE | MODE_VM86)) != MODE_PE) {
        return false;
    }
    if ((c & C_BYTE) && d->p[d->pos] != desc->byte) {
        return false;
    }
    if (((c & C_NOREXB) && (i->rex & 1)) || (i->rex & 8 ? c & C_W0 : c & C_W1) ||
        (d->vex_l ? c & C_L0 : c & C_L1)) {
        return false;
    }
    return true;
}

static const Desc *find_row(const Decoder *d, const Insn *i)
{
    const Slot *slot = &slots[i->map][i->opcode];
    unsigned list = slot->first;

    if (slot->kind == SLOT_BY_MODRM) {
        uint8_t modrm = d->p[d->pos];

        list = cells[slot->first + i->pp * 16 + (modrm >= 0xc0) * 8 + ((modrm >> 3) & 7)];
    } else if (slot->kind == SLOT_BY_PREFIX) {
        list = cells[slot->first + i->pp];
    }
    for (const uint16_t *r = &lists[list]; *r; r++) {
        const Desc *desc = &descs[*r];

        if (likely(!desc->check) || row_matches(desc, d, i)) {
            return desc;
        }
    }
    return NULL;
}

static ALWAYS_INLINE unsigned operand_size(const Desc *desc, const Insn *i, unsigned code)
{
    bool op16 = (code == MODE_CODE16) != !!(i->prefix & PFX_OPSIZE);
    unsigned v = code == MODE_CODE64 && (i->rex & 8) ? 8 : op16 ? 2 : 4;

    switch (desc->width) {
    case WIDTH_b:
        return 1;
    case WIDTH_w:
        return 2;
    case WIDTH_d:
        return 4;
    case WIDTH_q:
        return 8;
    case WIDTH_z:
        return v == 8 ? 4 : v;
    case WIDTH_y:
        return code == MODE_CODE64 && (i->rex & 8) ? 8 : 4;
    case WIDTH_n:
        return code == MODE_CODE64 ? 8 : 4;
    case WIDTH_d64:
        return code == MODE_CODE64 && v == 4 ? 8 : v;
    case WIDTH_f64:
        return code == MODE_CODE64 ? 8 : v;
    default:
        return v;
    }
}

/* The 16-bit addressing forms. */
static void get_mem16(Decoder *d, Insn *i)
{
    static const uint8_t bases[8] = { R_BX, R_BX, R_BP, R_BP, R_SI, R_DI, R_BP, R_BX };
    static const uint8_t indexes[8] = { R_SI, R_DI, R_SI, R_DI, R_NONE, R_NONE, R_NONE, R_NONE };
    unsigned mod = i->modrm >> 6, rm = i->modrm & 7;

    i->base = bases[rm];
    i->index = indexes[rm];
    if (mod == 1) {
        i->disp = (int8_t)d->p[d->pos++];
    } else if (mod == 2 || rm == 6) {
        i->disp = (int16_t)get16(d->p + d->pos);
        d->pos += 2;
        if (mod == 0) {
            i->base = R_NONE;
        }
    }
    i->seg = i->base == R_BP ? S_SS : S_DS;
}

static ALWAYS_INLINE void get_mem(Decoder *d, Insn *i, bool vsib)
{
    unsigned mod = i->modrm >> 6, rm = i->modrm & 7;
    unsigned base = rm;

    if (rm == 4) {
        uint8_t sib = d->p[d->pos++];
        unsigned index = ((sib >> 3) & 7) | ((i->rex & 2) << 2);

        base = sib & 7;
        i->scale = sib >> 6;
        i->index = index == 4 && !vsib ? R_NONE : index;
    }
    if (mod == 0 && base == 5) {
        i->base = R_NONE;
        i->disp = get32(d->p + d->pos);
        d->pos += 4;
        if (rm == 5 && (d->mode & MODE_CODE_MASK) == MODE_CODE64) {
            i->flags |= INSN_RIP_REL;
        }
        return;
    }
    i->base = base | ((i->rex & 1) << 3);
    if (mod == 1) {
        i->disp = (int8_t)d->p[d->pos++];
    } else if (mod == 2) {
        i->disp = get32(d->p + d->pos);
        d->pos += 4;
    }
    if (i->base == R_BP || i->base == R_SP) {
        i->seg = S_SS;
    }
}

static ALWAYS_INLINE void get_modrm(Decoder *d, Insn *i, const Desc *desc)
{
    i->modrm = d->p[d->pos++];
    i->flags = INSN_MODRM;
    i->reg = ((i->modrm >> 3) & 7) | ((i->rex & 4) << 1);
    i->rm = (i->modrm & 7) | ((i->rex & 1) << 3);
    if (desc->flags & (D_REG8 | D_RM8)) {
        i->reg &= desc->flags & D_REG8 ? 7 : 15;
        i->rm &= desc->flags & D_RM8 ? 7 : 15;
    }
    if (i->modrm < 0xc0 && !(desc->flags & D_MODRR)) {
        i->flags |= INSN_MEM;
        if (unlikely(i->adsz == 2)) {
            get_mem16(d, i);
        } else {
            get_mem(d, i, desc->flags & D_VSIB);
        }
    }
}

/* Sign-extended immediate of 1, 2 or 4 bytes. */
static ALWAYS_INLINE int64_t get_signed(Decoder *d, unsigned size)
{
    const uint8_t *p = d->p + d->pos;

    d->pos += size;
    return size == 1 ? (int8_t)*p : size == 2 ? (int16_t)get16(p) : (int32_t)get32(p);
}

static void get_rare_imm(Decoder *d, Insn *i, unsigned kind)
{
    const uint8_t *p = d->p + d->pos;

    switch (kind) {
    case IMM_IW:
        i->imm = get16(p);
        d->pos += 2;
        break;
    case IMM_IV:
        if (i->opsz == 8) {
            i->imm = get64(p);
            d->pos += 8;
        } else {
            i->imm = get_signed(d, i->opsz);
        }
        break;
    case IMM_AP:
        i->imm = i->opsz == 2 ? get16(p) : get32(p);
        i->imm |= (uint64_t)get16(p + i->opsz) << 32;
        d->pos += i->opsz + 2;
        break;
    case IMM_ENTER:
        i->imm = get16(p) | p[2] << 16;
        d->pos += 3;
        break;
    case IMM_MOFFS:
        i->flags |= INSN_MEM;
        i->imm = i->adsz == 8 ? get64(p) : i->adsz == 4 ? get32(p) : get16(p);
        d->pos += i->adsz;
        break;
    case IMM_IS4:
        i->imm = *p & ((d->mode & MODE_CODE_MASK) == MODE_CODE64 ? 0xff : 0x7f);
        d->pos++;
        break;
    }
}

static ALWAYS_INLINE void get_imm(Decoder *d, Insn *i, unsigned kind)
{
    switch (kind) {
    case IMM_NONE:
        break;
    case IMM_IB:
        i->imm = d->p[d->pos++];
        break;
    case IMM_IS:
    case IMM_JB:
        i->imm = get_signed(d, 1);
        break;
    case IMM_IZ:
    case IMM_JZ:
        i->imm = get_signed(d, i->opsz == 2 ? 2 : 4);
        break;
    default:
        get_rare_imm(d, i, kind);
    }
}

/* Registers that do not exist, and gathers whose registers collide or that have no SIB. */
static bool special_ok(const Desc *desc, const Insn *i)
{
    if (desc->flags & D_SREG) {
        return i->reg < NR_SEGS && !(desc->op == OP_MOV_Sw_Ew && i->reg == S_CS);
    }
    if (desc->flags & D_CREG) {
        return i->reg == 0 || i->reg == 8 || (i->reg >= 2 && i->reg <= 4);
    }
    if (desc->flags & D_DREG) {
        return i->reg < 8;
    }
    return true;
}

static bool vex_ok(const Desc *desc, const Decoder *d, const Insn *i)
{
    if (!(desc->flags & D_VVVV) && d->raw_vvvv != 15) {
        return false;
    }
    if (desc->flags & D_VSIB) {
        return (i->modrm & 7) == 4 && i->adsz != 2 && i->reg != i->index && i->reg != i->vvvv &&
               i->index != i->vvvv;
    }
    return true;
}

/* Everything after the prefixes. Returns 0 or the negative vector. */
static ALWAYS_INLINE int decode_body(Decoder *d, Insn *i, int opcode)
{
    unsigned code = d->mode & MODE_CODE_MASK;
    const Desc *desc;

    i->pp = i->prefix & PFX_REP ? PP_F3 : i->prefix & PFX_REPNE ? PP_F2
          : i->prefix & PFX_OPSIZE ? PP_66 : PP_NONE;
    if (opcode == 0x0f) {
        opcode = d->p[d->pos++];
        i->map = MAP_0F;
        if (opcode == 0x38 || opcode == 0x3a) {
            i->map = opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
            opcode = d->p[d->pos++];
        }
    } else if (unlikely((opcode & 0xfe) == 0xc4) &&
               (code == MODE_CODE64 || d->p[d->pos] >= 0xc0)) {
        opcode = get_vex(d, i, opcode);
        if (opcode < 0) {
            return -EXC_UD;
        }
    }
    i->opcode = opcode;
    desc = find_row(d, i);
    if (!desc) {
        d->pos += slots[i->map][i->opcode].kind == SLOT_BY_MODRM;   /* that byte was looked at */
        return -EXC_UD;
    }
    i->op = desc->op;
    i->opsz = operand_size(desc, i, code);
    i->seg = desc->seg;
    if (desc->flags & D_MODRM) {
        get_modrm(d, i, desc);
    } else if (desc->flags & D_Z) {
        i->reg = (opcode & 7) | ((i->rex & 1) << 3);
    }
    if (d->override >= 0 && desc->seg != S_ES) {
        i->seg = d->override;
    }
    if (desc->flags & D_VECTOR) {
        i->vl = (desc->flags & D_YMM) || ((desc->flags & D_VL) && d->vex_l) ? 32 : 16;
    }
    if (unlikely(desc->flags & D_SPECIAL) && !special_ok(desc, i)) {
        return -EXC_UD;
    }
    if ((i->prefix & PFX_VEX) && !vex_ok(desc, d, i)) {
        return -EXC_UD;
    }
    if (unlikely(i->prefix & PFX_LOCK) && !((desc->flags & D_LOCK) && (i->flags & INSN_MEM))) {
        return -EXC_UD;
    }
    get_imm(d, i, desc->imm);
    return 0;
}

int insn_decode(Insn *out, const uint8_t *bytes, unsigned avail, unsigned mode)
{
    uint8_t padded[SAFE_BYTES] = { 0 };
    Decoder d = { .p = bytes, .mode = mode, .override = -1 };
    unsigned code = mode & MODE_CODE_MASK;
    int opcode, err;

    if (unlikely(avail < SAFE_BYTES)) {
        for (unsigned n = 0; n < avail; n++) {
            padded[n] = bytes[n];
        }
        d.p = padded;
    }
    *out = (Insn) { .base = R_NONE, .index = R_NONE };
    opcode = get_prefixes(&d, out);
    if (opcode < 0) {
        return avail < MAX_LEN ? 0 : -EXC_GP;
    }
    if (code == MODE_CODE16) {
        out->adsz = out->prefix & PFX_ADDR ? 4 : 2;
    } else if (code == MODE_CODE32) {
        out->adsz = out->prefix & PFX_ADDR ? 2 : 4;
    } else {
        out->adsz = out->prefix & PFX_ADDR ? 4 : 8;
    }
    err = decode_body(&d, out, opcode);
    if (unlikely(d.pos > MAX_LEN || d.pos > avail)) {
        return avail < MAX_LEN ? 0 : -EXC_GP;
    }
    if (unlikely(err)) {
        return err;
    }
    out->len = d.pos;
    return d.pos;
}

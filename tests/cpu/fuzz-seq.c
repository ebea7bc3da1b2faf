/* Random sequences of instructions: what lies between instructions - lazy flags, fused pairs */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/decode.h"
#include "accel/soft/soft-cpu.h"
#include "tests/cpu/fuzz.h"

static bool is_short_jump(unsigned op)
{
    const InsnInfo *info = &insn_info[op];

    return info->opnd[0] == O_Jb && info->map == MAP_1B;
}

/* Not in a sequence: what leaves it, or what may differ from CPU to CPU and go on. */
static bool may_follow(unsigned op)
{
    const InsnInfo *info = &insn_info[op];

    if (info->emit == EMIT_BRANCH) {
        return is_short_jump(op);
    }
    return info->emit != EMIT_END && info->cls != CLASS_SYS && !(info->attr & A_CPL0) &&
           info->opnd[0] != O_Mbig && !strstr(info->mnem, "MASKMOV") &&
           !strstr(info->mnem, "FST") && !strstr(info->mnem, "FIST") &&
           op != OP_VCVTPS2PH_Wh_Vx_Ib && op != OP_FBSTP_Mt && op != OP_POPA &&
           op != OP_INS_Yb_DX && op != OP_INS_Yv_DX && op != OP_OUTS_DX_Xb && op != OP_OUTS_DX_Xv;
}

/* Shifts and rotates by a count that may be 0, repeated compares: flags may stay as they are. */
static bool may_keep_flags(const Insn *i)
{
    const InsnInfo *info = &insn_info[i->op];

    if (info->cls == CLASS_STRING) {
        return info->flags_written;
    }
    return (info->map == MAP_1B &&
            ((info->opcode & 0xfe) == 0xc0 || (info->opcode & 0xfe) == 0xd2)) ||
           (info->map == MAP_0F && (info->opcode & 0xf6) == 0xa4);
}

/*
 * May the instruction run where the flags in *undefined have no defined value?
 * Then *undefined becomes what is undefined behind it.
 */
static bool track_flags(const Insn *i, unsigned *undefined)
{
    const InsnInfo *info = &insn_info[i->op];
    unsigned read = info->flags_read;

    if (may_keep_flags(i)) {
        bool through_carry = g_str_has_prefix(info->mnem, "RC");
        bool double_shift = info->map == MAP_0F;

        if ((through_carry && *undefined & FL_CF) || (double_shift && i->opsz == 2)) {
            return false;
        }
        *undefined |= info->flags_undefined;
        if (info->mnem[0] == 'S' && info->cls == CLASS_INT && i->opsz < 4 &&
            strcmp(info->mnem, "SAR")) {
            *undefined |= FL_CF;    /* counts beyond the width */
        }
        return true;
    }
    if (read & *undefined) {
        return false;
    }
    *undefined = (*undefined & ~(unsigned)info->flags_written) | info->flags_undefined;
    return true;
}

/* A locked access must not cross a cache line: only where its address is fixed. */
static bool is_wild_lock(const Insn *i)
{
    bool locks = i->prefix & PFX_LOCK || i->op == OP_XCHG_Eb_Gb || i->op == OP_XCHG_Ev_Gv;

    return locks && (i->flags & INSN_MEM) && (i->base != R_NONE || i->index != R_NONE);
}

/* Append one instruction; false: this form does not fit here. */
static bool append(FuzzSequence *s, unsigned op, GRand *rand, unsigned *undefined)
{
    FuzzCase one = { .mode = s->c.mode, .segs = s->c.segs, .in = s->c.in };
    unsigned disp_at, flags = *undefined;

    /* 32-bit string operands in 64-bit code: when registers are zero-extended differs */
    if (!fuzz_encode(&one, op, rand, &disp_at) || is_wild_lock(&one.insn) ||
        (one.insn.adsz == 2 && !one.segs) ||
        (insn_info[op].cls == CLASS_STRING && one.insn.adsz == 4 && one.mode == MODE_CODE64) ||
        (is_short_jump(op) && one.insn.opsz == 2 && !fuzz_seg_base(&one, S_CS)) ||
        !track_flags(&one.insn, &flags)) {
        return false;
    }
    one.in.rip += s->at[s->nr];
    fuzz_aim(&one, rand, disp_at);
    one.in.rip = s->c.in.rip;
    s->c.in = one.in;
    s->insn[s->nr] = one.insn;
    memcpy(s->bytes + s->at[s->nr], one.bytes, one.len);
    s->at[s->nr + 1] = s->at[s->nr] + one.len;
    *undefined = flags;
    return true;
}

static void patch_jump(FuzzSequence *s, unsigned n, unsigned target)
{
    unsigned next = s->at[n + 1];

    s->bytes[next - 1] = s->at[target] - next;
    insn_decode(&s->insn[n], s->bytes + s->at[n], next - s->at[n], s->c.mode | MODE_PE);
}

void fuzz_make_sequence(FuzzSequence *s, unsigned mode, GRand *rand, FuzzMemory *memory,
                        const GArray *ops)
{
    unsigned length = g_rand_int_range(rand, 2, SEQ_MAX + 1), undefined = 0;
    uint8_t target[SEQ_MAX] = { 0 };
    unsigned where = g_rand_int_range(rand, 0, PAGE - SEQ_BYTES);

    memset(s, 0, sizeof(*s));
    s->c.mode = mode;
    s->c.sequence = true;
    fuzz_choose_segs(&s->c, rand);
    fuzz_random_state(&s->c, rand);
    s->c.in.rip = fuzz_areas[AREA_CODE].addr + where - fuzz_seg_base(&s->c, S_CS);
    while (s->nr < length) {
        unsigned op = g_array_index(ops, uint16_t, g_rand_int_range(rand, 0, ops->len));

        /* integer instructions are what has something in between */
        if (!may_follow(op) ||
            (insn_info[op].cls != CLASS_INT && g_rand_int_range(rand, 0, 8))) {
            continue;
        }
        undefined |= s->undefined[s->nr];
        s->undefined[s->nr] = undefined;
        if (!append(s, op, rand, &undefined)) {
            continue;
        }
        if (is_short_jump(op)) {
            unsigned to = s->nr + 1 + g_rand_int_range(rand, 0, 4);

            target[s->nr] = MIN(to, length);
            s->undefined[target[s->nr]] |= undefined;
        }
        s->nr++;
    }
    s->undefined[s->nr] |= undefined;
    memcpy(s->bytes + s->at[s->nr], "\x0f\x0b", 2);
    insn_decode(&s->insn[s->nr], s->bytes + s->at[s->nr], 2, mode | MODE_PE);
    s->at[s->nr + 1] = s->at[s->nr] + 2;
    for (unsigned n = 0; n < s->nr; n++) {
        if (is_short_jump(s->insn[n].op)) {
            patch_jump(s, n, target[n]);
        }
    }
    memcpy(*memory + fuzz_area_offset(AREA_CODE) + where, s->bytes, s->at[s->nr + 1]);
}

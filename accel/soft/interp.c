/* The integer half of the interpreter: prepare an instruction, pick its handler */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

/* Offset within gpr[] of a byte register: AH CH DH BH are 4..7 without REX. */
static uint8_t byte_offset(const Insn *i, unsigned r)
{
    return r >= 4 && r < 8 && !(i->rex & 0x40) ? (r - 4) * 8 + 1 : r * 8;
}

static void swap_operands(Insn *i)
{
    uint8_t r = i->reg;

    i->reg = i->rm;
    i->rm = r;
}

/*
 * Make the many encodings few: the destination register of two-register forms is
 * rm, the accumulator is named, a shift by one has its count in imm, byte
 * registers are offsets.
 */
void int_prepare(Insn *i)
{
    const InsnInfo *info = &insn_info[i->op];
    unsigned kind0 = opnd_info[info->opnd[0]].kind, kind1 = opnd_info[info->opnd[1]].kind;

    if (i->prefix & PFX_VEX) {
        return;
    }
    if (kind0 == K_ZREG) {
        i->rm = i->reg;
    }
    if (i->op == OP_XCHG_Zv_rAX) {
        i->reg = R_AX;
    } else if (kind0 == K_FIXED && (kind1 == K_IMM || kind1 == K_SIMM)) {
        i->rm = R_AX;
        i->rex |= 0x40;
    } else if (kind0 == K_GREG && kind1 == K_RM && !(i->flags & INSN_MEM) &&
               ((i->op >= OP_ADD_Eb_Gb && i->op <= OP_CMP_Ev_Is) || i->op == OP_MOV_Gb_Eb ||
                i->op == OP_MOV_Gv_Ev)) {
        swap_operands(i);
    }
    if (info->opnd[1] == O_1) {
        i->imm = 1;
    }
    i->vl = byte_offset(i, i->reg);
    i->opcode = byte_offset(i, i->rm);
}

OpFn *pick_int(const Insn *i, uint32_t mode)
{
    OpFn *fn = pick_lock(i, mode);

    fn = fn ? fn : pick_alu(i, mode);
    fn = fn ? fn : pick_mov(i, mode);
    fn = fn ? fn : pick_branch(i, mode);
    fn = fn ? fn : pick_stack(i, mode);
    fn = fn ? fn : pick_shift(i, mode);
    fn = fn ? fn : pick_bit(i, mode);
    return fn ? fn : pick_muldiv(i, mode);
}

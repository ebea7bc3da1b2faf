/* What a block's instructions need of each other: dead flags, compare and jump */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/interp-int.h"

static bool may_fault(const Insn *i)
{
    const InsnInfo *info = &insn_info[i->op];

    return (i->flags & INSN_MEM) || (info->attr & A_FAULTS) || info->cls != CLASS_INT ||
           info->emit != EMIT_COPY;
}

/*
 * Flags are dead when a later instruction overwrites them all before anybody can
 * look: a reader, or a fault, which shows them to a handler.
 */
static void mark_dead_flags(Op *ops, unsigned nr)
{
    uint32_t live = FL_ARITH;
    unsigned n = nr;

    while (n-- > 0) {
        Insn *i = &ops[n].i;
        const InsnInfo *info = &insn_info[i->op];
        uint32_t changed = (info->flags_written | info->flags_undefined) & FL_ARITH;

        if (ops[n].fn) {
            live = FL_ARITH;
            continue;
        }
        if (changed && !(changed & live)) {
            i->flags |= INSN_FLAGS_DEAD;
        }
        live = (live & ~changed) | (info->flags_read & FL_ARITH);
        if (may_fault(i)) {
            live = FL_ARITH;
        }
    }
}

static bool is_jcc(const Insn *i)
{
    return i->op >= OP_JO_Jb && i->op <= OP_CMOVG_Gv_Ev && (i->op - OP_JO_Jb) % 4 < 2;
}

void block_analyse(Op *ops, unsigned nr)
{
    mark_dead_flags(ops, nr);
    if (nr >= 2 && !ops[nr - 1].fn && !ops[nr - 2].fn && is_jcc(&ops[nr - 1].i) &&
        insn_info[ops[nr - 2].i.op].cls == CLASS_INT) {
        ops[nr - 2].i.flags |= INSN_FUSED;
    }
}

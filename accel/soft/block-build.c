/* Build a block: fetch bytes, decode, analyse, choose handlers */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/block-int.h"
#include "accel/soft/decode.h"
#include "accel/soft/fpu.h"
#include "accel/soft/interp-int.h"

const Op *block_op_leave(SoftCpu *cpu, const Op *op)
{
    cpu->rip = cpu_insn_rip(cpu, op);
    cpu->link_from = NULL;
    return LEAVE(cpu);
}

/* Behind the last instruction. */
static const Op *op_fallthrough(SoftCpu *cpu, const Op *op)
{
    return branch_link(cpu, op, (const Link *)(op + 1), 1);
}

static const Op *op_ud(SoftCpu *cpu, const Op *op)
{
    cpu_raise(cpu, op, EXC_UD);
}

static const Op *op_gp(SoftCpu *cpu, const Op *op)
{
    cpu_raise_err(cpu, op, EXC_GP, 0);
}

/* The debugger's breakpoint: stop in front of the instruction. */
static const Op *op_breakpoint(SoftCpu *cpu, const Op *op)
{
    cpu->rip = cpu_insn_rip(cpu, op);
    cpu->link_from = NULL;
    gdb_stop_here(cpu);
    return LEAVE(cpu);
}

/*
 * Up to 15 bytes at offset from phys (which may lie in the second page).
 * Returns how many there are.
 */
static unsigned fetch(SoftCpu *cpu, uint8_t *buf, uint64_t phys, uint64_t phys2, unsigned offset)
{
    uint64_t at = phys + offset;
    unsigned first = MIN(15, 4096 - (unsigned)(at & 4095)), n = 0, want = first;
    const uint8_t *host;

    if (at >> 12 != phys >> 12) {
        return 0;
    }
    for (;;) {
        host = phys_ops->ram(cpu, at, false);
        if (host) {
            memcpy(buf + n, host, want);
            n += want;
        } else {
            for (; want; want--) {
                buf[n++] = phys_ops->ld(cpu, at++, 1);
            }
        }
        if (n == 15 || phys2 == RAM_ADDR_NONE || offset != 0) {
            return n;
        }
        at = phys2;
        want = 15 - n;
    }
}

static OpFn *pick(const Insn *i, uint32_t mode)
{
    const InsnInfo *info = &insn_info[i->op];
    OpFn *fn;

    if ((info->attr & A_CPL0) && (mode & MODE_CPL_NOT0)) {
        return op_gp;
    }
    switch (info->cls) {
    case CLASS_INT:
        fn = pick_int(i, mode);
        break;
    case CLASS_STRING:
        fn = pick_string(i, mode);
        break;
    case CLASS_SYS:
        fn = pick_sys(i, mode);
        break;
    case CLASS_X87:
        fn = pick_x87(i, mode);
        break;
    default:
        fn = pick_sse(i, mode);
        break;
    }
    return fn ? fn : op_ud;
}

/* One op at offset. False: it needs bytes that are not there. */
static bool decode_op(SoftCpu *cpu, Op *op, const uint8_t *bytes, unsigned avail, unsigned offset,
                      uint32_t mode)
{
    int len = insn_decode(&op->i, bytes, avail, mode);

    if (len == 0) {
        return false;
    }
    op->fn = NULL;
    if (len < 0) {
        memset(&op->i, 0, sizeof(op->i));
        op->i.len = 1;
        op->fn = len == -EXC_GP ? op_gp : op_ud;
    }
    op->i.next = offset + op->i.len;
    if (!op->fn && unlikely(insn_features_hidden) && insn_hide(&op->i)) {
        op->fn = op_ud;
    }
    if (op->fn) {
        return true;
    }
    if ((op->i.flags & INSN_RIP_REL) && op->i.base == R_NONE) {
        op->i.base = R_RIP;
        op->i.disp = (int32_t)((uint32_t)op->i.disp + op->i.next);
    }
    if (insn_info[op->i.op].cls == CLASS_INT) {
        int_prepare(&op->i);
    }
    return true;
}

static bool ends_block(const Op *op)
{
    InsnEmit emit = insn_info[op->i.op].emit;

    return op->fn || emit == EMIT_END || emit == EMIT_BRANCH;
}

static void choose_handlers(SoftCpu *cpu, Op *ops, unsigned nr, uint32_t mode)
{
    unsigned n;

    for (n = 0; n < nr; n++) {
        Op *op = &ops[n];

        if (op->fn) {
            continue;
        }
        if (op->i.flags & INSN_FUSED) {
            op->fn = pick_fused(&op->i, &op[1].i, mode);
        }
        if (!op->fn) {
            op->fn = cpuid_allows(cpu, &op->i) ? pick(&op->i, mode) : op_ud;
        }
    }
}

Block *block_build(SoftCpu *cpu, uint64_t phys, uint64_t phys2, uint32_t mode)
{
    Op ops[BLOCK_MAX_INSNS + 1];
    unsigned nr = 0, offset = 0, max = mode & MODE_ONE ? 1 : BLOCK_MAX_INSNS;
    Block *b;

    while (nr < max) {
        uint8_t bytes[16];
        unsigned avail;

        if (nr && gdb_breaks_at(cpu, offset)) {
            break;
        }
        avail = fetch(cpu, bytes, phys, phys2, offset);
        if (avail == 0 || !decode_op(cpu, &ops[nr], bytes, avail, offset, mode)) {
            if (nr == 0) {
                return NULL;
            }
            break;
        }
        offset = ops[nr].i.next;
        nr++;
        if (ends_block(&ops[nr - 1])) {
            break;
        }
    }
    block_analyse(ops, nr);
    choose_handlers(cpu, ops, nr, mode);
    if (!(mode & MODE_STEP) && gdb_breaks_at(cpu, 0)) {
        ops[0].fn = op_breakpoint;
    }

    memset(&ops[nr], 0, sizeof(Op));
    ops[nr].fn = op_fallthrough;
    ops[nr].i.next = offset;
    b = g_malloc0(sizeof(Block) + (nr + 1) * sizeof(Op) + 2 * sizeof(Link));
    b->rip = cpu->rip;
    b->phys = phys;
    b->phys2 = (phys & 4095) + offset > 4096 ? phys2 : RAM_ADDR_NONE;
    b->ram = b->ram2 = RAM_ADDR_NONE;
    b->key_mode = mode;
    atomic_init(&b->mode, mode);
    b->size = offset;
    b->nr_insn = nr;
    b->nr_ops = nr + 1;
    memcpy(b->ops, ops, (nr + 1) * sizeof(Op));
    return b;
}

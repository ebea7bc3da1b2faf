/* IN and OUT: rights by IOPL and the TSS bitmap, and the ports themselves */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"
#include "accel/soft/interp-sys.h"
#include "memory/memory.h"

void io_check(SoftCpu *cpu, const Op *op, uint16_t port, unsigned size)
{
    uint32_t map, bits;

    if (!(cpu->cr0 & CR0_PE) || (cpu->cpl <= iopl(cpu) && !(cpu->eflags & FL_VM))) {
        return;
    }
    /* SDM vol. 1, 19.5.2: two bytes are read, so the map ends with one of all ones */
    if (!(cpu->tr.attr & SEG_P) || !(SEG_TYPE(cpu->tr.attr) & 8) || cpu->tr.limit < 103) {
        goto denied;
    }
    map = mem_load_sys(cpu, op, cpu->tr.base + 102, 2) + port / 8;
    if (map + 1 > cpu->tr.limit) {
        goto denied;
    }
    bits = mem_load_sys(cpu, op, cpu->tr.base + map, 2) >> (port & 7);
    if (!(bits & ((1u << size) - 1))) {
        return;
    }
denied:
    cpu_raise_err(cpu, op, EXC_GP, 0);
}

uint32_t io_in(SoftCpu *cpu, uint16_t port, unsigned size)
{
    debug_check_io(cpu, port, size);
    return mem_load(io_space(), port, size);
}

void io_out(SoftCpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    debug_check_io(cpu, port, size);
    mem_store(io_space(), port, value, size);
}

static uint16_t port_of(SoftCpu *cpu, const Op *op)
{
    switch (op->i.op) {
    case OP_IN_AL_Ib: case OP_IN_rAX_Ib: case OP_OUT_Ib_AL: case OP_OUT_Ib_rAX:
        return (uint8_t)op->i.imm;
    default:
        return cpu->gpr[R_DX];
    }
}

/* A port may have reset the machine or raised an interrupt: look at events behind each. */
static const Op *after_io(SoftCpu *cpu, const Op *op)
{
    if (cpu->exit_request) {
        return END_BLOCK(cpu, op);
    }
    return NEXT(cpu, op);
}

static const Op *op_in(SoftCpu *cpu, const Op *op)
{
    uint16_t port = port_of(cpu, op);

    io_check(cpu, op, port, op->i.opsz);
    reg_set(cpu, R_AX, op->i.opsz, io_in(cpu, port, op->i.opsz));
    return after_io(cpu, op);
}

static const Op *op_out(SoftCpu *cpu, const Op *op)
{
    uint16_t port = port_of(cpu, op);

    io_check(cpu, op, port, op->i.opsz);
    io_out(cpu, port, reg_get(cpu, R_AX, op->i.opsz), op->i.opsz);
    return after_io(cpu, op);
}

OpFn *pick_sys_io(const Insn *insn, uint32_t mode)
{
    switch (insn->op) {
    case OP_IN_AL_Ib: case OP_IN_rAX_Ib: case OP_IN_AL_DX: case OP_IN_rAX_DX:
        return op_in;
    case OP_OUT_Ib_AL: case OP_OUT_Ib_rAX: case OP_OUT_DX_AL: case OP_OUT_DX_rAX:
        return op_out;
    default:
        return NULL;
    }
}

/* x87 instructions run by the host's x87 with the guest's whole x87 state: slow, but exact */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu-int.h"

/*
 * A stub loads the state from an FXSAVE image, runs the instruction with its
 * memory operand at [rsi] and stores the state. Exceptions the guest has
 * unmasked only become pending: no waiting instruction follows in the stub, and
 * the host's x87 is clean again when it returns. flags go in (FCMOV) and out (FCOMI).
 */
typedef uint64_t X87Stub(void *image, void *mem, uint64_t flags, const uint16_t *host_fcw);

typedef struct X87Image {
    uint8_t b[FXSAVE_SIZE] ALIGNED(64);
} X87Image;

enum { IMG_FCW = 0, IMG_FSW = 2, IMG_FTW = 4, IMG_MXCSR = 24 };

bool (*soft_cpu_ferr)(SoftCpu *cpu);

/* ModRM of the stub: the table's fixed part (aliases differ), st(i) or [rsi]. */
static uint8_t x87_stub_modrm(const Insn *i)
{
    uint16_t mrm = insn_info[i->op].mrm;

    if (mrm & MRM_BYTE) {
        return mrm & 0xff;
    }
    if (i->flags & INSN_MEM) {
        return (mrm & 7) << 3 | 6;
    }
    return 0xc0 | (mrm & 7) << 3 | (i->modrm & 7);
}

bool x87_host_prepare(const Insn *i, uint32_t mode)
{
    StubCode code = { .len = 0 };
    uint32_t stub;

    STUB_PUT(&code, 0x52, 0x9d);                /* push rdx; popfq */
    STUB_PUT(&code, 0x48, 0x0f, 0xae, 0x0f);    /* fxrstor64 [rdi] */
    STUB_PUT(&code, insn_info[i->op].opcode, x87_stub_modrm(i));
    STUB_PUT(&code, 0x48, 0x0f, 0xae, 0x07);    /* fxsave64 [rdi] */
    STUB_PUT(&code, 0x9c, 0x58);                /* pushfq; pop rax */
    STUB_PUT(&code, 0xf6, 0x47, IMG_FSW, 0x80); /* test byte [rdi + 2], ES */
    STUB_PUT(&code, 0x75, 5);                   /* jnz 1f */
    STUB_PUT(&code, 0x0f, 0x77, 0xd9, 0x29, 0xc3);      /* emms; fldcw [rcx]; ret */
    STUB_PUT(&code, 0xdb, 0xe3, 0xc3);          /* 1: fninit; ret */
    stub = stub_publish(&code);
    insn_set_stub(i, stub, 0, 0, mode);
    return stub != 0;
}

static void x87_run(SoftCpu *cpu, const Op *op, X87Image *image, void *mem, uint64_t *flags)
{
    static const uint16_t host_fcw = FCW_INIT;
    uint32_t mxcsr = MXCSR_INIT;
    X87Stub *stub = (X87Stub *)(stub_base + insn_stub(&op->i));

    fpu_get_x87(cpu, image->b, true);
    memset(image->b + 6, 0, 18);                /* FOP, FIP, FDP: none of the host's business */
    memcpy(image->b + IMG_MXCSR, &mxcsr, 4);
    if (cpu->fx.fsw & FSW_ES) {
        image->b[IMG_FCW] |= FCW_MASKS;         /* IGNNE#: pending, and ignored */
    }
    *flags = stub(image->b, mem, (*flags & FL_ARITH) | 2, &host_fcw);
}

static void x87_commit(SoftCpu *cpu, const Op *op, X87Image *image)
{
    uint16_t fop = cpu->fx.fop, fcw = cpu->fx.fcw;
    uint64_t fip = cpu->fx.fip, fdp = cpu->fx.fdp;
    bool pending = cpu->fx.fsw & FSW_ES;

    fpu_set_x87(cpu, image->b, true);
    cpu->fx.fcw = fcw;
    cpu->fx.fop = fop;
    cpu->fx.fip = fip;
    cpu->fx.fdp = fdp;
    fpu_control_changed(cpu);
    if (!pending && (cpu->fx.fsw & FSW_ES)) {
        /* Only now, as AMD does and as FDP_EXCPTN_ONLY says. */
        cpu->fx.fop = (insn_info[op->i.op].opcode & 7) << 8 | op->i.modrm;
        cpu->fx.fip = cpu_insn_rip(cpu, op);
        cpu->fx.fdp = op->i.flags & INSN_MEM ? ea_offset(cpu, op) : 0;
    }
    /* The host's sticky flags are now exactly the guest's; the fast handlers rely on it. */
    cpu->fx.x87_fast = !pending && (fcw & FCW_MASKS) == FCW_MASKS;
}

static NOINLINE void x87_host_mem(SoftCpu *cpu, const Op *op, bool store)
{
    X87Image image;
    uint8_t mem[16] ALIGNED(16);
    unsigned size = insn_opnd_size(&op->i, 0);
    uint64_t la = ea_linear(cpu, op, size, store);
    uint64_t flags = 0;
    uint16_t fsw, raised;

    if (!store) {
        mem_load_bytes(cpu, op, la, mem, size);
    }
    x87_run(cpu, op, &image, mem, &flags);
    memcpy(&fsw, image.b + IMG_FSW, 2);
    raised = fsw & ~cpu->fx.fcw & FSW_EXC;
    /* An unmasked exception other than precision leaves memory alone; SDM vol. 1, 8.5. */
    if (store && ((cpu->fx.fsw & FSW_ES) || !(raised & ~FSW_PE))) {
        mem_store_bytes(cpu, op, la, mem, size);
    }
    x87_commit(cpu, op, &image);
}

static NOINLINE void x87_host_reg(SoftCpu *cpu, const Op *op)
{
    X87Image image;
    const InsnInfo *info = &insn_info[op->i.op];
    uint64_t flags = info->flags_read ? cpu_get_flags(cpu) : 0;

    x87_run(cpu, op, &image, NULL, &flags);
    x87_commit(cpu, op, &image);
    if (info->flags_written) {
        cpu_set_flags(cpu, flags & FL_ARITH);
    }
}

const Op *x87_host(SoftCpu *cpu, const Op *op)
{
    X87_WAIT(cpu, op);
    if (op->i.flags & INSN_MEM) {
        x87_host_mem(cpu, op, insn_info[op->i.op].access == ACC_W);
    } else {
        x87_host_reg(cpu, op);
    }
    return NEXT(cpu, op);
}

bool x87_pending(SoftCpu *cpu, const Op *op)
{
    if (cpu->cr0 & CR0_NE) {
        cpu_raise(cpu, op, EXC_MF);
    }
    if (!soft_cpu_ferr || soft_cpu_ferr(cpu)) {
        return true;
    }
    cpu->rip = cpu_insn_rip(cpu, op);
    return false;
}

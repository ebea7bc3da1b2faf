/* Host code for one MMX, SSE or AVX instruction with its registers renamed */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/fpu-int.h"

/*
 * The instruction runs as itself: same opcode, prefix, immediate, vector length.
 * Its operands are renamed, whatever the guest's registers are:
 *
 *     reg     xmm1, mm1 or rcx     loaded from and stored to [rdi]
 *     r/m     xmm2, mm2 or rdx     [rsi]; a memory operand stays one, at [rsi]
 *     vvvv    xmm3                 loaded from [rdx]
 *     is4     xmm4                 loaded from [r8]
 *     xmm0, rax, rdx, rcx          where the instruction names them itself
 *     r10                          the SoftCpu
 *
 * The guest's MXCSR is in effect just for the instruction.
 */
#define CPU_OFF(field) ((uint32_t)offsetof(SoftCpu, field))

typedef struct StubPlan {
    const Insn *i;
    const InsnInfo *info;
    RegKind reg, rm;
    bool mem, vex, wide;        /* wide: 256 bits */
    bool vvvv, is4, xmm0, imm;
    bool dest_rm, dest_none;
    bool explicit_length, index_out, mask_out;  /* PCMPxSTRx */
    bool mmx;
    unsigned mem_size;
} StubPlan;

static bool plan_operand(StubPlan *plan, unsigned n)
{
    switch (opnd_info[plan->info->opnd[n]].kind) {
    case K_NONE:
        return true;
    case K_XREG:
        plan->reg = RK_VEC;
        return true;
    case K_MREG:
        plan->reg = RK_MMX;
        return true;
    case K_GREG:
        plan->reg = RK_GPR;
        return true;
    case K_XVVVV:
        plan->vvvv = true;
        return true;
    case K_XIS4:
        plan->is4 = true;
        return true;
    case K_IMM:
        plan->imm = true;
        return true;
    case K_XRM:
    case K_XRMREG:
        plan->rm = RK_VEC;
        break;
    case K_MRM:
    case K_MRMREG:
        plan->rm = RK_MMX;
        break;
    case K_RM:
    case K_RMREG:
        plan->rm = RK_GPR;
        break;
    case K_MEM:
        break;
    default:
        return false;
    }
    if (plan->i->flags & INSN_MEM) {
        plan->rm = RK_NONE;
        plan->mem = true;
        plan->mem_size = insn_opnd_size(plan->i, n);
    }
    if (n == 0) {
        plan->dest_rm = true;
    }
    return true;
}

static bool plan_make(StubPlan *plan, const Insn *i)
{
    memset(plan, 0, sizeof(*plan));
    plan->i = i;
    plan->info = &insn_info[i->op];
    plan->vex = i->prefix & PFX_VEX;
    plan->wide = plan->vex && i->vl == 32;
    plan->dest_none = plan->info->access == ACC_R;
    for (unsigned n = 0; n < 4; n++) {
        if (!plan_operand(plan, n)) {
            return false;
        }
    }
    /* VEX shifts by immediate have their destination in vvvv: hand it over as reg. */
    plan->mmx = plan->reg == RK_MMX || plan->rm == RK_MMX;
    switch (i->op) {
    case OP_PBLENDVB_Vdq_Wdq:
    case OP_BLENDVPS_Vdq_Wdq:
    case OP_BLENDVPD_Vdq_Wdq:
    case OP_SHA256RNDS2_Vdq_Wdq:
        plan->xmm0 = true;
        break;
    case OP_PCMPESTRM_Vdq_Wdq_Ib:
    case OP_VPCMPESTRM_Vdq_Wdq_Ib:
        plan->explicit_length = plan->mask_out = true;
        break;
    case OP_PCMPESTRI_Vdq_Wdq_Ib:
    case OP_VPCMPESTRI_Vdq_Wdq_Ib:
        plan->explicit_length = plan->index_out = true;
        break;
    case OP_PCMPISTRM_Vdq_Wdq_Ib:
    case OP_VPCMPISTRM_Vdq_Wdq_Ib:
        plan->mask_out = true;
        break;
    case OP_PCMPISTRI_Vdq_Wdq_Ib:
    case OP_VPCMPISTRI_Vdq_Wdq_Ib:
        plan->index_out = true;
        break;
    default:
        break;
    }
    return true;
}

/* movups or vmovups between vector register n and [base], base a legacy register other than rsp. */
static void put_vec_move(StubCode *code, const StubPlan *plan, bool store, unsigned n,
                         unsigned base)
{
    if (plan->vex) {
        /* A VEX destination is stored whole: the instruction has cleared what is above. */
        STUB_PUT(code, 0xc5, plan->wide || store ? 0xfc : 0xf8);
    } else {
        STUB_PUT(code, 0x0f);
    }
    STUB_PUT(code, store ? 0x11 : 0x10, n << 3 | base);
}

/* The same for [r10 + offset]. */
static void put_vec_cpu(StubCode *code, const StubPlan *plan, bool store, unsigned n,
                        uint32_t offset)
{
    if (plan->vex) {
        STUB_PUT(code, 0xc4, 0xc1, plan->wide || store ? 0x7c : 0x78);
    } else {
        STUB_PUT(code, 0x41, 0x0f);
    }
    STUB_PUT(code, store ? 0x11 : 0x10, 0x80 | n << 3 | 2);
    stub_put32(code, offset);
}

#define PUT_CPU(code, offset, ...)          \
    do {                                    \
        STUB_PUT(code, __VA_ARGS__);        \
        stub_put32(code, offset);           \
    } while (0)

/*
 * LDMXCSR or STMXCSR [r10 + offset]. Among VEX instructions as one of them: the
 * legacy form costs hundreds of cycles while upper halves are in use.
 */
static void put_mxcsr(StubCode *code, const StubPlan *plan, bool store, uint32_t offset)
{
    if (plan->vex) {
        STUB_PUT(code, 0xc4, 0xc1, 0x78, 0xae, store ? 0x9a : 0x92);
    } else {
        STUB_PUT(code, 0x41, 0x0f, 0xae, store ? 0x9a : 0x92);
    }
    stub_put32(code, offset);
}

static void put_loads(StubCode *code, const StubPlan *plan)
{
    STUB_PUT(code, 0x49, 0x89, 0xca);                   /* mov r10, rcx */
    if (plan->reg == RK_VEC) {
        put_vec_move(code, plan, false, 1, 7);
    } else if (plan->reg == RK_MMX) {
        STUB_PUT(code, 0x0f, 0x6f, 0x0f);               /* movq mm1, [rdi] */
    } else if (plan->reg == RK_GPR) {
        STUB_PUT(code, 0x48, 0x8b, 0x0f);               /* mov rcx, [rdi] */
    }
    if (plan->vvvv) {
        put_vec_move(code, plan, false, 3, 2);
    }
    if (plan->is4) {
        STUB_PUT(code, 0x4c, 0x89, 0xc0);               /* mov rax, r8 */
        put_vec_move(code, plan, false, 4, 0);
    }
    if (plan->xmm0) {
        put_vec_cpu(code, plan, false, 0, CPU_OFF(vec));
    }
    if (plan->rm == RK_VEC) {
        put_vec_move(code, plan, false, 2, 6);
    } else if (plan->rm == RK_MMX) {
        STUB_PUT(code, 0x0f, 0x6f, 0x16);               /* movq mm2, [rsi] */
    } else if (plan->rm == RK_GPR) {
        STUB_PUT(code, 0x48, 0x8b, 0x16);               /* mov rdx, [rsi] */
    }
    if (plan->explicit_length) {
        PUT_CPU(code, CPU_OFF(gpr[R_AX]), 0x49, 0x8b, 0x82);    /* mov rax, [r10 + rax] */
        PUT_CPU(code, CPU_OFF(gpr[R_DX]), 0x49, 0x8b, 0x92);    /* mov rdx, [r10 + rdx] */
    }
    if (plan->info->attr & A_FP) {
        put_mxcsr(code, plan, false, CPU_OFF(fx.mxcsr_run));
    }
}

static void put_instruction(StubCode *code, const StubPlan *plan)
{
    static const uint8_t pp_byte[] = { [PP_66] = 0x66, [PP_F3] = 0xf3, [PP_F2] = 0xf2 };
    static const uint8_t pp_vex[] = { [PP_66] = 1, [PP_F3] = 2, [PP_F2] = 3 };
    const Insn *i = plan->i;
    bool ext = plan->info->mrm & MRM_EXT;
    bool w = plan->info->width == WIDTH_y ? i->opsz == 8 : i->rex & 8;
    unsigned modrm = (ext ? plan->info->mrm & 7 : 1) << 3 | (plan->mem ? 6 : 0xc2);

    if (plan->vex) {
        STUB_PUT(code, 0xc4, 0xe0 | (i->map - MAP_V1 + 1),
                 w << 7 | (plan->vvvv ? 0xf ^ 3 : 0xf) << 3 | plan->wide << 2 | pp_vex[i->pp]);
    } else {
        if (i->pp != PP_NONE) {
            STUB_PUT(code, pp_byte[i->pp]);
        }
        if (w) {
            STUB_PUT(code, 0x48);
        }
        STUB_PUT(code, 0x0f);
        if (i->map == MAP_0F38) {
            STUB_PUT(code, 0x38);
        } else if (i->map == MAP_0F3A) {
            STUB_PUT(code, 0x3a);
        }
    }
    STUB_PUT(code, i->opcode, modrm);
    if (plan->is4) {
        STUB_PUT(code, 4 << 4 | (i->imm & 0xf));
    } else if (plan->imm) {
        STUB_PUT(code, (uint8_t)i->imm);
    }
}

/* Store the destination, into its place or for the caller into fx.result. */
static void put_result(StubCode *code, const StubPlan *plan, bool in_place)
{
    RegKind kind = plan->dest_rm ? plan->rm : plan->reg;
    unsigned n = plan->dest_rm ? 2 : 1, base = plan->dest_rm ? 6 : 7;
    uint32_t result = CPU_OFF(fx.result);
    bool shift = plan->vvvv && !plan->reg;      /* VEX shift by immediate: vvvv is written */

    if (plan->dest_none) {
        return;
    }
    if (shift) {
        put_vec_move(code, plan, true, 3, 7);
    } else if (kind == RK_VEC && in_place) {
        put_vec_move(code, plan, true, n, base);
    } else if (kind == RK_VEC) {
        put_vec_cpu(code, plan, true, n, result);
    } else if (kind == RK_MMX && in_place) {
        STUB_PUT(code, 0x0f, 0x7f, n << 3 | base);              /* movq [base], mmN */
    } else if (kind == RK_MMX) {
        PUT_CPU(code, result, 0x41, 0x0f, 0x7f, 0x80 | n << 3 | 2);
    } else if (kind == RK_GPR && in_place) {
        STUB_PUT(code, 0x48, 0x89, n << 3 | base);              /* mov [base], rcx or rdx */
    } else if (kind == RK_GPR) {
        PUT_CPU(code, result, 0x49, 0x89, 0x80 | n << 3 | 2);
    }
}

static void put_leave(StubCode *code, const StubPlan *plan, uint8_t value)
{
    if (plan->mmx) {
        STUB_PUT(code, 0x0f, 0x77);                     /* emms */
    }
    if (plan->wide) {
        STUB_PUT(code, 0xc5, 0xf8, 0x77);               /* vzeroupper */
    }
    STUB_PUT(code, 0xb8, value, 0, 0, 0, 0xc3);         /* mov eax, value; ret */
}

static void put_stores(StubCode *code, const StubPlan *plan)
{
    unsigned jump = 0;

    if (plan->info->flags_written) {
        STUB_PUT(code, 0x9c);                           /* pushfq */
        PUT_CPU(code, CPU_OFF(fx.flags_out), 0x41, 0x8f, 0x82);     /* pop [r10 + flags_out] */
    }
    if (plan->info->attr & A_FP) {
        put_mxcsr(code, plan, true, CPU_OFF(fx.mxcsr_out));
        put_mxcsr(code, plan, false, CPU_OFF(fx.mxcsr_host));
        PUT_CPU(code, CPU_OFF(fx.mxcsr_out), 0x41, 0x8b, 0x82);     /* mov eax, [r10 + out] */
        PUT_CPU(code, CPU_OFF(fx.mxcsr_run), 0x41, 0x3b, 0x82);     /* cmp eax, [r10 + run] */
        STUB_PUT(code, 0x75, 0);                                    /* jne changed */
        jump = code->len;
    }
    if (plan->index_out) {
        PUT_CPU(code, CPU_OFF(gpr[R_CX]), 0x49, 0x89, 0x8a);        /* mov [r10 + rcx], rcx */
    }
    if (plan->mask_out) {
        put_vec_cpu(code, plan, true, 0, CPU_OFF(vec));
    }
    put_result(code, plan, true);
    put_leave(code, plan, 0);
    if (jump) {
        code->byte[jump - 1] = code->len - jump;
        put_result(code, plan, false);
        put_leave(code, plan, 1);
    }
}

bool sse_stub_prepare(const Insn *i, uint32_t mode)
{
    StubPlan plan;
    StubCode code = { .len = 0 };
    unsigned vf;
    uint32_t stub;

    if (!plan_make(&plan, i)) {
        return false;
    }
    put_loads(&code, &plan);
    put_instruction(&code, &plan);
    put_stores(&code, &plan);
    stub = stub_publish(&code);
    vf = (insn_needs_alignment(i) ? VF_ALIGN : 0) | (plan.info->flags_written ? VF_FLAGS : 0) |
         (plan.dest_rm ? VF_DEST_RM : 0) | (plan.dest_none ? VF_DEST_NONE : 0) |
         (plan.mmx ? VF_WAIT : 0) | plan.reg << VF_REG_SHIFT | plan.rm << VF_RM_SHIFT;
    insn_set_stub(i, stub, vf, plan.mem_size, mode);
    return stub != 0;
}

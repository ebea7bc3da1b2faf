/* Random cases for the instruction fuzzer, made from the instruction table */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/decode.h"
#include "accel/soft/soft-cpu.h"
#include "tests/cpu/fuzz.h"

static unsigned below(GRand *rand, unsigned n)
{
    return g_rand_int_range(rand, 0, n);
}

static bool one_in(GRand *rand, unsigned n)
{
    return below(rand, n) == 0;
}

static uint64_t random64(GRand *rand)
{
    return (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
}

/* Integers that find edges, floats that find special cases. */
static uint64_t random_value(GRand *rand)
{
    static const uint64_t corners[] = {
        0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
        0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
        0xffffffffffffffff, 0xffffffff80000000, 0xffffffffffffff80, 0xfffffffffffffffe,
    };
    static const uint64_t floats[] = {
        0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
        0x7ff8000000000000, 0x7ff4000000000001, 0xfff8000000000001, 0x0000000000000001,
        0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x4330000000000000,
        0x41e0000000000000, 0xc1e0000000200000, 0x43e0000000000000, 0x3fe0000000000000,
        0x36a0000000000000, 0x47efffffffffffff, 0x400921fb54442d18, 0xc340000000000001,
    };
    static const uint32_t singles[] = {
        0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
        0x7fa00001, 0xffc00001, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4f000000,
        0xcf000001, 0x5f000000, 0x3f000000, 0x42280000, 0x33800000, 0xc2f00000,
    };

    switch (below(rand, 8)) {
    case 0:
        return corners[below(rand, ARRAY_SIZE(corners))];
    case 1:
        return floats[below(rand, ARRAY_SIZE(floats))];
    case 2:
        return (uint64_t)singles[below(rand, ARRAY_SIZE(singles))] << 32 |
               singles[below(rand, ARRAY_SIZE(singles))];
    case 3:
        return below(rand, 200) - 100ull;
    case 4:     /* doubles of ordinary size */
        return (random64(rand) & 0x800fffffffffffff) | (uint64_t)(0x3f0 + below(rand, 0x20)) << 52;
    case 5:     /* singles of ordinary size */
        return (random64(rand) & 0x807fffff807fffff) | (uint64_t)(0x70 + below(rand, 32)) << 55 |
               (uint64_t)(0x70 + below(rand, 32)) << 23;
    case 6:
        return 1ull << below(rand, 64);
    default:
        return random64(rand);
    }
}

/* Numbers are made once, and each case gets them from another place on. */
void fuzz_fill(FuzzMemory *memory, GRand *rand)
{
    enum { POOL = 64 * 1024 };
    static uint8_t pool[POOL + sizeof(FuzzMemory)];
    static bool made;

    if (!made) {
        GRand *own = g_rand_new_with_seed(1);

        for (unsigned at = 0; at < sizeof(pool); at += 8) {
            uint64_t v = one_in(own, 16) ? fuzz_areas[AREA_CODE].addr + below(own, PAGE)
                                         : random_value(own);

            memcpy(pool + at, &v, sizeof(v));
        }
        g_rand_free(own);
        made = true;
    }
    memcpy(*memory, pool + 8 * below(rand, POOL / 8), sizeof(*memory));
}

/* Forms that act on what the guest does not share with the host, or that Linux answers itself. */
static bool is_excluded(unsigned op)
{
    static const uint16_t ops[] = {
        OP_RDRAND_Rv, OP_RDSEED_Rv, OP_RDPID_Rn, OP_RDTSC, OP_RDTSCP, OP_CPUID, OP_XGETBV,
        OP_VMCALL, OP_VMMCALL, OP_MONITOR, OP_MWAIT, OP_SERIALIZE, OP_RDPKRU, OP_WRPKRU,
        OP_SYSCALL, OP_SYSENTER, OP_INT_Ib, OP_INT1, OP_INT3, OP_INTO, OP_IRET, OP_CALLF_Ap,
        OP_CALLF_Mp,
        OP_JMPF_Ap, OP_JMPF_Mp, OP_RETF, OP_RETF_Iw, OP_RSM,
        /* Linux emulates them under UMIP */
        OP_SGDT_Ms, OP_SIDT_Ms, OP_SLDT_Mw, OP_SLDT_Rv, OP_STR_Mw, OP_STR_Rv, OP_SMSW_Mw,
        OP_SMSW_Rv,
        /* what the GDT holds */
        OP_LAR_Gv_Ew, OP_LSL_Gv_Ew, OP_VERR_Ew, OP_VERW_Ew, OP_MOV_Sw_Ew, OP_POP_ES, OP_POP_SS,
        OP_POP_DS, OP_POP_FS, OP_POP_GS, OP_LES_Gv_Mp, OP_LDS_Gv_Mp, OP_LSS_Gv_Mp, OP_LFS_Gv_Mp,
        OP_LGS_Gv_Mp, OP_MOV_Rv_Sw, OP_MOV_Mw_Sw,
        OP_RDFSBASE_Ry, OP_RDGSBASE_Ry, OP_WRFSBASE_Ry, OP_WRGSBASE_Ry,
        /* components of the host's XCR0 */
        OP_XSAVE_Mbig, OP_XRSTOR_Mbig, OP_XSAVEOPT_Mbig, OP_XSAVEC_Mbig, OP_XSAVES_Mbig,
        OP_XRSTORS_Mbig,
    };

    for (unsigned n = 0; n < ARRAY_SIZE(ops); n++) {
        if (ops[n] == op) {
            return true;
        }
    }
    return false;
}

bool fuzz_op_eligible(unsigned op, unsigned mode)
{
    const InsnInfo *info = &insn_info[op];

    return !is_excluded(op) && info->cls <= CLASS_SSE &&
           !(info->attr & (mode == MODE_CODE64 ? A_NO64 : A_O64));
}

/* The bytes of an instruction under construction. */
typedef struct Encoder {
    GRand *rand;
    unsigned mode;
    const InsnInfo *info;
    uint8_t *p;
    unsigned len, disp_at;      /* disp_at: where a disp32 without base is, 0 = none */
    unsigned pp;
    unsigned p67;               /* in 32-bit code one in so many has 16-bit addresses */
    bool mem, addr16;
} Encoder;

static void put(Encoder *e, unsigned byte)
{
    e->p[e->len++] = byte;
}

static bool wants_lock(Encoder *e)
{
    return e->mem && (e->info->attr & A_LOCK) && one_in(e->rand, 3);
}

static void put_legacy_prefixes(Encoder *e)
{
    const InsnInfo *info = e->info;
    bool any_prefix = info->prefixes == 0xf;

    e->addr16 = e->mode == MODE_CODE16;
    if (one_in(e->rand, e->mode == MODE_CODE64 ? 16 : e->mode == MODE_CODE16 ? 4 : e->p67)) {
        e->addr16 = e->mode == MODE_CODE32;
        put(e, 0x67);
    }
    if (e->mode == MODE_CODE64 && one_in(e->rand, 12)) {
        put(e, 0x65);
    } else if (one_in(e->rand, 40)) {
        put(e, "\x26\x2e\x36\x3e"[below(e->rand, 4)]);
    }
    if (info->map >= MAP_V1) {
        return;
    }
    if (any_prefix || e->pp == PP_66) {
        if (e->pp == PP_66 || one_in(e->rand, 4)) {
            put(e, 0x66);
        }
    } else if (e->pp >= PP_F3 && one_in(e->rand, 10)) {
        put(e, 0x66);
    }
    if (e->pp >= PP_F3) {
        put(e, e->pp == PP_F3 ? 0xf3 : 0xf2);
    } else if (any_prefix && one_in(e->rand, info->attr & A_REP ? 2 : 30)) {
        put(e, one_in(e->rand, 2) ? 0xf3 : 0xf2);
    }
    if (wants_lock(e)) {
        put(e, 0xf0);
    }
}

static unsigned random_bit(Encoder *e, unsigned bit)
{
    return e->mode == MODE_CODE64 && one_in(e->rand, 2) ? bit : 0;
}

/* REX, escapes and opcode; or VEX and opcode. reg and so on come from rex in both. */
static void put_opcode(Encoder *e, unsigned rex, unsigned vvvv, bool want_rex)
{
    const InsnInfo *info = e->info;
    unsigned opcode = info->opcode;

    if (info->mrm & MRM_Z) {
        opcode += below(e->rand, 8);
    }
    if (info->map >= MAP_V1) {
        bool w = info->attr & A_W0 ? false : info->attr & A_W1 ? true : one_in(e->rand, 2);
        bool l = info->attr & A_L0 ? false : info->attr & A_L1 ? true : one_in(e->rand, 2);
        unsigned last = (~vvvv & 15) << 3 | l << 2 | e->pp;

        if (info->map == MAP_V1 && !(rex & 3) && !w && one_in(e->rand, 2)) {
            put(e, 0xc5);
            put(e, (rex & 4 ? 0 : 0x80) | last);
        } else {
            put(e, 0xc4);
            put(e, (~rex & 7) << 5 | (info->map - MAP_V1 + 1));
            put(e, w << 7 | last);
        }
        put(e, opcode);
        return;
    }
    if (want_rex) {
        put(e, 0x40 | rex);
    }
    if (info->map != MAP_1B) {
        put(e, 0x0f);
    }
    if (info->map == MAP_0F38 || info->map == MAP_0F3A) {
        put(e, info->map == MAP_0F38 ? 0x38 : 0x3a);
    }
    put(e, opcode);
}

static void put_random(Encoder *e, unsigned nr)
{
    while (nr--) {
        put(e, one_in(e->rand, 3) ? below(e->rand, 4) * 0x55 : g_rand_int(e->rand));
    }
}

static void put_modrm(Encoder *e)
{
    const InsnInfo *info = e->info;
    unsigned reg = info->mrm & MRM_EXT ? info->mrm & 7 : below(e->rand, 8);
    unsigned mod, rm;

    if (info->mrm & MRM_BYTE) {
        put(e, info->mrm & 0xff);
        return;
    }
    if (!e->mem) {
        put(e, 0xc0 | reg << 3 | below(e->rand, 8));
        return;
    }
    mod = below(e->rand, 3);
    rm = info->attr & A_VSIB ? 4 : below(e->rand, 8);
    put(e, mod << 6 | reg << 3 | rm);
    if (e->addr16) {
        if (mod == 0 && rm == 6) {
            e->disp_at = e->len;
        }
        put_random(e, mod == 2 || (mod == 0 && rm == 6) ? 2 : mod);
        return;
    }
    if (rm == 4) {
        unsigned base = below(e->rand, 8);

        put(e, below(e->rand, 4) << 6 | below(e->rand, 8) << 3 | base);
        rm = base == 5 && mod == 0 ? 5 : 0;
    }
    if (mod == 0 && rm == 5) {
        e->disp_at = e->len;
    }
    put_random(e, mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);
}

static bool encode(Encoder *e)
{
    const InsnInfo *info = e->info;
    unsigned rex = random_bit(e, 1) | random_bit(e, 2) | random_bit(e, 4), vvvv = 0;
    bool want_rex = e->mode == MODE_CODE64 && one_in(e->rand, 2);
    bool has_vvvv = false;

    do {
        e->pp = below(e->rand, 4);
    } while (info->prefixes == 0xf ? e->pp != 0 : !(info->prefixes & (1 << e->pp)));
    e->mem = (info->mrm & MRM_MEM) && (!(info->mrm & MRM_REG) || one_in(e->rand, 2));
    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = opnd_info[info->opnd[n]].kind;

        has_vvvv |= kind == K_XVVVV || kind == K_VVVVREG;
    }
    if (has_vvvv) {
        vvvv = below(e->rand, e->mode == MODE_CODE64 ? 16 : 8);
    }
    put_legacy_prefixes(e);
    put_opcode(e, rex | (want_rex ? random_bit(e, 8) : 0), vvvv, want_rex);
    if (info->mrm & MRM_R) {
        put_modrm(e);
    }
    put_random(e, 16 - e->len);
    return true;
}

/* Where a memory operand of size bytes shall be. */
static uint64_t choose_target(GRand *rand, unsigned size, bool aligned, bool no_split)
{
    const FuzzArea *a = &fuzz_areas[one_in(rand, 12) ? AREA_CONST : AREA_DATA];
    uint64_t end = a->addr + a->pages * PAGE;
    uint64_t at;

    switch (below(rand, 24)) {
    case 0:     /* over or near the end, where nothing is mapped */
        at = end - below(rand, size + 1);
        break;
    case 1:
        at = a->addr - below(rand, size + 1);
        break;
    case 2:
        at = fuzz_areas[AREA_CODE].addr + below(rand, PAGE);
        break;
    case 3:
        at = one_in(rand, 2) ? below(rand, PAGE) : random64(rand) | 1ull << 62;
        break;
    case 4:
    case 5:     /* over the boundary between the two pages */
        at = fuzz_areas[AREA_DATA].addr + PAGE - below(rand, size + 1);
        break;
    default:
        at = a->addr + below(rand, a->pages * PAGE - MIN(size, PAGE));
    }
    if (aligned && size) {
        at &= -(uint64_t)size;
    }
    if (no_split) {     /* Linux punishes locked accesses across cache lines with a long sleep */
        at = (at & 63) + size > 64 ? at & ~63ull : at;
    }
    return at;
}

static bool is_bit_string(unsigned op)
{
    return op == OP_BT_Ev_Gv || op == OP_BTS_Ev_Gv || op == OP_BTR_Ev_Gv || op == OP_BTC_Ev_Gv;
}

static unsigned memory_size(const Insn *i)
{
    const InsnInfo *info = &insn_info[i->op];

    if (i->op == OP_CMPXCHG8B_M) {
        return i->opsz == 8 ? 16 : 8;
    }
    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = opnd_info[info->opnd[n]].kind;

        if (kind == K_RM || kind == K_MEM || kind == K_XRM || kind == K_MRM || kind == K_MOFFS ||
            kind == K_VSIB) {
            return opnd_info[info->opnd[n]].size == SZ_BIG ? 512 : insn_opnd_size(i, n);
        }
    }
    return 0;
}

/* Only the low half of a register counts: the other is anything. */
static void set_address(FuzzCase *c, GRand *rand, unsigned r, uint64_t v)
{
    if (c->insn.adsz == 2) {
        v = (v & 0xffff) | (one_in(rand, 2) ? (uint64_t)g_rand_int(rand) << 16 : 0);
    }
    c->in.gpr[r] = v;
}

void fuzz_choose_segs(FuzzCase *c, GRand *rand)
{
    unsigned first = c->mode == MODE_CODE16 ? 0 : NR_FUZZ_SEGS / 2;

    c->segs = NULL;
    if (c->mode == MODE_CODE16 || (c->mode == MODE_CODE32 && fuzz_native_has_ldt() &&
                                   one_in(rand, 3))) {
        c->segs = &fuzz_segs[first + below(rand, NR_FUZZ_SEGS / 2)];
    }
}

static const FuzzSeg *seg_of(const FuzzCase *c, unsigned seg)
{
    return seg == S_CS ? &c->segs->code : seg == S_SS ? &c->segs->stack : &c->segs->data;
}

uint64_t fuzz_seg_base(const FuzzCase *c, unsigned seg)
{
    return c->segs ? seg_of(c, seg)->base : 0;
}

/* An offset at one end of the segment. */
static uint64_t near_limit(const FuzzCase *c, GRand *rand, unsigned seg, unsigned size)
{
    uint64_t limit = one_in(rand, 2) ? seg_of(c, seg)->limit : 0xffff;

    return limit + 1 - below(rand, 2 * MIN(size, 64) + 1) + fuzz_seg_base(c, seg);
}

/* Choose registers so that the ModRM memory operand falls where it should; patch a bare disp32. */
static void aim(FuzzCase *c, GRand *rand, unsigned disp_at)
{
    Insn *i = &c->insn;
    unsigned size = memory_size(i);
    bool locked = i->prefix & PFX_LOCK || i->op == OP_XCHG_Eb_Gb || i->op == OP_XCHG_Ev_Gv;
    bool aligned = (insn_needs_alignment(i) || size == 512 || i->op == OP_CMPXCHG8B_M) &&
                   !one_in(rand, 8);
    uint64_t target = choose_target(rand, size == 512 && aligned ? 16 : size, aligned, locked);
    uint64_t index = 0;

    if (is_bit_string(i->op)) {
        c->in.gpr[i->reg] = locked || one_in(rand, 2) ? below(rand, 8 * i->opsz)
                                                      : (uint64_t)(below(rand, 60000) - 30000);
    }
    if (c->segs && one_in(rand, 12)) {
        target = near_limit(c, rand, i->seg, size);
    }
    target -= i->seg == S_GS && c->mode == MODE_CODE64 ? c->in.gs_base : fuzz_seg_base(c, i->seg);
    if (insn_info[i->op].attr & A_VSIB) {
        uint8_t *v = c->in.fx + 160 + 16 * i->index;
        bool q = i->opcode & 1;

        for (unsigned n = 0; n < 4; n++) {
            int64_t off = (int)below(rand, 600) - 300;

            off = one_in(rand, 30) ? (int64_t)random_value(rand) : off;
            memcpy(n < 2 ? v + 8 * n : c->in.ymm_high[i->index] + 8 * (n - 2), &off, 8);
            if (!q) {
                int32_t off32 = (int)below(rand, 600) - 300;

                memcpy((n < 2 ? v + 8 * n : c->in.ymm_high[i->index] + 8 * (n - 2)) + 4, &off32, 4);
            }
        }
    } else if (i->index != R_NONE) {
        index = one_in(rand, 2) ? below(rand, 300) : random_value(rand);
        if (i->index == i->base) {      /* (1 + scale) * x: take what comes, small */
            c->in.gpr[i->base] = target / (1 + (1 << i->scale));
            return;
        }
        if (i->index != R_SP) {
            c->in.gpr[i->index] = index;
        }
        index = c->in.gpr[i->index] << i->scale;
    }
    if (disp_at && i->base == R_NONE) {
        int32_t disp = target - index - (i->flags & INSN_RIP_REL ? c->in.rip + c->len : 0);

        memcpy(c->bytes + disp_at, &disp, i->adsz == 2 ? 2 : 4);
    } else if (i->base != R_NONE) {
        set_address(c, rand, i->base, target - index - (int64_t)i->disp);
    }
}

static uint64_t stack_linear(GRand *rand)
{
    const FuzzArea *a = &fuzz_areas[AREA_STACK];

    if (one_in(rand, 10)) {
        return a->addr + (one_in(rand, 2) ? below(rand, 40) : a->pages * PAGE - below(rand, 40));
    }
    if (one_in(rand, 10)) {
        return a->addr + PAGE - 16 + below(rand, 32);
    }
    return a->addr + 0x200 + 8 * below(rand, 0x1c00 / 8) + (one_in(rand, 8) ? below(rand, 8) : 0);
}

static uint64_t stack_target(const FuzzCase *c, GRand *rand)
{
    uint64_t at = c->segs && one_in(rand, 16) ? near_limit(c, rand, S_SS, 16) : stack_linear(rand);

    at -= fuzz_seg_base(c, S_SS);
    if (c->segs && !c->segs->stack.big && one_in(rand, 2)) {
        at = (at & 0xffff) | (uint64_t)g_rand_int(rand) << 16;
    }
    return at;
}

/* For SI, DI and the like: an offset in seg. */
static uint64_t data_target(const FuzzCase *c, GRand *rand, unsigned seg, unsigned size,
                            bool aligned)
{
    uint64_t at = c->segs && one_in(rand, 12) ? near_limit(c, rand, seg, size)
                                              : choose_target(rand, size, aligned, false);

    return at - fuzz_seg_base(c, seg);
}

/* Registers that instructions use without saying so. */
static void aim_implicit(FuzzCase *c, GRand *rand, FuzzMemory *memory)
{
    const InsnInfo *info = &insn_info[c->insn.op];
    uint64_t *gpr = c->in.gpr;
    bool rsp_used = c->insn.base == R_SP && (c->insn.flags & INSN_MEM);

    if (!rsp_used) {
        gpr[R_SP] = stack_target(c, rand);
    }
    switch (c->insn.op) {
    case OP_LEAVE:
    case OP_ENTER_Iw_Ib:
        gpr[R_BP] = stack_target(c, rand);
        break;
    case OP_XLAT:
        set_address(c, rand, R_BX, data_target(c, rand, c->insn.seg, 256, false));
        break;
    case OP_MASKMOVQ_Pq_Nq:
    case OP_MASKMOVDQU_Vdq_Udq:
    case OP_VMASKMOVDQU_Vdq_Udq:
        set_address(c, rand, R_DI, data_target(c, rand, c->insn.seg, 16, false));
        break;
    case OP_DIV_Eb: case OP_IDIV_Eb:
        gpr[R_AX] = one_in(rand, 3) ? gpr[R_AX] : (gpr[R_AX] & ~0xff00ull) | below(rand, 3) << 8;
        break;
    case OP_DIV_Ev: case OP_IDIV_Ev:
        gpr[R_DX] = one_in(rand, 3) ? gpr[R_DX] : below(rand, 3) - 1ull;
        break;
    case OP_POPF: {
        /* no AC (the harness would not like it), no TF, no NT or ID (they would stay) */
        uint64_t off = gpr[R_SP] + fuzz_seg_base(c, S_SS) - fuzz_areas[AREA_STACK].addr;

        if (off < 2 * PAGE - 8) {
            uint64_t v = random64(rand) & 0xffd7ffffffcabcd5;

            memcpy(*memory + fuzz_area_offset(AREA_STACK) + off, &v, 8);
        }
        break;
    }
    case OP_PCMPESTRI_Vdq_Wdq_Ib: case OP_PCMPESTRM_Vdq_Wdq_Ib:
    case OP_VPCMPESTRI_Vdq_Wdq_Ib: case OP_VPCMPESTRM_Vdq_Wdq_Ib:
        gpr[R_AX] = one_in(rand, 2) ? below(rand, 40) - 20ull : gpr[R_AX];
        gpr[R_DX] = one_in(rand, 2) ? below(rand, 40) - 20ull : gpr[R_DX];
        break;
    }
    if (info->cls == CLASS_STRING) {
        unsigned size = c->insn.opsz;

        set_address(c, rand, R_SI, data_target(c, rand, c->insn.seg, size, one_in(rand, 2)));
        set_address(c, rand, R_DI, one_in(rand, 4)
                                   ? gpr[R_SI] + below(rand, 64) - 32
                                   : data_target(c, rand, S_ES, size, one_in(rand, 2)));
        set_address(c, rand, R_CX, one_in(rand, 4) ? below(rand, 120) : below(rand, 6));
        if (c->insn.adsz == 4 && one_in(rand, 2)) {
            gpr[R_CX] |= (uint64_t)g_rand_int(rand) << 32;
        }
    }
    if (c->insn.op == OP_CMPXCHG_Ev_Gv && !(c->insn.flags & INSN_MEM) && one_in(rand, 2)) {
        gpr[R_AX] = gpr[c->insn.rm];
    }
}

/* The 80-bit registers, control words, vectors. */
static void random_fpu(FuzzState *s, GRand *rand)
{
    static const uint64_t mantissas[] = {
        0x8000000000000000, 0xc000000000000000, 0xffffffffffffffff, 0xa000000000000001,
        0, 0x4000000000000000, 1, 0xc90fdaa22168c235,
    };
    static const uint16_t exponents[] = { 0, 0x3fff, 0x7fff, 1, 0x7ffe, 0x4000, 0x3ffe, 0x403e };
    uint16_t fcw = 0x37f, fsw = below(rand, 8) << 11 | (g_rand_int(rand) & 0x4700);
    uint32_t mxcsr = 0x1f80;

    memset(s->fx, 0, sizeof(s->fx));
    if (one_in(rand, 2)) {
        fcw = (fcw & ~0xf00) | below(rand, 4) << 10 | "\x0\x2\x3\x3"[below(rand, 4)] << 8;
    }
    if (one_in(rand, 8)) {
        fcw &= ~(1u << below(rand, 6));
    }
    if (one_in(rand, 2)) {
        fsw |= g_rand_int(rand) & 0x3f & fcw;       /* masked ones may be pending */
    }
    if (one_in(rand, 40)) {
        fsw |= ~fcw & 0x3f;
    }
    if (fsw & ~fcw & 0x3f) {
        fsw |= 0x8080;      /* ES, B */
    }
    if (one_in(rand, 2)) {
        mxcsr |= below(rand, 4) << 13 | (g_rand_int(rand) & 0x803f);
        mxcsr |= one_in(rand, 3) ? 0x40 : 0;
    }
    if (one_in(rand, 6)) {
        mxcsr &= ~(0x80u << below(rand, 6));
    }
    memcpy(s->fx, &fcw, 2);
    memcpy(s->fx + 2, &fsw, 2);
    s->fx[4] = one_in(rand, 2) ? 0xff : g_rand_int(rand);
    memcpy(s->fx + 24, &mxcsr, 4);
    for (unsigned n = 0; n < 8; n++) {
        uint64_t m = one_in(rand, 2) ? mantissas[below(rand, ARRAY_SIZE(mantissas))]
                                     : random64(rand) | 1ull << 63;
        uint16_t e = one_in(rand, 2) ? exponents[below(rand, ARRAY_SIZE(exponents))]
                                     : 0x3fe0 + below(rand, 64);

        e |= one_in(rand, 2) ? 0x8000 : 0;
        memcpy(s->fx + 32 + 16 * n, &m, 8);
        memcpy(s->fx + 40 + 16 * n, &e, 2);
    }
    for (unsigned n = 0; n < 32; n++) {
        uint64_t v = random_value(rand);

        memcpy(s->fx + 160 + 8 * n, &v, 8);
        v = random_value(rand);
        memcpy(s->ymm_high[n / 2] + 8 * (n % 2), &v, 8);
    }
}

static void random_state(FuzzCase *c, GRand *rand)
{
    FuzzState *s = &c->in;

    memset(s, 0, sizeof(*s));
    for (unsigned n = 0; n < 16; n++) {
        s->gpr[n] = random_value(rand);
    }
    random_fpu(s, rand);
    s->eflags = (g_rand_int(rand) & FL_ARITH) | (one_in(rand, 4) ? FL_DF : 0) |
                (one_in(rand, 8) ? FL_AC : 0);
    s->gs_base = one_in(rand, 2) ? 0x1000 * below(rand, 100) : below(rand, 0x10000);
}

/* Code lies anywhere in its page, or right at its end, or over it. */
static unsigned place(FuzzCase *c, GRand *rand)
{
    const FuzzArea *a = &fuzz_areas[AREA_CODE];
    unsigned room = PAGE - 16, at = below(rand, room);

    if (one_in(rand, 10)) {
        at = PAGE - (one_in(rand, 4) ? below(rand, c->len) + 1 : c->len);
    }
    c->in.rip = a->addr + at - fuzz_seg_base(c, S_CS);
    return at;
}

static void limit_mode32(FuzzState *s)
{
    for (unsigned n = 0; n < 16; n++) {
        s->gpr[n] = (uint32_t)s->gpr[n];
    }
}

bool fuzz_encode(FuzzCase *c, unsigned op, GRand *rand, unsigned *disp_at)
{
    Encoder e = { .rand = rand, .mode = c->mode, .info = &insn_info[op], .p = c->bytes,
                  .p67 = c->segs ? 4 : 60 };

    encode(&e);
    if (insn_decode(&c->insn, c->bytes, 15, c->mode | MODE_PE) <= 0 || c->insn.op != op ||
        (c->mode != MODE_CODE64 && c->insn.seg == S_GS) || c->insn.seg == S_FS) {
        return false;
    }
    c->len = c->insn.len;
    memset(c->bytes + c->len, 0x90, sizeof(c->bytes) - c->len);
    *disp_at = e.disp_at;
    return true;
}

void fuzz_random_state(FuzzCase *c, GRand *rand)
{
    random_state(c, rand);
    c->in.gpr[R_SP] = stack_target(c, rand);
    if (c->mode != MODE_CODE64) {
        limit_mode32(&c->in);
    }
}

void fuzz_aim(FuzzCase *c, GRand *rand, unsigned disp_at)
{
    const uint8_t wanted = INSN_MEM | INSN_MODRM;

    if ((c->insn.flags & wanted) == wanted && (c->insn.adsz > 2 || c->segs)) {
        aim(c, rand, disp_at);
        /* the displacement may have changed */
        insn_decode(&c->insn, c->bytes, 15, c->mode | MODE_PE);
    }
    if (c->mode != MODE_CODE64) {
        limit_mode32(&c->in);
    }
}

bool fuzz_make(FuzzCase *c, unsigned op, unsigned mode, GRand *rand, FuzzMemory *memory)
{
    unsigned disp_at, at;

    memset(c, 0, sizeof(*c));
    c->mode = mode;
    fuzz_choose_segs(c, rand);
    if (!fuzz_encode(c, op, rand, &disp_at)) {
        return false;
    }
    fuzz_random_state(c, rand);
    at = place(c, rand);
    fuzz_aim(c, rand, disp_at);
    memcpy(*memory + fuzz_area_offset(AREA_CODE) + at, c->bytes, MIN(16, PAGE - at));
    aim_implicit(c, rand, memory);
    if (mode != MODE_CODE64) {
        limit_mode32(&c->in);
    }
    return true;
}

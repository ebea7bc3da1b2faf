/* The decoder: known encodings, prefixes and corners, every length of buffer, random bytes */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

#include "accel/soft/decode.h"
#include "accel/soft/disas.h"
#include "accel/soft/soft-cpu.h"

enum { C16 = MODE_CODE16 | MODE_PE, C32 = MODE_CODE32 | MODE_PE, C64 = MODE_CODE64 | MODE_PE };
enum { UD = -EXC_UD, GP = -EXC_GP };

static unsigned parse(uint8_t *out, const char *hex)
{
    unsigned nr = 0;

    for (const char *p = hex; *p; p += *p == ' ' ? 1 : 2) {
        if (*p != ' ') {
            out[nr++] = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
        }
    }
    return nr;
}

/*
 * Decode hex, which must be one instruction or an error, and check that every
 * shorter buffer asks for more bytes and touches no byte beyond it.
 */
static int decode_exact(Insn *i, const char *hex, unsigned mode)
{
    uint8_t bytes[64];
    unsigned nr = parse(bytes, hex);
    int len = insn_decode(i, bytes, nr, mode);

    for (int n = 0; n < len; n++) {
        g_autofree uint8_t *copy = g_memdup2(bytes, n);
        Insn part;

        g_assert_cmpint(insn_decode(&part, copy, n, mode), ==, 0);
    }
    return len;
}

static const struct Text {
    unsigned mode;
    const char *hex, *text;
} texts[] = {
    { C64, "90", "nop" },
    { C64, "f390", "pause" },
    { C64, "4190", "xchg %eax,%r8d" },
    { C64, "f3 41 90", "pause" },
    { C64, "48 89 e5", "mov %rsp,%rbp" },
    { C64, "40 88 e0", "mov %spl,%al" },
    { C64, "88 e0", "mov %ah,%al" },
    { C64, "63 c1", "movsxd %ecx,%eax" },
    { C64, "48 63 c1", "movslq %ecx,%rax" },
    { C32, "63 c1", "arpl %ax,%cx" },
    { C64, "48 b8 8877665544332211", "movabs $0x1122334455667788,%rax" },
    { C64, "48 c7 c0 ffffffff", "mov $0xffffffffffffffff,%rax" },
    { C64, "66 83 c0 ff", "add $0xffff,%ax" },
    { C64, "83 04 24 80", "addl $0xffffff80,(%rsp)" },
    { C64, "f0 48 0f c7 0e", "lock cmpxchg16b (%rsi)" },
    { C64, "f3 f0 0f c7 0e", "lock cmpxchg8b (%rsi)" },    /* XRELEASE: a hint */
    { C64, "8b 04 25 78563412", "mov 0x12345678,%eax" },
    { C64, "8b 05 78563412", "mov 0x12345678(%rip),%eax" },
    { C64, "67 8b 05 78563412", "mov 0x12345678(%eip),%eax" },
    { C32, "8b 05 78563412", "mov 0x12345678,%eax" },
    { C64, "65 48 8b 04 25 28000000", "mov %gs:0x28,%rax" },
    { C64, "42 8b 44 a5 f8", "mov -0x8(%rbp,%r12,4),%eax" },
    { C64, "43 8b 44 25 00", "mov 0x0(%r13,%r12,1),%eax" },
    { C16, "8b 42 10", "mov 0x10(%bp,%si),%ax" },
    { C16, "66 8b 07", "mov (%bx),%eax" },
    { C16, "67 8b 04 83", "mov (%ebx,%eax,4),%ax" },
    { C16, "ea 00 7c 34 12", "ljmp $0x1234,$0x7c00" },
    { C16, "66 ea 00007c00 3412", "ljmpl $0x1234,$0x7c0000" },
    { C64, "a1 8877665544332211", "movabs 0x1122334455667788,%eax" },
    { C32, "a1 44332211", "mov 0x11223344,%eax" },
    { C64, "c8 1000 02", "enter $0x10,$0x2" },
    { C64, "e8 fbffffff", "call 0x1000" },
    { C64, "66 e8 fafffffF", "call 0x1000" },
    { C64, "6a ff", "push $0xffffffffffffffff" },
    { C64, "66 6a ff", "pushw $0xffff" },
    { C64, "f3 48 a5", "rep movsq %ds:(%rsi),%es:(%rdi)" },
    { C64, "f3 66 0f b8 c1", "popcnt %cx,%ax" },
    { C64, "f3 0f bc c1", "tzcnt %ecx,%eax" },
    { C64, "66 0f bc c1", "bsf %cx,%ax" },
    { C64, "66 f2 0f 38 f1 01", "crc32w (%rcx),%eax" },
    { C64, "66 0f 38 f1 01", "movbe %ax,(%rcx)" },
    { C64, "66 0f 58 c1", "addpd %xmm1,%xmm0" },
    { C64, "66 f3 0f 58 c1", "addss %xmm1,%xmm0" },
    { C64, "f2 f3 0f 58 c1", "addss %xmm1,%xmm0" },
    { C64, "f3 f2 0f 58 c1", "addsd %xmm1,%xmm0" },
    { C64, "66 4c 0f 6e c0", "movq %rax,%xmm8" },
    { C64, "0f fc c1", "paddb %mm1,%mm0" },
    { C64, "4d 0f fc c1", "paddb %mm1,%mm0" },
    { C64, "c5 f5 fc c2", "vpaddb %ymm2,%ymm1,%ymm0" },
    { C64, "c4 41 71 fc c2", "vpaddb %xmm10,%xmm1,%xmm8" },
    { C32, "c5 f8 28 c1", "vmovaps %xmm1,%xmm0" },
    { C64, "c4 e2 fb f6 c3", "mulx %rbx,%rax,%rax" },
    { C32, "c4 e2 fb f6 c3", "mulx %ebx,%eax,%eax" },
    { C64, "c4 e3 69 4a c1 30", "vblendvps %xmm3,%xmm1,%xmm2,%xmm0" },
    { C64, "c4 e2 e9 92 04 08", "vgatherdpd %xmm2,(%rax,%xmm1,1),%xmm0" },
    { C64, "c5 fc 77", "vzeroall" },
    { C64, "c5 f8 77", "vzeroupper" },
    { C64, "0f 22 d8", "mov %rax,%cr3" },
    { C64, "0f 22 18", "mov %rax,%cr3" },     /* mod is ignored */
    { C64, "44 0f 20 c0", "mov %cr8,%rax" },
    { C64, "d9 c9", "fxch %st(1)" },
    { C64, "dc e1", "fsub %st,%st(1)" },     /* AT&T: Intel's FSUBR */
    { C64, "db 28", "fldt (%rax)" },
    { C64, "0f 0b", "ud2" },
    { C64, "66666666666666666666666666 90", "xchg %ax,%ax" },
    { C64, "48 66 90", "xchg %ax,%ax" },      /* REX not next to the opcode */
};

static void test_texts(void)
{
    for (unsigned n = 0; n < ARRAY_SIZE(texts); n++) {
        char text[128];
        uint8_t bytes[32];
        Insn i;
        int len = decode_exact(&i, texts[n].hex, texts[n].mode);

        g_assert_cmpint(len, ==, (int)parse(bytes, texts[n].hex));
        insn_disas(text, sizeof(text), &i, 0x1000, texts[n].mode);
        g_assert_cmpstr(text, ==, texts[n].text);
    }
}

static const struct Bad {
    unsigned mode;
    const char *hex;
    int result;
} bads[] = {
    { C64, "06", UD },                      /* push %es */
    { C64, "d6", UD }, { C64, "27", UD }, { C64, "62 f1 7c 48 58 c0", UD },
    { C32, "62 c0 00 00 00 00", UD },       /* BOUND of a register, EVEX */
    { C64, "82 c0 01", UD }, { C64, "9a", UD }, { C64, "ea", UD },
    { C64, "8d c0", UD },                   /* LEA of a register */
    { C64, "8f c8", UD }, { C64, "c6 48", UD }, { C64, "fe d0", UD }, { C64, "ff f8", UD },
    { C64, "0f 04", UD }, { C64, "0f 24 c0", UD }, { C64, "0f 39", UD },
    { C64, "8e c8", UD },                   /* MOV CS */
    { C64, "8e f0", UD }, { C64, "8c f0", UD },
    { C64, "0f 20 c8", UD }, { C64, "0f 22 e8", UD },   /* CR1, CR5 */
    { C64, "44 0f 21 c0", UD },             /* DR8 */
    /* LOCK: needs a memory destination and an instruction that takes it */
    { C64, "f0 01 c0", UD }, { C64, "f0 8b 00", UD }, { C64, "f0 03 00", UD },
    { C64, "f0 39 00", UD }, { C64, "f0 90", UD }, { C64, "f0 0f a3 00", UD },
    { C64, "f0 f7 20", UD }, { C64, "f0 0f a2", UD },
    /* SSE with a prefix no row has */
    { C64, "f3 0f 28 c0", UD }, { C64, "66 0f 12 c0", UD }, { C64, "f2 0f fc c0", UD },
    { C64, "f3 0f 38 00 c0", UD },
    /* VEX: prefixes, vvvv, L, W, maps */
    { C64, "66 c5 f8 28 c1", UD }, { C64, "f3 c5 f8 28 c1", UD }, { C64, "48 c5 f8 28 c1", UD },
    { C64, "f0 c5 f8 28 01", UD }, { C64, "c5 f0 28 c1", UD }, { C64, "c5 fd 6e c0", UD },
    { C64, "c4 e0 78 28 c1", UD }, { C64, "c4 e4 78 28 c1", UD }, { C64, "c4 e2 f9 18 c0", UD },
    { C64, "c4 e2 79 16 c1", UD },          /* VPERMPS is 256-bit only */
    { MODE_CODE16, "c5 f8 28 c1", UD },     /* real mode */
    { C16 | MODE_VM86, "c5 f8 28 c1", UD },
    { MODE_CODE16, "0f 00 d0", UD },        /* LLDT in real mode */
    { MODE_CODE16, "63 c0", UD },
    /* gathers: registers must differ, SIB must be there */
    { C64, "c4 e2 e9 92 04 00", UD }, { C64, "c4 e2 f1 92 04 08", UD },
    { C64, "c4 e2 f9 92 04 08", UD }, { C64, "c4 e2 e9 92 00", UD },
    { C64, "c4 e2 e9 92 c1", UD }, { C32, "67 c4 e2 e9 92 04", UD },
    /* too long, whatever it would be */
    { C64, "666666666666666666666666666690 90", 15 },
    { C64, "66666666666666666666666666666690 90", GP },
    { C64, "66666666666666666666666666666666 66", GP },
    { C64, "6666666666666666 6666 81 04 25 00000000 0000", GP },
    { C64, "6666666666666666666666666666 0f 04", GP },
    { C64, "f0f0f0f0f0f0f0f0f0f0f0f0f0f0 90 90", UD },
};

static void test_bad(void)
{
    for (unsigned n = 0; n < ARRAY_SIZE(bads); n++) {
        Insn i;
        int got = decode_exact(&i, bads[n].hex, bads[n].mode);

        if (got != bads[n].result) {
            g_test_message("%s: %d", bads[n].hex, got);
        }
        g_assert_cmpint(got, ==, bads[n].result);
    }
}

/* Fields that text does not show. */
static void test_fields(void)
{
    Insn i;

    g_assert_cmpint(decode_exact(&i, "8b 45 08", C64), ==, 3);  /* mov 8(%rbp),%eax */
    g_assert_cmpint(i.op, ==, OP_MOV_Gv_Ev);
    g_assert_cmpint(i.seg, ==, S_SS);
    g_assert_cmpint(i.base, ==, R_BP);
    g_assert_cmpint(i.index, ==, R_NONE);
    g_assert_cmpint(i.opsz, ==, 4);
    g_assert_cmpint(i.adsz, ==, 8);
    g_assert_cmpint(i.flags, ==, INSN_MODRM | INSN_MEM);

    decode_exact(&i, "41 8b 45 08", C64);       /* R13 is no BP */
    g_assert_cmpint(i.seg, ==, S_DS);
    decode_exact(&i, "3e 8b 45 08", C64);       /* DS: means nothing in 64-bit code */
    g_assert_cmpint(i.seg, ==, S_SS);
    decode_exact(&i, "3e 8b 45 08", C32);
    g_assert_cmpint(i.seg, ==, S_DS);
    decode_exact(&i, "64 3e 8b 45 08", C64);
    g_assert_cmpint(i.seg, ==, S_FS);
    decode_exact(&i, "8b 04 24", C32);          /* (%esp) */
    g_assert_cmpint(i.seg, ==, S_SS);
    decode_exact(&i, "8b 46 00", C16);          /* 0(%bp) */
    g_assert_cmpint(i.seg, ==, S_SS);
    decode_exact(&i, "8b 06 34 12", C16);       /* 0x1234 */
    g_assert_cmpint(i.seg, ==, S_DS);
    g_assert_cmpint(i.base, ==, R_NONE);
    g_assert_cmpint(i.disp, ==, 0x1234);
    decode_exact(&i, "64 aa", C64);             /* STOS is ES whatever it is told */
    g_assert_cmpint(i.seg, ==, S_ES);
    decode_exact(&i, "64 ac", C64);
    g_assert_cmpint(i.seg, ==, S_FS);

    decode_exact(&i, "50", C64);
    g_assert_cmpint(i.opsz, ==, 8);
    decode_exact(&i, "66 50", C64);
    g_assert_cmpint(i.opsz, ==, 2);
    decode_exact(&i, "66 48 01 c0", C64);       /* W beats 66 */
    g_assert_cmpint(i.opsz, ==, 8);
    decode_exact(&i, "48 e5 10", C64);          /* IN has no 64-bit form */
    g_assert_cmpint(i.opsz, ==, 4);
    decode_exact(&i, "66 c3", C64);
    g_assert_cmpint(i.opsz, ==, 8);
    decode_exact(&i, "66 c3", C32);
    g_assert_cmpint(i.opsz, ==, 2);

    decode_exact(&i, "c4 41 75 fc c2", C64);
    g_assert_cmpint(i.op, ==, OP_VPADDB_Vx_Hx_Wx);
    g_assert_cmpint(i.vl, ==, 32);
    g_assert_cmpint(i.reg, ==, 8);
    g_assert_cmpint(i.rm, ==, 10);
    g_assert_cmpint(i.vvvv, ==, 1);
    g_assert_cmpint(i.map, ==, MAP_V1);
    g_assert_cmpint(i.pp, ==, PP_66);
    g_assert_cmpint(i.opcode, ==, 0xfc);
    g_assert_cmpint(insn_feature(&i), ==, FEAT_AVX2);
    decode_exact(&i, "c4 41 71 fc c2", C64);
    g_assert_cmpint(insn_feature(&i), ==, FEAT_AVX);

    decode_exact(&i, "0f 58 00", C64);
    g_assert_true(insn_needs_alignment(&i));
    decode_exact(&i, "0f 10 00", C64);
    g_assert_false(insn_needs_alignment(&i));
    decode_exact(&i, "c5 f8 58 00", C64);
    g_assert_false(insn_needs_alignment(&i));
    decode_exact(&i, "c5 f8 28 00", C64);
    g_assert_true(insn_needs_alignment(&i));
}

/* Features that CPUID does not show. */
static void test_hidden(void)
{
    Insn i;

    insn_features_hidden = 1ull << FEAT_AVX2 | 1ull << FEAT_BMI1 | 1ull << FEAT_CX16;
    decode_exact(&i, "c4 41 75 fc c2", C64);    /* 256 bits */
    g_assert_true(insn_hide(&i));
    decode_exact(&i, "c4 41 71 fc c2", C64);    /* 128 bits: AVX */
    g_assert_false(insn_hide(&i));
    decode_exact(&i, "c4 e2 78 f2 c1", C64);
    g_assert_true(insn_hide(&i));
    decode_exact(&i, "0f c7 0e", C64);
    g_assert_false(insn_hide(&i));
    decode_exact(&i, "48 0f c7 0e", C64);
    g_assert_true(insn_hide(&i));
    decode_exact(&i, "f3 0f bc c1", C64);       /* TZCNT is what it was before */
    g_assert_false(insn_hide(&i));
    g_assert_cmpint(i.op, ==, OP_BSF_Gv_Ev);
    insn_features_hidden = 0;
}

/* Any bytes, in a heap block of their own size so that ASan sees a look beyond. */
static void test_random(void)
{
    for (unsigned n = 0; n < 300000; n++) {
        unsigned nr = g_test_rand_int_range(0, 18);
        g_autofree uint8_t *bytes = g_malloc(nr + 1);
        g_autofree uint8_t *exact = NULL;
        static const unsigned modes[] = { C16, C32, C64, MODE_CODE16 };
        unsigned mode = modes[g_test_rand_int_range(0, 4)];
        char text[24];      /* shorter than many texts */
        Insn i;
        int len;

        for (unsigned k = 0; k < nr; k++) {
            bytes[k] = g_test_rand_int();
        }
        exact = g_memdup2(bytes, nr);
        len = insn_decode(&i, exact, nr, mode);
        g_assert_cmpint(len, <=, MIN(nr, 15));
        g_assert_true(len >= 0 || len == UD || len == GP);
        g_assert_true(len != 0 || nr < 15);
        if (len > 0) {
            g_assert_cmpint(i.op, !=, OP_INVALID);
            g_assert_cmpint(i.len, ==, len);
            g_assert_cmpint(insn_disas(text, sizeof(text), &i, n, mode), <, (int)sizeof(text));
        }
    }
}

/* The table itself: what one row says must fit what another column says. */
static void test_table(void)
{
    for (unsigned op = 1; op < NR_OPS; op++) {
        const InsnInfo *info = &insn_info[op];
        bool has_modrm = info->mrm & MRM_R, wants_modrm = false;

        g_assert_nonnull(info->name);
        for (unsigned n = 0; n < 4; n++) {
            unsigned kind = opnd_info[info->opnd[n]].kind;

            wants_modrm |= kind == K_GREG || kind == K_RM || kind == K_RMREG || kind == K_MEM ||
                           (kind >= K_XREG && kind <= K_MRMREG) || kind == K_SREG;
            if (n && info->opnd[n]) {
                g_assert_cmpint(info->opnd[n - 1], !=, O__);
            }
        }
        g_assert_true(has_modrm || !wants_modrm);
        g_assert_cmpint(info->flags_written & info->flags_undefined, ==, 0);
        g_assert_true(info->map < MAP_V1 || info->mnem[0] == 'V' || info->cls == CLASS_INT);
        g_assert_false((info->attr & A_W0) && (info->attr & A_W1));
        g_assert_false((info->attr & A_L0) && (info->attr & A_L1));
    }
}

/* Decode a stretch of our own code over and over. */
static void bench(void)
{
    const uint8_t *code = (const uint8_t *)(uintptr_t)g_test_run;
    const unsigned span = 4096, rounds = 2000;
    uint64_t nr = 0;
    gint64 start = g_get_monotonic_time();

    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned at = 0; at < span;) {
            Insn i;
            int len = insn_decode(&i, code + at, 64, C64);

            at += len > 0 ? len : 1;
            nr++;
        }
    }
    g_print("%.1f million instructions per second\n",
            nr / (double)(g_get_monotonic_time() - start));
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--bench")) {
        bench();
        return 0;
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decode/table", test_table);
    g_test_add_func("/decode/texts", test_texts);
    g_test_add_func("/decode/bad", test_bad);
    g_test_add_func("/decode/fields", test_fields);
    g_test_add_func("/decode/hidden", test_hidden);
    g_test_add_func("/decode/random", test_random);
    return g_test_run();
}

/* Every mix of page table bits, CPU modes and accesses against the rules of the manual */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/boot/pc-kernel.h"

/* SDM vol. 3, 4.5 to 4.7: bits of an entry and of an error code */
#define P    (1ull << 0)
#define W    (1ull << 1)
#define U    (1ull << 2)
#define A    (1ull << 5)
#define D    (1ull << 6)
#define PS   (1ull << 7)
#define BIT13 (1ull << 13)
#define BIT51 (1ull << 51)
#define NX   (1ull << 63)
enum { ERR_P = 1, ERR_W = 2, ERR_U = 4, ERR_RSVD = 8, ERR_I = 16 };
enum { PF = 14 };

#define CR0_WP   (1u << 16)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define EFER     0xc0000080
#define NXE      (1u << 11)

#define PAGE     0x2000000ull           /* RAM: a RET, INT 0x80 at 8, data at 16 */
#define VIRT     (1ull << 39)           /* through PML4 entry 1 */
#define STUBS    (2ull << 39)           /* the user's code, through entry 2 */

extern uint64_t pml4[512];
static uint64_t tables[2][3][512] __attribute__((aligned(4096)));
static uint8_t stub_page[4096] __attribute__((aligned(4096)));

typedef struct Mode {
    bool wp, nxe, smep, smap;
} Mode;

typedef enum Kind { READ, WRITE, FETCH } Kind;

typedef struct Expected {
    bool fault;
    uint32_t error;
    uint64_t pde, pte;
} Expected;

/* What one access does. */
static Expected predict(const Mode *m, uint64_t pde, uint64_t pte, Kind kind, bool user)
{
    Expected e = { .pde = pde, .pte = pte };
    bool large = pde & PS, writable, for_user, nx;
    uint64_t reserved = BIT51 | (m->nxe ? 0 : NX);

    e.error = (kind == WRITE ? ERR_W : 0) | (user ? ERR_U : 0) |
              (kind == FETCH && (m->nxe || m->smep) ? ERR_I : 0);
    e.fault = true;
    if (!(pde & P) || (!(pde & (reserved | (large ? BIT13 : 0))) && !large && !(pte & P))) {
        return e;
    }
    e.error |= ERR_P;
    if ((pde & (reserved | (large ? BIT13 : 0))) || (!large && (pte & reserved))) {
        e.error |= ERR_RSVD;
        return e;
    }
    writable = (pde & W) && (large || (pte & W));
    for_user = (pde & U) && (large || (pte & U));
    nx = (pde & NX) || (!large && (pte & NX));
    if (user ? !for_user : for_user && ((kind == FETCH && m->smep) || (kind != FETCH && m->smap))) {
        return e;
    }
    if ((kind == WRITE && !writable && (user || m->wp)) || (kind == FETCH && nx)) {
        return e;
    }
    e.fault = false;
    e.pde |= A | (large && kind == WRITE ? D : 0);
    e.pte |= large ? 0 : A | (kind == WRITE ? D : 0);
    return e;
}

static void supervisor_access(Kind kind)
{
    fault = -1;
    switch (kind) {
    case READ:
        TRY("movb %0, %%al", : : "m"(*(volatile uint8_t *)(VIRT + 16)) : "rax", "memory");
        break;
    case WRITE:
        TRY("movb $1, %0", : "=m"(*(volatile uint8_t *)(VIRT + 16)) : : "memory");
        break;
    case FETCH:
        asm volatile("mov %%rsp, %%r12; movq $1f, resume; call *%0\n"
                     "1: mov %%r12, %%rsp; movq $0, resume" : : "r"(VIRT) : "r12", "memory");
        break;
    }
}

static void access(Kind kind, bool user)
{
    static const uint8_t at[] = { [READ] = 0, [WRITE] = 16, [FETCH] = 32 };

    if (user) {
        fault = -1;
        run_user((void *)(STUBS + at[kind]), (void *)VIRT);
    } else {
        supervisor_access(kind);
    }
}

static void put(uint8_t *at, const char *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        at[i] = bytes[i];
    }
}

static void set_up(void)
{
    put((uint8_t *)PAGE, "\xc3", 1);
    put((uint8_t *)PAGE + 8, "\xcd\x80", 2);
    put(stub_page, "\x8a\x43\x10\xcd\x80", 5);          /* mov 16(%rbx), %al; int $0x80 */
    put(stub_page + 16, "\xc6\x43\x10\x01\xcd\x80", 6); /* movb $1, 16(%rbx); int $0x80 */
    put(stub_page + 32, "\x48\x83\xc3\x08\xff\xe3", 6); /* add $8, %rbx; jmp *%rbx */
    for (unsigned i = 0; i < 2; i++) {
        pml4[i + 1] = (uintptr_t)tables[i][0] | P | W | U;
        tables[i][0][0] = (uintptr_t)tables[i][1] | P | W | U;
        tables[i][1][0] = (uintptr_t)tables[i][2] | P | W | U;
    }
    tables[1][2][0] = (uintptr_t)stub_page | P | U;
}

static void set_mode(const Mode *m)
{
    uint64_t cr0, cr4;

    asm volatile("mov %%cr0, %0; mov %%cr4, %1" : "=r"(cr0), "=r"(cr4));
    cr0 = (cr0 & ~(uint64_t)CR0_WP) | (m->wp ? CR0_WP : 0);
    cr4 = (cr4 & ~(uint64_t)(CR4_SMEP | CR4_SMAP)) | (m->smep ? CR4_SMEP : 0) |
          (m->smap ? CR4_SMAP : 0);
    asm volatile("mov %0, %%cr0; mov %1, %%cr4" : : "r"(cr0), "r"(cr4) : "memory");
    wrmsr(EFER, (rdmsr(EFER) & ~(uint64_t)NXE) | (m->nxe ? NXE : 0));
}

/* One more access with those entries, the first of a page that the TLB does not know, or not. */
static bool obeys(const Mode *m, uint64_t pde, uint64_t pte, Kind kind, bool user)
{
    volatile uint64_t *pdep = &tables[0][1][0], *ptep = &tables[0][2][0];
    Expected e = predict(m, pde, pte, kind, user);
    uint64_t ignored = e.fault ? A : 0;         /* of what leads to the fault */

    *pdep = pde;
    *ptep = pte;
    access(kind, user);
    if ((fault == PF) == e.fault && (fault == -1 || fault == PF) &&
        (!e.fault || fault_error == e.error) && !((*pdep ^ e.pde) & ~ignored) &&
        *ptep == e.pte) {
        return true;
    }
    say("pde %x pte %x wp %u nxe %u smep %u smap %u kind %u user %u: fault %x error %x not %x, "
        "pde %x pte %x\n", pde, pte, (uint64_t)m->wp, (uint64_t)m->nxe, (uint64_t)m->smep,
        (uint64_t)m->smap, (uint64_t)kind, (uint64_t)user, (uint64_t)(uint32_t)fault,
        (uint64_t)fault_error, (uint64_t)(e.fault ? e.error : 0), *pdep, *ptep);
    return false;
}

static bool all_accesses(const Mode *m, uint64_t pde, uint64_t pte)
{
    bool ok = true;

    for (unsigned n = 0; n < 12 && ok; n++) {
        Kind kind = n % 3;
        bool user = n / 3 % 2;

        asm volatile("invlpg %0" : : "m"(*(char *)VIRT) : "memory");
        if (n >= 6) {           /* after a read has filled the TLB */
            Expected e = predict(m, pde, pte, READ, user);

            ok = obeys(m, pde, pte, READ, user);
            ok = ok && (e.fault || obeys(m, e.pde, e.pte, kind, user));
        } else {
            ok = obeys(m, pde, pte, kind, user);
        }
    }
    return ok;
}

static bool all_entries(const Mode *m)
{
    static const uint64_t pde_bits[] = { P, W, U, PS, NX }, pte_bits[] = { P, W, U, NX, A | D };
    static const uint64_t wrong[][2] = { { 0, 0 }, { BIT51, 0 }, { 0, BIT51 }, { BIT13, 0 } };
    unsigned bad = 0;

    for (unsigned n = 0; n < 1024 && bad < 4; n++) {
        uint64_t pde = 0, pte = PAGE;

        for (unsigned i = 0; i < 5; i++) {
            pde |= n >> i & 1 ? pde_bits[i] : 0;
            pte |= n >> (i + 5) & 1 ? pte_bits[i] : 0;
        }
        pde |= pde & PS ? PAGE : (uintptr_t)tables[0][2];
        for (unsigned k = 0; k < 4; k++) {
            if (k < 3 || (pde & PS)) {
                bad += !all_accesses(m, pde | wrong[k][0], pte | wrong[k][1]);
            }
        }
    }
    return !bad;
}

void test_paging(void)
{
    uint32_t r[4];

    set_up();
    cpuid(7, 0, r);
    for (unsigned n = 0; n < 16; n++) {
        const Mode m = { n & 1, n & 2, n & 4, n & 8 };

        if ((m.smep && !(r[1] >> 7 & 1)) || (m.smap && !(r[1] >> 20 & 1))) {
            continue;
        }
        set_mode(&m);
        check(all_entries(&m), "paging");
    }
    set_mode(&(Mode){ .wp = true });
}

/* Guest side of the bench: small kernels, each printed as "name runs-per-second" */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Each kernel is run again and again for this long. */
#define MIN_SECONDS 0.4

static volatile uint64_t sink;
static uint8_t bytes[1 << 16];
static uint32_t words[1 << 14];

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void int_sieve(void)
{
    unsigned count = 0;

    memset(bytes, 0, sizeof(bytes));
    for (unsigned i = 2; i < sizeof(bytes); i++) {
        if (!bytes[i]) {
            count++;
            for (unsigned k = i * 2; k < sizeof(bytes); k += i) {
                bytes[k] = 1;
            }
        }
    }
    sink += count;
}

static void int_chase(void)
{
    static void *ring[4096];
    void **p;

    if (!ring[0]) {
        for (unsigned i = 0; i < 4096; i++) {
            ring[i] = &ring[(i * 1663 + 1) & 4095];
        }
    }
    p = ring;
    for (unsigned i = 0; i < 100000; i++) {
        p = *p;
    }
    sink += (uintptr_t)p;
}

static void sort(uint32_t *a, int n)
{
    int i = 0, j = n - 1;
    uint32_t pivot = a[n / 2];

    if (n < 2) {
        return;
    }
    while (i <= j) {
        while (a[i] < pivot) {
            i++;
        }
        while (a[j] > pivot) {
            j--;
        }
        if (i <= j) {
            uint32_t t = a[i];

            a[i++] = a[j];
            a[j--] = t;
        }
    }
    sort(a, j + 1);
    sort(a + i, n - i);
}

static void int_quicksort(void)
{
    uint64_t state = 88172645463325252;

    for (unsigned i = 0; i < 1 << 14; i++) {
        words[i] = next_random(&state);
    }
    sort(words, 1 << 14);
    sink += words[100];
}

static void int_hash(void)
{
    static uint64_t keys[4096];
    uint64_t state = 42, found = 0;

    memset(keys, 0, sizeof(keys));
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t key = next_random(&state) | 1, h = key * 0x9e3779b97f4a7c15;

        for (h >>= 52; keys[h] && keys[h] != key; h = (h + 1) & 4095) {
        }
        keys[h] = key;
    }
    state = 42;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t key = next_random(&state) | 1, h = key * 0x9e3779b97f4a7c15 >> 52;

        while (keys[h] != key) {
            h = (h + 1) & 4095;
        }
        found += h;
    }
    sink += found;
}

static void int_crc32(void)
{
    static uint32_t table[256];
    uint32_t crc = ~0u;

    if (!table[1]) {
        for (unsigned i = 0; i < 256; i++) {
            uint32_t c = i;

            for (unsigned k = 0; k < 8; k++) {
                c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
            }
            table[i] = c;
        }
    }
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    }
    sink += crc;
}

static uint32_t rotate(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static void int_sha256(void)
{
    uint32_t w[64], s[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    for (unsigned block = 0; block < 200; block++) {
        uint32_t v[8];

        memcpy(v, s, sizeof(v));
        for (unsigned i = 0; i < 64; i++) {
            uint32_t t1, t2;

            w[i] = i < 16 ? block * 64 + i
                          : w[i - 16] + w[i - 7] +
                                (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
                                (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
            t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
                 ((v[4] & v[5]) ^ (~v[4] & v[6])) + 0x428a2f98 + w[i];
            t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
                 ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof(v[0]));
            v[4] += t1;
            v[0] = t1 + t2;
        }
        for (unsigned i = 0; i < 8; i++) {
            s[i] += v[i];
        }
    }
    sink += s[0];
}

static void int_bytecode(void)
{
    static const uint8_t code[] = { 0, 1, 2, 3, 1, 4, 5, 2, 6, 3, 1, 7 };
    uint64_t a = 1, b = 2, loops = 0;

    for (unsigned pc = 0; loops < 5000;) {
        switch (code[pc++]) {
        case 0:
            a += 3;
            break;
        case 1:
            b ^= a;
            break;
        case 2:
            a = a << 1 | a >> 63;
            break;
        case 3:
            b += a;
            break;
        case 4:
            a -= b;
            break;
        case 5:
            b = ~b;
            break;
        case 6:
            a ^= b >> 3;
            break;
        default:
            pc = 0;
            loops++;
        }
    }
    sink += a + b;
}

static __attribute__((noinline)) unsigned fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static void int_fib(void)
{
    sink += fib(20);
}

static __attribute__((noinline)) unsigned add1(unsigned x)
{
    return x + 1;
}

static __attribute__((noinline)) unsigned times3(unsigned x)
{
    return x * 3;
}

static __attribute__((noinline)) unsigned flip(unsigned x)
{
    return ~x;
}

static void int_indirect(void)
{
    static unsigned (*const volatile fns[])(unsigned) = { add1, times3, flip, add1 };
    unsigned x = 1;

    for (unsigned i = 0; i < 20000; i++) {
        x = fns[i & 3](x);
    }
    sink += x;
}

static void int_scanner(void)
{
    unsigned counts[4] = { 0 };

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        uint8_t c = i * 7;

        if (c >= '0' && c <= '9') {
            counts[0]++;
        } else if ((c | 32) >= 'a' && (c | 32) <= 'z') {
            counts[1]++;
        } else if (c == ' ' || c == '\n') {
            counts[2]++;
        } else {
            counts[3]++;
        }
    }
    sink += counts[0] + counts[1] * 3 + counts[2] * 5;
}

static void fp_matmul(void)
{
    static double a[48][48], b[48][48], c[48][48];

    for (unsigned i = 0; i < 48; i++) {
        for (unsigned j = 0; j < 48; j++) {
            a[i][j] = i + j;
            b[i][j] = i - (double)j;
        }
    }
    for (unsigned i = 0; i < 48; i++) {
        for (unsigned j = 0; j < 48; j++) {
            double s = 0;

            for (unsigned k = 0; k < 48; k++) {
                s += a[i][k] * b[k][j];
            }
            c[i][j] = s;
        }
    }
    sink += (uint64_t)c[5][7];
}

static void fp_nbody(void)
{
    double x[5], v[5];

    for (unsigned i = 0; i < 5; i++) {
        x[i] = i * 1.5 + 1;
        v[i] = 0.1 * i;
    }
    for (unsigned step = 0; step < 500; step++) {
        for (unsigned i = 0; i < 5; i++) {
            for (unsigned j = i + 1; j < 5; j++) {
                double d = x[i] - x[j], r;

                r = 1 / (d * d + 0.01);
                v[i] -= d * r * 0.001;
                v[j] += d * r * 0.001;
            }
        }
        for (unsigned i = 0; i < 5; i++) {
            x[i] += v[i] * 0.01;
        }
    }
    sink += (uint64_t)(x[0] * 1000);
}

static void fp_saxpy(void)
{
    static float x[4096], y[4096];

    for (unsigned n = 0; n < 10; n++) {
        for (unsigned i = 0; i < 4096; i += 4) {
            typedef float v4 __attribute__((vector_size(16)));
            v4 *p = (v4 *)&y[i], *q = (v4 *)&x[i];

            *p = *p + *q * 1.5f;
        }
    }
    sink += (uint64_t)y[7];
}

static void fp_x87(void)
{
    volatile long double s = 0;
    long double t = 0;

    for (unsigned i = 1; i < 5000; i++) {
        t += 1.0L / i * (i & 1 ? 1 : -1);
    }
    s = t;
    sink += (uint64_t)(s * 1000);
}

static __attribute__((target("avx2,fma"))) void fp_fma(void)
{
    typedef double v4 __attribute__((vector_size(32)));
    static v4 a[512], b[512];

    for (unsigned n = 0; n < 10; n++) {
        for (unsigned i = 0; i < 512; i++) {
            a[i] = a[i] * 0.5 + b[i];
        }
    }
    sink += (uint64_t)a[3][1];
}

static uint8_t *big;
#define BIG (8u << 20)

static void rep_movsb(void)
{
    void *to = big, *from = big + BIG / 2;
    size_t n = BIG / 2;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static void rep_stosb(void)
{
    void *to = big;
    size_t n = BIG;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

static void sys_getpid(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        sink += syscall(SYS_getpid);
    }
}

static void sys_fault(void)
{
    uint8_t *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (unsigned i = 0; i < 1 << 20; i += 4096) {
        p[i] = 1;
    }
    munmap(p, 1 << 20);
}

static void sys_fork(void)
{
    pid_t pid = fork();

    if (!pid) {
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void sys_pipe(void)
{
    static int there[2], back[2];
    static pid_t echo;
    char c = 0;

    if (!echo) {
        if (pipe(there) || pipe(back)) {
            _exit(1);
        }
        echo = fork();
        if (!echo) {
            close(there[1]);    /* so that the parent's end is seen */
            while (read(there[0], &c, 1) == 1 && write(back[1], &c, 1) == 1) {
            }
            _exit(0);
        }
    }
    for (unsigned i = 0; i < 100; i++) {
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) {
            _exit(1);
        }
    }
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

#define ROW(name) { #name, name }
static const struct { const char *name; void (*fn)(void); } rows[] = {
    ROW(int_sieve), ROW(int_chase), ROW(int_quicksort), ROW(int_hash), ROW(int_crc32),
    ROW(int_sha256), ROW(int_bytecode), ROW(int_fib), ROW(int_indirect), ROW(int_scanner),
    ROW(fp_matmul), ROW(fp_nbody), ROW(fp_saxpy), ROW(fp_x87), ROW(fp_fma),
    ROW(rep_movsb), ROW(rep_stosb),
    ROW(sys_getpid), ROW(sys_fault), ROW(sys_pipe), ROW(sys_fork),
};

int main(int argc, char **argv)
{
    big = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(big, 1, BIG);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double start, seconds;
        unsigned runs = 0;

        if (argc > 1 && !strstr(rows[i].name, argv[1])) {
            continue;
        }
        if (strstr(rows[i].name, "fma") && !__builtin_cpu_supports("avx2")) {
            continue;
        }
        rows[i].fn();
        start = now();
        do {
            rows[i].fn();
            runs++;
            seconds = now() - start;
        } while (seconds < MIN_SECONDS);
        printf("bench %s %.3f\n", rows[i].name, runs / seconds);
        fflush(stdout);
    }
    return 0;
}

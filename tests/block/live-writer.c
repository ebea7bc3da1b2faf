/* Runs in a guest: numbered writes to two disks until told to stop, then reads all of it back */
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: live-writer SEED DISK DISK; a line on stdin ends it
 *
 * Three streams of writes, each in a region of its own, one write after the
 * other: stream 0 to both disks by turns, 1 and 2 to one disk each. What a
 * write says follows from its number, so a disk shows up to which one of a
 * stream it has all and from where on none. live-test.py repeats that.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 1024, MOST = 4, STREAMS = 3, FLUSH_EVERY = 64 };

static volatile bool *stop;     /* shared with the children */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void fill(uint64_t *block, uint64_t n, int stream, int disk, unsigned at)
{
    for (unsigned i = 0; i < BLOCK / 8; i += 2) {
        block[i] = n;
        block[i + 1] = (uint64_t)stream << 56 | (uint64_t)disk << 48 | at;
    }
}

static void verify(const int *fds, int stream, int first, int disks, uint64_t last[][BLOCKS])
{
    static uint64_t buf[BLOCK / 8] __attribute__((aligned(BLOCK))), want[BLOCK / 8];

    for (int d = first; d < first + disks; d++) {
        for (unsigned at = 0; at < BLOCKS; at++) {
            off_t offset = (off_t)((stream ? BLOCKS : 0) + at) * BLOCK;

            if (!last[d][at]) {
                continue;
            }
            if (pread(fds[d], buf, BLOCK, offset) != BLOCK) {
                die("read");
            }
            fill(want, last[d][at], stream, d, at);
            for (unsigned i = 0; i < BLOCK / 8; i++) {
                if (buf[i] != want[i]) {
                    printf("WRONG stream %d disk %d block %u: %" PRIx64 ", not %" PRIx64 "\n",
                           stream, d, at, buf[i], want[i]);
                    exit(1);
                }
            }
        }
    }
}

static void run(int stream, const int *fds, uint64_t seed)
{
    static uint64_t buf[MOST * BLOCK / 8] __attribute__((aligned(BLOCK))), last[2][BLOCKS];
    int first = stream == 2, disks = stream ? 1 : 2;
    uint64_t x = seed + 1000 * (stream + 1), n = 0;

    while (!*stop) {
        uint64_t r = next(&x);
        int disk = first + n % disks;
        unsigned at = r % (BLOCKS - MOST), count = 1 + (r >> 32) % MOST;
        off_t offset = (off_t)((stream ? BLOCKS : 0) + at) * BLOCK;

        n++;
        for (unsigned i = 0; i < count; i++) {
            fill(buf + i * BLOCK / 8, n, stream, disk, at + i);
            last[disk][at + i] = n;
        }
        if (pwrite(fds[disk], buf, count * BLOCK, offset) != (ssize_t)count * BLOCK) {
            die("write");
        }
        if (n % FLUSH_EVERY == 0 && fdatasync(fds[disk])) {
            die("flush");
        }
    }
    verify(fds, stream, first, disks, last);
    printf("STREAM %d HAS %" PRIu64 "\n", stream, n);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int fds[2], status;
    char line[16];

    if (argc != 4) {
        fprintf(stderr, "usage: live-writer SEED DISK DISK\n");
        return 2;
    }
    stop = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int d = 0; d < 2; d++) {
        fds[d] = open(argv[2 + d], O_RDWR | O_DIRECT);
        if (fds[d] < 0) {
            die(argv[2 + d]);
        }
    }
    /* Linux names them in any order; the smaller one is the first. */
    if (lseek(fds[0], 0, SEEK_END) > lseek(fds[1], 0, SEEK_END)) {
        int fd = fds[0];

        fds[0] = fds[1];
        fds[1] = fd;
    }
    printf("WRITING\n");
    fflush(stdout);
    for (int stream = 0; stream < STREAMS; stream++) {
        if (!fork()) {
            run(stream, fds, strtoull(argv[1], NULL, 10));
            exit(0);
        }
    }
    if (!fgets(line, sizeof(line), stdin)) {
        perror("stdin");
    }
    *stop = true;
    for (int stream = 0; stream < STREAMS; stream++) {
        if (wait(&status) < 0 || status) {
            printf("BROKEN\n");
            return 1;
        }
    }
    printf("VERIFIED\n");
    return 0;
}

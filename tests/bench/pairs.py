# What the benches of storage share: two programs by turns, best times, ratios, a folder in memory
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
ROOM = 6 << 30              # bytes that the benches want to be free


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            sys.exit(f'bench: needs {program} to compare with (see scripts/install-deps.sh)')


def folder():
    """
    In memory where there is room: a disk's own speed, and what it does for others meanwhile, hides
    the programs'. TMPDIR says otherwise.
    """
    memory = '/dev/shm'
    if 'TMPDIR' not in os.environ and os.path.isdir(memory):
        free = os.statvfs(memory)
        if free.f_bavail * free.f_frsize >= ROOM:
            return tempfile.TemporaryDirectory(dir=memory)
    return tempfile.TemporaryDirectory()


def call(*args):
    """Run a program that must succeed."""
    subprocess.run(args, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def timed_call(*args):
    """(seconds, CPU seconds) of it."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    call(*args)
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def cpu_seconds(pid):
    """Of a process that runs, to the nanosecond."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/schedstat', encoding='ascii') as f:
            total += int(f.read().split()[0])
    return total / 1e9


def heading(title, theirs, ours):
    print(f'\n{title:34}{theirs:>20}{ours:>20}{"ratio":>8}{"CPU":>7}', flush=True)


def row(name, measure, rounds=ROUNDS):
    """
    measure(0) of theirs and measure(1) of ours return (seconds, CPU seconds), by turns; the best
    of each are compared: a ratio over 1 says that ours is the faster one, or takes less CPU time.
    """
    best = [(float('inf'), float('inf'))] * 2
    for _ in range(rounds):
        for i in (0, 1):
            best[i] = tuple(map(min, best[i], measure(i)))
    cells = ''.join(f'{wall:9.3f}s cpu{cpu:6.3f}s' for wall, cpu in best)
    print(f'{name:34}{cells}{best[0][0] / best[1][0]:8.2f}{best[0][1] / best[1][1]:7.2f}',
          flush=True)
    return best

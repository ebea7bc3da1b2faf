#!/usr/bin/env python3
"""CPU time from the start to the QMP greeting, Mica against QEMU, as a ratio; below 1 is wanted."""
# SPDX-License-Identifier: GPL-2.0-or-later
import glob
import shutil
import statistics
import subprocess
import sys

ROUNDS = 15


def seconds(program, machine):
    """Of all threads, until the greeting has come."""
    child = subprocess.Popen([program, '-machine', machine, '-display', 'none', '-nodefaults', '-S',
                              '-accel', 'tcg', '-qmp', 'stdio'], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    line = child.stdout.readline()
    total = 0
    for path in glob.glob(f'/proc/{child.pid}/task/*/schedstat'):
        with open(path, encoding='ascii') as stat:
            total += int(stat.read().split()[0])
    child.kill()
    child.wait()
    assert b'"QMP"' in line, f'{program}: no greeting but {line!r}'
    return total / 1e9


def main():
    mica, qemu = sys.argv[1], shutil.which('qemu-system-x86_64')
    if not qemu:
        print('greeting: there is no qemu-system-x86_64 to compare with')
        return 0
    worst = 0
    for machine in ('none', 'pc'):
        # in turn, so that what else the host does is the same for both
        times = [(seconds(mica, machine), seconds(qemu, machine)) for _ in range(ROUNDS)]
        ours, theirs = (statistics.median(t[i] for t in times) for i in (0, 1))
        worst = max(worst, ours / theirs)
        print(f'start to QMP greeting, -machine {machine}: {ours * 1000:.1f} ms of CPU, QEMU '
              f'{theirs * 1000:.1f} ms, ratio {ours / theirs:.2f} (wanted: below 1)')
    return worst >= 1


sys.exit(main())

#!/usr/bin/env python3
"""Speed of mica-img against the installed qemu-img: the same files, by turns, ratios in one run."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: images.py FOLDER_OF_TOOLS [PART_OF_NAME]
#
# A ratio over 1 says that mica-img is the faster one. Each is the best of some rounds.

import os
import shutil
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
MIB = 1 << 20
DATA = 512 * MIB            # of the image that is converted, one half of it holes


def call(*args):
    """Run a program that must succeed"""
    subprocess.run(args, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def make_raw(path):
    """Text-like data that compresses, and holes, in pieces of 1 MiB by turns"""
    words = b''.join(b'%08x the quick brown fox ' % (i * 2654435761 % (1 << 32))
                     for i in range(MIB // 29))
    with open(path, 'wb') as f:
        for at in range(0, DATA, 2 * MIB):
            f.seek(at)
            f.write(b'%016x' % at + words)
        f.truncate(DATA)


def make_fragmented(path):
    """Clusters of 4 KiB in an order of their own, more than caches hold"""
    call('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', path, '16G')
    call('qemu-img', 'bench', '-w', '-t', 'unsafe', '-f', 'qcow2', '-c', '40000', '-d', '16',
         '-S', str(1237 * 4096), path)


CASES = [
    ('create', ['create', '-q', '-f', 'qcow2', '{out}', '100G']),
    ('create, metadata', ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', '{out}',
                          '16G']),
    ('convert raw to qcow2', ['convert', '-f', 'raw', '-O', 'qcow2', '{raw}', '{out}']),
    ('convert qcow2 to raw', ['convert', '-f', 'qcow2', '-O', 'raw', '{qcow2}', '{out}']),
    ('convert raw to qcow2 -c', ['convert', '-c', '-f', 'raw', '-O', 'qcow2', '{raw}', '{out}']),
    ('convert qcow2 -c to raw', ['convert', '-f', 'qcow2', '-O', 'raw', '{packed}', '{out}']),
    ('convert raw to raw', ['convert', '-f', 'raw', '-O', 'raw', '{raw}', '{out}']),
    ('compare raw, qcow2', ['compare', '-f', 'raw', '-F', 'qcow2', '{raw}', '{qcow2}']),
    ('check, fragmented', ['check', '{fragmented}']),
    ('map, fragmented', ['map', '--output=json', '{fragmented}']),
    ('measure, fragmented', ['measure', '-O', 'qcow2', '{fragmented}']),
]


def best_times(programs, args, out):
    """The best time of each program, by turns"""
    best = [float('inf')] * len(programs)
    for _ in range(ROUNDS):
        for i, program in enumerate(programs):
            if os.path.exists(out):
                os.unlink(out)
            begin = time.monotonic()
            call(program, *args)
            best[i] = min(best[i], time.monotonic() - begin)
    return best


def main():
    mica = os.path.join(sys.argv[1], 'mica-img')
    part = sys.argv[2] if len(sys.argv) > 2 else ''
    if not shutil.which('qemu-img'):
        sys.exit('bench: needs qemu-img to compare with (package qemu-utils)')
    with tempfile.TemporaryDirectory() as folder:
        names = {name: os.path.join(folder, name)
                 for name in ('raw', 'qcow2', 'packed', 'fragmented', 'out')}
        make_raw(names['raw'])
        call('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', names['raw'], names['qcow2'])
        call('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', names['raw'],
             names['packed'])
        make_fragmented(names['fragmented'])
        print(f'{"":26}{"qemu-img":>10}{"mica-img":>10}{"ratio":>8}')
        for name, args in CASES:
            if part in name:
                theirs, ours = best_times(['qemu-img', mica],
                                          [a.format(**names) for a in args], names['out'])
                print(f'{name:26}{theirs:9.3f}s{ours:9.3f}s{theirs / ours:8.2f}', flush=True)


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""Speed of mica-img against the installed qemu-img: the same files, by turns, ratios in one run."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: images.py FOLDER_OF_TOOLS [PART_OF_NAME]

import os
import random
import re
import struct
import subprocess
import sys
from array import array

from pairs import call, folder, heading, need, row, timed_call

MIB = 1 << 20
DATA = 512 * MIB            # of the image that is converted, one half of it holes
SMALL = 96 * MIB            # of the one that is compressed
CLUSTER = 4096              # of the fragmented image
CLUSTERS, USED = 1 << 19, 150000    # of its disk, and how many of them are there
WRITES = 20000


def make_raw(path, size):
    """Text-like data that compresses, and holes, in pieces of 1 MiB by turns"""
    words = b''.join(b'%08x the quick brown fox ' % (i * 2654435761 % (1 << 32))
                     for i in range(MIB // 29))
    with open(path, 'wb') as f:
        for at in range(0, size, 2 * MIB):
            f.seek(at)
            f.write(b'%016x' % at + words)
        f.truncate(size)


def big_endian(values):
    table = array('Q', values)
    table.byteswap()
    return table.tobytes()


def make_fragmented(path):
    """
    A qcow2 image with all its clusters and L2 tables in an order of their own: 80 refcount blocks,
    of which the cache of qemu-img holds 4.
    """
    chance = random.Random(1)
    nr_l2 = CLUSTERS * 8 // CLUSTER
    nr_blocks, per_block = 0, CLUSTER // 2
    reftable, l1 = 1, 2
    blocks = l1 + nr_l2 * 8 // CLUSTER
    while nr_blocks * per_block < blocks + nr_blocks + nr_l2 + USED:
        nr_blocks += 1
    l2 = blocks + nr_blocks
    data = l2 + nr_l2
    own = 1 << 63
    entries = array('Q', bytes(8 * CLUSTERS))
    hosts, tables = list(range(data, data + USED)), list(range(l2, data))
    chance.shuffle(hosts)
    chance.shuffle(tables)
    for guest, host in zip(chance.sample(range(CLUSTERS), USED), hosts):
        entries[guest] = host * CLUSTER | own
    with open(path, 'wb') as f:
        f.write(struct.pack('>4sIQIIQIIQQIIQQQQIIQ', b'QFI\xfb', 3, 0, 0, 12, CLUSTERS * CLUSTER, 0,
                            nr_l2, l1 * CLUSTER, reftable * CLUSTER, 1, 0, 0, 0, 0, 0, 4, 104, 0))
        f.seek(reftable * CLUSTER)
        f.write(big_endian((blocks + i) * CLUSTER for i in range(nr_blocks)))
        f.seek(l1 * CLUSTER)
        f.write(big_endian(table * CLUSTER | own for table in tables))
        f.seek(blocks * CLUSTER)
        f.write(b'\0\1' * (data + USED))
        content = big_endian(entries)
        for i, table in enumerate(tables):
            f.seek(table * CLUSTER)
            f.write(content[i * CLUSTER:(i + 1) * CLUSTER])
        f.seek(data * CLUSTER)
        for _ in range(USED):
            f.write(b'x' * CLUSTER)


CASES = [
    ('create', ['create', '-q', '-f', 'qcow2', '{out}', '100G']),
    ('create, metadata', ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=metadata', '{out}',
                          '16G']),
    ('convert raw to qcow2', ['convert', '-f', 'raw', '-O', 'qcow2', '{raw}', '{out}']),
    ('convert qcow2 to raw', ['convert', '-f', 'qcow2', '-O', 'raw', '{qcow2}', '{out}']),
    ('convert qcow2 to qcow2', ['convert', '-f', 'qcow2', '-O', 'qcow2', '{qcow2}', '{out}']),
    ('convert raw to raw', ['convert', '-f', 'raw', '-O', 'raw', '{raw}', '{out}']),
    ('convert raw to qcow2 -c', ['convert', '-c', '-f', 'raw', '-O', 'qcow2', '{small}', '{out}']),
    ('convert qcow2 -c to raw', ['convert', '-f', 'qcow2', '-O', 'raw', '{packed}', '{out}']),
    ('compare raw, qcow2', ['compare', '-f', 'raw', '-F', 'qcow2', '{raw}', '{qcow2}']),
    ('check, fragmented', ['check', '{fragmented}']),
    ('map, fragmented', ['map', '{fragmented}']),
    ('map, fragmented, JSON', ['map', '--output=json', '{fragmented}']),
    ('measure, fragmented', ['measure', '-O', 'qcow2', '{fragmented}']),
]


def remove(path):
    if os.path.exists(path):
        os.unlink(path)


def compare(name, programs, args, out):
    def measure(i):
        remove(out)
        return timed_call(programs[i], *args)

    row(name, measure)


def first_writes(programs, out):
    """Writes of 4 KiB that allocate a cluster each, beside the same on a raw image."""
    heading('first writes of 4 KiB, depth 32', 'qemu-img', 'mica-img')
    best = {}
    for form in ('raw', 'qcow2'):
        def measure(i):
            remove(out)
            call('qemu-img', 'create', '-q', '-f', form, out, '4G')
            argv = [programs[i], 'bench', '-w', '-t', 'writeback', '-f', form, '-s', '4096', '-d',
                    '32', '-c', str(WRITES), '-S', str(1237 << 16), out]
            before = os.times()
            text = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
            after = os.times()
            cpu = after.children_user + after.children_system - before.children_user - \
                before.children_system
            return float(re.search(r'completed in ([\d.]+)', text)[1]), max(cpu, .01)

        best[form] = row(form, measure)
    print('qcow2, as part of raw\'s speed' + ''.join(
        f'{best["raw"][i][0] / best["qcow2"][i][0]:{width}.2f}' for i, width in ((0, 15), (1, 20))))


def main():
    programs = ['qemu-img', os.path.join(sys.argv[1], 'mica-img')]
    part = sys.argv[2] if len(sys.argv) > 2 else ''
    need('qemu-img')
    with folder() as place:
        names = {name: os.path.join(place, name)
                 for name in ('raw', 'small', 'qcow2', 'packed', 'fragmented', 'out')}
        make_raw(names['raw'], DATA)
        make_raw(names['small'], SMALL)
        call('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', names['raw'], names['qcow2'])
        call('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', names['raw'],
             names['packed'])
        make_fragmented(names['fragmented'])
        heading('images', 'qemu-img', 'mica-img')
        for name, args in CASES:
            if part in name:
                compare(name, programs, [a.format(**names) for a in args], names['out'])
        if part in 'first writes':
            first_writes(programs, names['out'])


if __name__ == '__main__':
    main()

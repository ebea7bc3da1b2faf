#!/usr/bin/env python3
# Snapshots of two disks and jobs under a Debian guest that writes: each is one point in time
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: live-test.py MICA MICA_IMG WRITER GUEST
#
# LIVE_SNAPSHOTS, LIVE_JOBS (on each disk) and LIVE_SEED in the environment say how many and which.
import json
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'boot'), os.path.join(HERE, '..', 'qmp')]
from console import Console             # noqa: E402
from qmplib import Session              # noqa: E402

BLOCK, BLOCKS, MOST, STREAMS = 4096, 1024, 4, 3         # as in live-writer.c
DISK = 2 * BLOCKS * BLOCK               # and a cluster more of the second one
CLUSTER = 65536
DISKS = 'ab'
MASK = (1 << 64) - 1


class Stream:
    """What the guest's writer does, again: the number of the last write of each block."""

    def __init__(self, number, seed):
        self.number, self.x, self.done = number, seed + 1000 * (number + 1), 0
        self.first, self.disks = number == 2, 1 if number else 2
        self.last = {d: [0] * BLOCKS for d in range(self.first, self.first + self.disks)}

    def advance(self, until):
        while self.done < until:
            x = self.x
            x ^= x << 13 & MASK
            x ^= x >> 7
            x ^= x << 17 & MASK
            self.x = x
            last = self.last[self.first + self.done % self.disks]
            at, count = x % (BLOCKS - MOST), 1 + (x >> 32) % MOST
            self.done += 1
            last[at:at + count] = [self.done] * count

    def region(self, images, disk):
        start = BLOCKS * BLOCK if self.number else 0
        return memoryview(images[disk])[start:start + BLOCKS * BLOCK]

    def check(self, images, exactly=None):
        """The images hold what the first N writes leave, for the N that the newest block tells."""
        newest = max(struct.unpack_from('<Q', self.region(images, d), at * BLOCK)[0]
                     for d in self.last for at in range(BLOCKS))
        assert exactly in (None, newest), f'stream {self.number}: {newest} writes, not {exactly}'
        assert newest >= self.done, f'stream {self.number} went back to {newest}'
        self.advance(newest)
        for disk, last in self.last.items():
            region = self.region(images, disk)
            for at, n in enumerate(last):
                tag = self.number << 56 | disk << 48 | at
                want = struct.pack('<QQ', n, tag) * (BLOCK // 16) if n else bytes(BLOCK)
                if region[at * BLOCK:(at + 1) * BLOCK] != want:
                    got = struct.unpack_from('<QQ', region, at * BLOCK)
                    raise AssertionError(f'stream {self.number}, {newest} writes: block {at} of '
                                         f'disk {disk} has {got}, not {(n, tag)}')


class Qcow2:
    """A layer's own data, read by nothing but the format's description."""

    def __init__(self, name):
        self.file = open(name, 'rb')
        magic, _, _, _, bits, self.size, crypt, entries, l1 = struct.unpack(
            '>4sIQIIQIIQ', self.file.read(48))
        assert magic == b'QFI\xfb' and not crypt
        self.bytes = 1 << bits
        self.tables = [entry & 0xfffffffffffe00 for entry in self.table(l1, entries)]
        self.known = {}

    def table(self, offset, entries):
        return struct.unpack(f'>{entries}Q', os.pread(self.file.fileno(), entries * 8, offset))

    def cluster(self, index):
        """Its content; None: a layer below has it."""
        per_table = self.bytes // 8
        i = index // per_table
        if not self.tables[i]:
            return None
        if i not in self.known:
            self.known[i] = self.table(self.tables[i], per_table)
        entry = self.known[i][index % per_table]
        assert not entry & 1 << 62, 'compressed'
        if entry & 1:
            return bytes(self.bytes)
        host = entry & 0xfffffffffffe00
        if not host:
            return None
        return os.pread(self.file.fileno(), self.bytes, host).ljust(self.bytes, b'\0')


def content(chain):
    """All of a disk whose layers these files are, the lowest first."""
    layers = [Qcow2(name) for name in reversed(chain)]
    step, out = layers[0].bytes, bytearray(DISK)
    for at in range(0, DISK, step):
        for layer in layers:
            data = layer.cluster(at // step)
            if data is not None:
                out[at:at + step] = data
                break
    for layer in layers:
        layer.file.close()
    return out


class Test:
    def __init__(self, argv):
        self.mica, self.img, self.writer, self.guest = map(os.path.abspath, argv)
        self.snapshots, self.jobs, self.seed = (
            int(os.environ.get(name, default)) for name, default in (
                ('LIVE_SNAPSHOTS', 100), ('LIVE_JOBS', 5), ('LIVE_SEED', random.getrandbits(32))))
        self.random = random.Random(self.seed)
        self.streams = [Stream(i, self.seed) for i in range(STREAMS)]
        self.chains = [[], []]          # files, the lowest first; the node of x.qcow2 is x
        self.added = []                 # nodes, by our own command
        self.made = self.longest = 0
        self.console = self.qmp = None
        print(f'# seed {self.seed}: {self.snapshots} snapshots, {self.jobs} jobs a disk',
              flush=True)

    # images and nodes

    def new(self, disk, below=None):
        self.made += 1
        name = f'{DISKS[disk]}{self.made}'
        backing = ['-u', '-b', f'{below}.qcow2', '-F', 'qcow2'] if below else []
        subprocess.run([self.img, 'create', '-q', '-f', 'qcow2', *backing, f'{name}.qcow2',
                        str(DISK + disk * CLUSTER)], check=True)
        return name

    def add(self, name, **more):
        self.added.append(name)
        self.qmp.cmd('blockdev-add', driver='qcow2', node_name=name, **more,
                     file={'driver': 'file', 'filename': f'{name}.qcow2'})

    def forget_unused(self):
        """What we have added and no chain has any more; one goes after those that stand on it."""
        used = {name for chain in self.chains for name in chain}
        for name in [name for name in reversed(self.added) if name not in used]:
            self.qmp.cmd('blockdev-del', node_name=name)
            self.added.remove(name)

    # the guest

    def start(self):
        initrd = 'initrd.img'
        os.makedirs('root/bin')
        shutil.copy(self.writer, 'root/bin/live-writer')
        extra = subprocess.run('find bin | cpio --quiet -o -H newc', shell=True, cwd='root',
                               check=True, stdout=subprocess.PIPE).stdout
        with open(f'{self.guest}/amd64/initrd.img', 'rb') as f, open(initrd, 'wb') as out:
            out.write(f.read() + bytes(-f.tell() % 4) + extra)
        ours, theirs = socket.socketpair()
        run = ('modprobe ata_piix;modprobe sd_mod;while [ ! -b /dev/sdb ];do sleep 1;done;'
               f'live-writer {self.seed} /dev/sda /dev/sdb').replace(' ', ',')
        argv = [self.mica, '-machine', 'pc', '-nographic', '-no-user-config', '-m', '256M',
                '-smp', '2', '-chardev', f'socket,id=qmp,fd={theirs.fileno()}',
                '-mon', 'chardev=qmp,mode=control', '-kernel', f'{self.guest}/amd64/vmlinuz',
                '-initrd', initrd, '-append', f'console=ttyS0 quiet mica.run={run}']
        for disk in range(2):
            name = self.new(disk)
            self.chains[disk].append(name)
            argv += ['-blockdev', json.dumps({'driver': 'qcow2', 'node-name': name, 'file': {
                         'driver': 'file', 'filename': f'{name}.qcow2'}}),
                     '-device', f'ide-hd,bus=ide.{disk},drive={name}']
        self.console = Console(argv, 900, [theirs.fileno()])
        theirs.close()
        self.qmp = Session(ours)
        self.console.expect('WRITING')

    def let_write(self, seconds):
        """Time for the guest; what it prints is taken from it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.console.fd], [], [], left)[0]:
                assert self.console._more('nothing') and 'WRONG' not in self.console.text, \
                    self.console.text[-2000:]

    # what is tested

    def files(self, disk):
        return [f'{name}.qcow2' for name in self.chains[disk]]

    def snapshot(self):
        """Of both disks at once; what lies below then is one point in time."""
        actions, names = [], []
        for disk in range(2):
            if self.random.random() < .5:
                name = self.new(disk, self.chains[disk][-1])
                self.add(name, backing=None)
                actions.append({'type': 'blockdev-snapshot',
                                'data': {'node': self.chains[disk][-1], 'overlay': name}})
            else:
                self.made += 1
                name = f'{DISKS[disk]}{self.made}'
                actions.append({'type': 'blockdev-snapshot-sync',
                                'data': {'node-name': self.chains[disk][-1], 'format': 'qcow2',
                                         'snapshot-file': f'{name}.qcow2',
                                         'snapshot-node-name': name}})
            names.append(name)
        begin = time.monotonic()
        self.qmp.cmd('transaction', actions=actions)
        self.longest = max(self.longest, time.monotonic() - begin)
        images = [content(self.files(disk)) for disk in range(2)]
        for stream in self.streams:
            stream.check(images)
        for disk in range(2):
            self.chains[disk].append(names[disk])

    def start_job(self, disk, kind):
        """The chain that it will leave, and whether it waits to be completed."""
        chain, job = self.chains[disk], DISKS[disk]
        low = self.random.randrange(len(chain) - 1)
        high = self.random.randrange(low + 1, len(chain))
        if kind == 'stream':
            self.qmp.cmd('block-stream', job_id=job, device=chain[-1])
            return chain[-1:], False
        if kind == 'stream part':
            self.qmp.cmd('block-stream', job_id=job, device=chain[high], base_node=chain[low])
            return chain[:low + 1] + chain[high:], False
        if kind == 'commit':
            self.qmp.cmd('block-commit', job_id=job, device=chain[-1], base_node=chain[low])
            return chain[:low + 1], True
        if kind == 'commit part':
            self.qmp.cmd('block-commit', job_id=job, device=chain[-1], top_node=chain[high],
                         base_node=chain[low])
            return chain[:low + 1] + chain[high + 1:], high == len(chain) - 1
        target = self.new(disk)
        self.add(target)
        self.qmp.cmd('blockdev-mirror', job_id=job, device=chain[-1], target=target, sync='full',
                     copy_mode=self.random.choice(['background', 'write-blocking']))
        return [target], True

    def do_jobs(self, kinds):
        """One on each disk at the same time."""
        left = {DISKS[d]: (d, *self.start_job(d, kind)) for d, kind in enumerate(kinds)}
        while left:
            data = self.qmp.event('JOB_STATUS_CHANGE')['data']
            if data['id'] not in left:
                continue
            disk, chain, wants_complete = left[data['id']]
            if data['status'] == 'ready':
                assert wants_complete
                self.qmp.cmd('job-complete', id=data['id'])
            elif data['status'] == 'null':
                del left[data['id']]
                self.chains[disk] = chain
        for _ in kinds:
            done = self.qmp.event('BLOCK_JOB_COMPLETED')['data']
            assert 'error' not in done and done['offset'] == done['len'], done
        self.forget_unused()

    def end(self):
        """The guest has what it wrote, and so have the files."""
        self.console.send('\n')
        self.console.expect('VERIFIED')
        text = self.console.text
        counts = [int(text.split(f'STREAM {i} HAS ')[1].split()[0]) for i in range(STREAMS)]
        self.console.expect('reboot: Power down')
        assert self.console.wait() == 0
        images = [content(self.files(disk)) for disk in range(2)]
        for stream, count in zip(self.streams, counts):
            stream.check(images, count)
        print(f'# {counts} writes verified; the longest transaction took '
              f'{self.longest * 1000:.1f} ms', flush=True)

    def check_files(self):
        for disk in range(2):
            for name in self.files(disk):
                for program in (self.img, 'qemu-img'):
                    if program == self.img or shutil.which(program):
                        done = subprocess.run([program, 'check', name], stdout=subprocess.PIPE,
                                              stderr=subprocess.STDOUT, text=True, check=False)
                        assert done.returncode == 0, f'{program} check {name}: {done.stdout}'
            info = json.loads(subprocess.run(
                [self.img, 'info', '--backing-chain', '--output=json', self.files(disk)[-1]],
                stdout=subprocess.PIPE, check=True).stdout)
            assert [i['filename'] for i in reversed(info)] == self.files(disk), info

    def run(self):
        self.start()
        for _ in range(self.snapshots):
            self.let_write(self.random.uniform(0, .1))
            self.snapshot()
        print(f'ok 1 {self.snapshots} snapshots of two disks, each one point in time', flush=True)
        kinds = ['stream', 'stream part', 'commit', 'commit part', 'mirror']
        todo = [self.random.sample(kinds * (self.jobs // len(kinds) + 1), self.jobs)
                for _ in range(2)]
        for pair in zip(*todo):
            print(f'# {pair[0]} of {len(self.chains[0])} layers, '
                  f'{pair[1]} of {len(self.chains[1])}', flush=True)
            self.do_jobs(pair)
            for _ in range(self.random.randrange(1, 4)):
                self.let_write(self.random.uniform(0, .1))
                self.snapshot()
        print(f'ok 2 {self.jobs} jobs a disk, and snapshots between them', flush=True)
        self.end()
        print('ok 3 the guest reads what it wrote, and the files hold it', flush=True)
        self.check_files()
        print('ok 4 all images are clean', flush=True)


def main():
    if not os.path.exists(f'{sys.argv[4]}/amd64/initrd.img'):
        print('1..0 # SKIP no guest: make one with scripts/guest.sh')
        return 0
    print('1..4')
    test = Test(sys.argv[1:])
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        test.run()
    except Exception as e:                      # the seed and the files tell what happened
        print(f'not ok - {e}\n# the files are in {folder}', flush=True)
        raise
    finally:
        if test.console:
            test.console.close()
    shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""Power cuts, from outside: mica-io and qemu-io write to qcow2 above blklogwrites, request by
request; qcow2-replay checks what a crash may leave of the records. Prints TAP.
usage: replay-test.py QCOW2-REPLAY MICA-IO"""
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import random
import shutil
import subprocess
import sys
import tempfile

REPLAY, MICA_IO = (os.path.abspath(a) for a in sys.argv[1:3])
SECTORS = (2 << 20) // 512
STATES = int(os.environ.get('CRASH_STATES', 1000)) // 2
REQUESTS = 60
IMAGES = ['', 'cluster_size=4k', 'cluster_size=512', 'extended_l2=on,cluster_size=16k',
          'lazy_refcounts=on,cluster_size=4k', 'compat=0.10,cluster_size=4k']


class Writer:
    """mica-io or qemu-io, which does one command after the other"""

    def __init__(self, program, prompt, image, log):
        self.prompt = prompt
        self.program = subprocess.Popen(
            [program, '--image-opts',
             'driver=qcow2,discard=unmap,file.driver=blklogwrites,file.discard=unmap,'
             f'file.file.driver=file,file.file.filename={image},file.file.discard=unmap,'
             f'file.log.driver=file,file.log.filename={log}'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wait()

    def wait(self):
        said = b''
        while not said.endswith(self.prompt):
            more = os.read(self.program.stdout.fileno(), 4096)
            assert more, said
            said += more
        return said

    def do(self, command):
        self.program.stdin.write(command.encode() + b'\n')
        self.program.stdin.flush()
        said = self.wait()
        assert b'failed' not in said and b'rror' not in said, (command, said)

    def end(self):
        self.program.stdin.close()
        self.program.stdout.read()
        assert self.program.wait() == 0


def request(rand, byte):
    """A command and the line of the trace that tells of it"""
    what = rand.random()
    if what < 0.2:
        return 'flush', 'f 0 0 0'
    sector = rand.randrange(SECTORS)
    n = min(rand.choice((1, 3, 8, 64, 300)), SECTORS - sector)
    place = f'{sector * 512} {n * 512}'
    if what < 0.75:
        return f'write -P {byte} {place}', f'w {sector} {n} {byte}'
    if what < 0.9:
        return f'write -z {rand.choice(("", "-u "))}{place}', f'z {sector} {n} 0'
    return f'discard {place}', f'd {sector} {n} 0'


def record(program, prompt, image, log, rand):
    """Trace of a random lot of requests, the last a flush"""
    open(log, 'wb').close()
    writer = Writer(program, prompt, image, log)
    trace = []
    for i in range(REQUESTS):
        command, line = request(rand, 1 + i % 255)
        writer.do(command)
        trace.append(f'{line} {os.path.getsize(log)}')
    writer.end()
    trace.append(f'f 0 0 0 {os.path.getsize(log)}')
    return trace


def replay(who, folder, program, prompt, options, seed, states):
    image, base, log = (f'{folder}/{name}' for name in ('image', 'base', 'log'))
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options or 'compat=1.1',
                    image, str(SECTORS * 512)], check=True)
    # Something to be found below: half of it is there before the record begins.
    subprocess.run([MICA_IO, '-c', f'write -P 255 0 {SECTORS // 2 * 512}', image], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.copy(image, base)
    trace = [f'b 0 {SECTORS // 2} 255 512']
    trace += record(program, prompt, image, log, random.Random(seed))
    with open(f'{folder}/trace', 'w', encoding='utf-8') as out:
        out.write('\n'.join(trace) + '\n')
    done = subprocess.run([REPLAY, folder, base, log, f'{folder}/trace', str(seed), str(states),
                           '16', who], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, text=True)
    said = '\n'.join(line for line in done.stdout.splitlines()
                     if not line.startswith(('Leaked', 'Repairing', 'ERROR cluster')))
    print(f'# {who} {options} seed {seed}: {said}')
    return done.returncode == 0


def main():
    seed = int(os.environ.get('CRASH_SEED', 1))
    rounds = max(STATES // (len(IMAGES) * 80), 1)
    with tempfile.TemporaryDirectory() as folder:
        print('1..3')
        for number, (who, program, prompt) in enumerate(
                (('mica', MICA_IO, b'mica-io> '), ('qemu', 'qemu-io', b'qemu-io> '))):
            ok = all(replay(who, folder, program, prompt, options, seed + i,
                            STATES // (len(IMAGES) * rounds))
                     for i in range(rounds) for options in IMAGES)
            print(f'{"ok" if ok else "not ok"} {number + 1} power cuts in records of {who}-io',
                  flush=True)
        lost = not replay('unordered', folder, MICA_IO, b'mica-io> ', IMAGES[1], seed, 83)
        print(f'{"ok" if lost else "not ok"} 3 storage that forgets flushes is found out')
    return 0


if __name__ == '__main__':
    sys.exit(main())

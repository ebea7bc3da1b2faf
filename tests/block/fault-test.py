#!/usr/bin/env python3
"""ENOSPC, EIO and short transfers at every step of the tools' operations and of the jobs: a clear
error, source and backing intact, images consistent. Prints TAP.
usage: fault-test.py FAULT.so MICA MICA_IMG MICA_IO"""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# FAULT_STEPS: about how many steps are tried of each operation and kind of fault (default 5;
# 0: every one).

import hashlib
import json
import mmap
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'qmp'))
from qmplib import Program      # noqa: E402

FAULT, BINARY, IMG, IO = (os.path.abspath(path) for path in sys.argv[1:5])
STEPS = int(os.environ.get('FAULT_STEPS', 5))
EIO, ENOSPC, SHORT = 1, 2, 3
KINDS = {EIO: 'EIO', ENOSPC: 'ENOSPC', SHORT: 'short transfer'}
SIZE = 1 << 20


class Faults:
    """What fault.c shares with us"""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'control')
        with open(self.path, 'wb') as out:
            out.write(bytes(16))
        with open(self.path, 'r+b') as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.work = os.path.join(folder, 'work')
        self.env = {'LD_PRELOAD': FAULT, 'FAULT_CONTROL': self.path, 'FAULT_PATH': self.work}

    def arm(self, kind, step):
        self.map[:] = struct.pack('4i', kind, step, 0, 0)

    def count(self):
        return struct.unpack('4i', self.map)[2]

    def hit(self):
        return bool(struct.unpack('4i', self.map)[3])


def run(*argv, env=None):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False, env=env)
    return done.returncode, done.stdout


def must(*argv):
    status, out = run(*argv)
    assert status == 0, (argv, status, out)
    return out


def check(image):
    """No errors; clusters may have leaked."""
    status, out = run('qemu-img', 'check', '-f', 'qcow2', image)
    assert status in (0, 3), (image, status, out)


def same(a, b):
    """Contents of images, each (format, name)"""
    must(IMG, 'compare', '-q', '-f', a[0], '-F', b[0], a[1], b[1])


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def make_images(folder):
    """raw: some data; base.qcow2, other.qcow2 with it; top.qcow2 on base.qcow2; view.raw: top's"""
    os.makedirs(folder)
    os.chdir(folder)
    must(IMG, 'create', '-q', '-f', 'raw', 'raw', str(SIZE))
    must(IO, '-f', 'raw', '-c', 'write -q -P 1 100k 300k', '-c', 'write -q -P 2 700k 10k', 'raw')
    for name in 'base', 'other':
        must(IMG, 'convert', '-f', 'raw', '-O', 'qcow2', 'raw', f'{name}.qcow2')
    must(IO, '-f', 'qcow2', '-c', 'write -q -P 3 500k 100k', 'other.qcow2')
    must(IMG, 'create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'mid.qcow2')
    must(IO, '-f', 'qcow2', '-c', 'write -q -P 4 200k 100k', 'mid.qcow2')
    must(IMG, 'create', '-q', '-f', 'qcow2', '-b', 'mid.qcow2', '-F', 'qcow2', 'top.qcow2')
    must(IO, '-f', 'qcow2', '-c', 'write -q -P 5 250k 100k', '-c', 'write -q -z 720k 64k',
         'top.qcow2')
    must(IMG, 'convert', '-O', 'raw', 'top.qcow2', 'view.raw')
    must(IMG, 'create', '-q', '-f', 'qcow2', 'new.qcow2', str(SIZE))


# Each: the command, images that may not change, what else must hold (done: it says that it was done).

def new_image(fmt, source):
    def verify(done):
        if done:
            same(('raw', source), (fmt, 'new'))
        else:
            assert not os.path.exists('new'), 'a half converted image has its name'
    return verify


def keeps_view(done):
    same(('raw', 'view.raw'), ('qcow2', 'top.qcow2'))
    for name in 'base.qcow2', 'mid.qcow2', 'top.qcow2', 'other.qcow2':
        check(name)


def resized(done):
    check('base.qcow2')
    must(IO, '-f', 'qcow2', '-c', 'read -q -P 1 100k 300k', 'base.qcow2')


def created(done):
    if done:
        check('new')


TOOLS = {
    'create': (['create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'new'],
               ['base.qcow2'], created),
    'create-preallocated': (['create', '-q', '-f', 'qcow2', '-o', 'preallocation=falloc', 'new',
                             '1M'], [], created),
    'convert-to-qcow2': (['convert', '-f', 'raw', '-O', 'qcow2', 'raw', 'new'], ['raw'],
                         new_image('qcow2', 'raw')),
    'convert-compressed': (['convert', '-c', '-O', 'qcow2', 'top.qcow2', 'new'],
                           ['top.qcow2', 'mid.qcow2', 'base.qcow2'],
                           new_image('qcow2', 'view.raw')),
    'convert-to-raw': (['convert', '-O', 'raw', 'top.qcow2', 'new'],
                       ['top.qcow2', 'mid.qcow2', 'base.qcow2'], new_image('raw', 'view.raw')),
    'commit': (['commit', '-q', '-f', 'qcow2', 'top.qcow2'], ['base.qcow2', 'raw'], keeps_view),
    'commit-to-base': (['commit', '-q', '-f', 'qcow2', '-b', 'base.qcow2', 'top.qcow2'], ['raw'],
                       keeps_view),
    'rebase': (['rebase', '-f', 'qcow2', '-b', 'other.qcow2', '-F', 'qcow2', 'top.qcow2'],
               ['base.qcow2', 'mid.qcow2', 'other.qcow2'], keeps_view),
    'resize': (['resize', '-q', '-f', 'qcow2', 'base.qcow2', '20M'], ['mid.qcow2'], resized),
    'shrink': (['resize', '-q', '-f', 'qcow2', '--shrink', 'base.qcow2', '512k'], ['mid.qcow2'],
               resized),
    'amend': (['amend', '-f', 'qcow2', '-o', 'compat=0.10', 'base.qcow2'], ['mid.qcow2'],
              keeps_view),
    'snapshot': (['snapshot', '-c', 's', 'top.qcow2'], ['mid.qcow2', 'base.qcow2'], keeps_view),
}


def tool_once(faults, args):
    status, out = run(IMG, *args, env={**os.environ, **faults.env})
    assert status == 0 or (status == 1 and 'mica-img: ' in out), (status, out)
    return status == 0


def node(name, file, fmt='qcow2', **more):
    return {'driver': fmt, 'node-name': name, 'file': {'driver': 'file', 'filename': file}, **more}


# Each: a command's arguments, images that may not change; view: the node that has the contents after.
JOBS = {
    'block-stream': ({'device': 'top'}, ['mid.qcow2', 'base.qcow2']),
    'block-commit': ({'device': 'top', 'top-node': 'mid', 'base-node': 'base'}, []),
    'block-commit-active': ({'device': 'top', 'base-node': 'base'}, []),
    'blockdev-mirror': ({'device': 'top', 'target': 'new', 'sync': 'full'},
                        ['top.qcow2', 'mid.qcow2', 'base.qcow2']),
    'blockdev-backup': ({'device': 'top', 'target': 'new', 'sync': 'full'},
                        ['top.qcow2', 'mid.qcow2', 'base.qcow2']),
}


def run_job(faults, qmp, command, arguments, kind, step):
    """Its error, or None"""
    faults.arm(kind, step)
    qmp.cmd_dict({'execute': command, 'arguments': {'job-id': 'j', **arguments}})
    while True:
        event = qmp.event('JOB_STATUS_CHANGE')['data']
        if event['status'] == 'ready':
            # It may have failed by itself meanwhile.
            qmp.raw({'execute': 'block-job-complete', 'arguments': {'device': 'j'}})
        if event['status'] == 'concluded':
            break
    return qmp.event('BLOCK_JOB_COMPLETED')['data'].get('error')


def job_once(faults, name, arguments, kind, step):
    argv = ['-M', 'none']
    for one in (node('base', 'base.qcow2', backing=None),
                node('mid', 'mid.qcow2', backing='base'), node('top', 'top.qcow2', backing='mid'),
                node('new', 'new.qcow2')):
        argv += ['-blockdev', json.dumps(one)]
    faults.arm(0, 0)
    old = dict(os.environ)
    os.environ.update(faults.env)
    try:
        program = Program(BINARY, argv)
    finally:
        os.environ.clear()
        os.environ.update(old)
    with program as p:
        command = name.replace('-active', '')
        error = run_job(faults, p.qmp, command, arguments, kind, step)
        assert p.qmp.cmd('query-status')['status'] in ('running', 'paused', 'prelaunch')
        p.qmp.cmd('quit')
        p.wait()
    assert error is None or 'rror' in error or 'space' in error or 'ailed' in error, error
    if not error and command in ('blockdev-mirror', 'blockdev-backup') and not faults.hit():
        same(('raw', 'view.raw'), ('qcow2', 'new.qcow2'))
    check('new.qcow2')
    return error is None


def each_step(faults, template, once, kept, verify):
    """once(kind, step) for steps of each kind of fault, until there is no such step."""
    for kind in KINDS:
        step, stride = 1, 0
        while True:
            shutil.rmtree(faults.work, ignore_errors=True)
            shutil.copytree(template, faults.work)
            os.chdir(faults.work)
            before = {name: digest(name) for name in kept}
            if not stride:                  # how many are there?
                faults.arm(kind, 1 << 30)
                assert once(kind, 1 << 30), 'it fails without a fault'
                assert faults.count() > 0, f'{KINDS[kind]}: no access was seen'
                stride = max(faults.count() // STEPS, 1) if STEPS else 1
                continue
            try:
                faults.arm(kind, step)
                done = once(kind, step)
                hit = faults.hit()
                faults.arm(0, 0)
                assert {name: digest(name) for name in kept} == before, 'what it reads has changed'
                verify(done)
                assert done or hit, 'it fails without a fault'
                # A short transfer is continued.
                assert done or kind != SHORT, 'a short transfer is an error'
            except Exception:
                print(f'# {KINDS[kind]} at step {step}', flush=True)
                raise
            if not hit:
                break
            step += stride


def main():
    names = list(TOOLS) + list(JOBS)
    bad = 0
    print(f'1..{len(names)}')
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        template = os.path.join(folder, 'template')
        make_images(template)
        faults = Faults(folder)
        for number, name in enumerate(names, 1):
            try:
                if name in TOOLS:
                    args, kept, verify = TOOLS[name]
                    each_step(faults, template, lambda k, s, a=args: tool_once(faults, a), kept,
                              verify)
                else:
                    arguments, kept = JOBS[name]
                    each_step(faults, template,
                              lambda k, s, n=name, a=arguments: job_once(faults, n, a, k, s), kept,
                              keeps_view)
                print(f'ok {number} {name}', flush=True)
            except Exception as e:          # pylint: disable=broad-except
                bad += 1
                print(f'# {type(e).__name__}: {e}'.replace('\n', '\n# '))
                print(f'not ok {number} {name}', flush=True)
            os.chdir(folder)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

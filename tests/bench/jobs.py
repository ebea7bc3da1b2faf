#!/usr/bin/env python3
"""Speed of block jobs against the installed qemu-system-x86_64: machine none, the same files by turns."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: jobs.py MICA
#
# Besides: how long live snapshots of two idle disks together hold up requests.

import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'qmp'))
from qmplib import Program                                                      # noqa: E402
from pairs import call, cpu_seconds, folder, heading, need, row                 # noqa: E402

MIB = 1 << 20
SIZE = 768 * MIB


def file_node(path):
    return {'driver': 'file', 'filename': path}


class Bench:
    def __init__(self, programs, place):
        self.programs, self.place = programs, place
        os.chdir(place)
        block = os.urandom(MIB)
        with open('raw', 'wb') as f:
            for i in range(SIZE // MIB):
                f.write(i.to_bytes(8, 'big') + block[8:])
        call('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', 'raw', 'qcow2')

    def fresh(self, name, *backing):
        call('qemu-img', 'create', '-q', '-f', 'qcow2', *backing, name, str(SIZE))

    def job(self, i, nodes, command, end, **arguments):
        """(seconds, CPU seconds) from the command to the event."""
        with Program(self.programs[i], ['-machine', 'none', '-S']) as p:
            for node in nodes:
                p.qmp.cmd('blockdev-add', **node)
            cpu, begin = cpu_seconds(p.process.pid), time.monotonic()
            p.qmp.cmd(command, job_id='job', **arguments)
            event = p.qmp.event(end)
            wall = time.monotonic() - begin
            assert 'error' not in event['data'], event
            return wall, cpu_seconds(p.process.pid) - cpu

    def to_new(self, command, end):
        def measure(i):         # of the source that the loop is at
            self.fresh('new')
            return self.job(i, [{'driver': source, 'node_name': 'source', 'file': file_node(source)},
                                {'driver': 'qcow2', 'node_name': 'new', 'file': file_node('new')}],
                            command, end, device='source', target='new', sync='full')

        for source in ('raw', 'qcow2'):
            row(f'{command[9:]} {source} to qcow2', measure)

    def stream(self):
        def measure(i):
            self.fresh('new', '-b', 'raw', '-F', 'raw')
            return self.job(i, [{'driver': 'qcow2', 'node_name': 'new', 'file': file_node('new')}],
                            'block-stream', 'BLOCK_JOB_COMPLETED', device='new')

        row('stream raw into qcow2', measure)

    def commit(self):
        def measure(i):
            self.fresh('base')
            call('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', 'raw', 'mid')
            call('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'mid')
            self.fresh('top', '-b', 'mid', '-F', 'qcow2')
            return self.job(i, [{'driver': 'qcow2', 'node_name': 'top', 'file': file_node('top')}],
                            'block-commit', 'BLOCK_JOB_COMPLETED', device='top', top='mid')

        row('commit qcow2 into qcow2', measure)

    def snapshots(self):
        """Two disks at once, by transaction; the time of the command is more than that of the drain."""
        def measure(i):
            times = []
            nodes = []
            with Program(self.programs[i], ['-machine', 'none', '-S']) as p:
                for disk in 'ab':
                    self.fresh(disk + '0')
                    nodes.append({'driver': 'qcow2', 'node_name': disk + '0',
                                  'file': file_node(disk + '0')})
                    p.qmp.cmd('blockdev-add', **nodes[-1])
                for n in range(1, 21):
                    for disk in 'ab':
                        self.fresh(f'{disk}{n}', '-b', f'{disk}{n - 1}', '-F', 'qcow2')
                        p.qmp.cmd('blockdev-add', driver='qcow2', node_name=f'{disk}{n}',
                                  file=file_node(f'{disk}{n}'), backing=None)
                    cpu, begin = cpu_seconds(p.process.pid), time.monotonic()
                    p.qmp.cmd('transaction', actions=[
                        {'type': 'blockdev-snapshot',
                         'data': {'node': f'{disk}{n - 1}', 'overlay': f'{disk}{n}'}}
                        for disk in 'ab'])
                    times.append((time.monotonic() - begin, cpu_seconds(p.process.pid) - cpu))
            return sorted(times)[len(times) // 2]

        row('snapshot of two idle disks', measure)


def main():
    need('qemu-system-x86_64', 'qemu-img')
    with folder() as place:
        bench = Bench([shutil.which('qemu-system-x86_64'), os.path.abspath(sys.argv[1])], place)
        heading('jobs', 'qemu-system-x86_64', 'mica')
        bench.to_new('blockdev-mirror', 'BLOCK_JOB_READY')
        bench.to_new('blockdev-backup', 'BLOCK_JOB_COMPLETED')
        bench.stream()
        bench.commit()
        bench.snapshots()
        os.chdir('/')


if __name__ == '__main__':
    main()

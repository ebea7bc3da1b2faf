#!/usr/bin/env python3
"""Speed of mica-nbd against the installed qemu-nbd: 4 KiB requests, by turns, ratios in one run."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: nbd.py BUILD
#
# A ratio over 1 says that mica-nbd serves more requests a second. Each is the
# best of some rounds, with the CPU time that the server took for a request.

import os
import shutil
import signal
import subprocess
import sys
import tempfile

ROUNDS, SECONDS = 4, 1.5
DISK = 256 << 20
LOAD = None


class Server:
    def __init__(self, program, folder):
        name = os.path.join(folder, os.path.basename(program))
        self.socket, disk, pid = name + '.sock', name + '.raw', name + '.pid'
        with open(disk, 'wb') as f:
            for _ in range(DISK >> 20):
                f.write(os.urandom(1 << 20))
        subprocess.run([program, '-k', self.socket, '-t', '-e', '4', '-f', 'raw', '--fork',
                        '--pid-file', pid, disk], check=True)
        with open(pid, encoding='ascii') as f:
            self.pid = int(f.read())

    def cpu_seconds(self):
        with open(f'/proc/{self.pid}/stat', encoding='ascii') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def measure(self, kind, depth):
        """(requests a second, microseconds of CPU time each)"""
        before = self.cpu_seconds()
        out = subprocess.run([LOAD, self.socket, kind, str(depth), str(SECONDS)], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        rate = float(out)
        return rate, (self.cpu_seconds() - before) / (rate * SECONDS) * 1e6


def main():
    global LOAD
    LOAD = os.path.join(sys.argv[1], 'tests', 'bench', 'nbd-load')
    if not shutil.which('qemu-nbd'):
        sys.exit('bench: needs qemu-nbd to compare with (package qemu-utils)')
    with tempfile.TemporaryDirectory() as folder:
        servers = [Server('qemu-nbd', folder),
                   Server(os.path.join(sys.argv[1], 'tools', 'mica-nbd'), folder)]
        try:
            print(f'{"NBD, 4 KiB":26}{"qemu-nbd":>16}{"mica-nbd":>16}{"ratio":>8}')
            for kind in ('read', 'write'):
                for depth in (1, 32):
                    best = [(0, 0), (0, 0)]
                    for _ in range(ROUNDS):
                        for i, server in enumerate(servers):
                            best[i] = max(best[i], server.measure(kind, depth))
                    cells = ''.join(f'{rate:9.0f}/s {cpu:3.0f}us' for rate, cpu in best)
                    print(f'{kind + " at depth " + str(depth):26}{cells}'
                          f'{best[1][0] / best[0][0]:8.2f}', flush=True)
        finally:
            for server in servers:
                os.kill(server.pid, signal.SIGTERM)


if __name__ == '__main__':
    main()

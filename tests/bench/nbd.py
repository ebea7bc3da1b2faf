#!/usr/bin/env python3
"""Speed of mica-nbd against the installed qemu-nbd: 4 KiB requests, by turns, ratios in one run."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: nbd.py BUILD
#
# A ratio over 1 says that mica-nbd serves more requests a second.

import os
import signal
import subprocess
import sys

from pairs import cpu_seconds, folder, heading, need, row

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

    def measure(self, kind, depth):
        """(seconds, CPU seconds of the server) for 10^5 requests"""
        before = cpu_seconds(self.pid)
        out = subprocess.run([LOAD, self.socket, kind, str(depth), str(SECONDS)], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        rate = float(out)
        return 1e5 / rate, (cpu_seconds(self.pid) - before) / (rate * SECONDS) * 1e5


def main():
    global LOAD
    LOAD = os.path.join(sys.argv[1], 'tests', 'bench', 'nbd-load')
    need('qemu-nbd')
    with folder() as place:
        servers = [Server('qemu-nbd', place),
                   Server(os.path.join(sys.argv[1], 'tools', 'mica-nbd'), place)]
        try:
            heading('NBD, 10^5 requests of 4 KiB', 'qemu-nbd', 'mica-nbd')
            for kind in ('read', 'write'):
                for depth in (1, 32):
                    row(f'{kind} at depth {depth}', lambda i: servers[i].measure(kind, depth),
                        ROUNDS)
        finally:
            for server in servers:
                os.kill(server.pid, signal.SIGTERM)


if __name__ == '__main__':
    main()

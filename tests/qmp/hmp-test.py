#!/usr/bin/env python3
# The human monitor: lines over QMP, and a session with a prompt, editing, history, completion
# SPDX-License-Identifier: GPL-2.0-or-later
import re
import socket
import subprocess
import sys
import time

from qmplib import PATIENCE, Program

BINARY = sys.argv[1]
PC = ['-M', 'pc', '-accel', 'qtest', '-m', '16', '-S', '-name', 'n']


class Human:
    """Somebody at a terminal."""

    def __init__(self, sock):
        self.sock, self.text = sock, ''
        self.until('(qemu) ')

    def until(self, what):
        end = time.monotonic() + PATIENCE
        while what not in self.text:
            self.sock.settimeout(max(end - time.monotonic(), 0.01))
            data = self.sock.recv(65536)
            assert data, f'closed; had {self.text}'
            self.text += data.decode()
        before, self.text = self.text.split(what, 1)
        return before

    def type(self, keys):
        self.sock.sendall(keys.encode())

    def line(self, keys):
        """What the line prints, without its echo."""
        self.type(keys + '\r')
        self.until('\r\n')
        return self.until('\r(qemu) ')


def test_over_qmp():
    with Program(BINARY, PC) as p:
        def hmp(line, **more):
            return p.qmp.cmd_dict({'execute': 'human-monitor-command',
                                   'arguments': {'command-line': line, **more}})
        assert hmp('info status') == 'VM status: paused (prelaunch)\n'
        assert hmp('info name') == 'n\n'
        assert hmp('info version').startswith('7.2.0')
        assert hmp('') == hmp('  # nothing') == ''
        assert hmp('nope') == "unknown command: 'nope'\n"
        assert hmp('info nope') == "unknown command: 'info nope'\n"
        assert 'extraneous' in hmp('info status now')
        assert "'addr' is missing" in hmp('xp /x')
        assert 'Error: ' in hmp('block_job_cancel j')
        assert hmp('o /b 0x70 0x0e') == '' and hmp('i /b 0x71') == 'portb[0x0071] = 0x00\n'
        assert re.match(r'0{16}: 0x[0-9a-f]{8} 0x[0-9a-f]{8}\n$', hmp('xp /2xw 0')), hmp('xp /2xw 0')
        assert hmp('p /x 255') == '0xff\n' and hmp('print /d 0x10') == '16\n'
        assert 'Host bridge: PCI device 8086:1237' in hmp('info pci')
        assert 'stop the guest' in hmp('help stop') and 'info pci' in hmp('info')
        assert '/machine' in hmp('info qom-tree')
        assert 'ram' in hmp('info mtree')
        for row in hmp('info').splitlines():        # each of them answers
            name = row.split()[1]
            assert 'unknown command' not in hmp('info ' + name), name


def test_session():
    ours, theirs = socket.socketpair()
    with subprocess.Popen([BINARY, '-display', 'none', *PC, '-chardev',
                           f'socket,id=h,fd={theirs.fileno()}', '-mon', 'chardev=h'],
                          pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        h = Human(ours)
        assert h.line('info name') == 'n\r\n'
        assert h.line('info nam\x1b[D\x1b[Da\x1b[C\x1b[C\x08e\x01\x05') != 'n\r\n'
        assert h.line('x\x08info nXame\x1b[D\x1b[D\x1b[D\x08') == 'n\r\n'      # left, backspace
        assert h.line('\x1b[A') == 'n\r\n'                                     # history
        assert h.line('info uu\t') == '00000000-0000-0000-0000-000000000000\r\n'
        h.type('info k\x15')                                                    # Ctrl-u
        assert h.line('info name') == 'n\r\n'
        ours.sendall(b'info name\rinfo name\r')                                 # two at once
        h.until('n\r\n')
        h.until('\r(qemu) ')
        h.until('n\r\n')
        h.until('\r(qemu) ')
        h.type('quit\r')
        assert process.wait(PATIENCE) == 0


for name, fn in list(globals().items()):
    if name.startswith('test_'):
        fn()
        print(name)

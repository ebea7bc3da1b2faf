#!/usr/bin/env python3
# Wrong command lines against the expected answers (wrong.txt), help outputs, the order of things
# SPDX-License-Identifier: GPL-2.0-or-later
import fcntl
import fnmatch
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
F_OFD_SETLK = 37


class Tap:
    def __init__(self):
        self.n, self.failed = 0, 0

    def report(self, ok, name, detail=''):
        self.n += 1
        self.failed += not ok
        print(f'{"ok" if ok else "not ok"} {self.n} {name}')
        if not ok:
            for line in detail.splitlines():
                print('# ' + line)


def run(mica, args, cwd):
    return subprocess.run([mica] + args, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, check=False,
                          # Who ends for a wrong option leaves the memory to the kernel.
                          env={**os.environ, 'LC_ALL': 'C', 'ASAN_OPTIONS': 'detect_leaks=0'})


def read_table(path):
    """Blocks of '$ arguments' and the lines expected on stderr, where '*' stands for anything."""
    rows = []
    with open(path, encoding='utf-8') as f:
        for line in f:
            line = line.rstrip('\n')
            if line.startswith('$ '):
                rows.append((line[2:], []))
            elif line and not line.startswith('#'):
                rows[-1][1].append(line)
    return rows


def matches(line, pattern):
    return line == pattern or ('*' in pattern and
                               fnmatch.fnmatchcase(line, pattern.replace('[', '[[]')))


def make_files(folder):
    """The files that wrong.txt speaks of."""
    def write(name, data):
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(data)
    write('disk.img', bytes(1 << 20))
    write('empty', b'')
    write('text', b'hello, world\n' * 100)
    write('odd.bin', b'\x90' * 100000)
    write('vmdk.img', b'KDMV' + bytes(1020))
    # A bzImage that says it has 30 setup sectors, and ends behind its header.
    setup = bytearray(1024)
    setup[0x1f1] = 30
    setup[0x1fe:0x200] = b'\x55\xaa'
    setup[0x202:0x206] = b'HdrS'
    struct.pack_into('<H', setup, 0x206, 0x020c)
    write('short-kernel', bytes(setup))
    write('conf-group', b'[nothing]\nx = "1"\n')
    write('conf-syntax', b'[machine]\ntype: pc\n')
    write('conf-value', b'# a comment\n[chardev "c"]\nbackend = "nul"\n')
    os.mkdir(os.path.join(folder, 'dir'))


def test_wrong(tap, mica, folder):
    for text, expected in read_table(os.path.join(HERE, 'wrong.txt')):
        before = {n: os.stat(os.path.join(folder, n)) for n in os.listdir(folder)}
        result = run(mica, shlex.split(text), folder)
        lines = result.stderr.decode().splitlines()
        ok = (result.returncode == 1 and not result.stdout and 0 < len(lines) <= 3 and
              len(lines) == len(expected) and all(map(matches, lines, expected)))
        after = {n: os.stat(os.path.join(folder, n)) for n in os.listdir(folder)}
        same = {n: (s.st_mtime_ns, s.st_size) for n, s in before.items()} == \
               {n: (s.st_mtime_ns, s.st_size) for n, s in after.items()}
        tap.report(ok and same, text, f'status {result.returncode}\n' + '\n'.join(lines) +
                   '\nexpected:\n' + '\n'.join(expected) + ('' if same else '\nfiles changed'))


HELP = [
    ('-h', ['usage: mica [options]', '-machine TYPE', '-device DRIVER', '-version']),
    ('-version', ['Mica emulator version ']),
    ('-machine help', ['Supported machines are:', 'pc-i440fx-7.2 ', '(alias of pc-i440fx-7.2)',
                       '(default)', 'none ']),
    ('-M pc,help', ['pc-i440fx-7.2-machine options:', 'accel=<str>']),
    ('-cpu help', ['qemu64', 'max']),
    ('-accel help', ['soft\n', 'tcg\n', 'qtest\n']),
    ('-device help', ['name "isa-serial", bus ISA', 'name "isa-debugcon"', ' devices:\n']),
    ('-device isa-serial,help', ['isa-serial options:', 'chardev=<str>', '(default: 115200)']),
    ('-object help', ['List of user creatable objects:', '  qtest\n']),
    ('-object qtest,help', ['qtest options:', 'chardev=<str>']),
    ('-chardev help', ['Available chardev backend types:', 'socket ', 'ringbuf ', 'serial ',
                       'udp ']),
    ('-d help', ['Log items', 'in_asm', 'guest_errors', 'unimp']),
    ('-trace help', ['\n']),
    ('-L help', ['/']),
    ('-L /some/where -L help', ['/some/where\n']),
]


def test_help(tap, mica, folder):
    for text, wanted in HELP:
        result = run(mica, shlex.split(text), folder)
        out = result.stdout.decode()
        ok = result.returncode == 0 and not result.stderr and all(w in out for w in wanted)
        tap.report(ok, text, out[:1000] + result.stderr.decode())


def test_locked_disk(tap, mica, folder):
    """Another process holds the image for writing, with the byte locks that QEMU's tools use."""
    path = os.path.join(folder, 'disk.img')
    if b'"ide-hd"' not in run(mica, ['-device', 'help'], folder).stdout:
        tap.report(True, 'locked disk # SKIP there is no ide-hd')
        return
    with open(path, 'r+b') as f:
        # Permissions taken are bytes 100.., ones not shared 200..: read locks on each.
        for base in (100, 200):
            for bit in range(4):
                lock = struct.pack('hhqqi', fcntl.F_RDLCK, os.SEEK_SET, base + bit, 1, 0)
                fcntl.fcntl(f, F_OFD_SETLK, lock)
        result = run(mica, ['-accel', 'qtest', '-S', '-drive', f'file={path},format=raw'], folder)
    err = result.stderr.decode()
    tap.report(result.returncode == 1 and 'lock' in err and path in err and
               len(err.splitlines()) <= 3, 'locked disk', err)


class Mica:
    """A running one with a qtest socket, so that we know when it is ready."""

    def __init__(self, mica, folder, args):
        self.path = os.path.join(folder, 'qtest.sock')
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(1)
            listener.settimeout(20)
            self.child = subprocess.Popen([mica, '-accel', 'qtest', '-qtest',
                                           'unix:' + self.path, '-qtest-log', 'none'] + args,
                                          cwd=folder, stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.sock, _ = listener.accept()
        os.unlink(self.path)
        self.ask('endianness')

    def ask(self, line):
        self.sock.sendall(line.encode() + b'\n')
        answer = b''
        while not answer.endswith(b'\n'):
            answer += self.sock.recv(100)
        return answer.decode().strip()

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        out, err = self.child.communicate(timeout=20)
        self.sock.close()
        return self.child.returncode, out.decode(), err.decode()


def test_right(tap, mica, folder):
    """Options that work do what they say."""
    log = os.path.join(folder, 'serial.log')
    pid = os.path.join(folder, 'pid')
    conf = os.path.join(folder, 'conf')
    with open(conf, 'w', encoding='utf-8') as f:
        f.write('[machine]\ntype = "pc"\n[device "com2"]\ndriver = "isa-serial"\nindex = "1"\n'
                'chardev = "c"\n[chardev "c"]\nbackend = "file"\npath = "conf,out"\n')
    m = Mica(mica, folder, ['-serial', 'file:' + log, '-pidfile', pid, '-readconfig', conf,
                            '-debugcon', 'file:debug', '-global', 'isa-debugcon.readback=0x5a',
                            '-name', 'guest=g,process=pname', '-msg', 'guest-name=on'])
    with open(pid, encoding='utf-8') as f:
        tap.report(int(f.read()) == m.child.pid, 'pidfile')
    with open(f'/proc/{m.child.pid}/comm', encoding='utf-8') as f:
        tap.report(f.read() == 'pname\n', 'process name')
    for port, text in ((0x3f8, b'one'), (0x2f8, b'two'), (0xe9, b'dbg')):
        for c in text:
            m.ask(f'outb {port:#x} {c:#x}')
            # The transmitter needs its time for a character.
            m.ask('clock_step 2000000')
    got = m.ask('inb 0xe9')
    tap.report(got == 'OK 0x005a', '-global', got)
    status, out, err = m.end()
    tap.report(status == 0 and not out and err.startswith('g mica: terminating on signal 15'),
               'SIGTERM', f'{status} {out} {err}')
    for name, text in (('serial.log', b'one'), ('conf,out', b'two'), ('debug', b'dbg')):
        with open(os.path.join(folder, name), 'rb') as f:
            data = f.read()
            tap.report(data == text, f'{name} has its text', repr(data))
    tap.report(not os.path.exists(pid), 'pidfile is removed')


def test_log(tap, mica, folder):
    """What -d writes about a BIOS that calls interrupt 10h, which ends the run."""
    wanted = {
        'in_asm': ['IN:\n0xfffffff0:  e9 0d fe ', '0xfffffe0c:  cd 10 ', 'int $0x10'],
        'exec': ['Trace 0: ', '/00000000fffffff0/', '/00000000000fff00/'],
        'cpu': ['EIP=0000fff0 ', 'EIP=0000ff00 '],
        'cpu_reset': ['CPU Reset (CPU 0)\nEAX='],
        'int': ['cpu 0: int 0x10 '],
        'guest_errors': [],
    }
    rom = bytearray(b'\xf4' * 65536)
    rom[0xfff0:0xfff3] = b'\xe9\x0d\xfe'                         # jmp 0xfe00
    rom[0xfe00:0xfe0e] = bytes.fromhex('c706400000ff c706420000f0 cd10')
    rom[0xff00:0xff04] = b'\xb0\x00\xe6\xf4'                     # out to isa-debug-exit
    with open(os.path.join(folder, 'rom.bin'), 'wb') as f:
        f.write(rom)
    log = os.path.join(folder, 'cpu.log')
    for item, texts in wanted.items():
        result = run(mica, ['-accel', 'soft', '-display', 'none', '-bios', 'rom.bin', '-device',
                            'isa-debug-exit,iobase=0xf4,iosize=1', '-d', item, '-D', log], folder)
        with open(log, encoding='utf-8') as f:
            text = f.read()
        tap.report(result.returncode == 1 and not result.stderr and bool(text) == bool(texts) and
                   all(w in text for w in texts), '-d ' + item, text + result.stderr.decode())


def test_log_filter(tap, mica, folder):
    """-dfilter keeps what begins in its ranges; trace: switches trace points on."""
    log = os.path.join(folder, 'cpu.log')
    args = ['-accel', 'soft', '-display', 'none', '-bios', 'rom.bin', '-device',
            'isa-debug-exit,iobase=0xf4,iosize=1', '-D', log, '-d']
    run(mica, args + ['in_asm', '-dfilter', '0xfffff000+0xe80,0xfff00..0xfff03'], folder)
    with open(log, encoding='utf-8') as f:
        text = f.read()
    tap.report('0xfffffe0c:  cd 10 ' in text and '0xfffffff0:' not in text and
               '0x000fff00:' in text, '-dfilter', text)
    result = run(mica, args + ['trace:debug_exit*'], folder)
    with open(log, encoding='utf-8') as f:
        tap.report('debug_exit_write' in f.read(), '-d trace:', result.stderr.decode())


def status_of(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f)


def test_sandbox(tap, mica, folder):
    """What the process gives up is gone, and devices and worker threads still run."""
    m = Mica(mica, folder, ['-sandbox', 'on,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
                            '-drive', 'file=disk.img,format=raw', '-smp', '2', '-mem-prealloc'])
    status = status_of(m.child.pid)
    tap.report(status['Seccomp'] == '2' and status['NoNewPrivs'] == '1', '-sandbox', str(status))
    m.ask('outb 0x1f6 0xe0')
    m.ask('outb 0x1f2 1')
    m.ask('outb 0x1f7 0x20')
    until = time.monotonic() + 20
    while m.ask('inb 0x1f7') != 'OK 0x0058' and time.monotonic() < until:
        pass
    tap.report(m.ask('inb 0x1f7') == 'OK 0x0058', 'a disk under -sandbox')
    tap.report(m.end()[0] == 0, 'the end under -sandbox')
    if os.geteuid():
        tap.report(True, '-runas and -chroot # SKIP only root can')
        return
    m = Mica(mica, folder, ['-runas', '65534:65533', '-chroot', os.path.join(folder, 'dir')])
    status = status_of(m.child.pid)
    root = os.readlink(f'/proc/{m.child.pid}/root')
    tap.report(status['Uid'].split() == ['65534'] * 4 and status['Gid'].split() == ['65533'] * 4 and
               root == os.path.join(folder, 'dir'), '-runas and -chroot', f'{root} {status}')
    tap.report(m.end()[0] == 0, 'the end under -runas')


def test_daemonize(tap, mica, folder):
    pid_path = os.path.join(folder, 'pid')
    result = run(mica, ['-accel', 'qtest', '-daemonize', '-pidfile', pid_path], folder)
    ok = result.returncode == 0 and os.path.exists(pid_path)
    tap.report(ok, 'daemonize', result.stderr.decode())
    if ok:
        with open(pid_path, encoding='utf-8') as f:
            pid = int(f.read())
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 20
        while os.path.exists(pid_path) and time.monotonic() < until:
            time.sleep(0.01)
        tap.report(not os.path.exists(pid_path), 'daemon ends')
    result = run(mica, ['-accel', 'qtest', '-daemonize', '-device', 'foo'], folder)
    tap.report(result.returncode == 1 and b"'foo'" in result.stderr, 'daemonize tells of failure',
               result.stderr.decode())


def main():
    tap, mica = Tap(), os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        make_files(folder)
        test_wrong(tap, mica, folder)
        test_help(tap, mica, folder)
        test_locked_disk(tap, mica, folder)
        test_right(tap, mica, folder)
        test_sandbox(tap, mica, folder)
        test_daemonize(tap, mica, folder)
        test_log(tap, mica, folder)
        test_log_filter(tap, mica, folder)
    print(f'1..{tap.n}')
    sys.exit(tap.failed != 0)


main()

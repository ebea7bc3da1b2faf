#!/usr/bin/env python3
# The gdb server, packet by packet: threads, registers, memory, breakpoints, watchpoints, steps
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

from rsp import Rsp

# Real-mode code at 0x7000, with its data at 0x7800:
#   7000  b8 34 12        mov  $0x1234,%ax
#   7003  a3 00 78        mov  %ax,0x7800
#   7006  8b 1e 00 78     mov  0x7800,%bx
#   700a  b9 05 00        mov  $5,%cx
#   700d  49              dec  %cx
#   700e  75 fd           jnz  700d
#   7010  90              nop
#   7011  ff 06 02 78     incw 0x7802
#   7015  eb f9           jmp  7010
CODE = bytes.fromhex('b83412 a30078 8b1e0078 b90500 49 75fd 90 ff060278 ebf9')
BASE = 0x7000


class Tap:
    def __init__(self):
        self.n, self.failed = 0, 0

    def same(self, got, wanted, name):
        self.n += 1
        ok = got == wanted
        self.failed += not ok
        print(f'{"ok" if ok else "not ok"} {self.n} {name}')
        if not ok:
            print(f'# got {got!r}, wanted {wanted!r}', flush=True)

    def skip(self, name, why):
        self.n += 1
        print(f'ok {self.n} {name} # SKIP {why}')


class Machine:
    def __init__(self, mica, *args):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, 'gdb')
        self.child = subprocess.Popen([mica, '-nodefaults', '-display', 'none', '-m', '16', *args,
                                       '-gdb', f'unix:{self.path},server=on,wait=off'],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while not os.path.exists(self.path) and time.monotonic() < until:
            if self.child.poll() is not None:
                raise RuntimeError(self.child.stderr.read().decode())
            time.sleep(0.01)
        self.rsp = Rsp(self.path)

    def end(self):
        self.rsp.close()
        if self.child.poll() is None:
            self.child.terminate()
        self.child.wait(timeout=60)
        self.child.stderr.close()
        self.folder.cleanup()


class Registers:
    def __init__(self, rsp):
        self.rsp, self.numbers, self.sizes = rsp, {}, {}
        for m in re.finditer(r'<reg name="(\w+)" bitsize="(\d+)".*?regnum="(\d+)"',
                             rsp.target_xml()):
            self.numbers[m.group(1)] = int(m.group(3))
            self.sizes[m.group(1)] = int(m.group(2)) // 8

    def get(self, name):
        return int.from_bytes(bytes.fromhex(self.rsp.ask(f'p{self.numbers[name]:x}')), 'little')

    def set(self, name, value):
        data = value.to_bytes(self.sizes[name], 'little').hex()
        return self.rsp.ask(f'P{self.numbers[name]:x}={data}')


def prepare(rsp, regs):
    """Put the code there, and the boot CPU at its start."""
    rsp.ask('Hgp1.1')
    rsp.ask(b'X%x,%x:' % (BASE, len(CODE)) + CODE)
    for seg in ('cs', 'ds'):
        regs.set(seg, 0)
    regs.set('eflags', 2)
    regs.set('rip', BASE)


def test_questions(tap, rsp):
    reply = rsp.ask('qSupported:multiprocess+;xmlRegisters=i386')
    tap.same(sorted(re.findall(r'multiprocess\+|qXfer:features:read\+|vContSupported\+', reply)),
             ['multiprocess+', 'qXfer:features:read+', 'vContSupported+'], 'qSupported')
    tap.same(rsp.ask('QStartNoAckMode'), 'OK', 'QStartNoAckMode')
    rsp.ack = False
    tap.same(rsp.ask('?'), 'T05thread:p01.01;', '? after -S')
    tap.same(rsp.ask('qfThreadInfo'), 'mp01.01,p01.02', 'two CPUs, two threads')
    tap.same(rsp.ask('qsThreadInfo'), 'l', 'and no more')
    tap.same(rsp.ask('qC'), 'QCp01.01', 'the current one')
    tap.same(bytes.fromhex(rsp.ask('qThreadExtraInfo,p1.2')), b'CPU#1 [halted ]', 'name of one')
    tap.same(rsp.ask('qAttached:1'), '1', 'attached')
    tap.same(rsp.ask('qqemu.sstepbits'), 'ENABLE=1,NOIRQ=2,NOTIMER=4', 'bits of steps')
    tap.same(rsp.ask('Qqemu.sstep=0x5'), 'OK', 'set them')
    tap.same(rsp.ask('qqemu.sstep'), '0x5', 'get them')
    tap.same(rsp.ask('Qqemu.sstep=0x8'), 'E16', 'wrong ones')
    tap.same(rsp.ask('Qqemu.sstep=7'), 'OK', 'the default')
    tap.same(rsp.ask('vMustReplyEmpty'), '', 'unknown packets')
    tap.same(rsp.ask('vCont?'), 'vCont;c;C;s;S', 'vCont')
    tap.same(rsp.ask('Tp1.3'), 'E16', 'a thread there is not')
    tap.same(rsp.ask('Hgp2.1'), 'E16', 'a process there is not')
    for wrong in ('m', 'm1', 'm1,', 'm1,ffffffff', 'Mzz,1:00', 'M0,1:0', 'M0,1:zz', 'X0,2:a',
                  'pffff', 'P0', 'P0=', 'Pff=00', 'G00', 'Z9,0,1', 'Z2,0,0', 'Z2,ffffffffffffffff,8',
                  'z0,1234,1', 'H', 'Hx1', 'vCont;q', 'vCont;s:p9.1', 'vCont;c:', 'D;2', 'C', 'Sx',
                  'czz', 'm10000000000000000000,1'):
        tap.same(rsp.ask(wrong), 'E16', wrong)


def test_registers(tap, rsp, regs):
    rsp.ask('Hgp1.1')
    tap.same((regs.get('rip'), regs.get('cs'), regs.get('cr0') & 0x11), (0xfff0, 0xf000, 0x10),
             'the reset vector')
    for name, value in (('rax', 0x11223344), ('xmm3', 0x0102030405060708090a0b0c0d0e0f10),
                        ('fs_base', 0x123000), ('st2', 0x3fff8000000000000000),
                        ('mxcsr', 0x1fa0), ('fctrl', 0x27f), ('k_gs_base', 0xffff888000000000)):
        tap.same((regs.set(name, value), regs.get(name)), ('OK', value), name)
    if 'ymm5h' in regs.numbers:
        tap.same((regs.set('ymm5h', 1 << 100), regs.get('ymm5h')), ('OK', 1 << 100), 'ymm5h')
    tap.same(regs.set('cr0', 0x80000000), 'E16', 'paging without protection')
    tap.same(regs.get('cr0') & 0x80000011, 0x10, 'which is not left half done')
    whole = rsp.ask('g')
    tap.same(len(whole), 2 * sum(regs.sizes.values()), 'g')
    tap.same(rsp.ask('G' + whole), 'OK', 'G')
    tap.same(rsp.ask('g'), whole, 'what was put')
    tap.same(regs.get('fs'), 0, 'CPU 0')
    rsp.ask('Hgp1.2')
    tap.same(regs.get('rax'), 0, 'CPU 1 has its own')


def test_memory(tap, rsp):
    rsp.ask('Hgp1.1')
    tap.same(rsp.ask('M1000,4:deadbeef'), 'OK', 'M')
    tap.same(rsp.ask('m1000,4'), 'deadbeef', 'm')
    tap.same(rsp.ask(b'X1000,4:#$}*'), 'OK', 'X')
    tap.same(rsp.ask('m1000,4'), '23247d2a', 'its bytes')
    tap.same(rsp.ask('Qqemu.PhyMemMode:1'), 'OK', 'physical')
    tap.same(rsp.ask('qqemu.PhyMemMode'), '1', 'is on')
    tap.same(rsp.ask('m1002,2'), '7d2a', 'm')
    tap.same(rsp.ask('Qqemu.PhyMemMode:0'), 'OK', 'virtual')
    old = rsp.ask('mffff0,5')
    tap.same(rsp.ask('Mffff0,1:90') + rsp.ask('mffff0,1'), 'OK90', 'ROM can be changed')
    rsp.ask(f'Mffff0,5:{old}')


def test_running(tap, rsp, regs):
    prepare(rsp, regs)
    stop, step = 'T05thread:p01.01;', 'vCont;s:p1.1'
    tap.same((rsp.ask(step), regs.get('rip')), (stop, 0x7003), 'one step')
    tap.same((rsp.ask('s'), regs.get('rip')), (stop, 0x7006), 'the other way')
    tap.same(rsp.ask('m7800,2'), '3412', 'its store')
    tap.same((rsp.ask('Z0,700d,1'), rsp.ask('vCont;c'), regs.get('rip')), ('OK', stop, 0x700d),
             'breakpoint')
    tap.same(regs.get('rcx') & 0xffff, 5, 'in front of the instruction')
    tap.same((rsp.ask(step), regs.get('rip')), (stop, 0x700e), 'step off it')
    tap.same((rsp.ask('vCont;c'), regs.get('rip'), regs.get('rcx') & 0xffff), (stop, 0x700d, 4),
             'it is met again in the loop')
    tap.same((rsp.ask('z0,700d,1'), rsp.ask('Z1,7010,1'), rsp.ask('c'), regs.get('rip')),
             ('OK', 'OK', stop, 0x7010), 'hardware breakpoint behind the loop')
    rsp.ask('z1,7010,1')
    tap.same((rsp.ask('Z0,7015,1'), rsp.ask('c7010'), regs.get('rip')), ('OK', stop, 0x7015),
             'continue elsewhere')
    rsp.ask('z0,7015,1')


def test_watches(tap, rsp, regs):
    prepare(rsp, regs)
    rsp.ask('M7802,2:0000')
    first = rsp.ask('Z2,7802,2')
    if first == 'E16' and 'kvm' in sys.argv:
        tap.skip('watch', 'KVM interprets kernel-mode code here')
        regs.set('rip', 0x7010)
        return
    tap.same(first, 'OK', 'watch')
    tap.same((rsp.ask('c'), regs.get('rip'), rsp.ask('m7802,2')),
             ('T05thread:p01.01;watch:7802;', 0x7015, '0100'), 'watch hits behind the store')
    tap.same((rsp.ask('c'), rsp.ask('m7802,2')), ('T05thread:p01.01;watch:7802;', '0200'),
             'and again')
    rsp.ask('z2,7802,2')
    for kind, name in ((3, 'rwatch'), (4, 'awatch')):
        prepare(rsp, regs)
        if rsp.ask(f'Z{kind},7801,1') == 'E16' and 'kvm' in sys.argv:
            tap.skip(name, 'no debug register does that')
            continue
        hits = []
        while not hits or (hits[-1] != 0x700a and len(hits) < 5):
            reply = rsp.ask('c')
            tap.same(reply, f'T05thread:p01.01;{name}:7801;', name)
            hits.append(regs.get('rip'))
        tap.same(hits, [0x700a] if kind == 3 else [0x7006, 0x700a], f'where {name} hits')
        rsp.ask(f'z{kind},7801,1')
    regs.set('rip', 0x7010)


def test_interrupt(tap, rsp, regs):
    rsp.send('vCont;c')
    rsp.raw(b'\x03')
    tap.same(rsp.receive(), 'T02thread:p01.01;', 'Ctrl-C')
    before = struct.unpack('<H', bytes.fromhex(rsp.ask('m7802,2')))[0]
    tap.same(before == struct.unpack('<H', bytes.fromhex(rsp.ask('m7802,2')))[0], True,
             'it stands still')
    tap.same(rsp.ask('D;1'), 'OK', 'detach')
    rsp.close()


def test_noise(tap, rsp):
    """Damaged packets, the same ones each time: each gets an answer, and the server lives on."""
    rnd = random.Random(7)
    seeds = [b'qSupported:a', b'm1000,40', b'M1000,4:deadbeef', b'X1000,4:abcd', b'p10', b'P10=' +
             b'00' * 8, b'Z0,7010,1', b'z0,7010,1', b'Z2,7800,4', b'z2,7800,4', b'Hgp1.2', b'Hc-1',
             b'T1', b'qfThreadInfo', b'qThreadExtraInfo,p1.1', b'qXfer:features:read:target.xml:0,9',
             b'qAttached', b'g', b'G' + b'00' * 700, b'Qqemu.PhyMemMode:1', b'qqemu.sstep=7']
    for _ in range(600):
        data = bytearray(rnd.choice(seeds))
        for _ in range(rnd.randrange(4)):
            at = rnd.randrange(1, len(data) + 1)
            data[at:at + rnd.randrange(2)] = bytes(rnd.choices(b'0123456789abcdef,:;=.p-+*#$}\0\xff',
                                                               k=rnd.randrange(3)))
        # Nothing that lets the machine run or go.
        if data[:1] not in b'cCsSkDv':
            rsp.ask(bytes(data))
    tap.same(rsp.ask('qC')[:2], 'QC', 'after noise')
    text = ''
    part = rsp.ask('qRcmd,' + b'info status'.hex())
    while part[:1] == 'O' and part != 'OK':
        text += bytes.fromhex(part[1:]).decode()
        part = rsp.receive()
    tap.same((part, text[:10]), ('OK', 'VM status:'), 'a line of the monitor')
    rsp.ask('Qqemu.PhyMemMode:0')
    rsp.ask('qSupported:multiprocess+')
    rsp.ask('?')


def test_link(tap, path):
    """A second session: checksums, noise, what an earlier one left."""
    rsp = Rsp(path)
    rsp.raw(b'noise+-$m0,4#00')
    while (c := rsp.byte()) != b'-':
        pass
    tap.same(c, b'-', 'wrong checksum')
    rsp.raw(b'$m0,')
    tap.same(rsp.ask('qC'), 'QC01', 'a packet in the middle of another')
    rsp.raw(b'$' + b'x' * 70000 + b'#00')
    tap.same(rsp.byte(), b'-', 'too long')
    rsp.send('qC')
    rsp.ack = False
    tap.same(rsp.receive(), 'QC01', 'the next is understood')
    rsp.raw(b'-')
    rsp.ack = True
    tap.same(rsp.receive(), 'QC01', 'sent again')
    return rsp


def main():
    """usage: protocol-test.py MICA [options of it: another accelerator]"""
    tap, mica, more = Tap(), os.path.abspath(sys.argv[1]), sys.argv[2:]
    if 'kvm' in more and not os.access('/dev/kvm', os.R_OK | os.W_OK):
        print('1..0 # SKIP /dev/kvm does not open')
        return
    m = Machine(mica, '-S', '-smp', '2', *more)
    try:
        test_questions(tap, m.rsp)
        regs = Registers(m.rsp)
        test_registers(tap, m.rsp, regs)
        test_memory(tap, m.rsp)
        test_noise(tap, m.rsp)
        test_running(tap, m.rsp, regs)
        test_watches(tap, m.rsp, regs)
        test_interrupt(tap, m.rsp, regs)
        m.rsp = test_link(tap, m.path)
        m.rsp.send('k')
        tap.same(m.rsp.receive(), 'W00', 'kill')
        tap.same(m.child.wait(timeout=60), 0, 'and its status')
    finally:
        m.end()
    m = Machine(mica, '-S', '-cpu', 'qemu32', *more)
    try:
        tap.same(re.findall('<architecture>.*?<|name="[er]ax"', m.rsp.target_xml()),
                 ['<architecture>i386<', 'name="eax"'], 'a CPU without long mode')
    finally:
        m.end()
    print(f'1..{tap.n}')
    sys.exit(tap.failed != 0)


main()

#!/usr/bin/env python3
# The human monitor: lines over QMP, and a session with a prompt, editing, history, completion
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

from qmplib import PATIENCE, Program

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'gdb'))
from rsp import Rsp     # noqa: E402

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
            text = p.qmp.cmd_dict({'execute': 'human-monitor-command',
                                   'arguments': {'command-line': line, **more}})
            assert text.count('\n') == text.count('\r\n')
            return text.replace('\r\n', '\n')
        assert hmp('info status') == 'VM status: paused (prelaunch)\n'
        assert hmp('info name') == 'n\n'
        assert hmp('info version').startswith('7.2.0')
        assert hmp('') == hmp('  # nothing') == ''
        for line in 'help', 'help info':
            names = [row.split()[0 if line == 'help' else 1] for row in hmp(line).splitlines()]
            assert len(names) > 20 and len(names) == len(set(names)), sorted(names)
        assert hmp('nope') == "unknown command: 'nope'\n"
        assert hmp('info nope') == "unknown command: 'info nope'\n"
        assert 'extraneous' in hmp('info status now')
        assert "'addr' is missing" in hmp('xp /x')
        assert 'Error: ' in hmp('block_job_cancel j')
        assert hmp('o /b 0x70 0x0e') == '' and hmp('i /b 0x71') == 'portb[0x0071] = 0x00\n'
        assert re.match(r'0{16}: 0x[0-9a-f]{8} 0x[0-9a-f]{8}\n$', hmp('xp /2xw 0')), hmp('xp /2xw 0')
        assert hmp('p /x 255') == '0xff\n' and hmp('print /d 0x10') == '16\n'
        for text, value in (('1+2*3', '0x7'), ('(1 + 2) * 3', '0x9'), ('-1', '0x' + 'f' * 16),
                            ('~0 & 0xf0 | 3 ^ 2', '0xf1'), ("'a'", '0x61'), ('7 / 2 - 7 % 4', '0'),
                            ('-0x8000000000000000 / -1', '0x8000000000000000')):
            assert hmp('p ' + text) == value + '\n', (text, hmp('p ' + text))
        for text in ('1/0', '1+', '(1', '$nope', "'a", '1z', '(' * 100, '-' * 100,
                     '0x10000000000000000'):
            assert 'Try "help p' in hmp('p ' + text) or 'Try "help print' in hmp('p ' + text), text
        assert 'device_add DRIVER' in hmp('help device_add')
        assert hmp('device_add i6300esb,id=wd0,addr=7') == '' and 'id "wd0"' in hmp('info qtree')
        assert "'nope' is not a valid device model" in hmp('device_add nope')
        assert 'i6300esb' in hmp('device_add help') and 'addr=' in hmp('device_add i6300esb,help')
        assert hmp('object_add memory-backend-ram,id=m0,size=1M') == hmp('object_del m0') == ''
        assert re.search(r'^\* Mouse #\d+: ', hmp('info mice'))
        assert hmp('mouse_set 77').startswith("Error: Mouse at index '77' not found")
        assert hmp('mouse_move 5 -3 1') == hmp('mouse_button 5') == hmp('mouse_button 0') == ''
        assert "'x' is no number" in hmp('mouse_move x 1')
        assert 'pin 23 0x0000000000010000 dest=0 vec=0   active-hi edge  masked' in hmp('info pic')
        assert 'pic0: irr=00 imr=00 isr=00 hprio=0 irq_base=00' in hmp('info pic')
        assert 'SPIV\t 0x000000ff APIC disabled, focus=off, spurious vec 255' in hmp('info lapic')
        assert 'IRQ statistics for ioapic:' in hmp('info irq')
        assert 'mem=rom name="pc.bios"' in hmp('info roms')
        assert 'pc.ram) is 0x' in hmp('gpa2hva 0') and 'No memory is' in hmp('gpa2hva 0xf00000000')
        assert hmp('sum 0 10') == '00000\n'
        assert hmp('info jit').startswith('Error: JIT information is only available')
        assert hmp('info usb') == 'Error: USB support not enabled\n'
        assert hmp('info history') == ''
        assert re.search(r'^  0{16}-f{16} \(prio 0, i/o\): system$', hmp('info mtree'), re.M)
        assert 'FlatView' in hmp('info mtree -f') and 'owner:{obj' in hmp('info mtree -o')
        assert '[disabled]' in hmp('info mtree -D') and 'unsupported' in hmp('info mtree -x')
        assert 'Host bridge: PCI device 8086:1237' in hmp('info pci')
        assert 'stop the guest' in hmp('help stop') and 'info pci' in hmp('info')
        assert '/machine' in hmp('info qom-tree')
        assert 'ram' in hmp('info mtree')
        for row in hmp('info').splitlines():        # each of them answers
            name = row.split()[1]
            assert 'unknown command' not in hmp('info ' + name), name


def test_places():
    """Of CPUs and memory: what is there and what may come."""
    args = ['-M', 'pc', '-accel', 'qtest', '-S', '-cpu', 'qemu64', '-smp', '1,maxcpus=2,sockets=2',
            '-m', '16,slots=1,maxmem=1G', '-object', 'memory-backend-ram,id=m,size=32M',
            '-device', 'pc-dimm,id=d,memdev=m']
    with Program(BINARY, args) as p:
        def hmp(line):
            text = p.qmp.cmd_dict({'execute': 'human-monitor-command',
                                   'arguments': {'command-line': line}})
            return text.replace('\r\n', '\n')
        assert hmp('info hotpluggable-cpus') == '''Hotpluggable CPUs:
  type: "qemu64-x86_64-cpu"
  vcpus_count: "1"
  CPUInstance Properties:
    socket-id: "1"
    core-id: "0"
    thread-id: "0"
  type: "qemu64-x86_64-cpu"
  vcpus_count: "1"
  qom_path: "/machine/unattached/device[0]"
  CPUInstance Properties:
    socket-id: "0"
    core-id: "0"
    thread-id: "0"
'''
        assert hmp('info memory-devices') == '''Memory device [dimm]: "d"
  addr: 0x100000000
  slot: 0
  node: 0
  size: 33554432
  memdev: /objects/m
  hotplugged: false
  hotpluggable: true
'''
        assert hmp('info memdev') == '''memory backend: m
  size:  33554432
  merge: true
  dump: true
  prealloc: false
  share: false
  reserve: true
  policy: default
  host nodes: \n
'''
        assert hmp('info numa') == '0 nodes\n'


def test_registers():
    """What needs a CPU that runs: registers in expressions, code, no paging yet."""
    with Program(BINARY, ['-M', 'pc', '-accel', 'soft', '-m', '16', '-S']) as p:
        def hmp(line):
            return p.qmp.cmd('human-monitor-command', command_line=line).replace('\r\n', '\n')
        assert hmp('p $rip') == '0xfff0\n' and hmp('p $cs.base + $eip') == '0xfffffff0\n'
        assert hmp('p $pc') == '0xfffffff0\n' and 'unknown register' in hmp('p $r16')
        assert re.match(r'0xfffffff0:  ea 5b e0 00 f0 +ljmp', hmp('x /1i $pc')), hmp('x /1i $pc')
        assert len(hmp('xp /3i 0xffff0').splitlines()) == 3
        assert re.match(r'0x000ffff1:  5b +pop %rbx', hmp('xp /1ig 0xffff1'))
        assert hmp('info mem') == hmp('info tlb') == 'PG disabled\n'
        assert hmp('info jit').startswith('Translation buffer state:')
        assert "invalid char in format: 'Q'" in hmp('x /Q 0')


def set_registers(gdb, values):
    numbers, at = {}, 0
    for attributes in re.findall(r'<reg ([^>]*)>', gdb.target_xml()):
        a = dict(re.findall(r'(\w+)="([^"]*)"', attributes))
        at = int(a.get('regnum', at))
        numbers[a['name']] = at, int(a['bitsize']) // 8
        at += 1
    for name, value in values.items():
        number, size = numbers[name]
        assert gdb.ask(f'P{number:x}={value.to_bytes(size, "little").hex()}') == 'OK', name


def test_paging():
    """Page tables, put there by a debugger: a 4 MiB page at 0, two pages at 3 GiB."""
    with tempfile.TemporaryDirectory() as folder, \
            Program(BINARY, ['-M', 'pc', '-accel', 'soft', '-m', '16', '-S', '-gdb',
                             f'unix:{folder}/gdb,server=on,wait=off']) as p:
        def hmp(line):
            return p.qmp.cmd('human-monitor-command', command_line=line).replace('\r\n', '\n')
        gdb = Rsp(f'{folder}/gdb')
        gdb.ask('qSupported:xmlRegisters=i386')
        for at, value in ((0x1000, 0x87), (0x1c00, 0x2003), (0x2014, 0x3001), (0x2018, 0x4003),
                          (0x3000, 0x12345678)):
            assert gdb.ask(f'M{at:x},4:{value.to_bytes(4, "little").hex()}') == 'OK'
        set_registers(gdb, {'cr4': 0x10, 'cr3': 0x1000, 'cr0': 0xe0000011})
        assert hmp('info mem') == '0000000000000000-0000000000400000 0000000000400000 urw\n' \
            '00000000c0005000-00000000c0006000 0000000000001000 -r-\n' \
            '00000000c0006000-00000000c0007000 0000000000001000 -rw\n'
        assert hmp('info tlb') == '0000000000000000: 0000000000000000 --P----UW\n' \
            '00000000c0005000: 0000000000003000 ---------\n' \
            '00000000c0006000: 0000000000004000 --------W\n'
        assert hmp('x 0xc0005000') == '00000000c0005000: 0x12345678\n'
        assert hmp('gva2gpa 0xc0006004') == 'gpa: 0x4004\n'
        assert hmp(f'dump-guest-memory -p "{folder}/core"') == ''
        with open(f'{folder}/core', 'rb') as f:
            core = f.read()
        loads = []
        for i in range(struct.unpack_from('<H', core, 56)[0]):
            kind, _, offset, la, phys, size = struct.unpack_from('<IIQQQQ', core, 64 + 56 * i)
            if kind == 1:
                loads.append((la, phys, size))
                if la == 0xc0005000:
                    assert core[offset:offset + 4] == b'\x78\x56\x34\x12'
        assert loads[-1] == (0xc0005000, 0x3000, 8192), loads      # neighbours are one
        assert loads[0] == (0, 0, 0xa0000), loads
        # tables that lead to themselves come to an end
        assert gdb.ask('M1000,4:03100000') == 'OK'
        set_registers(gdb, {'cr3': 0x1000})
        assert len(hmp('info tlb').splitlines()) < 2000
        gdb.close()


def test_drives():
    """What people do with drives, media and chardevs."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ('disk', 'cd'):
            with open(f'{folder}/{name}', 'wb') as f:
                f.truncate(1 << 20)
        with Program(BINARY, [*PC, '-drive', 'file=disk,format=raw,id=d0', '-drive',
                              'if=ide,index=2,media=cdrom,id=cd0', '-chardev', 'null,id=c0'],
                     cwd=folder) as p:
            def hmp(line):
                return p.qmp.cmd('human-monitor-command',
                                 command_line=line).replace('\r\n', '\n')
            shown = hmp('info block')
            assert re.match(r'd0 \(#block\d+\): disk \(raw\)\n    Attached to:      /machine/'
                            r'unattached/device\[\d+\]\n    Cache mode:       writeback\n\n'
                            r'cd0: \[not inserted\]\n    Attached to: .*\n    Removable device: '
                            r'not locked, tray closed\n', shown), shown
            assert 'virtual size: 1048576' in hmp('info block -v d0')
            assert 'Attached' not in hmp('info block -n')
            assert hmp('change cd0 cd raw') == '' and 'cd0 (#block' in hmp('info block cd0')
            assert hmp('eject cd0') == '' and '[not inserted]' in hmp('info block cd0')
            assert 'not removable' in hmp('change d0 cd')
            # drives come and go, even from under a device
            assert hmp('drive_add 0 if=none,id=x,file=cd,format=raw') == 'OK\n'
            assert 'already exists' in hmp('drive_add 0 if=none,id=x')
            assert "Can't hot-add drive" in hmp('drive_add 0 if=ide,id=y')
            assert hmp('drive_del x') == '' and "'x' not found" in hmp('drive_del x')
            assert hmp('drive_add -n 0 driver=null-co,node-name=n') == hmp('drive_del n') == ''
            # what qemu-io prints goes to the program's output
            assert hmp('qemu-io d0 "write -P 7 0 64k"') == hmp('qemu-io d0 "read -P 7 0 64k"') == ''
            assert hmp('qemu-io d0 "aio_write -P 8 0 64k"') == hmp('qemu-io d0 aio_flush') == ''
            assert hmp('qemu-io d0 quit') == hmp('qemu-io d0 "read -P 7 0 1k"') == ''
            assert "Device 'cd0' has no medium" in hmp('qemu-io cd0 "read 0 1k"')
            assert re.search(r'^d0: rd_bytes=66560 wr_bytes=131072 ', hmp('info blockstats'), re.M)
            # a backup that ends while its successor makes its image
            assert hmp('drive_backup -f d0 b1 raw') == ''
            while (said := hmp('drive_mirror -f d0 b2 raw')):
                assert 'in use' in said
            p.qmp.event('BLOCK_JOB_READY')
            assert hmp('block_job_cancel d0') == ''
            assert hmp('snapshot_blkdev d0 top qcow2') == '' and 'top (qcow2)' in hmp('info block')
            assert hmp('block_set_io_throttle d0 1000000 0 0 0 0 0') == ''
            assert 'bps=1000000 bps_rd=0' in hmp('info block d0')
            assert hmp('nbd_server_start -a unix:nbd') == hmp('nbd_server_remove -f d0') == ''
            assert hmp('nbd_server_stop') == '' and '-w only valid' in hmp('nbd_server_start -w a:1')
            assert hmp('drive_del d0') == '' and not re.search('^d0', hmp('info block'), re.M)
            assert hmp('chardev-add null,id=z') == hmp('chardev-change z ringbuf,size=4k') == ''
            assert 'z: filename=ringbuf' in hmp('info chardev') and hmp('chardev-remove z') == ''
            assert 'does not wait' in hmp('chardev-add socket,id=z,path=s,server=on,wait=on')
            assert hmp('screendump -f png s.png') == '' and hmp('screendump s.ppm') == ''
            assert hmp('dump-guest-memory core 0 4096') == '' and 'completed' in hmp('info dump')
            assert 'thread-id: "0"' in hmp('info hotpluggable-cpus')
            p.qmp.cmd('quit')
            p.wait()
            assert p.output().count('wrote 65536/65536 bytes') == 2
            assert os.path.getsize(f'{folder}/core') > 4096


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
        assert re.search(r"^\d+: 'info name'\r$", h.line('info history'), re.M)
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

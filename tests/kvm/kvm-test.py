#!/usr/bin/env python3
# What a user sees of -accel kvm: interrupt paths in each irqchip mode, firmware, what is refused
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: kvm-test.py CASE BIOS (MICA in the environment)
import json
import os
import re
import subprocess
import sys
import time

MICA = os.environ.get('MICA', 'build/mica')
LIMIT = 60

# s string I/O, m MMIO, p PIC and PIT, i self IPI, n NMI, t APIC timer, o I/O APIC edge,
# l I/O APIC level, a another CPU, x x2APIC, d TSC deadline
ALL = 'irqchip:smpintolaxd'
# Our own local APIC is no x2APIC under KVM, which keeps those MSRs to itself.
WITHOUT_X2 = 'irqchip:smpintola--'


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def kvm_reason():
    """Why KVM cannot be tested here, or None."""
    try:
        os.close(os.open('/dev/kvm', os.O_RDWR))
    except OSError as e:
        return f'/dev/kvm: {e.strerror}'
    return None


def run(*args, limit=LIMIT, user=None):
    p = subprocess.run([MICA, '-display', 'none', '-monitor', 'none', *args], timeout=limit,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, user=user)
    return p.returncode, p.stdout, p.stderr


def need_kvm():
    reason = kvm_reason()
    if reason:
        raise Skip(reason)


def irqchip(image, machine, expected):
    status, out, err = run('-machine', machine, '-smp', '2', '-m', '16', '-bios', image,
                           '-vga', 'none', '-serial', 'null', '-debugcon', 'stdio',
                           '-global', 'isa-debugcon.iobase=0xe9',
                           '-device', 'isa-debug-exit,iobase=0x501')
    if out != expected or status != 0x21:
        raise Failure(f'{out!r} (status {status}), not {expected!r}\n{err}')


def irqchip_soft(image):
    irqchip(image, 'pc,accel=soft', ALL)


def irqchip_mode(mode, expected):
    def case(image):
        need_kvm()
        irqchip(image, f'pc,accel=kvm,kernel-irqchip={mode}', expected)
    return case


def firmware(mode):
    """SeaBIOS, and a boot sector that ends the run."""
    def case(_):
        need_kvm()
        sector = bytes([0xba, 0x01, 0x05, 0xb0, 0x2a, 0xee, 0xf4]).ljust(510, b'\0') + b'\x55\xaa'
        path = os.path.join(os.environ.get('TMPDIR', '/tmp'), f'mica-kvm-{os.getpid()}.img')
        with open(path, 'wb') as f:
            f.write(sector.ljust(1 << 20, b'\0'))
        try:
            status, out, err = run('-machine', f'pc,accel=kvm,kernel-irqchip={mode}', '-m', '32',
                                   '-nodefaults', '-drive', f'file={path},format=raw',
                                   '-device', 'isa-debug-exit,iobase=0x501', '-debugcon', 'stdio',
                                   '-global', 'isa-debugcon.iobase=0x402', limit=150)
        finally:
            os.unlink(path)
        if status != 0x55 or 'Running on KVM' not in out:
            raise Failure(f'status {status}, not 0x55\n{out}\n{err}')
    return case


def reset(image):
    """By the reset port, then by the keyboard controller: it comes up three times in each mode."""
    need_kvm()
    for mode in ('on', 'split', 'off'):
        irqchip(image, f'pc,accel=kvm,kernel-irqchip={mode}', '123')


class Qmp:
    """A machine with a monitor on its standard input and output."""

    def __init__(self, *args):
        self.child = subprocess.Popen([MICA, '-display', 'none', '-qmp', 'stdio', *args],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      stderr=subprocess.DEVNULL)
        self.child.stdout.readline()
        self.ask('qmp_capabilities')

    def ask(self, command, **arguments):
        request = {'execute': command, 'arguments': arguments}
        self.child.stdin.write(json.dumps(request) + '\n')
        self.child.stdin.flush()
        while True:
            line = self.child.stdout.readline()
            if not line:
                raise Failure(f'it ended at {command}')
            reply = json.loads(line)
            if 'error' in reply:
                raise Failure(f'{command}: {reply["error"]}')
            if 'return' in reply:
                return reply['return']


def control(_):
    """Stop, go on, reset; threads have names, ids that the host knows, and can be pinned."""
    need_kvm()
    for mode in ('on', 'split', 'off'):
        m = Qmp('-machine', f'pc,accel=kvm,kernel-irqchip={mode}', '-smp', '2', '-m', '32')
        for _ in range(3):
            m.ask('stop')
            if m.ask('query-status')['status'] != 'paused':
                raise Failure(f'{mode}: stop does not')
            m.ask('cont')
            if not m.ask('query-status')['running']:
                raise Failure(f'{mode}: cont does not')
        m.ask('system_reset')
        cpus = m.ask('query-cpus-fast')
        for n, cpu in enumerate(cpus):
            with open(f'/proc/{m.child.pid}/task/{cpu["thread-id"]}/comm') as f:
                name = f.read().strip()
            if name != f'CPU {n}/kvm':
                raise Failure(f'CPU {n}: its thread is {name}')
            os.sched_setaffinity(cpu['thread-id'], {0})
        if len(cpus) != 2:
            raise Failure(f'{mode}: {len(cpus)} CPUs')
        m.ask('quit')
        if m.child.wait(LIMIT):
            raise Failure(f'{mode}: status {m.child.returncode} after quit')


def hotplug(_):
    """CPUs come, go by the guest's port, and come again while the first one runs."""
    need_kvm()
    for mode in ('on', 'split', 'off'):
        m = Qmp('-machine', f'pc,accel=kvm,kernel-irqchip={mode}', '-cpu', 'qemu64', '-m', '32',
                '-smp', '1,maxcpus=3,sockets=3')

        def out(access, port, value):
            m.ask('human-monitor-command', **{'command-line': f'o /{access} {port} {value}'})

        out('w', 0xaf00, 0)
        for turn in range(3):
            for socket in (1, 2):
                m.ask('device_add', driver='qemu64-x86_64-cpu', id=f'c{socket}',
                      **{'socket-id': socket, 'core-id': 0, 'thread-id': 0})
            count = len(m.ask('query-cpus-fast'))
            if count != 3:
                raise Failure(f'{mode}: {count} CPUs')
            if turn == 1:
                m.ask('system_reset')
            for socket in (2, 1):
                out('w', 0xaf00, socket)
                out('b', 0xaf04, 8)
            deadline = time.monotonic() + LIMIT
            while len(m.ask('query-cpus-fast')) != 1:
                if time.monotonic() > deadline:
                    raise Failure(f'{mode}: the CPUs do not go')
        m.ask('quit')
        if m.child.wait(LIMIT):
            raise Failure(f'{mode}: status {m.child.returncode} after quit')


def start_and_ask(*args):
    """Start paused with QMP on stdio, ask query-kvm, quit; the log and what was answered."""
    p = subprocess.Popen([MICA, '-display', 'none', '-S', '-qmp', 'stdio', '-d', 'accel', *args],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True)
    commands = [{'execute': c} for c in ('qmp_capabilities', 'query-kvm', 'quit')]
    out, err = p.communicate(''.join(json.dumps(c) + '\n' for c in commands), timeout=LIMIT)
    for line in out.splitlines():
        reply = json.loads(line)
        if 'enabled' in reply.get('return', {}):
            return reply['return'], err
    raise Failure(f'no answer to query-kvm\n{out}\n{err}')


def default(_):
    """Nobody named one: the log tells which it is and why."""
    answer, err = start_and_ask()
    m = re.search(r'accel: (kvm|soft) is taken: (.+)', err)
    if not m:
        raise Failure(f'the log does not tell\n{err}')
    if answer['enabled'] != (m[1] == 'kvm'):
        raise Failure(f'{m[1]} is taken, but {answer}')
    if kvm_reason() and m[1] != 'soft':
        raise Failure('kvm is taken without /dev/kvm')


def named(_):
    """-accel kvm is obeyed, or refused in a sentence; kvm:tcg works either way."""
    missing = kvm_reason()
    if missing:
        status, _, err = run('-accel', 'kvm', '-S')
        if status != 1 or 'Could not access KVM kernel module' not in err:
            raise Failure(f'status {status}: {err}')
    else:
        answer, err = start_and_ask('-accel', 'kvm')
        if not answer['enabled']:
            raise Failure(f'-accel kvm is not obeyed: {answer}')
    answer, err = start_and_ask('-machine', 'accel=kvm:tcg')
    if answer['enabled'] == bool(missing):
        raise Failure(f'accel=kvm:tcg: {answer}, /dev/kvm: {missing}')


def forbidden(_):
    """A user who may not open /dev/kvm is told so, and goes on with the software CPU."""
    nobody = 65534
    if os.geteuid() or not os.path.exists('/dev/kvm') or os.stat('/dev/kvm').st_mode & 0o006:
        raise Skip('nobody can be kept from /dev/kvm here')
    try:
        status, _, err = run('-accel', 'kvm', '-S', user=nobody)
    except PermissionError:
        raise Skip('nobody can run the program in this folder')
    if status != 1 or 'Could not access KVM kernel module: Permission denied' not in err:
        raise Failure(f'status {status}: {err}')
    status, _, err = run('-machine', 'pc,accel=kvm:tcg', '-bios', '/dev/null', user=nobody)
    if "BIOS image '/dev/null'" not in err or 'Permission denied' not in err:
        raise Failure(f'kvm:tcg does not come to the board: {err}')


def refused(_):
    need_kvm()
    for args, text in (
            (('-accel', 'kvm,dirty-ring-size=1000'), 'power of two'),
            (('-accel', 'kvm,kernel-irqchip=half'), 'half'),
            (('-accel', 'kvm', '-cpu', 'host,+sse9'), "has no property 'sse9'"),
            (('-accel', 'kvm', '-cpu', 'max,+3dnow,+tbm,+xop,enforce'), 'not here'),
            (('-accel', 'kvm', '-smp', '255,maxcpus=255', '-cpu', 'max,+nonsense'), 'nonsense')):
        status, _, err = run(*args, '-S')
        if status != 1 or text not in err:
            raise Failure(f'{args}: status {status}: {err}')


CASES = {
    'irqchip-soft': irqchip_soft,
    'irqchip-on': irqchip_mode('on', ALL),
    'irqchip-split': irqchip_mode('split', ALL),
    'irqchip-off': irqchip_mode('off', WITHOUT_X2),
    'firmware-on': firmware('on'),
    'firmware-off': firmware('off'),
    'reset': reset,
    'control': control,
    'hotplug': hotplug,
    'default': default,
    'named': named,
    'forbidden': forbidden,
    'refused': refused,
}


def main():
    try:
        CASES[sys.argv[1]](sys.argv[2])
    except Skip as e:
        print(f'SKIP: {e}')
        return 77
    except (Failure, subprocess.TimeoutExpired) as e:
        print(e)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

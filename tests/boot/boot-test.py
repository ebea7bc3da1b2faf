#!/usr/bin/env python3
# Boot stock Debian kernels with busybox through SeaBIOS and look at what they see
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: boot-test.py CASE (MICA and GUEST in the environment; without CASE: list them)
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from console import Console, Failure     # noqa: E402

MICA = os.environ.get('MICA', 'build/mica')
GUEST = os.environ.get('GUEST', 'build/guest')
CASES = {}


def case(name):
    def add(fn):
        CASES[name] = fn
        return fn
    return add


def check(ok, what):
    if not ok:
        raise Failure(what)


def linux(*args, arch='amd64', append='', limit=800):
    folder = os.path.join(GUEST, arch)
    if not os.path.exists(f'{folder}/initrd.img'):
        print(f"no guest in {folder}: make one with scripts/guest.sh")
        sys.exit(77)
    return Console([MICA, '-machine', 'pc', '-nographic', '-no-user-config',
                    '-kernel', f'{folder}/vmlinuz', '-initrd', f'{folder}/initrd.img',
                    '-append', f'console=ttyS0 {append}', *args], limit)


def shell(machine):
    machine.expect(r'mica:.*# $')
    return machine


def see(smp, megabytes, arch='amd64'):
    """All CPUs and memory are there, and poweroff ends with status 0."""
    m = shell(linux('-smp', str(smp), '-m', f'{megabytes}M', arch=arch))
    out, _ = m.run('nproc')
    check(out.split()[0] == str(smp), f'nproc says {out!r}, {smp} were asked')
    out, _ = m.run('dmesg | grep -i "memory:.*available"')
    total = int(re.search(r'/(\d+)K available', out).group(1)) // 1024
    check(megabytes - 4 <= total <= megabytes, f'{total} MiB seen of {megabytes}')
    out, _ = m.run('dmesg | grep -ciE "call trace|bug:|unchecked msr|acpi error|'
                   'firmware bug.*(acpi|tsc)"')
    check(out.split()[0] == '0', f'{out} bad lines in dmesg: ' + m.run('dmesg')[0][-6000:])
    m.send('poweroff\n')
    status = m.wait()
    check(status == 0, f'poweroff ended with status {status}')


for smp, megabytes, arch in ((1, 128, 'amd64'), (2, 1024, 'amd64'), (8, 6144, 'amd64'),
                             (2, 512, 'i386')):
    CASES[f'linux-{arch}-{smp}cpu-{megabytes}M'] = \
        lambda smp=smp, megabytes=megabytes, arch=arch: see(smp, megabytes, arch)


@case('reboot')
def reboot():
    m = shell(linux('-m', '256M'))
    m.send('reboot\n')
    shell(m)
    m.send('\x01x')
    check(m.wait() == 0, 'Ctrl-a x did not end with status 0')


@case('no-reboot')
def no_reboot():
    m = shell(linux('-m', '256M', '-no-reboot'))
    m.send('reboot\n')
    check(m.wait() == 0, 'reboot under -no-reboot did not end with status 0')


@case('panic')
def panic():
    m = shell(linux('-m', '256M', '-no-reboot', append='panic=1'))
    m.send('echo c > /proc/sysrq-trigger\n')
    m.expect('Kernel panic')
    check(m.wait() == 0, 'a panic with panic=1 under -no-reboot did not end with status 0')


@case('sigterm')
def sigterm():
    m = shell(linux('-m', '256M'))
    m.signal(signal.SIGTERM)
    check(m.wait() == 0, 'SIGTERM did not end with status 0')
    check('terminating on signal 15' in m.text, 'SIGTERM was not reported')


@case('escape-help')
def escape_help():
    m = shell(linux('-m', '256M'))
    m.send('\x01h')
    m.expect('C-a x')
    m.send('\x01x')
    check(m.wait() == 0, 'Ctrl-a x did not end with status 0')


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in CASES:
        print('\n'.join(CASES))
        return 2
    arch = 'i386' if '-i386-' in sys.argv[1] else 'amd64'
    if not os.path.exists(os.path.join(GUEST, arch, 'initrd.img')):
        print(f'{sys.argv[1]}: skipped: scripts/guest.sh {GUEST} {arch} has not been run')
        return 77
    try:
        CASES[sys.argv[1]]()
    except Failure as failure:
        print(f'{sys.argv[1]}: {failure}')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

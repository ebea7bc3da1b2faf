#!/usr/bin/env python3
# Boot stock Debian kernels with busybox through SeaBIOS and look at what they see
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: boot-test.py CASE (MICA and GUEST in the environment; without CASE: list them)
import os
import re
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'qmp'))
from console import Console, Failure     # noqa: E402
from qmplib import Session               # noqa: E402

MICA = os.environ.get('MICA', 'build/mica')
GUEST = os.environ.get('GUEST', 'build/guest')
CASES = {}
BAD = re.compile(r'Call Trace|BUG:|kernel BUG|unchecked MSR|ACPI.*Error|lockup|rcu.*stall')


def case(name):
    def add(fn):
        CASES[name] = fn
        return fn
    return add


def check(ok, what):
    if not ok:
        raise Failure(what)


def linux(*args, arch='amd64', append='', limit=int(os.environ.get("LIMIT", "800")),
          fds=()):
    folder = os.path.join(GUEST, arch)
    if not os.path.exists(f'{folder}/initrd.img'):
        print(f"no guest in {folder}: make one with scripts/guest.sh")
        sys.exit(77)
    return Console([MICA, '-machine', 'pc', '-nographic', '-no-user-config',
                    '-kernel', f'{folder}/vmlinuz', '-initrd', f'{folder}/initrd.img',
                    '-append', f'console=ttyS0 {append}', *args], limit, fds)


def command(*words):
    """For the kernel's command line: the guest runs this as its session, then powers off."""
    return 'mica.run=' + ';'.join(words).replace(' ', ',')


def see(smp, megabytes, arch='amd64'):
    """All CPUs and memory are there, the log is clean, poweroff ends with status 0."""
    m = linux('-smp', str(smp), '-m', f'{megabytes}M', arch=arch,
              append=command('echo CPUS=$(nproc)', 'dmesg', 'echo END'))
    count = m.expect(r'\nCPUS=(\d+)\r').group(1)
    check(count == str(smp), f'{count} CPUs seen, {smp} were asked')
    start = m.seen
    end = m.expect('\nEND').start()
    log = m.text[start:end]
    total = int(re.search(r'/(\d+)K available', log).group(1)) // 1024
    check(megabytes - 4 <= total <= megabytes, f'{total} MiB seen of {megabytes}')
    bad = [line for line in log.splitlines() if BAD.search(line)]
    check(not bad, 'bad lines in the kernel log:\n' + '\n'.join(bad))
    m.expect('reboot: Power down')
    status = m.wait()
    check(status == 0, f'poweroff ended with status {status}')


for smp, megabytes, arch in ((1, 128, 'amd64'), (2, 1024, 'amd64'), (8, 6144, 'amd64'),
                             (2, 512, 'i386')):
    CASES[f'linux-{arch}-{smp}cpu-{megabytes}M'] = \
        lambda smp=smp, megabytes=megabytes, arch=arch: see(smp, megabytes, arch)


@case('reboot')
def reboot():
    m = linux('-m', '256M', append=command('echo UP', 'reboot -f'))
    m.expect('\nUP')
    m.expect('\nUP')
    m.send('\x01x')
    check(m.wait() == 0, 'Ctrl-a x did not end with status 0')


@case('no-reboot')
def no_reboot():
    m = linux('-m', '256M', '-no-reboot', append=command('echo UP', 'reboot -f'))
    m.expect('\nUP')
    check(m.wait() == 0, 'reboot under -no-reboot did not end with status 0')
    check(m.text.count('\nUP') == 1, 'it booted again')


@case('panic')
def panic():
    m = linux('-m', '256M', '-no-reboot',
              append='panic=1 ' + command('echo c>/proc/sysrq-trigger'))
    m.expect('Kernel panic')
    check(m.wait() == 0, 'a panic with panic=1 under -no-reboot did not end with status 0')


def at_rest():
    m = linux('-m', '256M', append=command('echo UP', 'sleep 1000'))
    m.expect('\nUP')
    return m


@case('sigterm')
def sigterm():
    m = at_rest()
    m.signal(signal.SIGTERM)
    check(m.wait() == 0, 'SIGTERM did not end with status 0')
    check('terminating on signal 15' in m.text, 'SIGTERM was not reported')


@case('escape-help')
def escape_help():
    m = at_rest()
    m.send('\x01h')
    m.expect('(?i)c(trl)?-a x')
    m.send('\x01x')
    check(m.wait() == 0, 'Ctrl-a x did not end with status 0')


def managed(*args, append):
    """A guest at rest with a QMP session."""
    ours, theirs = socket.socketpair()
    os.set_inheritable(theirs.fileno(), True)
    m = linux('-m', '256M', '-chardev', f'socket,id=q,fd={theirs.fileno()}', '-mon',
              'chardev=q,mode=control', *args, append=append, fds=[theirs.fileno()])
    theirs.close()
    return m, Session(ours)


@case('nmi')
def nmi():
    m, qmp = managed('-device', 'pvpanic', '-action', 'panic=none',
                     append='unknown_nmi_panic=1 ' +
                     command('modprobe pvpanic-mmio', 'echo UP', 'sleep 1000'))
    m.expect('\nUP')
    qmp.cmd('inject-nmi')
    m.expect('Kernel panic')
    check(qmp.event('GUEST_PANICKED')['data'] == {'action': 'run'}, 'wrong event')
    qmp.cmd('quit')
    check(m.wait() == 0, 'quit did not end with status 0')


@case('sysrq')
def sysrq():
    m, qmp = managed(append='sysrq_always_enabled ' + command('echo UP', 'sleep 1000'))

    def press(*keys):
        qmp.cmd('send-key', keys=[{'type': 'qcode', 'data': key} for key in keys])
    m.expect('\nUP')
    press('alt', 'sysrq', 'h')
    m.expect('sysrq: HELP')
    press('alt', 'sysrq', 'b')
    check(qmp.event('RESET')['data'] == {'guest': True, 'reason': 'guest-reset'}, 'wrong event')
    qmp.cmd('quit')
    check(m.wait() == 0, 'quit did not end with status 0')


@case('powerdown')
def powerdown():
    """The power button is a key that the guest sees, and may act on."""
    m, qmp = managed(append=command(
        'modprobe button', 'modprobe evdev', 'cd /sys/class/input', 'for e in event*',
        'do grep -q Power $e/device/name && b=/dev/input/$e', 'done', 'exec 3<$b',
        'echo UP', 'head -c 24 <&3 | hexdump', 'echo PRESSED'))
    m.expect('\nUP')
    qmp.cmd('system_powerdown')
    qmp.event('POWERDOWN')
    m.expect(r'0001 0074')              # EV_KEY, KEY_POWER
    m.expect('\nPRESSED')
    check(qmp.event('SHUTDOWN')['data'] == {'guest': True, 'reason': 'guest-shutdown'},
          'wrong event')
    check(m.wait() == 0, 'poweroff did not end with status 0')


@case('cpu-hotplug')
def cpu_hotplug():
    """The guest brings a plugged CPU up, lets it go when asked, and takes it again."""
    cpu = '/sys/devices/system/cpu/cpu1'
    steps = [f'while ! test -e {cpu}/online', 'do sleep 1', 'done', f'echo 1 >{cpu}/online',
             'echo CPUS=$(nproc)', f'while test -e {cpu}', 'do sleep 1', 'done', 'echo LEFT=$(nproc)']
    m, qmp = managed('-smp', '1,maxcpus=2,sockets=2',
                     append=command('echo UP', *steps, *steps, 'sleep 1000'))
    m.expect('\nUP')
    kind = qmp.cmd('query-hotpluggable-cpus')[0]['type']
    for _ in range(2):
        qmp.cmd('device_add', driver=kind, id='c', **{
            'socket-id': 1, 'core-id': 0, 'thread-id': 0})
        count = m.expect(r'\nCPUS=(\d+)\r').group(1)
        check(count == '2', f'{count} CPUs after one was plugged')
        qmp.cmd('device_del', id='c')
        qmp.event('DEVICE_DELETED')
        count = m.expect(r'\nLEFT=(\d+)\r').group(1)
        check(count == '1', f'{count} CPUs after one was unplugged')
    bad = [line for line in m.text.splitlines() if BAD.search(line)]
    check(not bad, 'bad lines in the kernel log:\n' + '\n'.join(bad))
    qmp.cmd('quit')
    check(m.wait() == 0, 'quit did not end with status 0')


@case('memory-hotplug')
def memory_hotplug():
    """The guest uses a plugged module, lets it go when asked, and takes it again."""
    block = '/sys/devices/system/memory/memory32'       # of 128 MiB, at 4 GiB
    total = "$(sed -n 's/^MemTotal: *\\([0-9]*\\) .*/\\1/p' /proc/meminfo)"
    steps = [f'while ! test -e {block}/state', 'do sleep 1', 'done',
             f'echo online_movable >{block}/state', f'echo WITH={total}',
             f'while test -e {block}', 'do sleep 1', 'done', f'echo LEFT={total}']
    m, qmp = managed('-m', '256M,slots=2,maxmem=1G', '-object',
                     'memory-backend-ram,id=a,size=128M',
                     append=command('echo UP', *steps, *steps, 'sleep 1000'))
    m.expect('\nUP')
    for _ in range(2):
        qmp.cmd('device_add', driver='pc-dimm', id='d', memdev='a')
        more = int(m.expect(r'\nWITH=(\d+)\r').group(1))
        qmp.cmd('device_del', id='d')
        qmp.event('DEVICE_DELETED')
        less = int(m.expect(r'\nLEFT=(\d+)\r').group(1))
        check(more - less == 128 << 10, f'{more} KiB with it, {less} KiB without')
    bad = [line for line in m.text.splitlines() if BAD.search(line)]
    check(not bad, 'bad lines in the kernel log:\n' + '\n'.join(bad))
    qmp.cmd('quit')
    check(m.wait() == 0, 'quit did not end with status 0')


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

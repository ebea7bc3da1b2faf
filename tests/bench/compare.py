#!/usr/bin/env python3
"""Run the bench guest under Mica and under QEMU's TCG, print speed ratios by kernel and family."""
# SPDX-License-Identifier: GPL-2.0-or-later
import math
import os
import re
import resource
import subprocess
import sys
import time

LINE = re.compile(r'bench (\w+) ([\d.]+)')
# what issue and design ask of the interpreter: ratio of speed, or of time where "at most"
TARGETS = {'int': 0.3, 'fp': 0.8, 'rep': 50, 'sys': 0.4}


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(argv):
    """(output, CPU seconds of the process)"""
    before = cpu_seconds()
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         errors='replace', timeout=1200, check=False)
    return out.stdout, cpu_seconds() - before


def guest(program, kernel, initrd, command):
    return run([*program, '-m', '512M', '-smp', '1', '-display', 'none', '-serial', 'stdio',
                '-no-reboot', '-kernel', kernel, '-initrd', initrd, '-append',
                f'console=ttyS0 quiet mica.run={command}'])


def start_to_ready(program):
    """CPU seconds and peak KiB until qtest answers, best of five (Debian's QEMU has no -accel qtest)"""
    best = None
    for _ in range(5):
        child = subprocess.Popen([*program, '-machine', 'pc', '-display', 'none', '-accel', 'tcg',
                                  '-S', '-qtest', 'stdio', '-qtest-log', 'none'],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        child.stdin.write(b'endianness\n')
        child.stdin.flush()
        child.stdout.readline()
        with open(f'/proc/{child.pid}/schedstat', encoding='ascii') as stat:
            seconds = int(stat.read().split()[0]) / 1e9
        with open(f'/proc/{child.pid}/status', encoding='ascii') as status:
            peak = int(re.search(r'VmHWM:\s*(\d+)', status.read()).group(1))
        child.kill()
        child.wait()
        best = min(best, (seconds, peak)) if best else (seconds, peak)
    return best


def idle_percent(program, kernel, initrd):
    """Host CPU share of a guest that sits at its shell"""
    child = subprocess.Popen([*program, '-m', '512M', '-display', 'none', '-serial', 'stdio',
                              '-kernel', kernel, '-initrd', initrd, '-append',
                              'console=ttyS0 quiet mica.run=echo,ready;sleep,1000'],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    for line in child.stdout:
        if line.startswith(b'ready'):
            break

    def ticks():
        with open(f'/proc/{child.pid}/stat', encoding='ascii') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    time.sleep(5)       # what the boot left to do
    before = ticks()
    time.sleep(20)
    share = (ticks() - before) / 20 * 100
    child.kill()
    child.wait()
    return share


def main():
    mica_path, kernel, initrd, part = (sys.argv[1:] + [''])[:4]
    mica = [mica_path, '-machine', 'pc', '-accel', 'soft']
    qemu = ['qemu-system-x86_64', '-machine', 'pc', '-accel', 'tcg', '-cpu', 'max']
    print('start to ready (qtest, pc):')
    ours, theirs = start_to_ready(mica[:1]), start_to_ready(qemu[:1])
    print(f'  CPU time {ours[0] * 1000:.1f} ms against {theirs[0] * 1000:.1f} ms: '
          f'{ours[0] / theirs[0]:.2f} of QEMU\'s')
    print(f'  memory   {ours[1]} KiB against {theirs[1]} KiB: {ours[1] / theirs[1]:.2f} of QEMU\'s')
    ours, theirs = guest(mica, kernel, initrd, 'true')[1], guest(qemu, kernel, initrd, 'true')[1]
    print(f'boot to init: CPU time {ours:.1f} s against {theirs:.1f} s: '
          f'{ours / theirs:.2f} of TCG\'s (at most 3)')
    print(f'idle at the shell: {idle_percent(mica, kernel, initrd):.2f} % of a core (under 1), '
          f'QEMU {idle_percent(qemu, kernel, initrd):.2f} %')
    command = f'/bench/kernels,{part}'
    rates = [dict((m[1], float(m[2])) for m in LINE.finditer(guest(p, kernel, initrd, command)[0]))
             for p in (mica, qemu)]
    families = {}
    print('speed, as a multiple of TCG\'s:')
    for name, rate in rates[0].items():
        if name in rates[1]:
            ratio = rate / rates[1][name]
            families.setdefault(name.split('_')[0], []).append(ratio)
            print(f'  {name:16} {ratio:8.2f}')
    for family, ratios in families.items():
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f'  {family:16} {mean:8.2f} geometric mean (at least {TARGETS[family]})')
    return 0 if families else 1


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# Stock gdb on a running Debian kernel: a breakpoint by symbol, steps, registers, a watchpoint
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: gdb-test.py (MICA and GUEST in the environment)
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from console import Console, Failure     # noqa: E402

MICA = os.environ.get('MICA', 'build/mica')
GUEST = os.environ.get('GUEST', 'build/guest')

# init_uts_ns begins with the kernel's name, then the host's, 65 bytes each.
SCRIPT = '''
set confirm off
set pagination off
set tcp connect-timeout 30
symbol-file {symbols}
target remote {socket}
echo \\nTHREADS\\n
info threads
echo \\nBREAK\\n
break *(unsigned long)&ksys_sync
continue
printf "AT %d\\n", $pc == (unsigned long)&ksys_sync
printf "CPL %d LONG %d PAGING %d\\n", $cs & 3, ($efer >> 10) & 1, ($cr0 >> 31) & 1
printf "STACK %d\\n", *(unsigned long *)$rsp > 0xffffffff80000000
stepi
stepi
printf "STEPPED %d\\n", $pc != (unsigned long)&ksys_sync
delete
echo \\nWATCH\\n
watch *(char *)((char *)&init_uts_ns + 65)
continue
printf "HOST %s\\n", (char *)&init_uts_ns + 65
delete
echo \\nRUN\\n
detach
'''


def check(ok, what):
    if not ok:
        raise Failure(what)


def make_symbols(path, table):
    """An object file with nothing but the kernel's symbols, as System.map has them."""
    empty = path + '.s'
    with open(empty, 'w', encoding='ascii') as f:
        for address, name in table:
            f.write(f'.globl {name}\n.set {name}, 0x{address}\n.type {name}, @notype\n')
    subprocess.run(['as', '--64', '-o', path, empty], check=True)


def session(folder):
    socket = f'{folder}/gdb'
    guest = 'while true;do grep -w -e ksys_sync -e init_uts_ns /proc/kallsyms;' \
            'sync;hostname one;hostname two;echo ALIVE;sleep 1;done'
    m = Console([MICA, '-nographic', '-no-user-config', '-smp', '2', '-m', '256M', '-gdb',
                 f'unix:{socket},server=on,wait=off', '-kernel', f'{GUEST}/amd64/vmlinuz',
                 '-initrd', f'{GUEST}/amd64/initrd.img', '-append',
                 'console=ttyS0 nokaslr quiet mica.run=' + guest.replace(' ', ',')], 600)
    try:
        table = [m.expect(rf'([0-9a-f]{{16}}) [TtDdBb] ({name})\r').groups()
                 for name in ('ksys_sync', 'init_uts_ns')]
        m.expect('ALIVE')
        make_symbols(f'{folder}/symbols.o', table)
        with open(f'{folder}/script', 'w', encoding='ascii') as f:
            f.write(SCRIPT.format(symbols=f'{folder}/symbols.o', socket=socket))
        gdb = subprocess.run(['gdb', '-nx', '-batch', '-x', f'{folder}/script'], timeout=300,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        out = gdb.stdout.decode('utf-8', 'replace')
        for wanted in (r'Thread 1\.1 \(CPU#0', r'Thread 1\.2 \(CPU#1', r'\nBREAK\n',
                       r'\nAT 1\n', r'\nCPL 0 LONG 1 PAGING 1\n', r'\nSTACK 1\n', r'\nSTEPPED 1\n',
                       r'Hardware watchpoint \d', r'\nHOST [a-z]+\n', r'detached'):
            check(re.search(wanted, out), f'gdb did not say {wanted!r}:\n{out}')
        # What gdb left runs on, without stops.
        m.seen = len(m.text)
        m.expect('ALIVE')
        m.expect('ALIVE')
        m.send('\x01x')
        check(m.wait() == 0, 'Ctrl-a x did not end with status 0')
    finally:
        m.close()


def main():
    for tool in ('gdb', 'as'):
        if not shutil.which(tool):
            print(f'there is no {tool}: scripts/install-deps.sh installs it')
            sys.exit(77)
    if not os.path.exists(f'{GUEST}/amd64/initrd.img'):
        print(f'no guest in {GUEST}/amd64: make one with scripts/guest.sh')
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        try:
            session(folder)
        except Failure as e:
            print(e)
            sys.exit(1)


main()

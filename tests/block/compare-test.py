#!/usr/bin/env python3
"""mica-img and mica-io against qemu-img and qemu-io: the same lines in, the same text and status out."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: compare-test.py FOLDER_OF_TOOLS TABLE...
#
# A table is a text file: "== NAME" begins a case, each line of it is a command
# of a shell in which img and io are the programs. Both run it in an empty
# folder of their own; what they print and return, and the files they leave,
# must be the same.

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

# What may differ: how long something took, when it was, names of nodes, the version.
NORMAL = [
    (re.compile(r'; [0-9:.]+( sec)? \([^)]*\)'), '; TIME'),
    (re.compile(r'^(\d+,\d+),[0-9:.]+,[0-9.]+,[0-9.]+$', re.M), r'\1,TIME'),
    (re.compile(r'Run completed in [0-9.]+ seconds'), 'Run completed in N seconds'),
    (re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d'), 'DATE'),
    (re.compile(r'"date-n?sec": \d+'), '"date": N'),
    (re.compile(r'#block\d+'), '#block'),
    (re.compile(r'environment: line \d+: +\d+ '), ''),
]

# Each command's output is told apart, for the order of the two streams is chance.
SHELL = '''
img() { run "$IMG" "$@"; }
io() { run "$IO" "$@"; }
run() {
    "$@" >"$OUT.o" 2>"$OUT.e" </dev/null; status=$?
    shift; echo "\\$ $*"; cat "$OUT.o"; sed 's/^/error: /' "$OUT.e"; echo "status $status"
}
'''


def read_table(path):
    """Yields (name, lines) of each case."""
    name, lines = None, []
    with open(path, encoding='utf-8') as f:
        for line in f:
            if line.startswith('== '):
                if name:
                    yield name, lines
                name, lines = line[3:].strip(), []
            elif line.strip() and not line.startswith('#'):
                lines.append(line)
    if name:
        yield name, lines


def run_case(lines, img, io_program, folder):
    """The text that all commands of a case print."""
    env = dict(os.environ, IMG=img, IO=io_program, OUT=folder + '.out', LC_ALL='C', TZ='UTC')
    work = os.path.join(folder, 'x')
    os.makedirs(work)
    script = SHELL + ''.join(lines) + '\nls -A\n'
    done = subprocess.run(['bash', '-c', script], cwd=work, env=env, timeout=120, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors='replace', check=False)
    text = done.stdout
    for pattern, to in NORMAL:
        text = pattern.sub(to, text)
    return text


def main():
    tools = sys.argv[1]
    cases = [(os.path.basename(table)[:-4], name, lines)
             for table in sys.argv[2:] for name, lines in read_table(table)]
    print(f'1..{len(cases)}', flush=True)
    if not shutil.which('qemu-img') or not shutil.which('qemu-io'):
        for nr, (table, name, _) in enumerate(cases, 1):
            print(f'ok {nr} {table}: {name} # SKIP qemu-img and qemu-io are not installed')
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as top:
        # Messages begin with the program's name: ours get the other's.
        for name in ('img', 'io'):
            os.symlink(os.path.abspath(os.path.join(tools, 'mica-' + name)),
                       os.path.join(top, 'qemu-' + name))
        for nr, (table, name, lines) in enumerate(cases, 1):
            theirs = run_case(lines, 'qemu-img', 'qemu-io', os.path.join(top, f'{nr}.theirs'))
            ours = run_case(lines, os.path.join(top, 'qemu-img'), os.path.join(top, 'qemu-io'),
                            os.path.join(top, f'{nr}.ours'))
            ours = ours.replace(top + '/', '')
            print(('ok' if ours == theirs else 'not ok') + f' {nr} {table}: {name}', flush=True)
            if ours != theirs:
                failed += 1
                for line in difflib.unified_diff(theirs.splitlines(), ours.splitlines(), 'qemu',
                                                 'mica', lineterm='', n=2):
                    print('#', line)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

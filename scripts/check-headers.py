#!/usr/bin/env python3
# Every header compiles alone, behind util/osdep.h: check-headers.py BUILD
# SPDX-License-Identifier: GPL-2.0-or-later
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def flags_of(build):
    """Include folders and defines, as the build compiles its own files."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as f:
        commands = json.load(f)
    entry = next(c for c in commands if c['file'].endswith('system/main.c'))
    words = shlex.split(entry['command'])
    cc = next(w for w in words if not w.endswith('ccache') and '=' not in w)
    return cc, [w for w in words if w.startswith(('-I', '-D', '-std=')) and '/mica.p' not in w]


def check(args):
    cc, flags, build, header = args
    source = f'#include "util/osdep.h"\n#include "{header}"\n#include "{header}"\n'
    result = subprocess.run([cc, *flags, '-Wall', '-Wextra', '-Wno-unused-parameter',
                             '-Wno-missing-field-initializers', '-Werror', '-Wno-unused-function',
                             '-fsyntax-only', '-x', 'c', '-'],
                            input=source, cwd=build, capture_output=True, text=True, check=False)
    return header, result.stderr if result.returncode else ''


# Tables that a .c file includes with a macro set: they are no headers in the usual sense.
def is_table(top, header):
    with open(os.path.join(top, header), encoding='utf-8') as f:
        return not re.search(r'^#ifndef \w+_H$', f.read(4000), re.M)


def main():
    build = sys.argv[1]
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    result = subprocess.run(['git', 'ls-files', '*.h'], cwd=top, check=False, capture_output=True,
                            text=True)
    if result.returncode:
        sys.exit(77)                # no repository: meson takes it as skipped
    out = result.stdout
    headers = [h for h in out.split() if os.path.exists(os.path.join(top, h))
               and not h.startswith('tests/cpu/') and not is_table(top, h)]
    cc, flags = flags_of(build)
    bad = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, errors in pool.map(check, [(cc, flags, build, h) for h in headers]):
            if errors:
                bad += 1
                print(f'error: {header} does not compile alone:\n{errors}')
    print(f'{len(headers)} headers, {bad} bad')
    sys.exit(bool(bad))


main()

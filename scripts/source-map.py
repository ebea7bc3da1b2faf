#!/usr/bin/env python3
# The role lines of all files, gathered into docs/source-map.md; --check: is it fresh?
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import subprocess
import sys

HEAD = '''# Source map

One line a file, from its first line. Made by `scripts/source-map.py`; a test fails when it is stale.
'''
KINDS = ('.c', '.h', '.S', '.py', '.sh')


def role(path):
    with open(path, encoding='utf-8') as f:
        line = f.readline().strip()
        if line.startswith('#!'):
            line = f.readline().strip()
    for mark in ('/*', '*/', '#', '"""'):
        line = line.removeprefix(mark).removesuffix(mark)
    return line.strip()


def main():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    target = os.path.join(top, 'docs', 'source-map.md')
    result = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=top,
                            check=False, capture_output=True, text=True)
    if result.returncode:
        sys.exit(77)                # no repository: meson takes it as skipped
    out = result.stdout
    files = [f for f in sorted(out.split('\n')) if f.endswith(KINDS) and
             os.path.exists(os.path.join(top, f))]
    folders = {}
    for path in files:
        # A header beside its .c file says the same.
        if path.endswith('.h') and path[:-2] + '.c' in files:
            continue
        folders.setdefault(os.path.dirname(path) or '.', []).append(path)
    text = HEAD
    for folder in sorted(folders):
        text += f'\n## {folder}/\n\n| file | role |\n|---|---|\n'
        for path in folders[folder]:
            said = role(os.path.join(top, path)).replace('|', '\\|')
            text += f'| {os.path.basename(path)} | {said} |\n'
    if '--check' in sys.argv:
        with open(target, encoding='utf-8') as f:
            if f.read() != text:
                sys.exit('docs/source-map.md is stale: run scripts/source-map.py')
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, 'w', encoding='utf-8') as f:
        f.write(text)


main()

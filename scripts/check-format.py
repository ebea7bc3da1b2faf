#!/usr/bin/env python3
# clang-format on the lines that differ from a base (main, or the last commit on it)
# SPDX-License-Identifier: GPL-2.0-or-later
import difflib
import os
import re
import shutil
import subprocess
import sys

HUNK = re.compile(r'^@@ -\S+ \+(\d+)(?:,(\d+))? @@')
# Tables that are clearer with columns of their own.
LEFT_OUT = re.compile(r'(^|/)(insn-table[^/]*|[^/]*-table)\.h$')


def git(*args):
    return subprocess.run(['git', *args], check=True, capture_output=True, text=True).stdout


def changed_lines(base):
    files, path = {}, None
    for line in git('diff', '-U0', '--no-color', base, '--', '*.c', '*.h').split('\n'):
        if line.startswith('+++ '):
            path = line[6:] if line.startswith('+++ b/') else None
        m = HUNK.match(line)
        if m and path:
            first, count = int(m[1]), int(m[2] or 1)
            if count:
                files.setdefault(path, []).append((first, first + count - 1))
    return files


def base_commit():
    if len(sys.argv) > 1:
        return sys.argv[1]
    for ref in ('origin/main', 'main'):
        found = subprocess.run(['git', 'merge-base', 'HEAD', ref], capture_output=True, text=True,
                               check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    return 'HEAD'


def squeeze(line):
    """The code of a line: its indent kept, columns of spaces and a trailing comment left out."""
    code = re.sub(r'\s*(/\*.*(\*/)?|\\\\)$', '', line)
    indent = len(code) - len(code.lstrip())
    # clang-format 14 takes some pointers for products.
    return code[:indent] + re.sub(r'\s*\*\s*', '*', re.sub(r'\s+', ' ', code.strip()))


def complaints(path, old, new):
    """
    Where a line breaks and in which column a comment or a table's entry stands is the author's
    choice; indentation, braces and spaces within the code are not.
    """
    out = []
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if tag != 'replace' or a2 - a1 != b2 - b1:
            continue
        for i, (line, wanted) in enumerate(zip(old[a1:a2], new[b1:b2])):
            same_text = re.sub(r'\s', '', line) == re.sub(r'\s', '', wanted)
            before = old[i + a1 - 1].rstrip() if i + a1 else ''
            continued = before.endswith((',', '(', '&&', '||', '=', '\\')) or \
                line.strip().startswith((':', '?', '"', '\\')) or line.endswith('\\')
            if same_text and squeeze(line) != squeeze(wanted) and not continued:
                out.append(f'{path}:{a1 + i + 1}: {line.strip()!r} should be {wanted.strip()!r}'
                           if line.strip() != wanted.strip() else
                           f'{path}:{a1 + i + 1}: indent of {line.strip()!r}')
    return out


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if not shutil.which('clang-format') or not os.path.exists('.git'):
        sys.exit(77)                # meson takes it as skipped
    bad = []
    for path, ranges in changed_lines(base_commit()).items():
        if LEFT_OUT.search(path):
            continue
        args = [f'--lines={a}:{b}' for a, b in ranges]
        new = subprocess.run(['clang-format', '--style=file', *args, path], check=True,
                             capture_output=True, text=True).stdout
        with open(path, encoding='utf-8') as f:
            old = f.read()
        old, new = old.split('\n'), new.split('\n')
        bad += complaints(path, old, new)
        bad += [f'{path}:{n}: {len(old[n - 1])} columns, 100 are the most'
                for first, last in ranges for n in range(first, last + 1)
                if len(old[n - 1]) > 100]
    print('\n'.join(bad))
    sys.exit(bool(bad))


main()

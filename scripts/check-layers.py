#!/usr/bin/env python3
# Which folder may include which (layers.txt), include circles, and how each source file begins
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
SPDX = 'SPDX-License-Identifier: GPL-2.0-or-later'
LINES_NOTE, CLOSURE_NOTE, CLOSURE_LINES_NOTE = 1000, 25, 2500
FREESTANDING = {                        # run in a guest
    'tests/bench/kernels.c', 'tests/block/live-writer.c', 'tests/boot/pc-apic.c',
    'tests/boot/pc-kernel.c', 'tests/boot/pc-mmio.c', 'tests/boot/pc-paging.c',
    'tests/boot/pc-system.c',
}
COMMENTS = {'.c': ('/* ', ' */'), '.h': ('/* ', ' */'), '.S': ('/* ', ' */'), '.py': ('# ', '')}


class Tree:
    def __init__(self, top):
        self.top = top
        result = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=top,
                                check=False, capture_output=True, text=True)
        if result.returncode:
            sys.exit(77)            # no repository: meson takes it as skipped
        out = result.stdout
        self.files = sorted(f for f in out.split('\n') if os.path.splitext(f)[1] in COMMENTS
                            and os.path.exists(os.path.join(top, f)))
        self.text = {}
        for f in self.files:
            with open(os.path.join(top, f), encoding='utf-8') as handle:
                self.text[f] = handle.read()
        self.includes = {f: INCLUDE.findall(t) for f, t in self.text.items()
                         if not f.endswith('.py')}
        self.errors, self.notes = [], []

    def error(self, path, text):
        self.errors.append(f'{path}: {text}')


def read_layers(path):
    layers = {}
    with open(path, encoding='utf-8') as f:
        for line in f:
            line = line.split('#')[0].strip()
            if line:
                folder, allowed = line.split(':')
                layers[folder.strip()] = allowed.split()
    return layers


def check_layers(tree, layers):
    for path, includes in tree.includes.items():
        folder = path.split('/')[0]
        if folder not in layers:
            if includes:
                tree.error(path, f"folder '{folder}' is not in layers.txt")
            continue
        for inc in includes:
            target = inc.split('/')[0]
            if '/' not in inc and path.endswith('.S'):
                continue            # assembled with its own folder as include folder
            if '/' not in inc:
                tree.error(path, f'include "{inc}" by its path from the top')
            elif target != folder and '*' not in layers[folder] and \
                    target not in layers[folder] and inc not in layers[folder]:
                tree.error(path, f'{folder}/ may not include "{inc}" (scripts/layers.txt)')
            elif inc.endswith('-int.h') and os.path.dirname(inc) != os.path.dirname(path) and \
                    folder != 'tests':
                tree.error(path, f'"{inc}" is private to its folder')


def check_circles(tree):
    done, stack = set(), []

    def visit(path):
        if path in stack:
            circle = stack[stack.index(path):] + [path]
            tree.error(path, 'include circle: ' + ' -> '.join(circle))
            return
        if path in done or path not in tree.includes:
            return
        stack.append(path)
        for inc in tree.includes[path]:
            visit(inc)
        stack.pop()
        done.add(path)
    for path in tree.files:
        if path.endswith('.h'):
            visit(path)


def check_beginnings(tree):
    for path, text in tree.text.items():
        lines = text.split('\n')
        if lines[0].startswith('#!'):
            lines = lines[1:]
        start, end = COMMENTS[os.path.splitext(path)[1]]
        if lines[0].startswith('"""'):
            start = end = '"""'
        if not lines[0].startswith(start) or len(lines[0]) < len(start) + len(end) + 10 or \
                'SPDX' in lines[0]:
            tree.error(path, 'the first line must be a comment that says the role of the file')
        if SPDX not in '\n'.join(lines[1:4]):
            tree.error(path, f'"{SPDX}" must follow the role')
        includes = tree.includes.get(path, [])
        if path.endswith('.c') and includes[:1] != ['util/osdep.h'] and path not in FREESTANDING:
            tree.error(path, 'the first include must be "util/osdep.h"')
        if path.endswith('.h') and 'util/osdep.h' in includes:
            tree.error(path, 'headers do not include "util/osdep.h"')
        if text and not text.endswith('\n'):
            tree.error(path, 'no newline at the end')
        for i, line in enumerate(text.split('\n')):
            if line != line.rstrip() or ('\t' in line and not path.endswith('.S')):
                tree.error(f'{path}:{i + 1}', 'white space at the end of the line, or a tab')


def closure(tree, path):
    seen, todo = set(), list(tree.includes[path])
    while todo:
        inc = todo.pop()
        if inc not in seen and inc in tree.includes:
            seen.add(inc)
            todo += tree.includes[inc]
    return seen


def note_sizes(tree):
    for path in tree.includes:
        lines = tree.text[path].count('\n')
        if lines > LINES_NOTE:
            tree.notes.append(f'{path}: {lines} lines')
        if path.startswith('hw/') and path.endswith('.c'):
            headers = closure(tree, path)
            size = sum(tree.text[h].count('\n') for h in headers)
            if len(headers) > CLOSURE_NOTE and size > CLOSURE_LINES_NOTE:
                tree.notes.append(f'{path}: drags in {len(headers)} headers, {size} lines')


def main():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    tree = Tree(top)
    check_layers(tree, read_layers(os.path.join(top, 'scripts', 'layers.txt')))
    check_circles(tree)
    check_beginnings(tree)
    note_sizes(tree)
    for text in tree.errors:
        print('error: ' + text)
    for text in tree.notes:
        print('note: ' + text)
    sys.exit(bool(tree.errors))


main()

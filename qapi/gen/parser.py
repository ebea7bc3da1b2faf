# Schema text to Python values: each top-level { } with the comment that documents it
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import re

TOKEN = re.compile(r"""
    (?P<space>[ \t\r]+) | (?P<newline>\n) | (?P<comment>\#[^\n]*)
  | '(?P<string>[^'\\\n]*)' | (?P<punct>[{}\[\]:,]) | (?P<word>true|false) | (?P<int>-?\d+)
""", re.X)


class SchemaError(Exception):
    def __init__(self, where, text):
        super().__init__(f'{where[0]}:{where[1]}: {text}')


class Expr:
    """One definition: the dict as written, its comment, its place, its module."""

    def __init__(self, data, doc, where, module):
        self.data, self.doc, self.where, self.module = data, doc, where, module


class Parser:
    """Parses one file; the files it includes come before its own definitions."""

    def __init__(self, path, seen=None):
        self.path = path
        self.module = os.path.splitext(os.path.basename(path))[0]
        self.seen = seen if seen is not None else set()
        self.exprs = []
        self.seen.add(os.path.abspath(path))
        with open(path, encoding='utf-8') as f:
            self.tokens = list(self.lex(f.read()))
        self.pos = 0
        self.parse()

    def lex(self, text):
        pos, line, blank = 0, 1, True
        while pos < len(text):
            m = TOKEN.match(text, pos)
            if not m:
                raise SchemaError((self.path, line), f'stray {text[pos]!r}')
            kind, value = m.lastgroup, m.group(m.lastgroup)
            if kind == 'newline':
                if blank:
                    yield ('blank', '', line)
                line, blank = line + 1, True
            elif kind != 'space':
                blank = False
                yield (kind, value, line)
            pos = m.end()
        yield ('end', '', line)

    def where(self):
        return (self.path, self.tokens[self.pos][2])

    def peek(self):
        while self.tokens[self.pos][0] in ('comment', 'blank'):
            self.pos += 1
        return self.tokens[self.pos]

    def next(self, wanted=None):
        token = self.peek()
        if wanted is not None and token[1] != wanted:
            raise SchemaError(self.where(), f"expected '{wanted}', found '{token[1]}'")
        self.pos += 1
        return token

    def parse(self):
        doc = []
        while True:
            kind, value, _ = self.tokens[self.pos]
            if kind == 'end':
                return
            if kind == 'comment':
                doc.append(value[1:].strip(' '))
                self.pos += 1
            elif kind == 'blank':
                doc = []
                self.pos += 1
            else:
                where = self.where()
                data = self.value()
                if not isinstance(data, dict):
                    raise SchemaError(where, 'a definition must be in braces')
                if 'include' in data:
                    self.include(data['include'], where)
                else:
                    self.exprs.append(Expr(data, '\n'.join(d for d in doc if d != '#'),
                                           where, self.module))
                doc = []

    def include(self, name, where):
        path = os.path.join(os.path.dirname(self.path), name)
        if os.path.abspath(path) in self.seen:
            return
        if not os.path.exists(path):
            raise SchemaError(where, f"no file '{name}'")
        self.exprs = Parser(path, self.seen).exprs + self.exprs

    def value(self):
        kind, value, _ = self.next()
        if kind == 'string':
            return value
        if kind == 'word':
            return value == 'true'
        if kind == 'int':
            return int(value)
        if value == '[':
            return self.sequence(']', self.value)
        if value == '{':
            pairs = self.sequence('}', self.pair)
            keys = [k for k, _ in pairs]
            for key in keys:
                if keys.count(key) > 1:
                    raise SchemaError(self.where(), f"duplicate key '{key}'")
            return dict(pairs)
        raise SchemaError(self.where(), f"expected a value, found '{value}'")

    def pair(self):
        kind, key, _ = self.next()
        if kind != 'string':
            raise SchemaError(self.where(), f"expected a key, found '{key}'")
        self.next(':')
        return key, self.value()

    def sequence(self, end, item):
        items = []
        if self.peek()[1] == end and self.peek()[0] == 'punct':
            self.next()
            return items
        while True:
            items.append(item())
            token = self.next()
            if token[0] == 'punct' and token[1] == end:
                return items
            if token[1] != ',':
                raise SchemaError(self.where(), f"expected ',' or '{end}', found '{token[1]}'")

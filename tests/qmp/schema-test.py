#!/usr/bin/env python3
# The schema against the program: replies are what it says, every command is called, rightly and
# wrongly, over several monitors at once
# SPDX-License-Identifier: GPL-2.0-or-later
import random
import sys
import tempfile

from qmplib import Program

BINARY = sys.argv[1]
PC = ['-M', 'pc', '-accel', 'qtest', '-m', '16', '-device', 'isa-debug-exit,id=d0',
      '-object', 'iothread,id=io0', '-chardev', 'ringbuf,id=r0',
      '-blockdev', 'null-co,node-name=n0', '-drive', 'if=none,id=drive0']
NONE = ['-M', 'none']
CLASSES = {'GenericError', 'CommandNotFound', 'DeviceNotActive', 'DeviceNotFound', 'KVMMissingCap'}
# Neither may end the program; the path says where files would go, so that none is made.
STRINGS = ['', '/nonexistent/x', '/nonexistent/ä€😀', 'y' * 5000,
           '/machine/peripheral/d0', 'd0/../../nonexistent']
INTEGERS = [0, 1, 2, -1, 100, 2 ** 31, 2 ** 32, 2 ** 63 - 1, -2 ** 63, 2 ** 64 - 1]
# quit ends it; x- commands promise nothing.
LEFT_OUT = {'quit'}


class Schema:
    def __init__(self, rows):
        self.rows = {row['name']: row for row in rows}
        assert len(self.rows) == len(rows), 'a name is there twice'
        self.commands = sorted(r['name'] for r in rows if r['meta-type'] == 'command')

    def check_references(self):
        used = set()
        for row in self.rows.values():
            refs = [row[k] for k in ('arg-type', 'ret-type', 'element-type') if k in row]
            refs += [m['type'] for m in row.get('members', []) if 'type' in m]
            refs += [v['type'] for v in row.get('variants', [])]
            for ref in refs:
                assert ref in self.rows, f'{row["name"]} refers to {ref}, which is not there'
            used.update(refs)
            if 'arg-type' in row:
                assert self.rows[row['arg-type']]['meta-type'] == 'object', row
            if 'tag' in row:
                tag = next(m for m in row['members'] if m['name'] == row['tag'])
                assert {v['case'] for v in row['variants']} == \
                    set(self.rows[tag['type']]['values']), row
            if row['meta-type'] == 'enum':
                assert [m['name'] for m in row['members']] == row['values'], row
        for name, row in self.rows.items():
            if row['meta-type'] not in ('command', 'event'):
                assert name in used, f'type {name} is of no use'
                assert name[0].isdigit() or name[0] == '[' or row['meta-type'] == 'builtin', name

    def members(self, row, value):
        """The members that an object of this type with this value has."""
        members = {m['name']: m for m in row['members']}
        if 'tag' in row:
            for variant in row['variants']:
                if variant['case'] == value.get(row['tag']):
                    for m in self.rows[variant['type']]['members']:
                        members[m['name']] = m
        return members

    def check(self, name, value, where):
        row = self.rows[name]
        getattr(self, 'check_' + row['meta-type'])(row, value, where)

    def check_builtin(self, row, value, where):
        kind = row['json-type']
        fits = {'string': isinstance(value, str), 'boolean': isinstance(value, bool),
                'int': isinstance(value, int) and not isinstance(value, bool),
                'number': isinstance(value, (int, float)) and not isinstance(value, bool),
                'null': value is None, 'value': True}
        assert fits[kind], f'{where}: {value!r} is no {kind}'

    def check_enum(self, row, value, where):
        assert value in row['values'], f'{where}: {value!r} is none of {row["values"]}'

    def check_array(self, row, value, where):
        assert isinstance(value, list), f'{where}: {value!r} is no array'
        for i, element in enumerate(value):
            self.check(row['element-type'], element, f'{where}[{i}]')

    def check_object(self, row, value, where):
        assert isinstance(value, dict), f'{where}: {value!r} is no object'
        members = self.members(row, value)
        for name, member in members.items():
            if name in value:
                self.check(member['type'], value[name], f'{where}.{name}')
            else:
                assert 'default' in member, f'{where}: {name} is missing'
        unknown = set(value) - set(members)
        assert not unknown, f'{where}: has {unknown}'

    def check_alternate(self, row, value, where):
        for member in row['members']:
            try:
                self.check(member['type'], value, where)
                return
            except AssertionError:
                pass
        raise AssertionError(f'{where}: {value!r} is of no branch')

    def check_reply(self, command, reply):
        if 'error' in reply:
            assert set(reply['error']) == {'class', 'desc'}, reply
            assert reply['error']['class'] in CLASSES and reply['error']['desc'], reply
            assert (reply['error']['class'] != 'CommandNotFound' or
                    command == 'qmp_capabilities'), reply
        else:
            self.check(self.rows[command]['ret-type'], reply['return'], command)

    def check_event(self, event):
        row = self.rows[event['event']]
        assert row['meta-type'] == 'event', event
        self.check(row['arg-type'], event.get('data', {}), event['event'])

    # --- making values ---

    def make(self, name, rng, depth=0):
        row = self.rows[name]
        meta = row['meta-type']
        if meta == 'enum':
            return rng.choice(row['values'])
        if meta == 'array':
            return [self.make(row['element-type'], rng, depth + 1)
                    for _ in range(rng.choice([0, 1, 1, 2]) if depth < 6 else 0)]
        if meta == 'alternate':
            return self.make(rng.choice(row['members'])['type'], rng, depth + 1)
        if meta == 'object':
            return self.make_object(row, rng, depth)
        return {'string': lambda: rng.choice(STRINGS), 'int': lambda: rng.choice(INTEGERS),
                'number': lambda: rng.choice([0.5, 1e300, *INTEGERS]),
                'boolean': lambda: rng.random() < 0.5, 'null': lambda: None,
                'value': lambda: rng.choice([None, {}, [], 1, 'x', {'x': [1.5]}]),
                }[row['json-type']]()

    def make_object(self, row, rng, depth):
        value = {}
        for member in row['members']:
            if 'default' not in member or (depth < 6 and rng.random() < 0.4):
                value[member['name']] = self.make(member['type'], rng, depth + 1)
        for name, member in self.members(row, value).items():
            if name not in value and ('default' not in member or
                                      (depth < 6 and rng.random() < 0.4)):
                value[name] = self.make(member['type'], rng, depth + 1)
        return value


def fetch(session):
    return Schema(session.cmd('query-qmp-schema'))


def test_graph():
    with Program(BINARY, NONE) as p:
        schema = fetch(p.qmp)
        schema.check_references()
        assert schema.commands == sorted(c['name'] for c in p.qmp.cmd('query-commands'))
        events = sorted(n for n, r in schema.rows.items() if r['meta-type'] == 'event')
        assert events == sorted(e['name'] for e in p.qmp.cmd('query-events'))


def test_queries():
    """Every query that needs no arguments, on a machine and on none."""
    for args in (PC, NONE):
        with Program(BINARY, args) as p:
            schema = fetch(p.qmp)
            for command in schema.commands:
                row = schema.rows[command]
                if command.startswith('query-') and \
                        all('default' in m for m in schema.rows[row['arg-type']]['members']):
                    schema.check_reply(command, p.qmp.raw({'execute': command}))


def test_wrong_arguments():
    """Missing, unknown and wrongly typed members are told by name."""
    wrong = {'string': 7, 'int': 'x', 'number': [], 'boolean': 'true', 'null': 1}
    with Program(BINARY, PC) as p:
        schema = fetch(p.qmp)
        for command in schema.commands:
            row = schema.rows[schema.rows[command]['arg-type']]
            rng = random.Random(command)
            reply = p.qmp.raw({'execute': command, 'arguments': {
                **schema.make_object(row, rng, 5), 'no-such-member': 1}})
            assert 'error' in reply, (command, reply)
            required = [m for m in row['members'] if 'default' not in m]
            if required:
                desc = p.qmp.raw({'execute': command})['error']['desc']
                assert any(m['name'] in desc for m in required) or 'tag' in row, (command, desc)
            for member in row['members']:
                typ = schema.rows[member['type']]
                bad = wrong.get(typ.get('json-type'), None if typ['meta-type'] != 'builtin' else 0)
                if typ.get('json-type') == 'value':
                    continue
                arguments = {m['name']: schema.make(m['type'], rng, 5) for m in required}
                reply = p.qmp.raw({'execute': command,
                                   'arguments': {**arguments, member['name']: bad}})
                assert 'error' in reply, (command, member['name'], bad, reply)
        assert p.qmp.cmd('query-status')


def test_hostile_text():
    """Every command with text that is no request, or one that nobody should send."""
    with Program(BINARY, PC) as p:
        schema = fetch(p.qmp)
        for command in schema.commands:
            head = b'{"execute": "%s", "arguments": {"' % command.encode()
            for tail in (b'x": ' + b'[' * 2000 + b']' * 2000 + b'}}', b'\xc3\x28": 1}}',
                         b'x": "\xed\xa0\x80"}}', b'x": 123456789012345678901234567890}}',
                         b'x": 1e999}}', b'x" 1}}', b'x": ' + b'{"y": ' * 500 + b'1' + b'}' * 502):
                reply = p.qmp.raw(head + tail + b'\n')
                assert reply['error']['class'] == 'GenericError', (command, tail[:20], reply)
        assert p.qmp.cmd('query-status')


def test_any_arguments():
    for args, times in ((PC, 6), (NONE, 2)):
        any_arguments(args, times)


def any_arguments(args, times):
    """What fits the schema gets a value that does, or an error; several monitors at once."""
    with tempfile.TemporaryDirectory() as folder, \
            Program(BINARY, args, monitors=3, cwd=folder) as p:
        schema = fetch(p.qmp)
        rng = random.Random(7)
        todo = [c for c in schema.commands if c not in LEFT_OUT] * times
        rng.shuffle(todo)
        waiting = {s: [] for s in p.sessions}
        for i, command in enumerate(todo):
            session = rng.choice(p.sessions)
            row = schema.rows[schema.rows[command]['arg-type']]
            session.send({'execute': command, 'arguments': schema.make_object(row, rng, 0),
                          'id': i})
            waiting[session].append((i, command))
            while len(waiting[session]) > 5:
                answer(schema, session, waiting[session].pop(0))
        for session in p.sessions:
            for request in waiting[session]:
                answer(schema, session, request)
            for event in session.events:
                schema.check_event(event)
            assert session.cmd('query-version')
        p.qmp.cmd('quit')
        assert p.wait() == 0, p.output()


def answer(schema, session, request):
    reply = session.reply()
    assert reply['id'] == request[0], (reply, request)
    schema.check_reply(request[1], reply)


for test_name, fn in list(globals().items()):
    if test_name.startswith('test_'):
        print(test_name, flush=True)
        fn()

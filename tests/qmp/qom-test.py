#!/usr/bin/env python3
# The object tree, types and properties over QMP; objects of users come and go
# SPDX-License-Identifier: GPL-2.0-or-later
import sys

from qmplib import Program

BINARY = sys.argv[1]
PC = ['-M', 'pc', '-accel', 'qtest', '-m', '16', '-S', '-device', 'isa-debug-exit,id=d']


def names(rows):
    return {row['name'] for row in rows}


def test_tree():
    """Every object can be listed, every property be read, and children name their objects."""
    with Program(BINARY, PC) as p:
        s = p.qmp
        todo, seen = ['/'], 0
        while todo:
            path = todo.pop()
            rows = s.cmd('qom-list', path=path)
            assert len(names(rows)) == len(rows), path
            seen += 1
            for row in rows:
                value = s.cmd('qom-get', path=path, property=row['name'])
                if row['type'].startswith('child<'):
                    assert value == path.rstrip('/') + '/' + row['name'], value
                    kind = s.cmd('qom-get', path=value, property='type')
                    assert row['type'] == f'child<{kind}>', row
                    todo.append(value)
                elif row['type'] == 'bool':
                    assert isinstance(value, bool), (path, row, value)
                elif row['type'].startswith(('uint', 'int', 'size')):
                    assert isinstance(value, int), (path, row, value)
        assert seen > 30, seen
        assert s.fails('qom-list', path='/nope') == ('DeviceNotFound', "Device '/nope' not found")
        assert s.cmd('qom-get', path='peripheral/d', property='realized') is True


def test_properties():
    with Program(BINARY, PC) as p:
        s = p.qmp
        d = '/machine/peripheral/d'
        assert s.cmd('qom-get', path=d, property='iobase') == 0x501
        assert s.cmd('qom-get', path='/machine', property='type') == 'pc-i440fx-7.2-machine'
        for prop, value, desc in (
                ('iobase', 1, "Attempt to set property 'iobase' on device 'd' (type "
                 "'isa-debug-exit') after it was realized"),
                ('iobase', 'x', "Invalid parameter type for 'iobase', expected: integer"),
                ('nope', 1, "Property 'isa-debug-exit.nope' not found"),
                ('type', 'x', "Property 'isa-debug-exit.type' is not writable")):
            assert s.fails('qom-set', path=d, property=prop, value=value)[1] == desc
        assert s.fails('qom-get', path=d, property='nope')[1] == \
            "Property 'isa-debug-exit.nope' not found"


def test_types():
    with Program(BINARY, ['-M', 'none']) as p:
        s = p.qmp
        rows = {row['name']: row for row in s.cmd('qom-list-types', abstract=True)}
        for row in rows.values():
            assert row['name'] == 'object' or row['parent'] in rows, row
        concrete = names(s.cmd('qom-list-types'))
        assert concrete == {n for n, row in rows.items() if not row.get('abstract')}
        devices = s.cmd('qom-list-types', implements='device')
        assert {'isa-serial', 'VGA', 'piix3-ide'} <= names(devices) <= concrete
        assert 'none-machine' in names(s.cmd('qom-list-types', implements='machine'))
        for name in names(devices):
            own = s.cmd('device-list-properties', typename=name)
            assert names(own) <= names(s.cmd('qom-list-properties', typename=name))
        addr = [r for r in s.cmd('device-list-properties', typename='VGA') if r['name'] == 'addr']
        assert addr, 'PCI devices have an address'
        assert s.fails('device-list-properties', typename='nope') == (
            'DeviceNotFound', "Device 'nope' not found")
        assert s.fails('device-list-properties', typename='none-machine')[1] == \
            "Parameter 'typename' expects a non-abstract device type"
        assert s.fails('qom-list-properties', typename='nope') == (
            'DeviceNotFound', "Class 'nope' not found")


def test_objects():
    with Program(BINARY, ['-M', 'none']) as p:
        s = p.qmp
        for arguments, desc in (
                ({'qom-type': 'nope', 'id': 'a'},
                 "Parameter 'qom-type' does not accept value 'nope'"),
                ({'qom-type': 'qtest'}, "Parameter 'id' is missing"),
                ({'qom-type': 'qtest', 'id': 'a', 'chardev': 'c', 'foo': 1},
                 "Parameter 'foo' is unexpected"),
                ({'qom-type': 'qtest', 'id': 'a', 'chardev': 1},
                 "Invalid parameter type for 'chardev', expected: string")):
            reply = s.raw({'execute': 'object-add', 'arguments': arguments})
            assert reply['error']['desc'] == desc, reply
        assert s.fails('object-del', id='x')[1] == "object 'x' not found"


for test_name, fn in list(globals().items()):
    if test_name.startswith('test_'):
        print(test_name, flush=True)
        fn()

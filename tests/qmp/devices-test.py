#!/usr/bin/env python3
# Character devices, yank, screen dumps and input over QMP
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import signal
import socket
import struct
import sys
import tempfile
import time
import zlib

from qmplib import Program, QmpError

BINARY = sys.argv[1]
PC = ['-M', 'pc', '-accel', 'qtest', '-m', '16', '-nodefaults']


def test_chardevs():
    with Program(BINARY, [*PC, '-chardev', 'ringbuf,id=r', '-chardev', 'ringbuf,id=s0',
                          '-serial', 'chardev:s0']) as p, tempfile.TemporaryDirectory() as d:
        s = p.qmp
        labels = {c['label']: c for c in s.cmd('query-chardev')}
        assert labels['r']['frontend-open'] is False and labels['s0']['frontend-open'] is True
        kinds = {k['name'] for k in s.cmd('query-chardev-backends')}
        assert {'null', 'socket', 'pty', 'ringbuf', 'file', 'stdio', 'pipe'} <= kinds
        s.cmd('ringbuf-write', device='r', data='abc')
        s.cmd('ringbuf-write', device='r', data='/w==', format='base64')
        assert s.cmd('ringbuf-read', device='r', size=1000000, format='base64') == 'YWJj/w=='
        assert s.cmd('ringbuf-read', device='r', size=5) == ''
        for arguments, desc in (({'device': 'x', 'size': 1}, "Device 'x' not found"),
                                ({'device': 'qmp0', 'size': 1}, 'qmp0 is not a ringbuf device'),
                                ({'device': 'r', 'size': 0}, 'size must be greater than zero')):
            assert s.fails('ringbuf-read', **arguments)[1] == desc
        out = os.path.join(d, 'out')
        assert s.cmd('chardev-add', id='f',
                     backend={'type': 'file', 'data': {'out': out}}) == {}
        assert s.cmd('chardev-add', id='p', backend={'type': 'pty', 'data': {}})['pty'] \
            .startswith('/dev/pts/')
        assert s.fails('chardev-add', id='r', backend={'type': 'null', 'data': {}})[1] == \
            "Chardev with id 'r' already exists"
        assert s.fails('chardev-remove', id='qmp0')[1] == "Chardev 'qmp0' is busy"
        assert s.fails('chardev-remove', id='x')[1] == "Chardev 'x' not found"
        s.cmd('chardev-remove', id='f')
        s.cmd('chardev-send-break', id='s0')
        assert s.fails('chardev-change', id='qmp0', backend={'type': 'null', 'data': {}})[1] == \
            'Chardev user does not support chardev hotswap'
        # The serial port goes on with another back end.
        s.cmd('chardev-change', id='s0', backend={'type': 'file', 'data': {'out': out}})
        labels = {c['label']: c for c in s.cmd('query-chardev')}
        assert labels['s0']['frontend-open'] is True and labels['s0']['filename'] != 'ringbuf'


def test_yank_node():
    """A request to a server that does not answer ends when its node is yanked."""
    with tempfile.TemporaryDirectory() as d, Program(BINARY, ['-M', 'none']) as server, \
            Program(BINARY, ['-M', 'none'], monitors=2) as p:
        path = os.path.join(d, 'nbd')
        server.qmp.cmd('blockdev-add', driver='null-co', node_name='n', read_zeroes=True)
        server.qmp.cmd('nbd-server-start', addr={'type': 'unix', 'data': {'path': path}})
        server.qmp.cmd('block-export-add', type='nbd', id='e', node_name='n')
        s, other = p.sessions
        s.cmd('blockdev-add', driver='nbd', node_name='far', export='n', read_only=True,
              reconnect_delay=1000, server={'type': 'unix', 'path': path})
        s.cmd('blockdev-add', driver='null-co', node_name='near')
        node = {'type': 'block-node', 'node-name': 'far'}
        assert s.cmd('query-yank')[0] == node
        assert s.fails('yank', instances=[{**node, 'node-name': 'near'}])[0] == 'DeviceNotFound'
        server.process.send_signal(signal.SIGSTOP)
        other.send({'execute': 'human-monitor-command', 'arguments': {
            'command-line': 'qemu-io far "read 0 512"'}})
        assert s.cmd('query-status')
        s.cmd('yank', instances=[node])
        assert other.reply() == {'return': ''}
        s.cmd('blockdev-del', node_name='far')
        assert node not in s.cmd('query-yank')
        s.cmd('quit')
        assert p.wait() == 0 and 'read failed: Input/output error' in p.output()


def test_sockets_and_yank():
    with Program(BINARY, ['-M', 'none']) as p, tempfile.TemporaryDirectory() as d:
        s = p.qmp
        path = os.path.join(d, 'sock')
        address = {'type': 'unix', 'data': {'path': path}}
        s.cmd('chardev-add', id='c', backend={'type': 'socket', 'data': {'addr': address}})
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        s.cmd('query-status')
        assert {'type': 'chardev', 'id': 'c'} in s.cmd('query-yank')
        assert s.fails('yank', instances=[{'type': 'chardev', 'id': 'x'}]) == (
            'DeviceNotFound', 'Instance not found')
        s.cmd('yank', instances=[{'type': 'chardev', 'id': 'c'}])
        assert client.recv(1) == b''
        mine, theirs = socket.socketpair()
        s.cmd('getfd', fds=[theirs.fileno()], fdname='peer')
        theirs.close()
        s.cmd('chardev-add', id='by-fd', backend={'type': 'socket', 'data': {
            'addr': {'type': 'fd', 'data': {'str': 'peer'}}, 'server': False}})
        s.cmd('chardev-remove', id='by-fd')
        assert mine.recv(1) == b''
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind(('127.0.0.1', 0))
        s.cmd('chardev-add', id='u', backend={'type': 'udp', 'data': {'remote': {
            'type': 'inet', 'data': {'host': '127.0.0.1', 'port': str(far.getsockname()[1])}}}})
        assert 'inet' in s.fails('chardev-add', id='v', backend={'type': 'udp', 'data': {
            'remote': address}})[1]
        tty = s.cmd('chardev-add', id='p', backend={'type': 'pty', 'data': {}})['pty']
        s.cmd('chardev-add', id='tty', backend={'type': 'serial', 'data': {'device': tty}})
        assert 'columns' in s.fails('chardev-add', id='v', backend={
            'type': 'vc', 'data': {'cols': 1000}})[1]
        names = {c['label']: c['filename'] for c in s.cmd('query-chardev')}
        assert names['u'] == 'udp' and names['tty'] == 'serial:' + tty and 'v' not in names
        assert 'refused' in s.fails('chardev-add', id='t', backend={'type': 'socket', 'data': {
            'server': False, 'addr': {'type': 'inet',
                                      'data': {'host': '127.0.0.1', 'port': '1'}}}})[1]


def test_tls_client():
    """A TLS server and a client of it, both made by commands, in one program."""
    with Program(BINARY, ['-M', 'none']) as p:
        s = p.qmp
        try:
            for end in ('server', 'client'):
                s.cmd_dict({'execute': 'object-add', 'arguments': {
                    'qom-type': 'tls-creds-anon', 'id': end, 'endpoint': end}})
        except QmpError as e:
            assert 'TLS' in str(e)      # built without
            return

        def add(name, port):
            s.cmd('chardev-add', id=name + '0', backend={'type': 'socket', 'data': {
                'server': name == 'server', 'tls-creds': name,
                'addr': {'type': 'inet', 'data': {'host': '127.0.0.1', 'port': port}}}})

        def where(name):
            return {c['label']: c['filename'] for c in s.cmd('query-chardev')}[name + '0']

        add('server', '0')
        port = where('server').split(':')[-1].split(',')[0]
        add('client', port)
        until = time.monotonic() + 30
        while '<->' not in where('server') or '<->' not in where('client'):
            assert time.monotonic() < until, where('client')


def read_png(path):
    with open(path, 'rb') as f:
        data = f.read()
    assert data[:8] == b'\x89PNG\r\n\x1a\n'
    pos, chunks = 8, {}
    while pos < len(data):
        n, kind = struct.unpack('>I4s', data[pos:pos + 8])
        body = data[pos + 8:pos + 8 + n]
        assert struct.unpack('>I', data[pos + 8 + n:pos + 12 + n])[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        pos += 12 + n
    width, height = struct.unpack('>II', chunks[b'IHDR'][:8])
    raw = zlib.decompress(chunks[b'IDAT'])
    assert len(raw) == (3 * width + 1) * height
    return width, height, b''.join(raw[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)]
                                   for y in range(height))


def test_screendump():
    with Program(BINARY, ['-M', 'pc', '-accel', 'qtest', '-m', '16', '-S', '-vga', 'none',
                          '-device', 'VGA,id=v']) as p, tempfile.TemporaryDirectory() as d:
        s = p.qmp
        ppm, png = os.path.join(d, 'a.ppm'), os.path.join(d, 'a.png')
        s.cmd('screendump', filename=ppm)
        s.cmd('screendump', filename=png, format='png', device='v', head=0)
        width, height, pixels = read_png(png)
        with open(ppm, 'rb') as f:
            assert f.read() == b'P6\n%d %d\n255\n' % (width, height) + pixels
        assert s.fails('screendump', filename='/nope/x')[1] == \
            "failed to open file '/nope/x': No such file or directory"
        assert s.fails('screendump', filename=ppm, device='x')[0] == 'DeviceNotFound'
        assert s.fails('screendump', filename=ppm, head=1)[1] == \
            "'head' must be specified together with 'device'"
    with Program(BINARY, ['-M', 'none']) as p:
        assert p.qmp.fails('screendump', filename='/nope/x')[1] == \
            'There is no console to take a screendump from'


def test_input():
    key = {'type': 'key', 'data': {'down': True, 'key': {'type': 'qcode', 'data': 'a'}}}
    with Program(BINARY, [*PC, '-S']) as p:
        s = p.qmp
        assert s.fails('input-send-event', events=[key])[1] == 'VM not running'
        s.cmd('cont')
        s.cmd('input-send-event', events=[
            key, {'type': 'btn', 'data': {'button': 'left', 'down': True}},
            {'type': 'rel', 'data': {'axis': 'x', 'value': 5}}])
        assert s.fails('input-send-event', events=[
            {'type': 'abs', 'data': {'axis': 'x', 'value': 5}}])[1] == \
            'Input handler not found for event type abs'
        s.cmd('send-key', keys=[{'type': 'qcode', 'data': 'alt'},
                                {'type': 'number', 'data': 0x54}], hold_time=10)
        assert 'does not accept value' in s.fails(
            'send-key', keys=[{'type': 'qcode', 'data': 'nope'}])[1]
        assert 'number 99999' in s.fails('send-key', keys=[{'type': 'number', 'data': 99999}])[1]


for test_name, fn in list(globals().items()):
    if test_name.startswith('test_'):
        print(test_name, flush=True)
        fn()

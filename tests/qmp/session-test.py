#!/usr/bin/env python3
# Monitor sessions: negotiation, framing, out-of-band, peers that misbehave, descriptors, run states
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import socket
import subprocess
import sys
import tempfile

from qmplib import Program, Session

BINARY = sys.argv[1]
EXPECTING = "Expecting capabilities negotiation with 'qmp_capabilities'"
NONE = ['-M', 'none']


def error(reply):
    return reply['error']['class'], reply['error']['desc']


def test_negotiation():
    with Program(BINARY, NONE, negotiate=False) as p:
        s = p.qmp
        assert s.greeting['QMP']['capabilities'] == ['oob'], s.greeting
        assert s.greeting['QMP']['version']['qemu'] == {'major': 7, 'minor': 2, 'micro': 0}
        for text in ({'execute': 'query-status', 'id': 1}, {'execute': 'nope', 'id': 1}):
            reply = s.raw(text)
            assert error(reply) == ('CommandNotFound', EXPECTING) and reply['id'] == 1, reply
        assert 'error' in s.raw({'execute': 'qmp_capabilities', 'arguments': {'enable': ['x']}})
        s.cmd('qmp_capabilities', enable=['oob'])
        assert s.fails('qmp_capabilities') == (
            'CommandNotFound', 'Capabilities negotiation is already complete, command ignored')
        assert s.cmd('query-status')['status'] == 'running'
        assert s.raw({'exec-oob': 'query-status', 'id': 2}) == {
            'id': 2, 'error': {'class': 'GenericError',
                               'desc': 'The command query-status does not support OOB'}}


def test_text_form():
    """Scripts compare replies as text."""
    with Program(BINARY, NONE, negotiate=False) as p:
        p.qmp.send('{"execute": "qmp_capabilities"}{"execute": "query-status", "id": "\\u00e9/"}')
        assert p.qmp.read_line() == b'{"return": {}}'
        assert p.qmp.read_line() == (b'{"return": {"status": "running", "singlestep": false, '
                                     b'"running": true}, "id": "\\u00E9/"}')
    p = subprocess.run([BINARY, '-M', 'none', '-qmp-pretty', 'stdio'], check=True,
                       input=b'{"execute":"qmp_capabilities"}{"execute":"quit"}',
                       capture_output=True, timeout=60)
    assert p.stdout.startswith(b'{\r\n    "QMP": {\r\n        "version": {\r\n'), p.stdout
    # The reply to quit comes before the event, and both before the end of the input counts.
    before, event = p.stdout.split(b'"SHUTDOWN"')
    assert before.count(b'{\r\n    "return": {\r\n    }\r\n}\r\n') == 2 and event, p.stdout


def test_malformed():
    with Program(BINARY, NONE) as p:
        s = p.qmp
        for bad in (b'{"execute": blah}\n', b'hello\n', b'{"execute": "quer\n', b'{]\n',
                    b'{"execute": "query-status", "id": "\xff\n', b'{"a": "\xc3\x28"}\r\n',
                    b'[' * 2000 + b']' * 2000 + b'\n', b'{"id": 123456789012345678901}\n',
                    b'{"execute": "x\x01y"}\n', b'{"execute": "query-status", "id": "\\q"}\n'):
            s.send(bad)
            assert 'JSON parse error' in error(s.reply())[1], bad
            reply = s.raw({'execute': 'query-status', 'id': 'sync'})
            while reply.get('id') != 'sync':    # more errors for the rest of the line
                assert 'JSON parse error' in error(reply)[1], reply
                reply = s.reply()
            assert reply['return']['running'], reply
        for bad, desc in ((b'12 ', 'QMP input must be a JSON object'),
                          (b'{"execute": 1}', "QMP input member 'execute' must be a string"),
                          (b'{}', "QMP input lacks member 'execute'"),
                          (b'{"execute": "stop", "arguments": 1}',
                           "QMP input member 'arguments' must be an object"),
                          (b'{"execute": "stop", "x": 1}', "QMP input member 'x' is unexpected")):
            assert error(s.raw(bad)) == ('GenericError', desc)


def test_pipelined():
    """Requests that come at once are answered in order; a large one is no trouble."""
    with Program(BINARY, NONE) as p:
        s = p.qmp
        s.send(''.join('{"execute":"query-version","id":%d}\r\n' % i for i in range(500)))
        for i in range(500):
            assert s.reply()['id'] == i
        blob = 'x' * (1 << 20)
        assert s.raw({'execute': 'query-version', 'id': blob})['id'] == blob


def test_silent_reader():
    """One that never reads does not disturb another, and is served when it reads at last."""
    with Program(BINARY, NONE, monitors=2) as p:
        lazy, busy = p.sessions
        lazy.sock.setblocking(False)
        sent = 0
        try:
            while sent < 20000:
                lazy.sock.send(b'{"execute":"query-qmp-schema"}\n')
                sent += 1
        except BlockingIOError:
            pass
        assert sent < 20000, 'its requests are taken without end'
        for _ in range(20):
            busy.cmd('stop')
            busy.cmd('cont')
        lazy.sock.setblocking(True)
        names = {e['name'] for e in lazy.reply()['return']}
        assert 'query-status' in names
        while 'STOP' not in [e['event'] for e in lazy.events]:
            lazy.reply()


def test_reconnect():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'qmp')
        with Program(BINARY, [*NONE, '-qmp', f'unix:{path},server,nowait']) as p:
            for i in range(5):
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(path)
                s = Session(sock, negotiate=False)
                assert error(s.raw({'execute': 'query-status'}))[1] == EXPECTING
                s.cmd('qmp_capabilities')
                s.send(b'{"execute": "half' if i % 2 else b'{"execute":"query-qmp-schema"}' * 9)
                s.close()
            assert p.qmp.cmd('query-status')['running']


def test_descriptors():
    with Program(BINARY, NONE) as p, tempfile.TemporaryFile() as f:
        s = p.qmp
        missing = ('GenericError', 'No file descriptor supplied via SCM_RIGHTS')
        assert s.fails('getfd', fdname='a') == missing
        assert s.fails('add-fd') == missing
        s.cmd('getfd', fds=[f.fileno()], fdname='a')
        s.cmd('getfd', fds=[f.fileno()], fdname='a')
        s.cmd('closefd', fdname='a')
        assert s.fails('closefd', fdname='a')[1] == "File descriptor named 'a' not found"
        info = s.cmd('add-fd', fds=[f.fileno()], opaque='o')
        assert info['fdset-id'] == 0
        more = s.cmd('add-fd', fds=[f.fileno()], fdset_id=0)
        s.cmd('add-fd', fds=[f.fileno()], fdset_id=7)
        sets = s.cmd('query-fdsets')
        assert [x['fdset-id'] for x in sets] == [0, 7], sets
        assert sets[0]['fds'] == [{'fd': info['fd'], 'opaque': 'o'}, {'fd': more['fd']}], sets
        s.cmd('remove-fd', fdset_id=0, fd=info['fd'])
        s.cmd('remove-fd', fdset_id=7)
        assert s.fails('remove-fd', fdset_id=7)[1] == \
            "File descriptor named 'fdset-id:7' not found"
        assert [x['fdset-id'] for x in s.cmd('query-fdsets')] == [0]


def test_files_by_descriptor():
    """/dev/fdset/N opens what -add-fd or add-fd gave, in the mode it was opened in."""
    with tempfile.TemporaryFile() as f:
        f.truncate(1 << 20)
        extra = ['-add-fd', f'fd={f.fileno()},set=3,opaque=disk']
        with Program(BINARY, [*NONE, *extra, '-blockdev',
                              'file,node-name=a,filename=/dev/fdset/3,locking=off'],
                     fds=[f.fileno()]) as p:
            sets = p.qmp.cmd('query-fdsets')
            assert sets[0]['fdset-id'] == 3 and sets[0]['fds'][0]['opaque'] == 'disk', sets
            p.qmp.cmd('add-fd', fds=[f.fileno()], fdset_id=4)
            p.qmp.cmd('blockdev-add', driver='file', filename='/dev/fdset/4', node_name='b',
                      locking='off')
            assert 'No such file' in p.qmp.fails('blockdev-add', driver='file', node_name='c',
                                                 filename='/dev/fdset/9')[1]


def test_run_states():
    with Program(BINARY, ['-M', 'pc', '-accel', 'qtest', '-S'], monitors=2) as p:
        s, other = p.sessions
        assert s.cmd('query-status') == {'running': False, 'singlestep': False,
                                         'status': 'prelaunch'}
        s.cmd('cont')
        s.cmd('stop')
        assert s.cmd('query-status')['status'] == 'paused'
        s.cmd('system_reset')
        assert s.cmd('query-status')['status'] == 'prelaunch'
        s.cmd('cont')
        s.cmd('system_powerdown')
        assert s.fails('system_wakeup')[1] == \
            'Unable to wake up: guest is not in suspended state'
        s.cmd('inject-nmi')
        s.cmd('set-action', reboot='reset', shutdown='pause', panic='pause')
        for session in (s, other):
            assert [session.event(n)['event'] for n in ('RESUME', 'STOP')]
            assert session.event('RESET')['data'] == {'guest': False,
                                                      'reason': 'host-qmp-system-reset'}
            assert 'data' not in session.event('POWERDOWN')
        s.cmd('quit')
        for session in (s, other):
            assert session.event('SHUTDOWN')['data'] == {'guest': False,
                                                         'reason': 'host-qmp-quit'}
        assert p.wait() == 0


def test_command_line():
    for args, words in ((['-mon', 'chardev=x'], 'chardev "x" not found'),
                        (['-mon', 'mode=control'], "Parameter 'chardev' is missing"),
                        (['-qmp', 'foo'], "'foo' is not a valid char driver")):
        p = subprocess.run([BINARY, *NONE, *args], capture_output=True, timeout=60, check=False)
        assert p.returncode == 1 and words in p.stderr.decode(), p.stderr


for name, fn in list(globals().items()):
    if name.startswith('test_'):
        print(name, flush=True)
        fn()

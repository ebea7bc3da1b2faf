#!/usr/bin/env python3
# The NBD server over QMP: its life, exports, refusals; a disk that moves to another program by it
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: nbd-qmp-test.py MICA MICA_IMG MICA_IO NBD_LOAD
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'qmp'))
from qmplib import Program      # noqa: E402

BINARY, IMG, IO, LOAD = (os.path.abspath(path) for path in sys.argv[1:5])
SIZE = 8 << 20
GO = b'\0\0\0\3IHAVEOPT\0\0\0\7\0\0\0\7\0\0\0\1n\0\0'


def run(*argv, status=0):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    assert done.returncode == status, f'{argv}: {done.stdout}'
    return done.stdout


def start(*nodes, args=()):
    argv = ['-M', 'none', *args]
    for node in nodes:
        argv += ['-blockdev', json.dumps(node)]
    return Program(BINARY, argv)


def file_node(name, path, **more):
    return {'driver': 'file', 'node-name': name, 'filename': os.path.abspath(path), **more}


def here(name='sock'):
    return {'type': 'unix', 'data': {'path': os.path.abspath(name)}}


def uri(export, name='sock'):
    return f'nbd+unix:///{export}?socket={os.path.abspath(name)}'


def disk(path, pattern=0):
    run(IMG, 'create', '-q', '-f', 'raw', path, str(SIZE))
    if pattern:
        run(IO, '-f', 'raw', '-c', f'write -P {pattern} 0 3M', '-c', f'write -P {pattern} 5M 1M',
            path)


def client(export=True):
    """A connection that has got through its handshake, or has said nothing."""
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(60)
    c.connect('sock')
    c.recv(18)
    if export:
        c.sendall(GO)
        c.recv(20, socket.MSG_WAITALL)
    return c


def test_life():
    disk('disk', 7)
    with start(file_node('n', 'disk'), {'driver': 'null-co', 'node-name': 'ro', 'read-only': True,
                                        'size': 4096}) as p:
        q = p.qmp
        for name, arguments in (('nbd-server-stop', {}), ('nbd-server-add', {'device': 'n'}),
                                ('block-export-add', {'type': 'nbd', 'id': 'e', 'node_name': 'n'})):
            assert q.fails(name, **arguments)[1] == 'NBD server not running'
        q.cmd('nbd-server-start', addr=here())
        assert q.fails('nbd-server-start', addr=here())[1] == 'NBD server already running'
        q.cmd('nbd-server-add', device='n', writable=True, description='words')
        q.cmd('nbd-server-add', device='ro', writable=True)
        for arguments, words in (
                ({'name': 'n'}, "NBD server already has export named 'n'"),
                ({'id': 'n'}, "Block export id 'n' is already in use"),
                ({'id': '1'}, 'Invalid block export id'),
                ({'node-name': 'x'}, "Cannot find device='' nor node-name='x'"),
                ({'name': 'y', 'bitmaps': ['b']}, "Bitmap 'b' is not found"),
                ({'name': 'y', 'bitmaps': [{'node': 'n', 'name': 'b'}]},
                 "Dirty bitmap 'b' not found"),
                ({'node-name': 'ro', 'writable': True}, 'Cannot export read-only node as writable'),
                ({'type': 'fuse'}, "Parameter 'type' does not accept value 'fuse'")):
            got = q.raw({'execute': 'block-export-add', 'arguments': {
                'type': 'nbd', 'id': 'e', 'node-name': 'n', **arguments}})
            assert got['error']['desc'] == words, (got, words)
        assert q.cmd('query-block-exports') == [
            {'id': 'ro', 'type': 'nbd', 'node-name': 'ro', 'shutting-down': False},
            {'id': 'n', 'type': 'nbd', 'node-name': 'n', 'shutting-down': False}]
        run(IO, '-f', 'raw', '-c', 'read -P 7 0 3M', '-c', 'write -P 8 4M 64k', uri('n'))
        c = client()
        assert q.fails('block-export-del', id='n')[1] == "export 'n' still in use"
        q.cmd('block-export-del', id='n', mode='hard')
        assert q.event('BLOCK_EXPORT_DELETED')['data'] == {'id': 'n'}
        while c.recv(4096):         # to the end: the client is dropped
            pass
        assert q.fails('block-export-del', id='n')[1] == "Export 'n' is not found"
        quiet = client(False)
        q.cmd('nbd-server-stop')
        assert q.event('BLOCK_EXPORT_DELETED')['data'] == {'id': 'ro'}
        assert quiet.recv(1) == b''
        assert not os.path.exists('sock') and q.cmd('query-block-exports') == []
        q.cmd('nbd-server-start', addr=here(), max_connections=1)
        q.cmd('block-export-add', type='nbd', id='e', node_name='n')
        q.cmd('quit')
        p.wait()
    assert not os.path.exists('sock')
    run(IO, '-f', 'raw', '-c', 'read -P 8 4M 64k', 'disk')


def test_ejected():
    """What shows a drive ends with its medium, what shows a node stays."""
    disk('disk')
    with start(file_node('n', 'disk', **{'read-only': True}),
               args=['-drive', 'if=none,id=d,media=cdrom,file=disk,format=raw']) as p:
        q = p.qmp
        q.cmd('nbd-server-start', addr=here())
        q.cmd('nbd-server-add', device='d')
        q.cmd('nbd-server-add', device='n')
        q.cmd('eject', device='d')
        assert q.event('BLOCK_EXPORT_DELETED')['data'] == {'id': 'd'}
        assert [e['id'] for e in q.cmd('query-block-exports')] == ['n']


def test_limit():
    """A client more than there may be waits until there is room."""
    disk('disk')
    with start(file_node('n', 'disk')) as p:
        p.qmp.cmd('nbd-server-start', addr=here(), max_connections=1)
        p.qmp.cmd('block-export-add', type='nbd', id='e', node_name='n')
        first = client()
        second = socket.socket(socket.AF_UNIX)
        second.connect('sock')
        second.settimeout(0.2)
        try:
            second.recv(18)
            raise AssertionError('it is served')
        except socket.timeout:
            pass
        first.close()
        second.settimeout(60)
        assert second.recv(18)[:8] == b'NBDMAGIC'


def test_authz_refusals():
    """Lists of who may connect need TLS and must be there."""
    disk('disk')
    with start(file_node('n', 'disk')) as p:
        q = p.qmp
        assert 'TLS credentials' in q.fails('nbd-server-start', addr=here(), tls_authz='a')[1]
        q.cmd('object-add', **{'qom-type': 'authz-list', 'id': 'a', 'policy': 'allow', 'rules': [
            {'match': 'CN=x*', 'policy': 'deny', 'format': 'glob'}]})
        assert q.cmd('qom-get', path='/objects/a', property='policy') == 'allow'
        assert q.fails('object-add', **{'qom-type': 'authz-list', 'id': 'b', 'rules': [
            {'match': 'CN=x', 'policy': 'perhaps'}]})[0] == 'GenericError'
        backend = {'type': 'socket', 'data': {
            'addr': {'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '0'}}, 'server': True,
            'wait': False, 'tls-authz': 'a'}}
        assert 'tls_creds' in q.fails('chardev-add', id='c', backend=backend)[1]


def export(q, node, name, writable=False):
    q.cmd_dict({'execute': 'block-export-add', 'arguments': {
        'type': 'nbd', 'id': name, 'node-name': node, 'name': name, 'writable': writable}})


def full_disk(path):
    disk(path)
    run(IO, '-f', 'raw', '-c', 'write -P 7 0 8M', path)


def fleecing(q, **cbw):
    """A disk behind copy-before-write as export guest, its past as export past"""
    q.cmd('blockdev-add', **{'node-name': 'cbw', 'driver': 'copy-before-write', 'file': 'd',
                             'target': 'tmp', **cbw})
    q.cmd('blockdev-add', **{'node-name': 'past', 'driver': 'snapshot-access', 'file': 'cbw',
                             'discard': 'unmap'})
    q.cmd('nbd-server-start', addr=here())
    export(q, 'cbw', 'guest', True)
    export(q, 'past', 'past')


def test_fleecing():
    """The past of a disk is read while its guest writes, and backed up from there."""
    full_disk('disk')
    disk('copy')
    run(IMG, 'create', '-q', '-f', 'qcow2', 'tmp', '8M')
    tmp = {'node-name': 'tmp', 'driver': 'qcow2', 'file': {'driver': 'file', 'filename': 'tmp'}}
    with start(file_node('d', 'disk'), file_node('copy', 'copy'), tmp) as p:
        q = p.qmp
        assert 'past' in q.fails('blockdev-add', **{
            'node-name': 'x', 'driver': 'snapshot-access', 'file': 'd'})[1]
        fleecing(q)
        run(IO, '-f', 'raw', '-c', 'write -P 9 100k 300k', '-c', 'write -z 5M 1M',
            '-c', 'discard 7M 64k', uri('guest'))
        run(IO, '-f', 'raw', '-c', 'read -P 9 100k 300k', '-c', 'read -P 7 0 100k', uri('guest'))
        run(IO, '-r', '-f', 'raw', '-c', 'read -P 7 0 8M', uri('past'))
        q.cmd('blockdev-backup', job_id='b', device='past', target='copy', sync='full')
        assert 'error' not in q.event('BLOCK_JOB_COMPLETED')['data']
        run(IO, '-f', 'raw', '-c', 'write -P 10 0 8M', uri('guest'))
        run(IO, '-r', '-f', 'raw', '-c', 'read -P 7 0 8M', uri('past'))
        q.cmd('quit')
        assert p.wait() == 0
    run(IO, '-f', 'raw', '-c', 'read -P 7 0 8M', 'copy')
    run(IO, '-f', 'raw', '-c', 'read -P 10 0 8M', 'disk')


def test_fleecing_bitmap():
    """Only what a bitmap marks is kept."""
    full_disk('disk')
    disk('tmp')
    with start(file_node('d', 'disk'), file_node('tmp', 'tmp')) as p:
        q = p.qmp
        q.cmd_dict({'execute': 'block-dirty-bitmap-add', 'arguments': {'node': 'd', 'name': 'b'}})
        q.cmd('nbd-server-start', addr=here())
        export(q, 'd', 'd', True)
        run(IO, '-f', 'raw', '-c', 'write -P 8 1M 1M', uri('d'))
        q.cmd('nbd-server-stop')
        q.event('BLOCK_EXPORT_DELETED')
        fleecing(q, bitmap={'node': 'd', 'name': 'b'})
        run(IO, '-f', 'raw', '-c', 'write -P 9 0 8M', uri('guest'))
        run(IO, '-r', '-f', 'raw', '-c', 'read -P 8 1M 1M', uri('past'))
        run(IO, '-r', '-f', 'raw', '-c', 'read 0 1M', uri('past'), status=1)
    run(IO, '-f', 'raw', '-c', 'read -P 8 1M 1M', 'tmp')
    run(IO, '-f', 'raw', '-c', 'read -P 0 0 1M', 'tmp')


def test_fleecing_errors():
    """A copy that fails, or takes too long, is the guest's trouble or the snapshot's."""
    for bad in ({'driver': 'blkdebug', 'inject-error': [{'event': 'none', 'iotype': 'write'}]},
                {'driver': 'slow'}):
        for policy in ('break-guest-write', 'break-snapshot'):
            full_disk('disk')
            disk('tmp')
            tmp = {'node-name': 'tmp', **bad, 'image': {'driver': 'file', 'filename': 'tmp'}}
            more = {'on-cbw-error': policy}
            if bad['driver'] == 'slow':
                tmp = {'node-name': 'tmp', 'driver': 'null-co', 'size': SIZE,
                       'latency-ns': 2500000000, 'read-zeroes': True}
                more['cbw-timeout'] = 1
            with start(file_node('d', 'disk'), tmp) as p:
                fleecing(p.qmp, **more)
                guest = policy == 'break-guest-write'
                run(IO, '-f', 'raw', '-c', 'write -P 9 0 64k', uri('guest'), status=guest)
                run(IO, '-r', '-f', 'raw', '-c', 'read -P 7 1M 1M', uri('past'), status=not guest)
                p.qmp.cmd('quit')
                p.wait()
            run(IO, '-f', 'raw', '-c', f'read -P {7 if guest else 9} 0 64k', 'disk')


def test_migrate():
    """A disk goes from one program to the other, which then is the one that has it."""
    disk('from', 9)
    disk('to')
    with start(file_node('n', 'to')) as there:
        there.qmp.cmd('nbd-server-start', addr=here())
        there.qmp.cmd('block-export-add', type='nbd', id='e', node_name='n', writable=True)
        target = {'driver': 'nbd', 'node-name': 'target', 'export': 'n',
                  'server': {'type': 'unix', 'path': os.path.abspath('sock')}}
        with start(file_node('s', 'from'), target) as p:
            p.qmp.cmd('blockdev-mirror', job_id='j', device='s', target='target', sync='full')
            p.qmp.event('BLOCK_JOB_READY')
            p.qmp.cmd('block-job-complete', device='j')
            done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
            assert 'error' not in done and done['len'] == done['offset'], done
            p.qmp.cmd('quit')
            p.wait()
        there.qmp.cmd('nbd-server-stop')
        there.qmp.cmd('quit')
        there.wait()
    run(IMG, 'compare', '-f', 'raw', '-F', 'raw', 'from', 'to')


def test_pivots_under_load():
    """A client writes all the time while jobs drain its node and put another in its place."""
    disk('a')
    disk('b')
    with start(file_node('a', 'a'), file_node('b', 'b')) as p:
        p.qmp.cmd('nbd-server-start', addr=here())
        p.qmp.cmd_dict({'execute': 'block-export-add', 'arguments': {
            'type': 'nbd', 'id': 'e', 'node-name': 'a', 'name': '', 'writable': True}})
        with subprocess.Popen([LOAD, 'sock', 'write', '32', '2'], stdout=subprocess.PIPE) as load:
            for source, target in (('a', 'b'), ('b', 'a'), ('a', 'b')):
                p.qmp.cmd('blockdev-mirror', job_id='j', device=source, target=target, sync='full')
                p.qmp.event('BLOCK_JOB_READY')
                p.qmp.cmd('job-complete', id='j')
                done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
                assert 'error' not in done, done
                assert p.qmp.cmd('query-block-exports')[0]['node-name'] == target
            load.wait(60)
            assert load.returncode == 0, 'a write failed'
        p.qmp.cmd('quit')
        p.wait()


def test_lost_target():
    """The server is killed in the middle: the job fails, nothing else does."""
    disk('from', 9)
    disk('to')
    with start(file_node('n', 'to')) as there:
        there.qmp.cmd('nbd-server-start', addr=here())
        there.qmp.cmd('block-export-add', type='nbd', id='e', node_name='n', writable=True)
        target = {'driver': 'nbd', 'node-name': 'target', 'export': 'n',
                  'server': {'type': 'unix', 'path': os.path.abspath('sock')}}
        with start(file_node('s', 'from'), target) as p:
            p.qmp.cmd('blockdev-mirror', job_id='j', device='s', target='target', sync='full',
                      speed=1 << 20)
            there.process.kill()
            there.process.wait()
            p.qmp.cmd('block-job-set-speed', device='j', speed=0)
            done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
            assert done['error'], done
            p.qmp.cmd('query-status')
            p.qmp.cmd('quit')
            p.wait()
    run(IO, '-f', 'raw', '-c', 'read -P 9 0 3M', 'from')


def main():
    tests = [(name[5:], fn) for name, fn in globals().items() if name.startswith('test_')]
    bad = 0
    print(f'1..{len(tests)}')
    for n, (name, fn) in enumerate(tests, 1):
        folder = tempfile.mkdtemp(prefix='nbd-qmp-')
        os.chdir(folder)
        try:
            fn()
            print(f'ok {n} {name}')
        except Exception:       # a test that fails does not end the others
            bad += 1
            print(f'not ok {n} {name}')
            print(''.join('# ' + line for line in traceback.format_exc().splitlines(True)))
        finally:
            os.chdir('/')
            shutil.rmtree(folder)
        sys.stdout.flush()
    sys.exit(bad > 0)


main()

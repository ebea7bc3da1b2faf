#!/usr/bin/env python3
# Block jobs over QMP: statuses, events, results; images are read back by our tools and by QEMU's
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: jobs-test.py MICA MICA_IMG MICA_IO
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'qmp'))
from qmplib import Program      # noqa: E402

BINARY, IMG, IO = (os.path.abspath(path) for path in sys.argv[1:4])
SIZE = 16 << 20
MB = 1 << 20


def run(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, f'{argv}: {done.stdout}'
    return done.stdout


def io(image, *commands, fmt='qcow2'):
    """Patterns written or verified by mica-io."""
    out = run(IO, '-f', fmt, *[word for c in commands for word in ('-c', c)], image)
    assert 'verification failed' not in out and 'rror' not in out, out


def check(image):
    """Both programs find nothing wrong with it."""
    for program in (IMG, 'qemu-img'):
        if program == IMG or shutil.which(program):
            run(program, 'check', '-q', image)


def chain(*layers):
    """Images on each other in the folder we stand in; each has a pattern of its own at its index."""
    below = None
    for i, name in enumerate(layers):
        backing = ['-b', below, '-F', 'qcow2'] if below else []
        run(IMG, 'create', '-q', '-f', 'qcow2', *backing, name, str(SIZE))
        io(name, f'write -P {i + 1} {i}M 2M')
        below = name


def content(layers):
    """What chain() leaves to be read, as read commands."""
    out = [f'read -P {i + 1} {i}M 1M' for i in range(layers)]
    out.append(f'read -P {layers} {layers}M 1M')
    out.append(f'read -P 0 {layers + 1}M 1M')
    return out


def blockdev(name, image, fmt='qcow2', **more):
    return {'driver': fmt, 'node-name': name, 'file': {'driver': 'file', 'filename': image}, **more}


def start(*nodes, args=()):
    argv = ['-M', 'none', *args]
    for node in nodes:
        argv += ['-blockdev', json.dumps(node)]
    return Program(BINARY, argv)


def statuses(session, job, last='null'):
    """The statuses the job goes through, up to last."""
    seen = []
    while not seen or seen[-1] != last:
        data = session.event('JOB_STATUS_CHANGE')['data']
        if data['id'] == job:
            seen.append(data['status'])
    return seen


def header_backing(image):
    return json.loads(run(IMG, 'info', '--output=json', image)).get('backing-filename')


GOOD_END = ['waiting', 'pending', 'concluded', 'null']


def test_stream_all():
    chain('base', 'mid', 'top')
    with start(blockdev('t', 'top')) as p:
        p.qmp.cmd('block-stream', job_id='j', device='t')
        assert statuses(p.qmp, 'j') == ['created', 'running', *GOOD_END]
        done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
        assert done['type'] == 'stream' and done['len'] == done['offset'] == SIZE, done
        assert 'error' not in done, done
        assert p.qmp.cmd('query-jobs') == []
        p.qmp.cmd('quit')
        p.wait()
    assert header_backing('top') is None
    for name in ('base', 'mid', 'top'):
        check(name)
    os.remove('base')
    os.remove('mid')
    io('top', *content(3))


def test_stream_to_base():
    chain('base', 'mid', 'top')
    with start(blockdev('t', 'top')) as p:
        p.qmp.cmd('block-stream', job_id='j', device='t', base='base', backing_file='./base')
        statuses(p.qmp, 'j')
        p.qmp.cmd('quit')
        p.wait()
    assert header_backing('top') == './base'
    os.remove('mid')
    check('top')
    io('top', *content(3))


def test_stream_middle():
    """Into a layer that is read-only, and is so again afterwards."""
    chain('base', 'low', 'mid', 'top')
    with start(blockdev('t', 'top')) as p:
        nodes = {n['image']['filename']: n for n in p.qmp.cmd('query-named-block-nodes', flat=True)
                 if n['drv'] == 'qcow2'}
        assert nodes['mid']['ro'], nodes
        p.qmp.cmd('block-stream', job_id='j', device=nodes['mid']['node-name'], base='base')
        statuses(p.qmp, 'j')
        done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
        assert 'error' not in done, done
        nodes = {n['image']['filename']: n for n in p.qmp.cmd('query-named-block-nodes', flat=True)
                 if n['drv'] == 'qcow2'}
        assert nodes['mid']['ro'] and 'low' not in nodes, nodes
        p.qmp.cmd('quit')
        p.wait()
    assert header_backing('mid') == 'base'
    os.remove('low')
    for name in ('base', 'mid', 'top'):
        check(name)
    io('top', *content(4))


def test_stream_refusals():
    chain('base', 'top')
    with start(blockdev('t', 'top')) as p:
        for arguments, words in (
                ({'device': 'nope'}, "Cannot find device='nope' nor node-name='nope'"),
                ({'device': 't'}, "Invalid job ID ''"),
                ({'device': 't', 'job_id': '1'}, "Invalid job ID '1'"),
                ({'device': 't', 'job_id': 'j', 'base': 'x'},
                 "Can't find 'x' in the backing chain"),
                ({'device': 't', 'job_id': 'j', 'base_node': 't'},
                 "Node 't' is not a backing image of 't'"),
                ({'device': 't', 'job_id': 'j', 'backing_file': 'x'},
                 'backing file specified, but streaming the entire chain'),
                ({'device': 't', 'job_id': 'j', 'speed': -1},
                 "Parameter 'speed' expects a non-negative value")):
            assert p.qmp.fails('block-stream', **arguments)[1] == words, arguments
        assert p.qmp.cmd('query-jobs') == []
        assert p.qmp.fails('block-job-cancel', device='j') == (
            'DeviceNotActive', "Block job 'j' not found")
        assert p.qmp.fails('job-cancel', id='j')[1] == 'Job not found'


def test_stream_to_middle():
    """A layer that is read-only below another is written to, and read-only again behind it."""
    chain('base', 'mid', 'top')
    with start(blockdev('t', 'top', backing=blockdev('m', 'mid'))) as p:
        p.qmp.cmd('block-stream', job_id='j', device='m')
        statuses(p.qmp, 'j')
        nodes = {n['node-name']: n['ro'] for n in p.qmp.cmd('query-named-block-nodes')}
        assert nodes['m'] and not nodes['t'], nodes
        p.qmp.cmd('quit')
        p.wait()
    assert header_backing('mid') is None
    os.remove('base')
    check('mid')
    io('top', *content(3))


def test_streams_and_commit_at_once():
    """Jobs one above the other that end at the same time; headers name files, not filters."""
    names = [f'i{i}' for i in range(6)]
    chain(*names)
    top = None
    for name in names:
        top = blockdev(name, name, **({'backing': top} if top else {}))
    with start(top) as p:
        for upper in (3, 5):
            p.qmp.cmd('block-stream', job_id=f's{upper}', device=names[upper],
                      bottom=names[upper - 1], speed=1024)
        p.qmp.cmd('block-commit', job_id='c', device='i5', top_node='i1', base_node='i0',
                  speed=1024)
        for job in ('s5', 's3', 'c'):
            p.qmp.cmd('block-job-set-speed', device=job, speed=0)
        for _ in range(3):
            data = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
            assert 'error' not in data, data
        p.qmp.cmd('quit')
        p.wait()
    assert [header_backing(names[i]) for i in (5, 3)] == ['i3', 'i0']
    for name in (names[0], names[3], names[5]):
        check(name)
    io('i5', *content(6))


def test_quit_throttled():
    """The end does not wait for what a throttle holds back."""
    run(IMG, 'create', '-q', '-f', 'raw', 'a', '8M')
    io('a', 'write -P 1 0 8M', fmt='raw')
    with start(args=['-object', 'throttle-group,id=g,limits.bps-read=4096', '-blockdev',
                     'throttle,node-name=s,throttle-group=g,file.driver=file,file.filename=a',
                     '-blockdev', 'null-co,node-name=t,size=8M']) as p:
        p.qmp.cmd('blockdev-mirror', job_id='j', device='s', target='t', sync='full')
        begin = time.monotonic()
        p.qmp.cmd('quit')
        p.wait()
        assert time.monotonic() - begin < 4, 'the limit for storage that says nothing was reached'


def test_busy():
    """The length of a node stays while a job copies it; a target may be named by its drive."""
    run(IMG, 'create', '-q', '-f', 'qcow2', 'a', '1M')
    run(IMG, 'create', '-q', '-f', 'qcow2', 'b', '1M')
    with start(args=['-drive', 'file=a,if=none,id=a,node-name=na', '-drive',
                     'file=b,if=none,id=b,node-name=nb']) as p:
        p.qmp.cmd('blockdev-backup', job_id='j', device='a', target='b', sync='full',
                  auto_finalize=False)
        statuses(p.qmp, 'j', 'pending')
        for argument in ({'device': 'a'}, {'node_name': 'na'}, {'device': 'b'}):
            assert 'busy: block device is in use by block job: backup' in \
                p.qmp.fails('block_resize', size=65536, **argument)[1]
        p.qmp.cmd('job-finalize', id='j')


def test_steering():
    """A slow job: pause, speed, resume, double ids, finalize and dismiss by hand."""
    chain('base', 'top')
    with start(blockdev('t', 'top')) as p:
        s = p.qmp
        s.cmd('block-stream', job_id='j', device='t', speed=65536, auto_finalize=False,
              auto_dismiss=False)
        assert s.fails('block-stream', job_id='j', device='t')[1]
        assert s.fails('job-complete', id='j')[1] == \
            "Job 'j' in state 'running' cannot accept command verb 'complete'"
        s.cmd('job-pause', id='j')
        assert s.fails('job-pause', id='j')[1] == 'Job is already paused'
        assert statuses(s, 'j', 'paused') == ['created', 'running', 'paused']
        info = s.cmd('query-block-jobs')[0]
        assert info['paused'] and not info['busy'] and info['status'] == 'paused', info
        assert info['speed'] == 65536 and info['io-status'] == 'ok', info
        assert s.fails('block-job-cancel', device='j')[1] == \
            "The block job for device 'j' is currently paused"
        s.cmd('job-resume', id='j')
        assert s.fails('job-resume', id='j')[1] == "Can't resume a job that was not paused"
        s.cmd('block-job-set-speed', device='j', speed=0)
        assert statuses(s, 'j', 'pending') == ['running', 'waiting', 'pending']
        assert s.event('BLOCK_JOB_PENDING')['data'] == {'type': 'stream', 'id': 'j'}
        s.cmd('job-finalize', id='j')
        assert statuses(s, 'j', 'concluded') == ['concluded']
        assert s.cmd('query-jobs') == [{
            'id': 'j', 'type': 'stream', 'status': 'concluded', 'current-progress': SIZE,
            'total-progress': SIZE}]
        s.cmd('job-dismiss', id='j')
        assert statuses(s, 'j') == ['null']


def test_cancel():
    chain('base', 'top')
    with start(blockdev('t', 'top')) as p:
        p.qmp.cmd('block-stream', job_id='j', device='t', speed=1)
        p.qmp.cmd('block-job-cancel', device='j')
        assert statuses(p.qmp, 'j')[-4:] == ['running', 'aborting', 'concluded', 'null']
        p.qmp.event('BLOCK_JOB_CANCELLED')
        p.qmp.cmd('quit')
        p.wait()
    check('top')
    io('top', *content(2))
    assert header_backing('top') == 'base'


def test_quit():
    """A job that runs does not outlive the program, and its end is told."""
    chain('base', 'top')
    with start(blockdev('t', 'top')) as p:
        p.qmp.cmd('block-stream', job_id='j', device='t', speed=1)
        p.qmp.cmd('quit')
        p.qmp.event('BLOCK_JOB_CANCELLED')
        assert p.wait() == 0
    check('top')


def mirror(session, **arguments):
    session.cmd('blockdev-mirror', job_id='m', target='new', **arguments)
    return session.event('BLOCK_JOB_READY')['data']


def test_mirror_complete():
    for fmt in ('qcow2', 'raw'):
        for mode in ('background', 'write-blocking'):
            for name in os.listdir('.'):
                os.remove(name)
            chain('base', 'top')
            run(IMG, 'create', '-q', '-f', fmt, 'new', str(SIZE))
            with start(blockdev('t', 'top'), blockdev('new', 'new', fmt)) as p:
                ready = mirror(p.qmp, device='t', sync='full', copy_mode=mode)
                assert ready['len'] == ready['offset'] > 0, ready
                assert p.qmp.cmd('query-block-jobs')[0]['ready'] is True
                p.qmp.cmd('block-job-complete', device='m')
                assert statuses(p.qmp, 'm') == ['created', 'running', 'ready', *GOOD_END]
                p.qmp.event('BLOCK_JOB_COMPLETED')
                p.qmp.cmd('quit')
                p.wait()
            io('new', *content(2), fmt=fmt)
            run(IMG, 'compare', '-q', '-f', 'qcow2', '-F', fmt, 'top', 'new')


def test_mirror_top_only():
    chain('base', 'top')
    run(IMG, 'create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'new', str(SIZE))
    with start(blockdev('t', 'top'), blockdev('new', 'new')) as p:
        mirror(p.qmp, device='t', sync='top')
        p.qmp.cmd('block-job-complete', device='m')
        statuses(p.qmp, 'm')
        p.qmp.cmd('quit')
        p.wait()
    check('new')
    io('new', *content(2))
    mapped = json.loads(run(IMG, 'map', '--output=json', 'new'))
    assert all(m['depth'] == 1 for m in mapped if m['start'] < MB), mapped


def test_mirror_cancel():
    """Gently when it is ready: a good copy, and no switch. By force: a failure."""
    for force in (False, True):
        for name in os.listdir('.'):
            os.remove(name)
        chain('top')
        run(IMG, 'create', '-q', '-f', 'raw', 'new', str(SIZE))
        with start(blockdev('t', 'top'), blockdev('new', 'new', 'raw')) as p:
            mirror(p.qmp, device='t', sync='full')
            p.qmp.cmd('block-job-cancel', device='m', force=force)
            seen = statuses(p.qmp, 'm')
            if force:
                assert seen[-3:] == ['aborting', 'concluded', 'null'], seen
                p.qmp.event('BLOCK_JOB_CANCELLED')
            else:
                assert seen[-4:] == GOOD_END, seen
                p.qmp.event('BLOCK_JOB_COMPLETED')
            p.qmp.cmd('quit')
            p.wait()
        run(IMG, 'compare', '-q', '-f', 'qcow2', '-F', 'raw', 'top', 'new')


def test_mirror_refusals():
    chain('top')
    run(IMG, 'create', '-q', '-f', 'raw', 'new', str(SIZE + MB))
    with start(blockdev('t', 'top'), blockdev('new', 'new', 'raw')) as p:
        for arguments, words in (
                ({'target': 't', 'sync': 'full'}, "Can't mirror node into itself"),
                ({'target': 'new', 'sync': 'bitmap'}, "Sync mode 'bitmap' not supported"),
                ({'target': 'new', 'sync': 'full', 'granularity': 513},
                 "Parameter 'granularity' expects a power of 2"),
                ({'target': 'new', 'sync': 'full', 'granularity': 1},
                 "Parameter 'granularity' expects a value in range [512B, 64MB]")):
            assert p.qmp.fails('blockdev-mirror', job_id='m', device='t',
                               **arguments)[1] == words, arguments
        p.qmp.cmd('blockdev-mirror', job_id='m', device='t', target='new', sync='full')
        done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
        assert done['error'] == 'Source and target image have different sizes', done


def commit_with_errors(errno, **arguments):
    """Commit mid into a base of which two writes fail, some ranges under way at once."""
    chain('base', 'mid', 'top')
    io('mid', 'write -P 9 4M 8M')
    errors = [{'event': 'write_aio', 'errno': errno, 'once': True} for _ in range(2)]
    base = {'driver': 'qcow2', 'node-name': 'b', 'file': {
                'driver': 'blkdebug', 'image': {'driver': 'file', 'filename': 'base'},
                'inject-error': errors}}
    return start(base, blockdev('m', 'mid', backing='b'), blockdev('t', 'top', backing='m')), \
        {'job_id': 'j', 'device': 't', 'top_node': 'm', 'base_node': 'b', 'backing_file': 'base',
         **arguments}


def check_committed():
    for name in ('base', 'mid', 'top'):
        check(name)
    io('base', 'read -P 1 0 1M', 'read -P 2 1M 2M', 'read -P 9 4M 8M', 'read -P 0 12M 4M')


def test_commit_errors_ignored():
    p, arguments = commit_with_errors(5, on_error='ignore')
    with p:
        p.qmp.cmd('block-commit', **arguments)
        for _ in range(2):
            data = p.qmp.event('BLOCK_JOB_ERROR')['data']
            assert data == {'device': 'j', 'operation': 'write', 'action': 'ignore'}, data
        done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
        assert 'error' not in done and done['offset'] == done['len'], done
        p.qmp.cmd('quit')
        p.wait()
    check_committed()


def test_commit_errors_stop():
    p, arguments = commit_with_errors(28, on_error='enospc')
    with p:
        p.qmp.cmd('block-commit', **arguments)
        errors = 0
        while errors < 2:
            data = p.qmp.event('BLOCK_JOB_ERROR')['data']
            assert data == {'device': 'j', 'operation': 'write', 'action': 'stop'}, data
            errors += 1
            while p.qmp.cmd('query-jobs')[0]['status'] != 'paused':
                pass
            errors += len([e for e in p.qmp.events if e['event'] == 'BLOCK_JOB_ERROR'])
            p.qmp.events = [e for e in p.qmp.events if e['event'] != 'BLOCK_JOB_ERROR']
            assert p.qmp.cmd('query-block-jobs')[0]['io-status'] == 'nospace'
            p.qmp.cmd('block-job-resume', device='j')
        done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
        assert 'error' not in done and done['offset'] == done['len'], done
        p.qmp.cmd('quit')
        p.wait()
    check_committed()


def test_commit_errors_report():
    p, arguments = commit_with_errors(5)
    with p:
        p.qmp.cmd('block-commit', **arguments)
        done = p.qmp.event('BLOCK_JOB_COMPLETED')['data']
        assert done['error'] == 'Input/output error', done
        p.qmp.cmd('quit')
        p.wait()
    for name in ('base', 'mid', 'top'):
        check(name)
    io('top', 'read -P 1 0 1M', 'read -P 2 1M 1M', 'read -P 3 2M 2M', 'read -P 9 4M 8M')


def test_commit_middle():
    """The layers between go, their data is in the base, and the top calls it by its name."""
    chain('base', 'mid', 'mid2', 'top')
    with start(blockdev('t', 'top')) as p:
        p.qmp.cmd('block-commit', job_id='j', device='t', top='mid2', base='base')
        assert statuses(p.qmp, 'j') == ['created', 'running', *GOOD_END]
        assert p.qmp.event('BLOCK_JOB_COMPLETED')['data']['type'] == 'commit'
        p.qmp.cmd('quit')
        p.wait()
    assert header_backing('top') == 'base'
    os.remove('mid')
    os.remove('mid2')
    for name in ('base', 'top'):
        check(name)
    io('top', *content(4))


def test_commit_active():
    for force in (None, True):
        for name in os.listdir('.'):
            os.remove(name)
        chain('base', 'mid', 'top')
        with start(blockdev('t', 'top')) as p:
            p.qmp.cmd('block-commit', job_id='j', device='t')
            ready = p.qmp.event('BLOCK_JOB_READY')['data']
            assert ready['type'] == 'commit', ready
            if force:
                p.qmp.cmd('block-job-cancel', device='j', force=True)
                assert statuses(p.qmp, 'j')[-3:] == ['aborting', 'concluded', 'null']
            else:
                p.qmp.cmd('block-job-complete', device='j')
                statuses(p.qmp, 'j')
            p.qmp.cmd('quit')
            p.wait()
        for name in ('base', 'top'):
            check(name)
        io('top', *content(3))
        if not force:
            os.remove('top')
            os.remove('mid')
            io('base', *content(3))


def test_commit_refusals():
    chain('base', 'mid', 'top')
    with start(blockdev('t', 'top')) as p:
        for arguments, words in (
                ({'device': 'nope'}, "Device 'nope' not found"),
                ({'device': 't', 'top': 'x'}, 'Top image file x not found'),
                ({'device': 't', 'base': 'x'}, "Can't find 'x' in the backing chain"),
                ({'device': 't', 'top': 'mid', 'base': 'mid'},
                 "Can't find 'mid' in the backing chain"),
                ({'device': 't', 'backing_file': 'x'},
                 "'backing-file' specified, but 'top' is the active layer")):
            assert p.qmp.fails('block-commit', job_id='j', **arguments)[1] == words, arguments


def test_drive_mirror():
    chain('base', 'top')
    with start(blockdev('t', 'top')) as p:
        p.qmp.cmd('drive-mirror', job_id='m', device='t', target='new', sync='top')
        p.qmp.event('BLOCK_JOB_READY')
        p.qmp.cmd('job-complete', id='m')
        statuses(p.qmp, 'm')
        p.qmp.cmd('quit')
        p.wait()
    os.remove('top')
    assert header_backing('new') == 'base'
    check('new')
    io('new', *content(2))


def test_drive_mirror_moved_chain():
    """What the target stands on comes while the job runs, and is read through it after the switch."""
    chain('base', 'top')
    run(IMG, 'create', '-q', '-u', '-f', 'qcow2', '-b', 'moved', '-F', 'qcow2', 'new', str(SIZE))
    with start(args=['-drive', 'if=none,id=d,file=top,format=qcow2']) as p:
        p.qmp.cmd('drive-mirror', job_id='m', device='d', target='new', sync='top',
                  mode='existing')
        p.qmp.event('BLOCK_JOB_READY')
        shutil.copyfile('base', 'moved')
        p.qmp.cmd('job-complete', id='m')
        statuses(p.qmp, 'm')
        p.qmp.cmd('nbd-server-start', addr={'type': 'unix', 'data': {'path': 'sock'}})
        p.qmp.cmd('nbd-server-add', device='d', writable=True)
        io('nbd+unix:///d?socket=sock', *content(2), fmt='raw')


def test_backup():
    for sync, fmt in (('full', 'qcow2'), ('full', 'raw'), ('top', 'qcow2')):
        for name in os.listdir('.'):
            os.remove(name)
        chain('base', 'top')
        with start(blockdev('t', 'top')) as p:
            p.qmp.cmd('drive-backup', job_id='b', device='t', target='new', sync=sync, format=fmt)
            assert statuses(p.qmp, 'b') == ['created', 'running', *GOOD_END]
            assert p.qmp.event('BLOCK_JOB_COMPLETED')['data']['type'] == 'backup'
            p.qmp.cmd('quit')
            p.wait()
        if fmt == 'qcow2':
            check('new')
        io('new', *content(2), fmt=fmt)


def test_backup_compressed():
    chain('top')
    run(IMG, 'create', '-q', '-f', 'qcow2', 'new', str(SIZE))
    with start(blockdev('t', 'top'), blockdev('new', 'new')) as p:
        p.qmp.cmd('blockdev-backup', job_id='b', device='t', target='new', sync='full',
                  compress=True)
        statuses(p.qmp, 'b')
        p.qmp.cmd('quit')
        p.wait()
    check('new')
    io('new', *content(1))
    assert json.loads(run(IMG, 'check', '--output=json', 'new'))['compressed-clusters'] == 32


def test_backup_in_transaction():
    """Two disks, together: one fails, so both do. Then both succeed; bitmaps follow."""
    run(IMG, 'create', '-q', '-f', 'raw', 'small', str(MB))
    run(IMG, 'create', '-q', '-f', 'raw', 'good', str(SIZE))
    run(IMG, 'create', '-q', '-f', 'raw', 'good2', str(SIZE))
    chain('one')
    shutil.copy('one', 'two')
    with start(blockdev('o', 'one'), blockdev('t', 'two'), blockdev('g', 'good', 'raw'),
               blockdev('h', 'good2', 'raw'), blockdev('s', 'small', 'raw')) as p:
        s = p.qmp

        def backups(*pairs, **more):
            return [{'type': 'blockdev-backup',
                     'data': {'device': d, 'target': to, 'sync': 'full', 'job-id': d, **more}}
                    for d, to in pairs]
        assert s.fails('transaction', actions=backups(('o', 'g'), ('t', 's')))[1] == \
            'Source and target image have different sizes'
        assert s.cmd('query-jobs') == []
        assert s.fails('transaction', actions=[*backups(('o', 'g')),
                                               {'type': 'abort', 'data': {}}])[1] == \
            'Transaction aborted using Abort action'
        s.cmd('transaction', actions=backups(('o', 'g'), ('t', 'h'), speed=1),
              properties={'completion-mode': 'grouped'})
        s.cmd('job-cancel', id='o')
        s.event('BLOCK_JOB_CANCELLED')
        s.event('BLOCK_JOB_CANCELLED')
        s.cmd('transaction', actions=backups(('o', 'g'), ('t', 'h')),
              properties={'completion-mode': 'grouped'})
        s.event('BLOCK_JOB_COMPLETED')
        s.event('BLOCK_JOB_COMPLETED')
        s.cmd('quit')
        p.wait()
    for source, target in (('one', 'good'), ('two', 'good2')):
        run(IMG, 'compare', '-q', '-f', 'qcow2', '-F', 'raw', source, target)


class Writer:
    """Somebody who writes to a node all the time, over NBD; knows what must be read in the end."""

    BLOCK = 32768

    def __init__(self, session, node, image_content):
        self.content = bytearray(image_content)
        session.cmd('nbd-server-start', addr={'type': 'unix', 'data': {'path': 'sock'}})
        session.cmd_dict({'execute': 'block-export-add', 'arguments': {
            'type': 'nbd', 'id': 'e', 'node-name': node, 'name': 'x', 'writable': True}})
        self.random = random.Random(1)
        self.process = None

    def begin(self, count):
        commands = []
        for _ in range(count):
            block = self.random.randrange(SIZE // self.BLOCK)
            if self.random.random() < 0.2:
                commands.append(f'write -z {block * self.BLOCK} {self.BLOCK}')
                data = bytes(self.BLOCK)
            else:
                value = self.random.randrange(1, 255)
                commands.append(f'write -P {value} {block * self.BLOCK} {self.BLOCK}')
                data = bytes([value]) * self.BLOCK
            self.content[block * self.BLOCK:(block + 1) * self.BLOCK] = data
        self.process = subprocess.Popen(
            [IO, '-f', 'raw', 'nbd+unix:///x?socket=sock'], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.process.stdin.write('\n'.join(commands) + '\nquit\n')
        self.process.stdin.close()

    def end(self):
        out = self.process.stdout.read()
        assert self.process.wait() == 0 and 'ailed' not in out and 'rror' not in out, out[-500:]


def raw_content(image, fmt='qcow2'):
    run(IMG, 'convert', '-f', fmt, '-O', 'raw', image, 'flat')
    with open('flat', 'rb') as f:
        return f.read()


def same(found, writer):
    step = writer.BLOCK
    wrong = [i // step for i in range(0, SIZE, step)
             if found[i:i + step] != writer.content[i:i + step]]
    assert not wrong, f'blocks differ: {wrong}'


def live(*layers):
    """A program with a chain, and a writer to its top."""
    for name in os.listdir('.'):
        os.remove(name)
    chain(*layers)
    content_now = raw_content(layers[-1])
    p = start(blockdev('t', layers[-1]))
    return p, Writer(p.qmp, 't', content_now)


def test_live_mirror():
    for mode in ('background', 'write-blocking'):
        p, writer = live('base', 'top')
        with p:
            writer.begin(300)
            p.qmp.cmd('drive-mirror', job_id='m', device='t', target='new', sync='top',
                      copy_mode=mode)
            p.qmp.event('BLOCK_JOB_READY')
            p.qmp.cmd('job-complete', id='m')
            p.qmp.event('BLOCK_JOB_COMPLETED')
            writer.end()
            p.qmp.cmd('quit')
            p.wait()
        check('new')
        same(raw_content('new'), writer)


def test_live_stream_and_commit():
    p, writer = live('base', 'mid', 'top')
    with p:
        writer.begin(300)
        p.qmp.cmd('block-stream', job_id='s', device='t', base='mid')
        p.qmp.event('BLOCK_JOB_COMPLETED')
        p.qmp.cmd('block-commit', job_id='c', device='t', top='mid', base='base')
        p.qmp.event('BLOCK_JOB_COMPLETED')
        p.qmp.cmd('block-commit', job_id='a', device='t')
        p.qmp.event('BLOCK_JOB_READY')
        p.qmp.cmd('job-complete', id='a')
        p.qmp.event('BLOCK_JOB_COMPLETED')
        writer.end()
        p.qmp.cmd('quit')
        p.wait()
    check('base')
    same(raw_content('base'), writer)


def test_live_backup():
    """What the copy holds is one point in time: what was there when the job began."""
    p, writer = live('base', 'top')
    with p:
        before = bytes(writer.content)
        p.qmp.cmd('drive-backup', job_id='b', device='t', target='new', sync='full',
                  speed=4 * MB)
        writer.begin(300)
        p.qmp.event('BLOCK_JOB_COMPLETED')
        writer.end()
        p.qmp.cmd('quit')
        p.wait()
    check('new')
    assert raw_content('new') == before
    same(raw_content('top'), writer)


def test_live_snapshots():
    """Overlays come on top while somebody writes; in the end all goes back into the first."""
    p, writer = live('top')
    with p:
        writer.begin(400)
        for i in range(5):
            p.qmp.cmd('blockdev-snapshot-sync', node_name='t' if i == 0 else f'o{i - 1}',
                      snapshot_file=f'o{i}', snapshot_node_name=f'o{i}')
        p.qmp.cmd('block-commit', job_id='a', device='o4')
        p.qmp.event('BLOCK_JOB_READY')
        p.qmp.cmd('job-complete', id='a')
        p.qmp.event('BLOCK_JOB_COMPLETED')
        writer.end()
        p.qmp.cmd('quit')
        p.wait()
    check('top')
    same(raw_content('top'), writer)


def test_drive_stats():
    """Options of -drive and of devices that say what statistics count."""
    run(IMG, 'create', '-q', '-f', 'raw', 'disk', '1M')
    drive = ['-drive', 'if=none,id=d,file=disk,format=raw,stats-account-failed=off,'
             'stats-intervals.0=10,stats-intervals.1=60']
    for machine, device, invalid in (('none', [], True),
                                     ('pc', ['-device', 'ide-hd,drive=d,account-invalid=off'],
                                      False)):
        with Program(BINARY, ['-M', machine, '-S', *drive, *device]) as p:
            stats = [one for one in p.qmp.cmd('query-blockstats') if one.get('device') == 'd']
            stats = stats[0]['stats']
            assert [t['interval_length'] for t in stats['timed_stats']] == [10, 60], stats
            assert stats['account_invalid'] is invalid, stats
            # What the device leaves open is as the drive says.
            assert stats['account_failed'] is False, stats
            p.qmp.cmd('quit')
            p.wait()
    done = subprocess.run([BINARY, '-M', 'none', '-drive',
                           'if=none,file=disk,format=raw,stats-intervals.0=0'],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and 'Invalid interval length: 0' in done.stderr, done


def test_create():
    with start() as p:
        s = p.qmp
        s.cmd('blockdev-create', job_id='c',
              options={'driver': 'file', 'filename': 'made', 'size': MB})
        assert statuses(s, 'c', 'concluded') == ['created', 'running', 'waiting', 'pending',
                                                 'concluded']
        s.cmd('job-dismiss', id='c')
        assert os.path.getsize('made') == MB
        s.cmd('blockdev-create', job_id='c',
              options={'driver': 'file', 'filename': 'no/such/folder', 'size': MB})
        statuses(s, 'c', 'concluded')
        assert 'No such file' in s.cmd('query-jobs')[0]['error']


def main():
    tests = [(n[5:], f) for n, f in globals().items() if n.startswith('test_')]
    print(f'1..{len(tests)}')
    failed = 0
    for i, (name, fn) in enumerate(tests, 1):
        home = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                fn()
                print(f'ok {i} {name}', flush=True)
            except Exception as e:      # pylint: disable=broad-except
                failed += 1
                print(f'not ok {i} {name}\n# {type(e).__name__}: {e}', flush=True)
                import traceback
                traceback.print_exc()
            os.chdir(home)
    return 1 if failed else 0


sys.exit(main())

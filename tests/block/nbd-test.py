#!/usr/bin/env python3
"""NBD against the programs of others: mica-nbd with their clients, our client with their servers."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: nbd-test.py FOLDER_OF_TOOLS

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOOLS = os.path.abspath(sys.argv[1])
NBD, IMG = os.path.join(TOOLS, 'mica-nbd'), os.path.join(TOOLS, 'mica-img')
MIB = 1 << 20
TIMEOUT = 30


class Skip(Exception):
    pass


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f'{program} is not installed')


def run(*args, status=0, env=None):
    """Its output, with errors behind; the exit status must be as expected (None: any but 0)."""
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=TIMEOUT, stdin=subprocess.DEVNULL, env=env, check=False)
    ok = p.returncode != 0 if status is None else p.returncode == status
    assert ok, f'{" ".join(args)}: status {p.returncode}: {p.stdout}'
    return p.stdout


def same(a, b):
    with open(a, 'rb') as f, open(b, 'rb') as g:
        assert f.read() == g.read(), f'{a} and {b} differ'


def make_disk(path='disk', size=8 * MIB):
    """Holes and data, by turns, at odd places too."""
    with open(path, 'wb') as f:
        f.truncate(size)
        for at, count in ((0, 65536), (MIB + 4096, 8192), (3 * MIB, 2 * MIB), (size - 512, 512)):
            f.seek(at)
            f.write(bytes((i * 31 + at) & 0xff or 1 for i in range(512)) * (count // 512))
    return path


class Server:
    """A server that forks once it is ready; ends with the block."""

    def __init__(self, *args, sock='sock', env=None):
        self.sock = os.path.abspath(sock)
        self.pid_file = self.sock + '.pid'
        name = os.path.basename(args[0])
        if name == 'nbdkit':
            where = ('-U', self.sock, '-P', self.pid_file)
            args = (args[0], *where, *args[1:])
        else:
            where = ('-k', self.sock, '--fork', '--pid-file', self.pid_file)
            args = (*args[:1], *where, *args[1:])
        self.args, self.env = args, env

    def __enter__(self):
        for name in (self.sock, self.pid_file):
            if os.path.exists(name):
                os.unlink(name)
        p = subprocess.run(self.args, timeout=TIMEOUT, env=self.env, check=False,
                           stdout=subprocess.DEVNULL, stderr=open('server.log', 'w'))
        assert p.returncode == 0, f'{self.args}: {open("server.log").read()}'
        until = time.monotonic() + TIMEOUT
        while True:                 # nbdkit's parent ends before it is written
            text = ''
            if os.path.exists(self.pid_file):
                with open(self.pid_file) as f:
                    text = f.read()
            if text.endswith('\n') or time.monotonic() > until:
                break
            time.sleep(0.01)
        self.pid = int(text)
        return self

    def alive(self):
        try:
            with open(f'/proc/{self.pid}/stat') as f:
                return f.read().split(')')[1].split()[0] != 'Z'
        except FileNotFoundError:
            return False

    def wait_end(self):
        until = time.monotonic() + TIMEOUT
        while self.alive():
            assert time.monotonic() < until, 'the server does not end'
            time.sleep(0.01)

    def __exit__(self, *_):
        if self.alive():
            # nbdkit waits for its clients when it is asked to end.
            nbdkit = os.path.basename(self.args[0]) == 'nbdkit'
            os.kill(self.pid, signal.SIGKILL if nbdkit else signal.SIGTERM)
            self.wait_end()

    def uri(self, export='', scheme='nbd+unix', extra=''):
        return f'{scheme}:///{export}?socket={self.sock}{extra}'


def info(uri):
    out = json.loads(run('nbdinfo', '--json', uri))
    for export in out['exports']:
        del export['uri']
    return out


# --- our server ---

def test_info():
    """What we say of an export is what qemu-nbd says of it."""
    need('nbdinfo', 'qemu-nbd')
    make_disk()
    for options in ([], ['-r'], ['-x', 'name', '-D', 'a text'], ['-A'], ['-e', '4'],
                    ['-o', '4096'], ['-e', '0', '-r']):
        name = 'name' if '-x' in options else ''
        texts = []
        for program in (NBD, 'qemu-nbd'):
            with Server(program, '-t', '-f', 'raw', *options, 'disk') as s:
                texts.append((info(s.uri(name)), run(NBD, '-L', '-k', s.sock),
                              run('qemu-nbd', '-L', '-k', s.sock)))
        assert texts[0] == texts[1], f'{options}: {texts[0]} {texts[1]}'
        assert texts[0][1] == texts[0][2], texts[0]


def test_copy():
    """libnbd's programs read and write all of it; holes are told."""
    need('nbdcopy', 'nbdinfo')
    make_disk()
    with open('other', 'wb') as f:
        f.write(os.urandom(8 * MIB))
    with Server(NBD, '-t', '-f', 'raw', '-e', '8', '--discard=unmap', 'disk') as s:
        extents = json.loads(run('nbdinfo', '--json', '--map', s.uri()))
        kinds = [(e['offset'], e['length'], e['type']) for e in extents]
        assert kinds[0] == (0, 65536, 0) and kinds[1][2] == 3, kinds
        assert sum(k[1] for k in kinds) == 8 * MIB, kinds
        run('nbdcopy', s.uri(), 'copy')
        same('disk', 'copy')
        run('nbdcopy', '--no-extents', '--synchronous', s.uri(), 'copy')
        same('disk', 'copy')
        run('nbdcopy', '--flush', 'other', s.uri())
        same('other', 'disk')
        run('nbdcopy', '--destination-is-zero', 'copy', s.uri())


def test_qemu_clients():
    """qemu-io's commands, with flags, odd places, and what must be refused."""
    need('qemu-io', 'qemu-img')
    make_disk()
    with Server(NBD, '-t', '-f', 'raw', '-e', '8', '--discard=unmap', 'disk') as s:
        out = run('qemu-io', '-f', 'raw', '-c', 'write -P 5 1000 70000', '-c', 'read -P 5 1000 70000',
                  '-c', 'write -f -P 6 0 512', '-c', 'read -P 6 0 512', '-c', 'write -z 2M 1M',
                  '-c', 'read -P 0 2M 1M', '-c', 'write -z -u 4M 64k', '-c', 'discard 5M 64k',
                  '-c', 'read -P 0 4M 64k', '-c', 'flush', '-c', 'aio_write -P 9 6M 1M',
                  '-c', 'aio_flush', '-c', 'read -P 9 6M 1M', '-c', 'read 7M 1M', s.uri())
        assert 'failed' not in out and 'Pattern' not in out, out
        run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', s.uri(), 'disk')
    with Server(NBD, '-t', '-f', 'raw', '-r', 'disk') as s:
        run('qemu-io', '-f', 'raw', '-c', 'write 0 512', s.uri(), status=1)
        run('qemu-io', '-r', '-f', 'raw', '-c', 'read 0 512', s.uri())


def test_options():
    """Parts of an image, forgotten writes, an end with the last client, limits."""
    need('nbdinfo', 'nbdcopy', 'qemu-io')
    make_disk()
    shutil.copyfile('disk', 'before')
    with Server(NBD, '-f', 'raw', '-o', str(MIB), '-t', 'disk') as s:
        assert info(s.uri())['exports'][0]['export-size'] == 7 * MIB
        run('nbdcopy', s.uri(), 'copy')
        with open('disk', 'rb') as f, open('copy', 'rb') as g:
            f.seek(MIB)
            assert f.read() == g.read()
    with Server(NBD, '-f', 'raw', '-s', '-t', 'disk') as s:
        run('qemu-io', '-f', 'raw', '-c', 'write -P 5 0 1M', '-c', 'read -P 5 0 1M', s.uri())
    same('disk', 'before')
    with Server(NBD, '-f', 'raw', 'disk') as s:         # not persistent
        with socket.socket(socket.AF_UNIX) as c:        # who says nothing does not count
            c.connect(s.sock)
            c.recv(18)
        assert s.alive()
        run('qemu-io', '-f', 'raw', '-c', 'read 0 512', s.uri())
        s.wait_end()
        assert not os.path.exists(s.sock)


def test_contexts():
    """Layers, dirty bitmaps and internal snapshots of qcow2 are shown as qemu-nbd shows them."""
    need('qemu-img', 'qemu-io', 'nbdinfo', 'qemu-nbd')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'base', '8M')
    run('qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 2M', '-c', 'write -z 4M 1M', 'base')
    run('qemu-img', 'snapshot', '-c', 'snap', 'base')
    run('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 0 2M', 'base')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'top')
    run('qemu-io', '-f', 'qcow2', '-c', 'write -P 2 1M 64k', 'top')
    run('qemu-img', 'bitmap', '--add', 'top', 'b0')
    run('qemu-img', 'bitmap', '--add', '-g', '64k', '--disable', 'top', 'b1')
    run('qemu-io', '-f', 'qcow2', '-c', 'write -P 2 3M 192k', '-c', 'write 7M 64k', 'top')
    texts = []
    for program in ('qemu-nbd', NBD):
        with Server(program, '-t', '-e', '4', '-f', 'qcow2', '-A', '-B', 'b0', '-B', 'b1',
                    'top') as s:
            maps = [run('nbdinfo', '--map=' + c, s.uri())
                    for c in info(s.uri())['exports'][0]['contexts']]
            dirty = f'driver=nbd,server.type=unix,server.path={s.sock},' \
                'x-dirty-bitmap=qemu:dirty-bitmap:b0'
            maps += [run(p, 'map', '--output=json', '--image-opts', dirty)
                     for p in ('qemu-img', IMG)]
        with Server(program, '-t', '-f', 'qcow2', '-l', 'snap', 'base') as s:
            maps.append(run('nbdinfo', '--map', s.uri()))
            run('qemu-io', '-r', '-f', 'raw', '-c', 'read -P 1 0 2M', s.uri())
        texts.append(maps)
    assert len(texts[0]) == 7 and texts[0] == texts[1], texts


def test_activation():
    """A socket that somebody else made, as systemd hands it over."""
    need('nbdinfo')
    make_disk()
    with socket.socket(socket.AF_UNIX) as c:
        c.bind('handed')
        c.listen(4)

        def child():
            os.dup2(c.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ['LISTEN_PID'] = str(os.getpid())

        # LISTEN_PID is the server's own, which exec keeps
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        p = subprocess.Popen(['sh', '-c', script, 'sh', NBD, '-f', 'raw', 'disk'],
                             pass_fds=(3,), preexec_fn=child)
        run('nbdinfo', f'nbd+unix:///?socket={os.path.abspath("handed")}')
        assert p.wait(TIMEOUT) == 0


def test_misbehaviour():
    """Nonsense ends one connection and no other."""
    need('nbdinfo')
    make_disk()
    good = b'\0\0\0\3' + b'IHAVEOPT' + b'\0\0\0\7' + b'\0\0\0\6' + b'\0' * 6
    request = b'\x25\x60\x95\x13'
    with Server(NBD, '-t', '-f', 'raw', '-e', '0', 'disk') as s:
        for say in (b'', b'GET / HTTP/1.0\r\n\r\n', b'\xff' * 4, good[:10], b'\0\0\0\3' + b'X' * 16,
                    b'\0\0\0\3IHAVEOPT\0\0\0\1\xff\xff\xff\xff',
                    b'\0\0\0\3IHAVEOPT\0\0\0\1\0\0\0\4none',
                    good + b'\0' * 28,                                  # no request
                    good + request + b'\0\0\0\1' + b'\0' * 16 + b'\xff' * 4,    # 4 GiB to come
                    good + request + b'\0\0\0\0' + b'\0' * 16 + b'\0\1\0\0'):
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(TIMEOUT)
                c.connect(s.sock)
                c.sendall(say)
                c.shutdown(socket.SHUT_WR)
                while c.recv(65536):
                    pass
        info(s.uri())


WRONG = [
    [], ['a', 'b'], ['nofile'], ['-k', 'relative', 'disk'], ['-e', '-1', 'disk'],
    ['-e', 'x', 'disk'], ['-o', 'x', 'disk'], ['--cache=foo', 'disk'],
    ['-n', '--cache=none', 'disk'], ['--aio=foo', 'disk'], ['--discard=x', 'disk'],
    ['--detect-zeroes=x', 'disk'], ['--detect-zeroes=unmap', '-f', 'raw', 'disk'],
    ['-L', 'disk'], ['-A', '-L'], ['--tls-creds=x', 'disk'], ['--bogus'], ['-Z'],
    ['-B', 'foo', '-f', 'raw', 'disk'], ['-l', 'x', '-f', 'raw', 'disk'],
    ['--image-opts', '-f', 'raw', 'disk'], ['-x', 'a' * 5000, '-f', 'raw', 'disk'],
    ['-L', '-k', '/nonexistent/s'],
]


def test_messages():
    """What is wrong is said as qemu-nbd says it."""
    need('qemu-nbd')
    make_disk()
    for args in WRONG:
        theirs = run('qemu-nbd', *args, status=None).replace('qemu-nbd', 'mica-nbd')
        ours = run(NBD, *args, status=None).replace(NBD, 'mica-nbd')
        assert ours == theirs, f'{args}: {ours!r} {theirs!r}'


def test_refused():
    """What is not there is refused by name."""
    make_disk()
    for args in (['-c', '/dev/nbd0', 'disk'], ['-d', '/dev/nbd0'],
                 ['--selinux-label=x', 'disk']):
        assert 'is not there' in run(NBD, *args, status=1), args


# --- our client ---

def client_round(uri, disk):
    """Reads, writes, compares and maps by way of our client."""
    run(IMG, 'compare', '-f', 'raw', '-F', 'raw', uri, disk)
    run(IMG, 'convert', '-f', 'raw', '-O', 'raw', uri, 'copy')
    same('copy', disk)
    with open('new', 'wb') as f:
        f.write(os.urandom(2 * MIB) + bytes(6 * MIB))
    run(IMG, 'convert', '-n', '-f', 'raw', '-O', 'raw', 'new', uri)
    run(IMG, 'compare', '-f', 'raw', '-F', 'raw', uri, 'new')


def test_client_qemu_nbd():
    need('qemu-nbd')
    make_disk()
    with Server('qemu-nbd', '-t', '-f', 'raw', '-x', 'e', '-e', '4', '--discard=unmap', 'disk') as s:
        theirs = json.loads(run('qemu-img', 'map', '--output=json', '-f', 'raw', s.uri('e')))
        ours = json.loads(run(IMG, 'map', '--output=json', '-f', 'raw', s.uri('e')))
        assert ours == theirs, (ours, theirs)
        client_round(s.uri('e'), 'disk')
        out = run(IMG, 'info', '-f', 'raw', s.uri('none'), status=1)
        assert 'Requested export not available' in out, out
    out = run(IMG, 'info', '-f', 'raw', 'nbd+unix:///?socket=/nonexistent', status=1)
    assert "Failed to connect to '/nonexistent': No such file" in out, out


def test_client_nbdkit():
    """Servers that can less, are slow, or have larger blocks."""
    need('nbdkit')
    for extra in ([], ['--mask-handshake=0'], ['--no-sr'], ['--filter=nozero'],
                  ['--filter=delay'], ['--filter=nofilter'], ['--filter=blocksize-policy'],
                  ['--filter=noextents', '--filter=noparallel'],
                  # its zeroes fail for every client with the old handshake
                  ['--oldstyle', '--filter=nozero']):
        make_disk()
        parameters = {'--filter=delay': ['rdelay=1ms', 'wdelay=1ms'],
                      '--filter=blocksize-policy': ['blocksize-minimum=4096',
                                                    'blocksize-preferred=65536',
                                                    'blocksize-maximum=131072',
                                                    'blocksize-error-policy=error']}.get(extra[-1] if extra else '', [])
        with Server('nbdkit', *extra, 'file', 'disk', *parameters) as s:
            client_round(s.uri(), 'disk')


def test_client_errors():
    """A server's errors are errors, not data, and not the end."""
    need('nbdkit')
    make_disk()
    with Server('nbdkit', '--filter=error', 'file', 'disk', 'error-pread-rate=100%',
                'error=ENOSPC') as s:
        out = run(IMG, 'convert', '-f', 'raw', '-O', 'raw', s.uri(), 'copy', status=1)
        assert 'No space left on device' in out, out


def test_reconnect():
    """Requests wait for a server that comes back; without that they fail."""
    need('nbdkit', 'qemu-io')
    make_disk()
    with Server('nbdkit', 'file', 'disk', sock='back') as back:
        options = f'driver=nbd,server.type=unix,server.path={back.sock}'
        with Server(NBD, '-t', '-e', '4', '--image-opts', options + ',reconnect-delay=20',
                    sock='wait') as wait, \
                Server(NBD, '-t', '-e', '4', '--image-opts', options, sock='fail') as fail:
            read = ['qemu-io', '-f', 'raw', '-c', 'read 0 64k']
            run(*read, wait.uri())
            run(*read, fail.uri())
            os.kill(back.pid, signal.SIGKILL)
            back.wait_end()
            run(*read, fail.uri(), status=1)
            p = subprocess.Popen([*read, wait.uri()], stdout=subprocess.DEVNULL)
            with Server('nbdkit', 'file', 'disk', sock='back'):
                assert p.wait(TIMEOUT) == 0


# --- TLS ---

def make_certificates(folder):
    need('certtool')
    os.makedirs(folder)

    def path(name):
        return os.path.join(folder, name)

    def template(name, *lines):
        with open(path(name), 'w') as f:
            f.write('\n'.join(lines) + '\n')
        return path(name)

    def key(name):
        run('certtool', '--generate-privkey', '--ecc', '--outfile', path(name))
        return path(name)

    ca_key = key('ca-key.pem')
    run('certtool', '--generate-self-signed', '--load-privkey', ca_key, '--outfile',
        path('ca-cert.pem'), '--template',
        template('ca.cfg', 'cn = authority', 'ca', 'cert_signing_key', 'expiration_days = 30'))
    for side, use in (('server', 'tls_www_server'), ('client', 'tls_www_client')):
        run('certtool', '--generate-certificate', '--load-ca-certificate', path('ca-cert.pem'),
            '--load-ca-privkey', ca_key, '--load-privkey', key(side + '-key.pem'), '--outfile',
            path(side + '-cert.pem'), '--template',
            template(side + '.cfg', f'cn = {side}', 'dns_name = localhost', use, 'signing_key',
                     'expiration_days = 30'))


def creds(kind, endpoint, folder, extra=''):
    return ['--object',
            f'tls-creds-{kind},id=t,endpoint={endpoint},dir={os.path.abspath(folder)}{extra}']


def client_options(sock, hostname=True):
    name = ',tls-hostname=localhost' if hostname else ''
    return f'driver=nbd,server.type=unix,server.path={sock},tls-creds=t{name}'


def tls_round(kind, folder, server_extra='', client_extra=''):
    """Ours and QEMU's programs as both sides, in all combinations."""
    server_creds = creds(kind, 'server', folder, server_extra)
    client_creds = creds(kind, 'client', folder, client_extra)
    x509 = kind == 'x509'
    for server in (NBD, 'qemu-nbd'):
        with Server(server, '-t', '-e', '4', '-f', 'raw', *server_creds, '--tls-creds=t',
                    'disk') as s:
            for client in (IMG, 'qemu-img'):
                run(client, 'convert', *client_creds, '--image-opts',
                    client_options(s.sock, x509), '-O', 'raw', 'copy')
                same('disk', 'copy')
                out = run(client, 'info', '-f', 'raw', s.uri(), status=1)
                assert 'TLS' in out, out
            name = ['--tls-hostname=localhost'] if x509 else []
            out = run(NBD, '-L', '-k', s.sock, *client_creds, '--tls-creds=t', *name)
            assert 'exports available: 1' in out, out


def test_tls_psk():
    need('psktool', 'qemu-nbd')
    make_disk()
    os.makedirs('psk')
    run('psktool', '-u', 'alice', '-p', 'psk/keys.psk')
    tls_round('psk', 'psk', client_extra=',username=alice')


def test_tls_x509():
    need('certtool', 'qemu-nbd')
    make_disk()
    make_certificates('pki')
    make_certificates('foreign')
    tls_round('x509', 'pki')
    with Server(NBD, '-t', '-e', '0', '-f', 'raw', *creds('x509', 'server', 'pki'),
                '--tls-creds=t', 'disk') as s:
        # A client of another authority, and one that takes the server for somebody else
        out = run(IMG, 'info', *creds('x509', 'client', 'foreign'), '--image-opts',
                  client_options(s.sock), status=1)
        assert 'TLS' in out, out
        out = run(IMG, 'info', *creds('x509', 'client', 'pki'), '--image-opts',
                  client_options(s.sock).replace('localhost', 'elsewhere'), status=1)
        assert 'TLS verify failed' in out, out
        if shutil.which('nbdcopy'):
            extra = f'&tls-certificates={os.path.abspath("pki")}&tls-hostname=localhost'
            run('nbdcopy', s.uri(scheme='nbds+unix', extra=extra), 'copy2')
            same('disk', 'copy2')


def test_tls_authz():
    """Certificates of our authority, and a list that says whose of them are welcome."""
    need('certtool')
    make_disk()
    make_certificates('pki')
    tls = [*creds('x509', 'server', 'pki'), '--tls-creds=t']
    with open('list.json', 'w', encoding='utf-8') as f:
        f.write('{"policy": "deny", "rules": [{"match": "CN=somebody", "policy": "allow"}]}')
    for authz, welcome in (
            ('authz-simple,id=a,identity=CN=client', True),
            ('authz-simple,id=a,identity=CN=clien', False),
            ('authz-list,id=a,policy=deny', False),
            ('authz-list,id=a,rules.0.match=CN=c*,rules.0.policy=allow,rules.0.format=glob', True),
            ('authz-list,id=a,policy=allow,rules.0.match=CN=client,rules.0.policy=deny', False),
            ('authz-list-file,id=a,filename=list.json', False)):
        with Server(NBD, '-t', '-e', '0', '-f', 'raw', *tls, '--object', authz, '--tls-authz=a',
                    'disk') as s:
            def look(status):
                run(IMG, 'info', *creds('x509', 'client', 'pki'), '--image-opts',
                    client_options(s.sock), status=status)
            look(0 if welcome else 1)
            if 'list-file' in authz:        # it looks again
                with open('new.json', 'w', encoding='utf-8') as f:
                    f.write('{"policy": "allow"}')
                os.rename('new.json', 'list.json')
                look(0)
                with open('list.json', 'w', encoding='utf-8') as f:
                    f.write('{"policy": "perhaps"}')
                look(1)
    out = run(NBD, *tls, '--tls-authz=a', 'disk', status=1)
    assert "No authorization object with id 'a'" in out, out
    out = run(NBD, '--tls-authz=a', 'disk', status=1)
    assert 'without --tls-creds' in out, out


def main():
    tests = [(name[5:], fn) for name, fn in globals().items() if name.startswith('test_')]
    bad = 0
    print(f'1..{len(tests)}')
    for n, (name, fn) in enumerate(tests, 1):
        folder = tempfile.mkdtemp(prefix='nbd-')
        os.chdir(folder)
        try:
            fn()
            print(f'ok {n} {name}')
        except Skip as e:
            print(f'ok {n} {name} # SKIP {e}')
        except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError) as e:
            bad += 1
            print(f'not ok {n} {name}')
            print(re.sub('^', '# ', str(e), flags=re.M))
        finally:
            os.chdir('/')
            shutil.rmtree(folder)
        sys.stdout.flush()
    sys.exit(bad > 0)


main()

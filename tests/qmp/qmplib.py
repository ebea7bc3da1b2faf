# A QMP client for tests: start a program with monitors on socket pairs, talk, collect events
# SPDX-License-Identifier: GPL-2.0-or-later
import array
import json
import os
import select
import socket
import subprocess
import time

PATIENCE = 60           # seconds after which something that does not come is a failure


class QmpError(Exception):
    def __init__(self, error):
        super().__init__(f'{error["class"]}: {error["desc"]}')
        self.cls, self.desc = error['class'], error['desc']


class Session:
    """One end of a monitor."""

    def __init__(self, sock, negotiate=True):
        self.sock, self.buf, self.events = sock, b'', []
        self.greeting = self.read()
        if negotiate:
            self.cmd('qmp_capabilities')

    def read_line(self):
        until = time.monotonic() + PATIENCE
        while b'\n' not in self.buf:
            ready, _, _ = select.select([self.sock], [], [], max(until - time.monotonic(), 0))
            if not ready:
                raise TimeoutError(f'no answer; had {self.buf[:200]}')
            data = self.sock.recv(1 << 20)
            if not data:
                raise EOFError('the monitor was closed')
            self.buf += data
        line, self.buf = self.buf.split(b'\n', 1)
        assert line.endswith(b'\r'), line
        return line[:-1]

    def read(self):
        return json.loads(self.read_line())

    def send(self, text, fds=()):
        if isinstance(text, dict):
            text = json.dumps(text)
        if isinstance(text, str):
            text = text.encode()
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        sent = self.sock.sendmsg([text], control)
        if sent < len(text):
            self.sock.sendall(text[sent:])

    def reply(self):
        """The next message that is no event."""
        while True:
            message = self.read()
            if 'event' not in message:
                return message
            self.events.append(message)

    def raw(self, text, fds=()):
        self.send(text, fds)
        return self.reply()

    def cmd(self, name, fds=(), **arguments):
        """The value returned, or QmpError. Underscores in arguments stand for dashes."""
        request = {'execute': name}
        if arguments:
            request['arguments'] = {k.replace('_', '-'): v for k, v in arguments.items()}
        return self.cmd_dict(request, fds)

    def cmd_dict(self, request, fds=()):
        reply = self.raw(request, fds)
        if 'error' in reply:
            raise QmpError(reply['error'])
        return reply['return']

    def fails(self, name, **arguments):
        """The error's (class, desc)."""
        try:
            value = self.cmd(name, **arguments)
        except QmpError as e:
            return e.cls, e.desc
        raise AssertionError(f'{name} {arguments} returned {value}')

    def event(self, name):
        """Wait for the next event of that name; returns it."""
        while True:
            for i, event in enumerate(self.events):
                if event['event'] == name:
                    return self.events.pop(i)
            message = self.read()
            assert 'event' in message, str(message)[:500]
            self.events.append(message)

    def close(self):
        self.sock.close()


class Program:
    """The program under test with some monitors; its words go to .output()."""

    def __init__(self, binary, args, monitors=1, negotiate=True, cwd=None, fds=()):
        pairs = [socket.socketpair() for _ in range(monitors)]
        argv = [os.path.abspath(binary), '-display', 'none', *args]
        for i, (_, theirs) in enumerate(pairs):
            argv += ['-chardev', f'socket,id=qmp{i},fd={theirs.fileno()}',
                     '-mon', f'chardev=qmp{i},mode=control']
        self.process = subprocess.Popen(argv, cwd=cwd, pass_fds=[*fds, *(t.fileno() for _, t in pairs)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        for _, theirs in pairs:
            theirs.close()
        self.sessions = [Session(ours, negotiate) for ours, _ in pairs]
        self.qmp = self.sessions[0] if monitors else None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        for session in self.sessions:
            session.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def output(self):
        return self.process.stdout.read().decode(errors='replace')

    def wait(self):
        return self.process.wait(PATIENCE)

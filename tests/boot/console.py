# A machine started on a pseudo terminal: wait for its output, type, see how it ends
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import pty
import re
import select
import signal
import subprocess
import time


class Failure(Exception):
    pass


class Console:
    """Run argv with its terminal in our hands. limit: seconds for the whole run; reaching it
    is a failure, nothing ever waits for it."""

    def __init__(self, argv, limit=300, fds=()):
        self.deadline = time.monotonic() + limit
        self.text = ''
        self.seen = 0
        master, slave = pty.openpty()
        self.fd = master
        self.child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                      start_new_session=True, pass_fds=fds)
        os.close(slave)

    def _more(self, pattern):
        left = self.deadline - time.monotonic()
        if left <= 0:
            self.fail(f'time is up while waiting for {pattern!r}')
        ready, _, _ = select.select([self.fd], [], [], min(left, 1.0))
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b''
        self.text += data.decode('utf-8', 'replace')
        return bool(data)

    def expect(self, pattern):
        """The first match behind what earlier calls consumed."""
        regex = re.compile(pattern, re.S if '\n' in pattern else 0)
        while True:
            match = regex.search(self.text, self.seen)
            if match:
                self.seen = match.end()
                return match
            if not self._more(pattern):
                self.fail(f'the machine ended while waiting for {pattern!r}')

    def send(self, text):
        os.write(self.fd, text.encode())

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self):
        """The exit status; output is read on until the end."""
        while self._more('the end'):
            if self.child.poll() is not None and not select.select([self.fd], [], [], 0)[0]:
                break
        return self.child.wait(max(1, self.deadline - time.monotonic()))

    def close(self):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        os.close(self.fd)

    def fail(self, why):
        tail = self.text[-3000:].replace('\r', '')
        raise Failure(f'{why}\n--- the last of its output:\n{tail}\n---')

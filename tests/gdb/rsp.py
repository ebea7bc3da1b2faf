# A small client of gdb's remote protocol
# SPDX-License-Identifier: GPL-2.0-or-later
import re
import socket


class Rsp:
    def __init__(self, path, limit=60):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(limit)
        self.sock.connect(path)
        self.buf = b''
        self.ack = True

    def close(self):
        self.sock.close()

    def byte(self):
        if not self.buf:
            self.buf = self.sock.recv(65536)
            if not self.buf:
                raise EOFError('the server closed the connection')
        c, self.buf = self.buf[:1], self.buf[1:]
        return c

    def raw(self, data):
        self.sock.sendall(data)

    def send(self, data):
        data = data.encode('latin-1') if isinstance(data, str) else data
        escaped = re.sub(rb'[#$}*]', lambda m: b'}' + bytes([m.group()[0] ^ 0x20]), data)
        self.raw(b'$' + escaped + b'#%02x' % (sum(escaped) & 0xff))
        if self.ack and self.byte() != b'+':
            raise ValueError('packet was not acknowledged')

    def receive(self):
        while self.byte() != b'$':
            pass
        data, total = b'', 0
        while (c := self.byte()) != b'#':
            total += c[0]
            if c == b'}':
                c = self.byte()
                total += c[0]
                c = bytes([c[0] ^ 0x20])
            data += c
        if int(self.byte() + self.byte(), 16) != total & 0xff:
            raise ValueError('wrong checksum')
        if self.ack:
            try:
                self.raw(b'+')
            except BrokenPipeError:
                pass            # that was its last word
        return data.decode('latin-1')

    def ask(self, data):
        self.send(data)
        return self.receive()

    def target_xml(self):
        text, offset = '', 0
        while True:
            part = self.ask(f'qXfer:features:read:target.xml:{offset:x},ffb')
            text += part[1:]
            offset += len(part) - 1
            if part[0] == 'l':
                return text

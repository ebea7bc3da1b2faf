#!/usr/bin/env python3
# Boot through SeaBIOS and our option ROMs: serial console, boot menu, Multiboot and PVH loaders
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: firmware-test.py CASE TINY (MICA in the environment; TINY: folder of the tiny kernels)
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from console import Console, Failure     # noqa: E402

MICA = os.environ.get('MICA', 'build/mica')
LIMIT = 150


def mica(*args):
    return Console([MICA, '-machine', 'pc', '-m', '64M', '-nographic', *args], LIMIT)


def check(ok, what):
    if not ok:
        raise Failure(what)


def banner(_):
    """The BIOS speaks from its first line on, and no byte before the console's own clear."""
    m = mica()
    m.expect(r'SeaBIOS \(version ')
    check(m.text.startswith('\x1b[0m\x1b[2J\x1b[H'), f'it begins with {m.text[:40]!r}')
    check(m.text.count('SeaBIOS (version') == 1, 'two consoles speak at once')
    m.expect('No bootable device')
    m.send('\x01x')
    check(m.wait() == 0, 'Ctrl-a x did not end with status 0')


def banner_without_vga(_):
    m = mica('-vga', 'none')
    m.expect(r'SeaBIOS \(version ')
    m.expect('No bootable device')
    m.send('\x01x')
    check(m.wait() == 0, 'Ctrl-a x did not end with status 0')


def menu(_):
    """ESC, which nothing follows, opens the boot menu; a digit chooses."""
    m = mica('-boot', 'menu=on,splash-time=30000')
    m.expect('Press ESC for boot menu')
    m.send('\x1b')
    m.expect('Select boot device:')
    m.expect(r'1\. ')
    m.send('1')
    m.expect('Booting from ')
    m.send('\x01x')
    check(m.wait() == 0, 'Ctrl-a x did not end with status 0')


def tiny(image, args, expected):
    m = mica('-device', 'isa-debug-exit', '-kernel', image, *args)
    m.expect(expected)
    status = m.wait()
    check(status == 0x21, f'the kernel ended with status {status}')


def multiboot(folder):
    with tempfile.TemporaryDirectory() as tmp:
        for name in ('one', 'two'):
            with open(os.path.join(tmp, name), 'wb') as f:
                f.write(f'module {name}\0'.encode())
        tiny(os.path.join(folder, 'tiny-multiboot.elf'),
             ['-append', 'a=b c', '-initrd', f'{tmp}/one x y,{tmp}/two'],
             r'Multiboot modules=2 cmdline=\[[^\]]*tiny-multiboot.elf a=b c\] '
             r'module=\[[^\]]*/one x y\] content=\[module one\]')


def pvh(folder):
    with tempfile.TemporaryDirectory() as tmp:
        with open(os.path.join(tmp, 'initrd'), 'wb') as f:
            f.write(b'the initrd\0')
        tiny(os.path.join(folder, 'tiny-pvh.elf'),
             ['-append', 'a=b c', '-initrd', f'{tmp}/initrd'],
             r'PVH modules=1 cmdline=\[a=b c\] content=\[the initrd\]')


def pc(folder):
    """A kernel that probes the CPU and the interrupt controllers says what is wrong."""
    m = mica('-accel', 'soft', '-cpu', 'max,+smap,+tsc-deadline', '-device', 'pc-testdev',
             '-device', 'isa-debug-exit,iobase=0xf4,iosize=4',
             '-kernel', os.path.join(folder, 'pc-kernel.elf'))
    m.expect(r'[0-9]+ checks, ([0-9]+) failed')
    status = m.wait()
    check(status == 0x21, m.text[m.text.find('FAIL'):])


def floppy(folder):
    """A boot sector on drive A, before a disk, reads and writes by the BIOS."""
    text = b'read from the floppy disk'
    with tempfile.NamedTemporaryFile() as image:
        with open(os.path.join(folder, 'floppy.bin'), 'rb') as f:
            image.write(f.read())
        image.truncate(2880 * 512)
        image.seek(((40 * 2 + 1) * 18 + 4) * 512)
        image.write(text + b'\0')
        image.flush()
        m = mica('-device', 'isa-debug-exit', '-boot', 'a',
                 '-drive', f'if=floppy,format=raw,file={image.name}')
        m.expect('Booting from Floppy')
        m.expect(text.decode() + ' and written')
        status = m.wait()
        check(status == 0x21, f'the guest ended with status {status}')
        image.seek(2879 * 512)
        check(image.read(len(text)) == text, 'the last sector was not written')


CASES = {
    'banner': banner, 'banner-without-vga': banner_without_vga, 'menu': menu,
    'multiboot': multiboot, 'pvh': pvh, 'pc': pc, 'floppy': floppy,
}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CASES:
        print('\n'.join(CASES))
        return 2
    try:
        CASES[sys.argv[1]](sys.argv[2])
    except Failure as failure:
        print(f'{sys.argv[1]}: {failure}')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
"""Assemble an option ROM: source -> raw image, padded to 512-byte blocks, sized and checksummed."""
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: build-rom.py SOURCE OUTPUT DEPFILE -- COMPILER...

import os
import subprocess
import sys


def sign(image):
    """Fill the length byte, the PnP header's checksum, and the ROM's checksum (its last byte)"""
    image = bytearray(image)
    size = (len(image) + 1 + 511) // 512 * 512
    if size > 0xff * 512:
        sys.exit('build-rom: %d bytes are more than an option ROM can have' % size)
    image += bytes(size - len(image))
    image[2] = size // 512
    pnp = int.from_bytes(image[0x1a:0x1c], 'little')
    if pnp:
        if image[pnp:pnp + 4] != b'$PnP':
            sys.exit('build-rom: no PnP header at 0x%x' % pnp)
        length = image[pnp + 5] * 16
        image[pnp + 9] = 0
        image[pnp + 9] = -sum(image[pnp:pnp + length]) & 0xff
    image[-1] = -sum(image[:-1]) & 0xff
    return image


def main():
    source, output, depfile = sys.argv[1:4]
    compiler = sys.argv[5:]
    obj = output + '.o'
    raw = output + '.raw'
    subprocess.check_call(compiler + [
        '-m32', '-c', '-x', 'assembler-with-cpp', '-MD', '-MF', depfile, '-MT', output,
        '-o', obj, source])
    subprocess.check_call(['ld', '-m', 'elf_i386', '-Ttext=0', '-e', '0', '--build-id=none',
                           '--oformat', 'binary', '-o', raw, obj])
    with open(raw, 'rb') as f:
        image = sign(f.read())
    with open(output, 'wb') as f:
        f.write(image)
    os.unlink(obj)
    os.unlink(raw)


main()

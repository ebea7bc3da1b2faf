#!/bin/sh
# Speed against the installed qemu-system-x86_64 -accel tcg: the same guest in both, ratios in one run
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: run.sh BUILD [KERNELS]     KERNELS: a part of kernel names, e.g. int_
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-build}" && pwd)
command -v qemu-system-x86_64 >/dev/null 2>&1 || {
    echo "bench: needs qemu-system-x86_64 to compare with (package qemu-system-x86)" >&2
    exit 1
}
"$top/scripts/guest.sh" "$build/guest" amd64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bench"
gcc -O2 -static -o "$work/root/bench/kernels" "$top/tests/bench/kernels.c" -lm
(cd "$work/root" && find . | cpio --quiet -o -H newc) | gzip -1 >"$work/extra.img"
cat "$build/guest/amd64/initrd.img" "$work/extra.img" >"$work/initrd.img"
exec "$top/tests/bench/compare.py" "$build/mica" "$build/guest/amd64/vmlinuz" "$work/initrd.img" \
    "${2:-}"

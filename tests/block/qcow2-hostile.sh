#!/bin/sh
# qcow2 images with lies in them: no crash, no hang, no memory beyond bounds
# SPDX-License-Identifier: GPL-2.0-or-later
#
# HOSTILE_ROUNDS: how many changed images (default 150), HOSTILE_SEED: where chance begins.
set -eu

hostile=$(readlink -f "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/qcow2-hostile.XXXXXX")
trap 'rm -rf "$dir"' EXIT

make() {
    name=$dir/$1.qcow2
    qemu-img create -q -f qcow2 -o "$2" "$name" 4M
    qemu-io -c "write -P 1 0 100k" -c "write -z 512k 256k" -c "write -P 2 3M 5k" \
        -c "write -c -P 3 1M 64k" "$name" >/dev/null
    [ "$3" = plain ] && return
    qemu-img snapshot -c one "$name"
    qemu-io -c "write -P 4 64k 100k" "$name" >/dev/null
    qemu-img bitmap --add "$name" bits
}

make default cluster_size=64k plain
make small cluster_size=512 full
make four cluster_size=4k,refcount_bits=64 full
make sub cluster_size=16k,extended_l2=on full
make zstd cluster_size=8k,compression_type=zstd,lazy_refcounts=on full
(ulimit -v "${HOSTILE_KIB:-4000000}" && ulimit -t 200 && cd "$dir" &&
    "$hostile" "${HOSTILE_SEED:-1}" "${HOSTILE_ROUNDS:-150}" ./*.qcow2 >"$dir/log" 2>&1) || {
    tail -n 50 "$dir/log" >&2
    exit 1
}
tail -n 1 "$dir/log"

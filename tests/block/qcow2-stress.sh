#!/bin/sh
# qcow2 images of every kind under random requests: qemu-img finds no error and the same data
# SPDX-License-Identifier: GPL-2.0-or-later
set -eu

stress=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/qcow2-stress.XXXXXX")
trap 'rm -rf "$dir"' EXIT
seed=0

# one CREATE-OPTIONS OPEN-OPTIONS
one() {
    seed=$((seed + 1))
    rm -f "$dir/data.img"
    : >"$dir/data.img"
    "$stress" "$dir" "$seed" "${STRESS_OPS:-40}" "$1" "$2" >"$dir/log" 2>&1 &&
        qemu-img check "$dir/x.qcow2" >"$dir/log" 2>&1 &&
        qemu-img compare -f raw -F qcow2 "$dir/x.raw" "$dir/x.qcow2" >"$dir/log" 2>&1 || {
        echo "failed: create '$1', open '$2', seed $seed" >&2
        cat "$dir/log" >&2
        exit 1
    }
}

small="cache.no-flush=on,l2-cache-size=4096,l2-cache-entry-size=512,refcount-cache-size=2048"
for options in "" version=v2 cluster-size=512 cluster-size=512,refcount-bits=64 \
    cluster-size=4k,refcount-bits=1 cluster-size=1k,refcount-bits=2 \
    cluster-size=2k,refcount-bits=4 cluster-size=512,refcount-bits=8,lazy-refcounts=on \
    cluster-size=8k,refcount-bits=32 cluster-size=2M extended-l2=on,cluster-size=16k \
    extended-l2=on lazy-refcounts=on compression-type=zstd preallocation=metadata \
    preallocation=falloc,cluster-size=4k preallocation=full \
    extended-l2=on,preallocation=metadata; do
    one "$options" ""
    one "$options" "$small"
done

export STRESS_NO_SNAPSHOTS=1            # not with data files
data="data-file.driver=file,data-file.filename=$dir/data.img"
one "$data" ""
one "$data,extended-l2=on,cluster-size=16k" ""
one "$data,data-file-raw=on" ""
cmp "$dir/data.img" "$dir/x.raw"

unset STRESS_NO_SNAPSHOTS
head -c 3000320 /dev/urandom >"$dir/base.raw"
export STRESS_BASE="$dir/base.raw"
for options in cluster-size=64k cluster-size=512 extended-l2=on,cluster-size=16k version=v2 \
    cluster-size=2M; do
    one "backing-file=$dir/base.raw,backing-fmt=raw,$options" ""
done

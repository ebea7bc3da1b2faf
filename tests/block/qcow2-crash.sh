#!/bin/sh
# power cuts: the states that a crash may leave of a qcow2 image have no error and the flushed data
# SPDX-License-Identifier: GPL-2.0-or-later
#
# CRASH_STATES: how many in all (default 1000; 100000 for a night), CRASH_SEED: the first seed.
set -eu

crash=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/qcow2-crash.XXXXXX")
trap 'rm -rf "$dir"' EXIT
left=${CRASH_STATES:-1000}
seed=${CRASH_SEED:-1}

while [ "$left" -gt 0 ]; do
    for options in "" cluster-size=4k cluster-size=512 cluster-size=512,refcount-bits=64 \
        version=v2,cluster-size=4k extended-l2=on,cluster-size=16k \
        lazy-refcounts=on,cluster-size=4k cluster-size=4k,refcount-bits=1 \
        cluster-size=1k,compression-type=zstd; do
        "$crash" "$dir" "$seed" 120 112 8 "$options" >"$dir/log" 2>&1 || {
            echo "failed: options '$options', seed $seed" >&2
            grep -v '^Leaked\|^Repairing' "$dir/log" >&2
            exit 1
        }
        left=$((left - 112))
        seed=$((seed + 1))
    done
done

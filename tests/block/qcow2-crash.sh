#!/bin/sh
# power cuts: the states that a crash may leave of a qcow2 image have no error and the flushed data
# SPDX-License-Identifier: GPL-2.0-or-later
#
# CRASH_STATES: how many in all (default 1000; 100000 for a night), CRASH_SEED: the first seed,
# CRASH_ERROR_RUNS: runs with storage that fails now and then (default 18).
set -eu

crash=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/qcow2-crash.XXXXXX")
trap 'rm -rf "$dir"' EXIT
left=${CRASH_STATES:-1000}
seed=${CRASH_SEED:-1}


run() {         # options seed
    "$crash" "$dir" "$2" 120 112 8 "$1" >"$dir/log" 2>&1 || {
        echo "failed: options '$1', seed $2, errors '${CRASH_ERRORS:-}'" >&2
        grep -v '^Leaked\|^Repairing' "$dir/log" >&2
        exit 1
    }
}

images='default cluster-size=4k cluster-size=512 cluster-size=512,refcount-bits=64
    version=v2,cluster-size=4k extended-l2=on,cluster-size=16k lazy-refcounts=on,cluster-size=4k
    cluster-size=4k,refcount-bits=1 cluster-size=1k,compression-type=zstd'

while [ "$left" -gt 0 ]; do
    for options in $images; do
        run "${options#default}" "$seed"
        left=$((left - 112))
        seed=$((seed + 1))
    done
done

export CRASH_ERRORS=1
left=${CRASH_ERROR_RUNS:-18}
while [ "$left" -gt 0 ]; do
    for options in $images; do
        run "${options#default}" "$seed"
        left=$((left - 1))
        seed=$((seed + 1))
    done
done

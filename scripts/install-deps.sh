#!/bin/sh
# Install the Debian packages that building, running and testing Mica need, and only the missing ones
# SPDX-License-Identifier: GPL-2.0-or-later
set -eu

# to build: compilers and libraries
packages="gcc libc6-dev binutils meson ninja-build pkg-config python3 clang clang-format
  libglib2.0-dev libjson-c-dev zlib1g-dev libpixman-1-dev liburing-dev libaio-dev
  libgnutls28-dev libzstd-dev libseccomp-dev"
# to run: firmware
packages="$packages seabios ipxe-qemu"
# to make the guests of `make run` and the boot tests, and to check our ACPI tables
packages="$packages ca-certificates cpio gzip xz-utils acpica-tools"
# to test the gdb server with
packages="$packages gdb"
# to hold NBD against other implementations, with and without TLS
packages="$packages libnbd-bin nbdkit qemu-utils gnutls-bin file"

# to see libvirt start a guest
packages="$packages libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu"

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "install-deps: not a Debian system; please install these yourself:" "$packages" >&2
    exit 0
fi

missing=
for p in $packages; do
    case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true) in
    *" installed") ;;
    *) missing="$missing $p" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "install-deps: these packages are missing, and neither root nor sudo is at hand:$missing" >&2
        exit 1
    fi
    as_root="sudo --preserve-env=DEBIAN_FRONTEND"
fi

echo "install-deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q || echo "install-deps: apt-get update failed, trying with the lists at hand" >&2
# shellcheck disable=SC2086
$as_root apt-get install -q -y --no-install-recommends $missing

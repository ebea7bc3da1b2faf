#!/bin/sh
# Prepare a guest from the distribution's packages without installing them: kernel, modules, busybox
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: guest.sh FOLDER amd64|i386
#
# Leaves FOLDER/ARCH/vmlinuz (Debian's stock kernel; 686-pae for i386) and
# FOLDER/ARCH/initrd.img (busybox, the modules for disks and file systems, a shell on
# the console). Everything is cached; a second run does nothing.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
folder=$1
arch=$2
case $arch in
amd64) kernel=linux-image-amd64 ;;
i386) kernel=linux-image-686-pae ;;
*) echo "guest.sh: no guest for '$arch': amd64 or i386" >&2; exit 1 ;;
esac

mkdir -p "$folder/$arch"
out=$(cd "$folder/$arch" && pwd)
stamp=$out/.made-by
version=$(cksum <"$top/scripts/guest.sh")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$version" ]; then
    exit 0
fi

fail() {
    echo "guest.sh: $1" >&2
    exit 1
}

# apt with lists and cache of its own, so that neither root nor a foreign architecture is needed
private=$out/apt
apt_opts=
use_private_lists() {
    mkdir -p "$private/lists/partial" "$private/cache/archives/partial"
    : >"$private/status"
    apt_opts="-o APT::Architecture=$arch -o APT::Architectures=$arch -o Dir::State=$private
      -o Dir::State::Lists=$private/lists -o Dir::State::status=$private/status
      -o Dir::Cache=$private/cache -o Debug::NoLocking=1 -o APT::Sandbox::User="
    # a source that does not answer must not stop us; what matters is whether the packages come
    # shellcheck disable=SC2086
    apt-get $apt_opts update -q -o Acquire::Languages=none >"$private/update.log" 2>&1 || true
}

depends() {
    # shellcheck disable=SC2086
    apt-cache $apt_opts depends "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

fetch() {
    # shellcheck disable=SC2086
    (cd "$out/debs" && apt-get $apt_opts download -q "$@" >"$out/download.log" 2>&1)
}

rm -rf "$out/debs" "$out/root" "$out/unpacked"
mkdir -p "$out/debs" "$out/unpacked" "$out/root"
echo "guest.sh: fetching Debian's $arch kernel and busybox"
ok=false
if [ "$(dpkg --print-architecture)" = "$arch" ]; then
    image=$(depends "$kernel")
    if [ -n "$image" ] && fetch "$image" busybox-static; then
        ok=true
    fi
fi
if [ "$ok" = false ]; then
    use_private_lists
    image=$(depends "$kernel")
    [ -n "$image" ] || fail "apt knows no package '$kernel' (see $private/update.log)"
    fetch "$image" busybox-static || fail "cannot download $image and busybox-static: $(tail -n 1 "$out/download.log")"
fi

for deb in "$out"/debs/*.deb; do
    dpkg -x "$deb" "$out/unpacked"
done
release=${image#linux-image-}
cp "$out/unpacked/boot/vmlinuz-$release" "$out/vmlinuz"
cp "$out/unpacked/boot/config-$release" "$out/config"

root=$out/root
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/mnt" "$root/tmp" "$root/etc" "$root/root"
cp "$out/unpacked/bin/busybox" "$root/bin/busybox"
# the applets are linked by name; the list is read from the binary when the host can run it
for applet in sh init mount umount modprobe insmod depmod mkdir ln ls cat echo poweroff reboot halt dmesg \
    setsid cttyhack getty ps top free uname grep sed awk cut head tail sleep sync dd hexdump od vi less \
    lspci lsmod df du find cp mv rm chmod chown date hwclock ip ping udhcpc wget tar gzip gunzip md5sum \
    sha256sum cmp stty tty env true false test '[' expr seq wc sort uniq which devmem nproc mknod \
    switch_root chroot mdev kill killall time timeout losetup blkid fdisk printf xargs tr id hostname; do
    ln -s busybox "$root/bin/$applet"
done
ln -s bin "$root/sbin"
ln -s bin/busybox "$root/init"

# the modules that disks, CDs, network cards and USB need; modprobe sorts out what they need in turn
modules=lib/modules/$release
mkdir -p "$root/$modules"
cp "$out/unpacked/$modules"/modules.builtin* "$out/unpacked/$modules/modules.order" "$root/$modules/"
for m in ata_piix ata_generic ahci libahci libata sd_mod sr_mod cdrom scsi_mod scsi_common virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev \
    virtio virtio_ring virtio_blk virtio_scsi virtio_net virtio_console virtio-rng failover net_failover e1000 ext4 jbd2 mbcache \
    crc16 crc32c_generic libcrc32c isofs vfat fat nls_cp437 nls_ascii squashfs loop uhci-hcd ehci-hcd ehci-pci usbcore \
    usb-common usb-storage hid usbhid hid-generic evdev pcspkr floppy qemu_fw_cfg rtc-cmos i2c-piix4 button pvpanic pvpanic-mmio \
    t10-pi crc-t10dif crct10dif_common crc64 crc64-rocksoft crc64-rocksoft_generic crct10dif_generic; do
    file=$(find "$out/unpacked/$modules/kernel" -name "$m.ko" -o -name "$m.ko.xz" | head -n 1)
    [ -n "$file" ] || continue
    rel=${file#"$out/unpacked/"}
    mkdir -p "$root/$(dirname "$rel")"
    cp "$file" "$root/$rel"
done
if [ -f "$root/sbin/depmod" ] && command -v depmod >/dev/null 2>&1; then
    depmod -b "$root" "$release"
else
    "$out/unpacked/bin/busybox" depmod -b "$root" "$release" || fail "cannot run busybox depmod"
fi

cat >"$root/etc/inittab" <<'END'
::sysinit:/etc/rc
console::respawn:/etc/session
::ctrlaltdel:/bin/reboot
::shutdown:/bin/umount -a -r
END
cat >"$root/etc/rc" <<'END'
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts 2>/dev/null
hostname mica
for word in $(cat /proc/cmdline); do
    case $word in
    mica.run=*) cat "/etc/run-$word" 2>/dev/null ;;
    esac
done
echo
echo "Linux $(uname -r) with $(nproc) CPUs, $(free -m | sed -n 's/^Mem: *\([0-9]*\).*/\1/p') MiB. 'poweroff' ends the machine."
END
cat >"$root/etc/session" <<'END'
#!/bin/sh
export PATH=/bin HOME=/root TERM=vt100 PS1='mica:\w# '
cd /root
# mica.run=COMMAND (with ',' for blanks) on the kernel's command line: run it, then power off
for word in $(cat /proc/cmdline); do
    case $word in
    mica.run=*)
        sh -c "$(echo "${word#mica.run=}" | tr , ' ')"
        echo "mica.run ended with status $?"
        exec poweroff -f ;;
    esac
done
exec cttyhack sh
END
sed -i '/^for word in/,/^done/d' "$root/etc/rc"
chmod +x "$root/etc/rc" "$root/etc/session"

(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) | gzip -9 -n >"$out/initrd.img"
echo "$release" >"$out/release"
echo "$version" >"$stamp"
rm -rf "$out/root" "$out/debs" "$out/unpacked" "$private"
echo "guest.sh: $out: Linux $release"

#!/bin/sh
# virsh with libvirt's embedded QEMU driver: probe, define, start, suspend, media, jobs, destroy
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: libvirt-test.sh MICA; skipped (77) where libvirt is not there
set -u
mica=$1
[ -x /usr/bin/virsh ] || exit 77
[ -e /usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so ] || exit 77

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/root/etc"
# As root the driver would look for users that only the daemon's package makes.
cp "$mica" "$dir/mica"
mica=$dir/mica
as=
if [ "$(id -u)" = 0 ]; then
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi
export HOME="$dir"
cat > "$dir/root/etc/qemu.conf" <<END
security_driver = "none"
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
END
truncate -s 16M "$dir/disk.img"
truncate -s 1M "$dir/cd.img"
cat > "$dir/t1.xml" <<END
<domain type='qemu'>
  <name>t1</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/><apic/></features>
  <devices>
    <emulator>$mica</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='$dir/disk.img'/>
      <target dev='hda' bus='ide'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <target dev='hdc' bus='ide'/>
      <readonly/>
    </disk>
    <serial type='pty'/>
    <console type='pty'/>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <video><model type='vga'/></video>
  </devices>
</domain>
END
cat > "$dir/commands" <<END
define $dir/t1.xml
start t1
domstate t1
suspend t1
domstate t1
resume t1
inject-nmi t1
send-key t1 KEY_A
screenshot t1 $dir/shot.ppm
reset t1
domstate t1
dominfo t1
domblkstat t1 hda
qemu-monitor-command t1 --hmp info status
qemu-monitor-command t1 '{"execute":"query-name"}'
change-media t1 hdc $dir/cd.img --insert
change-media t1 hdc --eject
snapshot-create-as t1 s1 --disk-only --no-metadata
domblklist t1
blockcommit t1 hda --active --pivot
domblklist t1
snapshot-create-as t1 s2 --disk-only --no-metadata
blockpull t1 hda --wait
blockcopy t1 hda $dir/copy.img --transient-job --wait --pivot
domblklist t1
attach-disk t1 $dir/cd.img hdb --targetbus ide
shutdown t1
destroy t1
domstate t1
END
if [ "$(id -u)" = 0 ]; then
    chown -R 65534:65534 "$dir"
fi
timeout 120 $as virsh -c "qemu:///embed?root=$dir/root" < "$dir/commands" > "$dir/out" 2>&1
grep -v '^$' "$dir/out"
for words in "defined from" "Domain 't1' started" "Domain 't1' suspended" "^paused" \
             "Domain 't1' resumed" "Screenshot saved" "was reset" "is being shutdown" \
             "VM status: running" '"return":{"name":"t1"}' "^hda rd_req" "Successfully inserted" \
             "Successfully ejected" "Domain snapshot s1 created" "Pull complete" \
             " hda .*/disk.s1" " hda .*/disk.img" " hda .*/copy.img" \
             "'ide.0' does not support hotplugging" "Domain 't1' destroyed" "^shut off"; do
    grep -q "$words" "$dir/out" || { echo "missing: $words"; exit 1; }
done
# IDE disks are no hotplug devices; nothing else may fail.
[ "$(grep -c '^error:' "$dir/out")" = 2 ]

#!/bin/sh
# usage: unshare --mount sh systemd-container.sh FOLDER PROGRAM
#
# A container in which systemd runs as pid 1: an overlay of this machine's root folder without its services, its
# configuration of canhazgpu and its pools, and with PROGRAM installed. It ends when the standard input of this script
# ends. FOLDER/init has the pid of systemd after each boot.
set -eu
folder=$1
program=$2
layers=$folder/layers
root=$layers/root

mount --make-rprivate /
mkdir "$layers"
mount -t tmpfs -o mode=755 none "$layers"
mkdir "$layers/upper" "$layers/work" "$root" "$layers/cgroup"
mount -t overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" none "$root"
rm -rf "$root/etc/systemd/system" "$root/etc/fstab" "$root/etc/canhazgpu" "$root/var/lib/canhazgpu" \
  "$root/var/log/journal"
mkdir -p "$root/etc/systemd/system" "$root/var/log/journal"
install -m 755 "$program" "$root/usr/local/bin/canhazgpu"
mount -t cgroup2 none "$layers/cgroup"
group=$layers/cgroup/canhazgpu-test-$$
mkdir "$group"

# It must not set the clock of this machine, load modules or write to its devices.
drop=-sys_module,-sys_time,-sys_rawio,-syslog

cat > "$layers/init.sh" <<END
set -eu
mount -t proc proc $root/proc
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
mount -t sysfs -o ro sysfs $root/sys
mount -t cgroup2 none $root/sys/fs/cgroup
mount -t tmpfs -o mode=755 none $root/run
mount -t tmpfs -o mode=1777 none $root/tmp
mount -t tmpfs -o mode=755 none $root/dev
for name in null zero full random urandom tty; do
  touch $root/dev/\$name
  mount --bind /dev/\$name $root/dev/\$name
done
mkdir $root/dev/pts $root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 none $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd
read -r pid rest < /proc/self/stat
echo "\$pid" > $folder/init.new
mv $folder/init.new $folder/init
mkdir -p $root/old
cd $root
pivot_root . old
umount -l /old
exec env -i container=canhazgpu PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_GENERATOR_PATH=/nonexistent \
  setpriv --bounding-set=$drop /lib/systemd/systemd --unit=multi-user.target
END

# A reboot ends the pid namespace with SIGHUP.
cat > "$layers/boot.sh" <<END
boot() {
  while :; do
    unshare --pid --fork sh -c 'echo 0 > $group/cgroup.procs
      exec unshare --mount --uts --ipc --net --cgroup sh $layers/init.sh' < /dev/null > /dev/null
    [ \$? = 129 ] || return
  done
}
exec 3<&0
trap 'exit 1' TERM
{ boot; kill \$\$; } &
cat <&3 > /dev/null &
wait \$!
END
# When this pid namespace ends, the kernel ends all processes in it.
status=0
unshare --pid --fork sh "$layers/boot.sh" || status=$?
find "$group" -depth -type d -exec rmdir {} \;
exit $status

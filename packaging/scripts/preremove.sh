#!/bin/sh
# Before the files are removed: says what remains. dpkg calls it with `remove`, rpm with the number of versions that
# remain. An upgrade says nothing.
set -e
case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac

if [ -e /etc/systemd/system/canhazgpu.service ]; then
  echo "canhazgpu: the service remains, and its daemon runs until it is stopped: systemctl disable --now canhazgpu"
  echo "canhazgpu: to remove the service too, install the package again and run: canhazgpu service uninstall"
fi
if [ -e /var/lib/canhazgpu ]; then
  echo "canhazgpu: the pool in /var/lib/canhazgpu remains, with reservations and history. Running jobs keep running"
fi
exit 0

#!/bin/sh
# After the files are in place. It starts and changes nothing; it only names the next step.
set -e
case "$1" in
configure | 1 | 2) ;;
*) exit 0 ;;
esac

other=/usr/local/bin/canhazgpu
if [ -e "$other" ]; then
  echo "canhazgpu: $other is not part of this package, and shells find it first. To use the package: rm $other"
fi
if [ -e /etc/systemd/system/canhazgpu.service ]; then
  echo "canhazgpu: the daemon still runs the version that it was started with. To restart it: canhazgpu service install"
elif [ ! -e /var/lib/canhazgpu ] && [ ! -e /etc/canhazgpu ]; then
  echo "canhazgpu: set up the pool with the number of GPUs in this machine: canhazgpu admin --gpus N"
fi
exit 0

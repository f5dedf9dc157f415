#!/bin/sh
# `dpkg --purge` also removes the pool and the configuration. Not while the service is installed: its daemon may run.
set -e
[ "$1" = purge ] || exit 0

if [ -e /etc/systemd/system/canhazgpu.service ]; then
  echo "canhazgpu: the service is still installed, so /var/lib/canhazgpu and /etc/canhazgpu remain"
  exit 0
fi
rm -rf /var/lib/canhazgpu /etc/canhazgpu

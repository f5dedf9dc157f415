#!/bin/sh
# Installs canhazgpu from a release: sh install.sh [--prefix FOLDER] [SOURCE]
#
# SOURCE is an archive (canhazgpu-VERSION-linux-ARCH.tar.gz), a folder of archives, or the https address of one. The
# default is the folder of this script. SHA256SUMS must be beside the archive. Without --prefix, it installs to
# /usr/local. It starts nothing.
set -eu

fail() {
  echo "Error: $1" >&2
  [ $# -lt 2 ] || echo "Hint: $2" >&2
  exit 1
}

main() {
  prefix=/usr/local
  source=
  while [ $# -gt 0 ]; do
    case "$1" in
    --prefix) [ $# -ge 2 ] || usage; prefix=$2; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    -h | --help) help; exit 0 ;;
    -*) usage ;;
    *) [ -z "$source" ] || usage; source=$1 ;;
    esac
    shift
  done
  case "$prefix" in
  /*) ;;
  *) fail "The prefix '$prefix' is not an absolute path" ;;
  esac
  [ -n "$source" ] || source=$(dirname "$0")

  machine=$(machine_name)
  check_prefix
  # In the prefix, so that a rename puts the files into their places.
  work=$(mktemp -d "$prefix/bin/.canhazgpu-install.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  find_archive
  verify
  mkdir "$work/files"
  gzip -dc "$archive" | tar -xf - -C "$work/files" || fail "The archive $name cannot be unpacked"
  tree=$work/files/${name%.tar.gz}
  check_executable
  put_in_place
  say_next
}

help() {
  echo "Usage: install.sh [--prefix FOLDER] [ARCHIVE | FOLDER | https://ADDRESS]"
}

usage() {
  help >&2
  exit 2
}

# linux-x64, linux-arm64-musl, ...: as in the names of archives.
machine_name() {
  [ "$(uname -s)" = Linux ] || fail "canhazgpu runs on Linux only, not on $(uname -s)"
  case "$(uname -m)" in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) fail "There is no canhazgpu for the processor type $(uname -m), only for x86_64 and aarch64" ;;
  esac
  libc=
  # The command fails on musl, which has no option for its version.
  case "$(ldd --version 2>&1 || true)" in
  *musl*) libc=-musl ;;
  esac
  echo "linux-$arch$libc"
}

check_prefix() {
  bin=$prefix/bin
  mkdir -p "$bin" 2>/dev/null || true
  [ -d "$bin" ] || fail "The folder $bin cannot be created" "type sudo in front, or choose --prefix \"\$HOME/.local\""
  [ -w "$bin" ] || fail "You may not write to $bin" "type sudo in front, or choose --prefix \"\$HOME/.local\""
  [ ! -d "$bin/canhazgpu" ] || fail "$bin/canhazgpu is a folder" "remove it, or choose another --prefix"
}

# Sets `archive`, `name` and `sums`.
find_archive() {
  sums=$work/SHA256SUMS
  case "$source" in
  https://* | http://localhost[:/]* | http://127.0.0.1[:/]*)
    address=${source%/}
    download "$address/SHA256SUMS" "$sums"
    choose
    archive=$work/$name
    download "$address/$name" "$archive"
    return
    ;;
  http://*) fail "$source is not protected against changes on the way" "use an https address" ;;
  esac
  if [ -d "$source" ]; then
    copy_sums "$source"
    choose
    archive=$source/$name
  else
    archive=$source
    name=$(basename "$source")
    [ -f "$archive" ] || fail "There is no archive $archive"
    case "$name" in
    canhazgpu-*-"$machine".tar.gz) ;;
    *) fail "$name is not for this machine" "use the archive whose name ends in -$machine.tar.gz" ;;
    esac
    copy_sums "$(dirname "$source")"
  fi
  [ -f "$archive" ] || fail "There is no archive $archive"
}

copy_sums() {
  cp "$1/SHA256SUMS" "$sums" 2>/dev/null || fail "There is no readable file $1/SHA256SUMS" "copy it there from the release"
}

choose() {
  name=$(sed -n "s/^[0-9a-f]*  \(canhazgpu-[0-9][0-9A-Za-z.+-]*-$machine\.tar\.gz\)\$/\1/p" "$sums" | grep -v -- "-linux-.*-linux-" | head -n 1)
  [ -n "$name" ] || fail "The release at $source has no archive for this machine ($machine)"
}

download() {
  if command -v curl > /dev/null; then
    curl -fsSL --retry 2 -o "$2" "$1" || fail "$1 cannot be downloaded"
  elif command -v wget > /dev/null; then
    wget -q -O "$2" "$1" || fail "$1 cannot be downloaded"
  else
    fail "Neither curl nor wget is installed" "download the archive and SHA256SUMS yourself, and name the archive"
  fi
}

verify() {
  expected=$(awk -v name="$name" '$2 == name { print $1 }' "$sums")
  [ -n "$expected" ] || fail "SHA256SUMS does not name $name"
  actual=$(sha256sum "$archive") || fail "The checksum of $archive cannot be computed"
  actual=${actual%% *}
  [ "$actual" = "$expected" ] ||
    fail "$name has the checksum $actual, expected $expected; nothing was installed" "download it again"
}

check_executable() {
  version=$("$tree/bin/canhazgpu" --version 2>&1) ||
    fail "The new executable does not start here: $version" "see docs/requirements.md; nothing was installed"
}

# The executable last: the other files belong to it. A rename replaces it while it runs.
put_in_place() {
  (cd "$tree/share" && find . -type f) | while read -r file; do
    mkdir -p "$(dirname "$prefix/share/$file")"
    cp "$tree/share/$file" "$prefix/share/$file.new"
    chmod 644 "$prefix/share/$file.new"
    mv -f "$prefix/share/$file.new" "$prefix/share/$file"
  done
  chmod 755 "$tree/bin/canhazgpu"
  sync "$tree/bin/canhazgpu" 2>/dev/null || sync
  mv -f "$tree/bin/canhazgpu" "$bin/canhazgpu"
}

say_next() {
  echo "Installed canhazgpu $version as $bin/canhazgpu"
  found=$(command -v canhazgpu || true)
  if [ -z "$found" ]; then
    echo "Add it to your PATH: export PATH=\"$bin:\$PATH\""
  elif [ "$found" != "$bin/canhazgpu" ]; then
    echo "Note: your shell finds $found first"
  fi
  if [ -e /etc/systemd/system/canhazgpu.service ]; then
    echo "Next, restart the daemon with this version: sudo $bin/canhazgpu service install"
  elif [ ! -e /var/lib/canhazgpu ] && [ ! -e /etc/canhazgpu ]; then
    echo "Next, set up the pool with the number of GPUs in this machine: sudo $bin/canhazgpu admin --gpus N"
  fi
}

main "$@"

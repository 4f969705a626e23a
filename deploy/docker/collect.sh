#!/bin/sh
# collect.sh BUILT ROOTFS OUT PACKAGE...: for each program a folder OUT/<name>/image, to be copied onto the root of its image.
# Fails when a program wants a library that is not in ROOTFS.
set -eu

built=$1 rootfs=$2 out=$3
shift 3
for package in "$@"; do
  image=$out/${package#mall-}/image
  mkdir -p "$image"
  install -m 755 "$built/$package" "$image/program"
  ldd "$image/program" | sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p' | while read -r library; do
    [ -e "$rootfs$library" ] || { echo "$package wants $library, which rootfs.sh does not bring along" >&2; exit 1; }
  done
done
# The default store goes along with the program that serves it.
if [ -d "$out/config-server" ]; then cp -R config-repo "$out/config-server/image/config-repo"; fi
# Two builds of the same sources give the same files, whenever they ran.
find "$out" -exec touch -h -d @0 {} +

#!/bin/sh
# rootfs.sh FOLDER: all that a program needs from a system: glibc's loader and three libraries, a user, and where to look up names.
# There is no shell in it, no package manager, and nothing that anybody could write to.
set -eu

out=$1
mkdir -p "$out/etc"

# The loader by the path that is written into every program; the libraries where it looks for them. `check.sh` tells, at build
# time, if a program wants another one.
ldd /bin/true | sed -n 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p;s/.*=> \(\/[^ ]*\/libc\.so\.6\) (.*/\1/p' | while read -r file; do
  cp -L --parents "$file" "$out"
done
libraries=$(dirname "$(ldd /bin/true | sed -n 's/.*=> \(\/[^ ]*\/libc\.so\.6\) (.*/\1/p')")
cp -L --parents "$libraries/libm.so.6" "$libraries/libgcc_s.so.1" "$out"

printf 'mall:x:10001:10001:mall:/:/none\n' >"$out/etc/passwd"
printf 'mall:x:10001:\n' >"$out/etc/group"
printf 'hosts: files dns\n' >"$out/etc/nsswitch.conf"
find "$out" -exec touch -h -d @0 {} +

#!/bin/sh
# Cuts the power under MariaDB in the middle of a sale, and looks whether everything that was acknowledged is there afterwards.
#
# Not part of CI: it needs root, a loop device, and xfsprogs (mkfs.xfs, xfs_io). Half a minute, once built.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "needs root, to mount a disk that forgets" >&2; exit 1; }
for program in mkfs.xfs xfs_io losetup; do
    command -v "$program" >/dev/null || { echo "needs $program" >&2; exit 1; }
done
exec cargo test -p mall-stock --features power-cut --test it power -- --nocapture --test-threads 1

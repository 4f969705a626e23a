#!/usr/bin/env bash
# unpack.sh IMAGE FOLDER: makes FOLDER/server, which runs the database or the Redis of an image as a plain process of this machine,
# with the image's own libraries, and takes the server's arguments. FOLDER is made; say `rm -rf FOLDER` when it is no longer wanted.
#
# A test of the mall starts, freezes and kills its servers, each on data and a port of its own: a container's client would die in
# the place of the server.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2,3p' "$0" >&2; exit 64; }
image=$1
mkdir -p "$2"
root=$(cd "$2" && pwd)/root
mkdir "$root"

docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" >/dev/null
container=$(docker create "$image")
trap 'docker rm --volumes "$container" >/dev/null' EXIT
docker export "$container" | tar -x -C "$root" --no-same-owner --exclude='dev/*' --exclude='proc/*' --exclude='sys/*'
chmod -R u+rwX "$root"

# find_first TESTS-OF-FIND...: one file of those that fit.
find_first() { find "$root" -type f "$@" 2>/dev/null | sort | head -n 1; }
program=''
for name in mariadbd mysqld valkey-server redis-server; do
  program=$(find_first -name "$name" -perm -u+x -path '*bin/*')
  if [ -n "$program" ]; then break; fi
done
# Debian has it under the name of its checking tool: it is the server when it is called so.
called=$name
if [ -z "$program" ]; then
  for name in valkey redis; do
    program=$(find_first -name "$name-check-rdb" -perm -u+x)
    called=$name-server
    if [ -n "$program" ]; then break; fi
  done
fi
[ -n "$program" ] || { echo "$image holds no server that is known here" >&2; exit 1; }
loader=$(find_first \( -name 'ld-linux*.so.*' -o -name 'ld-musl-*.so.*' -o -name 'ld-[0-9]*.so' \))
[ -n "$loader" ] || { echo "$image holds no loader" >&2; exit 1; }
libraries=$(find "$root"/lib* "$root"/usr/lib* "$root"/usr/local/lib* -name 'lib*.so.*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd :)

# Where it looks by itself is this machine's place.
more=()
case $called in
  mariadbd | mysqld)
    messages=$(find_first -path '*/english/errmsg.sys')
    charsets=$(find_first -path '*/charsets/Index.xml')
    plugins=$(find "$root"/usr/lib* -type d -path '*/plugin' 2>/dev/null | head -n 1)
    [ -z "$messages" ] || more+=("--lc-messages-dir=${messages%/english/errmsg.sys}")
    [ -z "$charsets" ] || more+=("--character-sets-dir=${charsets%/Index.xml}")
    [ -z "$plugins" ] || more+=("--plugin-dir=$plugins")
    ;;
esac

# Beside the program, because MariaDB's data are made from files that are found from there.
start=$(dirname "$program")/mall-server
{
  echo '#!/bin/bash'
  # It stays one process: whoever signals it, signals the server.
  printf 'exec %q --argv0 %q --library-path %q %q "$@"' "$loader" "$(dirname "$program")/$called" "$libraries" "$program"
  # Without arguments, printf would print an empty one.
  if [ ${#more[@]} -gt 0 ]; then printf ' %q' "${more[@]}"; fi
  echo
} >"$start"
chmod 755 "$start"
ln -s "$start" "$root/../server"
"$root/../server" --version

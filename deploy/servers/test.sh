#!/usr/bin/env bash
# test.sh [--mall] SQL_IMAGE REDIS_IMAGE [arguments for cargo test]: the tests against other servers than this machine's.
#
#   deploy/servers/test.sh mysql:8.4 redis:8
#   deploy/servers/test.sh mariadb:11.8 valkey/valkey:9 -p mall-stock reserve
#   deploy/servers/test.sh --mall mysql:8.4 redis:8
#   deploy/servers/test.sh --mall mysql:8.4 redis:8 -p mall-system-tests --test crash
#
# Without --mall: the tests of every crate that speaks to a database, against servers in containers on the host's network, with their
# socket in a folder of the host (some tests ask who is connected, and how). Where there are servers already, it takes no script:
# DATABASE_URL=mysql://root@127.0.0.1:3306 REDIS_URL=redis://127.0.0.1:6379 cargo test -p mall-stock
#
# With --mall: the system tests. Each mall under test starts and kills servers of its own, so they are taken out of their images and run
# as processes (unpack.sh). Where a machine has the programs, it takes no script:
# MALL_SQL_SERVER=/usr/sbin/mysqld MALL_REDIS_SERVER=/usr/bin/valkey-server cargo mall test
#
# Each crate's result is told at the end; the script fails when one failed.
set -euo pipefail

mall=0
if [ "${1:-}" = --mall ]; then
  mall=1
  shift
fi
[ $# -ge 2 ] || { sed -n '2,18p' "$0" >&2; exit 64; }
sql_image=$1 redis_image=$2
shift 2
cd "$(dirname "$0")/../.."

SQL_PORT=${SQL_PORT:-13306} REDIS_PORT=${REDIS_PORT:-16379}
sql='' redis='' scratch=$(mktemp -d)
chmod 1777 "$scratch"
# shellcheck disable=SC2329  # called by the trap
end() {
  docker rm --force --volumes ${sql:+"$sql"} ${redis:+"$redis"} >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap end EXIT
trap 'exit 130' INT TERM
# run COMMAND...: its output, then each crate's result; the command's exit code.
run() {
  local code=0
  "$@" 2>&1 | tee "$scratch/log" || code=$?
  echo
  echo "with $sql_image and $redis_image:"
  sed -n -e 's/^ *Running .*\/\([^/]*\)-[0-9a-f]*)$/\1/p' -e 's/^ *Doc-tests \(.*\)/doc of \1/p' -e '/^test result/p' -e '/^test .*FAILED$/p' "$scratch/log"
  exit "$code"
}

if [ "$mall" = 1 ]; then
  [ $# -gt 0 ] || set -- -p mall-system-tests --test system
  deploy/servers/unpack.sh "$sql_image" "$scratch/sql"
  deploy/servers/unpack.sh "$redis_image" "$scratch/redis"
  export MALL_SQL_SERVER=$scratch/sql/server MALL_REDIS_SERVER=$scratch/redis/server
  run cargo mall test "$@"
fi
[ $# -gt 0 ] || set -- --no-fail-fast -p mall-db -p mall-lock -p mall-outbox -p mall-jobs -p mall-idempotency -p mall-stock -p mall-orders -p mall-payments \
  -p mall-products -p mall-carts -p mall-users

sql=$(docker run --detach --network host --tmpfs /var/lib/mysql --volume "$scratch:$scratch" \
  --env MYSQL_ALLOW_EMPTY_PASSWORD=1 --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 \
  "$sql_image" --port="$SQL_PORT" --socket="$scratch/mysqld.sock" --max-connections=1000)
# Valkey's image knows the old name, too.
redis=$(docker run --detach --network host "$redis_image" redis-server --port "$REDIS_PORT" --save '')

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
listens() { # listens PORT CONTAINER
  for _ in $(seq 240); do
    if answers "$1"; then return; fi
    [ "$(docker inspect --format '{{.State.Running}}' "$2")" = true ] || break
    sleep 0.5
  done
  echo "nobody listens on port $1" >&2
  docker logs --tail 20 "$2" >&2
  exit 1
}
listens "$SQL_PORT" "$sql"
listens "$REDIS_PORT" "$redis"
# What they are, as they say it themselves.
server=$(docker exec "$sql" sh -c 'mysqld --version 2>/dev/null || mariadbd --version')
echo "against $server"
echo "and $(docker exec "$redis" redis-server --version)"

export DATABASE_URL=mysql://root@127.0.0.1:$SQL_PORT REDIS_URL=redis://127.0.0.1:$REDIS_PORT
run cargo test "$@"

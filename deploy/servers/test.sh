#!/usr/bin/env bash
# test.sh SQL_IMAGE REDIS_IMAGE [arguments for cargo test]: the tests of everything that speaks to a database, against other servers.
#
#   deploy/servers/test.sh mysql:8.4 redis:8
#   deploy/servers/test.sh mariadb:11.8 valkey/valkey:9 -p mall-stock reserve
#
# The servers run in containers, on the host's network and with their socket in a folder of the host (some tests ask who is connected,
# and how), and end with the script. Each crate's result is told at the end; the script fails when one failed. Without containers, say
# where the servers are: DATABASE_URL=mysql://root@127.0.0.1:3306 REDIS_URL=redis://127.0.0.1:6379 cargo test -p mall-stock
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,9p' "$0" >&2; exit 64; }
sql_image=$1 redis_image=$2
shift 2
[ $# -gt 0 ] || set -- --no-fail-fast -p mall-db -p mall-lock -p mall-outbox -p mall-jobs -p mall-idempotency -p mall-stock -p mall-orders -p mall-payments \
  -p mall-products -p mall-carts -p mall-users
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

code=0
DATABASE_URL=mysql://root@127.0.0.1:$SQL_PORT REDIS_URL=redis://127.0.0.1:$REDIS_PORT cargo test "$@" 2>&1 | tee "$scratch/log" || code=$?
echo
echo "with $sql_image and $redis_image:"
sed -n -e 's/^ *Running .*\/\([^/]*\)-[0-9a-f]*)$/\1/p' -e 's/^ *Doc-tests \(.*\)/doc of \1/p' -e '/^test result/p' -e '/^test .*FAILED$/p' "$scratch/log"
exit "$code"

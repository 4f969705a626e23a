#!/usr/bin/env bash
# test.sh SQL_IMAGE REDIS_IMAGE [arguments for cargo test]: the tests of everything that speaks to a database, against other servers.
#
#   deploy/servers/test.sh mysql:8.4 redis:8
#   deploy/servers/test.sh mariadb:11.8 valkey/valkey:9 -p mall-stock reserve
#
# The servers run in containers, on the host's network (some tests ask who is connected), and end with the script. Without containers,
# say where the servers are: DATABASE_URL=mysql://root@127.0.0.1:3306 REDIS_URL=redis://127.0.0.1:6379 cargo test -p mall-stock
set -euo pipefail

[ $# -ge 2 ] || { sed -n '2,8p' "$0" >&2; exit 64; }
sql_image=$1 redis_image=$2
shift 2
[ $# -gt 0 ] || set -- --no-fail-fast -p mall-db -p mall-lock -p mall-outbox -p mall-jobs -p mall-stock -p mall-orders -p mall-payments \
  -p mall-products -p mall-carts -p mall-users
cd "$(dirname "$0")/../.."

SQL_PORT=${SQL_PORT:-13306} REDIS_PORT=${REDIS_PORT:-16379}
sql='' redis=''
end() { docker rm --force --volumes ${sql:+"$sql"} ${redis:+"$redis"} >/dev/null 2>&1 || true; }
trap end EXIT

sql=$(docker run --detach --network host --tmpfs /var/lib/mysql --env MYSQL_ALLOW_EMPTY_PASSWORD=1 --env MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 \
  "$sql_image" --port="$SQL_PORT" --max-connections=1000)
# Valkey's image knows the old name, too.
redis=$(docker run --detach --network host "$redis_image" redis-server --port "$REDIS_PORT" --save '')

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for port in "$SQL_PORT" "$REDIS_PORT"; do
  for _ in $(seq 240); do
    if answers "$port"; then continue 2; fi
    sleep 0.5
  done
  echo "nobody listens on port $port" >&2
  docker logs --tail 20 "$sql" >&2
  exit 1
done
echo "against $sql_image and $redis_image"
DATABASE_URL=mysql://root@127.0.0.1:$SQL_PORT REDIS_URL=redis://127.0.0.1:$REDIS_PORT cargo test "$@"

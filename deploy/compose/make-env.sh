#!/bin/sh
# make-env.sh [FILE]: writes .env (or FILE) with fresh random secrets for docker-compose.yml. Never overwrites one: the data in the
# volumes can be read with the old secrets only.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$here/.env}
if [ -e "$file" ]; then
  echo "$file is there already; secrets of a running mall are not replaced (docs/compose.md tells how to change one)" >&2
  exit 1
fi

# 256 bits as 64 hexadecimal digits: nothing in it means anything to a URL, to SQL or to a shell.
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

umask 077
half_done=$file.$$
trap 'rm -f "$half_done"' EXIT
{
  echo "# Secrets of this mall, made by deploy/compose/make-env.sh. Keep a copy where the backups are: USERS_KEY_K1 and"
  echo "# USERS_INDEX_SECRET open what is stored, and nothing else does. docs/compose.md says what each one is for."
  for name in MYSQL_ROOT_PASSWORD MYSQL_USERS_PASSWORD MYSQL_PRODUCTS_PASSWORD MYSQL_CARTS_PASSWORD MYSQL_ORDERS_PASSWORD \
    MYSQL_PAYMENTS_PASSWORD MYSQL_STOCK_PASSWORD MYSQL_AUDIT_PASSWORD REDIS_PASSWORD CONFIG_SERVER_PASSWORD ENCRYPT_KEY \
    INTERNAL_KEY JWT_SECRET USERS_KEY_K1 USERS_INDEX_SECRET GRAFANA_PASSWORD; do
    echo "$name=$(secret)"
  done
  echo
  echo "# The first administrator. The password counts when the account is made, at the first start."
  echo "ADMIN_EMAIL=admin@mall.example"
  echo "ADMIN_PASSWORD=Aa1!$(secret | cut -c1-24)"
  echo
  echo "# Where shoppers reach the mall, as it stands in verification mails; and where it is published."
  echo "#API_GATEWAY_URL=http://localhost:8080"
  echo "#GATEWAY_ADDRESS=127.0.0.1"
  echo "#GATEWAY_PORT=8080"
} >"$half_done"
# `ln` fails where another one has been made meanwhile.
ln "$half_done" "$file"
echo "$file: written, readable by you only"

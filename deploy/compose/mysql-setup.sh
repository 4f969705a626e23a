#!/bin/sh
# Runs at every start, before the migrations: a schema and a user for each service, with rights on that schema only, and one user
# for audits, who may only read. What is there stays; a password that was changed in .env is changed here.
set -eu

export MYSQL_PWD="$MYSQL_ROOT_PASSWORD"
# MariaDB's image has its own name only.
client=$(command -v mysql || command -v mariadb)

# A text for SQL.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }

user() { # user NAME PASSWORD
  password=$(quoted "$2")
  echo "CREATE USER IF NOT EXISTS '$1'@'%' IDENTIFIED BY $password;"
  echo "ALTER USER '$1'@'%' IDENTIFIED BY $password;"
}

schema() { # schema SERVICE PASSWORD
  echo "CREATE DATABASE IF NOT EXISTS mall_$1 CHARACTER SET utf8mb4;"
  user "mall_$1" "$2"
  # An underscore alone would stand for any letter.
  echo "GRANT ALL ON \`mall\\_$1\`.* TO 'mall_$1'@'%';"
}

{
  schema users "$MYSQL_USERS_PASSWORD"
  schema products "$MYSQL_PRODUCTS_PASSWORD"
  schema carts "$MYSQL_CARTS_PASSWORD"
  schema orders "$MYSQL_ORDERS_PASSWORD"
  schema payments "$MYSQL_PAYMENTS_PASSWORD"
  schema stock "$MYSQL_STOCK_PASSWORD"
  user mall_audit "$MYSQL_AUDIT_PASSWORD"
  # shellcheck disable=SC2016  # backquotes of SQL
  printf 'GRANT SELECT ON `mall\\_%%`.* TO '"'mall_audit'@'%%'"';\n'
} | "$client" --protocol=tcp --host=mysql --user=root
echo "six schemas and their users are there"

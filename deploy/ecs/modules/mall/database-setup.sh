# Runs in a container with a MySQL client: for each schema in SCHEMAS the schema and a user of the same name, with rights on that
# schema only and the password PASSWORD_<schema>; and mall_audit, with AUDIT_PASSWORD, who may read all of them. Running it again
# brings in passwords that changed: the one before goes on being good, so that tasks which still have it work until they are replaced.
if [ -n "${MYSQL_CA:-}" ]; then
  printf '%s\n' "$MYSQL_CA" >/tmp/ca.pem
  encryption="--ssl-mode=VERIFY_IDENTITY --ssl-ca=/tmp/ca.pem"
else
  encryption="--ssl-mode=REQUIRED"
fi
# shellcheck disable=SC2086  # two options, or one
client() { # client USER PASSWORD
  MYSQL_PWD=$2 mysql --host="$MYSQL_HOST" --port="${MYSQL_PORT:-3306}" --user="$1" $encryption
}
user() { # user NAME PASSWORD
  case $2 in
    '' | *[!A-Za-z0-9]*) echo "the password of $1 may hold letters and digits only" >&2; exit 1 ;;
  esac
  # Set once more it would push out the one before, which tasks may still have.
  if echo 'DO 0' | client "$1" "$2" 2>/dev/null; then return; fi
  cat <<SQL
CREATE USER IF NOT EXISTS '$1'@'%' IDENTIFIED BY '$2' REQUIRE SSL;
ALTER USER '$1'@'%' IDENTIFIED BY '$2' RETAIN CURRENT PASSWORD;
SQL
}
user mall_audit "$AUDIT_PASSWORD" >/tmp/setup.sql
for schema in $SCHEMAS; do
  password=
  eval "password=\${PASSWORD_$schema:?}"
  user "$schema" "$password"
  cat <<SQL
CREATE DATABASE IF NOT EXISTS $schema CHARACTER SET utf8mb4;
GRANT ALL ON $schema.* TO '$schema'@'%';
GRANT SELECT ON $schema.* TO 'mall_audit'@'%';
SQL
done >>/tmp/setup.sql
client "$ROOT_USER" "$ROOT_PASSWORD" </tmp/setup.sql
rm -f /tmp/setup.sql
echo "schemas and users are there: $SCHEMAS"

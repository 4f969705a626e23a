# Runs in a container with a MySQL client: for each schema in SCHEMAS the schema and a user of the same name, with rights on that
# schema only and the password PASSWORD_<schema>. Running it again changes passwords: the one before goes on being good, so that
# tasks which still have it work until they are replaced.
if [ -n "${MYSQL_CA:-}" ]; then
  printf '%s\n' "$MYSQL_CA" >/tmp/ca.pem
  encryption="--ssl-mode=VERIFY_IDENTITY --ssl-ca=/tmp/ca.pem"
else
  encryption="--ssl-mode=REQUIRED"
fi
for schema in $SCHEMAS; do
  password=
  eval "password=\${PASSWORD_$schema:?}"
  case $password in
    *[!A-Za-z0-9]*) echo "the password of $schema may hold letters and digits only" >&2; exit 1 ;;
  esac
  cat <<SQL
CREATE DATABASE IF NOT EXISTS $schema CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$schema'@'%' IDENTIFIED BY '$password' REQUIRE SSL;
ALTER USER '$schema'@'%' IDENTIFIED BY '$password' RETAIN CURRENT PASSWORD;
GRANT ALL ON $schema.* TO '$schema'@'%';
SQL
done >/tmp/setup.sql
# shellcheck disable=SC2086  # two options, or one
MYSQL_PWD=$ROOT_PASSWORD mysql --host="$MYSQL_HOST" --port="${MYSQL_PORT:-3306}" --user="$ROOT_USER" $encryption </tmp/setup.sql
rm -f /tmp/setup.sql
echo "schemas and users are there: $SCHEMAS"

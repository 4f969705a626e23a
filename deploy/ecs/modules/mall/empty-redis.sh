# Runs in a container with redis-cli: forgets all that Redis knows. Counts of stock are made anew from MySQL; who was logged in logs in
# again. REDISCLI_AUTH is the password, which redis-cli reads by itself.
redis-cli -e --tls --cacert "${REDIS_CA:-/etc/ssl/cert.pem}" -h "$REDIS_HOST" -p "${REDIS_PORT:-6379}" FLUSHALL
echo "Redis is empty"

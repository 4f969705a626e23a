#!/usr/bin/env bash
# test.sh: the composed mall, from outside, in a project of its own with ports, volumes and secrets of its own.
#
#   deploy/compose/test.sh [--no-build] [--keep]
#
# Brings it up, goes a shopper's way through the gateway, looks for an order in the viewers, scales orders to two, kills containers
# while a drop runs, asks the audit, takes it down and brings it up again. Ends with 0 when all of it held. --keep leaves it running.
# Wants docker and curl; base images are taken from the environment (MYSQL_TAG, REDIS_IMAGE, RUST_IMAGE ...), as by
# docker-compose.yml. A viewer whose image can't be had is left out, and that is said; for the trace viewer python3 steps in.
set -euo pipefail

cd "$(dirname "$0")/../.."
BUILD=1 KEEP=0
for argument in "$@"; do
  case $argument in
    --no-build) BUILD=0 ;;
    --keep) KEEP=1 ;;
    *) echo "test.sh [--no-build] [--keep]" >&2; exit 64 ;;
  esac
done

# Most a start may take, and what the drop is made of.
HEALTHY_WITHIN=${HEALTHY_WITHIN:-60}
MOST_MEMORY=${MOST_MEMORY:-300}
MOST_IMAGE=${MOST_IMAGE:-40}
STOCK=${STOCK:-300}
DROP_SECONDS=${DROP_SECONDS:-45}
WORKERS=4

SCRATCH=$(mktemp -d)
PROJECT=mall-test-$$
export GATEWAY_PORT=0 MAIL_PAGE_PORT=0 PROMETHEUS_PORT=0 GRAFANA_PORT=0 TRACES_PORT=0
deploy/compose/make-env.sh "$SCRATCH/env" >/dev/null
PROGRAMS=(config-server registry gateway users products carts orders payments stock mail-catcher)

PASSED=0 STANDIN='' buyers=()
say() { printf '%s %s\n' "$(date +%T)" "$*"; }
passed() { PASSED=$((PASSED + 1)); say "ok: $*"; }
compose() { docker compose --env-file "$SCRATCH/env" --project-name "$PROJECT" "$@"; }
fail() {
  say "FAILED: $*"
  compose ps --all || true
  compose logs --tail 15 --no-color "${PROGRAMS[@]}" || true
  exit 1
}
end() {
  local code=$?
  trap - EXIT INT TERM
  if [ ${#buyers[@]} -gt 0 ]; then kill "${buyers[@]}" 2>/dev/null || true; fi
  if [ "$KEEP" = 1 ]; then
    say "left running: docker compose --env-file $SCRATCH/env --project-name $PROJECT ..."
  else
    compose --profile '*' down --volumes --timeout 5 >/dev/null 2>&1 || true
    if [ -n "$STANDIN" ]; then kill "$STANDIN" || true; fi
    rm -rf "$SCRATCH"
  fi
  exit "$code"
}
trap end EXIT
trap 'exit 130' INT TERM

# --- Talking to the mall

# Whoever is read here is read to the end: `head` would close the pipe on compose, which then ends with 255, and that ends this.
first_line() { sed -n 1p; }
value() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" | first_line; }
setting() { sed -n "s/^$1=//p" "$SCRATCH/env"; }
find_ports() {
  MALL=http://$(compose port gateway 8080)
  MAILS=http://$(compose port mail-catcher 8025)
}
# ask METHOD PATH TOKEN [BODY]: the body of a 2xx answer; anything else is a failure with the answer on stderr.
ask() {
  local method=$1 path=$2 token=$3 body=${4:-} out
  out=$(curl --silent --show-error --max-time 20 --write-out '\n%{http_code}' --request "$method" "$MALL$path" \
    ${token:+--header "Authorization: Bearer $token"} ${body:+--header 'Content-Type: application/json' --data "$body"}) || return 1
  case ${out##*$'\n'} in
    2*) printf '%s' "${out%$'\n'*}" ;;
    *) printf '%s %s: %s\n' "$method" "$path" "$out" >&2; return 1 ;;
  esac
}
# until_true SECONDS WHAT COMMAND...: again and again.
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >"$SCRATCH/last" 2>&1; do
    [ $SECONDS -lt $deadline ] || { cat "$SCRATCH/last"; fail "$what"; }
    sleep 0.5
  done
}
login() { ask POST /auth/login '' "{\"email\":\"$1\",\"password\":\"$2\"}" | value access_token; }
# shopper NAME: signs up, opens the link in the mail, logs in; says the token.
shopper() {
  local email=$1@mall.example key='' tries=0
  ask POST /auth/signup '' "{\"email\":\"$email\",\"password\":\"Abcdefg1!\",\"name\":\"Kim\",\"address\":\"Seoul 1\",\"phoneNum\":\"010-1234-5678\"}" >/dev/null
  until [ -n "$key" ]; do
    key=$(curl --silent --max-time 5 "$MAILS/mails?to=$email" | sed -n 's/.*key=\([A-Za-z0-9_-]*\).*/\1/p' | first_line)
    tries=$((tries + 1))
    [ $tries -lt 60 ] || { echo "no mail to $email" >&2; return 1; }
    sleep 0.25
  done
  ask GET "/auth/signup/email-verifications?key=$key" '' >/dev/null
  login "$email" 'Abcdefg1!'
}
add_product() { # add_product NAME STOCK
  ask POST /product/admin/add "$ADMIN" "{\"name\":\"$1\",\"price\":5000,\"stock\":$2,\"description\":\"d\",\"imageUrl\":\"https://img.example/m.png\",\"imageName\":\"m\",\"isLimitedEdition\":false}" | value productId
}
order() { ask POST /order/orderProduct "$1" "{\"productId\":$2,\"quantity\":1}" | value orderId; }
audit() { compose run --rm --no-deps -T audit; }
# Container ids of a service, one a line.
containers() { compose ps --quiet "$1"; }
# Sets TOOK to the seconds until everything is healthy.
bring_up() {
  local began
  began=$(date +%s.%N)
  compose up --detach --wait --wait-timeout 180 >"$SCRATCH/up.log" 2>&1 || { cat "$SCRATCH/up.log"; fail "it does not come up"; }
  find_ports
  TOOK=$(awk -v began="$began" -v now="$(date +%s.%N)" 'BEGIN { printf "%.1f", now - began }')
}
# Whether the images of a service, and of what it depends on, are here or can be had.
obtainable() {
  local image
  for image in $(compose --profile observe config --images "$1"); do
    docker image inspect "$image" >/dev/null 2>&1 || timeout 600 docker pull --quiet "$image" >/dev/null 2>&1 || return 1
  done
}
more() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

# --- The test

# Which variable compose names first changes from run to run, so whichever it is has to say what to do. One of this shell would step in.
mapfile -t secrets < <(sed -n 's/^\([A-Z0-9_]*\)=.*/\1/p' "$SCRATCH/env")
for secret in "${secrets[@]}"; do
  sed "s/^$secret=.*//" "$SCRATCH/env" >"$SCRATCH/lacking"
  if env --unset="$secret" docker compose --env-file "$SCRATCH/lacking" --profile '*' config --quiet 2>"$SCRATCH/said"; then fail "nobody misses $secret"; fi
  grep -q "$secret.*make-env.sh" "$SCRATCH/said" || { cat "$SCRATCH/said"; fail "a start without $secret does not say what makes it"; }
done
passed "without one of its secrets compose says what makes them"

if [ "$BUILD" = 1 ]; then
  began=$SECONDS
  compose --profile tools build >"$SCRATCH/build.log" 2>&1 || { tail -n 40 "$SCRATCH/build.log"; fail "the build"; }
  passed "built in $((SECONDS - began)) s"
fi
for program in "${PROGRAMS[@]}" audit; do
  size=$(docker save "${MALL_IMAGES:-mall}/$program:${MALL_VERSION:-dev}" | gzip -c | wc -c | awk '{ printf "%.1f", $1 / 1048576 }')
  say "image $program: $size MB compressed"
  if more "$size" "$MOST_IMAGE"; then fail "$program's image is larger than $MOST_IMAGE MB"; fi
done
passed "no image is larger than $MOST_IMAGE MB"

VIEWERS=()
for viewer in prometheus grafana traces; do
  if obtainable "$viewer"; then VIEWERS+=("$viewer"); else say "NOT TESTED: the image of $viewer can't be had"; fi
done
if [[ " ${VIEWERS[*]} " != *' traces '* ]]; then
  # On the host, where containers reach it.
  address=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
  deploy/compose/traces-standin.py "$SCRATCH/traces" "$address" &
  STANDIN=$!
  until [ -e "$SCRATCH/traces" ]; do kill -0 "$STANDIN" || fail "nothing takes traces"; sleep 0.1; done
  TRACES=http://$address:$(cat "$SCRATCH/traces")
  export OTLP_ENDPOINT=$TRACES/v1/traces
fi

bring_up
if more "$TOOK" "$HEALTHY_WITHIN"; then fail "healthy after $TOOK s only"; fi
passed "healthy after $TOOK s, on empty volumes"

memory=0
for program in "${PROGRAMS[@]}"; do
  # Resident, as the system counts it: with the pages of the program itself.
  used=$(docker top "$(containers "$program")" -eo pid,rss | awk 'NR > 1 { sum += $2 } END { printf "%.1f", sum / 1024 }')
  memory=$(awk -v a="$memory" -v b="$used" 'BEGIN { printf "%.1f", a + b }')
  say "idle: $program $used MiB"
done
if more "$memory" "$MOST_MEMORY"; then fail "idle: $memory MiB"; fi
passed "idle: all of ours $memory MiB"

until_true 20 "the gateway reaches the shop" ask GET /product/allproduct ''
ADMIN=$(login "$(setting ADMIN_EMAIL)" "$(setting ADMIN_PASSWORD)")
MUG=$(add_product Mug 20)
KIM=$(shopper kim)
if [ -z "$ADMIN" ] || [ -z "$MUG" ] || [ -z "$KIM" ]; then fail "administrator, product or shopper"; fi
until_true 20 "the mug has its stock" ask GET "/product/detailStock/$MUG" ''
PAID=$(order "$KIM" "$MUG")
ask PUT "/order/payOrder/$PAID" "$KIM" '{"isCanceled":false,"isLimitExcess":false}' >/dev/null
ask GET /order/orderlist "$KIM" '' | grep -q "\"orderId\":${PAID}[,}]" || fail "the paid order is not in the list"
ask POST "/cart/add/$MUG?count=2" "$KIM" >/dev/null
IN_CART=$(ask POST /order/orderCartList "$KIM" | value orderId)
ask GET "/order/$IN_CART" "$KIM" >/dev/null
for path in /internal/stock /eureka/apps /actuator/env /application/default; do
  if ask GET "$path" '' >/dev/null 2>&1; then fail "$path can be reached from outside"; fi
done
passed "journey: signed up by mail, logged in, ordered, paid, listed, ordered the cart"

if [ ${#VIEWERS[@]} -gt 0 ]; then
  compose --profile observe up --detach --no-recreate "${VIEWERS[@]}" >"$SCRATCH/viewers.log" 2>&1 || { cat "$SCRATCH/viewers.log"; fail "the viewers"; }
  [ -n "$STANDIN" ] || TRACES=http://$(compose --profile observe port traces 16686)
fi
# An order whose trace we name.
trace=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
traced_order() {
  curl --silent --fail --max-time 20 --header "traceparent: 00-$trace-00f067aa0ba902b7-01" --header "Authorization: Bearer $KIM" \
    --header 'Content-Type: application/json' --data "{\"productId\":$MUG,\"quantity\":1}" "$MALL/order/orderProduct"
}
trace_is_whole() {
  local found program
  traced_order >/dev/null || return 1
  sleep 2
  found=$(curl --silent --max-time 5 "$TRACES/api/traces/$trace")
  for program in api-gateway application-order application-product application-stock; do
    grep -q "\"serviceName\":\"$program\"" <<<"$found" || { echo "no $program in $found"; return 1; }
  done
}
until_true 40 "the trace of an order: gateway, orders, products, stock" trace_is_whole
passed "a trace of an order through gateway, orders, products and stock is in ${STANDIN:+a stand-in of }the trace viewer"

if [[ " ${VIEWERS[*]} " == *' prometheus '* ]]; then
  PROMETHEUS=http://$(compose --profile observe port prometheus 9090)
  asked() { curl --silent --fail --max-time 5 --get --data-urlencode "query=$1" "$PROMETHEUS/api/v1/query" | grep -q "\"value\":\[[0-9.]*,\"$2\"\]"; }
  # Nine programs, and all are asked.
  until_true 60 "Prometheus reaches all nine" asked 'sum(up)' 9
  until_true 60 "Prometheus knows of the orders" asked 'sum(mall_orders_steps_total{cause="PLACED"}) >= bool 3' 1
  rules=$(curl --silent --max-time 5 "$PROMETHEUS/api/v1/rules")
  if ! grep -q '"name":"StockDiffers"' <<<"$rules" || grep -q '"health":"err"' <<<"$rules"; then fail "the rules: $rules"; fi
  passed "Prometheus: nine programs are up, their orders counted, the rules evaluated"
fi
if [[ " ${VIEWERS[*]} " == *' grafana '* ]]; then
  GRAFANA=http://$(compose --profile observe port grafana 3000)
  dashboards() { [ "$(curl --silent --fail --user "admin:$(setting GRAFANA_PASSWORD)" "$GRAFANA/api/search?type=dash-db" | grep -o '"title":"Mall: ' | wc -l)" = 2 ]; }
  until_true 90 "Grafana shows both dashboards" dashboards
  passed "Grafana: both dashboards"
fi
if [ ${#VIEWERS[@]} -gt 0 ]; then compose --profile observe rm --stop --force "${VIEWERS[@]}" >/dev/null 2>&1; fi

compose up --detach --wait --wait-timeout 90 --no-recreate --scale orders=2 >"$SCRATCH/scale.log" 2>&1 || { cat "$SCRATCH/scale.log"; fail "--scale orders=2"; }
[ "$(containers orders | wc -l)" = 2 ] || fail "there are not two orders"
passed "scaled: two orders"

DROP=$(add_product Drop "$STOCK")
SHOPPERS=()
for number in $(seq $WORKERS); do SHOPPERS+=("$(shopper "buyer$number")"); done
until_true 20 "the drop has its stock" ask GET "/product/detailStock/$DROP" ''
# Each buys until time is up, and notes what it was told about.
buy() {
  local token=$1 mine=$2 deadline=$((SECONDS + DROP_SECONDS)) id
  while [ $SECONDS -lt $deadline ]; do
    id=$(order "$token" "$DROP" 2>>"$SCRATCH/refused.$mine") || { sleep 0.1; continue; }
    if [ -n "$id" ]; then echo "$id" >>"$SCRATCH/told.$mine"; fi
    # The drop is to last as long as the killing does.
    sleep 0.4
  done
}
buyers=()
for number in $(seq $WORKERS); do
  : >"$SCRATCH/told.$number"
  buy "${SHOPPERS[$((number - 1))]}" "$number" &
  buyers+=($!)
done
kill_one() { # kill_one SERVICE: its first container, at once
  local id
  id=$(containers "$1" | first_line)
  docker kill --signal KILL "$id" >/dev/null
  sleep 1
  docker start "$id" >/dev/null
  say "killed and started: $1"
  sleep 3
}
sleep 2
for victim in orders stock products redis registry config-server payments mysql; do kill_one "$victim"; done
wait "${buyers[@]}"
buyers=()
TOLD=$(cat "$SCRATCH"/told.* | sort -u | wc -l)
if [ "$TOLD" -eq 0 ] || [ "$TOLD" -gt "$STOCK" ]; then fail "sold $TOLD of $STOCK"; fi
if cat "$SCRATCH"/refused.* | grep -q '^500$'; then cat "$SCRATCH"/refused.*; fail "a 500 was answered"; fi
passed "drop: $TOLD of $STOCK sold while eight containers were killed; $(cat "$SCRATCH"/refused.* | grep -c 'orderProduct') refusals"

all_told_are_there() {
  local number id
  for number in $(seq $WORKERS); do
    while read -r id; do
      ask GET "/order/$id" "${SHOPPERS[$((number - 1))]}" >/dev/null || return 1
    done <"$SCRATCH/told.$number"
  done
}
until_true 60 "every order that was told about is there" all_told_are_there
until_true 150 "the laws are kept" audit
passed "audit: $(tr -s ' \n' ' ' <"$SCRATCH/last" | cut -c 1-300)"

compose stop --timeout 30 >"$SCRATCH/stop.log" 2>&1
for program in "${PROGRAMS[@]}"; do
  for id in $(compose ps --all --quiet "$program"); do
    [ "$(docker inspect --format '{{.State.ExitCode}}' "$id")" = 0 ] || fail "$program did not stop in order"
  done
done
compose --profile '*' down >/dev/null 2>&1
bring_up
passed "down and up: healthy after $TOOK s (full volumes)"
until_true 20 "the gateway reaches the shop" ask GET /product/allproduct ''
until_true 60 "every order that was told about is still there" all_told_are_there
KIM=$(login kim@mall.example 'Abcdefg1!')
ask GET /order/orderlist "$KIM" | grep -q "\"orderId\":${PAID}[,}]" || fail "the paid order is gone"
until_true 60 "the laws are kept" audit
passed "nothing was lost"
echo "$PASSED passed, 0 failed"

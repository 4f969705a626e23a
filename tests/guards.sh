#!/bin/sh
# Takes one guard after the other out of a copy of the source, and wants a test to fail for each of them.
#
# What it is for: a guard that no test misses is not guarded itself. What it is not: part of what is shipped; nothing in the source can be
# switched off. It copies the working tree, changes the copy, and builds it in a target folder of its own, so it takes minutes.
#
#   tests/guards.sh            all of them
#   tests/guards.sh fence      one
#
# Exit code 0: each is missed. 1: one is not, or its text is not where it was.
set -eu
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# Never the target folder of the checkout: cargo would take what is built of the changed copy for its own.
export CARGO_TARGET_DIR="$PWD/target/guards"
failed=0

mkdir "$copy/tree"
# What is deleted and not committed can't be copied.
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy/tree" 2>/dev/null || true

# name, file, text (one line, fixed), what stands there instead, test
without() {
    name=$1 file=$2 text=$3 instead=$4 test=$5
    [ -z "${only:-}" ] || [ "$only" = "$name" ] || return 0
    if ! grep -qF -- "$text" "$copy/tree/$file"; then
        echo "$name: not found in $file: $text"
        failed=1
        return 0
    fi
    cp "$copy/tree/$file" "$copy/whole"
    TEXT=$text INSTEAD=$instead perl -0pi -e 's/\Q$ENV{TEXT}\E/$ENV{INSTEAD}/g' "$copy/tree/$file"
    log=$copy/$name.log
    if ! (cd "$copy/tree" && cargo test -q -p mall-stock --test it --no-run) >"$log" 2>&1; then
        cat "$log"
        echo "$name: does not compile without it"
        failed=1
    elif (cd "$copy/tree" && cargo test -p mall-stock --test it "$test") >"$log" 2>&1; then
        echo "$name: NOBODY MISSES IT: $test passes without it"
        failed=1
    elif grep -q 'test result: FAILED' "$log"; then
        echo "$name: missed by $(grep -c '^test .* FAILED$' "$log") test(s): $(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log" | tr '\n' ' ')"
    else
        tail -n 20 "$log"
        echo "$name: $test did not run"
        failed=1
    fi
    cp "$copy/whole" "$copy/tree/$file"
}

only=${1:-}
store=services/stock/src/store/bookings.rs
without guard "$store" 'AND available >= {pieces} AND (opens_at' 'AND (opens_at' what_
without opening "$store" '(opens_at IS NULL OR opens_at <= UTC_TIMESTAMP(6))' '1 = 1' nothing_is_sold_before_the_opening
without limit "$store" 'AND taken > {limit} AND buyer IN' 'AND FALSE AND buyer IN' limit
without state "$store" "WHERE reservation_id = {} AND state = '{}';" "WHERE reservation_id = {} AND '{}' <> '';" release
without fence services/stock/src/hot/take.lua "return {'LOST_LOCK'}" "" paused_past_its_lease
without unique-key services/stock/migrations/0001_initial.sql \
    'CONSTRAINT pk_reservation PRIMARY KEY (reservation_id)' 'INDEX pk_reservation (reservation_id)' repeated
exit $failed

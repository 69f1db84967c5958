#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The benches run: each row, and each peer that is installed, done a few times, prints its line and ends up in JSON. What the figures
# are is nobody's business here. And docs/performance.md says what the kept figures say.
. "$(dirname "$0")/lib.sh"
limit=$((120 * ${GAIJIN_TEST_SLOWER:-1}))
export ROUNDS=1 SHARE=1000
bench=$root/tests/bench
python=/usr/bin/python3

# figures FILE: ROW FIGURE of each in the JSON, sorted.
figures() {
  "$python" -c 'import json, sys
for f in json.load(open(sys.argv[1]))["figures"]: print(f["placement"], f["row"], f["figure"])' "$1" | sort -u
}
# finds FILE PLACEMENT ROW FIGURE
finds() { figures "$1" | grep -xF -- "${*:2}" >/dev/null; }

story="all rows"
run "$bench/rows/run.sh" "$build" --json "$dir/all.json"
check "succeeds" test "$status" = 0
check "says nothing else" test ! -s "$dir/err"
for row in floor get set call; do
  for placement in pinned placed; do
    if [ "$placement" = placed ] && [ "$(nproc)" = 1 ]; then continue; fi
    check "$row p50, $placement" finds "$dir/all.json" "$placement" "$row" p50
    check "$row p99, $placement" finds "$dir/all.json" "$placement" "$row" p99
  done
  check "has a line" out_has "^$row +p99 +us +[0-9]"
done
for row in floor async-10 async-100 async-1000 futures-100 posts objects crowd-2 crowd-4 crowd-8 crowd-16 crowd-32; do
  check "$row" finds "$dir/all.json" pinned "$row" rate
done
for row in pairs-1000 pairs-1000000 fetch-1000000 copy-1000000 start; do check "$row" finds "$dir/all.json" pinned "$row" p50; done
for row in idle-broker idle-worker idle-client token waiting-request; do check "$row" finds "$dir/all.json" pinned "$row" memory; done
check "strings" finds "$dir/all.json" pinned string-fetched speed
check "fibers" finds "$dir/all.json" pinned fiber-switch each
check "instructions" finds "$dir/all.json" pinned instructions-get broker
check "they mean nothing, which is said" says "the figures mean nothing"

story="two variants of one row"
run env ROWS=trips VARIANTS="@$build|" "$bench/rows/run.sh" "$build" --json "$dir/two.json"
check "succeeds" test "$status" = 0
check "the one" out_has "^get +p50 +us +@$build +[0-9]"
check "the other" out_has "^get +p50 +us +as it comes +[0-9]"
check "nothing else" test "$(figures "$dir/two.json" | cut -d ' ' -f 2 | sort -u | tr '\n' ' ')" = "call floor get set "

story="a flag that programs do not know"
run env ROWS=trips VARIANTS="--no-such-flag" "$bench/rows/run.sh" "$build"
check "fails" test "$status" != 0
check "says in which row" says "bench: failed in row trips, pinned, with --no-such-flag"
story="a row that is none"
run env ROWS=trip "$bench/rows/run.sh" "$build"
check "fails" test "$status" = 1
check "in one line" err_is_one_line
check "and names those there are" says "rows are: floor trips"

story="peers"
run "$bench/peers/run.sh" "$build" --json "$dir/peers.json"
check "succeeds" test "$status" = 0
check "says nothing else" test ! -s "$dir/err"
for peer in dbus-broker dbus-daemon nats redis rpyc drb; do
  check "$peer is measured or said to be absent" out_has "^((call|get|set) +p50 +us +$peer +[0-9]|$peer +not installed)"
done

story="docs/performance.md"
run "$python" "$bench/docs/performance.py" --check
check "is what the kept figures say" test "$status" = 0

finish

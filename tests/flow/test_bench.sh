#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The benches run: each row, and each peer that is installed, done a few times, prints its line and ends up in JSON. What the figures
# are is nobody's business here. And docs/performance.md says what the kept figures say.
. "$(dirname "$0")/lib.sh"
limit=$((120 * ${GAIJIN_TEST_SLOWER:-1}))
export ROUNDS=1 SHARE=1000
bench=$root/tests/bench

# PLACEMENT ROW FIGURE of each figure in the JSON of $dir/NAME.json, into $dir/NAME.
list() { # NAME
  "$python" -c 'import json, sys
for f in json.load(open(sys.argv[1]))["figures"]: print(f["placement"], f["row"], f["figure"])' "$dir/$1.json" | sort -u >"$dir/$1"
}
finds() { grep -qxF -- "${*:2}" "$dir/$1"; } # NAME PLACEMENT ROW FIGURE

story="all rows"
run "$bench/rows/run.sh" "$build" --json "$dir/all.json"
check "succeeds" test "$status" = 0
check "says nothing else" test ! -s "$dir/err"
list all
for row in floor get set call; do
  for placement in pinned placed; do
    if [ "$placement" = placed ] && [ "$(nproc)" = 1 ]; then continue; fi
    check "$row p50, $placement" finds all "$placement" "$row" p50
    check "$row p99, $placement" finds all "$placement" "$row" p99
  done
  check "has a line" out_has "^$row +p99 +us +[0-9]"
done
for row in floor async-10 async-100 async-1000 futures-100 posts objects crowd-floor-2 crowd-floor-32 crowd-2 crowd-4 crowd-8 crowd-16 crowd-32; do
  check "$row" finds all pinned "$row" rate
done
for row in pairs-1000 pairs-1000000 fetch-1000000 copy-1000000 start; do check "$row" finds all pinned "$row" p50; done
for row in idle-broker idle-worker idle-client token waiting-request; do check "$row" finds all pinned "$row" memory; done
for row in wakes-broker wakes-worker; do check "$row" finds all pinned "$row" wakes; done
for row in hogs-call hogs-call-no-polling busy-call busy-call-no-polling; do
  if [ "$(nproc)" -gt 1 ]; then check "$row" finds all placed "$row" p99; fi
done
check "a call of one that has loaded a C library" finds all pinned library-call p50
check "strings" finds all pinned string-fetched speed
check "fibers" finds all pinned fiber-switch each
check "instructions" finds all pinned instructions-get broker
check "they mean nothing, which is said" says "the figures mean nothing"

story="a crowd's floor that reads too much"
run timeout "$limit" "$build/bench/rows/crowd_floor" 2 100 0 65537 2000
check "is refused" test "$status" = 2
check "with what it may read" err_has "LINES is '65537': a number of 0 to 65536 is wanted"

story="two variants of one row"
run env ROWS=trips VARIANTS="@$build broker: --log-level error worker: --max-fibers 500|" "$bench/rows/run.sh" "$build" --json "$dir/two.json"
check "succeeds" test "$status" = 0
check "the one" out_has "^get +p50 +us +@$build broker: --log-level error worker: --max-fibers 500 +[0-9]"
check "the other" out_has "^get +p50 +us +as it comes +[0-9]"
list two
check "nothing else" test "$(cut -d ' ' -f 2 "$dir/two" | sort -u | tr '\n' ' ')" = "call floor get set "

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
run env GAIJIN_BENCH_CPUS=0 "$bench/peers/run.sh" "$build" --json "$dir/peers.json"
check "succeeds" test "$status" = 0
check "says nothing else" test ! -s "$dir/err"
for peer in dbus-broker dbus-daemon nats redis rpyc drb; do
  check "$peer is measured or said to be absent" out_has "^((call|get|set) +p50 +us +$peer +[0-9]|$peer +not installed)"
done

story="docs/performance.md"
run "$python" "$bench/docs/performance.py" --check
check "is what the kept figures say" test "$status" = 0

finish

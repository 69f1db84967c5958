#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl stats, traffic and monitor against a live system: what is counted and seen of known traffic, records, and a
# monitor that does not read beside one that does.
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/sock
evidence="out err broker.out shop.out till.out"

script() { cat >"$dir/$1.lua"; }
worker() { start "$1" "$build/gaijin-worker" -s "$GAIJIN_SOCKET" -n "$1" "${@:2}"; }
# messages FILE: lines that are messages.
messages() { wc -l <"$1"; }

script shop <<'LUA'
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.box = function() return { secret = "s" } end
bakaGaijin.fail = function() error("no such thing\27[2J", 0) end
LUA
# Waits for a file, asks 300 times for a price, posts 40 times, fails once, has 20 objects; says so, and stays.
script till <<'LUA'
local go = ...
local price, box = gaijin.wait_for("shop", "price"), gaijin.wait_for("shop", "box")
local fail = gaijin.wait_for("shop", "fail")
print("ready")
local seen
repeat gaijin.sleep(0.02); local f = io.open(go); seen = f; if f then f:close() end until seen
for i = 1, 300 do price(i) end
for i = 1, 40 do gaijin.post(price, i) end
pcall(fail)
boxes = {}
for i = 1, 20 do boxes[i] = box(); boxes[i].x = boxes[i] end
pcall(price, ("x"):rep(10000))
print("finished")
LUA

start_broker --log-level info
worker shop "$dir/shop.lua"
worker till "$dir/till.lua" "$dir/go"
wait_until has till ready

story="monitor"
start all "$ctl" monitor --json --record "$dir/record"
all=$pid
start slow "$ctl" monitor --slower 1000
slow=$pid
start errors "$ctl" monitor --ops call --worker till --object nobody:1
wait_until has broker "observer .* sees what"
wait_until gone "$pid"
check "an object of nobody is told" has errors "object 1 of worker nobody, which is not connected"
start absent "$ctl" monitor --worker nobody --label nothing
absent=$pid
check "a worker that is not there is told" eventually has absent "monitor: no worker nobody is there now"
check "a label that is not there, too" eventually has absent "monitor: no worker exposes .nothing. now"
kill -INT "$absent"
wait "$absent"
three_see() { [ "$(grep -c 'sees what workers' "$dir/broker.out")" = 3 ]; }
wait_until three_see
: >"$dir/go"
wait_until has till finished
for _ in 1 2 3 4 5; do run "$ctl" get shop.price; done
all_seen() { [ "$(grep -c '"op":"set"' "$dir/all.out")" = 40 ] && has all '"kind":"error"' && has all "10000 bytes"; }
check "all is seen" eventually all_seen
kill -INT "$all" "$slow"
wait "$all"
check "Ctrl-C ends it well" test $? = 0
wait "$slow"
check "nothing is slower than 1000 s" test "$(grep -c till "$dir/slow.out")" = 0
check "requests and answers with what they took" has all '"kind":"reply","op":"call".*"from":"shop","to":"till","target":{"kind":"function".*"label":"price"}.*"took_us":[0-9]'
check "posts" test "$(grep -c '"kind":"post"' "$dir/all.out")" = 40
check "an error's text, which steers no terminal" has all '"kind":"error".*no such thing\\\\x1b\[2J|"kind":"error".*no such thing'
check "no control character" test "$(grep -c $'\33' "$dir/all.out")" = 0
check "long values are shortened" has all 'x\.*"*\.\.\. \(10000 bytes\)|\(10000 bytes\)'
check "each line is JSON" "$python" -c 'import json, sys
for line in open(sys.argv[1]):
  if line.startswith("{"): json.loads(line)' "$dir/all.out"
check "a sum in the end" has all '^[0-9]+ messages \(.* 40 posts, .*0 lost; answers took '

for ops in cal get,cal ping; do
  run "$ctl" monitor --ops "$ops"
  check "no such op, $ops: status 2, not $status" test "$status" = 2
  check "one line" err_is_one_line
  check "says which" says "what workers are asked for (get, call, ...), not '${ops#get,}'"
done
run "$ctl" monitor --ops cal
check "and one that is meant" says "; did you mean call?"

story="record"
check "only its owner may read it" test "$(stat -c %a "$dir/record")" = 600
run "$ctl" --json monitor --replay "$dir/record"
grep '^{' "$dir/all.out" >"$dir/live"
check "a replay shows what was seen" cmp "$dir/live" "$dir/out"
run "$ctl" monitor --replay "$dir/record" --ops set
check "and what is chosen" test "$(messages "$dir/out")" = 40
once() { [ "$(grep -c "^$1" "$dir/record")" -ge "$2" ] && [ -z "$(grep "^$1" "$dir/record" | sort | uniq -d)" ]; }
check "each name is in it once" once H 7
check "each label, too" once N 3
# All stamps: 8 bytes each in the worker's memory; the broker tells none, so a record's PTs end in zeros.
check "a token's bytes have no stamp" "$python" - "$dir/record" <<'PY'
import re, sys
found = 0
for line in open(sys.argv[1]):
    if line[0] != "M": continue
    body = bytes.fromhex(line.split()[-1].replace("-", ""))
    for at in range(len(body) - 26):
        if body[at] == 0xc7 and body[at + 1] == 24:
            found += 1
            if body[at + 19:at + 27] != bytes(8): sys.exit("a stamp")
sys.exit(0 if found >= 20 else f"only {found} tokens")
PY
run "$ctl" monitor --record "$dir/record" --messages 1
check "a file that is there is left alone" test "$status" = 1
check "and that is told" says "File exists"
# In a line's middle, wherever lines end.
awk 'NR <= 20; NR == 21 { printf "%s", substr($0, 1, 5) }' "$dir/record" >"$dir/cut"
run "$ctl" monitor --replay "$dir/cut"
check "a record that was cut" test "$status" = 1
check "is told with its line" err_has "damaged at line [0-9]+"
sed '5s/^[A-Z]/Z/' "$dir/record" >"$dir/damaged"
run "$ctl" monitor --replay "$dir/damaged"
check "a damaged one, too" err_has "damaged at line 5:"
run "$ctl" monitor --replay "$build/gaijinctl"
check "a foreign file" err_has "is no record"
run "$ctl" -s "$dir/none" monitor --replay "$dir/record" --messages 3
check "needs no broker" test "$status" = 0
run "$ctl" monitor --replay "$dir/record" --record "$dir/other"
check "not both" test "$status" = 2

story="stats"
run "$ctl" --json stats
check "counts by op" out_has '"op":"set","requests":20,"replies":20'
check "and times" out_has '"op":"call","requests":[0-9]+.*"p50_us":[0-9]+'
run "$ctl" --json traffic
check "counts by pair" out_has '"asker":"till","host":"shop","requests":[0-9]+,"posts":40'
run "$ctl" stats --openmetrics
cp "$dir/out" "$dir/metrics"
check "a parser of OpenMetrics reads it (python3-prometheus-client)" "$python" -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
names = {family.name: family for family in parse(open(sys.argv[1]).read())}
posts = [s for s in names["gaijin_pair_posts"].samples if s.labels["asker"] == "till"]
assert posts[0].value == 40, posts
assert any(s.name.endswith("_bucket") for s in names["gaijin_request_seconds"].samples)
' "$dir/metrics"
run "$ctl" stats --openmetrics --json
check "in no other form" test "$status" = 2

story="much traffic"
script flood <<'LUA'
local price = gaijin.wait_for("shop", "price")
local futures, n = {}, tonumber(...)
for i = 1, n do
  futures[#futures + 1] = gaijin.async(price, i)
  if #futures == 500 then gaijin.all(futures); futures = {} end
end
gaijin.all(futures)
print("asked " .. n)
LUA
many=20000
# One that is stopped as soon as it is seen, and so never reads.
start deaf "$ctl" monitor
deaf=$pid
start reader "$ctl" monitor --worker flood
reader=$pid
five_see() { [ "$(grep -c 'sees what workers' "$dir/broker.out")" -ge 5 ]; }
wait_until five_see
kill -STOP "$deaf"
run "$build/gaijin-worker" -s "$GAIJIN_SOCKET" -n flood --once "$dir/flood.lua" "$many"
check "nobody waits" out_has "asked $many"
# Lines and what was lost are all there was: two for each call, and for the look-up of the label.
sum() {
  local lines lost=0 n
  lines=$(grep -cE '^[0-9]+:[0-9]+:[0-9.]+ ' "$dir/reader.out")
  while read -r n; do lost=$((lost + n)); done < <(sed -n 's/.*monitor: \([0-9]*\) messages are missing.*/\1/p' "$dir/reader.out")
  echo "$lines lines, $lost lost"
  [ $((lines + lost)) = $((2 * many + 2)) ]
}
check "lines and lost are all there was" eventually sum
kill -CONT "$deaf"
check "who did not read is told how much is missing" eventually has deaf "[0-9]+ messages are missing"
kill -INT "$deaf" "$reader"

story="the broker goes"
start last "$ctl" monitor
last=$pid
six_see() { [ "$(grep -c 'sees what workers' "$dir/broker.out")" -ge 6 ]; }
wait_until six_see
kill "${started[0]}"
wait_until gone "$last"
wait "$last"
check "status 3" test $? = 3
check "one line" test "$(grep -c gaijinctl: "$dir/last.out")" = 1
finish

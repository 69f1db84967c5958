#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl monitor beside a flood of calls and posts of four workers, some 100,000 messages a second on a quiet machine:
# with one that reads, one that is stopped, one whose output nobody takes and one that is killed amid it. No message is
# seen twice or unaccounted for, the flood ends, and memory stays what it was.
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/sock
evidence="out err broker.out shop.out flood-*.out reader.err deaf.err clogged.err"
floods=4 each=15000
# What each process may have at most, in MiB. Sanitisers have a map of all memory beside it, and keep what was freed:
# up to 256 MiB, which would be measured in the place of what the program holds, unless it is told to keep less.
most=48
if sanitized "$build/gaijin-broker"; then
  most=$((8 * most))
  export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=16
fi

worker() { start "$1" "$build/gaijin-worker" -s "$GAIJIN_SOCKET" -n "$1" "${@:2}"; }
# monitor NAME: one whose lines and errors are $dir/NAME.json and $dir/NAME.err.
monitor() {
  # shellcheck disable=SC2016
  start "$1" sh -c 'exec "$1" monitor --ops call --json >"$2.json" 2>"$2.err"' sh "$ctl" "$dir/$1"
}
see() { [ "$(grep -c 'sees what workers' "$dir/broker.out")" = "$1" ]; }
peak() { awk '/^VmHWM:/ { print int($2 / 1024) }' "/proc/$1/status"; }
is_small() {
  local mib
  mib=$(peak "$1")
  echo "$mib MiB, of at most $most"
  [ "${mib:-$most}" -lt "$most" ]
}
# calls: how many messages of calls and posts have gone through the broker, as it counts them itself.
calls() {
  "$ctl" --json stats -o op,requests,replies,errors | "$python" -c '
import json, sys
print(sum(r["requests"] + r["replies"] + r["errors"] for r in json.load(sys.stdin) if r["op"] == "call"))'
}
lines() { grep -c '^{' "$dir/$1.json"; }
lost() { awk '/messages are missing here/ { n += $3 } END { print n + 0 }' "$dir/$1.err"; }
# all_of NAME NUMBER: its lines and what it lost are so many.
all_of() {
  echo "$(lines "$1") lines, $(lost "$1") lost of $2"
  [ $(($(lines "$1") + $(lost "$1"))) = "$2" ]
}
# No call is seen twice, in any of its two kinds; no answer comes before its call.
cat >"$dir/judge.py" <<'PY'
import json, sys
seen, open_calls = set(), set()
for line in open(sys.argv[1]):
    m = json.loads(line)
    key = (m["kind"], m["from"], m["to"], m["request"])
    if m["kind"] == "post": continue
    if key in seen: sys.exit(f"twice: {line}")
    seen.add(key)
    if m["kind"] == "request": open_calls.add((m["to"], m["from"], m["request"]))
    elif (m["from"], m["to"], m["request"]) not in open_calls and sys.argv[2] == "0": sys.exit(f"an answer to nothing: {line}")
PY

cat >"$dir/shop.lua" <<'LUA'
local posts = 0
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.count = function() posts = posts + 1 end
bakaGaijin.posts = function() return posts end
LUA
cat >"$dir/flood.lua" <<'LUA'
local go, each = ...
each = tonumber(each)
local price, count = gaijin.wait_for("shop", "price"), gaijin.wait_for("shop", "count")
print("ready")
repeat
  gaijin.sleep(0.02)
  local f = io.open(go)
  if f then f:close() end
until f
local futures, began = {}, gaijin.now()
for i = 1, each do
  futures[#futures + 1] = gaijin.async(price, i)
  gaijin.post(count)
  if #futures == 200 then gaijin.all(futures); futures = {} end
  if i == each / 2 then print("half") end
end
gaijin.all(futures)
price(1) -- after the posts
print(string.format("finished in %.2f s", gaijin.now() - began))
while true do gaijin.sleep(60) end
LUA

start_broker --log-level info
broker=$pid
worker shop "$dir/shop.lua"
for i in $(seq "$floods"); do
  worker "flood-$i" "$dir/flood.lua" "$dir/go" "$each"
done
for i in $(seq "$floods"); do wait_until has "flood-$i" ready; done

before=$(calls)
for name in reader deaf victim; do monitor "$name"; done
deaf=${started[-2]} victim=${started[-1]} reader=${started[-3]}
mkfifo "$dir/clogged.json"
# Opened for both, so that nobody waits for the other end; and read by nobody.
exec 3<>"$dir/clogged.json"
monitor clogged
clogged=$pid
wait_until see 4
kill -STOP "$deaf" "$victim"

began=$(date +%s.%N)
: >"$dir/go"
wait_until has flood-1 half
kill -9 "$victim"
wait "$victim" 2>"$dir/log"
for i in $(seq "$floods"); do wait_until has "flood-$i" finished; done
ended=$(date +%s.%N)
run "$ctl" call shop.posts
check "each post was done" out_has "^$((floods * each))\$"
flood=$((floods * (2 * (each + 1) + each)))
echo "$flood messages in $(awk "BEGIN { printf \"%.2f\", $ended - $began }") s"
# The last two are the call of shop.posts.
all=$(($(calls) - before))
check "the broker counts as many" test "$all" = $((flood + 2))
check "the broker's memory is what it was" is_small "$broker"
check "and that of who reads" is_small "$reader"
check "who is stopped has lost what it has no room for" test "$(lines deaf)" -lt $((all / 2))

story="who reads"
check "lines and lost are all there was" eventually all_of reader "$all"
check "nothing is seen twice" "$python" "$dir/judge.py" "$dir/reader.json" "$(lost reader)"
story="who was stopped"
kill -CONT "$deaf"
check "lines and lost are all there was" eventually all_of deaf "$all"
check "nothing is seen twice" "$python" "$dir/judge.py" "$dir/deaf.json" "$(lost deaf)"
story="whose output nobody took"
cat <&3 >"$dir/taken.json" &
started+=("$!")
mv "$dir/clogged.err" "$dir/taken.err"
check "lines and lost are all there was" eventually all_of taken "$all"
check "nothing is seen twice" "$python" "$dir/judge.py" "$dir/taken.json" "$(lost taken)"

story="the end"
kill -INT "$reader" "$deaf" "$clogged"
for one in "$reader" "$deaf" "$clogged"; do
  wait "$one"
  check "Ctrl-C ends it well" test $? = 0
done
check "a sum tells what was lost" grep -q ", $(lost deaf) lost" "$dir/deaf.err"
finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl tokens --describe: what objects of each kind are, in each interpreter; hosts that hang, refuse, and lie.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/s
evidence="out err *.out"
ctl=$build/gaijinctl
patience=$((2 * ${GAIJIN_TEST_SLOWER:-1})) # for those that answer, beside one that does not

cat >"$dir/things.lua" <<'END'
local hits = 0
local loud = { __tostring = function() hits = hits + 1 return "loud" end, __index = function() hits = hits + 1 end, __len = function() hits = hits + 1 return 7 end }
bakaGaijin.small = { name = "corner", open = true }
bakaGaijin.empty = {}
bakaGaijin.list = { 1, 2, 3 }
bakaGaijin.long = {}
for i = 1, 20000 do bakaGaijin.long[i] = i end
bakaGaijin.hostile = { ["\27[31m\n\"x" .. ("y"):rep(100)] = 1, [true] = 2 }
bakaGaijin.account = setmetatable({ balance = 1 }, { __name = "Account", __tostring = loud.__tostring })
bakaGaijin.loud = setmetatable({ a = 1 }, loud)
bakaGaijin.f = function() end -- line 11
bakaGaijin.c = string.format
bakaGaijin.waits = coroutine.create(function() coroutine.yield() end) -- 13
coroutine.resume(bakaGaijin.waits)
bakaGaijin.fresh = coroutine.create(function() end) -- 15
bakaGaijin.done = coroutine.create(function() end)
coroutine.resume(bakaGaijin.done)
bakaGaijin.file = io.stdout
bakaGaijin.proxy = newproxy()
bakaGaijin.hits = function() return hits end
bakaGaijin.all = {}
END
labels="small empty list long hostile account loud f c waits fresh done file proxy all"
# holds NAME WORKER: starts one that holds all of them.
holds() {
  start "$1" "$build/gaijin-worker" -n "$1" -e "gaijin.wait_for('$2', 'all')
    kept = {} for label in ('$labels'):gmatch('%a+') do kept[label] = bakaGaijin('$2')[label] end
    bakaGaijin.all = {} gaijin.run()"
  check "$1 runs" exports "$1" all
}
# is LABEL TEXT: the description of what is exposed as LABEL.
is() { check "$1 is: $2" grep -qE -- "^$1 +$2\$" "$dir/out"; }

start_broker --log-level info
preload=""
if sanitized "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi
export LUA_CPATH="$build/?.so;;"
for interpreter in gaijin-worker lua5.1 luajit; do
  story=$interpreter
  if [ "$interpreter" = gaijin-worker ]; then
    start things "$build/gaijin-worker" -n things "$dir/things.lua"
  else
    command -v "$interpreter" >/dev/null || continue
    (echo "gaijin = require 'gaijin'; bakaGaijin = gaijin.connect {name = 'things'}" | tr '\n' ' ' && cat "$dir/things.lua" && echo "gaijin.run()") >"$dir/hosted.lua"
    start things env "LD_PRELOAD=$preload" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" "$interpreter" "$dir/hosted.lua"
  fi
  things=$pid
  check "it runs" exports things all
  holds holder things
  run "$ctl" tokens --host things --describe -o labels,description
  check "status 0, not $status" test "$status" = 0
  is small '2 entries: (name, open|open, name)'
  is empty '0 entries'
  is list '3 entries: \[1\], \[2\], \[3\]'
  is long 'more than 10000 entries: \[1\], \[2\], \[3\], \[4\], \.\.\.'
  is hostile '2 entries: .*\\x1b\[31m\\x0a"xy{45,55}\.\.\..*'
  is account 'Account, 1 entry: balance'
  is loud '1 entry: a'
  is f '.*\.lua:11'
  is waits 'suspended at .*\.lua:13'
  is fresh 'suspended at .*\.lua:15'
  is "done" dead
  is file 'FILE\*'
  is proxy userdata
  [ "$interpreter" = luajit ] || is c 'string\.format \[C\]'
  run "$ctl" call things.hits
  check "nothing of the script's was run" out_has '^0$'
  kill "$things"
  check "it ends" eventually gone "$things"
  kill "${started[-1]}"
  check "and who held its objects" eventually gone "${started[-1]}" # the next one of its name is not to be taken for it
done

story="--trace-tokens"
cat >"$dir/traced.lua" <<'END'
local function made() return {} end
bakaGaijin.make = function() return made() end -- line 2
bakaGaijin.field = { inner = {} }
local other = gaijin.wait_for("other", "take")
other({ 1 }) -- line 5
coroutine.wrap(function()
  other(gaijin.copy { { inside = 1 }, function() end }) -- line 7
end)()
bakaGaijin.all = {}
gaijin.run()
END
start other "$build/gaijin-worker" -n other -e "local kept = {} bakaGaijin.take = function(x) kept[#kept + 1] = x end
  local t = gaijin.wait_for('traced', 'all') local t = bakaGaijin('traced')
  a, b, c = t.make(), t.field.inner, t.make bakaGaijin.all = {} gaijin.run()"
start traced "$build/gaijin-worker" -n traced --trace-tokens "$dir/traced.lua"
traced=$pid
check "they run" exports other all
run "$ctl" tokens --host traced --describe -o description
check "status 0, not $status" test "$status" = 0
for text in '1 entry: \[1\]; sent from .*:5 \(call to other\)' '.*:7; sent from .*:7 \(call to other\)' \
  '0 entries; sent from .*:2 \(call of other\)' '0 entries; sent \(get of other\)' '.*:2; sent \(s2t of other\)'; do
  check "has $text" out_has "^$text *\$"
done
run "$ctl" tokens --host traced --describe --json -o description
check "JSON has it, too" out_has '"from":"[^"]*:5","op":"call","to":"other","answer":false'
kill "$traced"
check "it ends" eventually gone "$traced"

story="which are asked for"
cat >"$dir/asked.lua" <<'END'
kept = {}
for i = 1, 200 do kept[i] = { i } end
bakaGaijin.kept = kept
local asked = 0
function gaijin.access(who, op) if op == "describe" then asked = asked + 1 end return op ~= "describe" or not refusing end
bakaGaijin.asked = function() return asked end
bakaGaijin.refuse = function() refusing = true end
bakaGaijin.hang = function() print("hangs") while true do end end
gaijin.run()
END
start asked "$build/gaijin-worker" -n asked --sandbox --cpu-limit 0 "$dir/asked.lua"
asked=$pid
start all "$build/gaijin-worker" -n all -e "kept = {} for i, t in ipairs(gaijin.wait_for('asked', 'kept')) do kept[i] = t end
  bakaGaijin.all = {} gaijin.run()"
check "they run" exports all all
run "$ctl" tokens --host asked
run "$ctl" call asked.asked
check "without the flag nobody is" out_has '^0$'
run "$ctl" tokens --host asked --kind table --describe --limit 5 --json -o id,description
check "those that are shown" test "$(grep -o '"held":true' "$dir/out" | wc -l)" = 5
run "$ctl" call asked.asked
check "with one question" out_has '^1$'
run "$ctl" tokens --host asked -o id,description --sort -id
check "a column that is picked is asked for" test "$(grep -c '1 entry: \[1\]$' "$dir/out")" = 200
run "$ctl" call asked.asked
check "64 at a time" out_has '^5$'
run "$ctl" tokens --host asked --json
check "else the column is not there" test "$(grep -c description "$dir/out")" = 0
run "$ctl" call asked.refuse
run "$ctl" tokens --host asked --describe --json -o id,description
check "who refuses: status 1, not $status" test "$status" = 1
check "one line" err_is_one_line
check "says so" says "descriptions of asked: gaijin: denied: asked refuses describe to @gaijinctl"
check "the rest is shown" out_has '"description":null'

story="a worker that hangs"
kept_by() { test "$("$ctl" loads --json -o holder,held | grep -c "\"$1\"")" -gt 0; }
start calm "$build/gaijin-worker" -n calm -e "bakaGaijin.one = {1} gaijin.run()"
start has "$build/gaijin-worker" -n has -e "kept = gaijin.wait_for('calm', 'one') gaijin.run()"
check "it holds something" eventually kept_by has
start hangs "$build/gaijin-worker" -n hangs --once -e "bakaGaijin('asked').hang()"
check "it hangs" eventually has asked '^hangs$'
run "$ctl" tokens --describe --timeout "$patience" -o host,description
check "status 1, not $status" test "$status" = 1
check "one line" err_is_one_line
check "says who" says "descriptions of asked: no answer in $patience s"
check "others are described" out_has '^calm +1 entry: \[1\]$'
check "it is not" out_has '^asked +-$'
run "$ctl" tokens --describe --timeout "$patience"
check "one line with labels, too" err_is_one_line
kill -9 "$asked" && wait "$asked" 2>/dev/null

story="objects of who has ended"
is_known_dead() { "$ctl" tokens --json | grep '"dead":true' >/dev/null; }
check "its end is known" eventually is_known_dead
run "$ctl" tokens --describe --host asked --limit 3 -o id,description
check "status 0, not $status" test "$status" = 0
check "nobody describes them" out_has '^ *[0-9]+ +-$'

story="a policy"
echo '[allow]
who = all
names = *
[allow]
who = all
hosts = *
[deny]
who = all
may = lend' >"$dir/policy"
end_started
start_broker --policy "$dir/policy"
start calm "$build/gaijin-worker" -n calm -e "bakaGaijin.one = {1} gaijin.run()"
start has "$build/gaijin-worker" -n has -e "kept = gaijin.wait_for('calm', 'one') gaijin.run()"
check "it holds something" eventually kept_by has
run "$ctl" tokens --describe -o host,description
check "status 1, not $status" test "$status" = 1
check "says what is missing" says "may not be told what objects of worker calm are: this broker's policy does not give it the right 'lend'"
check "one line" err_is_one_line
run "$ctl" leaks --over 0
check "leaks says so, too" says "does not give it the right 'lend'"
check "and counts all the same" out_has '^calm +table +not told +1 '
run "$ctl" policy why -- "$(id -u):" describe calm
check "policy why knows it" out_has '^deny: '

story="a broker that dies meanwhile"
end_started
start_broker
broker=$pid
start calm "$build/gaijin-worker" -n calm -e "bakaGaijin.one = {1} gaijin.run()"
calm=$pid
start has "$build/gaijin-worker" -n has -e "kept = gaijin.wait_for('calm', 'one') gaijin.run()"
check "it holds something" eventually kept_by has
kill -STOP "$calm"
start ends "$ctl" tokens --describe -o host,description --timeout "$limit"
ends=$pid
asks() { "$ctl" stats --json | grep '"op":"describe","requests":1' >/dev/null; }
check "it asks" eventually asks
kill -9 "$broker"
wait "$ends"
check "status 3" test $? = 3
check "one line" test "$(wc -l <"$dir/ends.out")" = 1

finish

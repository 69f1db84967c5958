#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl tokens --describe: what objects of each kind are, in each interpreter; hosts that hang, refuse, and lie.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/s
evidence="out err *.out"
ctl=$build/gaijinctl

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
  is done dead
  is file 'FILE\*'
  is proxy userdata
  [ "$interpreter" = luajit ] || is c 'string\.format \[C\]'
  run "$ctl" call things.hits
  check "nothing of the script's was run" out_has '^0$'
  kill "$things"
  check "it ends" eventually gone "$things"
  kill "${started[-1]}"
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

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A worker is replaced by another one of its name while others use it: calls by the name see no gap, holders may go on for a
# while, a successor that fails changes nothing, and all this over a restart and an upgrade of the broker.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/socket
evidence="caller.out shop2.out holder.out stock.out err"

cat >"$dir/shop.lua" <<'LUA'
local version = arg[1]
local held = { version = version }
bakaGaijin.version = function() return version end
bakaGaijin.thing = held
if arg[2] == "hold" then
  bakaGaijin["waits" .. version] = true
  gaijin.wait_for("gate", "open")
elseif arg[2] == "fail" then
  error("cannot start")
end
print("up " .. version)
LUA
cat >"$dir/caller.lua" <<'LUA'
local seen, calls, last = {}, 0, nil
bakaGaijin.seen = function() return #seen, calls, last end
gaijin.spawn(function()
  while true do
    local v = bakaGaijin("shop").version()
    calls = calls + 1
    if v ~= last then
      seen[#seen + 1], last = v, v
      print("saw " .. v)
    end
    gaijin.yield()
  end
end)
LUA
cat >"$dir/holder.lua" <<'LUA'
local thing = gaijin.wait_for("shop", "thing")
print("holds " .. thing.version)
gaijin.on_death(thing, function(name, how)
  print("told of the end of " .. name .. ", " .. how)
  gaijin.on_death(thing, function(_, again) print("again, " .. again) end)
  local ok, why = pcall(function() return thing.version end)
  print(tostring(why))
end)
bakaGaijin.ask = function() return thing.version end
bakaGaijin.drop = function() thing = nil; bakaGC() end
LUA

worker() { # NAME-OF-LOG WORKER-FLAG... SCRIPT ARG...
  local name=$1
  shift
  start "$name" "$build/gaijin-worker" "$@"
}
story="twenty restarts"
start_broker --log-level info
worker shop1 --linger 1 -n shop "$dir/shop.lua" 1
pids=("$pid")
check "the first is up" eventually has shop1 "^up 1"
worker caller "$dir/caller.lua"
check "it is called" eventually has caller "^saw 1"
for i in $(seq 2 21); do
  worker "shop$i" --succeed --linger 1 -n shop "$dir/shop.lua" "$i"
  pids+=("$pid")
  wait_until has caller "^saw $i\$"
done
check "each was seen, in order" \
  test "$(grep '^saw' "$dir/caller.out" | tr '\n' ' ')" = "$(printf 'saw %d ' $(seq 21))"
check "no call failed" test "$(grep -vc '^saw' "$dir/caller.out")" -eq 0
all_but_last_are_gone() {
  local one
  for one in "${pids[@]::20}"; do gone "$one" || return 1; done
}
check "all but the last stop" eventually all_but_last_are_gone
check "the last one lives" kill -0 "${pids[20]}"
end_started

# asked: which version of the shop serves, as gaijinctl finds it by its name.
asked() { timeout "$limit" "$build/gaijinctl" call shop.version 2>&1; }
is_version() { [ "$(asked)" = "\"$1\"" ]; }
# still_has: the same of the object that the holder has.
still_has() { [ "$(timeout "$limit" "$build/gaijinctl" call holder.ask 2>&1)" = "\"$1\"" ]; }
begin() { # FLAG-OF-THE-FIRST...
  start_broker --log-level info
  worker shop1 "$@" -n shop "$dir/shop.lua" 1
  first=$pid
  check "the first is up" eventually has shop1 "^up 1"
}
open_gate() { worker gate -n gate -e 'bakaGaijin.open = true'; }
# waits: the second has connected, and its script waits.
waits() {
  worker shop2 --succeed -n shop "$dir/shop.lua" 2 hold
  second=$pid
  check "the second waits" eventually has broker "waits to succeed"
  check "the first is found" is_version 1
}

story="a successor that fails"
begin
worker shop2 --succeed -n shop "$dir/shop.lua" 2 fail
check "ends" eventually gone "$pid"
check "changes nothing" is_version 1
waits
kill -9 "$second"
check "nor does one that is killed" eventually gone "$second"
check "the first is found" is_version 1
check "and has been told nothing" test "$(wc -l <"$dir/shop1.out")" -eq 1
end_started

story="what the successor is told"
begin
start state "$build/gaijin-worker" --succeed -n shop -e 'local before = bakaGaijin("shop")
  local state, peers = gaijin.fetch(before.thing), #gaijin.peers()
  bakaGaijin.version = function() return state.version .. "+" .. peers end'
check "is what the first one has, and nobody is listed twice" eventually is_version "1+0"
standing() { "$build/gaijinctl" clients -o worker,standing | grep -c "^shop *$1"; }
check "the listing tells who is who" test "$(standing named)" = 1
end_started

story="the first is killed while its successor waits"
begin
waits
kill -9 "$first"
check "the successor has the name" eventually is_version 2
end_started

story="holders"
begin --linger 60
worker holder "$dir/holder.lua"
check "one has an object" eventually has holder "^holds 1"
worker shop2 --succeed --linger 0.5 -n shop "$dir/shop.lua" 2
check "the second has the name" eventually is_version 2
check "the first serves its holder" eventually still_has 1
expect 0 call holder.drop
check "and stops when it is needed no more" eventually gone "$first"
second=$pid
worker holder -n another "$dir/holder.lua"
check "another one has an object" eventually has holder "^holds 2"
worker shop3 --succeed -n shop "$dir/shop.lua" 3
check "the second stops all the same" eventually gone "$second"
check "its holder is told" eventually has holder "^told of the end of shop, succeeded$"
check "whenever it asks" eventually has holder "^again, succeeded$"
check "and why" eventually has holder \
  "^gaijin: dead: Gaijin tried accessing dead resource. .shop, which another worker of that name has succeeded.$"
end_started

story="garbage holds nobody"
begin --linger 60
worker holder -n holder -e 'collectgarbage("stop") gaijin.wait_for("shop", "thing") print("holds")
  gaijin.spawn(function() while true do gaijin.sleep(60) end end)'
check "a worker has let go of an object and not collected" eventually has holder "^holds"
worker shop2 --succeed -n shop "$dir/shop.lua" 2
check "the second has the name" eventually is_version 2
check "the first does not wait for who uses it no more" eventually gone "$first"
end_started

story="the broker is upgraded while the one before serves its holders"
begin --linger 60
worker holder -n holder -e 'collectgarbage("stop") local thing = gaijin.wait_for("shop", "thing") print("holds")
  bakaGaijin.ask = function() return thing.version end  bakaGaijin.drop = function() thing = nil return "dropped" end'
check "one has an object" eventually has holder "^holds"
worker shop2 --succeed -n shop "$dir/shop.lua" 2
check "the second has the name" eventually is_version 2
check "the first serves its holder" eventually still_has 1
expect 0 call holder.drop
check "what it has let go it has not collected" kill -0 "$first"
expect 0 upgrade
check "the broker that goes on has it collect" eventually gone "$first"
end_started

story="the broker is killed while a successor waits"
begin
broker=${started[0]}
waits
kill -9 "$broker"
wait_until gone "$broker"
start_broker --log-level info
check "the first is found again" eventually is_version 1
open_gate
check "the second has the name when it is ready" eventually is_version 2
check "and the first has stopped" eventually gone "$first"
end_started

story="the broker is killed when the name has just passed"
begin --linger 60
broker=${started[0]}
worker holder "$dir/holder.lua"
check "one has an object" eventually has holder "^holds 1"
worker shop2 --succeed -n shop "$dir/shop.lua" 2
check "the second has the name" eventually is_version 2
kill -9 "$broker"
wait_until gone "$broker"
start_broker --log-level info
check "it still has" eventually is_version 2
check "and the first serves its holder" eventually still_has 1
end_started

story="the broker is upgraded while a successor waits"
begin
waits
expect 0 upgrade
check "the first is found" is_version 1
open_gate
check "the second has the name when it is ready" eventually is_version 2
check "and the first has stopped" eventually gone "$first"
end_started

story="a stock interpreter"
begin
cat >"$dir/stock.lua" <<'LUA'
local gaijin = require "gaijin"
local bakaGaijin = gaijin.connect { name = "shop", succeed = true, linger = 1 }
bakaGaijin.version = function() return "stock" end
gaijin.ready()
gaijin.run()
gaijin.close()
print("closed")
LUA
preload=""
if sanitized "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi
start stock env "LD_PRELOAD=$preload" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" LUA_CPATH="$build/?.so" lua5.1 "$dir/stock.lua"
check "succeeds" eventually is_version stock
worker shop3 --succeed -n shop "$dir/shop.lua" 3
check "and is succeeded" eventually is_version 3
check "gaijin.run returns" eventually has stock "^closed"
end_started
finish

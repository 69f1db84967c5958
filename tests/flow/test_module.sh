#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijin.so in stock interpreters, lua5.1 and luajit where they are installed: the same scripts in each. BUILD is the
# build directory.
set -uo pipefail
export LC_ALL=C
build=$(cd "${BUILD:-build}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
limit=$((20 * ${GAIJIN_TEST_SLOWER:-1}))
dir=$(mktemp -d)
export GAIJIN_SOCKET=$dir/g.sock
export LUA_CPATH="$build/?.so;;" LUA_PATH="$root/tests/lua/lib/?.lua;;"
passed=0 failed=0 started=()

cleanup() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$dir"
}
trap cleanup EXIT
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $what"
    tail -n 20 "$dir"/*.out
  fi
}
# The library was built for AddressSanitizer: the interpreter must have its runtime before anything else.
preload=""
if grep -aq __asan_init "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi
lua() { # interpreter, script, arguments
  LD_PRELOAD=$preload ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 timeout "$limit" "$@" >"$dir/lua.out" 2>&1
}

"$build/gaijin-broker" --log-level warn >"$dir/broker.out" 2>&1 &
started+=($!)
"$build/gaijin-worker" -n S "$root/tests/module/server.lua" >"$dir/S.out" 2>&1 &
started+=($!)
"$build/gaijin-worker" -n waiter --once -e 'gaijin.wait_for("S", "slow", 10)' >"$dir/waiter.out" 2>&1

for interpreter in lua5.1 luajit; do
  command -v "$interpreter" >/dev/null || continue
  for how in close leave; do
    lua "$interpreter" "$root/tests/module/basics.lua" "$how"
    check "$interpreter runs the basics and ends ($how)" test $? = 0
    check "$interpreter ran to the end ($how)" grep -q '^done$' "$dir/lua.out"
  done
  lua "$interpreter" -e 'local g = coroutine.wrap(function() return require "gaijin" end)() collectgarbage() collectgarbage()
    local b = g.connect { name = "co" } print(b("S").t.x)'
  check "$interpreter: require in a coroutine that ends" grep -q '^1$' "$dir/lua.out"
  lua "$interpreter" -e 'print(pcall(require("gaijin").connect, { socket = "/nonexistent/x", wait = 0 }))'
  check "$interpreter: no broker is one clear error" grep -q '^false.gaijin: lost: no broker at /nonexistent/x' "$dir/lua.out"
  # Loops of the program's own, where the libraries of the examples are installed.
  if "$interpreter" -e 'require "socket"' 2>/dev/null; then
    lua "$interpreter" "$root/examples/loops/select.lua" 60 &
    pid=$!
    "$build/gaijin-worker" -n player --once -e 'assert(gaijin.wait_for("game", "join", 10)("ann") == "welcome, ann")' >"$dir/player.out" 2>&1
    check "$interpreter: a call into the select loop" test $? = 0
    wait "$pid"
    check "$interpreter: the select loop served and went on" grep -q '^60 frames, 1 players: ann$' "$dir/lua.out"
  fi
  if "$interpreter" -e 'require "luv"' 2>/dev/null; then
    lua "$interpreter" "$root/examples/loops/luv.lua" "${GAIJIN_TEST_SLOWER:-1}" &
    pid=$!
    "$build/gaijin-worker" -n caller --once -e 'local add = gaijin.wait_for("luv", "add", 10)
      for i = 1, 100 do assert(add(i, 1) == i + 1) end' >"$dir/player.out" 2>&1
    check "$interpreter: calls into the luv loop" test $? = 0
    wait "$pid"
    check "$interpreter: the luv loop served" grep -q '^served 100 calls$' "$dir/lua.out"
  fi
  lua "$interpreter" -e 'require("gaijin").connect { name = "stopper" } gaijin.after(0.01, gaijin.stop, 3)
    print(pcall(gaijin.sleep, 1000)) os.exit(gaijin.close())'
  check "$interpreter: a status for gaijin.stop" test $? = 3
  check "$interpreter: who stops does not wait on" grep -q '^false.gaijin: cancelled: gaijin.sleep: the worker is stopping$' "$dir/lua.out"
  lua "$interpreter" -e 'local g = require "gaijin" local b = g.connect { name = "closed" } local t = b("S").t
    print(pcall(g.timeout, 1, g.close))
    for _, f in ipairs { g.stats, g.close, g.peers, g.ready } do print(pcall(f)) end
    print(pcall(g.sleep, 0)) print(pcall(g.spawn, print)) print(pcall(g.on_death, t, print)) print(pcall(function() return t.x end))'
  check "$interpreter: after close everything is lost or done" test $? = 0
  check "$interpreter: that is what errors say" test "$(grep -c '^false.gaijin: lost: ' "$dir/lua.out")" = 7
  # The same settings and the same words as on the command line.
  lua "$interpreter" -e 'local g = require "gaijin"
    for _, options in ipairs { { nam = "x" }, { frobnicate = 1 }, { 1 }, { once = true }, { [""] = 1 }, { max_depth = 1e9 },
      { max_fibers = 1.5 }, { call_timeout = -1 }, { wait = "5" }, { name = 5 }, { name = "" }, { name = "a\0b" }, { signals = 1 },
      { socket = ("s"):rep(108) }, { atc_time = 0 / 0 } } do print(pcall(g.connect, options)) end'
  while IFS= read -r line; do
    check "$interpreter: connect says: $line" grep -qF "gaijin.connect: $line" "$dir/lua.out"
  done <<'LINES'
unknown option 'nam' (did you mean name?)
unknown option 'frobnicate'
unknown option 'number'
unknown option 'once'
unknown option ''
max_depth takes a whole number from 1 to 65000, not '1000000000'
max_fibers takes a whole number from 1 to 1000000, not '1.5'
call_timeout takes a number from 0 to 1000000, not '-1'
wait takes a number from 0 to 1000000, not a string
name takes a text of 1 to 64 bytes, not a number
name takes a text of 1 to 64 bytes, not ''
name takes a text of 1 to 64 bytes, not 'a'
signals takes true or false, not a number
socket takes a text of 1 to 107 bytes, not 'sss
atc_time takes a number from 0.001 to 1000000, not '
LINES
  check "$interpreter: each of them raised" test "$(grep -c '^false' "$dir/lua.out")" = 15
  lua "$interpreter" -e 'collectgarbage "stop" local b = require("gaijin").connect { name = "stopped" } print(b("S").t.x)
    local p = newproxy(true) getmetatable(p).__gc = function() print(pcall(gaijin.close)) print(pcall(gaijin.dispatch)) end p = nil collectgarbage()'
  check "$interpreter: with a collector that is stopped" grep -q '^1$' "$dir/lua.out"
  check "$interpreter: no close, no dispatch in a finaliser" test "$(grep -c '^false.gaijin: unsupported: .*in a finaliser$' "$dir/lua.out")" = 2
  lua "$interpreter" -e 'local b = require("gaijin").connect { name = "backlog", call_timeout = '"${GAIJIN_TEST_SLOWER:-1}"' } local big, n, us = b("S").big, 0, {}
    for i = 1, 30 do us[i] = gaijin.async(big) end gaijin.yield()
    local till = gaijin.now() + 2 + '"${GAIJIN_TEST_SLOWER:-1}"' while gaijin.now() < till do end
    for i = 1, 30 do n = n + (pcall(us[i].get, us[i]) and 1 or 0) end print(n)'
  check "$interpreter: so do those that wait in the broker meanwhile" grep -q '^30$' "$dir/lua.out"
  lua "$interpreter" -e 'local b = require("gaijin").connect { name = "late" } local slow = b("S").nap
    local u = gaijin.async(function() return pcall(gaijin.timeout, 0.5, slow, 0.1) end) gaijin.sleep(0.05)
    local till = gaijin.now() + 2 while gaijin.now() < till do end print(u:get())'
  check "$interpreter: an answer that came while the script computed counts" grep -q '^true.*0.1$' "$dir/lua.out"
  lua "$interpreter" -e 'require("gaijin").connect { name = "exits" } gaijin.spawn(function() os.exit(3, true) end) gaijin.sleep(100)'
  check "$interpreter: os.exit on a fiber" test $? = 3
  # The broker goes while the script serves, or ends.
  for code in 'print(pcall(gaijin.run))' 'gaijin.spawn(function() while true do pcall(gaijin.sleep, 100) end end) gaijin.sleep(0) gaijin.close()'; do
    "$build/gaijin-broker" -s "$dir/short.sock" --log-level error &
    short=$!
    until [ -S "$dir/short.sock" ]; do sleep 0.02; done
    lua "$interpreter" -e "require('gaijin').connect { name = 'x', socket = '$dir/short.sock' }
      gaijin.after(0, function() os.execute('kill -9 $short') end) $code" &
    pid=$!
    wait "$pid"
    check "$interpreter: the loss of the broker ends: ${code%%(*}" test $? -lt 2
    wait "$short" 2>/dev/null
    rm -f "$dir"/short.sock*
  done
  # A loop of the program's own is told that it shall end.
  : >"$dir/loop.out"
  LD_PRELOAD=$preload ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$interpreter" -e 'local g = require "gaijin" g.connect { name = "loop", signals = true }
    io.stdout:write("turning\n") io.stdout:flush()
    repeat local _, stopping = g.dispatch() until stopping
    print("told") os.exit(g.close())' >"$dir/loop.out" 2>&1 &
  pid=$!
  end=$((SECONDS + limit))
  until grep -q turning "$dir/loop.out" || [ "$SECONDS" -ge "$end" ]; do sleep 0.02; done
  kill -TERM "$pid"
  wait "$pid"
  check "$interpreter: a loop with dispatch ends on SIGTERM" test $? = 0
  check "$interpreter: it was told" grep -q '^told$' "$dir/loop.out"
  # Ctrl-C is felt while a call waits. exec, so that the signal reaches the interpreter itself.
  : >"$dir/int.out" # not the "waiting" of the interpreter before: the signal would come too early
  LD_PRELOAD=$preload ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$interpreter" -e 'local b = require("gaijin").connect { name = "int" }
    io.stdout:write("waiting\n") io.stdout:flush() b("S").slow()' >"$dir/int.out" 2>&1 &
  pid=$!
  end=$((SECONDS + limit))
  until grep -q waiting "$dir/int.out" || [ "$SECONDS" -ge "$end" ]; do sleep 0.02; done
  kill -INT "$pid"
  until ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; do sleep 0.02; done
  kill -0 "$pid" 2>/dev/null
  check "$interpreter: Ctrl-C ends a wait" test $? = 1
  kill -9 "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  check "$interpreter: Ctrl-C raises" grep -q interrupted "$dir/int.out"
done
# LuaJIT nests calls of C functions without a limit of its own; on a fiber of ours that ends in an error before the C stack does.
if command -v luajit >/dev/null && [ -z "$preload" ]; then
  cat >"$dir/deep.lua" <<'LUA'
require("gaijin").connect { name = "deep" }
local meta = {}
local function nest(f, n) return string.format("%s", setmetatable({ f, n }, meta)) end
function meta:__tostring() return self[2] == 0 and self[1]() or nest(self[1], self[2] - 1) end
local kinds = {
  gsub = function(f) ("x"):gsub("x", f) end,
  sort = function(f) table.sort({ 1, 2 }, f) end,
  wrap = function(f) -- a Lua function that calls it puts its position before the text: each of thousands would
    local ok, e = pcall(coroutine.wrap(f))
    if not ok then error(e, 0) end
  end,
  resume = function(f)
    local ok, e = coroutine.resume(coroutine.create(f))
    if not ok then error(e, 0) end
  end,
  timeout = function(f) gaijin.timeout(100, f) end,
  both = function(f)
    local ok, e = pcall(coroutine.wrap(function() nest(f, 1000) end))
    if not ok then error(e, 0) end
  end,
}
for name, kind in pairs(kinds) do
  gaijin.spawn(function()
    local n = 0
    local function f()
      n = n + 1
      kind(f)
    end
    local ok, e = pcall(f)
    print(name, ok, n > 2, tostring(e):match("stack overflow$"))
  end)
end
gaijin.sleep(0)
LUA
  lua luajit "$dir/deep.lua"
  check "luajit: rows of calls that do not end are errors" test $? = 0
  for kind in gsub sort wrap resume timeout both; do
    check "luajit: a row of calls ($kind) ends in an error" grep -qE "^$kind.false.true.stack overflow$" "$dir/lua.out"
  done
fi
# Replaced library functions with local values.
for interpreter in lua5.1 luajit "luajit -joff"; do
  command -v "${interpreter%% *}" >/dev/null || continue
  # shellcheck disable=SC2086 # it may have a flag
  lua $interpreter "$root/tests/module/local_calls.lua"
  check "$interpreter: local calls behave as the originals" grep -q '^done$' "$dir/lua.out"
done
"$build/gaijin-worker" -n local --once "$root/tests/module/local_calls.lua" >"$dir/lua.out" 2>&1
check "gaijin-worker: local calls behave as the originals" grep -q '^done$' "$dir/lua.out"
if command -v luajit >/dev/null; then
  lua luajit "$root/tests/module/traces.lua"
  check "luajit compiles local calls as it does the originals" grep -q '^done$' "$dir/lua.out"
fi
check "some interpreter was there" test "$passed" -gt 0
"$build/gaijinctl" gc >/dev/null 2>&1
"$build/gaijinctl" tokens --json >"$dir/tokens.out"
check "no token is left" grep -qx '\[\]' "$dir/tokens.out"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

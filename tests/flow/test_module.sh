#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijin.so in stock interpreters, lua5.1 and luajit where they are installed: the same scripts in each.
. "$(dirname "$0")/lib.sh"
evidence="out err *.out"
export GAIJIN_SOCKET=$dir/g.sock
export LUA_CPATH="$build/?.so;;" LUA_PATH="$root/tests/lua/lib/?.lua;;"

# The library was built for AddressSanitizer: the interpreter must have its runtime before anything else.
preload=""
if sanitized "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi
with_module=(env "LD_PRELOAD=$preload" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0")
lua() { run "${with_module[@]}" "$@"; } # interpreter, script, arguments

start_broker --log-level warn
start S "$build/gaijin-worker" -n S "$root/tests/module/server.lua"
wait_until exports S slow

for interpreter in lua5.1 luajit; do
  command -v "$interpreter" >/dev/null || continue
  story=$interpreter
  for how in close leave; do
    lua "$interpreter" "$root/tests/module/basics.lua" "$how"
    check "runs the basics and ends ($how)" test "$status" = 0
    check "ran to the end ($how)" out_has '^done$'
  done
  lua "$interpreter" -e 'local g = coroutine.wrap(function() return require "gaijin" end)() collectgarbage() collectgarbage()
    local b = g.connect { name = "co" } print(b("S").t.x)'
  check "require in a coroutine that ends" out_has '^1$'
  lua "$interpreter" -e 'print(pcall(require("gaijin").connect, { socket = "/nonexistent/x", wait = 0 }))'
  check "no broker is one clear error" out_has '^false.gaijin: lost: no broker at /nonexistent/x'
  # Loops of the program's own, where the libraries of the examples are installed.
  if "$interpreter" -e 'require "socket"' 2>/dev/null; then
    # So many frames that it goes on until who plays has it draw the last ones.
    start loop "${with_module[@]}" "$interpreter" "$root/examples/loops/select.lua" 1000000
    run "$build/gaijin-worker" -n player --once -e "assert(gaijin.wait_for('game', 'join', $limit)('ann') == 'welcome, ann')
      bakaGaijin('game').world.frame = 999990"
    check "a call into the select loop" test "$status" = 0
    wait_until gone "$pid"
    check "the select loop served and went on" has loop '^1000000 frames, 1 players: ann$'
  fi
  if "$interpreter" -e 'require "luv"' 2>/dev/null; then
    start loop "${with_module[@]}" "$interpreter" "$root/examples/loops/luv.lua" "${GAIJIN_TEST_SLOWER:-1}"
    run "$build/gaijin-worker" -n caller --once -e 'local add = gaijin.wait_for("luv", "add", '"$limit"')
      for i = 1, 100 do assert(add(i, 1) == i + 1) end'
    check "calls into the luv loop" test "$status" = 0
    wait_until gone "$pid"
    check "the luv loop served" has loop '^served 100 calls$'
  fi
  lua "$interpreter" -e 'require("gaijin").connect { name = "stopper" } gaijin.after(0.01, gaijin.stop, 3)
    print(pcall(gaijin.sleep, 1000)) os.exit(gaijin.close())'
  check "a status for gaijin.stop" test "$status" = 3
  check "who stops does not wait on" out_has '^false.gaijin: cancelled: gaijin.sleep: the worker is stopping$'
  lua "$interpreter" -e 'local g = require "gaijin" local b = g.connect { name = "closed" } local t = b("S").t
    print(pcall(g.timeout, 1, g.close))
    for _, f in ipairs { g.stats, g.close, g.peers, g.ready } do print(pcall(f)) end
    print(pcall(g.sleep, 0)) print(pcall(g.spawn, print)) print(pcall(g.on_death, t, print)) print(pcall(function() return t.x end))'
  check "after close everything is lost or done" test "$status" = 0
  check "that is what errors say" test "$(grep -c '^false.gaijin: lost: ' "$dir/out")" = 7
  # The same settings and the same words as on the command line.
  lua "$interpreter" -e 'local g = require "gaijin"
    for _, options in ipairs { { nam = "x" }, { frobnicate = 1 }, { 1 }, { once = true }, { [""] = 1 }, { max_depth = 1e9 },
      { max_fibers = 1.5 }, { call_timeout = -1 }, { wait = "5" }, { name = 5 }, { name = "" }, { name = "a\0b" }, { signals = 1 },
      { socket = ("s"):rep(108) }, { atc_time = 0 / 0 } } do print(pcall(g.connect, options)) end'
  while IFS= read -r line; do
    check "connect says: $line" says "gaijin.connect: $line"
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
  check "each of them raised" test "$(grep -c '^false' "$dir/out")" = 15
  lua "$interpreter" -e 'collectgarbage "stop" local b = require("gaijin").connect { name = "stopped" } print(b("S").t.x)
    local p = newproxy(true) getmetatable(p).__gc = function() print(pcall(gaijin.close)) print(pcall(gaijin.dispatch)) end p = nil collectgarbage()'
  check "with a collector that is stopped" out_has '^1$'
  check "no close, no dispatch in a finaliser" test "$(grep -c '^false.gaijin: unsupported: .*in a finaliser$' "$dir/out")" = 2
  lua "$interpreter" -e 'local b = require("gaijin").connect { name = "backlog", call_timeout = '"${GAIJIN_TEST_SLOWER:-1}"' } local big, n, us = b("S").big, 0, {}
    for i = 1, 30 do us[i] = gaijin.async(big) end gaijin.yield()
    os.execute "sleep '"$((2 + ${GAIJIN_TEST_SLOWER:-1}))"'"
    for i = 1, 30 do n = n + (pcall(us[i].get, us[i]) and 1 or 0) end print(n)'
  check "so do those that wait in the broker meanwhile" out_has '^30$'
  lua "$interpreter" -e 'local b = require("gaijin").connect { name = "late" } local slow = b("S").nap
    local u = gaijin.async(function() return pcall(gaijin.timeout, 0.5, slow, 0.1) end) gaijin.sleep(0.05)
    os.execute "sleep 2" print(u:get())'
  check "an answer that came while the script held the thread counts" out_has '^true.*0.1$'
  lua "$interpreter" -e 'require("gaijin").connect { name = "exits" } gaijin.spawn(function() os.exit(3, true) end) gaijin.sleep(100)'
  check "os.exit on a fiber" test "$status" = 3
  # The broker goes while the script serves, or ends.
  for code in 'print(pcall(gaijin.run))' 'gaijin.spawn(function() while true do pcall(gaijin.sleep, 100) end end) gaijin.sleep(0) gaijin.close()'; do
    start short "$build/gaijin-broker" -s "$dir/short.sock" --log-level error
    wait_until "$build/gaijinctl" ping -s "$dir/short.sock"
    lua "$interpreter" -e "require('gaijin').connect { name = 'x', reconnect = 1, socket = '$dir/short.sock' }
      gaijin.after(0, function() os.execute('kill -9 $pid') end) $code"
    check "the loss of the broker ends: ${code%%(*}" test "$status" -lt 2
    wait_until gone "$pid"
    rm -f "$dir"/short.sock*
  done
  # A loop of the program's own is told that it shall end.
  start loop "${with_module[@]}" "$interpreter" -e 'local g = require "gaijin" g.connect { name = "loop", signals = true }
    io.stdout:write("turning\n") io.stdout:flush()
    repeat local _, stopping = g.dispatch() until stopping
    print("told") os.exit(g.close())'
  wait_until has loop turning
  kill -TERM "$pid"
  wait "$pid"
  check "a loop with dispatch ends on SIGTERM" test $? = 0
  check "it was told" has loop '^told$'
  # Ctrl-C is felt while a call waits.
  start int "${with_module[@]}" "$interpreter" -e 'local b = require("gaijin").connect { name = "int" }
    io.stdout:write("waiting\n") io.stdout:flush() b("S").slow()'
  wait_until has int waiting
  kill -INT "$pid"
  check "Ctrl-C ends a wait" eventually gone "$pid"
  check "Ctrl-C raises" has int interrupted
done
# LuaJIT nests calls of C functions without a limit of its own; on a fiber of ours that ends in an error before the C stack does.
if command -v luajit >/dev/null && [ -z "$preload" ]; then
  story=luajit
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
  check "rows of calls that do not end are errors" test "$status" = 0
  for kind in gsub sort wrap resume timeout both; do
    check "a row of calls ($kind) ends in an error" out_has "^$kind.false.true.stack overflow$"
  done
fi
# Replaced library functions with local values.
for interpreter in lua5.1 luajit "luajit -joff"; do
  command -v "${interpreter%% *}" >/dev/null || continue
  story=$interpreter
  # shellcheck disable=SC2086 # it may have a flag
  lua $interpreter "$root/tests/module/local_calls.lua"
  check "local calls behave as the originals" out_has '^done$'
done
story=gaijin-worker
run "$build/gaijin-worker" -n local --once "$root/tests/module/local_calls.lua"
check "local calls behave as the originals" out_has '^done$'
if command -v luajit >/dev/null; then
  story=luajit
  lua luajit "$root/tests/module/traces.lua"
  check "compiles local calls as it does the originals" out_has '^done$'
fi
story=""
check "some interpreter was there" test "$passed" -gt 0
run "$build/gaijinctl" gc
run "$build/gaijinctl" tokens --json
check "no token is left" out_has '^\[\]$'

finish

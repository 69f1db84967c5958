#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Looking for the next message instead of sleeping (--poll-us): that it is done where messages follow each other closely,
# and where nobody is to notice it: idle processes, busy processors, timers, signals, stock interpreters.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/gaijin.sock
evidence="out err *.out"
worker=$build/gaijin-worker
server='bakaGaijin.echo = function(v) return v end bakaGaijin.stats = gaijin.stats'

# What the broker has counted: looks, hits, slow looks, in these variables.
looks='' hits='' slow=''
count_told() { grep -c "status: polling:" "$dir/broker.out"; }
told_more() { [ "$(count_told)" -gt "$1" ]; }
ask_broker() {
  local before
  before=$(count_told)
  kill -USR1 "$broker"
  wait_until told_more "$before"
  read -r looks hits slow < <(sed -n 's/.*status: polling: \([0-9]*\) looks.*, \([0-9]*\) waits.*; \([0-9]*\) looks were.*/\1 \2 \3/p' "$dir/broker.out" | tail -n 1)
}
# calls N CODE [FLAG...]: so many calls of the server's echo, then the code with `stats` (ours) and `theirs`.
calls() {
  local n=$1 code=$2
  shift 2
  timeout "$limit" "$worker" -n asker --once "$@" -e "local echo = gaijin.wait_for('server', 'echo', $limit)
    for i = 1, $n do assert(echo(i) == i) end
    local stats, theirs = gaijin.stats(), bakaGaijin('server').stats()
    $code"
}
switches() { sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$1/status"; }
begin() { # FLAG...: broker and server
  start_broker "$@"
  broker=$pid
  start server "$worker" -n server "$@" -e "$server"
  server_pid=$pid
}

story="--poll-us 0"
begin --poll-us 0
check "it never looks" calls 2000 'assert(stats.poll_looks + stats.poll_hits + theirs.poll_looks == 0)' --poll-us 0
ask_broker
check "nor does the broker: $looks $hits" test "$looks $hits $slow" = "0 0 0"
end_started

story="busy"
begin --poll-us 1000
found() { calls 500 'assert(stats.poll_hits > 0 and theirs.poll_hits > 0)' --poll-us 1000; }
check "it looks, and finds what comes" eventually found
broker_found() { calls 500 '' --poll-us 1000 && ask_broker && [ "$hits" -gt 0 ]; }
check "so does the broker" eventually broker_found

story="idle"
wait_until calls 1 ''
# For so long nothing comes to them, and what they do then is counted. What ended before may still be seen to at first.
for_a_second() {
  local before first
  ask_broker
  first=$looks before=$(switches "$server_pid")
  sleep 1
  ask_broker
  slept=$(($(switches "$server_pid") - before)) looked=$((looks - first))
  echo "$looked looks of the broker, the worker was awake $slept times"
}
broker_is_still() { for_a_second && [ "$looked" = 0 ]; }
worker_is_still() { for_a_second && [ "$slept" -le 5 ]; }
check "an idle broker does not look" eventually broker_is_still
check "nor is an idle worker awake" eventually worker_is_still

story="timers and signals"
start caller "$worker" -n caller --poll-us 1000 -e "local echo = gaijin.wait_for('server', 'echo', $limit)
  local ticks = 0
  local function tick() ticks = ticks + 1 gaijin.after(0.001, tick) end
  tick()
  while ticks < 100 do echo(1) end
  print('ticked')
  while true do echo(1) end"
caller=$pid
check "timers fire" eventually has caller '^ticked$'
kill -TERM "$caller"
check "the signal is heard" eventually gone "$caller"
kill -TERM "$server_pid"
check "also by one that serves" eventually gone "$server_pid"
end_started

story="eight workers"
begin --poll-us 1000
ring='bakaGaijin.sum = 0
  bakaGaijin.add = function(n) bakaGaijin.sum = bakaGaijin.sum + n end
  local adds = {}
  for i = 1, 8 do adds[i] = gaijin.wait_for("w" .. i, "add", 60) end
  for i = 1, 50 do for k = 1, 8 do adds[k](1) end end
  bakaGaijin.done = true'
for i in 1 2 3 4 5 6 7 8; do start "w$i" "$worker" -n "w$i" --poll-us 1000 -e "$ring"; done
all_done() {
  timeout "$limit" "$worker" --once -n looker -e "for i = 1, 8 do gaijin.wait_for('w' .. i, 'done', $limit) end
    for i = 1, 8 do assert(bakaGaijin('w' .. i).sum == 400, bakaGaijin('w' .. i).sum) end"
}
check "all calls were done, once each" all_done
end_started

story="a processor that somebody else uses"
cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
taskset -cp "$cpu" $$ >"$dir/log"
begin --poll-us 1000
for i in 1 2; do start "hog$i" sh -c 'while :; do :; done'; done
slow_seen() { calls 200 'assert(stats.poll_slow + theirs.poll_slow > 0)' --poll-us 1000; }
check "it notices" eventually slow_seen
end_started

if command -v lua5.1 >/dev/null; then
  story="a stock interpreter"
  begin --poll-us 1000
  export LUA_CPATH="$build/?.so;;"
  preload=""
  if sanitized "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi
  with_module=(env "LD_PRELOAD=$preload" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0")
  cat >"$dir/stock.lua" <<'LUA'
local gaijin = require "gaijin"
local microseconds = tonumber(arg[1])
local bakaGaijin = gaijin.connect {name = "stock", poll_us = microseconds}
local echo = gaijin.wait_for("server", "echo", 60)
for try = 1, 1000 do
  for i = 1, 100 do assert(echo(i) == i) end
  if microseconds == 0 or gaijin.stats().poll_hits > 0 then break end
end
local before = gaijin.stats()
assert((before.poll_hits > 0) == (microseconds > 0))
assert((before.poll_looks > 0) == (microseconds > 0))
-- Who polls the descriptor itself waits for more than us.
local answer = gaijin.async(echo, 1)
repeat gaijin.dispatch() until answer:done()
assert(gaijin.stats().poll_looks == before.poll_looks)
LUA
  run "${with_module[@]}" lua5.1 "$dir/stock.lua" 1000
  check "its script looks while it waits" test "$status" = 0
  run "${with_module[@]}" lua5.1 "$dir/stock.lua" 0
  check "unless it shall not" test "$status" = 0
  end_started
fi
finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What becomes of observers that are at work when the broker is upgraded, is killed and started again, or ends: of a
# call of a lent object, a wait, a monitor and its record, a repl, a picture that is drawn again and again. Each goes on
# or ends with one line and status 3, and nothing that was lent stays.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/sock HOME=$dir XDG_STATE_HOME=$dir/state
unset LC_ALL
export LANG=C.UTF-8
evidence="out err screen broker*.out shop.out till.out call.out get.out wait.out monitor*.out repl.out stats.out"

cat >"$dir/shop.lua" <<'LUA'
local go = ...
-- Answers when there is the file, whose name the call has.
local function wait(name)
  print("waits for " .. name)
  while true do
    local f = io.open(go .. name)
    if f then f:close() return "waited for " .. name end
    gaijin.sleep(0.02)
  end
end
bakaGaijin.wait = wait
bakaGaijin.box = { inner = { n = 7 } }
LUA
cat >"$dir/till.lua" <<'LUA'
held = { gaijin.wait_for("shop", "wait"), gaijin.wait_for("shop", "box").inner }
print("ready")
-- What is under way when the broker is killed is lost.
while true do gaijin.sleep(0.1); pcall(function() return held[2].n end) end
LUA
worker() { start "$1" "$build/gaijin-worker" -s "$GAIJIN_SOCKET" -n "$1" "${@:2}"; }
# What the till holds: the id of the shop's object of this kind.
id_of() {
  "$ctl" --json tokens --host shop --holder till --kind "$1" -o id 2>/dev/null | sed -n 's/.*"id":\([0-9]*\).*/\1/p' | tail -n 1
}
holders() { "$ctl" --json tokens --host shop; }
# Nobody but the till holds anything of the shop: what is lent has been given back.
lent() { holders | grep '"@' >/dev/null; }
given_back() { ! lent; }
none() { [ "$("$ctl" --json tokens)" = "[]" ]; }
sees() { grep -q 'sees what workers send' "$dir/broker.out"; }
grew() { [ "$(wc -l <"$dir/$1.out")" -gt "$2" ]; }
# goes_on NAME: it says more than now.
goes_on() { eventually grew "$1" "$(wc -l <"$dir/$1.out")"; }
ended() { # NAME PID: with 3, and said so in one line
  wait_until gone "$2"
  wait "$2"
  check "$1: status 3" test $? = 3
  check "$1: one line tells why" test "$(grep -c '^gaijinctl: ' "$dir/$1.out")" = 1
}
has_record() { [ "$(grep -c '^M' "$dir/record")" -gt "${1:-0}" ]; }

# Starts all that look on: what is asked of the shop waits for file $1. Their pids are in $call, $wait, ...
look_on() {
  start call "$ctl" call --timeout 1000 "shop:$(id_of function)" "\"$1\""
  call=$pid
  wait_until has shop "waits for $1\$"
  wait_until lent
  start wait "$ctl" wait "nobody-$1"
  wait=$pid
  rm -f "$dir/record"
  start monitor "$ctl" monitor --record "$dir/record"
  monitor=$pid
  wait_until has_record
  start stats "$ctl" stats --watch 0.1
  stats=$pid
  wait_until has stats . # what finds no broker the first time ends
  rm -f "$dir/lines"
  mkfifo "$dir/lines"
  # shellcheck disable=SC2016
  start repl sh -c 'exec "$1" repl shop <"$2"' sh "$ctl" "$dir/lines"
  repl=$pid
  exec 4>"$dir/lines"
  echo "box.inner.n" >&4
  wait_until has repl '^7$'
}
story="a live system"
start_broker --log-level info --return-grace 600
broker=$pid
worker shop "$dir/shop.lua" "$dir/"
shop=$pid
worker till "$dir/till.lua"
till=$pid
wait_until has till ready
terminal 80 24
typed "gaijinctl repl shop"
wait_until screen_has '^shop> *$'
look_on first

story="an upgrade"
run "$ctl" upgrade
check "status 0" test "$status" = 0
check "the monitor goes on" goes_on monitor
check "its record, too" eventually has_record "$(grep -c '^M' "$dir/record")"
check "what is drawn, too" goes_on stats
echo "box.inner.n + 0" >&4
echo "shop:$(id_of table).n" >&4
got_both() { [ "$(grep -c '^7$' "$dir/repl.out")" -ge 2 ]; }
check "the repl has what it is lent" eventually got_both
typed "box.inner.n"
check "and the one in the terminal" eventually screen_has '^7$'
: >"$dir/first"
wait_until gone "$call"
wait "$call"
check "the call is answered" test $? = 0
check "with its result" has call '^"waited for first"$'
check "the wait waits" test -e "/proc/$wait"
check "what was lent is given back" eventually given_back
kill "$wait"
exec 4>&-
wait_until gone "$repl"
kill -INT "$monitor" "$stats"
for one in "$monitor" "$stats"; do
  wait "$one"
  check "Ctrl-C ends it well" test $? = 0
done
run "$ctl" monitor --replay "$dir/record"
check "the record is whole" test "$status" = 0

story="killed, and started again"
look_on second
disown "$broker"
kill -9 "$broker"
wait_until gone "$broker"
start broker2 "$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-level info --return-grace 600
broker=$pid
wait_until "$ctl" ping shop
wait_until "$ctl" ping till
for one in call wait monitor; do ended "$one" "${!one}"; done
check "the monitor tells no more than that" has monitor '^gaijinctl: monitor: the connection to the broker ended: '
echo "box.inner.n" >&4
ended repl "$repl"
exec 4>&-
check "the repl in the terminal has ended" eventually screen_has '^gaijinctl: the connection to the broker ended'
typed 'echo "status $?"'
check "with 3" eventually screen_has '^status 3$'
check "what is drawn goes on" goes_on stats
drawn_anew() { tail -n 20 "$dir/stats.out" | grep '^announce ' >/dev/null; }
check "and finds the other broker" eventually drawn_anew
kill -INT "$stats"
wait "$stats"
check "Ctrl-C ends it well" test $? = 0
: >"$dir/second"
check "what was lent is gone" eventually given_back
check "what the till holds is there" test -n "$(id_of table)"
run "$ctl" monitor --replay "$dir/record"
check "the record is whole" test "$status" = 0

run "$ctl" stop till
check "without the till nothing is left" eventually none
worker till "$dir/till.lua"
till=$pid
wait_until has till ready

story="the end"
look_on third
kill "$broker"
for one in call wait monitor; do ended "$one" "${!one}"; done
echo "box.inner.n" >&4
ended repl "$repl"
exec 4>&-
wait_until gone "$shop"
wait_until gone "$till"
finish

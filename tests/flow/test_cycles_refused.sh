#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Garbage in cycles, and workers that do not say what they use: one that was told not to, and one that cannot fork, because a filter of
# system calls forbids it or memory is accounted strictly. What they have and hold stays, they work, the rest goes.
. "$(dirname "$0")/lib.sh"
evidence="out err broker.out A.out N.out F.out"
export GAIJIN_SOCKET=$dir/gaijin.sock LUA_PATH="$root/tests/lua/lib/?.lua;;"
ctl=$build/gaijinctl

# worker NAME [FLAG...], with the words of $before before the program.
before=()
worker() {
  start "$1" "${before[@]}" "$build/gaijin-worker" -n "$1" "${@:2}" -e 'require "ring"'
  wait_until exports "$1" left
}
start_broker --cycle-time=0 --log-level info
worker A
worker B
worker N --no-cycles
before=("$python" "$root/tests/flow/no_fork.py")
worker F

# left NAME: how many objects it has.
left() { "$build/gaijinctl" call "$1.left"; }
left_is() { [ "$(left "$1")" = "$2" ]; }
# Rings over A and the others: 10 with B, 20 with N, 30 with F; and one over all that refuse and do not.
cat >"$dir/ties.lua" <<'LUA'
local W = {}
for _, name in ipairs { "A", "B", "N", "F" } do
  local worker = bakaGaijin(name)
  W[name] = { make = worker.make, close = worker.close }
end
local function ring(...)
  local names = { ... }
  local first = W[names[1]].make()
  local object = first
  for i = #names, 2, -1 do object = W[names[i]].make(object) end
  W[names[1]].close(first, object)
end
for _ = 1, 10 do ring("A", "B") end
for _ = 1, 20 do ring("A", "N") end
for _ = 1, 30 do ring("F", "A") end
ring("A", "B", "N", "B", "F")
LUA
run "$build/gaijin-worker" -n ties --once "$dir/ties.lua"
check "objects are tied" test "$status" = 0
story="before"
for pair in "A 61" "B 12" "N 21" "F 31"; do
  # shellcheck disable=SC2086 # two words
  check "$pair" left_is $pair
done

story="after rounds"
look() {
  local i
  for ((i = 0; i < 20; i++)); do
    run "$ctl" gc --cycles
    if [ "$status" = 0 ]; then return 0; fi
  done
  return 1
}
# Where the machine stands still for longer than the workers wait for each other, a round ends without some of it.
comes_to() { left_is "$@" || { "$ctl" gc --cycles >"$dir/out" 2>&1; left_is "$@"; }; }
for _ in 1 2 3; do check "a round comes to its end" look; done
check "what may go does" eventually comes_to A 51
for pair in "A 51" "B 2" "N 21" "F 31"; do
  # shellcheck disable=SC2086
  check "$pair" left_is $pair
done
check "who was told not to take part is named" has broker "worker N is left out .*: what it has and holds stays"
check "who cannot fork is named" has broker "worker F is left out .*for ten minutes: .*stays: busy: F cannot be forked"
left_out() { [ "$(grep -c "is left out" "$dir/broker.out")" = "$1" ]; }
check "each of them once" left_out 2
run "$ctl" gc --cycles
check "who asks for a round is told" grep -q "left out: .*N (takes no part)" "$dir/out"
check "and of the other, too" grep -q "F (could not look)" "$dir/out"
run "$ctl" cycles --limit 1
check "so is who looks at the last ones" grep -q "left out: .*N (takes no part)" "$dir/out"
check "what they are to do they do" test "$("$ctl" call N.left):$("$ctl" call F.left)" = 21:31

story="other garbage goes on going"
run "$build/gaijin-worker" -n ties --once "$dir/ties.lua"
for _ in 1 2; do check "a round comes to its end" look; done
check "what may go does" eventually comes_to A 102
for pair in "A 102" "B 4" "N 42" "F 62"; do
  # shellcheck disable=SC2086
  check "$pair" left_is $pair
done
finish

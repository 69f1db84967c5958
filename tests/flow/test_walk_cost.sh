#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a walk of a worker's heap costs the worker: the forked copy runs when nobody else wants to,
# the collector has ended its round before, and there is a rest, which is told.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/s
ctl=$build/gaijinctl
evidence="out err why.out *.out"

# A garbage object is finalised when, and only when, a round of the collector has ended.
cat >"$dir/large.lua" <<'END'
kept = {}
for i = 1, 200000 do kept[i] = {i} end
bakaGaijin.object = {}
bakaGaijin.collected = function() return collected == true end
collectgarbage()
do local p = newproxy(true); getmetatable(p).__gc = function() collected = true end end
gaijin.run()
END
cat >"$dir/holder.lua" <<'END'
gaijin.wait_for("large", "object")
mine = bakaGaijin("large").object
bakaGaijin.ready = true
gaijin.run()
END

# The policy of a child of the worker is SCHED_BATCH (3): the 41st value of its stat, of which the
# second is a name in brackets.
copy_gives_way() {
  local child stat children
  read -ra children <"/proc/$worker/task/$worker/children" || true # it has no end of line
  for child in "${children[@]}"; do
    stat=$(cat "/proc/$child/stat" 2>/dev/null) || continue
    # shellcheck disable=SC2086 # split into values
    set -- ${stat##*) }
    [ "${39:-}" = 3 ] && return
  done
  return 1
}
collected() { [ "$("$ctl" call large.collected)" = true ]; }
# asks: `why` in the background; sees the copy. One that has come and gone unseen is asked for again.
ask() {
  "$ctl" why "large:$id" --timeout $((15 * ${GAIJIN_TEST_SLOWER:-1})) >"$dir/why.out" 2>&1 &
  asking=$!
}
gives_way() {
  copy_gives_way && return
  if gone "$asking"; then ask; fi
  return 1
}
asks() {
  ask
  check "the copy gives way to others" eventually gives_way
  wait "$asking"
  check "tells a path" grep -q '^  _G\.' "$dir/why.out"
}

# Right behind another. The limit is long enough to be answered and too short for the next to begin; how long that is depends
# on the machine.
told_when() {
  local seconds
  for seconds in 0.1 0.3 1; do
    "$ctl" why "large:$id" --timeout $((15 * ${GAIJIN_TEST_SLOWER:-1})) >"$dir/why.out" 2>&1
    run "$ctl" why "large:$id" --timeout "$seconds"
    says "the next may begin in" && return
  done
  return 1
}

start_broker --log-level info
for story in plain sandboxed; do
  flags=()
  if [ "$story" = sandboxed ]; then flags=(--sandbox); fi
  start large "$build/gaijin-worker" -n large "${flags[@]}" "$dir/large.lua"
  worker=$pid large=$pid
  start holder "$build/gaijin-worker" -n holder "$dir/holder.lua"
  check "the holder runs" exports holder ready
  id=$("$ctl" --json tokens --holder holder | sed -n '1s|.*"id":\([0-9]*\).*|\1|p')
  id=${id#*:}
  check "not collected before" eval '! collected'
  asks
  check "a round of the collector has ended" collected
  check "who asks at once is told when the next may begin" eventually told_when
  kill "$large" "$pid"
  check "they end" eventually gone "$large"
  check "both" eventually gone "$pid"
done
finish

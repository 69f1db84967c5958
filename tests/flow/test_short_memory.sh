#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Allocations that fail in a worker that asks, in the one that is asked, in the broker and in
# gaijinctl: the first, the second, and so on, one alone or some in a row, each in a run of its own.
# Whatever fails: no process dies of a signal or hangs, what ends with another status than 0 says
# why, the stories' own conditions hold (tests/memory/asker.lua), and nothing is left at the end.
#
#   SWEEP_STRIDE=n   every n-th allocation is tried; `make hostile` takes 5
. "$(dirname "$0")/lib.sh"
stride=${SWEEP_STRIDE:-601}
evidence="run.out other.out broker.out host.out"
memory=$root/tests/memory
scarce=$build/tests/scarce.so
export GAIJIN_SOCKET=$dir/s

if sanitized "$build/gaijin-worker"; then
  check "a sanitizer has an allocator of its own: nothing is tried" true
  finish
  exit
fi

# short FROM COUNT COMMAND...: runs it with allocations that fail; its status is $status, its output, of
# both kinds, $dir/run.out.
short() {
  local from=$1 count=$2
  shift 2
  status=0
  timeout "$limit" env SCARCE_FROM="$from" SCARCE_COUNT="$count" SCARCE_OUT="$dir/count" LD_PRELOAD="$scarce" "$@" \
    >"$dir/run.out" 2>&1 </dev/null || status=$?
}
# How many allocations the command needs when none fails.
needs() {
  rm -f "$dir/count"
  timeout "$limit" env SCARCE_OUT="$dir/count" LD_PRELOAD="$scarce" "$@" >"$dir/run.out" 2>&1 </dev/null || return 1
  allocations
}
allocations() { od -A n -t u8 -N 8 "$dir/count" | tr -d ' '; }
# ended_well STATUS FILE: with 0, or with another status and a text; not by a signal, nor by the limit.
ended_well() {
  [ "$1" -eq 0 ] && return
  [ "$1" -lt 100 ] && [ -s "$2" ]
}
alive() { kill -0 "$1" 2>/dev/null; }

# sweep WHAT BOUND ONE...: tries `ONE... N COUNT` for allocations up to BOUND; counted as one check.
sweep() {
  local what=$1 bound=$2 step=$stride n count tried=0
  shift 2
  # Of a program that allocates little more are tried.
  if [ "$step" -gt $((bound / 8 + 1)) ] && [ "$bound" -lt 300 ]; then step=$((bound / 8 + 1)); fi
  for count in 1 4; do
    for ((n = RANDOM % step; n < bound; n += step)); do
      tried=$((tried + 1))
      if ! "$@" "$n" "$count"; then
        story="allocation $n of $bound, $count in a row"
        check "$what" false
        story=""
        return
      fi
    done
  done
  check "$what: $tried runs" [ "$tried" -gt 0 ]
}
RANDOM=${SWEEP_SEED:=$$}
echo "SWEEP_SEED=$SWEEP_SEED"

# ---- A worker that asks ----

asker=("$build/gaijin-worker" -n asker --once "$memory/asker.lua")
ask() {
  short "$1" "$2" "${asker[@]}"
  ended_well "$status" "$dir/run.out"
}
start_broker --log-level warn
start host "$build/gaijin-worker" -n host "$memory/host.lua"
host=$pid
wait_until exports host work
bound=$(needs "${asker[@]}")
check "the story ends well with memory enough" [ "${bound:-0}" -gt 1000 ]
sweep "a worker that asks, short of memory" "${bound:-0}" ask
no_tokens() {
  "$build/gaijinctl" gc host >/dev/null && [ -z "$("$build/gaijinctl" tokens | tail -n +2)" ]
}
check "nothing of the askers is left" eventually no_tokens
check "the worker that was asked lives" alive "$host"

# ---- gaijinctl ----

look() {
  short "$1" "$2" "$build/gaijinctl" clients
  ended_well "$status" "$dir/run.out"
}
bound=$(needs "$build/gaijinctl" clients)
sweep "gaijinctl, short of memory" "${bound:-0}" look
end_started

# ---- The worker that is asked ----

# run_story PRELOADED: broker, host and asker, of which one is short of memory; then all end.
run_story() { # broker|host from count
  local broker host good=0 of_broker=() of_host=()
  local words=(env "SCARCE_FROM=$2" "SCARCE_COUNT=$3" "SCARCE_OUT=$dir/count" "LD_PRELOAD=$scarce")
  if [ "$1" = broker ]; then of_broker=("${words[@]}"); else of_host=("${words[@]}"); fi
  # Files of the run before are emptied here and not by the children, or their "ready" might be read.
  rm -f "$dir/count" "$GAIJIN_SOCKET"
  : >"$dir/broker.out"
  : >"$dir/host.out"
  "${of_broker[@]}" "$build/gaijin-broker" >>"$dir/broker.out" 2>&1 </dev/null &
  broker=$!
  "${of_host[@]}" "$build/gaijin-worker" -n host "$memory/host.lua" >>"$dir/host.out" 2>&1 </dev/null &
  host=$!
  started+=("$broker" "$host")
  until grep -q ready "$dir/host.out" || gone "$host"; do sleep 0.01; done
  status=0
  timeout "$limit" "${asker[@]}" >"$dir/other.out" 2>&1 </dev/null || status=$?
  ended_well "$status" "$dir/other.out" || good=1
  # Who could not go on has said so and ended; the others end on a signal.
  end_well "$host" "$dir/host.out" || good=1
  end_well "$broker" "$dir/broker.out" || good=1
  started=()
  return "$good"
}
check_gone() {
  local end=$((SECONDS + limit))
  until gone "$1"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.01
  done
}
end_well() { # pid file
  local status=0
  kill "$1" 2>/dev/null
  check_gone "$1" || return 1
  wait "$1" || status=$?
  ended_well "$status" "$2"
}
for who in host broker; do
  run_story "$who" 1000000000 1
  bound=$(allocations)
  check "the story ends well with memory enough, $who preloaded" [ "$status.${bound:+counted}" = 0.counted ]
  echo "$who: $bound allocations"
  sweep "$who: short of memory" "${bound:-0}" run_story "$who"
done
finish

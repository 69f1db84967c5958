# shellcheck shell=bash disable=SC2154 # words and variables of ../common/lib.sh and of run.sh
# SPDX-License-Identifier: MIT
#
# The rows of make bench. Each is a function row_NAME that prints lines `ROW FIGURE UNIT VALUE`; it
# measures once, between programs placed as $middle and $ends say. $share divides how often things are done.
# Sourced after lib.sh.

# Those of each placement, in their order.
# shellcheck disable=SC2034
pinned_rows=(floor trips async posts bulk objects string fibers crowd start memory idle instructions)
# shellcheck disable=SC2034
placed_rows=(floor trips async posts string hogs busy)

is_together=""
times() { # NUMBER [LEAST]
  local n=$(($1 / share)) least=${2:-1}
  echo $((n < least ? least : n))
}
# A broker and the worker host.lua, which most rows ask; they stay until `apart`.
together() {
  [ -z "$is_together" ] || return 0
  apart
  start_broker
  start_worker host "$bench/rows/host.lua"
  there host ready
  is_together=1
}
apart() {
  end_started
  is_together=
}
ask() { # ROW [NAME]
  together
  run_worker client "$bench/rows/client.lua" "$1" "$share" "${@:2}"
}
# both_ways NAME COMMAND...: round trips while the command's processes, started each time, are busy; with
# looks before sleeping and without any.
both_ways() {
  local broker_before=("${broker_flags[@]}") worker_before=("${worker_flags[@]}")
  apart
  together
  "${@:2}"
  ask calls "$1"
  apart
  broker_flags+=(--poll-us 0) worker_flags+=(--poll-us 0)
  together
  "${@:2}"
  ask calls "$1-no-polling"
  apart
  broker_flags=("${broker_before[@]}") worker_flags=("${worker_before[@]}")
}

row_floor() { "$build/bench/rows/floor" "$(times 20000 100)" 100 "$middle" "$ends"; }
row_trips() { ask trips; }
row_async() { ask async; }
row_posts() { ask posts; }
row_bulk() { ask bulk; }
row_objects() { ask objects; }
row_string() { ask string; }
row_fibers() {
  apart # the host's memory is looked at
  ask fibers
  apart # requests still wait there
}
row_crowd() {
  local workers i
  for workers in 2 4 8 16 32; do
    apart
    "$build/bench/rows/crowd_floor" "$workers" "$(times 100000 512)" "$ends"
    start_broker
    for ((i = 1; i <= workers; i++)); do
      start_worker "crowd-$i" "$bench/rows/crowd.lua" "$workers"
    done
    run_worker lead "$bench/rows/crowd_lead.lua" "$workers" "$(times 50000 512)"
  done
  apart
}
# A process on each processor that never gives way.
hogs() {
  local cpu
  for cpu in "${processors[@]}"; do start_on "$cpu" sh -c 'while :; do :; done'; done
}
busy() {
  local i workers=8
  for ((i = 1; i <= workers; i++)); do
    start_worker "busy-$i" "$bench/rows/busy.lua" "$i" "$workers"
  done
  for ((i = 1; i <= workers; i++)); do there "busy-$i" ready; done
}
row_hogs() { both_ways hogs-call hogs; }
row_busy() { both_ways busy-call busy; }
# How often the kernel wakes them in a minute in which nothing comes, soon after they were busy; seen for
# a shorter time, in which at least one is once for each `60 / seconds`.
row_idle() {
  local seconds host before
  seconds=$(times 6)
  apart
  together
  host=$pid
  ask calls before >/dev/null
  sleep 1 # what is done when somebody has gone
  before=$(wakes "$broker" "$host")
  sleep "$seconds"
  echo "$before $(wakes "$broker" "$host")" | awk -v minute=$((60 / seconds)) \
    '{ print "wakes-broker wakes /min", ($3 - $1) * minute
       print "wakes-worker wakes /min", ($4 - $2) * minute }'
  apart
}
row_start() {
  together
  "$build/bench/rows/start" "$(times 40)" "$ends" "$programs/gaijin-worker" "${worker_flags[@]}" \
    -n starts --once -e "bakaGaijin('host').echo(1) io.write('x') io.flush()"
}
row_memory() {
  apart
  start_broker
  echo "idle-broker memory KiB $(private_kib "$broker")"
  : >"$dir/empty.lua"
  start_worker idle "$dir/empty.lua"
  there idle
  echo "idle-worker memory KiB $(private_kib "$pid")"
  taskset -c "$ends" "$build/bench/rows/idle" "$GAIJIN_SOCKET" "$broker" "$(times 1000 200)"
  apart
  start_broker
  taskset -c "$ends" "$build/bench/refs/tokens" "$GAIJIN_SOCKET" "$broker" "$(($(times 100 20) * 1000))" |
    awk '$1 == "memory" { printf "token memory B %.1f\n", ($4 - $3) * 1024 / $2 }'
  apart
}
# Not measured: what make bench-guard has recorded of the broker.
row_instructions() {
  awk '$2 == "broker" { print "instructions-" $1, "broker", "each", $3 }' "$bench/guard/record.txt"
}

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-cycles: usage run.sh BUILD [--json FILE]. What a round about garbage in cycles costs a worker with a heap of 1, 10, 100 MB
# (SIZES), of gaijin-worker and of luajit with gaijin.so: a full collection; what a fork takes of it; what the copy takes
# in a check, in a scan, which walks from the suspects, and in a scan whose suspects reach the whole heap; and in a busy worker the
# copy's answer in halt, and how long the worker stood still in all: fork, the copy, and its own collection. Each is the least of
# ROUNDS (5), in milliseconds of a processor, which what else the machine does changes little.
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
begin bench-cycles "${1:?usage: run.sh BUILD [--json FILE]}" gaijin-broker gaijin-worker gaijinctl gaijin.so bench/stops.so
json=$(json_of "${@:2}")
rounds=$(number "${ROUNDS:-5}" ROUNDS)
place "${placements[-1]}"
export LUA_CPATH="$build/?.so;;" GAIJIN_STOPS=$dir/stops
pause=(--cycle-pause 1.5) # else rounds come to nothing where something else keeps the processors busy
worker_flags+=("${pause[@]}")

# member VM MB MODE: its six figures, to $dir/figures
member() {
  end_started # whom a round was aborted for is left out for a while
  start_broker
  start_worker other "$bench/cycles/other.lua"
  there other make
  local program=("$build/gaijin-worker" -n member "${pause[@]}" --once)
  [ "$1" = lua5.1 ] || program=("$1" "$bench/../module/worker.lua" -n member "${pause[@]}" --once)
  timeout -k 5 "$limit" taskset -c "$ends" env LD_PRELOAD="$build/bench/stops.so" "${program[@]}" \
    "$bench/cycles/member.lua" "$2" "$3" "$rounds" "$build/gaijinctl" "$dir/out" >"$dir/figures"
}

rows=()
printf '%-7s %5s  %10s %8s %8s %8s %12s %8s %10s\n' VM MB collection fork check scan 'scan of all' halt 'busy stop'
for size in ${SIZES:-1 10 100}; do
  for vm in lua5.1 luajit; do
    command -v "$vm" >/dev/null || [ "$vm" = lua5.1 ] || continue
    member "$vm" "$size" idle
    read -r collection fork check scan _ _ <"$dir/figures"
    member "$vm" "$size" reach
    read -r _ _ _ all _ _ <"$dir/figures"
    member "$vm" "$size" busy
    read -r _ _ _ _ halt stop <"$dir/figures"
    stop=$(awk -v a="$halt" -v b="$stop" 'BEGIN { printf "%.1f", a + b }')
    printf '%-7s %5d  %10s %8s %8s %8s %12s %8s %10s\n' "$vm" "$size" "$collection" "$fork" "$check" "$scan" "$all" "$halt" "$stop"
    rows+=("{\"vm\":\"$vm\",\"mb\":$size,\"collection_ms\":$collection,\"fork_ms\":$fork,\"check_ms\":$check,\"scan_ms\":$scan,\"scan_of_all_ms\":$all,\"halt_ms\":$halt,\"busy_stop_ms\":$stop}")
  done
done
[ -z "$json" ] || (IFS=,; echo "[${rows[*]}]") >"$json"

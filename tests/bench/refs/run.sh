#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-refs: usage run.sh BUILD [OBJECTS [ROUNDS]]. What references cost: the broker's memory and time per token
# (tokens.c), then objects made, sent and released between two workers (host.lua, client.lua) with little and
# much live memory in the client. All on one processor; of several rounds the best counts, as whatever else runs
# can only make it slower. GAIJIN_BENCH_CPUS picks the processor.
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
begin bench-refs "${1:?usage: run.sh BUILD [OBJECTS [ROUNDS]]}" gaijin-broker gaijin-worker gaijinctl bench/refs/tokens
objects=${2:-1000000}
rounds=${3:-3}
# One holder has all that a host exports.
broker_flags+=(--max-exported 4000000 --max-held 4000000)
# The processor time (ms) a process has had.
processor_ms() { echo $(($(processor_ns "$1") / 1000000)); }

printf 'All on one processor; best of %d rounds.\n\n' "$rounds"

sizes="10000 100000 1000000"
for ((round = 0; round < rounds; round++)); do
  for tokens in $sizes; do
    start_broker
    taskset -c "$ends" "$build/bench/refs/tokens" "$GAIJIN_SOCKET" "$broker" "$tokens"
    end_started
  done
done >"$dir/tokens"

printf '%-28s %10s %10s %10s %14s\n' "private memory of the broker" "start KiB" "peak KiB" "after KiB" "bytes/token"
for tokens in $sizes; do
  sort -k 4,4n "$dir/tokens" | awk -v n="$tokens" '$1 == "memory" && $2 == n {
    printf "%-28s %10d %10d %10d %14.1f\n", n " tokens, one holder", $3, $4, $5, ($4 - $3) * 1024 / n; exit}'
done

printf '\n%-28s' "broker, ns per reference"
for tokens in $sizes; do printf ' %10s' "$tokens"; done
echo
for name in make release holder-death host-death give-back; do
  printf '%-28s' "$name"
  for tokens in $sizes; do
    printf ' %10d' "$(awk -v n="$tokens" -v name="$name" '$1 == "cost" && $2 == n && $3 == name {print $4}' "$dir/tokens" | sort -n | sed -n 1p)"
  done
  echo
done

start_broker
start_worker host "$bench/refs/host.lua"
host=$pid
for ((round = 0; round < rounds; round++)); do
  for megabytes in 0 10 80; do
    for per_call in 100 1; do
      n=$((per_call == 1 ? objects / 10 : objects))
      broker_ms=$(processor_ms "$broker")
      host_ms=$(processor_ms "$host")
      line=$(run_worker client "$bench/refs/client.lua" "$megabytes" "$per_call" "$n")
      echo "$line $n $(($(processor_ms "$broker") - broker_ms)) $(($(processor_ms "$host") - host_ms))"
    done
  done
done >"$dir/objects"

# Columns of the results: 4 seconds, 5 client's processor seconds, 6 objects, 7 and 8 processor ms of broker and host.
printf '\n%-28s %10s %10s %10s %10s %16s\n' "objects, made to released" "per second" "client us" "broker us" "host us" "per processor s"
for per_call in 100 1; do
  for megabytes in 0 10 80; do
    awk -v m="$megabytes" -v p="$per_call" '
      function least(old, new) {return old == 0 || new < old ? new : old}
      $2 == m && $3 == p {
        wall = least(wall, $4 / $6); client = least(client, $5 * 1e6 / $6)
        broker = least(broker, $7 * 1e3 / $6); host = least(host, $8 * 1e3 / $6)
      }
      END {printf "%-28s %10d %10.2f %10.2f %10.2f %16d\n", p " per call, " m " MB live", 1 / wall, client, broker, host,
           1e6 / (client + broker + host)}' "$dir/objects"
  done
done

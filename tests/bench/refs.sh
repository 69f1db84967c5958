#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-refs: usage refs.sh BUILD [OBJECTS [ROUNDS]]. What references cost: the broker's memory and time per token
# (refs_tokens.c), then objects made, sent and released between two workers (refs_host.lua, refs_client.lua) with little and
# much live memory in the client. All on one processor; of several rounds the best counts, as whatever else runs
# can only make it slower. GAIJIN_BENCH_CPU picks the processor.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: refs.sh BUILD [OBJECTS [ROUNDS]]}" && pwd)
objects=${2:-1000000}
rounds=${3:-3}

die() {
  echo "bench-refs: $*" >&2
  exit 1
}

for program in gaijin-broker gaijin-worker gaijinctl bench/refs_tokens; do
  [ -x "$build/$program" ] || die "there is no $build/$program; run make first"
done
if [ -z "${GAIJIN_BENCH_PINNED:-}" ]; then
  GAIJIN_BENCH_PINNED=1 exec taskset -c "${GAIJIN_BENCH_CPU:-0}" "$0" "$@"
fi

dir=$(mktemp -d)
export GAIJIN_SOCKET=$dir/gaijin.sock
started=()
stop() {
  for pid in "${started[@]}"; do
    kill "$pid" 2>/dev/null || true
  done
  for pid in "${started[@]}"; do
    wait "$pid" 2>/dev/null || true
  done
  started=()
}
trap 'stop; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# Runs a condition until it holds, for at most 10 s.
wait_until() {
  local n
  for ((n = 0; n < 200; n++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.05
  done
  die "waited 10 s for: $*"
}
start_broker() { # one holder has all that a host exports
  "$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-level warn --max-exported 4000000 --max-held 4000000 &
  broker=$!
  started+=("$broker")
  wait_until "$build/gaijinctl" ping
}
# The processor time (ms) a process has had.
processor_ms() {
  awk '{printf "%d", $1 / 1e6}' "/proc/$1/schedstat"
}

printf 'All on one processor; best of %d rounds.\n\n' "$rounds"

sizes="10000 100000 1000000"
for ((round = 0; round < rounds; round++)); do
  for tokens in $sizes; do
    start_broker
    "$build/bench/refs_tokens" "$GAIJIN_SOCKET" "$broker" "$tokens"
    stop
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
"$build/gaijin-worker" -n host "$here/refs_host.lua" &
host=$!
started+=("$host")
for ((round = 0; round < rounds; round++)); do
  for megabytes in 0 10 80; do
    for per_call in 100 1; do
      n=$((per_call == 1 ? objects / 10 : objects))
      broker_ms=$(processor_ms "$broker")
      host_ms=$(processor_ms "$host")
      line=$("$build/gaijin-worker" -n client --once "$here/refs_client.lua" "$megabytes" "$per_call" "$n")
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

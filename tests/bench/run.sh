#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench: usage run.sh BUILD [ROUND-TRIPS]. Round trips between two workers beside the bare forwarder of floor.c, all
# on one processor and interleaved, because only ratios of one run mean something on a busy machine; then the private
# memory of an idle broker and of a worker with an empty script.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [ROUND-TRIPS]}" && pwd)
trips=${2:-20000}
rounds=5

die() {
  echo "bench: $*" >&2
  exit 1
}

for program in gaijin-broker gaijin-worker gaijinctl bench/floor; do
  [ -x "$build/$program" ] || die "there is no $build/$program; run make first"
done
if [ -z "${GAIJIN_BENCH_PINNED:-}" ]; then
  GAIJIN_BENCH_PINNED=1 exec taskset -c 0 "$0" "$@"
fi

dir=$(mktemp -d)
export GAIJIN_SOCKET=$dir/gaijin.sock
started=()
stop() {
  for pid in "${started[@]}"; do
    kill "$pid" 2>/dev/null || true
  done
  wait
  rm -rf "$dir"
}
trap stop EXIT
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
# shellcheck disable=SC2317
serves() {
  "$build/gaijinctl" clients --json | grep "\"worker\":\"$1\".*\"ready\":true" >/dev/null
}
private_kib() {
  awk '/^Private_(Clean|Dirty):/ {n += $2} END {print n}' "/proc/$1/smaps_rollup"
}
# Median of column $2 of the lines of $1 in the results.
median() {
  awk -v name="$1" -v column="$2" '$1 == name {print $column}' "$dir/results" | sort -n | sed -n "$((rounds / 2 + 1))p"
}

"$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-level warn &
broker=$!
started+=("$broker")
wait_until "$build/gaijinctl" ping
broker_kib=$(private_kib "$broker")

: >"$dir/empty.lua"
"$build/gaijin-worker" -n empty "$dir/empty.lua" &
empty=$!
started+=("$empty")
wait_until serves empty
worker_kib=$(private_kib "$empty")
kill "$empty"

"$build/gaijin-worker" -n server "$here/server.lua" &
started+=("$!")
wait_until serves server

for ((round = 0; round < rounds; round++)); do
  "$build/bench/floor" "$trips"
  "$build/gaijin-worker" -n client --once "$here/client.lua" "$trips"
done >"$dir/results"

printf 'All on one processor, %d interleaved rounds of %d round trips, medians of the rounds.\n\n' "$rounds" "$trips"
floor=$(median floor 2)
printf '%-22s %10s %10s %10s\n' "round trip" "median us" "p99 us" "to floor"
for name in floor get call; do
  case $name in
    floor) what="floor (4 hops)" ;;
    *) what="$name" ;;
  esac
  m=$(median "$name" 2)
  p=$(median "$name" 3)
  [ -n "$p" ] || die "no result for $name"
  printf '%-22s %10s %10s %10s\n' "$what" "$m" "$p" "$(awk -v a="$m" -v b="$floor" 'BEGIN {printf "%.2f", a / b}')"
done
printf '\n%-22s %10s\n' "private memory" "KiB"
printf '%-22s %10s\n' "idle broker" "$broker_kib" "worker, empty script" "$worker_kib"

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-monitor: usage run.sh BUILD [CALLS [ROUNDS]]. What one `gaijinctl monitor`, whose lines nobody takes, costs
# calls between two workers. In each round calls are made without it and with it, in turns; shown are medians of the
# rounds: nanoseconds of the clock for a call, of processor time of the broker, and of all three: which the machine's
# other work changes little. Broker and workers share one processor, the monitor has another, if there
# is one (GAIJIN_BENCH_CPUS).
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
begin bench-monitor "${1:?usage: run.sh BUILD [CALLS [ROUNDS]]}" gaijin-broker gaijin-worker gaijinctl
calls=${2:-20000} rounds=${3:-7}
other=${processors[-1]} monitor="" log_level=info
start_broker 2>"$dir/log"
start_worker host "$bench/rows/host.lua"
host=$pid
there host ready

watch() {
  local before
  before=$(grep -c 'sees what workers' "$dir/log" || true)
  start_on "$other" "$build/gaijinctl" monitor >/dev/null 2>&1
  monitor=$pid
  wait_until "$monitor" more_than "$before"
}
more_than() { [ "$(grep -c 'sees what workers' "$dir/log")" -gt "$1" ]; }
unwatch() {
  kill -INT "$monitor"
  wait "$monitor" || true
  unset 'started[-1]'
}
# measure IN_FLIGHT FILE: adds a line with the three figures.
measure() {
  local broker_ns host_ns clock client_ns
  broker_ns=$(processor_ns "$broker") host_ns=$(processor_ns "$host")
  read -r clock client_ns < <(run_worker client "$bench/monitor/client.lua" "$calls" "$1")
  broker_ns=$((($(processor_ns "$broker") - broker_ns) / calls))
  host_ns=$((($(processor_ns "$host") - host_ns) / calls))
  echo "$clock $broker_ns $((broker_ns + host_ns + client_ns))" >>"$2"
}
of() { cut -d ' ' -f "$1" "$2" | median; } # FIGURE FILE

printf '%-10s %8s %8s %6s  %8s %8s %6s  %8s %8s %6s\n' 'in flight' clock with times broker with times all with times
for in_flight in 1 10 100; do
  for ((round = 0; round < rounds; round++)); do
    measure "$in_flight" "$dir/without"
    watch
    measure "$in_flight" "$dir/with"
    unwatch
  done
  printf '%-10s' "$in_flight"
  for figure in 1 2 3; do
    awk -v a="$(of $figure "$dir/without")" -v b="$(of $figure "$dir/with")" \
      'BEGIN { printf " %8d %8d %6.2f ", a, b, b / a }'
  done
  echo
  rm "$dir/with" "$dir/without"
done

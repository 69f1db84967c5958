#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-monitor: usage monitor.sh BUILD [CALLS [ROUNDS]]. What one `gaijinctl monitor`, whose lines nobody takes, costs
# calls between two workers. In each round calls are made without it and with it, in turns; shown are medians of the
# rounds: nanoseconds of the clock for a call, of processor time of the broker, and of all three: which the machine's
# other work changes little. Broker and workers share one processor, which GAIJIN_BENCH_CPU picks; the monitor has another, if there
# is one.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: monitor.sh BUILD [CALLS [ROUNDS]]}" && pwd)
calls=${2:-20000} rounds=${3:-7}
own=${GAIJIN_BENCH_CPU:-0}
other=$(((own + 1) % $(nproc)))
dir=$(mktemp -d)
export GAIJIN_SOCKET=$dir/gaijin.sock
started=() monitor=
stop() {
  for pid in "${started[@]}" $monitor; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

taskset -c "$own" "$build/gaijin-broker" -s "$GAIJIN_SOCKET" 2>"$dir/log" &
broker=$!
started+=("$broker")
taskset -c "$own" "$build/gaijin-worker" -n server "$here/calls_server.lua" &
server=$!
started+=("$server")
"$build/gaijinctl" wait server echo --timeout 10

watch() {
  local before n
  before=$(grep -c 'sees what workers' "$dir/log" || true)
  taskset -c "$other" "$build/gaijinctl" monitor >/dev/null 2>&1 &
  monitor=$!
  for ((n = 0; n < 500; n++)); do
    [ "$(grep -c 'sees what workers' "$dir/log")" = "$before" ] || return 0
    sleep 0.02
  done
  echo "monitor.sh: there is no monitor" >&2
  exit 1
}
unwatch() {
  kill -INT "$monitor"
  wait "$monitor" || true
  monitor=
}
processor_ns() { cut -d ' ' -f 1 "/proc/$1/schedstat"; }
# measure IN_FLIGHT FILE: adds a line with the three figures.
measure() {
  local broker_ns server_ns clock client_ns
  broker_ns=$(processor_ns "$broker") server_ns=$(processor_ns "$server")
  read -r clock client_ns < <(taskset -c "$own" "$build/gaijin-worker" -n client --once \
    "$here/monitor_client.lua" "$calls" "$1")
  broker_ns=$((($(processor_ns "$broker") - broker_ns) / calls))
  server_ns=$((($(processor_ns "$server") - server_ns) / calls))
  echo "$clock $broker_ns $((broker_ns + server_ns + client_ns))" >>"$2"
}
median() { cut -d ' ' -f "$1" "$2" | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

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
    awk -v a="$(median $figure "$dir/without")" -v b="$(median $figure "$dir/with")" \
      'BEGIN { printf " %8d %8d %6.2f ", a, b, b / a }'
  done
  echo
  rm "$dir/with" "$dir/without"
done

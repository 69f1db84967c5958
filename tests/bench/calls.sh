#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Part of make bench: usage calls.sh BUILD [CALLS]. Fibers and requests at once between two workers (calls_client.lua), all on
# one processor, which GAIJIN_BENCH_CPU picks.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: calls.sh BUILD [CALLS]}" && pwd)
calls=${2:-20000}
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
  wait
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

"$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-level warn &
started+=("$!")
"$build/gaijin-worker" -n server "$here/calls_server.lua" &
started+=("$!")
"$build/gaijin-worker" -n client -e "gaijin.wait_for('server', 10)" --once
printf '\nConcurrency, on one processor.\n\n'
"$build/gaijin-worker" -n client --once "$here/calls_client.lua" "$calls"

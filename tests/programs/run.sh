#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Random programs in one VM and spread over four: run.sh BUILD FIRST-SEED COUNT. Ends with 0 only if none differs
# within LIMIT seconds (600).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd) first=${2:-1} count=${3:-100}
dir=$(mktemp -d)
started=()
cleanup() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap cleanup EXIT
export LUA_PATH="$here/?.lua;$here/../lua/lib/?.lua;;" GAIJIN_SOCKET=$dir/socket GAIJIN_BUILD=$build
"$build/gaijin-broker" --cycle-time=0 >"$dir/broker.log" 2>&1 &
started+=($!)
for ((i = 0; i < 2000; i++)); do
  if "$build/gaijinctl" status >/dev/null 2>&1; then break; fi
  sleep 0.01
done
for i in 1 2 3; do
  "$build/gaijin-worker" -n "home$i" "$here/home.lua" >>"$dir/home.log" 2>&1 &
  started+=($!)
done
"$build/gaijin-worker" -n looker -e 'require "looker"' >>"$dir/home.log" 2>&1 &
started+=($!)
status=0
timeout -k 5 "${LIMIT:-600}" "$build/gaijin-worker" -n main "$here/main.lua" "$first" "$count" || status=$?
if [ "$status" -ne 0 ]; then
  cat "$dir"/*.log
  echo "again with: tests/programs/run.sh $build SEED 1"
fi
[ "$status" -eq 0 ]

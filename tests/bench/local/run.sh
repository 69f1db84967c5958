#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-local: usage run.sh BUILD [RUNS]. What the library functions that a worker replaces
# take with local values, beside the originals: in gaijin-worker, and in lua5.1 and luajit (its
# interpreter alone, and with its compiler) with gaijin.so. Best of several runs each.
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
begin bench-local "${1:?usage: run.sh BUILD [RUNS]}" gaijin-broker gaijin-worker gaijinctl gaijin.so
runs=${2:-15}
export LUA_CPATH="$build/?.so"
start_broker

table() { # TITLE COMMAND...
  echo "$1"
  shift
  taskset -c "$ends" "$@" "$bench/local/local.lua" "$GAIJIN_SOCKET" "$runs"
}
table "gaijin-worker" "$build/gaijin-worker" -n bench-local --once
if command -v lua5.1 >/dev/null; then table "lua5.1, gaijin.so" lua5.1; fi
if command -v luajit >/dev/null; then
  table "luajit -joff, gaijin.so" luajit -joff
  table "luajit, gaijin.so" luajit
fi

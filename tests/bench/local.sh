#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-local: usage local.sh BUILD [RUNS]. What the library functions that a worker replaces
# take with local values, beside the originals: in gaijin-worker, and in lua5.1 and luajit (its
# interpreter alone, and with its compiler) with gaijin.so. Best of several runs each.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: local.sh BUILD [RUNS]}" && pwd)
runs=${2:-15}
dir=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker"; rm -rf "$dir"' EXIT
export LUA_CPATH="$build/?.so"
"$build/gaijin-broker" -s "$dir/s" --log-level warn &
broker=$!

table() { # TITLE COMMAND...
  echo "$1"
  shift
  "$@" "$here/local.lua" "$dir/s" "$runs"
}
table "gaijin-worker" "$build/gaijin-worker" -s "$dir/s" -n bench-local --once
if command -v lua5.1 >/dev/null; then table "lua5.1, gaijin.so" lua5.1; fi
if command -v luajit >/dev/null; then
  table "luajit -joff, gaijin.so" luajit -joff
  table "luajit, gaijin.so" luajit
fi

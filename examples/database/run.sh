#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Plays the database example: usage run.sh [BUILD]. Ends with 0 only if the results are right.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-build}
if [ ! -x "$build/gaijinctl" ]; then
  echo "run.sh: there is no $build/gaijinctl; run make first" >&2
  exit 1
fi
# A worker that fails leaves the others waiting for it.
exec timeout -k 5 30 "$build/gaijinctl" run "$here/store.lua" "$here/shop.lua" "$here/report.lua"

#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Plays the job farm: a master and six builders. Usage: run.sh [BUILD [JOBS]]. Ends with 0 only if all jobs were done.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-build}
if [ ! -x "$build/gaijinctl" ]; then
  echo "run.sh: there is no $build/gaijinctl; run make first" >&2
  exit 1
fi
set -- "${2:-60}"
exec timeout -k 5 60 "$build/gaijinctl" run "$here/master.lua" \
  builder-1="$here/builder.lua" builder-2="$here/builder.lua" builder-3="$here/builder.lua" \
  builder-4="$here/builder.lua" builder-5="$here/builder.lua" builder-6="$here/builder.lua" -- "$1"

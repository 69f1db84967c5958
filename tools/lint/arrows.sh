#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Checks which folder includes which:  tools -> client-lib -> proto <- broker,  lua -> client-lib.
# Tests may include all. Every include of ours spells its folder.
set -euo pipefail
export LC_ALL=C

status=0
# check FOLDER ALLOWED...: every #include "..." in FOLDER starts with one of ALLOWED/.
check() {
  local folder=$1 allowed
  shift
  [ -d "$folder" ] || return 0
  allowed=$(IFS='|'; echo "$*")
  while IFS= read -r line; do
    echo "$line: $folder/ may include only $*" >&2
    status=1
  done < <(grep -rnE --include='*.[ch]' --include='*.def' \
    '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder" |
    grep -vE "include[[:space:]]*\"($allowed)/[^\"]*\"" || true)
}
check proto proto
check client-lib client-lib proto
check broker broker proto
check lua lua client-lib proto
check tools tools client-lib proto
check examples client-lib proto
check tests tests broker lua tools client-lib proto
exit "$status"

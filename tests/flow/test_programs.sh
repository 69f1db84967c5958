#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Some random programs (tests/programs/): seeds that never change, and some that are new every time.
set -euo pipefail
export LC_ALL=C
unset GAIJIN_SOCKET
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0
for seed in 1 "$(date +%s)"; do
  if "$here/../programs/run.sh" "${BUILD:-build}" "$seed" 40; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

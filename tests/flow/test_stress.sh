#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Short runs of the stress test (tests/stress/main.c): a fixed seed, and one that is new every time.
set -euo pipefail
export LC_ALL=C

stress=${GAIJIN_BUILD:-build}/stress
passed=0 failed=0
for seed in 1 "$(date +%N | sed 's/^0*\(.\)/\1/')"; do
  if "$stress" --seed "$seed" --steps 3000 --shrink 20; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

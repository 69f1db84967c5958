#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Short runs of the stress test (tests/stress/main.c): a fixed seed, and one that is new every time.
. "$(dirname "$0")/lib.sh"

for seed in 1 "$(date +%N | sed 's/^0*\(.\)/\1/')"; do
  check "seed $seed" "$build/stress" --seed "$seed" --steps 3000 --shrink 20
done

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Some random programs (tests/programs/): seeds that never change, and some that are new every time.
. "$(dirname "$0")/lib.sh"

for seed in 1 "$(date +%s)"; do
  check "seed $seed" "$root/tests/programs/run.sh" "$build" "$seed" 40
done

finish

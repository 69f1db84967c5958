#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Short runs of the stress test (tests/stress/main.c): a fixed seed, and one that is new every time; without kills of the
# broker, and with them, and with rounds about cycles all the time, also between stock interpreters.
. "$(dirname "$0")/lib.sh"

for seed in 1 "$(date +%N | sed 's/^0*\(.\)/\1/')"; do
  check "seed $seed" "$build/stress" --seed "$seed" --steps 3000 --shrink 20
  check "seed $seed, the broker is killed" "$build/stress" --seed "$seed" --steps 1000 --kills 5 --shrink 20
  stock=--stock
  if sanitized "$build/gaijin.so"; then stock=; fi
  check "seed $seed, rounds about cycles" "$build/stress" --seed "$seed" --steps 1000 --cycles ${stock:+"$stock"} --shrink 20
done

finish

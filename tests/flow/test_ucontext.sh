#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Fibers are switched the way the build was told to: assembly where there is some, and the C library's swapcontext in the
# worker that the build makes beside it, which passes the script tests about waiting.
. "$(dirname "$0")/lib.sh"

# switches FILE: what switches its fibers.
switches() {
  nm "$1" | awk '/ gaijin_context_swap$/ { asm = 1 } / swapcontext/ { ucontext = 1 }
    END { print (asm ? "asm" : "") (ucontext ? "ucontext" : "") }'
}

other=$build/ucontext/gaijin-worker
check "the worker in ucontext/ has swapcontext" test "$(switches "$other")" = ucontext
# What FIBER the build had is in its flags.
fiber=$(sed -n 's/.*-DGAIJIN_FIBER_\([A-Z]*\).*/\1/p' "$build/obj/flags" | tr '[:upper:]' '[:lower:]')
if [ -z "$fiber" ]; then
  case $(uname -m) in x86_64 | aarch64) fiber=asm ;; *) fiber=ucontext ;; esac
fi
for file in gaijin-worker gaijin.so; do
  check "$file has $fiber" test "$(switches "$build/$file")" = "$fiber"
done

ln -s "$build/gaijin-broker" "$build/gaijinctl" "$other" "$dir/"
for part in waiting everywhere fibers stopped_scripts; do
  check "scripts with $part in their name, with ucontext" env SCRIPT=$part GAIJIN_BUILD="$dir" "$build/tests/test_scripts"
done

finish

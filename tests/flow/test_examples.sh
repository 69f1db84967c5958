#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the examples tell is what happens: the C example calls a worker, the demo plays its story, the database's books
# agree. BUILD is the build directory. (What the pages tell: test_docs.sh; examples/loops: test_module.sh.)
set -uo pipefail
export LC_ALL=C
unset GAIJIN_SOCKET
build=$(cd "${BUILD:-build}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
limit=$((20 * ${GAIJIN_TEST_SLOWER:-1}))
dir=$(mktemp -d)
passed=0 failed=0 started=()

cleanup() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$dir"
}
trap cleanup EXIT

# check WHAT COMMAND...: the command holds.
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $what"
    tail -n 20 "$dir"/*.out
  fi
}
has() { grep -qE -- "$2" "$dir/$1.out"; }

export GAIJIN_SOCKET=$dir/g.sock
"$build/gaijin-broker" >"$dir/broker.out" 2>&1 &
started+=($!)

# The C example.
"$build/gaijin-worker" -n c-shop "$root/examples/c/shop.lua" >"$dir/shop.out" 2>&1 &
started+=($!)
"$build/gaijin-worker" -n waiter --once -e 'gaijin.wait_for("c-shop", "price", 10)' >"$dir/waiter.out" 2>&1
check "the C example's worker is there" test $? = 0
timeout "$limit" "$build/examples/call" c-shop price apple 3 >"$dir/call.out" 2>&1
check "the C example ends with 0" test $? = 0
check "the C example prints the result" has call "^6.*3 x apple|^6$"
timeout "$limit" "$build/examples/call" c-shop no_such_label >"$dir/none.out" 2>&1
check "the C example fails for a label that is not there" test $? = 1

# The demo is a test of its own.
timeout "$limit" "$root/examples/abc/demo.sh" "$build" >"$dir/demo.out" 2>&1
check "the demo ends with 0" test $? = 0
check "the demo prints the story's line" has demo 'ABC\.x is 1$'

timeout "$limit" "$root/examples/database/run.sh" "$build" >"$dir/database.out" 2>&1
check "the database example ends with 0" test $? = 0
check "the database example's books agree" has database '7 pieces for 405; heard of 7 for 405$'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the README and the examples tell is what happens: the commands under "By hand" are taken from README.md itself and
# run, the C example calls a worker, the demo plays its story. BUILD is the build directory.
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
# Runs a condition until it holds, within the limit.
eventually() {
  local end=$((SECONDS + limit))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.02
  done
}

# The README's commands, with its build directory and socket replaced by ours.
export GAIJIN_SOCKET=$dir/g.sock
n=0
while IFS= read -r line; do
  n=$((n + 1))
  line=${line//build\//$build/}
  line=${line//\/tmp\/g.sock/$GAIJIN_SOCKET}
  line=${line%%# *}
  if [[ $line == *"&"* ]]; then
    eval "exec ${line%&*}" >"$dir/$n.out" 2>&1 &
    started+=($!)
    if [ "$n" = 1 ]; then eventually test -S "$GAIJIN_SOCKET" || true; fi
  else
    eval "timeout $limit $line" >"$dir/$n.out" 2>&1
    check "README command $n gives status 0: $line" test $? = 0
  fi
done < <(sed -n '/^## By hand/,/^## /s/^    \(build\/.*\)/\1/p' "$root/README.md")
check "the README has four commands" test "$n" = 4
check "the worker till prints 42" has 3 '^42$'
check "gaijinctl clients lists shop" has 4 '^shop '

# The C example, beside the README's broker.
"$build/gaijin-worker" -n c-shop "$root/examples/c/shop.lua" >"$dir/shop.out" 2>&1 &
started+=($!)
"$build/gaijin-worker" -n waiter --once -e 'gaijin.wait_for("c-shop", "price", 10)' >"$dir/waiter.out" 2>&1
check "the C example's worker is there" test $? = 0
timeout "$limit" "$build/examples/call" c-shop price apple 3 >"$dir/call.out" 2>&1
check "the C example ends with 0" test $? = 0
check "the C example prints the result" has call "^6.*3 x apple|^6$"
timeout "$limit" "$build/examples/call" c-shop no_such_label >"$dir/none.out" 2>&1
check "the C example fails for a label that is not there" test $? = 1

# Each Lua block of docs/lua-api.md is a script of worker till; "print(...) --> text" must print text. The block "lua shop"
# is the other worker's.
awk -v dir="$dir" '/^```lua/ { n += $2 != "shop"; file = $2 == "shop" ? dir "/api-shop.lua" : dir "/api-" n ".lua"; next }
  /^```/ { file = ""; next } file { print > file }' "$root/docs/lua-api.md"
kill "${started[1]}" && wait "${started[1]}" # the README's worker shop makes room for this one
"$build/gaijin-worker" -n shop "$dir/api-shop.lua" >"$dir/api-shop.out" 2>&1 &
started+=($!)
"$build/gaijin-worker" -n waiter --once -e 'gaijin.wait_for("shop", "who", 10)' >"$dir/waiter.out" 2>&1
n=0
for script in "$dir"/api-[0-9]*.lua; do
  n=$((n + 1))
  timeout "$limit" "$build/gaijin-worker" -n till --once "$script" >"$dir/api.out" 2>&1
  check "docs/lua-api.md, example $n ends with 0" test $? = 0
  sed -n 's/.* --> \(.*\)$/\1/p' "$script" >"$dir/wanted"
  tr '\t' ' ' <"$dir/api.out" | diff "$dir/wanted" - >"$dir/diff.out" 2>&1
  check "docs/lua-api.md, example $n prints what it says" test $? = 0
done
check "docs/lua-api.md has examples" test "$n" -ge 8

# The demo is a test of its own.
timeout "$limit" "$root/examples/abc/demo.sh" "$build" >"$dir/demo.out" 2>&1
check "the demo ends with 0" test $? = 0
check "the demo prints the story's line" has demo 'ABC\.x is 1$'

timeout "$limit" "$root/examples/database/run.sh" "$build" >"$dir/database.out" 2>&1
check "the database example ends with 0" test $? = 0
check "the database example's books agree" has database '7 pieces for 405; heard of 7 for 405$'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

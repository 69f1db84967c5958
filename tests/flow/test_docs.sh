#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the pages tell is what happens. In a page, a block "```lua NAME.lua" is a file, and a block "```console" a session
# that is played in the page's order: the lines after a command "$ ..." are its output, and none means that it may be
# anything. Each other Lua block of docs/lua-api.md is a script of worker till, where "print(...) --> text" must print
# text. BUILD is the build directory; PAGE=part of a path picks some.
set -uo pipefail
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
build=$(cd "${BUILD:-build}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
limit=$((20 * ${GAIJIN_TEST_SLOWER:-1}))
passed=0 failed=0 dir='' started=()

# The processes of the page that was played, and its directory.
end_page() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  started=()
  if [ -n "$dir" ]; then rm -rf "$dir"; fi
}
trap 'end_page' EXIT

# A new directory with everything a page takes for granted; it becomes the current one.
begin_page() {
  dir=$(mktemp -d)
  cd "$dir" || exit 1
  ln -s "$build" build
  ln -s "$root/examples" examples
  export GAIJIN_SOCKET=$dir/g.sock
}

# check WHAT COMMAND...: the command holds.
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $what"
    tail -n 20 "$dir"/*.err 2>/dev/null
  fi
}

# Runs a command of a session here, so that variables and jobs last; `wanted` is what it is to print.
play() { # page, command, wanted
  local page=$1 line=${2//\/tmp\/g.sock/$dir/g.sock} wanted=$3 status=0
  if [[ $line == *"&" || $line == *"& "*=* ]]; then
    eval "$line" 2>>"$dir/background.err"
    started+=($!)
    return
  fi
  eval "$line" >"$dir/out" 2>"$dir/command.err" || status=$?
  if [[ $line != kill* ]]; then check "$page: status 0 of: $2" test "$status" = 0; fi
  if [ -z "$wanted" ]; then return; fi
  printf '%s' "$wanted" | diff - <(tr '\t' ' ' <"$dir/out") >"$dir/difference.err" 2>&1
  check "$page: what it says is printed by: $2" test $? = 0
}

# The sessions of a page.
play_page() { # page
  local page=$1 line command='' wanted='' commands=0
  begin_page
  awk '/^```lua [^ ]*\.lua$/ { file = $2; next } /^```/ { file = ""; next } file { print > file }' "$root/$page"
  while IFS= read -r line; do
    if [[ $line != '$ '* ]]; then
      wanted+=$line$'\n'
      continue
    fi
    if [ -n "$command" ]; then play "$page" "$command" "$wanted"; fi
    command=${line#'$ '} wanted='' commands=$((commands + 1))
  done < <(awk '/^```console$/ { on = 1; next } /^```/ { on = 0 } on' "$root/$page")
  if [ -n "$command" ]; then play "$page" "$command" "$wanted"; fi
  check "$page has commands" test "$commands" -gt 1
  end_page
}

# The blocks of docs/lua-api.md; "lua shop" is the other worker's script.
play_api() {
  local page=docs/lua-api.md script n=0
  begin_page
  awk '/^```lua/ { n += $2 == ""; file = $2 == "" ? "api-" n ".lua" : $2 == "shop" ? "shop.lua" : ""; next }
    /^```/ { file = ""; next } file { print > file }' "$root/$page"
  "$build/gaijin-broker" 2>"$dir/broker.err" &
  started+=($!)
  "$build/gaijin-worker" shop.lua 2>"$dir/shop.err" &
  started+=($!)
  "$build/gaijin-worker" -n waiter --once -e 'gaijin.wait_for("shop", "who", 10)' 2>"$dir/waiter.err"
  for script in api-*.lua; do
    n=$((n + 1))
    timeout "$limit" "$build/gaijin-worker" -n till --once "$script" >out 2>api.err
    check "$page, $script ends with 0" test $? = 0
    sed -n 's/.* --> \(.*\)$/\1/p' "$script" >wanted
    tr '\t' ' ' <out | diff wanted - >difference.err 2>&1
    check "$page, $script prints what it says" test $? = 0
  done
  check "$page has examples" test "$n" -ge 8
  end_page
}

for page in README.md docs/tutorial.md examples/python/README.md docs/lua-api.md; do
  if [[ $page == *"${PAGE:-}"* ]]; then play_page "$page"; fi
done
if [[ docs/lua-api.md == *"${PAGE:-}"* ]]; then play_api; fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the pages tell is what happens. In a page, a block "```lua NAME.lua" (ini, ucl) is a file, "```console" a session
# that is played in the page's order: the lines after a command "$ ..." are its output, and none means that it may be
# anything. Each other Lua block of docs/lua-api.md is a script of worker till, where "print(...) --> text" must print
# text. PAGE=part of a path picks some.
. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1 PATH=$build:$PATH # as if installed
umask 022 # a broker takes no policy that a group may change
evidence="page/*.err page/*.out err *.out"

# A new directory with everything a page takes for granted; it becomes the current one.
begin_page() {
  story=$1
  mkdir "$dir/page"
  cd "$dir/page" || exit 1
  ln -s "$build" build
  ln -s "$root/examples" examples
  export GAIJIN_SOCKET=$dir/page/g.sock
}
end_page() {
  end_started
  rm -rf "$dir/page"
}

# Runs a command of a session here, so that variables and jobs last; `wanted` is what it is to print.
play() { # command, wanted
  local line=${1//\/tmp\/g.sock/$GAIJIN_SOCKET} wanted=$2
  if [[ $line == *"&" || $line == *"& "*=* ]]; then
    eval "$line" 2>>"$dir/page/background.err"
    started+=($!)
    # Who types is not so quick.
    if [[ $line == *gaijin-broker* ]]; then wait_until gaijinctl ping; fi
    return
  fi
  status=0
  eval "$line" >"$dir/page/command.out" 2>"$dir/page/command.err" || status=$?
  if [[ $line != kill* ]]; then check "status 0 of: $1" test "$status" = 0; fi
  if [ -z "$wanted" ]; then return; fi
  check "what it says is printed by: $1" diff <(printf '%s' "$wanted") <(tr '\t' ' ' <"$dir/page/command.out")
}

# The sessions of a page.
play_page() { # page
  local page=$1 line command='' wanted='' commands=0
  begin_page "$page"
  awk '/^```(lua|ini|ucl) [^ ]*\.(lua|ini|ucl)$/ { file = $2; next } /^```/ { file = ""; next } file { print > file }' "$root/$page"
  while IFS= read -r line; do
    if [[ $line != '$ '* ]]; then
      wanted+=$line$'\n'
      continue
    fi
    if [ -n "$command" ]; then play "$command" "$wanted"; fi
    command=${line#'$ '} wanted='' commands=$((commands + 1))
  done < <(awk '/^```console$/ { on = 1; next } /^```/ { on = 0 } on' "$root/$page")
  if [ -n "$command" ]; then play "$command" "$wanted"; fi
  check "has commands" test "$commands" -gt 1
  end_page
}

# The blocks of docs/lua-api.md; "lua shop" is the other worker's script.
play_api() {
  local page=docs/lua-api.md script n=0
  begin_page "$page, blocks"
  awk '/^```lua/ { n += $2 == ""; file = $2 == "" ? "api-" n ".lua" : $2 == "shop" ? "shop.lua" : ""; next }
    /^```/ { file = ""; next } file { print > file }' "$root/$page"
  start_broker --log-level warn
  start shop "$build/gaijin-worker" shop.lua
  wait_until exports shop who
  for script in api-*.lua; do
    n=$((n + 1))
    run "$build/gaijin-worker" -n till --once "$script"
    check "$script ends with 0" test "$status" = 0
    check "$script prints what it says" diff <(sed -n 's/.* --> \(.*\)$/\1/p' "$script") <(tr '\t' ' ' <"$dir/out")
  done
  check "has examples" test "$n" -ge 8
  end_page
}

for page in README.md docs/tutorial.md examples/python/README.md docs/lua-api.md docs/policy.md docs/sandbox.md docs/touch.md docs/leaks.md docs/operations.md; do
  if [[ $page == *"${PAGE:-}"* ]]; then play_page "$page"; fi
done
if [[ docs/lua-api.md == *"${PAGE:-}"* ]]; then play_api; fi

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The screens of docs/cli.md are what a terminal of 80 columns shows: behind each `<!-- screen: COMMAND -->` stands a block
# with what COMMAND prints there, in a system of a shop and two tills. Numbers and widths may differ.
# And docs/graph.svg is what `gaijinctl graph` has Graphviz draw of it, with an office and a worker that has ended; where things stand
# in the picture depends on Graphviz and on fonts, so its texts are compared, and who is connected with whom.
#   RENEW=1 tests/flow/test_screens.sh   writes what is printed now into the page, and the picture
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
page=$root/docs/cli.md
export GAIJIN_SOCKET=$dir/gaijin.sock
ctl=$build/gaijinctl

cat >"$dir/shop.lua" <<'LUA'
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.cash = { 1 }
LUA
echo 'bakaGaijin.drawer = {}
kept = { gaijin.wait_for("shop", "cash"), gaijin.wait_for("shop", "price") }' >"$dir/till.lua"
start_broker --log-level warn
start shop env -C "$dir" "$build/gaijin-worker" --trace-tokens shop.lua
for i in 1 2; do start "till-$i" "$build/gaijin-worker" -n "till-$i" "$dir/till.lua"; done
holds() { "$ctl" loads -o holder,held --json | grep -F "{\"holder\":\"$1\",\"held\":2}" >/dev/null; }
for i in 1 2; do wait_until holds "till-$i"; done
terminal 80 60
typed "export GAIJIN_SOCKET=$GAIJIN_SOCKET"

# What varies: numbers, ids, blanks that fill columns, who holds something in which order.
masked() { sed -E 's/[0-9a-f]{16}/ID/g; s/till-[12]/till-N/g; s/[0-9]+(\.[0-9]+)*/N/g; s/ +/ /g; s/ $//'; }
# shown COMMAND: what it prints.
shown() {
  if [ "$1" = "gaijinctl top" ]; then
    shown_live "$1" 10
  else
    ran "$1"
    screen | sed '/^ended-with-/,$d'
  fi
}
# shown_live COMMAND LINES: one that goes on until it is told to end, when it can compare, on a screen of so many lines.
shown_live() {
  terminal 80 "$2"
  typed "clear; $1 --interval 0.2"
  wait_until screen_has '^till-1 +0 .*%$'
  screen
  keys q
  wait_until screen_has '^> *$'
  terminal 80 60
}
# block COMMAND: what the page has for it.
block() {
  awk -v marker="<!-- screen: $1 -->" '
    $0 == marker { on = 1; next }
    on && /^```/ { if (in_block) exit; in_block = 1; next }
    on && in_block' "$page"
}
# renew COMMAND FILE: puts the file into the page instead.
renew() {
  awk -v marker="<!-- screen: $1 -->" -v file="$2" '
    { if (!skip) print }
    $0 == marker { on = 1; next }
    on && /^```/ && !skip { while ((getline line <file) > 0) print line; skip = 1; next }
    on && /^```/ { print; on = skip = 0 }' "$page" >"$dir/page" && cp "$dir/page" "$page"
}

mapfile -t commands < <(sed -n 's/^<!-- screen: \(.*\) -->$/\1/p' "$page")
check "the page has screens" test "${#commands[@]}" -ge 4
for command in "${commands[@]}"; do
  shown "$command" >"$dir/shown"
  check "$command shows something" test -s "$dir/shown"
  [ -z "${RENEW:-}" ] || renew "$command" "$dir/shown"
  check "what '$command' shows is in docs/cli.md (RENEW=1 $0)" diff <(block "$command" | masked) <(masked <"$dir/shown")
done

# ---- The picture ----

# titled FILE: what a picture says.
titled() { grep -oE '<(title|text)[^>]*>[^<]*' "$1" | sed -E 's/^<text[^>]*>/text /; s/^<title>/title /' | sort; }
start gone "$build/gaijin-worker" -n gone -e 'bakaGaijin.book = {} gaijin.run()'
gone=$pid
start office "$build/gaijin-worker" -n office -e 'kept = { gaijin.wait_for("gone", "book"), gaijin.wait_for("till-2", "drawer") } gaijin.run()'
loaded() { "$ctl" loads -o host,holder --json | grep -F '{"host":"till-2","holder":"office"}' >/dev/null; }
wait_until loaded
kill -9 "$gone"
has_ended() { "$ctl" tokens --json | grep -F '"dead":true' >/dev/null; }
wait_until has_ended
# Processes have the numbers of a quiet machine.
"$ctl" graph | awk '{ if (match($0, /pid [0-9]+/)) $0 = substr($0, 1, RSTART - 1) "pid " 1200 + ++n substr($0, RSTART + RLENGTH); print }' >"$dir/graph.dot"
check "Graphviz draws it" dot -Tsvg -o "$dir/graph.svg" "$dir/graph.dot"
if [ -n "${RENEW:-}" ]; then sed '/^<!-- Generated/,/-->$/d' "$dir/graph.svg" >"$root/docs/graph.svg"; fi
check "docs/graph.svg is that picture (RENEW=1 $0)" diff <(titled "$root/docs/graph.svg") <(titled "$dir/graph.svg")

finish

# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.sh and of scripts
# SPDX-License-Identifier: MIT
#
# Words for scripts that test gaijinctl top, which have read lib.sh and terminal.sh:
#
#   shows REGEX, lacks REGEX  checks that the screen has such a line before long, or has none
#   begins FLAG...            starts it on the terminal, with its process in $top
#   ends STATUS               checks that the shell is back, and the terminal as it was when a_system was called
#   chosen REGEX              such a line is the chosen one
#   a_system                  two workers, of which one asks the other all the time: shop, and 'till 日本', $till
ctl=$build/gaijinctl
evidence="out err screen shop.out broker.out stty.*"
export GAIJIN_SOCKET=$dir/gaijin.sock HOME=$dir
unset LC_ALL
export LANG=C.UTF-8

# One picture is looked at and kept: the next may be
# another.
pictured() { screen >"$dir/screen" && grep -E -- "$1" "$dir/screen" >/dev/null; }
not_pictured() { ! pictured "$1"; }
shows() { check "the screen has $1" eventually pictured "$1"; }
lacks() { check "the screen has no $1" eventually not_pictured "$1"; }
begins() {
  rm -f "$dir/pid"
  typed "clear; bash -c 'echo \$\$ >$dir/pid; exec gaijinctl top $*'"
  wait_until test -s "$dir/pid"
  top=$(cat "$dir/pid")
  shows '^1 workers  2 tokens'
}
ends() {
  shows '^> *$'
  typed "echo ended \$?; stty -g >$dir/stty.after"
  shows "^ended $1\$"
  wait_until test -s "$dir/stty.after"
  check "the terminal is as it was" cmp "$dir/stty.before" "$dir/stty.after"
  check "the cursor is seen" test "$(tmux -S "$dir/tmux" display-message -p '#{cursor_flag}#{alternate_on}')" = 10
  rm -f "$dir/stty.after"
}
chosen() {
  local escape
  escape=$(printf '\033')
  tmux -S "$dir/tmux" capture-pane -p -e | grep -E -- "$escape\[([0-9;]*;)?(7|46)m($escape\[[0-9;]*m)*$1" >/dev/null
}
a_system() {
  cat >"$dir/shop.lua" <<'LUA'
function bakaGaijin.price(n) return 2 * n end
bakaGaijin.cash = { 1 }
bakaGaijin["red\27[31m\n"] = bakaGaijin.cash
LUA
  cat >"$dir/till.lua" <<'LUA'
kept = { gaijin.wait_for("shop", "cash"), gaijin.wait_for("shop", "price") }
gaijin.every(0.05, function() kept[2](3) end)
LUA
  start shop "$build/gaijin-worker" "$dir/shop.lua"
  start till "$build/gaijin-worker" -n 'till 日本' "$dir/till.lua"
  till=$pid
  check "shop serves" exports shop cash
  typed "export GAIJIN_SOCKET=$GAIJIN_SOCKET"
  typed "stty -g >$dir/stty.before"
  wait_until test -s "$dir/stty.before"
}

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl repl: lines from a pipe, and typed in terminals of three sizes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
ctl=$build/gaijinctl
evidence="out err screen shop.out broker.out"
export GAIJIN_SOCKET=$dir/gaijin.sock HOME=$dir XDG_STATE_HOME=$dir/state
unset LC_ALL
export LANG=C.UTF-8

# lines STATUS [WORKER] <LINES: gaijinctl repl, run, ends with that status.
lines() {
  status=0
  timeout "$limit" "$ctl" repl "${@:2}" >"$dir/out" 2>"$dir/err" || status=$?
  check "status $status, not $1" test "$status" = "$1"
}
prints() { [ "$(cat "$dir/out")" = "$1" ]; }
# shows REGEX: the screen has such a line before long.
shows() {
  eventually screen_has "$1"
  screen >"$dir/screen"
  check "the screen has $1" grep -E -- "$1" "$dir/screen"
}

story="no broker"
lines 3 </dev/null
check "one line" err_is_one_line
story="bad usage"
lines 2 a@b </dev/null
lines 2 a b </dev/null

start_broker --log-level info
broker=$pid
cat >"$dir/shop.lua" <<'LUA'
function bakaGaijin.price(n, ...) if not n then error("no n") end return 2 * n, ... end
bakaGaijin.config = { name = "shop", next = { a = { b = 1 } }, list = { 1, 2, 3 }, ["any key"] = true }
function bakaGaijin.hangs() bakaGaijin.hanging = 1 gaijin.sleep(1000) end
function bakaGaijin.calm() bakaGaijin.hanging = nil end
bakaGaijin.priority = 1
LUA
start shop "$build/gaijin-worker" --allow-eval "$dir/shop.lua"
shop=$pid
check "shop is there" exports shop priority

story="a pipe"
lines 0 <<'LINES'
shop.priority

use shop
price(21, "x")
config.name = 'y'
config.name
#config.list
pairs config.next.a
config["any key"]
"shop".priority
!1 + 1
!function f()
return 7 end
!f()
price(1,
  {2})
quit
never
LINES
check "results" prints $'1\n42\n"x"\n"y"\n3\nb = 1\ntrue\n1\n2\n7\n2\n{2}'
lines 1 shop <<'LINES'
price()
no such thing
priority = 3
priority
LINES
check "goes on after errors" prints 1
check "an error of the worker" err_has '^gaijinctl: price: .*shop.lua:1: no n$'
check "its traceback" err_has "^  shop: .*in function 'error'$"
check "a line that is wrong, with its place" err_has '^gaijinctl: column 4: a path goes on'
lines 1 shop <<'LINES'
!N = (N or 0) + 1 error("x near '<eof>'")
!N
LINES
check "code that ran is not run again" prints 1
check "its error" err_has "eval:1: x near '<eof>'"
lines 1 nobody </dev/null
check "a worker that is not there" err_has "there is no worker 'nobody'; there are "
lines 1 shop <<<'price(1,'
check "a line that has no end" err_has 'column 9: a value is missing'
check "no history is made of these" test ! -e "$dir/state"

for size in "80 24" "40 10" "200 50"; do
  story="a terminal of $size"
  # shellcheck disable=SC2086 # two words
  terminal $size
  typed "clear; gaijinctl repl shop"
  shows '^shop> *$'
  keys -l 'pri'
  keys Tab
  shows '^price priority'
  keys -l 'c'
  keys Tab
  keys -l '(4'
  keys Enter
  shows '^\.\.\. *$'
  keys -l ')'
  keys Enter
  shows '^8$'
  keys -l 'config.ne'
  keys Tab
  keys Enter
  shows '^\{a = \{b = 1\}\}$'
  typed '"grüße"'
  shows 'no worker|dead resource'
  check "shop has forgotten the last one" "$ctl" call shop.calm
  typed 'hangs()'
  check "shop serves it" exports shop hanging
  keys C-c
  shows 'hangs: given up$'
  shows '^shop> *$'
  keys -l 'garbage'
  shows '^shop> garbage$' # a Ctrl-C takes away what was typed and has not been read
  keys C-c
  shows '^shop> garbage\^C'
  keys Up
  shows '^shop> hangs\(\)$'
  keys C-c
  shows '^shop> *$' # what the terminal has between two lines is no key: a Ctrl-D there is lost
  keys C-d
  shows '^> *$'
done
check "the history is the user's alone" test "$(stat -c %a "$dir/state/gaijin/history")" = 600
check "and has lines" grep -F 'config.next' "$dir/state/gaijin/history"
typed "clear; gaijinctl repl shop"
shows '^shop> *$'
keys Up
shows '^shop> hangs\(\)$'
keys C-c
shows '^shop> *$'

story="a new size"
terminal 60 12
typed '"shop".config'
shows '^  name = "y",$|^\{.*name = "y"'

story="the worker ends"
keys -l 'prior'
kill "$shop"
shows 'worker shop has ended$'
shows '^shop> prior *$'
keys Enter
shows 'dead resource|no worker'
start shop "$build/gaijin-worker" "$dir/shop.lua"
check "another one comes" exports shop priority
typed 'priority'
shows '^1$'
typed '!1'
shows 'denied: shop runs no'

story="the broker ends"
disown "$broker"
kill -9 "$broker"
shows 'the connection to the broker ended'
typed 'echo status $?'
shows '^status 3$'
finish

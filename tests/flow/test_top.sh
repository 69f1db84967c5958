#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl top in terminals of three sizes: its pages, keys and acts, and names that would steer the terminal. How it ends, and
# what it makes of a broker that goes and of hundreds of workers, is in test_top_ends.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
. "$(dirname "$0")/top.sh"

story="no terminal"
run "$ctl" top
check "status 2, not $status" test "$status" = 2
check "one line" err_is_one_line

terminal 80 24
story="no broker"
ran "gaijinctl top"
check "status 3, not $status" test "$status" = 3
check "one line" screen_has '^gaijinctl: no broker at'
story="terminals of which nothing is known"
start_broker --log-level warn
for term in no-such-terminal dumb; do
  ran "TERM=$term gaijinctl top"
  check "$term: status 2, not $status" test "$status" = 2
  check "$term is named" screen_has "TERM is '$term'"
done
for flags in "--interval 0" "-d x" "extra"; do
  ran "gaijinctl top $flags"
  check "$flags: status 2, not $status" test "$status" = 2
done

a_system
start other "$build/gaijin-worker" -n other -e 'gaijin.run()'
other=$pid

for size in "80 24" "120 40" "40 10"; do
  story="a terminal of $size"
  # shellcheck disable=SC2086 # two words
  terminal $size
  begins -d 0.2
  shows '^worker .*req_s-'
  shows '^shop +[1-9][0-9.]* '
  shows '^till 日本 +0 '
  check "the broker's line" screen_has '^gaijin [0-9.]+ +up '
  check "the hints are last" eval "screen | tail -n 1 | grep '^h help' >/dev/null"
  keys Tab
  shows '^host +id +kind +age-'
  shows '^shop +[12] +table'
  keys 3
  shows '^operation .*p99-'
  shows '^[a-z].* [0-9.]+(us|ms) '
  keys BTab
  shows '^host +id'
  keys 1
  shows '^worker .*req_s-'
  keys r
  shows '^worker .*req_s\+'
  keys '<'
  shows '^worker\+'
  keys s
  shows '^worker .*req_s-'
  keys q
  ends 0
done

story="columns by importance"
terminal 40 10
begins -d 0.2
check "a narrow one has the important ones" screen_has '^worker +req_s- +p99'
check "and not the others" eval '! screen_has uptime'
terminal 200 24
shows '^worker .*memory .*cpu .*uptime .*refused *$'
shows '^shop .* [0-9.]+[KM] +[0-9]+% '
for size in "20 5" "5 2" "1 1" "80 24"; do
  # shellcheck disable=SC2086 # two words
  terminal $size
  keys Down h Escape / Escape
done
shows '^worker '

story="a page and its columns in one burst"
keys -l '2<'
shows '^host +id +kind[-+]'
keys -l '3>2>'
shows '^host .*age-'
keys -l '3<1'
shows '^worker .*req_s-'

story="more keys at once than are taken at once"
# is_seen TEXT KEYS: as top_burst.py has it.
is_seen() { timeout "$limit" "$python" "$root/tests/flow/top_burst.py" "$@" 'h help' "$ctl" top | grep -x seen; }
for n in 62 63 127; do
  check "help behind $n and an Escape" is_seen 'top: help' "$(printf 'r%.0s' $(seq "$n"))\\x1bh"
done
story="a slow line"
ESCDELAY=20000 check "a key in two pieces is one" is_seen 'top: help' 'h\0\x1b\0OB\0\x0c'

story="a filter"
keys /
keys -l 'OTH'
shows '^filter: OTH_'
lacks '^shop '
shows '^other '
keys BSpace BSpace BSpace
keys -l '日x'
keys BSpace Enter
shows '^till 日本 '
lacks '^other '
keys Escape
shows '^shop '

story="from a worker to why"
keys Home
check "shop is chosen" eventually chosen shop
keys Enter
shows '^1 workers  2 tokens of shop'
shows 'red\\x1b\[31m\\x0a'
keys /
keys -l 'function'
keys Enter
lacks ' table '
keys Enter
shows '^why shop:[0-9]+ *$'
shows '^held by till 日本 for [0-9]+ s, sent to it once'
shows '^  _G\.kept\[2\]'
shows '^inside shop'
keys Escape
shows '^1 workers  2 tokens of shop'
keys Escape
shows ' table '
story="free"
keys f
shows 'collected *$'
keys Escape
shows '^worker '
# Who is the first may be another at any time: of those that were asked nothing in an interval it is the first by name.
keys /
keys -l shop
keys Enter f
shows '^shop: collected *$'
keys Escape
kill -STOP "$till"
shows '^shop +0 '
keys Home f
shows '^other: collected *$'
kill -CONT "$till"
shows '^shop +[1-9]'

story="help, times, interval, pause"
keys '?'
shows '^gaijinctl top: help'
terminal 120 60
shows '^q +quit'
shows '^uptime +since it connected'
sed -n '/^<!-- keys:begin/,/^<!-- keys:end/s/^| \(`.*\) | \(.*\) |$/\1 \2/p' "$root/docs/cli.md" | sed 's/`//g; s/ \+/ /g' >"$dir/keys"
check "docs/cli.md has keys" test "$(wc -l <"$dir/keys")" -ge 12
screen | sed 's/ \+/ /g; s/ $//' >"$dir/help"
while IFS= read -r line; do check "as docs/cli.md says: $line" grep -xF -- "$line" "$dir/help"; done <"$dir/keys"
terminal 80 24
keys Escape 3
shows 'times: now'
keys t
shows 'times: all'
keys t d
keys -l x
keys Enter
shows '^the interval is a number from 0.1 to 3600'
keys d
keys -l 0.3
keys Enter
shows '^every 0.3 s'
keys Space
shows 'PAUSED'
keys Space 1
lacks 'PAUSED'

story="a worker that hangs"
kill -STOP "$other"
shows '^other .* no '
kill -CONT "$other"
shows '^other .* yes '

story="stop"
keys /
keys -l other
keys Enter x
shows '^stop worker other\? y/n'
keys n
shows '^other was not stopped'
check "it lives" kill -0 "$other"
keys x y
shows '^other has stopped'
check "it has ended" eventually gone "$other"
shows 'nothing fits the filter'
keys x
shows 'x stops the chosen worker'
keys Escape
keys q
ends 0
finish

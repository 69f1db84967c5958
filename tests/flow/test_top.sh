#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl top in terminals of three sizes: its keys, acts and ends, a broker that goes, hangs and comes back, a worker that
# hangs, hundreds of workers, and names that would steer the terminal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
ctl=$build/gaijinctl
evidence="out err screen shop.out broker.out stty.*"
export GAIJIN_SOCKET=$dir/gaijin.sock HOME=$dir
unset LC_ALL
export LANG=C.UTF-8

# shows REGEX: the screen has such a line before long; lacks: it has none. One picture is looked at and kept: the next may be
# another.
pictured() { screen >"$dir/screen" && grep -E -- "$1" "$dir/screen" >/dev/null; }
not_pictured() { ! pictured "$1"; }
shows() { check "the screen has $1" eventually pictured "$1"; }
lacks() { check "the screen has no $1" eventually not_pictured "$1"; }
# begins FLAG...: on the terminal, with its process in $top.
begins() {
  rm -f "$dir/pid"
  typed "clear; bash -c 'echo \$\$ >$dir/pid; exec gaijinctl top $*'"
  wait_until test -s "$dir/pid"
  top=$(cat "$dir/pid")
  shows '^1 workers  2 tokens'
}
# ends STATUS: the shell is back, and the terminal as it was.
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

story="no terminal"
run "$ctl" top
check "status 2, not $status" test "$status" = 2
check "one line" err_is_one_line

terminal 80 24
typed "export GAIJIN_SOCKET=$GAIJIN_SOCKET"
story="no broker"
ran "gaijinctl top"
check "status 3, not $status" test "$status" = 3
check "one line" screen_has '^gaijinctl: no broker at'
story="terminals of which nothing is known"
start_broker --log-level warn
broker=$pid
for term in no-such-terminal dumb; do
  ran "TERM=$term gaijinctl top"
  check "$term: status 2, not $status" test "$status" = 2
  check "$term is named" screen_has "TERM is '$term'"
done
for flags in "--interval 0" "-d x" "extra"; do
  ran "gaijinctl top $flags"
  check "$flags: status 2, not $status" test "$status" = 2
done

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
start other "$build/gaijin-worker" -n other -e 'gaijin.run()'
other=$pid
check "shop serves" exports shop cash
typed "stty -g >$dir/stty.before"
wait_until test -s "$dir/stty.before"

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
keys Home
check "the first line is chosen" eventually chosen shop
keys f
shows '^shop: collected *$'

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

story="Ctrl-Z"
keys C-z
shows 'Stopped'
typed "stty -g >$dir/stty.after; echo away"
shows '^away$'
check "the terminal is the shell's" cmp "$dir/stty.before" "$dir/stty.after"
terminal 90 20
typed fg
shows '^worker '
keys 3
shows '^operation '
kill -STOP "$top"
shows 'Stopped'
typed fg
shows '^operation '
keys 1
shows '^worker '

story="a broker that hangs"
kill -STOP "$broker"
shows '^the broker does not answer for [0-9]+ s'
keys 3
shows '^operation '
keys 1
kill -CONT "$broker"
shows '^gaijin [0-9.]+ '

story="a broker that goes"
disown "$broker"
kill -9 "$broker"
shows '^the broker is gone, trying again: no broker at'
keys 3
shows '^operation '
keys 1 h
shows '^gaijinctl top: help'
keys q
start_broker --log-level warn
broker=$pid
shows '^gaijin [0-9.]+ +up '
shows '^shop +[1-9]'
keys q
ends 0

for signal in TERM INT HUP QUIT SEGV ABRT USR1; do
  story="SIG$signal"
  begins
  kill "-$signal" "$top"
  wait_until gone "$top"
  case $signal in
    INT) ends 0 ;;
    SEGV) ends "(139|1)" ;; # an address sanitizer tells it its way
    *) ends "$((128 + $(kill -l $signal)))" ;;
  esac
done
story="Ctrl-C"
begins
keys C-c
ends 0
start slow "$build/gaijin-worker" -n slow -e 'gaijin.run()'
slow=$pid
begins -d 0.2
keys /
keys -l slow
keys Enter
shows '^slow '
kill -STOP "$slow"
keys x
shows '^stop worker slow'
keys y
apart() { ps -o pgid= --ppid "$top" | awk -v "own=$(ps -o pgid= -p "$top")" '$1 != own + 0 { found = 1 } END { exit !found }'; }
check "what was begun is not reached by it" eventually apart
keys C-c
ends 0
kill -CONT "$slow"
check "and is done" eventually gone "$slow"
story="Ctrl-S"
begins -d 0.1
keys C-s
kill -TERM "$top"
check "ends all the same" eventually gone "$top"
ends 143

story="no colours"
coloured() { tmux -S "$dir/tmux" capture-pane -p -e | grep "$(printf '\033')\[[0-9;]*[34][0-7][;m]" >/dev/null; }
begins
check "there are colours" eventually coloured
keys q
ends 0
for env in NO_COLOR=1 TERM=vt100; do
  typed "clear; $env gaijinctl top"
  shows '^worker '
  check "none with $env" eval '! coloured'
  keys q
  ends 0
done

story="three hundred workers"
python3 - "$GAIJIN_SOCKET" >"$dir/many.out" <<'PYTHON' &
# So many that say hello, and nothing more.
import socket, struct, sys, time
many = []
for i in range(1, 301):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    name = b"w%d" % i
    body = b"\x94\x01\x06" + b"\xd9" + bytes([len(name)]) + name + b"\xc2"
    envelope = b"\x99\xcc\x01\xcc\x01\xcd\x00\x00\xcd\x00\x00\xcf" + struct.pack(">Q", 1) + b"\xcf" + bytes(8) + b"\xce" + bytes(4) + b"\xc0"
    s.sendall(b"\xce" + struct.pack(">I", len(envelope + body)) + envelope + body)
    many.append(s)
for s in many:
    s.recv(4096)
print("there", flush=True)
time.sleep(1000)
PYTHON
many=$!
disown "$many"
started+=("$many")
wait_until has many there
terminal 80 24
begins -d 0.3
keys '<'
shows '1/302'
keys NPage
shows '^.*  20/302'
keys End
shows '302/302'
shows '^w300 '
keys Up PPage
shows '282/302'
shows '^w283 .* no '
keys /
keys -l 'w29'
keys Enter
shows '/11 '
keys Escape Home
shows '1/302'
kill -9 "$many"
shows '/2( |$)'
keys q
ends 0

story="what a policy does not allow"
printf '[deny]\nwho = all\nmay = act\n[allow]\nwho = all\nnames = *\n[allow]\nwho = all\nhosts = *\n' >"$dir/policy.ini"
start refusing "$build/gaijin-broker" -s "$dir/other.sock" --log-level warn --policy "$dir/policy.ini"
wait_until "$ctl" ping -s "$dir/other.sock"
begins -s "$dir/other.sock" -d 0.3
start alone "$build/gaijin-worker" -s "$dir/other.sock" -n alone -e 'gaijin.run()'
alone=$pid
shows '^alone '
keys f
shows 'denied|does not let'
keys x
shows '^stop worker alone\? y/n'
keys y
shows 'denied|does not let'
check "it lives" kill -0 "$alone"
keys 2
shows '^none'
keys q
ends 0

story="many objects"
start host "$build/gaijin-worker" -n host -e '
  function bakaGaijin.make(n) local t = {} for i = 1, n do t[i] = {} end return (unpack or table.unpack)(t) end
  bakaGaijin.ready = 1'
check "host serves" exports host ready
start holder "$build/gaijin-worker" -n holder -e '
  local make = gaijin.wait_for("host", "make")
  kept = {}
  for i = 1, 30 do kept[i] = { make(100) } end
  bakaGaijin.ready = 1'
check "holder has them" exports holder ready
begins -d 0.3
keys 2
shows '1/1000 of 300[0-9]'
keys '<' '<'
shows '^host .*id-'
shows '^host +300[0-9] '
keys End
shows '1000/1000 of 300'
keys q
ends 0
finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl top when it is stopped or ended, when the broker hangs, goes and comes back, with hundreds of workers and many objects,
# and where a policy does not let it act.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
. "$(dirname "$0")/top.sh"

start_broker --log-level warn
broker=$pid
terminal 80 24
a_system
begins -d 0.2
shows '^worker '

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
"$python" - "$GAIJIN_SOCKET" >"$dir/many.out" <<'PYTHON' &
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

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Tables of gaijinctl in a terminal and outside of one: width, columns, order, colours, --watch; and the exit statuses of
# every command.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/terminal.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/gaijin.sock

cd "$dir" || exit 1 # an example may write a file
# The commands, and for each an example that works: its help says both.
commands() { "$ctl" help | sed -n 's/^  \([a-z][a-z-]*\)\( .*\)\?$/\1/p'; }
example() { "$ctl" help "$1" | sed -n 's/^example: gaijinctl //p'; }
# of_table COMMAND: it has columns.
of_table() { "$ctl" help "$1" | grep -x 'columns:' >/dev/null; }

story="the list"
mapfile -t all < <(commands)
check "there are commands" test "${#all[@]}" -ge 12
for command in "${all[@]}"; do check "$command has an example" test -n "$(example "$command")"; done

# Whatever a command does with a broker, without one it ends with 3 and one line; those that need none are not asked.
story="no broker"
for command in "${all[@]}"; do
  case $command in run | help | top | metrics | web) continue ;; esac # top needs a terminal; metrics and web wait for a broker
  words=$(example "$command")
  # shellcheck disable=SC2086 # several words
  run "$ctl" ${words/--timeout 30/--timeout 0.1}
  check "$command ends with 3, not $status" test "$status" = 3
  check "$command says so in one line" err_is_one_line
  check "$command prints nothing" test ! -s "$dir/out"
done

story="another version"
"$python" - "$dir/other.sock" >"$dir/other.out" <<'PYTHON' &
# Answers every hello with an error of status protocol, as a broker of another time does.
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(8)
print("listens", flush=True)
text = b"this broker speaks versions 90 to 99"
body = b"\x92\x0a" + b"\xd9" + bytes([len(text)]) + text
envelope = b"\x99\xcc\x03\xcc\x01\xcd\x00\x00\xcd\x00\x00\xcf" + struct.pack(">Q", 1) + b"\xcf" + bytes(8) + b"\xce" + bytes(4) + b"\xc0"
while True:
    c = s.accept()[0]
    c.recv(4096)
    c.sendall(b"\xce" + struct.pack(">I", len(envelope + body)) + envelope + body)
    c.close()
PYTHON
started+=($!)
wait_until has other listens
run "$ctl" clients -s "$dir/other.sock"
check "status 3, not $status" test "$status" = 3
check "says which" err_has 'versions 90 to 99'

story="bad usage"
start_broker --log-level warn
for command in "${all[@]}"; do
  run "$ctl" "$command" --frobnicate
  check "$command ends with 2, not $status" test "$status" = 2
  check "$command says so in one line" err_is_one_line
done

cat >"$dir/shop.lua" <<'LUA'
bakaGaijin.price = function(n) return n end
bakaGaijin.cash = { 1 }
LUA
echo 'kept = { gaijin.wait_for("shop", "cash"), gaijin.wait_for("shop", "price") }' >"$dir/till.lua"
start shop "$build/gaijin-worker" "$dir/shop.lua"
for i in 1 2 10; do start "till-$i" "$build/gaijin-worker" -n "till-$i" "$dir/till.lua"; done
holds() { "$ctl" loads -o holder,held --json | grep -F "{\"holder\":\"$1\",\"held\":2}" >/dev/null; }
for i in 1 2 10; do wait_until holds "till-$i"; done

# A supervisor and what it looks after, at a broker of its own.
supervised=$dir/supervised.sock
mkdir "$dir/system"
{ echo 'print "open"'; cat "$dir/shop.lua"; } >"$dir/system/shop.lua"
echo 'worker shop { script = "shop.lua" }' >"$dir/system/game.ucl"
start supervisor "$ctl" run -s "$supervised" "$dir/system/game.ucl"
wait_until "$ctl" wait shop -s "$supervised" --timeout 1
# socket_for COMMAND: whose it is
socket_for() {
  case $1 in ps | logs | start | restart | reload) echo "$supervised" ;; *) echo "$GAIJIN_SOCKET" ;; esac
}

story="all is well"
for command in "${all[@]}"; do
  case $command in run | top | upgrade | policy | monitor | metrics | web | why | stop | kill | log-level | get | set | call | pairs | len | eval | repl) continue ;; esac # they have tests of their own
  words=$(example "$command")
  # shellcheck disable=SC2086 # several words
  run env GAIJIN_SOCKET="$(socket_for "$command")" "$ctl" ${words%% --watch*}
  check "$command ends with 0, not $status" test "$status" = 0
  case $command in
    wait | start | restart | reload) ;;
    graph) check "$command writes" test -s graph.svg ;;
    *) check "$command prints" test -s "$dir/out" ;;
  esac
  check "$command has no error" test ! -s "$dir/err"
done

story="columns"
run "$ctl" clients -o worker,exports --sort -exports
check "these, in this order" test "$(tr -s ' ' <"$dir/out")" = "worker exports
shop 2
till-1 0
till-2 0
till-10 0"
run "$ctl" clients -o exports,worker --sort worker --limit 2 --json
check "in JSON too" test "$(cat "$dir/out")" = '[{"exports":2,"worker":"shop"},
 {"exports":0,"worker":"till-1"}]'
run "$ctl" clients --sort --json
check "no such column: 2, not $status" test "$status" = 2
run "$ctl" clients -o exprots
check "2, not $status" test "$status" = 2
check "says what may be meant, and what there is" \
  err_has "^gaijinctl: -o: there is no column 'exprots' \(did you mean exports\?\); clients has worker, id, .*, standing$"

story="a terminal of 80 columns"
terminal 80 24
typed "export GAIJIN_SOCKET=$GAIJIN_SOCKET"
for command in "${all[@]}"; do
  [ "$command" != top ] || continue # it goes on until it is told to end
  of_table "$command" || continue
  ran "gaijinctl $command -s $(socket_for "$command")"
  check "$command ends with 0, not $status" test "$status" = 0
  check "$command is $(screen_width) wide" test "$(screen_width)" -le 80
done
ran "gaijinctl clients"
check "the important ones are there" screen_has '^worker +pid +.* answering$'
check "says what is not" screen_has '^no room for .*id, .*transport'
check "and how to see it" screen_has -- '--wide shows all, -o COLUMN,... some\.$'
ran "gaijinctl clients --wide | cat"
check "a pipe gets all" screen_has '^worker +id +pid +uid'
ran "gaijinctl clients --limit 1"
check "says that there are more" screen_has '^1 of 4 rows'
terminal 200 24
ran "gaijinctl clients"
check "a wide terminal shows all" screen_has '^worker +id +pid .* transport +standing$'
check "and there is nothing to say" eval '! screen_has "no room"'
terminal 30 24
ran "gaijinctl tokens"
check "a narrow one" test "$(screen_width)" -le 30

story="colours"
terminal 80 24
ran "gaijinctl clients | grep -c '\[1m'"
check "none in a pipe" screen_has '^0$'
coloured() { tmux -S "$dir/tmux" capture-pane -p -e | grep -F "$(printf '\033[1m')worker" >/dev/null; }
ran "gaijinctl clients"
check "the head is bold" coloured
ran "NO_COLOR=1 gaijinctl clients"
check "not with NO_COLOR" eval '! coloured'

story="--watch"
ran "echo before"
typed "gaijinctl clients -o worker,exports --watch 0.1; echo ended-with \$?"
check "a picture" eventually screen_has '^till-10 +0$'
check "of its own" eval '! screen_has before'
start late "$build/gaijin-worker" -n late "$dir/till.lua"
late=$pid
check "who comes is shown" eventually screen_has '^late +0$'
terminal 60 5
check "no more rows than there is room for" eventually screen_has 'as many as fit here'
terminal 80 24
kill "$late"
without() { ! screen_has "$1"; }
check "who goes is gone" eventually without '^late'
broker=${started[1]}
kill "$broker"
check "the broker's end is said" eventually screen_has '^gaijinctl: (clients: .*|no broker at .*)$'
check "that there is none" eventually screen_has '^gaijinctl: no broker at '
start_broker --log-level warn
start shop "$build/gaijin-worker" "$dir/shop.lua"
check "it goes on with the next one" eventually screen_has '^shop +0$'
keys C-c
check "Ctrl-C ends it with 0" eventually screen_has '^ended-with 0$'
check "the screen is as it was" screen_has '^before$'
start watch "$ctl" clients -o worker --json --watch 0.1
two_came() { [ "$(grep -c '^\[{"worker":"shop"}\]$' "$dir/watch.out")" -ge 2 ]; }
check "outside of a terminal, one after the other" eventually two_came
kill -INT "$pid"
check "it is ended" eventually gone "$pid"
wait "$pid"
status=$?
check "with 0, too: $status" test "$status" = 0
run "$ctl" clients --watch -s "$dir/none.sock"
check "no broker at the begin: 3, not $status" test "$status" = 3
check "is one line" err_is_one_line

finish

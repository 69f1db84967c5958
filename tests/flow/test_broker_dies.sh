#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A broker that dies in the middle of what a command of gaijinctl asks, after each of its first messages: status 3 and one
# line that says so, or the command was done before. Between the two stands tests/flow/cut.py.
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/broker.sock
evidence="out err broker.out shop.out cut.out"
most=12 # messages of the broker

commands() { "$ctl" help | sed -n 's/^  \([a-z][a-z-]*\)\( .*\)\?$/\1/p'; }
example() { "$ctl" help "$1" | sed -n 's/^example: gaijinctl //p'; }

cat >"$dir/shop.lua" <<'LUA'
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.config = { limit = 1, name = "shop", next = { x = 1 } }
bakaGaijin.list = { 1, 2, { 3 } }
config = { list = {} }
LUA
start_broker --log-level warn
start shop "$build/gaijin-worker" -n shop --allow-eval "$dir/shop.lua"
start till "$build/gaijin-worker" -n till -e 'kept = { gaijin.wait_for("shop", "price"), gaijin.wait_for("shop", "config") }'
held() { "$ctl" why shop:2 >/dev/null 2>&1; }
wait_until held
start cut "$python" "$root/tests/flow/cut.py" "$GAIJIN_SOCKET" "$dir" "$most"
wait_until has cut listens

# words COMMAND: how it is called; nothing if it asks no broker, or there is nothing to be cut.
words() {
  case $1 in
    run | help | wait | kill | stop | upgrade | top | web | metrics | ps | logs | start | restart) ;; # a broker or worker of their own, or no end
    policy) echo "policy show" ;;
    monitor) echo "monitor" ;;
    clients | status) example "$1" | sed 's/ --watch.*//' ;;
    repl) echo "repl shop" ;;
    eval) echo "eval shop 1" ;;
    graph) echo "graph" ;;
    leaks) echo "leaks --over 0" ;;
    *) example "$1" | sed 's/ *[|>].*//' ;;
  esac
}
# told: one line of an error, and a traceback or sum at most behind it.
told() { [ "$(grep -c '^gaijinctl: ' "$dir/err")" = 1 ]; }

mapfile -t all < <(commands)
for command in "${all[@]}"; do
  line=$(words "$command")
  [ -n "$line" ] || continue
  for n in $(seq "$most"); do
    story="$line, cut after $n"
    # shellcheck disable=SC2086 # several words
    echo "price(1)" | timeout "$(if [ "$command" = monitor ]; then echo 5; else echo "$limit"; fi)" "$ctl" -s "$dir/cut-$n" $line >"$dir/out" 2>"$dir/err"
    status=$?
    if [ "$n" -gt 1 ] && [ "$status" = 0 ]; then break; fi
    # It has been told all that there is, and waits for more.
    if [ "$command" = monitor ] && [ "$status" = 124 ]; then break; fi
    check "status 3, not $status" test "$status" = 3
    check "one line says so" told
    case $command in monitor) ;; *) check "nothing is printed" test ! -s "$dir/out" ;; esac
  done
  check "it is done in the end" test "$status" = 0 -o "$status" = 124
done
story="the end"
check "the broker lives" "$ctl" ping
no_observers() { ! "$ctl" --json tokens | grep '"@' >/dev/null; }
check "nothing is held by those who were cut off" eventually no_observers
finish

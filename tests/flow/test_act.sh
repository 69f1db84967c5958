#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl acts: stop, kill, log-level; and status, which says what to look at.
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/gaijin.sock

# worker NAME CODE: starts one and waits until it serves.
worker() {
  start "$1" "$build/gaijin-worker" -n "$1" -e "$2"
  wait_until "$ctl" wait "$1" --timeout 1
}

story="status"
start_broker
broker=$pid
worker shop 'bakaGaijin.cash = {}'
worker till 'kept = gaijin.wait_for("shop", "cash")'
expect 0 status
for line in 'version +[0-9.]+' 'generation +1' 'workers +2' 'away +0' 'uptime_s +[0-9]+' 'tokens +1' 'holdings +1' 'requests +[0-9]+' \
  'memory +[0-9]+' 'memory_most +268435456' 'refused +0' 'log_lost +0' 'warnings +-'; do
  check "a line: $line" out_has "^$line$"
done
expect 0 status --json -o workers,warnings
check "as JSON" test "$(cat "$dir/out")" = '[{"workers":2,"warnings":[]}]'
worker hangs 'gaijin.after(0.1, function() while true do end end)'
hangs=$pid
hung() { "$ctl" status | grep -E '^warnings +worker hangs does not answer$' >/dev/null; }
check "a worker that hangs is a warning" eventually hung

story="kill"
expect 1 stop hangs --timeout 0.2
check "one that hangs does not stop" err_has '^gaijinctl: stop: worker hangs has not ended in 0\.2 s$'
expect 0 kill hangs
check "killed" gone "$hangs"
check "the log says who" has broker 'info: .*@gaijinctl \(user [0-9]+, process [0-9]+\) acts: kill hangs'
expect 1 kill hangs
check "it is not there any more" err_has "^gaijinctl: there is no worker 'hangs'; there are "
check "one line" err_is_one_line

story="stop"
worker ends 'print("up")'
ends=$pid
expect 0 stop ends
check "ended" gone "$ends"
status=0
wait "$ends" || status=$?
check "in good order: $status" test "$status" = 0
check "the log says it once" test "$(grep -c 'acts: stop ends' "$dir/broker.out")" = 1
expect 1 stop nobody
check "nobody has this name" err_has "^gaijinctl: there is no worker 'nobody'; there are "
check "one line" err_is_one_line

story="log-level"
expect 0 log-level debug
check "what it was" test "$(cat "$dir/out")" = 'it was info'
expect 0 log-level error
check "what it was" test "$(cat "$dir/out")" = 'it was debug'
expect 0 kill till
check "a level that hides it" eval '! has broker "acts: kill till"'
expect 2 log-level loud
check "no such level" err_has "log-level takes error, warn, info or debug, not 'loud'"
expect 0 log-level info

story="a policy that lets nobody act"
kill "$broker"
wait_until gone "$broker"
cat >"$dir/policy" <<'INI'
[allow]
who = all
names = *
[deny]
who = all
may = act
INI
start_broker --policy "$dir/policy"
worker shop ''
shop=$pid
for words in "stop shop" "kill shop" "log-level debug"; do
  # shellcheck disable=SC2086 # several words
  expect 1 $words
  check "$words: denied" err_has "this broker's policy does not let user [0-9]+ act"
  check "$words: one line" err_is_one_line
done
check "nothing was done" eval "! gone $shop"
expect 0 status

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Broker and worker as services: what a service manager is told at a socket as systemd has it, and that nothing of it
# is there for children, nor without a manager.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/manager.sh"
evidence="out err *.out told"
umask 022
export GAIJIN_SOCKET=$dir/s
ctl=$build/gaijinctl

# A broker that is to tell the manager at $1.
serve() {
  start broker env NOTIFY_SOCKET="$1" "${@:2:1}" "$build/gaijin-broker" -s "$GAIJIN_SOCKET" "${@:3}"
  broker=$pid
  wait_until "$ctl" ping
}

for address in "$dir/notify" "@gaijin-test-$$"; do
  story=${address:0:1}
  manager "$address"
  serve "$address" A=1
  check "ready, from the process itself" eventually told "^$broker\|READY=1\|STATUS=gaijin [0-9.]+ serves on $dir/s\|$"
  again '^[0-9]+\|READY=1' kill -HUP "$broker"
  check "a reload begins" told "^$broker\|RELOADING=1\|MONOTONIC_USEC=[0-9]+\|STATUS=reads its files again\|$"
  check "before it is over" test "$(grep -nE 'RELOADING' "$dir/told" | cut -d: -f1)" -lt "$(grep -nE 'READY=1\|' "$dir/told" | tail -n 1 | cut -d: -f1)"
  again '^[0-9]+\|READY=1' kill -USR2 "$broker"
  check "after an upgrade, from the same process" test "$(grep -E 'READY=1' "$dir/told" | tail -n 1 | cut -d'|' -f1)" = "$broker"
  check "no watchdog was asked for" test "$(count WATCHDOG)" = 0
  kill "$broker"
  check "the end" eventually told "^$broker\|STOPPING=1\|"
  wait "$broker"
  check "with status 0" test $? = 0
  end_started
done

story="a policy that is read again"
manager "$dir/notify2"
printf '[allow]\nwho = all\nmay = inspect\n' >"$dir/policy"
serve "$dir/notify2" A=1 --policy "$dir/policy"
wait_until told READY
again 'READY=1' kill -HUP "$broker"
printf '[nonsense\n' >"$dir/policy"
again 'READY=1' kill -HUP "$broker"
check "one that is refused ends the reload, too" has broker "policy in force stays"
end_started

story="watchdog"
manager "$dir/notify3"
serve "$dir/notify3" WATCHDOG_USEC=200000
check "is fed" eventually more_than 2 "^$broker\|WATCHDOG=1\|STATUS=serves [0-9]+ clients, 0 tokens and 0 calls on "
again WATCHDOG kill -USR2 "$broker"
before=$(count 'READY=1')
[ "$before" -ge 2 ] || wait_until more_than 1 'READY=1'
check "after an upgrade, too" eventually more_than "$(count WATCHDOG)" WATCHDOG
end_started
manager "$dir/notify4"
serve "$dir/notify4" WATCHDOG_USEC=1000
check "is fed as often as it can be" eventually more_than 5 WATCHDOG
end_started
manager "$dir/notify5"
start broker env NOTIFY_SOCKET="$dir/notify5" WATCHDOG_USEC=1000 WATCHDOG_PID=1 "$build/gaijin-broker" -s "$GAIJIN_SOCKET"
wait_until told READY
for _ in 1 2 3; do run "$ctl" ping; done
check "that of another process is not" test "$(count WATCHDOG)" = 0
end_started

story="children"
cat >"$dir/program" <<'SH'
#!/bin/sh
env >"${0%/*}/environment"
exit 1
SH
chmod +x "$dir/program"
manager "$dir/notify6"
serve "$dir/notify6" WATCHDOG_USEC=10000000
run "$ctl" upgrade "$dir/program"
check "the program was asked" test -s "$dir/environment"
check "nothing is left for them" test "$(grep -cE '^(NOTIFY_SOCKET|WATCHDOG_)' "$dir/environment")" = 0
end_started

story="managers that cannot be told"
serve "$dir/nobody" A=1
check "is said" has broker " warn: the service manager is told nothing: cannot send to $dir/nobody \(.NOTIFY_SOCKET\): No such file"
end_started
serve vsock:2:1 A=1
check "neither can this" has broker "cannot send to vsock:2:1 \(.NOTIFY_SOCKET\): Invalid argument"
end_started
export MUTE=1
manager "$dir/notify7"
serve "$dir/notify7" WATCHDOG_USEC=2000
for _ in {1..20}; do run "$ctl" ping; done
check "one that does not read holds up nobody" test "$status" = 0
kill -HUP "$broker"
run "$ctl" ping
check "not for long, at least" test "$status" = 0
end_started
unset MUTE

story="worker"
manager "$dir/notify8"
start_broker --log-level info
cat >"$dir/w.lua" <<'LUA'
assert(not os.getenv("NOTIFY_SOCKET"))
assert(not os.getenv("WATCHDOG_USEC"))
gaijin.sleep(0)
LUA
start worker env NOTIFY_SOCKET="$dir/notify8" WATCHDOG_USEC=1 "$build/gaijin-worker" -n shop "$dir/w.lua"
worker=$pid
check "ready when its script has returned" eventually told "^$worker\|READY=1\|STATUS=serves as shop\|$"
kill "$worker"
check "the end" eventually told "^$worker\|STOPPING=1\|"
start worker env NOTIFY_SOCKET="$dir/notify8" "$build/gaijin-worker" -n runs -e 'gaijin.run()'
check "when it runs" eventually told "STATUS=serves as runs\|$"
start worker env NOTIFY_SOCKET="$dir/notify8" "$build/gaijin-worker" -n says -e 'gaijin.ready() gaijin.sleep(1000)'
check "when it says so" eventually told "STATUS=serves as says\|$"
run env NOTIFY_SOCKET="$dir/notify8" "$build/gaijin-worker" -n fails -e 'error("no")'
check "not when it fails" test "$(count 'serves as fails')" = 0
if ! sanitized "$build/gaijin-worker"; then
  start worker env NOTIFY_SOCKET="$dir/notify8" "$build/gaijin-worker" --sandbox -n boxed -e 'return'
  check "from a sandbox" eventually told "^$pid\|READY=1\|STATUS=serves as boxed\|$"
fi
end_started

finish

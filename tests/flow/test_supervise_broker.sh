#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A supervisor and brokers that are not well: one that hangs, one whose supervisor was killed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/supervised.sh"
evidence="out err supervisor.* silent.out"

script shop <<<'print("serves")'
echo 'worker shop { }' >"$dir/game.ucl"

# A supervisor's broker, which is not its own, is killed; nothing is in its place.
lose_broker() {
  start_broker --log-level warn
  broker=$pid
  supervise "$dir/game.ucl"
  check "a worker serves" eventually state shop '"state":"ready"'
  kill -9 "$broker"
  check "it has gone" eventually said 'run: the broker at .* has gone; the workers wait for it to return$'
  rm "$GAIJIN_SOCKET"
}

story="a broker that hangs"
lose_broker
start silent "$python" "$root/tests/flow/silent.py" "$GAIJIN_SOCKET"
silent=$pid
check "another one accepts and does not answer" eventually has silent accepted
# It is not slowness that counts: the connection is as open when the answer is there as it was before.
answered_meanwhile() {
  local closed
  closed=$(grep -c closed "$dir/silent.out")
  "$ctl" ps >"$dir/ps" 2>&1 || return 1
  [ "$(grep -c accepted "$dir/silent.out")" -gt "$closed" ] && [ "$(grep -c closed "$dir/silent.out")" = "$closed" ]
}
check "the supervisor answers meanwhile" eventually answered_meanwhile
for i in 1 2 3 4 5; do check "again ($i)" eventually answered_meanwhile; done # one connection is given up for another
kill "$silent"
check "that one has gone" eventually gone "$silent"
rm "$GAIJIN_SOCKET"
start_broker --log-level warn
check "the worker comes back" "$ctl" wait shop --timeout "$limit"
kill -9 "$(pid_of shop)"
restarted() { state shop '"state":"ready","restarts":1'; }
check "and the supervisor, too" eventually restarted
end_supervisor
end_started

story="a broker that has no room for two questions"
script slow <<<'while not io.open("go") do gaijin.sleep(0.02) end'
printf 'worker slow { }\nworker shop { start-limit = 3600 }\n' >"$dir/two.ucl"
start_broker --log-level warn --max-waits 1
supervise "$dir/two.ucl"
check "that is said" eventually said '(shop|slow) cannot be seen to serve yet: .*max-waits'
touch "$dir/go"
both() { state slow '"state":"ready"' && state shop '"state":"ready"'; }
check "it is asked again" eventually both
check "and said once" test "$(grep -c 'cannot be seen to serve' "$dir/supervisor.err")" = 1
end_supervisor
end_started

story="a broker that comes back and does not let the supervisor in"
lose_broker
mkdir "$GAIJIN_SOCKET" # what can never be one
check "why is said when it takes long" eventually said 'run: cannot connect to the broker again: .*; trying on$'
rmdir "$GAIJIN_SOCKET"
start_broker --log-level warn
check "and it tries on" eventually state shop '"state":"ready"'
end_supervisor
end_started

# It has no numbers of ours, so that whose process a worker is cannot be asked.
if unshare --pid --fork true 2>/dev/null; then
  story="a broker in a container below"
  start broker unshare --pid --fork --kill-child "$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-level warn
  wait_until "$ctl" ping
  supervise "$dir/game.ucl"
  check "a worker is seen to serve" eventually state shop '"state":"ready"'
  first=$(pid_of shop)
  expect 0 restart shop --timeout "$limit"
  check "and its successor" test "$(pid_of shop)" != "$first"
  end_supervisor
  end_started
  rm -f "$GAIJIN_SOCKET"
fi

# Beside another gaijinctl its broker is another program, which begins with $dir/begin.
story="a broker that is slow to begin"
mkdir "$dir/bin"
cp "$build/gaijinctl" "$dir/bin"
ln -s "$(realpath "$build/gaijin-worker")" "$dir/bin/gaijin-worker"
printf '#!/bin/sh\necho $$ >"%s/pid"\n. "%s/begin"\nexec "%s/gaijin-broker" "$@"\n' "$dir" "$dir" "$(realpath "$build")" >"$dir/bin/gaijin-broker"
chmod +x "$dir/bin/gaijin-broker"
supervise_slowly() { # COMMANDS
  echo "$1" >"$dir/begin"
  rm -f "$dir/pid"
  ctl=$dir/bin/gaijinctl supervise "$dir/game.ucl"
}
# shellcheck disable=SC2016 # for the shell there
supervise_slowly 'while [ ! -e "${0%/*}/go" ]; do sleep 0.02; done'
check "begins" eventually test -s "$dir/pid"
check "no worker is started" test -z "$(cat "$dir/supervisor.out")"
touch "$dir/bin/go"
check "until it listens" eventually state shop '"state":"ready"'
end_supervisor
# The supervisor is not to wait for it when it is to end.
supervise_slowly 'exec sleep 1000'
check "another one begins" eventually test -s "$dir/pid"
end_supervisor
check "nothing is said of it" test -z "$(cat "$dir/supervisor.err")"
check "it is ended" gone "$(cat "$dir/pid")"
for how in 'exit 0' 'kill -9 $$'; do
  supervise_slowly "$how"
  check "one that ends, with $how, is waited for no longer" eventually gone "$supervisor"
  wait "$supervisor"
  check "which is a failure" test $? = 1
  check "and told" said '^gaijinctl: run: the broker ended before it listened$'
done

story="a supervisor that is killed"
supervise "$dir/game.ucl"
for i in 1 2 3 4 5; do
  check "its worker serves ($i)" eventually state shop '"state":"ready"'
  kill -9 "$supervisor"
  supervise "$dir/game.ucl"
  check "the next one has a worker that serves ($i)" eventually said 'run: the socket is'
  check "and a broker of its own ($i)" broker_of "$supervisor"
done
kill -9 "$(broker_of "$supervisor")"
check "a broker is started again" eventually said 'run: the broker was killed by signal 9'
again=$(eventually broker_of "$supervisor")
check "which the lock says" eventually grep -qx "$supervisor $again" "$dir/game.run.lock"
end_supervisor

story="a broker that does not end"
cp /bin/sleep "$dir/gaijin-broker"
start orphan "$dir/gaijin-broker" 1000
orphan=$pid
echo "1 $orphan" >"$dir/game.run.lock"
supervise "$dir/game.ucl"
check "is told" eventually said "run: process $orphan, the broker of a supervisor that was killed, does not end$"
check "and is no reason not to begin" eventually state shop '"state":"ready"'
end_supervisor
echo "$$ $orphan" >"$dir/game.run.lock"
supervise "$dir/game.ucl"
check "one whose supervisor lives is not waited for" eventually state shop '"state":"ready"'
check "at all" not said 'does not end'
end_supervisor

story="a name that a policy forbids"
printf '[allow]\nwho = all\nnames = *\n[allow]\nwho = all\nmay = inspect, act\n' >"$dir/policy.ini"
echo "broker { policy = \"$dir/policy.ini\" } worker shop { }" >"$dir/game.ucl"
supervise "$dir/game.ucl"
check "it serves" eventually state shop '"state":"ready"'
shop=$(pid_of shop)
sed -i 's/^names = .*/names = gate*/' "$dir/policy.ini"
kill -HUP "$(broker_of "$supervisor")"
forbidden() { "$ctl" policy show 2>&1 | grep 'names = gate' >/dev/null; }
check "it is read" eventually forbidden
expect 1 restart shop --timeout "$limit"
check "who asked is told that nothing has changed" err_has 'restart: worker shop goes on as it was: its successor failed with status 1$'
check "why is among its lines" grep -qE '^shop \| .*denied: .*policy' "$dir/supervisor.err"
check "the worker goes on: one that was ended could not begin again" test "$(pid_of shop)" = "$shop"
end_supervisor

finish

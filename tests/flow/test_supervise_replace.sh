#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A supervisor replaces a worker without a gap: who calls by its name sees no error, holders may go on for a while, a successor
# that fails changes nothing, and nothing is left when the one or the other is killed, stopped, or the supervisor ends.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/supervised.sh"
evidence="out err ps supervisor.*"

printed() { grep -qE -- "$1" "$dir/supervisor.out"; }
# pid_in STATE: the process of the shop that is in this state; none: status 1.
pid_in() { "$ctl" ps --json -o worker,state,pid | sed -n "s/.*\"worker\":\"shop\",\"state\":\"$1\",\"pid\":\([0-9]*\).*/\1/p" | grep .; }
is_version() { [ "$(timeout "$limit" "$ctl" call shop.version 2>&1)" = "\"$1\"" ]; }
still_has() { [ "$(timeout "$limit" "$ctl" call holder.ask 2>&1)" = "\"$1\"" ]; }

# The shop says how often it was started; what it does then stands in the file `how`.
script shop <<'LUA'
local file = io.open("starts", "a")
file:write("x")
file:close()
local version = io.open("starts"):read("*a"):len()
local how = io.open("how"):read("*l")
bakaGaijin.version = function() return version .. "" end
bakaGaijin.thing = { version = version .. "" }
print("up " .. version .. " " .. how)
if how == "fail" then error("cannot start") end
if how == "hang" then while true do end end
if how == "wait" then gaijin.wait_for("gate") end
if how == "pass and fail" then
  local next = io.open("how", "w")
  next:write("serve")
  next:close()
  gaijin.ready()
  gaijin.after(0, function() os.exit(3) end)
end
LUA
script caller <<'LUA'
local calls, last = 0, nil
gaijin.wait_for("shop")
gaijin.spawn(function()
  while true do
    local v = bakaGaijin("shop").version()
    calls = calls + 1
    if v ~= last then print("saw " .. v) last = v end
    gaijin.yield()
  end
end)
bakaGaijin.calls = function() return calls end
LUA
script holder <<'LUA'
local thing = gaijin.wait_for("shop", "thing")
bakaGaijin.ask = function() return thing.version end
bakaGaijin.drop = function() thing = nil; bakaGC() end
LUA
how() {
  : >"$dir/starts"
  echo "$1" >"$dir/how"
}
plan() { # FLAGS-OF-THE-SHOP [WORKER...]
  {
    echo 'broker { socket = "game.sock" }'
    echo "workers { restart-delay = 0.02 }"
    echo "worker shop { $1 }"
    shift
    for one in "$@"; do echo "worker $one { after = shop restart = no }"; done
  } >"$dir/game.ucl"
}
begin_shop() { # FLAGS [WORKER...]
  how serve
  plan "$@"
  supervise "$dir/game.ucl"
  check "it serves" eventually state shop '"state":"ready"'
  for one in "${@:2}"; do check "$one too" eventually state "$one" '"state":"ready"'; done
}

story="five restarts"
begin_shop "linger = 1" caller
check "it is called" eventually printed '^caller \| saw 1$'
for i in 2 3 4 5 6; do
  expect 0 restart shop --timeout 60
  check "the name has passed when it is said" is_version "$i"
  check "it is called" eventually printed "^caller \\| saw $i\$"
done
check "each was seen, in order" test "$(grep -o 'saw [0-9]' "$dir/supervisor.out" | tr -d '\nsaw')" = " 1 2 3 4 5 6"
check "no call failed" state caller '"state":"ready"'
check "no restart was one by itself" state shop '"state":"ready","restarts":0,"last":null'
check "all but the last end" eventually not pid_in retired
check "it is said" said 'run: worker shop is replaced by a successor: gaijinctl restart$'
end_supervisor

story="holders"
begin_shop "linger = 60" holder
first=$(pid_in ready)
expect 0 restart shop --timeout 60
check "the one before goes on" eventually still_has 1
check "and is shown" test "$(pid_in retired)" = "$first"
expect 0 call holder.drop
check "until it is needed no more" eventually gone "$first"
check "the other one serves" is_version 2
end_supervisor

story="one that would stay makes room"
begin_shop "linger = 60" holder
first=$(pid_in ready)
expect 0 restart shop --timeout 60
expect 0 restart shop --timeout 60
check "it has gone" gone "$first"
check "and the third has the name" is_version 3
end_supervisor

story="one that leaves the plan"
begin_shop "linger = 60 grace = 20" holder
first=$(pid_in ready)
expect 0 restart shop --timeout 60
kill -STOP "$first"
echo 'broker { socket = "game.sock" } worker holder { restart = no }' >"$dir/game.ucl"
expect 0 reload
check "ends, and the one before is waited for" eventually state shop '"state":"stopped"'
for wish in start restart; do
  expect 1 "$wish" shop --timeout 60
  check "$wish does not bring it back" err_has "^gaijinctl: $wish: the worker is no more in the supervisor's plan$"
done
kill -CONT "$first"
check "until it has ended, too" eventually not state shop .
end_supervisor

story="a successor that fails"
begin_shop ""
first=$(pid_in ready)
how fail
expect 1 restart shop --timeout 60
check "who asked is told" err_has '^gaijinctl: restart: worker shop goes on as it was: its successor failed with status 1$'
check "the one before goes on" test "$(pid_in ready)" = "$first"
check "with its name" is_version 1
check "nothing has been counted" state shop '"state":"ready","restarts":0,"last":null'
check "it is in the log" said 'run: worker shop goes on as it was: its successor failed with status 1$'
end_supervisor

story="a successor that does not serve"
begin_shop "start-limit = $((2 * ${GAIJIN_TEST_SLOWER:-1}))"
how wait
expect 1 restart shop --timeout 60
check "is killed" err_has 'goes on as it was: its successor was killed by signal 9'
check "the one before goes on" is_version 1
kill "$supervisor"
check "the supervisor ends" eventually gone "$supervisor"

# waits: a restart is under way, and the successor waits; its client is $client.
waits() {
  how wait
  start client "$ctl" restart shop --timeout 60
  client=$pid
  check "a successor is there" eventually pid_in successor
  second=$(pid_in successor)
}
requests() { "$ctl" stats --json -o op,requests | sed -n "s/.*\"op\":\"$1\",\"requests\":\([0-9]*\).*/\1/p"; }
# asked TIMES: whether the broker was asked so often who serves. It looks into its books for each look of ours, too.
looks=0
asked() {
  looks=$((looks + 2))
  watches=$(requests watch) inspects=$(requests inspect)
  [ "$watches" -ge "$1" ]
}
client_has_ended() {
  check "who asked has an answer" eventually gone "$client"
  status=0
  wait "$client" || status=$?
  check "with status $1" test "$status" = "$1"
}

story="while one waits"
begin_shop ""
first=$(pid_in ready)
waits
expect 1 restart shop --timeout 60
check "another restart is refused" err_has 'restart: the worker is being replaced already'
check "the broker is asked again and again" eventually asked 30
check "and its books are not looked through each time" test "$inspects" -le $((looks + 10))
expect 0 reload
check "a plan that is the same changes nothing" test "$(pid_in successor)" = "$second"
kill -9 "$second"
client_has_ended 1
check "one that is killed changes nothing" is_version 1
waits
kill -9 "$first"
check "if the first is killed, the successor has the name" eventually is_version 1
start gate "$build/gaijin-worker" -n gate -e ''
client_has_ended 0
check "and is the worker's process" test "$(pid_in ready)" = "$second"
check "that was no restart" state shop '"state":"ready","restarts":0,"last":"was killed by signal 9'
expect 0 stop gate
check "the gate is gone" eventually gone "$pid"
waits
expect 0 stop shop
check "stop ends both" gone "$second"
client_has_ended 1
check "and says so" has client 'worker shop has no successor: it was stopped$'
check "it is stopped" state shop '"state":"stopped"'
how serve
expect 0 start shop
check "it can be started" is_version 1
waits
end_supervisor
check "the end of the supervisor ends both" gone "$second"

story="the broker is killed while one waits"
begin_shop ""
first=$(pid_in ready)
waits
kill -9 "$(broker_of "$supervisor")"
check "the broker is started again" eventually said 'run: the broker was killed by signal 9'
check "the first still has the name" eventually is_version 1
check "both are there" test "$(pid_in ready) $(pid_in successor)" = "$first $second"
start gate "$build/gaijin-worker" -n gate -e ''
client_has_ended 0
check "the name has passed" test "$(pid_in ready)" = "$second"
check "and the first ends" eventually gone "$first"
end_supervisor

story="one that has the name and fails"
begin_shop "linger = 60" holder
how "pass and fail"
first=$(pid_in ready)
run "$ctl" restart shop --timeout 60
check "is started again" eventually is_version 2
check "one process serves" eventually test -n "$(pid_in ready)"
check "not the first" test "$(pid_in ready)" != "$first"
kill "$supervisor"
check "the supervisor ends" eventually gone "$supervisor"

story="one that has the name and fails, and nobody holds what the first has"
begin_shop "restart-most = 64"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
  how "pass and fail"
  run "$ctl" restart shop --timeout 60
  check "the name is somebody's again ($i)" eventually is_version 2
done
kill "$supervisor"
check "the supervisor ends" eventually gone "$supervisor"

story="a successor that is not the supervisor's"
begin_shop "wait = 60"
first=$(pid_in ready)
script stranger <<'LUA'
print("waits")
gaijin.wait_for("gate-1")
bakaGaijin.version = function() return "stranger" end
LUA
start stranger "$build/gaijin-worker" -n shop --succeed "$dir/stranger.lua"
stranger=$pid
check "it waits" eventually has stranger '^waits$'
waits
start gate-1 "$build/gaijin-worker" -n gate-1 -e ''
check "it has the name" eventually is_version stranger
check "the first ends" eventually gone "$first"
check "which the supervisor sees" eventually said 'run: worker shop ended; its successor .* takes its place$'
check "it has not taken the stranger for its own" state shop '"state":"starting"'
start gate "$build/gaijin-worker" -n gate -e ''
client_has_ended 0
check "its own serves" is_version 1
check "and is the worker's process" test "$(pid_in ready)" = "$second"
check "the stranger ends" eventually gone "$stranger"
end_supervisor

story="one that may not succeed"
begin_shop ""
plan "sandbox = true script = plain.lua"
script plain <<<'bakaGaijin.version = function() return "plain" end'
expect 0 reload
check "is ended and started again" eventually is_version plain
check "which is said" said 'is ended and started again: its part of the plan has changed; a sandboxed worker may not succeed one that is not$'
end_supervisor

story="one whose need has been stopped"
script alone <<<'print("serves")'
begin_shop "" alone
expect 0 stop shop
expect 0 restart alone --timeout 60
check "is replaced without it" test "$(grep -c '^alone | serves$' "$dir/supervisor.out")" = 2
end_supervisor

story="one that stops first"
begin_shop "replace = stop"
first=$(pid_in ready)
expect 0 restart shop --timeout 60
check "is ended and started again" is_version 2
check "which is said" said 'is ended and started again: gaijinctl restart; its plan has replace = stop$'
check "nothing of the first is left" gone "$first"
end_supervisor

story="a plan that changes"
begin_shop "" caller
plan "arguments = other" caller
expect 0 reload
check "is a successor" eventually is_version 2
check "no call failed" state caller '"state":"ready"'
how fail
plan "arguments = bad" caller
expect 0 reload
check "one that fails changes nothing" eventually said 'goes on as it was'
check "at all" state shop '"state":"ready","restarts":0'
end_supervisor

story="scripts that change"
echo 'broker { socket = "game.sock" } worker changes { restart = no } worker keeps { } worker stays { script = changes.lua }' >"$dir/game.ucl"
script changes <<<'print("one")'
script keeps <<<'print("serves")'
supervise --watch-files "$dir/game.ucl"
check "they serve" eventually state stays '"state":"ready"'
check "all" eventually state keeps '"state":"ready"'
expect 0 stop stays
keeps=$(pid_of keeps)
# Twice within a moment, and by a new file in the old one's place.
script changes <<<'print("two")'
script next <<<'print("three")'
mv "$dir/next.lua" "$dir/changes.lua"
check "one is started again" eventually grep -q '^changes | three$' "$dir/supervisor.out"
check "which is said" said 'run: worker changes is replaced by a successor: its script has changed$'
script changes <<<'error("four")'
check "one with a fault fails" eventually said 'run: worker changes goes on as it was: its successor failed with status 1$'
check "and the one before goes on" state changes '"state":"ready","restarts":0'
script changes <<<'print("five")'
check "there is a new chance with the next change" eventually grep -q '^changes | five$' "$dir/supervisor.out"
check "another worker goes on" test "$(pid_of keeps)" = "$keeps"
script changes <<<'print("six")'
sed -i 's/restart = no/restart = no health = 7/' "$dir/game.ucl"
expect 0 reload
check "a plan that is read meanwhile hides no change" eventually grep -q '^changes | six$' "$dir/supervisor.out"
check "and who was stopped stays so" state stays '"state":"stopped"'
end_supervisor

story="folders that are replaced"
mkdir "$dir/plugins" "$dir/next"
echo 'print("the first")' >"$dir/plugins/plugin.lua"
echo 'print("another folder")' >"$dir/next/plugin.lua"
supervise --dir "$dir/plugins" --watch-files -s "$GAIJIN_SOCKET"
check "it serves" eventually state plugin '"state":"ready"'
mv "$dir/plugins" "$dir/old"
mv "$dir/next" "$dir/plugins"
check "by another one in its place" eventually printed '^plugin \| another folder$'
echo 'print("a new file")' >"$dir/plugins/next"
mv "$dir/plugins/next" "$dir/plugins/plugin.lua"
check "which is watched from then on" eventually printed '^plugin \| a new file$'
rm -r "$dir/plugins"
mkdir "$dir/plugins"
echo 'print("a folder that was empty")' >"$dir/plugins/plugin.lua"
check "by one that was not there for a while" eventually printed '^plugin \| a folder that was empty$'
check "the worker is the same" eventually state plugin '"state":"ready","restarts":0'
end_supervisor

finish

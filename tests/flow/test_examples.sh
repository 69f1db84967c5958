#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the examples tell is what happens: the C example calls a worker, the demo plays its story, the database's books
# agree, a farm loses no job when a builder dies, a game goes on when its plug-ins
# fail, a daemon is looked after. (What the pages tell: test_docs.sh;
# examples/loops: test_module.sh.)
. "$(dirname "$0")/lib.sh"
evidence="out err *.out"

export GAIJIN_SOCKET=$dir/g.sock
start_broker --log-level warn

story="the C example"
start shop "$build/gaijin-worker" -n c-shop "$root/examples/c/shop.lua"
check "its worker is there" exports c-shop price
run "$build/examples/call" c-shop price apple 3
check "ends with 0" test "$status" = 0
check "prints the result" out_has "^6.*3 x apple|^6$"
run "$build/examples/call" c-shop no_such_label
check "fails for a label that is not there" test "$status" = 1

story="the demo" # a test of its own
run "$root/examples/abc/demo.sh" "$build"
check "ends with 0" test "$status" = 0
check "prints the story's line" out_has 'ABC\.x is 1$'

story="the database example"
run "$root/examples/database/run.sh" "$build"
check "ends with 0" test "$status" = 0
check "its books agree" out_has '7 pieces for 405; heard of 7 for 405$'

story="the job farm"
run "$root/examples/jobs/run.sh" "$build"
check "ends with 0" test "$status" = 0
check "does all jobs" out_has '60 jobs are done, 0 were given out again; their sum is 73810$'

story="the job farm, and a kill"
start master "$build/gaijin-worker" -n master "$root/examples/jobs/master.lua" 300
master=$pid
builders=()
for n in 1 2 3 4 5 6; do
  start "builder-$n" "$build/gaijin-worker" -n "builder-$n" "$root/examples/jobs/builder.lua"
  builders+=("$pid")
done
under_way() { [ "$("$build/gaijinctl" call master.progress 2>/dev/null | sed -n 1p | tr -cd 0-9)" -gt 30 ] 2>/dev/null; }
check "jobs are done" eventually under_way
kill -9 "${builders[2]}"
check "the job of who is killed goes to another one" eventually has master "^job [0-9]+ of builder-3 goes to another one"
check "all are done" eventually has master "^300 jobs are done, 1 were given out again; their sum is 9045050$"
check "the master ends" eventually gone "$master"
all_gone() { local one; for one in "${builders[@]}"; do gone "$one" || return 1; done; }
check "so do the builders" eventually all_gone

story="the game"
game=$root/examples/game
patience=${GAIJIN_TEST_SLOWER:-1} # seconds: who answers later is missed
run "$build/gaijinctl" run "$game"/{players,shop,weather,monsters,rounds}.lua -- 50 "$patience"
check "ends with 0" test "$status" = 0
check "nobody is missed" out_has '50 rounds; missed: shop 0, weather 0, monsters 0$'

# report N: a number of what rounds tells: rounds, and how often shop, weather and monsters were missed.
report() { "$build/gaijinctl" call rounds.report 2>/dev/null | sed -n "$1p" | tr -cd 0-9; }
plays_on() { # some rounds more
  local from
  from=$(report 1)
  eventually more_than 1 $((from + 5))
}
more_than() { [ "$(report "$1")" -gt "$2" ] 2>/dev/null; }

story="the game from its file"
run env GAIJIN_SOCKET="$dir/file.sock" "$build/gaijinctl" run "$game/game.ucl"
check "ends with 0" test "$status" = 0
check "all are played" out_has '100 rounds; missed: ' # a slow machine has its patience at an end

story="the game under its supervisor, and its faults"
sed "s|script = \"|&$game/|; s|\"100\"|\"1000000 $patience\"|; s|health-limit = 2|health-limit = $((1 + patience))|" "$game/game.ucl" >"$dir/game.ucl"
start supervisor "$build/gaijinctl" -s "$dir/game.sock" run "$dir/game.ucl"
supervisor=$pid
export GAIJIN_SOCKET=$dir/game.sock
pid_of() { "$build/gaijinctl" clients -o worker,pid | sed -n "s/^$1  *//p"; }
# back NAME PID: another process serves by this name.
back() { [ -n "$(pid_of "$1")" ] && [ "$(pid_of "$1")" != "$2" ] && plays_on; }
check "it is played" eventually more_than 1 5
for fault in weather.crash monsters.hang; do
  name=${fault%.*}
  before=$(pid_of "$name")
  run "$build/gaijinctl" call "$fault" --timeout 0.1
  check "$fault: it is started again, and the game goes on" eventually back "$name" "$before"
done
before=$(pid_of shop) missed=$(report 2)
check "the shop is restarted" "$build/gaijinctl" restart shop
check "it is another one, and the game goes on" back shop "$before"
check "without having missed it" test "$(report 2)" = "$missed"
check "it ends" "$build/gaijinctl" call rounds.stop
check "and all with it" eventually gone "$supervisor"
export GAIJIN_SOCKET=$dir/g.sock

story="the game, and its faults"
plugin() { # NAME FLAG...
  start "$1" "$build/gaijin-worker" "${@:2}" "$game/$1.lua" 1000000 "$patience"
}
for name in players shop weather monsters rounds; do plugin "$name"; done
check "it is played" eventually more_than 1 5
check "one crashes" "$build/gaijinctl" call weather.crash
check "it is missed" eventually more_than 3 0
plugin weather
check "it is back" exports weather sky
check "and the game goes on" plays_on
run "$build/gaijinctl" call monsters.hang --timeout 0.1
check "one loops, and is missed" eventually more_than 4 0
run "$build/gaijinctl" kill monsters
check "it is killed" test "$status" = 0
plugin monsters
check "it is back, too" exports monsters attack
check "and the game goes on" plays_on
sold() { "$build/gaijinctl" call shop.count | sed -n "$1p" | tr -cd 0-9; }
things=$(sold 1)
for n in 1 2 3; do
  plugin shop --succeed --linger 1
  check "the shop is replaced ($n)" eventually has shop "gaijin-worker" # the one before writes there
done
check "the game goes on" plays_on
check "nothing is lost of the stock" test "$(sold 1)" = "$things"
check "the shop was never missed" test "$(report 2)" = 0
check "it ends" "$build/gaijinctl" call rounds.stop
check "and says what was missed" eventually has rounds "rounds; missed: shop 0, weather [1-9]"

story="the daemon"
daemon=$root/examples/daemon
export PATH="$build:$PATH"
socket=$dir/daemon/broker.sock
run "$daemon/run.sh" start "$dir/daemon"
check "starts" test "$status" = 0
health() { run env GAIJIN_SOCKET="$socket" "$daemon/health.sh" "$@"; test "$status" = 0; }
check "is well" health counter
check "says nothing then" test ! -s "$dir/out"
health counter clock
check "misses a worker: 1, not $status" test "$status" = 1
check "names it" test "$(cat "$dir/out")" = "worker clock does not serve"
run "$daemon/run.sh" start "$dir/daemon"
check "does not start twice" test "$status" = 1
count() { run env GAIJIN_SOCKET="$socket" "$build/gaijinctl" call "counter.$1" '"apple"'; [ "$(tr -cd 0-9 <"$dir/out")" = "$2" ]; }
check "counts" count count 1
check "goes on" count count 2
kept() { grep -x "2 apple" "$dir/daemon/counts" >/dev/null; }
check "keeps it" eventually kept
counter() { "$build/gaijinctl" ps -s "$socket" --json | jq '.[0].pid'; }
first=$(counter)
kill -STOP "$first"
unwell() { ! health counter || gone "$first"; } # whose supervisor has not waited for us
check "is not well when it hangs" eventually unwell
kill -KILL "$first" 2>/dev/null
check "is started again" eventually health counter
check "as another process" test "$(counter)" != "$first"
check "has not lost anything" count counted 2
run "$daemon/run.sh" stop "$dir/daemon"
check "stops" test "$status" = 0
check "leaves nothing running" test ! -e "$dir/daemon/pid"
health counter
check "no broker: 2, not $status" test "$status" = 2

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A supervisor as a service: what a service manager is told at a socket as systemd has it, that nothing of it is there for
# broker and workers, and lines of a journal.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/supervised.sh"
. "$(dirname "$0")/manager.sh"
evidence="out err told supervisor.*"

script slow <<'LUA'
gaijin.wait_for("gate")
LUA
script shop <<'LUA'
print(os.getenv("NOTIFY_SOCKET"), os.getenv("WATCHDOG_USEC"), os.getenv("WATCHDOG_PID"))
io.stderr:write("a warning\n")
LUA
script bad <<<'error("went wrong")'
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker shop { }
worker slow { }
worker bad { restart = no }
UCL

story="what it tells"
manager "$dir/notify"
supervise_with NOTIFY_SOCKET="$dir/notify" WATCHDOG_USEC=200000 -- "$dir/game.ucl"
check "how far it is" eventually told "^$supervisor\|STATUS=1 of 3 workers serve; failed: bad\|$"
check "not that it is ready" not told READY
check "its watchdog is fed" eventually more_than 2 "^$supervisor\|WATCHDOG=1\|$"
start gate "$build/gaijin-worker" -n gate -e ''
check "that all serve that are to" eventually told "^$supervisor\|READY=1\|STATUS=2 of 3 workers serve; failed: bad\|$"
check "children have nothing of it" grep -q $'^shop | nil\tnil\tnil$' "$dir/supervisor.out"
expect 0 stop shop
check "what becomes of it" eventually told "^$supervisor\|STATUS=1 of 3 workers serve; failed: bad\|$"
expect 0 start shop
check "that it is ready once" test "$(count READY=1)" = 1
again 'READY=1' expect 0 reload
check "a reload begins" told "^$supervisor\|RELOADING=1\|MONOTONIC_USEC=[0-9]+\|STATUS=reads its plan again\|$"
check "before it is over" test "$(grep -n RELOADING "$dir/told" | cut -d: -f1)" -lt "$(grep -n 'READY=1|' "$dir/told" | tail -n 1 | cut -d: -f1)"
echo 'nonsense' >>"$dir/game.ucl"
again 'READY=1' expect 1 reload
check "a file with a fault ends the reload, too" told '\|READY=1\|STATUS=2 of 3 workers serve; failed: bad\|$'
end_supervisor 1
check "the end" told "^$supervisor\|STOPPING=1\|STATUS=stops its workers\|$"
check "nobody spoke in its place" test "$(grep -cvE "^($supervisor\||listens)" "$dir/told")" = 0
end_started

story="without a manager"
echo 'broker { socket = "game.sock" } worker shop { }' >"$dir/game.ucl"
supervise_with NOTIFY_SOCKET="$dir/nobody" -- "$dir/game.ucl"
check "one that is not there is said" eventually grep -q "run: the service manager is told nothing: cannot send to $dir/nobody" "$dir/supervisor.err"
check "and the system serves" "$ctl" wait shop --timeout 20
end_supervisor 0

story="a journal"
silence
journal=$(stat -c '%d:%i' "$dir/supervisor.err")
supervise_with JOURNAL_STREAM="$journal" -- "$dir/game.ucl"
check "lines have a level there" eventually grep -qx '<4>shop | a warning' "$dir/supervisor.err"
check "and only there" eventually grep -q '^shop | nil' "$dir/supervisor.out"
check "the supervisor's own, too" said '^<6>gaijinctl: run: the socket is'
kill -9 "$(pid_of shop)"
check "what becomes of a worker is a warning" eventually said '^<4>gaijinctl: run: worker shop was killed by signal 9'
check "it is back" eventually state shop '"state":"ready","restarts":1'
check "the broker writes such lines" grep -qz -- '--log-format=journal' "/proc/$(broker_of "$supervisor")/cmdline"
echo 'nonsense' >>"$dir/game.ucl"
expect 1 reload
check "a fault is an error" said '^<3>gaijinctl: run: .*game.ucl:2: '
check "all have one" not said '^[^<]'
check "who asks somewhere else has none" err_has '^gaijinctl: reload: '
end_supervisor 0

story="a journal, with times"
echo 'broker { socket = "game.sock" } worker shop { }' >"$dir/game.ucl"
supervise_with JOURNAL_STREAM="$journal" -- --timestamps "$dir/game.ucl"
check "the level comes first" eventually said '^<4>[0-9]{4}-[0-9:.T-]+Z shop \| a warning$'
end_supervisor 0

finish

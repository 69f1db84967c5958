#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A supervisor is asked: gaijinctl ps, start, restart, stop and logs, who may, and what happens to who asks too much.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/supervised.sh"
evidence="out err supervisor.*"

story="no supervisor"
for words in ps reload "start shop" "restart shop" logs "logs shop -f"; do
  # shellcheck disable=SC2086 # several words
  expect 3 $words
  check "one line of ${words%% *}" err_has "^gaijinctl: ${words%% *}: no supervisor that we may ask beside the socket $GAIJIN_SOCKET;"
done
start_broker --log-level warn
expect 3 ps
check "nor beside a broker alone" err_is_one_line
end_started

script db <<<'print("serves") bakaGaijin.t = {}'
script shop <<'LUA'
held = gaijin.wait_for("db", "t")
print("serves", ...)
io.stderr:write("a warning\27[31m\n")
LUA
script ends <<<'print("ends") gaijin.stop()'
script bad <<<'error("went wrong")'
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
workers { restart-delay = 0.02 }
worker db { }
worker shop { after = db }
worker ends { }
worker bad { restart-most = 2 }
UCL

story="ps"
supervise "$dir/game.ucl"
check "who serves" eventually state shop '"state":"ready","restarts":0,"last":null'
check "who has ended" eventually state ends '"state":"finished","restarts":0,"last":"ended"'
check "who has been given up" eventually state bad '"state":"failed","restarts":2,"last":"failed with status 1"'
expect 0 ps
check "as a table" out_has '^shop +ready +[0-9]+ +[0-9]+ +0 +- +db '
expect 0 ps --sort -worker -o worker,after
check "as other tables" test "$(sed -n 2p "$dir/out" | tr -s ' ')" = 'shop db'
expect 2 ps shop
expect 2 ps --limit x

story="stop and start"
expect 0 stop db
check "it has ended" state db '"state":"stopped"'
check "who comes after it goes on" state shop '"state":"ready"'
expect 0 stop db
check "the second time, too" state db '"state":"stopped"'
expect 0 start db
check "it serves again" state db '"state":"ready"'
before=$(pid_of db)
expect 0 start db
check "one that serves is left alone" test "$(pid_of db)" = "$before"
expect 1 start bad
check "what became of it" err_has '^gaijinctl: start: worker bad failed with status 1$'
check "it had a new chance, and all of it" eventually state bad '"state":"failed","restarts":4'
expect 0 start ends
expect 1 start nobody
check "none of that name" err_has "^gaijinctl: start: the supervisor has no worker 'nobody'; gaijinctl ps shows"
expect 2 start
expect 0 stop shop
expect 0 stop db
run "$ctl" start shop db --timeout 0.3
check "one that waits for another one" err_has 'start: the supervisor is not done after 0.3 s; gaijinctl ps shows'
check "waits" state shop '"state":"waiting"'
expect 0 start db
expect 0 start shop
check "said" said 'run: worker db is stopped: gaijinctl stop$'
start plain "$build/gaijin-worker" -n plain -e 'gaijin.run()'
expect 0 wait plain --timeout 20
expect 0 stop plain
check "one that somebody else started ends as without supervisor" gone "$pid"

story="restart"
before=$(pid_of shop)
expect 0 restart shop db
check "it serves" state shop '"state":"ready","restarts":0'
check "in another process" test "$(pid_of shop)" != "$before"
expect 0 restart ends
check "also one that has ended" state ends '"state":"finished"'
before=$(pid_of shop)
expect 1 restart $'shop\n'
check "a name that ends a request is nobody's" err_has "^gaijinctl: restart: the supervisor has no worker 'shop.x0a'; gaijinctl ps"
expect 1 restart "$(printf 'x%.0s' {1..1100})"
check "nor is one that is longer than a request" err_has "^gaijinctl: restart: the supervisor has no worker 'xxx"
check "who is called nearly so goes on" test "$(pid_of shop)" = "$before"
expect 0 kill shop
check "what is killed comes back" eventually state shop '"state":"ready","restarts":1,"last":"was killed by signal 9 \(Killed\)"'

story="logs"
expect 0 logs shop
check "stdout" out_has $'^2[0-9-]+T[0-9:.]+Z info shop: serves$'
check "stderr, safe to print" out_has '^2[0-9-]+T[0-9:.]+Z warn shop: a warning\\x1b\[31m$'
check "what became of it" out_has '^2[0-9-]+T[0-9:.]+Z warn shop: was killed by signal 9 \(Killed\); it is started again$'
check "of nobody else" not out_has ' db: '
expect 0 logs
check "of all" out_has ' db: '
check "in order" sort -s -c -k1,1 "$dir/out"
expect 0 logs -n 2
check "the last ones" test "$(wc -l <"$dir/out")" = 2
expect 1 logs nobody
start follower "$ctl" logs -f -n 0
follower=$pid
start other "$ctl" logs ends --follow --lines 0
lines_came() { expect 0 restart shop && expect 0 start ends && has follower 'info shop: serves' && has other 'info ends: ends'; }
check "what comes is shown as it comes" eventually lines_came
check "of the one asked for" not has other ' shop: '
kill "$follower"
end_supervisor 1
check "who follows is told of the end" eventually gone "$pid"
check "with a line" has other '^gaijinctl: logs: the supervisor has gone$'
check "its socket is gone" test ! -e "$dir/game.run" -a ! -e "$dir/game.run.lock"

story="many lines"
script chatty <<'LUA'
for i = 1, 3000 do print("line " .. i) end
print(("x"):rep(400000))
LUA
echo 'broker { socket = "game.sock" } worker chatty { }' >"$dir/game.ucl"
supervise "$dir/game.ucl"
check "all are passed on" eventually grep -q xxxx "$dir/supervisor.out"
expect 0 logs
check "a long one makes room for itself, and is cut" test "$(wc -c <"$dir/out")" -le 262200
check "a line" test "$(wc -l <"$dir/out")" = 1
end_supervisor

story="a file that is called as its socket would be"
echo 'not a socket' >"$dir/game.run"
expect 0 -s "$GAIJIN_SOCKET" run "$dir/ends.lua"
check "cannot be asked, which is said" err_has "run: cannot be asked at $dir/game.run: address already in use$"
check "the file is as it was" grep -qx 'not a socket' "$dir/game.run"
rm "$dir/game.run"

story="logs in files"
script talks <<'LUA'
print("one") io.stderr:write("two\n")
bakaGaijin.say = print
LUA
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker talks { logs = "lines" }
worker db { }
UCL
supervise "$dir/game.ucl"
check "it serves" eventually state talks '"state":"ready"'
talks_log() { grep -qE "^2[0-9-]+T[0-9:.]+Z $1\$" "$dir/lines/talks.log"; }
check "stdout" eventually talks_log 'info talks: one'
check "stderr" eventually talks_log 'warn talks: two'
check "not both ways" not grep -q '^talks' "$dir/supervisor.out" "$dir/supervisor.err"
check "others as ever" eventually grep -q '^db    | serves' "$dir/supervisor.out"
mv "$dir/lines/talks.log" "$dir/lines/talks.log.1"
talks=$(pid_of talks)
sed -i 's/talks {/talks { arguments = "half edited" /' "$dir/game.ucl"
kill -HUP "$supervisor"
check "SIGHUP opens another one" eventually test -f "$dir/lines/talks.log"
expect 0 call talks.say '"three"'
check "and goes on there" eventually talks_log 'info talks: three'
check "the old one is whole" test "$(wc -l <"$dir/lines/talks.log.1")" = 2
expect 0 logs talks
check "what was written is kept, too" out_has 'info talks: three$'
check "the plan is not read" test "$(pid_of talks)" = "$talks"
rm -r "$dir/lines"
kill -HUP "$supervisor"
check "one that cannot be opened is told" eventually said "run: cannot open log $dir/lines/talks.log: No such file or directory$"
expect 0 call talks.say '"lost"'
check "and that lines are lost" eventually said 'run: cannot write log .*: it is not open; lines are lost$'
mkdir "$dir/lines"
kill -HUP "$supervisor"
check "until it can" eventually test -f "$dir/lines/talks.log"
expect 0 call talks.say '"found"'
check "which is told" eventually said 'run: 1 lines were lost of log'
check "the line is there" eventually talks_log 'info talks: found'
end_supervisor
sed -i 's|"lines"|"lines/none/such"|' "$dir/game.ucl"
expect 1 run "$dir/game.ucl"
check "a folder that cannot be" err_has "run: cannot make directory $dir/lines/none/such for logs: No such file or directory$"
check "then nothing starts" err_is_one_line
expect 0 run --logs "$dir/other" "$dir/ends.lua"
check "on a command line" grep -q 'info ends: ends$' "$dir/other/ends.log"

story="a plan that changes"
script keeps <<<'print("serves", ...)'
for name in gone changed adds; do cp "$dir/keeps.lua" "$dir/$name.lua"; done
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker keeps { }
worker gone { after = keeps }
worker changed { after = gone  arguments = one }
UCL
supervise "$dir/game.ucl"
check "all serve" eventually state changed '"state":"ready"'
keeps=$(pid_of keeps) changed=$(pid_of changed)
expect 0 reload
check "what is the same goes on" test "$(pid_of keeps) $(pid_of changed)" = "$keeps $changed"
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker adds { after = "keeps changed" }
worker keeps { health = 1 }
worker changed { after = keeps  arguments = two }
UCL
expect 0 reload
check "what is new serves" eventually state adds '"state":"ready"'
check "what has changed was started again" eventually grep -q $'^changed | serves\ttwo$' "$dir/supervisor.out"
check "by plan, not for a failure" eventually state changed '"state":"ready","restarts":0'
check "what is the same goes on" test "$(pid_of keeps)" = "$keeps"
check "what is gone has ended" eventually not state gone .
expect 1 restart gone
cp "$dir/game.ucl" "$dir/good.ucl"
echo 'worker bad { restart = sometimes }' >>"$dir/game.ucl"
expect 1 reload
check "a fault is told who asked" err_has "game.ucl:5: restart takes no, on-failure or always, not 'sometimes'$"
check "and that nothing has changed" err_has '^gaijinctl: reload: run: nothing has changed$'
check "the supervisor's own lines have it, too" said '^gaijinctl: run: nothing has changed$'
check "nor has it" state adds '"state":"ready"'
sed 's/"game.sock"/"game.sock" load-min = 7/; s/two/three/' "$dir/good.ucl" >"$dir/game.ucl"
expect 0 reload
check "another change is done, too" eventually grep -q $'^changed | serves\tthree$' "$dir/supervisor.out"
kill -HUP "$supervisor"
check "SIGHUP is for logs only" eventually said 'run: SIGHUP opens logs again, of which there are none; gaijinctl reload has the plan read again$'
check "the broker goes on as it is" said 'what is said of the broker has changed, and is heeded when'
expect 0 stop changed
sed -i 's/three/four/' "$dir/game.ucl"
expect 0 reload
check "who was stopped stays so" state changed '"state":"stopped"'
expect 0 start changed
check "and starts as it is now" eventually grep -q $'^changed | serves\tfour$' "$dir/supervisor.out"
end_supervisor
check "all have been stopped" test "$(grep -c killed "$dir/supervisor.err")" = 0
mkdir -p "$dir/plugins"
cp "$dir/keeps.lua" "$dir/plugins/one.lua"
supervise --dir "$dir/plugins" --max-fibers 50
check "a folder" eventually state one '"state":"ready"'
cp "$dir/keeps.lua" "$dir/plugins/two.lua"
rm "$dir/plugins/one.lua"
expect 0 reload
check "of which is started what has come" eventually state two '"state":"ready"'
check "and stopped what has gone" eventually not state one .
end_supervisor

story="a worker that does not end"
echo 'broker { socket = "game.sock" } worker keeps { health = 0 } worker hangs { script = keeps.lua grace = 20 }' >"$dir/game.ucl"
supervise "$dir/game.ucl"
check "it serves" eventually state hangs '"state":"ready"'
hangs=$(pid_of hangs)
kill -STOP "$hangs"
run "$ctl" stop hangs --timeout 0.1
check "it is waited for" err_has 'stop: the supervisor is not done after 0.1 s'
sed 's/ grace/ arguments = other grace/' "$dir/game.ucl" >"$dir/other.ucl"
cp "$dir/other.ucl" "$dir/game.ucl"
expect 0 reload
kill -CONT "$hangs"
check "who is being stopped when its plan changes stays stopped" eventually state hangs '"state":"stopped"'
expect 0 start hangs
check "and starts as it is now" eventually grep -q $'^hangs | serves\tother$' "$dir/supervisor.out"
hangs=$(pid_of hangs)
kill -STOP "$hangs"
echo 'broker { socket = "game.sock" } worker keeps { health = 0 }' >"$dir/game.ucl"
expect 0 reload
expect 1 start hangs --timeout 0.1
kill -CONT "$hangs"
check "one that no plan has any more goes, though it was asked for" eventually not state hangs .
check "which is no failure" not said 'killed'
# What is slow may be killed before it is stopped: then it has been asked, too.
echo 'broker { socket = "game.sock" } worker keeps { health = 0.1 health-limit = 0.2 restart-most = 64 }
  worker hangs { script = keeps.lua grace = 0 }' >"$dir/game.ucl"
expect 0 reload
check "the others are asked as the new plan says" eventually state hangs '"state":"ready"'
kill -STOP "$(pid_of keeps)"
check "also one that was not asked before" eventually state keeps '"state":"ready","restarts":[1-9]'
kill -STOP "$(pid_of hangs)"
is_killed() { "$ctl" stop hangs --timeout 0.5 2>"$dir/err"; }
check "who asks for its end again and again gives it no more time" eventually is_killed
sed -i 's/grace = 0/grace = 20/' "$dir/game.ucl"
expect 0 reload
expect 0 start hangs
hangs=$(pid_of hangs)
kill -STOP "$hangs"
kill "$supervisor"
check "the supervisor waits for it" eventually state hangs '"state":"stopping"'
for wish in reload "start keeps" "restart keeps"; do
  # shellcheck disable=SC2086 # several words
  expect 1 $wish
  check "and does not do ${wish% *} any more, which it says" err_has "^gaijinctl: ${wish% *}: the supervisor is ending$"
done
kill -CONT "$hangs"
check "until it has ended" eventually gone "$supervisor"

story="who asks too much"
cat >"$dir/ask.py" <<'PY'
import os, socket, sys, time
path, what = sys.argv[1:]
def ask(data=b""):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(path)
    s.sendall(data)
    return s
def answer(s):
    got = b""
    while True:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            return got
        got += piece
if what == "long":
    print(answer(ask(b"x" * 1024)))
elif what == "slow":
    print(answer(ask(b"ps")))
elif what == "pieces":
    s = ask()
    for byte in b"ps\nps\n":
        try:
            s.sendall(bytes([byte]))
        except OSError:
            break
        time.sleep(0.01)
    print(answer(s).count(b"\n."))
elif what == "nonsense":
    for words in b"\n", b"ps\0shop\n", b"nope\n", b"stop\n", b"stop\0a\0b\0c\0d\0e\0f\0g\0h\0i\n", b"logs\0\0x\0\n":
        print(answer(ask(words)))
elif what == "many":
    some = [ask() for i in range(32)]
    print(answer(ask(b"ps\n")))
    some[0].close()
    while b".0" not in answer(ask(b"ps\n")):
        time.sleep(0.02)
    print("room again")
elif what == "unread":
    s = ask(b"logs\0\0001000\0follow\n")
    open("follows", "w").close()
    while not os.path.exists("written"):
        time.sleep(0.05)
    sent = lost = 0
    for line in s.makefile("rb"):
        if line.startswith(b"t") and b" floods: " in line:
            sent += 1
        if line.startswith(b"f"):
            lost += int(line[1:].split(b" lines were lost: they were not read in time")[0])
        if sent + lost == 1201:
            break
    print("lost", "some" if 0 < sent < 1000 and lost else "nothing")
PY
asks() { run "$python" "$dir/ask.py" "$dir/game.run" "$1"; }
script floods <<'LUA'
while not io.open("follows") do gaijin.sleep(0.02) end
local line = ("y"):rep(9999)
for i = 1, 1200 do print(line) end
io.open("written", "w"):close()
print("has written")
LUA
echo 'broker { socket = "game.sock" } worker db { } worker floods { start-limit = 0 }' >"$dir/game.ucl"
supervise "$dir/game.ucl"
check "it runs" eventually state db '"state":"ready"'
asks long
check "a long request" test "$(cat "$dir/out")" = "b''"
asks slow
check "one that does not come" test "$(cat "$dir/out")" = "b''"
asks pieces
check "one in pieces, and only one" test "$(cat "$dir/out")" = 1
asks nonsense
check "what is not understood" test "$(grep -c 'does not understand' "$dir/out")" = 5
asks many
check "too many are told" out_has 'too many ask the supervisor at once'
check "until some have gone" out_has 'room again'
cd "$dir" || exit 1
asks unread
check "who does not read is told what was lost" out_has '^lost some$'
has_written() { "$ctl" logs floods -n 1 | grep 'info floods: has written$'; }
check "the worker does not notice" eventually has_written
expect 0 ps
check "the socket is its user's" test "$(stat -c %a "$dir/game.run")" = 600
if [ "$(id -u)" = 0 ]; then
  chmod 711 "$dir"
  run setpriv --reuid 65534 --clear-groups --inh-caps=-all "$ctl" ps
  check "nobody else may ask" test "$status" = 3
fi

story="two supervisors, one broker"
expect 0 -s "$GAIJIN_SOCKET" run --once "$dir/db.lua" -n second
check "the second cannot be asked, which is said" err_has "run: another supervisor is asked at $dir/game.run; this one cannot be$"
expect 0 ps
check "the first can" out_has '^db '
kill -9 "$supervisor"
wait "$supervisor" 2>/dev/null
check "a socket is left" test -S "$dir/game.run"
expect 3 ps
check "where nobody answers" err_is_one_line
rm -f "$dir/follows"
supervise "$dir/game.ucl"
check "the next one takes its place" eventually state db '"state":"ready"'
end_supervisor

story="scripts of a command line are supervised, too"
silence
TMPDIR=$dir/tmp "$ctl" run "$dir/db.lua" "$dir/shop.lua" >>"$dir/supervisor.out" 2>>"$dir/supervisor.err" </dev/null &
supervisor=$!
started+=("$supervisor")
check "they run" eventually grep -q '^shop | serves' "$dir/supervisor.out"
GAIJIN_SOCKET=$(sed -n 's/.*the socket is //p' "$dir/supervisor.err")
check "they serve" eventually state shop '"state":"ready"'
expect 0 ps -o worker,state
check "seen" out_has '^shop +ready'
expect 0 restart shop
expect 0 stop shop
expect 0 stop db
check "all have ended: so does it" eventually gone "$supervisor"
wait "$supervisor"
check "well" test $? = 0
check "nothing is left" is_empty "$dir/tmp"

finish

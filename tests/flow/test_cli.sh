#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl with real brokers and workers: what its commands show, how `run` starts, prefixes and stops, and the exit
# statuses.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/run.sh"

# shows COMMAND PATTERN: the command's JSON has a line like that.
shows() { "$ctl" --json "$1" >"$dir/out" 2>"$dir/err" && out_has "$2"; }
# Sends SIGINT once more; two at the same moment are one.
interrupt() { kill -INT "$1" 2>/dev/null; gone "$1"; }
nothing_left() { is_empty "$TMPDIR"; }

story="bad usage"
for words in "" "nope" "--wrong" "clients --wrong" "tokens --host" "clients x" "labels a b" "run" "run --json x.lua" "run missing.lua" \
  "run $dir" "run a=" "--json"; do
  # shellcheck disable=SC2086 # several words
  expect 2 $words
  check "one line for '$words'" err_is_one_line
done
script a <<<''
expect 2 run "$dir/a.lua" "a=$dir/a.lua"
check "a duplicate name" err_has "two workers would be called 'a'"
check "nothing was started" nothing_left

story="help"
expect 0 --help
for command in run clients tokens labels loads gc ping policy; do check "--help names $command" out_has "^  $command "; done
expect 0 --version
expect 0 run --help

story="no broker"
for command in clients tokens labels loads gc ping; do
  expect 3 -s "$dir/none.sock" $command
  check "one line from $command" err_is_one_line
done

story="the commands"
export GAIJIN_SOCKET=$dir/gaijin.sock
start_broker --log-level warn
broker=$pid
script host <<'LUA'
bakaGaijin.object = {1}
bakaGaijin['q"\\\n\255'] = 1
bakaGaijin[7] = bakaGaijin.object
bakaGaijin.unused = print
bakaGaijin['red\27[31m\194\155\226\128\174\n'] = 2
LUA
script holder <<'LUA'
kept = gaijin.wait_for("host", "object")
bakaGaijin["passed on"] = kept
LUA
for name in host holder; do start "$name" "$build/gaijin-worker" "$dir/$name.lua"; done
# Without touching what the last gaijinctl said.
serves() { "$ctl" clients --json | grep "\"worker\":\"$1\".*\"ready\":true"; }
wait_until serves host
wait_until serves holder
expect 0 clients
check "a row for each" out_has "^holder +[0-9a-f]{16} "
expect 0 clients --json
for field in '"worker":"host"' '"id":"[0-9a-f]{16}"' '"pid":[0-9]+' '"uid":[0-9]+' '"uptime_s":[0-9.]+' '"exports":1' '"holds":0' \
  '"in_flight":[0-9]+' '"queued_bytes":[0-9]+' '"messages_in":[0-9]+' '"messages_out":[0-9]+' '"ready":true,"answering":true,"bytes":[0-9]+,"waits":0,"refused":0'; do
  check "clients has $field" out_has "$field"
done
expect 0 --json tokens
check "tokens" eventually shows tokens '^\[\{"host":"host","id":[0-9]+,"kind":"table","age_s":[0-9.]+,"dead":false,"holders":\[\{"worker":"holder","count":1\}\],"labels":\[7,"object"\]\}\]$'
expect 0 tokens --host holder --json
check "no token of that host" out_has '^\[\]$'
expect 0 tokens --holder=holder
check "the table's row" out_has '^host +[0-9]+ +table .* holder +7, object$'
token=$(sed -n 's/^host *\([0-9]*\) .*/\1/p' "$dir/out")
expect 0 loads --json
check "loads" out_has '"host":"host","holder":"holder","held":1,"shadow":[0-9.]+,"allowance":[0-9.]+,"free_outstanding":false,"budget_ms":null,"put_off":null,"free_waiting_s":null,"dead":false'
expect 0 accounts --json
check "the account of a user" out_has '\{"uid":[0-9]+,"pid":null,"memory":[0-9]+,"bytes":[0-9]+,"requests":[0-9]+,"waits":0,"exports":1,"holds":1,"names":2,"connections":3,"refused":0\}'
check "and of a process" out_has '"pid":[0-9]+,"memory":[0-9]+,"bytes":[0-9]+,"requests":[0-9]+,"waits":0,"exports":1,"holds":0,"names":1,"connections":1,"refused":0\}'
expect 0 status --json -o generation,grace_left_s,workers,away,away_workers
check "the broker itself" out_has '^\[\{"generation":1,"grace_left_s":null,"workers":2,"away":0,"away_workers":\[\]\}\]$'
expect 0 labels host --json
check "a label that is a number" out_has '"worker":"host","label":7,"kind":"table","id":'"$token"
check "a label that is no text, escaped" out_has '"label":"q\\"\\\\\\u000a\\u00ff","kind":"number","id":null'
check "a label" out_has '"label":"object","kind":"table","id":'"$token"
check "a label that nobody holds" out_has '"label":"unused","kind":"function","id":null'
check "one that steers a terminal, escaped" out_has '"label":"red\\u001b\[31m\\u009b\\u202e\\u000a","kind":"number"'
expect 0 labels
check "and in the table" out_has '^host +red\\x1b\[31m\\u\{9b\}\\u\{202e\}\\x0a +number'
check "nothing raw" test "$(LC_ALL=C tr -d ' -~\n' <"$dir/out" | wc -c)" = 0
check "labels of all" out_has "^host +object +table +$token\$"
expect 0 labels holder --json
check "the host's object has no token of the holder's" out_has '^\[\{"worker":"holder","label":"passed on","kind":"table","id":null\}\]$'
expect 1 labels $'no\n\e[31m\xe2\x80\xaebody'
check "a name in an error is one line" err_is_one_line
check "and steers nothing" err_has 'no\\x0a\\x1b\[31m\\u\{202e\}body'
expect 1 labels nobody
check "one line" err_is_one_line
expect 0 gc
check "all have collected" out_has '^holder +yes$'
expect 0 gc holder --json
check "gc as JSON" out_has '^\[\{"worker":"holder","collected":true\}\]$'
expect 0 loads --json
check "the budget" out_has '"holder":"holder",.*"free_outstanding":false,"budget_ms":[0-9]+,"put_off":0,"free_waiting_s":null'
expect 1 gc nobody
check "one line" err_is_one_line
expect 0 ping
check "a time" out_has 'answered in [0-9.]+ us$'
expect 0 ping --json
check "a time as JSON" out_has '^\[\{"worker":null,"round_trip_us":[0-9.]+,"broker_version":"[^"]+"\}\]$'

story="a worker that does not answer"
# begin_worker NAME: starts dir/NAME.lua as a worker and waits until it serves.
begin_worker() {
  start "$1" "$build/gaijin-worker" -n "$1" "$dir/$1.lua"
  wait_until serves "$1"
}
script stuck <<'LUA'
kept = gaijin.wait_for("host", "object")
bakaGaijin.mine, bakaGaijin.too = {}, kept
bakaGaijin.also = bakaGaijin.mine
LUA
script waits <<'LUA'
gaijin.wait_for("patient", "slow")()
LUA
script patient <<<'bakaGaijin.slow = function() gaijin.sleep(1000) end'
script fan <<<'kept = gaijin.wait_for("stuck", "mine")'
begin_worker stuck
stuck=$pid
begin_worker fan
check "its labels" eventually shows tokens '"host":"stuck".*"labels":\["also","mine"\]'
kill -STOP "$stuck"
# All others within the second that each has: on a busy machine one of them may be late, too.
others_answer() { shows tokens '"host":"host".*"labels":\[7,"object"\]' && err_is_one_line; }
check "others answer" eventually others_answer
check "its labels are unknown" out_has '"host":"stuck".*"labels":null'
check "the one line is about it" err_has '^gaijinctl: labels of stuck: no answer in 1 s$'
begin gc stuck
waits='"host":"host","holder":"stuck",.*"free_outstanding":true,"budget_ms":null,"put_off":null,"free_waiting_s":[0-9.]+,"dead":false'
check "how long free waits" eventually shows loads "$waits"
check "not answering" eventually shows clients '"worker":"stuck".*"answering":false'
check "others are" eventually shows clients '"worker":"fan".*"answering":true'
kill -CONT "$stuck"
end_of_background
check "answering again" eventually shows clients '"worker":"stuck".*"answering":true'
check "free is answered" eventually shows loads '"holder":"stuck",.*"free_outstanding":false,"budget_ms":[0-9]+,"put_off":[0-9]+,"free_waiting_s":null'
kill -9 "$stuck"
wait "$stuck" 2>/dev/null
check "a tombstone has no labels" eventually shows tokens '"host":"stuck".*"dead":true,.*"labels":null'
check "nobody is asked for them" test ! -s "$dir/err"
check "a dead load" shows loads '"host":"stuck","holder":"fan".*"dead":true'

story="a worker whose handler takes long"
begin_worker patient
patient=$pid
start waits "$build/gaijin-worker" "$dir/waits.lua"
check "it is asked" eventually shows clients '"worker":"waits".*"in_flight":1'
messages() { "$ctl" clients --json | sed -n 's/.*"worker":"patient".*"messages_in":\([0-9]*\).*/\1/p'; }
first=$(messages)
# Only its own signs of life come from it. Three of them take longer than the silence that is allowed.
lives() { shows clients '"worker":"patient".*"answering":false' && return 0; [ "$(messages)" -ge $((first + 3)) ]; }
check "it gives signs of life" eventually lives
check "and is shown as answering" shows clients '"worker":"patient".*"answering":true'
kill -9 "$patient"
wait "$patient" 2>/dev/null

story="run beside a living broker"
script once <<<'print(gaijin.wait_for("host", "object")[1]) gaijin.stop()'
expect 0 -s "$GAIJIN_SOCKET" run "$dir/once.lua"
check "it met the others" out_has '^once \| 1$'
check "the broker lives on" kill -0 "$broker"
begin -s "$GAIJIN_SOCKET" run "$dir/a.lua"
wait_until serves a
kill "$broker"
end_of_background
check "status 1 when the broker goes" test "$status" = 1
check "says so" err_has "^gaijinctl: run: the broker at .* has gone"
unset GAIJIN_SOCKET

story="books in pages" # of 4 KiB messages: 8 rows each
export GAIJIN_SOCKET=$dir/small.sock
start_broker --max-message 4K --log-level warn
broker=$pid
script first <<<'bakaGaijin.value = {}'
echo 'kept = gaijin.wait_for("first", "value") bakaGaijin.mine = {}' >"$dir/holding"
begin_worker first
workers=("$pid")
for i in {1..20}; do
  cp "$dir/holding" "$dir/w$i.lua"
  begin_worker "w$i"
  workers+=("$pid")
done
expect 0 clients --json
check "all clients" test "$(grep -c '"worker"' "$dir/out")" = 21
expect 0 loads --json
check "all loads" test "$(grep -c '"host":"first"' "$dir/out")" = 20
expect 0 tokens --host first --json
check "all holders" test "$(grep -o '"worker":"w[0-9]*"' "$dir/out" | sort -u | wc -l)" = 20
expect 0 labels --json
check "all labels" test "$(grep -c '"label":"mine"' "$dir/out")" = 20
expect 0 gc --json
check "all have collected" test "$(grep -c '"collected":true' "$dir/out")" = 21
kill "${workers[@]}" "$broker"
for pid in "${workers[@]}" "$broker"; do check "$pid ends" eventually gone "$pid"; done
unset GAIJIN_SOCKET

story="run: output"
script long <<'LUA'
io.stdout:write("first\nsec") io.stdout:flush() io.stdout:write("ond\n\n", string.rep("x", 300000), "\n")
io.stderr:write("to stderr\n")
io.stdout:write("unfinished")
gaijin.stop()
LUA
script b <<<'print("here") gaijin.stop()'
expect 0 run "$dir/long.lua" "$dir/b.lua"
check "lines behind an aligned name" out_has '^long \| first$'
check "the short name is padded" out_has '^b    \| here$'
check "a line written in two parts" out_has '^long \| second$'
check "an empty line" out_has '^long \| $'
check "a long line, whole" test "$(awk '/^long . xxx/ {print length}' "$dir/out")" = 300007
check "the unfinished last line" out_has '^long \| unfinished$'
check "stderr goes to stderr" err_has '^long \| to stderr$'
check "the private broker's directory is gone" nothing_left
script many <<<'for i = 1, 20000 do print(i) end gaijin.stop()'
expect 0 run "$dir/many.lua" "m2=$dir/many.lua"
check "nothing is lost" test "$(grep -c . "$dir/out")" = 40000

story="run: all start at once"
# Listed first, it waits for the last; neither says that it serves before both have met.
script asks <<'LUA'
print(gaijin.wait_for("answers", "price")(21), arg[1], arg[2], arg[0]:match("[^/]+$"))
bakaGaijin("answers").stop()
gaijin.stop()
LUA
script answers <<'LUA'
bakaGaijin.price = function(x) return 2 * x end
bakaGaijin.stop = function() gaijin.after(0, gaijin.stop) end
gaijin.wait_for("asks") -- and does not return from its script before that
print(os.getenv("GAIJIN_SOCKET"), gaijin.name)
LUA
expect 0 run "$dir/asks.lua" "$dir/answers.lua" -- --first "second word"
check "whatever their order, and with arguments" out_has '^asks    \| 42\s--first\ssecond word\sasks.lua$'
check "children know the socket" out_has '^answers \| .*gaijin\.sock\sanswers$'
check "it is said" err_has "^gaijinctl: run: the socket is $TMPDIR/gaijin-run-.*/gaijin\.sock$"
check "nothing is left" nothing_left

story="run: flags of workers"
script limited <<'LUA'
local n = 0
while pcall(gaijin.spawn, gaijin.sleep, 60) and n < 200 do n = n + 1 end
print(n < 100 and "few" or "many")
gaijin.stop()
LUA
expect 0 run "$dir/limited.lua" "other=$dir/limited.lua" --max-fibers 50
check "of one" out_has '^other   \| few$'
check "and not of the other" out_has '^limited \| many$'
expect 0 run --max-fibers=50 "$dir/limited.lua" "other=$dir/limited.lua" --max-fibers 500 -n third
check "of all" out_has '^limited \| few$'
check "unless it has its own; and a name" out_has '^third   \| many$'
script returns <<<'print("returned")'
expect 0 run --once "$dir/returns.lua"
check "a flag without a value" out_has '^returns \| returned$'
expect 0 run "$dir/returns.lua" -n -- --once
check "a value like the end of flags" out_has '^-- \| returned$'
script arguments <<<'print(io and "open" or "closed", arg[1])'
expect 0 run --once "$dir/arguments.lua" --sandbox
check "sandboxed" out_has '^arguments \| closed\s'
expect 0 run --once "$dir/arguments.lua" -- --sandbox
check "an argument of that name" out_has '^arguments \| open\s--sandbox$'
for words in "--max-fibers" "--max-fibers x $dir/a.lua" "$dir/a.lua --wrong" "-n name $dir/a.lua" "-e code $dir/a.lua" "-- $dir/a.lua" \
  "a@b=$dir/a.lua" "a/b=$dir/a.lua"; do
  # shellcheck disable=SC2086 # several words
  expect 2 run $words
  check "one line for '$words'" err_is_one_line
done
expect 0 run --help
check "its own help" out_has '^usage: gaijinctl run '
expect 0 run "$dir/a.lua" --version
cp "$dir/returns.lua" "$dir/at@home.lua"
expect 0 run --once "$dir/at@home.lua"
check "a script's name that no worker can have" out_has '^at_home \| returned$'
check "is told" err_has "^gaijinctl: run: worker at_home is called so because a worker's name has not all the bytes of"

story="run: a socket that cannot be"
for socket in "$dir/none/at/all.sock" "$dir/a.lua/s" "$dir/a.lua" /proc/gaijin.sock; do
  expect 1 -s "$socket" run "$dir/returns.lua"
  check "one line for $socket" err_is_one_line
done
expect 2 run -s "$dir/$(printf 'x%.0s' {1..120})" "$dir/returns.lua"
check "one line for a long one" err_is_one_line

story="run: failures"
script bad <<<'error("went wrong")'
expect 1 run "$dir/bad.lua" "$dir/b.lua"
check "the error" err_has '^bad \| .*went wrong'
check "one line about it" err_has '^gaijinctl: run: worker bad failed with status 1$'
check "the others ran" out_has '^b   \| here$'
script code <<<'gaijin.stop(7)'
expect 1 run "$dir/code.lua"
check "the status" err_has 'worker code failed with status 7$'
# shellcheck disable=SC2016 # the shell that Lua starts knows the worker
script crash <<<'os.execute("kill -9 $PPID") gaijin.sleep(60)'
expect 1 run "$dir/crash.lua"
check "the signal" err_has 'worker crash was killed by signal 9'
check "nothing is left" nothing_left

story="run: stopping"
script serve <<<'print("up")'
for sig in INT TERM HUP; do
  begin run "$dir/serve.lua" "other=$dir/serve.lua"
  wait_until out_has '^other \| up$'
  kill -$sig "$background"
  end_of_background
  check "SIG$sig stops all with status 0" test "$status" = 0
  check "nothing is left after SIG$sig" nothing_left
done
script stuck <<<'print("up") while true do end'
begin run "$dir/stuck.lua"
wait_until out_has '^stuck \| up$'
wait_until interrupt "$background"
end_of_background
check "the second Ctrl-C kills" test "$status" = 0
check "nothing is left after two" nothing_left

story="run: a broker that dies is started again"
script keeps <<'LUA'
bakaGaijin.t = { n = 0 }
bakaGaijin.stop = function() gaijin.after(0, gaijin.stop) end
LUA
script uses <<'LUA'
local t, stop = gaijin.wait_for("keeps", "t"), gaijin.wait_for("keeps", "stop")
print("before")
local last = os.getenv("LAST")
while not io.open(last) do pcall(function() t.n = t.n + 1 end) gaijin.sleep(0.01) end
print("counted", t.n > 0)
stop()
gaijin.stop()
LUA
killed() { now=$(broker_of "$background") && [ "$now" != "$before" ]; }
returned() { [ "$(grep -c 'back at the broker' "$dir/err")" -ge "$1" ]; }
export LAST=$dir/last
begin run "$dir/keeps.lua" "$dir/uses.lua"
check "it runs" eventually out_has '^uses  \| before$'
for i in 1 2; do
  before=$(broker_of "$background")
  kill -9 "$before"
  check "another one, the $i. time" eventually killed
  check "workers return" eventually returned "$((2 * i))"
done
touch "$dir/last"
end_of_background
check "all ends well" test "$status" = 0
check "references live on" out_has '^uses  \| counted\strue$'
check "it is said" err_has '^gaijinctl: run: the broker was killed by signal 9 \(Killed\); it is started again$'
check "later the second time" err_has '^gaijinctl: run: the broker was killed by signal 9 \(Killed\); it is started again in 0\.1 s$'
check "nothing is left" nothing_left
begin run "$dir/serve.lua"
check "it runs" eventually out_has '^serve \| up$'
kill "$(broker_of "$background")"
end_of_background
check "one that ended in good order is not started again" test "$status" = 1
# Which of both ends is seen first is open: the worker, too, ends when it hears of it.
check "and that is said" err_has "^gaijinctl: run: (the broker at .* has gone; stopping all|worker serve failed with status 1)$"
# A broker that only the first time is one.
mkdir "$dir/bin"
cp "$build/gaijinctl" "$build/gaijin-worker" "$dir/bin"
cat >"$dir/bin/gaijin-broker" <<BROKER
#!/bin/bash
[ -e "$dir/started" ] && exit 3
touch "$dir/started"
exec "$build/gaijin-broker" "\$@"
BROKER
chmod +x "$dir/bin/gaijin-broker"
whole=$ctl ctl=$dir/bin/gaijinctl
begin run "$dir/serve.lua"
check "it runs" eventually out_has '^serve \| up$'
kill -9 "$(broker_of "$background")"
end_of_background
ctl=$whole
check "it is given up" test "$status" = 1
check "with a line" err_has "^gaijinctl: run: the broker failed with status 3, the 9th time within 60 s; it is not started again$"
check "nothing is left" nothing_left

story="run: gaijinctl is killed"
begin run "$dir/stuck.lua"
wait_until out_has '^stuck \| up$'
read -ra children <<<"$(children_of "$background")"
check "a broker and a worker run" test "${#children[@]}" = 2
kill -9 "$background"
end_of_background
check "it was killed" test "$status" = 137
for child in "${children[@]}"; do check "a child has died too" eventually gone "$child"; done
check "its directory is left" test "$(find "$TMPDIR" -name 'gaijin-run-*' | wc -l)" = 1
begin run "$dir/serve.lua"
wait_until out_has '^serve \| up$'
check "the next run has removed it" test "$(find "$TMPDIR" -name 'gaijin-run-*' | wc -l)" = 1
expect 0 run --once "$dir/returns.lua"
check "but not that of a living one" test "$(find "$TMPDIR" -name 'gaijin-run-*' | wc -l)" = 1
kill "$background"
end_of_background
check "which ends well" test "$status" = 0
check "nothing is left at all" nothing_left

finish

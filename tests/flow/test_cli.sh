#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl with real brokers and workers: what its commands show, how `run` starts, prefixes and stops, and the exit
# statuses. BUILD is the build directory. Every wait is for a condition and has a limit.
set -uo pipefail
export LC_ALL=C
unset GAIJIN_SOCKET NO_COLOR
build=$(cd "${BUILD:-build}" && pwd)
ctl=$build/gaijinctl
limit=$((20 * ${GAIJIN_TEST_SLOWER:-1}))
dir=$(mktemp -d)
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
passed=0 failed=0 test="" started=()

# A child of this shell that a signal ends before it has become another program would come here too.
cleanup() {
  local pid
  [ "$BASHPID" = $$ ] || return
  for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null; done
  rm -rf "$dir"
}
trap cleanup EXIT

note_failure() {
  echo "FAIL $test: $*"
  tail -n 20 "$dir/out" "$dir/err"
  failed=$((failed + 1))
}
# check WHAT COMMAND...: the command holds.
check() {
  local what=$1
  shift
  if "$@"; then passed=$((passed + 1)); else note_failure "$what"; fi
}
# expect STATUS ARGUMENT...: runs gaijinctl, leaving its output in $dir/out and $dir/err.
expect() {
  local wanted=$1 got=0
  shift
  timeout "$limit" "$ctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
  if [ "$got" = "$wanted" ]; then passed=$((passed + 1)); else
    note_failure "gaijinctl $* gave status $got, not $wanted"
  fi
}
# shows COMMAND PATTERN: the command's JSON has a line like that.
shows() { "$ctl" --json "$1" >"$dir/out" 2>"$dir/err" && out_has "$2"; }
out_has() { grep -qE -- "$1" "$dir/out"; }
err_has() { grep -qE -- "$1" "$dir/err"; }
err_is_one_line() { [ "$(wc -l <"$dir/err")" = 1 ]; }
script() { cat >"$dir/$1.lua"; }
wait_until() {
  local end=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then note_failure "waited $limit s for: $*"; return 1; fi
    sleep 0.02
  done
}
# Ended, though perhaps nobody has asked how.
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.*Z' "/proc/$1/status"; }
children_of() { cat "/proc/$1/task/$1/children"; }
# Sends SIGINT once more; two at the same moment are one.
interrupt() { kill -INT "$1" 2>/dev/null; gone "$1"; }
nothing_left() { [ -z "$(ls -A "$TMPDIR")" ]; }
# Starts gaijinctl in the background, its output in $dir/out and $dir/err; its pid is $background.
begin() {
  : >"$dir/out" # here and not in the child: what the last one wrote must not be taken for this one's
  "$ctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null &
  background=$!
  started+=("$background")
}
# Waits for $background to end, leaving its status in $ended.
finish() {
  wait_until gone "$background" || kill -9 "$background" 2>/dev/null
  ended=0
  wait "$background" 2>/dev/null || ended=$?
  started=()
}

test="bad usage"
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

test="help"
expect 0 --help
for command in run clients tokens labels loads gc ping; do check "--help names $command" out_has "^  $command "; done
expect 0 --version
expect 0 run --help

test="no broker"
for command in clients tokens labels loads gc ping; do
  expect 1 -s "$dir/none.sock" $command
  check "one line from $command" err_is_one_line
done

test="the commands"
socket=$dir/gaijin.sock
"$build/gaijin-broker" -s "$socket" --log-level warn &
broker=$!
started+=("$broker")
wait_until "$ctl" -s "$socket" ping
script host <<'LUA'
bakaGaijin.object = {1}
bakaGaijin['q"\\\n\255'] = 1
bakaGaijin[7] = bakaGaijin.object
bakaGaijin.unused = print
LUA
script holder <<'LUA'
kept = gaijin.wait_for("host", "object")
bakaGaijin["passed on"] = kept
LUA
for name in host holder; do
  "$build/gaijin-worker" -s "$socket" "$dir/$name.lua" 2>>"$dir/workers.err" &
  started+=("$!")
done
serves() { "$ctl" -s "$socket" clients --json | grep "\"name\":\"$1\".*\"ready\":true" >/dev/null; }
wait_until serves host
wait_until serves holder
export GAIJIN_SOCKET=$socket
expect 0 clients
check "a row for each" out_has "^holder +[0-9a-f]{16} "
expect 0 clients --json
for field in '"name":"host"' '"host":"[0-9a-f]{16}"' '"pid":[0-9]+' '"uid":[0-9]+' '"uptime_s":[0-9.]+' '"exports":1' '"holds":0' \
  '"in_flight":[0-9]+' '"queued_bytes":[0-9]+' '"messages_in":[0-9]+' '"messages_out":[0-9]+' '"ready":true,"answering":true'; do
  check "clients has $field" out_has "$field"
done
expect 0 --json tokens
check "tokens" wait_until shows tokens '^\[\{"host":"host","id":[0-9]+,"kind":"table","age_s":[0-9.]+,"dead":false,"holders":\[\{"name":"holder","count":1\}\],"labels":\[7,"object"\]\}\]$'
expect 0 tokens --host holder --json
check "no token of that host" out_has '^\[\]$'
expect 0 tokens --holder=holder
check "the table's row" out_has '^host +[0-9]+ +table .* holder +7, object$'
token=$(sed -n 's/^host *\([0-9]*\) .*/\1/p' "$dir/out")
expect 0 loads --json
check "loads" out_has '"host":"host","client":"holder","held":1,"shadow":[0-9.]+,"allowance":[0-9.]+,"free_outstanding":false,"budget_ms":null,"put_off":null,"free_waiting_s":null,"dead":false'
expect 0 labels host --json
check "a label that is a number" out_has '"name":"host","label":7,"kind":"table","id":'"$token"
check "a label that is no text, escaped" out_has '"label":"q\\"\\\\\\u000a\\u00ff","kind":"number","id":null'
check "a label" out_has '"label":"object","kind":"table","id":'"$token"
check "a label that nobody holds" out_has '"label":"unused","kind":"function","id":null'
expect 0 labels
check "labels of all" out_has "^host +object +table +$token\$"
expect 0 labels holder --json
check "the host's object has no token of the holder's" out_has '^\[\{"name":"holder","label":"passed on","kind":"table","id":null\}\]$'
expect 1 labels nobody
check "one line" err_is_one_line
expect 0 gc
check "all have collected" out_has '^holder +yes$'
expect 0 gc holder --json
check "gc as JSON" out_has '^\[\{"name":"holder","collected":true\}\]$'
expect 0 loads --json
check "the budget" out_has '"client":"holder",.*"free_outstanding":false,"budget_ms":[0-9]+,"put_off":0,"free_waiting_s":null'
expect 1 gc nobody
check "one line" err_is_one_line
expect 0 ping
check "a time" out_has 'answered in [0-9.]+ us$'
expect 0 ping --json
check "a time as JSON" out_has '^\[\{"round_trip_us":[0-9.]+,"broker_version":"[^"]+"\}\]$'

test="a worker that does not answer"
# begin_worker NAME [FLAG...]: starts dir/NAME.lua as a worker and waits until it serves; its pid is $worker.
begin_worker() {
  "$build/gaijin-worker" -s "$socket" -n "$1" "${@:2}" "$dir/$1.lua" 2>>"$dir/workers.err" &
  worker=$!
  started+=("$worker")
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
stuck=$worker
begin_worker fan
check "its labels" wait_until shows tokens '"host":"stuck".*"labels":\["also","mine"\]'
kill -STOP "$stuck"
check "others answer" wait_until shows tokens '"host":"host".*"labels":\[7,"object"\]'
check "its labels are unknown" out_has '"host":"stuck".*"labels":null'
check "one line about it" err_has '^gaijinctl: labels of stuck: no answer in 1 s$'
check "and no other" err_is_one_line
begin gc stuck
waits='"host":"host","client":"stuck",.*"free_outstanding":true,"budget_ms":null,"put_off":null,"free_waiting_s":[0-9.]+,"dead":false'
check "how long free waits" wait_until shows loads "$waits"
check "not answering" wait_until shows clients '"name":"stuck".*"answering":false'
check "others are" shows clients '"name":"fan".*"answering":true'
kill -CONT "$stuck"
finish
check "answering again" wait_until shows clients '"name":"stuck".*"answering":true'
check "free is answered" wait_until shows loads '"client":"stuck",.*"free_outstanding":false,"budget_ms":[0-9]+,"put_off":[0-9]+,"free_waiting_s":null'
kill -9 "$stuck"
wait "$stuck" 2>/dev/null
check "a tombstone has no labels" wait_until shows tokens '"host":"stuck".*"dead":true,.*"labels":null'
check "nobody is asked for them" test ! -s "$dir/err"
check "a dead load" shows loads '"host":"stuck","client":"fan".*"dead":true'

test="a worker whose handler takes long"
begin_worker patient
patient=$worker
"$build/gaijin-worker" -s "$socket" "$dir/waits.lua" 2>>"$dir/workers.err" &
started+=("$!")
check "it is asked" wait_until shows clients '"name":"waits".*"in_flight":1'
messages() { "$ctl" clients --json | sed -n 's/.*"name":"patient".*"messages_in":\([0-9]*\).*/\1/p'; }
first=$(messages)
# Only its own signs of life come from it. Three of them take longer than the silence that is allowed.
lives() { shows clients '"name":"patient".*"answering":false' && return 0; [ "$(messages)" -ge $((first + 3)) ]; }
check "it gives signs of life" wait_until lives
check "and is shown as answering" shows clients '"name":"patient".*"answering":true'
kill -9 "$patient"
wait "$patient" 2>/dev/null

test="run beside a living broker"
script once <<<'print(gaijin.wait_for("host", "object")[1]) gaijin.stop()'
expect 0 -s "$socket" run "$dir/once.lua"
check "it met the others" out_has '^once \| 1$'
check "the broker lives on" kill -0 "$broker"
begin -s "$socket" run "$dir/a.lua"
wait_until serves a
kill "$broker"
finish
check "status 1 when the broker goes" test "$ended" = 1
check "says so" err_has "^gaijinctl: run: the broker at .* has gone"
unset GAIJIN_SOCKET

test="books in pages" # of 4 KiB messages: 8 rows each
socket=$dir/small.sock
export GAIJIN_SOCKET=$socket
"$build/gaijin-broker" -s "$socket" --max-message 4K --log-level warn &
broker=$!
started+=("$broker")
wait_until "$ctl" ping
script first <<<'bakaGaijin.value = {}'
echo 'kept = gaijin.wait_for("first", "value") bakaGaijin.mine = {}' >"$dir/holding"
begin_worker first
workers=("$worker")
for i in {1..20}; do
  cp "$dir/holding" "$dir/w$i.lua"
  begin_worker "w$i"
  workers+=("$worker")
done
expect 0 clients --json
check "all clients" test "$(grep -c '"name"' "$dir/out")" = 21
expect 0 loads --json
check "all loads" test "$(grep -c '"host":"first"' "$dir/out")" = 20
expect 0 tokens --host first --json
check "all holders" test "$(grep -o '"name":"w[0-9]*"' "$dir/out" | sort -u | wc -l)" = 20
expect 0 labels --json
check "all labels" test "$(grep -c '"label":"mine"' "$dir/out")" = 20
expect 0 gc --json
check "all have collected" test "$(grep -c '"collected":true' "$dir/out")" = 21
kill "${workers[@]}" "$broker"
for pid in "${workers[@]}" "$broker"; do check "$pid ends" wait_until gone "$pid"; done
started=()
unset GAIJIN_SOCKET

test="run: output"
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

test="run: all start at once"
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

test="run: flags of workers"
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
check "is told" err_has "^gaijinctl: run: at_home is called so because the script's name"

test="run: a socket that cannot be"
for socket in "$dir/none/at/all.sock" "$dir/a.lua/s" "$dir/a.lua" /proc/gaijin.sock; do
  expect 1 -s "$socket" run "$dir/returns.lua"
  check "one line for $socket" err_is_one_line
done
expect 2 run -s "$dir/$(printf 'x%.0s' {1..120})" "$dir/returns.lua"
check "one line for a long one" err_is_one_line

test="run: failures"
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

test="run: stopping"
script serve <<<'print("up")'
for sig in INT TERM; do
  begin run "$dir/serve.lua" "other=$dir/serve.lua"
  wait_until out_has '^other \| up$'
  kill -$sig "$background"
  finish
  check "SIG$sig stops all with status 0" test "$ended" = 0
  check "nothing is left after SIG$sig" nothing_left
done
script stuck <<<'print("up") while true do end'
begin run "$dir/stuck.lua"
wait_until out_has '^stuck \| up$'
wait_until interrupt "$background"
finish
check "the second Ctrl-C kills" test "$ended" = 0
check "nothing is left after two" nothing_left

test="run: the broker dies"
begin run "$dir/serve.lua"
wait_until out_has '^serve \| up$'
for child in $(children_of "$background"); do
  [ "$(cat "/proc/$child/comm" 2>/dev/null)" != gaijin-broker ] || kill -9 "$child"
done
finish
check "status 1" test "$ended" = 1
check "one line says so" err_has "^gaijinctl: run: the broker at .* has gone"
check "nothing is left" nothing_left

test="run: gaijinctl is killed"
begin run "$dir/stuck.lua"
wait_until out_has '^stuck \| up$'
read -ra children <<<"$(children_of "$background")"
check "a broker and a worker run" test "${#children[@]}" = 2
kill -9 "$background"
finish
check "it was killed" test "$ended" = 137
for child in "${children[@]}"; do check "a child has died too" wait_until gone "$child"; done
check "its directory is left" test "$(find "$TMPDIR" -name 'gaijin-run-*' | wc -l)" = 1
begin run "$dir/serve.lua"
wait_until out_has '^serve \| up$'
check "the next run has removed it" test "$(find "$TMPDIR" -name 'gaijin-run-*' | wc -l)" = 1
expect 0 run --once "$dir/returns.lua"
check "but not that of a living one" test "$(find "$TMPDIR" -name 'gaijin-run-*' | wc -l)" = 1
kill "$background"
finish
check "which ends well" test "$ended" = 0
check "nothing is left at all" nothing_left

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

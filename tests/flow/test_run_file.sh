#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl run with a file that describes a system, and with a folder of plug-ins: what is read, what is refused before
# anything starts, the order in which workers start and stop, when they are started again.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/run.sh"

story="faults of a file"
# faults TEXT LINE...: a file with this text is refused with exactly these lines, and nothing starts.
faults() {
  printf '%s' "$1" >"$dir/game.ucl"
  expect 2 run "$dir/game.ucl"
  printf "gaijinctl: run: $dir/game.ucl%s\n" "${@:2}" >"$dir/expected"
  check "of ${1//$'\n'/ }" diff "$dir/expected" "$dir/err"
  check "nothing is started" test ! -s "$dir/out"
}
script good <<<'print("here")'
faults '' ': there is no worker in it: worker NAME { script = "NAME.lua" }'
faults 'worker good {' ': the section that ends here has no '"'}'"
faults 'worker good { script "good.lua" }' ":1: missing equal sign after option 'script'"
faults $'worker good {\n scrpt = good.lua\n}' ":2: there is no 'scrpt' here; did you mean 'script'?"
faults $'worker good {\n}\nwoker shop { }' ":3: there is no 'woker' here; did you mean 'worker'?"
faults $'broker {\n sockt = x }\nworker good { }' ":2: there is no 'sockt' here; did you mean 'socket'?"
faults $'worker good { }\nworker good { }' ":2: found duplicate title 'good'"
faults $'worker good { name = x }' ":1: there is no 'name' here"
faults $'worker good { succeed = true }' ":1: there is no 'succeed' here"
for key in config check-config print-config check-upgrade help; do
  faults "broker { $key = x }"$'\nworker good { }' ":1: there is no '$key' here"
done
faults $'broker { load-min = few }\nworkers {\n health = -1\n}\nworker good {\n restart = sometimes\n sandbox = maybe
 health = 1\n health = 2\n cpu-limit = 4;\n after = "\'db"\n}\nworker two { script = good.lua }' \
  ":1: load-min takes a whole number from 0 to 4294967295, not 'few'" \
  ":7: sandbox takes true or false, not 'maybe'" \
  ":10: '4;': a value ends with its line, not with ';'" \
  ":6: restart takes no, on-failure or always, not 'sometimes'" \
  ":9: 'health' is said twice in its section" \
  ":11: a ' has no end" \
  ":3: health takes a number from 0 to 86400, not '-1'"
faults $'worker a {\n script = good.lua\n after = b\n}\nworker b {\n script = good.lua\n after = "c nobody"\n}
worker c { script = good.lua\n after = b }\nworker d { script = good.lua\n directory = nowhere }\nworker "e@" { script = good.lua }
worker f { }' \
  ":6: worker b is to start after 'nobody', and there is no such worker" \
  ":11: worker d cannot work in directory '$dir/nowhere': No such file or directory" \
  ":13: a worker's name has no '@' and no '/': they are reserved for naming machines; choose another for 'e@'" \
  ":14: cannot read script '$dir/f.lua': No such file or directory" \
  ":6: workers wait for each other: b after c after b; take one \`after\` away"
printf 'broker { socket = "%s" }\nworker good { }' "$(printf 'x%.0s' {1..107})" >"$dir/game.ucl"
expect 2 run "$dir/game.ucl"
check "a socket's path that is too long" err_has "game.ucl:1: the path of the socket is too long"
printf 'worker good { }\0' >"$dir/game.ucl"
expect 2 run "$dir/game.ucl"
check "bytes that are no text" err_has "'$dir/game.ucl' is no text$"
mkdir "$dir/folder.ucl"
for file in nothing.ucl folder.ucl; do
  expect 2 run "$dir/$file"
  check "one line for $file" err_is_one_line
done
echo 'worker good { }' >"$dir/game.ucl"
for words in "$dir/good.lua" "--sandbox" "--dir $dir" "-- word" "$dir/game.ucl"; do
  # shellcheck disable=SC2086 # several words
  expect 2 run "$dir/game.ucl" $words
  check "one line for a file and $words" err_is_one_line
done

story="what a file says"
mkdir "$dir/work"
cat >"$dir/game.ucl" <<'UCL'
# A comment; /* another */
broker { socket = "game.sock"   load-min = 7 }
workers { call-timeout = 3 }
env { GREETING = "good day"   WHO = all }
worker shop {
  script = says.lua
  arguments = "--first 'second word'"
  directory = work
  env { WHO = "shop's" }
  sandbox = false
  once = true
}
worker other { script = says.lua  once = yes  call-timeout = 4 }
UCL
script says <<'LUA'
local pwd = io.popen("pwd"):read()
print(os.getenv("GREETING"), os.getenv("WHO"), pwd:match("[^/]*$"), os.getenv("NOTIFY_SOCKET"), ...)
print(io.open("/proc/self/cmdline"):read("*a"):gsub("%z", " "):match("call%-timeout=%d+"))
print(os.getenv("GAIJIN_SOCKET"))
LUA
cd "$dir/work" || exit 1
NOTIFY_SOCKET=/nowhere expect 0 run "$dir/game.ucl"
cd "$dir" || exit 1
check "a worker's own" out_has $'^shop  \\| good day\tshop.s\twork\tnil\t--first\tsecond word$'
check "another's" out_has $'^other \\| good day\tall\t'"${dir##*/}"$'\tnil$'
check "flags of all" out_has '^shop  \| call-timeout=3$'
check "which one has otherwise" out_has '^other \| call-timeout=4$'
check "the socket is beside the file" out_has "^shop  \\| $dir/game.sock$"
check "and is gone in the end" test ! -e "$dir/game.sock"
expect 0 -s "$dir/elsewhere.sock" run "$dir/game.ucl"
check "the command line has another one" out_has "^shop  \\| $dir/elsewhere.sock$"
cat >"$dir/game.ucl" <<<'worker good { script = good.lua once = true }'
GAIJIN_SOCKET=$dir/usual.sock expect 0 run "$dir/game.ucl"
check "without one it is the usual one" err_has "the socket is $dir/usual.sock$"

story="the file of docs/supervisor.md"
awk '/^```ucl game.ucl$/ { on = 1; next } /^```/ { on = 0 } on' "$root/docs/supervisor.md" >"$dir/game.ucl"
script db <<<'print("serves", os.getenv("LANG"))'
script shop <<<'print("serves", os.getenv and os.getenv("LEVEL"), io and "open" or "closed", ...)'
begin run "$dir/game.ucl"
check "its last worker serves" eventually out_has $'^plugin \\| serves\tnil\tclosed$'
check "the one before it did" out_has $'^shop   \\| serves\t7\topen\t--currency\tgold coins$'
kill "$background"
end_of_background
check "it ends well" test "$status" = 0

story="--init"
expect 0 run --init
cp "$dir/out" "$dir/game.ucl"
check "lines of 100 columns" test "$(awk 'length > 100' "$dir/game.ucl" | wc -l)" = 0
script example <<<'print("serves") gaijin.stop()'
expect 0 -s "$dir/i.sock" run "$dir/game.ucl"
check "it is a file" out_has '^example \| serves$'
for key in after restart-within health logs sandbox socket load-min policy; do
  check "$key is in it" grep -qE "^  # $key = " "$dir/game.ucl"
done
for key in succeed config check-config print-config; do
  check "$key is not" test "$(grep -cE "^  # $key = " "$dir/game.ucl")" = 0
done
# What is no text is the default, and may be said.
sed -i -E 's/^  # ([a-z-]+ = [^"]+)$/  \1/' "$dir/game.ucl"
check "there are defaults" grep -q '^  restart = on-failure$' "$dir/game.ucl"
expect 0 -s "$dir/i.sock" run "$dir/game.ucl"
check "with all defaults it is one, too" out_has '^example \| serves$'

story="a folder of plug-ins"
mkdir -p "$dir/plugins/folder" "$dir/plugins/none" "$dir/plugins/.hidden" "$dir/none"
echo 'print("a plug-in", ...) gaijin.stop()' >"$dir/plugins/alone.lua"
echo 'print("in", io.popen("pwd"):read(), ...) gaijin.stop()' >"$dir/plugins/folder/init.lua"
cp "$dir/plugins/alone.lua" "$dir/plugins/.hidden/init.lua"
cp "$dir/plugins/alone.lua" "$dir/plugins/.other.lua"
echo 'no plug-in' >"$dir/plugins/README"
expect 0 -s "$dir/d.sock" run --dir "$dir/plugins" -- word
check "a script" out_has $'^alone  \\| a plug-in\tword$'
check "a folder, in which it works" out_has $'^folder \\| in\t'"$dir/plugins/folder"$'\tword$'
check "nothing else" test "$(wc -l <"$dir/out")" = 2
mkdir "$dir/odd" "$dir/odd/at@home"
cp "$dir/plugins/alone.lua" "$dir/odd/at@home/init.lua"
cp "$dir/plugins/alone.lua" "$dir/odd/a@b.lua"
expect 0 -s "$dir/d.sock" run --dir "$dir/odd"
check "a folder whose name no worker can have" out_has '^at_home \| a plug-in'
check "as a script" out_has '^a_b     \| a plug-in'
check "both are told" test "$(grep -c 'is called so because' "$dir/err")" = 2
expect 2 run --dir "$dir/none"
check "one without any" err_has "folder '$dir/none' has no plug-in"
expect 2 run --dir "$dir/missing"
check "one that is not there" err_has "cannot read folder '$dir/missing': No such file"
cp "$dir/plugins/alone.lua" "$dir/plugins/folder.lua"
expect 2 run --dir "$dir/plugins"
check "two of one name" err_has "two workers would be called 'folder'"

story="order"
# db takes its time to serve; shop must not begin before, nor till before shop. Stopping takes the way back.
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker till { script = order.lua  after = "shop db" }
worker shop { script = order.lua  after = "db once" }
worker once { script = good.lua once = true }
worker db { script = order.lua }
UCL
script order <<'LUA'
local p = newproxy(true)
getmetatable(p).__gc = function() print("ends") end
kept = p
print("begins") gaijin.sleep(0.2) print("serves")
LUA
begin run "$dir/game.ucl"
check "all serve" eventually out_has '^till \| serves$'
kill "$background"
end_of_background
check "it ends well" test "$status" = 0
order_of() { grep -v '^once' "$dir/out" | sed 's/ *| /-/' | tr '\n' ' '; }
check "they start and stop in order" test "$(order_of)" = \
  "db-begins db-serves shop-begins shop-serves till-begins till-serves till-ends shop-ends db-ends "

story="what a failure stops"
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker bad { restart = no }
worker next { script = good.lua  after = bad }
UCL
script bad <<<'error("went wrong")'
expect 1 run "$dir/game.ucl"
check "it is said" err_has 'run: worker bad failed with status 1$'
check "who needs it does not start" err_has 'run: worker next is not started: it comes after bad, which has failed$'
check "nor runs" not out_has here

story="restarts"
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker bad { restart-most = 3  restart-delay = 0.05  restart-delay-most = 0.08 }
worker ends { restart = always restart-most = 2 restart-delay = 0 }
UCL
script ends <<<'print("again") gaijin.stop()'
expect 1 run "$dir/game.ucl"
check "at once" err_has 'run: worker bad failed with status 1; it is started again$'
check "then later" err_has 'run: worker bad failed with status 1; it is started again in 0.05 s$'
check "no later than it may" err_has 'run: worker bad failed with status 1; it is started again in 0.08 s$'
check "then no more" err_has 'run: worker bad failed with status 1, 4 times within 60 s; it is not started again$'
check "four runs" test "$(grep -c 'bad.*went wrong' "$dir/err")" = 4
check "also one that ends well" err_has 'run: worker ends ended, 3 times within 60 s; it is not started again$'
check "which ran three times" test "$(grep -c again "$dir/out")" = 3

story="a worker that loops"
tenths=$((5 * ${GAIJIN_TEST_SLOWER:-1})) # in which those that do not loop are to answer
cat >"$dir/game.ucl" <<UCL
broker { socket = "game.sock" }
workers { health = 0.1  health-limit = $((tenths / 10)).$((tenths % 10)) }
worker loops { }
worker serves { }
worker long { health = 0 }
UCL
script loops <<'LUA'
local name = os.getenv("GAIJIN_SOCKET"):gsub("game.sock", "seen")
if io.open(name) then print("well now") return end
io.open(name, "w"):close()
gaijin.after(0.1, function() print("loops") while true do end end)
LUA
script serves <<<'print("serves")'
script long <<LUA
gaijin.after(0.1, function() local t = os.time() while os.difftime(os.time(), t) < $((tenths / 10 + 3)) do end print("was long") end)
LUA
begin run "$dir/game.ucl"
check "it is killed and started again" eventually out_has '^loops  \| well now$'
check "that is said" err_has 'run: worker loops has not answered for [0-9.]+ s and is killed$'
check "and how it ended" err_has 'run: worker loops was killed by signal 9 \(Killed\); it is started again$'
check "one that is not asked may compute" eventually out_has '^long   \| was long$'
kill "$background"
end_of_background
check "nobody else was killed" test "$(grep -c 'is killed' "$dir/err")" = 1
check "it ends well" test "$status" = 0

story="a worker that does not serve in time"
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
worker slow { start-limit = 0.3  restart = no }
UCL
script slow <<<'gaijin.sleep(100)'
expect 1 run "$dir/game.ucl"
check "is killed" err_has 'run: worker slow does not serve after 0.3 s and is killed$'

story="a broker that dies"
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
workers { health = 0.05  health-limit = 5 }
worker keeps { }
worker next { script = serves.lua  after = keeps }
UCL
script keeps <<'LUA'
bakaGaijin.n = 0
print("serves")
LUA
begin run "$dir/game.ucl"
check "all serve" eventually out_has '^next  \| serves$'
broker_is_another() { now=$(broker_of "$background") && [ "$now" != "$before" ]; }
answers() { "$build/gaijinctl" -s "$dir/game.sock" ping keeps; }
for signal in KILL TERM; do
  before=$(broker_of "$background")
  kill -$signal "$before"
  check "another is started after SIG$signal" eventually broker_is_another
  check "and serves" eventually answers
done
check "it is said" err_has 'run: the broker was killed by signal 9 \(Killed\); it is started again$'
check "also of one that ended" err_has 'run: the broker ended; it is started again'
kill -INT "$background"
end_of_background
check "it ends well" test "$status" = 0

story="gaijinctl is killed"
begin run "$dir/game.ucl"
check "all serve" eventually out_has '^next  \| serves$'
read -ra children <<<"$(children_of "$background")"
check "a broker and two workers run" test "${#children[@]}" = 3
kill -9 "$background"
end_of_background
for child in "${children[@]}"; do check "a child has died too" eventually gone "$child"; done
begin run "$dir/game.ucl"
check "the next one begins on what is left" eventually out_has '^next  \| serves$'
kill "$background"
end_of_background
check "and ends well" test "$status" = 0

story="a socket that the command line names"
for words in "-s game.sock run" "run -s game.sock" "-s $dir/other.sock run"; do
  # shellcheck disable=SC2086 # several words
  begin $words game.ucl
  check "all serve" eventually out_has '^next  \| serves$'
  check "the file is read again" "$ctl" -s "$(sed -n 's/.*the socket is //p' "$dir/err")" reload
  check "nothing has changed of the broker" test "$(wc -l <"$dir/err")" = 1
  kill "$background"
  end_of_background
done

finish

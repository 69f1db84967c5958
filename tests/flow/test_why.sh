#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl why: each way in which a worker can reach an object of another, in each interpreter, and
# who does not tell. The shop makes an object for each way.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/s
evidence="out err *.out"

cat >"$dir/shop.lua" <<'END'
local kept = {}
function make(name) local t = {name = name}; kept[name] = t; return t end
bakaGaijin.make = make
bakaGaijin.stock = {}
function deep(n) local first = {}; local t = first; for i = 1, n do t.next = {}; t = t.next end; t.next = make("deep"); kept.first = first; return t.next end
bakaGaijin.deep = deep
function bakaGaijin.sleeps() gaijin.sleep(1000) end
gaijin.run()
END
cat >"$dir/ways.lua" <<'END'
gaijin.wait_for("shop", "deep")
local shop = bakaGaijin("shop")
cache = {players = {}, [true] = shop.make("boolean")}
cache.players[3] = shop.make("number")
cache["a b"] = shop.make("quoted")
key_of = {[shop.make("key")] = 1}
with_meta = setmetatable({}, {__index = shop.make("metatable")})
local up = shop.make("upvalue")
function tick() return up end
function in_environment() end
setfenv(in_environment, {there = shop.make("environment")})
weak = setmetatable({}, {__mode = "v"})
waits = coroutine.create(function(...) weak[1] = ...; local t = shop.make("local"); coroutine.yield(); return t, ... end)
coroutine.resume(waits, shop.make("argument"))
fresh = coroutine.create(function() end)
bakaGaijin.shown = shop.make("label")
mine = {shop.make("exported")}
bakaGaijin.exported = {}
cursor = newproxy(true)
getmetatable(cursor).__index = shop.make("userdata")
getmetatable("").of_strings = shop.make("strings")
chain = {}
(function(t) for i = 1, 40 do t.next = {}; t = t.next end t.last = shop.make("chained") end)(chain)
long_way = {}
do
local long = long_way
for i = 1, 20 do local key = ("%02d "):format(i) .. ("\195\164"):rep(28); long[key] = {} long = long[key] end
long.end_of_it = shop.make("long")
end
bakaGaijin.all = {}
gaijin.run()
END

# all_ways MOST: asks why each of the first so many of the shop's objects lives: $dir/why-ID.
all_ways() {
  local id
  rm -f "$dir"/why-1 "$dir"/why-2 "$dir"/why-3
  for ((id = 1; id <= $1; id++)); do
    timeout "$limit" "$build/gaijinctl" why "shop:$id" --timeout "$limit" >"$dir/why-$id" 2>&1 && echo "status 0" >>"$dir/why-$id"
  done
}
# The shop has each object under its way's name, and that is how it is found.
id_of() { grep -lE "upvalue kept of .*shop\.lua:[25] > $1\$" "$dir"/why-* | sed 's/.*-//'; }
# reaches WAY REGEX...: lines of the answer about this object.
reaches() {
  local file regex
  file=$dir/why-$(id_of "$1")
  cp "$file" "$dir/out"
  check "$1: status 0" grep -qx 'status 0' "$file"
  for regex in "${@:2}"; do check "$1: has $regex" grep -qE -- "$regex" "$file"; done
}

ways_of_a_holder() {
  reaches boolean '^  _G\.cache\[true\]$'
  reaches number '^  _G\.cache\.players\[3\]$' '^shop:[0-9]+  table, ' '^held by ways for [0-9]+ s, sent to it once$'
  reaches quoted '^  _G\.cache\["a b"\]$'
  reaches key '^  _G\.key_of > a key$'
  reaches metatable '^  _G\.with_meta > metatable\.__index$'
  reaches upvalue '^  _G\.tick > upvalue up of .*ways.lua:[0-9]+$'
  reaches environment '^  _G\.in_environment > environment\.there$'
  reaches local '^  _G\.waits > local t of .*ways.lua:[0-9]+$'
  reaches label '^  label shown$'
  reaches exported '^  _G\.mine\[1\]$'
  reaches userdata '^  _G\.cursor > metatable\.__index$'
  reaches strings '> ?metatable.*\.of_strings$|^  the metatable of strings\.of_strings$|^  _G\.string\.of_strings$'
  reaches chained '^  _G\.chain(\.next){10} > \.\.\. [0-9]+ steps \.\.\. > next(\.next)+\.last$'
}
# The path is cut in its middle, between characters.
a_long_path() {
  reaches long '^  _G\.long_way\["01 .* \.\.\. .*\.end_of_it$'
  check "long: is UTF-8" "$python" -c "open('$dir/out', encoding='utf-8').read()"
  check "long: is not escaped" eval "! out_has '\\\\x'"
}

start_broker --log-level info
start shop "$build/gaijin-worker" -n shop "$dir/shop.lua"
check "the shop exports" exports shop deep

story="a worker"
start ways "$build/gaijin-worker" -n ways --atc-time 1000 "$dir/ways.lua"
check "it runs" exports ways all
all_ways 19
ways_of_a_holder
a_long_path
# Lua 5.1 does not show it, and a weak table is no way.
reaches argument '^  no path found: only its collector can tell'
none_by_ours() { ! grep -h '^  registry' "$dir"/why-*; }
check "what is kept by the library itself is no way" none_by_ours
number=shop:$(id_of number)
story="as JSON"
run "$build/gaijinctl" why --json "$number" --timeout "$limit"
check "is read by another program" "$python" - "$dir/out" <<'END'
import json, sys
o = json.load(open(sys.argv[1]))
assert o["worker"] == "shop" and o["kind"] == "table" and not o["dead"]
assert o["holders"][0]["worker"] == "ways" and o["holders"][0]["paths"] == ["_G.cache.players[3]"]
assert o["inside"]["complete"] and o["not_asked"] == 0
END
story="what is no object"
for word in shop :3 shop: shop:x shop:0 shop:3x; do
  run "$build/gaijinctl" why "$word"
  check "$word: status 2, not $status" test "$status" = 2
  check "$word: one line" err_is_one_line
done
run "$build/gaijinctl" why shop:999
check "status 1, not $status" test "$status" = 1
check "says who lists them" says "nobody holds an object shop:999"

story="a worker that computes"
cat >"$dir/busy.lua" <<'END'
gaijin.wait_for("shop", "make")
mine = bakaGaijin("shop").make("busy")
bakaGaijin.at_it = true
gaijin.sleep(0)
io.stderr:write("computes\n")
while true do end
END
start busy "$build/gaijin-worker" -n busy "$dir/busy.lua"
has_one() { id=$("$build/gaijinctl" tokens --holder busy --json | grep -o '"id":[0-9]*' | tail -n 1); [ "${id#*:}" -gt 10 ]; }
check "has its object" eventually has_one
check "computes" eventually has busy '^computes$' # before that it would answer
run "$build/gaijinctl" why "shop:${id#*:}" --timeout 1
check "status 1, not $status" test "$status" = 1
check "says that it does not tell" out_has '^  it does not tell: no answer'
kill -9 "$pid" && wait "$pid" 2>/dev/null

story="an observer that holds it"
start calls "$build/gaijinctl" call shop.sleeps --timeout 0
held_by_call() { id=$("$build/gaijinctl" tokens --json | grep @gaijinctl | grep -o '"id":[0-9]*' | tail -n 1); [ "$id" ]; }
check "has it" eventually held_by_call
run "$build/gaijinctl" why "shop:${id#*:}" --timeout "$limit"
check "status 0, not $status" test "$status" = 0
check "is shown" out_has '^held by @gaijinctl for [0-9]+ s, sent to it once$'
check "is not asked" out_has '^  an observer: as long as its command takes$'
run "$build/gaijinctl" why --json "shop:${id#*:}" --timeout "$limit"
check "nor as JSON" out_has '"worker":"@gaijinctl","count":1,"since_s":[0-9]+,"under_way":\[\],"complete":false,"paths":\[\],"observer":true\}'
kill -9 "$pid"

# A copy has 10 seconds, and the next begins when the worker has rested for as long as that one was a burden: for 300 at most.
rested=$((limit + 310))
story="many who ask at once"
for i in 1 2 3 4 5; do "$build/gaijinctl" why "$number" --timeout "$((5 * rested))" >"$dir/many$i.out" 2>&1 & many[i]=$!; done
for i in 1 2 3 4 5; do check "each is answered in its turn" wait "${many[i]}"; done
check "and told" test "$(cat "$dir"/many?.out | grep -c '_G.cache.players\[3\]')" = 5
story="no copy stays"
no_child() { ! pgrep -P "${started[2]}" >/dev/null; }
check "no child is left" eventually no_child

story="under way"
cat >"$dir/full.lua" <<'END'
bakaGaijin.take = function() end
gaijin.run()
END
start full "$build/gaijin-worker" "$dir/full.lua"
full=$pid
check "it serves" exports full take
for i in 1 2 3; do
  start "giver-$i" "$build/gaijin-worker" -n "giver-$i" -e 'local take, gift = bakaGaijin("full").take, {}
    bakaGaijin.gift = gift
    function bakaGaijin.begin() for i = 1, 4 do gaijin.post(take, string.rep("x", 60000), gift) end end gaijin.run()'
  check "giver-$i is there" exports "giver-$i" begin
done
kill -STOP "$full"
for i in 1 2 3; do check "giver-$i gives" "$build/gaijinctl" call "giver-$i.begin"; done
# The last of them: the kernel has room for some.
of=giver-3:$("$build/gaijinctl" tokens --host giver-3 --kind table -o id --json | grep -o '[0-9]*')
run "$build/gaijinctl" why "$of" --timeout 1
# shellcheck disable=SC2016 # an op in quotes
check "is said, and in whose message" out_has '^  under way to it, 4 times, in a request `call` from giver-3$'
run "$build/gaijinctl" why "$of" --timeout 1 --json
check "as JSON" out_has '"under_way":\[\{"from":"giver-3","kind":"request","op":"call","count":4\}\]'
kill -CONT "$full"
arrived() { run "$build/gaijinctl" why "$of" --timeout "$limit" && ! out_has 'under way'; }
check "it comes" eventually arrived

story="one who gives up"
start large "$build/gaijin-worker" -n large -e "kept = {} for i = 1, 1000000 do kept[i] = {} end
  mine = gaijin.wait_for('shop', 'make')('large') bakaGaijin.lighten = function() kept = nil end bakaGaijin.all = true gaijin.run()"
large=$pid
check "it runs" exports large all
of=shop:$("$build/gaijinctl" tokens --holder large --json | grep -o '"id":[0-9]*' | tail -n 1 | cut -d : -f 2)
start asker "$build/gaijinctl" why "$of" --timeout "$limit"
copies() { copy=$(pgrep -P "$large"); }
check "its walk is under way" eventually copies
kill -STOP "$copy"
kill -9 "$pid"
check "the asker goes" eventually gone "$pid"
check "the worker knows" "$build/gaijinctl" ping large --timeout "$limit"
kill -9 "$copy"
check "the copy is looked after all the same" eventually eval '! copies'
# The next has little to walk through, if it has to wait for that.
check "it is made small" "$build/gaijinctl" call large.lighten --timeout "$limit"
limit=$rested run "$build/gaijinctl" why "$of" --timeout "$rested"
check "the next is answered" out_has '^  _G\.mine$'
kill -9 "$large"

# holds NAME COMMAND...: starts a worker that holds an object of the shop as `_G.mine.NAME`; $of is its.
holds() {
  local name=$1
  shift
  echo "gaijin.wait_for('shop', 'make'); mine = {['$name'] = bakaGaijin('shop').make('$name')}
    function gaijin.access(who, op) return op ~= 'paths' or refusing == nil end
    bakaGaijin.all = function() refusing = true end gaijin.run()" >"$dir/$name.lua"
  start "$name" "$@" "$dir/$name.lua"
  check "it runs" exports "$name" all
  of=shop:$("$build/gaijinctl" tokens --holder "$name" --json | grep -o '"id":[0-9]*' | tail -n 1 | cut -d : -f 2)
}
story="a worker that ignores the ends of its children"
# shellcheck disable=SC2016
holds ignores bash -c 'trap "" CHLD; exec "$@"' bash "$build/gaijin-worker" -n ignores
grep '^SigIgn' "/proc/$pid/status" >"$dir/ignored.out"
check "it does" grep -E '[1-9a-f][0-9a-f]{4}$' "$dir/ignored.out"
run "$build/gaijinctl" why "$of" --timeout "$limit"
check "tells" out_has '^  _G\.mine\.ignores$'
story="a sandboxed worker"
holds sandboxed "$build/gaijin-worker" -n sandboxed --sandbox --memory-limit 16M
run "$build/gaijinctl" why "$of" --timeout "$limit"
check "tells, with what its system calls are" out_has '^  _G\.mine\.sandboxed$'
story="a worker that refuses"
run "$build/gaijin-worker" -n refuses --once -e "bakaGaijin('sandboxed').all()"
run "$build/gaijinctl" why "$of" --timeout "$limit"
check "status 1, not $status" test "$status" = 1
check "is not asked behind its gaijin.access" out_has '^  it does not tell: gaijin: denied: '
check "its host tells all the same" out_has '> sandboxed$'

story="a copy that has waited"
# The rest after it is four times what it took of a processor, not of what others let it wait.
# shellcheck disable=SC2016
holds waits bash -c 'sed -i "1i kept = {} for i = 1, 100000 do kept[i] = {} end" "${@: -1}"; exec "$@"' bash "$build/gaijin-worker" -n waits
waits=$pid
# stopped_copy WORKER: asks until the copy that answers is stopped; $asker and $copy are theirs. One that ends before is asked for again.
stopped_copy() {
  start asker "$build/gaijinctl" why "$of" --timeout "$limit"
  asker=$pid
  until copy=$(pgrep -P "$1"); do ! gone "$asker" || return 1; done
  kill -STOP "$copy" && eventually is_stopped_or_gone && ! gone "$copy"
}
is_stopped_or_gone() { gone "$copy" || grep -q '^State:.*T' "/proc/$copy/status"; }
check "its copy is stopped" eventually stopped_copy "$waits"
since=$SECONDS
# Four times this is more than the next is given.
waited() { ((SECONDS - since > limit / 10)); }
check "for more than $((limit / 10)) seconds" eventually waited
kill -CONT "$copy"
check "the asker is answered" eventually gone "$asker"
check "with the way" has asker '^  _G\.mine\.waits$'
run "$build/gaijinctl" why "$of" --timeout "$((limit / 3))"
check "and the next soon" out_has '^  _G\.mine\.waits$'

# An interpreter leaves the broker while its copy, which is stopped, is not at its end; then it goes on.
mkfifo "$dir/fifo"
cat >"$dir/leaves.lua" <<END
gaijin = require "gaijin"
bakaGaijin = gaijin.connect {name = "leaves"}
kept = {} for i = 1, 1000000 do kept[i] = {} end
mine = gaijin.wait_for("shop", "make")("leaves")
bakaGaijin.leave = gaijin.stop
gaijin.run()
gaijin.close()
io.stderr:write("closed\n")
io.open("$dir/fifo"):read()
END
leaves() {
  local leaving
  start leaves env "LD_PRELOAD=$preload" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" "$1" "$dir/leaves.lua"
  leaving=$pid
  check "it runs" exports leaves leave
  of=shop:$("$build/gaijinctl" tokens --holder leaves --json | grep -o '"id":[0-9]*' | tail -n 1 | cut -d : -f 2)
  copied() { pgrep -P "$leaving" >/dev/null; }
  check "its walk is under way" eventually stopped_copy "$leaving"
  kill -9 "$asker"
  run "$build/gaijin-worker" -n ends --once -e "gaijin.post(bakaGaijin('leaves').leave)"
  check "it leaves" eventually has leaves closed
  check "no child is left, nor a zombie" eval '! copied'
  kill -9 "$leaving"
}

preload=""
if sanitized "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi
export LUA_CPATH="$build/?.so;;"
for interpreter in lua5.1 luajit; do
  command -v "$interpreter" >/dev/null || continue
  story=$interpreter
  holds "$interpreter" env "LD_PRELOAD=$preload" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" \
    "$interpreter" -e "gaijin = require 'gaijin'; bakaGaijin = gaijin.connect {name = '$interpreter'}"
  run "$build/gaijinctl" why "$of" --timeout "$limit"
  check "tells" out_has '^  _G\.mine'
  story="$interpreter that leaves while it is looked through"
  leaves "$interpreter"
done

story="a dead worker's object"
kill -9 "${started[1]}"
knows_dead() { "$build/gaijinctl" tokens --json | grep '"dead":true' >/dev/null; }
check "its end is known" eventually knows_dead
run "$build/gaijinctl" why "$number" --timeout "$limit"
check "status 0, not $status" test "$status" = 0
check "is said to be dead" out_has '^shop:[0-9]+  table, .*, dead: its worker has ended$'
check "has the holder's path" out_has '^  _G\.cache\.players\[3\]$'

finish

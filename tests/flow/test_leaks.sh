#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl leaks: the line that leaks comes first, whether functions leak or, traced, tables; what is steady, what comes and
# goes, and a worker that does not answer.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/s
evidence="out err *.out"
ctl=$build/gaijinctl
patience=$((2 * ${GAIJIN_TEST_SLOWER:-1})) # for those that answer, beside one that does not

cat >"$dir/leaky.lua" <<'END'
local callbacks = {}
local function leak() return function() return callbacks end end -- line 2
local function harmless() return function() return 1 end end -- line 3
local function row() return { 1 } end
bakaGaijin.subscribe = leak
bakaGaijin.passing = harmless
bakaGaijin.row = function() return row() end -- line 7
local looked, holds = false, true
function gaijin.access(who, op)
  looked = looked or op == "describe"
  while holds and op == "describe" do gaijin.sleep(0.01) end
  return true
end
bakaGaijin.looked = function() return looked end
bakaGaijin.hold = function(yes) holds = yes end
gaijin.run()
END
cat >"$dir/steady.lua" <<'END'
kept = {}
for i = 1, 50 do kept[i] = function() return i end end -- line 2
bakaGaijin.all = kept
function gaijin.access(who, op) if op == "describe" then io.stderr:write("is looked at\n") end return true end
gaijin.run()
END
# Keeps what leaks, and as many objects as it had of the rest. When the first look has seen what there is, it leaks more. The look
# is not over, and the second does not begin, before it has done so: leaky does not say until then what its objects are.
cat >"$dir/till.lua" <<'END'
local looked = gaijin.wait_for("leaky", "looked")
subscribe, passing, row = gaijin.wait_for("leaky", "subscribe"), gaijin.wait_for("leaky", "passing"), gaijin.wait_for("leaky", "row")
local all = gaijin.wait_for("steady", "all")
fixed, mine, few, rows = {}, {}, {}, {}
for i = 1, 50 do fixed[i] = all[i] end
for i = 1, 20 do few[i] = passing() end
for i = 1, 100 do mine[i] = subscribe() end
bakaGaijin.ready = true
while not looked() do gaijin.sleep(0.02) end
for i = 1, 20 do mine[100 + i], rows[i] = subscribe(), row() end
for i = 21, 40 do mine[100 + i] = subscribe() end
bakaGaijin("leaky").hold(false)
gaijin.run()
END
start_broker --log-level info
start leaky "$build/gaijin-worker" -n leaky --trace-tokens "$dir/leaky.lua"
leaky=$pid
start steady "$build/gaijin-worker" -n steady "$dir/steady.lua"
steady=$pid
start till "$build/gaijin-worker" -n till "$dir/till.lua"
till=$pid
check "they run" exports till ready

story="growth"
run "$ctl" leaks --over 2 --timeout "$limit" --json # ages are whole seconds
check "status 0, not $status" test "$status" = 0
check "the leaking line is the first, then the table's" "$python" - "$dir/out" <<'END'
import json, sys
rows = json.load(open(sys.argv[1]))
def at(line): return [r for r in rows if r["origin"].endswith(line)]
first, second = rows[0], rows[1]
assert first["host"] == "leaky" and first["kind"] == "function" and first["origin"].endswith("leaky.lua:2"), first
assert first["growth"] == 40 and first["objects"] == 141 and first["looked_at"] is None, first
assert first["holders"] == [{"worker": "till", "count": 141}], first
assert second["kind"] == "table" and second["origin"].endswith("leaky.lua:7") and second["growth"] == 20, second
few, = at("leaky.lua:3")
assert few["objects"] == 21 and few["growth"] == 0, few
fixed, = at("steady.lua:2")
assert fixed["objects"] == 50 and fixed["growth"] == 0 and fixed["oldest_s"] >= 1, fixed
assert [r for r in rows if r["host"] == "steady" and r["origin"] == "not traced"], rows
END
run "$ctl" leaks --over 0.01 steady steady
check "only the worker that is named, once" out_has '^steady +function +[^ ]*steady.lua:2 +50 +0 '
check "and no other" test "$(grep -c leaky "$dir/out")" = 0
run "$ctl" leaks --over 0
check "one look: what there is most of comes first" grep -qE '^leaky +function +[^ ]*leaky\.lua:2 +[0-9]+ +- ' <(sed -n 2p "$dir/out")

story="what is wrong"
run "$ctl" leaks staedy
check "status 1, not $status" test "$status" = 1
check "says who there is" says "did you mean steady?"
run "$ctl" leaks --over x
check "status 2, not $status" test "$status" = 2

story="a worker that does not answer"
kill -STOP "$leaky"
"$ctl" leaks --over 0.01 --timeout "$patience" >"$dir/twice.out" 2>"$dir/twice" </dev/null &
twice=$!
run "$ctl" leaks --over 0 --timeout "$patience"
check "status 1, not $status" test "$status" = 1
check "one line" err_is_one_line
check "that says who" says "descriptions of leaky: no answer in $patience s"
check "the others' are there" out_has 'steady\.lua:2 +50 '
check "its objects are counted" out_has '^leaky +function +not told +[0-9]+ '
wait "$twice"
cp "$dir/twice" "$dir/err"
check "one line, though it looks twice" err_is_one_line
kill -CONT "$leaky"

story="a worker that was started anew"
: >"$dir/steady.out"
check "leaky lets the first look wait, until till is there anew" "$ctl" call leaky.hold true
start ends "$ctl" leaks --over 0.01 --timeout "$limit" --json
ends=$pid
check "its first look has begun" eventually has steady 'is looked at'
check "and been answered" "$ctl" ping steady --timeout "$limit"
kill -9 "$till" "$steady"
check "it has gone" eventually gone "$steady"
start steady "$build/gaijin-worker" -n steady "$dir/steady.lua"
start till "$build/gaijin-worker" -n till "$dir/till.lua"
check "it runs again" exports till ready
check "status 0" wait "$ends"
check "what it has, has come" grep -qE '"origin":"[^"]*steady.lua:2","objects":50,"growth":50,' "$dir/ends.out"

story="more than are looked at"
start many "$build/gaijin-worker" -n many -e "local function of(n) return loadstring('return function() end', '=part' .. n)() end
  bakaGaijin.make = function(n, k) local all = {} for i = 1, n do all[i] = of(k) end return unpack(all) end gaijin.run()"
start keeps "$build/gaijin-worker" -n keeps -e "local make = gaijin.wait_for('many', 'make') kept = {}
  for i = 1, 15 do kept[#kept + 1] = {make(200, 1)} kept[#kept + 1] = {make(100, 2)} end
  bakaGaijin.ready = true gaijin.run()"
check "they run" exports keeps ready
run "$ctl" leaks many --over 0 --json
check "numbers are near the truth, and said to be estimates" "$python" - "$dir/out" <<'END'
import json, sys
rows = {r["origin"]: r for r in json.load(open(sys.argv[1])) if r["kind"] == "function"}
assert abs(rows["part1:1"]["objects"] - 3000) < 600 and abs(rows["part2:1"]["objects"] - 1500) < 600, rows
assert rows["part1:1"]["looked_at"] == 1000, rows
END

story="a broker that dies meanwhile"
asked() { "$ctl" stats --json | grep -o '"op":"describe","requests":[0-9]*' | grep -o '[0-9]*$'; }
before=$(asked)
start ends "$ctl" leaks --over "$limit"
ends=$pid
looks() { [ "$(asked)" -gt "$before" ]; }
check "it looks" eventually looks
begun=$SECONDS
kill -9 "${started[0]}"
wait "$ends"
check "status 3" test $? = 3
check "when the broker has gone, and not after --over" test $((SECONDS - begun)) -lt $((limit - 1))
check "one line" test "$(wc -l <"$dir/ends.out")" = 1

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl graph: nodes and edges as text, as JSON and through Graphviz; hostile labels, an ended worker, what is under way,
# one object and what is near it, more objects than nodes.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/s
evidence="out err *.out"
ctl=$build/gaijinctl

cat >"$dir/shop.lua" <<'LUA'
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.cash = {}
bakaGaijin['"];evil[\\N&amp;<b>\n\27[31m\255'] = function() end
for i = 1, 4 do bakaGaijin["<i>\\N&amp;\"]]>" .. i] = {} end
function bakaGaijin.make(n) local t = {} for i = 1, n do t[i] = i % 2 == 0 and {} or function() end end return unpack(t) end
bakaGaijin.all = true
LUA
cat >"$dir/till.lua" <<'LUA'
local shop = gaijin.wait_for("shop", "all") and bakaGaijin("shop")
kept = {shop.price, shop.cash, shop['"];evil[\\N&amp;<b>\n\27[31m\255']}
again = shop.cash
for i = 1, 4 do kept[#kept + 1] = shop["<i>\\N&amp;\"]]>" .. i] end
bakaGaijin.drawer = {}
gaijin.ready()
LUA
cat >"$dir/office.lua" <<'LUA'
kept = {gaijin.wait_for("till", "drawer")}
bakaGaijin.book = {}
LUA
# drawn FILE: Graphviz takes it.
drawn() { dot -Tsvg -o /dev/null "$1"; }
# edge FROM NODE [REGEX]: an edge of the graph in $dir/out from the holder whose frame is named so to the node whose label has this.
edge() {
  local holder node
  holder=$(awk -v "name=label=\"$1\\\\n" '/subgraph/ { on = 0 } index($0, name) { on = 1 } on && /^    w[0-9]+ / { print $1; exit }' "$dir/out")
  node=$(grep -E "^    n[0-9]+ .*label=\"[^\"]*$2" "$dir/out" | awk '{ print $1; exit }')
  [ "$holder" ] && [ "$node" ] && grep -qE -- "^  $holder -> $node \[.*${3:-}" "$dir/out"
}
# json EXPRESSION: of the graph g in $dir/out.
json() { "$python" -c "import json, sys; g = json.load(open('$dir/out')); assert $1, g" ; }
holds() { "$ctl" loads -o host,holder,held --json | grep -F "{\"host\":\"$1\",\"holder\":\"$2\",\"held\":$3}" >/dev/null; }

start_broker --log-level warn
start shop "$build/gaijin-worker" "$dir/shop.lua"
start till "$build/gaijin-worker" "$dir/till.lua"
till=$pid
start office "$build/gaijin-worker" "$dir/office.lua"
office=$pid
wait_until holds shop till 7
wait_until holds till office 1

story="as text"
run "$ctl" graph
check "status 0, not $status" test "$status" = 0
check "Graphviz takes it" drawn "$dir/out"
check "a frame for each worker" test "$(grep -c 'subgraph cluster_' "$dir/out")" = 3
check "with its process" out_has "label=\"office\\\\npid $office"
check "who holds" edge till 'cash\\ntable' 'color='
check "a function" edge till 'price\\nfunction'
check "of another worker" edge office 'drawer\\ntable'
check "who does not hold has no edge" eval '! edge office "cash"'
check "a hostile label is one text" out_has 'label="\\"\];evil\[\\\\N&amp;amp;<b>\\\\x0a'
check "several that are alike stand in one node" out_has '>4 tables<'
check "hostile labels there are texts, too" eval "dot -Tsvg '$dir/out' | grep -F '&lt;i&gt;\\N&amp;amp;&quot;]]&gt;4 '"
check "nothing steers a terminal" eval "! grep -q $'\\033' '$dir/out'"

story="as JSON"
run "$ctl" graph --json
check "status 0, not $status" test "$status" = 0
check "workers" json '[w["worker"] for w in g["workers"]] == ["office", "shop", "till"]'
check "edges name their nodes" json '{(e["holder"], g["nodes"][e["node"] - 1]["labels"][0]) for e in g["edges"]} >= {("till", "cash"), ("till", "price"), ("office", "drawer")}'

story="described"
run "$ctl" graph --describe --json
check "status 0, not $status" test "$status" = 0
check "objects that are nodes say what they are" json '[(n["description"]["source"][-9:], n["description"]["line"]) for n in g["nodes"] if n["labels"] == ["price"]] == [("/shop.lua", 1)]'
run "$ctl" graph --describe
check "in the picture, too" out_has 'label="price.*nfunction [0-9]+.*n/tmp'
check "several that say the same stand in one node, which says it once" out_has '>4 tables<BR/>0 entries<'
kill -STOP "$till"
wait_until grep -q '^State:.T' "/proc/$till/status"
# Others have no more time: on a busy machine one of them may be late, too.
all_but_one() {
  run "$ctl" graph --describe --timeout 0.2 --json
  [ "$status" = 1 ] && json '[(n["description"]["source"][-9:], n["description"]["line"]) for n in g["nodes"] if n["labels"] == ["price"]] == [("/shop.lua", 1)]'
}
check "status 1 where a worker says nothing, and what there is" eventually all_but_one
kill -CONT "$till"

story="as a picture"
run "$ctl" graph --format svg
check "status 0, not $status: SVG" out_has '<svg '
run "$ctl" graph --output "$dir/graph.png"
check "status 0, not $status: the file's name says which" grep -q PNG "$dir/graph.png"
check "says nothing" test ! -s "$dir/out"
mkdir "$dir/bin"
cp "$(command -v timeout)" "$dir/bin"
PATH=$dir/bin run "$ctl" graph --format svg
check "without Graphviz: status 1, not $status" test "$status" = 1
check "one line" err_is_one_line
check "what to install" says "install Graphviz"
check "nothing else" test ! -s "$dir/out"
printf '#!/bin/sh\nexec sleep 1000\n' >"$dir/bin/dot"
chmod +x "$dir/bin/dot"
PATH=$dir/bin:$PATH run "$ctl" graph --output "$dir/none.svg" --timeout 0.2
check "one that hangs: status 1, not $status" test "$status" = 1
check "is said" says "dot has not drawn it within 0.2 s"
check "no file is left" test ! -e "$dir/none.svg"
printf '#!/bin/sh\necho "syntax error: in line 1" >&2; exit 1\n' >"$dir/bin/dot"
PATH=$dir/bin:$PATH run "$ctl" graph --format svg
check "one that fails: its first line" says "dot: syntax error: in line 1"

story="a wrong command line"
for words in "--focus shop" "--depth 2" "--json --format svg" "--format gif" "--fold 0"; do
  # shellcheck disable=SC2086 # several words
  run "$ctl" graph $words
  check "$words: status 2, not $status" test "$status" = 2
  check "$words: one line" err_is_one_line
done
run "$ctl" graph --focus shop:999
check "nobody holds it: status 1, not $status" test "$status" = 1
check "is said" says "nobody holds an object shop:999"
for words in "--focus nobody:1" "--host nobody" "--holder nobody --json"; do
  # shellcheck disable=SC2086 # several words
  run "$ctl" graph $words
  check "$words: status 1, not $status" test "$status" = 1
  check "$words: one line" err_is_one_line
  check "$words: says why" says "there is no worker 'nobody'"
  check "$words: no picture" test ! -s "$dir/out"
done

story="one object"
id=$("$ctl" tokens -o labels,id --json | grep -o '"cash"\],"id":[0-9]*' | sed 's/.*://')
run "$ctl" graph --focus "shop:$id" --depth 1
check "status 0, not $status" test "$status" = 0
check "who holds it" edge till 'cash\\ntable'
check "nothing else" test "$(grep -cE '^    n[0-9]+ ' "$dir/out")" = 1
run "$ctl" graph --focus "shop:$id" --depth 2
check "what its holders have" edge office 'drawer\\ntable'
check "no more" test "$(grep -cE '^    n[0-9]+ ' "$dir/out")" = 2
run "$ctl" graph --host till
check "filters, too" test "$(grep -cE '^    n[0-9]+ ' "$dir/out")" = 1

story="under way"
cat >"$dir/full.lua" <<'LUA'
bakaGaijin.take = function() end
bakaGaijin.give = true
gaijin.run()
LUA
start full "$build/gaijin-worker" "$dir/full.lua"
full=$pid
check "it serves" exports full give
# Each may have 256 KiB on its way to another, and the kernel keeps some of it.
for i in 1 2 3 4; do
  start "giver-$i" "$build/gaijin-worker" -n "giver-$i" -e 'local take = bakaGaijin("full").take
    function bakaGaijin.begin() for i = 1, 4 do gaijin.post(take, string.rep("x", 60000), {}) end end gaijin.run()'
  check "giver-$i is there" exports "giver-$i" begin
done
kill -STOP "$full"
for i in 1 2 3 4; do check "giver-$i gives" "$ctl" call "giver-$i.begin"; done
dashed() { run "$ctl" graph && edge full table 'style=dashed.*under way'; }
check "is dashed" eventually dashed
check "Graphviz takes it" drawn "$dir/out"
run "$ctl" graph --json
check "as JSON" json 'any(e["holder"] == "full" and e["under_way"] > 0 for e in g["edges"])'
kill -CONT "$full"
not_dashed() { run "$ctl" graph && ! out_has 'style=dashed'; }
check "and when it has come it is not" eventually not_dashed

story="many objects"
start many "$build/gaijin-worker" -n many -e 'local make = gaijin.wait_for("shop", "make"); kept = {} for i = 1, 20 do kept[i] = {make(250)} end gaijin.ready()'
# And the 3 that till holds.
knows() { "$ctl" tokens --host shop --json | grep -c '"id"' >"$dir/count"; [ "$(cat "$dir/count")" -ge 5004 ]; }
wait_until knows
run "$ctl" graph
check "are folded" out_has 'label="2,500 tables'
check "by their kind" out_has 'label="2,500 functions'
check "those with a label are not" edge till 'cash\\ntable'
check "few nodes" test "$(grep -cE '^    n[0-9]+ ' "$dir/out")" -le 40
check "Graphviz takes it" drawn "$dir/out"
run "$ctl" graph --json
check "as JSON: all are counted" json 'sum(n["objects"] for n in g["nodes"]) == sum(w["exports"] for w in g["workers"]) >= 5005'
run "$ctl" graph --fold 2
check "folded further" test "$(grep -cE '^    n[0-9]+ ' "$dir/out")" -le 6
check "Graphviz takes it" drawn "$dir/out"
run "$ctl" graph --fold 10000
check "not folded" test "$("$ctl" graph --fold 10000 --json | grep -c '"node":[0-9]*,"host"')" -ge 5005

story="an ended worker"
kill -9 "${started[2]}"
dead() { "$ctl" tokens --json | grep '"dead":true' >/dev/null; }
wait_until dead
run "$ctl" graph
check "is grey" out_has 'label="till\\nended, 1 object"; style="rounded,dashed"; color="#999999"'
check "its object is held" edge office "table 1" 'color="#999999"'
check "Graphviz takes it" drawn "$dir/out"

story="a broker that ends"
kill -9 "${started[0]}"
run "$ctl" graph --output "$dir/none.svg"
check "status 3, not $status" test "$status" = 3
check "one line" err_is_one_line
check "no file" test ! -e "$dir/none.svg"

finish

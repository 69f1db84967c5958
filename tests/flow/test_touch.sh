#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Touching a live system: get, set, call, pairs, len and eval of gaijinctl, with workers that answer, lie, hang and end.
# shellcheck disable=SC2016 # JSON has $ in keys
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl
evidence="out err shop.out broker.out"

# prints TEXT: the whole output is that text and a newline.
prints() { [ "$(cat "$dir/out")" = "$1" ]; }
# shows TEXT WORD...: gaijinctl, run, prints just that and no error.
shows() {
  expect 0 "${@:2}"
  check "gaijinctl ${*:2} prints $1" prints "$1"
  check "gaijinctl ${*:2} says nothing else" test ! -s "$dir/err"
}
# fails STATUS TEXT WORD...: gaijinctl, run, ends with that status, prints nothing, and says that text.
fails() {
  expect "$1" "${@:3}"
  check "gaijinctl ${*:3} says $2" says "$2"
  check "gaijinctl ${*:3} prints nothing" test ! -s "$dir/out"
}
json_is() { "$python" -c 'import json, sys; sys.exit(json.load(open(sys.argv[1])) != eval(sys.argv[2]))' "$dir/out" "$1"; }
# loads TEXT WORD...: gaijinctl --json, run, prints what Python reads as that value.
loads() {
  expect 0 --json "${@:2}"
  check "JSON of ${*:2} is $1" json_is "$1"
}

export GAIJIN_SOCKET=$dir/gaijin.sock
story="bad usage"
for words in get set "set shop.x" call pairs len eval "eval shop" "get shop.x y" "get shop.." "get .x" "get shop" "len shop:" \
  "set shop.x 1" "set shop:3 1" "call shop.f apple" "call shop.f {1" "set shop.x.y 1 2" "eval a@b 1" "get a/b.x" \
  "get shop.x --depth 100" "get shop.x --timeout x"; do
  # shellcheck disable=SC2086 # several words
  expect 2 $words
  check "one line for '$words'" err_is_one_line
done
story="no broker"
for words in "get shop.x" "set shop.x.y 1" "call shop.f" "pairs shop" "len shop.x" "eval shop 1"; do
  # shellcheck disable=SC2086
  fails 3 "no broker" $words
  check "one line for '$words'" err_is_one_line
done

story="values"
start_broker --log-level info
broker=$pid
cat >"$dir/shop.lua" <<'LUA'
local config = { name = "shop", list = { 1, 2, 3 }, deep = { a = { b = { c = { d = 1 } } } } }
config.self = config
bakaGaijin.config = config
bakaGaijin.none, bakaGaijin.list = {}, config.list
bakaGaijin.n, bakaGaijin.text, bakaGaijin[7], bakaGaijin["a b"] = 5, "str", "seven", { x = 1 }
bakaGaijin.copied = gaijin.copy { 1, { 2 } }
function bakaGaijin.echo(...) return ... end function bakaGaijin.same(a, b, c) return rawequal(a, b), c, type(b) == "userdata" end
function bakaGaijin.who() return gaijin.caller() end
function bakaGaijin.copy() return gaijin.copy { 1, { x = 2 }, f = config }, nil, 3 end
function bakaGaijin.inner() error("no such thing") end
function bakaGaijin.raises(v) if v == nil then bakaGaijin.inner() end error(v) end
function bakaGaijin.hangs() gaijin.sleep(1000) end
function bakaGaijin.ends() os.exit(3) end
function bakaGaijin.hostile() return "\27[31m\n\0\255", gaijin.copy { ["\27]0;x\7"] = "\226\128\174" } end
bakaGaijin.big = {}
for i = 1, 2500 do bakaGaijin.big[i] = i end
bakaGaijin.proxy = newproxy(true)
getmetatable(bakaGaijin.proxy).__index = function(_, k) return "field " .. tostring(k) end
getmetatable(bakaGaijin.proxy).__len = function() return 99 end
gaijin.access = function(client, op, object, key) return key ~= "secret" end
LUA
start shop "$build/gaijin-worker" "$dir/shop.lua"
shop=$pid
check "shop is there" exports shop big
shows 5 get shop.n
shows '"str"' get shop.text
shows '"seven"' get 'shop[7]'
shows 1 get 'shop["a b"].x'
shows nil get shop.config.nothing
shows 1 get shop.config.deep.a.b.c.d
shows '{}' get shop.none
shows '{1, {2}}' get shop.copied
shows 2 get 'shop.copied[2][1]'
shows '"field q"' get shop.proxy.q
shows '99' len shop.proxy
shows '"field 1"' get 'shop.proxy[1]'
expect 0 get shop.config
check "a cycle" out_has '^<1>\{$'
check "its end" out_has '^  self = <table 1>,$'
check "a table in lines" out_has '^  list = \{1, 2, 3\},$'
check "what is deeper is named" out_has '^  deep = \{a = \{b = table shop:[0-9]+\}\},$'
expect 0 get shop.config --depth 0
check "or the whole" out_has '^table shop:[0-9]+$'
expect 0 get shop.config --depth 1
check "one level" out_has '^  list = table shop:[0-9]+,$'
shows '{d = 1}' get shop.config.deep.a.b.c --depth=99

story="set"
shows '' set shop.config.list[2] '{x = {1, "two"}}'
shows '{1, {x = {1, "two"}}, 3}' get shop.config.list
shows '' set 'shop.config["a b"]' -5
shows -5 get 'shop.config["a b"]'
shows '' set shop.config.json '{"a": [1, null, 3]}'
shows '{a = {1, [3] = 3}}' get shop.config.json
shows '' set shop.config.json nil
shows nil get shop.config.json
fails 2 "a label is the worker's own to set" set shop.n 3
fails 1 "which cannot be changed there" set shop.copied.x 3

story="@PATH"
shows $'true\n"str"\nfalse' call shop.same @shop.config @shop.config.self @shop.text
shows $'false\nnil\nfalse' call shop.same @shop.config {}
shows '' set shop.config.other '@shop["a b"]'
shows 1 get shop.config.other.x
shows '' set shop.config.other @shop.n
shows 5 get shop.config.other
shows '' set shop.config.other nil
fails 2 'that is a worker' call shop.echo @shop
fails 2 "PATH 'shop..x', column 6" call shop.echo @shop..x
fails 1 'shop.nix: worker shop exposes no such label' call shop.echo @shop.nix
fails 1 "there is no worker 'shpo'" set shop.config.other @shpo.x

story="call"
shows "" call shop.echo
shows $'1\nnil\n"x"\n{{}, a = true}' call shop.echo 1 nil '"x"' '{{}, a = true}'
shows '-0.5' call shop.echo -.5
expect 0 call shop.who
check "the observer's name is told" out_has '^"@.+"$'
expect 0 call shop.copy
check "by value" out_has '^  \{x = 2\},$'
check "as deep as asked for" out_has '^    list = \{1, \{\.\.\.\}, 3\},$'
check "all results" out_has '^nil$'
fails 1 "shop.raises: $dir/shop.lua:10: no such thing" call shop.raises
check "with its traceback" err_has "shop.lua:10: in function 'inner'"
fails 1 "shop.raises: $dir/shop.lua:11: boo" call shop.raises '"boo"'
fails 1 'shop.raises: it raised {code = 7}' call shop.raises '{code = 7}'
fails 1 'shop.n: it is a number, which cannot be called' call shop.n
fails 1 "attempt to call" call shop.config

story="len and pairs"
shows 2500 len shop.big
shows 3 len shop.text
fails 1 'it is a number, which has no length' len shop.n
expect 0 pairs shop.big
check "all pages" test "$(wc -l <"$dir/out")" = 2500
check "the last" out_has '^\[2500\] = 2500$'
expect 0 pairs shop
check "the labels of a worker" out_has '^n = 5$'
check "any of them" out_has '^\["a b"\] = table shop:[0-9]+$'
shows 'x = 1' pairs 'shop["a b"]'
shows '' pairs shop.none
expect 0 pairs shop.copied
check "a copied one" out_has '^\[2\] = \{2\}$'
fails 1 'which has no entries' pairs shop.n

story="JSON"
loads '5' get shop.n
loads '[1, [2]]' get shop.copied
loads '{}' get shop.none
loads '[1, None, "x"]' call shop.echo 1 nil '"x"'
loads '[]' call shop.echo
loads '2500' len shop.big
loads '[{"key": "x", "value": 1}]' pairs 'shop["a b"]'
loads '[]' pairs shop.none
expect 0 --json call shop.echo inf "'\\255'" '{[1.5] = 1}'
check "what JSON does not have" json_is '[{"$number": "inf"}, {"$bytes": "ff"}, {"$table": [[1.5, 1]]}]'
expect 0 --json get shop.config --depth 0
check "a reference" out_has '^\{"\$ref":"table","worker":"shop","id":[0-9]+\}$'
expect 0 --json pairs shop.big
check "a long list is JSON" json_is '[{"key": i, "value": i} for i in range(1, 2501)]'

story="hostile values"
expect 0 call shop.hostile
check "are escaped" out_has '^"\\027\[31m\\n\\000\\255"$'
check "keys too" out_has '^\{\["\\027\]0;x\\a"\] = "\\226\\128\\174"\}$'
check "nothing raw" test "$(LC_ALL=C tr -d ' -~\n' <"$dir/out" | wc -c)" = 0
expect 0 --json call shop.hostile
check "in JSON too" test "$(LC_ALL=C tr -d ' -~\n' <"$dir/out" | wc -c)" = 0
fails 1 'red\x1b[31m' call shop.raises $'"red\e[31m\nx"'

story="what is not there"
fails 1 'worker shop exposes no such label; there are ' get shop.nope
check "one line" err_is_one_line
for line in "get shpo.x" "get shpo:1" "set shpo.x.y 1" "call shpo.x" "len shpo.x" "pairs shpo" "eval shpo 1"; do
  # shellcheck disable=SC2086 # words
  fails 1 "there is no worker 'shpo' (did you mean shop?); there are " $line
done
fails 1 'shop.n: it is a number, which has no keys' get shop.n.x
fails 1 'shop.config.nothing: it is a nil, which has no keys' get shop.config.nothing.x
fails 1 'denied: shop refuses get to @' get shop.config.secret
fails 1 'nobody holds an object 999999 of worker shop' get shop:999999

story="a loan"
"$build/gaijin-worker" -n holder -e 'kept = gaijin.wait_for("shop", "list"); bakaGaijin.ready = true' >"$dir/holder.out" 2>&1 </dev/null &
started+=("$!")
holder=$!
check "holder is there" exports holder ready
id=$("$ctl" tokens --host shop --holder holder --json | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
check "it holds an object ($id)" test -n "$id"
shows '{1, {x = {1, "two"}}, 3}' get "shop:$id"
shows '' set "shop:${id}[1]" '"lent"'
shows '"lent"' get "shop:${id}[1]"
shows 3 len "shop:$id"
fails 1 'attempt to call' call "shop:$id"
check "the log has a line" eventually has broker "is lent object $id \(table\) of worker shop"
given_back() { "$ctl" tokens --host shop --json | grep -E '"id":'"$id"',.*"holders":\[\{"[a-z]*":"holder","count":1\}\]' >/dev/null; }
check "given back" eventually given_back
kill "$holder"
wait_until gone "$holder"
stale() { ! "$ctl" get "shop:$id" >"$dir/out" 2>"$dir/err" && says "nobody holds an object $id"; }
check "then nobody holds it" eventually stale

# An observer borrows what its holder gives back all the time, and its host drops: what it gets is whole, and in the end all is
# forgotten.
story="loans and drops"
start maker "$build/gaijin-worker" -n maker -e 'n = 0 bakaGaijin.make = function() n = n + 1 return { 1, 2, 3 } end'
start taker "$build/gaijin-worker" -n taker -e '
  local make = gaijin.wait_for("maker", "make")
  gaijin.spawn(function()
    while not stopped do
      for i = 1, 10 do last = make() end
      last = nil
      bakaUpdateATC(true)
      gaijin.sleep(0.002)
    end
  end)
  bakaGaijin.stop = function() stopped = true end'
check "taker is there" exports taker stop
# Which numbers come next is guessed, so on a busy machine it takes many tries.
borrowed=0 end=$((SECONDS + 10 * limit))
until [ "$borrowed" -ge 10 ] || [ "$SECONDS" -ge "$end" ]; do
  first=$("$ctl" tokens --host maker --json | sed -n 's/.*"id":\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
  for ((i = 0; i < 400; i++)); do echo "#maker:$((first + 1 + i))"; done | "$ctl" repl >"$dir/out" 2>"$dir/err" || true
  check "what is borrowed is whole" test -z "$(grep -vx 3 "$dir/out")"
  check "else nobody held it" test -z "$(grep -v 'nobody holds an object' "$dir/err")"
  borrowed=$((borrowed + $(wc -l <"$dir/out")))
done
check "some were borrowed ($borrowed)" test "$borrowed" -ge 10
expect 0 call taker.stop
nothing_left() { "$ctl" gc taker >"$dir/log" && "$ctl" tokens --host maker --json | grep -v table >"$dir/out"; }
check "in the end all is given back" eventually nothing_left

story="eval"
fails 1 'denied: shop runs no code for others' eval shop 1
start open "$build/gaijin-worker" --allow-eval -n open -e 'local hidden = 1; shown = {2}; bakaGaijin.ready = true'
check "open is there" exports open ready
shows $'2\n3' eval open '1 + 1, 3'
shows '' eval open 'y = shown; y[2] = 3'
shows '{2, 3}' eval open y
shows nil eval open hidden
shows '' eval open ''
fails 1 "eval:1: unexpected symbol near '<eof>'" eval open 'f('
fails 1 'eval:2: boo' eval open $'local x\nerror("boo")'
fails 1 'bytecode is not run' eval open "$(printf '\33Lua')"
check "the worker says so" has open 'has this code run: 1 \+ 1, 3$'
expect 0 eval open 'gaijin.caller()'
start other "$build/gaijin-worker" --allow-eval --sandbox --cpu-limit 1 -n boxed -e 'bakaGaijin.ready = true'
check "boxed is there" exports boxed ready
shows $'nil\nnil' eval boxed 'io and io.open, debug.getinfo'
fails 1 "attempt to" eval boxed 'return io.open("/etc/passwd")'
fails 1 "boxed has computed for 1 s without giving way (--cpu-limit)" eval boxed 'while true do end' --timeout 600

story="who hangs"
fails 1 'no answer in 0.2 s' call shop.hangs --timeout 0.2
fails 1 'no answer in 0.001 s' call shop.hangs --timeout 0.0004 # and not for ever
kill -STOP "$shop"
fails 1 'no answer in 0.2 s' get shop.n --timeout 0.2
kill -CONT "$shop"
story="who ends"
fails 1 'worker shop ended while it worked on the call' call shop.ends
story="a broker that ends meanwhile"
start late "$build/gaijin-worker" --wait 0 --reconnect 0 -n late -e 'bakaGaijin.f = function() bakaGaijin.called = 1 gaijin.sleep(1000) end'
check "late is there" exports late f
"$ctl" call late.f --timeout 0 >"$dir/out" 2>"$dir/err" &
calling=$!
started+=("$calling")
check "it calls" exports late called
disown "$broker"
kill -9 "$broker"
status=0
wait "$calling" || status=$?
check "status 3, not $status" test "$status" = 3
check "one line" err_is_one_line
fails 3 "" get late.f
finish

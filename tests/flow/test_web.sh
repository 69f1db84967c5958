#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl web as programs meet it: its address, what it serves and to whom, and that it stays up whatever comes. How the
# page looks and behaves in a browser is tests/web/.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/http.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/gaijin.sock
evidence="out err head web.out broker.out"
# How long the broker may take, where it hangs.
patience=${GAIJIN_TEST_SLOWER:-1}
end_broker() { { kill -9 "$broker" && wait "$broker"; } 2>/dev/null; }

story="bad usage"
for words in "--port x" "--port 65536" "--port -1" "--listen 0" "x" "--json" "--timeout x"; do
  # shellcheck disable=SC2086 # several words
  run "$ctl" web $words
  check "web $words: status 2, not $status" test "$status" = 2
  check "web $words: one line" err_is_one_line
done

story="without a broker"
serving web web --timeout "$patience"
web=$pid
path=/${url#http://*/}
key=${path//\//}
check "listens on the loopback" test "${url%"$path"}" = "http://127.0.0.1:$port"
check "has 128 bits of a key in its address" grep -qE '^[0-9a-f]{32}$' <<<"$key"
ask "${path}look"
check "503, not $status" test "$status" = 503
check "and one line" test "$(wc -l <"$dir/out")" = 1
check "which says why" out_has "no broker"
ask "${path}why?object=shop:1"
check "why: 503, not $status" test "$status" = 503
check "why: says why" json '"no broker" in a["said"][0]'
start drip crowd "${path}look" 3 drip

story="another address"
serving other web
check "has another key" test "${url#*"$port"}" != "$path"
ask "$path"
check "knows only its own: 404, not $status" test "$status" = 404
kill "$pid"
port=$(sed -n 's|.*127.0.0.1:\([0-9]*\)/.*|\1|p' "$dir/web.out")

story="who has no key"
wrong=$(tr 0-9a-f 1-9a-f0 <<<"$key")
for other in / /look /tokens /index.html "/$wrong/" "/$wrong/look" "/${key%?}/" "/${key}0/" "/$key" "//$key/" "/%2f$key/" \
  "/${key^^}/x" "/x/../$key/" "/?$key" "/$wrong/../$key/look"; do
  ask "$other"
  check "$other: 404, not $status" test "$status" = 404
  check "$other: is told nothing" test "$(cat "$dir/out")" = "there is nothing here"
done

story="what is there"
for file in "" style.css icon.svg main.js model.js graph.js tables.js details.js; do
  ask "$path$file"
  check "'$file': 200, not $status" test "$status" = 200
  check "'$file': is something" test -s "$dir/out"
  check "'$file': as it is in the source" cmp "$dir/out" "$root/tools/web/page/${file:-index.html}"
done
check "a script as one" head_has '^content-type: text/javascript; charset=utf-8$'
ask "$path"
check "the page as one" head_has '^content-type: text/html; charset=utf-8$'
for field in "content-security-policy: default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" \
  'x-content-type-options: nosniff' 'cache-control: no-store' 'referrer-policy: no-referrer' 'x-frame-options: DENY' \
  'cross-origin-resource-policy: same-origin'; do
  check "has $field" head_has "^$field\$"
done
check "and nothing for other pages" test "$(grep -c '^access-control' "$dir/head")" = 0
check "nothing in line, nothing from elsewhere" \
  test "$(grep -ciE '<script>|<style|style=|\son[a-z]+=|https?://' "$dir/out")" = 0
check "no text becomes elements" test "$(cat "$root"/tools/web/page/*.js | grep -cE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(')" = 0
for other in nothing look/ lookx why "why?object=" "why?object=a%0ab" "tokens?host=a%0ab" "tokens?host=$(printf 'x%.0s' {1..101})" ../look; do
  ask "$path$other"
  check "$other: 404, not $status" test "$status" = 404
done
ask "${path}look" POST "Content-Length: 0"
check "POST: 405, not $status" test "$status" = 405
ask "${path}look" GET "Host: evil.example:$port"
check "another name: 403, not $status" test "$status" = 403
ask "${path}look" GET "Host: evil.example:$port" "Origin: http://evil.example:$port"
check "and of another page: 403, not $status" test "$status" = 403

story="a system"
start_broker --log-level warn
broker=$pid
cat >"$dir/shop.lua" <<'LUA'
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.make = function() return {} end
bakaGaijin['<img src=x onerror=alert(1)>\27[31m\255"'] = {}
LUA
cat >"$dir/till.lua" <<'LUA'
local shop = gaijin.wait_for("shop", "price") and bakaGaijin("shop")
kept = { players = { shop['<img src=x onerror=alert(1)>\27[31m\255"'] } }
many = {}
for i = 1, 50 do many[i] = shop.make() end
for i = 1, 20 do shop.price(i) end
bakaGaijin.ready = true
LUA
start shop "$build/gaijin-worker" "$dir/shop.lua"
start till "$build/gaijin-worker" -n '<b>till' "$dir/till.lua"
check "is ready" exports '<b>till' ready
ask "${path}look"
check "200, not $status" test "$status" = 200
check "JSON" head_has '^content-type: application/json$'
check "has workers" json '[c["worker"] for c in a["clients"]] == ["<b>till", "shop"] and a["clients"][1]["exports"] == 53'
check "traffic" json '[t for t in a["traffic"] if t["asker"] == "<b>till" and t["host"] == "shop"][0]["requests"] >= 70'
check "ops" json '[s for s in a["stats"] if s["op"] == "call"][0]["p99_us"] > 0'
check "loads" json 'a["loads"][0]["held"] == 53 and a["loads"][0]["holder"] == "<b>till"'
check "and the broker" json 'a["status"][0]["workers"] == 2 and "warnings" not in a["status"][0] and a["said"] == []'
"$ctl" clients --json -o worker,id,exports,ready >"$dir/clients"
check "as the command has it" "$python" -c '
import json, sys
page, command = (json.load(open(f)) for f in sys.argv[1:])
assert [{k: c[k] for k in command[0]} for c in page["clients"]] == command, (page, command)' "$dir/out" "$dir/clients"
ask "${path}tokens"
check "objects" json 'len(a["tokens"]) == 53'
check "labels of strangers" json 'any("<img src=x onerror=alert(1)>\x1b[31m\u00ff\"" in t["labels"] for t in a["tokens"])'
object=$("$python" -c 'import json, sys; print([t for t in json.load(open(sys.argv[1]))["tokens"] if t["labels"] and t["kind"] == "table"][0]["id"])' "$dir/out")
ask "${path}tokens?kind=function&host=shop"
check "of a kind" json '{t["kind"] for t in a["tokens"]} == {"function"}'
ask "${path}tokens?holder=%3Cb%3Etill&limit=5"
check "some" json 'len(a["tokens"]) == 5'
ask "${path}tokens?min_age=4000000"
check "none so old" json 'a["tokens"] == []'
for query in kind=nonsense min_age=-1 min_age=1.5 min_age=abc; do
  ask "${path}tokens?$query"
  check "$query is refused: 400, not $status" test "$status" = 400
  check "and what it may be" out_has "takes .*, not '${query#*=}'"
done
for query in limit=x limit=-1 limit=99999999999999999999 x=y; do
  ask "${path}tokens?$query"
  check "$query does no harm: 200, not $status" test "$status" = 200
done
ask "${path}tokens?host=nobody"
check "one who is not there: 502, not $status" test "$status" = 502
check "and who is" out_has "there is no worker 'nobody'"
ask "${path}why?object=shop:$object"
check "why: 200, not $status" test "$status" = 200
check "says how it is reached" json 'a["holders"][0]["worker"] == "<b>till" and a["holders"][0]["paths"] == ["_G.kept.players[1]"]'
for object in shop:99999 nobody:1 shop shop:x -- --help -s; do
  ask "${path}why?object=$object"
  check "why $object: 200, not $status" test "$status" = 200
  check "why $object: says what is wrong" json 'len(a["said"]) == 1 and len(a["said"][0]) > 20'
done

story="many at once"
crowd "${path}look" 50 whole "$broker" >"$dir/out" 2>"$dir/err"
check "all are answered" out_has '^50 good '
check "and those that ask while one is asked share an answer" test "$(sed -n 's/.* good \([0-9]*\) .*/\1/p' "$dir/out")" -lt 10
crowd "${path}tokens?limit=" 40 each >"$dir/out" 2>"$dir/err"
check "all are answered" test "$(wc -l <"$dir/out")" = 40
check "of different questions some may be told to wait" test -z "$(grep -vxE '200|429' "$dir/out")"
ask "${path}look"
check "and it goes on: 200, not $status" test "$status" = 200

story="a hung worker"
kill -STOP "${started[-1]}"
# Each has a second to answer, the other, too.
one_hangs() { ask "${path}look" && json '[c["answering"] for c in a["clients"]] == [False, True]'; }
check "is shown" eventually one_hangs
check "200, not $status" test "$status" = 200
kill -CONT "${started[-1]}"

story="a broker that is started again"
end_broker
ask "${path}look"
check "503, not $status" test "$status" = 503
start_broker --log-level warn
broker=$pid
ask "${path}look"
check "200, not $status" test "$status" = 200
check "is another" json 'a["status"][0]["generation"] == 2'
check "said once each" test "$(grep -c 'answers again' "$dir/web.out")" = 2

story="a connection that is lost while objects are asked for"
# The number of its connection to the broker, its only socket of that kind.
inode=$(readlink "/proc/$web/fd"/* | sed -n 's/^socket:\[\(.*\)\]$/\1/p' | grep -wFf - /proc/net/unix | awk '{ print $7 }')
check "there is one" test -n "$inode"
kill -STOP "$broker"
crowd "${path}tokens?limit=" 1 each >"$dir/again" 2>"$dir/err" &
asking=$!
check "it is given up" eventually eval "! grep -q ' $inode\b' /proc/net/unix"
kill -CONT "$broker"
wait "$asking"
check "and another asks the same: 200, not $(cat "$dir/again")" test "$(cat "$dir/again")" = 200
ask "${path}look"
check "and it goes on: 200, not $status" test "$status" = 200

story="a hung broker"
kill -STOP "$broker"
ask "${path}look"
check "503, not $status" test "$status" = 503
ask "$path"
check "the page is there all the same: 200, not $status" test "$status" = 200
ask_in_vain() { crowd "${path}look" 5 whole >/dev/null 2>&1; }
ask_in_vain &
story="who sends a byte a second"
check "is cut off all the same" eventually has drip closed

story="the end"
kill -TERM "$web"
check "comes though the broker hangs" eventually gone "$web"
wait "$web"
status=$?
check "status 0, not $status" test "$status" = 0
kill -CONT "$broker"
finish

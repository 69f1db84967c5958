#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl where workers hang, and where scripts wait for them: clients, ping WORKER, wait; names that there are not.
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/gaijin.sock

# answering WORKER true|false: what `clients` says.
answering() { "$ctl" clients -o worker,answering --json | grep -F "{\"worker\":\"$1\",\"answering\":$2}" >/dev/null; }
# worker NAME CODE: starts one.
is_empty_file() { [ ! -s "$1" ]; }
worker() { start "$1" "$build/gaijin-worker" -n "$1" -e "$2"; }

story="wait"
# The broker and the worker come while it waits.
start waiting "$ctl" wait shop price --timeout "$limit"
waiting=$pid
start for_ever "$ctl" wait shop price --timeout 0
for_ever=$pid
start_broker --log-level warn
broker=$pid
worker shop 'gaijin.ready() bakaGaijin.go = function() bakaGaijin.price = 1 end'
expect 0 wait shop
check "says nothing" is_empty_file "$dir/out"
# no_answer TEXT WORD...: so ends a wait of a moment; one that found neither broker nor worker meanwhile is another one's.
no_answer() {
  run "$ctl" wait "${@:2}" --timeout 0.1
  [ "$status" = 1 ] && err_has "^gaijinctl: $1: no answer in 0\.1 s\$"
}
check "the label is not there" eventually no_answer 'price of worker shop' shop price
check "it waits still" kill -0 "$waiting"
"$build/gaijin-worker" -n once --once -e 'bakaGaijin("shop").go()'
status=0
wait "$waiting" || status=$?
check "it has waited for the label: $status" test "$status" = 0
status=0
wait "$for_ever" || status=$?
check "0 is for ever: $status" test "$status" = 0
expect 0 wait shop price
check "nobody came" eventually no_answer 'worker nobody' nobody
expect 3 wait shop --timeout 0.1 -s "$dir/none.sock"
check "no broker came" err_has 'no broker at .* after 0\.1 s'
expect 2 wait
check "one line" err_is_one_line

story="ping WORKER"
expect 0 ping shop
check "a time" out_has '^worker shop answered in [0-9.]+ us$'
expect 0 ping shop --timeout 0
check "for ever if need be" out_has '^worker shop answered in [0-9.]+ us$'
expect 0 ping shop --json
check "as JSON" out_has '^\[\{"worker":"shop","round_trip_us":[0-9.]+,"broker_version":"[^"]+"\}\]$'
expect 0 ping --json
check "the broker" out_has '^\[\{"worker":null,"round_trip_us":[0-9.]+,"broker_version":"[^"]+"\}\]$'
expect 2 ping --timeout 1
check "one line" err_is_one_line
# Nobody asks its handlers anything: an access function that refuses all, or hangs, is none of it.
worker shut 'gaijin.access = function() while true do gaijin.sleep(1000) end end bakaGaijin.x = 1'
wait_until answering shut true
expect 0 ping shut

story="a worker that hangs in its own timer"
worker hangs 'gaijin.after(0, function() while true do end end)'
hangs=$pid
expect 0 wait hangs
expect 1 ping hangs --timeout 0.5
check "says so" err_has '^gaijinctl: worker hangs: no answer in 0\.5 s$'
check "in one line" err_is_one_line
check "clients shows it" answering hangs false
check "others do answer" eventually answering shop true
kill -9 "$hangs"
wait "$hangs" 2>/dev/null

story="a worker that is stopped"
worker stopped ''
stopped=$pid
expect 0 wait stopped
expect 0 ping stopped
kill -STOP "$stopped"
expect 1 ping stopped --timeout 0.2
check "clients shows it" answering stopped false
kill -CONT "$stopped"
expect 0 ping stopped

story="a broker that hangs"
kill -STOP "$broker"
expect 3 ping shop
check "is no worker's fault" err_has '^gaijinctl: .*the broker .*does not answer'
check "one line" err_is_one_line
kill -CONT "$broker"
expect 0 ping shop

story="a broker that dies in the middle"
kill -STOP "$stopped"
start late "$ctl" labels stopped
late=$pid
asked() { "$ctl" accounts --json -o requests | grep -F '"requests":1' >/dev/null; }
wait_until asked
kill -9 "$broker"
status=0
wait "$late" || status=$?
check "status 3, not $status" test "$status" = 3
check "one line" test "$(wc -l <"$dir/late.out")" = 1
kill -CONT "$stopped"

story="names that there are not"
export GAIJIN_SOCKET=$dir/again.sock
start_broker --log-level warn
worker shop ''
worker till-1 ''
expect 0 wait shop
expect 0 wait till-1
for words in "labels shpo" "gc shpo" "ping shpo" "tokens --host shpo" "tokens --holder shpo"; do
  # shellcheck disable=SC2086 # several words
  expect 1 $words
  check "$words: which may be meant, and which there are" \
    err_has "^gaijinctl: there is no worker 'shpo' \(did you mean shop\?\); there are (shop, till-1|till-1, shop)$"
  check "$words: one line" err_is_one_line
done
expect 0 tokens --host shop

story="filters"
worker host 'bakaGaijin.t = {} bakaGaijin.f = print bakaGaijin.c = coroutine.create(function() end)'
worker holder 'local n = {} for _, label in ipairs{"t", "f", "c"} do n[#n + 1] = gaijin.wait_for("host", label) end kept = n'
held() { [ "$("$ctl" tokens -o kind --json "$@" | grep -c kind)" = "$wanted" ]; }
wanted=3
wait_until held
wanted=1
for kind in table function thread; do
  check "one $kind" held --kind $kind
  expect 0 tokens --kind $kind -o kind
  check "of that kind" test "$(sed 1d "$dir/out")" = $kind
done
wanted=0
check "no userdata" held --kind userdata
check "nothing is so old" held --min-age 100000
wanted=3
check "all are older than nothing" held --min-age 0
expect 2 tokens --kind tabel
check "which kinds there are" err_has "^gaijinctl: --kind takes any, table, function, thread or userdata, not 'tabel'"

finish

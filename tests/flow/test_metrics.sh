#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gaijinctl metrics: what a monitoring system is served, to whom, and that the broker may come and go.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/http.sh"
ctl=$build/gaijinctl
export GAIJIN_SOCKET=$dir/gaijin.sock
# What stands in JSON as this name serves.
serves() { "$ctl" clients --json | grep -F "\"worker\":\"$1\"" | grep '"ready":true'; }
# How long the broker may take, where it hangs.
patience=${GAIJIN_TEST_SLOWER:-1}
evidence="out err head metrics.out broker.out"

story="bad usage"
for where in "" x 65536 -1 0x50 127.0.0.1 0.0.0.0:0 192.168.1.1:0 ::1 "[::]:0" "[::2]:0" localhost:0 127.0.0.1:x 127.1:0 \
  $'127.0.0.1:0\n'; do
  run "$ctl" metrics --listen "$where"
  check "'$where': status 2, not $status" test "$status" = 2
  check "'$where': one line" err_is_one_line
done
run "$ctl" metrics
check "it must be said where: status 2, not $status" test "$status" = 2
run "$ctl" metrics --listen 0 x
check "no words: status 2, not $status" test "$status" = 2

story="without a broker"
serving metrics metrics --listen 0 --timeout "$patience"
metrics=$pid
end_broker() { { kill -9 "$broker" && wait "$broker"; } 2>/dev/null; }
start drip crowd /metrics 3 drip
ask /metrics
check "503, not $status" test "$status" = 503
check "and one line" test "$(wc -l <"$dir/out")" = 1
check "which says why" out_has "no broker"
check "said on stderr" has metrics "metrics: .*no broker"
ask /metrics
check "once" test "$(wc -l <"$dir/metrics.out")" = 2

story="what is counted"
start_broker --log-level warn
broker=$pid
start shop "$build/gaijin-worker" -n "sh\"op\\" -e 'bakaGaijin.price = function(n) return 2 * n end bakaGaijin.kept = {1} gaijin.run()'
wait_until serves "sh\\\"op\\\\"
run "$build/gaijin-worker" -n till --once -e 'for i = 1, 20 do bakaGaijin("sh\"op\\").price(i) end'
ask /metrics
cp "$dir/out" "$dir/text"
check "200, not $status" test "$status" = 200
check "as OpenMetrics 1.0.0" head_has '^content-type: application/openmetrics-text; version=1.0.0; charset=utf-8$'
check "not to be kept" head_has '^cache-control: no-store$'
check "nor guessed at" head_has '^x-content-type-options: nosniff$'
check "for nobody else's pages" test "$(grep -c '^access-control' "$dir/head")" = 0
check "a parser of OpenMetrics reads it (python3-prometheus-client)" "$python" -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
names = {family.name: family for family in parse(open(sys.argv[1]).read())}
calls = [s for s in names["gaijin_pair_requests"].samples if s.labels["asker"] == "till"]
assert calls[0].labels["host"] == "sh\"op\\" and calls[0].value >= 20, calls
assert names["gaijin_observers"].samples[0].value >= 1
' "$dir/text"
check "the broker is said to be back" has metrics "answers again"

story="what is not there"
for path in / /metrics/ /metrics2 //metrics /METRICS /../metrics "/%00"; do
  ask "$path"
  check "$path: 404, not $status" test "$status" = 404
done
ask "/metrics?x=1"
check "fields do not matter: 200, not $status" test "$status" = 200
ask /metrics HEAD
check "HEAD: 200, not $status" test "$status" = 200
check "without a body" test ! -s "$dir/out"
check "but its size" head_has '^content-length: [0-9]{3,}$'
for method in POST PUT DELETE OPTIONS TRACE PATCH NONSENSE; do
  ask /metrics "$method" "Content-Length: 0"
  check "$method: 405, not $status" test "$status" = 405
  check "$method: says what there is" head_has '^allow: GET, HEAD$'
done
ask /metrics GET "Content-Length: 5"
check "a body: 413, not $status" test "$status" = 413
long=$(printf 'x%.0s' {1..20000})
ask /metrics GET "X-Long: $long"
check "a head that is too long: 431, not $status" test "$status" = 431
ask "/$long"
check "an address that is too long: 414, not $status" test "$status" = 414

story="whose name it is"
for host in "127.0.0.1:$port" "localhost:$port" "LOCALHOST:$port"; do
  ask /metrics GET "Host: $host"
  check "$host: 200, not $status" test "$status" = 200
done
for host in "" "evil.example:$port" evil.example "127.0.0.1:$((port ^ 1))" 127.0.0.1 "localhost.evil.example:$port" \
  "127.0.0.1:$port.evil.example" "127.0.0.1:$port@evil.example" "[::1]:$port"; do
  ask /metrics GET "Host: $host"
  # A request without a host is none of HTTP 1.1.
  check "'$host': 403 or 400, not $status" test "$status" = 403 -o "$status" = 400
done
ask /metrics GET "Host: 127.0.0.1:$port" "Host: evil.example"
check "two names: 403, not $status" test "$status" = 403

story="a port that is taken"
run "$ctl" metrics --listen "$port"
check "status 1, not $status" test "$status" = 1
check "one line" err_is_one_line
check "says which" err_has "cannot listen at 127.0.0.1:$port"

story="many at once"
crowd /metrics 50 whole >"$dir/out" 2>"$dir/err"
check "all are answered" out_has '^50 good '
start half crowd /metrics 100 half
check "a hundred slow ones" eventually has half '100 connected'
ask /metrics
check "others are served when their time is over: 200, not $status" test "$status" = 200

story="a hung broker"
kill -STOP "$broker"
crowd /metrics 20 whole >"$dir/crowd" 2>&1 &
hung=$!
ask /metrics
check "503, not $status" test "$status" = 503
check "and one line" test "$(wc -l <"$dir/out")" = 1
check "which says why" out_has 'does not answer'
kill -CONT "$broker"
wait "$hung"
ask /metrics
check "then it goes on: 200, not $status" test "$status" = 200

story="a broker that is started again"
end_broker
ask /metrics
check "503, not $status" test "$status" = 503
start_broker --log-level warn
broker=$pid
ask /metrics
check "200, not $status" test "$status" = 200
end_broker
start_broker --log-level warn
ask /metrics
check "though nobody asked meanwhile: 200, not $status" test "$status" = 200

story="who says nothing more, and who a byte a second"
check "those end" eventually has half closed
check "and who goes on is cut off all the same" eventually has drip closed

story="the end"
kill -TERM "$metrics"
check "comes" eventually gone "$metrics"
wait "$metrics"
status=$?
check "status 0, not $status" test "$status" = 0
if [ -e /proc/net/if_inet6 ] && grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6; then
  serving six metrics --listen '[::1]:0'
  check "IPv6, too" test "$("$python" -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).status)' "$url")" = 200
  kill -INT "$pid"
  wait "$pid"
  status=$?
  check "status 0, not $status" test "$status" = 0
fi
finish

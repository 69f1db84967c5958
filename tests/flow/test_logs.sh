#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The logs of broker and workers, as text and as JSON, each line of which a real parser reads; who
# came, who ended, and why.
. "$(dirname "$0")/lib.sh"
evidence="*.out err"
export GAIJIN_SOCKET=$dir/gaijin.sock
hostile=$'q"\\\xc3\xa9 "level":"x' # what a worker may be called

# An object a line, with time, level, program and event, and no member twice.
cat >"$dir/parse.py" <<'EOF'
import json, re, sys
def members(pairs):
    found = dict(pairs)
    assert len(found) == len(pairs), pairs
    return found
want = dict(word.split("=", 1) for word in sys.argv[2:])
good = False
for line in open(sys.argv[1], "rb"):
    assert line.endswith(b"\n"), line
    one = json.loads(line.decode("utf-8"), object_pairs_hook=members)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["time"]), one
    assert one["level"] in ("error", "warn", "info", "debug"), one
    assert one["program"] in ("gaijin-broker", "gaijin-worker"), one
    assert isinstance(one["event"], str), one
    assert not any(ord(c) < 32 for c in line.decode("utf-8")[:-1]), line
    good = good or all(re.search(v, str(one.get(k, "")), re.S) for k, v in want.items())
sys.exit(0 if good or not want else "no line with " + str(want))
EOF
parses() { "$python" "$dir/parse.py" "$dir/$1.out" "${@:2}"; }

kill_one() { # NAME: the worker that serves as NAME, whose pid is $pid
  wait_until "$build/gaijinctl" wait "$1" --timeout 10 || return
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
}

story=text
start_broker
start victim "$build/gaijin-worker" -n victim -e 'bakaGaijin.x = 1'
victim=$pid
kill_one victim
run "$build/gaijin-worker" -n leaves --once -e 'local x = 1'
check "who comes" eventually has broker "Z gaijin-broker info: worker victim connected \(user [0-9]+, process $victim\)\$"
check "who dies, and of what" eventually has broker "Z gaijin-broker info: worker victim ended \(process $victim\): its process was killed by signal 9 \(Killed\)\$"
check "who leaves" eventually has broker 'Z gaijin-broker info: worker leaves left in good order \(process [0-9]+\)$'
# What nobody waits for the kernel tells as long as one likes.
for code in 'error("no stock")' 'os.exit(1)'; do
  start parent sh -c '"$@" & exec sleep 1000' sh "$build/gaijin-worker" --once -n unwell -e "$code"
  check "who leaves with a status: $code" eventually has broker \
    'Z gaijin-broker info: worker unwell left \(process [0-9]+\): its process exited with status 1$'
  : >"$dir/broker.out"
done
no_observers() { ! grep -F observer "$dir/broker.out" >/dev/null; }
check "observers are no news" no_observers
run "$build/gaijin-worker" -n fails -e 'error("no stock")'
check "a worker says when, how grave, and who" err_has \
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z gaijin-worker error: fails: .*no stock$'
# Says hello under each name, and ends with a status of its own.
cat >"$dir/exits.py" <<'EOF'
import os, socket, struct, sys
for name in sys.argv[1:]:
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.environ["GAIJIN_SOCKET"])
    body = bytes([0x94, 6, 6, 0xa0 + len(name)]) + name.encode() + b"\xc2"
    envelope = b"\x99\xcc\x01\xcc\x01\xcd\0\0\xcd\0\0\xcf" + struct.pack(">Q", 1) + b"\xcf" + bytes(8) + b"\xce" + bytes(4) + b"\xc0" + body
    s.sendall(b"\xce" + struct.pack(">I", len(envelope)) + envelope)
    s.recv(5)
os._exit(7)
EOF
run "$python" "$dir/exits.py" status
check "the status of who does not say that it leaves" eventually has broker \
  'worker status ended \(process [0-9]+\): its process exited with status 7$'
end_started

story=json
start_broker --log-format json --log-level debug
start named "$build/gaijin-worker" --log-format json --allow-eval -n "$hostile" \
  -e 'gaijin.spawn(function() error("bad \27[2J \255 \226\128\174 \"q\"\nsecond line") end)'
named=$pid
wait_until has named "second line"
kill_one "$hostile"
check "all lines of the broker are objects" parses broker
check "who comes" parses broker 'level=^info$' "event= connected \(" "pid=^$named\$" 'id=^[0-9a-f]{16}$' "worker=^q\"\\\\é \"level\":\"x\$"
check "who dies, and of what" eventually parses broker 'level=^info$' "event= ended \(" "pid=^$named\$" 'cause=killed by signal 9'
check "an observer" parses broker 'level=^debug$' 'observer=^gaijinctl$' 'event=^observer '
check "how it ended nobody says" eventually parses broker 'event=^observer @gaijinctl left [(]process [0-9]+[)]$'
check "all lines of the worker are objects" parses named
check "its error, in one line" parses named 'level=^error$' "pid=^$named\$" "worker=^q\"" 'event=bad .*second line'
run "$build/gaijin-worker" --log-format json -n fails -e 'error("no stock")'
cp "$dir/err" "$dir/fails.out"
check "the error that ends it" parses fails 'level=^error$' 'worker=^fails$' 'event=no stock\nstack traceback'
run "$build/gaijin-worker" --log-format json -n many --max-fibers 1000000 --once -e 'print(1)'
cp "$dir/err" "$dir/many.out"
check "what is said of its settings" parses many
run "$build/gaijin-worker" --log-format json -n stuck --cpu-limit 0.2 -e 'while true do pcall(function() while true do end end) end'
cp "$dir/err" "$dir/stuck.out"
check "the last word of one that is stuck" parses stuck 'level=^error$' 'event=has computed for'
run "$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-format json
cp "$dir/err" "$dir/second.out"
check "a broker that cannot run" parses second 'level=^error$' 'program=^gaijin-broker$'
end_started
check "to the end" parses broker 'event=^ends on signal 15$'

story=journal
start_broker --log-format journal --log-level debug
start named "$build/gaijin-worker" --log-format journal -n shop -e 'gaijin.spawn(function() error("bad\n<0>worse") end)'
check "a worker's error has its level" eventually has named '^<3>error: shop: .*bad$'
check "and no other in a text" eventually has named '^<3><0>worse$'
check "every line of a traceback" test "$(grep -cvE '^<[3-7]>' "$dir/named.out")" = 0
check "who comes" eventually has broker '^<6>info: worker shop connected \(user [0-9]+, process [0-9]+\)$'
check "an observer" has broker '^<7>debug: observer @gaijinctl connected'
run "$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-format journal
check "a broker that cannot run" err_has '^<3>error: another broker is already running'
printf 'log-format = journal\nx = 1\n' >"$dir/broker.conf"
chmod go-w "$dir/broker.conf"
run "$build/gaijin-broker" -c "$dir/broker.conf"
check "nor with these settings" err_has "^<3>error: $dir/broker.conf:2: unknown key 'x'"
run "$build/gaijin-broker" -c "$dir/broker.conf" --check-config
check "people who ask are told as people" err_has "^gaijin-broker: $dir/broker.conf:2: unknown key 'x'"
end_started
check "every line has its level" test "$(grep -cvE '^<[3-7]>' "$dir/broker.out")" = 0

story=run
echo 'print("out") io.stderr:write("err, no end")' >"$dir/prints.lua"
unset GAIJIN_SOCKET
run "$build/gaijinctl" run --timestamps --once "$dir/prints.lua" "second=$dir/prints.lua"
stamp='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z'
check "what a worker prints has time and name" out_has "$stamp prints \| out\$"
check "on both streams" err_has "$stamp second \| err, no end\$"
run "$build/gaijinctl" run "$dir/prints.lua" --once --timestamps
check "the flag may stand behind a script" out_has "$stamp prints \| out\$"
run "$build/gaijinctl" --timestamps run --once "$dir/prints.lua" -- --timestamps
check "and before the command" out_has "$stamp prints \| out\$"
run "$build/gaijinctl" run --once "$dir/prints.lua" -- --timestamps
check "a script's own argument is none" out_has '^prints \| out$'
export GAIJIN_SOCKET=$dir/gaijin.sock

story=floods
start_broker --log-format json
none_there() { [ "$("$build/gaijinctl" clients --json)" = "[]" ]; }
run "$python" "$dir/exits.py" w{1..60}
check "sixty come and go: status 7, not $status" test "$status" = 7
check "all are seen to have gone" eventually none_there
end_started
check "of a flood not all is written, and that is said" parses broker 'level=^warn$' 'event=more lines about clients that came or left'
check "and it is short" test "$(wc -l <"$dir/broker.out")" -lt 110

finish

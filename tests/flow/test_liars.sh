#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# gaijinctl asks a worker that answers whatever it is asked with what no honest one says: other
# types, tables that lead nowhere, deep and huge ones, tokens of others. Each command ends with
# status 0 or 1, and says no more than one line.
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl
evidence="out err liar.out broker.out"
export GAIJIN_SOCKET=$dir/gaijin.sock

# A worker that answers s2t of "ok" with a token, and everything else with the body in the file.
cat >"$dir/liar.py" <<'EOF'
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["GAIJIN_SOCKET"])
def send(kind, op, id, body, name=None):
    target = b"\xc0" if name is None else b"\xd9" + bytes([len(name)]) + name
    e = b"\x99\xcc" + bytes([kind]) + b"\xcc" + bytes([op]) + b"\xcd\0\0\xcd\0\0\xcf" + struct.pack(">Q", id) + b"\xcf" + bytes(8) + b"\xce" + bytes(4) + target + body
    s.sendall(b"\xce" + struct.pack(">I", len(e)) + e)
def need(n):
    b = b""
    while len(b) < n:
        more = s.recv(n - len(b))
        if not more: sys.exit(0)
        b += more
    return b
def receive():
    return need(struct.unpack(">I", need(5)[1:])[0])
send(1, 1, 1, b"\x94\x06\x06\xa4liar\xc2")
m = receive()
assert m[2] == 2, m
host = m[38:46] # behind nil, the array's head, the version, and its own head
assert m[37] == 0xcf, m
own = lambda id, kind=1: b"\xc7\x18" + bytes([kind]) + host + struct.pack(">Q", id) + b"stampstm"
send(4, 23, 0, b"\x90")
while True:
    m = receive()
    kind, op, id = m[2], m[4], struct.unpack(">Q", m[12:20])[0]
    if kind != 1: continue
    if op == 15: send(2, op, id, b"\x90") # free
    elif op == 2 and b"\xa2ok" in m: send(2, op, id, b"\x91" + own(1))
    else:
        body = open(sys.argv[1], "rb").read()
        send(3 if body[:1] == b"E" else 2, op, id, body.replace(b"<own>", own(2)).replace(b"E", b"", 1 if body[:1] == b"E" else 0))
EOF
cat >"$dir/bodies.py" <<'EOF'
import struct, sys
array = lambda n: b"\xdd" + struct.pack(">I", n)
bodies = {
    "nothing": b"\x90",
    "a nil": b"\x91\xc0",
    "many types": b"\x96\xc0\xc3\xcb\x7f\xf0\0\0\0\0\0\0\xa1\x1b\xc4\x02\xff\0\xd4\0\0",
    "numbers": array(3000) + b"\x07" * 3000,
    "as deep as may be": b"\x91" * 8,
    "a table that is a number": b"\x91\x91\x07",
    "a table with half an entry": b"\x91\x91\x91\x01",
    "a table that leads nowhere": b"\x91\x91\x92\x01\x91\x63",
    "a table with number 0": b"\x91\x91\x92\x01\x91\x00",
    "a table with number 1.5": b"\x91\x91\x92\x01\x91\xcb\x3f\xf8\0\0\0\0\0\0",
    "nil as key": b"\x91\x91\x92\xc0\x01",
    "nan as key": b"\x91\x91\x92\xcb\x7f\xf8\0\0\0\0\0\0\x01",
    "a table in itself": b"\x91\x91\x92\x91\x01\x91\x01",
    "no tables": b"\x91\x90",
    "a chain of tables": b"\x91" + array(20000) + b"".join(b"\x92\x01\x91\xcd" + struct.pack(">H", i + 2) for i in range(19999)) + b"\x90",
    "a huge table": b"\x91\x91" + array(400000) + b"".join(b"\xce" + struct.pack(">I", i) + b"\xa1x" for i in range(200000)),
    "a token": b"\x91<own>",
    "tokens as labels": b"\x93<own><own><own>",
    "a token as key": b"\x91\x91\x92<own><own>",
    "names that steer": b"\x96\xa4\x1b[2J\xa5table\x01\xa3a\nb\xa8\x1b]0;x\x07\x00\xcf" + b"\xff" * 8,
    "an error of no form": b"E\x91\x00",
    "an error that is a table": b"E\x92\x00\x91\x92\x01\x91\x01",
    "an error with a false trace": b"E\x93\x00\xa1x\xc4\x03\x1b\n\xff",
    "an error of an unknown status": b"E\x92\xcd\x03\xe7\xa4\x1b[2J",
}
for name, body in bodies.items():
    open(sys.argv[1] + "/" + name, "wb").write(body)
EOF
mkdir "$dir/bodies"
"$python" "$dir/bodies.py" "$dir/bodies" || exit 1

is_told() { # status 0, or 1 with a line, and perhaps a traceback of the worker's below it
  [ "$status" = 0 ] || { [ "$status" = 1 ] && [ -s "$dir/err" ]; } || return 1
  ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$dir/out" "$dir/err" || return 1
  [ "$(grep -c '^gaijinctl: ' "$dir/err")" -le "${1:-1}" ]
}

# A broker ends who breaks the rules of the wire: then there is another. Its process may take a while to end.
serves() {
  if gone "$pid"; then start liar "$python" "$dir/liar.py" "$dir/body"; fi
  "$ctl" wait liar --timeout 1
}
start_broker --log-level info
for body in "$dir"/bodies/*; do
  story=${body##*/}
  cp "$body" "$dir/body"
  start liar "$python" "$dir/liar.py" "$dir/body"
  status=1
  for words in "labels liar" "get liar.x" "get liar.ok" "pairs liar" "pairs liar.ok" "len liar.ok" "len liar.x" "call liar.ok @liar.x" "set liar.ok.x 1" \
    "eval liar 1" "ping liar" "tokens" "--json get liar.x" "--json pairs liar.ok"; do
    [ "$status" = 0 ] || wait_until serves || break 2 # whose answers were taken is there
    # shellcheck disable=SC2086 # several words
    run "$ctl" $words
    check "gaijinctl $words: status $status" is_told
  done
  kill "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
done
finish

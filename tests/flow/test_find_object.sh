#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What is about one object reads that object, and not all that its worker has: of 100,000, which
# would be 100 pages of the broker's book, `why` and `graph --focus` ask for few.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/s
ctl=$build/gaijinctl
evidence="out err *.out"

cat >"$dir/shop.lua" <<'END'
bakaGaijin.make = function(n) local all = {}; for i = 1, n do all[i] = {} end; return unpack(all) end
gaijin.run()
END
cat >"$dir/till.lua" <<'END'
gaijin.wait_for("shop", "make")
local make = bakaGaijin("shop").make
kept = {}
for i = 1, 100 do kept[i] = {make(1000)} end
bakaGaijin.all = {}
gaijin.run()
END

cat >"$dir/measure.py" <<'END'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
END

# How often the broker has been asked for a page of its books, those of `stats` included.
pages() {
  "$ctl" --json stats | "$python" -c 'import json, sys; print(sum(r["requests"] for r in json.load(sys.stdin) if r["op"] == "inspect"))'
}
# asks_little WHAT COMMAND...: the command takes 20 pages at most.
asks_little() {
  local what=$1 before after
  shift
  before=$(pages)
  run "$@"
  check "$what: status 0" [ "$status" = 0 ]
  after=$(pages)
  check "$what: $((after - before)) pages" [ $((after - before)) -le 20 ]
}

start_broker --log-level info
start shop "$build/gaijin-worker" -n shop "$dir/shop.lua"
start till "$build/gaijin-worker" -n till "$dir/till.lua"
check "till has them" eventually exports till all
before=$(pages)
run "$python" "$dir/measure.py" "$ctl" --json tokens --host shop
mv "$dir/err" "$dir/kib"
# 16 bytes a cell, and texts that repeat are kept once: 18 MB; 65 when each cell was a text of its own.
if ! sanitized "$ctl"; then check "a table of all takes little memory" test "$(cat "$dir/kib")" -lt 40000; fi
check "all of them are many pages" [ $(($(pages) - before)) -ge 100 ]
id=$("$python" -c 'import json, sys; print(max(r["id"] for r in json.load(open(sys.argv[1])) if r["kind"] == "table"))' "$dir/out")
asks_little "why" "$ctl" why "shop:$id" --timeout "$limit"
check "why: who holds it" out_has '^held by till '
asks_little "focus" "$ctl" graph --json --focus "shop:$id" --depth 1
check "focus: the object" out_has "\"id\": *$id\\b"
asks_little "depth 2" "$ctl" graph --json --focus "shop:$id" --depth 2
check "depth 2: the object" out_has "\"id\": *$id\\b"
finish

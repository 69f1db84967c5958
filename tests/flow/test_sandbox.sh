#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Ways out of gaijin-worker --sandbox. Each is tried without it first, where it must get through, or else it would show
# nothing. The programs are in tests/sandbox/; what uses up time or memory is below.
. "$(dirname "$0")/lib.sh"
evidence="victim.out out err"
cd "$dir" || exit 1
export GAIJIN_SOCKET=$dir/g.sock
worker=$build/gaijin-worker
sources=$root/tests/sandbox

start_broker --log-level debug # its first lines are not thinned

story="the broker"
run "$worker" -n marked --once --sandbox -e 'print(1)'
check "is told that a worker is sandboxed" \
  eventually has broker ' worker marked connected \(user [0-9]+, process [0-9]+, sandboxed\)$'
run "$worker" -n open --once -e 'print(1)'
check "is not told so of others" eventually has broker ' worker open connected \(user [0-9]+, process [0-9]+\)$'

start victim "$worker" "$sources/victim.lua"
bytecode=$("$worker" -n dumps --once -e \
  'io.write((string.dump(loadstring("return true")):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))')
"$worker" -n dumps --once -e 'io.write(string.dump(loadstring("return true")))' >bytecode.lua

# try_all HOW FLAG...: what each try says, in the file HOW.
try_all() {
  local how=$1
  shift
  start "$how" "$worker" -n tries "$@" "$sources/tries.lua" "$build" "$bytecode"
  run "$worker" --once "$sources/outsider.lua"
  check "the outsider ends with 0" test "$status" = 0
  cat "$how.out" out >"$how"
  kill "$pid"
  wait "$pid"
}

# ---- One by one

story="without --sandbox"
try_all open
while IFS= read -r line; do
  check "gets through without --sandbox: ${line#*: }" test "${line%%: *}" = through
done < <(grep -E '^(through|held): ' open)

story="with --sandbox"
try_all closed --sandbox
while IFS= read -r line; do
  check "is held by --sandbox: ${line#*: }" test "${line%%: *}" = held
done < <(grep -E '^(through|held): ' closed)
check "at least sixty were tried" test "$(grep -c '^held: ' closed)" -ge 60
check "the same were tried" diff <(sed -n 's/^through: //p' open | sort) <(sed -n 's/^held: //p' closed | sort)
if sanitized "$worker"; then
  check "says that the kernel does not help" has closed 'not filtered, because AddressSanitizer'
else
  check "says what is in force" has closed ' gaijin-worker info: tries: sandboxed; system calls are filtered[,;] '
fi

story="require"
run "$worker" --once --sandbox -e 'print(require "string" == string, select("#", require "math"))'
check "gives a library that is there, and nothing else" out_has '^true\s1$'
run "$worker" --once --sandbox -e 'print(pcall(require, "posix"))'
check "reads no files" out_has "^false\s.*module 'posix' is not there, and a sandbox reads no files"

story="bytecode as the script"
run "$worker" --once bytecode.lua
check "runs without --sandbox" test "$status" = 0
run "$worker" --once --sandbox bytecode.lua
check "is refused with it" test "$status" = 1
check "says why" err_has 'bytecode.lua: gaijin: unsupported: bytecode is not loaded in a sandbox'
run "$worker" --once --sandbox -e $'\033Lua'
check "is refused as code too" test "$status" = 1

story="a script with a comment for the shell"
printf '#!/usr/bin/env gaijin-worker\nprint(1) error("line 2", 1)\n' >shebang.lua
run "$worker" --once --sandbox shebang.lua
check "runs" says 1
check "counts its lines from the first" err_has 'shebang.lua:2: line 2'
run "$worker" --once --sandbox missing.lua
check "a script that is not there is named" err_has 'cannot open missing.lua: No such file'

# ---- What it has of whoever started it

story="descriptors, standard input and the environment"
echo secret >"$dir/secret"
# inherits FLAG...: starts a worker with a descriptor, an input and a variable that it should not have.
inherits() {
  : >"$dir/heir.out"
  GAIJIN_TEST_SECRET=open-sesame "$worker" -n heir "$@" -e 'print "ready"' \
    <"$dir/secret" 7<"$dir/secret" >"$dir/heir.out" 2>&1 &
  pid=$!
  started+=("$pid")
  wait_until has heir '^ready'
}
end_heir() {
  kill "$pid"
  wait "$pid"
}
has_open() { [ -n "$(find "/proc/$pid/fd" -lname '*/secret')" ]; }
knows() { grep -aF open-sesame "/proc/$pid/environ" >"$dir/known"; }
is_not() { ! "$@"; }
inherits
check "stay without --sandbox" test -e "/proc/$pid/fd/7"
check "are open" has_open
check "is known" knows
end_heir
inherits --sandbox
if ls "/proc/$pid/fd" >"$dir/known" 2>&1; then
  check "are closed with it" is_not has_open
  check "standard input is /dev/null" test "$(readlink "/proc/$pid/fd/0")" = /dev/null
  check "the environment is wiped" is_not knows
else
  check "are for root's eyes only" test "$(id -u)" != 0
fi
end_heir
run env TZ=UTC-3 "$worker" -n zone --once --sandbox -e 'print(os.date("%H", 0))'
check "the time zone stays" out_has '^03$'

# ---- Time

# Without a limit it runs until it is killed; with one, which is not near its end then, it is ended with a line.
endless() { # NAME CODE
  story=$1
  timeout 0.5 "$worker" -n endless --once --grace 0.1 -e "$2" >out 2>err
  check "does not end by itself" test $? = 124
  run "$worker" -n endless --once --sandbox --cpu-limit 0.1 -e "$2" 2>"$dir/shell" # which tells of the signal too
  check "is ended by SIGXCPU" test "$status" = 152
  check "says why" err_has ' gaijin-worker error: endless: ended: its Lua code has computed for .* \(--cpu-limit\)$'
}
endless "an error that is caught" 'while true do pcall(function() while true do end end) end'
endless "in C, without a hook" 'local s = ("x"):rep(1e5) while true do s:rep(300):reverse() end'
endless "a pattern that tracks back" '(("a"):rep(5000)):find((".-"):rep(30) .. "b")'
endless "a finaliser, where no hook is called" \
  'getmetatable(newproxy(true)).__gc = function() while true do end end collectgarbage()'
endless "a finaliser at the end" 'x = newproxy(true) getmetatable(x).__gc = function() while true do end end'
endless "coroutines that are too short for a hook" '
  local function nest(n)
    for i = 1, 100 do
      if n > 0 then coroutine.resume(coroutine.create(nest), n - 1) end
    end
  end
  nest(100)'

story="a loop that can be stopped"
run "$worker" -n loops --once --sandbox --cpu-limit 0.1 -e \
  'print(pcall(function() while true do end end)) gaijin.sleep(0) print("goes on")'
check "gets an error" out_has '^false.gaijin: timeout: loops has computed for 0.1 s without giving way \(--cpu-limit\)$'
check "and the worker goes on" out_has '^goes on$'
run "$worker" -n gives-way --once --sandbox --cpu-limit 0.05 -e \
  'local till = os.clock() + 0.5 while os.clock() < till do gaijin.yield() end print("done")'
check "who gives way may go on for ever" out_has '^done$'

# ---- What is open works

story="code that is loaded"
run "$worker" -n loads --once --sandbox -e '
  local n, pieces = 0, { "return ", "6 * 7" }
  local f, why = load(function() n = n + 1 return pieces[n] end, "=name")
  print(f(), why)
  n, pieces = 0, { "return ", "return" }
  print(load(function() n = n + 1 return pieces[n] end, "=name"))
  print(loadstring("return 5")(), loadstring("return return", "=name"))
  print(pcall(load, function() return {} end))'
check "in pieces" out_has '^42.nil$'
check "or is none, and why" out_has "^nil.name:1: unexpected symbol near 'return'$"
check "from a string" out_has "^5.nil.name:1: unexpected symbol near 'return'$"
check "from what is no text" out_has 'reader function must return a string$'

# ---- Memory

# hungry NAME CODE: the code needs some 40 MiB. Without a limit it succeeds, with a low one it gets Lua's error; the worker
# lives, and has memory again when the code has let go of it.
hungry() {
  story=$1
  local code="local function f() $2 end print(pcall(f)) f = nil collectgarbage() print(#('x'):rep(1e6))"
  run "$worker" -n hungry --once -e "$code"
  check "succeeds without a limit" out_has '^true'
  run "$worker" -n hungry --once --sandbox --memory-limit 16M -e "$code"
  check "gets Lua's error" out_has '^false.not enough memory$'
  check "and the worker goes on" out_has '^1000000$'
  check "with status 0" test "$status" = 0
}
hungry "a long string" 'return #("x"):rep(4e7)'
hungry "a string that doubles" 'local s = "x" for i = 1, 25 do s = s .. s end'
hungry "a table" 'local t = {} for i = 1, 3e6 do t[i] = i end'
hungry "tables in tables" 'local t = {} for i = 1, 5e5 do t = { t } end'
hungry "closures" 'local t = {} for i = 1, 5e5 do t[i] = function() return i end end'
hungry "coroutines" 'local t = {} for i = 1, 4e4 do t[i] = coroutine.wrap(function() end) end'
hungry "a concat" 'local t = {} for i = 1, 40 do t[i] = ("x"):rep(1e6) .. i end return #table.concat(t)'
hungry "a gsub" 'return #("x"):rep(1e6):gsub(".", ("y"):rep(40))'
hungry "userdata" 'local t = {} for i = 1, 1e6 do t[i] = newproxy() end'

story="C stacks of what waits, each of more than a mebibyte"
stacks='local function deep(n)
    if n == 0 then gaijin.sleep(0.001) gaijin.sleep(60) return end
    string.gsub("x", ".", function() deep(n - 1) end)
  end
  local waiting, why = 0
  for i = 1, 60 do
    gaijin.spawn(function()
      waiting = waiting + 1
      local ok, e = pcall(deep, 180)
      waiting, why = waiting - 1, e
    end)
    gaijin.yield()
  end
  gaijin.sleep(0.1)
  print(waiting, why)
  os.exit(0)'
run "$worker" -n deep --once -e "$stacks"
check "all wait without a limit" out_has '^60.nil$'
run "$worker" -n deep --once --sandbox --memory-limit 16M -e "$stacks"
check "have a limit" out_has 'not enough memory for the C stacks of what waits \(--memory-limit\)$'
check "within which they wait" out_has '^[1-9][0-9]?.\(command'

story="garbage"
run "$worker" -n waste --once --sandbox --memory-limit 8M -e '
  local kept = ("x"):rep(1e6)
  collectgarbage("stop")
  for i = 1, 2e5 do local t = { i, {} } end
  for i = 1, 4000 do local s = ("x"):rep(1e4) .. i end
  print("done", #kept)'
check "is collected before it is an error" out_has '^done.1000000$'
run "$worker" -n tiny --once --memory-limit 1K -e 'print(1)'
check "too little for a VM is told" test "$status" = 1
check "in a line" err_has ' gaijin-worker [a-z]+: tiny: '

finish

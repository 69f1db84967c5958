#!/bin/bash
# SPDX-License-Identifier: MIT
#
# All programs read their command lines alike: help, version, and one line with status 2 for what is wrong.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/none.sock

# try STATUS ARGUMENT...: runs $program, which ends with that status.
try() {
  story="$program ${*:2}"
  run "$build/$program" "${@:2}"
  check "status $status, not $1" test "$status" = "$1"
}
# says TEXT: nothing on stdout and on stderr this line.
says() {
  check "nothing on stdout" test ! -s "$dir/out"
  check "says: $program: $1; see $program --help" \
    test "$(cat "$dir/err"; echo .)" = "$(printf '%s: %s; see %s --help\n.' "$program" "$1" "$program")"
}
# Help on stdout, not wider than a terminal, with the parts that every help has.
is_help() {
  check "nothing on stderr" test ! -s "$dir/err"
  check "usage first" test "$(head -n 1 "$dir/out" | cut -d ' ' -f 1,2)" = "usage: $program"
  check "80 columns" test "$(awk 'length > 80' "$dir/out" | wc -l)" = 0
  check "no blanks at line ends" test "$(grep -c ' $' "$dir/out")" = 0
  for line in 'flags:' '  -s, --socket PATH  .*the broker.s socket (default: ' '  -h, --help  .*' '      --version  .*' 'exit status: 0 .*, 2 bad usage.*'; do
    check "has $line" grep -qx -- "$line.*" "$dir/out"
  done
}

for program in gaijin-broker gaijin-worker gaijinctl; do
  try 0 --help
  is_help
  cp "$dir/out" "$dir/help"
  try 0 -h
  check "-h is --help" cmp -s "$dir/out" "$dir/help"
  try 0 help
  check "help is --help" cmp -s "$dir/out" "$dir/help"
  try 0 -s /x --help --frobnicate
  check "what follows --help is not read" cmp -s "$dir/out" "$dir/help"
  try 0 --version
  check "name, version and wire version" grep -qxE "$program [0-9]+\.[0-9]+\.[0-9]+, wire versions [0-9]+ to [0-9]+" "$dir/out"
  check "in one line" test "$(wc -l <"$dir/out")" = 1
  try 2 --frobnicate
  says "unknown flag '--frobnicate'"
  try 2 --frobnicate=5
  says "unknown flag '--frobnicate'"
  try 2 -x
  says "unknown flag '-x'"
  try 2 --scoket /x
  says "unknown flag '--scoket' (did you mean --socket?)"
  try 2 --sock /x
  says "unknown flag '--sock' (did you mean --socket?)"
  try 2 --socket
  says "--socket needs a value"
  try 2 -s
  says "-s needs a value"
  try 2 --socket=
  says "--socket takes a text of 1 to 107 bytes, not ''"
  try 2 -s ''
  says "-s takes a text of 1 to 107 bytes, not ''"
  try 2 --help=yes
  says "--help takes no value"
  try 2 $'--frob\nnicate'
  says "unknown flag '--frob\x0anicate'"
  for flag in --help --version; do
    story="$program $flag into a full disk" status=0
    "$build/$program" $flag >/dev/full 2>"$dir/err" || status=$?
    check "status 1" test "$status" = 1
    check "one line" test "$(cat "$dir/err")" = "$program: cannot write to standard output"
  done
done

program=gaijin-broker
try 2 extra
says "unexpected argument 'extra'"
try 2 -- --load-min 5
says "unexpected argument '--load-min'"
try 2 --log-level loud
says "--log-level takes error, warn, info or debug, not 'loud'"

program=gaijin-worker
try 2
says "no script given"
try 2 --wait x a.lua
says "--wait takes a number from 0 to 1000000, not 'x'"
try 2 --max-fibers 0.5 a.lua
says "--max-fibers takes a whole number from 1 to 1000000, not '0.5'"
script() { cat >"$dir/$1.lua"; }
script a <<<'io.write("ran\n")'
try 1 --wait 0 -- help
check "a script may be called help" err_has 'cannot open help'
try 1 --wait 0 "$dir/a.lua" --help
check "the script's --help is the script's" test ! -s "$dir/out"

program=gaijinctl
for command in run clients tokens labels loads gc ping; do
  try 0 $command --help
  is_help
  check "its own usage" grep -q "^usage: gaijinctl $command \[FLAG\.\.\.\]" "$dir/out"
  try 0 -h $command
  check "--help before the command is help about all" grep -q '^look:$' "$dir/out"
  cp "$dir/out" "$dir/help"
  try 0 $command --help
  cp "$dir/out" "$dir/own"
  try 0 help $command
  check "help $command is $command --help" cmp -s "$dir/out" "$dir/own"
done
for command in clients tokens labels loads gc ping; do
  try 0 $command -h
  check "has --json" grep -q -- ' --json  ' "$dir/out"
  check "only tokens has --host" test "$(grep -c -- ' --host NAME ' "$dir/out")" = "$(test $command != tokens; echo $?)"
  try 3 $command --json -s "$dir/none.sock"
done
try 0 run -h
check "run has no --json" test "$(grep -c -- --json "$dir/out")" = 0
try 2 run --json a.lua
check "run's flags are those of workers" grep -qx "gaijinctl: run: unknown flag '--json'; see gaijin-worker --help" "$dir/err"
program=gaijin-worker
try 2 plugin.lua --sandbox
says "--sandbox stands behind the script, where flags are the script's own; put it before, or put -- before the script"
program=gaijinctl
try 2 --host x clients
says "clients has no --host"
try 2
says "no command given"
try 2 nope
check "says which there are" grep -qx "gaijinctl: unknown command 'nope'; there are run, clients, .*, help; see gaijinctl --help" "$dir/err"
try 2 tokesn
check "says which may be meant" grep -q "^gaijinctl: unknown command 'tokesn' (did you mean tokens?); there are " "$dir/err"
try 2 help tokesn
check "help says so too" grep -q "^gaijinctl: unknown command 'tokesn' (did you mean tokens?); there are " "$dir/err"
try 2 status now
says "status does not take 'now'"
try 2 run
says "run needs a script"

finish

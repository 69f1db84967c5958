#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-guard: usage run.sh BUILD [--record]. Counts with callgrind the instructions that
# broker and workers execute for each operation of routed.lua and local.lua, and compares them with
# record.txt beside this file. A rise of more than 3 % is a failure, a fall of more than 3 % is
# told. --record writes the file instead.
#
# What an operation takes is the difference between a run with COUNT of it and one without any,
# divided by COUNT: starting, ending and what happens once cancel out. The count does not depend on
# time, load or chance: one message is on its way at a time, nothing is collected in between, nobody
# looks before sleeping (--poll-us 0), and clock and random bytes come from steady.c. Counts of other
# compilers and libraries are no measure: when those differ from the record's, the table is printed
# and nothing fails.
#
# get-pipelined is get as the broker alone has it with 128 under way: pipelined.c sends so many in
# one piece, and answers all of them in one; none of that is counted.
#
# get-shm and call-shm are get and call in shared memory: everybody may look for a microsecond before
# sleeping, which under valgrind no answer takes, so nobody ever does, and each message is knocked of.
#
# get-monitored is get while one `gaijinctl monitor`, which is not counted, sees each message; the
# others are counted while nobody monitors.
#
# Before that it counts each replaced library function with local values beside the original it
# stands for (ratios.lua), all in one run: more than 1.15 times the instructions is a failure.
#
#   CC, CFLAGS    what BUILD was built with (default: gcc, -O2 -g)
# shellcheck disable=SC2317 # functions are handed to others
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [--record]}" && pwd)
record=$here/record.txt
count=1000         # of each routed operation
at_once=128        # of those that are pipelined
pipelined_count=$((16 * at_once))
local_count=10000  # of each local one
ratio_count=1000   # of each replaced function
run_limit=$((120 * ${GAIJIN_TEST_SLOWER:-1})) # seconds a run may take
percent=3 least=3  # a difference counts when it is over so many per cent and so many instructions

die() {
  echo "bench-guard: $*" >&2
  exit 1
}
for program in gaijin-broker gaijin-worker bench/steady.so bench/guard/pipelined; do
  [ -e "$build/$program" ] || die "there is no $build/$program; run make tests first"
done
command -v valgrind >/dev/null || die "there is no valgrind; make bench-guard installs it"

dir=$(mktemp -d /tmp/gaijin-guard-XXXXXX)
started=()
limit=()   # words put before what is counted
shared=(--poll-us 0) # of all programs
watched=   # the broker's log level of a run with a monitor; empty: there is none
options=() # more for callgrind
stop() {
  for pid in "${started[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap stop EXIT
trap 'trap "" HUP INT TERM; exit 1' HUP INT TERM
cd "$dir"

# counted NAME PROGRAM ARGUMENT...: becomes the program, which leaves its count in NAME.out. The
# string functions are those that every processor has.
counted() {
  local name=$1 program=$build/$2
  shift 2
  exec "${limit[@]}" env -i LC_ALL=C LD_PRELOAD="$build/bench/steady.so" \
    GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-AVX_Fast_Unaligned_Load \
    valgrind -q --tool=callgrind --callgrind-out-file="$name.out" "${options[@]}" \
    "$program" "$@" >>log 2>&1
}
worker() { # NAME, argument...
  local name=$1
  shift
  counted "$name" gaijin-worker -s sock -n "$name" --atc-time 1000000 "${shared[@]}" "$@"
}
start() { # command...: runs it beside this script
  "$@" &
  started+=("$!")
}
wait_for_file() {
  local n
  for ((n = 0; n < run_limit * 20; n++)); do
    [ ! -e "$1" ] || return 0
    sleep 0.05
  done
  cat log >&2
  die "waited $run_limit s for '$1'"
}
# A run of the asker, to its end: asker ARGUMENT... The limit is for one that waits for ever.
asker() {
  local limit=(timeout --foreground -k 5 "$run_limit")
  if ! (worker asker --once "$@"); then
    cat log >&2
    die "the counted run failed: $*; what it printed stands above"
  fi
}
# Ends what was started, the last one first.
end_started() {
  local i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill "${started[i]}"
    wait "${started[i]}" || true
  done
  started=()
}
instructions() { # NAME [NUMBER]
  local n
  n=$(sed -n 's/^totals: //p' "$1.out${2:+.$2}")
  [ -n "$n" ] || die "callgrind left no count of $1"
  echo "$n"
}

# routed OPERATION COUNT FILE: a run with processes of its own; writes "PROCESS INSTRUCTIONS" lines.
routed() {
  local process
  rm -rf ./*.out sock host.ready third.ready log
  start counted broker gaijin-broker -s sock "${shared[@]}" --log-level "${watched:-warn}"
  wait_for_file sock
  for process in host third; do
    start worker "$process" "$here/host.lua"
    wait_for_file "$process.ready"
  done
  [ -z "$watched" ] || start_monitor
  asker "$here/routed.lua" "$1" "$2"
  end_started
  for process in broker asker host third; do echo "$process $(instructions "$process")"; done >"$3"
}
# Which the broker's log tells; after that all that is routed is seen.
start_monitor() {
  local n
  start "$build/gaijinctl" -s sock monitor >/dev/null 2>monitor.log
  for ((n = 0; n < run_limit * 20; n++)); do
    ! grep -q "sees what workers send" log || return 0
    sleep 0.05
  done
  cat log monitor.log >&2
  die "waited $run_limit s for the monitor"
}
# The same as routed while all is monitored.
monitored() {
  local watched=info
  routed "$@"
}
# The same as routed in shared memory.
in_rings() {
  local shared=(--poll-us 1 --transport shm)
  routed "$@"
}
# COUNT of them, in bursts; the broker alone.
pipelined() {
  rm -rf ./*.out sock log
  start counted broker gaijin-broker -s sock --poll-us 0 --log-level warn
  wait_for_file sock
  timeout --foreground -k 5 "$run_limit" "$build/bench/guard/pipelined" sock "$2" "$at_once" ||
    { cat log >&2; die "the counted run of $1 failed; what the broker printed stands above"; }
  end_started
  echo "broker $(instructions broker)" >"$3"
}
# The same of a worker alone; its broker is not counted.
local_run() {
  rm -f asker.out log
  asker "$here/local.lua" "$1" "$2"
  echo "worker $(instructions asker)" >"$3"
}
# Writes the lines that ratios.awk reads. callgrind numbers the counts that it writes down at each
# mark; what was counted before the first one, and between two calls, is of no interest.
ratios() {
  local most name text n=0 options=(--dump-before=guard_mark)
  rm -f asker.out* log
  asker "$here/ratios.lua" "$here" "$build/bench/steady.so" "$ratio_count"
  grep $'\t' log >rows || { cat log >&2; die "no replaced function was counted"; }
  while IFS=$'\t' read -r most name text; do
    printf '%s\t%s\t%s\t%s\t%s\n' "$most" "$name" "$text" \
      "$(instructions asker "$((n + 2))")" "$(instructions asker "$((n + 3))")"
    n=$((n + 3))
  done <rows
}
# measure FUNCTION COUNT OPERATION...: prints "OPERATION PROCESS INSTRUCTIONS-PER-OPERATION" lines;
# a process with less than 20 takes no part in the operation.
measure() {
  local function=$1 n=$2 operation
  shift 2
  "$function" "$1" 0 base
  for operation in "$@"; do
    "$function" "$operation" "$n" with
    awk -v operation="$operation" -v n="$n" 'NR == FNR { base[$1] = $2; next }
      { each = ($2 - base[$1]) / n }
      each >= 20 { printf "%s %s %.0f\n", operation, $1, each }' base with
  done
}
operations() { "$build/gaijin-worker" -s sock -n names --once "$here/$1"; }

"$build/gaijin-broker" -s sock --log-level warn &
started+=("$!")
wait_for_file sock
ratios >ratio_counts
ratio_status=0
awk -v count="$ratio_count" -f "$here/ratios.awk" ratio_counts || ratio_status=$?
mapfile -t local_operations < <(operations local.lua)
mapfile -t routed_operations < <(operations routed.lua)
measure local_run "$local_count" "${local_operations[@]}" >local_counts
end_started
measure routed "$count" "${routed_operations[@]}" >routed_counts
measure monitored "$count" get | sed 's/^get /get-monitored /' >monitored_counts
measure in_rings "$count" get call | sed 's/^[a-z]*/&-shm/' >shm_counts
measure pipelined "$pipelined_count" get-pipelined >pipelined_counts
cat routed_counts shm_counts pipelined_counts monitored_counts local_counts >counts

version() { pkg-config --modversion "$1"; }
# shellcheck disable=SC2086 # CC may be several words
compiler=$(${CC:-gcc} --version | sed -n 1p)
flags=$(tr ' ' '\n' <<<"${CFLAGS:--O2}" | grep -v '^-g' | xargs) # which changes no instruction
machine="with: $compiler, $flags, $(uname -m), $(getconf GNU_LIBC_VERSION), \
libuv $(version libuv), lua $(version lua5.1), $(valgrind --version)"

if [ "${2:-}" = --record ]; then
  {
    echo "# Instructions per operation, by process; run.sh beside this file says what they mean."
    echo "$machine"
    cat counts
  } >"$record"
  echo "recorded in ${record#"$PWD/"}"
fi
[ -e "$record" ] || die "there is no $record; make bench-guard-record writes it"
status=0
awk -v machine="$machine" -v percent="$percent" -v least="$least" \
  -f "$here/compare.awk" "$record" counts || status=$?
[ "$status" -ne 0 ] || status=$ratio_status
exit "$status"

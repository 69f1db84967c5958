# shellcheck shell=bash disable=SC2034 # variables for the scripts
# SPDX-License-Identifier: MIT
#
# What the scripts of the bench are made of. A script works in a directory of its own and starts
# programs on processors it picks; both end with it, however it ends. It begins with
#
#   . "$(dirname "$0")/../common/lib.sh"
#   begin NAME BUILD PROGRAM...   PROGRAMs must be in BUILD; NAME stands before what it complains of
#
# and has these words:
#
#   place PLACEMENT         pinned: all on one processor; placed: what is in the middle (the broker) on
#                           one, both ends (the workers) on another. Sets $middle and $ends
#   start_on CPU COMMAND... runs a program in the background: its pid is $pid
#   start_broker            starts one in the middle and waits until it answers: its pid is $broker
#   start_worker NAME ...   starts one at an end; waits for nothing
#   run_worker NAME ...     runs one at an end until its script ends
#   there WORKER [LABEL]    waits until the one that was started last is there, and exports the label
#   wait_until PID COMMAND...  runs a condition until it holds, or that process has ended
#   end_started             ends what was started, the last one first; a script's end does that too
#   doing WHAT              what a failure from now on is told to have happened in
#   private_kib PID, processor_ns PID, wakes PID..., median (of the lines of stdin)
#   number TEXT WHAT        the number again, if it is one of 1 and more
#   json_of [--json FILE]   the file's whole name, or nothing
#   note NAME TEXT, figures_of ROUND PLACEMENT VARIANT  lines that figures.py reads; the latter of those of
#                           stdin, `ROW FIGURE UNIT VALUE`, of which there must be some
#   took_begin, took_end    notes before and after all figures: the load averages, and what part of all processors
#                           others had meanwhile: figures can be judged by that
#
# and variables:
#
#   $bench $build $dir      the folder tests/bench, the build directory, the script's directory
#   $placements             pinned, and placed where there are two processors
#   $programs               where broker and workers are: $build, unless a variant has another
#   GAIJIN_BENCH_CPUS       the two processors: "0 1"; a single one leaves out what is placed
#   BROKER_FLAGS, WORKER_FLAGS  flags for every broker and worker; split at blanks
set -euo pipefail
export LC_ALL=C
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
limit=$((300 * ${GAIJIN_TEST_SLOWER:-1})) # seconds a run or a wait may take
log_level=warn # of brokers
started=() pid=0 broker=0 bench_name=bench deed=""
unset GAIJIN_BENCH_PINNED

die() {
  echo "$bench_name: $*" >&2
  exit 1
}

begin() {
  local program
  bench_name=$1
  build=$(cd "$2" 2>/dev/null && pwd) || die "there is no build directory '$2'; run make first"
  for program in "${@:3}"; do
    [ -e "$build/$program" ] || die "there is no $build/$program; run make tests first"
  done
  programs=$build
  if [ -z "${GAIJIN_BENCH_CPUS:-}" ]; then
    GAIJIN_BENCH_CPUS=0
    [ "$(nproc)" = 1 ] || GAIJIN_BENCH_CPUS="0 1"
  fi
  read -ra processors <<<"$GAIJIN_BENCH_CPUS"
  placements=(pinned)
  [ ${#processors[@]} -lt 2 ] || placements+=(placed)
  read -ra broker_flags <<<"${BROKER_FLAGS:-}"
  read -ra worker_flags <<<"${WORKER_FLAGS:-}"
  dir=$(mktemp -d)
  export GAIJIN_SOCKET=$dir/gaijin.sock
  trap at_end EXIT
  trap 'trap "" HUP INT TERM; exit 1' HUP INT TERM
  place pinned
}

doing() { deed=$1; }
# A child of this shell that a signal ends before it has become another program comes here too.
at_end() {
  local status=$?
  [ "$BASHPID" = $$ ] || return 0
  if [ "$status" -ne 0 ] && [ -n "$deed" ]; then echo "$bench_name: failed in $deed" >&2; fi
  end_started
  rm -rf "$dir"
}

place() {
  middle=${processors[0]} ends=${processors[0]}
  if [ "$1" = placed ]; then ends=${processors[1]}; fi
}

start_on() {
  taskset -c "$1" "${@:2}" &
  pid=$!
  started+=("$pid")
}
start_broker() {
  start_on "$middle" "$programs/gaijin-broker" -s "$GAIJIN_SOCKET" --log-level "$log_level" \
    "${broker_flags[@]}"
  broker=$pid
  wait_until "$broker" "$programs/gaijinctl" ping
}
start_worker() { start_on "$ends" "$programs/gaijin-worker" "${worker_flags[@]}" -n "$@"; }
run_worker() {
  timeout -k 5 "$limit" taskset -c "$ends" "$programs/gaijin-worker" "${worker_flags[@]}" -n "$1" \
    --once "${@:2}"
}
there() { wait_until "$pid" "$programs/gaijinctl" wait "$@" --timeout 1; }

# wait_until PID COMMAND...: or until the process has ended.
wait_until() {
  local end=$((SECONDS + limit))
  until "${@:2}" >/dev/null 2>&1; do
    kill -0 "$1" 2>/dev/null || die "process $1 has ended; waited for: ${*:2}"
    [ "$SECONDS" -lt "$end" ] || die "waited $limit s for: ${*:2}"
    sleep 0.02
  done
}
end_started() {
  local i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill "${started[i]}" 2>/dev/null || true
    wait "${started[i]}" 2>/dev/null || true
  done
  started=()
}

private_kib() { awk '/^Private_(Clean|Dirty):/ { n += $2 } END { print n }' "/proc/$1/smaps_rollup"; }
processor_ns() { cut -d ' ' -f 1 "/proc/$1/schedstat"; }
# How often each has slept and was woken, all of its threads together.
wakes() {
  local pid
  for pid in "$@"; do
    awk '/^voluntary_ctxt_switches:/ { n += $2 } END { printf "%d ", n }' "/proc/$pid"/task/*/status
  done
}
median() { sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# Ticks of all processors in which they were not idle; those; those of this script and what it waited for.
ticks() {
  local _ user nice system idle wait irq soft steal fields busy
  read -r _ user nice system idle wait irq soft steal _ </proc/stat
  read -ra fields <"/proc/$$/stat" # names of shells have no blanks
  busy=$((user + nice + system + irq + soft + steal))
  echo "$busy $((busy + idle + wait)) $((fields[13] + fields[14] + fields[15] + fields[16]))"
}
took_begin() {
  note load_begin "$(cut -d ' ' -f 1-3 /proc/loadavg)"
  ticks_begin=$(ticks)
}
took_end() {
  note load_end "$(cut -d ' ' -f 1-3 /proc/loadavg)"
  note others "$(echo "$ticks_begin $(ticks)" |
    awk '{ all = $5 - $2; if (all > 0) printf "%.1f", 100 * (($4 - $1) - ($6 - $3)) / all; else print 0 }')"
}

number() {
  [[ $1 =~ ^[1-9][0-9]*$ ]] || die "$2 is '$1': a number of 1 and more is wanted"
  echo "$1"
}
json_of() {
  [ $# -gt 0 ] || return 0
  if [ $# != 2 ] || [ "$1" != --json ]; then die "there is no option '$*'; --json FILE is one"; fi
  realpath -m "$2"
}
note() { printf '%s\t%s\n' "$1" "$2"; }
figures_of() {
  local line n=0
  while read -r line; do
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$line"
    n=$((n + 1))
  done
  [ "$n" -gt 0 ] || die "there are no figures"
}

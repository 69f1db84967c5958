#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs test programs side by side, those that take longest first, and adds up their counts:
#   tests/run.sh BUILD PROGRAM...
# A program is one of Check's (its last "100%: Checks: 5, Failures: 0, Errors: 0" counts) or a script that prints
# "N passed, N failed" last. One that prints neither, dies or hangs counts as a failure. Each is shown with the seconds it
# took and those of a processor that it and its processes used: the rest it waited. Output is shown when something failed,
# and kept then in a directory of this run's own, BUILD/tests/log-XXXXXX, for a day. The end names the ten that took longest
# and the ten that used most ("longest, ...", "busiest, ..."), and again what failed, with the tests' own lines on it
# ("failed: ..."). The last line is "N passed, N failed"; the status is 0 only if none failed and some ran.
#
#   JOBS                programs at a time (default: one more than there are processors, for many wait)
#   GAIJIN_TEST_LIMIT   seconds a program may take (300)     GAIJIN_TEST_SLOWER  multiplies every time limit (1)
#   GAIJIN_TEST_UNDER   words put before each program, e.g. valgrind
#   GAIJIN_TEST_AGAIN   how many programs may fail beside others and pass when they are run once more, alone (0). Who does
#                       has met a race: it is shown, named at the end ("only beside others: ..."), and does not count. Where
#                       a sanitiser reported, or more programs failed, nothing is run again.
set -euo pipefail
export LC_ALL=C

# What takes more than a few seconds, longest first, so that none of it is left alone at the end. The seconds in the
# output tell when this is no longer so; the counts do not depend on it.
longest=(test_module_scripts test_leaks test_scripts test_liars test_death test_hostile
  test_sandbox test_module test_short_memory test_surroundings test_cli
  test_lua_cycles_settled test_tables test_examples test_broker_releases test_touch test_succeed
  test_library test_observers_stay test_supervise_replace test_upgrade test_supervise test_service
  test_health test_bench test_bed test_policy test_run_file test_lua_listed test_why
  test_monitor_flood test_polling test_stress test_graph test_web test_install test_proto_ring
  test_broker_cycles_many test_broker_dies test_death_cycles test_command_lines test_lua_quota
  test_metrics test_broker_carried test_describe test_manuals test_units test_limits test_python
  test_find_object test_programs test_monitor test_top_ends test_broker_limits_time test_packages
  test_death_workers test_make test_ucontext test_top test_restart test_hung_broker test_docs
  test_successor)

# in_order PROGRAM...: prints them so, one a line.
in_order() {
  printf '%s\n' "$@" | awk -v longest="${longest[*]}" '
    BEGIN { n = split(longest, names, " "); for (i = 1; i <= n; i++) rank[names[i]] = i }
    { name = $0; gsub(/.*\/|\.sh$/, "", name); print (name in rank ? rank[name] : n + 1), NR, $0 }' |
    sort -n -k 1,1 -k 2,2 | cut -d ' ' -f 3-
}

# Runs one program, leaving NAME.log and NAME.count ("passed failed").
run_one() {
  local program=$1 name status=0 counts passed failed took TIMEFORMAT='%1R %1U %1S'
  name=$(basename "$program" .sh)
  local log=$GAIJIN_LOGS/$name.log
  # shellcheck disable=SC2086 # GAIJIN_TEST_UNDER is several words
  { time timeout -k 10 $((${GAIJIN_TEST_LIMIT:-300} * GAIJIN_TEST_SLOWER)) ${GAIJIN_TEST_UNDER:-} "$program" \
    >"$log" 2>&1 </dev/null || status=$?; } 2>"$GAIJIN_LOGS/$name.time"
  took=$(awk '{ printf "%.1f s, %.1f of a processor", $1, $2 + $3 }' "$GAIJIN_LOGS/$name.time")
  counts=$(sed -n -e 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/c \1 \2 \3/p' \
    -e 's/^\([0-9]*\) passed, \([0-9]*\) failed$/s \1 \2/p' "$log" | tail -n 1)
  case $counts in
    c*) read -r _ checks failures errors <<<"$counts"
        failed=$((failures + errors)) passed=$((checks - failed)) ;;
    s*) read -r _ passed failed <<<"$counts" ;;
    *) passed=0 failed=1; echo "$name: no count of tests at its end" >>"$log" ;;
  esac
  if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  case $status in
    0) ;;
    124 | 137) echo "$name: ended by the time limit" >>"$log" ;;
    *) echo "$name: status $status" >>"$log" ;;
  esac
  echo "$passed $failed" >"$GAIJIN_LOGS/$name.count"
  echo "$program" >"$GAIJIN_LOGS/$name.program"
  # One write, so that programs side by side do not mix their lines; a count at a line's begin is ours alone.
  if [ "$failed" -ne 0 ]; then
    printf '%s\n' "---- $name: $passed passed, $failed failed" "$(sed 's/^/     /' "$log")"
  else
    printf '%s\n' "     $name: $passed passed, $took"
  fi
}

if [ "${1:-}" = --one ]; then
  run_one "$2"
  exit 0
fi

build=$1
shift
export BUILD=$build GAIJIN_BUILD GAIJIN_LOGS GAIJIN_TEST_SLOWER=${GAIJIN_TEST_SLOWER:-1}
GAIJIN_BUILD=$(cd "$build" && pwd)
export CK_DEFAULT_TIMEOUT=$((60 * GAIJIN_TEST_SLOWER))
# Fibers have stacks of their own: with fake stack frames ASan would take every switch for a return.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# What tests that fail leave behind goes with this directory. Short: sockets live there.
TMPDIR=$(mktemp -d /tmp/gaijin-tests-XXXXXX)
# Tests with several users open their own directory in it.
chmod 711 "$TMPDIR"
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
mkdir -p "$build/tests"
find "$build/tests" -maxdepth 1 -name 'log-*' -mtime +0 -exec rm -rf {} +
GAIJIN_LOGS=$(mktemp -d "$build/tests/log-XXXXXX")
if [ $# -gt 0 ]; then
  in_order "$@" | xargs -d '\n' -n 1 -P "${JOBS:-$(($(nproc) + 1))}" "$0" --one
fi

# How a sanitiser's report begins. tests/flow/lib.sh looks for those of programs in the background.
report='(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: '
# failures_in LOG: Check's failures and errors (file:line:F:...), our scripts' own, the sanitisers', and why a program ended.
failures_in() {
  grep -aE ":[FE]:[^:]*:|^(not ok|FAIL|failed)|ERROR: |$report|: (ended by the time limit|status [0-9]+)\$" "$1" |
    head -n 10 | cut -c 1-300
}
failed_logs() { awk '$2 { sub(/count$/, "log", FILENAME); print FILENAME }' "$GAIJIN_LOGS"/*.count; }
again() {
  local logs log name only=()
  readarray -t logs < <(failed_logs)
  [ ${#logs[@]} -gt 0 ] && [ ${#logs[@]} -le "${GAIJIN_TEST_AGAIN:-0}" ] || return 0
  ! grep -qaE "$report" "${logs[@]}" || return 0
  for log in "${logs[@]}"; do
    name=$(basename "$log" .log)
    mv "$log" "$GAIJIN_LOGS/$name.first"
    echo "---- $name: once more, alone"
    "$0" --one "$(cat "$GAIJIN_LOGS/$name.program")"
    grep -q ' 0$' "$GAIJIN_LOGS/$name.count" && only+=("$name")
  done
  for name in ${only[@]+"${only[@]}"}; do
    echo "only beside others: $name failed, and passed alone"
    failures_in "$GAIJIN_LOGS/$name.first" | sed 's/^/only beside others:   /' || true
  done
}
if compgen -G "$GAIJIN_LOGS/*.count" >/dev/null; then again; fi

# What to look at when this takes too long: NAME seconds (of a processor), the first ten by the column.
first_ten() { # TITLE COLUMN
  for time in "$GAIJIN_LOGS"/*.time; do
    [ ! -e "$time" ] || awk -v name="$(basename "$time" .time)" 'NF == 3 { print name, $1, $2 + $3 }' "$time"
  done | sort -k "$2,${2}nr" | awk -v title="$1" '
    { took += $2; used += $3 }
    NR <= 10 { text = text sprintf("%s %s %d (%d)", NR > 1 ? "," : "", $1, $2, $3) }
    END { if (NR) printf "%s, in seconds (of a processor):%s; all %d: %d (%d)\n", title, text, NR, took, used }'
}
first_ten longest 2
first_ten busiest 3

passed=0 failed=0
for count in "$GAIJIN_LOGS"/*.count; do
  [ -e "$count" ] || continue
  read -r p f <"$count"
  passed=$((passed + p)) failed=$((failed + f))
  if [ "$f" -ne 0 ]; then
    log=${count%.count}.log
    echo "failed: $(basename "$log" .log): $f of $((p + f))"
    failures_in "$log" | sed 's/^/failed:   /' || true
  fi
done
if [ $((passed + failed)) -eq 0 ]; then
  echo "tests/run.sh: no test ran" >&2
  failed=1
fi
if [ "$failed" -ne 0 ] && grep -qaE 'Test timeout expired|: ended by the time limit$' "$GAIJIN_LOGS"/*.log; then
  echo "time ran out: GAIJIN_TEST_SLOWER=$((4 * GAIJIN_TEST_SLOWER)) gives each test four times as long, for a busy or slow machine"
fi
if [ "$failed" -eq 0 ]; then rm -rf "$GAIJIN_LOGS"; else echo "output is kept in $GAIJIN_LOGS"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

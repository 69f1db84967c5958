# shellcheck shell=bash disable=SC2034 # variables for the scripts
# SPDX-License-Identifier: MIT
#
# What the test scripts beside it are made of. A script is a list of checks, which are counted. It
# works in a directory of its own and starts programs; both end with it, however it ends.
# It begins with
#
#   . "$(dirname "$0")/lib.sh"
#
# ends with `finish`, which prints the counts, and has these words between them:
#
#   check WHAT COMMAND...   COMMAND holds; otherwise WHAT is shown, what the command said, $evidence
#   run COMMAND...          runs a program: its status is $status, its output $dir/out and $dir/err
#   expect STATUS WORD...   the same of gaijinctl, which is to end with that status
#   out_has, err_has REGEX  a line of that output; says TEXT: the text is in a line of either
#   err_is_one_line         as it should be after bad usage
#   eventually COMMAND...   waits until COMMAND holds, false if it does not in $limit: for `check`
#   wait_until COMMAND...   the same between checks: only its failure counts
#   start NAME COMMAND...   runs a program in the background: its pid is $pid, its output, of both
#                           kinds, $dir/NAME.out; has NAME REGEX: a line of that output
#   start_broker FLAG...    starts one at $GAIJIN_SOCKET and waits until it answers
#   exports WORKER LABEL    waits until the worker exports the label, as eventually does
#   gone PID                it has ended, though perhaps nobody has asked how
#   end_started             ends what was started; a script's end does that too
#   is_empty DIRECTORY      nothing is in it
#   sanitized FILE          the library or program was built with AddressSanitizer
#
# and these variables:
#
#   $root      the top of the source tree
#   $build     the build directory (BUILD)
#   $dir       the script's directory, empty at first
#   $python    the system's own interpreter, for which tools/setup.sh sees to modules; another
#              of the name may be slow to start
#   $limit     seconds that a program or a wait may take; a script may set it
#   $story     set by scripts: a failure says in which story it happened
#   $evidence  set by scripts: files of $dir, as patterns, whose ends a failure shows
#   $started   pids that end_started ends, of children; a script may add to it
#
# Nothing waits for a while: waits are for a condition and have a limit, which GAIJIN_TEST_SLOWER
# multiplies.
set -uo pipefail
export LC_ALL=C
unset GAIJIN_SOCKET NO_COLOR
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath -m "${BUILD:-build}")
python=/usr/bin/python3
limit=$((30 * ${GAIJIN_TEST_SLOWER:-1}))
# Without a directory of its own a script would write into the root's, with /bin for $dir/bin.
dir=$(mktemp -d) || exit 1
passed=0 failed=0 status=0 pid=0 story="" evidence="out err" started=()

# What sanitisers report of programs in the background: tests/run.sh runs who has such a report not once more.
tell_reports() {
  grep -asE -d skip -D skip '(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: ' "$dir"/* |
    sed -n "1,10s|^$dir/||p" | cut -c 1-300
}
# A child of this shell that a signal ends before it has become another program would come here too.
clean_up() {
  [ "$BASHPID" = $$ ] || return 0
  end_started
  [ "$failed" -eq 0 ] || tell_reports
  rm -rf "$dir"
}
trap clean_up EXIT

# fail WHAT: counts a failure and shows it.
fail() {
  local file
  failed=$((failed + 1))
  echo "FAIL ${story:+$story: }$1"
  # shellcheck disable=SC2086 # several patterns
  for file in "$dir/log" $(cd "$dir" && printf "$dir/%s\n" $evidence); do
    if [ -s "$file" ]; then tail -n 40 "$file" | sed "s|^|${file##*/}: |"; fi
  done
}
check() {
  local what=$1
  shift
  if "$@" >"$dir/log" 2>&1; then passed=$((passed + 1)); else fail "$what"; fi
}
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

run() {
  status=0
  timeout "$limit" "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
}
expect() {
  run "${ctl:-$build/gaijinctl}" "${@:2}"
  check "gaijinctl ${*:2} gave status $status, not $1" test "$status" = "$1"
}
out_has() { grep -qE -- "$1" "$dir/out"; }
err_has() { grep -qE -- "$1" "$dir/err"; }
says() { grep -qF -- "$1" "$dir/out" "$dir/err"; }
err_is_one_line() { [ "$(wc -l <"$dir/err")" = 1 ]; }

eventually() {
  local end=$((SECONDS + limit))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.02
  done
}
wait_until() {
  eventually "$@" >"$dir/log" 2>&1 && return
  fail "waited $limit s for: $*"
  return 1
}

start() {
  local name=$1
  shift
  # Here and not in the child: what one before it wrote must not be taken for its own.
  : >"$dir/$name.out"
  "$@" >>"$dir/$name.out" 2>&1 </dev/null &
  pid=$!
  started+=("$pid")
}
has() { grep -qE -- "$2" "$dir/$1.out"; }
start_broker() {
  start broker "$build/gaijin-broker" -s "$GAIJIN_SOCKET" "$@"
  wait_until "$build/gaijinctl" ping
}
exports() {
  timeout "$limit" "$build/gaijin-worker" -n "waits-for-$1" --once \
    -e "gaijin.wait_for('$1', '$2', $limit)"
}
# One look: what it is may change between two.
gone() { ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null; }
# The number of one that has ended long ago may be another's by now, whom nobody here may end.
is_ours() { grep -qx "PPid:[[:space:]]$$" "/proc/$1/status" 2>/dev/null; }
# In order as far as they end by themselves soon, also those that are stopped.
end_started() {
  local one end=$((SECONDS + 10))
  for one in "${started[@]}"; do
    if is_ours "$one"; then kill "$one" && kill -CONT "$one"; fi
  done 2>/dev/null
  for one in "${started[@]}"; do
    until ! is_ours "$one" || gone "$one" || [ "$SECONDS" -ge "$end" ]; do sleep 0.02; done
    if is_ours "$one"; then kill -9 "$one"; fi
    wait "$one"
  done 2>/dev/null
  started=()
  if [ -S "$dir/tmux" ]; then end_terminal; fi
}
is_empty() { [ -z "$(ls -A "$1")" ]; }
sanitized() { grep -aq __asan_init "$1"; }

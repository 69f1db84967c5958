#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How tests/run.sh counts, and what it runs once more.
. "$(dirname "$0")/lib.sh"
unset GAIJIN_TEST_AGAIN GAIJIN_TEST_UNDER GAIJIN_LOGS GAIJIN_TEST_LIMIT JOBS

program() { { echo '#!/bin/sh' && cat; } >"$dir/$1.sh" && chmod +x "$dir/$1.sh"; }
program good <<<'echo "3 passed, 0 failed"'
program bad <<<'echo "FAIL always"; echo "1 passed, 2 failed"; exit 1'
program mute <<<'echo nothing'
program unchecked <<<'echo "100%: Checks: 5, Failures: 0, Errors: 0"; exit 1'
# Fails the first time that it runs.
first_time() { echo "[ -e \$0.ran ] || { : >\$0.ran; echo '$1'; echo '4 passed, 1 failed'; exit 1; }"; }
program race <<<"$(first_time 'FAIL a story: too early')
echo '5 passed, 0 failed'"
program reported <<<"$(first_time '==1==ERROR: AddressSanitizer: heap-use-after-free')
echo '5 passed, 0 failed'"
program threads <<<"$(first_time 'WARNING: ThreadSanitizer: data race (pid=1)')
echo '5 passed, 0 failed'"
# Its report is in a file that a failure does not show.
program behind <<SH
exec bash -c '. "$root/tests/flow/lib.sh"
start broker echo "==1==ERROR: AddressSanitizer: heap-use-after-free"
wait "\$pid"
check "it answers" test -e "\$0.ran"
: >"\$0.ran"
finish' "\$0"
SH

mkdir "$dir/build"
# tests_are STORY STATUS COUNTS NAME...: runs these, which is to end so.
tests_are() {
  local programs=("${@:4}")
  story=$1
  rm -f "$dir"/*.ran
  run "$root/tests/run.sh" "$dir/build" "${programs[@]/#/$dir/}"
  check "status $2, not $status" test "$status" = "$2"
  check "counts" test "$(sed -n '$p' "$dir/out")" = "$3"
}
tests_are "all pass" 0 "3 passed, 0 failed" good.sh
check "keeps no output" is_empty "$dir/build/tests"
tests_are "none" 1 "0 passed, 1 failed"
tests_are "one fails" 1 "4 passed, 2 failed" good.sh bad.sh
check "says which" out_has '^failed: bad: 2 of 3$'
check "and why" out_has '^failed:   FAIL always$'
check "has one count at a line's begin" test "$(grep -c '^[0-9]* passed, [0-9]* failed$' "$dir/out")" = 1
check "keeps the output" out_has "^output is kept in $dir/build/tests/log-"
tests_are "no count" 1 "0 passed, 1 failed" mute.sh
tests_are "a status and no failure" 1 "5 passed, 1 failed" unchecked.sh
tests_are "a race, and nothing is run again" 1 "7 passed, 1 failed" good.sh race.sh

export GAIJIN_TEST_AGAIN=1
tests_are "a race" 0 "8 passed, 0 failed" good.sh race.sh
check "is told" out_has '^only beside others: race failed, and passed alone$'
check "has one count at a line's begin" test "$(grep -c '^[0-9]* passed, [0-9]* failed$' "$dir/out")" = 1
check "and how" out_has '^only beside others:   FAIL a story: too early$'
tests_are "a failure" 1 "4 passed, 2 failed" good.sh bad.sh
check "is no race" test "$(grep -c 'only beside others' "$dir/out")" = 0
tests_are "a sanitiser reported" 1 "7 passed, 1 failed" good.sh reported.sh
check "nothing is run again" test "$(grep -c 'once more' "$dir/out")" = 0
tests_are "another sanitiser reported" 1 "7 passed, 1 failed" good.sh threads.sh
check "nothing is run again" test "$(grep -c 'once more' "$dir/out")" = 0
check "and it is told" out_has '^failed:   WARNING: ThreadSanitizer: data race'
tests_are "one in the background reported" 1 "3 passed, 1 failed" good.sh behind.sh
check "nothing is run again" test "$(grep -c 'once more' "$dir/out")" = 0
check "and it is told" out_has '^failed:   broker.out:==1==ERROR: AddressSanitizer: heap-use-after-free$'
tests_are "more than may" 1 "5 passed, 3 failed" bad.sh race.sh
check "nothing is run again" test "$(grep -c 'once more' "$dir/out")" = 0

finish

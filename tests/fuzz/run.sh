#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs fuzz targets one after the other, each for so many seconds, from its corpus on:
#   tests/fuzz/run.sh BUILD SECONDS TARGET...
# What is found that reaches new code is kept in BUILD/corpus/TARGET (tests/fuzz/keep.sh brings what
# is worth it into the source tree), an input that crashes a target in BUILD/crash-TARGET-*. The
# status is 0 only if no target crashed. FUZZ_FLAGS are for libFuzzer.
set -euo pipefail
export LC_ALL=C

build=$1 seconds=$2
shift 2
# A run makes and frees a megabyte, little of which lives long: to fill it, to keep it unused, to give it
# back to the system and to note where it came from took longer than what is tested.
memory=max_malloc_fill_size=0:quarantine_size_mb=1:malloc_context_size=5:allocator_release_to_os_interval_ms=-1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=0:$memory}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
TMPDIR=$(mktemp -d /tmp/gaijin-fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
status=0
for target; do
  mkdir -p "$build/corpus/$target" "tests/fuzz/corpus/$target"
  log=$build/$target.log
  echo "== $target: $seconds s"
  # shellcheck disable=SC2086 # FUZZ_FLAGS is several words
  if ! "$build/fuzz/$target" -max_total_time="$seconds" -max_len=1024 -len_control=10 -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$build/crash-$target-" -verbosity=1 ${FUZZ_FLAGS:-} \
    "$build/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 </dev/null; then
    status=1
    tail -n 60 "$log"
    echo "== $target: failed; the input is beside $log"
  fi
  grep -a -E '^(stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|#[0-9]+.DONE)' "$log" || true
done
exit "$status"

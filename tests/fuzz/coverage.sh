#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Replays the corpora in a build with clang's coverage and prints the lines of each file that were
# reached:
#   tests/fuzz/coverage.sh BUILD TARGET...
set -euo pipefail
export LC_ALL=C

build=$1
shift
profiles=$(mktemp -d)
trap 'rm -rf "$profiles"' EXIT
programs=()
for target; do
  LLVM_PROFILE_FILE=$profiles/$target-%p.raw "$build/tests/fuzz_$target" >/dev/null
  programs+=("$build/tests/fuzz_$target")
done
find "$profiles" -name '*.raw' >"$profiles/list"
llvm-profdata merge -sparse -f "$profiles/list" -o "$profiles/all"
objects=()
for program in "${programs[@]:1}"; do objects+=(-object "$program"); done
llvm-cov report "${programs[0]}" "${objects[@]}" -instr-profile="$profiles/all" \
  -ignore-filename-regex='(^|/)(tests|lua|tools)/' |
  awk '{ if (NF >= 10) printf "%-44s %6s lines %6s missed %8s\n", $1, $8, $9, $10 }' |
  grep -v -e '^-' -e '^Filename'

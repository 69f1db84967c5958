#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The script tests again, but for those of gaijin-worker itself, with stock interpreters as workers: every worker of a test is lua5.1, or luajit, with
# gaijin.so. SCRIPT=part of a name picks some, INTERPRETERS which are run.
. "$(dirname "$0")/lib.sh"
export LUA_CPATH="$build/?.so;;"
preload=""
if sanitized "$build/gaijin.so"; then preload=$(gcc -print-file-name=libasan.so); fi

write_worker() {
  cat >"$dir/gaijin-worker" <<WORKER
#!/bin/bash
LD_PRELOAD=$preload ASAN_OPTIONS=\${ASAN_OPTIONS:-}:detect_leaks=0 exec $1 "$root/tests/module/worker.lua" "\$@"
WORKER
  chmod +x "$dir/gaijin-worker"
}
for program in gaijin-broker gaijinctl; do ln -s "$build/$program" "$dir/$program"; done

for interpreter in ${INTERPRETERS:-lua5.1 luajit}; do
  command -v "$interpreter" >/dev/null || continue
  write_worker "$interpreter"
  status=0
  GAIJIN_TEST_STOCK=1 GAIJIN_BUILD=$dir "$build/tests/test_scripts" >"$dir/out" 2>&1 || status=$?
  read -r checks bad < <(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2+\3/p' "$dir/out")
  bad=$((${bad:-0}))
  if [ "$status" -ne 0 ]; then
    [ "$bad" -gt 0 ] || bad=1
    echo "FAIL with $interpreter"
    cat "$dir/out"
  fi
  passed=$((passed + ${checks:-0} - bad)) failed=$((failed + bad))
done

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What make says where it cannot work, in one line, and that it works in a folder with blanks in its name.
set -uo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0 status=0
# What the make that runs this test was told is not for those below.
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD FIBER

check() { # WHAT COMMAND...: the command holds.
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $story: $what"
    cat "$dir/out"
  fi
}
run() { # STORY COMMAND...: its status is in $status, its output in $dir/out.
  story=$1
  shift
  status=0
  "$@" >"$dir/out" 2>&1 </dev/null || status=$?
}
# refuses STORY TEXT COMMAND...: it fails with one line that has the text.
refuses() {
  local text=$2
  run "$1" "${@:3}"
  check "status 2, not $status" test "$status" = 2
  check "says $text" grep -F -- "$text" "$dir/out" >/dev/null
  check "says it in one line" test "$(grep -c . "$dir/out")" = 1
}
here=(make -C "$root" --no-print-directory)

refuses "an empty BUILD" "BUILD is empty" "${here[@]}" BUILD= help
refuses "a BUILD with a blank" "BUILD is '$dir/a b': make cannot work" "${here[@]}" BUILD="$dir/a b" help
refuses "a BUILD with a colon" "BUILD is '$dir/a:b': make cannot work" "${here[@]}" BUILD="$dir/a:b" help
check "makes nothing" test ! -e "$dir/a"
refuses "a way to switch fibers that is none" "FIBER is 'threads': it is asm or ucontext" "${here[@]}" FIBER=threads help

cd "$dir" || exit 1
refuses "from another folder" "run \`make -C '$root' BUILD='$dir/build'\`" make -f "$root/Makefile"

# Without libraries: what each target is missing.
lacking=(env PKG_CONFIG_LIBDIR="$dir/pc" "${here[@]}" -j1 BUILD="$dir/build")
mkdir "$dir/pc"
with() { # NAME...: these libraries are there
  local name
  rm -f "$dir"/pc/*
  for name in "$@"; do printf 'Name: %s\nDescription: none\nVersion: 1\n' "$name" >"$dir/pc/$name.pc"; done
}
program=$dir/build/obj/proto/status.o test=$dir/build/obj/tests/unit/test_proto_pt.o
refuses "no library" "missing: libuv msgpack-c lua5.1. Run \`tools/setup.sh\`, which" "${lacking[@]}" "$program"
for msgpack in msgpack msgpack-c; do
  with libuv lua5.1 "$msgpack"
  run "$msgpack, but not check" "${lacking[@]}" -n "$program"
  check "a program's part can be made" test "$status" = 0
  refuses "$msgpack, but not check, for a test" "missing: check. Run \`tools/setup.sh packages\`, which" "${lacking[@]}" "$test"
done
run "help without libraries" "${lacking[@]}" help
check "is shown" test "$status" = 0

mkdir "$dir/a b"
cp -r "$root"/{Makefile,proto,client-lib,tools} "$dir/a b/"
run "in a folder with a blank" make -C "$dir/a b" --no-print-directory build/docs-tables build/libgaijin.so
check "builds" test "$status" = 0
run "what it built" "$dir/a b/build/docs-tables" --help
check "runs" test "$status" -lt 126

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

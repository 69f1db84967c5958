#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What make says where it cannot work, in one line, and that it works in a folder with blanks in its name.
. "$(dirname "$0")/lib.sh"
limit=$((200 * ${GAIJIN_TEST_SLOWER:-1})) # it compiles
# What the make that runs this test was told is not for those below.
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD FIBER SKIP SANITIZE HOSTILE

# refuses STORY TEXT COMMAND...: it fails with one line that has the text.
refuses() {
  story=$1
  run "${@:3}"
  check "status 2, not $status" test "$status" = 2
  check "says $2" says "$2"
  check "says it in one line" test "$(cat "$dir/out" "$dir/err" | wc -l)" = 1
}
here=(make -C "$root" --no-print-directory)

refuses "an empty BUILD" "BUILD is empty" "${here[@]}" BUILD= help
refuses "a BUILD with a blank" "BUILD is '$dir/a b': make cannot work" "${here[@]}" BUILD="$dir/a b" help
refuses "a BUILD with a colon" "BUILD is '$dir/a:b': make cannot work" "${here[@]}" BUILD="$dir/a:b" help
check "makes nothing" test ! -e "$dir/a"
refuses "a way to switch fibers that is none" "FIBER is 'threads': it is asm or ucontext" "${here[@]}" FIBER=threads help
refuses "a test to leave out that is none" "SKIP: there is no test called test_none" "${here[@]}" SKIP='test_lint test_none' help
refuses "figures that are to be kept of some rows only" "RENEW=1 keeps the figures of all rows" "${here[@]}" RENEW=1 ROWS=trips bench
story="a test to leave out"
run "${here[@]}" -n BUILD="$dir/build" SKIP='test_lint test_proto_pt' run-all
check "the others are run" says "$dir/build/tests/test_proto_frame"
check "that one is not, script or program" test "$(grep -c 'run.sh.*test_\(lint.sh\|proto_pt\) ' "$dir/out")" = 0

# Dry, a make that another starts is run all the same.
line_of() { grep -n -m 1 -e "$1" "$dir/out" | cut -d : -f 1; }
story="a file beside a target that starts a make of its own"
run "${here[@]}" -n BUILD="$dir/build" unit "$dir/build/tests/test_scripts"
check "begins when that has ended" \
  test "$(line_of "-o $dir/build/tests/test_scripts ")" -gt "$(line_of '^tests/run.sh')"

story="LTO=1 with flags of one's own"
run "${here[@]}" -n LTO=1 CFLAGS=-O1 BUILD="$dir/build" "$dir/build/gaijin-broker"
check "compiles with both" grep -q -e '-O1 -std=gnu11 .* -flto' "$dir/out"
check "links with both" grep -q -e '-O1 \+-pthread -flto' "$dir/out"

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
refuses "no library" "missing: libuv lua5.1 inih libseccomp libedit ncursesw libmicrohttpd libconfuse. Run \`tools/setup.sh\`, which" "${lacking[@]}" "$program"
program_has=(libuv lua5.1 inih libseccomp libedit ncursesw libmicrohttpd libconfuse)
with "${program_has[@]}"
story="what programs need"
run "${lacking[@]}" -n "$program"
check "a program's part can be made" test "$status" = 0
refuses "what programs need, for a test" "missing: check msgpack-c. Run \`tools/setup.sh packages\`, which" "${lacking[@]}" "$test"
for msgpack in msgpack msgpack-c; do
  with "${program_has[@]}" "$msgpack"
  refuses "$msgpack, but not check, for a test" "missing: check. Run \`tools/setup.sh packages\`, which" "${lacking[@]}" "$test"
  with "${program_has[@]}" "$msgpack" check
  story="$msgpack and check"
  run "${lacking[@]}" -n "$test"
  check "a test's part can be made" test "$status" = 0
done
story="help without libraries"
run "${lacking[@]}" help
check "is shown" test "$status" = 0

story="install where nothing was built"
"${here[@]}" -n BUILD="$dir/new" install >"$dir/all" 2>"$dir/err" && status=0 || status=$?
grep -o "$dir/new/man/[^ ]*" "$dir/all" | sort -u >"$dir/out"
check "status 0, not $status" test "$status" = 0
for page in gaijinctl.1 man3 gaijin-policy.5; do check "makes $page" out_has "/man/$page\$"; done

mkdir "$dir/a b"
cp -r "$root"/{Makefile,install.mk,proto,client-lib,tools} "$dir/a b/"
story="in a folder with a blank"
run make -C "$dir/a b" --no-print-directory build/docs-tables build/libgaijin.so
check "builds" test "$status" = 0
run "$dir/a b/build/docs-tables" --help
check "what it built runs" test "$status" -lt 126

finish

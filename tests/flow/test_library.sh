#!/bin/bash
# SPDX-License-Identifier: MIT
#
# libgaijin as other programs meet it: what it exports, that its headers stand alone in C and C++, and that programs with
# clashing names of their own build against it with nothing but -Iclient-lib/include, link either way, and work with a
# broker and a worker. The programs of docs/c-api.md are built and run too.
. "$(dirname "$0")/lib.sh"
include=$root/client-lib/include

# ---- What it exports ----

only_gaijin() { # nm's arguments
  nm --defined-only "$@" | awk 'NF == 3 && $3 !~ /^gaijin_/ && $2 != "A" { print; bad = 1 } NF == 3 { n++ } END { exit bad || n < 40 }'
}
check "libgaijin.a shows gaijin_* only" only_gaijin -g "$build/libgaijin.a"
check "libgaijin.so shows gaijin_* only" only_gaijin -D "$build/libgaijin.so"
version=$(sed -n 's/^#define GAIJIN_VERSION "\(.*\)"/\1/p' "$include/gaijin/protocol.h")
soname=libgaijin.so.${version%%.*}
has_soname() { readelf -d "$build/libgaijin.so" | grep "soname: \[$soname\]"; }
check "libgaijin.so has the soname $soname" has_soname
check "$soname leads to the file with the version" test "$(readlink -f "$build/$soname")" = "$build/libgaijin.so.$version"
check "libgaijin.so leads there too" test "$(readlink -f "$build/libgaijin.so")" = "$build/libgaijin.so.$version"

# ---- Compilers ----

# A library built with AddressSanitizer wants its programs built so.
sanitize=() lto=1
if sanitized "$build/libgaijin.a"; then
  sanitize=("-fsanitize=address,undefined")
  lto=
fi
compilers=() with_cxx=()
for pair in gcc:g++ clang:clang++; do
  # The run-time of one compiler's sanitizer does not fit the objects of the other.
  if [ ${#sanitize[@]} -gt 0 ] && [ "${pair%:*}" != "${CC:-gcc}" ]; then continue; fi
  if command -v "${pair%:*}" >/dev/null; then compilers+=("${pair%:*}"); fi
  if command -v "${pair#*:}" >/dev/null; then with_cxx+=("${pair#*:}"); fi
done
check "there is a compiler for C" test ${#compilers[@]} -gt 0
check "there is a compiler for C++" test ${#with_cxx[@]} -gt 0
strict=(-Wall -Wextra -pedantic -Werror)

stands_alone() { # compiler language standard header
  echo "#include <gaijin/$4>" | "$1" -x "$2" "-std=$3" "${strict[@]}" -I"$include" -fsyntax-only -
}
for header in "$include"/gaijin/*.h; do
  name=$(basename "$header")
  for cc in "${compilers[@]}"; do
    for std in c99 c11 c17; do check "$name alone, $cc $std" stands_alone "$cc" c "$std" "$name"; done
  done
  for cxx in "${with_cxx[@]}"; do
    for std in c++11 c++17; do check "$name alone, $cxx $std" stands_alone "$cxx" c++ "$std" "$name"; done
  done
  # Names without prefix that a header would bring: macros, enumerators, functions and types at the start of a line.
  check "$name: macros have the prefix" test -z "$(sed -n 's/^ *# *define *\([A-Za-z_]*\).*/\1/p' "$header" | grep -v '^GAIJIN_')"
  check "$name: enumerators have the prefix" test -z "$(sed -n 's/^  \([A-Z][A-Z0-9_]*\)\( = [0-9]*\)\?,\?$/\1/p' "$header" | grep -v '^GAIJIN_')"
done

# ---- A broker and a worker ----

export GAIJIN_SOCKET=$dir/g.sock
start_broker --log-level warn
start shop "$build/gaijin-worker" -n shop "$root/examples/c/shop.lua"
check "the worker is there" exports shop price

# build_and_run WHAT WANTED COMPILER...: compiles, links and runs a program; it prints WANTED.
build_and_run() {
  local what=$1 wanted=$2
  shift 2
  check "$what builds" "$@" -o "$dir/program"
  check "$what runs" timeout "$limit" "$dir/program" shop
  check "$what prints what it should" test "$(cat "$dir/log")" = "$wanted"
}
c_wants=$'15\n5 x pear\n'"$version 40 77"
cxx_wants=$'8\n4 x apple\n'"$version"
static=("$build/libgaijin.a" -lm)
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
others() { needed "$build/libgaijin.so" | grep -Ev '^(libc|libm|libpthread|libasan|libubsan|ld-linux.*)\.so\.'; }
check "libgaijin.so needs the C library only (or a sanitiser's)" test "$(others)" = ""
dynamic=("-L$build" -lgaijin "-Wl,-rpath,$build")
for cc in "${compilers[@]}"; do
  c=("$cc" -std=c99 -O1 "${strict[@]}" "${sanitize[@]}" "-I$include" "$root/tests/library/names.c")
  build_and_run "a C program, $cc, static" "$c_wants" "${c[@]}" "${static[@]}"
  build_and_run "a C program, $cc, shared" "$c_wants" "${c[@]}" "${dynamic[@]}"
done
for cxx in "${with_cxx[@]}"; do
  c=("$cxx" -std=c++11 -O1 "${strict[@]}" "${sanitize[@]}" "-I$include" "$root/tests/library/program.cc")
  build_and_run "a C++ program, $cxx, static" "$cxx_wants" "${c[@]}" "${static[@]}"
  build_and_run "a C++ program, $cxx, shared" "$cxx_wants" "${c[@]}" "${dynamic[@]}"
done

# ---- docs/c-api.md: each block "c NAME" is a program, the block "lua" is the script that calls counter ----

awk -v dir="$dir" '/^```c / { file = dir "/doc-" $2 ".c"; next } /^```lua/ { file = dir "/doc.lua"; next }
  /^```/ { file = ""; next } file { print > file }' "$root/docs/c-api.md"
cc=${compilers[0]}
for name in price counter; do
  check "docs/c-api.md: $name builds" "$cc" -std=c99 -D_POSIX_C_SOURCE=200809L "${strict[@]}" "${sanitize[@]}" "-I$include" "$dir/doc-$name.c" \
    "${static[@]}" -o "$dir/$name"
done
check "docs/c-api.md: price runs" timeout "$limit" "$dir/price"
check "docs/c-api.md: price prints 6" test "$(cat "$dir/log")" = 6
start counter "$dir/counter"
check "docs/c-api.md: the script runs" timeout "$limit" "$build/gaijin-worker" -n till --once "$dir/doc.lua"
check "docs/c-api.md: the script prints 42" test "$(cat "$dir/log")" = 42

# Everything, library and program, with optimisation at link time.
if [ "$lto" ] && command -v gcc >/dev/null; then
  make_lto() {
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$root" CC=gcc BUILD="$dir/lto" CFLAGS="-O2 -flto" "$dir/lto/libgaijin.a"
  }
  check "the library builds with -flto" make_lto
  check "built with -flto it shows gaijin_* only" only_gaijin -g "$dir/lto/libgaijin.a"
  build_and_run "a C program with -flto" "$c_wants" gcc -std=c99 -O2 -flto "${strict[@]}" "-I$include" \
    "$root/tests/library/names.c" "$dir/lto/libgaijin.a" -lm
fi

finish

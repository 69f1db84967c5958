#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A test is linked with many of our archives, and so may a program be one day: no function and no variable has the
# same name in two of them. The linker tells only if a program happens to want both.
. "$(dirname "$0")/lib.sh"

archives=(tools broker policy lua-gaijin client proto)
names() { # archive: what others may refer to; names that begin with __ are the compiler's own
  nm --defined-only "$build/lib$1.a" 2>/dev/null | awk -v of="$1" '$2 ~ /^[TDBRC]$/ && $3 !~ /^__/ { print $3, of }' | sort -u
}
for archive in "${archives[@]}"; do names "$archive"; done >"$dir/names"

story="names in archives"
check "there are some" test "$(wc -l <"$dir/names")" -gt 1000
for archive in "${archives[@]}"; do
  check "of lib$archive" grep -q " $archive\$" "$dir/names"
done
awk '{ of[$1] = of[$1] " " $2; n[$1]++ } END { for (name in n) if (n[name] > 1) print name ":" of[name] }' "$dir/names" >"$dir/out"
check "each is in one only: $(tr '\n' ';' <"$dir/out")" test ! -s "$dir/out"

finish

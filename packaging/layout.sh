#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a program that was built with an earlier header relies on, beside the names of the library:
# packaging/libgaijin0.layout has where each member of a public struct stands, how large it is and
# how it is declared, the value of each constant, and each call's types, of 64-bit systems.
#
#   packaging/layout.sh            says what the record and the headers do not have in common;
#                                  status 1 if there is anything
#   packaging/layout.sh --record   adds what is new
#
# New are calls, constants, structs, and members that begin where the struct ended. All else breaks
# programs: it leaves the record by hand only, and with another soname.
#
#   CC        the compiler. Calls are looked at only if it is gcc
#   HEADERS   the folder of the headers (default: client-lib/include)
#   LAYOUT    the record
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

headers=${HEADERS:-client-lib/include} record=${LAYOUT:-packaging/libgaijin0.layout}
read -r -a cc <<<"${CC:-cc}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# C11, for compilers write types as their language has them (bool, _Bool).
compile() { "${cc[@]}" -std=gnu11 -I"$headers" "$@"; }
awk -f packaging/layout.awk "$headers"/gaijin/*.h >"$work/layout.c"
compile "$work/layout.c" -o "$work/layout"
with_calls=no
if compile -fsyntax-only -aux-info "$work/calls" "$work/layout.c" 2>/dev/null; then
  with_calls=yes
fi
[ -e "$record" ] || : >"$record"
calls() {
  if [ $with_calls = yes ]; then
    sed -n 's|^/\* [^ ]*/gaijin/[^ ]* \*/ extern \(.*\);.*|call \1|p' "$work/calls"
  else # those of the record stand
    sed -n '/^call /p' "$record"
  fi
}
{ "$work/layout" && calls; } | sort -u >"$work/now"
sort "$record" >"$work/before"

# The sizes of structs in a list.
sizes() { sed -n 's/^size of \([^ ]*\) \(.*\)/\1 \2/p' "$1"; }
# Sizes may grow, but of a struct that is handed over as a value, and so do counts.
comm -23 "$work/before" "$work/now" | awk -v sizes="$(sizes "$work/now" | tr '\n' ' ')" '
  BEGIN { n = split(sizes, w, " "); for (i = 1; i < n; i += 2) size[w[i]] = w[i + 1] }
  $1 == "size" && $3 != "gaijin_pt" && size[$3] > $4 { next }
  $2 ~ /_COUNT$/ { next }
  { print }' >"$work/gone"
comm -13 "$work/before" "$work/now" | awk -v sizes="$(sizes "$work/before" | tr '\n' ' ')" '
  BEGIN { n = split(sizes, w, " "); for (i = 1; i < n; i += 2) size[w[i]] = w[i + 1] }
  { split($1, name, ".") }
  $1 ~ /[.]/ && name[1] in size && $2 < size[name[1]]' >"$work/inside"
if [ -s "$work/gone" ] || [ -s "$work/inside" ]; then
  echo "programs that were built before would go wrong:" >&2
  sed "s|^|$record has, and the headers have not: |" "$work/gone" >&2
  sed 's|^|not at the end of its struct: |' "$work/inside" >&2
  exit 1
fi
comm -13 "$work/before" "$work/now" >"$work/new"
[ -s "$work/new" ] || exit 0
if [ "${1:-}" = --record ]; then
  cp "$work/now" "$record"
else
  echo "$record lacks what the headers have; \`make symbols\` adds it:" >&2
  cat "$work/new" >&2
  exit 1
fi

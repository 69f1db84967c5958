#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The binary interface of libgaijin: debian/libgaijin0.symbols has each name that the library shows,
# with the node of its version script and the version that brought it.
#
#   packaging/symbols.sh LIBRARY VERSION           says what the record and the library do not have
#                                                  in common; status 1 if there is anything
#   packaging/symbols.sh LIBRARY VERSION --record  adds what is new, as VERSION's
#
# A name that is gone breaks programs that use it, so it leaves the record by hand only, and with
# another soname.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

library=$1 version=$2 record=debian/libgaijin0.symbols
# A node of the version script is a name, too: of itself.
shown() {
  nm -D --defined-only --with-symbol-versions "$library" |
    awk '{ sub(/@@/, "@", $3); print $2 == "A" ? $3 "@" $3 : $3 }' | sort
}
recorded() { sed -n 's/^ \([^ ]*\) .*/\1/p' "$record" | sort; }

gone=$(comm -13 <(shown) <(recorded))
new=$(comm -23 <(shown) <(recorded))
if [ -n "$gone" ]; then
  echo "$library lacks what $record has: programs that use it would not start:" >&2
  echo "$gone" >&2
  exit 1
fi
[ -n "$new" ] || exit 0
if [ "${3:-}" = --record ]; then
  {
    grep -v '^ ' "$record"
    { grep '^ ' "$record" || true; awk -v v="$version" '{ print " " $0 " " v }' <<<"$new"; } | sort
  } >"$record.new"
  mv "$record.new" "$record"
else
  echo "$record lacks what $library shows; \`make symbols\` adds it:" >&2
  echo "$new" >&2
  exit 1
fi

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make lint`: runs every check, also when one fails; the status is 0 only if all are content.
#   tools/lint/run.sh BUILD
set -euo pipefail
export LC_ALL=C

build=$1
status=0
step() { # name, command...
  local name=$1
  shift
  if "$@"; then
    echo "  lint  $name"
  else
    echo "lint: $name failed" >&2
    status=1
  fi
}

step "include arrows" tools/lint/arrows.sh
step "sizes and style" tools/lint/style.sh
if [ -x "$build/docs-tables" ]; then
  step "tables in docs/" "$build/docs-tables" docs --check
fi
step "protocol.h, which \`make public-header\` renews" \
  diff client-lib/include/gaijin/protocol.h <("$build/public-header")
# cppcheck reads a file once for each set of macros that #if asks for, also in headers. Programs
# are checked so. Most tests have no #if, and the programs show those of our headers: such tests are
# read once, as `make hostile` and gcc compile them.
conditional='^ *# *(if|ifdef|ifndef) '
has_conditional() { # file: in itself, or in a header of the tests that it includes
  local headers
  mapfile -t headers < <(sed -n 's|^#include "\(tests/.*\)"$|\1|p' "$1")
  grep -hE "$conditional" "$1" "${headers[@]}" |
    grep -vE 'ifndef ([A-Z0-9_]+_H|_GNU_SOURCE)$' >/dev/null
}
each=() once=()
while IFS= read -r file; do
  if [[ $file != tests/* ]] || has_conditional "$file"; then
    each+=("$file")
  else
    once+=("$file")
  fi
done < <(find proto client-lib policy broker lua tools tests examples -name '*.c' | sort)
# shellcheck disable=SC2054 # cppcheck's lists have commas
cppcheck=(cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr
  --library=posix,gnu --suppressions-list=tools/lint/cppcheck.txt --error-exitcode=1
  -j "$(nproc)" -I. -Iclient-lib/include -I"$build/obj")
mkdir -p "$build"/cppcheck/{each,once}
step "cppcheck" "${cppcheck[@]}" --cppcheck-build-dir="$build/cppcheck/each" "${each[@]}"
if [ ${#once[@]} -gt 0 ]; then
  step "cppcheck of tests" "${cppcheck[@]}" --cppcheck-build-dir="$build/cppcheck/once" \
    -D__GNUC__ -DGAIJIN_HOSTILE "${once[@]}"
fi
mapfile -t scripts < <(find tools tests examples packaging debian .ci -type f \
  \( -name '*.sh' -o -path .ci/run -o -path debian/gaijin.install -o -name '*.postinst' \
  -o -name '*.prerm' -o -name '*.postrm' \) | sort)
step "shellcheck" shellcheck -x -P SCRIPTDIR "${scripts[@]}"

# Told, not judged.
for folder in proto client-lib policy broker lua; do
  find "$folder" -type f -name '*.[ch]' -exec cat {} + | awk -v folder="$folder" '
    /(^|[^a-zA-Z0-9_])assert\(/ { n++ }
    END { printf "  lint  %-10s %5.1f asserts per 1,000 lines\n", folder, n * 1000 / NR }'
done
exit "$status"

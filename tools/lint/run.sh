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
mkdir -p "$build/cppcheck"
mapfile -t folders < <(find proto client-lib policy broker lua tools tests examples \
  -name '*.c' -printf '%h\n' | sort -u)
step "cppcheck" cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
  --library=posix,gnu --suppressions-list=tools/lint/cppcheck.txt --error-exitcode=1 -j "$(nproc)" \
  --cppcheck-build-dir="$build/cppcheck" -I. -Iclient-lib/include -I"$build/obj" "${folders[@]}"
mapfile -t scripts < <(find tools tests examples packaging debian .ci -type f \
  \( -name '*.sh' -o -path .ci/run -o -path debian/gaijin.install -o -name '*.postinst' \) | sort)
step "shellcheck" shellcheck -x -P SCRIPTDIR "${scripts[@]}"

# Told, not judged.
for folder in proto client-lib policy broker lua; do
  find "$folder" -type f -name '*.[ch]' -exec cat {} + | awk -v folder="$folder" '
    /(^|[^a-zA-Z0-9_])assert\(/ { n++ }
    END { printf "  lint  %-10s %5.1f asserts per 1,000 lines\n", folder, n * 1000 / NR }'
done
exit "$status"

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Brings what `make fuzz` has found into the source tree: of all inputs, those few that together
# reach what all reach.
#   tests/fuzz/keep.sh BUILD TARGET...
# Files whose names do not begin with found- stay: they tell by their names what they are.
set -euo pipefail
export LC_ALL=C

build=$1
shift
for target; do
  corpus=tests/fuzz/corpus/$target
  all=$(mktemp -d)
  few=$(mktemp -d)
  mkdir -p "$corpus"
  # The first directory of a merge gets what the others add to it.
  find "$corpus" -type f ! -name 'found-*' -exec cp {} "$few" \;
  find "$corpus" "$build/corpus/$target" -type f -size -3k -exec cp {} "$all" \;
  "$build/fuzz/$target" -merge=1 "$few" "$all" >/dev/null 2>&1
  find "$corpus" -name 'found-*' -delete
  for file in "$few"/*; do
    if [ ! -e "$corpus/$(basename "$file")" ]; then
      cp "$file" "$corpus/found-$(sha1sum "$file" | cut -c 1-12)"
    fi
  done
  rm -rf "$all" "$few"
  echo "$target: $(find "$corpus" -type f | wc -l) files, $(du -sb "$corpus" | cut -f 1) bytes"
done

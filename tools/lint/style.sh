#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the compiler does not see of the house rules: files of at most 450 lines and functions of at
# most 80 (the aim is 400 and 60), a first line with the licence, no white space at line ends, no
# tabs, no unfinished work; no line over 100 columns in what ships; no wall clock but in lines of
# logs; no pipe into `grep -q` or `head`.
set -euo pipefail
export LC_ALL=C

status=0
# Reads "FILE: what" lines and counts them as faults.
faults() {
  local line
  while IFS= read -r line; do
    echo "$line" >&2
    status=1
  done
}

mapfile -t sources < <(find proto client-lib policy broker lua tools tests examples packaging \
  -type f \( -name '*.c' -o -name '*.cc' -o -name '*.h' -o -name '*.lua' -o -name '*.sh' \) | sort)
mapfile -t lists < <(find proto tools -type f -name '*.def' | sort)
mapfile -t python < <(find tests examples -type f -name '*.py' | sort)
mapfile -t c_sources < <(printf '%s\n' "${sources[@]}" | grep -E '\.([ch]|cc)$')

faults < <(awk 'FNR == 451 { print FILENAME ": over 450 lines; split it by subject" }' \
  "${sources[@]}" "${python[@]}")
faults < <(awk '
  /^[a-zA-Z_].*\) *\{$/ { start = FNR }
  /^}/ {
    if (start && FNR - start > 80)
      print FILENAME ":" start ": function of " FNR - start + 1 " lines; at most 80"
    start = 0
  }
' "${c_sources[@]}")
faults < <(awk '
  FNR == 1 && !/^\/\* SPDX-License-Identifier: MIT$/ {
    print FILENAME ": the first line is not `/* SPDX-License-Identifier: MIT`"
  }' "${c_sources[@]}")
# Tests tell stories in longer lines.
mapfile -t shipped < <(printf '%s\n' "${sources[@]}" | grep -v -e '^tests/' -e '^examples/')
faults < <(awk 'length($0) > 100 { print FILENAME ":" FNR ": over 100 columns" }' "${shipped[@]}")
faults < <(grep -nE '[[:space:]]+$' "${sources[@]}" "${python[@]}" "${lists[@]}" ./*.md docs/*.md \
    Makefile install.mk 2>/dev/null |
  sed 's/^\([^:]*:[0-9]*\):.*/\1: white space at the end of the line/' || true)
faults < <(grep -nP '\t' "${sources[@]}" "${python[@]}" "${lists[@]}" |
  sed 's/\(:[0-9]*\):.*/\1: tab/' || true)
faults < <(grep -nwE 'TO[D]O|FIX[M]E|XX[X]' "${sources[@]}" "${python[@]}" "${lists[@]}" |
  sed 's/$/: unfinished/' || true)
# The wall clock jumps: it is for showing, in the log.
mapfile -t own < <(printf '%s\n' "${shipped[@]}" | grep '\.[ch]$' | grep -v '^proto/logline\.c$')
faults < <(grep -nE '\<(CLOCK_REALTIME|gettimeofday|time\((NULL|0|&))' "${own[@]}" |
  grep -v 'SCMP_SYS(gettimeofday)' |
  sed 's/:\([0-9]*\):.*/:\1: the wall clock; measure with proto\/clock.h/' || true)
# A reader that ends early kills its writer by SIGPIPE, now and then; pipefail calls that failed.
mapfile -t scripts < <(find tools tests examples packaging .ci -type f \
  \( -name '*.sh' -o -path .ci/run \) 2>/dev/null | sort)
early='[^|][|]&? *(grep [^|]*-[a-zA-Z]*[qm]|head( |$))'
faults < <(grep -nE "$early" "${scripts[@]}" /dev/null |
  sed 's/:\([0-9]*\):.*/:\1: the reader of a pipe ends early; grep >\/dev\/null, or sed/' || true)
exit "$status"

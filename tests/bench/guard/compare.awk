# SPDX-License-Identifier: MIT
#
# Usage: awk -v machine=TEXT -v percent=N -v least=N -f compare.awk RECORD COUNTS. Prints a table of
# both, a line for each figure that differs, and how many passed and failed.

/^#/ { next }
NR == FNR && /^with: / { recorded_machine = $0; next }
NR == FNR { recorded[$1, $2] = $3; known[++n_known] = $1 SUBSEP $2; next }
{
  count[$1, $2] = $3
  if (!($1 in row)) { order[++n_rows] = $1; row[$1] = "" }
  was = ($1, $2) in recorded ? recorded[$1, $2] : "-"
  row[$1] = row[$1] sprintf("  %s %6d", $2, $3)
  row_recorded[$1] = row_recorded[$1] " " was
  check($1, $2, was, $3)
}

# True when b is more than a by enough to count.
function exceeds(b, a) { return b - a > least && b - a > a * percent / 100 }

function check(operation, process, was, now,   figures) {
  if (was == "-") {
    say(operation, process, "is not in the record; record it with make bench-guard-record")
    failed++
    return
  }
  figures = was " before, " now " now"
  if (was > 0) figures = figures sprintf(" (%+.1f %%)", (now - was) * 100 / was)
  if (exceeds(now, was)) {
    say(operation, process, "takes more instructions: " figures \
        "; mend it, or give the reason in the commit and record with make bench-guard-record")
    failed++
    return
  }
  passed++
  if (exceeds(was, now))
    say(operation, process, "takes fewer instructions: " figures \
        "; record it with make bench-guard-record")
}

function say(operation, process, text) {
  lines[++n_lines] = "bench-guard: " operation ", " process ": " text
}

END {
  for (i = 1; i <= n_rows; i++)
    printf "%-14s%s   (recorded%s)\n", order[i], row[order[i]], row_recorded[order[i]]
  if (recorded_machine != machine) {
    print "bench-guard: nothing is compared: the record is of another compiler or other libraries"
    print "  recorded " recorded_machine
    print "  counted  " machine
    print "0 passed, 0 failed"
    exit 0
  }
  for (i = 1; i <= n_known; i++)
    if (!(known[i] in count)) {
      split(known[i], name, SUBSEP)
      say(name[1], name[2], "is counted no more; record it with make bench-guard-record")
      failed++
    }
  for (i = 1; i <= n_lines; i++) print lines[i]
  print passed + 0 " passed, " failed + 0 " failed"
  exit failed > 0
}

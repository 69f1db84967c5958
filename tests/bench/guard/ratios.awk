# SPDX-License-Identifier: MIT
#
# Usage: awk -v count=N -f ratios.awk RATIOS, whose lines are: limit, function, call, instructions
# of N such calls with the original, and with the replacement. Prints the table, a line for each that
# is over its limit, and how many passed and failed.
BEGIN { FS = "\t" }
{
  ratio = $5 / $4
  printf "  %-20s%-40s%7.0f%7.0f  %.3f\n", $2, $3, $4 / count, $5 / count, ratio
  if (ratio <= $1) {
    passed++
    next
  }
  failed++
  lines[failed] = sprintf("bench-guard: %s, %s: takes %.3f times the instructions of the " \
                          "original, more than %.2f times", $2, $3, ratio, $1)
}
END {
  for (i = 1; i <= failed; i++) print lines[i]
  if (!passed && !failed) print "bench-guard: no replaced function was counted"
  print passed + 0 " passed, " failed + 0 " failed"
  exit failed > 0 || !passed
}

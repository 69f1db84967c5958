#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench: usage run.sh BUILD [--json FILE]. Every row of rows.sh, in rounds, each beside the bare
# forwarder of floor.c; prints medians, their spread and the ratio to the floor of the same round, and writes
# all of it as JSON into FILE. Only what is of one run can be compared: so what is to be compared is a
# variant, and variants take turns. By environment (make bench ROUNDS=3 does the same):
#
#   ROWS          some of the rows only, by name: "trips crowd"
#   ROUNDS        how often all is done (5)
#   VARIANTS      flags for broker and workers, variants separated by "|": "--poll-us 0|" is without polling and
#                 as it comes. A variant that begins with @DIRECTORY is of the programs of that build
#   BROKER_FLAGS, WORKER_FLAGS, GAIJIN_BENCH_CPUS  see ../common/lib.sh
#   SHARE         divides how often things are done: with 100 one sees that it works, and figures mean nothing
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
. "$(dirname "$0")/rows.sh"
begin bench "${1:?usage: run.sh BUILD [--json FILE]}" gaijin-broker gaijin-worker gaijinctl \
  bench/rows/floor bench/rows/idle bench/rows/start bench/refs/tokens
json=
if [ $# -gt 1 ]; then
  if [ "$2" != --json ] || [ $# != 3 ]; then die "usage: run.sh BUILD [--json FILE]"; fi
  json=$(realpath -m "$3")
fi
rounds=${ROUNDS:-5} share=${SHARE:-1} is_together=
for number in "$rounds" "$share"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || die "'$number' is no number of rounds, or share"
done
read -ra wanted <<<"${ROWS:-}"
for row in "${wanted[@]}"; do
  [ "$(type -t "row_$row")" = function ] ||
    die "there is no row '$row'; rows are: ${pinned_rows[*]}"
done
mapfile -t variants < <(printf '%s' "${VARIANTS:-}" | tr '|' '\n')
# A last one that is empty has no line.
case ${VARIANTS:-} in '' | *'|') variants+=("") ;; esac
common_broker=("${broker_flags[@]}") common_worker=("${worker_flags[@]}")

# What the words start from now on.
use() { # VARIANT
  local flags=()
  read -ra flags <<<"$1"
  programs=$build
  if [[ ${flags[0]:-} == @* ]]; then
    programs=$(cd "${flags[0]#@}" 2>/dev/null && pwd) || die "there is no build '${flags[0]#@}'"
    flags=("${flags[@]:1}")
  fi
  broker_flags=("${common_broker[@]}" "${flags[@]}")
  worker_flags=("${common_worker[@]}" "${flags[@]}")
}
is_wanted() { # ROW
  [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} floor " == *" $1 "* ]]
}
# all ROUND PLACEMENT VARIANT: a line for each figure.
all() {
  local row names
  place "$2"
  use "$3"
  declare -n names="$2_rows"
  for row in "${names[@]}"; do
    is_wanted "$row" || continue
    doing "row $row, $2${3:+, with $3}"
    "row_$row" >"$dir/figures"
    [ -s "$dir/figures" ] || die "no figures of row $row, $2"
    while read -r line; do printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$line"; done <"$dir/figures"
  done
  apart
}

note() { printf '%s\t%s\n' "$1" "$2"; } # of all of it: no line of a figure has two fields
{
  note what bench
  note share "$share"
  note load_begin "$(load_averages)"
  for ((round = 0; round < rounds; round++)); do
    for placement in pinned placed; do
      if [ "$placement" = placed ] && [ ${#processors[@]} -lt 2 ]; then continue; fi
      # Nobody is always the first.
      for ((i = 0; i < ${#variants[@]}; i++)); do
        all "$round" "$placement" "${variants[(i + round) % ${#variants[@]}]}"
      done
    done
  done
  note load_end "$(load_averages)"
} >"$dir/lines"
/usr/bin/python3 "$bench/common/figures.py" "$dir/lines" ${json:+"$json"}

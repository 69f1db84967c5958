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
#                 as it comes. What follows the word broker: or worker: is for those alone. A variant that begins
#                 with @DIRECTORY is of the programs of that build
#   BROKER_FLAGS, WORKER_FLAGS, GAIJIN_BENCH_CPUS  see ../common/lib.sh
#   SHARE         divides how often things are done: with 100 one sees that it works, and figures mean nothing
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
. "$(dirname "$0")/rows.sh"
begin bench "${1:?usage: run.sh BUILD [--json FILE]}" gaijin-broker gaijin-worker gaijinctl \
  bench/rows/floor bench/rows/crowd_floor bench/rows/idle bench/rows/start bench/refs/tokens
json=$(json_of "${@:2}")
rounds=$(number "${ROUNDS:-5}" ROUNDS)
share=$(number "${SHARE:-1}" SHARE)
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
  local word whose=both
  programs=$build
  broker_flags=("${common_broker[@]}") worker_flags=("${common_worker[@]}")
  for word in $1; do # split on purpose
    case $word in
      @*) programs=$(cd "${word#@}" 2>/dev/null && pwd) || die "there is no build '${word#@}'" ;;
      broker: | worker:) whose=$word ;;
      *)
        [ "$whose" = worker: ] || broker_flags+=("$word")
        [ "$whose" = broker: ] || worker_flags+=("$word")
        ;;
    esac
  done
}
is_wanted() { # ROW
  [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $1 "* ]]
}
# The rows of a placement; with the floor, unless it would be alone without anybody having asked for it.
rows_of() { # PLACEMENT
  local row chosen=()
  declare -n names="$1_rows"
  for row in "${names[@]}"; do
    if is_wanted "$row"; then chosen+=("$row"); fi
  done
  if [ ${#chosen[@]} -gt 0 ] && [ "${chosen[0]}" != floor ]; then chosen=(floor "${chosen[@]}"); fi
  echo "${chosen[*]}"
}
# all ROUND PLACEMENT VARIANT: a line for each figure.
all() {
  local row
  place "$2"
  use "$3"
  for row in $(rows_of "$2"); do
    doing "row $row, $2${3:+, with $3}"
    "row_$row" >"$dir/figures"
    figures_of "$1" "$2" "$3" <"$dir/figures"
  done
  apart
}

{
  note what bench
  note share "$share"
  took_begin
  for ((round = 0; round < rounds; round++)); do
    for placement in "${placements[@]}"; do
      # Nobody is always the first.
      for ((i = 0; i < ${#variants[@]}; i++)); do
        all "$round" "$placement" "${variants[(i + round) % ${#variants[@]}]}"
      done
    done
  done
  took_end
} >"$dir/lines"
/usr/bin/python3 "$bench/common/figures.py" "$dir/lines" ${json:+"$json"}

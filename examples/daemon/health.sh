#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Is the system well? For cron, a monitor, or a container's health check: health.sh [WORKER...]; the workers are those that must be
# there. A line for each fault, and 0: all is well, 1: it runs, and something is wrong, 2: no broker answers. GAIJIN_SOCKET names
# the broker, GAIJINCTL the program. Needs jq.
set -u
ctl=${GAIJINCTL:-gaijinctl}
status=0
fault() { # LINES: none are none
  [ -n "$1" ] || return 0
  printf '%s\n' "$1"
  status=1
}

ask() { timeout 5 "$ctl" "$@"; } # five seconds are much on one machine: a broker that hangs is none

if ! broker=$(ask status --json 2>&1); then
  printf '%s\n' "${broker:-the broker does not answer}"
  exit 2
fi
# What the broker itself thinks worth a look: workers that do not answer, or have not come back, limits, lost lines.
fault "$(printf '%s' "$broker" | jq -r '.[0].warnings[]')"
fault "$(printf '%s' "$broker" | jq -r '.[0] | select(.memory > 0.8 * .memory_most) | "its memory is nearly used up: \(.memory) bytes"')"

clients=$(ask clients --json) || exit 2
for name; do
  fault "$(printf '%s' "$clients" | jq -r --arg name "$name" \
    'map(select(.worker == $name and .standing == "named" and .ready)) | if length == 0 then "worker \($name) does not serve" else empty end')"
done

# A supervisor need not be there; if it is, none of its workers has been given up.
if system=$(ask ps --json 2>/dev/null); then
  fault "$(printf '%s' "$system" | jq -r '.[] | select(.state == "failed") | "worker \(.worker) was given up: \(.last)"')"
fi
exit "$status"

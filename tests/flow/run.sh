# shellcheck shell=bash disable=SC2034,SC2154 # variables of and for the scripts; lib.sh has been read
# SPDX-License-Identifier: MIT
#
# For test scripts that run `gaijinctl run` in the background:
#
#   script NAME             writes $dir/NAME.lua from stdin
#   begin WORD...           starts gaijinctl, its output in $dir/out and $dir/err; its pid is $background
#   end_of_background       waits for it to end; its status is in $status
#   children_of PID         the pids of a process's children
#   broker_of PID           the broker among them
#   not COMMAND...          COMMAND does not hold
ctl=$build/gaijinctl
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"

script() { cat >"$dir/$1.lua"; }
begin() {
  # Here and not in the child: what one before it wrote must not be taken for its own.
  : >"$dir/out"
  : >"$dir/err"
  "$ctl" "$@" >>"$dir/out" 2>>"$dir/err" </dev/null &
  background=$!
  started+=("$background")
}
end_of_background() {
  wait_until gone "$background" || kill -9 "$background" 2>/dev/null
  status=0
  wait "$background" 2>/dev/null || status=$?
}
children_of() { cat "/proc/$1/task/$1/children"; }
broker_of() {
  local child
  for child in $(children_of "$1"); do
    [ "$(cat "/proc/$child/comm" 2>/dev/null)" != gaijin-broker ] || echo "$child"
  done | grep .
}
not() { ! "$@"; }

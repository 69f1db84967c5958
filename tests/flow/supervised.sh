# shellcheck shell=bash disable=SC2034,SC2154,SC2120 # variables of and for the scripts; lib.sh has been read
# SPDX-License-Identifier: MIT
#
# For test scripts that ask a supervisor. Its system's socket, which is $GAIJIN_SOCKET, is game.sock in $dir:
#
#   supervise WORD...       starts a supervisor, its output in $dir/supervisor.out and .err; its pid is $supervisor
#   supervise_with NAME=VALUE... -- WORD...   the same, with these variables
#   supervise_to FILE WORD...                 the same, with its stdout there
#   silence                 empties these files, before one is started in another way
#   end_supervisor [STATUS] ends it, which is to be with this status (0), and without force
#   state WORKER REGEX      its row of ps, as "state restarts last"
#   pid_of WORKER           the process that is its own, not the one before
#   said REGEX              what the supervisor said of itself and of workers
. "$(dirname "${BASH_SOURCE[0]}")/run.sh"
export GAIJIN_SOCKET=$dir/game.sock

supervise() { supervise_with -- "$@"; }
supervise_with() {
  silence
  begin_supervisor "$dir/supervisor.out" "$@"
}
supervise_to() {
  silence
  begin_supervisor "$1" -- "${@:2}"
}
begin_supervisor() { # FILE NAME=VALUE... -- WORD...
  local to=$1
  shift
  local with=()
  while [ "$1" != -- ]; do
    with+=("$1")
    shift
  done
  env "${with[@]}" "$ctl" run "${@:2}" >>"$to" 2>>"$dir/supervisor.err" </dev/null &
  supervisor=$!
  started+=("$supervisor")
}
# Here and not in the child: what one before it said must not be taken for its own.
silence() {
  : >"$dir/supervisor.out"
  : >"$dir/supervisor.err"
}
end_supervisor() {
  kill "$supervisor"
  wait_until gone "$supervisor"
  status=0
  wait "$supervisor" || status=$?
  check "the supervisor ends well" test "$status" = "${1:-0}"
  check "without force" not said 'did not (stop within|end in time)'
}
state() {
  "$ctl" ps --json -o worker,state,restarts,last >"$dir/ps" 2>&1 &&
    grep -qE "\"worker\":\"$1\",$2" "$dir/ps"
}
pid_of() { "$ctl" ps --json -o worker,state,pid | grep -v '"retired"' | sed -n "s/.*\"worker\":\"$1\",.*\"pid\":\([0-9]*\).*/\1/p"; }
said() { grep -qE -- "$1" "$dir/supervisor.err"; }

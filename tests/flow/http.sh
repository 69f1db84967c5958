# shellcheck shell=bash disable=SC2034,SC2154 # variables for the scripts, and of lib.sh
# SPDX-License-Identifier: MIT
#
# Words for scripts (lib.sh) that test what gaijinctl serves over HTTP:
#
#   serving NAME COMMAND...   starts gaijinctl with the command and waits until it says where it listens: $url, $port, $pid
#   ask PATH [METHOD [FIELD...]]  one request there, with more fields ("Host: x"; a field without a value is left out); its
#                             status is $status, its head $dir/head, its body $dir/out; status 0: it was not answered. Not in a
#                             subshell: one process asks for the whole script
#   json EXPRESSION           Python's, about the body `a` of the last answer
#   crowd PATH N KIND [PID]   many requests at once, as http_crowd.py says; in the background its process is the program itself
#   head_has REGEX            a line of that head, whose names are in small letters

serving() {
  start "$1" "$build/gaijinctl" "${@:2}"
  wait_until has "$1" 'listening at http://'
  url=$(sed -n 's/.* listening at \(http:[^ ]*\).*/\1/p' "$dir/$1.out")
  port=${url#http://*:}
  port=${port%%/*}
}
# The answer to a question for http_ask.py is $said; empty if there is none in time.
asked() {
  local IFS=$'\t'
  if [ -z "${asker_PID:-}" ]; then
    coproc asker { exec "$python" "$root/tests/flow/http_ask.py" 2>>"$dir/err"; }
    started+=("$asker_PID")
  fi
  echo "$*" >&"${asker[1]}"
  said=
  read -r -t "$limit" said <&"${asker[0]}" && return
  kill "$asker_PID" # what it says later would be taken for another's
  wait "$asker_PID"
  said=
} 2>/dev/null
ask() {
  asked ask "$port" "$dir" "$@"
  status=${said:-0}
}
json() {
  asked json "$dir/out" "$1"
  [ "$said" = true ] || echo "$said"
  [ "$said" = true ]
}
crowd() {
  set -- timeout "$((limit * 3))" "$python" "$root/tests/flow/http_crowd.py" "$port" "$@"
  [ "$BASHPID" = $$ ] || exec "$@"
  "$@"
}
head_has() { grep -qE -- "$1" "$dir/head"; }

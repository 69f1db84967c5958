# shellcheck shell=bash disable=SC2034,SC2154 # variables for the scripts, and of lib.sh
# SPDX-License-Identifier: MIT
#
# Words for scripts (lib.sh) that test what gaijinctl serves over HTTP:
#
#   serving NAME COMMAND...   starts gaijinctl with the command and waits until it says where it listens: $url, $port, $pid
#   ask PATH [METHOD [FIELD...]]  one request there, with more fields ("Host: x"; a field without a value is left out); its
#                             status is $status, its head $dir/head, its body $dir/out; status 0: it was not answered
#   crowd PATH N KIND [PID]   many requests at once, as http_crowd.py says; in the background its process is the program itself
#   head_has REGEX            a line of that head, whose names are in small letters

serving() {
  start "$1" "$build/gaijinctl" "${@:2}"
  wait_until has "$1" 'listening at http://'
  url=$(sed -n 's/.* listening at \(http:[^ ]*\).*/\1/p' "$dir/$1.out")
  port=${url#http://*:}
  port=${port%%/*}
}
ask() {
  status=$(timeout "$limit" /usr/bin/python3 "$root/tests/flow/http_ask.py" "$port" "$dir" "$@" 2>"$dir/err") || status=0
}
crowd() {
  set -- timeout "$((limit * 3))" /usr/bin/python3 "$root/tests/flow/http_crowd.py" "$port" "$@"
  [ "$BASHPID" = $$ ] || exec "$@"
  "$@"
}
head_has() { grep -qE -- "$1" "$dir/head"; }

# shellcheck shell=bash disable=SC2154 # variables of lib.sh, which has been read
# SPDX-License-Identifier: MIT
#
# For test scripts that play a service manager (manager.py), which programs tell how they are:
#
#   manager ADDRESS          starts one; what it is told is in $dir/told
#   told REGEX               it has been told that
#   count REGEX              how many messages match
#   more_than N REGEX        more than so many do
#   again REGEX COMMAND...   COMMAND has the manager be told it once more
manager() {
  : >"$dir/told"
  start manager "$python" "$root/tests/flow/manager.py" "$1" "$dir/told"
  wait_until grep -q listens "$dir/told"
}
told() { grep -qE -- "$1" "$dir/told"; }
count() { grep -cE -- "$1" "$dir/told"; }
more_than() { [ "$(count "$2")" -gt "$1" ]; }
again() {
  local before
  before=$(count "$1")
  "${@:2}"
  wait_until more_than "$before" "$1"
}

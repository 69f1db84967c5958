#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What may happen around the programs: the disk is full, and the system's clock is set while they run. Signals,
# descriptors and the socket's directory are in test_doors.c.
. "$(dirname "$0")/lib.sh"
evidence="out err *.out log"
umask 022
export GAIJIN_SOCKET=$dir/s

# into_full WORD...: gaijinctl with its output on a full disk ends with 1 and one line.
into_full() {
  status=0
  timeout "$limit" "$build/gaijinctl" "$@" >/dev/full 2>"$dir/err" </dev/null || status=$?
  check "gaijinctl $*: status 1, not $status" test "$status" = 1
  check "gaijinctl $*: one line" err_is_one_line
  check "gaijinctl $*: says why" err_has "^gaijinctl: cannot write "
}

story="a full disk under gaijinctl"
printf '[allow]\nwho = all\nnames = *\nhosts = *\n' >"$dir/policy"
start_broker --policy "$dir/policy"
start shop "$build/gaijin-worker" -n shop -e 'bakaGaijin.x = {}'
exports shop x
for words in clients "clients --json" tokens loads accounts ping labels "gc shop" "policy show" "policy check $dir/policy" \
  "policy why shop get shop"; do
  # shellcheck disable=SC2086 # several words
  into_full $words
done
end_started

story="a full disk under the broker's log"
# A file system of its own, of one page beside the log's, seen by the broker alone.
small=$dir/small
mkdir "$small"
# shellcheck disable=SC2016 # for the shells inside
mount='mount -t tmpfs -o size=16k none "$1"'
# shellcheck disable=SC2016
inside=$mount' && exec "$2" -s "$3" --log-level debug 2>"$1/log"'
if unshare -m sh -c "$mount" sh "$small" 2>/dev/null; then
  start broker unshare -m sh -c "$inside" sh "$small" "$build/gaijin-broker" "$GAIJIN_SOCKET"
  broker=$pid
  answers() { "$build/gaijinctl" ping -s "$GAIJIN_SOCKET" >/dev/null 2>&1; }
  wait_until answers
  there=/proc/$broker/root$small
  head -c 1M /dev/zero >"$there/filler" 2>/dev/null
  is_full() {
    for _ in 1 2 3 4 5 6 7 8; do answers || return 2; done
    ! { echo x >>"$there/probe"; } 2>/dev/null && [ "$(stat -c %s "$there/log")" -ge 4096 ]
  }
  wait_until is_full
  for _ in 1 2 3; do kill -USR1 "$broker"; done
  for _ in 1 2 3; do check "it answers" answers; done
  rm -f "$there/filler" "$there/probe"
  logs_again() {
    kill -USR1 "$broker"
    answers
    tail -c 2000 "$there/log" | grep "status: log: " >/dev/null
  }
  check "the log goes on when there is room" eventually logs_again
  kill "$broker"
  check "it ends in order" eventually gone "$broker"
  end_started
else
  check "no file system can be made here: not tried" true
fi

story="a clock that jumps"
if sanitized "$build/gaijin-worker"; then
  check "a sanitizer comes first: not tried" true
else
  export LD_PRELOAD=$build/tests/jumps.so
  start_broker
  broker=$pid
  start shop "$build/gaijin-worker" -n shop -e 'bakaGaijin.add = function(a, b) return a + b end
    bakaGaijin.make = function() return {} end
    bakaGaijin.nap = function(s) gaijin.sleep(s) return "slept" end'
  run "$build/gaijin-worker" -n asker --once "$root/tests/clock/story.lua"
  check "the story is as ever" test "$status" = 0
  check "to its end" out_has "^all right$"
  check "without a word" test ! -s "$dir/err"
  # Ages are of the true time as well.
  run "$build/gaijinctl" clients
  check "nobody is hours old" out_has "^shop +[0-9a-f]+ +[0-9]+ +[0-9]+ +[0-9]{1,3} "
  check "gaijinctl gc works" "$build/gaijinctl" gc shop
  check "nobody was disconnected" test "$(grep -c "disconnect" "$dir/broker.out")" = 0
  kill "$broker"
  check "the broker ends in order" eventually gone "$broker"
fi

finish

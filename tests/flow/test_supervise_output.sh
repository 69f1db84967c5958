#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a system prints, where nobody reads it or it cannot be written: the system is looked after all the same.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/supervised.sh"
. "$(dirname "$0")/terminal.sh"
evidence="out err supervisor.*"

script loud <<'LUA'
local line, n = ("x"):rep(999), 0
gaijin.spawn(function()
  while n < 4000 do
    for _ = 1, 100 do print(line) end
    n = n + 100
    gaijin.yield()
  end
  bakaGaijin.over = n
end)
LUA
script shop <<<'bakaGaijin.open = true bakaGaijin.say = print print "\27[31mpaint\27[0m"'
cat >"$dir/game.ucl" <<'UCL'
broker { socket = "game.sock" }
workers { restart-delay = 0.02 }
worker loud { }
worker shop { }
UCL
# Four megabytes, of which the pipes between take less than two.
written() { "$ctl" get loud.over 2>/dev/null | grep -x 4000 >/dev/null; }
restarted() { state shop '"state":"ready","restarts":1'; }

story="nobody reads"
mkfifo "$dir/unread"
exec 5<>"$dir/unread"
supervise_to "$dir/unread" "$dir/game.ucl"
check "workers are not held up" eventually written
check "it answers" eventually state shop '"state":"ready"'
kill -KILL "$(pid_of shop)"
check "it looks after them" eventually restarted
end_supervisor

story="it is read late"
supervise_to "$dir/unread" "$dir/game.ucl"
check "all is written" eventually written
check "it answers" eventually state shop '"state":"ready"'
timeout "$limit" cat <&5 >"$dir/read" &
reader=$!
started+=("$reader")
kill -KILL "$(pid_of shop)"
check "it looks after them" eventually restarted
# Again and again: what is printed before there is room is lost.
read_later() { "$ctl" call shop.say '"later"' && grep -q '^shop .*later' "$dir/read"; }
check "a line of later" eventually read_later
check "says what was lost" eventually grep -qE '^gaijinctl: run: [0-9]+ lines were lost: nobody read them$' "$dir/read"
end_supervisor
kill "$reader"
exec 5>&-

story="nobody writes any more"
script short <<'LUA'
local line = ("x"):rep(999)
for _ = 1, 4000 do print(line) end
os.exit(0)
LUA
sed 's/loud { }/short { restart = no }/' "$dir/game.ucl" >"$dir/short.ucl"
exec 5<>"$dir/unread"
supervise_to "$dir/unread" "$dir/short.ucl"
check "who was loud is gone" eventually state short '"state":"finished"'
: >"$dir/read"
timeout "$limit" cat <&5 >"$dir/read" &
reader=$!
started+=("$reader")
# Those that were read, and those that were told to be lost.
counted() { awk '/^short / { n++ } / lines were lost: / { n += $3 } END { exit n != 4000 }' "$dir/read"; }
check "what was lost is told" eventually counted
check "some was" grep -qE '^gaijinctl: run: [0-9]+ lines were lost: nobody read them$' "$dir/read"
end_supervisor
kill "$reader"
exec 5>&-

story="a full disk"
supervise_to /dev/full "$dir/game.ucl"
check "goes on" eventually written
check "it answers" eventually state shop '"state":"ready"'
check "says that lines are lost" eventually said '^gaijinctl: run: cannot write stdout: No space left on device; what is written there is lost$'
kill -KILL "$(pid_of shop)"
check "looks after workers" eventually restarted
check "has said it once" test "$(grep -c 'cannot write stdout' "$dir/supervisor.err")" = 1
end_supervisor

story="a terminal"
sed -i '/loud/d' "$dir/game.ucl"
terminal 80 24
typed "cd '$dir'; '$ctl' run game.ucl"
check "a script does not steer it" eventually screen_has '^shop \| \\x1b\[31mpaint\\x1b\[0m$'
keys C-c
check "it ends" eventually screen_has '> *$'

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The broker's file of settings: what stands in it holds, flags override it, every fault is told with its line, it is
# printed and checked without a broker, and read again on SIGHUP.
. "$(dirname "$0")/lib.sh"
evidence="out err *.out *.conf"
umask 022 # a broker takes no file that a group may change
export GAIJIN_SOCKET=$dir/s
program=$build/gaijin-broker conf=$dir/broker.conf

conf() { cat >"$conf"; }
# fault LINE TEXT: stderr has it.
fault() { check "line $1: $2" grep -qxF -- "gaijin-broker: $conf:$1: $2" "$dir/err"; }

story="a good file"
conf <<'END'
; settings of a test
# and a comment that is longer than the library has room for: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789

load-min = 7
max-message = 64K   ; a comment
log-level=debug
  ; another
END
run "$program" -c "$conf" --check-config
check "status 0, not $status" test "$status" = 0
check "how many there are" grep -qxF "$conf: 3 settings" "$dir/out"
check "no policy" out_has '^no policy is named'
check "nothing on stderr" test ! -s "$dir/err"
check "leaves no socket" test ! -e "$GAIJIN_SOCKET"
run "$program" --config "$conf" --load-min 9 --print-config
check "what the file says" grep -qx 'max-message = 64K' "$dir/out"
check "a flag is more" grep -qx 'load-min = 9' "$dir/out"
check "what a key does is told" grep -qx '# largest message (4K to 1G bytes; default: 16M)' "$dir/out"
check "in lines that fit" test "$(sed 1d "$dir/out" | grep -c '.\{81\}')" = 0
check "the others are comments" grep -qx '# max-memory = 256M' "$dir/out"
check "without what is typed only" test "$(grep -cE '^#? ?(help|version|config|check-config|print-config|check-upgrade) ' "$dir/out")" = 0
cp "$dir/out" "$dir/again.conf"
run "$program" -c "$dir/again.conf" --print-config
check "it can be read again" cmp -s "$dir/out" "$dir/again.conf"
run "$program" --policy "$dir/a ;b" --load-min 7 --print-config
check "what no line of a file can say is no other value" grep -qx '# policy is given, and its value has no form in a file; type the flag' "$dir/out"
check "and no line" test "$(grep -c '^policy' "$dir/out")" = 0
printf '\357\273\277load-min = 7\r\nmax-memory = 1G\r\n' >"$dir/dos.conf"
run "$program" -c "$dir/dos.conf" --check-config
check "as Windows writes it" grep -qxF "$dir/dos.conf: 2 settings" "$dir/out"
run "$program" --check-config
check "without a file" test "$status" = 0
for flag in --check-config --print-config; do
  story="$flag into a full disk" status=0
  "$program" -c "$conf" $flag >/dev/full 2>"$dir/err" || status=$?
  check "status 1" test "$status" = 1
done

story="faults"
conf <<'END'
max-memry = 5
socket = /x
socket = /y
[section]
load-min = -1
  mode = 0600
mode = 888
help = true
nonsense
policy = /nonexistent
check-upgrade = 1
load-gain-tolerance: 2
= 5
frobnicate = 1
group = "gaijin"
rings = 5 # workers
allow-uid = nobody-has-this
END
printf 'max-waits = %0200d\nmax-held = 1\0\n' 5 >>"$conf"
for flag in "" --check-config; do
  # shellcheck disable=SC2086 # none is none
  run "$program" -c "$conf" $flag
  check "status 1, not $status" test "$status" = 1
  fault 1 "unknown key 'max-memry' (did you mean max-memory?)"
  fault 3 "'socket' stands in line 2 already"
  fault 4 "there are no sections here; each line is key = value"
  fault 5 "load-min takes a whole number from 0 to 4294967295, not '-1'"
  fault 6 "a key begins at the begin of its line"
  fault 7 "mode takes 0600, 0660, 0666 or the like (octal), not '888'"
  fault 8 "'help' is for the command line only; remove it"
  fault 9 "this is no key = value and no comment"
  fault 11 "'check-upgrade' is for the command line only; remove it"
  fault 12 "this is no key = value and no comment"
  fault 13 "the key is missing"
  fault 14 "unknown key 'frobnicate'; the keys are the flags of gaijin-broker --help"
  fault 15 "group: a value stands without quotes"
  fault 16 "rings: a comment behind a value begins with ;"
  fault 17 "allow-uid: there is no user 'nobody-has-this'"
  fault 18 "more than 198 bytes; give so long a value as a flag"
  fault 19 "a zero byte"
  check "leaves no socket" test ! -e "$GAIJIN_SOCKET"
done
check "the policy's, too" err_has '^gaijin-broker: /nonexistent: cannot open it: No such file'
for ((i = 0; i < 50; i++)); do echo "key-$i = 1"; done | conf
run "$program" -c "$conf"
check "of many the first" fault 1 "unknown key 'key-0'; the keys are the flags of gaijin-broker --help"
check "and how many more" grep -qxF "gaijin-broker: $conf: and 30 more" "$dir/err"
run "$program" -c "$dir/none.conf"
check "a file that is not there" err_has "none.conf: cannot open it: No such file"
check "status 1" test "$status" = 1
echo 'load-min = 5' >"$conf"
chmod g+w "$conf"
run "$program" -c "$conf"
check "a file that others can change" err_has 'others can change it \(mode 0664\); use chmod go-w'
chmod g-w "$conf"
printf 'who = \33[31m\n' >"$conf"
run "$program" -c "$conf"
check "no escape reaches the terminal" test "$(grep -c $'\33' "$dir/err")" = 0
run "$program" -c "$conf" --load-min x
check "bad usage is told before" test "$status" = 2

story="a policy that is named"
printf '[allow]\nwho = all\nmay = nothing-known\n' >"$dir/policy"
echo "policy = $dir/policy" | conf
run "$program" -c "$conf" --check-config
check "status 1, not $status" test "$status" = 1
check "its fault" err_has "^gaijin-broker: $dir/policy:3: "
printf '[allow]\nwho = all\nmay = inspect\n' >"$dir/policy"
run "$program" -c "$conf" --check-config
check "status 0, not $status" test "$status" = 0
check "its rules" out_has "^$dir/policy: 1 rules$"

story="a broker that runs"
printf 'log-level = info\nload-min = 7\n' | conf
start_broker -c "$conf" --max-waits 5
broker=$pid
hup() { # REGEX: the log has it after a SIGHUP
  : >"$dir/broker.out"
  kill -HUP "$broker"
  check "SIGHUP: $1" eventually has broker "SIGHUP: $1"
}
hup "$conf says what it said before$"
printf 'load-min = 8\nlog-level = debug\nmax-waits = 6\nmax-held = 9\n' | conf
hup "$conf has changes that wait: load-min, max-held .for an upgrade, SIGUSR2, which disconnects nobody.$"
check "the level" has broker "SIGHUP: log-level is debug now$"
run "$build/gaijinctl" ping
check "holds" eventually has broker 'debug: observer @gaijinctl'
printf 'log-level = error\nlog-format = json\n' | conf
hup '.*log-level is error now'
check "the form" eventually has broker '^{.*SIGHUP: log-format is json now'
printf 'log-level = error\n' | conf
hup 'log-format is text now'
printf '\nlog-levle = error\nx = 1\n' | conf
hup "$conf:2: unknown key 'log-levle' .did you mean log-level.*and 1 more; --check-config tells them.; the settings in force stay$"
kill -USR2 "$broker"
check "no upgrade with a file that has faults" eventually has broker "no upgrade: .*$conf:2: unknown key"
run "$build/gaijinctl" ping
check "it serves on" test "$status" = 0
rm "$conf"
hup "$conf:? cannot open it"
end_started

story="an upgrade"
printf 'socket = %s\nmax-message = 1M\nmax-waits = 5\n' "$GAIJIN_SOCKET" | conf
start broker "$program" -c "$conf"
broker=$pid
wait_until "$build/gaijinctl" ping
start shop "$build/gaijin-worker" -n shop -e 'bakaGaijin.text = ("x"):rep(100000)'
wait_until exports shop text
printf 'socket = %s\nmax-message = 4K\n' "$dir/s" | conf
kill -USR2 "$broker"
check "clients were told how much they may send" eventually has broker "no upgrade: .* cannot take over: its settings have 4096 bytes as max-message, and clients were told 1048576; to make it less takes a restart;"
printf 'socket = %s\nmax-message = 4M\nmax-waits = 6\n' "$dir/elsewhere" | conf
hup "$conf has changes that wait: max-message, max-waits .for an upgrade, SIGUSR2, which disconnects nobody., socket .for a restart.$"
kill -USR2 "$broker"
check "goes on where it is" eventually has broker "warn: stays at $dir/s; $dir/elsewhere, of $conf:1 .socket., takes a restart$"
run "$build/gaijinctl" clients -o worker
check "with its workers" out_has '^shop$'
run "$build/gaijinctl" get shop.text
check "which answers" test "$status" = 0
hup "$conf says what it said before$"
printf 'socket = %s\npolicy = %s\n' "$dir/s" "$dir/policy" | conf
kill -USR2 "$broker"
check "a policy does not come on the way" eventually has broker "no upgrade: .* cannot take over: its settings name a policy, and the broker that runs has none; restart it;"
run "$build/gaijinctl" clients -o worker
check "all serve on" out_has '^shop$'
printf 'socket = %s\nmax-message = 1M\nmax-waits = 6\nmode = 0660\n' "$dir/elsewhere" | conf
hup "$conf has changes that wait: max-message, mode .for a restart.$"
end_started

story="who is served"
printf 'socket = %s\nmode = 0666\nallow-uid = 65534\n' "$dir/s" | conf
start broker "$program" -c "$conf"
broker=$pid
wait_until "$build/gaijinctl" ping
hup "$conf says what it said before$"
printf 'socket = %s\nmode = 0666\nallow-uid = 65533, 65532\nallow-gid = 65534\n' "$dir/s" | tr -d , | conf
hup "$conf:3: allow-uid: there is no user '65533 65532'; the settings in force stay$"
printf 'socket = %s\nmode = 0666\nlog-level = debug\nallow-uid = 65533,65532\nallow-gid = nobody-has-this\n' "$dir/s" | conf
hup "$conf:5: allow-gid: there is no group 'nobody-has-this'; the settings in force stay$"
check "of such a file nothing holds" test "$(grep -c 'log-level is' "$dir/broker.out")" = 0
printf 'socket = %s\nmode = 0666\nallow-uid = 65533,65532\nallow-gid = 65531\n' "$dir/s" | conf
hup "serves users 65533, 65532 and groups 65531 beside its own user from now on; who is connected stays$"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod 755 "$dir"
  cp "$build/gaijinctl" "$dir/ctl"
  ping_as() { setpriv --reuid "$1" --regid "$2" --clear-groups "$dir/ctl" -s "$dir/s" ping >/dev/null 2>&1; }
  not() { ! "$@"; }
  check "a new user" ping_as 65533 65533
  check "a new group" ping_as 65530 65531
  check "not who was before" not ping_as 65534 65534
fi
many=$(seq -s , 10 70)
printf 'socket = %s\nmode = 0666\nallow-uid = %s\nallow-gid = %s\n' "$dir/s" "$many" "$many" | conf
hup "serves users ${many//,/, } and groups ${many//,/, } beside its own user"
printf 'socket = %s\nmode = 0666\n' "$dir/s" | conf
hup "serves nobody beside its own user"
run "$build/gaijinctl" log-level error
hup "$conf says what it said before$"
run "$build/gaijinctl" log-level error
check "a level that gaijinctl has set stays" out_has '^it was error$'
kill -USR2 "$broker"
check "an upgrade takes the same over" eventually has broker "goes on in the place of"
run "$build/gaijinctl" log-level info
check "and begins with the level of the settings" out_has '^it was info$'
hup "$conf says what it said before$"
end_started
rm -f "$conf"

story="many signals"
printf 'socket = %s\nmode = 0666\n' "$dir/s" | conf
start broker "$program" -c "$conf"
broker=$pid
wait_until "$build/gaijinctl" ping
for n in {1..5}; do # more lines about reloads are left out
  printf 'socket = %s\nmode = 0666\nallow-uid = %d\n' "$dir/s" "$((65000 + n))" >"$dir/next.conf"
  mv "$dir/next.conf" "$conf"
  kill -HUP "$broker"
done
check "the last file holds" eventually has broker "SIGHUP: serves users 65005 beside"
kill -HUP "$broker"
kill "$broker"
wait "$broker"
check "an end amid a reload is one in good order" test $? = 0
end_started

story="names that get another number"
# In a mount name space of its own the test's file of users is the system's.
if unshare -m true 2>/dev/null; then
  cp /etc/passwd "$dir/passwd"
  echo 'gaijin-test:x:64001:64001::/:/bin/false' >>"$dir/passwd"
  # shellcheck disable=SC2016 # the inner shell's
  start broker unshare -m sh -c 'mount --bind "$0" /etc/passwd && exec "$@"' "$dir/passwd" "$program" --allow-uid gaijin-test
  broker=$pid
  wait_until "$build/gaijinctl" ping
  hup 'the command line says what it said before$'
  sed 's/64001:64001/64002:64002/' "$dir/passwd" >"$dir/passwd.new"
  cat "$dir/passwd.new" >"$dir/passwd"
  hup 'serves users 64002 beside its own user from now on'
  sed -i.old '/^gaijin-test/d' "$dir/passwd.new"
  cat "$dir/passwd.new" >"$dir/passwd"
  hup "--allow-uid: there is no user 'gaijin-test'; the settings in force stay$"
  end_started
fi

story="errors say where a setting stands"
printf 'socket = %s/no/where\n' "$dir" | conf
run "$program" -c "$conf"
check "a socket of the file" err_has "no directory; .*; it is named by $conf:1 .socket.$"
GAIJIN_SOCKET=$dir/no/where run "$program"
check "of the environment" err_has "; it is named by .GAIJIN_SOCKET$"
printf 'socket = %s\nmode = 0660\ngroup = 0\n' "$dir/s" | conf
start broker "$program" -c "$conf"
wait_until "$build/gaijinctl" ping
check "a group that is not served" has broker "warn: $conf:3 .group. lets its members reach the socket, but none of them is served: name the group with allow-gid too$"
end_started

finish

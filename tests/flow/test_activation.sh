#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A broker that is handed a socket which listens already: clients that wait there are served, the file and its mode stay
# as they are, also over an upgrade and after the end; what is no such socket is refused in one line.
. "$(dirname "$0")/lib.sh"
evidence="out err *.out"
umask 022
export GAIJIN_SOCKET=$dir/other
ctl=$build/gaijinctl flags=()

# activate KIND... -- FLAG...: a broker with such descriptors, in the background; its pid is $broker.
activate() {
  local kinds=()
  while [ "$1" != -- ]; do
    kinds+=("$1")
    shift
  done
  start broker "$python" "$root/tests/flow/activate.py" "${kinds[@]}" -- "$build/gaijin-broker" "${@:2}"
  broker=$pid
}
ping_at() { "$ctl" ping -s "$1"; }
inode() { stat -c '%i %a %u %g' "$1"; }
# refused TEXT KIND...: such descriptors are not taken.
refused() {
  run "$python" "$root/tests/flow/activate.py" "${@:2}" -- "$build/gaijin-broker" "${flags[@]}"
  check "${*:2}: status 1, not $status" test "$status" = 1
  check "${*:2}: in one line" err_is_one_line
  check "${*:2}: $1" err_has "^gaijin-broker: .*$1"
  rm -f "$dir"/wrong*
}

story="a socket"
umask 007
export CLIENT=1
activate "$dir/s" --
unset CLIENT
umask 022
wait_until ping_at "$dir/s"
before=$(inode "$dir/s")
check "says where it listens" has broker "listens on $dir/s$"
check "not at the default" test ! -e "$GAIJIN_SOCKET"
start shop "$build/gaijin-worker" -s "$dir/s" -n shop -e 'bakaGaijin.price = 7'
GAIJIN_SOCKET=$dir/s
wait_until exports shop price
kill -USR2 "$broker"
check "goes on" eventually has broker "goes on in the place of"
run "$ctl" get shop.price
check "with its workers" out_has '^7$'
kill -USR2 "$broker"
twice() { [ "$(grep -c 'goes on in the place' "$dir/broker.out")" = 2 ]; }
check "again" eventually twice
check "for which its place is no surprise" test "$(grep -c 'takes a restart' "$dir/broker.out")" = 0
check "ping" ping_at "$dir/s"
check "the file is as it was" test "$(inode "$dir/s")" = "$before"
# shellcheck disable=SC2016 # its own name
printf '#!/bin/sh\nenv >"${0%%/*}/environment"\nexit 1\n' >"$dir/program"
chmod +x "$dir/program"
run "$ctl" upgrade "$dir/program"
check "a program of its was asked" test -s "$dir/environment"
check "to which no socket is handed over" test "$(grep -c '^LISTEN_' "$dir/environment")" = 0
rm "$dir/program" "$dir/environment"
kill "$broker"
wait "$broker"
check "ends with 0" test $? = 0
check "the socket stays" test "$(inode "$dir/s")" = "$before"
check "lock and roster do not" test "$(cd "$dir" && echo s*)" = "s shop.out"
end_started
rm -f "$dir/s"

story="settings beside it"
activate "$dir/s" -- -s "$dir/s" --mode 0666
wait_until ping_at "$dir/s"
check "its mode is the manager's" has broker 'warn: --mode is not for .*SocketMode='
check "and stays" test "$(stat -c %a "$dir/s")" = 755
end_started
rm -f "$dir/s"
flags=(-s "$dir/elsewhere")
refused "has handed over $dir/wrong, and --socket says $dir/elsewhere" "$dir/wrong"
printf 'load-min = 1\nsocket = %s\n' "$dir/elsewhere" >"$dir/conf"
flags=(-c "$dir/conf")
refused "has handed over $dir/wrong, and $dir/conf:2 .socket. says $dir/elsewhere; leave that out" "$dir/wrong"
flags=()

story="what it is not"
refused 'it is no Unix socket' inet
refused 'it is no stream socket' "datagram:$dir/wrong"
refused 'nobody can connect to it' "deaf:$dir/wrong"
refused 'it has no path' "@gaijin-test-$$"
refused 'it is no socket' "file:$dir/wrong"
refused 'it is not open' closed
refused "its path is another file's now" "gone:$dir/wrong"
refused '2 sockets were handed over' "$dir/wrong" "$dir/wrong2"

story="another process's"
export ELSE=1
activate "$dir/s" -- -s "$dir/own"
unset ELSE
wait_until ping_at "$dir/own"
end_started
rm -f "$dir/s"

story="two brokers"
start_broker --log-level info
mv "$GAIJIN_SOCKET" "$dir/away"
refused 'another broker is already running' "$GAIJIN_SOCKET"
end_started

if command -v systemd-socket-activate >/dev/null; then
  story=systemd-socket-activate
  start broker systemd-socket-activate -l "$dir/a" -E PATH "$build/gaijin-broker"
  connected() { ping_at "$dir/a"; }
  wait_until connected
  check "listens there" has broker "listens on $dir/a$"
  end_started
fi

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A broker with a policy among real workers: what is refused, to whom, what the log says, reloads, and what gaijinctl
# says about it. As root also with workers of other users.
. "$(dirname "$0")/lib.sh"
evidence="out err *.out policy"
umask 022
export GAIJIN_SOCKET=$dir/s
ctl=$build/gaijinctl policy=$dir/policy

# expect STATUS ARGUMENT...: gaijinctl policy, run, ends with that status.
expect() {
  run "$ctl" policy "${@:2}"
  check "policy ${*:2} gives status $1, not $status" test "$status" = "$1"
}
# says_why STATUS LINE WORD...: `why` has the one line.
says_why() {
  expect "$1" why "${@:3}"
  check "why ${*:3} says: $2" diff <(echo "$2") "$dir/out"
}
# try NAME CODE: a worker that runs this code; its output is in $dir/out.
try() { run "$build/gaijin-worker" -n "$1" --once -e "$2"; }
# A script that prints what an operation raises.
refused() { echo "print(select(2, pcall(function() return $1 end)))"; }
# reload: the broker has answered to SIGHUP with another line.
lines_of() { grep -c "SIGHUP: " "$dir/broker.out"; }
has_more() { [ "$(lines_of)" -gt "$1" ]; }
reload() {
  local before
  before=$(lines_of)
  kill -HUP "$broker"
  wait_until has_more "$before"
}

story="files that are wrong"
cat >"$policy" <<'INI'
[allow]
who = all, user nobody-knows-this-one
names = *
colour = red
INI
run "$build/gaijin-broker" --policy "$policy"
check "the broker does not start" test "$status" = 1
check "says it in one line" err_is_one_line
check "says where, and how much more" err_has "^gaijin-broker: $policy:2: there is no user 'nobody-knows-this-one' \(and 1 more\)$"
check "leaves no socket" test ! -e "$GAIJIN_SOCKET"
expect 1 check "$policy"
check "the first fault" err_has "^gaijinctl: $policy:2: there is no user"
check "the second" err_has "^gaijinctl: $policy:4: unknown key 'colour'"
expect 1 check "$dir/none"
check "a file that is not there" err_has "none: cannot open it: No such file"
expect 1 check "$dir"
check "a directory" err_has "it is no file"
expect 1 why x get y --policy "$policy"
check "why needs a good one" err_has "policy:2: "
printf '[allow]\nwho = all\nnames = a\33[31m@\n' >"$dir/red"
expect 1 check "$dir/red"
check "no escape reaches the terminal" err_has 'a\\x1b\[31m@'

story="all rights are told"
printf '[deny]\nwho = all\nmay = fly\n' >"$dir/flies"
expect 1 check "$dir/flies"
rights=$(sed "s/.*'may' takes//; s/not '.*//; s/[',]//g" "$dir/err")
check "a fault names them, not only '$rights'" test "$(wc -w <<<"$rights")" -gt 4
"$ctl" policy --help >"$dir/help"
for right in $rights; do
  check "docs/policy.md: '$right' as a value of 'may'" grep -q "^| .may. |.*\`$right\`" docs/policy.md
  check "docs/policy.md: '$right' where the broker's own user has it" \
    grep -q "own user may .*(.may., below: .*\`$right\`" docs/policy.md
  check "docs/policy.md: what '$right' is" grep -qE "^(- .*no worker.*|- \*\*.*|  .*)\`$right\`" docs/policy.md
  check "docs/policy.md: '$right' is asked about" grep -q "^WHO is .*OP is .*\`$right\`" docs/policy.md
  check "docs/security.md: '$right' in what binds workers" grep -q "\[deny\] who = all.*may = .*\b$right\b" docs/security.md
  check "docs/security.md: a row for '$right'" grep -q "^|.*\`$right\`" docs/security.md
  check "help: '$right'" grep -q "\b$right\b" "$dir/help"
done

story="bad usage"
for words in "" "check" "check a b" "why" "why x" "why x get" "why x fly y" "why x inspect y" "why x get y z" "why a s2t b c d" "show x" \
  "show --policy x" "check x --policy x"; do
  # shellcheck disable=SC2086 # several words
  expect 2 $words
  check "one line for '$words'" err_is_one_line
done

story="a broker without a policy"
start_broker
broker=$pid
expect 0 show
check "says so" out_has "no policy"
says_why 0 "allow: the broker has no policy" x get y
for words in lend eval monitor "eval y" "paths y"; do
  # shellcheck disable=SC2086 # several words
  says_why 0 "allow: without a policy the broker's own user and root may" 0: $words
  # shellcheck disable=SC2086
  says_why 1 "deny: without a policy the broker's own user and root may" 4000000: $words
  # shellcheck disable=SC2086
  says_why 1 "deny: only observers may, whatever a policy says" x $words
done
says_why 0 "allow: the broker has no policy" 4000000: get y
kill -HUP "$broker"
wait_until has broker "SIGHUP: there is nothing to reload"
end_started

story="workers"
cat >"$policy" <<'INI'
[allow]
who = all
names = shop, till-*, vault, go-between
[deny the vault]
who = worker till-*
hosts = vault
[allow]
who = worker till-*
hosts = shop, go-between
ops = s2t, get
labels = price, it
[allow]
who = worker go-between
hosts = *
INI
start_broker --policy "$policy"
broker=$pid
start shop "$build/gaijin-worker" -n shop -e 'bakaGaijin.price = {7} bakaGaijin.cash = {1}'
start vault "$build/gaijin-worker" -n vault -e 'bakaGaijin.gold = {1000}'
start between "$build/gaijin-worker" -n go-between -e 'bakaGaijin.it = {gaijin.wait_for("vault", "gold")}'
wait_until "$ctl" wait vault --timeout 1
try till-1 "print(gaijin.wait_for('shop', 'price')[1])
  $(refused "bakaGaijin('shop').cash") p = bakaGaijin('shop').price $(refused "rawset(p, 1, 2)") $(refused "bakaGaijin('vault').gold")"
check "what is allowed is done" out_has '^7$'
check "a label that is not" out_has "^gaijin: denied: this broker's policy does not let you ask worker shop for 's2t'$"
check "an op that is not" out_has "ask worker shop for 'apply'$"
check "a host that is not" out_has "ask worker vault for 's2t'$"
check "the worker goes on" test "$status" = 0
check "the log has the rule" has broker "warn: denied: till-1 \(user $(id -u), process [0-9]*\) may not ask vault for 's2t' of label gold: $policy:4 \[deny the vault\]$"
check "and what no rule allows" has broker "may not ask shop for 's2t' of label cash: no rule of $policy allows it$"
try till-1 "gold = gaijin.wait_for('go-between', 'it')[1] $(refused "gold[1]")"
check "an object of a forbidden worker from another" out_has "ask worker vault for 'get'$"
try thief ""
check "a name that is refused ends the worker" test "$status" = 1
check "and says why" err_has "denied: this broker's policy does not let user $(id -u) be worker thief"
run "$ctl" clients
check "the broker's user looks in" test "$status" = 0
run "$ctl" gc shop
check "and acts" test "$status" = 0

story="why"
says_why 0 "allow: $policy:7 [allow]" till-1 s2t shop price
says_why 1 "deny: no rule of $policy allows it" till-1 s2t shop cash
says_why 1 "deny: $policy:4 [deny the vault]" till-1 get vault
says_why 1 "deny: no rule of $policy allows it" shop call till-1
says_why 0 "allow: it is the worker itself" shop call shop
says_why 0 "allow: $policy:1 [allow]" shop take till-9
says_why 1 "deny: no rule of $policy allows it" shop take thief
says_why 0 "allow: it is the broker's own user, and no rule is about it" shop inspect
says_why 1 "deny: no rule of $policy allows it" 4000000: act
says_why 1 "deny: no rule of $policy allows it" 4000000: get shop
says_why 1 "deny: no rule of $policy allows it" 4000000: paths shop
says_why 0 "allow: it is the broker's own user, and no rule is about it" "$(id -u):" monitor
says_why 1 "deny: only observers may, whatever a policy says" go-between eval shop
says_why 0 "allow: it is the broker's own user, and no rule is about it" "$(id -u):" set shop
says_why 1 "deny: $policy:4 [deny the vault]" "$(id -un):till-1" get vault --policy "$policy"
expect 1 why nobody-knows-this-one:x get shop
check "a user that is none" err_has "no user 'nobody-knows-this-one'"

story="reloads"
expect 0 show
check "show gives the policy again" diff <(tail -n +2 "$dir/out") "$policy"
cp "$dir/out" "$dir/shown"
expect 0 check "$dir/shown"
cp "$policy" "$dir/good"
echo nonsense >>"$policy"
reload
check "the log says where" has broker "SIGHUP: $policy:15: this is no section, no key = value and no comment; the policy in force stays$"
expect 0 show
check "gaijinctl tells" out_has "^; refused [0-9]+ s ago: $policy:15: "
try till-1 "print(gaijin.wait_for('shop', 'price')[1])"
check "the old one stays" out_has '^7$'
printf '[allow]\nwho = all\nnames = till-*, vault\n[allow]\nwho = worker till-*\nhosts = vault\n' >"$dir/new"
mv "$dir/new" "$policy"
reload
check "the log says so" has broker "SIGHUP: $policy is in force with 2 rules$"
expect 0 show
check "nothing is refused any more" test "$(grep -c refused "$dir/out")" = 0
try till-1 "print(gaijin.wait_for('vault', 'gold')[1]) $(refused "bakaGaijin('shop').price")"
check "the new one counts" out_has '^1000$'
check "also for workers of before" out_has "ask worker shop for 's2t'$"
check "who could not take its name now is told" has broker "warn: worker shop \(user $(id -u), process [0-9]*\) keeps its name, which it could not take now: no rule of $policy allows it$"
try shop2 ""
check "a name that is not allowed any more" err_has "denied: "
chmod o+w "$policy"
expect 0 check "$policy"
check "check warns of a file that others may change" err_has "^gaijinctl: warning: $policy: others can change it \(mode 0646\); use chmod go-w; a broker of yours refuses it$"
check "in one line" err_is_one_line
reload
check "a file that others may change" has broker "SIGHUP: $policy: others can change it \(mode 0646\); use chmod go-w; "
chmod o-w "$policy"
mkdir "$dir/open"
chmod 777 "$dir/open"
cp "$policy" "$dir/open/"
expect 0 check "$dir/open/policy"
check "and of a directory" err_has "warning: $dir/open/policy: others can replace it: its directory has mode 0777; use chmod go-w; "
run "$build/gaijin-broker" -s "$dir/s2" --policy "$dir/open/policy"
check "a broker does not start with it" test "$status" = 1
check "and says why" err_has "^gaijin-broker: $dir/open/policy: others can replace it: "
check "in one line" err_is_one_line
expect 0 check "$policy"
check "no warning of a good one" test ! -s "$dir/err"
rm "$policy"
reload
check "a file that is gone" has broker "SIGHUP: $policy: cannot open it: "
try till-1 "print(gaijin.wait_for('vault', 'gold')[1])"
check "the policy stays" out_has '^1000$'
end_started

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  story="other users"
  chmod 711 "$dir"
  mkdir "$dir/bin"
  cp "$build"/{gaijin-worker,gaijinctl} "$dir/bin/"
  # as UID GROUPS PROGRAM ARGUMENT...
  as() { run setpriv --reuid "$1" --regid "$1" --groups "$2" "$dir/bin/$3" "${@:4}"; }
  cat >"$policy" <<'INI'
[allow]
who = user 64001
names = alice-*
[allow]
who = group 64100
names = staff-*
may = inspect
[allow]
who = user 0
names = *
hosts = *
[allow]
who = group 64100
hosts = shop
INI
  start_broker --policy "$policy" --mode 0666 --allow-uid 64001,64002
  start shop "$build/gaijin-worker" -n shop -e 'bakaGaijin.price = {7}'
  exports shop price
  ask='print(select(2, pcall(function() return bakaGaijin("shop").price[1] end)))'
  as 64001 64001 gaijin-worker -n alice-1 --once -e "$ask"
  check "a name of its own, but nobody to ask" out_has "ask worker shop for 's2t'$"
  as 64001 64001 gaijin-worker -n shop-2 --once -e "$ask"
  check "a name of another's" err_has "denied: this broker's policy does not let user 64001 be worker shop-2"
  as 64002 64100 gaijin-worker -n staff-1 --once -e "$ask"
  check "by a supplementary group" out_has '^7$'
  as 64002 64002 gaijin-worker -n staff-1 --once -e "$ask"
  check "without the group" err_has "does not let user 64002 be worker staff-1"
  as 64001 64001 gaijinctl clients
  check "who may not look in" err_has "clients: this broker's policy does not let user 64001 look into it"
  check "the log calls it an observer" has broker "denied: observer @gaijinctl \(user 64001, process [0-9]*\) may not look into the broker: no rule"
  as 64001 64001 gaijinctl policy show
  check "sees no policy either" test "$status" = 1
  as 64002 64100 gaijinctl clients
  check "who may" out_has "^shop "
  as 64002 64100 gaijinctl labels shop
  check "read what workers expose" out_has "price"
  as 64002 64100 gaijinctl gc shop
  check "but not act" err_has "shop: this broker's policy does not let user 64002 act on its workers"
  start alice setpriv --reuid 64001 --regid 64001 --clear-groups "$dir/bin/gaijin-worker" -n alice-2 -e 'print("here")'
  wait_until has alice here
  run "$ctl" policy why alice-2 take alice-3
  check "why knows whose a connected worker is" out_has "^allow: $policy:1 "
  chown 64001 "$policy"
  broker=${started[0]}
  reload
  check "a file of another user" has broker "SIGHUP: $policy: user 64001, who owns it, can change it; use chown; "
fi

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What is installed beside the programs: man pages that say all and that troff takes, and what bash completes.
. "$(dirname "$0")/lib.sh"
ctl=$build/gaijinctl man=$build/man
export GAIJIN_SOCKET=$dir/gaijin.sock

story="man pages"
for program in gaijin-broker gaijin-worker gaijinctl; do
  page=$man/$program.1
  check "$program has one" test -s "$page"
  if command -v groff >/dev/null; then
    groff -man -Tutf8 -ww "$page" >"$dir/out" 2>"$dir/err"
    check "$program: troff has nothing to say" test ! -s "$dir/err"
    check "$program: it has pages" test -s "$dir/out"
  fi
  for flag in $("$build/$program" --help | grep -o -- ' --[a-z][a-z-]*' | sort -u); do
    check "$program: $flag" grep -F -- "${flag//-/\\-}" "$page"
  done
done
for command in $("$ctl" help | sed -n 's/^  \([a-z][a-z-]*\)\( .*\)\?$/\1/p'); do
  check "gaijinctl.1 has $command" grep -E "^\.SS ${command//-/\\\\-}( |$)" "$man/gaijinctl.1"
done

story="the broker's file of settings"
page=$man/gaijin-broker.conf.5
if command -v groff >/dev/null; then
  groff -man -Tutf8 -ww "$page" >"$dir/out" 2>"$dir/err"
  check "troff has nothing to say" test ! -s "$dir/err"
fi
"$build/gaijin-broker" --print-config | sed -n 's/^# \([a-z-]*\) =.*/\1/p' >"$dir/keys"
check "there are keys" test "$(wc -l <"$dir/keys")" -gt 30
while read -r key; do
  check "$key" grep -e "^\.B ${key//-/\\\\-} = " "$page"
done <"$dir/keys"
check "and no others" test "$(grep -c '^Changed by ' "$page")" = "$(wc -l <"$dir/keys")"
grep -A 3 -F '.B allow\-uid = USERS' "$page" >"$dir/out"
check "what SIGHUP changes is told" out_has '^Changed by SIGHUP\.$'

story="completion"
PATH=$build:$PATH
# shellcheck disable=SC1091 # made by make
. "$man/gaijinctl.bash"
# completes EXPECTED WORD...: those of EXPECTED, among others perhaps, are what the last word may become.
completes() {
  local expected=$1 one
  shift
  COMP_WORDS=(gaijinctl "$@") COMP_CWORD=$# COMPREPLY=()
  _gaijinctl
  for one in $expected; do [[ " ${COMPREPLY[*]} " == *" $one "* ]] || { echo "no $one in ${COMPREPLY[*]}"; return 1; }; done
}
# not EXPECTED WORD...: it may not.
not() { ! completes "$@"; }
check "commands" completes "clients tokens help" ""
check "those that begin so" completes "tokens" to
check "and no others" not "clients" to
check "flags of a command" completes "--host --kind --json --socket" tokens --
check "not of others" not "--host" clients --
check "columns" completes "worker answering" clients -o ""
check "columns that sort" completes "holders" tokens --sort ho
check "words of a choice" completes "table userdata" tokens --kind ""
check "help completes commands" completes "tokens" help to
touch "$dir/script.lua"
check "files" completes "$dir/script.lua" run "$dir/scr"
start_broker --log-level warn
start shop "$build/gaijin-worker" -n shop -e ''
wait_until "$ctl" wait shop --timeout 1
check "workers" completes "shop" labels ""
check "workers of a flag" completes "shop" tokens --host sh
GAIJIN_SOCKET=$dir/none
check "of no broker" not "shop" labels ""
check "of the one whose socket is said" completes "shop" -s "$dir/gaijin.sock" labels ""
check "behind the command, too" completes "shop" labels --socket = "$dir/gaijin.sock" ""
GAIJIN_SOCKET=$dir/gaijin.sock

# As a user of zsh has it, in a terminal.
story="completion in zsh"
check "a colon in a text is none of its marks" grep -F "'status:the broker on one screen\\: what" "$man/_gaijinctl"
check "a quote does not end it" grep -F "worker'\\''s scheduler" "$man/_gaijinctl"
for program in gaijin-broker gaijin-worker gaijinctl; do
  for flag in $("$build/$program" --help | grep -o -- ' --[a-z][a-z-]*' | sort -u); do
    check "$program: $flag" grep -e "^ *'$flag=\?\[" "$man/_gaijinctl"
  done
done
for command in $("$ctl" help | sed -n 's/^  \([a-z][a-z-]*\)\( .*\)\?$/\1/p'); do
  check "the command $command" grep -e "^    '$command:" "$man/_gaijinctl"
  check "and what is its own" grep -e "^    $command)$" "$man/_gaijinctl"
done
if command -v zsh >/dev/null && command -v tmux >/dev/null; then
  check "zsh can read it" zsh -n "$man/_gaijinctl"
  . "$root/tests/flow/terminal.sh"
  terminal 80 24
  typed "clear; PS1='zsh> ' zsh -f"
  wait_until screen_has '^zsh> *$'
  typed "PS1='zsh> '; fpath=($man \$fpath); autoload -U compinit; compinit -u -D; cd $dir; clear"
  wait_until screen_has '^zsh> *$'
  keys -l "gaijinctl toke"
  keys Tab
  check "a command" eventually screen_has '^zsh> gaijinctl tokens'
  keys C-u
  keys -l "gaijinctl tokens --min"
  keys Tab
  check "a flag" eventually screen_has '^zsh> gaijinctl tokens --min-age'
  keys C-u
  keys -l "gaijinctl tokens --kin"
  keys Tab
  keys -l "us"
  keys Tab
  check "a word of a choice" eventually screen_has '^zsh> gaijinctl tokens --kind=userdata'
  keys C-u
  keys -l "gaijinctl clients -o work"
  keys Tab
  check "a column" eventually screen_has '^zsh> gaijinctl clients -o worker'
  keys C-u
  keys -l "gaijinctl clients -o worker,answ"
  keys Tab
  check "another column" eventually screen_has '^zsh> gaijinctl clients -o worker,answering'
  keys C-u
  keys -l "gaijinctl tokens --sort hol"
  keys Tab
  check "a column that sorts" eventually screen_has '^zsh> gaijinctl tokens --sort holders'
  keys C-u
  keys -l "gaijinctl tokens --host sho"
  keys Tab
  check "a worker of a flag" eventually screen_has '^zsh> gaijinctl tokens --host shop'
  keys C-u
  keys -l "gaijinctl help toke"
  keys Tab
  check "a command to tell of" eventually screen_has '^zsh> gaijinctl help tokens'
  keys C-u
  keys -l "GAIJIN_SOCKET= gaijinctl -s gaijin.sock labels sho"
  keys Tab
  check "a worker of the broker whose socket is said" eventually screen_has '^zsh> GAIJIN_SOCKET= gaijinctl -s gaijin.sock labels shop'
  keys C-u
  keys -l "gaijin-worker scr"
  keys Tab
  check "a script" eventually screen_has '^zsh> gaijin-worker script.lua'
  keys C-u
  keys -l "gaijin-broker --log-l"
  keys Tab
  keys -l "de"
  keys Tab
  check "a flag of the broker" eventually screen_has '^zsh> gaijin-broker --log-level=debug'
  keys C-u
  keys -l "gaijinctl labels sho"
  keys Tab
  check "a worker" eventually screen_has '^zsh> gaijinctl labels shop'
  keys C-u
  typed exit
fi

story="a worker whose name a shell would run"
cd "$dir" || exit 1
words=()
# shellcheck disable=SC2016 # names as they are
names=('z$(touch${IFS}ran)' 'z`touch ran` *')
for one in "${names[@]}"; do
  start evil "$build/gaijin-worker" -n "$one" -e ''
  wait_until "$ctl" wait "$one" --timeout 1
done
completes "" ping z
check "both are there" test "${#COMPREPLY[@]}" = 2
check "nothing has run" test ! -e "$dir/ran"
for one in "${COMPREPLY[@]}"; do
  eval "words=($one)"
  check "it is one word, quoted" test "${#words[@]}" = 1
done
check "nothing has run when they are used" test ! -e "$dir/ran"

finish

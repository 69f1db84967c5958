#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Plays the story of the three resources and checks that it went as told: usage demo.sh [BUILD]. Ends with 0 only if
# resource3 saw the increment of resource2, the broker knew both holders of a table that its own worker had forgotten,
# and nothing was held in the end. Everything it starts is stopped, everything it makes is removed.
set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)

# resource1 runs this to show what the broker knows; it leaves the same as JSON for the checks below.
if [ "${1:-}" = --look ]; then
  "$ABC_CTL" tokens
  n=1
  while [ -e "$ABC_DIR/look.$n" ]; do n=$((n + 1)); done
  "$ABC_CTL" tokens --json >"$ABC_DIR/look.$n"
  exit 0
fi

fail() {
  echo "demo: $*" >&2
  exit 1
}

build=${1:-build}
[ -x "$build/gaijinctl" ] || fail "there is no $build/gaijinctl; run make first"
build=$(cd "$build" && pwd)

ABC_CTL=$build/gaijinctl
ABC_DIR=$(mktemp -d)
ABC_DEMO=$here/demo.sh
# shellcheck disable=SC2016,SC2089 # the shell that resource1 starts puts the value in
ABC_LOOK='"$ABC_DEMO" --look'
# shellcheck disable=SC2090
export ABC_CTL ABC_DIR ABC_DEMO ABC_LOOK
trap 'rm -rf "$ABC_DIR"' EXIT
trap 'trap "" HUP INT TERM; exit 1' HUP INT TERM

echo "Three workers, each a process with a Lua of its own, and a broker between them:"
echo
# The status of gaijinctl is kept in a file, because a pipe has only that of its last command.
{
  r=0
  timeout --foreground -k 10 30 "$ABC_CTL" run "$here/resource1.lua" "$here/resource2.lua" "$here/resource3.lua" || r=$?
  echo "$r" >"$ABC_DIR/status"
} | tee "$ABC_DIR/output"
echo

status=$(cat "$ABC_DIR/status")
[ "$status" != 124 ] || fail "the story did not come to its end within 30 s"
[ "$status" = 0 ] || fail "gaijinctl run ended with status $status"
grep -q '^resource3 | ABC\.x is 1$' "$ABC_DIR/output" || fail "resource3 did not print 'ABC.x is 1'"
for look in 1 2; do
  [ -s "$ABC_DIR/look.$look" ] || fail "gaijinctl tokens could not be asked twice"
done
for holder in resource2 resource3; do
  grep -q '"host":"resource1".*"kind":"table".*"dead":false.*"holders":\[.*"worker":"'$holder'"' "$ABC_DIR/look.1" ||
    fail "the broker did not know $holder as a holder of ABC: $(cat "$ABC_DIR/look.1")"
done
[ "$(cat "$ABC_DIR/look.2")" = "[]" ] || fail "something is still held in the end: $(cat "$ABC_DIR/look.2")"

echo "The table outlived its label for as long as somebody held it, and no longer."

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What tests/distro/run.sh does when a system cannot be had, and that it leaves nothing behind, also when it is ended. A
# stand-in for debootstrap makes no system.
set -uo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
limit=$((30 * ${GAIJIN_TEST_SLOWER:-1}))
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0 status=0 story=""
mkdir "$dir/bin" "$dir/tmp"
export TMPDIR=$dir/tmp DISTRO_TEST=$dir
unset DEBIAN_MIRROR UBUNTU_MIRROR

cat >"$dir/bin/debootstrap" <<'STAND_IN'
#!/bin/bash
echo "$*" >"$DISTRO_TEST/asked"
mkdir -p "${@: -3:1}/etc"
[ ! -e "$DISTRO_TEST/slow" ] || exec sleep 86399
echo "E: no such suite"
exit 1
STAND_IN
# This machine's apt knows an archive of Debian, and none of Ubuntu.
cat >"$dir/bin/apt-get" <<'STAND_IN'
#!/bin/bash
case $* in *"Origin: Debian"*) echo file:/archive ;; esac
STAND_IN
chmod +x "$dir"/bin/*

check() { # WHAT COMMAND...: the command holds.
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $story: $what"
    cat "$dir/out"
  fi
}
eventually() {
  local end=$((SECONDS + limit))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.02
  done
}
says() { grep -F -- "$1" "$dir/out" >/dev/null; }
is_empty() { [ -z "$(ls -A "$1")" ]; }
distro_check() { # STORY DISTRO...: its status is in $status, its output in $dir/out.
  story=$1
  shift
  status=0
  PATH=$dir/bin:$PATH "$root/tests/distro/run.sh" "$@" >"$dir/out" 2>&1 </dev/null || status=$?
}

distro_check "a system that it does not know" woody
check "status 2" test "$status" = 2
check "says what it knows" says "unknown system 'woody'; it knows bookworm, trixie, noble"

distro_check "no archive" noble
check "is no failure" test "$status" = 0
check "says why" says "not had: noble (apt gets nothing from an archive of Ubuntu here; UBUNTU_MIRROR=URL names one)"
check "counts nothing" test "$(sed -n '$p' "$dir/out")" = "0 passed, 0 failed"

distro_check "debootstrap fails" trixie
check "is no failure" test "$status" = 0
check "says so" says "not had: trixie ("
check "leaves nothing behind" is_empty "$dir/tmp"

if [ "$(id -u)" = 0 ] && unshare --mount --pid --fork true 2>/dev/null; then
  check "shows its words" says "E: no such suite"
  check "was asked for the system in this machine's archive" grep -E "trixie $dir/tmp/[^ ]* file:/archive " "$dir/asked" >/dev/null
  story="ended in the middle"
  touch "$dir/slow"
  rm -f "$dir/asked"
  PATH=$dir/bin:$PATH "$root/tests/distro/run.sh" trixie >"$dir/out" 2>&1 </dev/null &
  pid=$!
  check "begins" eventually test -e "$dir/asked"
  kill -TERM "$pid"
  wait "$pid"
  check "leaves nothing behind" is_empty "$dir/tmp"
  ended() { ! pgrep -f "^sleep 86399$" >/dev/null; }
  check "ends what it started" eventually ended
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]

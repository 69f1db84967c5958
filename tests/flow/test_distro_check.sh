#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What tests/distro/run.sh does when a system cannot be had, and that it leaves nothing behind, also when it is ended. A
# stand-in for debootstrap makes no system. And whose fault it is when tests/distro/boot.sh boots none.
. "$(dirname "$0")/lib.sh"
mkdir "$dir/bin" "$dir/tmp"
seconds=$((1000000 + $$)) # that nobody else sleeps for
export TMPDIR=$dir/tmp DISTRO_TEST=$dir DISTRO_SECONDS=$seconds
unset DEBIAN_MIRROR UBUNTU_MIRROR

cat >"$dir/bin/debootstrap" <<'STAND_IN'
#!/bin/bash
echo "$*" >"$DISTRO_TEST/asked"
mkdir -p "${@: -3:1}/etc"
[ ! -e "$DISTRO_TEST/slow" ] || exec sleep "$DISTRO_SECONDS"
echo "E: no such suite"
exit 1
STAND_IN
# This machine's apt knows an archive of Debian, and none of Ubuntu.
cat >"$dir/bin/apt-get" <<'STAND_IN'
#!/bin/bash
case $* in *"Origin: Debian"*) echo file:/archive ;; esac
STAND_IN
chmod +x "$dir"/bin/*
PATH=$dir/bin:$PATH

# distro_check STORY DISTRO...: runs it as `run` does.
distro_check() {
  story=$1
  run "$root/tests/distro/run.sh" "${@:2}"
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
  start slow "$root/tests/distro/run.sh" trixie
  check "begins" eventually test -e "$dir/asked"
  # More than once: make passes on what its whole group has been sent.
  ended_again() { kill -TERM "$pid" 2>/dev/null; gone "$pid"; }
  wait_until ended_again
  check "leaves nothing behind" is_empty "$dir/tmp"
  ended() { ! pgrep -f "^sleep $seconds\$" >/dev/null; }
  check "ends what it started" eventually ended
fi

story="a tree that is none"
mkdir "$dir/tree"
run "$root/tests/distro/boot.sh" "$dir/tree"
check "is our fault" test "$status" = 1
check "which is told" err_has "^there is no $dir/tree/proc$"
story="what this machine does not allow"
mkdir "$dir/tree/"{proc,sys,run,dev}
printf '#!/bin/sh\necho "unshare: no" >&2\nexit 1\n' >"$dir/bin/unshare"
chmod +x "$dir/bin/unshare"
run "$root/tests/distro/boot.sh" "$dir/tree"
check "is told from that" test "$status" = 3
check "by name" test "$(tail -n 1 "$dir/err")" = "this machine does not allow: unshare --mount --pid --cgroup --ipc --uts --fork true"
rm "$dir/bin/unshare"
if [ "$(id -u)" = 0 ] && unshare --mount --pid --cgroup --ipc --uts --fork true 2>/dev/null; then
  # Whether it gets as far as the tree or not, it is one of the two, and leaves nothing.
  run "$root/tests/distro/boot.sh" "$dir/tree"
  check "an empty tree boots nothing" test "$status" != 0
  check "leaves nothing behind" is_empty "$dir/tmp"
  check "and no mount" test "$(grep -c "$dir" /proc/mounts)" = 0
fi

finish

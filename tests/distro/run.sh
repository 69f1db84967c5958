#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The README's commands on new systems: `make distro-check`, or tests/distro/run.sh DISTRO... with bookworm or trixie
# (Debian 12, 13) or noble (Ubuntu 24.04). Each is bootstrapped into a temporary directory with nothing but git and make,
# clones what is committed here, and runs the commands as root, with none of this machine's environment. All of it happens
# in namespaces of its own, so that mounts and processes end with it, however it ends; the directory goes too.
#
#   DISTRO_COMMANDS             what is run in the clone (default: "make demo && make check")
#   DISTRO_FRESH                1: in the system there is another one, /srv/fresh, as it was bootstrapped
#   DEBIAN_MIRROR, UBUNTU_MIRROR  where packages come from (default: where this machine's apt gets its own)
#   GAIJIN_TEST_SLOWER, GAIJIN_TEST_AGAIN  as tests/run.sh has them
#
# A system that cannot be had here (not root, no mirror) is named with the reason, and so is what tests there say they had
# not ("not had: ..."); neither is a failure. The last line is
# "N passed, N failed": the tests of all systems, and systems whose commands failed without a failed test.
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
commands=${DISTRO_COMMANDS:-make demo && make check}

# Runs in the namespaces: `run.sh --inside SYSTEM` has the tree of a bootstrapped system in SYSTEM.
if [ "${1:-}" = --inside ]; then
  system=$2
  # It becomes the root of these namespaces: in a mere chroot no others could be made.
  mount --bind "$system" "$system"
  cd "$system"
  mount -t proc proc proc
  mount --rbind /dev dev
  mount -t tmpfs -o mode=1777 tmpfs tmp
  mount --move . /
  exec chroot . /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    ${http_proxy:+"http_proxy=$http_proxy"} GAIJIN_TEST_SLOWER="${GAIJIN_TEST_SLOWER:-1}" GAIJIN_TEST_AGAIN="${GAIJIN_TEST_AGAIN:-0}" \
    /bin/bash -euc "cd; git clone -q /srv/gaijin.git; cd gaijin; $commands"
fi

passed=0 failed=0 not_had=() temporary="" child="" reason=""
# The first process of the namespaces, whose end is that of all others in them; nothing when they have none. unshare has
# waited for it when it ends itself: then nobody writes into the system any more, which a removal of it may not meet.
first_of() { cat "/proc/$1/task/$1/children" 2>/dev/null || true; }
end_child() {
  local first
  while kill -0 "$child"; do
    first=$(first_of "$child")
    # shellcheck disable=SC2086 # one number, or none yet
    [ -z "$first" ] || kill -KILL $first || true
    [ -e "/proc/$child/task/$child/children" ] || kill -KILL "$child" || true # a kernel that does not tell
  done
  wait "$child" || true
  child=""
}
clean_up() {
  if [ -n "$child" ]; then end_child; fi 2>/dev/null
  [ -z "$temporary" ] || rm -rf --one-file-system "$temporary"
  temporary=""
}
# make passes on what its whole group has been sent: a second signal must not end the cleaning in its middle, nor come
# between its begin and where that says so.
trap clean_up EXIT
trap 'trap "" HUP INT TERM; exit 1' HUP INT TERM

# apart COMMAND...: runs it in namespaces of its own, with its output in $temporary/log.
apart() {
  local status=0
  unshare --mount --pid --fork --kill-child --mount-proc "$@" >"$temporary/log" 2>&1 </dev/null &
  child=$!
  # In the background, because a trap waits for what is in the foreground.
  wait "$child" || status=$?
  child=""
  return "$status"
}

# mirror_of VENDOR: the archive of Debian or Ubuntu that this machine's apt uses; nothing if it uses none.
mirror_of() {
  # shellcheck disable=SC2016 # apt-get fills it in
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Origin: $1" "Label: $1" 2>/dev/null | sed -n 1p
}

# bootstrap DISTRO: makes the system in $temporary/system; false, with the reason in $reason, if it cannot be.
bootstrap() {
  local distro=$1 options=(--variant=minbase) mirror script
  case $distro in
    bookworm | trixie)
      mirror=${DEBIAN_MIRROR:-$(mirror_of Debian)} script=sid
      reason="apt gets nothing from an archive of Debian here; DEBIAN_MIRROR=URL names one"
      ;;
    noble)
      mirror=${UBUNTU_MIRROR:-$(mirror_of Ubuntu)} script=gutsy
      options+=("--components=main,universe")
      reason="apt gets nothing from an archive of Ubuntu here; UBUNTU_MIRROR=URL names one"
      ;;
    *) echo "tests/distro/run.sh: unknown system '$distro'; it knows bookworm, trixie, noble" >&2; exit 2 ;;
  esac
  [ -n "$mirror" ] || return 1
  reason="only root can make file systems of its own"
  [ "$(id -u)" = 0 ] || return 1
  reason="namespaces cannot be made here"
  unshare --mount --pid --fork true 2>/dev/null || return 1
  temporary=$(mktemp -d)
  reason="debootstrap failed"
  if ! apart debootstrap "${options[@]}" --include=git,make "$distro" "$temporary/system" "$mirror" \
    "/usr/share/debootstrap/scripts/$script"; then
    tail -n 5 "$temporary/log"
    return 1
  fi
  cp /etc/resolv.conf "$temporary/system/etc/resolv.conf"
  echo force-unsafe-io >"$temporary/system/etc/dpkg/dpkg.cfg.d/no-sync" # it does not live long
  if [ "${DISTRO_FRESH:-}" = 1 ]; then
    cp -a "$temporary/system" "$temporary/fresh"
    mv "$temporary/fresh" "$temporary/system/srv/fresh"
  fi
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' \
    git clone -q --bare "$root" "$temporary/system/srv/gaijin.git"
  # Its apt has the archive already, but knows no proxy of ours.
  eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
  export http_proxy
}

check() { # DISTRO
  local distro=$1 began=$SECONDS status=0 counts what
  if ! bootstrap "$distro"; then
    not_had+=("$distro ($reason)")
    echo "== $distro: cannot be had: $reason"
    clean_up
    return
  fi
  echo "== $distro: bootstrapped in $((SECONDS - began)) s"
  began=$SECONDS
  apart "$root/tests/distro/run.sh" --inside "$temporary/system" || status=$?
  if [ "$status" != 0 ]; then tail -n 200 "$temporary/log"; fi
  # Of each command that counts.
  read -r -a counts < <(awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
    END { print passed + 0, failed + 0 }' "$temporary/log")
  if [ "$status" -ne 0 ] && [ "${counts[1]}" = 0 ]; then counts[1]=1; fi
  grep '^only beside others: ' "$temporary/log" || true
  # What its tests left out.
  while read -r what; do not_had+=("on $distro, $what"); done < <(sed -n 's/^not had: //p' "$temporary/log" | sort -u)
  passed=$((passed + counts[0])) failed=$((failed + counts[1]))
  echo "== $distro: ${counts[0]} passed, ${counts[1]} failed, in $((SECONDS - began)) s"
  clean_up
}

"$root/tools/setup.sh" distro || not_had+=("anything (tools/setup.sh distro failed)")
if ! command -v debootstrap >/dev/null; then
  echo "== nothing can be bootstrapped here"
  set --
fi
for distro in "$@"; do check "$distro"; done
for what in ${not_had[@]+"${not_had[@]}"}; do echo "not had: $what"; done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

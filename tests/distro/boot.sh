#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Boots the tree SYSTEM as a container would, with systemd as process 1 of namespaces of its own: boot.sh SYSTEM. Its
# control groups lie below the one this is started in, in the hierarchy of version 2, without controllers that are in use by
# version 1. The network is this machine's. It ends with process 1, which SIGRTMIN+3 ends; SIGTERM to this script ends all at
# once. Either way no control group and no mount is left. Status 3, after a line that says what: this machine does not allow it.
set -euo pipefail
export LC_ALL=C

# COMMAND that a machine, or the container that this one is, may refuse: the want of it is none of our faults.
needs() {
  "$@" && return
  echo "this machine does not allow: $*" >&2
  exit 3
}
kinds=(--mount --pid --cgroup --ipc --uts)

case ${1:-} in
  --outside | --inside) ;;
  *)
    for directory in proc sys run dev; do
      [ -d "$1/$directory" ] || { echo "there is no $1/$directory" >&2; exit 1; }
    done
    needs unshare "${kinds[@]}" --fork true
    exec unshare --mount "$0" --outside "$1"
    ;;
esac
if [ "$1" = --outside ]; then
  groups=$(mktemp -d) child=""
  trap 'rmdir "$groups"' EXIT
  needs mount -t cgroup2 none "$groups"
  # Where this shell is in it.
  at=$groups$(sed -n 's/^0:://p' /proc/self/cgroup) name=gaijin-units-$$
  # A group that has just lost its last process may say that it is in use.
  # shellcheck disable=SC2317 # the trap calls it
  clean_up() {
    local tries=100 # hundredths of a second
    trap "" HUP INT TERM
    [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
    wait || true
    while [ "$tries" -gt 0 ] && [ -e "$at/$name" ]; do
      find "$at/$name" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.01
      tries=$((tries - 1))
    done
    umount "$groups"
    rmdir "$groups"
  }
  trap clean_up EXIT
  trap 'trap "" HUP INT TERM; exit 1' HUP INT TERM
  needs mkdir "$at/$name"
  # shellcheck disable=SC2317 # needs calls it
  join() { echo "$BASHPID" >"$at/$name/cgroup.procs"; }
  (
    trap - HUP INT TERM EXIT
    needs join
    exec unshare "${kinds[@]}" --fork --kill-child "$0" --inside "$2"
  ) &
  child=$!
  wait "$child"
  exit
fi

system=$2
mount --make-rprivate /
mount --bind "$system" "$system"
cd "$system"
needs mount -t proc proc proc
needs mount -t sysfs -o ro sysfs sys
needs mount -t cgroup2 none sys/fs/cgroup
# What it sets there is this machine's.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
needs mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%%:*}" "dev/${n#*:}"; done
hostname gaijin-units
# The tree becomes the root itself: services have roots of their own made of it, which a chroot does not allow.
mount --move . /
exec chroot . /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=other \
  ${http_proxy:+"http_proxy=$http_proxy"} /lib/systemd/systemd --system --unit=multi-user.target \
  --show-status=false

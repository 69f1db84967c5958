#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The units of packaging/systemd: systemd has nothing to say against them, and where there is a user's manager to be had (as
# root, in a mount namespace of its own) they are started, reloaded, upgraded, hang, and are restarted by it.
. "$(dirname "$0")/lib.sh"
evidence="out err *.out"
units=$root/packaging/systemd manager=/lib/systemd/systemd
umask 022

story="broker.conf"
conf=$dir/broker.conf
cp "$root/packaging/broker.conf" "$conf"
run "$build/gaijin-broker" -c "$conf" --check-config
check "has no faults" test "$status" = 0
sed -i "s/^# allow-gid = gaijin/allow-gid = root/; s|^# policy = .*|policy = $dir/policy|" "$conf"
printf '[allow]\nwho = all\nmay = inspect\n' >"$dir/policy"
run "$build/gaijin-broker" -c "$conf" --check-config
check "nor has what it proposes" out_has ": 4 settings$"

if ! command -v systemd-analyze >/dev/null; then
  echo "skipped: there is no systemd-analyze to look at the units"
  finish
  exit
fi

# copy system|user: the units with the programs of this build, in $dir/KIND.
copy() {
  mkdir -p "$dir/$1" "$dir/bin"
  cp "$build/gaijin-broker" "$build/gaijin-worker" "$build/gaijinctl" "$dir/bin"
  cp "$units/$1"/* "$dir/$1"
  sed -i "s,^Exec\(Start\|Reload\)=gaijin,Exec\1=$dir/bin/gaijin," "$dir/$1"/*.service
}
verify() { # KIND FLAG...
  (cd "$dir/$1" && XDG_RUNTIME_DIR=$dir timeout "$limit" systemd-analyze verify --man=no "${@:2}" ./*.service ./*.socket)
}
silent() { [ ! -s "$dir/err" ]; }
for kind in system user; do
  story="$kind units" flags=()
  [ $kind = system ] || flags=(--user)
  copy $kind
  check "are verified" verify $kind "${flags[@]}"
  status=0
  verify $kind "${flags[@]}" >"$dir/out" 2>"$dir/err" || status=$?
  check "without a word" silent
  check "a worker outlives its forked copies" grep -qx "OOMPolicy=continue" "$dir/$kind/gaijin-worker@.service"
done
story="exposure"
check "of the broker" systemd-analyze security --offline=yes --no-pager --threshold=15 "$dir/system/gaijin-broker.service"
check "of workers" systemd-analyze security --offline=yes --no-pager --threshold=25 "$dir/system/gaijin-worker@.service"
check "of a system" systemd-analyze security --offline=yes --no-pager --threshold=25 "$dir/system/gaijin-system@.service"

story="user and directory"
if [ "$(id -u)" = 0 ] && command -v systemd-sysusers >/dev/null; then
  mkdir -p "$dir/root/etc" "$dir/root/run"
  check "sysusers.d" systemd-sysusers --root="$dir/root" "$units/sysusers.d/gaijin.conf"
  check "has the user" grep -q '^gaijin:' "$dir/root/etc/passwd"
  check "and its group" grep -q '^gaijin:' "$dir/root/etc/group"
  check "tmpfiles.d" systemd-tmpfiles --root="$dir/root" --create "$units/tmpfiles.d/gaijin.conf"
  id=$(sed -n 's/^gaijin:[^:]*:\([0-9]*\):.*/\1/p' "$dir/root/etc/passwd")
  check "has the directory" test "$(stat -c '%a %u' "$dir/root/run/gaijin")" = "750 $id"
fi

# ---- A manager ----

# inside COMMAND...: in the manager's namespace, as its user.
inside() { nsenter -t "$manager_pid" -m env XDG_RUNTIME_DIR=/run/user/0 HOME=/run/home PATH="$dir/bin:$PATH" "$@"; }
units_of() { inside timeout "$limit" systemctl --user "$@"; }
value() { units_of show -P "$1" "$2"; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
price() { [ "$(inside timeout "$limit" gaijinctl -s "$at" get shop.price)" = 7 ]; }

# Where it has one: below the one of this script, in the hierarchy of systemd and in the one of version 2.
cgroups() {
  local path at name=gaijin-test-$$
  while IFS=: read -r _ at path; do
    case $at in
      name=systemd) at=/sys/fs/cgroup/systemd ;;
      "") if [ -e /sys/fs/cgroup/cgroup.procs ]; then at=/sys/fs/cgroup; else at=/sys/fs/cgroup/unified; fi ;;
      *) continue ;;
    esac
    if [ -e "$at/cgroup.procs" ]; then echo "$at${path%/}/$name"; fi
  done </proc/self/cgroup
}
# What is left of them everywhere is empty.
remove_cgroups() {
  find /sys/fs/cgroup -depth -type d -path "*/gaijin-test-$$*" -exec rmdir {} + 2>/dev/null
  [ -z "$(find /sys/fs/cgroup -type d -path "*/gaijin-test-$$" 2>/dev/null)" ]
}

# A manager of units in $dir/KIND, whose /run is its own and empty.
begin_manager() { # kind
  cat >"$dir/begin.sh" <<SH
# A manager takes all processes of its control group for its own and moves them: it gets one for itself.
for at in $(cgroups | tr '\n' ' '); do
  mkdir -p "\$at" && echo \$\$ >"\$at/cgroup.procs" || exit
done
mount -t tmpfs none /run || exit
mkdir -p /run/systemd/system /run/user/0 /run/gaijin /run/etc/gaijin/workers /run/home/.config/systemd /run/home/.config/gaijin/workers
mkdir -p /run/etc/gaijin/systems /run/home/.config/gaijin/systems
for at in /run/etc /run/home/.config; do
  printf 'worker one { }\nworker two { after = one }\n' >\$at/gaijin/systems/game.ucl
  for name in one two; do echo 'bakaGaijin.price = 9' >\$at/gaijin/systems/\$name.lua; done
done
cp -r "$dir/$1" /run/home/.config/systemd/user
cp -r "$dir/bin" /run/bin # /tmp and the homes are hidden from services
sed -i "s|$dir/bin|/run/bin|" /run/home/.config/systemd/user/*
cp "$root/packaging/broker.conf" /run/etc/gaijin/
echo 'bakaGaijin.price = 7' | tee /run/home/.config/gaijin/workers/shop.lua >/run/etc/gaijin/workers/shop.lua
echo 'bakaGaijin.price = 8' >/run/etc/gaijin/workers/box.lua
echo 'FLAGS=--sandbox --memory-limit 64M' >/run/etc/gaijin/workers/box.env
cd /
exec env -u NOTIFY_SOCKET XDG_RUNTIME_DIR=/run/user/0 HOME=/run/home SYSTEMD_LOG_TARGET=console $manager --user
SH
  start "manager-$1" unshare -m bash "$dir/begin.sh"
  manager_pid=$pid
  eventually answers >/dev/null
}
answers() { gone "$manager_pid" || inside systemctl --user show-environment >/dev/null 2>&1; }
end_manager() {
  units_of stop "gaijin-system@*" "gaijin-worker@*" gaijin-broker.service gaijin-broker.socket >"$dir/log" 2>&1
  check "what is stopped leaves no socket" inside test ! -e "$at"
  end_started
  check "nor a control group" eventually remove_cgroups
}

# What a service does in its life.
live() {
  check "the socket is made" units_of start gaijin-broker.socket
  check "nobody runs yet" is ActiveState gaijin-broker.service inactive
  inside gaijinctl -s "$at" ping >"$dir/out" 2>"$dir/err"
  check "who connects has the broker started" is ActiveState gaijin-broker.service active
  check "which says what it does" test "$(value StatusText gaijin-broker.service | grep -c "serves on $at")" = 1
  check "a worker is started" units_of start gaijin-worker@shop
  check "when it is there it serves" price
  check "a reload" units_of reload gaijin-broker.service
  check "is over" eventually is ActiveState gaijin-broker.service active
  local before
  before=$(value MainPID gaijin-broker.service)
  check "an upgrade" units_of kill -s USR2 gaijin-broker.service
  check "goes on as the same process" price
  check "as the manager sees it, too" is MainPID gaijin-broker.service "$before"
  if [ "$before" = 0 ]; then return; fi # it would be everybody
  inside kill -9 "$before"
  check "one that was killed is started again" eventually is NRestarts gaijin-broker.service 1
  check "and its worker comes back" eventually price
  mkdir -p "$dir/dropin"
  printf '[Service]\nWatchdogSec=1s\n' >"$dir/dropin/watchdog.conf"
  inside mkdir -p /run/home/.config/systemd/user/gaijin-broker.service.d
  inside cp "$dir/dropin/watchdog.conf" /run/home/.config/systemd/user/gaijin-broker.service.d/
  units_of daemon-reload
  units_of restart gaijin-broker.service
  check "a restart" eventually price
  before=$(value NRestarts gaijin-broker.service)
  units_of kill -s STOP gaijin-broker.service
  more() { [ "$(value NRestarts gaijin-broker.service)" -gt "$before" ]; }
  check "one that hangs is ended and started again" eventually more
  check "with its worker" eventually price
}

# A supervised system beside it, with a broker of its own, where a user's manager has what it makes in /run.
live_system() {
  local own=/run/user/0/gaijin-game/gaijin.sock unit=gaijin-system@game.service before
  check "a system is started" units_of start $unit
  check "when it is there all serve" test "$(inside gaijinctl -s "$own" get two.price)" = 9
  check "which it says" is StatusText $unit '2 of 2 workers serve'
  check "a reload" units_of reload $unit
  check "is over" eventually is ActiveState $unit active
  check "a worker is replaced" inside gaijinctl -s "$own" restart two
  check "it serves" test "$(inside gaijinctl -s "$own" get two.price)" = 9
  before=$(value MainPID $unit)
  if [ "$before" = 0 ]; then return; fi
  inside kill -9 "$before"
  check "one that was killed is started again" eventually is NRestarts $unit 1
  check "and serves" eventually is StatusText $unit '2 of 2 workers serve'
  check "it ends" units_of stop $unit
  check "well" is Result $unit success
}

if [ "$(id -u)" != 0 ] || [ ! -x $manager ] || ! command -v nsenter >/dev/null || sanitized "$build/gaijin-broker"; then
  echo "skipped: no manager, whose units these could be, can be had here"
  finish
  exit
fi
for kind in user system; do
  story="a manager with $kind units" at=/run/user/0/gaijin.sock
  if [ $kind = system ]; then
    at=/run/gaijin/gaijin.sock
    # A user's manager has the user it is of, its directories elsewhere, and not all that the system's hides with.
    sed -i -E '/^(User|Group|SocketUser|SocketGroup)=/d; s|/etc/gaijin|/run/etc/gaijin|; s|^RuntimeDirectory=gaijin$|ReadWritePaths=/run/gaijin|; /^Protect(Home|KernelLogs|KernelTunables)=/d' "$dir"/system/*
  fi
  begin_manager $kind
  if gone "$manager_pid" || [ -z "$(cgroups)" ]; then
    echo "skipped: a manager ends here: $(tail -n 1 "$dir/manager-$kind.out")"
    end_started
    remove_cgroups
    break
  fi
  live
  live_system
  if [ $kind = system ]; then
    check "a sandboxed worker is started" units_of start gaijin-worker@box
    check "and serves" test "$(inside gaijinctl -s "$at" get box.price)" = 8
  fi
  end_manager
done

finish

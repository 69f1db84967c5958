#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The units of the system under a systemd that is process 1: the packages in build/deb are installed, used, upgraded and
# purged in a system that has been booted (boot.sh): /srv/fresh, which tests/distro/run.sh makes beside this one. Part of
# `make packages-check`. Where this machine does not let such a system be booted one line says why, and counts nothing.
#
# shellcheck disable=SC2016 # shells there fill it in
. "$(dirname "$0")/../flow/lib.sh"
limit=$((120 * ${GAIJIN_TEST_SLOWER:-1}))
. "$(dirname "$0")/fresh.sh"
needs_fresh
evidence="boot.out out err"
not_had() {
  echo "not had: units under a systemd that is process 1: $1"
  [ "$failed" = 0 ] || finish # what has failed before is no want of this machine
  exit
}
# The last words of what boots, but for what mount adds to its own.
last_words() { sed '/dmesg(1) may have/d' "$dir/boot.out" | tail -n 1; }

# ---- Boot ----

story="boot"
mountpoint -q "$fresh/dev" || mount --rbind /dev "$fresh/dev"
check "apt-get installs systemd" inside sh -c 'apt-get -qq -y --no-install-recommends install systemd </dev/null'
mkdir -p "$fresh/srv/packages" "$fresh/var/log/journal"
# Without what debuggers read, which is of one version.
find "$build/deb" -name '*.deb' ! -name '*-dbgsym_*' -exec cp -t "$fresh/srv/packages" {} +
start boot "$root/tests/distro/boot.sh" "$fresh"
boot=$pid
# What was started has one child, whose child is process 1 there.
child_of() { awk '{ print $1 }' "/proc/$1/task/$1/children"; }
init_pid() { init=$(child_of "$(child_of "$boot")") && [[ $(readlink "/proc/$init/exe") == */systemd ]]; }
begins() { gone "$boot" || init_pid; }
# It has ended, or was not to be seen. What this machine does not allow boot.sh says with status 3; all else is a fault.
ended() {
  status=0
  if gone "$boot"; then wait "$boot" || status=$?; fi
  [ "$status" != 3 ] || not_had "$(last_words)"
  check "process 1 $1 (status $status: $(last_words))" false
  finish
  exit
}
if ! eventually begins 2>/dev/null || gone "$boot"; then ended begins; fi
# COMMAND in the booted system.
there() {
  nsenter --target "$init" --all --root --wd env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LC_ALL=C DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} timeout "$limit" "$@"
}
booted() { gone "$boot" || [[ $(there systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; }
eventually booted
if gone "$boot"; then ended "goes on"; fi
version=$(there systemctl --version | sed -n 's/^systemd \([0-9]*\).*/\1/p')
echo "systemd $version is process 1"
units() { there systemctl --no-pager "$@"; }
value() { units show -P "$2" "$1"; }
is() { [ "$(value "$1" "$2")" = "$3" ]; }
main() { value "$1" MainPID; }
ctl() { there gaijinctl -s /run/gaijin/gaijin.sock "$@"; }
says_of() { there journalctl --no-pager -u "$1" -o cat | grep -E -- "$2"; }
# level UNIT PRIORITY REGEX: a line of the unit's has that level in the journal.
level() { there journalctl --no-pager -u "$1" -p "$2..$2" -o cat | grep -E -- "$3"; }

# ---- Installed ----

story="installed"
check "nothing of ours is there" test -z "$(ours)"
check "apt-get installs them" there sh -c 'apt-get -qq -y --no-install-recommends install /srv/packages/*.deb jq </dev/null'
check "there is a user" there sh -c 'test "$(getent passwd gaijin | cut -d: -f6,7)" = /var/lib/gaijin:/usr/sbin/nologin'
check "and a directory" there sh -c 'test "$(stat -c "%a %U %G" /run/gaijin)" = "750 gaijin gaijin"'
check "the socket is enabled" units is-enabled gaijin-broker.socket
check "and listens" units is-active gaijin-broker.socket
check "no unit has failed" test -z "$(units list-units --failed --plain --no-legend 'gaijin*')"

# ---- Activation ----

story="activation"
there mkdir -p /etc/gaijin/workers /etc/gaijin/systems
cat >"$fresh/etc/gaijin/workers/shop.lua" <<'END'
local stock = { pears = 3 }
bakaGaijin.stock = stock
bakaGaijin.price = function(n) return 2 * n end
bakaGaijin.write = function(path)
  local file, why = io.open(path, "w")
  if file then file:write("x") file:close() end
  return why or "written"
end
bakaGaijin.run = function(command) return io.popen(command .. " 2>&1"):read("*a") end
bakaGaijin.warn = function() io.stderr:write("a word of the script's\n") end
END
cat >"$fresh/etc/gaijin/workers/till.lua" <<'END'
local stock = gaijin.wait_for("shop", "stock")
bakaGaijin.pears = function() return stock.pears end
END
units stop gaijin-broker.service gaijin-broker.socket
check "the socket is started" units start gaijin-broker.socket
check "its file is of the group" there sh -c 'test "$(stat -c "%a %U %G" /run/gaijin/gaijin.sock)" = "660 gaijin gaijin"'
check "nobody runs yet" is gaijin-broker.service ActiveState inactive
check "a worker is started" units start gaijin-worker@shop
check "which has the broker started" is gaijin-broker.service ActiveState active
check "when it is there it serves" test "$(ctl call shop.price 4)" = 8
check "as user gaijin" test "$(there stat -c %U "/proc/$(main gaijin-worker@shop)")" = gaijin
check "another one has an object of it" units start gaijin-worker@till
holds() { [ "$(ctl call till.pears)" = 3 ]; }
check "and reads it" holds
check "the unit says what the broker does" test "$(value gaijin-broker.service StatusText | grep -c /run/gaijin/gaijin.sock)" = 1

# ---- Confined ----

story="confined"
for path in /etc/mine /usr/mine /run/mine /var/lib/mine /etc/gaijin/workers/shop.lua /root/mine /dev/mine; do
  check "a worker cannot write $path" test "$(ctl call shop.write "\"$path\"" | grep -c written)" = 0
done
check "it can write where it is to" there sh -c 'gaijinctl -s /run/gaijin/gaijin.sock call shop.write "\"/var/lib/gaijin/shop/mine\"" | grep written'
check "and begins there" test "$(ctl call shop.run '"pwd"' | grep -c /var/lib/gaijin/shop)" = 1
# status UNIT FIELD: what the kernel says of its process.
status_of() { there sed -n "s/^$2:[[:space:]]*//p" "/proc/$(main "$1")/status"; }
for unit in gaijin-broker gaijin-worker@shop; do
  check "$unit has no capability" test "$(status_of $unit CapEff) $(status_of $unit CapBnd)" = "0000000000000000 0000000000000000"
  check "nor gets any" test "$(status_of $unit NoNewPrivs)" = 1
  check "its calls are filtered" test "$(status_of $unit Seccomp)" = 2
  # As root: it is the file system that is not to be written to.
  check "its /etc cannot be written to" test "$(there touch "/proc/$(main $unit)/root/etc/mine" 2>&1 | grep -c 'Read-only')" = 1
  check "it has no devices" test "$(there find "/proc/$(main $unit)/root/dev/" -type b | wc -l)" = 0
done
namespace_of() { there readlink "/proc/$1/ns/$2"; }
check "the broker has no network" test "$(namespace_of "$(main gaijin-broker)" net)" != "$(namespace_of 1 net)"
check "a worker has" test "$(namespace_of "$(main gaijin-worker@shop)" net)" = "$(namespace_of 1 net)"
check "exposure of the broker" there systemd-analyze security --no-pager --threshold=15 gaijin-broker.service
check "exposure of a worker" there systemd-analyze security --no-pager --threshold=25 gaijin-worker@shop.service
echo 'bakaGaijin.price = 8' >"$fresh/etc/gaijin/workers/box.lua"
echo 'FLAGS=--sandbox --memory-limit 64M' >"$fresh/etc/gaijin/workers/box.env"
check "a sandboxed worker is started" units start gaijin-worker@box
check "and serves" test "$(ctl get box.price)" = 8
stranger() { there setpriv --reuid=nobody --regid=nogroup --clear-groups gaijinctl -s /run/gaijin/gaijin.sock "$@"; }
check "others are not let in" test "$(stranger ping 2>&1 | grep -c 'Permission denied')" = 1

# ---- Reload ----

story="reload"
units log-level debug
check "a file that says what it said" units reload gaijin-broker
check "the manager was told" eventually there sh -c 'journalctl --no-pager _PID=1 -o cat | grep "gaijin-broker.service: Got notification message.*RELOADING=1.*MONOTONIC_USEC="'
units log-level info
check "and that it is over" eventually is gaijin-broker.service ActiveState active
sed -i 's/^# log-level.*//; $a log-level = debug' "$fresh/etc/gaijin/broker.conf"
check "a file that says something else" units reload gaijin-broker
check "is in force" eventually says_of gaijin-broker 'SIGHUP: log-level is debug now'
check "references stay" holds
dropin() { # UNIT TEXT
  there mkdir -p "/etc/systemd/system/$1.d"
  printf '[Service]\n%b\n' "$2" >"$fresh/etc/systemd/system/$1.d/test.conf"
  units daemon-reload
}

story="a user of the group"
there useradd --groups gaijin anna
anna() { there setpriv --reuid=anna --regid=anna --init-groups gaijinctl -s /run/gaijin/gaijin.sock ping; }
check "is not served" test "$(anna 2>&1 | grep -c 'does not serve')" = 1
sed -i 's/^# allow-gid/allow-gid/' "$fresh/etc/gaijin/broker.conf"
units reload gaijin-broker
check "is when the settings name the group" eventually anna
check "references stay" holds

story="notify-reload"
if [ "$version" -ge 253 ]; then
  dropin gaijin-broker.service 'Type=notify-reload\nExecReload='
  units restart gaijin-broker
  check "it starts" eventually holds
  check "it reloads" units reload gaijin-broker
  check "which it did" says_of gaijin-broker 'says what it said before'
  check "and is active when that has returned" is gaijin-broker.service ActiveState active
  check "well" is gaijin-broker.service ReloadResult success
else
  echo "not had: Type=notify-reload: systemd $version does not know it"
fi

# ---- Hangs and dies ----

story="the broker hangs"
dropin gaijin-broker.service WatchdogSec=2s
units restart gaijin-broker
check "after a restart all is as before" eventually holds
pids_of() { echo "$(main gaijin-worker@shop) $(main gaijin-worker@till)"; }
workers=$(pids_of) restarts=$(value gaijin-broker.service NRestarts)
restarted() { [ "$(value gaijin-broker.service NRestarts)" -gt "$restarts" ]; }
units kill -s STOP gaijin-broker
check "it is killed and started again" eventually restarted
check "the reference is what it was" eventually holds
check "of workers that went on" test "$(pids_of)" = "$workers"
story="the broker is killed"
restarts=$(value gaijin-broker.service NRestarts)
units kill -s KILL gaijin-broker
check "it is started again" eventually restarted
check "the reference is what it was" eventually holds
check "of workers that went on" test "$(pids_of)" = "$workers"

# ---- Upgrade ----

story="upgraded"
mkdir "$dir/next"
dpkg-deb -R "$build"/deb/gaijin_*.deb "$dir/next"
sed -i 's/^Version: .*/&+next/' "$dir/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$dir/next" "$fresh/srv/next.deb" >"$dir/log"
before=$(main gaijin-broker)
check "dpkg installs it" there dpkg -i --force-confold /srv/next.deb
check "the broker is the same process" is gaijin-broker.service MainPID "$before"
check "of the new file" test "$(there readlink "/proc/$before/exe")" = /usr/bin/gaijin-broker
check "which the journal has" says_of gaijin-broker 'goes on in the place of'
check "workers went on" test "$(pids_of)" = "$workers"
check "and the reference is what it was" holds
check "the socket still listens" units is-active gaijin-broker.socket

# ---- Levels ----

story="the journal"
echo 'error("a fault of mine")' >"$fresh/etc/gaijin/workers/broken.lua"
check "a worker with a fault does not start" test "$(units start gaijin-worker@broken 2>&1 | grep -c failed)" = 1
units stop gaijin-worker@broken
check "its fault has a level" level gaijin-worker@broken 3 'a fault of mine'
check "the broker's words have theirs" level gaijin-broker 6 'goes on in the place of'
check "none has a prefix" test "$(there journalctl --no-pager -u 'gaijin-*' -o cat | grep -c '^<[0-9]>')" = 0

# ---- A supervised system ----

story="a system"
own=/run/gaijin-game/gaijin.sock unit=gaijin-system@game.service
printf 'worker one { }\nworker two {\n  after = one\n  directory = /var/lib/gaijin/game\n}\n' >"$fresh/etc/gaijin/systems/game.ucl"
echo 'bakaGaijin.price = 9' >"$fresh/etc/gaijin/systems/one.lua"
cat >"$fresh/etc/gaijin/systems/two.lua" <<'END'
io.stderr:write("two has begun\n")
bakaGaijin.price = 9
bakaGaijin.write = function(path)
  local file, why = io.open(path, "w")
  if file then file:close() end
  return why or "written"
end
END
game() { there setpriv --reuid=gaijin --regid=gaijin --init-groups gaijinctl -s $own "$@"; }
check "is started" units start gaijin-system@game
check "when it is there all serve" test "$(game get two.price)" = 9
check "which it says" is $unit StatusText '2 of 2 workers serve'
check "it may write where it is to" test "$(game call two.write '"mine"' | grep -c written)" = 1
check "and nowhere else" test "$(game call two.write '"/etc/gaijin/systems/mine"' | grep -c written)" = 0
check "what workers write to stderr is a warning" level $unit 4 'two has begun'
check "a reload" units reload $unit
check "is over" eventually is $unit ActiveState active
check "root sees its workers" test "$(there gaijinctl -s $own ps | grep -c -w -e one -e two)" = 2
check "and replaces one" there gaijinctl -s $own restart two
check "it serves" test "$(game get two.price)" = 9
check "it ends" units stop $unit
check "well" is $unit Result success
check "it leaves no socket" there test ! -e $own
check "and is started again" units enable --now gaijin-system@game

# ---- Removed ----

story="removed"
check "apt-get removes it" there sh -c 'apt-get -qq -y remove gaijin </dev/null'
check "nothing of it runs" test -z "$(there sh -c 'for p in /proc/[0-9]*; do readlink $p/exe; done' | grep gaijin)"
check "nothing is in /run" test -z "$(there find /run -name '*gaijin*' ! -path '/run/systemd/*' ! -path '/run/log/*')"
check "settings stay" test -e "$fresh/etc/gaijin/broker.conf"
check "what workers wrote stays" test -e "$fresh/var/lib/gaijin/shop/mine"
story="purged"
there sh -c 'rm -r /etc/gaijin/workers /etc/gaijin/systems /etc/systemd/system/gaijin-*.d'
check "apt-get purges them" there sh -c 'apt-get -qq -y purge gaijin libgaijin0 libgaijin-dev lua-gaijin </dev/null'
check "nothing of ours is there" test -z "$(ours | grep -v '^var/lib/dpkg/' || true)"
known() { units list-unit-files --no-legend 'gaijin*'; units list-units --all --plain --no-legend 'gaijin*'; }
known >"$dir/known"
check "the manager knows no unit" diff /dev/null "$dir/known"

# ---- The end ----

story="the end"
kill -s RTMIN+3 "$init"
check "process 1 ends" eventually gone "$boot"
finish

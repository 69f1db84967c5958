#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The packages in build/deb are installed, upgraded under a running broker, and removed, on a system that has nothing of
# ours: /srv/fresh, which tests/distro/run.sh makes beside this one. `make packages-check` builds them before.
. "$(dirname "$0")/../flow/lib.sh"
limit=$((120 * ${GAIJIN_TEST_SLOWER:-1}))
. "$(dirname "$0")/fresh.sh"
needs_fresh
mount -t proc proc "$fresh/proc"
mount --rbind /dev "$fresh/dev"
mount -t tmpfs -o mode=1777 tmpfs "$fresh/tmp"

story="packages"
cp "$build"/deb/*.deb "$fresh/tmp"
for package in gaijin libgaijin0 libgaijin-dev lua-gaijin; do
  check "$package was built" test -e "$build"/deb/"$package"_*.deb
done
symbols_of() { dpkg-deb --ctrl-tarfile "$build"/deb/libgaijin0_*.deb | tar -xO ./symbols; }
check "libgaijin0 says what it shows" test "$(symbols_of | grep -c ' gaijin_')" -ge 90

story="installed"
check "nothing of ours is there" test -z "$(ours)"
check "apt-get installs them" inside sh -c 'apt-get -qq -y --no-install-recommends install /tmp/*.deb lua5.1 luajit </dev/null'
check "programs run" inside gaijinctl --version
check "the demo" inside /usr/share/doc/gaijin/examples/abc/demo.sh /usr/bin
check "pages of man are there" inside sh -c 'test -e /usr/share/man/man1/gaijinctl.1.gz || test -e /etc/dpkg/dpkg.cfg.d/excludes'
check "the linker knows the library" inside sh -c 'ldconfig -p | grep "libgaijin.so.0 "'

story="a program in C"
check "dpkg installs the library here" dpkg -i "$build"/deb/libgaijin0_*.deb "$build"/deb/libgaijin-dev_*.deb
cp examples/c/call.c "$dir"
# shellcheck disable=SC2046 # several words
check "it builds with pkg-config alone" cc "$dir/call.c" -o "$dir/call" $(pkg-config --cflags --libs gaijin)
check "it needs the library" sh -c "readelf -d '$dir/call' | grep 'libgaijin.so.0'"
cp "$dir/call" "$fresh/tmp"

story="a rock"
check "luarocks builds and installs it" luarocks --lua-version 5.1 --tree "$dir/rocks" make packaging/luarocks/*.rockspec
check "lua5.1 has it" env LUA_CPATH="$dir/rocks/lib/lua/5.1/?.so" lua5.1 -e 'require "gaijin"'

story="running"
start broker "$dir/inside" gaijin-broker
# shellcheck disable=SC2016 # for the shell there
broker() { inside sh -c 'for p in /proc/[0-9]*; do case $(readlink $p/exe) in /usr/bin/gaijin-broker*) echo ${p#/proc/} ;; esac; done'; }
wait_until "$dir/inside" gaijinctl ping
before=$(broker)
check "there is one broker" test "$(wc -w <<<"$before")" = 1
start shop "$dir/inside" gaijin-worker -n shop /usr/share/doc/gaijin/examples/c/shop.lua
wait_until "$dir/inside" gaijinctl wait shop
identity() { inside gaijinctl clients -o worker,id,pid; }
known=$(identity)
asked() { inside /tmp/call shop price apple 3 | grep '^6'; }
required() { inside "$1" -e 'local g = require "gaijin"; print((g.connect{}("shop").price("pear", 3)))' | grep -x 9; }
check "a program in C asks the worker" asked
for lua in lua5.1 luajit; do check "$lua requires the module, and asks it" required $lua; done

story="upgraded"
# The same with a later version: files are replaced all the same.
mkdir "$dir/next"
dpkg-deb -R "$build"/deb/gaijin_*.deb "$dir/next"
sed -i 's/^Version: .*/&+next/' "$dir/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$dir/next" "$fresh/tmp/next.deb" >"$dir/log"
check "dpkg installs it" inside sh -c 'dpkg -i /tmp/next.deb 2>&1 | tee /tmp/said'
check "nothing is told of a broker that goes on as it was" test -z "$(grep 'goes on as the former' "$fresh/tmp/said")"
check "the broker is the same process" test "$(broker)" = "$before"
check "of the new file" test "$(inside readlink "/proc/$before/exe")" = /usr/bin/gaijin-broker
check "the worker is connected as before" test "$(identity)" = "$known"
check "and is asked as before" asked
check "the log says it" has broker 'gaijin [0-9.]* goes on in the place of gaijin'

story="upgraded while nothing runs"
end_started
check "dpkg installs it" inside sh -c 'dpkg -i /tmp/gaijin_*.deb'

story="removed"
check "apt-get removes them" inside sh -c 'apt-get -qq -y purge gaijin libgaijin0 libgaijin-dev lua-gaijin </dev/null'
check "nothing of ours is there" test -z "$(ours | grep -v '^var/lib/dpkg/' || true)"
finish

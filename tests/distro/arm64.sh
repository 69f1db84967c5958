#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make arm64-check`: builds what is in this folder for arm64 with a cross compiler, and runs the unit tests and the story
# of examples/abc under qemu, which runs single programs of another processor. The libraries are this machine's release of
# Debian for arm64, unpacked from packages into a temporary directory; what is built and started is there too, and goes in
# the end. An arm64 machine needs none of this: `make check` tests it.
#
#   GAIJIN_TEST_SLOWER   multiplies the time limits of the tests (default here: 5)
#
# What cannot be had is named, and is no failure. The last line is "N passed, N failed"; the story counts as one test.
set -euo pipefail
export LC_ALL=C GAIJIN_TEST_SLOWER=${GAIJIN_TEST_SLOWER:-5}
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD
cd "$(dirname "$0")/../.."

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'trap "" HUP INT TERM; exit 1' HUP INT TERM
sysroot=$temporary/sysroot build=$temporary/build

not_had() { # REASON
  echo "not had: arm64 ($1)"
  echo "0 passed, 0 failed"
  exit 0
}

# apt-get and apt-cache for arm64, with lists and packages in the temporary directory.
for_arm64() { # COMMAND ARGUMENT...
  local command=$1
  shift
  "$command" -q -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=0 \
    -o Dir::Etc::sourcelist="$temporary/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State="$temporary/apt" \
    -o Dir::State::status="$temporary/apt/status" -o Dir::Cache="$temporary/apt" -o Debug::NoLocking=1 "$@" \
    2>>"$temporary/log"
}

get_libraries() {
  local msgpack=libmsgpack-c-dev package
  mkdir -p "$temporary"/apt/{lists,archives}/partial "$sysroot"
  : >"$temporary/apt/status"
  # shellcheck disable=SC2016 # apt-get fills it in
  apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) main' 'Created-By: Packages' 'Origin: Debian' \
    'Label: Debian' | sed -n 1p >"$temporary/sources.list"
  [ -s "$temporary/sources.list" ] || return 1
  for_arm64 apt-get update || return 1
  for_arm64 apt-cache show "$msgpack" >/dev/null || msgpack=libmsgpack-dev
  for_arm64 apt-get -y --download-only install libc6-dev libuv1-dev "$msgpack" liblua5.1-0-dev libinih-dev libseccomp-dev libedit-dev libncurses-dev libmicrohttpd-dev libconfuse-dev check || return 1
  # Where /lib is a link in the system, packages have all of it in /usr/lib; where it is not, in both.
  for package in "$temporary"/apt/archives/*.deb; do dpkg-deb -x "$package" "$sysroot"; done
  if [ ! -e "$sysroot/lib" ]; then ln -s usr/lib "$sysroot/lib"; fi
}

if [ "$(uname -m)" = aarch64 ]; then not_had "this machine is one: make check tests it"; fi
tools/setup.sh arm64 || not_had "tools/setup.sh arm64 failed"
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
get_libraries || { cat "$temporary/log"; not_had "the archive that this machine's apt uses gave no packages for it"; }
under="$qemu -L $sysroot"

cross=(env "PKG_CONFIG_SYSROOT_DIR=$sysroot" "PKG_CONFIG_LIBDIR=$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig"
  make -s --no-print-directory "BUILD=$build" "CC=aarch64-linux-gnu-gcc --sysroot=$sysroot")
"${cross[@]}" unit-programs

# Programs start one another by name: the name is a script that runs the program in the emulator.
for program in gaijin-broker gaijin-worker gaijinctl; do
  mv "$build/$program" "$build/$program.arm64"
  printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$under" "$build/$program.arm64" >"$build/$program"
  chmod +x "$build/$program"
done

status=0
GAIJIN_TEST_UNDER="$under" tests/run.sh "$build" "$build"/tests/*test_* | tee "$temporary/units" || status=$?
read -r passed failed < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$temporary/units" | tail -n 1)
if examples/abc/demo.sh "$build"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
echo "$passed passed, $failed failed"
[ "$status" = 0 ] && [ "$failed" = 0 ]

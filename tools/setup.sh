#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Installs what the build needs and this machine lacks: a C compiler, make, pkg-config and the
# Debian packages of the libraries that the programs are linked with; with the arguments packages
# (what the tests need), asan, lint, valgrind, model, clang, fuzz, git, distro, arm64, deb, install
# (what some tests of installing use), web or peers (the other brokers of make bench-peers) also
# what those need. Silent and quick when nothing is missing. Uses apt-get, through sudo when not
# root; on other systems it says what is missing. It ends with 0 only when a last look found nothing
# missing.
set -euo pipefail
export LC_ALL=C

# Names of packages. "a|b" are the names that one package has in different releases.
missing=()
need_command() { # package, command...: any one of the commands will do
  local package=$1
  shift
  for name in "$@"; do
    if command -v "$name" >/dev/null; then return; fi
  done
  missing+=("$package")
}
need_library() { # package, pkg-config's names: any one of them will do
  local package=$1
  shift
  for name in "$@"; do
    if pkg-config --exists "$name" 2>/dev/null; then return; fi
  done
  missing+=("$package")
}
# gcc only recommends the headers of the C library.
need_libc() {
  local cc
  for cc in "${CC:-gcc}" gcc clang; do
    # shellcheck disable=SC2086 # CC may be several words
    if echo '#include <stdio.h>' | $cc -E - >/dev/null 2>&1; then return; fi
  done
  missing+=(libc6-dev)
}
# A sanitiser's run-time library belongs to gcc; Debian's gcc package brings it, some others do not.
need_sanitizer() {
  [ -e "$(gcc -print-file-name=libasan.so 2>/dev/null || true)" ] || missing+=(gcc)
}
# clang does not bring the run-time libraries of its sanitisers and of libFuzzer everywhere.
need_fuzzer() {
  local runtime
  need_command clang clang
  need_command llvm llvm-profdata
  runtime=$(clang -print-runtime-dir 2>/dev/null || true)
  if [ -e "$runtime/libclang_rt.fuzzer-$(uname -m).a" ]; then return; fi
  if [ -e "$runtime/libclang_rt.fuzzer.a" ]; then return; fi
  missing+=("libclang-rt-$(clang -dumpversion 2>/dev/null | sed 's/\..*//')-dev|libclang-rt-dev")
}
# Lua libraries that the tests use: package, module
need_module() {
  local file=${2//.//}
  for path in /usr/share/lua/5.1/"$file".lua /usr/share/lua/5.1/"$file"/init.lua \
    /usr/lib/*/lua/5.1/"$file".so; do
    if [ -e "$path" ]; then return; fi
  done
  missing+=("$1")
}
# Python's that tests use, of the system's own interpreter: package, module
need_python() {
  if /usr/bin/python3 -c "import $2" 2>/dev/null; then return; fi
  missing+=("$1")
}
need_file() { # package, file
  if [ -e "$2" ]; then return; fi
  missing+=("$1")
}
need_packages() {
  need_library check check
  need_library 'libmsgpack-c-dev|libmsgpack-dev' msgpack-c msgpack
  need_command g++ g++ clang++
  need_command lua5.1 lua5.1
  need_command luajit luajit
  need_command python3 python3
  need_python python3-prometheus-client prometheus_client
  need_command tmux tmux
  need_command jq jq
  need_command graphviz dot
  need_module lua-socket socket
  need_module lua-luv luv
  need_module lua-penlight pl.List
  need_module lua-dkjson dkjson
  need_module lua-cjson cjson
  need_module lua-lpeg lpeg
  need_module lua-luassert luassert
  need_module lua-say say
  need_module lua-sql-sqlite3 luasql.sqlite3
}

# Fills `missing` with what is not there. Arguments: the script's.
look() {
  local extra
  missing=()
  hash -r
  need_command gcc "${CC:-gcc}" gcc clang
  need_libc
  need_command make make
  need_command pkg-config pkg-config pkgconf
  need_library libuv1-dev libuv
  need_library liblua5.1-0-dev lua5.1
  need_library libinih-dev inih
  need_library libseccomp-dev libseccomp
  need_library libedit-dev libedit
  need_library libncurses-dev ncursesw
  need_library libmicrohttpd-dev libmicrohttpd
  need_library libconfuse-dev libconfuse
  for extra in "$@"; do
    case $extra in
      packages) need_packages ;;
      asan) need_sanitizer ;;
      lint)
        need_command cppcheck cppcheck
        need_command shellcheck shellcheck
        need_command systemd systemd-analyze
        ;;
      valgrind) need_command valgrind valgrind ;;
      model) need_command spin spin; need_command tcc tcc ;;
      clang) need_command clang clang ;;
      fuzz) need_fuzzer ;;
      git) need_command git git ;;
      distro)
        need_command debootstrap debootstrap
        need_command git git
        ;;
      arm64)
        need_command gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
        need_command qemu-user-static qemu-aarch64 qemu-aarch64-static
        ;;
      deb)
        need_file build-essential /usr/share/build-essential
        need_command dpkg-dev dpkg-buildpackage
        need_command debhelper dh
        need_command lintian lintian
        need_command git git
        ;;
      install)
        need_command luarocks luarocks
        need_command zsh zsh
        ;;
      web)
        need_command chromium chromium chromium-browser
        need_command chromium-driver chromedriver
        need_python python3-selenium selenium
        need_file fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
        ;;
      peers)
        need_command dbus-broker dbus-broker
        need_command dbus-daemon dbus-daemon
        need_library libsystemd-dev libsystemd
        need_command nats-server nats-server
        need_file libnats-dev /usr/include/nats/nats.h
        need_command redis-server redis-server
        need_python python3-rpyc rpyc
        need_command ruby ruby
        ;;
      *)
        echo "tools/setup.sh: unknown extra '$extra'; it knows packages, asan, lint, valgrind," \
          "model, clang, fuzz, git, distro, arm64, deb, install, web, peers" >&2
        exit 2
        ;;
    esac
  done
}

missing_names() {
  local text=${missing[*]}
  echo "${text//|/ or }"
}

look "$@"
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  echo "tools/setup.sh: missing: $(missing_names) (Debian's package names);" \
    "this system has no apt-get, please install them by hand" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "tools/setup.sh: missing: $(missing_names); install these packages as root" >&2
    exit 1
  fi
  as_root=(sudo)
fi

# Which of the names "a|b" this release has: the first that apt knows, else the last.
choose() { # names
  local name names
  IFS='|' read -ra names <<<"$1"
  for name in "${names[@]}"; do
    if apt-cache show "$name" >/dev/null 2>&1; then break; fi
  done
  echo "$name"
}
install() {
  local packages=() names
  for names in "${missing[@]}"; do packages+=("$(choose "$names")"); done
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install "${packages[@]}" >>"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing $(missing_names)"
# A new machine has no package lists yet, an old one has stale ones: fetch them only when it does
# not work without.
if ! install && ! { "${as_root[@]}" apt-get -qq update >>"$log" 2>&1 && install; }; then
  cat "$log" >&2
  echo "tools/setup.sh: could not install $(missing_names); the lines above say why" >&2
  exit 1
fi
# Package and program are two things: a package may have another name, or be there already, broken.
look "$@"
if [ ${#missing[@]} -gt 0 ]; then
  cat "$log" >&2
  echo "tools/setup.sh: apt-get reported success, but what these packages should bring is still" \
    "missing: $(missing_names)" >&2
  exit 1
fi

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Installs what the build needs and this machine lacks: the Debian packages of the libraries, a C
# compiler, make and pkg-config; with the arguments asan, lint, valgrind, model, packages, clang or
# git also what those need. Silent and quick when nothing is missing. Uses apt-get, through sudo
# when not root; on other systems it says what is missing and ends with 1.
set -euo pipefail
export LC_ALL=C

missing=()
need_command() { # package, command...: any one of the commands will do
  local package=$1
  shift
  for name in "$@"; do
    if command -v "$name" >/dev/null; then return; fi
  done
  missing+=("$package")
}
need_library() { # package, pkg-config's name
  pkg-config --exists "$2" 2>/dev/null || missing+=("$1")
}
# gcc only recommends the headers of the C library.
need_libc() {
  local cc=${compiler:-gcc}
  command -v "$cc" >/dev/null || cc=clang
  echo '#include <stdio.h>' | "$cc" -E - >/dev/null 2>&1 || missing+=(libc6-dev)
}
# A sanitiser's run-time library belongs to gcc; Debian's gcc package brings it, some others do not.
need_sanitizer() {
  [ -e "$(gcc -print-file-name=libasan.so 2>/dev/null || true)" ] || missing+=(gcc)
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

need_command gcc "${CC:-gcc}" gcc clang
need_command libc6-dev gcc clang cc
need_command make make
need_command pkg-config pkg-config pkgconf
need_library libuv1-dev libuv
need_library libmsgpack-dev msgpack
need_library liblua5.1-0-dev lua5.1
need_library check check
for extra in "$@"; do
  case $extra in
    asan) need_sanitizer ;;
    lint) need_command cppcheck cppcheck && need_command shellcheck shellcheck ;;
    valgrind) need_command valgrind valgrind ;;
    model) need_command spin spin ;;
    packages)
      need_command g++ g++ clang++
      need_command lua5.1 lua5.1
      need_command luajit luajit
      need_command python3 python3
      need_module lua-socket socket
      need_module lua-luv luv
      need_module lua-penlight pl.List
      need_module lua-dkjson dkjson
      need_module lua-cjson cjson
      need_module lua-lpeg lpeg
      need_module lua-luassert luassert
      need_module lua-say say
      need_module lua-sql-sqlite3 luasql.sqlite3
      ;;
    clang) need_command clang clang ;;
    git) need_command git git ;;
    *)
      echo "tools/setup.sh: unknown extra '$extra'; it knows asan, lint, valgrind, model," \
        "packages, clang, git" >&2
      exit 2
      ;;
  esac
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  echo "tools/setup.sh: missing: ${missing[*]} (Debian's package names);" \
    "this system has no apt-get, please install them by hand" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "tools/setup.sh: missing: ${missing[*]}; run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install "${missing[@]}" >"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing ${missing[*]}"
# A new machine has no package lists yet, an old one has stale ones: fetch them only when it does
# not work without.
if ! install && ! { "${as_root[@]}" apt-get -qq update >>"$log" 2>&1 && install; }; then
  cat "$log" >&2
  echo "tools/setup.sh: could not install ${missing[*]}; the lines above say why" >&2
  exit 1
fi

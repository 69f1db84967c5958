#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What is installed, and where: one list that is installed, removed or told.
#
#   packaging/files.sh install|uninstall|list BUILD
#
# `make install`, `uninstall` and `installed-files` call it in the top folder, with the directories
# in the environment under GNU's names (install.mk), and DESTDIR, which stands before each and is
# written into no file. strip=1: programs and libraries without what debuggers need. A directory
# that is empty without our files goes with them, but for those that every system has.
#
# shellcheck disable=SC2154 # the directories and the version come from there
set -euo pipefail
export LC_ALL=C
umask 022

action=$1 build=$2
fail() { # status, text
  echo "packaging/files.sh: $2" >&2
  exit "$1"
}
places=(prefix bindir libdir includedir datarootdir mandir docdir pkgconfigdir luacdir
  bashcompdir zshcompdir systemunitdir userunitdir sysusersdir tmpfilesdir)
DESTDIR=${DESTDIR:-}
declare -A emptied
for place in "${places[@]}"; do
  [[ ${!place:-} == /* ]] || fail 2 "$place is no directory's name"
done

# removed TARGET
removed() {
  rm -f "$DESTDIR$1"
  emptied["$(dirname "$1")"]=1
}
# file MODE SOURCE TARGET
file() {
  case $action in
    list) echo "$3" ;;
    uninstall) removed "$3" ;;
    install)
      [ -e "$2" ] || fail 1 "there is no $2; run make and make manuals first"
      install -D -m "$1" "$2" "$DESTDIR$3"
      ;;
  esac
}
# binary MODE SOURCE TARGET: the same, of machine code. Who links with an archive needs its symbols.
binary() {
  local what=--strip-unneeded
  file "$@"
  if [[ $3 == *.a ]]; then what=--strip-debug; fi
  if [ "$action" = install ] && [ "${strip:-}" = 1 ]; then strip "$what" "$DESTDIR$3"; fi
}
# files MODE DIRECTORY SOURCE...
files() {
  local mode=$1 to=$2 source
  shift 2
  for source in "$@"; do file "$mode" "$source" "$to/${source##*/}"; done
}
# link TO TARGET
link() {
  case $action in
    list) echo "$2" ;;
    uninstall) removed "$2" ;;
    install) mkdir -p "$DESTDIR$(dirname "$2")" && ln -sfn "$1" "$DESTDIR$2" ;;
  esac
}
# filled SOURCE TARGET: a text in which @bindir@, @version@ ... are what they are here.
filled() {
  local text place
  case $action in
    install)
      text=$(cat "$1"; echo x)
      for place in "${places[@]}" version; do text=${text//"@$place@"/"${!place}"}; done
      mkdir -p "$DESTDIR$(dirname "$2")"
      printf %s "${text%x}" >"$DESTDIR$2"
      chmod 644 "$DESTDIR$2"
      ;;
    *) file 644 "$1" "$2" ;;
  esac
}
# tree MODE SOURCE DIRECTORY: all files below SOURCE; programs stay such.
tree() {
  local one
  while IFS= read -r one; do
    if [ -x "$1/$one" ]; then file 755 "$1/$one" "$2/$one"; else file 644 "$1/$one" "$2/$one"; fi
  done < <(cd "$1" && find . -type f ! -path '*/__pycache__/*' -printf '%P\n' | sort)
}

# ---- The list ----

all() {
  local page so=libgaijin.so.$version
  for page in gaijin-broker gaijin-worker gaijinctl; do
    binary 755 "$build/$page" "$bindir/$page"
    file 644 "$build/man/$page.1" "$mandir/man1/$page.1"
  done
  files 644 "$mandir/man5" "$build"/man/*.5
  files 644 "$mandir/man3" "$build"/man/man3/*.3
  file 644 "$build/man/gaijinctl.bash" "$bashcompdir/gaijinctl"
  file 644 "$build/man/_gaijinctl" "$zshcompdir/_gaijinctl"

  binary 644 "$build/$so" "$libdir/$so"
  link "$so" "$libdir/libgaijin.so.${version%%.*}"
  link "libgaijin.so.${version%%.*}" "$libdir/libgaijin.so"
  binary 644 "$build/libgaijin.a" "$libdir/libgaijin.a"
  files 644 "$includedir/gaijin" client-lib/include/gaijin/*.h
  filled packaging/gaijin.pc "$pkgconfigdir/gaijin.pc"
  binary 644 "$build/gaijin.so" "$luacdir/gaijin.so"

  units
  files 644 "$docdir" README.md SECURITY.md LICENSE
  tree docs "$docdir/docs"
  tree examples "$docdir/examples"
}
# What stands in packaging/systemd: units of the system, and of users; accounts and directories.
units() {
  local unit place
  for unit in packaging/systemd/*.{service,socket,target,slice} packaging/systemd/user/*; do
    case $unit in
      *'*'*) ;;
      packaging/systemd/user/*) filled "$unit" "$userunitdir/${unit##*/}" ;;
      *) filled "$unit" "$systemunitdir/${unit##*/}" ;;
    esac
  done
  for unit in sysusers tmpfiles; do
    place=${unit}dir
    if [ -e "packaging/systemd/$unit.conf" ]; then
      filled "packaging/systemd/$unit.conf" "${!place}/gaijin.conf"
    fi
  done
}

case $action in
  install | uninstall | list) all ;;
  *) fail 2 "unknown action '$action'" ;;
esac

# The linker's cache is to know the library, where this is the system itself and we may say so.
if [[ $action != list && -z $DESTDIR && $libdir == /usr/* && $(id -u) = 0 ]]; then
  if command -v ldconfig >/dev/null; then ldconfig; fi
fi
for place in "${!emptied[@]}"; do
  while [[ $place == "$prefix"/* ]]; do
    case $place in "$bindir" | "$libdir" | "$includedir" | "$datarootdir" | "$mandir") break ;; esac
    rmdir "$DESTDIR$place" 2>/dev/null || break
    place=$(dirname "$place")
  done
done

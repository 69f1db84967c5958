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
  bashcompdir zshcompdir sysconfdir systemunitdir userunitdir sysusersdir tmpfilesdir)
DESTDIR=${DESTDIR:-}
declare -A emptied
for place in "${places[@]}"; do
  [[ ${!place:-} == /* ]] || fail 2 "$place is no directory's name"
done

# removed TARGET...
removed() {
  local target
  rm -f "${@/#/"$DESTDIR"}"
  for target in "$@"; do emptied["${target%/*}"]=1; done
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
# files MODE DIRECTORY SOURCE...: the same of many, by one program.
files() {
  local mode=$1 to=$2 source targets=()
  shift 2
  for source in "$@"; do targets+=("$to/${source##*/}"); done
  case $action in
    list) printf '%s\n' "${targets[@]}" ;;
    uninstall) removed "${targets[@]}" ;;
    install)
      [ -e "$1" ] || fail 1 "there is no $1; run make and make manuals first"
      mkdir -p "$DESTDIR$to"
      install -m "$mode" -t "$DESTDIR$to" "$@"
      ;;
  esac
}
# link TO TARGET
link() {
  case $action in
    list) echo "$2" ;;
    uninstall) removed "$2" ;;
    install) mkdir -p "$DESTDIR$(dirname "$2")" && ln -sfn "$1" "$DESTDIR$2" ;;
  esac
}
# fill SOURCE: prints a text in which @libdir@, @version@ ... are what they are here. Units and the
# file of settings name programs without a folder, and files in /etc: they are told where those are.
fill() {
  local text place
  text=$(cat "$1"; echo x)
  for place in "${places[@]}" version; do text=${text//"@$place@"/"${!place}"}; done
  for place in ExecStart ExecReload; do text=${text//"$place=gaijin"/"$place=$bindir/gaijin"}; done
  text=${text//"/etc/gaijin/"/"$sysconfdir/gaijin/"}
  printf %s "${text%x}"
}
# filled SOURCE TARGET
filled() {
  if [ "$action" = install ]; then
    mkdir -p "$DESTDIR$(dirname "$2")"
    fill "$1" >"$DESTDIR$2"
    chmod 644 "$DESTDIR$2"
  else
    file 644 "$1" "$2"
  fi
}
# settings SOURCE TARGET: the same of a file that is its user's from then on: one that is there
# stays, and goes only as it came.
settings() {
  case $action in
    list) echo "$2" ;;
    install) if [ ! -e "$DESTDIR$2" ]; then filled "$1" "$2"; fi ;;
    uninstall) if cmp -s <(fill "$1") "$DESTDIR$2"; then removed "$2"; fi ;;
  esac
}
# tree SOURCE DIRECTORY: all files below SOURCE; programs stay such.
tree() {
  local folder some=()
  while IFS= read -r folder; do
    mapfile -t some < <(find "$1/$folder" -maxdepth 1 -type f ! -perm /111 | sort)
    if [ ${#some[@]} -gt 0 ]; then files 644 "$2${folder:+/$folder}" "${some[@]}"; fi
    mapfile -t some < <(find "$1/$folder" -maxdepth 1 -type f -perm /111 | sort)
    if [ ${#some[@]} -gt 0 ]; then files 755 "$2${folder:+/$folder}" "${some[@]}"; fi
  done < <(find "$1" -type d ! -name __pycache__ -printf '%P\n' | sort)
}

# ---- The list ----

all() {
  local page so=libgaijin.so.$version
  for page in gaijin-broker gaijin-worker gaijinctl; do
    binary 755 "$build/$page" "$bindir/$page"
    file 644 "$build/man/$page.1" "$mandir/man1/$page.1"
  done
  files 644 "$mandir/man5" "$build"/man/gaijin-{broker.conf,policy,supervisor}.5
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
  settings packaging/broker.conf "$sysconfdir/gaijin/broker.conf"
  files 644 "$docdir" README.md SECURITY.md LICENSE
  tree docs "$docdir/docs"
  tree examples "$docdir/examples"
}
# What systemd reads: units of the system, and of users; accounts and directories.
units() {
  local unit
  for unit in packaging/systemd/system/*; do filled "$unit" "$systemunitdir/${unit##*/}"; done
  for unit in packaging/systemd/user/*; do filled "$unit" "$userunitdir/${unit##*/}"; done
  filled packaging/systemd/sysusers.d/gaijin.conf "$sysusersdir/gaijin.conf"
  filled packaging/systemd/tmpfiles.d/gaijin.conf "$tmpfilesdir/gaijin.conf"
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
  while [[ $place == "$prefix"/* || $place == "$sysconfdir"/* ]]; do
    case $place in
      "$bindir" | "$libdir" | "$includedir" | "$datarootdir" | "$mandir" | "$sysconfdir") break ;;
    esac
    rmdir "$DESTDIR$place" 2>/dev/null || break
    place=$(dirname "$place")
  done
done

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What `make install` installs is whole, works without the source tree, and goes again. Installed is what stands in the
# build directory, nothing is compiled for it. Where namespaces can be had the last stories play at /usr/local itself, with
# the source tree out of sight: so interpreters, compilers and pkg-config are told nothing.
. "$(dirname "$0")/lib.sh"
version=$(sed -n 's/^#define GAIJIN_VERSION "\(.*\)"/\1/p' "$root/client-lib/include/gaijin/protocol.h")
# installed TARGET WORD...: make, without what the make that runs this test was told.
installed() {
  env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$root" --no-print-directory BUILD="$build" "$@"
}
files_in() { (cd "$1" && find . \( -type f -o -type l \) -printf '/%P\n' | sort); }

story="a staged installation"
stage="$dir/a stage" at=/usr/local
check "installs" installed install-built DESTDIR="$stage"
installed installed-files | sort >"$dir/list"
check "as the list says" diff "$dir/list" <(files_in "$stage")
for file in bin/gaijin-broker bin/gaijin-worker bin/gaijinctl lib/libgaijin.so lib/libgaijin.so."${version%%.*}" lib/libgaijin.a \
  include/gaijin/gaijin.h lib/pkgconfig/gaijin.pc lib/lua/5.1/gaijin.so share/man/man1/gaijinctl.1 share/man/man1/gaijin-broker.1 \
  share/man/man1/gaijin-worker.1 share/man/man3/gaijin_connect.3 share/man/man5/gaijin-broker.conf.5 share/man/man5/gaijin-policy.5 share/man/man5/gaijin-supervisor.5 \
  share/bash-completion/completions/gaijinctl share/zsh/site-functions/_gaijinctl share/doc/gaijin/README.md \
  share/doc/gaijin/LICENSE share/doc/gaijin/docs/tutorial.md share/doc/gaijin/examples/c/call.c; do
  check "$file is there" test -e "$stage$at/$file"
done
check "no file knows of the stage" test -z "$(grep -rlF "$stage" "$stage")"
check "no place is left open" test -z "$(grep -rlE '@[a-z]+dir@|@version@' "$stage$at"/{lib/pkgconfig,lib/systemd,share/man} 2>/dev/null)"
check "everybody may read it" test -z "$(find "$stage" ! -type l ! -perm -444)"
check "programs can be executed" test -x "$stage$at/bin/gaijin-broker" -a -x "$stage$at/share/doc/gaijin/examples/abc/demo.sh"
# Each call that a header declares has its page, and a page that leads elsewhere leads to one that is there.
has_pages() {
  local one
  for one in $(grep -ohE '\bgaijin_[a-z0-9_]+\(' "$stage$at"/include/gaijin/*.h | sort -u | tr -d '('); do
    grep -q "^GAIJIN_API .*\b$one(" "$stage$at"/include/gaijin/*.h || continue
    test -e "$stage$at/share/man/man3/$one.3" || { echo "no page $one"; return 1; }
  done
  while read -r one; do
    test -e "$stage$at/share/man/$one" || { echo "nothing at $one"; return 1; }
  done < <(sed -n 's/^\.so //p' "$stage$at"/share/man/man3/*.3 | sort -u)
}
check "every call has a man page" has_pages
if command -v groff >/dev/null; then
  for page in "$stage$at"/share/man/man[35]/*; do
    grep -q '^\.so ' "$page" && continue
    groff -man -Kutf8 -Tutf8 -ww "$page" >/dev/null 2>"$dir/err"
    check "${page##*/}: troff has nothing to say" test ! -s "$dir/err"
  done
fi
check "goes again" installed uninstall DESTDIR="$stage"
check "leaves no file" test -z "$(files_in "$stage")"
check "leaves what every system has" diff <(cd "$stage$at" && find . -mindepth 1 | sort) - <<'END'
./bin
./etc
./include
./lib
./share
./share/man
END
mkdir -p "$stage$at/share/doc/gaijin" && touch "$stage$at/share/doc/gaijin/mine"
check "goes once more" installed uninstall DESTDIR="$stage"
check "leaves what is not its own" test -e "$stage$at/share/doc/gaijin/mine"

story="units, and the file of settings"
at='/a&b'
check "installs" installed install-built PREFIX="$at" DESTDIR="$stage"
for unit in system/gaijin-broker.service system/gaijin-broker.socket system/gaijin-worker@.service user/gaijin-broker.service \
  system/gaijin-system@.service user/gaijin-system@.service; do
  check "$unit is there" test -e "$stage$at/lib/systemd/$unit"
done
check "users and directories are there" test -e "$stage$at/lib/sysusers.d/gaijin.conf" -a -e "$stage$at/lib/tmpfiles.d/gaijin.conf"
check "programs are the installed ones" grep -rq "^ExecStart=$at/bin/gaijin-broker " "$stage$at/lib/systemd"
check "all of them" test -z "$(grep -hE '^Exec[A-Za-z]+=gaijin' -r "$stage$at/lib/systemd")"
check "files, too" test -z "$(grep -rhF /etc/gaijin "$stage$at/lib" "$stage$at/etc" | grep -vF "$at/etc/gaijin")"
settings="$stage$at/etc/gaijin/broker.conf"
echo '# mine' >>"$settings"
check "installs again" installed install-built PREFIX="$at" DESTDIR="$stage"
check "what its user has changed stays" grep -qx '# mine' "$settings"
check "goes" installed uninstall PREFIX="$at" DESTDIR="$stage"
check "but for what its user has changed" test "$(files_in "$stage$at")" = /etc/gaijin/broker.conf
rm "$settings"
check "installs and goes" installed install-built uninstall PREFIX="$at" DESTDIR="$stage"
check "with the settings nobody has changed" test -z "$(files_in "$stage$at")"
rm -r "$stage"

story="removed where nothing was built, from the system itself"
system=(PREFIX=/usr DESTDIR="$stage")
check "installs" installed install-built "${system[@]}"
check "settings are the system's" test -e "$stage/etc/gaijin/broker.conf"
check "goes" installed uninstall "${system[@]}" BUILD="$dir/new"
check "leaves no file" test -z "$(files_in "$stage")"
check "nor the folder of settings, but the system's own" test "$(ls "$stage/etc" && echo is there)" = "is there"
check "the list is whole there, too" diff <(installed installed-files "${system[@]}") <(installed installed-files "${system[@]}" BUILD="$dir/new2")
rm -r "$stage"

story="places"
installed install-built PREFIX=here >"$dir/out" 2>"$dir/err" && fail "a name that is not absolute"
check "a name that is not absolute is refused" says "prefix is 'here': where things are installed is an absolute name"
for odd in '/opt/a b' /opt/100%; do
  installed install-built PREFIX="$odd" >"$dir/out" 2>"$dir/err" && fail "a name that units cannot have"
  check "so is $odd" says "prefix is '$odd': where"
done
cmod=$(pkg-config --variable=INSTALL_CMOD lua5.1)
check "with /usr the module goes where the distribution has it" test "$(installed installed-files PREFIX=/usr | grep 5.1/gaijin.so)" = "$cmod/gaijin.so"
check "names of GNU's can be given" test "$(installed installed-files libdir=/a/b mandir=/c | grep -cE '^/a/b/(libgaijin.a|pkgconfig/gaijin.pc)|^/c/man1/gaijinctl.1')" = 3

# A program as the manual has it, and a script.
cp "$root/examples/c/call.c" "$root/examples/c/shop.lua" "$dir"
cat >"$dir/till.lua" <<'END'
local gaijin = require "gaijin"
local bakaGaijin = gaijin.connect { name = "till" }
print((bakaGaijin("shop").price("pear", 3)))
gaijin.close()
END
# What is done where it is installed: usage all.sh PREFIX. Its environment says nothing but PATH, and what the caller adds.
cat >"$dir/all.sh" <<'END'
set -eu
cd "$(dirname "$0")"
export PATH="$1/bin:/usr/bin:/bin" GAIJIN_SOCKET=$PWD/g.sock
"$1/share/doc/gaijin/examples/abc/demo.sh" "$1/bin"
echo "== $(gaijinctl --version)"
gaijin-broker & broker=$!
trap 'kill $broker; wait' EXIT
gaijin-worker shop.lua & gaijinctl wait shop --timeout 20
# shellcheck disable=SC2046 # several words
cc -O1 call.c -o call $(pkg-config --cflags --libs gaijin)
./call shop price apple 3 | sed "s/^/== shared: /"
ldd ./call | sed -n 's/.*\(libgaijin[^ ]*\) => \([^ ]*\) .*/== \1 at \2/p'
# shellcheck disable=SC2046
cc -O1 call.c -o call-static $(pkg-config --cflags gaijin) "$1/lib/libgaijin.a" -lm
./call-static shop price apple 3 | sed "s/^/== static: /"
for lua in lua5.1 luajit; do $lua till.lua | sed "s/^/== $lua: /"; done
END
# went PREFIX: what all.sh printed is what it should have.
went() {
  check "the demo" out_has '^The table outlived its label'
  check "gaijinctl tells its version" out_has "^== gaijinctl $version"
  check "the library that a program finds is the installed one" out_has "^== libgaijin.so.0 at $1/lib/libgaijin.so.0$"
  for how in shared static; do check "a C program, $how" out_has "^== $how: 6"; done
  for lua in lua5.1 luajit; do check "$lua requires it" out_has "^== $lua: 9$"; done
  check "ends with 0" test "$status" = 0
}
if sanitized "$build/libgaijin.so"; then finish; exit; fi

story="a place of one's own"
at=$dir/opt
check "installs" installed install-built PREFIX="$at" STRIP_INSTALLED=1
check "no file knows of the source tree" test -z "$(grep -rlF "$root" "$at")"
limit=$((60 * ${GAIJIN_TEST_SLOWER:-1}))
run env -i PKG_CONFIG_PATH="$at/lib/pkgconfig" LD_LIBRARY_PATH="$at/lib" LUA_CPATH="$at/lib/lua/5.1/?.so" bash "$dir/all.sh" "$at"
went "$at"
check "goes again" installed uninstall PREFIX="$at"
check "leaves no file" test -z "$(files_in "$at")"

story="/usr/local, and no source tree"
own=(unshare --mount)
[ "$(id -u)" = 0 ] || own+=(--user --map-root-user)
if "${own[@]}" true 2>/dev/null; then
  check "installs" installed install-built DESTDIR="$dir/stage"
  mkdir "$dir/empty"
  cat >"$dir/apart.sh" <<'END'
set -eu
mount --bind "$1/stage/usr/local" /usr/local
for tree in "$2" "$3"; do mount --bind "$1/empty" "$tree"; done
touch "$1/cache"
ldconfig -C "$1/cache" 2>/dev/null
mount --bind "$1/cache" /etc/ld.so.cache
exec env -i bash "$1/all.sh" /usr/local
END
  PATH=$PATH:/usr/sbin:/sbin run "${own[@]}" bash "$dir/apart.sh" "$dir" "$build" "$root"
  went /usr/local
else
  echo "not had: namespaces, for /usr/local"
fi

finish

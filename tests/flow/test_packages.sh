#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What packages are made of: the tarball, which is the same bytes each time, the records of libgaijin's binary interface,
# and what is written in more than one place and must be the same. Whole packages are built, installed and upgraded by
# `make packages-check`.
. "$(dirname "$0")/lib.sh"
version=$(sed -n 's/^#define GAIJIN_VERSION "\(.*\)"/\1/p' "$root/client-lib/include/gaijin/protocol.h")
read -r -a cc <<<"${CC:-cc}"
cd "$dir" || exit 1

story="make dist"
if [ -e "$root/.git" ] && command -v git >/dev/null; then
  packed() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "${@:2}" make -s -C "$root" --no-print-directory BUILD="$dir/$1" dist; }
  check "packs" packed one
  mkdir home && printf '[tar]\n\tumask = 0\n[core]\n\tautocrlf = true\n' >home/.gitconfig
  check "packs for somebody else" packed two HOME="$dir/home" TZ=Asia/Tokyo LC_ALL=C.UTF-8 GZIP=-1
  check "the same bytes" cmp one/gaijin-"$version".tar.gz two/gaijin-"$version".tar.gz
  tar -tf "one/gaijin-$version.tar.gz" | sed -n "s|^gaijin-$version/\(.*[^/]\)$|\1|p" | sort >packed
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' git -C "$root" ls-tree -r --name-only HEAD | sort >tracked
  check "has what is committed, and no more" diff tracked packed
  check "owned by root" test -z "$(tar -tvf "one/gaijin-$version.tar.gz" | grep -v ' root/root ')"
else
  echo "not had: git and a clone, for make dist"
fi

# Somebody in the place of dpkg-buildpackage, who shows what would be built, and builds nothing.
story="who answers for packages"
if [ -e "$root/.git" ] && command -v git perl >/dev/null; then
  mkdir stand-in
  printf '#!/bin/sh\nhead -n 4 debian/control; grep "^ -- " debian/changelog; exit 1\n' >stand-in/dpkg-buildpackage
  chmod +x stand-in/dpkg-buildpackage
  packages_of() { run env DEB_MAINTAINER="$1" PATH="$dir/stand-in:$PATH" "$root/packaging/deb.sh" "$version" "$dir/none"; }
  packages_of ""
  check "whom control names" says 'Maintainer: The gaijin developers <developers@gaijin.invalid>'
  check "the changelog names, too" says ' -- The gaijin developers <developers@gaijin.invalid>  '
  packages_of 'A & "B"/C <a@b.example>'
  check "another is named by both" says 'Maintainer: A & "B"/C <a@b.example>'
  check "and with the date" says ' -- A & "B"/C <a@b.example>  '
  packages_of 'nobody'
  check "without an address it is refused" test "$status" = 2
  check "in one line" err_is_one_line
  check "which says how" says 'MAINTAINER is "NAME <ADDRESS>", not "nobody"'
fi

story="what is removed with the package"
# The script of the package, of a directory here instead of /run/gaijin.
removes() { sed "s|/run/gaijin|$dir/run|g" "$root/debian/gaijin.postrm" | sh -s "$1"; }
mkdir run
GAIJIN_SOCKET=$dir/run/gaijin.sock start_broker
check "a broker that goes on" removes remove
check "keeps its socket" "$build/gaijinctl" -s "$dir/run/gaijin.sock" ping
kill -KILL "$pid"
wait "$pid" 2>/dev/null
check "has left a socket" test -S run/gaijin.sock
check "an upgrade" removes upgrade
check "keeps it" test -S run/gaijin.sock
check "a removal" removes remove
check "does not, nor its directory" test ! -e run
check "it may be gone already" removes remove

story="the binary interface"
if ! sanitized "$build/libgaijin.so"; then
  check "what the library shows is what was recorded" "$root/packaging/symbols.sh" "$build/libgaijin.so" "$version"
fi
# Libraries of few names: the script reads no more than these.
mkdir -p tree/packaging tree/debian
cp "$root/packaging/symbols.sh" tree/packaging
record=tree/debian/libgaijin0.symbols
printf 'GAIJIN_0 { global: gaijin_*; local: *; };\n' >map
# library NAME...: one that shows these.
library() {
  printf 'int gaijin_%s(void) { return 0; }\n' "$@" >names.c
  "${cc[@]}" -shared -fPIC -Wl,--version-script=map names.c -o names.so
}
symbols() {
  status=0
  tree/packaging/symbols.sh "$dir/names.so" "$@" >out 2>err || status=$?
}
echo 'libgaijin.so.0 libgaijin0 #MINVER#' >"$record"
check "a library is made" library first second
symbols 0.1.0
check "what is new is a fault" test "$status" = 1
check "and is named" err_has '^gaijin_first@GAIJIN_0$'
symbols 0.1.0 --record
check "it is recorded" diff "$record" - <<'END'
libgaijin.so.0 libgaijin0 #MINVER#
 GAIJIN_0@GAIJIN_0 0.1.0
 gaijin_first@GAIJIN_0 0.1.0
 gaijin_second@GAIJIN_0 0.1.0
END
symbols 0.1.0
check "then all is well" test "$status" = 0
library first second between
symbols 0.2.0 --record
check "a later one keeps its version" grep -qx ' gaijin_between@GAIJIN_0 0.2.0' "$record"
check "those of before theirs" grep -qx ' gaijin_first@GAIJIN_0 0.1.0' "$record"
library first between
symbols 0.2.0 --record
check "what is gone is a fault, also when recording" test "$status" = 1
check "and is named, too" err_has '^gaijin_second@GAIJIN_0$'

story="what structs look like"
if [ "$(getconf LONG_BIT)" = 64 ]; then
  cp "$root/packaging/libgaijin0.layout" layout
  touch -d 2000-01-01 layout earlier
  check "is as it was recorded" env LAYOUT="$dir/layout" "$root/packaging/layout.sh"
  check "who looks writes nothing" test ! layout -nt earlier
  # layout EDIT FLAG...: of headers with that edit.
  layout() {
    rm -rf headers && cp -r "$root/client-lib/include" headers && sed -i "$1" headers/gaijin/*.h
    status=0
    HEADERS=$dir/headers LAYOUT=$dir/layout "$root/packaging/layout.sh" "${@:2}" >out 2>err || status=$?
  }
  # breaks WHAT EDIT LINE: that edit is a fault which cannot be recorded, and the line is named.
  breaks() {
    layout "$2" --record
    check "$1 is a fault" test "$status" = 1
    check "and is named: $3" err_has "$3"
    check "it is not recorded" cmp -s layout "$root/packaging/libgaijin0.layout"
  }
  breaks "a member in the middle" 's/^  uint16_t depth;    .*/  uint64_t more; &/' 'has, and the headers have not: gaijin_request.depth 12 2 uint16_t depth$'
  breaks "a member in padding" 's/^  bool ok; .*/  bool ok, also;/' '^not at the end of its struct: gaijin_answer.also 1 1 '
  breaks "another type" 's/^  uint32_t count;  .*/  int32_t count;/' 'have not: gaijin_value.count .* uint32_t count$'
  breaks "a value that grows" 's|^  uint8_t kind;   .*|& uint64_t more;|' 'have not: size of gaijin_pt 32$'
  breaks "a constant in the middle" 's/^  GAIJIN_NUMBER,/  GAIJIN_MORE, &/' 'have not: gaijin_type GAIJIN_NUMBER 2$'
  breaks "a member that is gone" '/^  void (\*succeeded)/d' 'have not: gaijin_events.succeeded 128 '
  if [[ $("${cc[@]}" --version) != *clang* ]]; then
    breaks "a call with another type" 's/^GAIJIN_API size_t gaijin_body_size(/GAIJIN_API uint64_t gaijin_body_size(/' 'have not: call size_t gaijin_body_size '
  fi
  for odd in "uint32_t a : 3, b : 29;" "union { int a; };"; do
    layout "s/^  bool ok; .*/& $odd/" --record
    check "$odd is a fault" test "$status" = 1
    check "which names the struct" err_has 'cannot read struct gaijin_answer,'
    check "nothing is recorded" cmp -s layout "$root/packaging/libgaijin0.layout"
  done
  longer='s/^  void (\*succeeded).*/& void (*more)(void *user);/; s/^  GAIJIN_NULL .*/GAIJIN_NULL, GAIJIN_MORE/'
  layout "$longer"
  check "what is new at an end is to be recorded" err_has 'lacks what the headers have'
  check "and is named" err_has '^gaijin_events.more 136 8 void '
  layout "$longer" --record
  check "it can be" test "$status" = 0
  layout "$longer"
  check "then all is well" test "$status" = 0
  layout 's/^  void (\*succeeded).*/&/'
  check "and it is to stay" err_has 'have not: gaijin_type GAIJIN_MORE 9$'
fi

# What is built stands in for what make would build; what it would do is only looked at.
story="a rock"
rockspec=packaging/luarocks/gaijin-$version-1.rockspec
if command -v luarocks >/dev/null && ! sanitized "$build/gaijin.so"; then
  mkdir rock
  for file in "$root"/*; do [ "$file" -ef "$build" ] || ln -s "$file" rock; done
  rm -f rock/build
  ln -s "$build" rock/build
  cat >look <<END
#!/bin/sh
echo "\$*" >>"$dir/made"
exec make -n "\$@" BUILD="$dir/none" >/dev/null
END
  chmod +x look
  rocks() { (cd rock && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL HOME="$dir" luarocks --lua-version 5.1 --tree "$dir/rocks" "$@"); }
  check "luarocks makes it" rocks make --deps-mode none "$rockspec" MAKE="$dir/look"
  check "make knows what it asks for" grep -w all made
  export GAIJIN_SOCKET=$dir/g.sock
  start_broker --log-level warn
  start shop "rocks/bin/gaijin-worker" -n shop -e 'bakaGaijin.price = function(n) return 2 * n end'
  wait_until rocks/bin/gaijinctl wait shop price
  with_rock() { LUA_CPATH="$dir/rocks/lib/lua/5.1/?.so" "$1" -e 'print((require "gaijin".connect{}("shop").price(4)))' | grep -x 8; }
  for lua in lua5.1 luajit; do check "$lua requires it" with_rock $lua; done
  end_started
  check "luarocks removes it" rocks remove --force gaijin
  check "it leaves nothing" test -z "$(find rocks -name '*gaijin*')"
else
  echo "not had: luarocks"
fi

story="what is written twice"
check "the rockspec's version" test -e "$root/$rockspec"
check "the changelog's version" grep -q "^gaijin ($version" "$root/debian/changelog"
needed() { sed -n 's/^  need_library \([^ ]*\) .*/\1/p' "$root/tools/setup.sh" | grep -v "[|']" | grep -vx -e check -e libsystemd-dev; }
check "tools/setup.sh needs libraries" test "$(needed | wc -l)" -ge 7
while read -r package; do
  check "debian/control builds with $package" grep -q "^ $package,\?\$" "$root/debian/control"
done < <(needed)

finish

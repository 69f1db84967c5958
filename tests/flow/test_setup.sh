#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/setup.sh with a PATH of its own: a stand-in for apt-get that notes what it was asked to install, and one for
# pkg-config that knows the libraries listed in a file. What is missing is looked for again after installing.
. "$(dirname "$0")/lib.sh"
evidence="out err asked"
bin=$dir/bin
mkdir "$bin"
export SETUP_TEST=$dir
unset CC

for tool in bash env sed cat rm mktemp gcc make dirname touch grep; do ln -s "$(command -v "$tool")" "$bin/$tool"; done
# Names of libraries, one a line, in the file libraries.
cat >"$bin/pkg-config" <<'STAND_IN'
#!/bin/bash
[ "$1" = --exists ] && grep -qx -- "$2" "$SETUP_TEST/libraries"
STAND_IN
cat >"$bin/apt-cache" <<'STAND_IN'
#!/bin/bash
[ "$1" = show ] && grep -qx -- "$2" "$SETUP_TEST/archive"
STAND_IN
# Asked to install a package that is in the file archive it succeeds, and adds to the libraries what the file "brings"
# says: "package library" lines. `update` makes the archive known.
cat >"$bin/apt-get" <<'STAND_IN'
#!/bin/bash
echo "$*" >>"$SETUP_TEST/asked"
case $* in
  *update*) if [ -e "$SETUP_TEST/mirror" ]; then cat "$SETUP_TEST/mirror" >"$SETUP_TEST/archive"; fi ;;
  *install*)
    for word in "$@"; do
      case $word in -* | install) continue ;; esac
      if ! grep -qx -- "$word" "$SETUP_TEST/archive"; then
        echo "E: Unable to locate package $word"
        exit 100
      fi
      sed -n "s/^$word //p" "$SETUP_TEST/brings" >>"$SETUP_TEST/libraries"
    done
    ;;
esac
STAND_IN
printf '#!/bin/bash\necho 0\n' >"$bin/id" # root
chmod +x "$bin"/{pkg-config,apt-cache,apt-get,id}

# setup STORY ARGUMENT...: runs it as `run` does.
setup() {
  story=$1
  : >"$dir/asked"
  run env PATH="$bin" "$root/tools/setup.sh" "${@:2}"
}
lines() { printf '%s\n' "${@:2}" >"$dir/$1"; }
asked() { grep -- "$1" "$dir/asked" >/dev/null; }
# What apt-get was asked to install, without its flags.
installed() { sed -n 's/.*install //p' "$dir/asked" | sed -n '$p'; }

programs='libuv1-dev liblua5.1-0-dev libinih-dev libseccomp-dev libedit-dev libncurses-dev libmicrohttpd-dev libconfuse-dev'
lines libraries libuv lua5.1 inih libseccomp libedit ncursesw libmicrohttpd libconfuse
lines archive
lines brings
setup "nothing is missing"
check "succeeds" test "$status" = 0
check "says nothing" test "$(cat "$dir/out" "$dir/err")" = ""
check "installs nothing" test ! -s "$dir/asked"

lines libraries
# shellcheck disable=SC2086 # several names
lines archive $programs libmsgpack-c-dev check
lines brings 'libuv1-dev libuv' 'libmsgpack-c-dev msgpack-c' 'libmsgpack-dev msgpack' 'check check' 'liblua5.1-0-dev lua5.1' 'libinih-dev inih' 'libseccomp-dev libseccomp' 'libedit-dev libedit' 'libncurses-dev ncursesw' 'libmicrohttpd-dev libmicrohttpd' 'libconfuse-dev libconfuse'
setup "without libraries"
check "succeeds" test "$status" = 0
check "installs what the programs need, and no more" test "$(installed)" = "$programs"

lines libraries
lines archive
# shellcheck disable=SC2086
lines mirror $programs
setup "a new machine without package lists"
check "succeeds" test "$status" = 0
check "fetches the lists" asked update
check "installs the packages that the lists have" test "$(installed)" = "$programs"
rm "$dir/mirror"

lines libraries libuv lua5.1 inih libseccomp libedit ncursesw libconfuse
lines archive libmicrohttpd-dev
lines brings
setup "a package that brings no library"
check "fails" test "$status" = 1
check "asked apt-get" asked install
check "says what is still missing" says "still missing: libmicrohttpd-dev"

lines archive
setup "a package that is not to be had"
check "fails" test "$status" = 1
check "shows apt-get's reason" says "Unable to locate package libmicrohttpd-dev"
check "says what it could not install" says "could not install libmicrohttpd-dev"

# What the tests need besides. Libraries of Lua and Python are looked for where they are on this machine.
for tool in g++ lua5.1 luajit python3 tmux jq dot; do ln -s "$(command -v "$tool")" "$bin/$tool"; done
lines brings 'libmsgpack-c-dev msgpack-c' 'libmsgpack-dev msgpack' 'check check'
for release in 'Debian 12:libmsgpack-dev' 'Debian 13:libmsgpack-c-dev'; do
  package=${release#*:}
  lines libraries libuv lua5.1 inih libseccomp libedit ncursesw libmicrohttpd libconfuse
  lines archive check "$package"
  setup "the tests' needs, ${release%:*}" packages
  check "succeeds" test "$status" = 0
  check "installs msgpack-c by its name there" test "$(installed)" = "check $package"
  setup "the tests' needs are there, ${release%:*}" packages
  check "succeeds" test "$status" = 0
  check "installs nothing" test ! -s "$dir/asked"
done

lines libraries libuv lua5.1 inih libseccomp libedit ncursesw libmicrohttpd libconfuse
rm "$bin/apt-get"
setup "another system" packages
check "fails" test "$status" = 1
check "says what is missing" says "missing: check libmsgpack-c-dev or libmsgpack-dev (Debian's package names)"

setup "an unknown word" nonsense
check "has status 2" test "$status" = 2
check "names the words it knows" says "it knows packages, asan"

finish

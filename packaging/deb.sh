#!/bin/bash
# SPDX-License-Identifier: MIT
#
# packaging/deb.sh VERSION BUILD: packs what is committed, builds Debian packages of that in a
# directory of its own, has lintian look at them, and leaves them in BUILD/deb. Fails if lintian
# finds an error.
#
#   DEB_LINTIAN      0: lintian is not asked
#   DEB_MAINTAINER   "NAME <ADDRESS>": who answers for these packages. Otherwise whom debian/control
#                    and debian/changelog name, whose address says that there is none (RFC 2606)
set -euo pipefail
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS LDFLAGS CC
cd "$(dirname "$0")/.."

maintainer=${DEB_MAINTAINER:-}
if [ -n "$maintainer" ] && ! grep -qxE '[^<>]+ <[^<>@ ]+@[^<>@ ]+>' <<<"$maintainer"; then
  echo "packaging/deb.sh: MAINTAINER is \"NAME <ADDRESS>\", not \"$maintainer\"" >&2
  exit 2
fi
version=$1 build=$(realpath -m "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tarball=$(packaging/dist.sh "$version" "$work")
tar -C "$work" -xf "$tarball"
source=$work/gaijin-$version
if [ -n "$maintainer" ]; then
  M=$maintainer perl -pi -e 's/^(Maintainer: ).*/$1$ENV{M}/' "$source/debian/control"
  # Its first entry is this version's.
  M=$maintainer perl -0pi -e 's/^( -- ).*>(  .*)/$1$ENV{M}$2/m' "$source/debian/changelog"
fi
if ! (cd "$source" && dpkg-buildpackage --no-sign --build=binary "--jobs=$(nproc)") \
  >"$work/log" 2>&1; then
  tail -n 60 "$work/log" >&2
  echo "packaging/deb.sh: dpkg-buildpackage failed; the lines above say why" >&2
  exit 1
fi
rm -rf "$build/deb"
mkdir -p "$build/deb"
cp "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$build/deb"
if [ "${DEB_LINTIAN:-1}" = 1 ]; then lintian --fail-on error "$build/deb"/*.changes; fi
ls "$build/deb"/*.deb

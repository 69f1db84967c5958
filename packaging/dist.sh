#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Packs what is committed: packaging/dist.sh VERSION DIRECTORY writes gaijin-VERSION.tar.gz there.
# The same commit gives the same bytes, whoever packs it, where and when.
set -euo pipefail
export LC_ALL=C TZ=UTC
unset GZIP
cd "$(dirname "$0")/.."

version=$1 to=$2
if [ ! -e .git ]; then
  echo "packaging/dist.sh: this is no clone: a tarball is made of what is committed" >&2
  exit 1
fi
# Whoever packs need not own the files.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
  echo "packaging/dist.sh: what is not committed is left out" >&2
fi
file=$to/gaijin-$version.tar.gz
mkdir -p "$to"
# Without what this user's settings would make of the files; -n: without a time.
git -c tar.umask=0022 -c core.autocrlf=false -c core.attributesFile=/dev/null \
  archive --format=tar --prefix="gaijin-$version/" HEAD | gzip -n -9 >"$file.new"
mv "$file.new" "$file"
echo "$file"

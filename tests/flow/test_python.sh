#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The client in Python (examples/python), written from docs/protocol.md: tests/python talks with a worker in Lua in both
# directions, and holds the page's bytes and limits against the broker. BUILD is the build directory.
set -euo pipefail
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
BUILD=$(cd "${BUILD:-build}" && pwd)
export BUILD
python=/usr/bin/python3 # of the system, as in lib.sh
if [ ! -x "$python" ]; then
  echo "FAIL there is no python3; \`tools/setup.sh packages\` installs it"
  echo "0 passed, 1 failed"
  exit 1
fi
cd "$(dirname "$0")/../.."
exec "$python" tests/python/run.py "$@"

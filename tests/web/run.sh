#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make check-web`: the page of gaijinctl web in Chromium, without a screen (tests/web/page.py).
#   tests/web/run.sh BUILD
#   RENEW=1   writes the picture that docs/cli.md shows, docs/web.png, anew
#
# A browser that cannot be had is named, and is no failure. The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
export BUILD=${1:-build}
unset GAIJIN_SOCKET
if ! tools/setup.sh web; then
  echo "not had: Chromium (tools/setup.sh web failed)"
  echo "0 passed, 0 failed"
  exit 0
fi
exec timeout -k 10 $((300 * ${GAIJIN_TEST_SLOWER:-1})) /usr/bin/python3 tests/web/page.py

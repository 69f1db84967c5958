#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The scripts of make lint find what they are for: each story makes a tiny tree and says which lines
# are expected.
. "$(dirname "$0")/lib.sh"

# A tree without faults, in a new directory that is the current one afterwards.
good_tree() {
  rm -rf "$dir/tree"
  mkdir -p "$dir/tree"
  cd "$dir/tree" || exit 1
  mkdir -p {proto,client-lib/include/gaijin,policy,examples,packaging,tests,docs} broker/{base,books} lua/{vm,api} \
    tools/{base,cmd,dev} tools/top/{model,feed,pages}
  source_file proto/base.h
  source_file proto/ops.def
  source_file proto/frame.c proto/base.h proto/ops.def
  source_file client-lib/include/gaijin/gaijin.h
  source_file client-lib/call.c proto/base.h
  echo '#include <gaijin/gaijin.h>' >>client-lib/call.c
  source_file broker/base/slab.h
  source_file broker/base/slab.c broker/base/slab.h proto/base.h
  source_file broker/books/refs.h broker/base/slab.h
  source_file broker/books/refs.c broker/books/refs.h broker/base/slab.h
  source_file policy/policy.h proto/base.h
  source_file broker/main.c broker/books/refs.h policy/policy.h
  source_file lua/vm/worker.h client-lib/list.h
  source_file lua/api/library.c lua/vm/worker.h lua/api/prelude.lua.h
  source_file tools/base/command.h
  source_file tools/cmd/ping.c tools/base/command.h
  source_file tools/top/model/grid.h tools/base/command.h
  source_file tools/top/pages/keys.h tools/top/model/grid.h
  source_file tools/top/top.c tools/top/pages/keys.h tools/top/model/grid.h
  source_file tools/main.c tools/base/command.h tools/top/pages/keys.h
  source_file tools/dev/table.c proto/ops.def
  source_file tests/bed.c broker/main.h lua/vm/worker.h
}
# source_file FILE INCLUDE...: writes it.
source_file() {
  local file=$1
  shift
  echo '/* SPDX-License-Identifier: MIT' >"$file"
  echo ' */' >>"$file"
  if [ $# -gt 0 ]; then printf '#include "%s"\n' "$@" >>"$file"; fi
}
# story WHAT SCRIPT LINE...: the script of tools/lint says just these lines in the tree; without
# lines it is content.
story() { check "$1" lint_says "${@:2}"; }
lint_says() {
  local script=$1
  shift
  printf '%s' "${@/%/$'\n'}" >"$dir/expected"
  run "$root/tools/lint/$script"
  cat "$dir/out" "$dir/err" | diff "$dir/expected" - && [ "$status" = $(($# > 0)) ]
}

good_tree
story "arrows as they should be" arrows.sh
story "style as it should be" style.sh

source_file broker/base/log.c client-lib/call.h
story "a folder that must not be known" arrows.sh \
  'broker/base/log.c:3:#include "client-lib/call.h": broker/ may include only broker policy proto'

good_tree
echo '#include "slab.h"' >>broker/base/slab.c
story "an include without its folder" arrows.sh \
  'broker/base/slab.c:5:#include "slab.h": broker/ may include only broker policy proto'

good_tree
source_file broker/base/slab.c broker/base/slab.h broker/books/refs.h
source_file lua/vm/worker.c lua/main.h
source_file tools/cmd/ping.c tools/base/command.h tools/dev/table.h
story "arrows up, and to a neighbour" arrows.sh \
  'broker/base/slab.c:4: includes broker/books/refs.h, which is not on a floor below broker/base/' \
  'lua/vm/worker.c:3: includes lua/main.h, which is not on a floor below lua/vm/' \
  'tools/cmd/ping.c:4: includes tools/dev/table.h, which is not on a floor below tools/cmd/' \
  'include cycle of 2 modules: broker/base/slab broker/books/refs'

good_tree
mkdir lua/attic
source_file lua/attic/old.h
story "a folder that is no floor" arrows.sh \
  'lua/attic/ is on no floor; give it one in tools/lint/arrows.sh'

good_tree
mkdir tools/top/attic tools/base/attic
source_file tools/top/model/grid.h tools/base/command.h tools/top/pages/keys.h
source_file tools/top/feed/feed.h tools/top/top.h tools/top/screen/screen.h
source_file tools/top/attic/old.h
source_file tools/base/attic/old.h
story "the same in a room with rooms of its own" arrows.sh \
  'tools/base/attic/ is on no floor; give it one in tools/lint/arrows.sh' \
  'tools/top/attic/ is on no floor; give it one in tools/lint/arrows.sh' \
  'tools/top/feed/feed.h:3: includes tools/top/top.h, which is not on a floor below tools/top/feed/' \
  'tools/top/feed/feed.h:4: includes tools/top/screen/screen.h, which is not on a floor below tools/top/feed/' \
  'tools/top/model/grid.h:4: includes tools/top/pages/keys.h, which is not on a floor below tools/top/model/' \
  'include cycle of 2 modules: tools/top/model/grid tools/top/pages/keys'

good_tree
source_file broker/books/names.h
source_file broker/books/names.c broker/books/names.h broker/books/calls.h
source_file broker/books/calls.h broker/books/waits.h
source_file broker/books/waits.c broker/books/names.h
source_file broker/books/loads.c broker/books/names.h
source_file proto/base.h proto/frame.h
story "two cycles, through headers and sources" arrows.sh \
  'include cycle of 3 modules: broker/books/calls broker/books/names broker/books/waits' \
  'include cycle of 2 modules: proto/base proto/frame'

good_tree
line=$(printf '%100s' '' | tr ' ' x)
printf '%s\n' "$line" >>lua/api/library.c
printf '%s\n' "${line}x" >>tests/bed.c
story "a line of 100 columns, and a longer one in a test" style.sh
printf '%s\n' "${line}x" >>lua/api/library.c
printf '%s\n' "-- ${line}" >>lua/api/prelude.lua
story "lines over 100 columns" style.sh \
  'lua/api/library.c:6: over 100 columns' \
  'lua/api/prelude.lua:1: over 100 columns'

good_tree
printf '%s\n' 'clock_gettime(CLOCK_REALTIME, &now);' >>lua/api/library.c
story "the wall clock" style.sh 'lua/api/library.c:5: the wall clock; measure with proto/clock.h'

good_tree
# shellcheck disable=SC2016
printf '%s\n' 'nm "$1" | grep >/dev/null main || grep -q main "$2"' >tests/fine.sh
# shellcheck disable=SC2016
printf '%s\n' 'nm "$1" | gre''p -q main' 'nm | he''ad -n 1' >tests/early.sh
story "readers of pipes that end early" style.sh \
  'tests/early.sh:1: the reader of a pipe ends early; grep >/dev/null, or sed' \
  'tests/early.sh:2: the reader of a pipe ends early; grep >/dev/null, or sed'

finish

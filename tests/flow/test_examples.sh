#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the examples tell is what happens: the C example calls a worker, the demo plays its story, the database's books
# agree. (What the pages tell: test_docs.sh; examples/loops: test_module.sh.)
. "$(dirname "$0")/lib.sh"
evidence="out err *.out"

export GAIJIN_SOCKET=$dir/g.sock
start_broker --log-level warn

story="the C example"
start shop "$build/gaijin-worker" -n c-shop "$root/examples/c/shop.lua"
check "its worker is there" exports c-shop price
run "$build/examples/call" c-shop price apple 3
check "ends with 0" test "$status" = 0
check "prints the result" out_has "^6.*3 x apple|^6$"
run "$build/examples/call" c-shop no_such_label
check "fails for a label that is not there" test "$status" = 1

story="the demo" # a test of its own
run "$root/examples/abc/demo.sh" "$build"
check "ends with 0" test "$status" = 0
check "prints the story's line" out_has 'ABC\.x is 1$'

story="the database example"
run "$root/examples/database/run.sh" "$build"
check "ends with 0" test "$status" = 0
check "its books agree" out_has '7 pieces for 405; heard of 7 for 405$'

finish

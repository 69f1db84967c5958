#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Messages in shared memory (--transport): a worker gets some when it is busy, gives it back when it is idle, and gets some
# again; nothing is lost on the way, nor does anything stay open. What is told of it.
. "$(dirname "$0")/lib.sh"
export GAIJIN_SOCKET=$dir/gaijin.sock
evidence="out err *.out"
worker=$build/gaijin-worker
ctl=$build/gaijinctl

transport() { "$ctl" clients -o worker,transport --json | tr -d ' \n' | grep "\"worker\":\"$1\",\"transport\":\"$2\"" >/dev/null; }
descriptors() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
mappings() { grep -c gaijin-ring "/proc/$1/maps"; }
given_back() { transport "$1" socket && [ "$(mappings "$broker")" = 0 ] && [ "$(descriptors "$broker")" = "$2" ]; }

story="busy and idle"
start_broker --transport auto --rings-idle 0.3
broker=$pid
start server "$worker" -n server --transport auto -e 'bakaGaijin.echo = function(v) return v end
  bakaGaijin.last, bakaGaijin.count = 0, 0
  bakaGaijin.note = function(n) assert(n > bakaGaijin.last) bakaGaijin.last = n bakaGaijin.count = bakaGaijin.count + 1 end
  bakaGaijin.both = function() return bakaGaijin.last, bakaGaijin.count end'
server=$pid
# It calls as fast as it can, and posts, each time a line says so; then it is idle, but for a call now and then.
start asker "$worker" -n asker --transport auto -e "local echo, note = gaijin.wait_for('server', 'echo', $limit), gaijin.wait_for('server', 'note', $limit)
  local noted, busy = 0, false
  bakaGaijin.busy = function(is) busy = is end
  bakaGaijin.noted = function() return noted end
  while true do
    for i = 1, busy and 200 or 1 do
      noted = noted + 1
      pcall(gaijin.post, note, noted)
      local answered, echoed = pcall(echo, i) -- the broker is killed later
      assert(not answered or echoed == i)
    end
    gaijin.sleep(busy and 0 or 0.05)
  end"
asker=$pid
# One that is kept from running for a moment is idle, too: it has none until it is busy again.
status_tells() { "$ctl" status -o rings,rings_most | grep -E '^rings +2$'; }
metrics_tell() { "$ctl" stats --openmetrics | grep -x 'gaijin_rings 2'; }
no_memory_stays() { [ "$(mappings "$asker") $(mappings "$server")" = "0 0" ]; }
be_busy() { timeout "$limit" "$worker" -n teller --once -e "gaijin.wait_for('asker', 'busy', $limit)($1)"; }
wait_until transport server socket
wait_until be_busy false
open_before=$(descriptors "$broker")
for round in 1 2 3; do
  check "it is told to be busy" be_busy true
  check "the asker moves ($round)" eventually transport asker shm
  check "so does the server ($round)" eventually transport server shm
  check "status tells of two" eventually status_tells
  check "so do metrics" eventually metrics_tell
  check "it is told to be idle" be_busy false
  check "the asker goes back ($round)" eventually given_back asker "$open_before"
  check "so does the server ($round)" eventually given_back server "$open_before"
  check "no memory stays ($round)" eventually no_memory_stays
done
noted_all() {
  timeout "$limit" "$worker" -n looker --once -e "local server, asker = bakaGaijin('server'), bakaGaijin('asker')
    local n = asker.noted() local last, count = server.both() assert(n > 1000 and last >= n - 1 and count == last, last)"
}
check "every post came, in its order" noted_all
check "nothing was said" test ! -s "$dir/server.out" -a ! -s "$dir/asker.out"

story="a broker is killed meanwhile"
be_busy true
wait_until transport asker shm
kill -9 "$broker"
wait_until gone "$broker"
start_broker --transport auto --rings-idle 0.3
broker=$pid
check "they move at the next one" eventually transport asker shm
be_busy false
check "and back" eventually transport asker socket

story="an upgrade at any step"
for round in 1 2 3 4 5; do
  be_busy "$([ $((round % 2)) = 1 ] && echo true || echo false)"
  check "it goes on ($round)" "$ctl" upgrade
done
check "they are where they should be" eventually transport asker shm
be_busy false
check "and go back" eventually transport asker socket
end_started

story="from the first message on"
start_broker --transport shm
start idle "$worker" -n idle --transport shm -e 'bakaGaijin.here = 1'
check "with shm it has some at once" eventually transport idle shm
end_started
finish

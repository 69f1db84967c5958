#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The daemon without systemd: run.sh start|stop|status|reload [DIRECTORY]. In the directory (default: $XDG_RUNTIME_DIR/gaijin-daemon)
# are the socket, the counts, the logs and the supervisor's process id. GAIJINCTL names the program.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ctl=${GAIJINCTL:-gaijinctl}
act=${1:-}
dir=${2:-${XDG_RUNTIME_DIR:?name a directory, for there is no XDG_RUNTIME_DIR}/gaijin-daemon}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
export COUNTS="$dir/counts" LOGS="$dir/log" GAIJIN_SOCKET="$dir/broker.sock"

running() { timeout 5 "$ctl" ps >/dev/null 2>&1; }

case $act in
  start)
    if running; then
      echo "run.sh: it runs already" >&2
      exit 1
    fi
    # It goes on when the terminal is closed; under systemd that is what a unit is for.
    setsid "$ctl" run -s "$GAIJIN_SOCKET" "$here/system.ucl" </dev/null >>"$dir/run.log" 2>&1 &
    echo $! >"$dir/pid"
    if ! "$ctl" wait counter --timeout 10 >/dev/null; then
      kill "$!" 2>/dev/null || true
      echo "run.sh: it does not serve; see $dir/run.log and $dir/log" >&2
      exit 1
    fi
    ;;
  stop)
    if ! running; then
      echo "run.sh: it does not run" >&2
      exit 1
    fi
    pid=$(cat "$dir/pid")
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    rm -f "$dir/pid"
    ;;
  status) exec "$ctl" ps ;;
  reload) exec "$ctl" reload ;;
  *)
    echo "usage: run.sh start|stop|status|reload [DIRECTORY]" >&2
    exit 2
    ;;
esac

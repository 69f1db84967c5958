#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-posts: usage posts.sh BUILD [POSTS [SENDERS]]. So many posts from each of several workers to one: all must be done, in the
# order of each sender. Prints the time, the memory of all three parties at its highest, and how long calls of another worker took
# meanwhile.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: posts.sh BUILD [POSTS [SENDERS]]}" && pwd)
posts=${2:-1000000}
senders=${3:-8}

die() {
  echo "bench-posts: $*" >&2
  exit 1
}

for program in gaijin-broker gaijin-worker gaijinctl; do
  [ -x "$build/$program" ] || die "there is no $build/$program; run make first"
done
dir=$(mktemp -d)
export GAIJIN_SOCKET=$dir/gaijin.sock
started=()
stop() { # the broker, which was started first, after the workers
  local i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do
    kill "${started[i]}" 2>/dev/null || true
    wait "${started[i]}" 2>/dev/null || true
  done
}
trap 'stop; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

start() {
  "$@" &
  started+=("$!")
}
# The most memory (MiB) that a living process has had.
highest() { awk '/VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$1/status"; }

start "$build/gaijin-broker" -s "$GAIJIN_SOCKET" --log-level warn
broker=${started[-1]}
start "$build/gaijin-worker" -n sink "$here/posts_sink.lua"
sink=${started[-1]}
sources=()
for ((i = 1; i <= senders; i++)); do
  start "$build/gaijin-worker" -n "source$i" "$here/posts_source.lua" "$posts"
  sources+=("${started[-1]}")
done
"$build/gaijin-worker" -n caller --once "$here/posts_caller.lua" "$posts" "$senders" || die "posts are missing, or out of order"
most=0
for pid in "${sources[@]}"; do
  most=$(printf '%s\n%s\n' "$most" "$(highest "$pid")" | sort -g | tail -1)
done
echo "highest memory: receiver $(highest "$sink") MiB, broker $(highest "$broker") MiB, a sender $most MiB"

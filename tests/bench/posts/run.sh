#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-posts: usage run.sh BUILD [POSTS [SENDERS]]. So many posts from each of several workers to one: all must be done, in the
# order of each sender. Prints the time, the memory of all three parties at its highest, and how long calls of another worker took
# meanwhile. The kernel puts the processes where it likes.
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
begin bench-posts "${1:?usage: run.sh BUILD [POSTS [SENDERS]]}" gaijin-broker gaijin-worker gaijinctl
posts=${2:-1000000}
senders=${3:-8}
middle=0-$(($(nproc) - 1)) ends=$middle limit=$((3600 * ${GAIJIN_TEST_SLOWER:-1}))

# The most memory (MiB) that a living process has had.
highest() { awk '/VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$1/status"; }

start_broker
start_worker sink "$bench/posts/sink.lua"
sink=$pid
sources=()
for ((i = 1; i <= senders; i++)); do
  start_worker "source$i" "$bench/posts/source.lua" "$posts"
  sources+=("$pid")
done
run_worker caller "$bench/posts/caller.lua" "$posts" "$senders" || die "posts are missing, or out of order"
most=$(for pid in "${sources[@]}"; do highest "$pid"; echo; done | sort -g | tail -n 1)
echo "highest memory: receiver $(highest "$sink") MiB, broker $(highest "$broker") MiB, a sender $most MiB"

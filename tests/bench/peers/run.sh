#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make bench-peers: usage run.sh BUILD [--json FILE]. What a round trip takes with other brokers and with libraries
# that have remote objects, beside us and the bare forwarder, in rounds in which all take turns: p50 and p99, and
# calls a second with 100 in flight. Each is placed as we are: what is in the middle on one processor, both ends on the
# other. What has no middle (redis, RPyC, DRb: two hops where others have four) has its server where others have
# the broker. One that is not installed is a line that says so; tools/setup.sh peers installs them. By environment:
#
#   PEERS   some of them only, by name: "nats drb"
#   ROUNDS  how often all is done (5)
#   SHARE, BROKER_FLAGS, WORKER_FLAGS, GAIJIN_BENCH_CPUS  as rows/run.sh has them
set -euo pipefail
. "$(dirname "$0")/../common/lib.sh"
. "$(dirname "$0")/../rows/rows.sh"
begin bench-peers "${1:?usage: run.sh BUILD [--json FILE]}" gaijin-broker gaijin-worker gaijinctl \
  bench/rows/floor bench/peers/redis
json=$(json_of "${@:2}")
rounds=$(number "${ROUNDS:-5}" ROUNDS)
share=$(number "${SHARE:-1}" SHARE)
in_flight=100 python=/usr/bin/python3 redis_dir=$dir

# there_are COMMAND...: each is a program of this system, or a file.
there_are() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || return 1
  done
}

peer_floor() { row_floor; }
peer_gaijin() {
  ask trips
  ask async | grep "^async-$in_flight "
  apart
}

sdbus() { # STARTER...: with the bus that is started with that, at $dir/bus
  rm -f "$dir/bus"
  start_on "$middle" "$@" 2> >(grep -v 'Failed to set fd limit' >&2)
  wait_until "$pid" test -S "$dir/bus"
  DBUS_SESSION_BUS_ADDRESS=unix:path=$dir/bus "$build/bench/peers/sdbus" "$(times 20000 100)" \
    "$in_flight" "$ends"
  end_started
}
has_dbus_broker() { there_are dbus-broker "$build/bench/peers/"{sdbus,dbus_broker}; }
peer_dbus_broker() { sdbus "$build/bench/peers/dbus_broker" "$(command -v dbus-broker)" "$dir/bus"; }
has_dbus_daemon() { there_are dbus-daemon "$build/bench/peers/sdbus"; }
peer_dbus_daemon() { sdbus dbus-daemon --session --nofork --nopidfile --address="unix:path=$dir/bus"; }

has_nats() { there_are nats-server "$build/bench/peers/nats"; }
peer_nats() { # the server takes a port that is free, and tells which in a file
  local port
  rm -rf "$dir/ports"
  mkdir "$dir/ports"
  start_on "$middle" nats-server -a 127.0.0.1 -p -1 --ports_file_dir "$dir/ports" -l "$dir/nats.log"
  wait_until "$pid" nats_port
  port=$(nats_port)
  "$build/bench/peers/nats" "$(times 20000 100)" "$in_flight" "$ends" "$port"
  end_started
}
nats_port() { grep -ohE '127\.0\.0\.1:[0-9]+' "$dir"/ports/* | sed 's/.*://' | grep .; }

has_redis() { there_are redis-server; }
peer_redis() {
  start_on "$middle" redis-server --port 0 --unixsocket "$redis_dir/redis" --save '' --appendonly no \
    --dir "$redis_dir" --logfile "$dir/redis.log"
  wait_until "$pid" test -S "$redis_dir/redis"
  "$build/bench/peers/redis" "$(times 20000 100)" "$in_flight" "$ends" "$redis_dir/redis"
  end_started
}

has_rpyc() { "$python" -c 'import rpyc' 2>/dev/null; }
peer_rpyc() {
  rm -f "$dir/rpyc"
  timeout -k 5 "$limit" "$python" "$bench/peers/rpyc_peer.py" "$(times 5000 100)" "$in_flight" "$middle" "$ends" \
    "$dir/rpyc"
}
has_drb() { there_are ruby; }
peer_drb() {
  rm -f "$dir/drb"
  timeout -k 5 "$limit" ruby "$bench/peers/drb_peer.rb" "$(times 5000 100)" "$middle" "$ends" "$dir/drb"
}

known=(dbus_broker dbus_daemon nats redis rpyc drb) peers=() absent=()
read -ra wanted <<<"${PEERS-${known[*]}}"
for peer in "${wanted[@]//-/_}"; do
  [ "$(type -t "has_$peer")" = function ] || die "there is no peer '$peer'; peers are: ${known[*]//_/-}"
  if "has_$peer"; then peers+=("$peer"); else absent+=("${peer//_/-}"); fi
done

{
  note what peers
  note share "$share"
  note absent "$(IFS=,; echo "${absent[*]}")"
  took_begin
  for ((round = 0; round < rounds; round++)); do
    for placement in "${placements[@]}"; do
      place "$placement"
      for peer in floor gaijin "${peers[@]}"; do
        doing "$peer, $placement"
        "peer_$peer" >"$dir/figures"
        figures_of "$round" "$placement" "${peer//_/-}" <"$dir/figures"
      done
    done
  done
  took_end
} >"$dir/lines"
"$python" "$bench/common/figures.py" "$dir/lines" ${json:+"$json"}

# SPDX-License-Identifier: MIT
#
# Round trips of Ruby's DRb over a Unix socket, from one process to another: read and write an attribute of a
# remote object, and call a method with 64 bytes that gives them back.
#
# usage: drb_peer.rb ROUND-TRIPS SERVER-PROCESSOR CLIENT-PROCESSOR SOCKET
# Prints lines `ROW FIGURE UNIT VALUE`.
require 'drb'
require 'drb/unix'

trips = ARGV[0].to_i
server_processor, client_processor, path = ARGV[1], ARGV[2], ARGV[3]
uri = "drbunix:#{path}"
VALUE = 'v' * 64

class Bench
  include DRb::DRbUndumped
  attr_accessor :field

  def echo(value)
    value
  end
end

def place(processor)
  system('taskset', '-pc', processor, Process.pid.to_s, out: File::NULL) or abort 'drb_peer.rb: taskset failed'
end

def measure(row, trips)
  (trips / 10).times { yield }
  took = Array.new(trips) do
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start) * 1e6
  end.sort
  puts format('%s p50 us %.6g', row, took[trips / 2])
  puts format('%s p99 us %.6g', row, took[trips * 99 / 100])
end

server = fork do
  place(server_processor)
  DRb.start_service(uri, Bench.new)
  DRb.thread.join
end
begin
  place(client_processor)
  DRb.start_service('drbunix:')
  object = DRbObject.new_with_uri(uri)
  begin # until it listens
    object.field = VALUE
  rescue DRb::DRbConnError
    sleep 0.01
    retry if (tries = (tries || 0) + 1) < 1000
    raise
  end
  measure('get', trips) { object.field }
  measure('set', trips) { object.field = VALUE }
  measure('call', trips) { object.echo(VALUE) }
ensure
  Process.kill(:KILL, server)
  Process.wait(server)
end

# SPDX-License-Identifier: MIT
#
# Round trips of RPyC over a Unix socket, from one process to another: read and write an attribute of a
# remote object, call a function with 64 bytes that gives them back, and such calls with many in flight.
#
# usage: rpyc_peer.py ROUND-TRIPS IN-FLIGHT SERVER-PROCESSOR CLIENT-PROCESSOR SOCKET
# Prints lines `ROW FIGURE UNIT VALUE`.

import os
import signal
import sys
import time

import rpyc
from rpyc.utils.factory import unix_connect
from rpyc.utils.server import ThreadedServer

trips, in_flight, server_processor, client_processor = map(int, sys.argv[1:5])
path = sys.argv[5]
VALUE = "v" * 64


class Thing:
    field = VALUE


class Bench(rpyc.Service):
    only = Thing()

    def exposed_thing(self):
        return self.only

    def exposed_echo(self, value):
        return value


def serve():
    os.sched_setaffinity(0, {server_processor})
    ThreadedServer(Bench, socket_path=path, protocol_config={"allow_all_attrs": True, "allow_setattr": True}).start()


def say(row, figure, unit, value):
    print("%s %s %s %.6g" % (row, figure, unit, value), flush=True)


def measure(row, operation):
    for _ in range(trips // 10):
        operation()
    took = []
    for _ in range(trips):
        start = time.perf_counter()
        operation()
        took.append((time.perf_counter() - start) * 1e6)
    took.sort()
    say(row, "p50", "us", took[trips // 2])
    say(row, "p99", "us", took[trips * 99 // 100])


def run():
    os.sched_setaffinity(0, {client_processor})
    for _ in range(1000):  # until it listens
        try:
            connection = unix_connect(path, config={"allow_all_attrs": True})
            break
        except OSError:
            time.sleep(0.01)
    thing, echo = connection.root.thing(), connection.root.echo
    measure("get", lambda: thing.field)
    measure("set", lambda: setattr(thing, "field", VALUE))
    measure("call", lambda: echo(VALUE))
    later, start = rpyc.async_(echo), time.perf_counter()
    for _ in range(trips // in_flight or 1):
        for result in [later(VALUE) for _ in range(in_flight)]:
            result.wait()
    say("async-%d" % in_flight, "rate", "/s", (trips // in_flight or 1) * in_flight / (time.perf_counter() - start))


child = os.fork()
if child == 0:
    serve()
try:
    run()
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

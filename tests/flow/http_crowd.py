# SPDX-License-Identifier: MIT
#
# Many at once: http_crowd.py PORT PATH N KIND [PID]. KIND says what each sends:
#   whole    a request; says how many were answered 200, and how many different answers that were. The process PID, if any, is
#            stopped until all of them have been read
#   each     the same, with its number behind the path; says which status each was answered with
#   half     the begin of one, and then nothing
#   drip     the same, and then a byte each second
# Of half and drip it says "N connected", stays until all are closed from the other side, and says "closed".
import collections
import os
import signal
import socket
import sys
import time

port, path, count, kind = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]


def begin(i):
    own = f"{path}{i}" if kind == "each" else path
    return f"GET {own} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()


def read_all(s):
    data = b""
    while piece := s.recv(65536):
        data += piece
    return data


def unread():
    """Whether the server has bytes, or connections, that it has not taken; a line of the table is of a socket."""
    with open("/proc/net/tcp") as table:
        for line in list(table)[1:]:
            _, here, _, _, queues = line.split()[:5]
            if int(here.split(":")[1], 16) == port and int(queues.split(":")[1], 16) > 0:
                return True
    return False


sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
if kind in ("whole", "each"):
    stopped = [int(pid) for pid in sys.argv[5:]]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    for i, s in enumerate(sockets):
        s.sendall(begin(i) + b"\r\n")
    while stopped and unread():
        time.sleep(0.01)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    answers = [read_all(s) for s in sockets]
    if kind == "each":
        print(*(a.split(b" ", 2)[1].decode() for a in answers), sep="\n")
        sys.exit()
    good = [a for a in answers if a.startswith(b"HTTP/1.1 200 ")]
    bodies = collections.Counter(a.split(b"\r\n\r\n", 1)[1] for a in good)
    print(len(good), "good", len(bodies), "different")
else:
    for s in sockets:
        s.sendall(begin(0))
    print(count, "connected", flush=True)
    while sockets:
        for s in list(sockets):
            s.settimeout(0.01)
            try:
                if kind == "drip":
                    s.sendall(b"X")
                if s.recv(4096) == b"":
                    sockets.remove(s)
            except TimeoutError:
                pass
            except OSError:
                sockets.remove(s)
        time.sleep(1 if kind == "drip" else 0.05)
    print("closed")

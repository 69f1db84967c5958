# SPDX-License-Identifier: MIT
"""Passes on what a broker and its clients say, and ends after so many of the broker's messages, as if it had died there.

usage: cut.py BROKER-SOCKET DIRECTORY MOST: listens at DIRECTORY/cut-1 (after the reply to hello), ... DIRECTORY/cut-MOST.
"""
import os
import socket
import sys
import threading


def connected(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


def pass_on(source, to):
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def serve(client, broker_path, messages):
    broker = connected(broker_path)
    threading.Thread(target=pass_on, args=(client, broker), daemon=True).start()
    try:
        for _ in range(messages):
            prefix = read_exactly(broker, 5)
            client.sendall(prefix + read_exactly(broker, int.from_bytes(prefix[1:], "big")))
        broker.recv(1)  # only when there is more to say
    except (OSError, EOFError):
        pass
    for s in (client, broker):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()


def listen(path, broker_path, messages):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(16)
    while True:
        threading.Thread(target=serve, args=(s.accept()[0], broker_path, messages), daemon=True).start()


broker, directory, most = sys.argv[1:]
for n in range(1, int(most) + 1):
    threading.Thread(target=listen, args=(f"{directory}/cut-{n}", broker, n), daemon=True).start()
while not os.path.exists(f"{directory}/cut-{most}"):
    pass
print("listens", flush=True)
threading.Event().wait()

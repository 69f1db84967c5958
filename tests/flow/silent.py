# SPDX-License-Identifier: MIT
#
# What listens at a broker's socket and never answers: silent.py PATH. It says "listens", "accepted" for each connection, and
# "closed" when the other side has given it up.
import os
import selectors
import socket
import sys

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
poll = selectors.DefaultSelector()
poll.register(listener, selectors.EVENT_READ)
print("listens", flush=True)
while True:
    for key, _ in poll.select():
        if key.fileobj is listener:
            poll.register(listener.accept()[0], selectors.EVENT_READ)
            print("accepted", flush=True)
        elif not os.read(key.fd, 4096):
            poll.unregister(key.fileobj)
            key.fileobj.close()
            print("closed", flush=True)

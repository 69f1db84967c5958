# SPDX-License-Identifier: MIT
#
# activate.py KIND... -- PROGRAM ARGUMENT...: executes the program with descriptors from 3 on, as a service manager does
# that has made its sockets. A KIND is a path, where a socket listens; or wrong: "@NAME" (no path), "datagram:PATH",
# "deaf:PATH" (bound, does not listen), "inet", "file:PATH", "closed", "gone:PATH" (its file is removed).
# CLIENT=1: a client waits at the last before the program runs. ELSE=1: they are another process's.
import os, socket, sys

split = sys.argv.index("--")
kinds, words = sys.argv[1:split], sys.argv[split + 1 :]


def bound(path, kind=socket.SOCK_STREAM, listens=True):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(path)
    if listens:
        s.listen(5)
    return s


def make(kind):
    word, _, path = kind.partition(":")
    if word == "datagram":
        return bound(path, socket.SOCK_DGRAM, False)
    if word == "deaf":
        return bound(path, listens=False)
    if word == "gone":
        s = bound(path)
        os.unlink(path)
        return s
    if word == "inet":
        s = socket.socket(socket.AF_INET)
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        return s
    if word == "file":
        return open(path, "w")
    if kind[0] == "@":
        return bound("\0" + kind[1:])
    return bound(kind)


made = [make(kind) if kind != "closed" else None for kind in kinds]
if "CLIENT" in os.environ:
    waits = socket.socket(socket.AF_UNIX)
    waits.connect(kinds[-1])
    waits = os.dup(waits.fileno())
spare = [one and os.dup(one.fileno()) for one in made]
high = [fd and os.dup2(fd, 100 + i) for i, fd in enumerate(spare)]
for i, fd in enumerate(high):
    if fd is None:
        try:
            os.close(3 + i)
        except OSError:
            pass
    else:
        os.dup2(fd, 3 + i)
os.closerange(3 + len(made), 200)
os.environ["LISTEN_PID"] = str(1 if "ELSE" in os.environ else os.getpid())
os.environ["LISTEN_FDS"] = str(len(made))
os.environ["LISTEN_FDNAMES"] = ":".join("name" for _ in made)
os.execv(words[0], words)

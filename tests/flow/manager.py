# SPDX-License-Identifier: MIT
#
# manager.py ADDRESS FILE: a service manager that listens at ADDRESS (a path, or @NAME) and writes each message it is
# sent to FILE as a line, with '|' between what stands in it and the sender's pid before it. MUTE=1: it listens and reads
# nothing.
import os, socket, struct, sys, time

address, out = sys.argv[1:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("\0" + address[1:] if address[0] == "@" else address)
with open(out, "w", buffering=1) as lines:
    lines.write("listens\n")
    while "MUTE" in os.environ:
        time.sleep(1000)
    while True:
        data, control, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
        pid = struct.unpack("3i", control[0][2])[0]
        lines.write("%d|%s|\n" % (pid, data.decode("utf-8").replace("\n", "|")))

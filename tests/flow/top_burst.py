# SPDX-License-Identifier: MIT
#
# Keys as a terminal brings them: top_burst.py WANTED KEYS BEGIN COMMAND... starts the command on a terminal of its own. When it has
# drawn BEGIN it is stopped, the keys (written as in Python) are typed, and it goes on: so it finds them all at once. Where there is
# a \0 between them the rest comes a while later. Says "seen" if WANTED is drawn behind the last.
import codecs
import os
import pty
import select
import signal
import sys
import time

wanted, begin = sys.argv[1].encode(), sys.argv[3].encode()
keys = codecs.decode(sys.argv[2], "unicode_escape").encode("latin-1").split(b"\0")
limit = 10 * float(os.environ.get("GAIJIN_TEST_SLOWER", "1"))
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm", LINES="24", COLUMNS="80")
    os.execvp(sys.argv[4], sys.argv[4:])


def draws(text, seconds):
    """Whether the text is drawn within these seconds from now."""
    data, end = b"", time.monotonic() + seconds
    while text not in data and time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            data += os.read(terminal, 65536)
    return text in data


if not draws(begin, limit):
    sys.exit("does not begin")
os.kill(pid, signal.SIGSTOP)
os.waitpid(pid, os.WUNTRACED)
os.write(terminal, keys[0])
os.kill(pid, signal.SIGCONT)
for later in keys[1:]:
    draws(b"never drawn", 0.3)
    os.write(terminal, later)
print("seen" if draws(wanted, limit) else "not seen")
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)

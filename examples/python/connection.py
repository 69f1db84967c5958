# SPDX-License-Identifier: MIT
"""A socket that carries messages. Nothing here blocks but wait(), and nothing here knows what a
message means.
"""

import os
import select
import socket

import wire
from values import GaijinError


def socket_path():
    """Where a broker listens if nothing else is said."""
    if os.environ.get("GAIJIN_SOCKET"):
        return os.environ["GAIJIN_SOCKET"]
    if os.environ.get("XDG_RUNTIME_DIR"):
        return os.path.join(os.environ["XDG_RUNTIME_DIR"], "gaijin.sock")
    return "/run/gaijin/gaijin.sock"


class Connection:
    """lost is None, or the error that says why the connection has ended. most is the longest
    message allowed, which hello tells."""

    def __init__(self, path=None):
        self.lost, self.most = None, 2 ** 32 - 1
        self._input, self._output = bytearray(), bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path or socket_path())
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def fileno(self):
        return self._socket.fileno()

    def end(self, error):
        """The first reason counts."""
        self.lost = self.lost or error

    def close(self):
        """Sends what waits to be sent, and ends the connection."""
        while self._output and not self.lost:
            self.wait(None)
        self._socket.close()
        self.end(GaijinError("lost", "the connection was closed"))

    def queue(self, message):
        """Queues a whole message; raises Malformed or too_large, and then nothing is queued."""
        if self.lost:
            raise self.lost
        data = wire.encode_message(message)
        if len(data) - wire.PREFIX > self.most:
            text = "a message of %d bytes; the broker takes %d" % (len(data), self.most)
            raise GaijinError("too_large", text)
        self._output += data

    def wait(self, seconds):
        """Waits until something can be read or written (None: for ever), and does it."""
        writers = [self._socket] if self._output else []
        readable, writable, _ = select.select([self._socket], writers, [], seconds)
        if writable:
            try:
                del self._output[:self._socket.send(self._output)]
            except OSError:
                self._output.clear()  # what the broker had sent before is still to be read
        if readable:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                data = b""
            self._input += data
            if not data:
                self.end(GaijinError("lost", "the connection to the broker ended"))

    def messages(self):
        """The whole messages that were read, oldest first."""
        at = 0
        try:
            while True:
                size = wire.message_size(self._input[at:at + wire.PREFIX], self.most)
                if size is None or at + size > len(self._input):
                    break
                message = wire.decode_message(bytes(self._input[at:at + size]))
                at += size
                yield message
        except wire.Malformed as error:
            self.end(GaijinError("protocol", "the broker sent what is no message: %s" % error))
        finally:
            del self._input[:at]

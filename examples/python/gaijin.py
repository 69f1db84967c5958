# SPDX-License-Identifier: MIT
"""A client of gaijin's broker in Python: standard library only, from docs/protocol.md alone.

    from gaijin import Gaijin

    with Gaijin("till") as g:
        price = g.s2t("shop", "price", wait=True)   # bakaGaijin.price of the worker shop
        print(price(21))

What comes back for a table, function, coroutine or userdata of another worker is a Remote. It
works by reference:

    t["x"], t["x"] = 1, f(1, 2), len(t), str(t), t + 1    one round trip each
    for key, value in t.pairs(): ...                      a traversal in pages
    g.fetch(t)                                            a copy, as a dict or list
    with g.deadline(2): ...                               what is asked within ends in 2 s
    g.post(f, 1, 2)                                       a call without an answer

A Remote that Python collects is given back to its host. Errors are exceptions: GaijinError has
.code ("dead", "timeout", ...) and .text; its subclass Raised has .value, what the other worker's
code raised, and .traceback.

Python serves as well. g.expose(label, value) shows a value to all. Whatever dict, list or callable
is exposed, passed or returned is shared by reference: Lua reads and writes dicts and lists (from
index 1) and calls callables. A callable returns None for no result, a tuple for several.
ByValue(x) sends a dict or list as a copy. Other objects are handles, which Lua can only hand back.
g.serve() answers until the connection ends. Any wait for an answer serves, too, on the same stack:
the answer to an outer question is seen when what was served meanwhile is done.

A connection is for one thread. README.md lists the other files and says how to run the examples.
"""

import collections
import contextlib
import gc
import os
import sys
import time
import weakref

import serving
import wire
from connection import Connection, socket_path
from serving import NOBODY, Request
from values import ByValue, GaijinError, Raised, Remote, lua_kind, table_from_wire, table_to_wire
from wire import ERROR, KIND, NOTICE, OP, REPLY, REQUEST, STATUS, STATUSES, Message, Token

__all__ = ["ByValue", "Gaijin", "GaijinError", "Raised", "Remote", "socket_path"]

VERSIONS = 1, 2
UNSUB_VALUES = 200  # of one message, so that it is never too large
# Replies whose arrays are no tables sent by value.
PLAIN = OP["hello"], OP["inspect"]


class Export:
    """A token of an object of ours, which is kept as long as the token lives."""

    def __init__(self, value, token):
        self.value, self.token = value, token
        self.sent = 0           # times it was sent and that no drop has told of yet


class Holding:
    """A token of another worker's object that we may use."""

    def __init__(self, token):
        self.token = token
        self.count = 0          # times it was received, which is told when it is given back
        self.users = 0          # Remotes for it, collected ones too until _release sees them


class Gaijin:
    """A connection: a worker of its own, which asks others and serves them."""

    def __init__(self, name=None, path=None):
        self.peers = {}                         # host -> name, of ended workers too
        self.dead = set()                       # hosts that have ended
        self.labels = {}                        # what we expose
        self.context = NOBODY
        self.host = 0
        self._exports = {}                      # token id -> Export
        self._by_object = {}                    # id(object) -> the same Exports
        self._holdings = {}                     # (host, token id) -> Holding
        self._remotes = weakref.WeakValueDictionary()  # the same keys -> Remote
        self._released = collections.deque()    # the same keys, of collected Remotes
        self._answers = {}                      # id of an open request -> its answer, or None
        self._requests = collections.deque()    # to be served, in the order they came
        self._label_waits = []                  # requests for labels that are not there yet
        self._last_id = self._last_token = 0
        self._connection = Connection(path)
        try:
            reply = self._ask("hello", None, [*VERSIONS, name, False])
        except BaseException:
            self._connection.close()
            raise
        self.version, self.host, self.name, self._connection.most, self.broker = reply[:5]

    def close(self):
        """Sends what waits to be sent, and ends the connection."""
        self._connection.close()

    def fileno(self):
        """For select: readable when serve(0) has something to do."""
        return self._connection.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- What a program asks of others

    def s2t(self, name, label, wait=False):
        """What worker `name` exposes under the label, None if nothing. wait: until there is
        such a worker, and such a label."""
        if wait:
            self._ask("watch", None, [name, "present"])
        return self._ask("s2t", name, [label, wait])[0]

    def get(self, remote, key):
        return self._ask("get", remote, [key])[0]

    def set(self, remote, key, value):
        self._ask("set", remote, [key, value])

    def call(self, remote, *arguments):
        """The list of results."""
        return self._ask("call", remote, arguments)

    def post(self, remote, *arguments):
        """A call without an answer: returns as soon as it is queued."""
        self._request("call", remote, arguments, wire.ONE_WAY)

    def len(self, remote):
        return self._ask("len", remote, [])[0]

    def str(self, remote):
        return self._ask("str", remote, [])[0]

    def pairs(self, remote):
        """Keys and values, a page at a time."""
        cursor, *page = self._ask("pairs", remote, [])
        while True:
            yield from zip(page[0::2], page[1::2])
            if cursor is None:
                return
            more, *page = self._ask("call", cursor, [])
            if not more:
                cursor = None

    def fetch(self, remote, depth=None):
        """A copy of a table; tables more than depth levels down (None: none) stay Remotes."""
        return self._ask("apply", remote, ["fetch", remote, depth])[0]

    def operator(self, name, left, right):
        """The result of add, concat, lt, ...: each Remote among the operands is asked, the left
        one first."""
        for operand in (left, right):
            if isinstance(operand, Remote):
                done, *result = self._ask("operator", operand, [name, left, right])
                if done:
                    return result[0] if result else None
        raise TypeError("no operand has a handler for %s" % name)

    def clients(self):
        """The names of all workers, from the broker's books."""
        names, cursor = [], None
        while True:
            cursor, *rows = self._ask("inspect", None, ["clients", cursor])
            names += [row[0] for row in rows]
            if cursor is None:
                return names

    def name_of(self, host):
        return self.peers.get(host, self.name if host == self.host else "?")

    @property
    def caller(self):
        """The name of the worker whose request is being served."""
        return self.name_of(self.context.caller)

    @contextlib.contextmanager
    def deadline(self, seconds):
        """What is asked within raises `timeout` when it takes longer, all together."""
        before = self.context
        until = time.monotonic() + seconds
        if before.until is not None:
            until = min(before.until, until)
        self.context = before._replace(until=until)
        try:
            yield
        finally:
            self.context = before

    # ---- What a program serves

    def expose(self, label, value):
        """Shows value to everybody under the label, a string or number; None ends that."""
        if value is None:
            self.labels.pop(label, None)
            return
        self.labels[label] = value
        self._requests.extend(self._label_waits)
        self._label_waits = []

    def ready(self):
        """Tells those who wait for it that this worker serves from now on."""
        self._send(NOTICE, OP["ready"], 0, [])

    def serve(self, seconds=None):
        """Answers requests: for so many seconds, or until the connection ends, which raises
        `lost`."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            if self._connection.lost:
                raise self._connection.lost
            self._turn(end)

    def answer(self, request, kind, values):
        """Answers a request that was read. Who sent a post hears nothing, so its errors are
        written to stderr."""
        if request.flags & wire.ONE_WAY:
            if kind == ERROR:
                sender = self.name_of(request.caller)
                self._log("a post of %s failed: %s" % (sender, values[1]))
            return
        try:
            self._send(kind, request.op, request.id, values)
        except GaijinError as error:  # too large, or a value that cannot travel
            self._send(ERROR, request.op, request.id, [STATUS[error.code], error.text])

    def wait_for_label(self, request):
        self._label_waits.append(request)

    def token_id(self, value):
        """The id of the token of an object of ours that others hold, else None."""
        export = self._by_object.get(id(value))
        return export and export.token.id

    # ---- Values: to and from the forms of the wire

    def _to_wire(self, value):
        if value is None or isinstance(value, (bool, float, str, bytes)):
            return value
        if isinstance(value, int):
            if abs(value) > wire.EXACT:
                raise GaijinError("unsupported", "an integer beyond 2^53 is no number of Lua's")
            return value
        if isinstance(value, Remote):
            if value.gaijin is not self:
                raise GaijinError("unsupported", "a Remote belongs to the connection it came by")
            return value.token
        if isinstance(value, ByValue):
            return table_to_wire(value.value, self._to_wire, value.depth)
        return self._export(value).token

    def _export(self, value):
        export = self._by_object.get(id(value))
        if export is None:
            self._last_token += 1
            stamp = int.from_bytes(os.urandom(8), "big")
            token = Token(KIND[lua_kind(value)], self.host, self._last_token, stamp)
            export = self._exports[token.id] = self._by_object[id(value)] = Export(value, token)
        return export

    def _forget(self, export):
        del self._exports[export.token.id], self._by_object[id(export.value)]

    def _from_wire(self, value):
        if isinstance(value, Token):
            return self._home(value) if value.host == self.host else self._remote(value)
        return table_from_wire(value, self._from_wire) if isinstance(value, list) else value

    def _home(self, token):
        export = self._exports.get(token.id)
        if export is None or export.token != token:
            text = "token %d of %s names an object that is gone" % (token.id, self.name)
            raise serving.Refused("stale", text)
        return export.value

    def _remote(self, token):
        key = token.host, token.id
        remote = self._remotes.get(key)
        if remote is None:
            remote = self._remotes[key] = Remote(self, token)
            self._holdings[key].users += 1
            # A finaliser may run anywhere, so this one only leaves a note.
            weakref.finalize(remote, self._released.append, key).atexit = False
        return remote

    # ---- Messages out

    def _ask(self, op, target, values):
        """Sends a request and serves others until its answer is there: the values of the reply,
        or an exception."""
        number = self._request(op, target, values, 0)
        self._answers[number] = None
        try:
            while self._answers[number] is None:
                if self._connection.lost:
                    raise self._connection.lost
                self._turn(None)
            answer = self._answers[number]
        except BaseException:  # an interrupt: nobody waits any more
            if not self._connection.lost:
                self._send(NOTICE, OP["cancel"], 0, [number])
            raise
        finally:
            del self._answers[number]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _request(self, op, target, values, flags):
        left = 0
        if self.context.until is not None:
            left = int((self.context.until - time.monotonic()) * 1000)
            if left <= 0:
                raise GaijinError("timeout", "the time was over before %s was asked" % op)
        self._last_id += 1
        depth = 1 if flags & wire.ONE_WAY else self.context.depth + 1
        target = target.token if isinstance(target, Remote) else target
        self._send(REQUEST, OP[op], self._last_id, values, flags, depth, left, target)
        return self._last_id

    def _send(self, kind, op, number, values, flags=0, depth=0, left=0, target=None):
        """Queues a message with these values. One that cannot be sent changes nothing."""
        try:
            body = [v if isinstance(v, Token) else self._to_wire(v) for v in values]
            self._connection.queue(Message(kind, op, flags, depth, number, 0, left, target, body))
        except Exception as error:
            for export in [e for e in self._exports.values() if e.sent == 0]:
                self._forget(export)  # a new one, of this message
            if isinstance(error, wire.Malformed):
                raise GaijinError("unsupported", str(error)) from None
            raise
        for token in wire.tokens_in(body):
            if token.host == self.host:
                self._exports[token.id].sent += 1

    def _release(self):
        """Gives back what no Remote stands for any more. What used it was queued before."""
        while self._released and not self._connection.lost:
            body = []
            while self._released and len(body) < UNSUB_VALUES:
                key = self._released.popleft()
                holding = self._holdings[key]
                holding.users -= 1
                if holding.users == 0:
                    body += [holding.token, holding.count]
                    del self._holdings[key]
            if body:
                self._send(NOTICE, OP["unsub"], 0, body)

    # ---- Messages in

    def _turn(self, end):
        """Serves one request, or waits for bytes until end (None: for ever)."""
        self._release()
        if self._requests:
            serving.serve(self, self._requests.popleft())
            return
        self._connection.wait(None if end is None else max(0, end - time.monotonic()))
        for message in self._connection.messages():
            self._received(message)

    def _received(self, m):
        """Counts the tokens of a message as soon as it arrives, turns its values into Python's,
        and files it."""
        arrived = []  # keeps a Remote for each token until all is decoded
        for token in wire.tokens_in(m.body):
            if token.host != self.host:
                holding = self._holdings.setdefault((token.host, token.id), Holding(token))
                holding.count += 1
                arrived.append(self._remote(token))
        values, fault = m.body, None
        if m.op not in PLAIN:
            try:
                values = [self._from_wire(v) for v in m.body]
            except serving.Refused as error:
                values, fault = [], error
        if m.kind in (REPLY, ERROR):
            self._answered(m, fault or (values if m.kind == REPLY else error_of(values)))
        elif m.kind == NOTICE:
            NOTICES[m.op](self, *values)
        elif m.op == OP["free"]:
            del arrived, values
            gc.collect()
            self._release()
            self._send(REPLY, m.op, m.id, [])
        else:
            self._queue_request(m, values, fault)

    def _answered(self, m, answer):
        if m.id in self._answers:
            self._answers[m.id] = answer
        elif m.op == OP["hello"] and m.id == 0:
            self._connection.end(answer)  # the broker's parting words
        elif m.kind == ERROR and m.peer == 0 and m.op == OP["call"]:
            self._log("a post was not done: %s" % answer)

    def _log(self, text):
        print("%s: %s" % (self.name, text), file=sys.stderr)

    def _queue_request(self, m, values, fault):
        target = None
        if isinstance(m.target, Token):
            try:
                target = self._home(m.target)
            except serving.Refused as error:
                fault = error
        until = time.monotonic() + m.deadline / 1000 if m.deadline else None
        self._requests.append(
            Request(m.op, m.id, m.flags, m.depth, until, m.peer, target, values, fault))

    def _on_drop(self, *pairs):
        for number, seen in zip(pairs[0::2], pairs[1::2]):
            export = self._exports.get(number)
            if export is None or export.sent < seen:
                raise wire.Malformed("a drop of what was not sent")
            export.sent -= seen
            if export.sent == 0:  # else it is on its way to somebody, and another drop will come
                self._forget(export)

    def _on_dead(self, host):
        self.dead.add(host)

    def _on_peer(self, host, name):
        self.peers[host] = name

    def _on_cancel(self, number):
        """What has begun is finished all the same, and its answer is discarded by the broker."""
        for waiting in (self._requests, self._label_waits):
            for request in [r for r in waiting if r.id == number]:
                waiting.remove(request)
                self.answer(request, ERROR, [STATUS["cancelled"], "given up before it began"])


NOTICES = {OP["drop"]: Gaijin._on_drop, OP["dead"]: Gaijin._on_dead,
           OP["peer"]: Gaijin._on_peer, OP["cancel"]: Gaijin._on_cancel}


def error_of(values):
    """The exception for the body of an error."""
    status, value, *rest = values
    if status == 0:
        return Raised(value, *rest[:1])
    return GaijinError(STATUSES[status] if status < len(STATUSES) else "status %d" % status, value)

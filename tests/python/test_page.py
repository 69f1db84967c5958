# SPDX-License-Identifier: MIT
"""docs/protocol.md says what is so: its bytes, its tables, and the limits that can be reached in a test."""

import os
import re
import socket
import struct
import unittest

from bed import LIMIT, ROOT, Bed
import wire
from values import table_from_wire, table_to_wire
from wire import ERROR, NOTICE, OP, REPLY, REQUEST, STATUS, Malformed, Message, Token

with open(os.path.join(ROOT, "docs", "protocol.md"), encoding="utf-8") as file:
    PAGE = file.read()
HELLO = Message(REQUEST, OP["hello"], 0, 0, 1, 0, 0, None, [1, 2, None, False])


def hex_of(line):
    """The bytes that a line of an example begins with; what is explained stands after three spaces."""
    part = re.split(r" {3,}", line.strip())[0]
    return bytes.fromhex(part) if re.fullmatch(r"(?:[0-9a-f]{2} *)+", part) else b""


def examples():
    """The messages of section 8."""
    section = PAGE[PAGE.index("## 8."):PAGE.index("## 9.")]
    for block in re.findall(r"(?:^    .*\n)+", section, re.M):
        yield b"".join(hex_of(line) for line in block.splitlines())


# The version of the wire that the page is about.
HIGHEST = int(re.search(r"The highest is (\d+) today", PAGE).group(1))


class Bytes(unittest.TestCase):
    def test_the_messages_of_the_page(self):
        host = 0x1122334455667788
        token = Token(1, host, 1, 0x99AABBCCDDEEFF00)
        wanted = [
            HELLO._replace(body=[1, HIGHEST, "bank", False]),
            Message(REPLY, OP["hello"], 0, 0, 1, 0, 0, None, [HIGHEST, 0xA1A2A3A4A5A6A7A8, "bank", 16 << 20, "0.1.0"]),
            Message(REQUEST, OP["get"], 0, 1, 2, 0, 0, token, ["x"]),
            Message(REPLY, OP["get"], 0, 0, 2, host, 0, None, [1]),
        ]
        found = list(examples())
        self.assertEqual([wire.decode_message(data) for data in found], wanted)
        self.assertEqual([wire.encode_message(m) for m in wanted], found)
        sizes = [int(n) for n in re.findall(r"\((\d+) bytes\)", PAGE[PAGE.index("## 8."):])]
        self.assertEqual([len(data) for data in found], sizes)

    def test_the_tables_by_value_of_the_page(self):
        cycle = {}
        cycle["self"] = cycle
        rows = re.findall(r"^      (\S.*?) {3,}(\[\[.*\]\]) {3,}([0-9a-f ]+)$", PAGE, re.M)
        for (lua, _, data), value in zip(rows, ([1, ["two"]], cycle, {}), strict=True):
            form = table_to_wire(value, lambda v: v)
            self.assertEqual(wire.encode(form), bytes.fromhex(data), lua)
            self.assertEqual(table_to_wire(table_from_wire(form, lambda v: v), lambda v: v), form)

    def test_the_numbers_of_ops_and_statuses(self):
        """Of the versions that the client in Python speaks."""
        ops = re.findall(r"^\| (\d+) \| `(\w+)` \| [12] \|", PAGE, re.M)
        self.assertEqual([(int(n), name) for n, name in ops], list(enumerate(wire.OPS, 1)))
        statuses = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE[PAGE.index("status:begin"):], re.M)
        self.assertEqual([(int(n), name) for n, name in statuses][:len(wire.STATUSES)],
                         list(enumerate(wire.STATUSES)))

    def test_malformed_bytes_are_refused(self):
        good = wire.encode_message(Message(REPLY, OP["get"], 0, 0, 2, 3, 0, None, [1, "x", [1, [2]], Token(1, 2, 3, 4)]))
        for i in range(1, len(good)):
            with self.assertRaises(Malformed):
                wire.decode_message(good[:i])
        for bad in (b"\x80", b"\xc1", b"\xd4\x01\x01", b"\xc7\x01\x01\x00", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xffx"):
            with self.assertRaises(Malformed):
                wire.Reader(bad, 0).value()
        self.assertEqual(table_from_wire([[2, "b", 1, "a"]], lambda v: v), ["a", "b"])
        deep = wire.encode([[[[[[[[]]]]]]]])
        self.assertEqual(wire.Reader(deep, 0).value(), [[[[[[[[]]]]]]]])
        with self.assertRaises(Malformed):
            wire.Reader(b"\x91" + deep, 0).value()
        with self.assertRaises(Malformed):
            wire.encode([[[[[[[[[]]]]]]]]])
        for bad in ([], [1], [[1]], [["k", [2]]], [["k", [0]]], [["k", [1, 1]]]):
            with self.assertRaises(Malformed):
                table_from_wire(bad, lambda v: v)

    def test_every_form_of_a_number_is_read(self):
        for data, value in (("cc05", 5), ("cd0005", 5), ("ce00000005", 5), ("cf0000000000000005", 5), ("d005", 5),
                            ("d10005", 5), ("d200000005", 5), ("d30000000000000005", 5), ("ca40a00000", 5.0), ("d0ff", -1)):
            self.assertEqual(wire.Reader(bytes.fromhex(data), 0).value(), value)


class Raw:
    """A connection that sends whatever bytes it is given."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)

    def send(self, message, *changed):
        """changed: (offset, byte) of the message that is to be wrong."""
        data = bytearray(wire.encode_message(message))
        for offset, byte in changed:
            data[offset] = byte
        self.socket.sendall(data)

    def take(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                return None
            data += more
        return data

    def read(self):
        """The next message, None at the end."""
        head = self.take(5)
        return head and wire.decode_message(head + self.take(struct.unpack(">BI", head)[1]))

    def rest(self):
        """The messages that come until the connection ends."""
        messages = []
        while (m := self.read()) is not None:
            messages.append(m)
        self.socket.close()
        return messages


class Rules(Bed):
    def raw(self, hello=HELLO):
        raw = Raw(self.path)
        if hello:
            raw.send(hello)
            self.assertEqual(raw.read().kind, REPLY)
        self.addCleanup(raw.socket.close)
        return raw

    def assertEnded(self, raw, text):
        """The last message is the parting error, and its text has these words."""
        last = raw.rest()[-1]
        self.assertEqual((last.kind, last.op, last.id, last.body[0]), (ERROR, OP["hello"], 0, STATUS["protocol"]))
        self.assertIn(text, last.body[1])

    def test_hello(self):
        raw = self.raw(None)
        raw.send(HELLO._replace(body=[0, 99, "ranges", False, ["unknown key", [1, None]]], flags=1, depth=7))
        m = raw.read()
        self.assertEqual((m.kind, m.body[0], m.body[2]), (REPLY, HIGHEST, "ranges"))
        raw.send(HELLO)
        self.assertEnded(raw, "twice")
        raw = self.raw(HELLO._replace(body=[1, "old form", False]))
        raw.socket.close()
        for body, words in (([1.5, 2, None, False], "version"), ([2, 1, None, False], "lowest"),
                            ([1, 2, None, False, ["k"]], "options"), ([1, 2, None, False, ["k", 1, "k", 2]], "twice"),
                            ([1, 2, None, False, [x for i in range(33) for x in (str(i), i)]], "too many"),
                            ([1, 2, None, False, ["k", "x" * 2048]], "too large"),
                            ([1, 2, None, False, ["k" * 65, 1]], "length"),
                            ([1, 2, None, False, ["k", "x" * 5000]], "over the limit of 4096")):
            raw = self.raw(None)
            raw.send(HELLO._replace(body=body))
            self.assertEnded(raw, words)
        raw = self.raw(None)
        raw.send(HELLO._replace(body=[98, 99, "from the future", False]))
        m, = raw.rest()
        self.assertEqual((m.kind, m.id, m.body[0]), (ERROR, 1, STATUS["protocol"]))
        raw = self.raw(None)
        raw.send(Message(REQUEST, OP["ping"], 0, 0, 1, 0, 0, None, []))
        self.assertEnded(raw, "hello")

    def test_numbers_of_any_integer_form_but_no_floats(self):
        raw = self.raw(None)
        versions = bytes.fromhex("d10001d30000000000000002")
        body = b"\x94" + versions + b"\xc0\xc2"
        data = wire.encode_message(HELLO._replace(body=[]))[:-1] + body
        raw.socket.sendall(data[:1] + struct.pack(">I", len(data) - 5) + data[5:])
        self.assertEqual(raw.read().body[0], 2)
        raw.send(Message(NOTICE, OP["cancel"], 0, 0, 0, 0, 0, None, [77]))  # of no open request
        data = wire.encode_message(Message(NOTICE, OP["cancel"], 0, 0, 0, 0, 0, None, [0.5]))
        raw.socket.sendall(data)
        self.assertEnded(raw, "cancel")

    def test_the_envelope(self):
        ping = Message(REQUEST, OP["ping"], 0, 0, 2, 0, 0, None, [])
        raw = self.raw()
        raw.send(ping._replace(depth=9, deadline=1))
        self.assertEqual(raw.read().body, [])
        raw.send(ping._replace(flags=1))
        raw.send(ping)
        self.assertEqual(raw.read().id, 2)  # the one-way one had no answer
        for changed, words in (((6, 0x04), "form"), ((5, 0x98), "array of 9"), ((0, 0xCD), "0xce"), ((7, 9), "kind"),
                               ((9, 99), "opcode"), ((12, 2), "flag"), ((24, 0), "id 0")):
            raw = self.raw()
            raw.send(ping, changed)
            self.assertEnded(raw, words)
        raw = self.raw()
        raw.socket.sendall(struct.pack(">BI", 0xCE, (16 << 20) + 1))
        self.assertEnded(raw, "over the limit of 16777216")

    def test_forgeries(self):
        raw = self.raw()
        forged = Token(1, 1, 2, 3)
        for i in range(20):
            raw.send(Message(REQUEST, OP["get"], 0, 1, 10 + i, 0, 0, forged, [1]))
            self.assertEqual(raw.read().body[0], STATUS["denied"])
        raw.send(Message(NOTICE, OP["unsub"], 0, 0, 0, 0, 0, None, [forged, 1]))
        self.assertEnded(raw, "forgeries")

    def test_watches(self):
        raw = self.raw()
        watch = Message(REQUEST, OP["watch"], 0, 0, 0, 0, 0, None, ["nobody", "ready"])
        for i in range(10001):
            raw.send(watch._replace(id=i + 1))
        m = raw.read()
        self.assertEqual((m.kind, m.id, m.body[0]), (ERROR, 10001, STATUS["busy"]))

    def test_answers_that_were_not_asked_for_or_have_another_op(self):
        raw = self.raw(HELLO._replace(body=[1, 2, "wrong", False]))
        raw.send(Message(REPLY, OP["get"], 0, 0, 12345, 0, 0, None, [1]))  # discarded
        asked = self.run_lua("kept = gaijin.async(function() return bakaGaijin('wrong').x end)")
        self.assertIsNone(asked)
        while (m := raw.read()).kind != REQUEST:
            self.assertEqual((m.kind, m.op, m.body[1]), (NOTICE, OP["peer"], "lua"))
        self.assertEqual((m.op, m.target, m.body[0]), (OP["s2t"], "wrong", "x"))
        raw.send(Message(REPLY, OP["get"], 0, 0, m.id, 0, 0, None, [1]))
        self.assertEnded(raw, "answered 'get'")

    def test_operator(self):
        run = self.run_lua
        left, right, plain = run("""
            local meta = { __add = function() return "sum" end, __lt = function() return true end }
            return setmetatable({}, meta), setmetatable({}, meta), {}""")
        ask = lambda target, *body: self.g._ask("operator", target, body)  # noqa: E731
        self.assertEqual(ask(left, "add", left, 1), [True, "sum"])
        self.assertEqual(ask(plain, "add", plain, 1), [False])
        self.assertEqual(ask(plain, "add", plain, left), [True, "sum"])
        self.assertEqual(ask(left, "unm", left, left), [False])
        self.assertEqual(ask(left, "lt", left, right), [True, True])
        self.assertEqual(ask(left, "eq", left, right), [True, False])
        self.assertEqual(ask(left, "lt", left, self.g), [False])
        done, handler = ask(left, "handler", "__lt")
        self.assertEqual((done, handler.kind), (True, "function"))
        self.assertEqual(ask(plain, "handler", "__eq"), [True, None])
        self.assertCode("denied", ask, left, "handler", "__index")
        self.assertCode("denied", ask, left, "add", right, plain)
        self.assertCode("unsupported", ask, left, "plus", left, 1)

    def test_apply(self):
        def apply(target, name, *arguments):
            return self.g._ask("apply", target, [name, *arguments])

        t = self.run_lua("return { 3, 1, 2, inner = { x = 5 } }")
        self.assertEqual(apply(t, "unpack", t, 2), [1, 2])
        self.assertEqual(apply(t, "steps", t, "inner", "x", "y"), [5, 2])
        self.assertEqual(apply(t, "table.concat", t, ","), ["3,1,2"])
        self.assertCode("unsupported", apply, t["inner"], "string.gsub", t["inner"], ".", "x")
        self.assertCode("denied", apply, t, "unpack", 1, t)
        self.assertCode("unsupported", apply, t, "os.exit", t)

    def test_apply_knows_the_names_of_the_page(self):
        section = PAGE[PAGE.index("### apply"):PAGE.index("### inspect")]
        listed = re.findall(r"[\w.]+", " ".join(re.findall(r"^- `([^`]*)`", section, re.M)))
        names = set(listed) - {"...", "table", "depth", "or", "nil", "value", "key"}
        known = self.run_lua("""
            local names = {}
            for _, t in pairs(debug.getregistry()) do
              if type(t) == "table" and rawget(t, "steps") and rawget(t, "fetch") then
                for name in pairs(t) do names[#names + 1] = name end
              end
            end
            return gaijin.copy(names)""")
        self.assertEqual(sorted(names), sorted(known))
        with open(os.path.join(ROOT, "docs", "lua-api.md"), encoding="utf-8") as page:
            words = re.findall(r"[\w.]+", re.search(r"The keys of `apply` are these names.*?\n\n((?: .*\n)+)", page.read(), re.S).group(1))
        self.assertEqual(set(known) - set(words), set())  # what gaijin.access may be asked about

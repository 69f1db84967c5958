# SPDX-License-Identifier: MIT
"""The wire of gaijin, as docs/protocol.md describes it: framing, envelope, values as msgpack.

Nothing here knows sockets or what an op does. A message is a Message; its body is a list of None,
bool, int, float, str, bytes, lists, and Tokens. A Token (the page's PT) names an object of some
worker. Strings that are no valid UTF-8 are bytes.
"""

import struct
from collections import namedtuple

REQUEST, REPLY, ERROR, NOTICE = 1, 2, 3, 4
ONE_WAY = 1

OPS = ("hello s2t get set call pairs ipairs next len str operator labels sub unsub free gc drop "
       "dead peer cancel inspect watch ready ping apply").split()
OP = {name: number for number, name in enumerate(OPS, 1)}
STATUSES = ("raised dead stale denied timeout cancelled busy too_large too_deep lost protocol "
            "name_taken unsupported").split()
STATUS = {name: number for number, name in enumerate(STATUSES)}

KINDS = {1: "table", 2: "function", 3: "thread", 4: "userdata"}
KIND = {name: number for number, name in KINDS.items()}

# The 39 bytes whose numbers have a fixed form: length, array of 9, kind, op, flags, depth, id,
# peer, deadline.
ENVELOPE = struct.Struct(">BIB BB BB BH BH BQ BQ BI")
MARKS = (0xCE, 0x99, 0xCC, 0xCC, 0xCD, 0xCD, 0xCF, 0xCF, 0xCE)
PREFIX = 5        # bytes of the length and its mark; the length counts what follows them
DEEPEST = 8       # arrays within arrays, the body included
EXACT = 2 ** 53   # a Lua number holds integers up to here

Token = namedtuple("Token", "kind host id stamp")
Message = namedtuple("Message", "kind op flags depth id peer deadline target body")


class Malformed(Exception):
    """Bytes that are no message, or a value that has no form on the wire."""

# ---- Writing

def encode_integer(n):
    """An integer of up to 64 bits in its shortest form."""
    if n >= 0:
        if n < 0x80:
            return struct.pack("B", n)
        for bits, mark, form in ((8, 0xCC, ">BB"), (16, 0xCD, ">BH"), (32, 0xCE, ">BI"),
                                 (64, 0xCF, ">BQ")):
            if n < 1 << bits:
                return struct.pack(form, mark, n)
    elif n >= -0x20:
        return struct.pack("b", n)
    elif n >= -2 ** 63:
        return struct.pack(">Bq", 0xD3, n)
    raise Malformed("an integer of more than 64 bits")


def encode_bytes(data, forms):
    """A string: forms are its marks for lengths of 8, 16 and 32 bits."""
    for limit, mark, form in zip((0x100, 0x10000, 2 ** 32), forms, (">BB", ">BH", ">BI")):
        if len(data) < limit:
            return struct.pack(form, mark, len(data)) + data
    raise Malformed("a string of more than 32 bits' length")


def encode_string(value):
    data = value.encode("utf-8") if isinstance(value, str) else bytes(value)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return encode_bytes(data, (0xC4, 0xC5, 0xC6))
    if len(data) < 32:
        return bytes([0xA0 | len(data)]) + data
    return encode_bytes(data, (0xD9, 0xDA, 0xDB))


def encode_array_head(count):
    if count < 16:
        return bytes([0x90 | count])
    return struct.pack(">BH", 0xDC, count) if count < 0x10000 else struct.pack(">BI", 0xDD, count)


def encode_token(token):
    return struct.pack(">BBBQQQ", 0xC7, 24, token.kind, token.host, token.id, token.stamp)


def encode(value, depth=0):
    """The bytes of a value; depth is the number of arrays around it."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return encode_integer(value)
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= EXACT and str(value) != "-0.0":
            return encode_integer(int(value))
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, (str, bytes)):
        return encode_string(value)
    if isinstance(value, Token):
        return encode_token(value)
    if isinstance(value, (list, tuple)):
        if depth == DEEPEST:
            raise Malformed("arrays are nested more than %d deep" % DEEPEST)
        return encode_array_head(len(value)) + b"".join(encode(v, depth + 1) for v in value)
    raise Malformed("a %s has no form on the wire" % type(value).__name__)


def encode_target(target):
    if target is None or isinstance(target, Token):
        return encode(target)
    name = target.encode("utf-8") if isinstance(target, str) else target
    return struct.pack(">BB", 0xD9, len(name)) + name


def encode_message(m):
    rest = encode_target(m.target) + encode(list(m.body))
    length = ENVELOPE.size - PREFIX + len(rest)
    numbers = (length, None, m.kind, m.op, m.flags, m.depth, m.id, m.peer, m.deadline)
    fields = [x for pair in zip(MARKS, numbers) for x in pair if x is not None]
    return ENVELOPE.pack(*fields) + rest


# ---- Reading

class Reader:
    """A place in the bytes of one message. Every length is compared with what is there."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, count):
        start, self.at = self.at, self.at + count
        if self.at > len(self.data):
            raise Malformed("a value is longer than its message")
        return self.data[start:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def array(self, count, depth):
        if depth == DEEPEST:
            raise Malformed("arrays are nested more than %d deep" % DEEPEST)
        if count > len(self.data) - self.at:
            raise Malformed("an array is longer than its message")
        return [self.value(depth + 1) for _ in range(count)]

    def token(self):
        if self.take(1) != b"\x18":
            raise Malformed("an ext that is no token")
        return Token(*struct.unpack(">BQQQ", self.take(25)))

    def value(self, depth=0):
        mark = self.number("B")
        if mark < 0x80:
            return mark
        if mark >= 0xE0:
            return mark - 0x100
        if mark in CONSTANTS:
            return CONSTANTS[mark]
        if mark in NUMBERS:
            return self.number(NUMBERS[mark])
        if 0xA0 <= mark < 0xC0:
            return text(self.take(mark & 0x1F))
        if mark in STRINGS:
            return text(self.take(self.number(STRINGS[mark])))
        if mark in BINARIES:
            return text(self.take(self.number(BINARIES[mark])))
        if 0x90 <= mark < 0xA0:
            return self.array(mark & 0x0F, depth)
        if mark in ARRAYS:
            return self.array(self.number(ARRAYS[mark]), depth)
        if mark == 0xC7:
            return self.token()
        raise Malformed("byte %02x begins no value of the wire" % mark)


CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
           0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
STRINGS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
BINARIES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
ARRAYS = {0xDC: ">H", 0xDD: ">I"}


def text(data):
    """A string of the wire: str where the bytes are UTF-8, whichever of the forms it came in."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def message_size(data, most):
    """Bytes of the message that begins data, None if that cannot be seen yet. most is the longest
    allowed length."""
    if len(data) < PREFIX:
        return None
    mark, length = struct.unpack_from(">BI", data)
    if mark != 0xCE or length > most:
        raise Malformed("no message begins here")
    return PREFIX + length


def decode_message(data):
    """The Message that data, one whole message, holds."""
    if len(data) < ENVELOPE.size:
        raise Malformed("a message is too short")
    fields = list(ENVELOPE.unpack_from(data))
    del fields[2]  # the mark of the array has no number
    marks, numbers = fields[0:2:2] + fields[2::2], fields[3::2]
    if tuple(marks) != MARKS[:1] + MARKS[2:] or data[PREFIX] != MARKS[1]:
        raise Malformed("a number of the envelope has another form")
    reader = Reader(data, ENVELOPE.size)
    target, body = reader.value(), reader.value()
    if reader.at != len(data) or not isinstance(body, list):
        raise Malformed("the body is no array, or bytes follow it")
    return Message(*numbers, target, body)


def tokens_in(value):
    """Every Token in a decoded body, each as often as it occurs."""
    if isinstance(value, Token):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from tokens_in(item)

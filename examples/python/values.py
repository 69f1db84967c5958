# SPDX-License-Identifier: MIT
"""What Python programs see of values that live elsewhere: Remote, ByValue, and the errors.
Nothing here does I/O.
"""

import collections.abc
import re

from wire import KINDS, STATUS, Malformed


class GaijinError(Exception):
    """An error of the system's own: code is the name of a status, text says what happened."""

    def __init__(self, code, text):
        super().__init__("gaijin: %s: %s" % (code, text))
        self.code, self.text = code, text


class Raised(GaijinError):
    """What the code of another worker raised: value, of any type, and the traceback that came
    with it, or None. code is "raised", or that of an error of the system's own which passed
    through there. A function served to Lua raises it to have Lua get the value as it is."""

    def __init__(self, value, traceback=None):
        found = re.match("gaijin: ([a-z_]+): ", value) if isinstance(value, str) else None
        code = found.group(1) if found and found.group(1) in STATUS else "raised"
        super().__init__(code, value if isinstance(value, str) else repr(value))
        self.value, self.traceback = value, traceback

    def __str__(self):
        return self.text


class ByValue:
    """Sends a dict or list as a copy. The dicts and lists within go along, depth levels of them
    (None: all); everything else stays a reference."""

    def __init__(self, value, depth=None):
        if not is_table(value):
            raise TypeError("only a dict or a list can be sent by value")
        self.value, self.depth = value, depth


class Remote:
    """An object of another worker. There is one Remote for it, as long as the program keeps it."""

    __slots__ = ("gaijin", "token", "__weakref__")

    def __init__(self, gaijin, token):
        self.gaijin, self.token = gaijin, token

    @property
    def kind(self):
        """The original's type in Lua."""
        return KINDS[self.token.kind]

    @property
    def host(self):
        """The name of the worker that has the original."""
        return self.gaijin.name_of(self.token.host)

    def __getitem__(self, key):
        return self.gaijin.get(self, key)

    def __setitem__(self, key, value):
        self.gaijin.set(self, key, value)

    def __call__(self, *arguments):
        """None for no result, the result, or a tuple of several."""
        results = self.gaijin.call(self, *arguments)
        return tuple(results) if len(results) > 1 else results[0] if results else None

    def __len__(self):
        return int(self.gaijin.len(self))

    def __bool__(self):
        return True  # and not whether its length is 0

    def __iter__(self):
        """The keys, as of a dict: t[0], t[1], ... is no way to traverse a table of Lua's."""
        return (key for key, _ in self.pairs())

    def __str__(self):
        return self.gaijin.str(self)

    def __repr__(self):
        return "<%s %d of %s>" % (self.kind, self.token.id, self.host)

    def pairs(self):
        return self.gaijin.pairs(self)


def add_operators():
    """Lua's arithmetic, on either side of the sign."""
    same = [(name, name) for name in ("add", "sub", "mul", "mod", "pow")]
    for name, python in same + [("div", "truediv")]:
        def left(self, other, name=name):
            return self.gaijin.operator(name, self, other)

        def right(self, other, name=name):
            return self.gaijin.operator(name, other, self)
        setattr(Remote, "__%s__" % python, left)
        setattr(Remote, "__r%s__" % python, right)
    Remote.__neg__ = lambda self: self.gaijin.operator("unm", self, self)


add_operators()


def is_table(value):
    return isinstance(value, (collections.abc.MutableMapping, collections.abc.MutableSequence))


def lua_kind(value):
    """The type that Lua is to see of an object of ours."""
    return "table" if is_table(value) else "function" if callable(value) else "userdata"


def lua_type(value):
    """The type that Lua sees of any value."""
    if value is None:
        return "nil"
    if isinstance(value, Remote):
        return value.kind
    for types, name in ((bool, "boolean"), ((int, float), "number"), ((str, bytes), "string")):
        if isinstance(value, types):
            return name
    return lua_kind(value)


def entries(table):
    """Keys and values of a dict or list as Lua sees them: without None, lists from 1."""
    is_dict = isinstance(table, collections.abc.Mapping)
    pairs = table.items() if is_dict else enumerate(table, 1)
    return [(key, value) for key, value in pairs if value is not None]


# ---- Tables by value. On the wire: an array of the tables, the root first; each is an array of
# key, value, key, value, ... where [n] stands for the n-th of the tables. So cycles and shared
# tables need nothing of their own.

def table_to_wire(root, to_wire, depth=None):
    """depth: how many levels of tables go along (None: all); what is below is given to to_wire
    like any other value."""
    tables, places, levels = [root], {id(root): 1}, [1]

    def element(value, level):
        too_deep = depth is not None and level >= depth and id(value) not in places
        if isinstance(value, ByValue):
            value = value.value
        elif too_deep or not is_table(value):
            return to_wire(value)
        if id(value) not in places:
            tables.append(value)
            levels.append(level + 1)
            places[id(value)] = len(tables)
        return [places[id(value)]]

    # Both lists grow on the way.
    return [[element(x, level) for entry in entries(table) for x in entry]
            for table, level in zip(tables, levels)]


def table_from_wire(array, from_wire):
    """A dict, or a list where the keys are 1 to n: of a table with no entries a dict."""
    if not array or any(not isinstance(table, list) or len(table) % 2 for table in array):
        raise Malformed("a table sent by value is malformed")
    made = [[] if is_sequence(table[0::2]) else {} for table in array]

    def element(value):
        if not isinstance(value, list):
            return from_wire(value)
        if len(value) != 1 or type(value[0]) is not int or not 1 <= value[0] <= len(array):
            raise Malformed("a table sent by value is malformed")
        return made[value[0] - 1]

    for table, into in zip(array, made):
        pairs = zip(table[0::2], table[1::2])
        if isinstance(into, list):
            into += [element(value) for _, value in sorted(pairs, key=lambda pair: pair[0])]
        else:
            into.update((hashable(element(key)), element(value)) for key, value in pairs)
    return made[0]


def is_sequence(keys):
    if not keys or any(type(k) not in (int, float) for k in keys):
        return False
    return sorted(keys) == list(range(1, len(keys) + 1))


def hashable(key):
    """A table as the key of a table is no key of a dict; it becomes a ByValue that holds it."""
    return ByValue(key) if is_table(key) else key

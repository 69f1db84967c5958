# SPDX-License-Identifier: MIT
"""What others may do with Python's objects: the requests a worker answers, one function each.

Dicts and lists are tables (lists from index 1, without holes), callables are functions, all else
is a handle that can only be passed on. Attributes are out of reach: a dict holds what is to be
shared. True and 1 are the same key of a dict in Python, though not of a table in Lua.
"""

import collections
import collections.abc
import time
import traceback

import wire
from values import ByValue, GaijinError, Raised, Remote, entries, is_table, lua_type
from wire import ERROR, OP, REPLY, STATUS

PAGE = 500  # entries

# target: the object, or None where the request is for a name. fault: why it cannot be served.
Request = collections.namedtuple("Request", "op id flags depth until caller target values fault")
# What is being served: the depth of its request, when it has to be done (or None), who asked.
Context = collections.namedtuple("Context", "depth until caller")
NOBODY = Context(0, None, 0)


class Refused(GaijinError):
    """Told as an error of the system's own, where others are told as what our code raised."""

class WaitForLabel(Exception):
    """The request stays open until a label is set."""


def serve(gaijin, request):
    """Does what the request asks and answers it."""
    before, gaijin.context = gaijin.context, Context(request.depth, request.until, request.caller)
    try:
        if request.fault:
            raise request.fault
        if request.op not in OPERATIONS:
            text = "%s does not know %s" % (gaijin.name, wire.OPS[request.op - 1])
            raise Refused("unsupported", text)
        if request.until is not None and time.monotonic() >= request.until:
            raise Refused("timeout", "the time was over before it was begun")
        arguments = [gaijin] if request.op in OF_NAMES else [request.target]
        results = OPERATIONS[request.op](*arguments, *request.values)
    except WaitForLabel:
        gaijin.wait_for_label(request)
    except Exception as error:  # whatever it is, the asker has to hear of it
        gaijin.answer(request, ERROR, error_body(error))
    else:
        gaijin.answer(request, REPLY, results)
    finally:
        gaijin.context = before


def error_body(error):
    if isinstance(error, Raised):
        return [0, error.value] + ([error.traceback] if error.traceback else [])
    if isinstance(error, Refused):
        return [STATUS[error.code], error.text]
    text = str(error)
    if not isinstance(error, GaijinError):
        text = "%s: %s" % (type(error).__name__, text)
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return [0, text, "".join(lines).rstrip()]


def need_table(target, what):
    if not is_table(target):
        raise Raised("attempt to %s a %s value" % (what, lua_type(target)))
    return target


# ---- Of a name

def op_s2t(gaijin, label, wait=False):
    value = gaijin.labels.get(label)
    if value is None and wait:
        raise WaitForLabel
    return [value]


def op_labels(gaijin):
    rows = [(label, lua_type(v), gaijin.token_id(v)) for label, v in gaijin.labels.items()]
    return [x for row in rows for x in row]


# ---- Of an object

def lookup(table, key):
    if isinstance(table, collections.abc.Mapping):
        try:
            return table.get(key)
        except TypeError:  # an unhashable key is in no dict
            return None
    is_index = isinstance(key, (int, float)) and not isinstance(key, bool) and key == int(key)
    return table[int(key) - 1] if is_index and 1 <= key <= len(table) else None


def op_get(target, key):
    return [lookup(need_table(target, "index"), key)]


def op_set(target, key, value):
    need_table(target, "index")
    if isinstance(target, collections.abc.Mapping):
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
    elif key == len(target) and value is None:
        target.pop()
    elif key == len(target) + 1 and value is not None:
        target.append(value)
    elif lookup(target, key) is not None and value is not None:
        target[int(key) - 1] = value
    else:
        raise Raised("a list of Python's has no holes, and 1 to %d for keys" % len(target))
    return []


def op_call(target, *arguments):
    if not callable(target):
        raise Raised("attempt to call a %s value" % lua_type(target))
    result = target(*arguments)
    return [] if result is None else list(result) if isinstance(result, tuple) else [result]


def op_pairs(target):
    rest = iter(entries(need_table(target, "traverse")))

    def page():
        """more, key, value, ... of the next page."""
        found = [pair for _, pair in zip(range(PAGE), rest)]
        return (len(found) == PAGE, *(x for pair in found for x in pair))

    more, *first = page()
    return [page if more else None, *first]


def op_ipairs(target, first):
    table, page, index = need_table(target, "traverse"), [], int(first)
    while len(page) < PAGE and (value := lookup(table, index)) is not None:
        page.append(value)
        index += 1
    return [len(page) == PAGE, *page]


def op_next(target, key=None):
    pairs = entries(need_table(target, "traverse"))
    if key is None:
        return list(pairs[0]) if pairs else [None]
    for (at, _), following in zip(pairs, pairs[1:] + [None]):
        if at is key or at == key:
            return list(following) if following else [None]
    raise Raised("invalid key to 'next'")


def op_len(target):
    return [len(need_table(target, "get length of"))]


def op_str(target):
    return ["python %s: %s" % (lua_type(target), repr(target)[:200])]


def op_operator(target, name, left, right=None):
    """Nothing of ours has metamethods, so others' are asked for; == is identity."""
    if name == "handler":
        return [True, None]
    both = not isinstance(left, Remote) and not isinstance(right, Remote)
    if name == "eq" and both:
        return [True, left is right]
    if name in ("lt", "le") and both:
        raise Raised("attempt to compare two %s values" % lua_type(target))
    return [False]


# ---- Functions of Lua's library, by name

def apply_fetch(table, depth=None):
    return [ByValue(need_table(table, "fetch"), depth)]


def apply_steps(value, *keys):
    """What the keys lead to, and how many of them were taken: the asker takes those beyond a
    table of ours."""
    need_table(value, "index")
    for taken, key in enumerate(keys):
        if not is_table(value):
            return [value, taken]
        value = lookup(value, key)
    return [value, len(keys)]


def apply_unpack(table, first=1, last=None):
    last = len(table) if last is None else last
    return [lookup(table, i) for i in range(int(first), int(last) + 1)]


def apply_rawset(table, key, value=None):
    op_set(table, key, value)
    return [table]


APPLICABLE = {"fetch": apply_fetch, "steps": apply_steps, "unpack": apply_unpack,
              "rawget": op_get, "rawset": apply_rawset}


def op_apply(target, name, *arguments):
    if name not in APPLICABLE:
        raise Refused("unsupported", "a worker in Python has no function %s to apply" % name)
    if not arguments or arguments[0] is not target:
        raise Refused("denied", "%s of something else than the object asked" % name)
    return APPLICABLE[name](*arguments)


SERVED = "s2t labels get set call pairs ipairs next len str operator apply".split()
OPERATIONS = {OP[name]: globals()["op_" + name] for name in SERVED}
OF_NAMES = OP["s2t"], OP["labels"]

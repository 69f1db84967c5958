# SPDX-License-Identifier: MIT
"""A worker in Python: sells from a dict, which every other worker sees as a table.

    python3 examples/python/shop.py

Stops with SIGTERM or the broker's end.
"""

import signal
import sys

from gaijin import Gaijin, GaijinError, Raised

stock = {"apple": 3, "pear": 5}
listeners = []


def price(fruit, n=1):
    return n * 2, fruit


def take(fruit, n=1):
    """Takes n pieces out of the stock and tells the listeners. Raises a table, as code in Lua
    might; it is shared by reference, too."""
    if stock.get(fruit, 0) < n:
        raise Raised({"code": 7, "text": "not enough " + fruit})
    stock[fruit] -= n
    for listener in list(listeners):
        try:
            listener(fruit, n)
        except GaijinError:  # it has ended
            listeners.remove(listener)
    return stock[fruit]


def stop(*_):
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    with Gaijin("shop") as g:
        g.expose("stock", stock)
        g.expose("price", price)
        g.expose("take", take)
        g.expose("listen", listeners.append)
        g.expose("who", lambda: g.caller)
        g.ready()
        try:
            g.serve()
        except GaijinError as error:
            sys.exit("shop: " + str(error))

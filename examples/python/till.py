# SPDX-License-Identifier: MIT
"""A client of the worker shop, be it the one in shop.py or one in Lua.

    python3 examples/python/till.py
"""

from gaijin import Gaijin, GaijinError, Raised

with Gaijin("till") as g:
    price, stock, take = (g.s2t("shop", label, wait=True) for label in ("price", "stock", "take"))
    print(price("apple", 2))                    # (4, 'apple')
    stock["plum"] = 4
    print(sorted(stock.pairs()))                # [('apple', 3), ('pear', 5), ('plum', 4)]
    g.s2t("shop", "listen")(lambda fruit, n: print("sold", int(n), fruit))
    with g.deadline(5):
        print(take("plum", 3))                  # sold 3 plum, then 1
    try:
        take("plum", 3)
    except Raised as error:
        print(error.value["code"])              # 7
    try:
        g.s2t("nobody", "price")
    except GaijinError as error:
        print(error.code)                       # dead

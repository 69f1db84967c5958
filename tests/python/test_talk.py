# SPDX-License-Identifier: MIT
"""A worker in Python and one in Lua use each other's objects, and give them back."""

import gc
import math
import subprocess
import sys
import threading
import time

from bed import ROOT, Bed, eventually
from gaijin import ByValue, Gaijin, GaijinError, Raised, Remote


class Asking(Bed):
    """Python uses what Lua has."""

    def test_values_arrive_as_they_were(self):
        echo = self.run_lua("return function(...) return ... end")
        for value in (None, True, False, 0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2 ** 32, 2 ** 53,
                      -32, -33, -128, -129, -32769, -2 ** 31 - 1, -2 ** 53, 0.5, -1.5, 1e300, math.inf,
                      "", "x", "y" * 31, "z" * 32, "a" * 256, "b" * 70000, "grüße", b"\xff\x00", b"\xed\xa0\x80"):
            self.assertEqual(self.g.call(echo, value), [value])
            self.assertIs(type(self.g.call(echo, value)[0]), type(value))
        self.assertEqual(str(echo(-0.0)), "-0.0")
        self.assertTrue(math.isnan(echo(math.nan)))
        self.assertEqual(self.g.call(echo, None, 1, None, None), [None, 1, None, None])
        self.assertEqual(self.g.call(echo), [])
        self.assertEqual(echo(b"plain"), "plain")
        self.assertCode("unsupported", echo, 2 ** 53 + 1)

    def test_tables_work_by_reference(self):
        t = self.run_lua("kept = { x = 1, list = { 10, 20, 30 }, f = function(a, b) return a + b, a * b end } return kept")
        self.assertEqual((t["x"], t["nothing"], t["list"][2], len(t["list"])), (1, None, 20, 3))
        self.assertEqual(t["f"](2, 5), (7, 10))
        t["y"] = {"of": "python"}
        self.assertEqual(self.run_lua("return kept.y.of"), "python")
        t["y"] = None
        self.assertEqual(sorted(t), ["f", "list", "x"])
        self.assertIs(t["list"], t["list"])
        self.assertEqual((t.kind, t["f"].kind, t.host), ("table", "function", "lua"))
        self.assertTrue(str(t).startswith("table: "))
        kinds = self.run_lua("return coroutine.create(function() end), io.stdout")
        self.assertEqual([v.kind for v in kinds], ["thread", "userdata"])

    def test_operators_ask_the_metatable(self):
        v = self.run_lua("""
            local meta = {}
            local function new(x) return setmetatable({ x = x }, meta) end
            for _, name in ipairs { "add", "sub", "mul", "div", "mod", "pow", "concat" } do
              meta["__" .. name] = function(a, b) return name .. tostring(a) .. tostring(b) end
            end
            meta.__unm = function(a) return "unm" .. tostring(a) end
            meta.__tostring = function() return "v" end
            meta.__lt = function() return true end
            return new(1)""")
        self.assertEqual([v + 1, 1 + v, v - 1, v * 2, v / 2, v % 2, v ** 2, -v],
                         ["addv1", "add1v", "subv1", "mulv2", "divv2", "modv2", "powv2", "unmv"])
        self.assertEqual(self.g.operator("concat", "s", v), "concatsv")
        self.assertIs(self.g.operator("lt", v, v), True)
        with self.assertRaises(TypeError):
            self.run_lua("return {}") + 1

    def test_a_traversal_has_pages(self):
        t = self.run_lua("kept = {} for i = 1, 3500 do kept[i] = 2 * i end return kept")
        self.assertEqual(dict(t.pairs()), {i: 2 * i for i in range(1, 3501)})
        abandoned = t.pairs()
        next(abandoned)

    def test_copies(self):
        t = self.run_lua("""
            kept = { 1, 2, { "three" } }
            local shared, cycle = { n = 5 }, { f = print }
            cycle.self, cycle.a, cycle.b = cycle, shared, shared
            return kept, cycle""")
        self.assertEqual(self.g.fetch(t[0]), [1, 2, ["three"]])
        self.assertIsInstance(self.g.fetch(t[0], 1)[2], Remote)
        c = self.g.fetch(t[1])
        self.assertIs(c["self"], c)
        self.assertIs(c["a"], c["b"])
        self.assertEqual((c["a"], c["f"].kind), ({"n": 5}, "function"))
        self.assertEqual(self.g.fetch(self.run_lua("return {}")), {})
        self.assertEqual(self.run_lua("return (...).x == nil and #(...)", ByValue([1, 2, 3])), 3)

    def test_errors_have_codes_and_values(self):
        g = self.g
        error = self.assertCode("raised", self.run_lua, "error('no', 0)")
        self.assertEqual(error.value, "no")
        self.assertIn("lua: ", error.traceback)
        with self.assertRaises(Raised) as caught:
            self.run_lua("error({ code = 7 })")
        self.assertEqual(caught.exception.value["code"], 7)
        self.assertIn("nobody", self.assertCode("dead", g.s2t, "nobody", "x").text)
        self.assertCode("too_large", self.run_lua, "", "x" * (16 << 20), {})
        self.assertEqual(g._exports, {})
        self.assertCode("too_large", self.run_lua, "return ('x'):rep(16 * 2^20)")
        self.assertCode("unsupported", g._ask, "watch", None, ["bad\nname", "present"])
        self.assertCode("unsupported", Gaijin, "bad\nname")
        self.assertCode("name_taken", Gaijin, "lua")
        self.assertEqual(self.run_lua("return 'and goes on'"), "and goes on")
        self.assertIsNone(g.s2t("lua", "no such label"))

    def test_a_deadline_ends_what_waits(self):
        def late():
            with self.g.deadline(0.05):
                self.run_lua("gaijin.sleep(60)")
        self.assertCode("timeout", late)
        with self.g.deadline(60):
            self.assertEqual(self.run_lua("return 1"), 1)
        with self.g.deadline(0):
            self.assertCode("timeout", self.run_lua, "return 1")

    def test_an_object_comes_again_before_it_is_given_back(self):
        g, run = self.g, self.run_lua
        run("kept = { x = 1 }")
        for number in [g._request("call", run, ["return kept"], 0) for _ in range(2)]:
            g._answers = {number: None}  # nobody waits for the first
        g._connection.wait(0)
        other = self.connect("other")
        other.s2t("lua", "run")("")  # asked later, answered later: both answers are in our socket
        other.close()
        g._turn(None)
        t = g._answers.pop(number)[0]
        g._turn(0)
        self.assertEqual(t["x"], 1)

    def test_posts_arrive_in_order(self):
        post = self.run_lua("kept = {} return function(i) kept[#kept + 1] = i end")
        for i in range(1000):
            self.g.post(post, i)
        self.assertEqual(self.g.fetch(self.run_lua("return kept")), list(range(1000)))

    def test_a_refused_post_is_told(self):
        told = []
        self.g._log = told.append
        child = self.start("gaijin-worker", "-n", "short", "-e", "bakaGaijin.f = function() end")
        f = self.g.s2t("short", "f", wait=True)
        self.kill(child)
        eventually(lambda: self.g.serve(0.01) or len(self.g.dead) == 1)
        self.g.post(f)
        self.assertCode("dead", f)
        self.assertIn("a post was not done: gaijin: dead: ", told[0])

    def test_a_worker_dies(self):
        child = self.start("gaijin-worker", "-n", "mortal", "-e",
                           "bakaGaijin.t = { 1 } bakaGaijin.die = function() gaijin.sleep(60) end")
        t = self.g.s2t("mortal", "t", wait=True)
        die = self.g.s2t("mortal", "die", wait=True)
        self.assertEqual(t[1], 1)
        self.run_lua("gaijin.after(0.05, ...)", lambda: self.kill(child))
        with self.assertRaises(GaijinError) as caught:
            die()
        self.assertIn(caught.exception.code, ("dead", "lost"))
        self.assertIn("mortal", self.assertCode("dead", lambda: t[1]).text)
        self.assertIn(t.token.host, self.g.dead)

    def test_given_back_when_asked_to_collect(self):
        """Cycles of ours hold objects of Lua's until the broker sends free, of itself or for gaijinctl."""
        gc.disable()
        try:
            for _ in range(1500):
                cycle = [self.run_lua("return {}")]
                cycle.append(cycle)
            self.assertLess(self.run_lua("return (getBaka())"), 600)
            self.ctl("gc", "python")
            self.assertLess(len(self.tokens()), 10)
        finally:
            gc.enable()


class Serving(Bed):
    """Lua uses what Python has."""

    def lua(self, code, *arguments):
        return self.g.call(self.run_lua, code, *arguments)

    def test_a_dict_is_a_table(self):
        d = {"x": 1, "inner": {"y": [7, 8]}}
        self.assertEqual(self.lua("""
            local d = ...
            d.z = d.x + 1
            d.x = nil
            assert(type(d) == "table" and d.nothing == nil and d == d)
            assert(gaijin.path(d, "inner", "y", 2) == 8 and rawget(d, "z") == 2)
            local n = 0
            for k, v in pairs(d) do n = n + 1 end
            return n, #d, (next(d)), (next(d, "z"))""", d), [2, 2, "inner", None])
        self.assertEqual(d, {"z": 2, "inner": {"y": [7, 8]}})

    def test_a_list_is_a_table_from_1(self):
        values = [10, 20, 30]
        self.assertEqual(self.lua("""
            local l = ...
            l[4], l[1] = 40, 11
            local sum = 0
            for i, v in ipairs(l) do sum = sum + i * v end
            l[4] = nil
            return sum, #l, select("#", unpack(l)), pcall(function() l[9] = 1 end)""", values)[:4],
                         [11 + 40 + 90 + 160, 3, 3, False])
        self.assertEqual(values, [11, 20, 30])

    def test_pages_of_a_long_dict(self):
        d = {i: str(i) for i in range(1, 2001)}
        self.assertEqual(self.lua("""
            local n, sum = 0, 0
            for k, v in pairs(...) do n, sum = n + 1, sum + tonumber(v) end
            for i, v in ipairs(...) do n = n + 1 end
            return n, sum, #gaijin.fetch(...)""", d), [4000, 2001000, 2000])

    def test_copies(self):
        shared = {"n": 5}
        d = {"a": shared, "b": shared, "list": [1, {"deep": True}]}
        d["self"] = d
        code = """
            local d, fetched = ...
            if fetched then d = gaijin.fetch(d) end
            assert(raw_type(d) == "table" and d.self == d and d.a == d.b and d.a.n == 5)
            assert(raw_type(d.list) == "table" and d.list[2].deep)
            return true"""
        self.assertEqual(self.lua(code, ByValue(d)), [True])
        self.assertEqual(self.lua(code, d, True), [True])
        self.assertEqual(self.lua("return raw_type(gaijin.fetch(..., 1).a)", d), ["userdata"])
        self.assertEqual(self.lua("kept = ... return type(kept.a), kept.a.n", ByValue(d, 1)), ["table", 5])

    def test_functions(self):
        self.assertEqual(self.lua("return (...)(1, nil, 3)", lambda *a: (len(a), *a)), [3, 1, None, 3])
        self.assertEqual(self.lua("return select('#', (...)())", lambda: None), [0])
        self.assertEqual(self.lua("return pcall(...)", {}), [False, "attempt to call a table value"])
        self.assertEqual(self.lua("return ...", print), [print])
        handle = object()
        self.assertEqual(self.lua("return type(...), ...", handle), ["userdata", handle])

    def test_errors(self):
        def wrong():
            return {}["no such key"]

        ok, text = self.lua("return pcall(...)", wrong)
        self.assertEqual((ok, text), (False, "KeyError: 'no such key'"))
        self.assertIn("in wrong", self.lua("return select(2, xpcall(..., gaijin.traceback))", wrong)[0])

        def raising():
            raise Raised({"code": 7})

        self.assertEqual(self.lua("local _, e = pcall(...) return e.code", raising), [7])
        self.assertIn("gaijin: unsupported: ", self.lua("return pcall(table.sort, ...)", {})[1])
        self.assertIn("too_large", self.lua("return pcall(...)", lambda: "x" * (16 << 20))[1])
        self.assertIn("2^53", self.lua("return pcall(...)", lambda: 2 ** 60)[1])
        self.assertEqual(self.lua("return pcall(function(d) return d + 1 end, ...)", {})[0], False)
        self.assertEqual(self.lua("return pcall(function(d, e) return d < e end, ...)", {}, {})[0], False)
        # Another error from the same code, through both: the value is the same.
        self.assertEqual(self.assertCode("raised", self.lua, "(...)()", wrong).value, text)

    def test_calls_nest(self):
        depths = []

        def count(n):
            depths.append(self.g.context.depth)
            return n if n == 0 else 1 + self.run_lua("local f, n = ... return f(n)", count, n - 1)

        self.assertEqual(count(20), 20)
        self.assertEqual(depths, list(range(0, 42, 2)))
        callers = self.lua("return (...)()", lambda: (self.g.caller, self.g.context.depth))
        self.assertEqual(callers, ["lua", 2])

    def test_a_deadline_is_inherited(self):
        def ask():
            self.run_lua("gaijin.sleep(60)")

        ok, text = self.lua("return pcall(gaijin.timeout, 0.05, ...)", ask)
        self.assertEqual((ok, text.split(":")[1]), (False, " timeout"))

    def test_posts(self):
        got = []
        self.lua("local f = ... for i = 1, 100 do gaijin.post(f, i) end", got.append)
        eventually(lambda: self.g.serve(0.01) or len(got) == 100)
        self.assertEqual(got, list(range(1, 101)))
        told = []
        self.g._log = told.append
        self.lua("gaijin.post(...)", lambda: 1 / 0)
        eventually(lambda: self.g.serve(0.01) or told)
        self.assertIn("a post of lua failed: ZeroDivisionError", told[0])

    def test_labels(self):
        self.g.expose("x", {"y": 1})
        self.assertEqual(self.lua("return bakaGaijin('python').x.y, bakaGaijin('python').z"), [1, None])
        self.assertIn("python", self.ctl("labels"))
        self.g.post(self.run_lua, "kept_late = gaijin.wait_for('python', 'late').y")
        eventually(lambda: self.g.serve(0.01) or self.g._label_waits)
        self.g.expose("late", {"y": 2})
        eventually(lambda: self.lua("return kept_late") == [2])
        self.g.expose("late", None)
        self.lua("kept = gaijin.async(gaijin.wait_for, 'python', 'never')")
        eventually(lambda: self.g.serve(0.01) or self.g._label_waits)
        self.lua("kept:cancel()")
        eventually(lambda: self.g.serve(0.01) or not self.g._label_waits)

    def test_objects_live_as_long_as_somebody_uses_them(self):
        d = {"x": 1}
        self.lua("kept = ...", d)
        self.assertEqual([t["host"] for t in self.tokens() if t["host"] == "python"], ["python"])
        self.assertEqual(self.lua("return kept"), [d])
        self.assertEqual(len(self.g._exports), 1)
        self.lua("kept = nil bakaGC()")
        eventually(lambda: self.g.serve(0.01) or not self.g._exports)
        self.assertEqual(self.lua("return kept"), [None])

    def test_a_drop_crosses_the_object_on_its_way_to_another(self):
        d = {"x": 1}
        self.g.expose("x", d)
        other = self.connect("other")
        got = []
        thread = threading.Thread(target=lambda: got.append(other.s2t("python", "x")))
        thread.start()
        eventually(lambda: self.g.serve(0.01) or not thread.is_alive())
        got.clear()
        other._ask("ping", None, [])  # the release is ahead of it, so the drop waits in our socket
        self.g.post(self.run_lua, "kept = ...", d)
        self.assertEqual(self.lua("return kept.x"), [1])
        other.close()

    def test_the_examples(self):
        shop = self.start(sys.executable, ROOT + "/examples/python/shop.py")
        eventually(lambda: self.g.serve(0.01) or "shop" in self.g.clients())
        till = subprocess.run([sys.executable, ROOT + "/examples/python/till.py"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(till.stdout.splitlines(),
                         ["(4, 'apple')", "[('apple', 3), ('pear', 5), ('plum', 4)]", "sold 3 plum", "1", "7", "dead"])
        shop.terminate()
        self.assertEqual(shop.wait(), 0)

    def test_python_dies(self):
        shop = self.start(sys.executable, ROOT + "/examples/python/shop.py")
        stock = self.g.s2t("shop", "stock", wait=True)
        self.assertEqual(stock["apple"], 3)
        self.kill(shop)
        eventually(lambda: self.g.serve(0.01) or self.g.dead)
        self.assertCode("dead", lambda: stock["apple"])
        self.assertIn("dead", self.lua("return pcall(function() return bakaGaijin('shop').stock end)")[1])


class Ending(Bed):
    """The connection ends while somebody waits."""

    def tearDown(self):
        """There is nobody to give anything back to."""

    def test_the_broker_ends(self):
        g = self.g
        echo = self.run_lua("return function(...) return ... end")
        self.run_lua("gaijin.after(0.05, ...)", lambda: self.kill(self.broker))
        began = time.monotonic()
        self.assertCode("lost", self.run_lua, "gaijin.sleep(60)")
        self.assertLess(time.monotonic() - began, 60)
        self.assertCode("lost", echo, 1)
        self.assertCode("lost", g.serve)

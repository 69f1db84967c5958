-- One object, one AT; home it is the object itself, also after a way over three workers.
--@ worker A
local o = { name = "o" }
local function f() return "f" end
bakaGaijin.o = o
bakaGaijin.f = f
bakaGaijin.is_o = function(x) return rawequal(x, o) end
bakaGaijin.is_f = function(x) return rawequal(x, f) end
local function me() return me end
me = me
bakaGaijin.me = (function() local m; m = function() return m end; return m end)()
bakaGaijin.t1 = {}
bakaGaijin.clean = function() bakaGC() end
bakaGaijin.same = function(a, b) return a == b end
--@ worker B
bakaGaijin.pass = function(x) return x end
bakaGaijin.store = {}
bakaGaijin.clean = function()
  bakaGaijin.store = nil
  bakaGC()
end
--@ worker C once
local t = require "t"
local A, B = bakaGaijin("A"), bakaGaijin("B")
local o, f = A.o, A.f
t.ok(rawequal(o, A.o), "interned")
t.ok(rawequal(f, A.f), "interned")
t.eq(A.is_o(o), true)
t.eq(A.is_f(f), true)
t.ok(rawequal(B.pass(o), o), "over a third worker and back")
t.eq(A.is_o(B.pass(o)), true)
t.eq(A.is_f(B.pass(f)), true)
B.store.o, B.store[o] = o, f
t.ok(rawequal(B.store.o, o))
t.ok(rawequal(B.store[o], f), "an AT is a key in a third worker's table")
local me = A.me
t.ok(rawequal(me(), me), "a function that returns itself")
local t1 = A.t1
t1[t1] = t1
t.ok(rawequal(t1[t1], t1), "t1[t1] = t1")
t.ok(rawequal(t1[t1][t1], t1))
local mine = {}
mine[mine] = mine
t.ok(rawequal(B.pass(mine), mine))
B.store.mine = mine
t.ok(rawequal(B.store.mine, mine))
B.store.mine = nil
t.eq(o == A.o, true)
t.eq(o == t1, false)
t.eq(o ~= mine, true)
t.eq(B.store == o, false, "tables of two hosts")
t.eq(A.same(o, o), true)
t1[t1] = nil
B.clean()
A.clean()

-- Reads that are answered as they arrive give what the slow way gives, and never overtake what was started before them.
--@ worker A
local o = { s = "text", n = 1.5, yes = true, no = false, t = {}, [1] = "one", [true] = "bool", [2.5] = "half", ["\0"] = "zero" }
bakaGaijin.o = o
bakaGaijin.indexed = setmetatable({ own = 1 }, { __index = function(_, k) return "computed " .. tostring(k) end })
bakaGaijin.bare = setmetatable({}, {})
bakaGaijin.set = function(k, v) o[k] = v end
bakaGaijin.slow_set = function(k, v) gaijin.sleep(0.005) o[k] = v end
bakaGaijin.guard = function(on)
  gaijin.access = on and function(client, op, object, key) return not (op == "get" and key == "s") end or nil
end
bakaGaijin.big = { x = ("x"):rep(70000) }
local finalised = 0
bakaGaijin.litter = function()
  for _ = 1, 50 do getmetatable(newproxy(true)).__gc = function() finalised = finalised + 1 error("raised by a finaliser") end end
end
bakaGaijin.finalised = function() return finalised end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o, set = A.o, A.set
t.eq(o.s, "text")
t.eq(o.n, 1.5)
t.eq(o.yes, true)
t.eq(o.no, false)
t.eq(type(o.t), "table")
t.eq(o[1], "one")
t.eq(o[true], "bool")
t.eq(o[2.5], "half")
t.eq(o["\0"], "zero")
t.eq(o.absent, nil)
t.eq(o[0 / 0], nil)
t.eq(A.indexed.own, 1)
t.eq(A.indexed.other, "computed other")
t.eq(A.bare.x, nil)
t.eq(#A.big.x, 70000)
for i = 1, 200 do
  gaijin.post(set, "k", i)
  t.eq(o.k, i, "a read does not overtake the post before it")
end
local f = gaijin.async(A.slow_set, "later", 1)
t.eq(o.later, nil, "and waits for nobody who waits")
f:get()
t.eq(o.later, 1)
A.guard(true)
t.raises("^gaijin: denied: ", function() return o.s end)
t.eq(o.n, 1.5)
A.guard(false)
t.eq(o.s, "text")
-- finalisers that raise in the middle of quick reads harm none of them
A.litter()
local finalised = A.finalised
for i = 1, 3000 do
  local k = "key" .. i
  t.eq(o[k], nil)
end
t.eq(o.s, "text")

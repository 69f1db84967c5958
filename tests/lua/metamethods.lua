-- The host's metamethods answer.
--@ worker A
local base = { inherited = "from base" }
local log = {}
bakaGaijin.log = log
bakaGaijin.o = setmetatable({ own = 1 }, {
  __index = base,
  __newindex = function(self, k, v) rawset(self, k, v); log[#log + 1] = k end,
  __call = function(self, a, b) return self.own, a, b end,
  __tostring = function(self) return "o with " .. self.own end,
  __len = function() return 99 end,
})
local Class = {}
Class.__index = Class
function Class.new(n) return setmetatable({ n = n }, Class) end
function Class:get() return self.n end
function Class:add(m) self.n = self.n + m; return self end
bakaGaijin.Class = Class
bakaGaijin.array = { 1, 2, 3, nil }
bakaGaijin.eq = { setmetatable({}, { __eq = function() return true end }) }
local same = { __eq = function() return true end }
bakaGaijin.e1, bakaGaijin.e2 = setmetatable({}, same), setmetatable({}, same)
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o = A.o
t.eq(o.inherited, "from base")
o.new = "x"
t.eq(o.new, "x")
t.eq(A.log[1], "new")
local own, a, b = o(2, nil)
t.eq(own, 1)
t.eq(a, 2)
t.eq(b, nil)
t.eq(tostring(o), "o with 1")
t.eq(#o, 0, "5.1 does not ask __len of a table")
t.eq(#A.array, 3)
local obj = A.Class.new(5)
t.eq(obj:get(), 5)
t.ok(rawequal(obj:add(2), obj))
t.eq(obj.n, 7)
obj.n = 8
t.eq(obj:get(), 8)
t.eq(type(o), "table")
t.eq(type(obj.get), "function")
t.eq(raw_type(o), "userdata")
t.eq(isBaka(o), true)
t.eq(isBaka(obj.get), true)
t.eq(isBaka({}), false)
t.eq(isBaka(print), false)
t.eq(A.e1 == A.e2, true, "__eq of the host")
t.eq(A.e1 == A.array, false)
t.raises("attempt to call", function() A.array() end)
t.raises("attempt to index", function() return A.Class.new(1).n.x end)

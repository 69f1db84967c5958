-- Operators find the handler that Lua 5.1 would find.
--@ worker A
local V = {}
V.__index = V
local function v(n) return setmetatable({ n = n }, V) end
local function n_of(x) return type(x) == "table" and x.n or x end
for name, f in pairs { __add = function(a, b) return a + b end, __sub = function(a, b) return a - b end, __mul = function(a, b) return a * b end,
  __div = function(a, b) return a / b end, __mod = function(a, b) return a % b end, __pow = function(a, b) return a ^ b end } do
  V[name] = function(a, b) return v(f(n_of(a), n_of(b))) end
end
V.__unm = function(a) return v(-a.n) end
V.__concat = function(a, b) return tostring(n_of(a)) .. "|" .. tostring(n_of(b)) end
V.__eq = function(a, b) return a.n == b.n end
V.__lt = function(a, b) return a.n < b.n end
bakaGaijin.v = v
bakaGaijin.V = V
bakaGaijin.plain = {}
bakaGaijin.failing = setmetatable({}, { __add = function() error({ code = 3 }) end })
bakaGaijin.le = setmetatable({}, { __le = function() return "true value" end })
bakaGaijin.handler = V.__add
--@ worker C
local mine = setmetatable({ n = 100 }, { __add = function(a, b) return "C:" .. tostring(a.n) .. "+" .. tostring(b.n) end })
bakaGaijin.mine = mine
bakaGaijin.plain = {}
bakaGaijin.share = function(eq) return setmetatable({ n = 5 }, { __eq = eq, __lt = eq }) end
bakaGaijin.clean = function() bakaGC() end
--@ worker B once
local t = require "t"
local A, C = bakaGaijin("A"), bakaGaijin("C")
local v = A.v
local a, b = v(6), v(4)
t.eq((a + b).n, 10)
t.eq((a - b).n, 2)
t.eq((a * 2).n, 12)
t.eq((2 * a).n, 12)
t.eq((a / b).n, 1.5)
t.eq((a % 4).n, 2)
t.eq((2 ^ b).n, 16)
t.eq((-a).n, -6)
t.eq(a .. b, "6|4")
t.eq(a .. "x", "6|x")
t.eq("x" .. a, "x|6")
t.eq(a == b, false)
t.eq(a == v(6), true)
t.eq(a ~= v(6), false)
t.eq(a < b, false)
t.eq(b < a, true)
t.eq(a <= v(6), true)
t.eq(a >= b, true)
local own = setmetatable({ n = 1 }, { __add = function(x, y) return "own:" .. x.n .. "+" .. y.n end })
t.eq(own + a, "own:1+6", "the left one's handler")
t.eq((a + own).n, 7, "the left one's handler")
local bare = { n = 3 }
t.eq((bare + a).n, 9, "the right one's")
t.eq(A.plain + setmetatable({}, { __add = function(x) return type(x) end }), "table", "the right one's, at home")
t.eq((a + C.mine).n, 106, "two hosts, the left one's")
t.eq(C.mine + a, "C:100+6")
t.raises("attempt to perform arithmetic on a table value", function() return A.plain + 1 end)
t.raises("attempt to perform arithmetic on a table value", function() return 1 - A.plain end)
t.raises("attempt to perform arithmetic on a table value", function() return A.plain + C.plain end)
t.raises("attempt to perform arithmetic on a table value", function() return -A.plain end)
t.raises("attempt to concatenate a table value", function() return A.plain .. "x" end)
t.raises("attempt to compare two table values", function() return A.plain < A.failing end)
t.raises("attempt to compare two table values", function() return A.plain < C.plain end)
t.raises("attempt to compare", function() return A.plain < 1 end)
t.raises("attempt to compare", function() return A.plain < {} end)
t.eq(A.plain == {}, false)
t.eq(A.plain == C.plain, false)
t.eq(A.plain == A.plain, true)
local ok, e = pcall(function() return A.failing + 1 end)
t.eq(e.code, 3)
local handler = function() return true end
local x, y = C.share(handler), setmetatable({}, { __eq = handler })
t.eq(x == y, false, "documented: an AT and an own table are never equal")
local eq = A.V.__eq
t.eq(A.v(5) == C.share(eq), true, "the same handler at two hosts")
t.eq(A.v(6) == C.share(eq), false)
x, y, eq = nil, nil, nil
bakaGC()
C.clean()

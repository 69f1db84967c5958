-- Library functions do the work in the host.
--@ worker A
local list = { 3, 1, 2 }
bakaGaijin.list = list
bakaGaijin.text = function() return table.concat(list, ",") end
bakaGaijin.o = setmetatable({ a = 1 }, { __index = function() return "indexed" end, __newindex = function() error("no") end })
local m = { __index = { from = "m" } }
bakaGaijin.m = m
bakaGaijin.bare = {}
bakaGaijin.locked = setmetatable({}, { __metatable = "locked" })
bakaGaijin.f = function() return marker end
bakaGaijin.env = { marker = "A's env" }
bakaGaijin.words = { hello = "HALLO", world = "WELT" }
bakaGaijin.upper = string.upper
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local list, text = A.list, A.text
table.insert(list, 9)
t.eq(text(), "3,1,2,9")
table.insert(list, 1, 0)
t.eq(text(), "0,3,1,2,9")
t.eq(table.remove(list), 9)
t.eq(table.remove(list, 1), 0)
table.sort(list)
t.eq(text(), "1,2,3")
table.sort(list, function(a, b) return a > b end)
t.eq(text(), "3,2,1")
t.eq(table.concat(list, "-"), "3-2-1")
t.eq(table.maxn(list), 3)
t.eq(table.getn(list), 3)
local sum = 0
table.foreach(list, function(k, v) sum = sum + v end)
table.foreachi(list, function(i, v) sum = sum + i end)
t.eq(sum, 12)
t.eq(select("#", unpack(list)), 3)
t.eq(select(2, unpack(list, 2, 3)), 1)
local o = A.o
t.eq(o.zzz, "indexed")
t.eq(rawget(o, "zzz"), nil)
t.ok(rawequal(rawset(o, "zzz", 5), o))
t.eq(rawget(o, "zzz"), 5)
t.raises("no", function() o.y = 1 end)
t.eq(getmetatable(A.locked), "locked")
t.ok(rawequal(getmetatable(setmetatable(A.bare, A.m)), A.m))
t.eq(A.bare.from, "m")
t.eq(setmetatable(A.bare, nil).from, nil)
t.raises("protected metatable", setmetatable, A.locked, nil)
local f = A.f
t.eq(f(), nil)
t.ok(rawequal(setfenv(f, A.env), f))
t.eq(f(), "A's env")
t.ok(rawequal(getfenv(f), A.env))
t.eq(("hello world"):gsub("%w+", A.words), "HALLO WELT")
t.eq(("hello"):gsub("%w+", A.upper), "HELLO")
t.eq(select(2, string.gsub("aaa", "a", A.upper, 2)), 2)
t.ok(tostring(f):match("^function: "))
t.eq(tostring(f), tostring(A.f))
t.raises("string expected", string.upper, o)
t.raises("wrong number of arguments to 'insert'", function() table.insert(list) end)
f, list, text, o = nil

-- A chain of four reads costs one round trip each: nothing is sent beside them.
--@ worker A
bakaGaijin.t = { a = { b = { c = 5 } } }
local served = 0
gaijin.access = function() served = served + 1; return true end
bakaGaijin.served = function() return served end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local served = A.served
local before = served()
t.eq(A.t.a.b.c, 5)
t.eq(served() - before, 5, "s2t, three gets and this call")

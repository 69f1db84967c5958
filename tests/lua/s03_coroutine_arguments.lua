-- A coroutine among the arguments is passed like everything else and leaves the others whole.
--@ worker A
bakaGaijin.f = function(...) return select("#", ...), ... end
bakaGaijin.resume = function(co, list) return select(2, coroutine.resume(co, list[1])) end
bakaGaijin.clean = function() bakaGC() end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local co, list = coroutine.create(function(x) return x * 2 end), { 21 }
local n, a, b, c = A.f(co, list, nil)
t.eq(n, 3)
t.ok(rawequal(a, co))
t.ok(rawequal(b, list))
t.eq(c, nil)
t.eq(A.resume(co, list), 42)
t.eq(coroutine.status(co), "dead")
co, a, b, list = nil
A.clean()

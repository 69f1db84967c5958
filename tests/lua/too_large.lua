--@ broker --max-message 65536
--@ worker A
bakaGaijin.echo = function(...) return ... end
bakaGaijin.grow = function(n) return ("x"):rep(n) end
bakaGaijin.t = {}
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local echo, grow = A.echo, A.grow
t.eq(#echo(("x"):rep(65000)), 65000)
local e = t.raises("^gaijin: too_large: ", echo, ("x"):rep(70000))
t.ok(e:match("65536"), e)
t.ok(e:match("70%d%d%d"), e)
t.raises("^gaijin: too_large: ", grow, 70000)
t.raises("^gaijin: too_large: ", function() A.t[("k"):rep(70000)] = 1 end)
t.eq(grow(10), ("x"):rep(10))
t.eq((getBaka()), 0)

-- A worker that goes away without ever having held the object does not free it.
--@ worker A
bakaGaijin.get = function() return { v = 1 } end
--@ worker B
local held = bakaGaijin("A").get()
bakaGaijin.read = function() return held.v end
bakaGaijin.let_go = function() held = nil; bakaGC() end
--@ worker C once
local t = require "t"
t.eq(bakaGaijin("B").read(), 1)
bakaGC()
--@ worker D once after=C
local t = require "t"
t.eq(bakaGaijin("B").read(), 1)
bakaGaijin("B").let_go()

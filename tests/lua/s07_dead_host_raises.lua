-- Reading, writing, calling and traversing what a dead worker had raises, each with the text that tells the name.
--@ worker A once
local finished = false
bakaGaijin.t = { v = 1 }
bakaGaijin.f = function() return 1 end
bakaGaijin.finish = function() finished = true end
gaijin.ready()
while not finished do gaijin.sleep(0.005) end
--@ worker B once nowait
local t = require "t"
local A = bakaGaijin("A")
local o, f = A.t, A.f
t.eq(o.v, 1)
A.finish()
t.eventually(function() return not pcall(function() return o.v end) end)
local dead = "^gaijin: dead: Gaijin tried accessing dead resource%. %(A%)$"
t.raises(dead, function() return o.v end)
t.raises(dead, function() o.v = 2 end)
t.raises(dead, function() return #o end)
t.raises(dead, function() return f() end)
t.raises(dead, function() return bakaGaijin("A").t end)
t.raises(dead, function() bakaGaijin("A").t() end)

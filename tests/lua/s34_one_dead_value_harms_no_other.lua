-- B passes on a list in which one value is of a dead worker: the others work, the dead one raises when used.
--@ worker A once
local finished = false
bakaGaijin.x = { v = 1 }
bakaGaijin.finish = function() finished = true end
gaijin.ready()
while not finished do gaijin.sleep(0.005) end
--@ worker B
local via = gaijin.wait_for("A", "x", 10)
local mine = { v = "B's" }
bakaGaijin.via = via
bakaGaijin.both = function() return via, mine end
bakaGaijin.let_go = function()
  via, bakaGaijin.via = nil, nil
  bakaGC()
end
bakaGaijin.end_a = function() bakaGaijin("A").finish() end
--@ worker C once
local t = require "t"
local B = bakaGaijin("B")
t.eq(B.via.v, 1)
B.end_a()
t.eventually(function() return not pcall(function() return bakaGaijin("A").x end) end)
local x, mine = B.both()
t.eq(mine.v, "B's")
t.eq(type(x), "table")
t.raises("^gaijin: dead: ", function() return x.v end)
t.raises("^gaijin: dead: ", function() return B.via.v end)
B.let_go()

-- A host short of memory asks all holders to collect.
--@ broker --load-min 100000
--@ worker A
bakaGaijin.make = function() return {} end
bakaGaijin.reclaim = function() return gaijin.reclaim() end
bakaGaijin.exported = function() return (getBaka()) end
--@ worker B
collectgarbage("stop")
local make = bakaGaijin("A").make
for _ = 1, 500 do make() end
--@ worker C once
local t = require "t"
local A = bakaGaijin("A")
local make, reclaim, exported = A.make, A.reclaim, A.exported
t.ok(exported() >= 500)
collectgarbage("stop")
for _ = 1, 200 do make() end
local came_back = reclaim()
t.ok(came_back >= 700, came_back)
t.ok(exported() <= 4, exported())

-- Arguments of calls that reach nobody do not stay in the pool.
--@ worker A once
local finished = false
bakaGaijin.t = setmetatable({}, { __call = function() end })
bakaGaijin.finish = function() finished = true end
gaijin.ready()
while not finished do gaijin.sleep(0.005) end
--@ worker C
bakaGaijin.f = function() end
--@ worker B once
local t = require "t"
local o = bakaGaijin("A").t
bakaGaijin("A").finish()
t.eventually(function() return not pcall(function() return o.v end) end)
for _ = 1, 50 do pcall(function() o({}) end) end
for _ = 1, 50 do pcall(function() return bakaGaijin("nobody").x end) end
t.raises("too_large", function() bakaGaijin("C").f({}, {}, ("x"):rep(17 * 1024 * 1024)) end)
bakaGC()
t.eq((getBaka()), 0, "tokens of ours")

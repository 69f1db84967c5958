-- tostring of an object whose worker has begun to stop, and serves nobody new, describes the handle.
--@ worker A exit=0
bakaGaijin.t = { v = 1 }
bakaGaijin.stop = function() gaijin.stop() gaijin.wait_for("B", "seen", 10) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o, stop = A.t, A.stop
gaijin.post(stop)
t.eventually(function() return not pcall(function() return o.v end) end)
t.ok(tostring(o):match("^table: A:%d+ %(dead%)$"), tostring(o))
bakaGaijin.seen = true

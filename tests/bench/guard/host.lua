-- SPDX-License-Identifier: MIT
--
-- The workers that routed.lua asks: "host" has the objects, "third" is handed them. Nothing is
-- collected before finish(). The collector is stopped between two rounds of its own: amid one, what
-- the next full one takes depends on how far that was.
collectgarbage()
collectgarbage("stop")
local kept = {}

bakaGaijin.object = {field = 1}
bakaGaijin.echo = function(v) return v end
bakaGaijin.make = function() return {} end
bakaGaijin.take = function(v) kept[1] = v end
bakaGaijin.finish = function()
  kept = nil
  bakaGC()
end
assert(io.open(gaijin.name .. ".ready", "w")):close()

-- SPDX-License-Identifier: MIT
--
-- One of some that are busy as long as they run: usage busy.lua I WORKERS. Each of them is called busy-I
-- and calls the next one without end, the last one the first.
local me, workers = ...
bakaGaijin.echo = function(v) return v end
gaijin.async(function()
  local echo = gaijin.wait_for("busy-" .. me % workers + 1, "echo", 60)
  bakaGaijin.ready = true
  while true do echo(1) end
end)

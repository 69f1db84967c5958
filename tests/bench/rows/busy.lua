-- SPDX-License-Identifier: MIT
--
-- One of some that are busy as long as they run: usage busy.lua I WORKERS. Each of them is called busy-I
-- and calls the next one until that has ended, the last one the first.
local me, workers = ...
bakaGaijin.echo = function(v) return v end
gaijin.async(function()
  local echo = gaijin.wait_for("busy-" .. me % workers + 1, "echo", 60)
  bakaGaijin.ready = true
  while pcall(echo, 1) do end
end)

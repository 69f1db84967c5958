-- SPDX-License-Identifier: MIT
--
-- A builder does one job after another: it hands `build` to master, which calls it there. If master ends, so does it.
local function build(n)
  local till = gaijin.now() + 0.01 -- some work, without giving way
  repeat local result = n * n until gaijin.now() >= till
  return n * n
end

local join = gaijin.wait_for("master", "join", 20)
gaijin.on_death(join, function() gaijin.stop() end)
join(gaijin.name, build, function() gaijin.stop() end)

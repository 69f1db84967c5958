-- SPDX-License-Identifier: MIT
--
-- One of a crowd in which all call each other: usage crowd.lua WORKERS. Each of them is called crowd-1
-- and so on, and has a function to call and one that calls those of all others in turn, eight calls
-- in flight. crowd_lead.lua has all of them begin.
local workers, IN_FLIGHT = tonumber((...)), 8
local others

bakaGaijin.echo = function(v) return v end
bakaGaijin.meet = function()
  others = {}
  for i = 1, workers do
    local name = "crowd-" .. i
    if name ~= gaijin.name then others[#others + 1] = gaijin.wait_for(name, "echo", 60) end
  end
end
bakaGaijin.begin = function(calls)
  local futures, at = {}, 0
  for i = 1, IN_FLIGHT do
    futures[i] = gaijin.async(function()
      for _ = 1, calls / IN_FLIGHT do
        at = at % #others + 1
        others[at](at)
      end
    end)
  end
  for i = 1, IN_FLIGHT do futures[i]:get() end
end
bakaGaijin.ready = true

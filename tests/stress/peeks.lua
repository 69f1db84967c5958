-- SPDX-License-Identifier: MIT
--
-- A reader of weak tables, in a worker of the stress test. While steps are done, `registry` (serial -> object of this worker) is read a
-- thousand times in a second, and what is there is kept for a while, whether somebody uses it or not. What it has works, too, or is of
-- one who has ended; violation(text) is told of anything else. What is there for a finaliser's sake (objects.lua, sign) is left alone.
local RECENT, ONE_OF = 300, 8

return function(registry, objects, violation)
  local newest, running, peeks, peeked = 0, 0, 0, nil

  local function peek_into(object)
    local v = objects.home_cell(object, math.random(4))
    if v == nil then return end
    local ok, e = pcall(objects.probe, v)
    if not ok and not objects.is_lost(e) then violation("in a weak table: " .. tostring(e)) end
  end

  -- What was taken out is kept for some ticks and then looked into: a round may end in between.
  gaijin.every(0.001, function()
    local object = peeked
    if running == 0 then
      peeked = nil
    elseif object == nil then
      local serial = newest - math.random(0, RECENT)
      if objects.signs[serial] ~= nil then peeked = registry[serial] end
    elseif math.random(ONE_OF) == 1 then
      peeks = peeks + 1
      pcall(peek_into, object)
      peeks = peeks - 1
      if peeked == object then peeked = nil end
    end
  end)

  local function stopped(...)
    running = running - 1
    if running == 0 then peeked = nil end
    return ...
  end

  return {
    -- Serials are about as high as this one.
    note = function(serial) newest = serial end,
    -- f(...), with peeks meanwhile.
    during = function(f, ...)
      running = running + 1
      return stopped(f(...))
    end,
    -- Until none is under way.
    wait = function()
      while peeks > 0 or peeked ~= nil do gaijin.sleep(0) end
    end,
  }
end

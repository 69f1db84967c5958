-- SPDX-License-Identifier: MIT
--
-- A worker that has the broker look for garbage in cycles, once for each call of `look`, which tells what came of it. It serves
-- meanwhile, for it may be asked itself. Rounds that end early, or go without somebody, because a busy machine is slow, are asked for
-- again: for longer than the minute for which one is left out that did not answer in time. Who calls it needs a --call-timeout that allows for that, and members a --cycle-pause.
local seconds = 150 * (tonumber(os.getenv "GAIJIN_TEST_SLOWER") or 1)
local path = os.tmpname()
local command = "{ " .. os.getenv "GAIJIN_BUILD" .. "/gaijinctl gc --cycles; echo over; } >" .. path .. " 2>&1 &"

local function said()
  local f = io.open(path)
  if not f then return nil end
  local text = f:read "*a"
  f:close()
  return text
end

local function once()
  os.execute(command)
  local text
  repeat
    gaijin.sleep(0.005)
    text = said() or ""
  until text:find "over\n$"
  os.remove(path)
  return text
end

-- What a round says if it went without somebody or something.
local slow = { "aborted", "unfinished", "in time", "no more than", "stand still", "stood still", "could not look", "not answer", "used", "uses",
  "its time was over", "too long" }
local function is_whole(text)
  for i = 1, #slow do if text:find(slow[i], 1, true) then return false end end
  return true
end

bakaGaijin.look = function()
  local told, give_up = {}, gaijin.now() + seconds
  repeat
    local text = once()
    if is_whole(text) then return text end
    told[#told + 1] = text
  until gaijin.now() > give_up
  error(("no round came to its end in %d s:\n"):format(seconds) .. table.concat(told), 0)
end

-- SPDX-License-Identifier: MIT
--
-- A worker that has the broker look for garbage in cycles, once for each call of `look`. It holds nothing, and so is never asked. Rounds
-- that end early, because a busy machine is slow, are asked for again.
local function once()
  local p = assert(io.popen(os.getenv "GAIJIN_BUILD" .. "/gaijinctl gc --cycles 2>&1"))
  local text = p:read "*a"
  p:close()
  return text
end

bakaGaijin.look = function()
  for _ = 1, 20 do
    local text = once()
    if not text:find "aborted" then return text end
  end
  error("no round came to its end: " .. once(), 0)
end

-- SPDX-License-Identifier: MIT
--
-- For posts_meet.lua: a worker whose handler posts to the other one, which does the same.
local flood = {}

--- Exposes start(level), hit(level) and figures. A hit of level n posts four of level n - 1.
function flood.serve(other)
  local accepted, done, busy = 0, 0, 0
  local hit
  local function post(level)
    hit = hit or gaijin.wait_for(other, "hit", 10)
    for _ = 1, 4 do
      local ok, e = pcall(gaijin.post, hit, level - 1)
      if ok then
        accepted = accepted + 1
      elseif type(e) == "string" and e:find("^gaijin: busy: a post has no room at its receiver") then
        busy = busy + 1
      else
        error(e, 0)
      end
    end
  end
  function bakaGaijin.hit(level)
    done = done + 1
    if level > 0 then post(level) end
  end
  function bakaGaijin.start(level) gaijin.spawn(function() for _ = 1, 10 do post(level) end end) end
  function bakaGaijin.figures()
    local s = gaijin.stats()
    return accepted, done, busy, s.posts_failed, s.fibers
  end
end

return flood

-- SPDX-License-Identifier: MIT
--
-- For run.sh: posts so many times to the sink once the caller says so.
local posts, me = tonumber(arg[1]), gaijin.name
local add = gaijin.wait_for("sink", "add", 10)
gaijin.wait_for("caller", "begin", 60)
gaijin.spawn(function()
  for i = 1, posts do gaijin.post(add, me, i) end
end)
function bakaGaijin.failed() return gaijin.stats().posts_failed end

-- SPDX-License-Identifier: MIT
--
-- The other end of calls_client.lua: a function to call, one that waits for its caller, and this process's private memory.
local waiting = 0

bakaGaijin.echo = function(v) return v end
bakaGaijin.wait = function(f)
  waiting = waiting + 1
  return f()
end
bakaGaijin.waiting = function() return waiting end
bakaGaijin.private_kib = function()
  collectgarbage()
  collectgarbage()
  local n = 0
  for line in io.lines("/proc/self/smaps_rollup") do n = n + (line:match("^Private_%a+:%s+(%d+)") or 0) end
  return n
end

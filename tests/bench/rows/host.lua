-- SPDX-License-Identifier: MIT
--
-- The other end of client.lua: an object to read and write a field of, functions to call, tables to
-- walk and fetch, and what this process has counted.
local posted, waiting = 0, 0

bakaGaijin.object = {field = string.rep("v", 64), big = string.rep("b", 1024 * 1024)}
bakaGaijin.echo = function(v) return v end
bakaGaijin.make = function() return {} end
bakaGaijin.size = function(v) return #v end
-- From then on each request has a lua_State of its own; that the library has no such function changes nothing.
bakaGaijin.load_library = function() package.loadlib("libm.so.6", "luaopen_none") end

bakaGaijin.post = function() posted = posted + 1 end
bakaGaijin.posted = function()
  local n = posted
  posted = 0
  return n
end
-- Makes a table of so many numbers, which is the label "numbers".
bakaGaijin.number = function(n)
  local t = {}
  for i = 1, n do t[i] = i end
  bakaGaijin.numbers = t
end
bakaGaijin.wait = function(f)
  waiting = waiting + 1
  return f()
end
bakaGaijin.waiting = function() return waiting end
bakaGaijin.private_kib = function()
  collectgarbage()
  collectgarbage()
  local n = 0
  for line in io.lines("/proc/self/smaps_rollup") do
    n = n + (line:match("^Private_%a+:%s+(%d+)") or 0)
  end
  return n
end
bakaGaijin.ready = true

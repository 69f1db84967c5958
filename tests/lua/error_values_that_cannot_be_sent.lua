-- The reason arrives instead of the error value, in the words of whoever raised it.
--@ worker A
local kept
bakaGaijin.keep = function(o)
  local u = newproxy(true)
  local box = { o = o }
  getmetatable(u).__gc = function() kept = box.o end
end
bakaGaijin.collect = function() collectgarbage() end
bakaGaijin.raise = function() error(kept) end
bakaGaijin.replace = function() tostring = nil end
bakaGaijin.named = setmetatable({}, { __tostring = function() return "named" end })
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local raise = A.raise
local before = gaijin.stats().tokens
A.keep(setmetatable({}, {}))
t.eq(gaijin.stats().tokens, before + 1)
A.collect()
A.collect()
t.eventually(function() return gaijin.stats().tokens == before end) -- the release has left, and nobody else held it
t.raises("^gaijin: stale: ", raise)
A.replace()
t.eq(tostring(A.named), "named")

--@ limit 90
--@ worker A flags=--call-timeout,80
-- Both send more at once than the broker queues for one who does not read: whoever writes reads meanwhile.
bakaGaijin.echo = function(s) return s end
bakaGaijin.start = function()
  local B = bakaGaijin("B")
  local echo, futures = B.echo, {}
  for i = 1, 8 do futures[i] = gaijin.async(echo, ("a"):rep(3000000)) end
  local n = 0
  for i = 1, 8 do n = n + #futures[i]:get() end
  return n
end
--@ worker B once flags=--call-timeout,80
local t = require "t"
bakaGaijin.echo = function(s) return s end
local A = bakaGaijin("A")
local start, echo = A.start, A.echo
local there = gaijin.async(start)
local futures = {}
for i = 1, 8 do futures[i] = gaijin.async(echo, ("b"):rep(3000000)) end
for i = 1, 8 do t.eq(#futures[i]:get(), 3000000) end
t.eq(there:get(), 24000000)

-- What comes is decoded within limits, of requests and of answers, and while that takes long
-- everybody else is served.
--@ limit 60
--@ worker H flags=--max-decoded,16777216
bakaGaijin.size = function(t) return #t end
bakaGaijin.secret = function() return "told" end
bakaGaijin.make = function(n)
  local t = {}
  for i = 1, n do t[i] = i end
  return gaijin.copy(t)
end
--@ worker V once nowait
-- Is served all the time.
local t = require "t"
local secret = gaijin.wait_for("H", "secret", 10)
local n = 0
gaijin.wait_for("C", 10)
repeat
  t.eq(secret(), "told")
  n = n + 1
until bakaGaijin("C").done
t.ok(n > 0)
--@ worker C
local t = require "t"
gaijin.ready()
local H = bakaGaijin("H")
local size = gaijin.wait_for("H", "size", 10)
local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return gaijin.copy(list)
end
t.eq(size(numbers(300000)), 300000)
t.raises("^gaijin: too_large: the request would become more than 16777216 bytes of Lua values; "
  .. "the limit of H is %-%-max%-decoded$", size, numbers(500000))
t.eq(size(numbers(10)), 10)
-- Our own limit is larger.
local list = H.make(1000000)
t.eq(#list, 1000000)
t.eq(list[999999], 999999)
-- Calls that were started together begin in their order, however long each takes to decode.
local large = gaijin.async(size, numbers(200000))
local small = gaijin.async(size, numbers(3))
t.eq(large:get(), 200000)
t.eq(small:get(), 3)
bakaGaijin.done = true

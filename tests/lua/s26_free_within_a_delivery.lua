-- The delivery that crosses the line brings values of which the client has just dropped one: it must be alive.
--@ broker --load-min 5
--@ worker A
local v = { alive = true }
bakaGaijin.v = v
bakaGaijin.fresh_and_v = function() return {}, {}, {}, {}, {}, {}, v end
bakaGaijin.v = nil
bakaGaijin.get_v = function() return v end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local get, make = A.get_v, A.fresh_and_v
for _ = 1, 200 do
  local x = get()
  t.eq(x.alive, true)
  x = nil
  local _, _, _, _, _, _, again = make()
  t.eq(again.alive, true)
end

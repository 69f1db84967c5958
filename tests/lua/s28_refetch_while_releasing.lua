-- A reference that crosses its own release on the way is alive.
--@ worker A
local o = { v = 7 }
bakaGaijin.get = function() return o end
--@ worker B once
local t = require "t"
local get = bakaGaijin("A").get
for _ = 1, 500 do
  local x = get()
  t.eq(x.v, 7)
  x = nil
  collectgarbage()
end
bakaGC()
t.eq(get().v, 7)

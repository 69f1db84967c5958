-- A gives C an AT of an object of H's and drops its own at once.
--@ worker H
bakaGaijin.make = function(n) return { n = n } end
--@ worker C
local got = {}
bakaGaijin.take = function(o) got[#got + 1] = o end
bakaGaijin.check = function()
  for i, o in raw_ipairs(got) do
    if o.n ~= i then return "object " .. i .. " has " .. tostring(o.n) end
  end
  local n = #got
  got = {}
  bakaGC()
  return n
end
--@ worker A once
local t = require "t"
local make, take = bakaGaijin("H").make, bakaGaijin("C").take
for i = 1, 300 do
  take(make(i))
  if i % 10 == 0 then bakaGC() end
end
t.eq(bakaGaijin("C").check(), 300)

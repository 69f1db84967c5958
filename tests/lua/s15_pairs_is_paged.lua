-- Breaking out of a traversal of 3,000 tables costs one page, and what was not looked at is released.
--@ worker A
local big = {}
for i = 1, 3000 do big[i] = { i } end
bakaGaijin.big = big
local served = 0
gaijin.access = function() served = served + 1 return true end
bakaGaijin.served = function() return served end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local big, served = A.big, A.served
local before = served()
for _ in pairs(big) do break end
t.eq(served() - before, 2, "one page, and this call")
bakaGC()
local _, used = getBaka()
t.ok(used <= 3, used .. " are still held")
before = served()
local n, most = 0, 0
for _, v in pairs(big) do
  n = n + 1
  if n % 500 == 0 then
    v = nil
    bakaGC()
    most = math.max(most, (select(2, getBaka())))
  end
end
t.eq(n, 3000)
t.ok(most <= 1100, most .. " held at once: more than a page")
t.eq(served() - before, 2, "asked for leave once, not for each of the three pages; and this call")

-- Who may traverse a table gets all of its pages, though calls are refused; and a refusal names who
-- asked even if the access function had to wait.
--@ worker A
local big = {}
for i = 1, 3500 do big[i] = i end
bakaGaijin.big = big
bakaGaijin.f = function() end
gaijin.access = function(_, op)
  gaijin.sleep(0)
  return op ~= "call"
end
--@ worker B once
local t = require "t"
local n, sum = 0, 0
for k, v in pairs(bakaGaijin("A").big) do n, sum = n + 1, sum + v end
t.eq(n, 3500)
t.eq(sum, 3500 * 3501 / 2)
t.raises("^gaijin: denied: A refuses call to B$", bakaGaijin("A").f)

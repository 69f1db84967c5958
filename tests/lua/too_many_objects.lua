--@ limit 60
--@ worker A
bakaGaijin.count = function(t) return #t end
bakaGaijin.many = function(n)
  local t = {}
  for i = 1, n do t[i] = {} end
  return gaijin.copy(t, 1)
end
bakaGaijin.t = {}
for i = 1, 3000 do bakaGaijin.t[{}] = {} end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local count, many = A.count, A.many
local objects = {}
for i = 1, 4097 do objects[i] = {} end
local e = t.raises("^gaijin: too_large: ", count, gaijin.copy(objects, 1))
t.ok(e:match("4096"), e)
e = t.raises("^gaijin: too_large: ", many, 4097)
t.ok(e:match("4096"), e)
objects[4097] = nil
t.eq(count(gaijin.copy(objects, 1)), 4096)
t.eq(#many(4096), 4096)
local n = 0
for k, v in pairs(A.t) do n = n + 1 end -- pages keep to the limit
t.eq(n, 3000)

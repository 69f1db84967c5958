-- A table that looks like a token is a table.
--@ worker A
bakaGaijin.keys = function(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n, t.__gaijin_res, type(t)
end
bakaGaijin.same = function(t) return t end
--@ worker B once
local t = require "t"
local fake = { __gaijin_res = "A", __gaijin_id = 1, __gaijin_stamp = 2, __gaijin_fun = true }
local n, res, kind = bakaGaijin("A").keys(fake)
t.eq(n, 4)
t.eq(res, "A")
t.eq(kind, "table")
t.eq(bakaGaijin("A").same(fake), fake)

-- A traversal of a million entries needs a page of memory here, and gives each entry once.
--@ limit 60
--@ worker H
bakaGaijin.make = function(n)
  local t = {}
  for i = 1, n do t["k" .. i] = i end
  return t
end
bakaGaijin.clean = function() collectgarbage() end
--@ worker M once flags=--call-timeout,1000
local t = require "t"
local N = t.share(1000000)
local at = bakaGaijin("H").make(N)
collectgarbage()
local before, most, n, sum = collectgarbage "count", 0, 0, 0
for k, v in pairs(at) do
  n, sum = n + 1, sum + v
  if n % 5000 == 0 then
    collectgarbage()
    local used = collectgarbage "count" - before
    if used > most then most = used end
  end
end
t.eq(n, N)
t.eq(sum, N * (N + 1) / 2)
t.ok(most < 1024, "a page, not the table: " .. most .. " KiB")
at = nil
bakaGC()
bakaGaijin("H").clean()

-- pairs and ipairs over tables of nothing but numbers, whose pages are numbers here too; below, at and over the size of a
-- page, and with something else among them.
--@ worker H
local function numbers(n)
  local t = {}
  for i = 1, n do t[i] = i * 1.5 end
  return t
end
bakaGaijin.numbers = numbers
bakaGaijin.with = function(n, k, v)
  local t = numbers(n)
  t[k] = v
  return t
end
bakaGaijin.odd = function() return {[-1] = 0 / 0, [1.5] = -1 / math.huge, [2 ^ 60] = math.huge, [-math.huge] = -1e300, [0] = 5e-324} end
--@ worker C once
local t = require "t"
local H = bakaGaijin("H")
for _, n in ipairs {0, 1, 2, 3, 511, 999, 1000, 1001, 1024, 1025, 2000, 2500} do
  local at, seen, indices = H.numbers(n), 0, 0
  for k, v in pairs(at) do
    seen = seen + 1
    t.eq(v, k * 1.5)
  end
  t.eq(seen, n)
  for i, v in ipairs(at) do
    indices = indices + 1
    t.eq(i, indices)
    t.eq(v, i * 1.5)
  end
  t.eq(indices, n)
end
-- Two over one table do not know of each other, and one that has ended says so again.
local at = H.numbers(3)
local a, b = pairs(at), pairs(at)
t.eq(select(2, a()), 1.5)
t.eq(select(2, b()), 1.5)
t.eq(select(2, a()), 3)
t.eq(select(2, a()), 4.5)
t.eq(a(), nil)
t.eq(a(), nil)
t.eq(select(2, b()), 3)
collectgarbage()
t.eq(select(2, b()), 4.5)
-- ipairs may be asked for any index.
local step, of = ipairs(at)
t.eq(select(2, step(of, 1)), 3)
t.eq(select(2, step(of, 0)), 1.5)
t.eq(step(of, 3), nil)
t.eq(select(2, step(of, 2)), 4.5)
-- Something else as first, last, or key; each in the first page or in a later one.
for _, n in ipairs {1, 2, 10, 999, 1000, 1500} do
  for _, k in ipairs {1, n, n + 1, "key", true} do
    for _, v in ipairs {"text", false, H.with, 7} do
      local seen, found = 0
      for key, value in pairs(H.with(n, k, v)) do
        seen = seen + 1
        if key == k then found = value else t.eq(value, key * 1.5) end
      end
      t.eq(found, v)
      t.eq(seen, (type(k) == "number" and k <= n) and n or n + 1)
    end
  end
end
local seen = {}
for k, v in pairs(H.odd()) do seen[k] = v end
t.ok(seen[-1] ~= seen[-1])
t.eq(1 / seen[1.5], -math.huge)
t.eq(seen[2 ^ 60], math.huge)
t.eq(seen[-math.huge], -1e300)
t.eq(seen[0], 5e-324)

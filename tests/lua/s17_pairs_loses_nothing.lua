--@ worker A
local keys = { "a", 1, 2.5, true, false }
local tables = { {}, {} }
bakaGaijin.t = { a = 1, [1] = "one", [2.5] = false, [true] = print, [false] = tables[1], [tables[2]] = tables[2] }
bakaGaijin.key_table = tables[2]
local big = {}
for i = 1, 5000 do big["k" .. i] = i end
bakaGaijin.big = big
local objects = {}
for i = 1, 2500 do objects[i] = { i = i } end
bakaGaijin.objects = objects
bakaGaijin.clear = function(t) for k in pairs(t) do t[k] = nil end end
bakaGaijin.fresh = function() local t = {} for i = 1, 3000 do t[i] = i end return t end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o, seen = A.t, {}
for k, v in pairs(o) do
  seen[k] = v
end
local n = 0
for _ in raw_pairs(seen) do n = n + 1 end
t.eq(n, 6)
t.eq(seen.a, 1)
t.eq(seen[1], "one")
t.eq(seen[2.5], false)
t.eq(type(seen[true]), "function")
t.eq(type(seen[false]), "table")
t.eq(seen[A.key_table], A.key_table)

n = 0
local sum = 0
for _, v in pairs(A.big) do n, sum = n + 1, sum + v end
t.eq(n, 5000)
t.eq(sum, 5000 * 5001 / 2)

n = 0
for i, v in ipairs(A.objects) do
  n = n + 1
  t.eq(v.i, i)
end
t.eq(n, 2500)
n = 0
for _, v in pairs(A.objects) do n = n + v.i end
t.eq(n, 2500 * 2501 / 2)

for _ in pairs(A.objects) do break end -- the rest is released

local fresh = A.fresh()
for k in pairs(fresh) do fresh[k] = nil end -- clearing while traversing
t.eq(next(fresh), nil)
local k, v = next(A.t, "a")
t.ok(k == nil or v ~= nil)
t.eq(#A.objects, 2500)
t.eq(len(A.objects), 2500)

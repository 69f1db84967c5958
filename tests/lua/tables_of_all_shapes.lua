-- Tables of numbers, of other values and of both, of all sizes about those that are read in one go, arrive as they are:
-- sent by value, fetched, and traversed.
--@ worker A
bakaGaijin.back = function(v) return gaijin.copy(v) end
bakaGaijin.hold = function(v) bakaGaijin.held = v end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local back, hold = A.back, A.hold
local seed = tonumber(os.getenv "GAIJIN_TEST_SEED" or os.time() % 1000000)
print("GAIJIN_TEST_SEED=" .. seed)
math.randomseed(seed)
local random, huge = math.random, math.huge
local numbers = { 0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2 ^ 31, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 53, -2 ^ 53, 2 ^ 60, 0.5, -0.25,
  1e300, huge, -huge, -32, -33, -128, -129, -32768, -32769, -2 ^ 31, -2 ^ 31 - 1 }
local function number() return random(3) == 1 and numbers[random(#numbers)] or random(0, 70000) end
local function other()
  local k = random(4)
  return k == 1 and true or k == 2 and ("x"):rep(random(0, 40)) or k == 3 and "\255" .. random(9) or "k" .. random(1000)
end
local function mixed() return (random(2) == 1 and number or other)() end

local function same(a, b, seen)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b or (a ~= a and b ~= b) end
  seen = seen or {}
  if seen[a] then return seen[a] == b end
  seen[a] = b
  for k, v in pairs(a) do
    if type(k) ~= "table" and not same(v, b[k], seen) then return false, k end
  end
  for k in pairs(b) do
    if type(k) ~= "table" and a[k] == nil then return false, k end
  end
  return true
end
local function check(v, what)
  t.ok(same(v, back(gaijin.copy(v))), what .. " by value")
  hold(gaijin.copy(v))
  local held, n = A.held, 0
  t.ok(same(v, gaijin.fetch(held)), what .. " fetched")
  local seen = {}
  for k, value in pairs(held) do
    t.ok(rawequal(seen[k], nil), what)
    seen[k] = value
  end
  for k, value in pairs(v) do t.ok(same(value, seen[k]) or type(value) == "table", what .. " traversed") end
  for i, value in ipairs(held) do
    n = i
    t.ok(same(value, v[i]) or type(value) == "table", what .. " in order")
  end
  t.eq(v[n + 1], nil, what)
end

for n = 0, 70 do
  local list, floats, named, sparse, both, by_number, broken = {}, {}, {}, {}, {}, {}, {}
  for i = 1, n do
    list[i], floats[i], both[i] = i * 100, i + 0.5, mixed()
    named["k" .. i], sparse[i * 3], by_number[number()], broken[i] = i, i, mixed(), number()
  end
  if n > 2 then broken[random(n)] = other() end
  broken.last, floats[n + 1] = n, 0 / 0
  for what, v in pairs { list = list, floats = floats, named = named, sparse = sparse, both = both, by_number = by_number,
    broken = broken } do
    if n % 7 == 0 or what == "broken" then check(v, what .. " " .. n) else t.ok(same(v, back(gaijin.copy(v))), what .. n) end
  end
end
for _, n in ipairs { 999, 1000, 1001, 2048, 5000 } do
  local list, strings, both = {}, {}, {}
  for i = 1, n do list[i], strings[i], both[i % 2 == 0 and i or "k" .. i] = number(), other(), mixed() end
  check(list, "list " .. n)
  check(strings, "strings " .. n)
  check(both, "both " .. n)
end
-- Numbers in their places are read 128 at a time: one less, one more, and something else behind them.
for n = 126, 386 do
  if n % 128 <= 2 or n % 128 >= 126 then
    local list, ended, named, broken = {}, {}, {}, {}
    for i = 1, n do list[i], ended[i], named[i], broken[i] = i * 3, -(i % 30), i / 2, i end
    ended[n + 1], named.last, broken[n - 1] = other(), n, "no number"
    for what, v in pairs { list = list, ended = ended, named = named, broken = broken } do check(v, what .. " in places " .. n) end
  end
end
local shared, nest = { 1, 2, 3, x = { 4 } }, {}
for i = 1, 40 do nest[i] = { shared, i, nest, [number()] = shared } end
local got = back(gaijin.copy(nest))
t.ok(same(nest, got))
t.ok(rawequal(got[1][1], got[40][1]) and rawequal(got[7][3], got))

-- An iterator of ipairs gives any index that it is asked for, also one of a page before.
local many = {}
for i = 1, 5000 do many[i] = i * 2 end
hold(gaijin.copy(many))
local step, held = ipairs(A.held)
for _, i in ipairs { 0, 4998, 1500, 0, 4999, 5000, 2 } do
  local at, value = step(held, i)
  t.eq(at, many[i + 1] and i + 1)
  t.eq(value, many[i + 1])
end

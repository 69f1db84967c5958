-- Random trees of calls through ten workers, two of which are killed on the way, with random limits and cancelled calls: each
-- call, nested ones too, ends exactly once, and nothing is left of it anywhere. GAIJIN_TEST_SEED chooses the trees.
--@ limit 60
--@ worker w1 signal=9
require("tree").serve()
gaijin.ready()
--@ worker w2 signal=9
require("tree").serve()
gaijin.ready()
--@ worker w3
require("tree").serve()
--@ worker w4
require("tree").serve()
--@ worker w5
require("tree").serve()
--@ worker w6
require("tree").serve()
--@ worker w7
require("tree").serve()
--@ worker w8
require("tree").serve()
--@ worker w9
require("tree").serve()
--@ worker w10
require("tree").serve()
--@ worker driver once
local t, tree = require "t", require "tree"
local names = tree.names
local seed = tonumber(os.getenv("GAIJIN_TEST_SEED")) or os.time()
print("GAIJIN_TEST_SEED=" .. seed)
local random = tree.random(seed)
local trees, own = 300, gaijin.stats().fibers -- own: the script itself, when it is a fiber
for i = 1, 2 do bakaGaijin(names[i]).doom(random(700)) end
local ended, kinds = {}, {}
local function on_end(i)
  return function(ok, e)
    ended[i] = (ended[i] or 0) + 1
    local kind = ok and "result" or type(e) == "string" and e:match("^gaijin: (%w+): ") or "error"
    kinds[kind] = (kinds[kind] or 0) + 1
  end
end
local function plant(i, limit, patience)
  local future = gaijin.async(gaijin.timeout, limit, function()
    return bakaGaijin(names[random(#names)]).grow(random(2 ^ 30), 4, function() end, {})
  end)
  future:on(on_end(i))
  if patience then gaijin.after(patience, function() future:cancel() end) end
end
for i = 1, trees do
  plant(i, random(2) == 1 and random(300) / 1000 or 20, random(3) == 1 and random(100) / 1000 or nil)
  if i % 10 == 0 then gaijin.sleep(0.002) end
end
t.eventually(function()
  for i = 1, trees do
    if not ended[i] then return false end
  end
  return true
end, 40)
-- until both are dead, and those who waited for them know
t.eventually(function()
  for i = 1, 2 do pcall(function() return bakaGaijin(names[i]).grow(random(2 ^ 30), 0, print, {}) end) end
  return #gaijin.peers() == 8
end, 20)
for i = 3, 10 do
  local figures = bakaGaijin(names[i]).figures
  local asked, answered
  t.eventually(function()
    local fibers, serving, futures
    fibers, serving, futures, asked, answered = figures()
    return fibers == 1 and serving == 1 and futures == 0
  end, 30)
  t.eq(answered, asked, names[i] .. ": calls that have ended")
end
for i = 1, trees do t.eq(ended[i], 1, "tree " .. i) end
local sum = 0
for kind, n in pairs(kinds) do print(kind, n) sum = sum + n end
t.eq(sum, trees)
t.eventually(function() local s = gaijin.stats() return s.futures == 0 and s.fibers == own end)

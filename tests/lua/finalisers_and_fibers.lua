-- Finalisers run wherever Lua allocates: in the middle of starting a fiber, of reading a future, of a timer. Whatever they do
-- there, raise too, harms only themselves.
--@ worker A
bakaGaijin.echo = function(...) return ... end
--@ worker B once
local t = require "t"
local echo = bakaGaijin("A").echo
local function with_finaliser(f)
  local made = newproxy(true)
  getmetatable(made).__gc = f
  return made
end
-- one cancels the fiber that runs
for _ = 1, 20 do
  local hits, future = 0, nil
  future = gaijin.async(function()
    with_finaliser(function() hits = hits + 1 future:cancel() end)
    for _ = 1, 3000 do
      pcall(gaijin.spawn, function() end)
      if hits > 0 then break end
    end
  end)
  pcall(future.get, future)
  gaijin.yield()
end
-- one reads the future that is being read
local current
local template = with_finaliser(function() if current and current:done() then pcall(current.get, current) end end)
for _ = 1, 200 do
  local futures = {}
  for k = 1, 20 do futures[k] = gaijin.async(echo, 1, 2, 3) end
  futures[20]:get()
  for k = 1, 19 do
    current = futures[k]
    newproxy(template)
    local a, _, c = current:get()
    t.eq(a, 1)
    t.eq(c, 3)
  end
end
current = nil
-- one that raises ends no timer
local raising = with_finaliser(function() error("finaliser", 0) end)
local counts = {}
for k = 1, 10 do
  counts[k] = 0
  gaijin.every(0.001, function() counts[k] = counts[k] + 1 end)
end
local before = {}
local function litter()
  newproxy(raising)
  local _ = ("x"):rep(20000)
  gaijin.sleep(0.001)
end
for _ = 1, 300 do
  pcall(gaijin.spawn, litter)
  pcall(gaijin.sleep, 0.001)
end
raising = nil
repeat local quiet = pcall(collectgarbage) and pcall(collectgarbage) and gaijin.stats().fibers < 13 until quiet
for k = 1, 10 do before[k] = counts[k] end
t.eventually(function()
  for k = 1, 10 do
    if counts[k] == before[k] then return false end
  end
  return true
end)

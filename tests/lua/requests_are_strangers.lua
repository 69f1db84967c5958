--@ worker A
-- What one request has done to the thread it ran on, none of those after it finds.
bakaGaijin.state = function()
  return getfenv(0) == _G, select(2, debug.gethook()) == "", coroutine.running() == nil
end
bakaGaijin.fail = function() error("on purpose", 0) end
bakaGaijin.deeds = {
  environment = function() setfenv(0, setmetatable({}, { __index = _G })) end,
  hook = function() if not jit then debug.sethook(function() end, "l") end end, -- LuaJIT has one for all
  ["error"] = function() local function marked() error("on purpose", 0) end marked() end,
  ["error table"] = function() error({ "on purpose" }) end,
  cancelled = function() gaijin.sleep(1000) end,
  deep = function() local function f(n) return n == 0 and 0 or 1 + f(n - 1) end return f(10000) end,
  ["too deep"] = function() local function f() return 1 + f() end return f() end,
  coroutine = function() local c = coroutine.wrap(function() coroutine.yield(1) end) c() end,
}
bakaGaijin.memory = function() collectgarbage() collectgarbage() return collectgarbage("count") end
--@ worker B
-- A C library may show the thread: a script that keeps it as the name of a request never meets it again.
local system = require "system"
local seen, n = {}, 0
bakaGaijin.number = function(wait)
  local thread = system.running()
  if not seen[thread] then n, seen[thread] = n + 1, n + 1 end
  if wait then gaijin.sleep(0.001) end
  return seen[thread]
end
--@ worker C
-- The same with what a script finds in the registry.
local threads
bakaGaijin.look = function()
  threads = threads or setmetatable({}, { __mode = "k" })
  for _, v in pairs(debug.getregistry()) do
    if type(v) == "table" then
      for _, s in pairs(v) do if type(s) == "thread" then threads[s] = true end end
    end
  end
end
bakaGaijin.count = function()
  collectgarbage() collectgarbage()
  local n = 0
  for _ in pairs(threads) do n = n + 1 end
  return n
end
--@ worker D once
local t = require "t"
local a, number, c = bakaGaijin("A"), bakaGaijin("B").number, bakaGaijin("C")
for name, f in pairs(gaijin.fetch(a.deeds, 1)) do
  for i = 1, name == "too deep" and 1 or 3 do
    if name == "cancelled" then
      t.raises("timeout", gaijin.timeout, 0.01, f)
    else
      pcall(f)
    end
    local environment, hook, running = a.state()
    t.ok(environment, name .. ": another request's globals")
    t.ok(hook, name .. ": another request's hook")
    t.ok(running, name)
    -- On a fiber of its own, for this one may have met the same text.
    local trace = gaijin.async(function() return gaijin.traceback(select(2, pcall(a.fail))) end):get()
    t.ok(trace:find("A: ", 1, true) and not trace:find("marked"), name .. ": another request's traceback: " .. trace)
  end
end
-- What deep ones took is given back.
a.memory()
local before = a.memory()
for i = 1, 20 do a.deeds.deep() end
pcall(a.deeds["too deep"])
t.eventually(function() return a.memory() < before + 256 end)
-- No two requests are on one thread, in whatever order they come and end.
local last = 0
for i = 1, 100 do
  local n = number(i % 7 == 0)
  t.eq(n, last + 1, "a thread was met twice")
  last = n
end
local futures = {}
for i = 1, 50 do futures[i] = gaijin.async(number, true) end
for i = 1, 50 do t.ok(futures[i]:get() > last) end
c.look()
for i = 1, 20 do c.look() end
t.ok(c.count() <= 20, "threads are left behind")

-- SPDX-License-Identifier: MIT
--
-- What every long-lived worker of the soak test exposes. `objects` is a table of what others use;
-- `control(word)` is for the driver's word.lua: "rest" returns when this worker has stopped
-- working, "forget" when it holds nothing any more of what others gave it, "go" lets it work again,
-- "figures" returns what there is to tell.
local services = { slots = {} }
local resting, at_work = false, false

local SLOTS, ENTRIES = 16, 1500

local function make_account()
  local sum, p = 0, newproxy(true)
  local meta = getmetatable(p)
  meta.__index = function(_, k) return k == "sum" and sum or nil end
  meta.__newindex = function(_, _, v) sum = v end
  meta.__add = function(_, n) return sum + n end
  meta.__len = function() return 3 end
  meta.__tostring = function() return "account " .. sum end
  return p
end

local entries = {}
for i = 1, ENTRIES do entries["key" .. i] = i end

services.objects = {
  entries = entries,
  list = { 5, 3, 4, 1, 2 },
  tree = { a = { b = { c = { 1, 2, 3 } } } },
  account = make_account(),
  cell = { n = 0 },
  echo = function(...) return ... end,
  call = function(f, ...) return f(...) end,
  fail = function(text) error({ text = text }) end,
  fresh = function(n)
    local all = {}
    for i = 1, n do all[i] = { i } end
    return unpack(all)
  end,
  coroutine = function()
    return coroutine.create(function(a)
      for i = 1, 3 do a = a + coroutine.yield(a + i) end
      return a
    end)
  end,
  closed_file = function()
    local f = io.tmpfile()
    f:write("a line\n")
    f:seek("set")
    local line = f:read("*l")
    f:close()
    return f, line
  end,
  put = function(i, v) services.slots[i % SLOTS] = v end,
  take = function(i) return services.slots[i % SLOTS] end,
  sleep = gaijin.sleep,
  large = function(n) return ("x"):rep(n) end,
  table_of = function(n)
    local t = {}
    for i = 1, n do t[i] = { i, "text " .. i } end
    return gaijin.copy(t)
  end,
}

local counted = 0
services.objects.count = function(n) counted = counted + n end

-- Runs `step` again and again, `pause()` seconds apart, except at rest. What is kept between two
-- steps is dropped by `forget`.
function services.work(step, pause, forget)
  at_work = true
  gaijin.spawn(function()
    while true do
      if resting then
        forget()
        at_work = false
        while resting do gaijin.sleep(0.01) end
        at_work = true
      end
      step()
      gaijin.sleep(pause())
    end
  end)
end

-- More for "figures": functions that return a name and a number.
services.figures = {
  function()
    collectgarbage()
    collectgarbage()
    return "heap", gaijin.stats().lua_bytes
  end,
  function() return "fibers", gaijin.stats().fibers end,
  function() return "stacks", gaijin.stats().stacks end,
  function() return "counted", counted end,
}

local words = {}

function words.rest()
  resting = true
  while at_work do gaijin.sleep(0.01) end
end

function words.forget()
  services.slots = {}
  bakaGC()
end

function words.go() resting = false end

function words.figures()
  local all = {}
  for _, f in ipairs(services.figures) do
    local name, value = f()
    all[name] = value
  end
  return gaijin.copy(all)
end

function services.expose()
  bakaGaijin.objects = services.objects
  bakaGaijin.control = function(word) return words[word]() end
end

return services

-- A finaliser runs wherever a string is made, so also while a request is decoded; it may set gaijin.access or a metatable, and wait.
--@ worker A
local called, denied = 0, 0
local function deny() return false end
bakaGaijin.f = function(...)
  local _ = ... -- or 5.1 makes a table of the arguments as it begins, and a finaliser may run there
  if gaijin.access then denied = denied + 1 end
  called = called + 1
  gaijin.access = nil
  if called % 20 == 0 then
    for _ = 1, 3 do
      getmetatable(newproxy(true)).__gc = function()
        gaijin.after(0.002, function() gaijin.access = deny end)
        pcall(gaijin.sleep, 0.006)
      end
    end
  end
end
gaijin.every(0.02, function() gaijin.access = nil end)
bakaGaijin.calls = function() return called, denied end
local o, past, finalised = {}, 0, 0
local guard = { __newindex = function() end }
local function litter()
  getmetatable(newproxy(true)).__gc = function()
    finalised = finalised + 1
    for k in pairs(o) do o[k] = nil end
    setmetatable(o, guard)
  end
end
bakaGaijin.o = o
gaijin.every(0.002, function()
  if not getmetatable(o) then return end
  if next(o) then past = past + 1 end
  for k in pairs(o) do rawset(o, k, nil) end
  setmetatable(o, nil)
  litter()
end)
litter()
bakaGaijin.sets = function() return past, finalised end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local f, calls, sets, o = A.f, A.calls, A.sets, A.o
local x = 0
for i = 1, 1000 do
  local many = {}
  for k = 1, 100 do
    x = x + 1
    many[k] = ("%d........................"):format(x)
  end
  pcall(f, unpack(many))
end
local ok, called, denied
repeat
  gaijin.sleep(0.03)
  ok, called, denied = pcall(calls)
until ok
t.ok(called > 100, called)
t.eq(denied, 0, "nothing is called that gaijin.access, set meanwhile, denies")
local tail = ("x"):rep(2000)
for i = 1, 10000 do pcall(function() o[i .. tail] = i end) end
local past, finalised
repeat
  gaijin.sleep(0.03)
  ok, past, finalised = pcall(sets)
until ok
t.ok(finalised > 3, finalised)
t.eq(past, 0, "nothing is written past a __newindex that is there")

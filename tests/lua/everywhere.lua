-- A remote operation may wait in metamethods, pcall, iterators, coroutines, sort's comparator and gsub's call-back.
--@ worker A
bakaGaijin.less = function(a, b) return a < b end
bakaGaijin.upper = string.upper
bakaGaijin.t = { n = 0 }
bakaGaijin.print = print
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local less, upper, o = A.less, A.upper, A.t
local list = {}
for i = 1, 50 do list[i] = (i * 37) % 50 end
table.sort(list, less)
for i = 1, 50 do t.eq(list[i], i - 1) end
t.eq(("hello world"):gsub("%w+", upper), "HELLO WORLD")
local p = setmetatable({}, { __index = function(_, k) return o[k] end, __add = function(_, x) return o.n + x end,
  __lt = function() return o.n == 0 end, __concat = function(_, x) return o.n .. x end })
t.eq(p.n, 0)
t.eq(p + 1, 1)
t.eq(p < p, true)
t.eq(p .. "x", "0x")
local co = coroutine.wrap(function() for i = 1, 3 do o.n = i; coroutine.yield(o.n) end end)
t.eq(co(), 1)
t.eq(co(), 2)
t.eq(co(), 3)
t.eq(select(2, pcall(function() return o.n end)), 3)
local made = coroutine.create(upper)
t.eq(select(2, coroutine.resume(made, "abc")), "ABC")
local finalised = 0
local proxy = newproxy(true)
local refused
getmetatable(proxy).__gc = function()
  local ok, err = pcall(function() o.n = o.n + 1; finalised = o.n end)
  if not ok then refused = err end
end
proxy = nil
collectgarbage()
if jit then -- LuaJIT stops its collector meanwhile: one that waited would stop it for all
  t.eq(refused, "gaijin: unsupported: get of a remote object in a finaliser under LuaJIT")
  t.eq(o.n, 3)
else
  t.eq(refused, nil)
  t.eq(finalised, 4, "a finaliser on a fiber may use a remote table")
end
local running = 0
for i = 1, 100 do
  gaijin.spawn(function()
    local l = {}
    for k = 1, 20 do l[k] = (k * i) % 20 end
    table.sort(l, less)
    running = running + 1
  end)
end
t.eventually(function() collectgarbage("step"); return running == 100 end)

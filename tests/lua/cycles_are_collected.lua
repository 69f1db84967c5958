-- Garbage in cycles over several workers goes, whatever its members are and however many workers it spans; what is used
-- stays, and is never stale.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker C
local t = require "t"
local kept = {}
function make(kind, other)
  if kind == "table" then return { other = other } end
  if kind == "function" then return function() return other end end
  if kind == "coroutine" then
    local co = coroutine.create(function(...) coroutine.yield() return ... end)
    coroutine.resume(co, other)
    return co
  end
  local u = newproxy(true)
  getmetatable(u).__index = { other = other }
  return u
end
function ring(names, kind, first)
  if #names == 0 then return make(kind, first) end
  local next_name = table.remove(names, 1)
  return make(kind, bakaGaijin(next_name).ring(names, kind, first))
end
bakaGaijin.make, bakaGaijin.ring = make, ring
bakaGaijin.collect = function() bakaGC() bakaGC() end
bakaGaijin.keep = function(v) kept[#kept + 1] = v return v end
bakaGaijin.kept_works = function()
  for i = 1, #kept do if kept[i].other.mark ~= i then return false end end
  return #kept
end
bakaGaijin.forget = function() kept = {} bakaGC() bakaGC() end
--@ worker D
function make(other) return { other = other } end
function ring(names, kind, first)
  if #names == 0 then return make(first) end
  local next_name = table.remove(names, 1)
  return make(bakaGaijin(next_name).ring(names, kind, first))
end
bakaGaijin.make, bakaGaijin.ring = make, ring
bakaGaijin.collect = function() bakaGC() bakaGC() end
--@ worker B once
local t = require "t"
local C, D = bakaGaijin("C"), bakaGaijin("D")
local make, ring, ring_d, keep, kept_works, collect, collect_d = C.make, C.ring, D.ring, C.keep, C.kept_works, C.collect, D.collect
local weak = setmetatable({}, { __mode = "v" })
for _, kind in ipairs { "table", "function", "coroutine", "userdata" } do
  local u = { kind = kind }
  u.t = make(kind, u)
  weak[kind] = u
end
-- over three workers, and by way of one of them twice
local u = { kind = "ring" }
u.t = ring({ "D" }, "table", u)
weak.ring = u
u = { kind = "self" } -- its own object comes back by a third party
u.t = make("table", ring_d({ "C" }, "table", u))
weak.self = u
-- live ones of the same form
local live = {}
for i = 1, 5 do
  local l = { mark = i }
  l.t = keep(make("table", l))
  live[i] = l
end
local hidden = setmetatable({}, { __mode = "v" })
for i = 1, 3 do -- used at C only
  local l = { mark = #live + i }
  l.t = keep(make("table", l))
  hidden[i] = l
end
-- a member of a cycle that is in use through a weak table, now and then
local cache = setmetatable({}, { __mode = "v" })
local strong = { x = 1 }
strong.t = make("table", strong)
cache[1] = strong
local fetched, stop = 0, false
gaijin.spawn(function()
  while not stop do
    local got = cache[1]
    t.eq(got.t.other.x, 1)
    fetched = fetched + 1
    gaijin.sleep(0.001)
  end
end)
u = nil
t.eventually(function()
  for name in pairs(weak) do return nil, name end
  return true
end, 40)
t.eq(kept_works(), 8)
for i = 1, 5 do t.eq(live[i].t.other, live[i]) end
for i = 1, 3 do t.ok(hidden[i], "an object that only C uses is gone") end
t.eventually(function() return fetched > 10 end)
stop = true
C.forget()

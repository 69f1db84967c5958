-- Members of cycles that are in use stay, wherever the only reference is, while rounds come and go: each of these has gone through some
-- when garbage made behind it is gone.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker C
local kept = {}
function bakaGaijin.make(other) return { other = other } end
function bakaGaijin.keep(i, v) kept[i] = v end
function bakaGaijin.use(i, ...) return kept[i].other.use(...) end
function bakaGaijin.finaliser(other) -- a userdata whose finaliser uses what it holds, and is in the cycle
  local p = newproxy(true)
  getmetatable(p).__gc = function() bakaGaijin.finalised = (bakaGaijin.finalised or 0) + 1 end
  return { other = other, p = p }
end
function bakaGaijin.forget() kept = {} bakaGC() bakaGC() end
--@ worker B once
local t = require "t"
local C = bakaGaijin("C")
local make, keep, use, finaliser, forget = C.make, C.keep, C.use, C.finaliser, C.forget
local function member(text)
  local u = { text = text }
  u.t = make(u)
  u.use = function() return u.text end
  return u
end
local function make_garbage(weak) -- a frame of its own: no register keeps it
  local u = {}
  u.t = make(u)
  weak[1] = u
end
local function rounds(n)
  for _ = 1, n do
    local weak = setmetatable({}, { __mode = "v" })
    make_garbage(weak)
    t.eventually(function() return weak[1] == nil end, 40)
  end
end
local checks = {}
-- used by C only, with a file open
local path = os.tmpname()
do
  local u = member("file")
  u.file = assert(io.open(path, "w"))
  u.use = function(text)
    u.file:write(text)
    u.file:flush()
    return "written"
  end
  keep(1, u.t)
  checks[#checks + 1] = function() t.eq(use(1, "x"), "written") end
end
-- in the vararg of a suspended coroutine, which C has an AT of
do
  local co = coroutine.create(function(...) coroutine.yield() local u = ... return u.t.other.text end)
  coroutine.resume(co, member("vararg"))
  checks[#checks + 1] = function() t.eq(select(2, coroutine.resume(co)), "vararg") end
end
-- a label
bakaGaijin.label = member("label")
checks[#checks + 1] = function() t.eq(bakaGaijin.label.t.other.text, "label") end
-- parked fibers: a local, an argument of a call that waits, a comparator
local go, done = false, 0
local function wait() while not go do gaijin.sleep(0.005) end end
gaijin.spawn(function()
  local u = member("fiber")
  wait()
  t.eq(u.t.other.text, "fiber")
  done = done + 1
end)
gaijin.spawn(function()
  local u, first = member("comparator"), true
  table.sort({ 3, 2, 1 }, function(a, b)
    if first then
      first = false
      wait()
      t.eq(u.t.other.text, "comparator")
      done = done + 1
    end
    return a < b
  end)
end)
local future = gaijin.async(function(u) wait() return u.t.other.text end, member("future"))
checks[#checks + 1] = function()
  go = true
  t.eventually(function() return done == 2 end)
  t.eq(future:get(), "future")
end
-- an AT that a finaliser brought back
local back
do
  local u = member("back")
  keep(2, u.t)
  local at = u.t
  if not jit then
    local p = newproxy(true)
    getmetatable(p).__gc = function() back = at end
    u.t = nil
    at, p = at, nil
    checks[#checks + 1] = function()
      if back then t.eq(back.other.text, "back") end
    end
  end
end
collectgarbage()
if back then t.eq(back.other.text, "back") end -- takes the queued release back
rounds(3)
for _ = 1, 2 do
  for i = 1, 3 do checks[i]() end
  if checks[2] then checks[2] = function() end end
  rounds(1)
end
for i = 4, #checks do checks[i]() end
-- a finaliser in garbage runs, once
do
  local u = {}
  u.t = finaliser(u)
end
t.eventually(function() return C.finalised == 1 end, 40)
rounds(1)
t.eq(C.finalised, 1)
t.eq(use(1, "y"), "written")
local f = assert(io.open(path))
t.ok(f:read("*a"):find("y", 1, true))
f:close()
os.remove(path)
bakaGaijin.label = nil
future, checks, back = nil, nil, nil
forget()

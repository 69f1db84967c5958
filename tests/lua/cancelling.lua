-- A call that was given up ends at the host too, wherever it waits, and again wherever it would wait; so do its own calls.
--@ worker A
local log, progress = {}, 0
local function waits(name, f, ...)
  local ok, e = pcall(f, ...)
  log[#log + 1] = name .. ": " .. (ok and "done" or tostring(e))
  return ok
end
bakaGaijin.sleeper = function()
  waits("sleep", gaijin.sleep, 60)
  waits("sleep again", gaijin.sleep, 60)
  waits("yield", gaijin.yield)
  waits("call", function() return bakaGaijin("B").id end)
  waits("async", gaijin.async, print)
  gaijin.spawn(function() waits("spawned", gaijin.sleep, 0.001) end)
end
bakaGaijin.yielder = function()
  repeat progress = progress + 1 until not pcall(gaijin.yield)
  log[#log + 1] = "yielder ended"
end
bakaGaijin.caller = function(f) waits("nested", f) end
bakaGaijin.futures = function(f)
  local a, b = gaijin.async(f), gaijin.async(gaijin.sleep, 60)
  waits("all", function() return gaijin.all({ a, b }):get() end)
  log[#log + 1] = tostring(a:done()) .. tostring(b:done())
end
bakaGaijin.progress = function() return progress end
bakaGaijin.log = function()
  local l = table.concat(log, "\n")
  log = {}
  return l
end
--@ worker B
local given_up
bakaGaijin.id = function(x) return x end
bakaGaijin.never = function()
  given_up = false
  local ok, e = pcall(gaijin.sleep, 60)
  given_up = not ok and e
  error(e, 0)
end
bakaGaijin.given_up = function() return given_up end
--@ worker C once
local t = require "t"
local A, B = bakaGaijin("A"), bakaGaijin("B")
local function start(f, ...) -- f runs at its host when this returns
  return gaijin.async(f, ...), A.log()
end
local function log_with(what)
  local text = ""
  t.eventually(function() text = text .. A.log() return text:find(what, 1, true) end)
  return text
end
local f = start(A.sleeper)
t.ok(not f:done())
t.eq(f:cancel(), true)
t.eq(f:cancel(), false)
t.raises("^gaijin: cancelled: the future was cancelled$", f.get, f)
local log = log_with("spawned: ")
for _, name in ipairs { "sleep", "sleep again", "yield", "call", "async" } do
  t.ok(log:find("\n?" .. name .. ": gaijin: cancelled: "), log)
end
t.ok(log:find("spawned: done", 1, true), log)

f = start(A.yielder)
t.eventually(function() return A.progress() > 10 end)
f:cancel()
log_with("yielder ended")
-- onward
f = start(A.caller, B.never)
t.eventually(function() return B.given_up() == false end)
f:cancel()
t.ok(log_with("nested"):find("nested: gaijin: cancelled: call to worker B: the caller waits no longer", 1, true))
t.ok(t.eventually(B.given_up):find("^gaijin: cancelled: gaijin.sleep: the caller"))
f = start(A.futures, B.never)
t.eventually(function() return B.given_up() == false end)
f:cancel()
t.ok(log_with("truetrue"):find("all: gaijin: cancelled: "))
t.eventually(B.given_up)
-- one that has not begun does not begin, and a worker that dies gives up what it asked
t.eq(bakaGaijin("A").progress(), A.progress())

-- Which lines of a function have code, asked of a coroutine where memory is short: an error, and the worker goes on. Lua by
-- itself makes the table in the coroutine, and ends the process.
--@ only gaijin-worker
--@ limit 60
--@ worker H flags=--memory-limit,2M
local code = loadstring(("x = 1\n"):rep(8000) .. "coroutine.yield() return 7")
local co = coroutine.create(code)
coroutine.resume(co)
local take = require("short_memory").take
function bakaGaijin.try(...)
  local taken = take()
  local ok, why = pcall(debug.getinfo, co, ...)
  taken = nil
  collectgarbage()
  return ok, ok or why
end
function bakaGaijin.try_function() return bakaGaijin.try(code, "L") end
-- All is as the original gives it.
function bakaGaijin.all()
  local info = debug.getinfo(co, 1, "SlnufL")
  return info.what, info.currentline, info.nups, info.func == code, #info.activelines, debug.getinfo(co, 1, "L").func,
    debug.getinfo(co, 9, "L"), debug.getinfo(co, 9, "?L"), #debug.getinfo(co, code, "L").activelines,
    debug.getinfo(co, 0, "SL").activelines
end
function bakaGaijin.wrong() return select(2, pcall(debug.getinfo, co, 1, "L?")) end
function bakaGaijin.lines() return #debug.getinfo(co, 1, "L").activelines end
function bakaGaijin.go_on() return coroutine.resume(co) end
--@ worker C once
local t = require "t"
local H = bakaGaijin("H")
local try = H.try
for _, arguments in ipairs { { 1, "L" }, { 1, "fSL" }, { 1.9, "nLL" } } do
  local ok, why = try(unpack(arguments))
  t.ok(not ok and why:find("not enough memory", 1, true), tostring(why))
end
local ok, why = H.try_function()
t.ok(not ok and why:find("not enough memory", 1, true), tostring(why))
t.eq(H.lines(), 8001)
t.eq(table.concat({ (function(...)
  local seen = { ... }
  for i = 1, 10 do seen[i] = tostring(seen[i]) end
  return table.concat(seen, " ")
end)(H.all()) }), "main 8001 0 true 8001 nil nil nil 8001 nil")
t.eq(H.wrong(), "bad argument #3 to '?' (invalid option)")
t.eq(select(2, H.go_on()), 7)

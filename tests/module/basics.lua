-- SPDX-License-Identifier: MIT
--
-- A stock interpreter as a worker beside worker S (tests/flow/test_module.sh).
local old = newproxy(true) -- older than the module: finalised after the connection has ended
local gaijin = require "gaijin"
local t = require "t"

local bakaGaijin = gaijin.connect { name = "tool", socket = os.getenv("GAIJIN_SOCKET") }
t.raises("is the worker tool already", gaijin.connect, { name = "other" })
t.eq(gaijin.name, "tool")
package.loaded.gaijin = nil
t.eq(require "gaijin", gaijin) -- an interpreter is one worker, however often it loads the module
local S = bakaGaijin("S")
S.fresh()
local o = S.t
t.eq(o.x, 1)
t.eq(type(o), "table")
t.eq(#S.list, 3)
local seen = 0
for i, v in ipairs(S.list) do seen = seen + i * v end
t.eq(seen, 3 + 2 + 6)
for k, v in pairs(o) do t.eq(k, "x"); t.eq(v, 1) end
t.raises("^bad$", S.fail)
t.eq(S.callback(function(x) return x + 1 end), 42)
table.sort(S.list, function(a, b) return a > b end)
t.eq(table.concat(S.list, ","), "3,2,1")
t.eq(select(2, coroutine.resume(S.co, 1)), 2)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(S.list[i]) end end)
t.eq(co() * 100 + co() * 10 + co(), 321)
t.eq(tostring(S.vec(1) + S.vec(2)), "vec 3")
t.eq(gaijin.fetch(S.nested).a.b, 5)
t.eq(S.take(gaijin.copy { 1, 2 }), "table")
local n = 0
gaijin.spawn(function() n = o.x end)
t.eventually(function() return n == 1 end)
for _ = 1, 500 do S.make() end
bakaGC()
local exported, used
t.eventually(function()
  S.collect() -- it has had what we called back with, and table.sort's function
  exported, used = getBaka()
  return exported == 0
end)
t.ok(used <= 2, used)
bakaGaijin.f = function(a) return a, gaijin.caller() end
local a, who = S.ask("hello") -- S calls us back while we wait
t.eq(a, "hello")
t.eq(who, "S")
t.raises("^gaijin: dead: ", function() return bakaGaijin("nobody").x end)
t.raises("^gaijin: timeout: ", gaijin.wait_for, "nobody", 0.01)

-- a finaliser of a script: works on stock 5.1, is refused under LuaJIT
local result
do
  local p = newproxy(true)
  getmetatable(p).__gc = function() result = { pcall(function() return o.x end) } end
end
collectgarbage()
collectgarbage()
t.ok(result)
if jit then
  t.ok(tostring(result[2]):match("^gaijin: unsupported: "), result[2])
else
  t.eq(result[2], 1)
end
t.eq(o.x, 1)

-- driving it from a loop of one's own
t.ok(gaijin.fd() > 0)
S.call_later()
local served
bakaGaijin.later = function() served = true end
local till = gaijin.now() + 10
while not served and gaijin.now() < till do
  local seconds = gaijin.dispatch()
  t.ok(seconds == nil or seconds >= 0)
end
t.ok(served, "served by dispatch")

if arg[1] == "close" then
  gaijin.close()
  t.raises("^gaijin: lost: ", function() return o.x end)
  t.raises("^gaijin: lost: ", bakaGC)
  t.ok(tostring(o):match("^table: "))
  t.raises("^gaijin: lost: ", gaijin.connect)
end
getmetatable(old).__gc = function()
  local ok, e = pcall(function() return o.x end)
  if ok or not tostring(e):match("gaijin: lost: ") then
    io.stderr:write("in the last finaliser: " .. tostring(e) .. "\n")
    os.exit(9)
  end
end
print("done")

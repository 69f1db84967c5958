--@ worker A
local function counter(a)
  local b = a
  for i = 1, 3 do b = coroutine.yield(b + i, nil, "x") end
  return "end", b
end
bakaGaijin.co = coroutine.create(counter)
bakaGaijin.bad = coroutine.create(function() error({ code = 9 }) end)
bakaGaijin.wrap = coroutine.wrap(function(x) while true do x = coroutine.yield(x * 2) end end)
bakaGaijin.slow = coroutine.create(function() gaijin.sleep(0.05) return "slept" end)
bakaGaijin.status = function(co) return coroutine.status(co), type(co) end
bakaGaijin.make = function(f) return coroutine.create(f) end
bakaGaijin.io = io
bakaGaijin.stdout = io.stdout
local p = newproxy(true)
local mt = getmetatable(p)
mt.__index = function(_, k) return "field " .. tostring(k) end
mt.__len = function() return 42 end
mt.__tostring = function() return "a proxy" end
mt.__call = function(_, a) return a, "called" end
mt.__add = function(a, b) return (type(a) == "userdata" and 10 or a) + (type(b) == "userdata" and 10 or b) end
mt.__eq = function() return true end
mt.__newindex = function(_, k, v) bakaGaijin[k] = v end
bakaGaijin.p = p
bakaGaijin.p2 = newproxy(p)
bakaGaijin.is_p = function(x) return rawequal(x, p) end
bakaGaijin.tmp = function() local f = io.tmpfile() return f end
--@ worker C
bakaGaijin.resume = function(co, ...) return coroutine.resume(co, ...) end
bakaGaijin.clean = function() bakaGC() end
--@ worker B once
local t = require "t"
local A, C = bakaGaijin("A"), bakaGaijin("C")
local co = A.co
t.eq(type(co), "thread")
t.ok(rawequal(co, A.co))
t.eq(coroutine.status(co), "suspended")
local ok, v, n, x = coroutine.resume(co, 10)
t.eq(v, 11)
t.eq(n, nil)
t.eq(x, "x")
t.eq(select(2, C.resume(co, 20)), 22, "resumed from a third worker")
t.eq(A.status(co), "suspended")
t.eq(select(2, coroutine.resume(co, 30)), 33)
ok, v, n = coroutine.resume(co, 40)
t.eq(v, "end")
t.eq(n, 40)
t.eq(coroutine.status(co), "dead")
ok, v = coroutine.resume(co)
t.eq(ok, false)
t.eq(v, "cannot resume dead coroutine")
ok, v = coroutine.resume(A.bad)
t.eq(ok, false)
t.eq(v.code, 9)
t.eq(A.wrap(4), 8)
t.eq(A.wrap(5), 10)
local slow, results = A.slow, {}
for i = 1, 2 do gaijin.spawn(function() results[i] = { coroutine.resume(slow) } end) end
t.eventually(function() return results[1] and results[2] end)
t.eq(results[1][2], "slept")
t.ok(results[2][2]:match("^cannot resume [%a-]+ coroutine$"), results[2][2]) -- Lua's own words
local mine = A.make(function(a) return coroutine.yield(a) end)
t.ok(tostring(co):match("^thread: "))
t.raises("attempt to index a thread value", function() return co.x end)

local p = A.p
t.eq(type(p), "userdata")
t.eq(p.abc, "field abc")
t.eq(#p, 42)
t.eq(tostring(p), "a proxy")
t.eq(select(2, p(1)), "called")
t.eq(p + 5, 15)
t.eq(5 + p, 15)
t.eq(p == A.p2, true)
t.eq(A.is_p(p), true)
p.new_label = "set"
t.eq(A.new_label, "set")
local f = A.tmp()
t.eq(type(f), "userdata")
f:write("hello ", 1, "\n")
f:seek("set")
t.eq(f:read("*l"), "hello 1")
f:close()
t.raises("closed file", function() f:read() end)
t.eq(A.io.type(f), "closed file")
A.stdout:write("written from B\n")
A.io.write("and again\n")
t.raises("attempt to get length", function() return #co end)
co, slow, mine, p, f, results = nil
bakaGC()
C.clean()
-- what a hook of a coroutine sees does not depend on how many values it is resumed with
local function calls(n)
  local seen = 0
  local co = coroutine.create(function(...) return ... end)
  debug.sethook(co, function() seen = seen + 1 end, "c")
  t.ok(coroutine.resume(co, unpack({}, 1, n)))
  return seen
end
if not jit then -- LuaJIT has one hook for all coroutines
  t.eq(calls(100), calls(1))
  t.ok(calls(1) > 0)
end

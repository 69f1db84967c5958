-- error(text, 2) in a remote function: the text gets the position of the code that called it, wherever that is.
--@ worker C
bakaGaijin.fail = function(level) error("bad thing", level or 2) end
bakaGaijin.outer = function(f, level) f(level) end
--@ worker A
local function check(level) error("bad thing", level) end
bakaGaijin.fail = function(level) error("bad thing", level or 2) end
bakaGaijin.nested = function(level) check(level) return 1 end
bakaGaijin.tail = function(level) return check(level) end
bakaGaijin.caught = function() local ok, e = pcall(check, 4) return ok, e end
bakaGaijin.passed_on = function() local ok, e = pcall(check, 4) error(e, 0) end
bakaGaijin.anew = function() pcall(check, 4) error("bad thing", 0) end
bakaGaijin.anew_after_remote = function() pcall(bakaGaijin("C").fail, 3) error("bad thing", 0) end
bakaGaijin.another = function() pcall(check, 4) error("another", 0) end
bakaGaijin.not_text = function() error({ code = 7 }, 2) end
bakaGaijin.number = function() error(5, 2) end
bakaGaijin.plain = function() error("bad thing", 0) end
bakaGaijin.object = setmetatable({}, {
  __index = function(_, k) error("no field " .. k, 2) end,
  __newindex = function(_, k) error("no writing " .. k, 2) end,
  __call = function() error("no call", 2) end,
  __add = function() error("no sum", 2) end,
  __lt = function() error("no order", 2) end,
  __tostring = function() error("no text", jit and 2 or 3) end, -- in 5.1 its caller is tostring
})
bakaGaijin.list = { 2, 1, 3 }
bakaGaijin.mixed = { 1, {} }
bakaGaijin.through = function(level) bakaGaijin("C").fail(level) return 1 end
bakaGaijin.through_tail = function(level) return bakaGaijin("C").fail(level) end
bakaGaijin.through_pcall = function() local ok, e = pcall(bakaGaijin("C").fail) error(e, 0) end
bakaGaijin.through_future = function(level) gaijin.async(bakaGaijin("C").fail, level):get() return 1 end
bakaGaijin.in_coroutine = function() local ok, e = coroutine.resume(coroutine.create(check), 3) return e end
bakaGaijin.traced = function() local _, e = xpcall(function() check(2) end, gaijin.traceback) return e end
bakaGaijin.stop = function() gaijin.after(0.02, gaijin.stop) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local function line() return debug.getinfo(2, "l").currentline end
-- Runs f, which calls on the line after line() was asked; its error is `text` at that line.
local at
local function same(f, text)
  local ok, e = pcall(f)
  t.eq(ok, false)
  local position, rest = tostring(e):match("^[^\n]*B%.lua:(%d+): (.*)$")
  t.eq(rest, text, tostring(e))
  t.eq(tonumber(position), at + 1, text)
end

local fail, object, list = A.fail, A.object, A.list
same(function()
  at = line()
  fail()
end, "bad thing")
same(function()
  at = line()
  A.nested(3)
end, "bad thing")
same(function()
  at = line()
  local v = object.x
end, "no field x")
same(function()
  at = line()
  object.x = 1
end, "no writing x")
same(function()
  at = line()
  object()
end, "no call")
same(function()
  at = line()
  local v = object + 1
end, "no sum")
same(function()
  at = line()
  local v = object < A.object
end, "no order")
same(function()
  at = line()
  local v = tostring(object)
end, "no text")
same(function()
  at = line()
  A.number()
end, "5")
same(function()
  at = line()
  A.passed_on()
end, "bad thing")
-- The caller of the caller.
local function caller(level) fail(level) return 1 end
same(function()
  at = line()
  caller(3)
end, "bad thing")
same(function()
  at = line()
  caller(3)
end, "bad thing")
-- Where Lua would find none, because C called or the call is a tail call, the nearest Lua code above.
at = line()
local ok, e = pcall(fail)
t.ok(e:match("B%.lua:" .. at + 1 .. ": bad thing$"), e)
same(function()
  at = line()
  local v = (function() return fail() end)()
end, "bad thing")
same(function()
  at = line()
  table.sort(list, function(x, y) A.nested(3) end)
end, "bad thing")
-- Errors of a library function that works on a remote value, as when it is called with one of ours.
same(function()
  at = line()
  table.concat(A.mixed)
end, "invalid value (table) at index 2 in table for 'concat'")
same(function()
  at = line()
  table.insert(A.mixed, 1, 2, 3)
end, "wrong number of arguments to 'insert'")
t.eq(select(2, pcall(table.concat, A.mixed)), "invalid value (table) at index 2 in table for 'concat'")
local position, text = select(2, pcall(function() table.insert(A.mixed, "x", 1) end)):match("(B%.lua:%d+: )(.*)")
t.eq(text, "bad argument #2 to 'insert' (number expected, got string)")
t.eq(select(2, pcall(table.sort, list, function() error("bare", 0) end)), "bare")
-- Two workers away: the caller's line at A; its caller's is ours.
ok, e = pcall(A.through)
t.ok(e:match("A%.lua:28: bad thing$"), e)
same(function()
  at = line()
  A.through(3)
end, "bad thing")
same(function()
  at = line()
  A.through_tail(jit and 2 or 3) -- a tail call is a level in Lua 5.1 only
end, "bad thing")
ok, e = pcall(A.through_pcall)
t.ok(e:match("A%.lua:30: bad thing$"), e)
-- A call-back of ours is called by A's code.
ok, e = pcall(bakaGaijin("C").outer, function(level) error("ours", level) end, 2)
t.ok(e:match("C%.lua:4: ours$"), e)
same(function()
  at = line()
  bakaGaijin("C").outer(function(level) error("ours", level) end, 3)
end, "ours")
-- Futures: who first asks for the result.
local future = gaijin.async(fail)
same(function()
  at = line()
  future:get()
end, "bad thing")

t.raises("^[^\n]*B%.lua:" .. at + 1 .. ": bad thing$", future.get, future)
local function reads(future, level) local v = future:get() return 1 end
for _, make in ipairs({ function(f) return f end, function(f) return gaijin.all({ f }) end,
                        function(f) return gaijin.race({ f }) end }) do
  same(function()
    local future = make(gaijin.async(fail))
    at = line()
    future:get()
  end, "bad thing")
  same(function()
    local future = make(gaijin.async(fail, 3))
    at = line()
    reads(future)
  end, "bad thing")
  same(function()
    local future = make(gaijin.async(fail))
    at = line()
    future:list()
  end, "bad thing")
end
same(function()
  at = line()
  A.through_future(3)
end, "bad thing")
ok, e = pcall(A.through_future, 2)
t.ok(e:match("A%.lua:31: bad thing$"), e)
-- Nobody asks on behalf of a function given to future:on.
local told
gaijin.async(fail):on(function(...) told = { ... } end)
while not told do gaijin.sleep(0.001) end
t.eq(told[1], false)
t.eq(told[2], "bad thing")

-- Local levels are as ever, and what asks for no position gets none.
ok, e = pcall(A.nested, 1)
t.ok(e:match("A%.lua:6: bad thing$"), e)
ok, e = pcall(A.nested, 2)
t.ok(e:match("A%.lua:8: bad thing$"), e)
ok, e = A.caught()
t.eq(e, "B:?: bad thing")
t.eq(select(2, pcall(A.anew)), "bad thing")
t.eq(select(2, pcall(A.anew_after_remote)), "bad thing")
t.eq(select(2, pcall(A.another)), "another")
t.eq(select(2, pcall(A.plain)), "bad thing")
t.eq(select(2, pcall(A.not_text)).code, 7)
t.eq(A.in_coroutine(), "bad thing")
t.ok(A.traced():match("A%.lua:33: bad thing\n"), A.traced())
-- As far as 64 levels up a position is looked for, no matter what level is asked for: a deep stack costs no more.
local function deeper(n, level)
  local v
  if n > 0 then v = deeper(n - 1, level) else v = fail(level) end
  return v or v
end
local function position_of(level)
  local ok, e = pcall(deeper, 100, level)
  t.eq(ok, false)
  local position = e:match("^[^\n]*B%.lua:(%d+): bad thing$")
  if not position then t.eq(e, "bad thing") end
  return position
end
t.ok(position_of(2))
t.ok(position_of(65)) -- 1 is the remote function itself
t.eq(position_of(66), nil)
t.eq(position_of(101), nil)
t.eq(position_of(65536), nil)
local function here(level) error("here", level) end
same(function()
  at = line()
  here(2)
end, "here")
t.eq(select(2, pcall(here, 2)), "here")
t.eq(select(2, pcall(error, "text", 0)), "text")
t.raises("^bad argument #2 to '[%w?]+' %(number expected, got table%)$", error, "text", {})
t.eq(select(2, pcall(error)), nil)
ok, e = xpcall(function() fail() end, gaijin.traceback)
t.ok(e:match("^[^\n]*B%.lua:%d+: bad thing\nstack traceback:\n.*\tA: [^\n]*A%.lua:7.*\tB: "), e)
fail, object, list, future = nil
bakaGC()

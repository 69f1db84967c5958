-- Functions of gaijin are none of the script's levels: errors that come through them, and their own, have the position of the
-- code that called them; and what gaijin.access raises is no error of the library function asked for.
--@ worker A
bakaGaijin.list = { {}, {} }
bakaGaijin.deep = {
  number = 5,
  a = setmetatable({}, { __index = function(_, k) error("no " .. k, 2) end }),
  b = setmetatable({}, { __index = function() local x = nil + 1 end }),
}
bakaGaijin.fail = function(level) error("bad", level or 2) end
bakaGaijin.timeout = gaijin.timeout
bakaGaijin.concat, bakaGaijin.file, bakaGaijin.err, bakaGaijin.co = table.concat, io.tmpfile(), error, coroutine.create(function() end)
bakaGaijin.repeated = { "x", "y" }
bakaGaijin.shown = setmetatable({}, { __tostring = function() error("shown", jit and 3 or 4) end }) -- in 5.1 tostring is a level
local unending = setmetatable({}, { __tostring = function(v) bakaGaijin.asked = bakaGaijin.asked + 1 error(v) end })
bakaGaijin.asked = 0
bakaGaijin.unending = function() error(unending) end
bakaGaijin.after = gaijin.after
local function nest(n, level)
  if n == 0 then error("bad", level) else nest(n - 1, level) end
  return 1
end
bakaGaijin.nest = nest
local modes = {
  none = false,
  bare = function(_, op) if op ~= "call" then return error("no", 0) end return true end,
  above = function(_, op) if op ~= "call" then error("no", 2) end return true end,
  with_get = function(_, op) if op == "get" then error("no", 2) end return true end,
  fault = function(_, op) if op ~= "call" then local x = nil + 1 end return true end,
}
bakaGaijin.set_access = function(mode) gaijin.access = modes[mode] or nil end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local list, deep, fail, set_access, timeout, after = A.list, A.deep, A.fail, A.set_access, A.timeout, A.after

-- gaijin.access: once a position, and none where none was asked for.
local asked = {
  function() table.concat(list) return 1 end,
  function() table.sort(list) return 1 end,
  function() local n = #list return 1 end,
  function() local v = list[1] return 1 end,
  function() gaijin.fetch(list) return 1 end,
  function() for _ in pairs(list) do end return 1 end,
  function() gaijin.path(list, 1, 2) return 1 end,
  function() debug.getmetatable(list) return 1 end,
}
for _, f in ipairs(asked) do
  set_access("bare")
  t.eq(select(2, pcall(f)), "no")
  set_access("above")
  t.raises_here("no", f)
  set_access("fault")
  local ok, e = pcall(f)
  t.ok(e:match("^[^\n]*A%.lua:%d+: attempt to perform arithmetic on a nil value$") and not e:find("B.lua", 1, true), e)
end
set_access("none")
-- The function itself, as ever.
t.raises_here("invalid value (table) at index 1 in table for 'concat'", function() table.concat(list) return 1 end)

-- Paths, here and there.
t.raises_here("no x", function() gaijin.path(deep, "a", "x") return 1 end)
t.raises_here("no x", function() local v = deep.a.x return 1 end)
local here = { a = setmetatable({}, { __index = function(_, k) error("no " .. k, 2) end }) }
t.raises_here("no x", function() gaijin.path(here, "a", "x") return 1 end)
t.raises("A%.lua:%d+: attempt to perform arithmetic", function() gaijin.path(deep, "b", "x") return 1 end)
-- Time limits: level 2 is C code.
t.raises_here("to", function() gaijin.timeout(9, function() error("to", 3) end) return 1 end)
t.eq(select(2, pcall(gaijin.timeout, 9, function() error("to", 2) end)), "to")
t.raises_here("bad", function() gaijin.timeout(9, fail) return 1 end)
t.raises_here("bad", function() gaijin.timeout(9, fail, 3) return 1 end)
-- Errors of these functions' arguments, called from here and from elsewhere.
t.raises_here("bad argument #1 to 'timeout' (number expected, got string)", function() gaijin.timeout("9", fail) return 1 end)
t.raises_here("bad argument #1 to 'timeout' (number expected, got string)", function() timeout("9", fail) return 1 end)
t.raises_here("bad argument #2 to 'after' (function expected, got nil)", function() gaijin.after(1) return 1 end)
t.raises_here("bad argument #2 to 'after' (function expected, got nil)", function() after(1) return 1 end)
t.raises_here("bad argument #1 to 'len' (table expected, got nil)", function() len(nil) return 1 end)
t.raises_here("bad argument #1 to 'all' (table of this worker expected, got number)", function() gaijin.all(1) return 1 end)
t.raises_here("bad argument #1 to 'race' (at least one future expected)", function() gaijin.race({}) return 1 end)
t.raises_here("gaijin: unsupported: a label is a string or a number, not a table", function() bakaGaijin[{}] = 1 end)
t.raises_here("gaijin: unsupported: a label is a string or a number, not nan", function() local v = A[0 / 0] end)
t.raises_here("You cannot set data for another resource.", function() A.x = 1 end)

-- Calls of a copy are as those of its table, level for level.
local made = setmetatable({}, { __call = function(_, level) error("called", level) end })
local copy = gaijin.copy(made)
local function call(f, level) f(level) return 1 end
for _, f in ipairs({ made, copy }) do
  t.raises_here("called", function() f(2) return 1 end)
  t.raises_here("called", function() call(f, 3) return 1 end)
  t.eq(select(2, pcall(f, 2)), "called")
end
t.eq(select("#", gaijin.copy(setmetatable({}, { __call = function() return nil, 2, nil end }))()), 3)

local function local_fail(level) error("bad", level) end
-- A level that is text, as Lua takes it.
t.raises_here("bad", function() fail("2") return 1 end)
t.raises_here("bad", function() local_fail("2") return 1 end)

-- Other metamethods likewise.
local function two() error("two", 2) end
local strict = setmetatable({}, { __index = two, __newindex = two, __add = two, __concat = two, __unm = two, __lt = two, __tostring = two })
for _, v in ipairs { strict, gaijin.copy(strict) } do
  t.raises_here("two", function() local x = v.x return 1 end)
  t.raises_here("two", function() v.x = 1 end)
  t.raises_here("two", function() local x = v + 1 return 1 end)
  t.raises_here("two", function() local x = v .. 1 return 1 end)
  t.raises_here("two", function() local x = -v return 1 end)
  t.raises_here("two", function() local x = v < v return 1 end)
end
local shown = A.shown
local function show() local s = tostring(shown) return s end
t.raises_here("shown", function() local s = show() return 1 end)
set_access("with_get")
t.raises_here("no", function() gaijin.path(deep, "a") return 1 end)
set_access("none")

-- What Lua itself refuses, and what cannot be indexed on a path.
local co, file = A.co, A.file
for what, f in pairs {
  ["attempt to call a table value"] = function() list() return 1 end,
  ["attempt to call a thread value"] = function() co() return 1 end,
  ["attempt to index a thread value"] = function() local x = co.x return 1 end,
  ["attempt to get length of a thread value"] = function() local x = #co return 1 end,
  ["attempt to compare two table values"] = function() local x = list < deep return 1 end,
  ["attempt to index a nil value"] = function() gaijin.path(deep, "zz", "x") return 1 end,
  ["attempt to index a number value"] = function() gaijin.path(deep, "number", "x") return 1 end,
} do
  t.raises_here(what, f)
end
t.raises_here("attempt to index a nil value", function() gaijin.path({}, "zz", "x") return 1 end)
t.raises_here("attempt to index a nil value", function() gaijin.path(nil, "x") return 1 end)
t.raises_here("attempt to index a number value", function() gaijin.path({ a = setmetatable({}, { __index = 5 }) }, "a", "x") return 1 end)
t.eq(gaijin.path({ a = setmetatable({ x = 1 }, { __index = 5 }) }, "a", "x"), 1)
t.eq(gaijin.path("s", "rep"), string.rep)
t.raises_here("bad argument #2 to 'showBaka' (function expected, got number)", function() showBaka(nil, 5) return 1 end)

-- Library functions that are called elsewhere know their name here, as functions and as methods; their call-backs are others.
local concat, err = A.concat, A.err
t.raises_here("bad argument #1 to 'concat' (table expected, got number)", function() concat(5) return 1 end)
t.raises_here("bad argument #1 to 'seek' (invalid option 'foo')", function() file:seek("foo") return 1 end)
t.raises_here("bad argument #2 to 'fetch' (number expected, got string)", function() gaijin.fetch(deep, "x") return 1 end)
t.eq(select(2, pcall(err, "bare", 0)), "bare")
t.raises("bad argument #2 to '?'", table.foreach, A.repeated, string.rep)
t.eq(select(2, pcall(table.sort, list, function() error("bad argument #1 to '?' (own)", 0) end)), "bad argument #1 to '?' (own)")

-- A value whose __tostring raises that value again is asked once.
local unending = A.unending
local ok, text = xpcall(unending, gaijin.traceback)
t.ok(not ok and text:find("error value is a", 1, true), text)
t.eq(A.asked, 1)

-- Deep stacks: of this worker's own levels each is found; what another worker's text asks for, as far as 64 up.
local function nest(f, n, level)
  if n == 0 then f(level) else nest(f, n - 1, level) end
  return 1
end
t.raises_here("bad", function() nest(fail, 50, 53) return 1 end)
t.eq(select(2, pcall(function() nest(fail, 1000, 1003) return 1 end)), "bad")
t.raises_here("bad", function() nest(local_fail, 1000, 1003) return 1 end)
t.raises_here("bad", function() gaijin.timeout(60, nest, local_fail, 3000, 3004) return 1 end)
t.raises_here("bad", function() nest(local_fail, 5000, 5003) return 1 end)
for deep = 240, 270 do
  t.raises_here("bad", function() gaijin.timeout(60, nest, local_fail, deep, deep + 4) return 1 end)
end
local nest_there = A.nest
t.raises_here("bad", function() nest_there(1000, 1002) return 1 end)
list, deep, fail, set_access, timeout, after, asked = nil
bakaGC()

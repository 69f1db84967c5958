-- What is not there yet, or can never work, raises `unsupported`; nothing answers wrongly in silence.
--@ worker A
bakaGaijin.t = { 1, 2 }
bakaGaijin.f = function() end
bakaGaijin.echo = function(...) return ... end
--@ worker C
bakaGaijin.m = { __index = function() return "C's" end }
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o, f, echo = A.t, A.f, A.echo
local u = "gaijin: unsupported: "
t.raises(u .. "setmetatable: the object lives in A and the metatable in B", setmetatable, o, {})
t.raises(u .. "setmetatable: the object lives in B and the metatable in A", setmetatable, {}, o)
t.raises(u .. "setmetatable: the object lives in A and the metatable in C", setmetatable, o, bakaGaijin("C").m)
t.raises(u .. "string.dump", string.dump, f)
-- and what was there before still works on own values
t.eq(table.concat({ 1, 2, 3 }, ","), "1,2,3")
t.eq(unpack({ 7 }), 7)
t.eq(("x"):gsub("x", { x = "y" }), "y")
t.eq(getmetatable("").__index, string)
t.eq(rawget({ a = 1 }, "a"), 1)
t.eq(getfenv(1)._G, _G)
t.raises("B.lua:%d+: bad argument #1 to 'unpack' %(table expected, got nil%)", function() unpack(nil) end)
local env = setmetatable({ marker = 1 }, { __index = _G })
t.eq(setfenv(function() local e = getfenv(1) return e end, env)().marker, 1) -- no tail call: LuaJIT leaves no level then
t.eq(type(nil), "nil")
t.raises("value expected", function() type() end)
t.raises("attempt to yield", function() echo(coroutine.yield()) end)

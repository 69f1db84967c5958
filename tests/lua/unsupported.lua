-- What is not there yet raises `unsupported`; nothing answers wrongly in silence.
--@ worker A
bakaGaijin.t = { 1, 2 }
bakaGaijin.f = function() end
bakaGaijin.co = coroutine.create(function() end)
bakaGaijin.file = io.stdout
bakaGaijin.echo = function(...) return ... end
bakaGaijin.thread_result = function() return coroutine.create(function() end) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o, f, echo = A.t, A.f, A.echo
local u = "gaijin: unsupported: "
t.raises(u, function() return A.co end)
t.raises(u, function() return A.file end)
t.raises(u, function() return A.thread_result() end)
t.raises(u, echo, coroutine.create(function() end))
t.raises(u, echo, io.stdout)
t.raises(u, function() return o + 1 end)
t.raises(u, function() return 1 - o end)
t.raises(u, function() return o .. "x" end)
t.raises(u, function() return -o end)
t.raises(u, function() return o < o end)
t.raises(u, function() return o <= o end)
for _, name in raw_ipairs { "unpack", "rawget", "rawset", "getmetatable", "setmetatable" } do
  t.raises(u .. name, _G[name], o, 1, 1)
end
for _, name in raw_ipairs { "concat", "insert", "remove", "sort", "maxn", "getn", "foreach", "foreachi" } do
  t.raises(u .. "table." .. name, table[name], o, print)
end
t.raises(u .. "setfenv", setfenv, f, {})
t.raises(u .. "getfenv", getfenv, f)
t.raises(u .. "string.dump", string.dump, f)
t.raises(u .. "string.gsub", string.gsub, "x", "x", o)
for _, name in raw_ipairs { "async", "copy", "fetch", "path", "timeout", "traceback", "stats" } do
  t.raises(u .. "gaijin." .. name, gaijin[name], 1)
end
-- and what was there before still works on own values
t.eq(table.concat({ 1, 2, 3 }, ","), "1,2,3")
t.eq(unpack({ 7 }), 7)
t.eq(("x"):gsub("x", { x = "y" }), "y")
t.eq(getmetatable("").__index, string)
t.eq(rawget({ a = 1 }, "a"), 1)
t.eq(getfenv(1)._G, _G)
t.raises("bad argument #1 to '[unpack?]+' %(table expected, got no value%)", unpack)
t.raises("B.lua:%d+: bad argument #1 to 'unpack' %(table expected, got nil%)", function() unpack(nil) end)
local env = setmetatable({ marker = 1 }, { __index = _G })
t.eq(setfenv(function() return getfenv(1) end, env)().marker, 1)
t.eq(type(nil), "nil")
t.raises("value expected", type)
t.raises("attempt to yield", function() A.echo(coroutine.yield()) end)

-- What LuaJIT's ffi makes has no kind on the wire: sending it is an error, wherever it stands, and
-- never an endless try.
--@ worker A
local there, ffi = pcall(require, "ffi")
local function make() return there and ffi.new("int64_t", 5) end
bakaGaijin.call, bakaGaijin.two = function(f) return f() end, { 1, 2 }
bakaGaijin.o, bakaGaijin.echo, bakaGaijin.there = {}, function(...) return ... end, there
local function raise() error(make(), 0) end
if there then
  bakaGaijin.label, bakaGaijin.result, bakaGaijin.raising = make(), make, raise
  bakaGaijin.field = { x = make() }
  bakaGaijin.copied = function() return gaijin.copy { { make() } } end
  bakaGaijin.key, bakaGaijin.list = { [make()] = 1 }, { 1, make() }
  bakaGaijin.many = {}
  for i = 1, 3000 do bakaGaijin.many[i] = i end
  bakaGaijin.many.last = { make() }
  bakaGaijin.many[3001] = make()
  bakaGaijin.co = coroutine.create(function() while true do coroutine.yield(make()) end end)
  bakaGaijin.indexed = setmetatable({}, { __index = make, __lt = make, __call = make, __concat = make })
  bakaGaijin.at = setmetatable({}, { __add = make, __eq = make, __tostring = raise })
end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local there, ffi = pcall(require, "ffi")
t.eq(A.there, there)
if not there then return end
local x, o, echo = ffi.new("int64_t", 5), A.o, A.echo
local why = "^gaijin: unsupported: a cdata cannot be sent$"
t.raises(why, echo, x)
t.raises(why, echo, 1, {}, x)
t.raises(why, gaijin.async, echo, x)
t.raises(why, gaijin.post, echo, x)
t.raises(why, function() return o[x] end)
t.raises(why, function() o[x] = 1 end)
t.raises(why, function() o.x = x end)
t.raises(why, function() return o + x end)
t.raises(why, rawget, o, x)
t.raises(why, rawset, o, 1, x)
t.raises(why, next, o, x)
t.raises(why, gaijin.path, o, x)
for _, copy in ipairs { { x }, { { x } }, { [x] = 1 }, { { { [1] = x } } } } do
  t.raises(why, echo, gaijin.copy(copy))
end
t.eq(type(echo(gaijin.copy({ { x } }, 1))), "table") -- inside a table that stays here
t.raises(why, function() return A.label end)
t.raises(why, A.result)
t.raises(why, A.raising)
t.raises(why, A.copied)
t.raises(why, function() return A.field.x end)
t.raises(why, pairs, A.field)
t.raises(why, next, A.field)
t.raises(why, rawget, A.field, "x")
t.raises(why, gaijin.fetch, A.field)
t.raises(why, function() return A.at + 1 end)
t.raises(why, tostring, A.at)
t.raises(why, function() for _ in pairs(A.key) do end end)
t.raises(why, next, A.key)
t.raises(why, gaijin.fetch, A.key)
t.raises(why, ipairs(A.list), A.list, 0)
t.raises(why, unpack, A.list)
t.raises(why, table.remove, A.list)
t.raises(why, table.insert, o, x)
t.raises(why, function() for _ in pairs(A.many) do end end)
t.raises(why, function() for _ in ipairs(A.many) do end end)
t.raises(why, function() for _ = 1, 2 do coroutine.resume(A.co) end end)
t.raises(why, coroutine.resume, A.co, x)
t.raises(why, function() return A.indexed.any end)
t.raises(why, function() return A.indexed() end)
t.raises(why, function() return A.indexed .. "x" end)
t.eq(A.indexed < A.indexed, true) -- only whether it is true comes back
t.raises(why, rawset, o, x, 1)
t.raises(why, rawget, o, x)
t.raises(why, gaijin.path, o, "a", x)
t.raises(why, gaijin.path, A.field, "x")
t.raises(why, function() return gaijin.async(A.result):get() end)
t.raises(why, function() return gaijin.async(A.raising):get() end)
t.raises(why, function() return gaijin.all({ gaijin.async(A.result) }):get() end)
t.raises(why, gaijin.timeout, 60, A.result)
t.raises(why, setfenv, A.raising, x)
t.raises(why, echo, unpack { 1, 2, x })
t.raises("unsupported: a label is a string or a number, not a cdata", gaijin.wait_for, "A", x, 1)
t.raises("unsupported: a label is a string or a number, not a cdata", function() return A[x] end)
t.raises("unsupported: a label is a string or a number, not a cdata", function()
  bakaGaijin[x] = 1
end)
t.raises("name or remote object expected, got cdata", gaijin.on_death, x, print)
t.raises("string expected, got cdata", function() return bakaGaijin(x) end)
-- A post that fails so fails where it is served.
gaijin.post(A.raising)
gaijin.post(A.result)
-- A call back here.
t.raises(why, A.call, function() return x end)
t.raises(why, A.call, function() error(x, 0) end)
t.raises(why, table.sort, A.two, function() error(x, 0) end)
t.eq(echo(1), 1)

-- What LuaJIT's ffi makes has no kind on the wire: sending it is an error, wherever it stands, and
-- never an endless try.
--@ worker A
local there, ffi = pcall(require, "ffi")
local function make() return there and ffi.new("int64_t", 5) end
bakaGaijin.o, bakaGaijin.echo, bakaGaijin.there = {}, function(...) return ... end, there
local function raise() error(make(), 0) end
if there then
  bakaGaijin.label, bakaGaijin.result, bakaGaijin.raising = make(), make, raise
  bakaGaijin.field = { x = make() }
  bakaGaijin.copied = function() return gaijin.copy { { make() } } end
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
t.eq(echo(1), 1)
